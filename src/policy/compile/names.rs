//! From a name to the rows whose hosts cover it.
//!
//! One table holds every host and every wildcard's suffix. A lookup asks it for the whole name, then for what stands behind
//! each dot: as many steps as the name has labels, however many hosts the policy lists. The table is only ever asked,
//! never walked, so its order cannot reach the output. All its names are the policy's; a name from the wire, however it was
//! chosen, can meet only those, so the hash need not be a keyed one.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::policy::model::{HostPattern, Row};
use crate::policy::verdict::RowId;

/// One host of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameEntry {
    pub row: RowId,
    /// From the row's broad forms.
    pub broad: bool,
    /// The row's addresses say nothing about this host.
    pub anywhere: bool,
}

#[derive(Debug, Default)]
pub struct NameIndex {
    slots: HashMap<Box<str>, Slot, BuildHasherDefault<NameHasher>>,
    /// Longer names than this are in no slot.
    longest: usize,
}

/// The rows that list a name itself, and those that list what is below it.
#[derive(Debug, Default)]
struct Slot {
    exact: Vec<NameEntry>,
    below: Vec<NameEntry>,
}

impl NameIndex {
    pub fn build<'a>(rows: impl Iterator<Item = (RowId, &'a Row)>) -> NameIndex {
        let mut slots: BTreeMap<&str, Slot> = BTreeMap::new();
        for (id, row) in rows {
            let listed = row.hosts.iter().map(|host| (host, false));
            for (host, broad) in listed.chain(row.broad.iter().map(|host| (host, true))) {
                let entry = NameEntry {
                    row: id,
                    broad,
                    anywhere: row.anywhere.contains(host),
                };
                put(slots.entry(&host.name).or_default(), host, entry);
            }
        }
        NameIndex {
            longest: slots.keys().map(|name| name.len()).max().unwrap_or(0),
            slots: slots.into_iter().map(|(name, slot)| (name.into(), slot)).collect(),
        }
    }

    /// Calls `found` with the length of the suffix (None: the whole name is listed) for every host that covers `name`.
    #[inline]
    pub fn lookup(&self, name: &str, mut found: impl FnMut(Option<u8>, &NameEntry)) {
        if let Some(slot) = self.slot(name) {
            slot.exact.iter().for_each(|entry| found(None, entry));
        }
        for (dot, _) in name.match_indices('.') {
            // A wildcard is for what has at least one letter in front of the dot.
            let suffix = name.get(dot + 1..).unwrap_or("");
            if dot == 0 {
                continue;
            }
            if let Some(slot) = self.slot(suffix) {
                let length = u8::try_from(suffix.len()).unwrap_or(u8::MAX);
                slot.below.iter().for_each(|entry| found(Some(length), entry));
            }
        }
    }

    /// Calls `found` for every host that covers all that `host` covers.
    pub fn covering(&self, host: &HostPattern, mut found: impl FnMut(&NameEntry)) {
        if host.below
            && let Some(slot) = self.slot(&host.name)
        {
            slot.below.iter().for_each(&mut found);
        }
        self.lookup(&host.name, |suffix, entry| {
            if suffix.is_some() || !host.below {
                found(entry);
            }
        });
    }

    #[inline]
    fn slot(&self, name: &str) -> Option<&Slot> {
        match name.len() <= self.longest {
            true => self.slots.get(name),
            false => None,
        }
    }
}

/// Eight bytes at a time, one multiplication each, both halves of it kept.
#[derive(Debug, Default)]
struct NameHasher(u64);

impl NameHasher {
    #[inline]
    fn fold(&mut self, word: u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let wide = u128::from((self.0 ^ word).wrapping_add(ODD)) * u128::from(ODD);
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }
}

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, name: &[u8]) {
        let (words, rest) = name.as_chunks();
        words.iter().for_each(|word| self.fold(u64::from_le_bytes(*word)));
        // The last eight once more, rather than the rest byte by byte.
        let last = match name.last_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        self.fold(last ^ name.len() as u64);
    }

    /// What `str` puts behind its bytes, to part it from what may follow; nothing follows.
    #[inline]
    fn write_u8(&mut self, _: u8) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

fn put(slot: &mut Slot, host: &HostPattern, entry: NameEntry) {
    match host.below {
        true => slot.below.push(entry),
        false => slot.exact.push(entry),
    }
}
