//! A stretch of an input, read by all threads at once: piece by piece, in any order.
//!
//! ```text
//!   begin ─▶ read 0 … 63 ─▶ stitch: does each piece begin where the one before ends? ─▶ scan 0 … 63 ─▶ take in
//! ```
//!
//! A piece guesses where its first record begins; only the stitch decides. A piece that guessed wrong, or found nothing, is
//! read again from where the one before it ends. What cannot be read to its end (the file's last bytes, damage) is left to
//! [`Source::fill`](super::epoch::Source::fill), which has the words for it: there the load ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::epoch::{Found, Stretch};
use super::intake::{Intake, Scanned};
use super::limits::SHARDS;
use super::scan::decode_all;
use super::tally::Tallies;
use crate::flow::stamp::Stamp;

/// As many pieces as a step has numbers.
pub const PIECES: usize = SHARDS;
/// With fewer, one thread that reads on is as good.
const LEAST_PIECES: usize = 4;

/// A stretch cut in pieces.
pub struct Load {
    stretch: Stretch,
    piece_bytes: u64,
    pieces: Vec<Mutex<PieceOfLoad>>,
    /// All that was wanted could be read.
    is_whole: bool,
}

#[derive(Default)]
struct PieceOfLoad {
    scanned: Scanned,
    found: Option<Found>,
    /// Packets of the input before it.
    packets: u64,
    /// Frames that are pieces of datagrams.
    of_datagrams: Vec<u32>,
    tallies: Tallies,
}

impl Load {
    /// Cuts what lies ahead in at most `most` pieces; None if there is too little of it.
    pub fn begin(intake: &mut Intake<'_>, piece_bytes: usize, most: usize) -> Option<Load> {
        let stretch = intake.stretch()?;
        let piece_bytes = piece_bytes as u64;
        let whole = stretch.to.saturating_sub(stretch.from) / piece_bytes;
        let count = usize::try_from(whole).unwrap_or(PIECES).min(most).min(PIECES);
        if count < LEAST_PIECES {
            return None;
        }
        let piece = |_| {
            let mut scanned = intake.empty();
            scanned.epoch.ordinal = stretch.ordinal;
            Mutex::new(PieceOfLoad {
                scanned,
                ..PieceOfLoad::default()
            })
        };
        Some(Load {
            piece_bytes,
            pieces: (0..count).map(piece).collect(),
            stretch,
            is_whole: true,
        })
    }

    fn start(&self, number: usize) -> u64 {
        self.stretch.from + number as u64 * self.piece_bytes
    }

    /// Reads a piece.
    pub fn read(&self, number: usize) {
        let Some(mut piece) = self.piece(number) else { return };
        let range = self.start(number)..self.start(number + 1);
        let reader = &self.stretch.pieces;
        piece.found = reader.read(range, number == 0, &mut piece.scanned.epoch);
    }

    /// Puts the pieces together. From the first that cannot be read to its end on, they are given up.
    pub fn stitch(&mut self) {
        let mut next = self.stretch.from;
        let mut packets = self.stretch.packets;
        let mut whole = 0;
        for number in 0..self.pieces.len() {
            let end = self.start(number + 1);
            let Some(mut piece) = self.piece(number) else { break };
            if piece.found.is_none_or(|found| found.first != next) {
                let epoch = &mut piece.scanned.epoch;
                let again = if next < end {
                    self.stretch.pieces.read(next..end, true, epoch)
                } else {
                    // A record of the pieces before covers all of this one.
                    epoch.clear();
                    Some(Found { first: next, next })
                };
                let Some(again) = again else { break };
                piece.found = Some(again);
            }
            next = piece.found.map_or(next, |found| found.next);
            piece.packets = packets;
            packets += piece.scanned.epoch.frames.len() as u64;
            whole += 1;
        }
        self.is_whole = whole == self.pieces.len();
        self.pieces.truncate(whole);
    }

    /// Decodes a piece.
    pub fn scan(&self, number: usize) {
        let Some(mut piece) = self.piece(number) else { return };
        let PieceOfLoad {
            scanned,
            packets,
            of_datagrams,
            tallies,
            ..
        } = &mut *piece;
        let Scanned { epoch, buckets } = scanned;
        for (frame, number) in epoch.frames.iter_mut().zip(*packets + 1..) {
            frame.stamp = Stamp::new(self.stretch.ordinal, number, frame.stamp.ns);
        }
        decode_all(epoch, buckets, tallies, |_, index, _, _| of_datagrams.push(index));
    }

    /// Hands all of it to the intake.
    pub fn take_in(self, intake: &mut Intake<'_>) {
        let (mut to, mut packets) = (self.stretch.from, self.stretch.packets);
        for piece in self.pieces {
            let piece = piece.into_inner().unwrap_or_else(PoisonError::into_inner);
            to = piece.found.map_or(to, |found| found.next);
            packets += piece.scanned.epoch.frames.len() as u64;
            intake.take_in(piece.scanned, &piece.of_datagrams, piece.tallies);
        }
        intake.pass(to, packets, self.is_whole);
    }

    fn piece(&self, number: usize) -> Option<MutexGuard<'_, PieceOfLoad>> {
        let piece = self.pieces.get(number)?;
        Some(piece.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
