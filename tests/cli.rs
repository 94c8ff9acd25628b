//! The command as a stranger tries it: odd inputs, odd outputs, and how each ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::Command;
use serde_json::Value;

/// How a run ended and what it wrote.
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

    fn of_type(&self, word: &str) -> Vec<Value> {
        let mut records = self.records();
        records.retain(|record| record["type"] == word);
        records
    }

    /// Asserts that nothing was read: status 2, no data, one line that names the input and says `says`.
    fn is_refusal(&self, input: &str, says: &str) {
        assert_eq!(self.status, Some(2), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(
            self.stderr.contains(input) && self.stderr.contains(says),
            "{}",
            self.stderr
        );
    }
}

fn flowsift() -> Command {
    Command::new(env!("CARGO_BIN_EXE_flowsift"))
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary runs");
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Runs `flowsift read` with these words, on these files.
fn read<P: AsRef<Path>>(words: &str, files: &[P]) -> Ran {
    let mut command = flowsift();
    command.arg("read").args(words.split_whitespace());
    ran(command.args(files.iter().map(AsRef::as_ref)))
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// A folder with these files in it.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a file can be written");
    }
    folder
}

#[test]
fn nothing_typed_shows_the_help_and_is_no_success() {
    let ran = ran(&mut flowsift());
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("Usage: flowsift"), "{}", ran.stderr);
}

#[test]
fn what_is_no_capture_is_one_line_and_two() {
    let etl = folder(&[("trace.etl", &[0; 200])]);
    for (input, says) in [
        (sample("formats/empty.pcap"), "empty, 0 bytes"),
        (sample("formats/unknown-magic.pcap"), "not a pcap or pcapng file"),
        (sample("formats/snoop.cap"), "editcap -F pcapng"),
        (etl.path().join("trace.etl"), "etl2pcap"),
        (sample("nowhere.pcap"), "no such file"),
    ] {
        read("", &[&input]).is_refusal(&input.display().to_string(), says);
    }
    let text = folder(&[("notes.txt", b"hello"), (".hidden.pcap", b"hello")]);
    read("", &[text.path()]).is_refusal(&text.path().display().to_string(), "a folder without captures");
    read("", &[folder(&[]).path()]).is_refusal("", "a folder without captures");
}

#[test]
fn a_header_alone_is_an_empty_capture_and_a_cut_tail_is_said() {
    for name in ["formats/header-only.pcap", "formats/header-only.pcapng"] {
        let ran = read("", &[sample(name)]);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{name}");
        assert_eq!(ran.records()[0]["packets"], 0);
    }
    let cut = sample("formats/cut.pcap");
    let ran = read("", &[&cut]);
    assert_eq!(ran.status, Some(0));
    assert!(ran.stderr.contains("cut.pcap: cut short: ") && ran.stderr.contains("10 whole packets"));
    assert_eq!(ran.stderr.lines().count(), 1);
    assert_eq!(ran.of_type("capture")[0]["packets"], 10);
    assert_eq!(read("--quiet", &[&cut]).stderr, "");
}

#[test]
fn every_place_where_a_capture_can_end_is_read_to_its_last_whole_packet() {
    let whole = fs::read(sample("formats/microseconds.pcap")).unwrap();
    for length in (24..whole.len()).step_by(7) {
        let folder = folder(&[("cut.pcap", whole.get(..length).unwrap())]);
        let ran = read("", &[folder.path().join("cut.pcap")]);
        assert_eq!(ran.status, Some(0), "{length}: {}", ran.stderr);
        assert!(ran.of_type("capture")[0]["packets"].as_u64() < Some(1000));
    }
    let folder = folder(&[("cut.pcap", whole.get(..23).unwrap())]);
    read("", &[folder.path().join("cut.pcap")]).is_refusal("cut.pcap", "cut inside its header: 23 of 24");
}

