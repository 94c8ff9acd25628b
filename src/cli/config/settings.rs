//! The file: TOML to settings, each with its place. Every key must be an option of its command, and every mistake is one line.

use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory, ValueHint};
use toml::de::{DeTable, DeValue};

use crate::cli::args::Args;
use crate::cli::exit::Failure;
use crate::policy::builtin;
use crate::policy::load::{nearest, position, quoted};

/// What holds for every command that knows the option. The rest says what is shown or where it goes, of one command.
const AT_THE_TOP: [&str; 6] = ["policy", "color", "threads", "memory", "hash", "quiet"];
/// Words that cannot be a default.
const NEVER: [&str; 3] = ["config", "help", "version"];

/// A default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// None: at the top.
    pub command: Option<String>,
    pub key: String,
    /// As they would be typed.
    pub words: Vec<String>,
    /// From 1.
    pub line: u32,
    pub column: u32,
}

type Value<'i> = toml::Spanned<DeValue<'i>>;
type Key<'i> = toml::Spanned<std::borrow::Cow<'i, str>>;

/// Reads a file; paths in it are relative to its folder.
pub fn read(text: &str, origin: &str, folder: &Path) -> Result<Vec<Setting>, Failure> {
    let file = File { text, origin, folder };
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        file.mistake(at, error.message().lines().next().unwrap_or("this is no TOML"), None)
    })?;
    let root = Args::command();
    let mut settings = Vec::new();
    for (key, value) in in_file_order(document.get_ref()) {
        let name = key.get_ref().as_ref();
        match (value.get_ref().as_table(), common(&root, name)) {
            (None, Some(arg)) => settings.push(file.setting(None, key, value, arg)?),
            (Some(table), None) => file.table(&root, key, table, &mut settings)?,
            _ => return Err(file.misplaced(&root, key, value)),
        }
    }
    Ok(settings)
}

/// What an option that holds for every command is: as the first command has it that has it.
fn common<'c>(root: &'c Command, name: &str) -> Option<&'c Arg> {
    let mut args = root.get_subcommands().filter_map(|command| option(command, name));
    args.next().filter(|_| AT_THE_TOP.contains(&name))
}

fn option<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(name))
}

struct File<'t> {
    text: &'t str,
    origin: &'t str,
    folder: &'t Path,
}

impl File<'_> {
    fn table(&self, root: &Command, key: &Key, table: &DeTable, settings: &mut Vec<Setting>) -> Result<(), Failure> {
        let name = key.get_ref().as_ref();
        let Some(command) = root.find_subcommand(name).filter(|command| has_table(command)) else {
            let known = root.get_subcommands().filter(|it| has_table(it)).map(Command::get_name);
            let what = format!("there is no command {} to set defaults for", quoted(name));
            return Err(self.mistake(key.span().start, &what, nearest(name, known)));
        };
        let known: Vec<&str> = command
            .get_arguments()
            .filter_map(Arg::get_long)
            .filter(|name| !NEVER.contains(name))
            .collect();
        for (key, value) in in_file_order(table) {
            let name = key.get_ref().as_ref();
            let arg = option(command, name).filter(|_| known.contains(&name));
            let Some(arg) = arg else {
                let what = format!("`{}` has no option {}", command.get_name(), quoted(name));
                return Err(self.mistake(key.span().start, &what, nearest(name, known)));
            };
            settings.push(self.setting(Some(command.get_name()), key, value, arg)?);
        }
        Ok(())
    }

    /// A key at the top that belongs elsewhere, or nowhere.
    fn misplaced(&self, root: &Command, key: &Key, value: &Value) -> Failure {
        let name = key.get_ref().as_ref();
        let at = key.span().start;
        if AT_THE_TOP.contains(&name) {
            return self.mistake(value.span().start, "a value is wanted here, not a table", None);
        }
        let owners: Vec<String> = root
            .get_subcommands()
            .filter(|command| has_table(command) && option(command, name).is_some() && !NEVER.contains(&name))
            .map(|command| format!("[{}]", command.get_name()))
            .collect();
        let what = match (owners.is_empty(), has_table_named(root, name)) {
            (_, true) => format!("{} is a command: write [{name}] above its defaults", quoted(name)),
            (false, _) => format!(
                "{} belongs into the table of a command: {}",
                quoted(name),
                owners.join(", ")
            ),
            (true, _) => format!("there is no option {} that holds for all commands", quoted(name)),
        };
        let near = nearest(name, AT_THE_TOP).filter(|_| owners.is_empty());
        self.mistake(at, &what, near)
    }

    fn setting(&self, command: Option<&str>, key: &Key, value: &Value, arg: &Arg) -> Result<Setting, Failure> {
        let (line, column) = position(self.text, value.span().start);
        Ok(Setting {
            command: command.map(str::to_owned),
            key: key.get_ref().clone().into_owned(),
            words: self.words(value, arg)?,
            line,
            column,
        })
    }

    /// As they would be typed. A switch that is off is not typed.
    fn words(&self, value: &Value, arg: &Arg) -> Result<Vec<String>, Failure> {
        let name = arg.get_long().unwrap_or_default();
        let at = value.span().start;
        let is_switch = !arg.get_action().takes_values();
        match value.get_ref() {
            DeValue::Boolean(on) if is_switch => Ok(if *on { vec![format!("--{name}")] } else { Vec::new() }),
            _ if is_switch => Err(self.mistake(at, "true or false is wanted here", None)),
            DeValue::Array(values) if matches!(arg.get_action(), ArgAction::Append) => {
                let values = values.iter().map(|value| self.word(value, arg));
                values.collect()
            }
            DeValue::Array(_) => Err(self.mistake(at, "one value is wanted here, not a list", None)),
            _ => Ok(vec![self.word(value, arg)?]),
        }
    }

    fn word(&self, value: &Value, arg: &Arg) -> Result<String, Failure> {
        let name = arg.get_long().unwrap_or_default();
        let content = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(_) => self.text.get(value.span()).unwrap_or_default().replace('_', ""),
            _ => {
                return Err(self.mistake(
                    value.span().start,
                    "a text in quotes or a whole number is wanted here",
                    None,
                ));
            }
        };
        if content.contains('\0') {
            return Err(self.mistake(value.span().start, "there is a byte 0 in it", None));
        }
        let is_path = matches!(
            arg.get_value_hint(),
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
        );
        let is_name = content == "-" || name == "policy" && builtin::policy(&content).is_some();
        let content = match is_path && !is_name {
            true => self.folder.join(content).display().to_string(),
            false => content,
        };
        Ok(format!("--{name}={content}"))
    }

    fn mistake(&self, at: usize, what: &str, near: Option<&str>) -> Failure {
        let (line, column) = position(self.text, at);
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Failure::new(format!("{}:{line}:{column}: {what}{hint}", self.origin))
    }
}

