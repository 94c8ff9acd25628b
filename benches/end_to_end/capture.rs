//! Which captures are read: given ones, those that a tool at hand makes of real traffic, or our own.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::{FILE_HEADER, RECORD_HEADER, hex, made, number, tool};

const GIVEN: &str = "FLOWSIFT_BENCH_CAPTURES";
const PERCENT: &str = "FLOWSIFT_BENCH_PERCENT";
/// The value that wants our own, whatever is at hand.
const OWN: &str = "made";

pub struct Capture {
    pub path: PathBuf,
    /// `mix`, `handshakes`, `synflood`, or whatever the file is called.
    pub name: String,
    pub packets: u64,
    /// Of the file.
    pub bytes: u64,
    sha256: String,
}

impl Capture {
    /// Any pcap file: read once to count and hash it, which also brings it into the page cache.
    pub fn of(path: &Path) -> Result<Capture, String> {
        facts(path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// In it every packet is a flow that nobody wants to see.
    pub fn is_flood(&self) -> bool {
        self.name.contains("flood")
    }

    pub fn describe(&self) -> String {
        let (name, packets, bytes, sha256) = (&self.name, self.packets, self.bytes, &self.sha256);
        format!("{name}.pcap, {packets} packets, {bytes} bytes, sha256 {sha256}")
    }
}

/// The files that this run reads, and where they are from.
pub fn chosen(folder: &Path) -> Result<(Vec<PathBuf>, String), String> {
    match env::var_os(GIVEN).filter(|list| !list.is_empty()) {
        Some(list) if list != OWN => Ok((env::split_paths(&list).collect(), format!("given by {GIVEN}"))),
        Some(_) => own(folder),
        None => match real(folder) {
            Some(paths) => Ok((paths, "real traffic, by make_bench.sh".to_owned())),
            None => own(folder),
        },
    }
}

/// Small ones of our own for [`count`](super::count), or those that are given.
pub fn small(folder: &Path) -> Result<Vec<PathBuf>, String> {
    const SMALL_PERCENT: u64 = 2;
    match env::var_os(GIVEN).filter(|list| !list.is_empty() && list != OWN) {
        Some(list) => Ok(env::split_paths(&list).collect()),
        None => make(folder, SMALL_PERCENT),
    }
}

fn own(folder: &Path) -> Result<(Vec<PathBuf>, String), String> {
    let percent: u64 = number(PERCENT, 100)?;
    let paths = make(folder, percent)?;
    Ok((paths, format!("made, {percent} % of their size")))
}

/// Makes our own, in a process of its own.
fn make(folder: &Path, percent: u64) -> Result<Vec<PathBuf>, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let made = Command::new(own)
        .arg(made::COMMAND)
        .arg(folder)
        .arg(percent.to_string())
        .status();
    match made {
        Ok(status) if status.success() => Ok(made::paths(folder).into()),
        _ => Err("the captures could not be made".to_owned()),
    }
}

/// The captures of a tool that copies real traffic, where there is one.
fn real(folder: &Path) -> Option<Vec<PathBuf>> {
    let tool = tool("make_bench.sh");
    if !tool.exists() {
        return None;
    }
    let folder = folder.join("real");
    let paths = made::paths(&folder);
    let done = folder.join("done");
    if !done.exists() {
        eprintln!("making captures of real traffic: a few minutes, once");
        fs::create_dir_all(&folder).ok()?;
        let made = Command::new(tool).arg(&folder).stdout(Stdio::null()).status();
        if !made.is_ok_and(|status| status.success()) || !paths.iter().all(|path| path.exists()) {
            eprintln!("they could not be made: our own are used");
            return None;
        }
        fs::write(done, "").ok()?;
    }
    Some(paths.into())
}

fn facts(path: &Path) -> io::Result<Capture> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let (mut bytes, mut packets) = (0, 0);
    let mut piece = vec![0; 1 << 20];
    // Where the next record's header begins.
    let mut next = FILE_HEADER as u64;
    let mut header = Vec::with_capacity(RECORD_HEADER);
    loop {
        let n = file.read(&mut piece)?;
        if n == 0 {
            break;
        }
        hash.update(&piece[..n]);
        let end = bytes + n as u64;
        while next + (header.len() as u64) < end {
            let from = (next + header.len() as u64 - bytes) as usize;
            let to = n.min(from + RECORD_HEADER - header.len());
            header.extend_from_slice(&piece[from..to]);
            if let Some(captured) = header.get(8..12).filter(|_| header.len() == RECORD_HEADER) {
                let captured = u32::from_le_bytes([captured[0], captured[1], captured[2], captured[3]]);
                next += RECORD_HEADER as u64 + u64::from(captured);
                packets += 1;
                header.clear();
            }
        }
        bytes = end;
    }
    Ok(Capture {
        path: path.to_owned(),
        name: path.file_stem().unwrap_or_default().display().to_string(),
        packets,
        bytes,
        sha256: hex(&hash.finalize()),
    })
}
