//! Listening, tried for real: network namespaces, a cable between them, packets on it.
//!
//! Needs root and `ip`; without them every test says that it was skipped, and why. What has to run inside a namespace
//! beside flowsift is this test binary itself, started again in a role (see [`role`]).
#![cfg(feature = "live")]

#[path = "live/lab.rs"]
mod lab;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lab::{Ended, Lab, PATIENCE, inside, ip, output};
use serde_json::Value;

/// Tells the binary which role it plays: `replay FILE INTERFACE` or `record INTERFACE FILE PACKETS`.
const ROLE: &str = "FLOWSIFT_LIVE_ROLE";

/// Longer frames do not pass the cable.
const LONGEST_FRAME: usize = 9014;

macro_rules! lab {
    () => {
        match Lab::new() {
            Ok(lab) => lab,
            Err(why) => {
                skipped(&format!("network namespaces: {why}"));
                return;
            }
        }
    };
}

#[test]
fn live_says_what_a_recording_of_the_same_packets_says() {
    let lab = lab!();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recorded.pcap");
    let sample = sample("office.pcapng");
    let packets = sendable(&sample);
    let recorder = Recorder::start(&lab, &recording, packets);
    let mut listener = lab.listen(&["--names"]);
    assert!(listener.is_listening());
    replay(&lab, &sample);
    recorder.finish();

    // A closed flow leaves five seconds after its end, while the listening goes on.
    let mut records = Vec::new();
    while !records.iter().any(|record: &Value| record["type"] == "flow") {
        records.push(listener.record(PATIENCE).expect("a record while it runs"));
    }
    listener.signal("INT");
    let Ended {
        status,
        records: rest,
        stderr,
        took,
    } = listener.end();
    assert_eq!(status, Some(0), "{stderr}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    records.extend(rest);

    let capture = records.iter().find(|record| record["type"] == "capture").unwrap();
    assert_eq!(capture["file"], lab.near);
    assert_eq!(capture["packets"], packets);
    assert_eq!(capture["dropped"]["kernel"], 0);
    assert!(capture["dropped"]["interface"].is_u64());

    let read = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(["read", "--names", "--format", "json"])
        .arg(&recording)
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    let offline: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(offline.len() > 50, "{} records", offline.len());
    let (live, offline) = (without_times(&records), without_times(&offline));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        live == offline,
        "only live:\n{}\nonly offline:\n{}",
        only(&live, &offline),
        only(&offline, &live)
    );
}

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
    let read = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(["read", "--filter", "tcp port 443", "--format", "json"])
        .arg(&sample)
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    let offline: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
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
    let said: Vec<&str> = ended.stderr.lines().skip(1).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(&lab.near) && said[0].contains("listening ended"),
        "{said:?}"
    );
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
    let remedy = format!("sudo setcap cap_net_raw,cap_net_admin=eip {}", program.display());
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

/// Records without what depends on when they were heard.
fn without_times(records: &[Value]) -> BTreeSet<String> {
    let stripped = records
        .iter()
        .filter(|record| record["type"] != "capture")
        .map(|record| {
            let mut record = record.clone();
            let fields = record.as_object_mut().unwrap();
            for key in ["start", "end", "time"] {
                fields.remove(key);
            }
            if let Some(evidence) = fields.get_mut("evidence").and_then(Value::as_object_mut) {
                evidence.remove("age_s");
            }
            record.to_string()
        });
    stripped.collect()
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

/// Another listener beside flowsift, which keeps what it hears; killed when dropped.
struct Recorder(Child);

impl Recorder {
    fn start(lab: &Lab, file: &Path, packets: u64) -> Recorder {
        let words = format!("record {} {} {packets}", lab.near, file.display());
        let child = role_in(&lab.near, &words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let recorder = Recorder(child);
        let begun = Instant::now();
        while !file.exists() {
            assert!(begun.elapsed() < PATIENCE, "the recorder does not begin");
            thread::sleep(Duration::from_millis(10));
        }
        recorder
    }

    fn finish(mut self) {
        let begun = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "the recorder has not heard all");
            thread::sleep(Duration::from_millis(10));
        }
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
        ["record", interface, file, packets] => {
            let mut from = open(interface);
            let mut to = from.savefile(file).unwrap();
            for _ in 0..packets.parse::<u64>().unwrap() {
                let packet = loop {
                    match from.next_packet() {
                        Ok(packet) => break packet,
                        Err(pcap::Error::TimeoutExpired) => {}
                        Err(error) => panic!("{error}"),
                    }
                };
                to.write(&packet);
            }
        }
        other => panic!("no role: {other:?}"),
    }
}
