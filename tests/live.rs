//! Listening, tried for real: network namespaces, a cable between them, packets on it.
//!
//! Needs root and `ip`; without them every test says that it was skipped, and why. What has to run inside a namespace
//! beside flowsift is this test binary itself, started again in a role (see [`role`]).
#![cfg(feature = "live")]

macro_rules! lab {
    () => {
        match crate::lab::Lab::new() {
            Ok(lab) => lab,
            Err(why) => {
                crate::skipped(&format!("network namespaces: {why}"));
                return;
            }
        }
    };
}

#[path = "live/browser.rs"]
mod browser;
#[path = "live/dashboard.rs"]
mod dashboard;
#[path = "live/equal.rs"]
mod equal;
#[path = "live/followed.rs"]
mod followed;
#[path = "live/kept.rs"]
mod kept;
#[path = "live/lab.rs"]
mod lab;
#[path = "live/scraped.rs"]
mod scraped;
#[path = "live/several.rs"]
mod several;
#[allow(dead_code)]
mod traffic;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lab::{Lab, PATIENCE, inside, ip, output};
use serde_json::Value;

/// Tells the binary which role it plays: `replay FILE INTERFACE`, `deal FILE INTERFACE INTERFACE` or `repeat INTERFACE`.
const ROLE: &str = "FLOWSIFT_LIVE_ROLE";

/// Longer frames do not pass the cable.
const LONGEST_FRAME: usize = 9014;

#[test]
fn a_filter_is_heeded() {
    let lab = lab!();
    let sample = sample("office.pcapng");
    let listener = lab.listen(&["--filter", "tcp port 443"]);
    replay(&lab, &sample);
    // What was sent before the signal counts, although the kernel may not have handed it over yet.
    listener.signal("TERM");
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let flows: Vec<&Value> = ended.records.iter().filter(|record| record["type"] == "flow").collect();
    let offline = read(&["--filter", "tcp port 443"], &[&sample]);
    let ids = |records: &mut dyn Iterator<Item = &Value>| -> BTreeSet<String> {
        let flows = records.filter(|record| record["type"] == "flow");
        flows.map(|flow| flow["id"].to_string()).collect()
    };
    assert!(flows.len() > 10, "{} flows", flows.len());
    assert_eq!(ids(&mut flows.iter().copied()), ids(&mut offline.iter()));
    for flow in flows {
        let ports = [&flow["client"]["port"], &flow["server"]["port"]];
        assert!(
            flow["proto"] == "tcp" && ports.iter().any(|port| **port == 443),
            "{flow}"
        );
    }
}

#[test]
fn signals_end_it_although_nothing_is_to_be_heard() {
    let lab = lab!();
    for name in ["INT", "TERM"] {
        let listener = lab.listen(&[]);
        assert!(listener.is_listening());
        thread::sleep(Duration::from_millis(300));
        listener.signal(name);
        let ended = listener.end();
        assert_eq!(ended.status, Some(0), "{name}: {}", ended.stderr);
        assert!(ended.took < Duration::from_secs(5), "{name}: {:?}", ended.took);
        assert_eq!(ended.records.len(), 1, "{name}");
        assert_eq!(ended.records[0]["packets"], 0);
    }
}

#[test]
fn it_stops_by_itself_after_a_time_or_a_number_of_packets() {
    let lab = lab!();
    let begun = Instant::now();
    let ended = lab.listen(&["--duration", "1s"]).end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    assert_eq!(ended.records[0]["type"], "capture");

    let listener = lab.listen(&["--packets", "7"]);
    replay(&lab, &sample("classes/salestim.pcap"));
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let capture = ended.records.last().unwrap();
    assert_eq!(capture["packets"], 7, "{capture}");
}

