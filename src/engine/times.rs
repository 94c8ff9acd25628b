//! When something happened to whom: asked later, whether it did between two moments.
//!
//! ```text
//!   slot          0 ......... 60 ......... 120 ......... 180 s
//!   198.19.0.10      | |   |      ||| | ||    |
//!   kept             | |   |      ||     |    |            the first two and the last two of a slot
//!                         [---- a window, as long as a slot at least ----]
//! ```
//!
//! A window that is as long as a slot never begins and ends in the same one. So the first two and the last two of every slot answer
//! exactly, even where one flow's own entry must not count. What is kept does not depend on the order of the calls, so it may be
//! told early or late, from any shard.
//!
//! Keys are digests ([`Times::digest`]): two that collide may hide a finding, once in 2^64, and never make one.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use crate::names::quick_hash::QuickHash;

/// Moments by key.
#[derive(Debug)]
pub struct Times {
    slot_ns: u64,
    slots: BTreeMap<u64, HashMap<u64, Ends, QuickHash>>,
    hash: QuickHash,
    entries: usize,
    most: usize,
    /// What lies before was forgotten for want of room.
    known_from: u64,
}

/// Of one key in one slot: (when, who), ascending and descending. `NONE` where there are fewer.
#[derive(Debug, Clone, Copy)]
struct Ends {
    first: [(u64, u64); 2],
    last: [(u64, u64); 2],
}

const NONE_FIRST: (u64, u64) = (u64::MAX, u64::MAX);
const NONE_LAST: (u64, u64) = (0, 0);

/// What an entry costs, with its place in the map.
pub const TIME_BYTES: u64 = 128;

impl Times {
    /// No window may be shorter than `slot_ns`; at most `most` keys and slots are kept over a mark.
    pub fn new(slot_ns: u64, most: usize) -> Times {
        Times {
            slot_ns,
            slots: BTreeMap::new(),
            hash: QuickHash::default(),
            entries: 0,
            most,
            known_from: 0,
        }
    }

    pub fn digest(&self, key: impl Hash) -> u64 {
        self.hash.hash_one(key)
    }

    /// `who` tells entries of one moment apart, and whose they are.
    pub fn add(&mut self, key: u64, ns: u64, who: u64) {
        let slot = self.slots.entry(ns / self.slot_ns).or_default();
        let ends = slot.entry(key).or_insert_with(|| {
            self.entries += 1;
            Ends {
                first: [NONE_FIRST; 2],
                last: [NONE_LAST; 2],
            }
        });
        ends.note((ns, who));
    }

    /// Whether there is an entry from `from` to `to`, both included, of anybody but `except`.
    pub fn any(&self, key: u64, from: u64, to: u64, except: Option<u64>) -> bool {
        // A place without an entry holds the time 0, which a window may begin at.
        let counts =
            |entry: &&(u64, u64)| (from..=to).contains(&entry.0) && Some(entry.1) != except && **entry != NONE_LAST;
        self.slots
            .range(from / self.slot_ns..=to / self.slot_ns)
            .filter_map(|(_, slot)| slot.get(&key))
            .any(|ends| ends.entries().iter().any(|entry| counts(&entry)))
    }

    /// Nothing since then was forgotten.
    pub fn knows_since(&self, from: u64) -> bool {
        from >= self.known_from
    }

    /// At a mark: what is older than `keep_from` is of no use; where there is too much, the oldest goes.
    pub fn trim(&mut self, keep_from: u64) {
        while let Some(oldest) = self.slots.first_entry() {
            let end = oldest.key().saturating_add(1).saturating_mul(self.slot_ns);
            let is_old = end <= keep_from;
            if !is_old && self.entries <= self.most {
                return;
            }
            self.entries -= oldest.remove().len();
            if !is_old {
                self.known_from = self.known_from.max(end);
            }
        }
    }
}

impl Ends {
    fn note(&mut self, entry: (u64, u64)) {
        let [one, two] = &mut self.first;
        if entry < *one {
            *two = std::mem::replace(one, entry);
        } else if entry != *one {
            *two = (*two).min(entry);
        }
        let [one, two] = &mut self.last;
        if entry > *one {
            *two = std::mem::replace(one, entry);
        } else if entry != *one {
            *two = (*two).max(entry);
        }
    }

    fn entries(&self) -> [(u64, u64); 4] {
        let [a, b] = self.first;
        let [d, c] = self.last;
        [a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_forgotten_is_known_to_be() {
        let mut times = Times::new(60, 3);
        for n in 1..=5 {
            times.add(n, n * 60, 7);
        }
        times.trim(0);
        assert!(!times.any(2, 100, 200, None) && !times.knows_since(100));
        assert!(times.any(3, 150, 250, None) && times.knows_since(180));
        times.trim(300);
        assert!(!times.any(4, 200, 300, None) && times.any(5, 240, 360, None));
        assert!(times.knows_since(180), "what is merely old was not wanted any more");
    }

    #[test]
    fn ones_own_entry_does_not_count() {
        let mut times = Times::new(60, 9);
        times.add(1, 70, 5);
        times.add(1, 70, 5);
        assert!(!times.any(1, 10, 100, Some(5)) && times.any(1, 10, 100, None));
        times.add(1, 71, 6);
        assert!(times.any(1, 10, 100, Some(5)));
        assert!(!times.any(2, 10, 100, Some(5)));
    }

    proptest! {
        /// The same as looking at all entries, for every window that is as long as a slot.
        #[test]
        fn a_window_is_answered_exactly(
            entries in proptest::collection::vec((1_u64..400, 0_u64..4), 0..40),
            from in 0_u64..300,
            length in 60_u64..150,
            except in proptest::option::of(0_u64..4),
        ) {
            let mut times = Times::new(60, 99);
            for (ns, who) in &entries {
                // One entry a flow, as flows tell them.
                times.add(1, *ns, ns << 2 | who);
            }
            let to = from + length;
            let except = except.and_then(|n| entries.get(n as usize)).map(|(ns, who)| ns << 2 | who);
            let wanted = entries.iter().any(|(ns, who)| (from..=to).contains(ns) && Some(ns << 2 | who) != except);
            prop_assert_eq!(times.any(1, from, to, except), wanted);
        }
    }
}
