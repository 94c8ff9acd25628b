//! One shard: its flows, and what every packet does to them. The hot path.
//!
//! A shard sees its packets in capture order and nothing of any other shard, so what it finds depends on the
//! input alone. What it learns that concerns others (names) is set aside for the mark.

mod room;

use std::collections::VecDeque;
use std::net::IpAddr;

use super::cold::{ColdStore, Cost, FlowCold};
use super::epoch::Epoch;
use super::hidden::encrypted_dns;
use super::limits::Limits;
use super::scan::{Buckets, PacketRef, RefKind};
use crate::evidence::dns_answers::Lookup;
use crate::evidence::model::{App, Quality};
use crate::evidence::probe::{Bench, Piece, Probe, Progress};
use crate::flow::attempt::IcmpWord;
use crate::flow::counters::{DatagramKind, FlowHot, Stage};
use crate::flow::expiry::Calendar;
use crate::flow::key::FlowKey;
use crate::flow::repeat::Recent;
use crate::flow::stamp::Stamp;
use crate::flow::table::{Handle, Table};
use crate::names::history::{History, Recalled};
use crate::wire::packet::{TcpFlags, protocol};

/// A flow that has left its shard.
pub struct Finished {
    pub hot: FlowHot,
    pub cold: Option<Box<FlowCold>>,
    pub release_ns: u64,
}

/// A question or answer seen in a flow.
pub struct SeenLookup {
    pub lookup: Lookup,
    pub key: FlowKey,
    pub release_ns: u64,
    /// Of the message that it was read from, or of the question never answered.
    pub seq: u64,
}

/// Where the packets' bytes are.
pub struct Bytes<'a> {
    pub epoch: &'a Epoch,
    pub buckets: &'a Buckets,
}

impl<'a> Bytes<'a> {
    #[inline]
    fn payload(&self, packet: &PacketRef) -> &'a [u8] {
        let whole = if packet.payload.reassembled {
            &self.buckets.reassembled
        } else {
            &self.epoch.bytes
        };
        let at = packet.payload.at as usize;
        whole.get(at..at + packet.payload.length as usize).unwrap_or(&[])
    }
}

/// One of the 64.
pub struct Shard {
    flows: Table<FlowHot>,
    colds: ColdStore,
    calendar: Calendar,
    /// Flows that the name history has not been asked about yet.
    fresh: Vec<Handle>,
    /// Flows with a probe, in the order the probes began.
    probing: VecDeque<Handle>,
    /// The queue is swept of flows that are decided when it has grown to this.
    probing_sweep_at: usize,
    cost: Cost,
    limits: Limits,
    /// Flows that have left since the last mark; taken out one by one, by place.
    finished: Vec<Option<Finished>>,
    lookups: Vec<SeenLookup>,
    /// What they hold, and what the history will hold for them.
    lookup_bytes: u64,
    recent: Recent,
    /// Clients that asked an encrypted resolver since the last mark, and when that connection began.
    hidden: Vec<(IpAddr, Stamp)>,
    /// Copies of packets since the last call of [`Shard::take_duplicates`].
    duplicates: u64,
    bench: Bench,
}

const PROBING_SWEEP_LEAST: usize = 256;
/// How far the drain looks ahead: the index entry first, then, when that has come, the record.
const AHEAD_INDEX: usize = 8;
const AHEAD_RECORD: usize = 4;

impl Shard {
    pub fn new(limits: Limits) -> Shard {
        Shard {
            flows: Table::default(),
            colds: ColdStore::default(),
            calendar: Calendar::default(),
            fresh: Vec::new(),
            probing: VecDeque::new(),
            cost: Cost::default(),
            probing_sweep_at: PROBING_SWEEP_LEAST,
            limits,
            finished: Vec::new(),
            lookups: Vec::new(),
            lookup_bytes: 0,
            recent: Recent::default(),
            hidden: Vec::new(),
            duplicates: 0,
            bench: Bench::default(),
        }
    }

