//! `explain` and `policy learn` from outside, on the samples.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn flowsift<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

fn records(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn flows(file: &str, words: &[&str]) -> Vec<Value> {
    let mut all = vec!["read", "--format", "json", "-q", file];
    all.extend(words);
    let mut records = records(&flowsift(&all).stdout);
    records.retain(|record| record["type"] == "flow");
    records
}

fn named(file: &str, name: &str, client: &str) -> Value {
    let mut found = flows(file, &[]);
    found.retain(|flow| flow["name"] == name && flow["client"]["ip"] == client);
    found.swap_remove(0)
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap_or_default()
}

#[test]
fn an_intercepted_flow_is_told_with_its_frames_and_never_more_than_suspected() {
    let office = sample("office.pcapng");
    let flow = named(&office, "app.salestim.io", "198.19.0.12");
    let ran = flowsift(&["explain", text(&flow, "id"), &office]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let page = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        format!("In frame {},", flow["frames"]["dns"]),
        format!("In frame {} the client's hello", flow["frames"]["hello"]),
        format!("In frame {} the server's hello", flow["frames"]["server_hello"]),
        "its wildcard *.salestim.io".to_owned(),
        "It does not cover app.salestim.io".to_owned(),
        "intercepted (high)".to_owned(),
        "a suspicion with its reason, not a proof".to_owned(),
        "What would clear it".to_owned(),
        "flagged: because of intercepted.".to_owned(),
    ] {
        assert!(page.contains(&words), "{words}\n{}", ran.stdout);
    }
    let sha256 = flowsift(&["read", "--hash", "--format", "json", &office]).stdout;
    let sha256 = records(&sha256).pop().expect("a capture")["sha256"].to_string();
    assert!(page.contains(sha256.trim_matches('"')));
}

#[test]
fn every_flow_of_some_captures_can_be_told_in_every_form() {
    for name in [
        "office.pcapng",
        "tcp/states6.pcap",
        "tcp/fragments.pcap",
        "proxy/connect.pcap",
        "media/webrtc.pcap",
        "tls/ech.pcap",
    ] {
        let file = sample(name);
        // Every third, since each takes two readings a form.
        for flow in flows(&file, &[]).iter().step_by(3) {
            let id = format!("{}@{}", text(flow, "id"), text(flow, "start"));
            for form in ["text", "json", "markdown"] {
                let ran = flowsift(&["explain", &id, &file, "--format", form, "--threads", "1"]);
                assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{id}");
                assert!(!ran.stdout.chars().any(|c| c.is_control() && c != '\n'), "{id}");
                if form == "json" {
                    let told = records(&ran.stdout);
                    assert_eq!(told.len(), 1, "{id}");
                    assert_eq!((&told[0]["id"], &told[0]["start"]), (&flow["id"], &flow["start"]));
                    assert_eq!(told[0]["verdict"], flow["verdict"]);
                    let again = flowsift(&["explain", &id, &file, "--format", form, "--threads", "3"]);
                    assert_eq!(ran.stdout, again.stdout);
                }
            }
        }
    }
}

#[test]
fn an_id_that_repeats_is_told_as_often_and_a_start_chooses() {
    let file = sample("tcp/port-reuse.pcap");
    let all = flows(&file, &[]);
    let of = |id: &str| all.iter().filter(|flow| text(flow, "id") == id).count();
    let reused = all
        .iter()
        .find(|flow| of(text(flow, "id")) > 1)
        .expect("a port used twice");
    let id = text(reused, "id");
    let told = records(&flowsift(&["explain", id, &file, "--format", "json"]).stdout);
    assert_eq!(told.len(), of(id));
    let chosen = format!("{id}@{}", text(reused, "start"));
    let told = records(&flowsift(&["explain", &chosen, &file, "--format", "json"]).stdout);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["start"], reused["start"]);
}

#[test]
fn what_cannot_be_told_is_one_line_and_two() {
    let office = sample("office.pcapng");
    let id = text(&flows(&office, &[])[0], "id").to_owned();
    let late = format!("{id}@2031");
    for (words, says) in [
        (
            &["explain", "1:AAAAAAAAAAAAAAAAAAAAAAAAAAA=", &office][..],
            "none of the 86 flows",
        ),
        (&["explain", "1:", &office], "no flow's id"),
        (&["explain", &id, "nowhere\u{1b}[31m.pcap"], "no such file"),
        (&["explain", &late, &office], "does not start at 2031"),
        (&["explain", &id, "-"], "can be read once"),
        (&["explain", &id, "/dev/null"], "can be read once"),
        (&["explain", &id, "nowhere.pcap"], "no such file"),
        (
            &["explain", &id, &office, "--policy", "nowhere.toml"],
            "policy nowhere.toml",
        ),
        (
            &["explain", &id, &office, "--format", "xml"],
            "there are text, json, markdown",
        ),
        (&["explain", &id], "nothing to read"),
    ] {
        let ran = flowsift(words);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(ran.stderr.contains(says), "{words:?}: {}", ran.stderr);
        assert!(!ran.stderr.trim_end().contains('\u{1b}'));
        assert!(ran.stderr.starts_with("flowsift: "));
    }
    // A letter that two ids begin with.
    let flows = flows(&office, &[]);
    let ids = || flows.iter().map(|flow| text(flow, "id"));
    let begins = |start: &str| ids().filter(|id| id.starts_with(start)).count();
    let start = ids()
        .map(|id| &id[..3])
        .find(|start| begins(start) > 1)
        .expect("two ids alike");
    let ran = flowsift(&["explain", start, &office]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""));
    assert!(
        ran.stderr.contains(&format!("several ids begin with {start}: 1:")),
        "{}",
        ran.stderr
    );
}

