//! One shard: its flows, and what every packet does to them. The hot path.
//!
//! A shard sees its packets in capture order and nothing of any other shard, so what it finds depends on the
//! input alone. What it learns that concerns others (names) is set aside for the mark.

mod course;
mod leaving;
mod room;
mod running;

use std::collections::VecDeque;
use std::net::IpAddr;

pub use self::course::{Answer, is_repeatable};
pub use self::leaving::Mark;
use super::cold::{ColdStore, Cost, FlowCold};
use super::departure::Departure;
use super::epoch::Epoch;
use super::hidden::encrypted_dns;
use super::limits::Limits;
use super::lookup::{HeldLookups, Reply, SeenLookup};
use super::scan::{Buckets, PacketRef, RefKind};
use super::tally::Tallies;
use crate::evidence::model::{App, Quality};
use crate::evidence::probe::{Bench, Piece, Probe, Progress};
use crate::flow::attempt::{Attempt, IcmpWord};
use crate::flow::counters::{DatagramKind, Exit, FlowHot, Stage};
use crate::flow::expiry::Calendar;
use crate::flow::fragment::{Fate, Reason};
use crate::flow::repeat::Recent;
use crate::flow::stamp::Stamp;
use crate::flow::table::{Guess, Handle, Table};
use crate::names::domain::Domain;
use crate::wire::packet::{TcpFlags, protocol};

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
    /// Of the flows that have no cold part.
    blank: FlowCold,
    calendar: Calendar,
    /// Flows that the name history has not been asked about yet. Their slots are not given to others before that.
    fresh: Vec<u32>,
    /// Flows with a probe, in the order the probes began.
    probing: VecDeque<Handle>,
    /// The queue is swept of flows that are decided when it has grown to this.
    probing_sweep_at: usize,
    cost: Cost,
    limits: Limits,
    /// What has left since the last mark, and how many of it have become rows.
    departing: Vec<Departure>,
    departed: usize,
    /// Lookups read since the last mark; taken out one by one, by place.
    lookups: Vec<Option<SeenLookup>>,
    /// What they hold, and what the history will hold for them.
    lookup_bytes: u64,
    /// Lookups that failed, until it is known what came after them.
    held: HeldLookups,
    /// Who was answered since the last mark, and which questions were.
    answers: Vec<Answer>,
    replies: Vec<Reply>,
    recent: Recent,
    /// Clients that asked an encrypted resolver since the last mark, and when that connection began.
    hidden: Vec<(IpAddr, Stamp)>,
    /// Names that answers said to be public covers since the last mark, and when.
    covers: Vec<(Domain, Stamp)>,
    /// What there is to say of the inputs: their flows, copies of packets.
    tallies: Tallies,
    bench: Bench,
}

const PROBING_SWEEP_LEAST: usize = 256;
/// How far the drain looks ahead: the index entry first, then, when that has come, the record, then what it points to.
const AHEAD_INDEX: usize = 12;
const AHEAD_RECORD: usize = 8;
const AHEAD_COLD: usize = 4;
const AHEAD_PROBE: usize = 2;

/// Where the records and the cold parts of the next packets probably are, each at its packet's place modulo the distance.
type Guesses = [Option<Guess>; AHEAD_RECORD];
type Colds = [u32; AHEAD_COLD];

impl Shard {
    pub fn new(limits: Limits) -> Shard {
        Shard {
            flows: Table::default(),
            colds: ColdStore::default(),
            blank: FlowCold::default(),
            calendar: Calendar::default(),
            fresh: Vec::new(),
            probing: VecDeque::new(),
            cost: Cost::default(),
            probing_sweep_at: PROBING_SWEEP_LEAST,
            limits,
            departing: Vec::new(),
            departed: 0,
            lookups: Vec::new(),
            lookup_bytes: 0,
            held: HeldLookups::default(),
            answers: Vec::new(),
            replies: Vec::new(),
            recent: Recent::default(),
            hidden: Vec::new(),
            covers: Vec::new(),
            tallies: Tallies::default(),
            bench: Bench::default(),
        }
    }

