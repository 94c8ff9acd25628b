//! Floods: memory stays bounded, nothing is lost from the count, and what is real among the noise is still named.
//!
//! Frames are made as they are read, so that what is live on the heap is the engine's. It is counted by an allocator of
//! the test's own.
#![allow(unsafe_code)]

#[allow(dead_code)]
mod traffic;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use flowsift::engine::drive::{self, Settings};
use flowsift::engine::limits::{EPOCH_BYTES, PACKETS_A_MARK};
use flowsift::engine::rows::{CaptureRow, FlowRow, Row};
use flowsift::evidence::model::{EvidenceKind, Quality};

use traffic::frame::{self, Place, Segment};
use traffic::tape::{Rows, Tape};
use traffic::{MORNING, Seen, judged, script};

/// The budget of every flood.
const MEMORY: u64 = 32_000_000;
/// What may be live beside the budget: rows and answers leave at marks only, so what the packets between two marks have
/// brought to an end waits there, about so many bytes of it for each of them.
const WAITING_A_PACKET: u64 = 1536;
const BESIDE: u64 = PACKETS_A_MARK * WAITING_A_PACKET;

/// Where the floods go, and who sends them.
const TARGET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const FLOODERS: u32 = 0x0a00_0000;
/// Frames of noise between two frames of a real handshake.
const NOISE: u32 = 40;
const REAL_NAME: &str = "app.salestim.io";

#[test]
fn a_flood_of_syns() {
    let flood = read(300_000, |number, out| {
        let syn = segment(frame::SYN, number);
        frame::tcp(out, flooder(number), target(443), syn, &[]);
    });
    assert!(
        flood.seen.iter().all(|times| *times == 1),
        "one SYN, one flow, one record"
    );
    assert!(flood.evicted > 100_000, "{} evicted", flood.evicted);
}

#[test]
fn a_flood_of_datagrams() {
    let flood = read(300_000, |number, out| {
        frame::udp(out, flooder(number), target(9999), &number.to_be_bytes());
    });
    assert!(
        flood.seen.iter().all(|times| *times == 1),
        "one datagram, one flow, one record"
    );
    assert!(flood.evicted > 100_000, "{} evicted", flood.evicted);
}

#[test]
fn a_flood_of_half_hellos() {
    let hello = &script::flights("tls 203.0.113.7:443 sni half.example.org version 1.2")[0].1[..100];
    let flood = read(200_000, |number, out| {
        let client = flooder(number / 2);
        match number % 2 {
            0 => frame::tcp(out, client, target(443), segment(frame::SYN, 1), &[]),
            _ => frame::tcp(out, client, target(443), segment(frame::PSH | frame::ACK, 2), hello),
        }
    });
    let seen = &flood.seen[..100_000];
    assert!(
        seen.iter().all(|times| *times == 1),
        "one attempt, one flow, one record"
    );
    assert!(flood.evicted > 20_000, "{} evicted", flood.evicted);
}

#[test]
fn a_flood_of_answers() {
    let [question, answer] = ["question", "answer"].map(|_| Vec::new());
    let mut messages = [question, answer];
    for (from_client, bytes) in script::flights("dns n0000000.example.org -> a.example.net -> 203.0.113.9") {
        messages[usize::from(!from_client)] = bytes;
    }
    let flood = read(200_000, |number, out| {
        let client = flooder(number / 2);
        let resolver = SocketAddr::from((TARGET, 53));
        let message = &mut messages[number as usize % 2];
        // Another name and another address each time.
        let digits = format!("{:07}", number / 2);
        message[14..21].copy_from_slice(digits.as_bytes());
        match number % 2 {
            0 => frame::udp(out, client, resolver, message),
            _ => {
                let address = message.len() - 4;
                message[address..].copy_from_slice(&(0x1400_0000 + number).to_be_bytes());
                frame::udp(out, resolver, client, message);
            }
        }
    });
    let seen = &flood.seen[..100_000];
    assert!(
        seen.iter().all(|times| *times == 1),
        "one question, one flow, one record"
    );
    assert!(flood.evicted > 20_000, "{} evicted", flood.evicted);
    assert!(flood.names >= 100_000, "{} name records", flood.names);
}

#[test]
fn a_flood_of_fat_answers() {
    const ADDRESSES: u32 = 250;
    let flood = read(40_000, |number, out| {
        let client = flooder(number / 2);
        let resolver = SocketAddr::from((TARGET, 53));
        let response = number % 2;
        let mut message = vec![
            0,
            1,
            0x80 * response as u8,
            0,
            0,
            1,
            0,
            (ADDRESSES * response) as u8,
            0,
            0,
            0,
            0,
        ];
        message.extend_from_slice(b"\x07n000000\x07example\x03org\0\0\x01\0\x01");
        message[14..20].copy_from_slice(format!("{:06}", number / 2).as_bytes());
        if response == 0 {
            return frame::udp(out, client, resolver, &message);
        }
        for address in 0..ADDRESSES {
            message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            message.extend_from_slice(&(0x1400_0000 + number * ADDRESSES + address).to_be_bytes());
        }
        frame::udp(out, resolver, client, &message);
    });
    assert!(flood.names >= 20_000, "{} name records", flood.names);
}

#[test]
fn a_flood_of_fragments() {
    let piece = [0x5a; 1400];
    let flood = read(200_000, |number, out| {
        let from = Ipv4Addr::from_bits(FLOODERS | number);
        let place = Place {
            identification: number as u16,
            offset: (number % 8) as u16 * 1400,
            more: true,
        };
        frame::fragment(out, from, TARGET, place, &piece);
    });
    assert!(
        flood.seen.iter().all(|times| *times == 1),
        "one piece, one flow, one record"
    );
    assert_eq!(flood.fragments, 200_000);
}

