//! Does the allow-list work? From the flows and lookups of a capture to one judgement a host pattern of the policy.
//!
//! ```text
//!  flow ──▶ Attempt ─┐  which row, which pattern, is the port the row's, is it sure whose flow it was? (place)
//!                    ├─▶ what it proves: one Kind ─▶ Gathered (kinds counted, a few proofs of each, who, where)
//!  lookup ─▶ Lookup ─┘        UDP that failed waits for TCP that worked (fallback)
//!  capture ─▶ drops           silence waits for the drops of its input
//!                                            at the end: the worst kind is the pattern's Outcome
//! ```
//!
//! Nothing here depends on the order in which flows and lookups come, up to the bounds below: what waits is settled at the end, and
//! where a list is full the smallest stay. What cannot be told is [`Outcome::Inconclusive`], with its reason; nothing is guessed.
//!
//! Bounds: a list of clients, names or addresses holds [`MOST_LISTED`], a kind [`gathered::MOST_PROOFS`] proofs; counts stay exact.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub use self::demands::Demands;
use self::fallback::{Fallbacks, Settled, Whose};
use self::gathered::Gathered;
pub use self::gathered::{Bunch, Listed};
use self::kind::Sure;
pub use self::kind::{Kind, Unsure};
use self::patterns::Patterns;
use self::record::Life;
pub use self::record::{Excuse, Record};
use self::unlisted::Used;
pub use self::unlisted::{Near, Unlisted, What};
use super::compile::Policy;
use super::model::{Row, UDP};
use super::verdict::{RowId, Verdict};
use crate::evidence::model::{App, EvidenceKind};
use crate::names::domain::Domain;

mod demands;
mod fallback;
mod gathered;
mod kind;
mod near;
mod patterns;
mod record;
pub mod single;
mod unlisted;

#[cfg(test)]
mod tests;

/// Clients, names or addresses that a record lists; there may be more.
pub const MOST_LISTED: usize = 1000;
/// Clients that are counted.
const MOST_CLIENTS: usize = 65_536;
/// Ports to which nameless flows are counted; rows list few.
const MOST_PORTS: usize = 65_536;
/// Patterns of a row that one nameless flow is held to.
const MOST_NAMELESS: usize = 64;

/// What became of a host pattern, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Intercepted,
    Rerouted,
    Blocked,
    ReachedUnlisted,
    Fallback,
    Reached,
    Inconclusive,
    NotTried,
}

impl Outcome {
    pub const ALL: [Outcome; 8] = [
        Outcome::Intercepted,
        Outcome::Rerouted,
        Outcome::Blocked,
        Outcome::ReachedUnlisted,
        Outcome::Fallback,
        Outcome::Reached,
        Outcome::Inconclusive,
        Outcome::NotTried,
    ];

    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Intercepted => "intercepted",
            Outcome::Rerouted => "rerouted",
            Outcome::Blocked => "blocked",
            Outcome::ReachedUnlisted => "reached-unlisted",
            Outcome::Fallback => "fallback",
            Outcome::Reached => "reached",
            Outcome::Inconclusive => "inconclusive",
            Outcome::NotTried => "not-tried",
        }
    }

    /// The way is not open as the list wants it.
    pub fn is_failure(self) -> bool {
        matches!(self, Outcome::Intercepted | Outcome::Rerouted | Outcome::Blocked)
    }

    /// The service itself answered.
    pub fn is_reached(self) -> bool {
        matches!(self, Outcome::ReachedUnlisted | Outcome::Fallback | Outcome::Reached)
    }
}

/// One flow: an attempt to reach what its name or its address stands for.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub client: IpAddr,
    /// A proxy's where there is one.
    pub server: IpAddr,
    pub protocol: u8,
    /// The transport and port of the service; None where there are none, or a proxy hides them.
    pub target: Option<(u8, u16)>,
    pub through_proxy: bool,
    pub app: App,
    pub name: Option<&'a Domain>,
    pub kind: EvidenceKind,
    /// Of a name that DNS alone gives: the answer was for this very client.
    pub own_answer: bool,
    pub candidates: &'a [Domain],
    pub packets_out: u64,
    pub packets_in: u64,
    pub start_ns: u64,
    pub end_ns: u64,
    pub place: Place,
    pub verdict: &'a Verdict,
}

impl Attempt<'_> {
    /// Such as media, which begins without a word about whom it is for.
    fn is_nameless_datagram(&self) -> bool {
        self.protocol == UDP && self.name.is_none() && self.candidates.is_empty() && !self.through_proxy
    }
}

/// One question and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// None: nobody in particular asked.
    pub client: Option<IpAddr>,
    pub resolver: IpAddr,
    pub query: &'a Domain,
    pub answered: bool,
    pub chain: &'a [Domain],
    pub addresses: &'a [IpAddr],
    pub place: Place,
    pub matches: &'a [RowId],
    pub flags: &'a [super::verdict::Flag],
}

