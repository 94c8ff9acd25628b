//! Walks `samples/` and holds what flowsift says of every capture against the expectation beside it.
//!
//! `NAME.expect` belongs to `NAME`, a capture or a folder of captures; `samples/README.md` has its grammar.
//! Adding a sample is adding files.

#[path = "samples/expectation.rs"]
mod expectation;
#[path = "samples/shape.rs"]
mod shape;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use expectation::Expectation;
use serde_json::Value;

const CAPTURE_ENDINGS: [&str; 6] = ["pcap", "pcapng", "gz", "zst", "lz4", "cap"];

#[test]
fn every_sample_is_read_as_it_says() {
    let mut complaints = Vec::new();
    let expectations = expectation_files();
    assert!(expectations.len() > 50, "only {} samples found", expectations.len());
    for path in &expectations {
        let found = examine(path);
        if !found.is_empty() {
            let name = path.strip_prefix(samples()).unwrap_or(path).display();
            complaints.push(format!("{name}\n{}", found.join("\n")));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} of {} samples differ:\n\n{}\n",
        complaints.len(),
        expectations.len(),
        complaints.join("\n\n")
    );
}

#[test]
fn every_capture_has_an_expectation() {
    let expected: Vec<PathBuf> = expectation_files().iter().map(|path| path.with_extension("")).collect();
    let forgotten: Vec<PathBuf> = files_below(&samples())
        .into_iter()
        .filter(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            ending.is_some_and(|ending| CAPTURE_ENDINGS.contains(&ending))
        })
        .filter(|path| !expected.iter().any(|sample| path.starts_with(sample)))
        .collect();
    assert!(forgotten.is_empty(), "without an expectation: {forgotten:?}");
}

/// Runs flowsift on one sample; what differs, a line or more each.
fn examine(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("an expectation can be read");
    let expectation = match Expectation::parse(&text) {
        Ok(expectation) => expectation,
        Err(why) => return vec![format!("  the expectation cannot be read: {why}")],
    };
    let output = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(["read", "--names", "--format", "json"])
        .args(&expectation.arguments)
        .arg(path.with_extension(""))
        .output()
        .expect("flowsift can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let mut complaints = Vec::new();
    if output.status.code() != Some(expectation.exit) {
        complaints.push(format!(
            "  exit status: {} expected, {:?} came; stderr: {}",
            expectation.exit,
            output.status.code(),
            stderr.trim()
        ));
    }
    for wanted in &expectation.stderr {
        if !stderr.to_lowercase().contains(&wanted.to_lowercase()) {
            complaints.push(format!("  stderr lacks `{wanted}`: {}", stderr.trim()));
        }
    }
    let mut records: Vec<Value> = Vec::new();
    for line in stdout.lines() {
        match serde_json::from_str(line) {
            Ok(record) => records.push(record),
            Err(why) => complaints.push(format!("  not JSON ({why}): {line}")),
        }
    }
    complaints.extend(shape::complaints(&stdout, &records));
    complaints.extend(expectation.complaints(&records));
    complaints
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn expectation_files() -> Vec<PathBuf> {
    let mut files = files_below(&samples());
    files.retain(|path| path.extension().is_some_and(|ending| ending == "expect"));
    files
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).expect("a folder of samples can be read");
    for entry in entries {
        let path = entry.expect("a folder's entry can be read").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
