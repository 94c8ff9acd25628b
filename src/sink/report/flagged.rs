//! Flows whose proof is told in full: of every kind of flag the first few, those on the list before others. Of notices the first few
//! are named.

use std::collections::BTreeMap;

use crate::engine::rows::{FlowRow, NameRow};
use crate::policy::verdict::{FlagKind, Severity};

/// Flows of one kind of flag whose proof is told.
pub const MOST_OF_A_KIND: usize = 8;
/// Flows with a notice that are named, of one kind of flag.
const MOST_NOTICES: usize = 3;
/// Lookups that are kept for the proofs, as they come.
const MOST_LOOKUPS: usize = 20_000;

type Place = (bool, u32, u64, u64);

/// What is kept for the proofs.
#[derive(Debug, Default)]
pub struct Flagged {
    /// How often each kind was raised, by severity, and on how many flows that are on the list.
    pub counts: BTreeMap<FlagKind, Count>,
    kept: BTreeMap<FlagKind, BTreeMap<Place, FlowRow>>,
    notices: BTreeMap<FlagKind, BTreeMap<Place, FlowRow>>,
    pub lookups: Vec<NameRow>,
    /// And more lookups than these.
    pub more_lookups: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub high: u64,
    pub medium: u64,
    pub notice: u64,
    pub listed: u64,
}

impl Count {
    pub fn all(&self) -> u64 {
        self.high + self.medium + self.notice
    }

    pub fn grave(&self) -> u64 {
        self.high + self.medium
    }
}

impl Flagged {
    pub fn flow(&mut self, flow: &FlowRow) {
        let listed = !flow.verdict.matches.is_empty();
        for flag in &flow.verdict.flags {
            let count = self.counts.entry(flag.kind).or_default();
            match flag.severity {
                Severity::High => count.high += 1,
                Severity::Medium => count.medium += 1,
                Severity::Notice => count.notice += 1,
            }
            count.listed += u64::from(listed);
            let place = (!listed, flow.ordinal, flow.frames.first, flow.start_ns);
            let (kept, most) = match flag.severity {
                Severity::Notice => (self.notices.entry(flag.kind), MOST_NOTICES),
                _ => (self.kept.entry(flag.kind), MOST_OF_A_KIND),
            };
            keep(kept.or_default(), place, flow, most);
        }
    }

    pub fn lookup(&mut self, row: &NameRow) {
        match self.lookups.len() < MOST_LOOKUPS {
            true => self.lookups.push(row.clone()),
            false => self.more_lookups = true,
        }
    }

    /// The flows, each once, in the order of the capture.
    pub fn flows(&self) -> Vec<FlowRow> {
        let all = self.kept.values().flatten();
        let by_place: BTreeMap<(u32, u64, u64), &FlowRow> = all
            .map(|((_, ordinal, frame, start), flow)| ((*ordinal, *frame, *start), flow))
            .collect();
        by_place.into_values().cloned().collect()
    }

    /// Those of one kind.
    pub fn of(&self, kind: FlagKind) -> impl Iterator<Item = &FlowRow> {
        self.kept.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// The first of a kind whose flag is a notice only.
    pub fn notices(&self, kind: FlagKind) -> impl Iterator<Item = &FlowRow> {
        self.notices.get(&kind).into_iter().flat_map(BTreeMap::values)
    }
}

/// Keeps the first `most`.
fn keep(kept: &mut BTreeMap<Place, FlowRow>, place: Place, flow: &FlowRow, most: usize) {
    let is_full = kept.len() >= most;
    if is_full && kept.last_key_value().is_some_and(|(last, _)| place > *last) {
        return;
    }
    kept.insert(place, flow.clone());
    if kept.len() > most {
        kept.pop_last();
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures;
    use super::*;

    #[test]
    fn the_first_on_the_list_are_kept_and_all_are_counted() {
        let mut flagged = Flagged::default();
        for number in (0..100u64).rev() {
            let mut flow = fixtures::bare_flow();
            flow.frames.first = number;
            if number >= 95 {
                flow.verdict.matches = fixtures::web_flow().verdict.matches;
            }
            flagged.flow(&flow);
        }
        let frames: Vec<u64> = flagged.flows().iter().map(|flow| flow.frames.first).collect();
        assert_eq!(frames, [0, 1, 2, 95, 96, 97, 98, 99]);
        let count = flagged.counts[&FlagKind::Blocked];
        assert_eq!((count.high, count.listed), (100, 5));
        assert_eq!(flagged.notices(FlagKind::Blocked).count(), 0);
    }

    #[test]
    fn the_first_notices_are_kept_apart() {
        let mut flagged = Flagged::default();
        for number in (0..9u64).rev() {
            let mut flow = fixtures::bare_flow();
            flow.frames.first = number;
            flow.verdict
                .flags
                .iter_mut()
                .for_each(|flag| flag.severity = Severity::Notice);
            flagged.flow(&flow);
        }
        let first = |flow: &FlowRow| flow.frames.first;
        let named: Vec<u64> = flagged.notices(FlagKind::Blocked).map(first).collect();
        assert_eq!((named, flagged.flows().len()), (vec![0, 1, 2], 0));
    }
}