#[test]
fn several_files_are_one_stream_in_the_order_of_time() {
    let parts: Vec<PathBuf> = {
        let mut parts: Vec<PathBuf> = fs::read_dir(sample("formats/rotated"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        parts.sort();
        parts
    };
    assert!(parts.len() > 1);
    let together = read("", &[sample("formats/rotated")]);
    assert_eq!(together.status, Some(0), "{}", together.stderr);
    // Whatever order they are named in.
    let backwards: Vec<&PathBuf> = parts.iter().rev().collect();
    assert_eq!(read("", &backwards).stdout, together.stdout);
    // A flow that goes on in the next file is one flow.
    let apart: usize = parts.iter().map(|part| read("", &[part]).of_type("flow").len()).sum();
    assert!(together.of_type("flow").len() < apart, "{apart}");
    let captures = together.of_type("capture");
    assert_eq!(captures.len(), parts.len());
    let firsts: Vec<&str> = captures
        .iter()
        .filter_map(|capture| capture["first"].as_str())
        .collect();
    assert!(firsts.is_sorted(), "{firsts:?}");
}

#[test]
fn one_bad_input_among_several_does_not_stop_the_others() {
    let (teams, graph) = (sample("classes/teams.pcap"), sample("classes/graph.pcap"));
    let good = read("", &[&teams, &graph]);
    let ran = read("", &[&teams, &sample("formats/empty.pcap"), &sample("nowhere"), &graph]);
    assert_eq!((good.status, ran.status), (Some(0), Some(2)));
    assert_eq!(ran.stdout, good.stdout);
    let (overlap, said): (Vec<&str>, Vec<&str>) = ran.stderr.lines().partition(|line| line.contains("mergecap"));
    assert_eq!((overlap.len(), said.len()), (1, 2), "{said:?}");
    assert!(
        said[0].contains("empty.pcap: ") && said[1].contains("nowhere: "),
        "{said:?}"
    );
    // What was asked about may be in what could not be read.
    let old = sample("flags/tls-version.pcap");
    assert_eq!(read("--fail-on tls-version", &[&old]).status, Some(1));
    assert_eq!(
        read("--fail-on tls-version", &[&old, &sample("nowhere")]).status,
        Some(2)
    );
}

#[test]
fn standard_input_is_a_capture_like_any_other() {
    for name in ["classes/teams.pcap", "formats/wrapped.pcap.zst", "formats/cut.pcapng"] {
        let file = read("", &[sample(name)]);
        let piped = ran(flowsift()
            .args(["read", "-"])
            .write_stdin(fs::read(sample(name)).unwrap()));
        assert_eq!((piped.status, file.status), (Some(0), Some(0)), "{name}");
        assert_eq!(piped.of_type("flow"), file.of_type("flow"), "{name}");
        assert_eq!(piped.of_type("capture")[0]["file"], "-");
    }
    ran(flowsift().args(["read", "-"]).write_stdin("")).is_refusal("-: ", "empty, 0 bytes");
}

#[test]
fn results_go_where_they_are_sent_and_never_over_an_input() {
    let capture = fs::read(sample("classes/teams.pcap")).unwrap();
    let folder = folder(&[("in.pcap", &capture), ("earlier.jsonl", b"earlier results\n")]);
    let at = |name: &str| folder.path().join(name);
    let input = at("in.pcap");
    let to = |output: &Path| read(&format!("--output {}", output.display()), &[&input]);

    let wanted = read("", &[&input]).stdout;
    let ran = to(&at("out.jsonl"));
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(at("out.jsonl")).unwrap(), wanted);

    to(&input).is_refusal("in.pcap", "is an input");
    assert!(fs::read(&input).unwrap() == capture);
    to(&at("no/where")).is_refusal("no/where", "cannot write to");
    to(folder.path()).is_refusal("", "is a folder: give -o a file in it");

    // What fails before anything is read leaves earlier results alone.
    let earlier = at("earlier.jsonl");
    let words = format!("--output {}", earlier.display());
    for (more, files) in [
        ("", "nowhere.pcap"),
        ("--policy nowhere", "in.pcap"),
        ("--class nosuch", "in.pcap"),
    ] {
        assert_eq!(read(&format!("{words} {more}"), &[at(files)]).status, Some(2), "{more}");
        assert_eq!(fs::read_to_string(&earlier).unwrap(), "earlier results\n", "{more}");
    }
}

#[test]
fn a_full_disk_is_said_and_a_reader_that_has_seen_enough_is_not() {
    let office = sample("office.pcapng");
    for format in ["json", "table"] {
        if let Ok(full) = File::options().write(true).open("/dev/full") {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_flowsift"))
                .args(["read", "--format", format])
                .arg(&office)
                .stdout(full)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2));
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                said,
                "flowsift: cannot write to standard output: no space left on device\n"
            );
        }
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_flowsift"))
            .args(["read", "--quiet", "--names", "--format", format])
            .args([&office; 20])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        reader.read_line(&mut first).unwrap();
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert!(!first.is_empty());
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{format}");
    }
}