/// The frames that tshark selects; None where there is no tshark.
fn selected(file: &str, filter: &str) -> Option<Vec<u64>> {
    let output = Command::new("tshark")
        .args(["-n", "-r", file, "-Y", filter, "-T", "fields", "-e", "frame.number"])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    assert!(output.status.success(), "tshark refuses {filter}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    Some(
        text.split_whitespace()
            .map(|word| word.parse().expect("a number"))
            .collect(),
    )
}

#[test]
fn the_filters_show_in_wireshark_what_they_say() {
    for name in [
        "office.pcapng",
        "tcp/states.pcap",
        "tcp/states6.pcap",
        "tcp/port-reuse.pcap",
    ] {
        let file = sample(name);
        for flow in flows(&file, &[]).iter().step_by(5) {
            let id = format!("{}@{}", text(flow, "id"), text(flow, "start"));
            let told = records(&flowsift(&["explain", &id, &file, "--format", "json"]).stdout);
            let steps = told[0]["steps"].as_array().expect("steps").iter();
            let mut cited: Vec<u64> = steps
                .flat_map(|step| step["frames"].as_array().expect("frames"))
                .filter_map(|frame| frame["frame"].as_u64())
                .collect();
            cited.sort_unstable();
            cited.dedup();
            let input = &told[0]["inputs"][0];
            let Some(proof) = selected(&file, text(input, "proof")) else {
                eprintln!("no tshark here: not tried");
                return;
            };
            assert_eq!(proof, cited, "{id}");
            let whole = selected(&file, text(input, "flow")).expect("tshark");
            let packets = ["out", "in"].map(|way| flow["packets"][way].as_u64().unwrap_or(0));
            assert_eq!(whole.len() as u64, packets[0] + packets[1], "{id} of {name}");
            assert_eq!(
                (whole.first(), whole.last()),
                (
                    flow["frames"]["first"].as_u64().as_ref(),
                    flow["frames"]["last"].as_u64().as_ref()
                )
            );
            if let Some(errors) = input["icmp"].as_str() {
                assert!(!selected(&file, errors).expect("tshark").is_empty(), "{id}");
            }
        }
    }
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            captures(&path, found);
        } else if path.extension().is_some_and(|ending| {
            ["pcap", "pcapng", "gz", "zst", "lz4"]
                .iter()
                .any(|known| ending == *known)
        }) {
            found.push(path);
        }
    }
}

#[test]
fn a_capture_read_again_under_what_was_learned_has_no_sure_name_in_no_row() {
    let mut files = Vec::new();
    captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"), &mut files);
    files.sort();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let policy = folder.path().join("learned.toml");
    let policy = policy.to_str().expect("UTF-8");
    let mut sure = 0;
    for file in files.iter().map(|file| file.to_str().expect("UTF-8")) {
        let learned = flowsift(&[
            "policy",
            "learn",
            "-q",
            file,
            "-o",
            policy,
            "--class-from-policy",
            "salestim",
        ]);
        if learned.status == Some(2) {
            continue; // No capture, and meant to be none.
        }
        let read = flowsift(&["read", file, "--policy", policy, "--format", "json"]);
        assert_eq!(read.status, Some(0), "{file}: {}", read.stderr);
        for flow in records(&read.stdout) {
            let kind = text(&flow["evidence"], "kind");
            if flow["type"] != "flow" || !["sni", "quic", "connect", "host"].contains(&kind) {
                continue;
            }
            sure += 1;
            assert_ne!(flow["verdict"], "unlisted", "{file}: {flow}");
            for flag in flow["flags"].as_array().expect("flags") {
                let raised = text(flag, "flag");
                assert!(
                    !["port", "tls-version", "plaintext"].contains(&raised),
                    "{file}: {flow}"
                );
            }
        }
    }
    assert!(sure > 200, "{sure}");
}

#[test]
fn a_policy_is_learned_from_standard_input_too_and_never_over_the_capture() {
    let office = sample("office.pcapng");
    let from_file = flowsift(&["policy", "learn", &office]);
    assert_eq!((from_file.status, from_file.stderr.as_str()), (Some(0), ""));
    for words in [
        "# Read it before you use it.",
        "date = 2026-11-21",
        "\"assets.nbold.io\"",
        "class = \"learned\"",
        "tls = [\"1.0\", \"1.2\", \"1.3\"]",
    ] {
        assert!(from_file.stdout.contains(words), "{words}\n{}", from_file.stdout);
    }
    let piped = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(["policy", "learn", "-"])
        .stdin(fs::File::open(&office).expect("a sample"))
        .output()
        .expect("the binary runs");
    let piped = String::from_utf8(piped.stdout).expect("UTF-8");
    let rows = |text: &str| text.split_once("[[endpoint]]").expect("a row").1.to_owned();
    assert_eq!(rows(&piped), rows(&from_file.stdout));

    let refused = flowsift(&["policy", "learn", &office, "-o", &office]);
    assert_eq!(refused.status, Some(2));
    assert!(refused.stderr.contains("is an input"));
}
