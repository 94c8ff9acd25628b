//! Who reads the capture, and how each is called.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::capture::Capture;
use super::{tool, walk};

pub struct Rival {
    pub name: String,
    pub role: Role,
    /// Program and arguments.
    pub command: Vec<PathBuf>,
    /// The same for readers.
    pub shown: String,
}

/// What a program is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This build, with so many threads; work of the same number is the same work.
    Own {
        threads: usize,
        work: usize,
    },
    /// What the machine can do: the first one there is what the others are measured by.
    Floor,
    Tcpdump,
    Other,
}

pub const FLOWSIFT: &str = env!("CARGO_BIN_EXE_flowsift");
/// What stands for the capture in a command.
const FILE: &str = "FILE";
/// What this build is asked for; the second one in a flood only, where it means that no flow is shown.
const WORKS: [&[&str]; 2] = [
    &["read", "--format", "json"],
    &["read", "--format", "json", "--class", "salestim"],
];
/// The others, when they are installed: all that each can say of flows, hellos and names, as far as it can be told to.
const OTHERS: [(&str, &[&str]); 5] = [
    ("ndpiReader", &["-q", "-i", FILE]),
    (
        "tshark",
        &[
            "-n",
            "-r",
            FILE,
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-e",
            "tls.handshake.extensions_server_name",
            "-e",
            "dns.qry.name",
            "-Y",
            "tls.handshake.type == 1 or dns",
        ],
    ),
    ("suricata", &["-r", FILE, "-l", ".", "-k", "none", "-S", "/dev/null"]),
    ("zeek", &["-C", "-r", FILE]),
    ("mercury", &["-r", FILE, "-f", "/dev/null"]),
];

/// Everybody who is at hand, in the order of the table.
pub fn all(folder: &Path, capture: &Capture) -> Vec<Rival> {
    let mut rivals = Vec::new();
    let works = if capture.is_flood() { 2 } else { 1 };
    for (work, arguments) in WORKS.iter().enumerate().take(works) {
        rivals.extend(
            thread_counts()
                .into_iter()
                .map(|threads| own(threads, work, arguments, capture)),
        );
    }
    if let Some(floor) = floor(folder) {
        let mut floor = rival(&floor, &["flowpfr", FILE], capture, Role::Floor);
        floor.shown.push_str(" (cc -O3 -march=native)");
        rivals.push(floor);
    }
    if let Ok(program) = env::current_exe() {
        let mut walk = rival(&program, &[walk::COMMAND, FILE], capture, Role::Floor);
        walk.name = "a plain walk".to_owned();
        walk.shown = "end_to_end walk FILE (headers, ports and a table of flows, in Rust)".to_owned();
        rivals.push(walk);
    }
    if is_installed("tcpdump") {
        let mut tcpdump = rival(
            Path::new("tcpdump"),
            &["-r", FILE, "-w", "/dev/null"],
            capture,
            Role::Tcpdump,
        );
        tcpdump.name = "tcpdump, copying".to_owned();
        rivals.push(tcpdump);
    }
    let others = OTHERS.iter().filter(|(program, _)| is_installed(program));
    rivals.extend(others.map(|(program, arguments)| rival(Path::new(program), arguments, capture, Role::Other)));
    rivals
}

fn own(threads: usize, work: usize, arguments: &[&str], capture: &Capture) -> Rival {
    let number = threads.to_string();
    let arguments = [arguments, &["--threads", &number, FILE][..]].concat();
    let mut rival = rival(Path::new(FLOWSIFT), &arguments, capture, Role::Own { threads, work });
    let plural = if threads == 1 { "" } else { "s" };
    let only = if work == 0 { "" } else { ", --class salestim" };
    rival.name = format!("flowsift, {threads} thread{plural}{only}");
    rival
}

/// One, two, and all cores where there are more.
fn thread_counts() -> Vec<usize> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1, 2];
    if cores > 2 {
        counts.push(cores);
    }
    counts
}

fn rival(program: &Path, arguments: &[&str], capture: &Capture, role: Role) -> Rival {
    let name = program.file_name().unwrap_or_default().display().to_string();
    let shown = format!("{name} {}", arguments.join(" "));
    let arguments = arguments.iter().map(|word| match *word {
        FILE => capture.path.clone(),
        word => PathBuf::from(word),
    });
    Rival {
        command: [program.to_owned()].into_iter().chain(arguments).collect(),
        name,
        role,
        shown,
    }
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The floor, compiled; None if its source or a compiler is not at hand.
fn floor(folder: &Path) -> Option<PathBuf> {
    let source = tool("floor.c");
    let program = folder.join("floor");
    if !source.exists() {
        return None;
    }
    let compiled = Command::new("cc")
        .args(["-O3", "-march=native", "-w", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    compiled.is_ok_and(|status| status.success()).then_some(program)
}

/// Reads the capture once and holds what flowsift says of it against what is known.
pub fn answer_of_flowsift(capture: &Capture) -> Result<String, String> {
    let failed = |error: io::Error| format!("{FLOWSIFT}: {error}");
    let mut child = Command::new(FLOWSIFT)
        .args(WORKS[0])
        .arg(&capture.path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // Line by line: what this program holds would count for the programs it starts.
    let mut out = BufReader::new(child.stdout.take().ok_or("flowsift has no output")?);
    let (mut line, mut last) = (String::new(), String::new());
    let (mut by_sni, mut by_quic, mut bytes) = (0, 0, 0);
    while out.read_line(&mut line).map_err(failed)? > 0 {
        by_sni += usize::from(line.contains(r#""kind":"sni""#));
        by_quic += usize::from(line.contains(r#""kind":"quic""#));
        bytes += line.len();
        std::mem::swap(&mut line, &mut last);
        line.clear();
    }
    child.wait().map_err(failed)?;
    let last: Value = serde_json::from_str(&last).map_err(|error| format!("flowsift's last line: {error}"))?;
    if last["packets"] != capture.packets {
        return Err(format!(
            "flowsift read {} of {} packets",
            last["packets"], capture.packets
        ));
    }
    Ok(format!(
        "{} flows, {by_sni} named by SNI and {by_quic} by QUIC, {bytes} bytes of JSON",
        last["flows"]
    ))
}
