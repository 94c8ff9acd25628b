//! The judgement on one host pattern.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::gathered::{Bunch, Gathered, Listed};
use super::kind::Kind;
use super::patterns::Pattern;
use super::{Outcome, Proof};
use crate::names::domain::Domain;
use crate::policy::model::{Date, Line, Row, Status};
use crate::policy::verdict::{Blockage, RowId};

/// Frames that a record names.
const MOST_FRAMES: usize = 16;

#[derive(Debug, Clone)]
pub struct Record {
    pub row: RowId,
    /// As the policy spells it; None where the row has no hosts.
    pub host: Option<String>,
    pub broad: bool,
    pub outcome: Outcome,
    /// Of the blocked attempts: the most frequent way.
    pub how: Option<Blockage>,
    /// Not zero, the worst first.
    pub counts: Vec<(Outcome, u64)>,
    pub clients: Listed<IpAddr>,
    pub names: Listed<Domain>,
    pub addresses: Listed<IpAddr>,
    /// Every kind seen, the worst first, the more frequent first.
    pub kinds: Vec<(Kind, Bunch)>,
    /// Why nobody need mind what became of it.
    pub excuse: Option<Excuse>,
    /// Where it was not tried: flows to its ports that nothing gives a name, so that one may be its own after all.
    pub nameless: u64,
}

/// Why a pattern need not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excuse {
    /// The row's life was over when the capture began; since when, if that is told.
    Retired(Option<Date>),
    /// The row holds only from then on.
    NotYet(Date),
    /// It runs inside the platform.
    Inside,
    /// The application does without it.
    Optional,
}

impl Excuse {
    /// Whatever became of it is no fault of the network's. What is merely optional may be left alone, but if it is tried it should work.
    pub fn excuses_failure(self) -> bool {
        self != Excuse::Optional
    }
}

/// When the capture was made.
pub struct Life {
    pub from_ns: Option<u64>,
    pub to_ns: Option<u64>,
}

impl Life {
    pub fn excuse(&self, row: &Row) -> Option<Excuse> {
        let over = match (row.until, self.from_ns) {
            (Some(until), Some(from)) => from >= until.start_ns(),
            (Some(_), None) => false,
            (None, _) => row.status == Status::Retired,
        };
        let early = row
            .since
            .zip(self.to_ns)
            .is_some_and(|(since, to)| to < since.start_ns());
        match row.since {
            _ if over => Some(Excuse::Retired(row.until)),
            Some(since) if early => Some(Excuse::NotYet(since)),
            _ if row.line == Line::Orange => Some(Excuse::Inside),
            _ if row.status == Status::Optional => Some(Excuse::Optional),
            _ => None,
        }
    }
}

impl Record {
    pub(super) fn of(pattern: &Pattern<'_>, gathered: Gathered, excuse: Option<Excuse>, nameless: u64) -> Record {
        let counts = gathered.counts();
        let outcome = counts.first().map_or(Outcome::NotTried, |(worst, _)| *worst);
        let mut kinds: Vec<(Kind, Bunch)> = gathered.kinds.into_iter().collect();
        kinds.sort_by_key(|(kind, bunch)| (kind.outcome(), Reverse(bunch.count), *kind));
        Record {
            row: pattern.row,
            host: pattern.host.map(ToString::to_string),
            broad: pattern.broad,
            outcome,
            how: kinds.first().and_then(|(kind, _)| kind.how()),
            counts,
            clients: gathered.clients,
            names: gathered.names,
            addresses: gathered.addresses,
            kinds,
            excuse,
            nameless: if outcome == Outcome::NotTried { nameless } else { 0 },
        }
    }

    pub fn count(&self, outcome: Outcome) -> u64 {
        let counts = self.counts.iter();
        counts.filter(|(of, _)| *of == outcome).map(|(_, count)| *count).sum()
    }

    /// The service itself answered, at least once.
    pub fn was_reached(&self) -> bool {
        self.counts.iter().any(|(outcome, _)| outcome.is_reached())
    }

    /// The kind that gave the outcome: the most frequent of the worst.
    pub fn worst(&self) -> Option<(&Kind, &Bunch)> {
        self.kinds.first().map(|(kind, bunch)| (kind, bunch))
    }

    /// Where the proof is, the worst first: input and frame. At most a handful.
    pub fn frames(&self) -> Vec<(u32, u64)> {
        let proofs = self.kinds.iter().flat_map(|(_, bunch)| &bunch.proofs);
        let mut frames = Vec::new();
        for Proof { place, .. } in proofs {
            for frame in place.frames {
                if frames.len() < MOST_FRAMES && !frames.contains(&(place.ordinal, frame)) {
                    frames.push((place.ordinal, frame));
                }
            }
        }
        frames
    }
}