/// Where something was seen. The order is that of the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The input's.
    pub ordinal: u32,
    pub first: u64,
    pub last: u64,
    /// The frames that prove it best: of a handshake its two hellos, else the first and the last.
    pub frames: [u64; 2],
}

/// One input, at its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input {
    pub ordinal: u32,
    pub first_ns: Option<u64>,
    pub last_ns: Option<u64>,
    /// Packets that the kernel or the interface has lost.
    pub dropped: u64,
}

/// One piece of evidence, as the sentences want it. The order is that of the capture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    pub place: Place,
    pub client: Option<IpAddr>,
    pub name: Option<Domain>,
    /// Of a lookup the resolver.
    pub server: IpAddr,
    pub target: Option<(u8, u16)>,
    pub through_proxy: bool,
    pub is_lookup: bool,
    /// From the client.
    pub packets: u64,
    /// What the judge had to say, where it said it in a sentence.
    pub told: Option<Box<str>>,
}

/// When was looked, and at how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    pub from_ns: Option<u64>,
    pub to_ns: Option<u64>,
    pub clients: usize,
    /// And more clients than that.
    pub more: bool,
}

/// The judgement.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the policy's order.
    pub records: Vec<Record>,
    /// Near misses first, then the most used.
    pub unlisted: Vec<Unlisted>,
    /// Of them that are not listed.
    pub unlisted_more: usize,
    pub window: Window,
}

/// Gathers what is seen of a policy's rows.
#[derive(Debug)]
pub struct Coverage<'p> {
    policy: &'p Policy,
    patterns: Patterns<'p>,
    /// By pattern.
    gathered: Vec<Gathered>,
    fallbacks: Fallbacks,
    used: Used,
    clients: BTreeSet<IpAddr>,
    more_clients: bool,
    /// Packets lost, by input.
    drops: BTreeMap<u32, u64>,
    /// Flows that neither a name nor an address leads to a row, by transport and port.
    nameless: BTreeMap<(u8, u16), u64>,
    window: Window,
}

