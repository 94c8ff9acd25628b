//! Settings put among the words that were typed.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, Parser};

use super::settings::Setting;
use crate::cli::args::Args;
use crate::cli::exit::Failure;
use crate::cli::usage;

/// The words with those settings among them that are for this command and were not typed; and the keys of these.
pub fn apply<'s>(
    typed: Vec<OsString>,
    matches: &ArgMatches,
    command: &str,
    settings: &'s [Setting],
    origin: &str,
) -> Result<(Vec<OsString>, Vec<&'s str>), Failure> {
    let root = Args::command();
    let (place, meant) = meant(&root, &typed);
    let typed_too = super::deepest(matches);
    let has_own = |key: &str| {
        let mut own = settings.iter().filter(|it| it.command.as_deref() == Some(command));
        own.any(|it| it.key == key)
    };
    let wanted: Vec<&Setting> = settings
        .iter()
        .filter(|it| match &it.command {
            Some(of) => of == command,
            // A command about policies is told by its own words which it is about.
            None => !has_own(&it.key) && (command != "policy" || it.key != "policy"),
        })
        .filter(|it| !it.words.is_empty())
        .filter(|it| {
            let arg = meant.get_arguments().find(|arg| arg.get_long() == Some(&*it.key));
            let is_typed = |id: &clap::Id| typed_too.value_source(id.as_str()) == Some(ValueSource::CommandLine);
            arg.is_some_and(|arg| !is_typed(arg.get_id()))
        })
        .collect();
    let trial = Trial { typed: &typed, place };
    let taken = match trial.mistake(&wanted) {
        None => wanted,
        Some(_) => trial.one_by_one(&wanted, origin)?,
    };
    let keys = taken.iter().map(|setting| setting.key.as_str()).collect();
    Ok((trial.words(&taken), keys))
}

/// The command that the words begin with, and the place behind its name.
fn meant<'c>(root: &'c Command, typed: &[OsString]) -> (usize, &'c Command) {
    let mut meant = (1, root);
    let mut words = typed.iter().enumerate().skip(1);
    while let Some((at, word)) = words.next() {
        let word = word.to_string_lossy();
        match meant.1.find_subcommand(&*word) {
            Some(below) => meant = (at + 1, below),
            // The one option that may stand before a command, and its value.
            None if word == "--config" => drop(words.next()),
            None if word.starts_with("--config=") => {}
            None => break,
        }
    }
    meant
}

/// Tries settings out with what was typed.
struct Trial<'t> {
    typed: &'t [OsString],
    place: usize,
}

impl Trial<'_> {
    fn words(&self, settings: &[&Setting]) -> Vec<OsString> {
        let (before, behind) = self.typed.split_at(self.place.min(self.typed.len()));
        let between = settings
            .iter()
            .flat_map(|setting| setting.words.iter().map(OsString::from));
        before
            .iter()
            .cloned()
            .chain(between)
            .chain(behind.iter().cloned())
            .collect()
    }

    fn mistake(&self, settings: &[&Setting]) -> Option<clap::Error> {
        Args::try_parse_from(self.words(settings)).err()
    }

    fn kind(&self, settings: &[&Setting]) -> Option<ErrorKind> {
        self.mistake(settings).map(|error| error.kind())
    }

    /// Those that go with what was typed. A value that cannot be read is a mistake, and so are two settings that exclude each
    /// other; what does not go with words typed, or needs some that were not, is left out.
    fn one_by_one<'s>(&self, wanted: &[&'s Setting], origin: &str) -> Result<Vec<&'s Setting>, Failure> {
        let mut taken: Vec<&Setting> = Vec::new();
        for setting in wanted {
            let incomplete = self.kind(&taken).is_some();
            taken.push(setting);
            let Some(mistake) = self.mistake(&taken) else { continue };
            match mistake.kind() {
                ErrorKind::MissingRequiredArgument if incomplete => {}
                ErrorKind::MissingRequiredArgument => drop(taken.pop()),
                ErrorKind::ArgumentConflict if self.kind(&[setting]) == Some(ErrorKind::ArgumentConflict) => {
                    taken.pop();
                }
                _ => {
                    let Setting { line, column, .. } = setting;
                    let what = usage::one_line(&mistake);
                    return Err(Failure::new(format!("{origin}:{line}:{column}: {what}")));
                }
            }
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::settings;
    use super::*;

    fn applied(typed: &str, text: &str) -> Result<String, String> {
        let typed: Vec<OsString> = ["flowsift"]
            .into_iter()
            .chain(typed.split(' '))
            .map(Into::into)
            .collect();
        let lenient = Args::command()
            .ignore_errors(true)
            .try_get_matches_from(&typed)
            .unwrap();
        let settings = settings::read(text, "c.toml", Path::new("/c")).map_err(|failure| failure.0)?;
        let command = lenient.subcommand().unwrap().0.to_owned();
        let (words, _) = apply(typed, &lenient, &command, &settings, "c.toml").map_err(|failure| failure.0)?;
        let words: Vec<_> = words.iter().skip(1).map(|word| word.to_string_lossy()).collect();
        Ok(words.join(" "))
    }

    #[test]
    fn defaults_stand_behind_the_command() {
        for (typed, text, words) in [
            ("read a", "threads = 2", "read --threads=2 a"),
            ("--config x read a", "threads = 2", "--config x read --threads=2 a"),
            ("read a --threads 3", "threads = 2", "read a --threads 3"),
            ("read a", "threads = 2\n[read]\nthreads = 4", "read --threads=4 a"),
            ("read a", "[live]\ninterface = 'e'", "read a"),
            ("live", "[live]\ninterface = 'e'", "live --interface=e"),
            (
                "live",
                "[live]\nrotate-size = '1MB'\ninterface = 'e'\nwrite = 'k.pcap'",
                "live --rotate-size=1MB --interface=e --write=/c/k.pcap",
            ),
            (
                "live --follow d",
                "[live]\ninterface = 'e'\nstats = 1",
                "live --stats=1 --follow d",
            ),
            // What they need was not typed.
            ("read a", "[read]\nstats = 1\nnames = true", "read --names a"),
            // What was typed excludes it.
            ("live -i e -q", "[live]\nstats = 1", "live -i e -q"),
            ("read a --class x", "[read]\nclass = ['y', 'z']", "read a --class x"),
            (
                "policy show ours.toml",
                "policy = 'b.toml'\ncolor = 'never'",
                "policy show --color=never ours.toml",
            ),
            (
                "explain 1:a f",
                "policy = 'b.toml'\nquiet = true",
                "explain --policy=/c/b.toml --quiet 1:a f",
            ),
        ] {
            assert_eq!(applied(typed, text).as_deref(), Ok(words), "{typed} with {text}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_told_with_its_place() {
        for (typed, text, says) in [
            (
                "read a",
                "color = 'never'\nthreads = 'many'",
                "c.toml:2:11: invalid value 'many' for '--threads <N>'",
            ),
            (
                "read a",
                "[read]\nflag = ['blokced']",
                "c.toml:2:8: invalid value 'blokced' for '--flag <FLAG>': no such flag; did you mean `blocked`?",
            ),
            (
                "live -i e",
                "quiet = true\n[live]\nstats = 1",
                "c.toml:3:9: the argument '--quiet' cannot be used with",
            ),
        ] {
            let said = applied(typed, text).unwrap_err();
            assert!(said.starts_with(says), "{said}");
        }
    }
}
