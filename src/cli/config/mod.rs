//! Defaults from a file, so that they need not be typed: `policy = "ours.toml"`, `[live] interface = "eth0"`.
//!
//! Keys are the long options, and a setting is nothing but words put behind the command, before those typed: so there is one
//! place that knows what an option may be. What is typed wins. What holds for every command stands at the top, the rest in a
//! table named for its command.
//!
//! One file counts, the first of [`places`] that is there. Which, and what was taken from it, is a line on stderr: a result
//! that somebody will rely on must not depend on a file nobody mentions.

mod apply;
mod settings;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, Parser};

use super::args::Args;
use super::exit::Failure;
use super::{policy_file, say};

/// In place of a file: none is read.
const NONE: &str = "none";
const AT_MOST: u64 = 1 << 20;
/// They print what is the same for everybody.
const COMMANDS_WITHOUT: [&str; 2] = ["completions", "man"];

/// The words typed, with the defaults among them.
pub fn complete(typed: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    // Help, and mistakes in what was typed, are the same with and without defaults. What is missing may be in the file.
    match Args::try_parse_from(&typed) {
        Err(error) if error.kind() != ErrorKind::MissingRequiredArgument => return Ok(typed),
        _ => {}
    }
    let lenient = Args::command().ignore_errors(true).try_get_matches_from(&typed);
    let Ok(matches) = lenient else { return Ok(typed) };
    let Some((command, _)) = matches.subcommand().filter(|(it, _)| !COMMANDS_WITHOUT.contains(it)) else {
        return Ok(typed);
    };
    let Some(file) = file(&matches)? else { return Ok(typed) };
    let origin = file.display().to_string();
    let text = policy_file::text_of(&file, AT_MOST)
        .map_err(|why| Failure::new(format!("{origin}: {why}; mend it, or give --config none")))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let settings = settings::read(&text, &origin, folder)?;
    let (words, taken) = apply::apply(typed, &matches, command, &settings, &origin)?;
    let quiet = matches!(deepest(&matches).try_get_one::<bool>("quiet"), Ok(Some(true)));
    if !taken.is_empty() && !quiet && !taken.contains(&"quiet") {
        say(&format!("defaults from {origin}: {}", taken.join(", ")));
    }
    Ok(words)
}

/// Those of the command that was meant in the end.
fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| deepest(below))
}

/// The file that counts. Named by whoever typed the command it must be there; in the usual places it need not.
fn file(matches: &ArgMatches) -> Result<Option<PathBuf>, Failure> {
    if let Ok(Some(named)) = deepest(matches).try_get_one::<PathBuf>("config") {
        return Ok(Some(named.clone()).filter(|it| it.as_os_str() != NONE));
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(named) = variable("FLOWSIFT_CONFIG").map(PathBuf::from) {
        return Ok(Some(named).filter(|it| it.as_os_str() != NONE && is_ours(it)));
    }
    let usual = places(variable("XDG_CONFIG_HOME"), variable("HOME"));
    Ok(usual.into_iter().find(|path| path.exists() && is_ours(path)))
}

/// Where a file is looked for. XDG Base Directory Specification: "All paths set in these environment variables must be absolute".
fn places(config_home: Option<OsString>, home: Option<OsString>) -> Vec<PathBuf> {
    let config_home = config_home.map(PathBuf::from).filter(|path| path.is_absolute());
    let own = config_home.or_else(|| home.map(|home| PathBuf::from(home).join(".config")));
    let folders = own.into_iter().chain([PathBuf::from("/etc")]);
    folders.map(|folder| folder.join("flowsift/config.toml")).collect()
}

/// Under sudo the home may be another user's: root does not do what that user wrote into a file.
fn is_ours(path: &Path) -> bool {
    let (Ok(about), Some(own)) = (path.metadata(), effective_user()) else {
        // Not there, or nobody knows who we are: reading it tells more.
        return true;
    };
    let ours = about.uid() == own || about.uid() == 0;
    if !ours {
        say(&format!(
            "{} is not read, since it belongs to another user (number {}): name it with --config if it is meant",
            path.display(),
            about.uid()
        ));
    }
    ours
}

/// proc_pid_status(5): "Uid: real, effective, saved set, and filesystem UIDs".
fn effective_user() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_for_where_people_put_them() {
        let said = |config_home: Option<&str>, home: Option<&str>| -> Vec<String> {
            let found = places(config_home.map(Into::into), home.map(Into::into));
            found.iter().map(|path| path.display().to_string()).collect()
        };
        const ETC: &str = "/etc/flowsift/config.toml";
        assert_eq!(said(Some("/c"), Some("/h")), ["/c/flowsift/config.toml", ETC]);
        assert_eq!(said(Some("c"), Some("/h")), ["/h/.config/flowsift/config.toml", ETC]);
        assert_eq!(said(None, None), [ETC]);
    }

    #[test]
    fn who_we_are_is_known() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(effective_user(), Some(folder.path().metadata().unwrap().uid()));
        assert!(is_ours(folder.path()));
    }
}
