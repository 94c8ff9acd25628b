//! UDP that failed, and TCP that worked instead: the service works, degraded.
//!
//! ```text
//!   media   UDP 3478-3481 without an answer ──▶ TCP 443 begun within a minute, to the same row or its ranges
//!   QUIC    UDP 443 to a name, blocked      ──▶ TCP 443 to the same name, under way or begun within a minute
//! ```
//!
//! Rows come when flows end, so either may come first: both wait until all is known.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::kind::{Kind, Unsure};
use super::{Attempt, Place, Proof};
use crate::names::domain::Domain;
use crate::policy::compile::Policy;
use crate::policy::model::{Expectation, TCP, UDP};
use crate::policy::verdict::{FlagKind, Reach, RowId};

const HTTPS: u16 = 443;
const FIRST_MEDIA: u16 = 3478;
const LAST_MEDIA: u16 = 3481;

const SECOND: u64 = 1_000_000_000;
/// So long after it has failed a client may take to try otherwise.
const PATIENCE: u64 = 60 * SECOND;
/// What worked is kept by so much time.
const STEP: u64 = 10 * SECOND;

/// UDP attempts that wait. Those beyond are called [`Unsure::TooMany`].
const MOST_FAILED: usize = 10_000;
/// Steps in which something worked. Where there are more, what then seems to have had no success is [`Unsure::TooMany`] too.
const MOST_WORKED: usize = 200_000;

/// What both must have in common, besides the client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Media: the row.
    Row(RowId),
    /// QUIC: the name.
    Name(Domain),
}

/// Whether an attempt was surely made for one pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    This,
    /// A nameless one at a row of several patterns: it says something only of those that were reached in another way.
    OneOfSeveral,
}

/// One attempt and the pattern it counts for.
#[derive(Debug, Clone)]
pub struct Settled {
    pub whose: Whose,
    pub slot: usize,
    pub kind: Kind,
    pub proof: Proof,
}

#[derive(Debug)]
struct Failed {
    key: Key,
    client: IpAddr,
    start_ns: u64,
    end_ns: u64,
    settled: Settled,
}

/// Flows that began in one step of time.
#[derive(Debug)]
struct Worked {
    first_start: u64,
    last_start: u64,
    last_end: u64,
}

#[derive(Debug, Default)]
pub struct Fallbacks {
    /// Rows that list media over UDP.
    media: Vec<RowId>,
    /// In the capture's order.
    failed: BTreeMap<(Place, usize), Failed>,
    worked: BTreeMap<(IpAddr, Key, u64), Worked>,
    more_worked: bool,
}

/// What would have to work instead; None where the attempt stands for itself.
pub fn awaited(attempt: &Attempt, row: RowId, expect: &Expectation, kind: Kind) -> Option<Key> {
    let (UDP, port) = attempt.target? else { return None };
    let unanswered = matches!(
        kind,
        Kind::Unsure(Unsure::NobodyAnswered | Unsure::EndsTooSoon | Unsure::NoData)
    ) && attempt.packets_in == 0
        && attempt.packets_out > 0;
    let failed = matches!(kind, Kind::Blocked(_) | Kind::Silence(..)) || unanswered;
    if !failed || attempt.through_proxy || !expect.lists_port(UDP, port) {
        return None;
    }
    match port {
        FIRST_MEDIA..=LAST_MEDIA => Some(Key::Row(row)),
        HTTPS => attempt.name.cloned().map(Key::Name),
        _ => None,
    }
}

impl Fallbacks {
    pub fn of(policy: &Policy) -> Fallbacks {
        let media = |expect: &Expectation| (FIRST_MEDIA..=LAST_MEDIA).any(|port| expect.lists_port(UDP, port));
        let rows = policy.rows().filter(|(_, row)| media(&row.expect));
        Fallbacks {
            media: rows.map(|(id, _)| id).collect(),
            ..Fallbacks::default()
        }
    }

    /// Notes a flow over TCP that may be what others fell back to.
    pub fn note_success(&mut self, policy: &Policy, attempt: &Attempt) {
        let verdict = attempt.verdict;
        let astray = |kind| matches!(kind, FlagKind::Intercepted | FlagKind::Rerouted);
        if attempt.target != Some((TCP, HTTPS))
            || verdict.reach != Reach::Reached
            || verdict.flags.iter().any(|flag| astray(flag.kind))
        {
            return;
        }
        let is_same = |row: &RowId| {
            verdict.matches.contains(row) || (!attempt.through_proxy && policy.in_ranges(*row, attempt.server))
        };
        let rows: Vec<RowId> = self.media.iter().copied().filter(is_same).collect();
        for row in rows {
            self.worked(attempt, Key::Row(row));
        }
        let lists_quic = |row: &RowId| policy.row(*row).expect.lists_port(UDP, HTTPS);
        if let Some(name) = attempt.name.filter(|_| verdict.matches.iter().any(lists_quic)) {
            self.worked(attempt, Key::Name(name.clone()));
        }
    }

    /// Keeps an attempt that failed. Gives back the one that there is no more room for.
    pub fn failed(&mut self, key: Key, attempt: &Attempt, settled: Settled) -> Option<Settled> {
        let failed = Failed {
            key,
            client: attempt.client,
            start_ns: attempt.start_ns,
            end_ns: attempt.end_ns,
            settled,
        };
        self.failed.insert((attempt.place, failed.settled.slot), failed);
        if self.failed.len() <= MOST_FAILED {
            return None;
        }
        let (_, beyond) = self.failed.pop_last()?;
        Some(Settled {
            kind: Kind::Unsure(Unsure::TooMany),
            ..beyond.settled
        })
    }

    /// Which of them fell back, and what the others come to.
    pub fn settle(self) -> Vec<Settled> {
        let of = |failed: &Failed| match self.fell_back(failed) {
            true => Kind::Fallback,
            false if self.more_worked => Kind::Unsure(Unsure::TooMany),
            false => failed.settled.kind,
        };
        let kinds: Vec<Kind> = self.failed.values().map(of).collect();
        let settled = self.failed.into_values().map(|failed| failed.settled);
        settled
            .zip(kinds)
            .map(|(settled, kind)| Settled { kind, ..settled })
            .collect()
    }

    fn worked(&mut self, attempt: &Attempt, key: Key) {
        let (start, end) = (attempt.start_ns, attempt.end_ns);
        let step = self
            .worked
            .entry((attempt.client, key, start / STEP))
            .or_insert(Worked {
                first_start: start,
                last_start: start,
                last_end: end,
            });
        step.first_start = step.first_start.min(start);
        step.last_start = step.last_start.max(start);
        step.last_end = step.last_end.max(end);
        if self.worked.len() > MOST_WORKED {
            self.worked.pop_last();
            self.more_worked = true;
        }
    }

    fn fell_back(&self, failed: &Failed) -> bool {
        let (from, to) = (failed.start_ns, failed.end_ns.saturating_add(PATIENCE));
        let key = |step| (failed.client, failed.key.clone(), step);
        match failed.key {
            Key::Row(_) => {
                let steps = self.worked.range(key(from / STEP)..=key(to / STEP));
                let within = |start: u64| (from..=to).contains(&start);
                steps
                    .map(|(_, step)| step)
                    .any(|step| within(step.first_start) || within(step.last_start))
            }
            Key::Name(_) => {
                let mut steps = self.worked.range(key(0)..=key(to / STEP));
                steps.any(|(_, step)| step.last_end >= from && step.first_start <= to)
            }
        }
    }
}