/// What came of a flood.
struct Flood {
    /// How many records each flooder has, by number.
    seen: Vec<u8>,
    evicted: u64,
    fragments: u64,
    names: u64,
    real: u64,
    packets: u64,
    capture: Option<Box<CaptureRow>>,
}

impl Flood {
    fn flow(&mut self, row: &FlowRow) {
        self.packets += row.packets.out + row.packets.r#in;
        self.evicted += u64::from(row.quality.has(Quality::EVICTED));
        self.fragments += u64::from(row.quality.has(Quality::FRAGMENT));
        let flooder = [row.client.ip, row.server.ip].into_iter().find_map(flooder_number);
        if let Some(number) = flooder {
            self.seen[number] += 1;
            return;
        }
        let is_named = row.naming.kind == EvidenceKind::Sni
            && row.naming.name.as_ref().is_some_and(|name| name.as_str() == REAL_NAME);
        let is_whole = row
            .tls
            .as_ref()
            .is_some_and(|tls| tls.version.is_some() && tls.certificate.is_some());
        self.real += u64::from(is_named && is_whole);
    }
}

/// Reads `count` frames of noise with real handshakes among them, and checks what holds for every flood.
fn read(count: u32, mut noise: impl FnMut(u32, &mut Vec<u8>)) -> Flood {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let policy = judged::policy();
    let handshake = script::play(&format!(
        "tls 203.0.113.8:443 sni {REAL_NAME} version 1.2 cert *.salestim.io"
    ));
    let mut flood = Flood {
        seen: vec![0; count as usize],
        evicted: 0,
        fragments: 0,
        names: 0,
        real: 0,
        packets: 0,
        capture: None,
    };
    let mut number = 0;
    let mut moment = 0;
    let mut real_frames = 0;
    let mut tape = Tape::new(|out: &mut Vec<u8>| {
        moment += 1;
        if number < count && moment % (NOISE + 1) != 0 {
            noise(number, out);
            number += 1;
        } else if number < count || real_frames % handshake.len() as u32 != 0 {
            real_frame(&handshake, real_frames, out);
            real_frames += 1;
        } else {
            return None;
        }
        Some(MORNING + u64::from(moment) * 20_000)
    });
    let settings = Settings {
        memory: MEMORY,
        epoch_bytes: EPOCH_BYTES,
    };
    let mut outlet = Rows(|row: &Row| match row {
        Row::Flow(row) => flood.flow(row),
        Row::Name(_) => flood.names += 1,
        Row::Capture(row) => flood.capture = Some(row.clone()),
    });
    let before = HEAP.restart();
    drive::run(&mut tape, &policy, settings, &mut outlet);
    let peak = HEAP.peak() - before;
    let frames = tape.frames();

    println!(
        "{frames} frames, {} evicted, at most {} MB live",
        flood.evicted,
        peak / 1_000_000
    );
    let capture = flood.capture.as_ref().expect("a capture has a row");
    let undecoded: u64 = capture.undecoded.iter().map(|(_, count)| count).sum();
    assert_eq!(capture.packets, frames);
    assert_eq!(
        flood.packets + undecoded + capture.duplicates,
        frames,
        "every packet is in one record"
    );
    assert_eq!(
        flood.real,
        u64::from(real_frames) / handshake.len() as u64,
        "real handshakes, named"
    );
    assert_eq!(capture.blind.evicted, flood.evicted);
    assert!((peak as u64) < MEMORY + BESIDE, "{peak} bytes were live");
    flood
}

/// Frame after frame of one handshake, then of the next, each from a client of its own.
fn real_frame(handshake: &[Seen], number: u32, out: &mut Vec<u8>) {
    const CLIENT: [u8; 4] = [198, 19, 0, 10];
    let at = out.len();
    let seen = &handshake[number as usize % handshake.len()];
    out.extend_from_slice(&seen.frame);
    let client = (number / handshake.len() as u32).to_be_bytes();
    for place in [26, 30] {
        let address = &mut out[at + place..at + place + 4];
        if *address == CLIENT {
            address[2..].copy_from_slice(&client[2..]);
        }
    }
}

fn segment(flags: u8, sequence: u32) -> Segment {
    Segment {
        flags,
        sequence,
        acknowledgment: 0,
    }
}

fn flooder(number: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from_bits(FLOODERS | number), 40_000))
}

fn target(port: u16) -> SocketAddr {
    SocketAddr::from((TARGET, port))
}

fn flooder_number(ip: IpAddr) -> Option<usize> {
    match ip {
        IpAddr::V4(ip) if ip.octets()[0] == 10 => Some((ip.to_bits() & 0x00ff_ffff) as usize),
        _ => None,
    }
}

/// The system's allocator, counting.
struct Heap {
    live: AtomicUsize,
    peak: AtomicUsize,
}

#[global_allocator]
static HEAP: Heap = Heap {
    live: AtomicUsize::new(0),
    peak: AtomicUsize::new(0),
};

impl Heap {
    /// Forgets the peak and answers what is live.
    fn restart(&self) -> usize {
        let live = self.live.load(Ordering::Relaxed);
        self.peak.store(live, Ordering::Relaxed);
        live
    }

    fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(live, Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) {
        self.live.fetch_sub(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came; only numbers are kept beside it.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.take(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may both be there for a moment.
        self.add(size);
        // SAFETY: as above.
        let moved = unsafe { System.realloc(pointer, layout, size) };
        self.take(layout.size());
        moved
    }
}
