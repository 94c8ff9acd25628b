//! What is counted for each input: the numbers of its capture row.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::epoch::{Frame, InputFacts};
use super::hidden::EncryptedDns;
use super::rows::{Blind, CaptureRow, FragmentCounts};
use crate::evidence::model::Quality;
use crate::wire::decode::Undecoded;

/// The counts of one input.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    packets: u64,
    bytes: u64,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
    undecoded: [u64; Undecoded::COUNT],
    duplicates: u64,
    fragments: FragmentCounts,
    flows: u64,
    blind: Blind,
    /// Who asked resolvers where nobody could see it: the first of them, if there are more than a row names.
    hidden: BTreeSet<IpAddr>,
}

/// Clients that a capture row names.
const MAX_HIDDEN: usize = 1000;

impl Tally {
    pub fn frames(&mut self, frames: &[Frame]) {
        self.packets += frames.len() as u64;
        self.bytes += frames.iter().map(|frame| u64::from(frame.captured)).sum::<u64>();
        // A packet without a time (a simple packet block at the start) says nothing of when the capture began.
        let times = || frames.iter().map(|frame| frame.stamp.ns).filter(|ns| *ns != 0);
        self.first_ns = self.first_ns.into_iter().chain(times()).min();
        self.last_ns = self.last_ns.into_iter().chain(times()).max();
    }

    #[inline]
    pub fn undecoded(&mut self, reason: Undecoded) {
        self.undecoded[reason.index()] += 1;
    }

    /// The same packet, captured once more.
    fn add(&mut self, other: Tally) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.first_ns = [self.first_ns, other.first_ns].into_iter().flatten().min();
        self.last_ns = self.last_ns.max(other.last_ns);
        for (count, more) in self.undecoded.iter_mut().zip(other.undecoded) {
            *count += more;
        }
        self.duplicates += other.duplicates;
        self.flows += other.flows;
        self.blind.add(other.blind);
        self.hidden.extend(other.hidden);
        while self.hidden.len() > MAX_HIDDEN {
            self.hidden.pop_last();
        }
    }

    pub fn duplicate(&mut self) {
        self.duplicates += 1;
    }

    /// A flow that began in this input has ended.
    pub fn flow(&mut self, quality: Quality, ech: bool) {
        self.flows += 1;
        let blind = &mut self.blind;
        let counted = [
            (quality.has(Quality::CUT), &mut blind.cut),
            (quality.has(Quality::GAP), &mut blind.gap),
            (quality.has(Quality::MIDSTREAM), &mut blind.midstream),
            (quality.has(Quality::ONE_SIDED), &mut blind.one_sided),
            (quality.has(Quality::EVICTED), &mut blind.evicted),
            (ech, &mut blind.ech),
        ];
        for (holds, count) in counted {
            *count += u64::from(holds);
        }
    }

    /// `client` asked an encrypted resolver in a flow that began in this input.
    pub fn hidden(&mut self, kind: EncryptedDns, client: IpAddr) {
        match kind {
            EncryptedDns::Doh => self.blind.doh += 1,
            EncryptedDns::Dot => self.blind.dot += 1,
        }
        if self.hidden.len() < MAX_HIDDEN {
            self.hidden.insert(client);
        }
    }
}

/// The counts of all inputs, by ordinal.
#[derive(Debug, Default)]
pub struct Tallies(Vec<Tally>);

impl Tallies {
    pub fn of(&mut self, ordinal: u32) -> &mut Tally {
        let ordinal = ordinal as usize;
        if ordinal >= self.0.len() {
            self.0.resize_with(ordinal + 1, Tally::default);
        }
        &mut self.0[ordinal]
    }

    /// What became of fragments, by ordinal.
    pub fn add_fragments(&mut self, counts: &[FragmentCounts]) {
        for (ordinal, fragments) in counts.iter().enumerate() {
            self.of(ordinal as u32).fragments = *fragments;
        }
    }

    /// The rows at the end, one an input.
    /// Packets not decoded, over all inputs.
    pub fn undecoded(&self) -> u64 {
        self.0.iter().flat_map(|tally| tally.undecoded).sum()
    }

    /// Flows that have ended, over all inputs.
    pub fn flows(&self) -> u64 {
        self.0.iter().map(|tally| tally.flows).sum()
    }

    /// What others have counted.
    pub fn add(&mut self, others: Tallies) {
        for (ordinal, other) in others.0.into_iter().enumerate() {
            self.of(ordinal as u32).add(other);
        }
    }

    pub fn into_rows(mut self, inputs: &[InputFacts]) -> Vec<CaptureRow> {
        inputs
            .iter()
            .enumerate()
            .map(|(ordinal, facts)| row(facts, std::mem::take(self.of(ordinal as u32))))
            .collect()
    }
}

fn row(facts: &InputFacts, tally: Tally) -> CaptureRow {
    let mut undecoded: Vec<(String, u64)> = Undecoded::ALL
        .iter()
        .map(|reason| (reason.as_str().to_owned(), tally.undecoded[reason.index()]))
        .filter(|(_, count)| *count > 0)
        .collect();
    undecoded.sort();
    CaptureRow {
        file: facts.name.clone(),
        sha256: facts.sha256.clone(),
        links: facts.links.clone(),
        packets: tally.packets,
        bytes: tally.bytes,
        nanoseconds: facts.nanoseconds,
        first_ns: tally.first_ns,
        last_ns: tally.last_ns,
        undecoded,
        dropped_by_kernel: facts.dropped_by_kernel,
        dropped_by_interface: facts.dropped_by_interface,
        duplicates: tally.duplicates,
        fragments: tally.fragments,
        flows: tally.flows,
        blind: tally.blind,
        hidden_clients: tally.hidden.into_iter().collect(),
    }
}
