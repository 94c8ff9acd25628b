//! Single Ethernet frames by hand. Checksums are left 0: nothing may be dropped for one.

use std::net::{Ipv4Addr, SocketAddr};

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

/// What stands in a TCP header beside the ports.
#[derive(Clone, Copy)]
pub struct Segment {
    pub flags: u8,
    pub sequence: u32,
    pub acknowledgment: u32,
}

/// Appends a frame with a TCP segment to `out`.
pub fn tcp(out: &mut Vec<u8>, from: SocketAddr, to: SocketAddr, segment: Segment, payload: &[u8]) {
    ip(out, from, to, TCP, 20 + payload.len());
    out.extend_from_slice(&from.port().to_be_bytes());
    out.extend_from_slice(&to.port().to_be_bytes());
    out.extend_from_slice(&segment.sequence.to_be_bytes());
    out.extend_from_slice(&segment.acknowledgment.to_be_bytes());
    out.extend_from_slice(&[5 << 4, segment.flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    out.extend_from_slice(payload);
}

/// Appends a frame with a UDP datagram to `out`.
pub fn udp(out: &mut Vec<u8>, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
    ip(out, from, to, UDP, 8 + payload.len());
    out.extend_from_slice(&udp_header(from, to, payload));
    out.extend_from_slice(payload);
}

/// Appends a frame of that EtherType to `out`.
pub fn link(out: &mut Vec<u8>, ethertype: u16, payload: &[u8]) {
    ethernet(out, ethertype);
    out.extend_from_slice(payload);
}

/// Appends a frame with an IPv4 packet of that protocol to `out`.
pub fn packet(out: &mut Vec<u8>, from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) {
    ethernet(out, 0x0800);
    ipv4(out, from, to, protocol, payload.len(), 0, DONT_FRAGMENT);
    out.extend_from_slice(payload);
}

/// A UDP datagram without anything below it, for [`fragment`].
pub fn udp_datagram(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    [&udp_header(from, to, payload)[..], payload].concat()
}

fn udp_header(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> [u8; 8] {
    let [a, b] = from.port().to_be_bytes();
    let [c, d] = to.port().to_be_bytes();
    let [e, f] = (8 + payload.len() as u16).to_be_bytes();
    [a, b, c, d, e, f, 0, 0]
}

/// Where a piece of a UDP datagram belongs.
#[derive(Clone, Copy)]
pub struct Place {
    pub identification: u16,
    /// In bytes, a multiple of 8.
    pub offset: u16,
    pub more: bool,
}

/// Appends a frame with a piece of a UDP datagram to `out`.
pub fn fragment(out: &mut Vec<u8>, from: Ipv4Addr, to: Ipv4Addr, place: Place, piece: &[u8]) {
    let flags = if place.more { MORE_FRAGMENTS } else { 0 };
    let field = flags | (place.offset / 8);
    ethernet(out, 0x0800);
    ipv4(out, from, to, UDP, piece.len(), place.identification, field);
    out.extend_from_slice(piece);
}

/// Appends a router's ICMP "destination unreachable" to `out`, quoting a TCP packet that `from` had sent to `to`.
pub fn unreachable(out: &mut Vec<u8>, router: Ipv4Addr, from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), code: u8) {
    const QUOTED: usize = 20 + 8;
    ethernet(out, 0x0800);
    ipv4(out, router, from.0, ICMP, 8 + QUOTED, 0, 0);
    out.extend_from_slice(&[3, code, 0, 0, 0, 0, 0, 0]);
    ipv4(out, from.0, to.0, TCP, 20, 0, DONT_FRAGMENT);
    out.extend_from_slice(&from.1.to_be_bytes());
    out.extend_from_slice(&to.1.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
}

fn ip(out: &mut Vec<u8>, from: SocketAddr, to: SocketAddr, protocol: u8, length: usize) {
    match (from, to) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            ethernet(out, 0x0800);
            ipv4(out, *from.ip(), *to.ip(), protocol, length, 0, DONT_FRAGMENT);
        }
        (SocketAddr::V6(from), SocketAddr::V6(to)) => {
            ethernet(out, 0x86dd);
            out.extend_from_slice(&0x6000_0000_u32.to_be_bytes());
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.extend_from_slice(&[protocol, 64]);
            out.extend_from_slice(&from.ip().octets());
            out.extend_from_slice(&to.ip().octets());
        }
        _ => panic!("two families in one packet"),
    }
}

fn ethernet(out: &mut Vec<u8>, ethertype: u16) {
    out.extend_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    out.extend_from_slice(&ethertype.to_be_bytes());
}

fn ipv4(out: &mut Vec<u8>, from: Ipv4Addr, to: Ipv4Addr, protocol: u8, length: usize, identification: u16, field: u16) {
    out.extend_from_slice(&[0x45, 0]);
    out.extend_from_slice(&(20 + length as u16).to_be_bytes());
    out.extend_from_slice(&identification.to_be_bytes());
    out.extend_from_slice(&field.to_be_bytes());
    out.extend_from_slice(&[64, protocol, 0, 0]);
    out.extend_from_slice(&from.octets());
    out.extend_from_slice(&to.octets());
}
