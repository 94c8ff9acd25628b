//! `flowsift check` as somebody uses it who has opened a firewall and wants to know.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn records(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The record of a host pattern.
    fn of_host(&self, host: &str) -> Value {
        let found = self.records().into_iter().find(|record| record["host"] == host);
        found.unwrap_or_else(|| panic!("no record of {host}"))
    }
}

fn check(words: &str, files: &[PathBuf]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowsift"));
    command.arg("check").args(words.split_whitespace()).args(files);
    let output = command.output().expect("the binary runs");
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

#[test]
fn a_morning_in_an_office_is_judged() {
    let ran = check("", &[sample("office.pcapng")]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    for (host, outcome, how) in [
        ("*.salestim.io", "intercepted", None),
        ("*.salestim.com", "reached", None),
        ("dc.services.visualstudio.com", "blocked", Some("dns-refused")),
        ("*.intercom.io", "blocked", Some("nxdomain")),
        ("*.intercomcdn.com", "blocked", Some("sinkhole")),
        ("*.intercom.com", "not-tried", None),
    ] {
        let record = ran.of_host(host);
        assert_eq!(
            (&record["outcome"], record["how"].as_str()),
            (&Value::from(outcome), how),
            "{host}"
        );
    }
    assert_eq!(ran.of_host("assets.nbold.io")["near"], "*.nbold.co");
    let records = ran.records();
    let capture = records.last().unwrap();
    assert_eq!(capture["type"], "capture");
    assert_eq!(capture["sha256"].as_str().map(str::len), Some(64));
    // The script behind the retired host was reached all the same; the row need not work.
    assert_eq!(ran.of_host("az416426.vo.msecnd.net")["excused"], "retired");
}

#[test]
fn what_only_a_whole_capture_can_tell() {
    let fallback = check("", &[sample("check/fallback.pcap")]);
    let media = fallback
        .records()
        .into_iter()
        .find(|record| record["endpoint"] == "teams-media")
        .unwrap();
    // The other client's attempt had no TCP behind it.
    assert_eq!(
        (&media["outcome"], &media["how"]),
        (&"blocked".into(), &"silent".into())
    );
    assert_eq!(media["counts"], serde_json::json!({"blocked": 1, "fallback": 2}));
    let drops = check("", &[sample("check/drops.pcapng")]);
    let silent = drops.of_host("*.salestim.io");
    assert_eq!(silent["outcome"], "inconclusive");
    assert!(silent["why"].as_str().unwrap().contains("packets were lost"));
    // An answer is an answer.
    assert_eq!(drops.of_host("*.intercom.io")["how"], "nxdomain");
    let without = check("", &[sample("blocked/silent.pcap")]);
    assert_eq!(without.of_host("*.salestim.io")["how"], "silent");
}

#[test]
fn what_is_used_but_unlisted_is_the_applications_alone() {
    let ran = check("", &[sample("check/unlisted.pcap")]);
    let records = ran.records();
    let hosts: Vec<&Value> = records
        .iter()
        .filter(|record| record["type"] == "unlisted")
        .map(|record| &record["host"])
        .collect();
    assert_eq!(hosts, ["assets.nbold.io", "app.cdn.example"]);
    assert_eq!(
        (ran.status, ran.of_host("app.cdn.example")["kind"].as_str()),
        (Some(0), Some("cname"))
    );
}

#[test]
fn the_exit_status_is_what_was_asked_for() {
    let salestim = [sample("classes/salestim.pcap")];
    for (words, status) in [
        ("", 0),
        ("--class salestim", 0),
        ("--require salestim", 0),
        ("--require intercom", 1),
        ("--strict --class salestim", 0),
        ("--strict", 1),
        // Nothing of it was reached.
        ("--class intercom", 1),
    ] {
        assert_eq!(check(words, &salestim).status, Some(status), "{words}");
    }
    assert_eq!(check("", &[sample("formats/header-only.pcap")]).status, Some(1));
    let both = [sample("classes/salestim.pcap"), sample("formats/empty.pcap")];
    assert_eq!(check("", &both).status, Some(2));
}

#[test]
fn what_makes_no_sense_is_one_line_and_two() {
    let office = [sample("office.pcapng")];
    for (words, files, says) in [
        ("--require salestin", &office[..], "did you mean `salestim`?"),
        ("--class nobody", &office, "has no class `nobody`"),
        ("--flag port", &office, "use `flowsift read`"),
        ("--format juint", &office, "did you mean `junit`?"),
        ("", &[], "nothing to read"),
    ] {
        let ran = check(words, files);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{words}");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{words}: {}", ran.stderr);
    }
    let mut read = Command::new(env!("CARGO_BIN_EXE_flowsift"));
    let output = read.args(["read", "--format", "sarif"]).args(&office).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("give it to `flowsift check`")
    );
}

#[test]
fn every_form_says_the_same() {
    let office = [sample("office.pcapng")];
    let records = check("", &office).records();
    let endpoints = records.iter().filter(|record| record["type"] == "endpoint").count();
    let junit = check("--format junit", &office);
    assert_eq!(junit.stdout.matches("<testcase ").count(), endpoints);
    let failing = ["blocked", "intercepted", "rerouted"];
    let failures = records
        .iter()
        .filter(|record| failing.iter().any(|word| record["outcome"] == *word))
        .count();
    assert_eq!(junit.stdout.matches("<failure ").count(), failures);
    let sarif: Value = serde_json::from_str(&check("--format sarif", &office).stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(
        results.iter().filter(|result| result["ruleId"] != "unlisted").count(),
        endpoints
    );
    let markdown = check("--format markdown", &office).stdout;
    assert!(markdown.contains("**The list does not work as asked."));
    let table = check("--format table --color never", &office).stdout;
    assert!(table.contains("The list does not work as asked."));
    for ran in [&junit.stdout, &markdown] {
        assert!(ran.contains("widget.intercom.io"), "{ran}");
    }
}

#[test]
fn threads_and_the_order_of_files_change_nothing() {
    let office = [sample("office.pcapng")];
    assert_eq!(
        check("--threads 1", &office).stdout,
        check("--threads 4", &office).stdout
    );
    let (a, b) = (sample("classes/salestim.pcap"), sample("classes/intercom.pcap"));
    let one = check("", &[a.clone(), b.clone()]);
    assert_eq!(one.stdout, check("", &[b, a]).stdout);
    assert!(
        one.of_host("*.salestim.io")["file"]
            .as_str()
            .unwrap()
            .ends_with("salestim.pcap")
    );
}

#[test]
fn a_policy_of_ones_own_is_judged_by_its_own_rules() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    let lab = "[policy]\nname = \"lab\"\n\n[[endpoint]]\nid = \"web\"\nclass = \"mine\"\nhosts = [\"*.salestim.io\", \"*.nowhere.example\"]\nports = [\"tcp/8443\"]\n";
    fs::write(&path, lab).unwrap();
    let ran = check(
        &format!("--policy {}", path.display()),
        &[sample("classes/salestim.pcap")],
    );
    // Reached on another port than the row lists: that proves nothing.
    let record = ran.of_host("*.salestim.io");
    assert_eq!(record["outcome"], "inconclusive");
    assert!(
        record["why"]
            .as_str()
            .unwrap()
            .contains("which the row does not list (it lists tcp/8443)")
    );
    assert_eq!(
        (ran.of_host("*.nowhere.example")["outcome"].as_str(), ran.status),
        (Some("not-tried"), Some(1))
    );
}
