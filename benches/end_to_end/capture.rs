//! The capture that is read: the office day, lived by hundreds of offices at once.
//!
//! The day of the samples is mostly handshakes and lookups. So that there are data too, every office downloads some files
//! and holds a call: about 20 packets a flow. The same bytes every time; kept in `target/bench` for the next run.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::traffic::copies::{Copies, Plan};
use super::traffic::{SECOND, Seen, script};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

pub struct Capture {
    pub path: PathBuf,
    pub packets: u64,
    /// Of the file.
    pub bytes: u64,
    sha256: String,
}

impl Capture {
    /// The made capture of about `megabytes`.
    pub fn made(folder: &Path, megabytes: u64) -> Result<Capture, String> {
        let path = folder.join(format!("offices-{megabytes}.pcap"));
        let plan_path = path.with_extension("plan");
        let day = day();
        let plan = plan(&day, megabytes);
        let fingerprint = fingerprint(&day, &plan);
        let is_current = path.exists() && fs::read_to_string(&plan_path).is_ok_and(|text| text == fingerprint);
        if !is_current {
            let _ = fs::remove_file(&plan_path);
            write(&path, day, plan)
                .and_then(|()| fs::write(&plan_path, fingerprint))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Capture::given(&path)
    }

    /// Any pcap file: read once to count and hash it, which also brings it into the page cache.
    pub fn given(path: &Path) -> Result<Capture, String> {
        facts(path).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub fn describe(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().display();
        let (packets, bytes, sha256) = (self.packets, self.bytes, &self.sha256);
        format!("{name}, {packets} packets, {bytes} bytes, sha256 {sha256}")
    }
}

/// What one office does.
fn day() -> Vec<Seen> {
    let mut statements = script::office_statements().to_owned();
    for (host, minute) in [(10, 3), (11, 6), (12, 8), (14, 15), (16, 22), (17, 25)] {
        let _ = write!(
            statements,
            "\nat 09:{minute:02}:30.000\nhost 198.19.0.{host}\ndns contoso.sharepoint.com -> 13.107.136.10\n\
             tls 13.107.136.10:443 sni contoso.sharepoint.com version 1.3 alpn h2 pq bytes 2000 60000\n"
        );
    }
    for host in [10, 11, 16] {
        let _ = write!(statements, "at 09:10:20.000\nhost 198.19.0.{host}\nrtt 20ms\n");
        let exchange = format!("udp 52.113.1.20:3480 port {} bytes 190 960\n", 50_890 + host);
        statements.push_str(&exchange.repeat(150));
    }
    script::play(&statements)
}

fn plan(day: &[Seen], megabytes: u64) -> Plan {
    let day_bytes: u64 = day.iter().map(|seen| (RECORD_HEADER + seen.frame.len()) as u64).sum();
    Plan {
        copies: (megabytes * 1_000_000 / day_bytes).max(1) as u32,
        haste: 20,
        spread: 60 * SECOND,
    }
}

/// What the file depends on.
fn fingerprint(day: &[Seen], plan: &Plan) -> String {
    let mut hash = Sha256::new();
    for seen in day {
        hash.update(seen.at.to_be_bytes());
        hash.update(&seen.frame);
    }
    let Plan { copies, haste, spread } = plan;
    format!(
        "{} copies {copies} haste {haste} spread {spread}\n",
        hex(&hash.finalize())
    )
}

fn write(path: &Path, day: Vec<Seen>, plan: Plan) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut header = [0; FILE_HEADER];
    header[..4].copy_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    header[4..8].copy_from_slice(&[2, 0, 4, 0]);
    header[16..20].copy_from_slice(&262_144_u32.to_le_bytes());
    header[20..24].copy_from_slice(&1_u32.to_le_bytes());
    out.write_all(&header)?;
    let mut copies = Copies::new(day.into(), plan);
    let mut frame = Vec::new();
    while let Some(at) = copies.next(&mut frame) {
        let length = frame.len() as u32;
        for field in [(at / SECOND) as u32, (at % SECOND / 1000) as u32, length, length] {
            out.write_all(&field.to_le_bytes())?;
        }
        out.write_all(&frame)?;
        frame.clear();
    }
    out.flush()
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
        packets,
        bytes,
        sha256: hex(&hash.finalize()),
    })
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