#[test]
fn rows_are_chosen_by_class_and_flag() {
    let office = sample("office.pcapng");
    let all = read("", &[&office]).of_type("flow");
    let some = read("--class salestim --class telemetry", &[&office]).of_type("flow");
    assert!(!some.is_empty() && some.len() < all.len());
    assert!(
        some.iter()
            .all(|flow| flow["class"] == "salestim" || flow["class"] == "telemetry")
    );
    let old = sample("flags/tls-version.pcap");
    let flagged = read("--flag tls-version", &[&old]).of_type("flow");
    assert!(!flagged.is_empty());
    for flow in &flagged {
        let flags = flow["flags"].as_array().unwrap();
        assert!(flags.iter().any(|flag| flag["flag"] == "tls-version"), "{flow}");
    }
    assert_eq!(read("--fail-on rerouted", &[&old]).status, Some(0));
}

#[cfg(feature = "live")]
#[test]
fn a_filter_works_for_every_link_type() {
    for name in [
        "microseconds.pcap",
        "raw.pcap",
        "null.pcap",
        "null-big.pcap",
        "loop.pcap",
        "sll.pcap",
        "sll2.pcap",
        "interfaces.pcapng",
    ] {
        let file = sample("formats").join(name);
        let all = read("", &[&file]);
        let flows = |ran: &Ran| ran.of_type("flow").iter().filter(|flow| flow["proto"] == "tcp").count();
        let tcp = flowsift()
            .args(["read", "--filter", "tcp port 443"])
            .arg(&file)
            .output()
            .unwrap();
        let tcp = Ran {
            status: tcp.status.code(),
            stdout: String::from_utf8(tcp.stdout).unwrap(),
            stderr: String::from_utf8(tcp.stderr).unwrap(),
        };
        assert_eq!((tcp.status, tcp.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(flows(&tcp) > 0, "{name}");
        assert_eq!(flows(&tcp), flows(&all), "{name}");
        assert_eq!(flows(&read("--filter udp", &[&file])), 0, "{name}");
    }
    let ran = ran(flowsift()
        .args(["read", "--filter", "tcp porridge 443"])
        .arg(sample("office.pcapng")));
    ran.is_refusal("--filter", "as for tcpdump");
}

#[cfg(feature = "live")]
#[test]
fn a_filter_hides_no_faults() {
    let ran = read(
        "--filter tcp",
        &[sample("classes/teams.pcap"), sample("formats/empty.pcap")],
    );
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("empty.pcap"), "{}", ran.stderr);
    let ran = read(
        "--filter tcp",
        &[sample("formats/user0.pcap"), sample("formats/empty.pcap")],
    );
    let said: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains("empty.pcap") || line.contains("--filter"))
        .collect();
    assert_eq!((ran.status, said.len()), (Some(2), 2), "{}", ran.stderr);
}

