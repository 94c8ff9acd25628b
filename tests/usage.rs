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

/// What a shell says of the completions it was given; None where it is not installed.
fn shell(shell: &str, words: &[&str], completions: &[u8]) -> Option<Output> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("completions");
    std::fs::write(&path, completions).expect("a file");
    Command::new(shell)
        .args(words)
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .ok()
}

#[test]
fn completions_are_understood_by_their_shells() {
    for (name, words) in [
        ("bash", &["-c", "source $0 && complete -p flowsift"][..]),
        ("zsh", &["-n"]),
        ("fish", &["--no-execute"]),
    ] {
        let printed = flowsift(&["completions", name]);
        assert_eq!(printed.status.code(), Some(0));
        let text = String::from_utf8_lossy(&printed.stdout);
        for word in ["parquet", "tls-version"] {
            assert!(text.contains(word), "{name}: {word}");
        }
        let Some(output) = shell(name, words, &printed.stdout) else {
            eprintln!("skipped: {name} is not installed");
            continue;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
    }
    let unknown = flowsift(&["completions", "tcsh"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn manual_pages_are_sound() {
    let page = flowsift(&["man", "policy", "lint"]);
    let text = String::from_utf8(page.stdout).expect("UTF-8");
    assert!(text.contains(".TH flowsift-policy-lint 1") && text.contains(".SH \"EXIT STATUS\""));
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    let written = flowsift(&["man", "-o", pages.to_str().expect("a plain path")]);
    assert_eq!(written.status.code(), Some(0));
    for entry in std::fs::read_dir(pages).expect("a folder") {
        let path = entry.expect("an entry").path();
        let groff = Command::new("groff")
            .args(["-man", "-ww", "-z", "-Tutf8"])
            .arg(&path)
            .output();
        let Ok(output) = groff else { return }; // Not installed.
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn interfaces_end_as_their_help_says() {
    let output = flowsift(&["interfaces", "--format", "json"]);
    let some = String::from_utf8_lossy(&output.stdout).contains("\"listen\":true");
    let expected = match (cfg!(feature = "live"), some) {
        (false, _) => 2,
        (true, true) => 0,
        (true, false) => 1,
    };
    assert_eq!(output.status.code(), Some(expected));
}
