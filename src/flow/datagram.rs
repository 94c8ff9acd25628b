//! What reassembly may use and what it answers: a datagram put together, or pieces that did not
//! become one.

use crate::flow::pieces::Reason;
use crate::flow::stamp::Stamp;
use crate::wire::decode::whole;
use crate::wire::packet::{Family, PacketView, Transport};

/// How much a [`Reassembler`](super::fragment::Reassembler) may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Datagrams under way.
    pub datagrams: usize,
    /// Memory of all of them, bookkeeping included.
    pub bytes: usize,
    /// From the first piece's time on.
    pub age_ns: u64,
}

impl Default for FragmentLimits {
    fn default() -> Self {
        FragmentLimits {
            datagrams: 4096,
            bytes: 16 << 20,
            age_ns: 30_000_000_000,
        }
    }
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// More pieces are wanted.
    Waiting,
    /// It was the last one missing.
    Complete(Datagram<'a>),
    /// Its datagram will never be put together; it leaves as [`Abandoned`].
    Refused(Reason),
}

/// A datagram put together. [`whole`] makes a packet of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The IP payload, up to the first byte that was not captured.
    pub payload: &'a [u8],
    /// Bytes from there to the end.
    pub cut: u32,
    /// The protocol that the first piece names.
    pub protocol: u8,
    pub packets: u32,
    /// Sum of the pieces' `ip_length`.
    pub bytes: u64,
    pub first: Stamp,
    pub last: Stamp,
}

impl<'a> Datagram<'a> {
    /// The packet that `piece`, which completed this datagram, was the last piece of.
    pub fn view(&self, piece: &PacketView<'_>) -> PacketView<'a> {
        let bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        whole(piece, self.protocol, self.payload, self.cut, bytes)
    }
}

/// Pieces that did not become a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abandoned {
    pub family: Family,
    pub source: u128,
    pub destination: u128,
    pub protocol: u8,
    pub tunnel: u64,
    pub packets: u32,
    pub bytes: u64,
    pub first: Stamp,
    pub last: Stamp,
    /// Source and destination, if the first piece came and shows them.
    pub ports: Option<(u16, u16)>,
    /// The first piece came cut by the snaplen, so the datagram could only have been had in part.
    pub first_cut: bool,
    pub fate: Fate,
}

/// Why pieces did not become a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Some of them had not come when its time was over, or the input.
    Incomplete,
    /// It was the oldest when a cap was met.
    Evicted,
    Refused(Reason),
}

/// What became of the pieces of an input. Every datagram is counted once, in the input that its first piece is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FragmentCounts {
    /// Pieces in this input, without second captures of one.
    pub pieces: u64,
    pub joined: u64,
    /// Refused: two pieces claim the same bytes.
    pub overlap: u64,
    /// Refused: two pieces disagree about the end, or it lies beyond the longest packet there can be.
    pub invalid: u64,
    pub incomplete: u64,
    pub evicted: u64,
}

impl FragmentCounts {
    /// Datagrams that never became whole.
    pub fn abandoned(&self) -> u64 {
        self.overlap + self.invalid + self.incomplete + self.evicted
    }

    pub fn add(&mut self, more: &FragmentCounts) {
        self.pieces += more.pieces;
        self.joined += more.joined;
        self.overlap += more.overlap;
        self.invalid += more.invalid;
        self.incomplete += more.incomplete;
        self.evicted += more.evicted;
    }

    pub(super) fn of_fate(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Incomplete => &mut self.incomplete,
            Fate::Evicted | Fate::Refused(Reason::Budget) => &mut self.evicted,
            Fate::Refused(Reason::Overlap) => &mut self.overlap,
            Fate::Refused(Reason::End | Reason::TooLong) => &mut self.invalid,
        }
    }
}

/// The protocol and the ports that a first piece shows.
pub(super) fn shown(first: &PacketView<'_>) -> (u8, Option<(u16, u16)>) {
    let packet = whole(first, first.protocol, first.payload, first.cut, 0);
    let ports = match packet.transport {
        Transport::Tcp {
            source, destination, ..
        }
        | Transport::Udp { source, destination }
        | Transport::Sctp { source, destination } => Some((source, destination)),
        Transport::Icmp { .. } | Transport::None => None,
    };
    (packet.protocol, ports)
}