/// Commands that have commands below them have no options of their own.
fn has_table(command: &Command) -> bool {
    !command.has_subcommands() && !super::COMMANDS_WITHOUT.contains(&command.get_name())
}

fn has_table_named(root: &Command, name: &str) -> bool {
    root.find_subcommand(name).is_some_and(has_table)
}

/// So that the first mistake is the one reported.
fn in_file_order<'v, 'i>(table: &'v DeTable<'i>) -> Vec<(&'v Key<'i>, &'v Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, String> {
        let read = read(text, "c.toml", Path::new("/etc/flowsift"));
        let settings = read.map_err(|failure| failure.0)?;
        Ok(settings.into_iter().flat_map(|setting| setting.words).collect())
    }

    #[test]
    fn settings_are_words() {
        let text = "policy = 'ours.toml'\nthreads = 2\nmemory = \"1GiB\"\nquiet = false\n\
                    [read]\nnames = true\nfail-on = [\"blocked\", \"port\"]\n[live]\ninterface = 'eth0'\nmetrics = 9290\n";
        assert_eq!(
            words(text).unwrap(),
            [
                "--policy=/etc/flowsift/ours.toml",
                "--threads=2",
                "--memory=1GiB",
                "--names",
                "--fail-on=blocked",
                "--fail-on=port",
                "--interface=eth0",
                "--metrics=9290",
            ]
        );
        assert_eq!(words("policy = \"salestim\"").unwrap(), ["--policy=salestim"]);
        assert!(words("").unwrap().is_empty());
    }

    #[test]
    fn a_mistake_is_one_line_with_its_place() {
        for (text, says) in [
            (
                "polcy = \"a\"",
                "c.toml:1:1: there is no option `polcy` that holds for all commands; did you mean `policy`?",
            ),
            (
                "\nformat = \"json\"",
                "c.toml:2:1: `format` belongs into the table of a command: [read], [live], [check]",
            ),
            (
                "[raed]\n",
                "c.toml:1:2: there is no command `raed` to set defaults for; did you mean `read`?",
            ),
            (
                "[read]\nnam = true",
                "c.toml:2:1: `read` has no option `nam`; did you mean `names`?",
            ),
            ("[read]\nconfig = \"a\"", "c.toml:2:1: `read` has no option `config`"),
            ("[read]\nnames = 1", "c.toml:2:9: true or false is wanted here"),
            ("threads = [1]", "c.toml:1:11: one value is wanted here, not a list"),
            (
                "threads = 1.5",
                "c.toml:1:11: a text in quotes or a whole number is wanted here",
            ),
            (
                "read = 1",
                "c.toml:1:1: `read` is a command: write [read] above its defaults",
            ),
            ("[policy]\nname = 1", "c.toml:1:1: a value is wanted here, not a table"),
            ("threads = ", "c.toml:1:11: "),
            (
                "\"\\u001b[31m\" = 1",
                "c.toml:1:1: there is no option `\\u{1b}[31m` that holds for all commands",
            ),
        ] {
            let said = words(text).unwrap_err();
            assert!(said.starts_with(says), "{text}: {said}");
            assert!(!said.chars().any(char::is_control), "{said}");
        }
    }
}
