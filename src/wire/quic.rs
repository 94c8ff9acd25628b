//! QUIC on the wire: the packets of a datagram, as far as their headers can be read without keys.
//!
//! A datagram holds one packet, or several behind each other (RFC 9000, section 12.2). Only long
//! headers say what they are; whatever follows a short header belongs to it.
//!
//! ```text
//! long:     0 first   1 version (4)   5 length and destination id   length and source id   ...
//! Initial:  ...  varint and token   varint length   packet number (1-4, protected)   payload and tag
//! 0-RTT, Handshake:               ...   varint length   packet number (1-4, protected)   payload and tag
//! Retry, Version Negotiation:     ...   to the datagram's end
//! ```
//!
//! The fields up to the connection ids are the same in all versions, for ever (RFC 8999).

use super::cursor::Cursor;
use super::gquic::ClearPacket;
use super::quic_version::{Dialect, QuicVersion};

/// RFC 9000, section 17.2: an id of version 1 is at most 20 bytes long.
pub const MAX_CONNECTION_ID: usize = 20;
/// RFC 9000, section 7.2: the id that a client makes up for its first packets is at least 8 bytes long.
pub const MIN_FIRST_ID: usize = 8;

/// Set in the first byte of a long header.
const LONG_HEADER: u8 = 0x80;
/// The packet type's two bits in the first byte.
const TYPE_MASK: u8 = 0x30;
const TYPE_SHIFT: u32 = 4;

/// What a packet with a long header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    Negotiation,
    /// Of a version whose packets we don't know.
    Unknown,
}

impl Kind {
    fn of(first: u8, dialect: Dialect) -> Kind {
        match dialect {
            Dialect::Negotiation => return Kind::Negotiation,
            Dialect::Unknown | Dialect::GoogleClear => return Kind::Unknown,
            _ => {}
        }
        let number = (first & TYPE_MASK) >> TYPE_SHIFT;
        // RFC 9369, section 3.2: version 2 counts the same types from Retry.
        let number = match dialect {
            Dialect::V2 | Dialect::V2Draft01 => number.wrapping_sub(1) & 3,
            _ => number,
        };
        match number {
            0 => Kind::Initial,
            // Nobody answers in a reserved version: there is nothing behind the client's first packets.
            _ if dialect == Dialect::Reserved => Kind::Unknown,
            1 => Kind::ZeroRtt,
            2 => Kind::Handshake,
            _ => Kind::Retry,
        }
    }
}

/// A packet with a long header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongPacket<'a> {
    pub kind: Kind,
    pub version: QuicVersion,
    pub destination: &'a [u8],
    pub source: &'a [u8],
    pub body: Body<'a>,
}

/// A connection id, kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionId {
    length: u8,
    bytes: [u8; MAX_CONNECTION_ID],
}

/// What follows the connection ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    Sealed(Sealed<'a>),
    /// It ends earlier than its lengths say.
    Short,
    /// Everything to the datagram's end.
    Rest(&'a [u8]),
}

/// A protected packet, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// From the first byte of the header to the last of the tag.
    pub packet: &'a [u8],
    /// Bytes in front of the packet number.
    pub number_at: usize,
    /// Of an Initial: what a server's Retry, or an earlier connection, gave the client.
    pub token: &'a [u8],
}

/// One step through a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    Long(LongPacket<'a>),
    /// A packet of the connection's own keys: the rest of the datagram.
    OneRtt,
    /// Bytes that are no packet, or a header that ends too early.
    Broken,
}

/// The packets of a datagram, in order.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: Cursor<'a>,
}

impl<'a> Packets<'a> {
    pub fn new(datagram: &'a [u8]) -> Self {
        Packets {
            rest: Cursor::new(datagram),
        }
    }

