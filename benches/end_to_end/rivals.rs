//! Who reads the capture, and how each is called.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::capture::Capture;
use super::walk;

pub struct Rival {
    pub name: &'static str,
    /// Program and arguments.
    pub command: Vec<PathBuf>,
    /// The same for readers.
    pub shown: String,
    /// The others are measured by the first that is.
    pub is_floor: bool,
}

const FLOWSIFT: &str = env!("CARGO_BIN_EXE_flowsift");
const FLOOR: &str = "../shared/tools/floor.c";

pub fn all(folder: &Path, capture: &Path) -> Vec<Rival> {
    let rival = |name, command: &[&Path], shown: &str, is_floor| Rival {
        name,
        command: command.iter().map(|word| word.to_path_buf()).collect(),
        shown: shown.to_owned(),
        is_floor,
    };
    let mut words: Vec<&Path> = vec![Path::new(FLOWSIFT)];
    words.extend(ARGUMENTS.map(Path::new));
    words.push(capture);
    let mut rivals = vec![rival(
        "flowsift",
        &words,
        &format!("flowsift {} FILE", ARGUMENTS.join(" ")),
        false,
    )];
    if let Some(floor) = floor(folder) {
        let command = [&floor, Path::new("flowpfr"), capture];
        rivals.push(rival(
            "floor",
            &command,
            "floor flowpfr FILE (cc -O3 -march=native)",
            true,
        ));
    }
    if let Ok(own) = env::current_exe() {
        let command = [&own, Path::new(walk::COMMAND), capture];
        let shown = "end_to_end walk FILE (headers, ports and a table of flows, in Rust)";
        rivals.push(rival("a plain walk", &command, shown, true));
    }
    if Command::new("tcpdump").arg("--version").output().is_ok() {
        let command = ["tcpdump", "-r"].map(Path::new).into_iter();
        let command: Vec<&Path> = command
            .chain([capture])
            .chain(["-w", "/dev/null"].map(Path::new))
            .collect();
        rivals.push(rival(
            "tcpdump, copying",
            &command,
            "tcpdump -r FILE -w /dev/null",
            false,
        ));
    }
    rivals
}

const ARGUMENTS: [&str; 3] = ["read", "--format", "json"];

/// The floor, compiled; None if its source or a compiler is not at hand.
fn floor(folder: &Path) -> Option<PathBuf> {
    let source = env::var_os("FLOWSIFT_FLOOR").map(PathBuf::from);
    let source = source.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(FLOOR));
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
        .args(ARGUMENTS)
        .arg(&capture.path)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // Line by line: what this program holds would count for the programs it starts.
    let mut out = BufReader::new(child.stdout.take().ok_or("flowsift has no output")?);
    let (mut line, mut last) = (String::new(), String::new());
    let (mut named, mut bytes) = (0, 0);
    while out.read_line(&mut line).map_err(failed)? > 0 {
        named += usize::from(line.contains(r#""kind":"sni""#));
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
        "{} flows, {named} of them named by SNI, {bytes} bytes of JSON",
        last["flows"]
    ))
}
