//! Live equals offline: what was heard, and kept while it was heard, gives the same records when it is read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::lab::Lab;
use crate::traffic::copies::{Copies, Plan};
use crate::traffic::{SECOND, script};
use crate::{assert_same, read, replay, sample, sendable};

#[test]
fn one_listener_and_an_office() {
    let lab = lab!();
    equal(&lab, &sample("office.pcapng"), "1");
}

#[test]
fn several_listeners_and_an_office() {
    let lab = lab!();
    equal(&lab, &sample("office.pcapng"), "3");
}

#[test]
fn one_listener_and_many_offices() {
    let lab = lab!();
    let folder = tempfile::tempdir().unwrap();
    equal(&lab, &offices(folder.path()), "1");
}

#[test]
fn several_listeners_and_many_offices() {
    let lab = lab!();
    let folder = tempfile::tempdir().unwrap();
    equal(&lab, &offices(folder.path()), "4");
}

#[test]
fn several_listeners_and_datagrams_in_pieces() {
    let lab = lab!();
    equal(&lab, &sample("tcp/fragments.pcap"), "3");
}

/// Replays a capture to that many listeners, and compares what they say with what reading says.
fn equal(lab: &Lab, capture: &Path, workers: &str) {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept.pcapng");
    let listener = lab.listen(&["--names", "--workers", workers, "-w", kept.to_str().unwrap()]);
    assert!(listener.is_listening());
    replay(lab, capture);
    listener.signal("INT");
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let captures = ended.of_type("capture");
    assert_eq!(captures.len(), 1);
    assert_eq!(captures[0]["packets"], sendable(capture));
    assert_eq!(captures[0]["dropped"]["kernel"], 0);

    // Everything is the same, times and frame numbers too: a live run is a reading of what passes.
    let of_kept = read(&["--names"], &[&kept]);
    assert!(of_kept.len() > 1, "{} records", of_kept.len());
    assert_same(&lines(&ended.records), &lines(&of_kept));
    // And of the capture that was replayed all that does not depend on times.
    assert_same(&answers(&ended.records), &answers(&read(&[], &[capture])));
}

fn lines(records: &[Value]) -> BTreeSet<String> {
    let records = records.iter().filter(|record| record["type"] != "capture");
    records.map(Value::to_string).collect()
}

/// Who talked to whom, and what was made of it.
fn answers(records: &[Value]) -> BTreeSet<String> {
    let flows = records.iter().filter(|record| record["type"] == "flow");
    flows
        .map(|flow| {
            let fields = ["id", "client", "server", "app", "name", "class", "tls"];
            // A silence is judged by how long it was, and a day that is sent at once has none.
            let verdict = flow.get("verdict").filter(|_| flow["tcp"] != "unanswered");
            format!("{} {verdict:?}", fields.map(|field| flow[field].to_string()).join(" "))
        })
        .collect()
}

/// The office's day, lived by many: their packets mixed.
fn offices(folder: &Path) -> PathBuf {
    let plan = Plan {
        copies: 40,
        haste: 60,
        spread: 10 * SECOND,
    };
    let mut copies = Copies::new(script::office().into(), plan);
    let path = folder.join("offices.pcap");
    let dead = pcap::Capture::dead_with_precision(pcap::Linktype::ETHERNET, pcap::Precision::Nano).unwrap();
    let mut file = dead.savefile(&path).unwrap();
    let mut frame = Vec::new();
    while let Some(at) = copies.next(&mut frame) {
        let length = frame.len() as u32;
        let header = pcap::PacketHeader {
            ts: libc::timeval {
                tv_sec: (at / SECOND) as libc::time_t,
                tv_usec: (at % SECOND) as libc::suseconds_t,
            },
            caplen: length,
            len: length,
        };
        file.write(&pcap::Packet::new(&header, &frame));
        frame.clear();
    }
    path
}