    /// Nothing can follow.
    fn end(&mut self, packet: Packet<'a>) -> Option<Packet<'a>> {
        self.rest = Cursor::new(&[]);
        Some(packet)
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        const FIXED_BIT: u8 = 0x40;
        let first = *self.rest.rest().first()?;
        if first & LONG_HEADER == 0 {
            // Zeros behind the last packet are padding that some senders use; a short header has the fixed bit.
            let packet = match first & FIXED_BIT {
                0 => Packet::Broken,
                _ => Packet::OneRtt,
            };
            return self.end(packet);
        }
        let Some((packet, rest)) = long_packet(self.rest) else {
            return self.end(Packet::Broken);
        };
        self.rest = rest;
        Some(Packet::Long(packet))
    }
}

/// Whether a datagram's first bytes are a QUIC connection's: a long header of a version we know, a version nobody uses
/// (a client asking for negotiation), a Version Negotiation, or Google's header before it.
pub fn looks_like_quic(datagram: &[u8]) -> bool {
    let Some(Packet::Long(packet)) = Packets::new(datagram).next() else {
        return ClearPacket::parse(datagram).is_some();
    };
    match packet.version.dialect() {
        Dialect::Unknown => false,
        Dialect::GoogleClear => ClearPacket::parse(datagram).is_some(),
        Dialect::Reserved => packet.destination.len() >= MIN_FIRST_ID,
        Dialect::Negotiation => match packet.body {
            Body::Rest(list) => versions(list).any(|v| v.dialect() != Dialect::Unknown),
            _ => false,
        },
        _ => true,
    }
}

/// The list in a Version Negotiation packet (RFC 9000, section 17.2.1).
pub fn versions(list: &[u8]) -> impl Iterator<Item = QuicVersion> {
    let mut rest = Cursor::new(list);
    std::iter::from_fn(move || rest.u32().map(QuicVersion))
}

/// A variable-length integer (RFC 9000, section 16): the first two bits give its length, as a power of two.
#[inline]
pub fn varint(c: &mut Cursor<'_>) -> Option<u64> {
    const VALUE: u8 = 0x3f;
    let first = c.u8()?;
    let more = (1usize << (first >> 6)) - 1;
    let rest = c.take(more)?;
    let high = u64::from(first & VALUE);
    Some(rest.iter().fold(high, |n, b| n << 8 | u64::from(*b)))
}

impl ConnectionId {
    /// Longer than an id may be: cut, which no header that was read is.
    pub fn of(id: &[u8]) -> ConnectionId {
        let mut bytes = [0; MAX_CONNECTION_ID];
        for (to, from) in bytes.iter_mut().zip(id) {
            *to = *from;
        }
        let length = id.len().min(MAX_CONNECTION_ID) as u8;
        ConnectionId { length, bytes }
    }

    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

/// Reads one packet and returns what follows it.
fn long_packet(whole: Cursor<'_>) -> Option<(LongPacket<'_>, Cursor<'_>)> {
    let mut c = whole;
    let first = c.u8()?;
    let version = QuicVersion(c.u32()?);
    let dialect = version.dialect();
    if dialect == Dialect::GoogleClear {
        // The lengths of its ids are written otherwise; nothing else is read here.
        let body = Body::Rest(c.rest());
        return Some((long(Kind::Unknown, version, &[], &[], body), Cursor::new(&[])));
    }
    let destination = c.vector8()?.rest();
    let source = c.vector8()?.rest();
    if destination.len().max(source.len()) > MAX_CONNECTION_ID {
        return None;
    }
    let kind = Kind::of(first, dialect);
    let (body, rest) = match kind {
        Kind::Retry | Kind::Negotiation | Kind::Unknown => (Body::Rest(c.rest()), Cursor::new(&[])),
        Kind::Initial | Kind::ZeroRtt | Kind::Handshake => match sealed(whole, &mut c, kind) {
            Some(packet) => (Body::Sealed(packet), c),
            None => (Body::Short, Cursor::new(&[])),
        },
    };
    Some((long(kind, version, destination, source, body), rest))
}

fn long<'a>(
    kind: Kind,
    version: QuicVersion,
    destination: &'a [u8],
    source: &'a [u8],
    body: Body<'a>,
) -> LongPacket<'a> {
    LongPacket {
        kind,
        version,
        destination,
        source,
        body,
    }
}

