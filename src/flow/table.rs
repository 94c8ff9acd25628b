//! The flows of one shard: a slab of records and an index of our own over it.
//!
//! ```text
//!   hash (low 32 bits) ──▶ index: [ hash32 | slot + 1 ] ──▶ slab: [ T ][ T ][ free ][ T ] …
//! ```
//!
//! The index holds eight bytes a flow and is probed linearly, so that a look-up costs one cache line of
//! index and one record, and both can be fetched ahead of their packet ([`Table::prefetch_index`],
//! [`Table::fetch_record`]): in a flood that is half of the time. A general hash map gives no way to
//! do so, which is why this one is ours.
//!
//! A record that leaves is detached first and freed later: in between its key may belong to a new record. A slot is reused
//! once it is free; its generation tells an old reference from a new one.

use std::num::NonZero;

use super::fetch::prefetch;
use super::slab::Slab;

/// A record that knows its own key.
pub trait Keyed {
    type Key: Eq;
    fn key(&self) -> &Self::Key;
}

/// A record's place, and which of the records that lived there is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    pub slot: u32,
    pub generation: u32,
}

/// The slot where a look-up probably ends.
#[derive(Debug, Clone, Copy)]
pub struct Guess(NonZero<u32>);

impl Guess {
    #[inline]
    pub fn slot(self) -> u32 {
        self.0.get() - 1
    }
}

const EMPTY: u64 = 0;
const FIRST_SIZE: usize = 64;

/// Flows by key.
pub struct Table<T> {
    index: Vec<u64>,
    records: Slab<T>,
    /// Beside the records and not in them: only a slot's change of tenant looks here.
    generations: Vec<u32>,
    free: Vec<u32>,
    /// Records that can be found by their key.
    indexed: usize,
}

impl<T: Keyed> Default for Table<T> {
    fn default() -> Self {
        Table {
            index: vec![EMPTY; FIRST_SIZE],
            records: Slab::default(),
            generations: Vec::new(),
            free: Vec::new(),
            indexed: 0,
        }
    }
}

impl<T: Keyed> Table<T> {
    /// How many records can be found; those that were [detached](Table::detach) are no longer counted.
    pub fn len(&self) -> usize {
        self.indexed
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of the record with this key.
    #[inline]
    pub fn find(&self, hash: u64, key: &T::Key) -> Option<u32> {
        let wanted = hash as u32;
        let mut at = self.home(wanted);
        loop {
            let entry = self.index[at];
            if entry == EMPTY {
                return None;
            }
            if hash_of(entry) == wanted {
                let slot = slot_of(entry);
                if self.records.at(slot).as_ref().is_some_and(|r| r.key() == key) {
                    return Some(slot);
                }
            }
            at = self.next(at);
        }
    }

    /// The record in `slot`, which must be occupied: slots come from this table.
    #[inline]
    pub fn at(&mut self, slot: u32) -> Option<&mut T> {
        self.records.get_mut(slot)?.as_mut()
    }

    /// The handle of the record that lives in `slot` now.
    #[inline]
    pub fn handle(&self, slot: u32) -> Handle {
        Handle {
            slot,
            generation: self.generations.get(slot as usize).copied().unwrap_or_default(),
        }
    }

    /// The record a handle means, unless it has left since.
    #[inline]
    pub fn get(&mut self, handle: Handle) -> Option<&mut T> {
        let generation = self.generations.get(handle.slot as usize)?;
        if *generation == handle.generation {
            self.at(handle.slot)
        } else {
            None
        }
    }

    /// Adds a record whose key is not there yet.
    pub fn insert(&mut self, hash: u64, record: T) -> Handle {
        if (self.indexed + 1) * 4 > self.index.len() * 3 {
            self.grow();
        }
        let slot = self.place(record);
        self.enter(entry_of(hash as u32, slot));
        self.indexed += 1;
        self.handle(slot)
    }

    fn place(&mut self, record: T) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            self.records.push_empty()
        });
        if let Some(place) = self.records.get_mut(slot) {
            *place = Some(record);
        }
        slot
    }

    /// Makes a record nobody's: its key finds nothing any more, or a new record, and its handles mean nothing. It stays
    /// in its slot until it is [freed](Table::free).
    pub fn detach(&mut self, hash: u64, slot: u32) {
        if let Some(generation) = self.generations.get_mut(slot as usize) {
            *generation = generation.wrapping_add(1);
        }
        let sought = entry_of(hash as u32, slot);
        let mut at = self.home(hash as u32);
        while self.index[at] != sought {
            at = self.next(at);
        }
        self.close_gap(at);
        self.indexed -= 1;
    }

    /// Keeps a record that no key shall find, as if it had been detached.
    pub fn keep_detached(&mut self, record: T) -> u32 {
        let slot = self.place(record);
        self.generations[slot as usize] = self.generations[slot as usize].wrapping_add(1);
        slot
    }

    /// Lets go of a detached record; its slot is free again.
    pub fn free(&mut self, slot: u32) {
        if let Some(place) = self.records.get_mut(slot) {
            *place = None;
            self.free.push(slot);
        }
    }

    /// Fetches the record in `slot`, which must be of this table.
    #[inline]
    pub fn prefetch_slot(&self, slot: u32) {
        self.records.prefetch(slot);
    }

    /// All slots that hold a record, detached ones too, in slot order.
    pub fn occupied(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.records.len() as u32).filter_map(|slot| Some((slot, self.records.at(slot).as_ref()?)))
    }

    /// Asks for the cache line of the index that a look-up of `hash` begins with.
    #[inline]
    pub fn prefetch_index(&self, hash: u64) {
        prefetch(&self.index[self.home(hash as u32)]);
    }

    /// Asks for the record that a look-up of `hash` probably ends at, and tells which it is.
    #[inline]
    pub fn fetch_record(&self, hash: u64) -> Option<Guess> {
        let entry = self.index[self.home(hash as u32)];
        let guess = Guess(NonZero::new(entry as u32)?);
        self.records.prefetch(guess.slot());
        Some(guess)
    }

    /// The record that was guessed, if one lies there still.
    #[inline]
    pub fn guessed(&self, guess: Guess) -> Option<&T> {
        self.records.at(guess.slot()).as_ref()
    }

    #[inline]
    fn home(&self, hash32: u32) -> usize {
        hash32 as usize & (self.index.len() - 1)
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.index.len() - 1)
    }

    fn enter(&mut self, entry: u64) {
        let mut at = self.home(hash_of(entry));
        while self.index[at] != EMPTY {
            at = self.next(at);
        }
        self.index[at] = entry;
    }

    fn grow(&mut self) {
        let doubled = vec![EMPTY; self.index.len() * 2];
        for entry in std::mem::replace(&mut self.index, doubled) {
            if entry != EMPTY {
                self.enter(entry);
            }
        }
    }

    /// Moves later entries of the probe run back, so that no look-up ends at the hole.
    ///
    /// ```text
    ///   home:    3  3  4  6        removing the first entry:
    ///   before: [a][b][c][d]
    ///   after:  [b][c][ ][d]       d stays: it sits at its home
    /// ```
    fn close_gap(&mut self, mut hole: usize) {
        let mask = self.index.len() - 1;
        let mut at = self.next(hole);
        while self.index[at] != EMPTY {
            let home = self.home(hash_of(self.index[at]));
            let from_home = at.wrapping_sub(home) & mask;
            let from_hole = at.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.index[hole] = self.index[at];
                hole = at;
            }
            at = self.next(at);
        }
        self.index[hole] = EMPTY;
    }
}

