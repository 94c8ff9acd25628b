//! Takes the input in: epochs are read, scanned, and cut at the marks.
//!
//! ```text
//!   source ─▶ epoch ─▶ scan ─▶ Scanned ─┐          ┌─▶ Batch: up to a mark
//!   or a Load: many at once ─▶ Scanned ─┴▶ ready ──┴─▶ Batch: up to the next one, or as much as there is
//! ```

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::epoch::{Epoch, Source, Stretch};
use super::limits::{Limits, PACKETS_A_MARK};
use super::scan::{Buckets, PacketRef, Scanner};
use super::tally::Tallies;
use crate::flow::stamp::Stamp;

/// An epoch, decoded.
#[derive(Default)]
pub struct Scanned {
    pub epoch: Epoch,
    pub buckets: Buckets,
}

/// Some frames of an epoch.
pub struct Piece {
    pub scanned: Arc<Scanned>,
    frames: Range<u32>,
}

impl Piece {
    /// A shard's packets among them.
    pub fn bucket(&self, shard: usize) -> &[PacketRef] {
        let Some(bucket) = self.scanned.buckets.shards.get(shard) else {
            return &[];
        };
        let place = |frame: u32| match bucket.last() {
            Some(last) if last.frame < frame => bucket.len(),
            _ if frame == 0 => 0,
            _ => bucket.partition_point(|packet| packet.frame < frame),
        };
        bucket
            .get(place(self.frames.start)..place(self.frames.end))
            .unwrap_or(&[])
    }
}

/// Packets for all shards, in order, none of them behind the next mark.
#[derive(Default)]
pub struct Batch {
    pub pieces: Vec<Piece>,
    pub ends: Ends,
    /// The packet seen last; live, the source's clock where that is later.
    pub now: Stamp,
    /// Where a mark stands behind it: the inputs, by ordinal, whose times are written with nine digits from there on.
    pub fine: Vec<bool>,
    /// Packets of the whole input that could not be decoded so far.
    pub undecoded: u64,
    /// When packets are known to have been dropped last; 0: none were.
    pub dropped_ns: u64,
}

/// What stands behind a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ends {
    /// More packets before the next mark.
    #[default]
    Between,
    Mark,
    /// A mark, since there is nothing more for a while.
    Lull,
    /// The end of all inputs.
    Input,
}

/// Reads and scans.
pub struct Intake<'s> {
    source: &'s mut dyn Source,
    epoch_bytes: usize,
    scanner: Scanner,
    tallies: Tallies,
    /// What is scanned and in no batch yet; of the first of them so many frames are.
    ready: VecDeque<Arc<Scanned>>,
    taken: u32,
    /// What nobody looks at any more: its memory is used again.
    spare: Vec<Scanned>,
    packets: u64,
    now: Stamp,
    /// See [`Batch::dropped_ns`].
    dropped_ns: u64,
}

/// What is kept for being used again.
const SPARE: usize = 80;

