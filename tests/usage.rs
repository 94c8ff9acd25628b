//! The command line from outside: exit status, and what goes to which stream.

use std::process::{Command, Output, Stdio};

fn flowsift(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

#[test]
fn help_and_version_are_data_and_end_well() {
    for words in [&["--help"][..], &["read", "--help"], &["help", "read"], &["--version"]] {
        let output = flowsift(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
    let version = format!("flowsift {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(flowsift(&["--version"]).stdout, version.as_bytes());
}

#[test]
fn a_mistake_is_one_line_on_stderr_and_two() {
    for words in [
        &["read"][..],
        &["raed", "x"],
        &["read", "x", "--format", "csv"],
        &["read", "x", "--flag", "prot"],
        &["read", "x", "--fail-on", ""],
        &["read", "x", "--threads", "many"],
        &["read", "x", "--memory", "1"],
        &["read", "x", "--color", "blue\u{1b}[31m\nred"],
        &["read", "x", "--nothing"],
        &["read", "-", "-"],
    ] {
        let output = flowsift(words);
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(output.stdout.is_empty(), "{words:?}");
        assert_eq!(said.matches('\n').count(), 1, "{words:?}: {said}");
        assert!(said.starts_with("flowsift: ") && said.ends_with('\n'));
        assert!(!said.trim_end().chars().any(char::is_control), "{said:?}");
    }
}

#[test]
fn help_that_cannot_be_written_is_no_success() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let Ok(full) = full else {
        return; // No such device here.
    };
    let status = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .arg("--help")
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .expect("the binary runs");
    assert_eq!(status.code(), Some(2));
}
