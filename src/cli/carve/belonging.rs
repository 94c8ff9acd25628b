//! Which packets belong to the chosen flows and lookups.
//!
//! A flow is a key between its first and its last frame: a later flow of the same key begins behind that. The rows do not
//! tell the key (tunnels are a word there), but they tell the first frame, and that frame's packet has it.

use std::collections::HashMap;
use std::net::IpAddr;

use super::find::Chosen;
use super::lookups::Lookup;
use crate::engine::scan::{PacketRef, RefKind};
use crate::flow::key::{FlowKey, Side};
use crate::flow::repeat::SignatureKind;
use crate::wire::dns::Message;
use crate::wire::packet::protocol;

const SECOND: u64 = 1_000_000_000;
/// An ICMP error, or a copy of the last packet, may come behind a flow's last packet.
const ERROR_BEHIND: u64 = 65 * SECOND;
const COPY_BEHIND: u64 = SECOND / 100;
/// A question stands at most so long before its answer.
const QUESTION_BEFORE: u64 = 30 * SECOND;
/// What of a connection to a resolver is carved around an answer.
const TALK_BEFORE: u64 = 10 * SECOND;
const TALK_BEHIND: u64 = 2 * SECOND;
const DNS: u16 = 53;
const LLMNR: u16 = 5355;

/// What a frame is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// To a flow, by its place among the chosen.
    Flow(u32),
    /// To a lookup, by its place; none if it is only near one.
    Lookup(Option<u32>),
}

/// The chosen, and how their packets are known.
pub struct Belonging {
    pub flows: Vec<Chosen>,
    pub lookups: Vec<Lookup>,
    /// Flows by the stamp of their first packet.
    starts: HashMap<u64, Vec<u32>>,
    /// Flows that have begun, by the hash of their key; each list by first packet.
    begun: HashMap<u64, Vec<(FlowKey, u32)>>,
    /// Lookups by the stamp of their answer.
    answers: HashMap<u64, Vec<u32>>,
    /// Lookups by client and resolver, each list by answer.
    talks: HashMap<(IpAddr, IpAddr), Vec<u32>>,
    /// Questions asked of everybody, by client.
    multicast: HashMap<IpAddr, Vec<u32>>,
}

impl Belonging {
    pub fn new(flows: Vec<Chosen>, mut lookups: Vec<Lookup>) -> Belonging {
        lookups.sort_by_key(|lookup| lookup.at);
        let mut belonging = Belonging {
            starts: HashMap::with_capacity(flows.len()),
            begun: HashMap::with_capacity(flows.len()),
            answers: HashMap::new(),
            talks: HashMap::new(),
            multicast: HashMap::new(),
            flows,
            lookups,
        };
        for (place, flow) in (0..).zip(&belonging.flows) {
            belonging.starts.entry(flow.first).or_default().push(place);
        }
        for (place, lookup) in (0..).zip(&belonging.lookups) {
            belonging.answers.entry(lookup.at).or_default().push(place);
            if let Some(client) = lookup.client {
                belonging
                    .talks
                    .entry((client, lookup.resolver))
                    .or_default()
                    .push(place);
                belonging.multicast.entry(client).or_default().push(place);
            }
        }
        belonging
    }

    /// Flows that begin with this very packet.
    pub fn begins_at(&self, stamp: u64) -> &[u32] {
        self.starts.get(&stamp).map_or(&[], Vec::as_slice)
    }

    /// Lookups answered in this frame.
    pub fn answered_at(&self, stamp: u64) -> &[u32] {
        self.answers.get(&stamp).map_or(&[], Vec::as_slice)
    }

    /// What a packet belongs to. Packets of one key must come in their order.
    pub fn of(&mut self, packet: &PacketRef, payload: &[u8]) -> Option<Belongs> {
        if let RefKind::Packet | RefKind::AbandonedFragments(_) = packet.kind {
            self.begin(packet);
        }
        if let Some(flow) = self.flow_of(packet) {
            return Some(Belongs::Flow(flow));
        }
        if packet.kind != RefKind::Packet {
            return None;
        }
        if let Some(lookup) = self.answered_at(packet.at.seq).first() {
            return Some(Belongs::Lookup(Some(*lookup)));
        }
        self.is_of_a_lookup(packet, payload).then_some(Belongs::Lookup(None))
    }

