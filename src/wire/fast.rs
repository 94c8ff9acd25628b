//! The common packet by fixed offsets: Ethernet, at most one VLAN tag (or a cooked header, or none), an IP header without
//! options, extensions or fragments, and a whole TCP or UDP header of no tunnel.
//!
//! Whatever is not exactly that gives `None` and takes the steps of [`decode`](super::decode),
//! which answer the same for these packets too: a property test holds the two together.
//!
//! Every header is taken as an array first. The compiler then knows its size, and the cursor's
//! checks inside it vanish. All of it becomes part of its caller, so that the view is never built in memory: the scan
//! takes from it what it needs.

use super::cursor::Cursor;
use super::ip_tunnel;
use super::link::{LinkType, ethertype};
use super::net::{FRAGMENT_BITS, IPV4_LENGTH, IPV6_LENGTH};
use super::packet::{Family, PacketView, TcpFields, TcpFlags, Transport, Vlans, protocol};
use super::transport::{TCP_LENGTH, UDP_LENGTH};

const ETHERNET_LENGTH: usize = 14;
const TAG_LENGTH: usize = 4;
const COOKED_LENGTH: usize = 16;
/// Version 4, header length 5.
const PLAIN_IPV4: u8 = 0x45;

/// Decodes a frame if it is a common one.
#[inline(always)]
pub fn common(link: LinkType, captured: &[u8], wire: u32) -> Option<PacketView<'_>> {
    match link {
        LinkType::ETHERNET => ethernet(captured, wire),
        LinkType::LINUX_SLL => cooked(captured, wire),
        LinkType::RAW => raw(captured, wire),
        _ => None,
    }
}

/// An Ethernet frame.
#[inline(always)]
fn ethernet(captured: &[u8], wire: u32) -> Option<PacketView<'_>> {
    let mut rest = Cursor::new(captured);
    let missing = (wire as usize).saturating_sub(captured.len());
    let [.., a, b] = rest.array::<ETHERNET_LENGTH>()?;
    let mut number = u16::from_be_bytes([a, b]);
    let mut vlans = Vlans::default();
    if number == ethertype::VLAN {
        let [tag_high, tag_low, a, b] = rest.array::<TAG_LENGTH>()?;
        vlans.push(u16::from_be_bytes([tag_high, tag_low]));
        number = u16::from_be_bytes([a, b]);
    }
    let wire = rest.left() + missing;
    match number {
        ethertype::IPV4 => ipv4(rest, wire, vlans),
        ethertype::IPV6 => ipv6(rest, wire, vlans),
        _ => None,
    }
}

/// The same behind the cooked header of Linux: what listening to all interfaces gives.
#[inline(always)]
fn cooked(captured: &[u8], wire: u32) -> Option<PacketView<'_>> {
    let mut rest = Cursor::new(captured);
    let missing = (wire as usize).saturating_sub(captured.len());
    let [.., a, b] = rest.array::<COOKED_LENGTH>()?;
    let wire = rest.left() + missing;
    match u16::from_be_bytes([a, b]) {
        ethertype::IPV4 => ipv4(rest, wire, Vlans::default()),
        ethertype::IPV6 => ipv6(rest, wire, Vlans::default()),
        _ => None,
    }
}

/// The same without a link header: what a tunnel's own interface gives.
#[inline(always)]
fn raw(captured: &[u8], wire: u32) -> Option<PacketView<'_>> {
    let rest = Cursor::new(captured);
    let wire = captured.len().max(wire as usize);
    match captured.first()? >> 4 {
        4 => ipv4(rest, wire, Vlans::default()),
        6 => ipv6(rest, wire, Vlans::default()),
        _ => None,
    }
}

/// `wire`: bytes on the wire from the IP header on.
#[inline(always)]
fn ipv4(mut rest: Cursor<'_>, wire: usize, vlans: Vlans) -> Option<PacketView<'_>> {
    let header = rest.array::<IPV4_LENGTH>()?;
    let mut c = Cursor::new(&header);
    let [version_length, _] = c.array()?;
    let length = usize::from(c.u16()?);
    let identification = c.u16()?;
    let place = c.u16()?;
    let [hops, protocol, _, _] = c.array()?;
    if version_length != PLAIN_IPV4 || place & FRAGMENT_BITS != 0 || length < IPV4_LENGTH {
        return None;
    }
    let view = PacketView {
        family: Family::V4,
        source: u128::from(c.u32()?),
        destination: u128::from(c.u32()?),
        protocol,
        ip_length: length as u32,
        identification,
        hops,
        fragment: None,
        transport: Transport::None,
        payload: &[],
        cut: 0,
        vlans,
        tunnel: 0,
        tunnelled: false,
    };
    transport(view, rest, (length - IPV4_LENGTH).min(wire - IPV4_LENGTH))
}

#[inline(always)]
fn ipv6(mut rest: Cursor<'_>, wire: usize, vlans: Vlans) -> Option<PacketView<'_>> {
    let header = rest.array::<IPV6_LENGTH>()?;
    let mut c = Cursor::new(&header);
    let [version_class, _, _, _] = c.array()?;
    let length = usize::from(c.u16()?);
    let [protocol, hops] = c.array()?;
    if version_class >> 4 != Family::V6 as u8 || length == 0 {
        return None;
    }
    let view = PacketView {
        family: Family::V6,
        source: u128::from_be_bytes(c.array()?),
        destination: u128::from_be_bytes(c.array()?),
        protocol,
        ip_length: (IPV6_LENGTH + length) as u32,
        identification: 0,
        hops,
        fragment: None,
        transport: Transport::None,
        payload: &[],
        cut: 0,
        vlans,
        tunnel: 0,
        tunnelled: false,
    };
    transport(view, rest, length.min(wire - IPV6_LENGTH))
}

/// `on_wire`: bytes of the IP payload on the wire.
#[inline(always)]
fn transport<'a>(mut view: PacketView<'a>, mut rest: Cursor<'a>, on_wire: usize) -> Option<PacketView<'a>> {
    let captured = on_wire.min(rest.left());
    let mut body = rest.sub(captured)?;
    match view.protocol {
        protocol::TCP => {
            let header = body.array::<TCP_LENGTH>()?;
            let mut c = Cursor::new(&header);
            let [source, destination] = [c.u16()?, c.u16()?];
            let [sequence, acknowledgment] = [c.u32()?, c.u32()?];
            let [offset, flags] = c.array()?;
            body.take((usize::from(offset >> 4) * 4).checked_sub(TCP_LENGTH)?)?;
            view.transport = Transport::Tcp {
                source,
                destination,
                fields: TcpFields {
                    sequence,
                    acknowledgment,
                    flags: TcpFlags(flags),
                },
            };
        }
        protocol::UDP => {
            let header = body.array::<UDP_LENGTH>()?;
            let mut c = Cursor::new(&header);
            let [source, destination] = [c.u16()?, c.u16()?];
            if usize::from(c.u16()?) != on_wire || ip_tunnel::is_tunnel_port(source, destination) {
                return None;
            }
            view.transport = Transport::Udp { source, destination };
        }
        _ => return None,
    }
    view.payload = body.rest();
    view.cut = (on_wire - captured) as u32;
    Some(view)
}
