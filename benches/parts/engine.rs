//! Scan, shards, marks, naming and judging together: everything but reading files and writing text.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, Throughput};
use flowsift::engine::drive::{self, Settings};
use flowsift::engine::epoch::{Epoch, InputFacts, Source};
use flowsift::engine::limits::{DEFAULT_MEMORY, EPOCH_BYTES};
use flowsift::engine::rows::Row;

use crate::traffic::copies::{Copies, Plan};
use crate::traffic::frame::{self, Segment};
use crate::traffic::tape::{Rows, Tape};
use crate::traffic::{Dice, MORNING, SECOND, judged, script};

const SETTINGS: Settings = Settings {
    memory: DEFAULT_MEMORY,
    epoch_bytes: EPOCH_BYTES,
    threads: 1,
};

pub fn benches(criterion: &mut Criterion) {
    let policy = judged::policy();
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(10);
    for (name, mut reel) in [
        ("offices", offices()),
        ("ten packets each of 100 k flows", counted()),
        ("a flood of SYNs", flood()),
    ] {
        group.throughput(Throughput::Elements(reel.packets()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut outlet = Rows(|row: &Row| {
                    black_box(row);
                });
                reel.rewind();
                drive::run(&mut reel, &policy, SETTINGS, &mut outlet);
            });
        });
    }
    group.finish();
}

/// The office day, 500 times at once: handshakes, lookups, certificates; few packets a flow.
fn offices() -> Reel {
    let plan = Plan {
        copies: 500,
        haste: 20,
        spread: 60 * SECOND,
    };
    let mut copies = Copies::new(script::office().into(), plan);
    Reel::of(|out| copies.next(out))
}

/// Flows that are no protocol and soon given up on, hardly ever two packets of one behind each other: counters only.
fn counted() -> Reel {
    let mut dice = Dice(11);
    let mut number = 0;
    Reel::of(|out| {
        number += 1;
        let flow = dice.below(100_000) as u32;
        let client = Ipv4Addr::from_bits(0x0a01_0000 + flow);
        let segment = Segment {
            flags: frame::ACK,
            sequence: 1,
            acknowledgment: 1,
        };
        frame::tcp(
            out,
            (client, 50_000).into(),
            ([203, 0, 113, 7], 8443).into(),
            segment,
            &[0x99; 120],
        );
        (number <= 1_000_000).then_some(MORNING + number * 10_000)
    })
}

/// Every packet a flow of its own.
fn flood() -> Reel {
    let mut number = 0;
    Reel::of(|out| {
        number += 1;
        let client = Ipv4Addr::from_bits(0x0a00_0000 + number);
        let segment = Segment {
            flags: frame::SYN,
            sequence: number,
            acknowledgment: 0,
        };
        frame::tcp(
            out,
            (client, 40_000).into(),
            ([203, 0, 113, 7], 443).into(),
            segment,
            &[],
        );
        (number <= 300_000).then_some(MORNING + u64::from(number) * 10_000)
    })
}

/// Epochs made beforehand; to fill one is a copy, as it is from a file in the page cache.
struct Reel {
    epochs: Vec<Epoch>,
    facts: Vec<InputFacts>,
    next: usize,
}

impl Reel {
    fn of(next: impl FnMut(&mut Vec<u8>) -> Option<u64> + Send) -> Reel {
        let mut tape = Tape::new(next);
        let mut epochs = Vec::new();
        loop {
            let mut epoch = Epoch::default();
            if !tape.fill(&mut epoch, SETTINGS.epoch_bytes) {
                break;
            }
            epochs.push(epoch);
        }
        Reel {
            epochs,
            facts: tape.inputs().to_vec(),
            next: 0,
        }
    }

    fn packets(&self) -> u64 {
        self.epochs.iter().map(|epoch| epoch.frames.len() as u64).sum()
    }

    fn rewind(&mut self) {
        self.next = 0;
    }
}

impl Source for Reel {
    fn fill(&mut self, epoch: &mut Epoch, _target: usize) -> bool {
        epoch.clear();
        let Some(made) = self.epochs.get(self.next) else {
            return false;
        };
        epoch.bytes.extend_from_slice(&made.bytes);
        epoch.frames.extend_from_slice(&made.frames);
        self.next += 1;
        true
    }

    fn inputs(&self) -> &[InputFacts] {
        &self.facts
    }

    fn faults(&self) -> &[String] {
        &[]
    }
}
