//! No record depends on how the input was cut into epochs, or on how many threads worked on it.
//!
//! Every sample, and a made capture that crosses several marks, is read with epochs of very different sizes and
//! by different numbers of threads: the JSON Lines must be the same bytes. With little memory too, so that flows, probes and names are evicted.

#[allow(dead_code)]
mod traffic;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flowsift::engine::drive::Settings;
use flowsift::engine::epoch::{Epoch, InputFacts, Source};
use flowsift::engine::limits::{DEFAULT_MEMORY, LEAST_MEMORY, PACKETS_A_MARK};
use flowsift::source::{InputOptions, Inputs};

use traffic::copies::{Copies, Plan};
use traffic::frame::{self, Place, Segment};
use traffic::tape::Tape;
use traffic::{Dice, SECOND, Seen, judged, script};

const EPOCHS: [usize; 4] = [64 << 10, 512 << 10, 1 << 20, 16 << 20];
const THREADS: [usize; 4] = [2, 3, 7, 64];

fn settings(memory: u64, epoch_bytes: usize) -> Settings {
    shared(1, memory, epoch_bytes)
}

fn shared(threads: usize, memory: u64, epoch_bytes: usize) -> Settings {
    Settings {
        memory,
        epoch_bytes,
        threads,
    }
}

#[test]
fn every_sample_reads_the_same_with_any_epoch() {
    let policy = judged::policy();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut read = 0;
    // Each alone, and folders as one stream.
    for path in captures_and_folders(&samples) {
        let open = || Inputs::open(std::slice::from_ref(&path), InputOptions { hash: true }).ok();
        let Some(mut inputs) = open() else { continue };
        read += 1;
        let expected = judged::json(&mut inputs, &policy, settings(DEFAULT_MEMORY, EPOCHS[1]));
        for epoch_bytes in EPOCHS {
            let mut inputs = open().expect("what could be opened can be opened again");
            let got = judged::json(&mut inputs, &policy, settings(DEFAULT_MEMORY, epoch_bytes));
            assert_same(&expected, &got, &format!("{} in {epoch_bytes}", path.display()));
        }
        for threads in THREADS {
            let mut inputs = open().expect("what could be opened can be opened again");
            let got = judged::json(&mut inputs, &policy, shared(threads, DEFAULT_MEMORY, EPOCHS[1]));
            assert_same(&expected, &got, &format!("{} by {threads}", path.display()));
        }
        let mut one_by_one = OneByOne::of(open().expect("what could be opened can be opened again"));
        let got = judged::json(&mut one_by_one, &policy, settings(DEFAULT_MEMORY, EPOCHS[0]));
        assert_same(&expected, &got, &format!("{} frame by frame", path.display()));
    }
    assert!(read > 60, "only {read} samples could be opened");
}

