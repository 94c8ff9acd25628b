//! From the words typed to [`Args`]; what cannot be understood is said in one line.

use std::ffi::OsString;
use std::io;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::args::Args;
use super::config;
use super::exit::{Exit, Failure};

/// The words as arguments. `--help` and `--version` are answered here and end well; a mistake is named on stderr.
pub fn parse(typed: impl IntoIterator<Item = OsString>) -> Result<Args, Exit> {
    let words = config::complete(typed.into_iter().collect()).map_err(|failure| {
        failure.report();
        Exit::Unusable
    })?;
    Args::try_parse_from(words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            // A reader that is gone has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Failure::io("write to", "standard output", &error).report();
                Exit::Unusable
            }
            _ => Exit::Clean,
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Unusable
        }
        _ => {
            super::say(&one_line(&error));
            Exit::Unusable
        }
    })
}

/// What is wrong and what to do, in one line.
pub fn one_line(error: &clap::Error) -> String {
    if let Some(line) = own_words(error) {
        return line;
    }
    // What is wrong comes first, tips after it, and usage last.
    let text = error.render().to_string();
    let said = ["\nUsage:", "\n\nFor more information"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .and_then(|at| text.get(..at))
        .unwrap_or(&text);
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let parts: Vec<String> = said
        .split("\n\n")
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|part| !part.is_empty())
        .collect();
    let line = parts.join("; ").replace("; tip: ", "; ");
    if parts.len() > 1 || line.contains("; ") {
        line
    } else {
        format!("{line}; see `flowsift --help`")
    }
}

/// Mistakes that are common enough for a line of their own.
fn own_words(error: &clap::Error) -> Option<String> {
    match error.kind() {
        ErrorKind::MissingRequiredArgument => {
            let missing = strings(error.get(ContextKind::InvalidArg)?);
            // What is typed bare; an option that another one needs is a mistake of another kind.
            if missing
                .iter()
                .any(|arg| arg.starts_with("<FILE>") || arg.starts_with("<FILE|"))
            {
                Some("nothing to read: name a capture or a folder of them, or `-` for standard input".into())
            } else if missing.iter().any(|arg| arg.contains("IFACE")) {
                Some("nothing to listen to: name an interface with -i".into())
            } else {
                None
            }
        }
        ErrorKind::UnknownArgument => {
            let typed = strings(error.get(ContextKind::InvalidArg)?);
            let near = error.get(ContextKind::SuggestedArg).map(strings);
            let typed = typed.first()?;
            Some(match near.unwrap_or_default().first() {
                Some(near) => format!("there is no option {typed}; did you mean {near}?"),
                None => format!("there is no option {typed}; see `flowsift --help`"),
            })
        }
        ErrorKind::InvalidSubcommand => {
            let typed = strings(error.get(ContextKind::InvalidSubcommand)?);
            let typed = typed.first()?;
            if std::path::Path::new(typed).exists() {
                return Some(format!("`{typed}` is no command; to read it: flowsift read {typed}"));
            }
            let asked = commands_at(error);
            let known = asked.get_subcommands().filter(|command| !command.is_hide_set());
            let known: Vec<&str> = known.map(clap::Command::get_name).collect();
            Some(format!("`{typed}` is no command{}", super::suggest::hint(typed, known)))
        }
        _ => None,
    }
}

/// The command of whose sub-commands none was meant: `flowsift` itself, or one such as `policy`. The usage that clap shows names it.
fn commands_at(error: &clap::Error) -> clap::Command {
    let usage = error
        .get(ContextKind::Usage)
        .map(ContextValue::to_string)
        .unwrap_or_default();
    let mut command = Args::command();
    for word in usage.split_whitespace() {
        if let Some(below) = command.find_subcommand(word) {
            command = below.clone();
        }
    }
    command
}

