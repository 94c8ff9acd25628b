//! Floods: memory stays bounded, nothing is lost from the count, the oldest leave first with a record, and what is real
//! among the noise is still named.
//!
//! Frames are made as they are read, so that what is live on the heap is the engine's. It is counted by an allocator of
//! the test's own.
#![allow(unsafe_code)]

#[allow(dead_code)]
mod traffic;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use flowsift::engine::drive::{self, Outlet, Settings};
use flowsift::engine::limits::{DEFAULT_MEMORY, EPOCH_BYTES, PACKETS_A_MARK, SHARDS};
use flowsift::engine::rows::{CaptureRow, FlowRow, Row};
use flowsift::evidence::model::{EvidenceKind, Quality};
use flowsift::flow::key::{Endpoint, FlowKey};
use flowsift::wire::packet::address_bits;

use traffic::floods::{self, Flood, Noise};
use traffic::judged;
use traffic::tape::{Rows, Tape};
use traffic::{MORNING, frame};

/// A budget that a small flood fills.
const LITTLE: u64 = 32_000_000;
/// What may be live beside the budget: rows and answers leave at marks only, so what the packets between two marks have
/// brought to an end waits there, about so many bytes of it for each of them.
const WAITING_A_PACKET: u64 = 1536;
const BESIDE: u64 = PACKETS_A_MARK * WAITING_A_PACKET;

#[test]
fn five_million_syns() {
    let told = read(Noise::Syns, 5_000_000, DEFAULT_MEMORY);
    assert!(told.evicted > 4_000_000, "{} evicted", told.evicted);
}

#[test]
fn five_million_datagrams() {
    let told = read(Noise::Datagrams, 5_000_000, DEFAULT_MEMORY);
    assert!(told.evicted > 4_000_000, "{} evicted", told.evicted);
}

#[test]
fn a_million_half_hellos() {
    let told = read(Noise::HalfHellos, 1_000_000, DEFAULT_MEMORY);
    assert!(told.evicted > 500_000, "{} evicted", told.evicted);
}

#[test]
fn a_million_answers() {
    let told = read(Noise::Answers, 1_000_000, DEFAULT_MEMORY);
    assert!(told.evicted > 300_000, "{} evicted", told.evicted);
    assert!(told.names >= 1_000_000, "{} name records", told.names);
}

#[test]
fn floods_in_little_memory() {
    for (noise, flows, least) in [
        (Noise::Syns, 300_000, 100_000),
        (Noise::Datagrams, 300_000, 100_000),
        (Noise::HalfHellos, 100_000, 20_000),
        (Noise::Answers, 100_000, 20_000),
    ] {
        let told = read(noise, flows, LITTLE);
        assert!(told.evicted > least, "{noise:?}: {} evicted", told.evicted);
    }
}

#[test]
fn a_flood_of_fat_answers() {
    let told = read(Noise::FatAnswers, 20_000, LITTLE);
    assert!(told.names >= 20_000, "{} name records", told.names);
}

#[test]
fn a_flood_of_fragments() {
    let told = read(Noise::Fragments, 200_000, LITTLE);
    assert_eq!(told.fragments, 200_000);
    let counts = told.capture.map(|capture| capture.fragments).unwrap_or_default();
    assert_eq!((counts.pieces, counts.abandoned()), (200_000, 200_000));
    assert!(counts.evicted > 190_000, "{counts:?}");
}