#[test]
fn a_busy_day_reads_the_same_with_any_epoch() {
    let policy = judged::policy();
    let day = busy_day();
    assert!(day.len() as u64 > 2 * PACKETS_A_MARK, "{} packets", day.len());
    let read = |memory, epoch_bytes| judged::json(&mut played(&day), &policy, settings(memory, epoch_bytes));

    let roomy = read(DEFAULT_MEMORY, EPOCHS[1]);
    for (what, least) in [
        (r#""kind":"sni""#, 1000),
        (r#""kind":"dns""#, 100),
        (r#""via":["#, 1000),
        (r#""tcp":"prohibited""#, 100),
        (r#""tcp":"unanswered""#, 1000),
        (r#""how":"silent""#, 100),
        (r#""fragment""#, 100),
        (r#""evicted"]"#, 0),
    ] {
        let found = count(&roomy, what);
        assert!(found >= least && (least > 0 || found == 0), "{found} times {what}");
    }
    for epoch_bytes in EPOCHS {
        assert_same(&roomy, &read(DEFAULT_MEMORY, epoch_bytes), &format!("in {epoch_bytes}"));
    }
    assert_same(&roomy, &read(DEFAULT_MEMORY, 1), "frame by frame");

    let by =
        |threads, memory, epoch_bytes| judged::json(&mut played(&day), &policy, shared(threads, memory, epoch_bytes));
    for threads in THREADS {
        for epoch_bytes in EPOCHS {
            let what = format!("by {threads} in {epoch_bytes}");
            assert_same(&roomy, &by(threads, DEFAULT_MEMORY, epoch_bytes), &what);
        }
    }

    let tight = read(LEAST_MEMORY, EPOCHS[1]);
    let evicted = count(&tight, r#""evicted"]"#);
    assert!(evicted > 1000, "{evicted} flows evicted: the little memory was enough");
    for epoch_bytes in [1, EPOCHS[0], EPOCHS[2], EPOCHS[3]] {
        let what = format!("with little memory, in {epoch_bytes}");
        assert_same(&tight, &read(LEAST_MEMORY, epoch_bytes), &what);
        let what = format!("by several, {what}");
        assert_same(&tight, &by(3, LEAST_MEMORY, epoch_bytes), &what);
    }
}

#[test]
fn a_file_read_in_pieces_reads_the_same() {
    let policy = judged::policy();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("day.pcap");
    let mut day = busy_day();
    day.truncate(60_000);
    for (place, frame) in download_of_a_capture().into_iter().enumerate() {
        let at = day[place * 7].at;
        day.insert(place * 7, Seen { at, frame });
    }
    // The last record is cut off.
    let mut bytes = pcap(&day);
    bytes.truncate(bytes.len() - 10);
    fs::write(&path, &bytes).expect("a file can be written");
    // Behind a file that is damaged in the middle.
    let damaged = folder.path().join("damaged.pcap");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0xff);
    fs::write(&damaged, &bytes).expect("a file can be written");
    let both = [path, damaged];
    let read = |threads, memory, epoch_bytes| {
        let mut inputs = Inputs::open(&both, InputOptions { hash: false }).expect("files that can be read");
        let rows = judged::json(&mut inputs, &policy, shared(threads, memory, epoch_bytes));
        let said: Vec<String> = inputs
            .inputs()
            .iter()
            .flat_map(|facts| facts.warnings.clone())
            .collect();
        (rows, said)
    };
    let expected = read(1, DEFAULT_MEMORY, EPOCHS[1]);
    assert_eq!(expected.1.len(), 2, "{:?}", expected.1);
    for threads in THREADS {
        for piece in [4 << 10, 10_000, EPOCHS[0], EPOCHS[1]] {
            let got = read(threads, DEFAULT_MEMORY, piece);
            let what = format!("by {threads} in pieces of {piece}");
            assert_same(&expected.0, &got.0, &what);
            assert_eq!(expected.1, got.1, "{what}");
        }
    }
}

/// Segments whose payload is a capture: every place in them looks like the beginning of a record.
fn download_of_a_capture() -> Vec<Vec<u8>> {
    let inner: Vec<Seen> = (0..4000)
        .map(|n| Seen {
            at: traffic::MORNING + n,
            frame: vec![n as u8; 60],
        })
        .collect();
    let client = SocketAddr::from(([11, 253, 0, 1], 40_003));
    let server = SocketAddr::from(([203, 0, 113, 98], 8080));
    let inner = pcap(&inner);
    let frames = inner[24..].chunks(1400).zip(0u32..).map(|(payload, number)| {
        let mut frame = Vec::new();
        let segment = Segment {
            flags: frame::ACK,
            sequence: number * 1400,
            acknowledgment: 1,
        };
        frame::tcp(&mut frame, server, client, segment, payload);
        frame
    });
    frames.collect()
}

/// The frames as a file.
fn pcap(frames: &[Seen]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = [0xa1b2_3c4du32, 0x0004_0002, 0, 0, 262_144, 1];
    bytes.extend(header.iter().flat_map(|word| word.to_le_bytes()));
    for Seen { at, frame } in frames {
        let length = frame.len() as u32;
        let record = [(at / SECOND) as u32, (at % SECOND) as u32, length, length];
        bytes.extend(record.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend_from_slice(frame);
    }
    bytes
}

/// Hundreds of offices at once, a flood among them, and what else makes reading hard.
///
/// DNS answers, hellos, certificates and the ends of flows fall on both sides of every mark, for no two offices keep
/// the same time.
fn busy_day() -> Vec<Seen> {
    let plan = Plan {
        copies: 125,
        haste: 80,
        spread: 15 * SECOND,
    };
    let mut copies = Copies::new(script::office().into(), plan);
    let mut dice = Dice(7);
    let mut day = Vec::new();
    let mut oddity = 0;
    loop {
        let mut frame = Vec::new();
        let Some(at) = copies.next(&mut frame) else { break };
        day.push(Seen { at, frame });
        if dice.below(3) == 0 {
            oddity += 1;
            day.extend(odd_frames(oddity, at, &mut dice));
        }
    }
    disturb_clock(&mut day, &mut dice);
    day
}

/// One of the things that are rare in an office.
fn odd_frames(number: u32, at: u64, dice: &mut Dice) -> Vec<Seen> {
    let mut frames = Vec::new();
    let mut add = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = Vec::new();
        write(&mut frame);
        frames.push(Seen { at, frame });
    };
    let host = Ipv4Addr::from_bits(0x0b00_0000 | number);
    let server = Ipv4Addr::new(203, 0, 113, 99);
    let client = SocketAddr::from((host, 40_000));
    let web = SocketAddr::from((server, 443));
    let syn = |sequence| Segment {
        flags: frame::SYN,
        sequence,
        acknowledgment: 0,
    };
    match number % 8 {
        // The same ports again and again, each time a new connection.
        0 => {
            let reused = SocketAddr::from((Ipv4Addr::new(11, 255, 0, (number % 64) as u8), 40_001));
            add(&|out| frame::tcp(out, reused, web, syn(number), &[]));
        }
        // A filter says no.
        1 => {
            add(&|out| frame::tcp(out, client, web, syn(1), &[]));
            add(&|out| {
                let router = Ipv4Addr::new(192, 0, 2, 1);
                frame::unreachable(out, router, (host, 40_000), (server, 443), 13);
            });
        }
        // A datagram in pieces: in order, out of order, or one of them lost.
        2 => {
            let resolver = SocketAddr::from((server, 5000));
            let datagram = frame::udp_datagram(client, resolver, &[number as u8; 1000]);
            let pieces = [(0..400, true), (400..800, true), (800..1008, false)];
            let order: [usize; 3] = [[0, 1, 2], [2, 0, 1], [1, 1, 0]][dice.below(3) as usize];
            for (range, more) in order.map(|n| pieces[n].clone()) {
                let place = Place {
                    identification: number as u16,
                    offset: range.start as u16,
                    more,
                };
                let Range { start, end } = range;
                add(&|out| frame::fragment(out, host, server, place, &datagram[start..end]));
            }
        }
        // A handful of flows that last all day.
        3 => {
            let lasting = SocketAddr::from((Ipv4Addr::new(11, 254, 0, (number % 32) as u8), 40_002));
            let segment = Segment {
                flags: frame::ACK,
                sequence: number,
                acknowledgment: 1,
            };
            add(&|out| frame::tcp(out, lasting, web, segment, &[7; 300]));
        }
        // The flood.
        _ => {
            for copy in 0..4 {
                let flooded = SocketAddr::from((host, 50_000 + copy));
                add(&|out| frame::tcp(out, flooded, web, syn(1), &[]));
            }
        }
    }
    frames
}

/// The clock stumbles now and then, and once is set back by a minute and a half.
fn disturb_clock(day: &mut [Seen], dice: &mut Dice) {
    let set_back = day.len() / 2..day.len() / 2 + 20_000;
    for (place, seen) in day.iter_mut().enumerate() {
        if dice.below(20) == 0 {
            seen.at -= dice.below(3 * SECOND);
        }
        if set_back.contains(&place) {
            seen.at -= 90 * SECOND;
        }
    }
}

fn played(day: &[Seen]) -> Tape<impl FnMut(&mut Vec<u8>) -> Option<u64>> {
    let mut frames = day.iter();
    Tape::new(move |out| {
        let seen = frames.next()?;
        out.extend_from_slice(&seen.frame);
        Some(seen.at)
    })
}

/// Hands on a source's frames in epochs of one.
struct OneByOne<S> {
    source: S,
    epoch: Epoch,
    next: usize,
}

impl<S> OneByOne<S> {
    fn of(source: S) -> OneByOne<S> {
        OneByOne {
            source,
            epoch: Epoch::default(),
            next: 0,
        }
    }
}

impl<S: Source> Source for OneByOne<S> {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        epoch.clear();
        if self.next == self.epoch.frames.len() {
            self.next = 0;
            if !self.source.fill(&mut self.epoch, target) {
                return false;
            }
        }
        let mut frame = self.epoch.frames[self.next];
        self.next += 1;
        epoch.ordinal = self.epoch.ordinal;
        epoch.bytes.extend_from_slice(self.epoch.frame_bytes(&frame));
        frame.at = 0;
        epoch.frames.push(frame);
        true
    }

    fn inputs(&self) -> &[InputFacts] {
        self.source.inputs()
    }

    fn faults(&self) -> &[String] {
        self.source.faults()
    }
}

fn assert_same(expected: &[u8], got: &[u8], what: &str) {
    if expected == got {
        return;
    }
    let mut lines = expected.split(|b| *b == b'\n').zip(got.split(|b| *b == b'\n'));
    let differing = lines.find(|(expected, got)| expected != got);
    let (expected_line, got_line) = differing.unwrap_or_default();
    panic!(
        "{what}: {} and {} bytes; the first line that differs:\n{}\n{}",
        expected.len(),
        got.len(),
        String::from_utf8_lossy(expected_line),
        String::from_utf8_lossy(got_line),
    );
}

/// How many lines contain `what`.
fn count(lines: &[u8], what: &str) -> usize {
    String::from_utf8_lossy(lines)
        .lines()
        .filter(|line| line.contains(what))
        .count()
}

/// Every file that may be a capture, and every folder.
fn captures_and_folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of samples can be read")
        .map(|entry| entry.expect("a folder's entry can be read").path())
        .collect();
    entries.sort();
    for path in entries {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            found.extend(captures_and_folders(&path));
        } else if !matches!(ending, Some("expect" | "rs" | "day" | "toml" | "tsv" | "md")) {
            found.push(path);
        }
    }
    found
}
