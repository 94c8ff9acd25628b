//! One decoded packet, borrowed from the frame it came in.
//!
//! The decoder peels link headers, VLAN tags and IP extension headers and leaves what the rest of
//! flowsift needs: who, to whom, which transport, and where the payload is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which Internet Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    V4 = 4,
    V6 = 6,
}

impl Family {
    /// Address bits (see [`address_bits`]) back to an address.
    #[inline]
    pub fn address(self, bits: u128) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        }
    }
}

/// An address as a number, in the order people sort them: IPv4 in the low 32 bits.
#[inline]
pub fn address_bits(ip: IpAddr) -> (Family, u128) {
    match ip {
        IpAddr::V4(a) => (Family::V4, u128::from(a.to_bits())),
        IpAddr::V6(a) => (Family::V6, a.to_bits()),
    }
}

/// IP protocol numbers that flowsift looks into (IANA "Assigned Internet Protocol Numbers").
pub mod protocol {
    pub const ICMP: u8 = 1;
    /// RFC 2003: IP in IP.
    pub const IPV4: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    /// RFC 4213 3.5: IPv6 in IPv4; RFC 2473: in IPv6.
    pub const IPV6: u8 = 41;
    pub const GRE: u8 = 47;
    pub const ICMPV6: u8 = 58;
    pub const NO_NEXT_HEADER: u8 = 59;
    /// RFC 3378.
    pub const ETHERIP: u8 = 97;
    pub const L2TP: u8 = 115;
    pub const SCTP: u8 = 132;
    /// RFC 4023.
    pub const MPLS: u8 = 137;
    /// RFC 8986 10.1: an Ethernet frame.
    pub const ETHERNET: u8 = 143;
}

/// The VLAN ids peeled off, outermost first. More than fit are not decoded (see the decoder's cap).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vlans {
    ids: [u16; Vlans::MAX],
    count: u8,
}

impl Vlans {
    pub const MAX: usize = 4;

    /// Adds an id (the low 12 bits of a tag); false when there is no room.
    pub fn push(&mut self, id: u16) -> bool {
        let Some(slot) = self.ids.get_mut(usize::from(self.count)) else {
            return false;
        };
        *slot = id & 0x0fff;
        self.count += 1;
        true
    }

    pub fn as_slice(&self) -> &[u16] {
        self.ids.get(..usize::from(self.count)).unwrap_or(&[])
    }
}

/// Where a fragment sits in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentPlace {
    /// Identification, 16 bits in IPv4, 32 in IPv6.
    pub identification: u32,
    /// Offset of this piece in the datagram's payload, in bytes.
    pub offset: u32,
    /// More pieces follow.
    pub more: bool,
}

/// The TCP header's fields that a flow's state depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFields {
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: TcpFlags,
}

/// The flag byte of a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;

    #[inline]
    pub fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// What stands above the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `payload` starts behind the TCP header.
    Tcp {
        source: u16,
        destination: u16,
        fields: TcpFields,
    },
    /// `payload` starts behind the UDP header.
    Udp { source: u16, destination: u16 },
    /// ICMP or ICMPv6; `payload` starts behind the 8 bytes of its header (for an error: the quoted packet).
    Icmp { kind: u8, code: u8 },
    /// SCTP; `payload` starts behind its common header.
    Sctp { source: u16, destination: u16 },
    /// Another protocol, a fragment, or a header that the capture cut off: no ports.
    /// `payload` is the IP payload.
    None,
}

/// One decoded packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketView<'a> {
    pub family: Family,
    /// Address bits as [`address_bits`] gives them.
    pub source: u128,
    pub destination: u128,
    /// The protocol number above IP and its extension headers.
    pub protocol: u8,
    /// Bytes of the IP layer on the wire: the header's own length, or, where that is 0 (TSO), the wire length
    /// less the link header. Ethernet padding never counts.
    pub ip_length: u32,
    /// IPv4's identification, by which two captures of one packet are told from a retransmission; 0 in IPv6.
    pub identification: u16,
    /// How many routers more it may pass: time to live, in IPv6 the hop limit.
    pub hops: u8,
    /// Set for a piece of a datagram (never for an IPv6 atomic fragment).
    pub fragment: Option<FragmentPlace>,
    pub transport: Transport,
    /// The captured bytes above the transport header; link padding is not among them.
    pub payload: &'a [u8],
    /// Bytes of the payload that were on the wire but were not captured (snaplen). In a fragment also those that its
    /// header claims beyond the wire length: the other pieces' offsets count on them.
    pub cut: u32,
    pub vlans: Vlans,
    /// 0, or a hash of the tunnels peeled off (their kinds and ids): part of a flow's identity.
    pub tunnel: u64,
    /// Tunnels were peeled off, be they part of the identity or not; [`peeled`](super::decode::peeled) tells which.
    pub tunnelled: bool,
}

impl PacketView<'_> {
    /// The same packet, its payload elsewhere.
    pub fn over(self, payload: &[u8]) -> PacketView<'_> {
        PacketView {
            family: self.family,
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            ip_length: self.ip_length,
            identification: self.identification,
            hops: self.hops,
            fragment: self.fragment,
            transport: self.transport,
            payload,
            cut: self.cut,
            vlans: self.vlans,
            tunnel: self.tunnel,
            tunnelled: self.tunnelled,
        }
    }
}