fn strings(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::String(text) => vec![text.clone()],
        ContextValue::Strings(texts) => texts.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::{Command, Common, Format};
    use super::*;
    use crate::policy::verdict::FlagKind;

    fn line(words: &[&str]) -> String {
        let typed = ["flowsift"].iter().chain(words);
        one_line(&Args::try_parse_from(typed).unwrap_err())
    }

    fn read(words: &[&str]) -> Common {
        let typed = ["flowsift", "read", "a.pcap"].iter().chain(words);
        match Args::try_parse_from(typed).unwrap().command {
            Command::Read(read) => read.common,
            _ => unreachable!(),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    /// Examples are to be copied, so no line of them may be broken at a terminal's usual width.
    #[test]
    fn examples_fit_a_terminal() {
        use clap::CommandFactory;
        let mut commands = vec![Args::command()];
        while let Some(command) = commands.pop() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines().filter(|line| line.starts_with("  flowsift")) {
                assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn what_is_typed_is_understood() {
        let common = read(&[]);
        assert_eq!((common.policy.as_str(), common.memory), ("salestim", 300_000_000));
        assert_eq!(common.format, None);
        let common = read(&[
            "--format=json",
            "-o",
            "out",
            "--flag",
            "port",
            "--flag",
            "broad",
            "--fail-on",
            "blocked",
            "--class",
            "teams",
            "--threads",
            "64",
            "--memory",
            "1GiB",
            "--names",
            "-q",
            "--color",
            "never",
        ]);
        assert_eq!(common.format, Some(Format::Json));
        assert_eq!(common.flags, [FlagKind::Port, FlagKind::Broad]);
        assert_eq!(common.fail_on, [FlagKind::Blocked]);
        assert_eq!((common.threads, common.memory), (Some(64), 1 << 30));
        assert!(common.names && common.quiet);
    }

    #[test]
    fn every_mistake_is_one_line_that_says_what_and_what_to_do() {
        for (words, says) in [
            (
                &["read"][..],
                "nothing to read: name a capture or a folder of them, or `-` for standard input",
            ),
            (&["live"], "nothing to listen to: name an interface with -i"),
            (
                &["live", "-i", "a", "--rotate-size", "3MB"],
                "required arguments were not provided: --write <FILE>",
            ),
            (&["raed", "a.pcap"], "`raed` is no command; did you mean `read`?"),
            (
                &["Cargo.toml"],
                "`Cargo.toml` is no command; to read it: flowsift read Cargo.toml",
            ),
            (
                &["read", "a", "--format", "xml"],
                "invalid value 'xml' for '--format <FORMAT>': no such format; there are table, json, csv, eve, zeek, ecs, parquet",
            ),
            (
                &["read", "a", "--flag", "tls"],
                "invalid value 'tls' for '--flag <FLAG>': no such flag; there are port, ",
            ),
            (
                &["read", "a", "--flag", "tlsversion"],
                "invalid value 'tlsversion' for '--flag <FLAG>': no such flag; did you mean `tls-version`?",
            ),
            (
                &["read", "a", "--fail-on", "block"],
                "no such flag; did you mean `blocked`?",
            ),
            (
                &["read", "a", "--threads", "0"],
                "invalid value '0' for '--threads <N>': 0 is not in 1..=65535; see `flowsift --help`",
            ),
            (&["read", "a", "--memory", "lots"], "write a size as 300MB or 1GiB"),
            (
                &["read", "a", "--color", "maybe"],
                "[possible values: auto, always, never]",
            ),
            (
                &["read", "a", "--formt", "json"],
                "there is no option --formt; did you mean --format?",
            ),
            (
                &["read", "a", "--zzz"],
                "there is no option --zzz; see `flowsift --help`",
            ),
            (
                &["read", "a", "--format"],
                "a value is required for '--format <FORMAT>' but none was supplied",
            ),
        ] {
            let line = line(words);
            assert!(line.contains(says), "{words:?}: {line}");
            assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
        }
    }
}
