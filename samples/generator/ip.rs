//! IPv4 and IPv6 packets, whole or in fragments, and what they carry: UDP, TCP, ICMP.

use std::net::{IpAddr, SocketAddr};

use super::bytes::Out;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMPV6: u8 = 58;
const IPV6_FRAGMENT: u8 = 44;

/// The packet to be made.
pub struct Packet {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub hops: u8,
    /// IPv4 identification, and the fragments' identification.
    pub id: u16,
    pub payload: Vec<u8>,
}

/// What is written wrongly on purpose, or in pieces.
#[derive(Clone, Copy, Default)]
pub struct Spoil {
    /// The length field is 0, as a capture before segmentation offload shows it.
    pub zero_length: bool,
    /// The IPv4 header checksum is left 0, as before checksum offload.
    pub no_checksum: bool,
    /// Payload bytes a fragment (a multiple of 8).
    pub fragment: Option<usize>,
    /// So many bytes of the fragment before are in the next one too (a multiple of 8).
    pub overlap: usize,
}

impl Packet {
    /// The bytes of the packet, or of its fragments in order.
    pub fn write(&self, spoil: Spoil) -> Vec<Vec<u8>> {
        let whole = self.payload.len();
        let piece = match spoil.fragment {
            Some(size) if whole > size => size,
            _ => return vec![self.piece(&self.payload, None, spoil)],
        };
        self.payload
            .chunks(piece)
            .enumerate()
            .map(|(index, bytes)| {
                let end = index * piece + bytes.len();
                let offset = (index * piece).saturating_sub(spoil.overlap);
                let bytes = &self.payload[offset..end];
                self.piece(bytes, Some((offset as u16, end < whole)), spoil)
            })
            .collect()
    }

    fn piece(&self, payload: &[u8], place: Option<(u16, bool)>, spoil: Spoil) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let dont_fragment = 0x4000;
                let total = if spoil.zero_length {
                    0
                } else {
                    20 + payload.len() as u16
                };
                let mut out = Out::default();
                out.u8(0x45).u8(0).u16(total).u16(self.id);
                out.u16(place.map_or(dont_fragment, |(offset, more)| (u16::from(more) << 13) | (offset / 8)));
                out.u8(self.hops).u8(self.protocol).u16(0);
                out.bytes(&source.octets()).bytes(&destination.octets());
                if !spoil.no_checksum {
                    let sum = checksum(&[&out.0]).to_be_bytes();
                    out.0[10..12].copy_from_slice(&sum);
                }
                out.bytes(payload);
                out.0
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let extension = if place.is_some() { 8 } else { 0 };
                let length = if spoil.zero_length {
                    0
                } else {
                    extension + payload.len() as u16
                };
                let first = if place.is_some() { IPV6_FRAGMENT } else { self.protocol };
                let mut out = Out::default();
                out.u32(0x6000_0000).u16(length).u8(first).u8(self.hops);
                out.bytes(&source.octets()).bytes(&destination.octets());
                if let Some((offset, more)) = place {
                    out.u8(self.protocol).u8(0).u16(offset | u16::from(more));
                    out.u32(u32::from(self.id));
                }
                out.bytes(payload);
                out.0
            }
            _ => unreachable!("the interpreter pairs addresses of one family"),
        }
    }
}

pub fn udp(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut out = Out::default();
    out.u16(source.port()).u16(destination.port());
    out.u16(8 + payload.len() as u16).u16(0).bytes(payload);
    fill_checksum(&mut out.0, 6, source.ip(), destination.ip(), UDP);
    out.0
}

/// A TCP header and its payload.
pub struct Segment<'a> {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    pub payload: &'a [u8],
    /// The checksum field is written wrongly, as before checksum offload.
    pub wrong_checksum: bool,
}

pub mod flag {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
}

impl Segment<'_> {
    pub fn write(&self) -> Vec<u8> {
        // Only a SYN carries options: MSS 1460, SACK permitted, window scale 7.
        let options: &[u8] = match self.flags & flag::SYN {
            0 => &[],
            _ => &[2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7],
        };
        let mut out = Out::default();
        out.u16(self.source.port()).u16(self.destination.port());
        out.u32(self.sequence).u32(self.acknowledgment);
        out.u8(((20 + options.len() as u8) / 4) << 4).u8(self.flags);
        out.u16(if self.flags & flag::RST != 0 { 0 } else { 64240 });
        out.u16(0).u16(0).bytes(options).bytes(self.payload);
        let (source, destination) = (self.source.ip(), self.destination.ip());
        fill_checksum(&mut out.0, 16, source, destination, TCP);
        if self.wrong_checksum {
            out.0[16] ^= 0x5a;
        }
        out.0
    }
}

/// An ICMP message, `rest` being the second word of its header.
pub fn icmp(source: IpAddr, destination: IpAddr, kind: u8, code: u8, rest: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Out::default();
    out.u8(kind).u8(code).u16(0).u32(rest).bytes(body);
    if source.is_ipv6() {
        fill_checksum(&mut out.0, 2, source, destination, ICMPV6);
    } else {
        let sum = checksum(&[&out.0]).to_be_bytes();
        out.0[2..4].copy_from_slice(&sum);
    }
    out.0
}

/// Writes the checksum over pseudo header and message at `at`.
fn fill_checksum(message: &mut [u8], at: usize, source: IpAddr, destination: IpAddr, protocol: u8) {
    let mut pseudo = Out::default();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => pseudo.bytes(&address.octets()),
            IpAddr::V6(address) => pseudo.bytes(&address.octets()),
        };
    }
    pseudo.u32(message.len() as u32).u32(u32::from(protocol));
    let sum = match checksum(&[&pseudo.0, message]) {
        0 => 0xffff,
        sum => sum,
    };
    message[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet checksum (RFC 1071); all parts but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u32;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
