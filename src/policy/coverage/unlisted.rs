//! Used but unlisted: what the application's clients went to, and no row covers.
//!
//! Who the application's clients are is known at the end, so until then uses are kept by client. Bounds: [`MOST_USED`] hosts and
//! addresses (flows to others are only counted), [`MOST_CLIENTS`] clients of each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::near::{self, Neighbours};
use super::{Attempt, Lookup, MOST_LISTED, Place};
use crate::names::domain::Domain;
use crate::policy::compile::{Matches, Policy};
use crate::policy::model::{Prefix, Row};
use crate::policy::verdict::{Reach, RowId};

pub use super::near::Near;

const MOST_USED: usize = 20_000;
const MOST_CLIENTS: usize = 100;
const MOST_ADDRESSES: usize = 8;
const MOST_TRIED: usize = 65_536;
/// Bare addresses of one network that are told one by one.
const FEW: usize = 4;
const V4_NETWORK: u8 = 24;
const V6_NETWORK: u8 = 64;

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Host(Domain),
    /// Without a name.
    Network(IpAddr, u8),
    /// A CNAME that a listed name leads to by an unlisted way.
    Link(Domain),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    pub what: What,
    pub near: Option<Near>,
    pub clients: BTreeSet<IpAddr>,
    /// And more clients than these.
    pub more_clients: bool,
    pub flows: u64,
    pub blocked: u64,
    /// Of a CNAME: how often it was met in an answer.
    pub lookups: u64,
    pub addresses: BTreeSet<IpAddr>,
    /// Of a CNAME: the listed name, and the row.
    pub behind: Option<(Domain, RowId)>,
    pub place: Place,
}

#[derive(Debug, Default)]
struct Use {
    clients: BTreeMap<IpAddr, Counts>,
    /// Of clients beyond those.
    others: Counts,
    more_clients: bool,
    addresses: BTreeSet<IpAddr>,
    behind: Option<(Domain, RowId)>,
    place: Option<Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    flows: u64,
    blocked: u64,
    lookups: u64,
}

#[derive(Debug, Default)]
pub struct Used {
    uses: BTreeMap<What, Use>,
    /// Of uses that there was no room for.
    beyond: usize,
    tried: BTreeSet<IpAddr>,
}

impl Used {
    /// The client has tried a listed service.
    pub fn tried(&mut self, client: IpAddr) {
        if self.tried.len() < MOST_TRIED {
            self.tried.insert(client);
        }
    }

    /// A flow in no row.
    pub fn flow(&mut self, attempt: &Attempt) {
        if is_plumbing(attempt) {
            return;
        }
        let what = match attempt.name {
            Some(name) => What::Host(name.clone()),
            None if attempt.through_proxy || !is_elsewhere(attempt.server) => return,
            None => What::Network(attempt.server, width(attempt.server)),
        };
        let counts = Counts {
            flows: 1,
            blocked: u64::from(attempt.verdict.reach == Reach::Blocked),
            lookups: 0,
        };
        let address = (!attempt.through_proxy).then_some(attempt.server);
        self.note(what, attempt.client, counts, address, attempt.place, None);
    }

    /// The links of a listed name's chain that neither the row's `via` nor any row covers.
    pub fn chain(&mut self, policy: &Policy, lookup: &Lookup, client: IpAddr) {
        let Some((id, row)) = lookup.matches.first().map(|id| (*id, policy.row(*id))) else {
            return;
        };
        if row.via.is_empty() || lookup.chain.is_empty() {
            return;
        }
        let mut matches = Matches::new();
        for link in lookup.chain {
            policy.matches(Some(link), None, &mut matches);
            if row.via.iter().any(|via| via.covers(link)) || !matches.is_empty() {
                continue;
            }
            let counts = Counts {
                lookups: 1,
                ..Counts::default()
            };
            let behind = Some((lookup.query.clone(), id));
            self.note(What::Link(link.clone()), client, counts, None, lookup.place, behind);
        }
    }

    /// What the application's clients used, near misses first, then the most used; and how many more there are.
    pub fn list(self, policy: &Policy, at_ns: u64) -> (Vec<Unlisted>, usize) {
        let Used { uses, beyond, tried } = self;
        let neighbours = Neighbours::of(policy);
        let retired: Vec<&Row> = policy
            .rows()
            .map(|(_, row)| row)
            .filter(|row| near::is_over(row, at_ns))
            .collect();
        let by_clients = uses.into_iter().filter_map(|(what, used)| of_app(what, used, &tried));
        let mut all = in_networks(by_clients.collect());
        for entry in &mut all {
            let by_name = match &entry.what {
                What::Host(name) | What::Link(name) => neighbours.near(name),
                What::Network(..) => None,
            };
            entry.near = by_name.or_else(|| near::in_ranges(&retired, &entry.addresses));
        }
        all.sort_by_cached_key(|entry| {
            let uses = entry.flows + entry.lookups;
            (entry.near.is_none(), Reverse(uses), entry.what.clone())
        });
        let more = all.len().saturating_sub(MOST_LISTED) + beyond;
        all.truncate(MOST_LISTED);
        (all, more)
    }

