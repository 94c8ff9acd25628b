//! How a command ends: three ways, and a line that says why.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// The exit status, a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Read, and nothing asked about was found wanting.
    Clean = 0,
    /// Something that `--fail-on` asked about was found.
    Wanting = 1,
    /// The command line, the policy, an input or the output could not be used.
    Unusable = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why nothing (more) could be done: one line for a person, which thing it is and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl Failure {
    pub fn new(line: impl Into<String>) -> Failure {
        Failure(line.into())
    }

    /// Several things at once: a line each.
    pub fn lines(lines: Vec<String>) -> Failure {
        Failure(lines.join("\n"))
    }

    /// `doing` something with `thing` failed.
    pub fn io(doing: &str, thing: impl Display, error: &io::Error) -> Failure {
        Failure(format!("cannot {doing} {thing}: {}", reason(error)))
    }

    pub fn report(&self) {
        self.0.lines().for_each(super::say);
    }
}

/// What the system says, without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text.get(..at).unwrap_or(&text).to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_number_is_left_out() {
        let full = io::Error::from_raw_os_error(28);
        assert_eq!(
            Failure::io("write to", "/dev/full", &full).0,
            "cannot write to /dev/full: no space left on device"
        );
    }
}
