//! Flows under way, for who wants to see a run while it goes on.
//!
//! ```text
//!   shard 0 … 63 ─▶ candidates: the heaviest of the busy ones, the newest ─▶ the few of them all ─▶ named and judged as they stand
//! ```
//!
//! Asked for at a pause, when all that lies before it has been drained and bound. It only looks: a copy of what is known of a flow
//! is named and judged, by the same hands as at its end, so no row that leaves later is another for it. What is looked at is bounded by
//! the flows there are (see [`limits`](super::limits)), what is made of it by [`HEAVIEST`] and [`NEWEST`].

use std::cmp::Reverse;
use std::ops::ControlFlow;

use super::press::Outlet;
use super::rows::Row;
use crate::flow::expiry::SECOND;

/// How many are told of.
pub const HEAVIEST: usize = 150;
pub const NEWEST: usize = 100;

/// A flow without a packet for so long is no longer among the heaviest, whatever it has carried.
pub const BUSY_NS: u64 = 10 * SECOND;

/// A flow that may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub bytes: u64,
    /// Its first packet's place in the input.
    pub first: u64,
    pub shard: u8,
    pub slot: u32,
}

/// The candidates seen so far, no more of them than matter, and the sums over all flows.
#[derive(Debug, Default)]
pub struct Candidates {
    heaviest: Vec<Candidate>,
    newest: Vec<Candidate>,
    pub flows: u64,
    pub bytes: u64,
}

impl Candidates {
    #[inline]
    pub fn add(&mut self, candidate: Candidate, is_busy: bool) {
        self.flows += 1;
        self.bytes += candidate.bytes;
        if is_busy {
            keep(&mut self.heaviest, candidate, HEAVIEST, |kept| (kept.bytes, kept.first));
        }
        keep(&mut self.newest, candidate, NEWEST, |kept| (kept.first, 0));
    }

    /// Each once, in the order of their shards.
    pub fn chosen(mut self) -> Vec<Candidate> {
        cut(&mut self.heaviest, HEAVIEST, |kept| (kept.bytes, kept.first));
        cut(&mut self.newest, NEWEST, |kept| (kept.first, 0));
        let mut all = self.heaviest;
        all.append(&mut self.newest);
        all.sort_unstable_by_key(|chosen| (chosen.shard, chosen.slot));
        all.dedup();
        all
    }
}

/// Twice as many are let in before the lesser half is thrown out, so that each costs next to nothing.
#[inline]
fn keep(list: &mut Vec<Candidate>, candidate: Candidate, most: usize, rank: fn(&Candidate) -> (u64, u64)) {
    list.push(candidate);
    if list.len() >= 2 * most {
        cut(list, most, rank);
    }
}

fn cut(list: &mut Vec<Candidate>, most: usize, rank: fn(&Candidate) -> (u64, u64)) {
    if list.len() > most {
        list.select_nth_unstable_by_key(most, |kept| Reverse(rank(kept)));
        list.truncate(most);
    }
}

/// Wants every row that is made: what is shown is chosen by who asked.
pub struct Everything;

impl Outlet for Everything {
    fn row(&mut self, _: &Row) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_and_the_newest_are_chosen_each_once() {
        let mut candidates = Candidates::default();
        for number in 0..10_000u64 {
            let candidate = Candidate {
                // The oldest are the heaviest.
                bytes: 20_000 - number,
                first: number,
                shard: (number % 64) as u8,
                slot: number as u32,
            };
            candidates.add(candidate, number >= 10);
        }
        assert_eq!(candidates.flows, 10_000);
        assert!(candidates.heaviest.len() < 2 * HEAVIEST && candidates.newest.len() < 2 * NEWEST);
        let mut firsts: Vec<u64> = candidates.chosen().iter().map(|chosen| chosen.first).collect();
        firsts.sort_unstable();
        let (heavy, new) = firsts.split_at(HEAVIEST);
        assert!(heavy.iter().copied().eq(10..10 + HEAVIEST as u64), "{heavy:?}");
        assert!(new.iter().copied().eq(10_000 - NEWEST as u64..10_000), "{new:?}");
    }
}
