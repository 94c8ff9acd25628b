//! What was seen of one host pattern.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::kind::{Kind, Unsure};
use super::{Attempt, Lookup, MOST_LISTED, Outcome, Proof};
use crate::names::domain::Domain;
use crate::policy::judge::alert_word;
use crate::policy::verdict::{Block, FlagKind, Reason};

/// Proofs kept of each kind: the first ones.
pub const MOST_PROOFS: usize = 8;

/// The smallest of what was put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T: Ord> {
    pub items: BTreeSet<T>,
    /// There are others.
    pub more: bool,
}

impl<T: Ord> Default for Listed<T> {
    fn default() -> Listed<T> {
        Listed {
            items: BTreeSet::new(),
            more: false,
        }
    }
}

impl<T: Ord> Listed<T> {
    pub fn add(&mut self, item: T) {
        self.items.insert(item);
        if self.items.len() > MOST_LISTED {
            self.items.pop_last();
            self.more = true;
        }
    }
}

/// All of one kind.
#[derive(Debug, Clone, Default)]
pub struct Bunch {
    pub count: u64,
    /// The first of them.
    pub proofs: BTreeSet<Proof>,
    pub clients: Listed<IpAddr>,
}

impl Bunch {
    fn add(&mut self, proof: Proof) {
        self.count += 1;
        if let Some(client) = proof.client {
            self.clients.add(client);
        }
        self.keep(proof);
    }

    fn keep(&mut self, proof: Proof) {
        self.proofs.insert(proof);
        if self.proofs.len() > MOST_PROOFS {
            self.proofs.pop_last();
        }
    }

    fn merge(&mut self, other: Bunch) {
        self.count += other.count;
        other.proofs.into_iter().for_each(|proof| self.keep(proof));
        self.clients.more |= other.clients.more;
        other
            .clients
            .items
            .into_iter()
            .for_each(|client| self.clients.add(client));
    }
}

#[derive(Debug, Clone, Default)]
pub struct Gathered {
    pub kinds: BTreeMap<Kind, Bunch>,
    pub clients: Listed<IpAddr>,
    pub names: Listed<Domain>,
    /// Of servers, not of proxies.
    pub addresses: Listed<IpAddr>,
}

impl Gathered {
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    pub fn add(&mut self, kind: Kind, proof: Proof) {
        self.kinds.entry(kind).or_default().add(proof);
    }

    pub fn was_reached(&self) -> bool {
        self.kinds.keys().any(|kind| kind.outcome().is_reached())
    }

    /// Who went there, and where that is.
    pub fn seen(&mut self, attempt: &Attempt) {
        self.clients.add(attempt.client);
        if let Some(name) = attempt.name {
            self.names.add(name.clone());
        }
        if !attempt.through_proxy {
            self.addresses.add(attempt.server);
        }
    }

    pub fn asked(&mut self, client: IpAddr, lookup: &Lookup) {
        self.clients.add(client);
        self.names.add(lookup.query.clone());
    }

    /// The whole input is known now: silence proves nothing where packets were lost, and an answer of DNS matters only where no flow followed.
    pub fn settle(&mut self, drops: &BTreeMap<u32, u64>) {
        for (kind, bunch) in std::mem::take(&mut self.kinds) {
            let kind = match kind {
                Kind::Silence(_, ordinal) if drops.get(&ordinal).is_some_and(|lost| *lost > 0) => {
                    Kind::Unsure(Unsure::Drops)
                }
                Kind::Silence(how, _) => Kind::Blocked(how),
                _ => kind,
            };
            self.kinds.entry(kind).or_default().merge(bunch);
        }
        let answers = [Unsure::NeverConnected, Unsure::NoAddress, Unsure::NoAnswer].map(Kind::Unsure);
        let by_flows = |kind: &Kind| !answers.contains(kind) && !is_of_lookups(*kind);
        if self.kinds.keys().any(by_flows) {
            self.kinds.retain(|kind, _| !answers.contains(kind));
        }
        // The other address family has no address: no news where one has.
        if self.kinds.contains_key(&Kind::Unsure(Unsure::NeverConnected)) {
            self.kinds.remove(&Kind::Unsure(Unsure::NoAddress));
        }
    }

    /// How many of each outcome, the worst first.
    pub fn counts(&self) -> Vec<(Outcome, u64)> {
        let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
        for (kind, bunch) in &self.kinds {
            *counts.entry(kind.outcome()).or_default() += bunch.count;
        }
        counts.into_iter().collect()
    }
}

/// Kinds that only a lookup can have.
fn is_of_lookups(kind: Kind) -> bool {
    use crate::policy::verdict::Blockage::{DnsRefused, DnsSilent, NxDomain, ServFail, Sinkhole};
    matches!(
        kind.how(),
        Some(NxDomain | DnsRefused | ServFail | DnsSilent | Sinkhole)
    )
}

pub fn of_attempt(attempt: &Attempt, kind: Kind) -> Proof {
    let flag = match kind {
        Kind::Intercepted => Some(FlagKind::Intercepted),
        Kind::Rerouted => Some(FlagKind::Rerouted),
        Kind::Blocked(_) | Kind::Silence(..) => Some(FlagKind::Blocked),
        _ => None,
    };
    let told = attempt.verdict.flags.iter().find_map(|raised| match &raised.why {
        Reason::Told(sentence) if Some(raised.kind) == flag => Some(sentence.clone()),
        Reason::Blocked(Block::Alert { description }) if Some(raised.kind) == flag => {
            Some(format!("the alert {}", alert_word(*description)).into())
        }
        _ => None,
    });
    Proof {
        place: attempt.place,
        client: Some(attempt.client),
        name: attempt.name.cloned(),
        server: attempt.server,
        target: attempt.target,
        through_proxy: attempt.through_proxy,
        is_lookup: false,
        packets: attempt.packets_out,
        told,
    }
}

pub fn of_lookup(lookup: &Lookup, client: IpAddr) -> Proof {
    let told = lookup.flags.iter().find_map(|raised| match &raised.why {
        Reason::Told(sentence) if raised.kind == FlagKind::Blocked => Some(sentence.clone()),
        _ => None,
    });
    Proof {
        place: lookup.place,
        client: Some(client),
        name: Some(lookup.query.clone()),
        server: lookup.resolver,
        target: None,
        through_proxy: false,
        is_lookup: true,
        packets: 1,
        told,
    }
}