#[test]
fn an_interface_that_goes_away_ends_it_with_all_that_was_heard() {
    let lab = lab!();
    let mut listener = lab.listen(&[]);
    replay(&lab, &sample("classes/salestim.pcap"));
    let first = listener.record(PATIENCE).expect("a record while it runs");
    ip(&["-n", &lab.near, "link", "del", &lab.near]).unwrap();
    let ended = listener.end();
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert_eq!(ended.records.last().unwrap_or(&first)["type"], "capture");
    let said = ended.said();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains(&lab.near) && said[0].contains("listening ended"),
        "{said:?}"
    );
    assert!(said[1].contains("s: received "), "{said:?}");
}

#[test]
fn an_interface_that_is_taken_down_is_heard_again_when_it_is_up() {
    let lab = lab!();
    let mut listener = lab.listen(&[]);
    replay(&lab, &sample("classes/salestim.pcap"));
    ip(&["-n", &lab.near, "link", "set", &lab.near, "down"]).unwrap();
    assert!(listener.line().contains("went down"));
    ip(&["-n", &lab.near, "link", "set", &lab.near, "up"]).unwrap();
    assert!(listener.line().contains("is up again"));
    replay(&lab, &sample("classes/salestim.pcap"));
    listener.signal("INT");
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let twice = 2 * sendable(&sample("classes/salestim.pcap"));
    assert_eq!(ended.records.last().unwrap()["packets"], twice);
}

#[test]
fn statistics_are_lines_where_they_are_asked_for() {
    let lab = lab!();
    let mut listener = lab.listen(&["--stats", "1"]);
    replay(&lab, &sample("office.pcapng"));
    let sent = sendable(&sample("office.pcapng"));
    let heard = format!("received {sent}, dropped 0 by kernel, 0 by interface, undecoded 1, ");
    let mut lines = 1;
    while !listener.line().contains(&heard) {
        lines += 1;
        assert!(lines < 60, "the packets are not counted");
    }
    listener.signal("TERM");
    let ended = listener.end();
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.contains(&heard) && last.contains("flows 86"), "{last}");
    // Only the last one, unless they are asked for; and none at all.
    assert_eq!(lab.listen(&["--duration", "1500ms"]).end().said().len(), 1);
    assert_eq!(lab.listen_quietly().stderr, "");
}

#[test]
fn what_has_ended_is_written_while_packets_keep_coming() {
    let lab = lab!();
    let mut listener = lab.listen(&[]);
    let mut noise = role_in(&lab.far, &format!("repeat {}", lab.far))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    replay(&lab, &sample("classes/salestim.pcap"));
    // It would not come before the noise ends, or before there are enough rows for a write.
    let flow = listener.record(PATIENCE);
    let still_noisy = noise.try_wait().unwrap().is_none();
    let _ = noise.kill();
    let _ = noise.wait();
    assert!(still_noisy);
    assert_eq!(flow.expect("a record while packets come")["type"], "flow");
    listener.signal("INT");
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.of_type("flow").iter().any(|flow| flow["server"]["port"] == 9));
}

#[test]
fn what_cannot_be_listened_to_is_one_line_and_a_remedy() {
    let lab = lab!();
    let live = |words: &[&str]| {
        let mut command = inside(&lab.near, env!("CARGO_BIN_EXE_flowsift"));
        command.arg("live").args(words);
        one_line(command)
    };
    let line = live(&["-i", "nosuch0"]);
    assert!(
        line.contains("nosuch0: there is no such interface; there are: "),
        "{line}"
    );
    assert!(line.contains(&lab.near), "{line}");
    let line = live(&["-i", &lab.near, "--filter", "tcp porridge 443"]);
    assert!(
        line.contains("--filter \"tcp porridge 443\": ") && line.contains("as for tcpdump"),
        "{line}"
    );
    ip(&["-n", &lab.near, "link", "set", &lab.near, "down"]).unwrap();
    let line = live(&["-i", &lab.near]);
    assert!(line.contains(&format!("ip link set {} up", lab.near)), "{line}");
}