    fn begin(&mut self, packet: &PacketRef) {
        let Some(places) = self.starts.get(&packet.at.seq) else {
            return;
        };
        for place in places {
            let of_place = |place: u32| self.flows.get(place as usize);
            if of_place(*place).is_none_or(|flow| !flow.has_key(&packet.key)) {
                continue;
            }
            let begun = self.begun.entry(packet.hash).or_default();
            let first = |place: u32| of_place(place).map_or(0, |flow| flow.first);
            let behind = begun.partition_point(|(_, other)| first(*other) <= packet.at.seq);
            if !begun.iter().any(|(_, other)| other == place) {
                begun.insert(behind, (packet.key, *place));
            }
        }
    }

    fn flow_of(&mut self, packet: &PacketRef) -> Option<u32> {
        let begun = self.begun.get(&packet.hash)?;
        let at = packet.at;
        let first = |place: u32| self.flows.get(place as usize).map_or(u64::MAX, |flow| flow.first);
        let behind = begun.partition_point(|(_, place)| first(*place) <= at.seq);
        let (_, place) = begun.get(..behind)?.iter().rfind(|(key, _)| *key == packet.key)?;
        let flow = self.flows.get_mut(*place as usize)?;
        let signature = packet.signature;
        let belongs = match packet.kind {
            RefKind::Quoted(_) => at.seq <= flow.last || at.ns <= flow.end_ns.saturating_add(ERROR_BEHIND),
            _ if at.seq <= flow.last => true,
            _ => flow.last_seen.is_some_and(|(last, ns)| {
                last == signature && signature.kind != SignatureKind::None && at.ns.abs_diff(ns) <= COPY_BEHIND
            }),
        };
        if at.seq == flow.last && packet.kind == RefKind::Packet {
            flow.last_seen = Some((signature, at.ns));
        }
        belongs.then_some(*place)
    }

    /// A question whose answer is carved, or a piece of the connection that it came by.
    fn is_of_a_lookup(&self, packet: &PacketRef, payload: &[u8]) -> bool {
        if self.talks.is_empty() {
            return false;
        }
        let key = &packet.key;
        let (from, to) = (key.end(packet.side), key.end(packet.side.other()));
        let has_port = |port| key.port(Side::Lo) == port || key.port(Side::Hi) == port;
        match key.protocol {
            protocol::TCP if has_port(DNS) => {
                let talks = self
                    .talks
                    .get(&(from.ip, to.ip))
                    .or_else(|| self.talks.get(&(to.ip, from.ip)));
                let mut around = talks
                    .into_iter()
                    .flatten()
                    .filter_map(|place| self.lookups.get(*place as usize));
                around.any(|lookup| {
                    lookup.over_tcp
                        && packet.at.ns >= lookup.ns.saturating_sub(TALK_BEFORE)
                        && packet.at.ns <= lookup.ns.saturating_add(TALK_BEHIND)
                })
            }
            protocol::UDP if to.port == Some(DNS) => {
                let talks = self.talks.get(&(from.ip, to.ip));
                talks.is_some_and(|places| self.is_question(packet, payload, places))
            }
            protocol::UDP if to.port == Some(LLMNR) => {
                let asked = self.multicast.get(&from.ip);
                asked.is_some_and(|places| self.is_question(packet, payload, places))
            }
            _ => false,
        }
    }

    /// Whether one of these lookups answers it: one of the next, as they are in order.
    fn is_question(&self, packet: &PacketRef, payload: &[u8], places: &[u32]) -> bool {
        const LOOKED_AT: usize = 2000;
        let Some(question) = Message::parse(payload)
            .ok()
            .filter(|message| !message.is_response())
            .and_then(|message| message.question().ok().flatten())
        else {
            return false;
        };
        let lookup = |place: &u32| self.lookups.get(*place as usize);
        let next = places.partition_point(|place| lookup(place).is_some_and(|lookup| lookup.at < packet.at.seq));
        let coming = places
            .get(next..)
            .unwrap_or(&[])
            .iter()
            .filter_map(lookup)
            .take(LOOKED_AT);
        coming
            .take_while(|lookup| lookup.ns <= packet.at.ns.saturating_add(QUESTION_BEFORE))
            .any(|lookup| lookup.qtype == question.kind && lookup.query.is_of_labels(question.name.labels()))
    }
}
