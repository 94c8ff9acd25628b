//! Defaults from a file, from outside: which file counts, what it changes, and what is said of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SAMPLE: &str = "samples/office.pcapng";

/// flowsift in a home of its own, with nothing else around.
fn flowsift(home: &Path, words: &[&str], file: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowsift"));
    command.args(words).stdin(Stdio::null()).env("HOME", home);
    command.env_remove("XDG_CONFIG_HOME").env_remove("FLOWSIFT_CONFIG");
    if let Some(file) = file {
        command.env("FLOWSIFT_CONFIG", file);
    }
    command.output().expect("the binary runs")
}

fn home(config: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join(".config/flowsift");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.toml"), config).expect("a file");
    home
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn defaults_are_taken_and_told() {
    let home = home("threads = 1\n[read]\nclass = [\"salestim\"]\nnames = true\n");
    let with = flowsift(home.path(), &["read", SAMPLE], None);
    assert_eq!(with.status.code(), Some(0), "{}", text(&with.stderr));
    let said = text(&with.stderr);
    let path = home.path().join(".config/flowsift/config.toml");
    let line = format!("flowsift: defaults from {}: threads, class, names\n", path.display());
    assert!(said.starts_with(&line), "{said}");
    let typed = ["read", SAMPLE, "--class", "salestim", "--names", "--config", "none"];
    let typed = flowsift(home.path(), &typed, None);
    assert!(!text(&typed.stderr).contains("defaults from"));
    assert!(with.stdout == typed.stdout && text(&with.stdout).contains("\"type\":\"name\""));
}

#[test]
fn what_is_typed_wins_and_quiet_is_quiet() {
    let home = home("quiet = true\n[read]\nclass = [\"salestim\"]\n");
    let teams = flowsift(home.path(), &["read", SAMPLE, "--class", "teams"], None);
    assert!(text(&teams.stdout).contains("\"class\":\"teams\"") && teams.stderr.is_empty());
    assert!(!text(&teams.stdout).contains("\"class\":\"salestim\""));
}

#[test]
fn a_mistake_in_it_is_one_line_with_its_place() {
    for (config, says) in [
        ("polcy = \"x\"\n", ":1:1: there is no option `polcy`"),
        (
            "threads = \"many\"\n",
            ":1:11: invalid value 'many' for '--threads <N>'",
        ),
        (
            "[read]\nflag = [\"prot\"]\n",
            ":2:8: invalid value 'prot' for '--flag <FLAG>': no such flag; did you mean `port`?",
        ),
        ("policy = \"none.toml\"\n", ".config/flowsift/none.toml: no such file"),
    ] {
        let home = home(config);
        let output = flowsift(home.path(), &["read", SAMPLE], None);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says) && output.stdout.is_empty(), "{said}");
        // Help is there for those who made the mistake.
        assert_eq!(flowsift(home.path(), &["read", "--help"], None).status.code(), Some(0));
        assert_eq!(
            flowsift(home.path(), &["completions", "bash"], None).status.code(),
            Some(0)
        );
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let home = home("threads = \"many\"\n");
    let named = home.path().join("other.toml");
    fs::write(&named, "[read]\nclass = [\"teams\"]\n").expect("a file");
    let named = named.to_str().expect("a plain path");
    for output in [
        flowsift(home.path(), &["read", SAMPLE], Some(named)),
        flowsift(home.path(), &["--config", named, "read", SAMPLE], None),
        flowsift(home.path(), &["read", "--config", named, SAMPLE], Some("/no/such")),
    ] {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("other.toml: class"));
    }
    let missing = flowsift(home.path(), &["read", SAMPLE], Some("/no/such"));
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).starts_with("flowsift: /no/such: no such file or directory; "));
    assert_eq!(
        flowsift(home.path(), &["read", SAMPLE], Some("none")).status.code(),
        Some(0)
    );
}
