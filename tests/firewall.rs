//! A firewall between a client and the world, built for real, and what flowsift says of it.
//!
//! Three network namespaces: a client, a router with nftables, and servers (dnsmasq, nginx, openssl, squid). Every
//! endpoint of a policy is set up in its own way (let through, dropped, reset, rejected, lied to by DNS, intercepted,
//! refused by a proxy, ...), the client tries them all, and the verdict of `flowsift check`, live on the router and of
//! the kept file, must be what was set up: nothing missed, nothing invented.
//!
//! Needs root and the programs of [`town::PROGRAMS`]; without them it says that it was skipped, and why.
#![cfg(feature = "live")]

#[path = "firewall/cases.rs"]
mod cases;
#[path = "live/lab.rs"]
#[allow(dead_code)]
mod lab;
#[path = "firewall/town.rs"]
mod town;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use cases::{CASES, Case, POLICY, UNLISTED};
use lab::{Listener, inside, output};
use town::Town;

/// Longer than a silence must last to prove anything.
const QUIET_END: Duration = Duration::from_secs(4);

#[test]
fn every_endpoint_is_judged_as_it_was_set_up() {
    let town = match Town::build() {
        Ok(town) => town,
        Err(why) => return skipped(&why),
    };
    let policy = town.file("lab.toml", POLICY);
    let kept = town.path("kept.pcapng");
    let mut command = inside(&town.router, env!("CARGO_BIN_EXE_flowsift"));
    command.args(["check", "-i", &town.inside_interface(), "--format", "json"]);
    command.args(["--policy", &policy, "-w", &kept]);
    let listener = Listener::start(command);
    assert!(listener.is_listening());
    let beyond = town.path("beyond.pcapng");
    let mut command = inside(&town.router, env!("CARGO_BIN_EXE_flowsift"));
    command.args([
        "live",
        "-i",
        &town.outside_interface(),
        "--format",
        "json",
        "-w",
        &beyond,
    ]);
    let other_side = Listener::start(command);
    assert!(other_side.is_listening());
    thread::scope(|scope| {
        for case in CASES {
            scope.spawn(|| town.visit(case.visit));
        }
        scope.spawn(|| town.visit(UNLISTED.visit));
    });
    thread::sleep(QUIET_END);
    listener.signal("INT");
    other_side.signal("INT");
    let live = listener.end();
    assert_eq!(other_side.end().status, Some(0));
    assert_eq!(live.status, Some(1), "{}", live.stderr);
    compare("live", &live.records);

    let offline = output(check(&["--policy", &policy, &kept]));
    assert_eq!(offline.status.code(), Some(1));
    let offline = records(&offline.stdout);
    compare("offline", &offline);
    let of_type = |records: &[Value], what: &str| -> Vec<Value> {
        records
            .iter()
            .filter(|record| record["type"] == what)
            .cloned()
            .collect()
    };
    for what in ["endpoint", "unlisted"] {
        assert_eq!(
            of_type(&live.records, what),
            of_type(&offline, what),
            "live and offline differ"
        );
    }
    compare_sides(&policy, &kept, &beyond);
}

/// With a capture of the router's other side every attempt is told where it died, although the router translates addresses.
fn compare_sides(policy: &str, kept: &str, beyond: &str) {
    let told = output(check(&["--policy", policy, "--inside", kept, "--outside", beyond]));
    assert_eq!(told.status.code(), Some(1), "{}", String::from_utf8_lossy(&told.stderr));
    let told = records(&told.stdout);
    let crossings: Vec<&Value> = told.iter().filter(|record| record["type"] == "crossing").collect();
    let mut wrong = Vec::new();
    for case in CASES {
        let of_case: Vec<&&Value> = crossings
            .iter()
            .filter(|record| record["endpoint"] == case.id)
            .collect();
        let is_right = |record: &&&Value| case.died.is_none_or(|died| record["died"] == died);
        if case.died.is_some() && of_case.is_empty() || !of_case.iter().all(is_right) {
            wrong.push(format!("{}: wanted {:?}, and got {of_case:?}", case.id, case.died));
        }
    }
    assert!(wrong.is_empty(), "both sides:\n{}", wrong.join("\n"));
    // What one side cannot prove, two can.
    let hasty = told
        .iter()
        .find(|record| record["type"] == "endpoint" && record["endpoint"] == "given-up-at-once");
    assert_eq!(hasty.unwrap()["how"], "silent");
    let passed = crossings.iter().filter(|record| record["died"] == "passed");
    for record in passed {
        assert_eq!(record["outside"]["client"]["ip"], "198.18.255.1", "{record}");
        assert_eq!(record["outside"]["by"], "sequence", "{record}");
        let changes: Vec<&Value> = record["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| &change["what"])
            .collect();
        assert_eq!(changes, ["client"], "{record}");
    }
}

/// Every endpoint's outcome is as it was set up.
fn compare(how: &str, records: &[Value]) {
    let endpoints = records.iter().filter(|record| record["type"] == "endpoint");
    let told: BTreeMap<&str, &Value> = endpoints
        .map(|record| (record["endpoint"].as_str().unwrap(), record))
        .collect();
    let mut wrong = Vec::new();
    for case in CASES {
        let Case {
            id, outcome, blockage, ..
        } = case;
        let Some(record) = told.get(id) else {
            wrong.push(format!("{id}: no record"));
            continue;
        };
        if record["outcome"] != *outcome || record["how"].as_str() != *blockage {
            wrong.push(format!("{id}: wanted {outcome} {blockage:?}, and got {record}"));
        }
        if let Err(why) = has_proof(record) {
            wrong.push(format!("{id}: {why}: {record}"));
        }
    }
    assert!(wrong.is_empty(), "{how}:\n{}", wrong.join("\n"));
    assert_eq!(told.len(), CASES.len(), "{how}: an endpoint too many");
    let unlisted: Vec<&Value> = records.iter().filter(|record| record["type"] == "unlisted").collect();
    let near = |record: &&&Value| record["host"] == UNLISTED.host && record["near"] == UNLISTED.near;
    assert!(unlisted.iter().any(|record| near(&record)), "{how}: {unlisted:?}");
}

/// What was tried comes with frames, clients and a sentence.
fn has_proof(record: &Value) -> Result<(), &'static str> {
    let filled = |key: &str| record[key].as_array().is_some_and(|list| !list.is_empty());
    let tried = record["outcome"] != "not-tried";
    if record["why"].as_str().is_none_or(|why| why.len() < 20) {
        return Err("no sentence");
    }
    match tried && !(filled("frames") && filled("clients")) {
        true => Err("no proof"),
        false => Ok(()),
    }
}

fn check(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowsift"));
    command.args(["check", "--format", "json"]).args(words);
    command
}

fn records(stdout: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is a record"))
        .collect()
}

/// Says so in any case: what a test prints is shown only where it fails.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "tests/firewall.rs: skipped: {why}");
}

/// No test but the other program in the namespaces: plays what [`town::ROLE`] says, and does nothing without it.
#[test]
fn role() {
    if let Ok(words) = std::env::var(town::ROLE) {
        town::play(&words);
    }
}
