//! Packets kept while they are looked at.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{inside, output};
use crate::{one_line, read, replay, sample, sendable, skipped};

/// The captures in a folder, by name.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

/// How many packets another reader finds in a capture, and that it finds nothing wrong with it.
fn packets(path: &Path) -> u64 {
    let mut capture = pcap::Capture::from_file(path).unwrap();
    let mut packets = 0;
    loop {
        match capture.next_packet() {
            Ok(_) => packets += 1,
            Err(pcap::Error::NoMorePackets) => return packets,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

#[test]
fn files_follow_each_other_and_have_every_packet_once() {
    let lab = lab!();
    let sample = sample("office.pcapng");
    for ending in ["pcap", "pcapng"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("lab.{ending}"));
        let listener = lab.listen(&["-w", path.to_str().unwrap(), "--rotate-size", "50kB"]);
        replay(&lab, &sample);
        listener.signal("TERM");
        let ended = listener.end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let files = captures(folder.path());
        assert!(files.len() > 3, "{files:?}");
        for file in &files {
            // The last record of a file may be followed by statistics.
            assert!(file.metadata().unwrap().len() <= 50_000 + 100, "{file:?}");
        }
        assert_eq!(files.iter().map(|file| packets(file)).sum::<u64>(), sendable(&sample));
        let last = ended.stderr.lines().last().unwrap();
        assert!(
            last.contains(&format!("kept {}, not kept 0", sendable(&sample))),
            "{last}"
        );

        // Read as one stream they say the same.
        let ids = |records: &[serde_json::Value]| {
            let flows = records.iter().filter(|record| record["type"] == "flow");
            let mut ids: Vec<String> = flows
                .map(|flow| format!("{}{}{}", flow["id"], flow["name"], flow["start"]))
                .collect();
            ids.sort();
            ids
        };
        assert_eq!(ids(&ended.records), ids(&read(&[], &[folder.path()])));

        if Command::new("tshark").arg("--version").output().is_err() {
            skipped("tshark");
            continue;
        }
        for file in &files {
            let mut tshark = Command::new("tshark");
            tshark.arg("-r").arg(file);
            let output = output(tshark);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(
                output.stdout.split(|byte| *byte == b'\n').count() as u64 - 1,
                packets(file)
            );
        }
    }
}

#[test]
fn a_ring_keeps_the_newest_files() {
    let lab = lab!();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.pcapng");
    let words = ["-w", path.to_str().unwrap(), "--rotate-size", "20kB", "--keep", "3"];
    let listener = lab.listen(&words);
    replay(&lab, &sample("office.pcapng"));
    listener.signal("INT");
    assert_eq!(listener.end().status, Some(0));
    let files = captures(folder.path());
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|file| packets(file) > 0));
}

#[test]
fn what_cannot_be_written_to_is_refused_before_anything_is_heard() {
    let lab = lab!();
    let mut command = inside(&lab.near, env!("CARGO_BIN_EXE_flowsift"));
    command.args(["live", "-i", &lab.near, "-w", "/proc/nosuch/kept.pcap"]);
    let line = one_line(command);
    assert!(
        line.contains("cannot write packets to /proc/nosuch/kept.pcap: no such file"),
        "{line}"
    );
}

#[test]
fn a_disk_that_becomes_full_is_a_line_and_the_listening_goes_on() {
    let lab = lab!();
    let folder = tempfile::tempdir().unwrap();
    // A file system of 64 kB, seen by flowsift alone.
    let script = format!(
        "mount -t tmpfs -o size=64k none {0} && exec {1} live -i {2} --format json -w {0}/kept.pcap",
        folder.path().display(),
        env!("CARGO_BIN_EXE_flowsift"),
        lab.near
    );
    let mut command = inside(&lab.near, "unshare");
    command.args(["-m", "sh", "-c", &script]);
    let mut listener = crate::lab::Listener::start(command);
    if !listener.is_listening() {
        skipped("a file system of its own");
        return;
    }
    let sample = sample("office.pcapng");
    replay(&lab, &sample);
    assert!(
        listener
            .line()
            .contains("no more packets are kept: no space left on device")
    );
    replay(&lab, &sample);
    listener.signal("INT");
    let ended = listener.end();
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert_eq!(ended.records.last().unwrap()["packets"], 2 * sendable(&sample));
    let counted = format!("of {} packets were not kept", 2 * sendable(&sample));
    assert!(ended.stderr.contains(&counted), "{}", ended.stderr);
}
