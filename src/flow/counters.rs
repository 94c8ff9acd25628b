//! The part of a flow that every packet touches: two cache lines.

use super::attempt::Attempt;
use super::expiry::{Awaits, SECOND};
use super::key::{FlowKey, Side};
use super::stamp::Stamp;
use super::table::Keyed;
use crate::wire::packet::protocol;

/// How far a flow's probing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// No payload seen yet.
    ExpectPayload,
    /// A probe is at work.
    Probing,
    /// Nothing more is to be learnt: counters only.
    Decided,
    /// It has left its table: its record waits to become a row.
    Departed,
}

/// What a datagram flow is, as far as its timeout depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DatagramKind {
    Plain,
    Quic,
    /// A question to one resolver.
    Dns,
    /// A question to everybody, which nobody has to answer.
    Multicast,
}

/// How a flow left its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Its time was over, or the input.
    InTime,
    /// Before its time, for want of room.
    Evicted,
    /// Its ports were used again within [`FlowHot::SOON`] of its last packet.
    ReplacedSoon,
    /// Its ports were used again later, before its time was over.
    Replaced,
}

/// A flow's counters and state.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub struct FlowHot {
    pub key: FlowKey,
    pub first: Stamp,
    pub last: Stamp,
    pub bytes: [u64; 2],
    pub packets: [u32; 2],
    /// Sequence number of each side's first byte, where a SYN or its answer told it.
    starts: [u32; 2],
    /// Places in the input from the first packet to the one in which a failure was seen, see [`FlowHot::note_failure`].
    failure: u32,
    pub attempt: Attempt,
    pub stage: Stage,
    pub datagrams: DatagramKind,
    /// Who sent the first packet.
    pub sender: Side,
    pub exit: Exit,
    /// Where the rest of the flow is kept, 0 for nowhere: see the shard.
    pub cold: u32,
}

impl Keyed for FlowHot {
    type Key = FlowKey;
    #[inline]
    fn key(&self) -> &FlowKey {
        &self.key
    }
}

impl FlowHot {
    /// A capture that goes on for less than this behind a packet may have missed its answer.
    pub const SOON: u64 = 3 * SECOND;

    pub fn new(key: FlowKey, sender: Side, at: Stamp) -> FlowHot {
        FlowHot {
            key,
            first: at,
            last: at,
            bytes: [0; 2],
            packets: [0; 2],
            starts: [0; 2],
            failure: 0,
            attempt: Attempt::default(),
            stage: Stage::ExpectPayload,
            datagrams: DatagramKind::Plain,
            sender,
            exit: Exit::InTime,
            cold: 0,
        }
    }

    /// What the flow waits for now.
    #[inline]
    pub fn awaits(&self) -> Awaits {
        if self.key.protocol == protocol::TCP {
            return self.attempt.awaits();
        }
        match self.datagrams {
            DatagramKind::Plain => Awaits::Datagram,
            DatagramKind::Quic => Awaits::QuicDatagram,
            DatagramKind::Dns if self.packets[0] == 0 || self.packets[1] == 0 => Awaits::Answer,
            DatagramKind::Dns | DatagramKind::Multicast => Awaits::DnsAnswer,
        }
    }

    /// Notes where a failure was seen: what is asked first stands, unless `anew`. One further away than four bytes can say, or
    /// in another input, has no place.
    pub fn note_failure(&mut self, at: Stamp, anew: bool) {
        if self.failure == 0 || anew {
            self.failure = u32::try_from(at.seq.saturating_sub(self.first.seq)).unwrap_or(0);
        }
    }

    /// What failed went on after all.
    pub fn forget_failure(&mut self) {
        self.failure = 0;
    }

    /// Where a failure was seen; with no time.
    pub fn failure(&self) -> Option<Stamp> {
        (self.failure != 0).then(|| Stamp {
            seq: self.first.seq + u64::from(self.failure),
            ns: 0,
        })
    }

    /// When the flow's time is over if no packet comes.
    #[inline]
    pub fn deadline(&self) -> u64 {
        self.last.ns.saturating_add(self.awaits().linger())
    }

    /// Whether a packet at `ns` comes too late to belong to this flow.
    #[inline]
    pub fn is_over_at(&self, ns: u64) -> bool {
        ns.saturating_sub(self.last.ns) > Awaits::SHORTEST && ns > self.deadline()
    }

    /// Notes where a side's stream begins; the first word stands.
    #[inline]
    pub fn set_start(&mut self, side: Side, sequence: u32) {
        if self.attempt.note_start(side) {
            self.starts[side.index()] = sequence;
        }
    }

    pub fn start(&self, side: Side) -> Option<u32> {
        self.attempt.knows_start(side).then_some(self.starts[side.index()])
    }

    pub fn starts(&self) -> [Option<u32>; 2] {
        [self.start(Side::Lo), self.start(Side::Hi)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_two_cache_lines() {
        assert_eq!(size_of::<FlowHot>(), 128);
        assert_eq!(size_of::<Option<FlowHot>>(), 128);
    }
}
