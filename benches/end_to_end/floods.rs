//! Floods through the whole program: `cargo bench --bench end_to_end -- floods`.
//!
//! ```text
//!   frames made as they are read ─▶ flowsift read --format json - ─▶ lines, counted here
//!                                   its peak memory, from the kernel
//! ```
//!
//! What `tests/bounds.rs` asserts of the engine is measured here of the release build with its own allocator.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::thread;

use super::rivals::FLOWSIFT;
use super::traffic::floods::{Flood, Noise, REAL_NAME};
use super::{made, run};

/// The word with which this program measures them.
pub const COMMAND: &str = "floods";

const FLOODS: [(&str, Noise, u32); 4] = [
    ("SYNs", Noise::Syns, 5_000_000),
    ("UDP pairs", Noise::Datagrams, 5_000_000),
    ("half-finished hellos", Noise::HalfHellos, 1_000_000),
    ("DNS answers", Noise::Answers, 1_000_000),
];

/// A table of what became of each.
pub fn measure() -> Result<String, String> {
    let mut out = "`flowsift read --format json -` at its usual budget of 300 MB, every flow of the noise written; \
                   between every 40 frames of it one of a real handshake\n\n\
                   | flood | million flows | evicted, with a record | real handshakes | named | wall s | CPU s | peak MB |\n\
                   | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for (name, noise, flows) in FLOODS {
        let told = one(Flood::new(noise, flows))?;
        // A connection that is pushed out between its end and its last acknowledgment leaves a second record.
        let records = u64::from(flows) + told.real..=u64::from(flows) + 2 * told.real;
        if !records.contains(&told.flows) || told.named != told.real {
            let Told { flows, real, named, .. } = told;
            return Err(format!(
                "{name}: {flows} flow records, {named} of {real} real handshakes named"
            ));
        }
        let _ = writeln!(
            out,
            "| {name} | {:.2} | {} | {} | {} | {:.1} | {:.1} | {:.0} |",
            told.flows as f64 / 1e6,
            told.evicted,
            told.real,
            told.named,
            told.wall,
            told.cpu,
            told.peak_bytes as f64 / 1e6
        );
    }
    Ok(out)
}

#[derive(Default)]
struct Told {
    flows: u64,
    evicted: u64,
    /// Real handshakes sent, and those that were named.
    real: u64,
    named: u64,
    wall: f64,
    cpu: f64,
    peak_bytes: u64,
}

fn one(flood: Flood) -> Result<Told, String> {
    let failed = |error: io::Error| format!("{FLOWSIFT}: {error}");
    let begin = std::time::Instant::now();
    let mut child = Command::new(FLOWSIFT)
        .args(["read", "--format", "json", "-"])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let input = child.stdin.take().ok_or("no input")?;
    let feeding = thread::spawn(move || feed(input, flood));
    let mut told = Told::default();
    let mut lines = BufReader::with_capacity(1 << 20, child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    while lines.read_line(&mut line).map_err(failed)? > 0 {
        told.flows += u64::from(line.starts_with(r#"{"type":"flow""#));
        told.evicted += u64::from(line.contains(r#""evicted""#) && !line.starts_with(r#"{"type":"capture""#));
        told.named += u64::from(line.contains(REAL_NAME) && line.contains(r#""kind":"sni""#));
        line.clear();
    }
    let (cpu, peak_bytes) = run::wait(child.id()).ok_or("flowsift failed")?;
    told.wall = begin.elapsed().as_secs_f64();
    told.cpu = cpu.as_secs_f64();
    told.peak_bytes = peak_bytes;
    told.real = feeding.join().map_err(|_| "the flood broke off")?.map_err(failed)?;
    Ok(told)
}

/// Writes the flood as a pcap file, and says how many real handshakes were in it.
fn feed(input: ChildStdin, mut flood: Flood) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, input);
    let mut frame = Vec::new();
    made::header(&mut out)?;
    while let Some(at) = flood.next(&mut frame) {
        made::record(&mut out, at, &frame)?;
        frame.clear();
    }
    out.flush()?;
    Ok(flood.real())
}
