//! The captures that this program makes itself, in `target/bench`; the same bytes every time.
//!
//! | file | what is in it | at 100 % |
//! | --- | --- | ---: |
//! | `mix.pcap` | the minute of [`day`](super::day), lived by many places at once | 1000 MB, 100 k flows |
//! | `handshakes.pcap` | the same of handshakes and lookups alone | 300 MB, 100 k flows |
//! | `synflood.pcap` | SYNs, every one a flow of its own | 5 million, 380 MB |
//!
//! They are kept for the next run. Beside each lies its plan, which changes when the traffic does.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::day::{self, Appetite};
use super::traffic::copies::{Copies, Plan};
use super::traffic::frame::{self, Segment};
use super::traffic::{MORNING, SECOND, Seen};
use super::{FILE_HEADER, RECORD_HEADER, hex};

/// The word with which this program makes them: in a process of its own, since what it holds would count for the programs
/// that are started later.
pub const COMMAND: &str = "make";

const MIX_MB: u64 = 1000;
const HANDSHAKES_MB: u64 = 300;
const SYNS: u64 = 5_000_000;
/// Copies of the minute begin within so long.
const SPREAD: u64 = 40 * SECOND;

/// Where they are.
pub fn paths(folder: &Path) -> [PathBuf; 3] {
    ["mix.pcap", "handshakes.pcap", "synflood.pcap"].map(|name| folder.join(name))
}

/// Makes those that are not there, of `percent` of their usual size.
pub fn make(folder: &Path, percent: u64) -> Result<(), String> {
    let [mix, handshakes, synflood] = paths(folder);
    copied(&mix, Appetite::Usual, MIX_MB * percent)?;
    copied(&handshakes, Appetite::Handshakes, HANDSHAKES_MB * percent)?;
    let syns = SYNS * percent / 100;
    keep(&synflood, &format!("{syns} SYNs\n"), |out| flood(out, syns))
}

/// The minute, copied until it fills `size` hundredths of a megabyte.
fn copied(path: &Path, appetite: Appetite, size: u64) -> Result<(), String> {
    let day = day::frames(appetite);
    let day_bytes: u64 = day.iter().map(|seen| (RECORD_HEADER + seen.frame.len()) as u64).sum();
    let copies = (size * 10_000 / day_bytes).max(1) as u32;
    let plan = format!("{} copied {copies} times\n", fingerprint(&day));
    let spread = Plan {
        copies,
        haste: 1,
        spread: SPREAD,
    };
    keep(path, &plan, |out| {
        let mut copies = Copies::new(day.into(), spread);
        let mut frame = Vec::new();
        while let Some(at) = copies.next(&mut frame) {
            record(out, at, &frame)?;
            frame.clear();
        }
        Ok(())
    })
}

fn flood(out: &mut dyn Write, syns: u64) -> io::Result<()> {
    let mut frame = Vec::new();
    for number in 0..syns {
        record(out, MORNING + number * 1000, syn(number as u32, &mut frame))?;
    }
    Ok(())
}

/// SYN number `number`, in `frame`: each from an address of its own in 10/8, in no order that a table would like.
pub fn syn(number: u32, frame: &mut Vec<u8>) -> &[u8] {
    let scattered = number.wrapping_mul(0x009e_3779) & 0x00ff_ffff;
    let client = SocketAddr::from((
        Ipv4Addr::from_bits(0x0a00_0000 | scattered),
        1024 + (number % 60_000) as u16,
    ));
    let server = SocketAddr::from(([203, 0, 113, 7], [443, 443, 80, 8443][number as usize % 4]));
    let segment = Segment {
        flags: frame::SYN,
        sequence: number.wrapping_mul(0x9e37_79b1),
        acknowledgment: 0,
    };
    frame.clear();
    frame::tcp(frame, client, server, segment, &[]);
    frame.resize(60, 0);
    frame
}

/// Writes a file unless it is there and was written by the same plan.
fn keep(path: &Path, plan: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let plan_path = path.with_extension("plan");
    if path.exists() && fs::read_to_string(&plan_path).is_ok_and(|text| text == plan) {
        return Ok(());
    }
    eprintln!("making {}", path.display());
    let written = || {
        let _ = fs::remove_file(&plan_path);
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        header(&mut out)?;
        write(&mut out)?;
        out.flush()?;
        fs::write(&plan_path, plan)
    };
    written().map_err(|error| format!("{}: {error}", path.display()))
}

/// The header of a little-endian file of Ethernet frames, in microseconds.
pub fn header(out: &mut dyn Write) -> io::Result<()> {
    let mut header = [0; FILE_HEADER];
    header[..4].copy_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    header[4..8].copy_from_slice(&[2, 0, 4, 0]);
    header[16..20].copy_from_slice(&262_144_u32.to_le_bytes());
    header[20..].copy_from_slice(&1_u32.to_le_bytes());
    out.write_all(&header)
}

pub fn record(out: &mut dyn Write, at: u64, frame: &[u8]) -> io::Result<()> {
    let length = frame.len() as u32;
    let mut header = [0; RECORD_HEADER];
    let fields = [(at / SECOND) as u32, (at % SECOND / 1000) as u32, length, length];
    for (place, field) in header.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    out.write_all(&header)?;
    out.write_all(frame)
}

fn fingerprint(day: &[Seen]) -> String {
    let mut hash = Sha256::new();
    for seen in day {
        hash.update(seen.at.to_be_bytes());
        hash.update(&seen.frame);
    }
    hex(&hash.finalize())
}
