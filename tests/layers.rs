//! Who may import whom: read off the `use` lines, so that the picture in ARCHITECTURE.md stays true.

use std::fs;
use std::path::{Path, PathBuf};

/// Room, and what it may name of the crate (prefixes of paths behind `crate::`).
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("wire", &["wire"]),
    ("flow", &["flow", "wire"]),
    ("names", &["names", "flow::stamp"]),
    ("crypto", &["crypto", "wire"]),
    ("anonymise", &["anonymise", "wire"]),
    (
        "evidence",
        &[
            "evidence",
            "crypto",
            "wire",
            "flow::stamp",
            "flow::key",
            "flow::fetch",
            "names::domain",
        ],
    ),
    (
        "policy",
        &[
            "policy",
            "evidence",
            "names::domain",
            "flow::key",
            "flow::attempt",
            "wire::packet",
        ],
    ),
    ("engine", &["engine", "wire", "flow", "evidence", "names", "policy"]),
    (
        "source",
        &["source", "engine::epoch", "flow::stamp", "wire::link", "wire::cursor"],
    ),
    (
        "sink",
        &[
            "sink",
            "engine::rows",
            "evidence",
            "policy",
            "names::domain",
            "flow::key",
            "wire::packet",
        ],
    ),
];

/// What nothing at or below the engine may touch. Threads are the engine's driver's alone.
const OUTSIDE_WORLD: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::time",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
];
const CORE: &[&str] = &[
    "wire",
    "anonymise",
    "crypto",
    "flow",
    "names",
    "evidence",
    "policy",
    "engine",
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The file up to its tests.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a readable source file");
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn room_files(room: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src.join(room), &mut files);
    assert!(!files.is_empty(), "no files in {room}");
    files
}

#[test]
fn rooms_import_only_what_they_may() {
    for (room, allowed) in MAY_IMPORT {
        for file in room_files(room) {
            for (number, line) in code_of(&file).lines().enumerate() {
                let line = line.trim();
                if line.starts_with("//") {
                    continue;
                }
                for target in line.split("crate::").skip(1) {
                    let fine = allowed.iter().any(|prefix| {
                        target
                            .strip_prefix(prefix)
                            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                    });
                    assert!(
                        fine,
                        "{}:{}: {room} may not import crate::{target}",
                        file.display(),
                        number + 1
                    );
                }
            }
        }
    }
}

#[test]
fn the_core_touches_no_file_socket_clock_or_thread() {
    for room in CORE {
        for file in room_files(room) {
            let is_driver = file.ends_with("engine/drive.rs");
            for (number, line) in code_of(&file).lines().enumerate() {
                if line.trim().starts_with("//") {
                    continue;
                }
                for word in OUTSIDE_WORLD {
                    let allowed = is_driver && *word == "std::thread";
                    assert!(
                        allowed || !line.contains(word),
                        "{}:{}: {room} uses {word}",
                        file.display(),
                        number + 1
                    );
                }
            }
        }
    }
}