#[test]
fn without_the_permission_it_says_what_to_grant() {
    let lab = lab!();
    const NOBODY: &str = "65534";
    if Command::new("setpriv").arg("--version").output().is_err() {
        skipped("setpriv");
        return;
    }
    // Where this binary lies nobody may be allowed to go.
    let folder = tempfile::Builder::new().prefix("flowsift").tempdir().unwrap();
    let program = folder.path().join("flowsift");
    std::fs::copy(env!("CARGO_BIN_EXE_flowsift"), &program).unwrap();
    for path in [folder.path(), &program] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = inside(&lab.near, "setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    command.arg(&program).args(["live", "-i", &lab.near]);
    let line = one_line(command);
    let remedy = format!("sudo setcap cap_net_raw=ep {}", program.display());
    assert!(line.contains("CAP_NET_RAW") && line.contains(&remedy), "{line}");
}

/// Says so in any case: what a test prints is shown only where it fails.
fn skipped(missing: &str) {
    let _ = writeln!(std::io::stderr(), "tests/live.rs: skipped, for want of {missing}");
}

/// Runs what must fail, and gives its one line of stderr.
fn one_line(command: Command) -> String {
    let output = output(command);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty());
    stderr
}

/// What `flowsift read` says of captures.
fn read(words: &[&str], files: &[&Path]) -> Vec<Value> {
    let read = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(["read", "--format", "json"])
        .args(words)
        .args(files)
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Both are the same, or the test fails with what only one of them has.
fn assert_same(live: &BTreeSet<String>, offline: &BTreeSet<String>) {
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        live == offline,
        "only live:\n{}\nonly offline:\n{}",
        only(live, offline),
        only(offline, live)
    );
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// How many of a sample's packets pass the cable.
fn sendable(sample: &Path) -> u64 {
    let mut capture = pcap::Capture::from_file(sample).unwrap();
    let mut count = 0;
    while let Ok(packet) = capture.next_packet() {
        count += u64::from(packet.data.len() <= LONGEST_FRAME);
    }
    count
}

/// Sends a sample's frames from the far end.
fn replay(lab: &Lab, sample: &Path) {
    let words = format!("replay {} {}", sample.display(), lab.far);
    let output = output(role_in(&lab.far, &words));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// This binary, in a role, in a namespace.
fn role_in(space: &str, words: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = inside(space, program.to_str().unwrap());
    command.args(["--exact", "role", "--nocapture"]).env(ROLE, words);
    command
}

/// No test but the other program in the namespaces: plays what [`ROLE`] says, and does nothing without it.
#[test]
fn role() {
    let Ok(words) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = words.split(' ').collect();
    let open = |interface: &str| {
        let inactive = pcap::Capture::from_device(interface).unwrap();
        let active = inactive.promisc(true).snaplen(262_144).timeout(50).open();
        active.unwrap()
    };
    match words.as_slice() {
        ["replay", file, interface] => {
            let mut from = pcap::Capture::from_file(file).unwrap();
            let mut to = open(interface);
            while let Ok(packet) = from.next_packet() {
                if packet.data.len() <= LONGEST_FRAME {
                    to.sendpacket(packet.data).unwrap();
                }
            }
        }
        // Names are asked for on one cable, and the rest passes on the other.
        ["deal", file, names, rest] => {
            let mut from = pcap::Capture::from_file(file).unwrap();
            let lookups = from.compile("port 53", true).unwrap();
            let (mut names, mut rest) = (open(names), open(rest));
            while let Ok(packet) = from.next_packet() {
                let to = if lookups.filter(packet.data) {
                    &mut names
                } else {
                    &mut rest
                };
                to.sendpacket(packet.data).unwrap();
            }
        }
        // A flow without an end.
        ["repeat", interface] => {
            let mut to = open(interface);
            let mut frame = Vec::new();
            let place = |host, port| SocketAddr::from((Ipv4Addr::new(198, 18, 77, host), port));
            traffic::frame::udp(&mut frame, place(2, 5000), place(1, 9), &[7; 100]);
            loop {
                to.sendpacket(frame.as_slice()).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
        }
        other => panic!("no role: {other:?}"),
    }
}
