//! From an address to the rows whose ranges hold it.
//!
//! Two CIDR ranges are apart or one lies in the other, so all ranges of a family form a forest. Sorted by first address
//! (the wider one first), each range knows the next wider one around it:
//!
//! ```text
//!   52.112.0.0/14 <---- 52.113.0.0/16 <---- 52.113.194.132/32        60.0.0.0/8
//!                                      ask: 52.113.200.1 ^ last one that begins before it: does not hold it,
//!                                      so on to the one around it: holds it; and all further out hold it too
//! ```
//!
//! A lookup is one binary search and a climb of at most as many steps as ranges are nested.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::policy::model::{Prefix, Row, bits_of};
use crate::policy::verdict::RowId;

/// One range of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressEntry {
    pub row: RowId,
    /// From a tag, which other services share.
    pub shared: bool,
}

#[derive(Debug, Default)]
pub struct AddressIndex {
    v4: Forest,
    v6: Forest,
}

#[derive(Debug, Default)]
struct Forest {
    /// First addresses, ascending; apart from `ranges` because the search touches nothing else.
    firsts: Vec<u128>,
    ranges: Vec<Range>,
}

#[derive(Debug)]
struct Range {
    last: u128,
    length: u8,
    around: Option<u32>,
    entries: Vec<AddressEntry>,
}

impl AddressIndex {
    pub fn build<'a>(rows: impl Iterator<Item = (RowId, &'a Row)>) -> AddressIndex {
        let mut v4 = BTreeMap::new();
        let mut v6 = BTreeMap::new();
        for (row, content) in rows {
            let own = content.addresses.iter().map(|range| (range, false));
            for (range, shared) in own.chain(content.tagged.iter().map(|range| (range, true))) {
                let family: &mut BTreeMap<_, (Prefix, Vec<_>)> = if range.v6 { &mut v6 } else { &mut v4 };
                family
                    .entry((range.first, range.length))
                    .or_insert_with(|| (*range, Vec::new()))
                    .1
                    .push(AddressEntry { row, shared });
            }
        }
        AddressIndex {
            v4: Forest::build(v4.into_values()),
            v6: Forest::build(v6.into_values()),
        }
    }

    /// Calls `found` with the range's length for every range that holds `ip`, the longest first.
    #[inline]
    pub fn lookup(&self, ip: IpAddr, found: impl FnMut(u8, &AddressEntry)) {
        let (v6, bits) = bits_of(ip);
        let forest = if v6 { &self.v6 } else { &self.v4 };
        forest.lookup(bits, found);
    }
}

impl Forest {
    /// From ranges in ascending order, the wider first where two begin at the same address.
    fn build(ranges: impl Iterator<Item = (Prefix, Vec<AddressEntry>)>) -> Forest {
        let mut forest = Forest::default();
        // The ranges that the next one may lie in: each holds those after it.
        let mut open: Vec<(u32, u128)> = Vec::new();
        for (range, entries) in ranges {
            while open.last().is_some_and(|&(_, last)| last < range.first) {
                open.pop();
            }
            let around = open.last().map(|&(at, _)| at);
            open.push((forest.ranges.len() as u32, range.last()));
            forest.firsts.push(range.first);
            forest.ranges.push(Range {
                last: range.last(),
                length: range.length,
                around,
                entries,
            });
        }
        forest
    }

    #[inline]
    fn lookup(&self, bits: u128, mut found: impl FnMut(u8, &AddressEntry)) {
        let begun = self.firsts.partition_point(|&first| first <= bits);
        let mut next = begun.checked_sub(1);
        while let Some(range) = next.and_then(|at| self.ranges.get(at)) {
            if bits <= range.last {
                range.entries.iter().for_each(|entry| found(range.length, entry));
            }
            next = range.around.map(|at| at as usize);
        }
    }
}