    /// Takes a bucket's packets in, in order.
    pub fn drain(&mut self, packets: &[PacketRef], bytes: &Bytes<'_>) {
        for (i, packet) in packets.iter().enumerate() {
            if let Some(ahead) = packets.get(i + AHEAD_INDEX) {
                self.flows.prefetch_index(ahead.hash);
            }
            if let Some(ahead) = packets.get(i + AHEAD_RECORD) {
                self.flows.prefetch_record(ahead.hash);
            }
            match packet.kind {
                RefKind::Packet if self.recent.is_copy(packet.signature, packet.at.ns) => self.duplicates += 1,
                RefKind::Packet => self.packet(packet, bytes),
                RefKind::Quoted(word) => self.quoted(packet, word),
                RefKind::AbandonedFragments => self.abandoned(packet),
            }
        }
    }

    #[inline]
    fn packet(&mut self, packet: &PacketRef, bytes: &Bytes<'_>) {
        let slot = match self.flows.find(packet.hash, &packet.key) {
            Some(slot) if !self.begins_anew(slot, packet) => slot,
            Some(slot) => {
                self.leave(slot, packet.hash);
                self.begin(packet, bytes)
            }
            None => self.begin(packet, bytes),
        };
        let Some(flow) = self.flows.at(slot) else { return };
        let was_over = flow.attempt.is_over();
        count(flow, packet);
        if flow.key.protocol == protocol::TCP {
            note_tcp(flow, packet);
            if flow.attempt.is_over() && !was_over {
                // The calendar still holds a time for an open connection.
                let deadline = flow.deadline();
                self.calendar.enter_exactly(deadline, self.flows.handle(slot));
            }
        }
        if packet.payload.length == 0 && packet.cut == 0 {
            return;
        }
        if self.flows.at(slot).is_some_and(|flow| flow.stage != Stage::Decided) {
            self.probe(slot, packet, bytes);
        }
    }

