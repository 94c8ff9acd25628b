//! What is counted for each input: the numbers of its capture row.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::epoch::{Frame, InputFacts};
use super::hidden::EncryptedDns;
use super::rows::{Blind, CaptureRow};
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
    flows: u64,
    blind: Blind,
    /// Who asked resolvers where nobody could see it: the first of them, if there are more than a row names.
    hidden: BTreeSet<IpAddr>,
}

/// Clients that a capture row names.
const MAX_HIDDEN: usize = 1000;

impl Tally {
    #[inline]
    pub fn frame(&mut self, frame: &Frame) {
        self.packets += 1;
        self.bytes += u64::from(frame.captured);
        let ns = frame.stamp.ns;
        // A packet without a time (a simple packet block at the start) says nothing of when the capture began.
        if ns != 0 {
            if self.first_ns.is_none_or(|first| ns < first) {
                self.first_ns = Some(ns);
            }
            if self.last_ns.is_none_or(|last| ns > last) {
                self.last_ns = Some(ns);
            }
        }
    }

    #[inline]
    pub fn undecoded(&mut self, reason: Undecoded) {
        self.undecoded[reason.index()] += 1;
    }

    /// The same packet, captured once more.
    pub fn duplicate(&mut self) {
        self.duplicates += 1;
    }

    pub fn add_duplicates(&mut self, count: u64) {
        self.duplicates += count;
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

    /// The rows at the end, one an input.
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
        flows: tally.flows,
        blind: tally.blind,
        hidden_clients: tally.hidden.into_iter().collect(),
    }
}
