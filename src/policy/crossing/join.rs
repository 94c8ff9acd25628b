//! Which flow inside is which flow outside.
//!
//! The first likeness that holds, each flow once, the nearest in time where there are several:
//!
//! 1. the client's first sequence number, which devices that translate addresses leave alone;
//! 2. both ends the same (a device that routes or bridges, but makes new sequence numbers);
//! 3. the server's end and the client's port (a device that translates addresses of datagrams);
//! 4. the server's end and the name in the hello (a device that ends TLS itself);
//! 5. the name alone, of a flow through a proxy.
//!
//! The clocks of the two captures may differ: by how much, the first likeness tells, which needs no clock.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::Sighting;
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;
use crate::wire::packet::protocol;

/// By what two flows are known to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likeness {
    Sequence,
    Ends,
    ServerAndPort,
    ServerAndName,
    Name,
}

impl Likeness {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Likeness::Sequence => "sequence",
            Likeness::Ends => "ends",
            Likeness::ServerAndPort => "server-and-port",
            Likeness::ServerAndName => "server-and-name",
            Likeness::Name => "name",
        }
    }

    /// Another flow may be just as like.
    pub fn is_likely_only(self) -> bool {
        self >= Likeness::ServerAndName
    }
}

/// The flows outside, by those inside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Join {
    pub partners: Vec<Option<(usize, Likeness)>>,
    /// What is added to a time inside to get the time outside; None if no flow is on both sides.
    pub offset_ns: Option<i64>,
}

/// Clocks of two machines are not further apart than this, or their captures are not of one time.
const MOST_APART_NS: u64 = 300 * SECOND;
/// With the clocks compared, two ends of one flow begin within this; a proxy asks and looks up first.
const NEAR_NS: u64 = 2 * SECOND;
const NEAR_PROXY_NS: u64 = 5 * SECOND;
const SECOND: u64 = 1_000_000_000;

/// Finds every flow's partner.
pub fn join(inside: &[Sighting], outside: &[Sighting]) -> Join {
    let mut pairs = Pairs {
        inside,
        outside,
        partners: vec![None; inside.len()],
    };
    let sequence = |flow: &Sighting| Some((flow.sequences[0]?, flow.server.port));
    pairs.pair(Likeness::Sequence, 0, MOST_APART_NS, |flow| {
        sequence(flow).filter(|_| is_tcp(flow))
    });
    let mut offset = pairs.offset();
    // Without a single sequence number in common the ends may still be the same, if the clocks are.
    let at_first = offset.unwrap_or(0);
    pairs.pair(Likeness::Ends, at_first, NEAR_NS, |flow| {
        Some((flow.protocol, flow.client, flow.server))
    });
    let shift = offset.or_else(|| pairs.offset()).unwrap_or(0);
    type At = (u8, Endpoint, Option<u16>);
    let port = |flow: &Sighting| -> Option<At> { Some((flow.protocol, flow.server, Some(flow.client.port?))) };
    pairs.pair(Likeness::ServerAndPort, shift, NEAR_NS, port);
    let named = |flow: &Sighting| Some((flow.protocol, flow.server, said(flow)?.as_str().to_owned()));
    pairs.pair(Likeness::ServerAndName, shift, NEAR_NS, named);
    pairs.pair_proxied(shift);
    offset = offset.or_else(|| pairs.offset());
    Join {
        partners: pairs.partners,
        offset_ns: offset,
    }
}

fn is_tcp(flow: &Sighting) -> bool {
    flow.protocol == protocol::TCP
}

/// The name in the clear hello; only what the client itself said passes a device.
fn said<'a>(flow: &Sighting<'a>) -> Option<&'a Domain> {
    flow.tls.and_then(|tls| tls.sni.as_ref())
}

struct Pairs<'a> {
    inside: &'a [Sighting<'a>],
    outside: &'a [Sighting<'a>],
    partners: Vec<Option<(usize, Likeness)>>,
}

impl Pairs<'_> {
    /// Pairs what has the same key and begins within `near_ns`, the clocks being `offset` apart.
    fn pair<K: Hash + Eq>(
        &mut self,
        likeness: Likeness,
        offset: i64,
        near_ns: u64,
        key: impl Fn(&Sighting) -> Option<K>,
    ) {
        let mut waiting: HashMap<K, Vec<Candidate>> = HashMap::new();
        for (candidate, flow) in self.free() {
            if let Some(key) = key(flow) {
                waiting.entry(key).or_default().push(candidate);
            }
        }
        for (flow, partner) in self.inside.iter().zip(&mut self.partners) {
            let Some(key) = key(flow).filter(|_| partner.is_none()) else {
                continue;
            };
            let Some(candidates) = waiting.get_mut(&key) else {
                continue;
            };
            let wanted = flow.start_ns.saturating_add_signed(offset);
            let apart = |candidate: &Candidate| candidate.start_ns.abs_diff(wanted);
            let nearest = candidates
                .iter()
                .enumerate()
                .min_by_key(|(_, one)| (apart(one), one.at));
            if let Some((place, _)) = nearest.filter(|(_, one)| apart(one) <= near_ns) {
                *partner = Some((candidates.swap_remove(place).at, likeness));
            }
        }
    }

    /// Flows through a proxy: what it opens itself has other ends, and the same name.
    fn pair_proxied(&mut self, offset: i64) {
        let name = |flow: &Sighting| flow.name.map(|name| name.as_str().to_owned());
        let mut waiting: HashMap<String, Vec<Candidate>> = HashMap::new();
        for (candidate, flow) in self.free() {
            if let Some(name) = name(flow).filter(|_| !flow.through_proxy) {
                waiting.entry(name).or_default().push(candidate);
            }
        }
        for (flow, partner) in self.inside.iter().zip(&mut self.partners) {
            if !flow.through_proxy || partner.is_some() {
                continue;
            }
            let Some(candidates) = name(flow).and_then(|name| waiting.get_mut(&name)) else {
                continue;
            };
            let wanted = flow.start_ns.saturating_add_signed(offset);
            let is_near = |one: &Candidate| one.start_ns.abs_diff(wanted) <= NEAR_PROXY_NS;
            if let Some(place) = candidates.iter().position(is_near) {
                *partner = Some((candidates.remove(place).at, Likeness::Name));
            }
        }
    }

    /// The flows outside that are nobody's yet.
    fn free(&self) -> impl Iterator<Item = (Candidate, &Sighting<'_>)> {
        let taken: HashSet<usize> = self.partners.iter().flatten().map(|(at, _)| *at).collect();
        let all = self.outside.iter().enumerate();
        all.filter(move |(at, _)| !taken.contains(at)).map(|(at, flow)| {
            let start_ns = flow.start_ns;
            (Candidate { at, start_ns }, flow)
        })
    }

    /// How far the clocks are apart: the median over the pairs.
    fn offset(&self) -> Option<i64> {
        let paired = self.inside.iter().zip(&self.partners);
        let apart = paired.filter_map(|(flow, partner)| {
            let there = self.outside.get((*partner)?.0)?.start_ns;
            Some((i128::from(there) - i128::from(flow.start_ns)) as i64)
        });
        let mut apart: Vec<i64> = apart.collect();
        apart.sort_unstable();
        apart.get(apart.len() / 2).copied()
    }
}

/// A flow outside that may be a partner.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    at: usize,
    start_ns: u64,
}
