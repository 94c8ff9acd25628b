//! A folder into which another program rotates captures.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{Lab, Listener, PATIENCE, inside};
use crate::{assert_same, read, replay, sample, skipped};

/// Another program that captures; killed when dropped.
struct Other(Child);

impl Other {
    /// Starts it in the near namespace, and waits until it has begun a file.
    fn start(lab: &Lab, program: &str, words: &[&str], folder: &Path) -> Option<Other> {
        if Command::new(program).arg("--version").output().is_err() {
            skipped(program);
            return None;
        }
        let mut command = inside(&lab.near, program);
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let other = Other(command.spawn().unwrap());
        let begun = Instant::now();
        while std::fs::read_dir(folder).unwrap().count() == 0 {
            assert!(begun.elapsed() < PATIENCE, "{program} does not begin");
            thread::sleep(Duration::from_millis(20));
        }
        Some(other)
    }

    fn finish(mut self) {
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn follow(words: &[&str]) -> Listener {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowsift"));
    command.args(words).args(["--format", "json", "--names"]);
    Listener::start(command)
}

fn lines(records: &[Value]) -> BTreeSet<String> {
    let records = records.iter().filter(|record| record["type"] != "capture");
    records.map(Value::to_string).collect()
}

/// What the other program writes is followed while it writes it, and read afterwards.
fn followed(program: &str, name: &str, words: &[&str]) {
    let lab = lab!();
    let folder = tempfile::tempdir().unwrap();
    // tcpdump gives its privileges away before it opens the files.
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.path().join(name);
    let words = [&["-i", &lab.near, "-w", file.to_str().unwrap()], words].concat();
    let Some(other) = Other::start(&lab, program, &words, folder.path()) else {
        return;
    };
    let mut listener = follow(&["read", "--follow", folder.path().to_str().unwrap()]);
    assert!(listener.is_listening());
    for _ in 0..3 {
        replay(&lab, &sample("office.pcapng"));
        // One that rotates by time needs some.
        thread::sleep(Duration::from_millis(1100));
    }
    // Before the other one has finished there is something to be seen.
    let first = listener.wait_for(|record| record["type"] == "name" || record["type"] == "flow");
    other.finish();
    listener.signal("INT");
    let mut ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    ended.records.push(first);
    let afterwards = read(&["--names"], &[folder.path()]);
    assert!(afterwards.iter().filter(|record| record["type"] == "capture").count() > 2);
    let captures = |records: &[Value]| -> BTreeSet<String> {
        // One that has not got its first packet is not begun.
        let captures = records
            .iter()
            .filter(|record| record["type"] == "capture" && record["packets"] != 0);
        captures
            .map(|capture| format!("{} {}", capture["file"], capture["packets"]))
            .collect()
    };
    assert_same(&captures(&ended.records), &captures(&afterwards));
    assert_same(&lines(&ended.records), &lines(&afterwards));
}

#[test]
fn what_tcpdump_rotates() {
    followed("tcpdump", "lab-%s.pcap", &["-U", "-G", "1", "-Z", "root"]);
}

#[test]
fn what_dumpcap_rotates() {
    followed("dumpcap", "lab.pcapng", &["-q", "-b", "packets:400"]);
}

#[test]
fn a_file_that_grows_is_followed_for_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcap");
    let whole = std::fs::read(sample("classes/salestim.pcap")).unwrap();
    let half = whole.len() / 2;
    std::fs::write(&path, &whole[..half]).unwrap();
    let listener = follow(&["live", "--follow", path.to_str().unwrap(), "--duration", "2s"]);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, &whole[half..]).unwrap();
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!(lines(&ended.records).len(), lines(&read(&["--names"], &[&path])).len());
    assert!(
        ended.stderr.lines().last().unwrap().contains("files 1, "),
        "{}",
        ended.stderr
    );
}