    /// Whether the packet, though its key is the same, belongs to a new flow: the old one's time is over, or
    /// its ports are used again.
    #[inline]
    fn begins_anew(&mut self, slot: u32, packet: &PacketRef) -> bool {
        let Some(flow) = self.flows.at(slot) else { return false };
        if flow.is_over_at(packet.at.ns) {
            return true;
        }
        let bare_syn = packet.flags.0 & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST) == TcpFlags::SYN;
        // A new sequence number is a new connection; the same one is the same SYN once more.
        packet.key.protocol == protocol::TCP
            && bare_syn
            && flow.start(packet.side) != Some(packet.sequence.wrapping_add(1))
    }

    fn begin(&mut self, packet: &PacketRef, bytes: &Bytes<'_>) -> u32 {
        self.make_room();
        let mut flow = FlowHot::new(packet.key, packet.side, packet.at);
        if !packet.key.ported {
            flow.stage = Stage::Decided;
        }
        if packet.tagged {
            let (vlans, tunnels) = bytes.buckets.labels_of(packet, bytes.epoch);
            flow.cold = self.colds.add(FlowCold {
                vlans,
                tunnels,
                ..FlowCold::default()
            });
        }
        let handle = self.flows.insert(packet.hash, flow);
        self.calendar.enter(u64::MAX, packet.at.ns, handle);
        self.fresh.push(handle);
        handle.slot
    }

    fn probe(&mut self, slot: u32, packet: &PacketRef, bytes: &Bytes<'_>) {
        let handle = self.flows.handle(slot);
        let Some(flow) = self.flows.at(slot) else { return };
        let (key, starts) = (flow.key, flow.starts());
        if flow.stage == Stage::ExpectPayload {
            flow.stage = Stage::Probing;
            self.probing.push_back(handle);
            let probe = if key.protocol == protocol::TCP {
                Probe::tcp(starts)
            } else {
                Probe::datagrams()
            };
            self.cold_of(slot).probe = Some(probe);
        }
        let mut bench = std::mem::take(&mut self.bench);
        let cold = self.cold_of(slot);
        let before = cold.cost;
        let piece = Piece {
            side: packet.side,
            payload: bytes.payload(packet),
            cut: packet.cut,
            // RFC 9293 section 3.4: a SYN counts as the byte before the first.
            sequence: packet.sequence.wrapping_add(u32::from(packet.flags.has(TcpFlags::SYN))),
            at: packet.at,
        };
        let progress = match &mut cold.probe {
            Some(probe) => probe.piece(piece, [key.lo_port, key.hi_port], &mut cold.findings, &mut bench),
            None => Progress::Done,
        };
        let app = cold.findings.app;
        if progress == Progress::Done {
            cold.probe = None;
        }
        let after = Cost::of(cold);
        cold.cost = after;
        self.cost.replace(before, after);
        if let Some(flow) = self.flows.at(slot) {
            if progress == Progress::Done {
                flow.stage = Stage::Decided;
            }
            flow.datagrams = match app {
                App::Quic => DatagramKind::Quic,
                App::Dns | App::Mdns | App::Llmnr => DatagramKind::Dns,
                _ => DatagramKind::Plain,
            };
        }
        let (release_ns, seq) = (packet.at.ns, packet.at.seq);
        for lookup in bench.lookups.drain(..) {
            self.set_aside(SeenLookup {
                lookup,
                key,
                release_ns,
                seq,
            });
        }
        self.bench = bench;
        if progress == Progress::Done {
            self.note_resolver(slot);
        }
    }

    /// A flow is decided: was it to an encrypted resolver?
    fn note_resolver(&mut self, slot: u32) {
        let Some(flow) = self.flows.at(slot) else { return };
        if flow.cold == 0 {
            return;
        }
        let cold = self.colds.at(flow.cold);
        if let Some((_, client)) = encrypted_dns(flow, &cold.findings) {
            self.hidden.push((flow.key.end(client).ip, flow.first));
        }
    }

    /// An ICMP error tells a flow that is there.
    fn quoted(&mut self, packet: &PacketRef, word: IcmpWord) {
        if let Some(slot) = self.flows.find(packet.hash, &packet.key)
            && let Some(flow) = self.flows.at(slot)
            && !flow.is_over_at(packet.at.ns)
        {
            flow.attempt.icmp(word);
        }
    }

    /// Pieces that never became whole are a flow without ports that ends at once.
    fn abandoned(&mut self, packet: &PacketRef) {
        let mut hot = FlowHot::new(packet.key, packet.side, packet.at);
        count(&mut hot, packet);
        let mut cold = Box::<FlowCold>::default();
        cold.findings.quality.add(Quality::FRAGMENT);
        self.finished.push(Some(Finished {
            release_ns: hot.last.ns,
            hot,
            cold: Some(cold),
        }));
    }

    fn finish_probe(&mut self, probe: Probe, slot: u32) {
        let Some(flow) = self.flows.at(slot) else { return };
        let (key, release_ns, seq) = (flow.key, flow.deadline(), flow.first.seq);
        let mut found = std::mem::take(&mut self.bench.lookups);
        probe.finish(&mut self.cold_of(slot).findings, &mut found);
        for lookup in found.drain(..) {
            let seq = lookup.asked_at.map_or(seq, |at| at.seq);
            self.set_aside(SeenLookup {
                lookup,
                key,
                release_ns,
                seq,
            });
        }
        self.bench.lookups = found;
        self.note_resolver(slot);
    }

    /// The flow's end.
    fn leave(&mut self, slot: u32, hash: u64) {
        self.close_probe(slot);
        if let Some(hot) = self.flows.remove(hash, slot) {
            let finished = self.finished_of(hot);
            self.finished.push(Some(finished));
        }
    }

    fn close_probe(&mut self, slot: u32) {
        let Some(flow) = self.flows.at(slot) else { return };
        if flow.stage == Stage::Probing {
            flow.stage = Stage::Decided;
            if let Some(probe) = self.cold_of(slot).probe.take() {
                self.finish_probe(probe, slot);
            }
        }
    }

    fn finished_of(&mut self, hot: FlowHot) -> Finished {
        let cold = self.colds.take(hot.cold);
        if let Some(cold) = &cold {
            self.cost.replace(cold.cost, Cost::default());
        }
        Finished {
            release_ns: hot.deadline(),
            hot,
            cold,
        }
    }

    /// What was read about names since the last mark.
    pub fn take_lookups(&mut self) -> Vec<SeenLookup> {
        self.lookup_bytes = 0;
        std::mem::take(&mut self.lookups)
    }

    /// Who asked an encrypted resolver, and when that connection began, since the last call.
    pub fn take_hidden(&mut self) -> Vec<(IpAddr, Stamp)> {
        std::mem::take(&mut self.hidden)
    }

    /// How many packets were copies since the last call.
    pub fn take_duplicates(&mut self) -> u64 {
        std::mem::take(&mut self.duplicates)
    }

    /// At a mark: asks the history about new flows, and lets go of those whose time is over.
    pub fn mark(&mut self, now_ns: u64, history: &History) {
        self.bind(history);
        while let Some(handles) = self.calendar.take_before(now_ns) {
            for handle in handles {
                let Some(flow) = self.flows.get(handle) else { continue };
                let (deadline, hash) = (flow.deadline(), flow.key.hash());
                if deadline < now_ns {
                    self.leave(handle.slot, hash);
                } else {
                    self.calendar.enter(deadline, now_ns, handle);
                }
            }
        }
        self.sweep_probing();
    }

    /// Asks who had been told what about both ends of every new flow; the history holds all claims up to the mark.
    fn bind(&mut self, history: &History) {
        for handle in std::mem::take(&mut self.fresh) {
            let Some(flow) = self.flows.get(handle) else { continue };
            flow.bound = true;
            let told = told_of(flow, history);
            if told.iter().any(Option::is_some) {
                self.cold_of(handle.slot).told = told;
            }
        }
        for finished in self.finished.iter_mut().flatten() {
            if !finished.hot.bound {
                finished.hot.bound = true;
                let told = told_of(&finished.hot, history);
                if told.iter().any(Option::is_some) {
                    finished.cold.get_or_insert_default().told = told;
                }
            }
        }
    }

    /// Flows that have left since the last mark: release time, first packet, place.
    pub fn departures(&self) -> impl Iterator<Item = (u64, u64, u32)> {
        let left = self.finished.iter().enumerate();
        left.filter_map(|(place, flow)| {
            flow.as_ref()
                .map(|flow| (flow.release_ns, flow.hot.first.seq, place as u32))
        })
    }

    /// Takes one of them out.
    pub fn take_departed(&mut self, place: u32) -> Option<Finished> {
        self.finished.get_mut(place as usize)?.take()
    }

    /// The mark is over: all of them have been taken.
    pub fn forget_departed(&mut self) {
        self.finished.clear();
    }

    /// The input has ended: probes are closed, and the slots of all flows are told with their release times.
    pub fn close(&mut self) -> Vec<(u64, u64, u32)> {
        let slots: Vec<u32> = self.flows.occupied().map(|(slot, _)| slot).collect();
        for &slot in &slots {
            self.close_probe(slot);
        }
        self.flows
            .occupied()
            .map(|(slot, flow)| (flow.deadline(), flow.first.seq, slot))
            .collect()
    }

    /// After [`Shard::close`]: takes one flow out.
    pub fn take_last(&mut self, slot: u32) -> Option<Finished> {
        let hot = self.flows.take_last(slot)?;
        Some(self.finished_of(hot))
    }

    fn cold_of(&mut self, slot: u32) -> &mut FlowCold {
        let mut place = self.flows.at(slot).map_or(0, |flow| flow.cold);
        if place == 0 {
            place = self.colds.add(FlowCold::default());
            if let Some(flow) = self.flows.at(slot) {
                flow.cold = place;
            }
        }
        self.colds.at(place)
    }
}

