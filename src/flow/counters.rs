//! The part of a flow that every packet touches: two cache lines.

use super::attempt::Attempt;
use super::expiry::Awaits;
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
    Dns,
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
    starts_known: u8,
    pub attempt: Attempt,
    pub stage: Stage,
    pub datagrams: DatagramKind,
    /// Who sent the first packet.
    pub sender: Side,
    /// It left before its time, for want of room.
    pub evicted: bool,
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
    pub fn new(key: FlowKey, sender: Side, at: Stamp) -> FlowHot {
        FlowHot {
            key,
            first: at,
            last: at,
            bytes: [0; 2],
            packets: [0; 2],
            starts: [0; 2],
            starts_known: 0,
            attempt: Attempt::default(),
            stage: Stage::ExpectPayload,
            datagrams: DatagramKind::Plain,
            sender,
            evicted: false,
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
            DatagramKind::Dns => Awaits::DnsAnswer,
        }
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
        let bit = 1 << side.index();
        if self.starts_known & bit == 0 {
            self.starts_known |= bit;
            self.starts[side.index()] = sequence;
        }
    }

    pub fn start(&self, side: Side) -> Option<u32> {
        (self.starts_known & 1 << side.index() != 0).then_some(self.starts[side.index()])
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