#[inline]
fn entry_of(hash32: u32, slot: u32) -> u64 {
    u64::from(hash32) << 32 | u64::from(slot + 1)
}

#[inline]
fn hash_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

#[inline]
fn slot_of(entry: u64) -> u32 {
    entry as u32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    struct Record(u64, u32);
    impl Keyed for Record {
        type Key = u64;
        fn key(&self) -> &u64 {
            &self.0
        }
    }

    /// A hash with many collisions, so that probe runs and their closing are exercised.
    fn poor_hash(key: u64) -> u64 {
        key % 37
    }

    #[test]
    fn it_behaves_as_a_map_under_collisions_growth_and_removal() {
        let mut table = Table::default();
        let mut model: HashMap<u64, u32> = HashMap::new();
        let mut state = 1u64;
        for step in 0..20_000u32 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let key = (state >> 33) % 500;
            let found = table.find(poor_hash(key), &key);
            assert_eq!(found.is_some(), model.contains_key(&key));
            match found {
                Some(slot) if state & 1 == 0 => {
                    table.detach(poor_hash(key), slot);
                    assert_eq!(table.find(poor_hash(key), &key), None);
                    assert_eq!(table.at(slot).map(|record: &mut Record| record.1), model.remove(&key));
                    table.free(slot);
                }
                Some(slot) => assert_eq!(table.at(slot).unwrap().1, model[&key]),
                None => {
                    table.insert(poor_hash(key), Record(key, step));
                    model.insert(key, step);
                }
            }
            assert_eq!(table.len(), model.len());
        }
    }

    #[test]
    fn a_handle_does_not_mean_the_next_tenant() {
        let mut table = Table::default();
        let first = table.insert(1, Record(1, 1));
        table.detach(1, first.slot);
        assert!(table.get(first).is_none());
        table.free(first.slot);
        let second = table.insert(2, Record(2, 2));
        assert_eq!(first.slot, second.slot);
        assert!(table.get(first).is_none());
        assert_eq!(table.get(second).unwrap().1, 2);
    }
}