    /// Takes a bucket's packets in, in order.
    pub fn drain(&mut self, packets: &[PacketRef], bytes: &Bytes<'_>) {
        // A bucket is short, and what its packets need was last touched a round of all shards ago: so its beginning is fetched
        // ahead too, each step for all of it before the next.
        packets
            .iter()
            .take(AHEAD_INDEX)
            .for_each(|ahead| self.fetch_index(ahead));
        let mut guesses: Guesses = [None; AHEAD_RECORD];
        for (ahead, guess) in packets.iter().zip(&mut guesses) {
            *guess = self.flows.fetch_record(ahead.hash);
        }
        let mut colds: Colds = [0; AHEAD_COLD];
        for (i, packet) in packets.iter().enumerate() {
            let guess = self.fetch_ahead_of(packets, i, &mut guesses, &mut colds);
            match packet.kind {
                RefKind::Packet if self.recent.is_copy(packet.signature, packet.at.ns) => {
                    self.tallies.of(packet.at.ordinal()).duplicate();
                }
                RefKind::Packet => self.packet(packet, guess, bytes),
                RefKind::Quoted(word) => self.quoted(packet, word),
                RefKind::AbandonedFragments(fate) => self.abandoned(packet, fate),
            }
        }
    }

    /// Fetches what the packets behind the one at `i` will need; answers where that one's record probably is.
    #[inline]
    fn fetch_ahead_of(
        &self,
        packets: &[PacketRef],
        i: usize,
        guesses: &mut Guesses,
        colds: &mut Colds,
    ) -> Option<Guess> {
        if let Some(ahead) = packets.get(i + AHEAD_INDEX) {
            self.fetch_index(ahead);
        }
        if let Some(probe) = self.probe_at(colds[(i + AHEAD_PROBE) % AHEAD_COLD]) {
            probe.prefetch();
        }
        let cold = self.cold_at(guesses[(i + AHEAD_COLD) % AHEAD_RECORD]);
        self.colds.prefetch(cold);
        colds[i % AHEAD_COLD] = cold;
        let next = packets.get(i + AHEAD_RECORD);
        let next = next.and_then(|ahead| self.flows.fetch_record(ahead.hash));
        std::mem::replace(&mut guesses[i % AHEAD_RECORD], next)
    }

    #[inline]
    fn fetch_index(&self, ahead: &PacketRef) {
        self.flows.prefetch_index(ahead.hash);
        self.recent.prefetch(ahead.signature);
    }

    /// The place of the cold part that a packet of this flow will touch, 0 for none.
    #[inline]
    fn cold_at(&self, guess: Option<Guess>) -> u32 {
        match guess.and_then(|guess| self.flows.guessed(guess)) {
            Some(flow) if flow.stage == Stage::Probing => flow.cold,
            _ => 0,
        }
    }

    #[inline]
    fn probe_at(&self, cold: u32) -> Option<&Probe> {
        self.colds.peek(cold)?.probe.as_ref()
    }

    /// Whether the guess is right. A record that has left may still lie there, with the same key.
    #[inline]
    fn is_right(&self, guess: Guess, packet: &PacketRef) -> bool {
        let found = self.flows.guessed(guess);
        found.is_some_and(|flow| flow.key == packet.key && flow.stage != Stage::Departed)
    }

    #[inline]
    fn packet(&mut self, packet: &PacketRef, guess: Option<Guess>, bytes: &Bytes<'_>) {
        let found = match guess {
            Some(guess) if self.is_right(guess, packet) => Some(guess.slot()),
            _ => self.flows.find(packet.hash, &packet.key),
        };
        let Some((slot, flow)) = found.and_then(|slot| Some((slot, self.flows.at(slot)?))) else {
            let slot = self.begin(packet, bytes);
            return self.first_packet(slot, packet, bytes);
        };
        if begins_anew(flow, packet) {
            flow.exit = course::replaced(flow, packet);
            self.leave(slot, packet.hash);
            let slot = self.begin(packet, bytes);
            return self.first_packet(slot, packet, bytes);
        }
        let changed = step(flow, packet);
        let wants_more = flow.stage != Stage::Decided;
        if let Some(before) = changed {
            self.note_course(slot, before, packet);
        }
        if wants_more && packet.has_payload() {
            self.probe(slot, packet, bytes);
        }
    }

