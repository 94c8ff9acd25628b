//! What the two formats have in common: walking whole records in bytes that are at hand.
//!
//! ```text
//!  bytes at hand    [ record | record | record | rec ]
//!                     frame    frame    frame    ^ Walked::Upto: not whole, walked again with more bytes
//! ```

use std::fmt;

use crate::engine::epoch::{Frame, InputFacts};
use crate::source::described::Described;
use crate::source::pcap_file::PcapFile;
use crate::source::pcapng_file::PcapngFile;

/// Longest record or block that is believed. More is damage, not a packet.
pub const MAX_RECORD: u32 = 16 << 20;

/// Where frames and facts go.
pub struct Out<'a> {
    pub ordinal: u32,
    /// Where in the epoch the bytes at hand begin.
    pub base: usize,
    pub frames: &'a mut Vec<Frame>,
    pub facts: &'a mut InputFacts,
}

/// How far a walk came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walked {
    /// Every whole record before this offset was taken; the record that begins there is not whole.
    Upto(usize),
    /// Nothing behind this point can be believed.
    Broken(Damage),
}

/// What a broken file claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    RecordLength { record: u64, claims: u32 },
    BlockLength { claims: u32 },
    BlockLengths { first: u32, second: u32 },
    BlockTooShort { kind: u32 },
    PacketLength { packet: u64, claims: u32 },
    UnknownInterface { packet: u64, interface: u32 },
    TooManyInterfaces,
    ByteOrder,
    Version { major: u16, minor: u16 },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Damage::RecordLength { record, claims } => {
                write!(f, "record {record} claims {claims} bytes")
            }
            Damage::BlockLength { claims } => write!(f, "a block claims {claims} bytes"),
            Damage::BlockLengths { first, second } => {
                write!(f, "a block claims {first} bytes at its front and {second} at its end")
            }
            Damage::BlockTooShort { kind } => {
                write!(f, "a block of type {kind:#x} is too short for its fields")
            }
            Damage::PacketLength { packet, claims } => {
                write!(f, "packet {packet} claims {claims} bytes, more than its block holds")
            }
            Damage::UnknownInterface { packet, interface } => write!(
                f,
                "packet {packet} is of interface {interface}, which was not described"
            ),
            Damage::TooManyInterfaces => write!(f, "a section describes too many interfaces"),
            Damage::ByteOrder => write!(f, "a section header without a byte order"),
            Damage::Version { major, minor } => {
                write!(f, "a section of the unknown version {major}.{minor}")
            }
        }
    }
}

/// What is missing where a file ends in the middle of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// `record` or `block`.
    pub unit: &'static str,
    pub wants: u32,
    pub there: usize,
    /// The missing bytes are of the record's header.
    pub in_header: bool,
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tail { unit, wants, there, .. } = self;
        if self.in_header {
            write!(f, "the last {unit}'s header wants {wants} bytes, {there} are there")
        } else {
            write!(f, "the last {unit} wants {wants} bytes, {there} are there")
        }
    }
}

/// One of the two formats.
pub enum Walker {
    Pcap(PcapFile),
    Pcapng(Box<PcapngFile>),
}

impl Walker {
    /// Takes every whole record of `bytes`.
    pub fn walk(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Walked {
        match self {
            Walker::Pcap(pcap) => pcap.walk(bytes, out),
            Walker::Pcapng(pcapng) => pcapng.walk(bytes, out),
        }
    }

    /// Describes the piece of a record with which the input ends.
    pub fn tail(&self, bytes: &[u8]) -> Tail {
        match self {
            Walker::Pcap(pcap) => pcap.tail(bytes),
            Walker::Pcapng(pcapng) => pcapng.tail(bytes),
        }
    }

    /// The pcap file, if it is one.
    pub fn pcap(&mut self) -> Option<&mut PcapFile> {
        match self {
            Walker::Pcap(pcap) => Some(pcap),
            Walker::Pcapng(_) => None,
        }
    }

    /// The interfaces met so far; of a pcap file the one that its header stands for.
    pub fn described(&self) -> &[Described] {
        match self {
            Walker::Pcap(pcap) => pcap.described(),
            Walker::Pcapng(pcapng) => pcapng.described(),
        }
    }

    /// Packets taken so far.
    pub fn packets(&self) -> u64 {
        match self {
            Walker::Pcap(pcap) => pcap.packets(),
            Walker::Pcapng(pcapng) => pcapng.packets(),
        }
    }
}