impl<'s> Intake<'s> {
    pub fn new(source: &'s mut dyn Source, limits: &Limits, epoch_bytes: usize) -> Intake<'s> {
        Intake {
            source,
            epoch_bytes,
            scanner: Scanner::new(limits),
            tallies: Tallies::default(),
            ready: VecDeque::new(),
            taken: 0,
            spare: Vec::new(),
            packets: 0,
            now: Stamp::default(),
            dropped_ns: 0,
        }
    }

    /// Fills `batch` up to the next mark, or with `most` epochs.
    pub fn fill(&mut self, batch: &mut Batch, most: usize) {
        self.take_back(batch);
        batch.ends = self.fill_pieces(batch, most);
        batch.now = self.now;
        if batch.ends != Ends::Between {
            self.note_fine(&mut batch.fine);
            batch.undecoded = self.tallies.undecoded();
            batch.dropped_ns = self.dropped_ns;
        }
    }

    fn fill_pieces(&mut self, batch: &mut Batch, most: usize) -> Ends {
        for _ in 0..most {
            let scanned = match self.ready.front() {
                Some(front) => Arc::clone(front),
                None => match self.read() {
                    Some(scanned) => {
                        let scanned = Arc::new(scanned);
                        self.ready.push_back(Arc::clone(&scanned));
                        scanned
                    }
                    None => {
                        batch.pieces.push(self.last_piece());
                        return Ends::Input;
                    }
                },
            };
            let epoch = &scanned.epoch;
            let from = self.taken;
            let to_mark = PACKETS_A_MARK - self.packets % PACKETS_A_MARK;
            let count = (epoch.frames.len() as u64 - u64::from(from)).min(to_mark) as u32;
            let to = from + count;
            self.packets += u64::from(count);
            if let Some(frame) = epoch.frames.get(from as usize..to as usize).and_then(<[_]>::last) {
                self.now = frame.stamp;
            }
            let is_whole = to as usize == epoch.frames.len();
            let lull = epoch.lull.filter(|_| is_whole);
            batch.pieces.push(Piece {
                scanned,
                frames: from..to,
            });
            self.taken = to;
            if is_whole {
                self.ready.pop_front();
                self.taken = 0;
            }
            if let Some(now_ns) = lull {
                self.now.ns = self.now.ns.max(now_ns);
                return Ends::Lull;
            }
            if count > 0 && self.packets.is_multiple_of(PACKETS_A_MARK) {
                return Ends::Mark;
            }
        }
        Ends::Between
    }

    fn read(&mut self) -> Option<Scanned> {
        let mut scanned = self.empty();
        let more = self.source.fill(&mut scanned.epoch, self.epoch_bytes);
        self.dropped_ns = self.dropped_ns.max(scanned.epoch.dropped_ns.unwrap_or_default());
        if !more {
            self.put_by(scanned);
            return None;
        }
        self.scanner
            .scan(&scanned.epoch, &mut scanned.buckets, &mut self.tallies);
        Some(scanned)
    }

    /// What became of the datagrams that were never whole.
    fn last_piece(&mut self) -> Piece {
        let mut scanned = self.empty();
        scanned.epoch.clear();
        self.scanner.finish(&mut scanned.buckets);
        Piece {
            scanned: Arc::new(scanned),
            frames: 0..u32::MAX,
        }
    }

    /// How an input's times are written depends on what stood before the mark, not on how far it was read.
    fn note_fine(&self, fine: &mut Vec<bool>) {
        fine.clear();
        fine.extend(self.source.inputs().iter().zip(0..).map(|(facts, ordinal)| {
            let reached = self.now.ordinal() != ordinal || facts.nanoseconds_after < self.now.frame();
            facts.nanoseconds && reached
        }));
    }

    fn take_back(&mut self, batch: &mut Batch) {
        for piece in batch.pieces.drain(..) {
            if let Some(scanned) = Arc::into_inner(piece.scanned) {
                self.put_by(scanned);
            }
        }
    }

    /// Something to be filled.
    pub fn empty(&mut self) -> Scanned {
        let mut scanned = self.spare.pop().unwrap_or_default();
        scanned.buckets.clear();
        scanned
    }

    pub fn put_by(&mut self, scanned: Scanned) {
        // One that a giant record has made large is let go.
        let usual = scanned.epoch.bytes.capacity() <= 4 * self.epoch_bytes.max(1 << 20);
        if usual && self.spare.len() < SPARE {
            self.spare.push(scanned);
        }
    }

    /// The input of the packet seen last.
    pub fn ordinal(&self) -> u32 {
        self.now.ordinal()
    }

    /// Nothing is at hand.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// What can be read by many at once.
    pub fn stretch(&mut self) -> Option<Stretch> {
        self.source.stretch()
    }

    /// Takes the epochs of a load, scanned but for the pieces of datagrams, which are told by their frames.
    pub fn take_in(&mut self, mut scanned: Scanned, pieces: &[u32], tallies: Tallies) {
        self.tallies.add(tallies);
        let Scanned { epoch, buckets } = &mut scanned;
        for &index in pieces {
            if let Some(frame) = epoch.frames.get(index as usize) {
                let tally = self.tallies.of(frame.stamp.ordinal());
                self.scanner.join(epoch, frame, index, buckets, tally);
            }
        }
        self.ready.push_back(Arc::new(scanned));
    }

    /// A load is at an end: the source goes on behind it.
    pub fn pass(&mut self, to: u64, packets: u64, again: bool) {
        self.source.pass(to, packets, again);
    }

    /// What was read, once all of it was.
    pub fn tallies(&mut self) -> Tallies {
        self.tallies.add_fragments(self.scanner.fragments());
        std::mem::take(&mut self.tallies)
    }

    pub fn source(&self) -> &dyn Source {
        self.source
    }
}