/// The fields of a protected packet behind its ids; moves `c` behind the packet.
fn sealed<'a>(whole: Cursor<'a>, c: &mut Cursor<'a>, kind: Kind) -> Option<Sealed<'a>> {
    let token = match kind {
        Kind::Initial => {
            let length = varint(c)?;
            c.take(usize::try_from(length).ok()?)?
        }
        _ => &[],
    };
    // RFC 9000, section 17.2: the length is that of the packet number and the payload.
    let length = usize::try_from(varint(c)?).ok()?;
    let number_at = whole.left() - c.left();
    c.take(length)?;
    let packet = { whole }.take(number_at + length)?;
    Some(Sealed {
        packet,
        number_at,
        token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Handshake packet of version 1 with ids of 2 and 1 bytes, 5 bytes long behind its length.
    const HANDSHAKE: &[u8] = &[0xe0, 0, 0, 0, 1, 2, 7, 8, 1, 9, 5, 1, 2, 3, 4, 5];
    /// An Initial of version 2 with a token of 3 bytes, 4 bytes long behind its length.
    const INITIAL_V2: &[u8] = &[0xd0, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 3, 1, 1, 1, 0x40, 4, 1, 2, 3, 4];

    fn kinds(datagram: &[u8]) -> Vec<Option<Kind>> {
        let kind = |packet| match packet {
            Packet::Long(packet) => Some(packet.kind),
            _ => None,
        };
        Packets::new(datagram).map(kind).collect()
    }

    #[test]
    fn packets_follow_each_other() {
        let datagram = [INITIAL_V2, HANDSHAKE, &[0x40, 1, 2, 3]].concat();
        let packets: Vec<_> = Packets::new(&datagram).collect();
        let initial = LongPacket {
            kind: Kind::Initial,
            version: QuicVersion::V2,
            destination: &[],
            source: &[],
            body: Body::Sealed(Sealed {
                packet: INITIAL_V2,
                number_at: 13,
                token: &[1, 1, 1],
            }),
        };
        let handshake = LongPacket {
            kind: Kind::Handshake,
            version: QuicVersion::V1,
            destination: &[7, 8],
            source: &[9],
            body: Body::Sealed(Sealed {
                packet: HANDSHAKE,
                number_at: 11,
                token: &[],
            }),
        };
        assert_eq!(
            packets,
            [Packet::Long(initial), Packet::Long(handshake), Packet::OneRtt]
        );
    }

    #[test]
    fn a_packet_that_ends_too_early_says_what_it_is() {
        for length in 0..HANDSHAKE.len() {
            let datagram = [INITIAL_V2, &HANDSHAKE[..length]].concat();
            let second = Packets::new(&datagram).nth(1);
            match (length, second) {
                (0, None) | (1..10, Some(Packet::Broken)) => {}
                (10.., Some(Packet::Long(packet))) => {
                    assert_eq!((packet.kind, packet.body), (Kind::Handshake, Body::Short));
                }
                other => panic!("{other:?}"),
            }
        }
        // Padding behind the last packet.
        assert_eq!(kinds(&[HANDSHAKE, &[0; 9]].concat()).len(), 2);
    }

    #[test]
    fn types_are_numbered_by_the_version() {
        let packet = |first: u8, version: QuicVersion| {
            let [a, b, c, d] = version.0.to_be_bytes();
            let ids_and_lengths = [0; 4];
            kinds(&[&[first, a, b, c, d][..], &ids_and_lengths].concat())[0]
        };
        let types = [Kind::Initial, Kind::ZeroRtt, Kind::Handshake, Kind::Retry];
        for (n, kind) in (0u8..).zip(types) {
            assert_eq!(packet(0xc0 | n << 4, QuicVersion::V1), Some(kind));
            let in_v2 = 0xc0 | ((n + 1) & 3) << 4;
            assert_eq!(packet(in_v2, QuicVersion::V2), Some(kind));
        }
        assert_eq!(packet(0x80, QuicVersion(0)), Some(Kind::Negotiation));
        let reserved = QuicVersion(0x1a2a_3a4a);
        assert_eq!(packet(0xc0, reserved), Some(Kind::Initial));
        assert_eq!(packet(0xf0, reserved), Some(Kind::Unknown));
        assert_eq!(packet(0xc0, QuicVersion(5)), Some(Kind::Unknown));
    }

    #[test]
    fn ids_longer_than_twenty_bytes_are_none_of_ours() {
        let mut datagram = vec![0xc0, 0, 0, 0, 1, 21];
        datagram.extend([0; 40]);
        assert_eq!(kinds(&datagram), [None]);
    }

    #[test]
    fn integers_are_as_long_as_they_say() {
        // RFC 9000, appendix A.1.
        let cases: [(&[u8], u64); 5] = [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in cases {
            assert_eq!(varint(&mut Cursor::new(bytes)), Some(value));
            let short = bytes.split_last().unwrap().1;
            assert_eq!(varint(&mut Cursor::new(short)), None);
        }
    }
}