    fn first_packet(&mut self, slot: u32, packet: &PacketRef, bytes: &Bytes<'_>) {
        let Some(flow) = self.flows.at(slot) else { return };
        let changed = step(flow, packet);
        let wants_more = flow.stage != Stage::Decided;
        if let Some(before) = changed {
            self.note_course(slot, before, packet);
        }
        if wants_more && packet.has_payload() {
            self.probe(slot, packet, bytes);
        }
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
        self.fresh.push(handle.slot);
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
        let said = course::words_of(&cold.findings);
        let progress = match &mut cold.probe {
            Some(probe) => probe.piece(piece, [key.lo_port, key.hi_port], &mut cold.findings, &mut bench),
            None => Progress::Done,
        };
        let app = cold.findings.app;
        let words = course::words_of(&cold.findings);
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
                App::Dns => DatagramKind::Dns,
                App::Mdns | App::Llmnr => DatagramKind::Multicast,
                _ => DatagramKind::Plain,
            };
            if words != said {
                course::note_words(flow, packet, words);
            }
        }
        let (release_ns, seq) = (packet.at.ns, packet.at.seq);
        for lookup in bench.lookups.drain(..) {
            self.set_aside(SeenLookup {
                lookup,
                key,
                release_ns,
                seq,
                hasty: false,
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
            course::icmp(flow, packet, word);
        }
    }

    /// Pieces that never became whole are a flow without ports that ends at once.
    fn abandoned(&mut self, packet: &PacketRef, fate: Fate) {
        let mut hot = FlowHot::new(packet.key, packet.side, packet.at);
        count(&mut hot, packet);
        hot.stage = Stage::Departed;
        let mut cold = FlowCold::default();
        cold.findings.quality.add(Quality::FRAGMENT);
        match fate {
            Fate::Refused(Reason::Overlap) => cold.findings.quality.add(Quality::OVERLAP),
            Fate::Evicted | Fate::Refused(Reason::Budget) => hot.exit = Exit::Evicted,
            _ => {}
        }
        hot.cold = self.colds.add(cold);
        let slot = self.flows.keep_detached(hot);
        self.fresh.push(slot);
        self.depart(slot, packet.at.ns);
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
                hasty: false,
            });
        }
        self.bench.lookups = found;
        self.note_resolver(slot);
    }

    fn cold_of(&mut self, slot: u32) -> &mut FlowCold {
        let mut place = self.flows.at(slot).map_or(0, |flow| flow.cold);
        if place == 0 {
            place = self.colds.add(FlowCold::default());
            if let Some(flow) = self.flows.at(slot) {
                flow.cold = place;
            }
        }
        // A place that was given out holds a part.
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

/// Whether the packet, though its key is the same, belongs to a new flow: the old one's time is over, or its ports are
/// used again.
#[inline]
fn begins_anew(flow: &FlowHot, packet: &PacketRef) -> bool {
    if flow.is_over_at(packet.at.ns) {
        return true;
    }
    let bare_syn = packet.flags.0 & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST) == TcpFlags::SYN;
    // A new sequence number is a new connection; the same one is the same SYN once more.
    bare_syn && packet.key.protocol == protocol::TCP && flow.start(packet.side) != Some(packet.sequence.wrapping_add(1))
}

/// What every packet does to its flow. Some: something has changed in how its attempt stands, and how that was before.
#[inline]
fn step(flow: &mut FlowHot, packet: &PacketRef) -> Option<Attempt> {
    count(flow, packet);
    let before = flow.attempt;
    if packet.key.protocol == protocol::TCP {
        note_tcp(flow, packet);
        return (flow.attempt != before).then_some(before);
    }
    // The first packet of a side.
    let is_first = flow.packets[packet.side.index()] == u32::from(packet.packets);
    (is_first && flow.packets[packet.side.other().index()] > 0).then_some(before)
}

#[inline]
fn note_tcp(flow: &mut FlowHot, packet: &PacketRef) {
    let has_payload = packet.payload.length > 0;
    flow.attempt.packet(packet.side, packet.flags, has_payload);
    if flow.stage == Stage::Decided {
        if has_payload {
            flow.attempt.data_behind_handshake(packet.side);
        }
    } else if flow.attempt.saw_start() {
        if packet.flags.has(TcpFlags::SYN) {
            flow.set_start(packet.side, packet.sequence.wrapping_add(1));
        }
        // What a SYN's answer acknowledges, or the first acknowledgment of one, is where the other side begins.
        if packet.flags.has(TcpFlags::ACK) && !packet.flags.has(TcpFlags::RST) {
            flow.set_start(packet.side.other(), packet.acknowledgment);
        }
    }
}