#[inline]
fn count(flow: &mut FlowHot, packet: &PacketRef) {
    flow.last.seq = packet.at.seq;
    flow.last.ns = flow.last.ns.max(packet.at.ns);
    let side = packet.side.index();
    flow.packets[side] = flow.packets[side].saturating_add(u32::from(packet.packets));
    flow.bytes[side] = flow.bytes[side].saturating_add(u64::from(packet.ip_bytes));
}

#[inline]
fn note_tcp(flow: &mut FlowHot, packet: &PacketRef) {
    flow.attempt
        .packet(packet.side, packet.flags, packet.payload.length > 0);
    if flow.stage != Stage::Decided && flow.attempt.saw_start() {
        if packet.flags.has(TcpFlags::SYN) {
            flow.set_start(packet.side, packet.sequence.wrapping_add(1));
        }
        // What a SYN's answer acknowledges, or the first acknowledgment of one, is where the other side begins.
        if packet.flags.has(TcpFlags::ACK) && !packet.flags.has(TcpFlags::RST) {
            flow.set_start(packet.side.other(), packet.acknowledgment);
        }
    }
}

/// What had been told before the flow about its lower end (to the higher one), and the other way round.
fn told_of(flow: &FlowHot, history: &History) -> [Option<Box<[Recalled]>>; 2] {
    let family = flow.key.family;
    let (lo, hi) = (family.address(flow.key.lo), family.address(flow.key.hi));
    [history.recall(hi, lo, flow.first), history.recall(lo, hi, flow.first)]
}