    fn note(
        &mut self,
        what: What,
        client: IpAddr,
        counts: Counts,
        address: Option<IpAddr>,
        place: Place,
        behind: Option<(Domain, RowId)>,
    ) {
        if self.uses.len() >= MOST_USED && !self.uses.contains_key(&what) {
            self.beyond += 1;
            return;
        }
        let used = self.uses.entry(what).or_default();
        let is_known = used.clients.contains_key(&client);
        match is_known || used.clients.len() < MOST_CLIENTS {
            true => used.clients.entry(client).or_default().add(counts),
            false => {
                used.others.add(counts);
                used.more_clients = true;
            }
        }
        used.addresses.extend(address);
        if used.addresses.len() > MOST_ADDRESSES {
            used.addresses.pop_last();
        }
        if used.place.is_none_or(|known| place < known) {
            used.place = Some(place);
            used.behind = behind;
        }
    }
}

impl Counts {
    fn add(&mut self, more: Counts) {
        self.flows += more.flows;
        self.blocked += more.blocked;
        self.lookups += more.lookups;
    }
}

/// What is left of a use if only the application's clients count; None if none of them used it.
fn of_app(what: What, used: Use, tried: &BTreeSet<IpAddr>) -> Option<Unlisted> {
    let mut counts = used.others;
    let mut clients = BTreeSet::new();
    for (client, of_client) in used.clients {
        if tried.contains(&client) {
            counts.add(of_client);
            clients.insert(client);
        }
    }
    (!clients.is_empty()).then(|| Unlisted {
        what,
        near: None,
        clients,
        more_clients: used.more_clients,
        flows: counts.flows,
        blocked: counts.blocked,
        lookups: counts.lookups,
        addresses: used.addresses,
        behind: used.behind,
        place: used.place.unwrap_or_default(),
    })
}

/// Bare addresses, those of a network together where there are many.
fn in_networks(all: Vec<Unlisted>) -> Vec<Unlisted> {
    let network = |entry: &Unlisted| match entry.what {
        What::Network(ip, _) => Prefix::new(ip, if ip.is_ipv4() { V4_NETWORK } else { V6_NETWORK }),
        _ => None,
    };
    let mut sizes: BTreeMap<(IpAddr, u8), usize> = BTreeMap::new();
    for prefix in all.iter().filter_map(network) {
        *sizes.entry((prefix.address(), prefix.length)).or_default() += 1;
    }
    let mut out: BTreeMap<What, Unlisted> = BTreeMap::new();
    for mut entry in all {
        if let Some(prefix) = network(&entry)
            && sizes
                .get(&(prefix.address(), prefix.length))
                .is_some_and(|size| *size > FEW)
        {
            entry.what = What::Network(prefix.address(), prefix.length);
        }
        match out.get_mut(&entry.what) {
            None => drop(out.insert(entry.what.clone(), entry)),
            Some(whole) => whole.merge(entry),
        }
    }
    out.into_values().collect()
}

impl Unlisted {
    fn merge(&mut self, other: Unlisted) {
        self.clients.extend(other.clients);
        while self.clients.len() > MOST_CLIENTS {
            self.clients.pop_last();
            self.more_clients = true;
        }
        self.more_clients |= other.more_clients;
        self.flows += other.flows;
        self.blocked += other.blocked;
        self.addresses.extend(other.addresses);
        while self.addresses.len() > MOST_ADDRESSES {
            self.addresses.pop_last();
        }
        self.place = self.place.min(other.place);
    }
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// What every network needs to work at all: names, time, addresses, discovery.
fn is_plumbing(attempt: &Attempt) -> bool {
    const PLUMBING: [u16; 15] = [
        53, 67, 68, 123, 137, 138, 546, 547, 853, 1900, 3702, 5350, 5351, 5353, 5355,
    ];
    attempt.app.is_infrastructure()
        || attempt.target.is_none() && attempt.name.is_none()
        || attempt.target.is_some_and(|(_, port)| PLUMBING.contains(&port))
}

/// Not this machine, this link or everybody on it.
fn is_elsewhere(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_multicast()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip == Ipv4Addr::BROADCAST
                || ip.octets()[0] == 0)
        }
        IpAddr::V6(ip) => {
            !(ip.is_multicast() || ip.is_loopback() || ip.is_unicast_link_local() || ip == Ipv6Addr::UNSPECIFIED)
        }
    }
}