/// Nothing ends here and nobody wants rows of lookups: what they leave behind must go all the same.
#[test]
fn a_question_that_is_asked_for_ever() {
    struct Deaf;
    impl Outlet for Deaf {
        fn row(&mut self, _: &Row) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }

        fn wants_names(&self) -> bool {
            false
        }
    }
    const LOOKUPS: u64 = 200_000;
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let [client, resolver] = ["198.19.0.10:40000", "198.18.0.2:53"].map(|at| at.parse().unwrap());
    let question = b"\x04name\x04test\0\0\x01\0\x01";
    let answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x12\x01\x0b";
    let asked = [&b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0"[..], question].concat();
    let answered = [&b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0"[..], question, answer].concat();
    let mut number = 0;
    let mut tape = Tape::new(|out: &mut Vec<u8>| {
        number += 1;
        match number % 2 {
            1 => frame::udp(out, client, resolver, &asked),
            _ => frame::udp(out, resolver, client, &answered),
        }
        (number <= 2 * LOOKUPS).then_some(MORNING + number * 20_000)
    });
    let settings = Settings {
        memory: LITTLE,
        epoch_bytes: EPOCH_BYTES,
        threads: 1,
    };
    let before = HEAP.restart();
    drive::run(&mut tape, &judged::policy(), settings, &mut Deaf);
    let peak = (HEAP.peak() - before) as u64;
    assert!(peak < BESIDE, "{peak} bytes were live");
}

/// Heaps are counted one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What the records of a flood say.
struct Records {
    /// How many each flow of the noise has, by number.
    seen: Vec<u8>,
    evicted: u64,
    fragments: u64,
    names: u64,
    real: u64,
    packets: u64,
    /// The first frame of the flow that left a shard last.
    left: [u64; SHARDS],
    /// Flows of the noise that left after a younger one of their shard.
    out_of_turn: u64,
    capture: Option<Box<CaptureRow>>,
}

impl Records {
    fn flow(&mut self, row: &FlowRow) {
        self.packets += row.packets.out + row.packets.r#in;
        self.evicted += u64::from(row.quality.has(Quality::EVICTED));
        self.fragments += u64::from(row.quality.has(Quality::FRAGMENT));
        let ends = [row.client.ip, row.server.ip];
        if let Some(number) = ends.into_iter().find_map(floods::flooder_number) {
            self.seen[number] += 1;
            let left = &mut self.left[shard_of(row)];
            self.out_of_turn += u64::from(row.frames.first < *left);
            *left = row.frames.first;
            return;
        }
        let is_named = row.naming.kind == EvidenceKind::Sni
            && row
                .naming
                .name
                .as_ref()
                .is_some_and(|name| name.as_str() == floods::REAL_NAME);
        let is_whole = row
            .tls
            .as_ref()
            .is_some_and(|tls| tls.version.is_some() && tls.certificate.is_some());
        self.real += u64::from(is_named && is_whole);
    }
}

/// The flow's shard: the top bits of its key's hash.
fn shard_of(row: &FlowRow) -> usize {
    let bits = |end: Endpoint| (address_bits(end.ip).1, end.port.unwrap_or(0));
    let (client, server) = (row.client, row.server);
    let (family, _) = address_bits(client.ip);
    let is_ported = client.port.is_some();
    let (key, _) = FlowKey::of(family, row.protocol, 0, bits(client), bits(server), is_ported);
    (key.hash() >> (u64::BITS - SHARDS.ilog2())) as usize
}

/// Reads a flood within a budget, and checks what holds for every flood.
fn read(noise: Noise, flows: u32, memory: u64) -> Records {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let policy = judged::policy();
    let mut told = Records {
        seen: vec![0; flows as usize],
        evicted: 0,
        fragments: 0,
        names: 0,
        real: 0,
        packets: 0,
        left: [0; SHARDS],
        out_of_turn: 0,
        capture: None,
    };
    let mut flood = Flood::new(noise, flows);
    let mut tape = Tape::new(|out: &mut Vec<u8>| flood.next(out));
    let settings = Settings {
        memory,
        epoch_bytes: EPOCH_BYTES,
        threads: 1,
    };
    let mut outlet = Rows(|row: &Row| match row {
        Row::Flow(row) => told.flow(row),
        Row::Name(_) => told.names += 1,
        Row::Capture(row) => told.capture = Some(row.clone()),
    });
    let before = HEAP.restart();
    drive::run(&mut tape, &policy, settings, &mut outlet);
    let peak = HEAP.peak() - before;
    let frames = tape.frames();

    println!(
        "{noise:?}: {frames} frames, {} evicted, at most {} MB live",
        told.evicted,
        peak / 1_000_000
    );
    let capture = told.capture.as_ref().expect("a capture has a row");
    let undecoded: u64 = capture.undecoded.iter().map(|(_, count)| count).sum();
    assert_eq!(capture.packets, frames);
    assert_eq!(
        told.packets + undecoded + capture.duplicates,
        frames,
        "every packet is in one record"
    );
    assert!(told.seen.iter().all(|times| *times == 1), "one flow, one record");
    assert_eq!(told.out_of_turn, 0, "the oldest leave first");
    assert_eq!(told.real, flood.real(), "real handshakes, named");
    assert_eq!(capture.blind.evicted, told.evicted);
    assert!((peak as u64) < memory + BESIDE, "{peak} bytes were live");
    told
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