impl<'p> Coverage<'p> {
    pub fn new(policy: &'p Policy) -> Coverage<'p> {
        let patterns = Patterns::of(policy);
        Coverage {
            gathered: (0..patterns.len()).map(|_| Gathered::default()).collect(),
            fallbacks: Fallbacks::of(policy),
            patterns,
            policy,
            used: Used::default(),
            clients: BTreeSet::new(),
            more_clients: false,
            drops: BTreeMap::new(),
            nameless: BTreeMap::new(),
            window: Window::default(),
        }
    }

    pub fn attempt(&mut self, attempt: &Attempt<'_>) {
        self.note_client(attempt.client);
        self.fallbacks.note_success(self.policy, attempt);
        // An address by itself may still lead to a row that is no more.
        let over = |row: &RowId| near::is_over(self.policy.row(*row), attempt.start_ns);
        if attempt.verdict.matches.is_empty() || attempt.name.is_none() && attempt.verdict.matches.iter().all(over) {
            self.used.flow(attempt);
        }
        self.note_nameless(attempt);
        for (nth, row) in attempt.verdict.matches.iter().enumerate() {
            self.attempt_at(attempt, *row, nth == 0);
        }
    }

    pub fn lookup(&mut self, lookup: &Lookup<'_>) {
        let Some(client) = lookup.client else { return };
        self.note_client(client);
        let kind = kind::of_lookup(lookup);
        for (nth, row) in lookup.matches.iter().enumerate() {
            if let Some(slot) = self.patterns.of_name(*row, lookup.query, nth == 0) {
                self.used.tried(client);
                if let Some(gathered) = self.gathered.get_mut(slot) {
                    gathered.add(kind, gathered::of_lookup(lookup, client));
                    gathered.asked(client, lookup);
                }
            }
        }
        self.used.chain(self.policy, lookup, client);
    }

    /// An input has ended.
    pub fn input(&mut self, input: Input) {
        *self.drops.entry(input.ordinal).or_default() += input.dropped;
        let window = &mut self.window;
        window.from_ns = window.from_ns.into_iter().chain(input.first_ns).min();
        window.to_ns = window.to_ns.max(input.last_ns);
    }

    /// What it all comes to. Patterns of rows that `wanted` does not want are left out.
    pub fn report(mut self, wanted: impl Fn(RowId) -> bool) -> Report {
        for Settled {
            slot,
            kind,
            proof,
            whose,
        } in std::mem::take(&mut self.fallbacks).settle()
        {
            let counts = |gathered: &&mut Gathered| match whose {
                Whose::This => true,
                Whose::OneOfSeveral => kind == Kind::Fallback && gathered.was_reached(),
            };
            if let Some(gathered) = self.gathered.get_mut(slot).filter(counts) {
                gathered.add(kind, proof);
            }
        }
        let life = Life {
            from_ns: self.window.from_ns,
            to_ns: self.window.to_ns,
        };
        let mut records = Vec::new();
        for (pattern, mut gathered) in self.patterns.iter().zip(self.gathered) {
            gathered.settle(&self.drops);
            if wanted(pattern.row) && (!pattern.broad || !gathered.is_empty()) {
                let row = self.policy.row(pattern.row);
                let nameless = nameless_at(&self.nameless, row);
                records.push(Record::of(pattern, gathered, life.excuse(row), nameless));
            }
        }
        let (unlisted, unlisted_more) = self.used.list(self.policy, self.window.to_ns.unwrap_or(0));
        Report {
            records,
            unlisted,
            unlisted_more,
            window: Window {
                clients: self.clients.len(),
                more: self.more_clients,
                ..self.window
            },
        }
    }

    fn is_listed_by_another(&self, attempt: &Attempt<'_>, id: RowId) -> bool {
        let allows = |row: &RowId| {
            let (protocol, port) = attempt.target?;
            Some(self.policy.row(*row).expect.allows_port(protocol, port))
        };
        let others = attempt.verdict.matches.iter().filter(|row| **row != id);
        others.filter_map(allows).any(|allows| allows)
    }

    fn note_nameless(&mut self, attempt: &Attempt<'_>) {
        let is_nameless = attempt.name.is_none() && attempt.candidates.is_empty() && !attempt.through_proxy;
        if !is_nameless || !attempt.verdict.matches.is_empty() || attempt.app.is_infrastructure() {
            return;
        }
        let Some(target) = attempt.target else { return };
        if self.nameless.len() < MOST_PORTS || self.nameless.contains_key(&target) {
            *self.nameless.entry(target).or_default() += 1;
        }
    }

    fn note_client(&mut self, client: IpAddr) {
        if self.clients.len() < MOST_CLIENTS {
            self.clients.insert(client);
        } else {
            self.more_clients |= !self.clients.contains(&client);
        }
    }

    /// What the attempt says of one of the rows it falls under.
    fn attempt_at(&mut self, attempt: &Attempt<'_>, id: RowId, primary: bool) {
        let row = self.policy.row(id);
        let lists_port = attempt
            .target
            .is_some_and(|(protocol, port)| row.expect.lists_port(protocol, port));
        // Plumbing, unless the row speaks of it.
        if attempt.app.is_infrastructure() && !lists_port {
            return;
        }
        let mut slots: Vec<(usize, Sure)> = Vec::new();
        let named = std::iter::once(attempt.name).flatten().chain(attempt.candidates);
        match row.is_nameless() {
            // Known by address and port together: on another port it is other traffic.
            true if !lists_port && !row.expect.ports.is_empty() => {}
            true => slots.extend(self.patterns.of_row(id).map(|slot| (slot, Sure::Yes))),
            false => {
                for name in named {
                    if let Some(slot) = self.patterns.of_name(id, name, primary)
                        && slots.iter().all(|(known, _)| *known != slot)
                    {
                        slots.push((slot, Sure::of(attempt)));
                    }
                }
                // Media has no name: the row's ranges and ports tell whose it is, and only one pattern leaves no doubt for which.
                if lists_port && attempt.is_nameless_datagram() {
                    let patterns = self.patterns.listed_of_row(id, MOST_NAMELESS);
                    slots.extend(patterns.map(|slot| (slot, Sure::Yes)));
                }
            }
        }
        let whose = match row.is_nameless() || slots.len() < 2 || !attempt.is_nameless_datagram() {
            true => Whose::This,
            false => Whose::OneOfSeveral,
        };
        // Rows that share a host divide its ports.
        let is_others = !lists_port && self.is_listed_by_another(attempt, id);
        for (slot, sure) in slots {
            let kind = kind::of_attempt(attempt, id, &row.expect, primary, sure);
            if is_others && kind == Kind::Unsure(Unsure::OtherPort) {
                continue;
            }
            if sure == Sure::Yes {
                self.used.tried(attempt.client);
            }
            let Some(gathered) = self.gathered.get_mut(slot) else {
                continue;
            };
            if whose == Whose::This {
                gathered.seen(attempt);
            }
            let proof = gathered::of_attempt(attempt, kind);
            match fallback::awaited(attempt, id, &row.expect, kind) {
                None if whose == Whose::OneOfSeveral => {}
                None => gathered.add(kind, proof),
                Some(key) => {
                    let beyond = self.fallbacks.failed(
                        key,
                        attempt,
                        Settled {
                            slot,
                            kind,
                            proof,
                            whose,
                        },
                    );
                    if let Some(Settled { slot, kind, proof, .. }) = beyond
                        && let Some(gathered) = self.gathered.get_mut(slot)
                    {
                        gathered.add(kind, proof);
                    }
                }
            }
        }
    }
}

/// Flows to the row's ports of which nothing tells whose they are. A row's ranges would have told.
fn nameless_at(nameless: &BTreeMap<(u8, u16), u64>, row: &Row) -> u64 {
    if row.has_ranges() {
        return 0;
    }
    let ports = nameless.iter();
    ports
        .filter(|((protocol, port), _)| row.expect.lists_port(*protocol, *port))
        .map(|(_, count)| *count)
        .sum()
}