#[test]
fn a_policy_that_cannot_be_used_is_refused_where_it_is_wrong() {
    let folder = folder(&[
        ("typo.toml", b"[policy]\nname = \"lab\"\ntitel = \"x\"\n"),
        ("broken.toml", b"[policy\n"),
        ("binary.toml", b"\xff\xfe\0"),
        ("lab.toml", b"[policy]\nname = \"lab\"\n\n[[endpoint]]\nid = \"web\"\nclass = \"mine\"\nline = \"green\"\ntitle = \"Web\"\nhosts = [\"*.salestim.io\"]\nports = [\"tcp/443\"]\n"),
    ]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let teams = sample("classes/salestim.pcap");
    for (name, says) in [
        ("typo.toml", "typo.toml:3:"),
        ("broken.toml", "broken.toml:1:"),
        ("binary.toml", "not UTF-8"),
        ("nowhere.toml", "built-in policy: salestim"),
        ("", "it is a folder"),
    ] {
        read(&format!("--policy {}", at(name)), &[&teams]).is_refusal(name, says);
    }
    let ran = read(&format!("--policy {}", at("lab.toml")), &[&teams]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.of_type("flow").iter().any(|flow| flow["class"] == "mine"));
    assert_eq!(ran.of_type("capture")[0]["policy"]["name"], "lab");
}

#[test]
fn hashes_are_those_of_the_stored_bytes() {
    use sha2::{Digest, Sha256};
    for name in ["classes/teams.pcap", "formats/wrapped.pcap.gz", "formats/cut.pcap"] {
        let bytes = fs::read(sample(name)).unwrap();
        let hash: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let ran = read("--hash", &[sample(name)]);
        assert_eq!(ran.of_type("capture")[0]["sha256"], hash, "{name}");
        assert!(read("", &[sample(name)]).of_type("capture")[0].get("sha256").is_none());
    }
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let table = |words: &str, no_color: &str| {
        let mut command = flowsift();
        command
            .args(["read", "--format", "table"])
            .args(words.split_whitespace());
        ran(command.arg(sample("office.pcapng")).env("NO_COLOR", no_color)).stdout
    };
    assert!(!table("", "").contains('\u{1b}'));
    assert!(!table("", "1").contains('\u{1b}'));
    assert!(table("--color always", "1").contains('\u{1b}'));
    assert!(!table("--color never", "").contains('\u{1b}'));
}

#[test]
fn memory_and_threads_change_no_record_where_nothing_is_evicted() {
    let office = sample("office.pcapng");
    let usual = read("--names", &[&office]).stdout;
    for words in ["--memory 16MB", "--memory 4GiB", "--threads 1", "--threads 7"] {
        assert!(read(&format!("--names {words}"), &[&office]).stdout == usual, "{words}");
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_may_hold_anything() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = folder(&[]);
    for name in [&b"\xff\x1b[31m.pcap"[..], b"a\nb.pcap", b"-x.pcap", b"\"quoted\\.pcap"] {
        let path = folder.path().join(OsStr::from_bytes(name));
        fs::copy(sample("formats/cut.pcap"), &path).unwrap();
        let ran = read("", &[&path]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout.chars().any(|c| c != '\n' && c.is_control()));
        assert_eq!(ran.stderr.lines().count(), 1);
        assert!(
            !ran.stderr.chars().any(|c| c != '\n' && c.is_control()),
            "{:?}",
            ran.stderr
        );
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_like_standard_input() {
    let folder = folder(&[]);
    let pipe = folder.path().join("pipe");
    if !std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .is_ok_and(|status| status.success())
    {
        return;
    }
    let to = pipe.clone();
    let writer = std::thread::spawn(move || fs::write(to, fs::read(sample("classes/teams.pcap")).unwrap()));
    let ran = read("", &[&pipe]);
    writer.join().unwrap().unwrap();
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(
        ran.of_type("flow"),
        read("", &[sample("classes/teams.pcap")]).of_type("flow")
    );
}

#[test]
fn what_was_blocked_is_shown_and_fails_a_check() {
    let blocked = sample("flags/blocked-names.pcap");
    let shown = read("--flag blocked --format json", &[&blocked]);
    assert!(shown.stdout.contains("\"how\":\"nxdomain\""), "{}", shown.stdout);
    assert_eq!(read("--fail-on blocked", &[&blocked]).status, Some(1));
    assert_eq!(
        read("--fail-on blocked", &[&sample("classes/teams.pcap")]).status,
        Some(0)
    );
}
