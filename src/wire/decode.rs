//! A frame in, a [`PacketView`] out.
//!
//! Nearly every frame of nearly every capture is Ethernet (or Linux's cooked header, or nothing) around a plain TCP or
//! UDP packet: those
//! are read by fixed offsets (`fast`). All others are peeled layer by layer ([`by_steps`]), which
//! answers the same, only slower. What is no IP packet is counted by its reason ([`Undecoded`]).

use super::encap::{Layer, Next};
use super::fast;
use super::ip_tunnel;
use super::link::{self, LinkType};
use super::mpls;
use super::net::{self, Ip};
use super::packet::{PacketView, Transport};
use super::ppp;
use super::transport;
use super::tunnel::Tunnels;
pub use super::undecoded::Undecoded;

/// Decodes one frame. `wire` is its length on the wire, `captured` what was captured of it.
///
/// On the hot path match on a reference to the answer: a view that is moved out of it is copied in wide loads of fields
/// that were just stored one by one, which stalls (8 ns a packet became 12).
#[inline]
pub fn decode<'a>(link: LinkType, captured: &'a [u8], wire: u32) -> Result<PacketView<'a>, Undecoded> {
    match fast::common(link, captured, wire) {
        Some(view) => Ok(view),
        None => by_steps(link, captured, wire),
    }
}

/// Decodes any frame, one layer after the other. [`decode`] calls it; public so that the two ways can be compared.
#[inline(never)]
pub fn by_steps<'a>(link: LinkType, captured: &'a [u8], wire: u32) -> Result<PacketView<'a>, Undecoded> {
    let mut layer = Layer::new(captured, wire);
    let next = link::peel(link, &mut layer)?;
    let ip = descend(next, &mut layer)?;
    // Asked before the view is made: one that is looked at first and handed on then costs as much as all the rest.
    if ip_tunnel::may_carry(&ip, &layer) {
        return Ok(opened(ip, layer).0);
    }
    Ok(view(ip, &layer))
}

/// Decodes any frame, and tells which tunnels were peeled off: asked for when a packet begins a flow.
pub fn peeled<'a>(link: LinkType, captured: &'a [u8], wire: u32) -> Result<(PacketView<'a>, Tunnels), Undecoded> {
    let mut layer = Layer::new(captured, wire);
    let ip = descend_apart(Next::Link(link), &mut layer)?;
    Ok(opened(ip, layer))
}

/// A header that carries addresses, by where in the frame it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Ethernet(usize),
    Ip(usize),
}

/// The headers with addresses on the way to a packet, outermost first.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    list: [Place; Places::MAX],
    count: usize,
}

impl Places {
    /// Two for each tunnel and for the frame itself; should there be more, they are not all told.
    pub const MAX: usize = 2 * (Tunnels::MAX + 2);

    pub fn as_slice(&self) -> &[Place] {
        self.list.get(..self.count).unwrap_or(&[])
    }

    fn note(&mut self, next: Next, link_is_ethernet: bool, frame: &[u8], layer: &Layer<'_>) {
        let at = (layer.rest().as_ptr() as usize).wrapping_sub(frame.as_ptr() as usize);
        let place = match next {
            Next::Ip => Place::Ip(at),
            Next::Ethernet => Place::Ethernet(at),
            Next::Link(_) if link_is_ethernet => Place::Ethernet(at),
            _ => return,
        };
        // What was cut off has no place.
        if at < frame.len()
            && let Some(slot) = self.list.get_mut(self.count)
        {
            *slot = place;
            self.count += 1;
        }
    }
}

/// Decodes any frame, and tells where the headers stand that carry addresses: for those who replace them.
pub fn places<'a>(link: LinkType, captured: &'a [u8], wire: u32) -> Result<(PacketView<'a>, Places), Undecoded> {
    let mut places = Places {
        list: [Place::Ip(0); Places::MAX],
        count: 0,
    };
    let mut layer = Layer::new(captured, wire);
    let ip = descend_noting(Next::Link(link), &mut layer, captured, &mut places)?;
    let (mut packet, mut tunnels) = (view_apart(ip, &layer), layer.tunnels);
    while packet.fragment.is_none() {
        let before = places.count;
        let mut layer = Layer::inside(&packet, tunnels);
        let next = ip_tunnel::enter(&packet, &mut layer);
        let ip = next.and_then(|next| descend_noting(next, &mut layer, captured, &mut places).ok());
        let Some(ip) = ip else {
            // What only looked like a tunnel.
            places.count = before;
            break;
        };
        (packet, tunnels) = (view_apart(ip, &layer), layer.tunnels);
    }
    Ok((packet, places))
}

fn descend_noting(mut next: Next, layer: &mut Layer<'_>, frame: &[u8], places: &mut Places) -> Result<Ip, Undecoded> {
    loop {
        places.note(next, next == Next::Link(LinkType::ETHERNET), frame, layer);
        next = match next {
            Next::EtherType(number) => link::ethertype(number, layer)?,
            Next::Ip => return net::peel(layer),
            rare => step(rare, layer)?,
        };
    }
}

#[inline(never)]
fn opened<'a>(ip: Ip, layer: Layer<'a>) -> (PacketView<'a>, Tunnels) {
    open(view_apart(ip, &layer), layer.tunnels)
}

/// The packet inside the tunnels that `packet` carries, as deep as they can be read; `tunnels` are those around it.
///
/// What only looked like a tunnel, is damaged, cut, encrypted, or carries no IP leaves the packet that carries it.
pub fn open(mut packet: PacketView<'_>, mut tunnels: Tunnels) -> (PacketView<'_>, Tunnels) {
    // Every turn enters a tunnel, of which there are no more than the list has room for.
    while packet.fragment.is_none() {
        let mut layer = Layer::inside(&packet, tunnels);
        let ip = ip_tunnel::enter(&packet, &mut layer).and_then(|next| descend_apart(next, &mut layer).ok());
        let Some(ip) = ip else { break };
        (packet, tunnels) = (view_apart(ip, &layer), layer.tunnels);
    }
    (packet, tunnels)
}

/// Peels layers off until an IP packet lies open, and takes its header off too.
#[inline(always)]
fn descend(mut next: Next, layer: &mut Layer<'_>) -> Result<Ip, Undecoded> {
    loop {
        // Every arm takes bytes off or ends the loop; encapsulations are further arms.
        next = match next {
            Next::EtherType(number) => link::ethertype(number, layer)?,
            Next::Ip => return net::peel(layer),
            rare => layer.aside(|layer| step(rare, layer))?,
        };
    }
}

/// The same for those who are not in a hurry.
#[inline(never)]
fn descend_apart(next: Next, layer: &mut Layer<'_>) -> Result<Ip, Undecoded> {
    descend(next, layer)
}

/// The layers that are not in every frame.
#[inline(never)]
fn step(next: Next, layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    match next {
        Next::Link(link) => link::peel(link, layer),
        Next::Ethernet => link::ethernet(layer),
        Next::Ppp => ppp::peel(layer),
        Next::Mpls => mpls::peel(layer),
        Next::EtherType(_) | Next::Ip => Ok(next),
    }
}

/// The packet that its pieces make. `piece` is any of them, `protocol` the first one's, `payload` the IP payload put
/// together, of which `cut` bytes at the end were not captured, and `ip_length` the sum over the pieces. Should it carry
/// a tunnel, [`open`] goes into it.
pub fn whole<'a>(piece: &PacketView<'_>, protocol: u8, payload: &'a [u8], cut: u32, ip_length: u32) -> PacketView<'a> {
    let mut layer = Layer::new(payload, (payload.len() as u32).saturating_add(cut));
    layer.vlans = piece.vlans;
    // A datagram of IPv6 may carry extension headers that were cut in pieces along with the payload.
    let (protocol, nested) = net::extensions(piece.family, protocol, &mut layer);
    let ip = Ip {
        family: piece.family,
        source: piece.source,
        destination: piece.destination,
        protocol,
        length: ip_length,
        identification: piece.identification,
        hops: piece.hops,
        fragment: nested,
    };
    // Pieces of a piece are never put together again: they are a packet without ports.
    PacketView {
        fragment: None,
        tunnel: piece.tunnel,
        tunnelled: piece.tunnelled,
        ..view_apart(ip, &layer)
    }
}

#[inline(always)]
fn view<'a>(ip: Ip, layer: &Layer<'a>) -> PacketView<'a> {
    let (transport, payload, cut) = match ip.fragment {
        None => transport::parse(ip.protocol, layer.rest(), layer.cut()),
        // The reassembler needs the first piece as raw as the others.
        Some(_) => (Transport::None, layer.rest(), layer.cut()),
    };
    PacketView {
        family: ip.family,
        source: ip.source,
        destination: ip.destination,
        protocol: ip.protocol,
        ip_length: ip.length,
        identification: ip.identification,
        hops: ip.hops,
        fragment: ip.fragment,
        transport,
        payload,
        cut,
        vlans: layer.vlans,
        tunnel: layer.tunnels.identity(),
        tunnelled: !layer.tunnels.is_empty(),
    }
}

#[inline(never)]
fn view_apart<'a>(ip: Ip, layer: &Layer<'a>) -> PacketView<'a> {
    view(ip, layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::{Family, FragmentPlace};

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect()
    }

    /// Decoded as a whole frame, both ways alike.
    fn decoded(link: LinkType, frame: &[u8]) -> PacketView<'_> {
        let view = decode(link, frame, frame.len() as u32).unwrap();
        assert_eq!(by_steps(link, frame, frame.len() as u32), Ok(view));
        view
    }

    fn udp(source: u16, destination: u16) -> Transport {
        Transport::Udp { source, destination }
    }

    const ETHERNET: &str = "020000000002 020000000001";
    /// `hello` over loopback on Linux, from the IP header on.
    const V4: &str = "45000021 76f04000 4011c5d9 7f000001 7f000001 e03d 270f 000d fe20 68656c6c6f";
    const V6: &str = "60 0fb828 000d 11 40 0000000000000000 0000000000000001
        0000000000000000 0000000000000001 9579 270f 000d 0020 68656c6c6f";

    #[test]
    fn hello_behind_every_link_header() {
        let sll = "0000 0304 0006 000000000000 0000";
        let sll2 = "0000 00000001 0304 00 06 0000000000000000";
        for (link, v4, v6) in [
            (
                LinkType::ETHERNET,
                format!("{ETHERNET} 0800"),
                format!("{ETHERNET} 86dd"),
            ),
            (LinkType::LINUX_SLL, format!("{sll} 0800"), format!("{sll} 86dd")),
            (LinkType::LINUX_SLL2, format!("0800 {sll2}"), format!("86dd {sll2}")),
            (LinkType::NULL, "02000000".into(), "1e000000".into()),
            (LinkType::NULL, "00000002".into(), "0000001c".into()),
            (LinkType::LOOP, "00000002".into(), "00000018".into()),
            (LinkType::RAW, String::new(), String::new()),
            (LinkType::RAW_BSD, String::new(), String::new()),
            (LinkType::RAW_OPENBSD, String::new(), String::new()),
            (LinkType::IPV4, String::new(), String::new()),
            (LinkType::IPV6, String::new(), String::new()),
        ] {
            let frame = bytes(&(v4 + V4));
            let view = decoded(link, &frame);
            assert_eq!((view.family, view.transport), (Family::V4, udp(57405, 9999)));
            assert_eq!((view.source, view.ip_length), (0x7f00_0001, 33));
            assert_eq!((view.payload, view.cut), (&b"hello"[..], 0));

            let frame = bytes(&(v6 + V6));
            let view = decoded(link, &frame);
            assert_eq!((view.family, view.transport), (Family::V6, udp(38265, 9999)));
            assert_eq!((view.destination, view.ip_length), (1, 53));
            assert_eq!((view.payload, view.cut), (&b"hello"[..], 0));
        }
    }

    #[test]
    fn tags_and_llc_lead_to_the_same_packet() {
        for (header, vlans) in [
            ("8100 6064 0800", &[100][..]),
            ("88a8 0005 8100 0064 0800", &[5, 100]),
            ("9100 0005 9100 0006 8100 0007 8100 0008 0800", &[5, 6, 7, 8]),
            ("0029 aaaa03 000000 0800", &[]),
            ("8100 0064 0029 aaaa03 000000 0800", &[100]),
            ("0024 060603", &[]),
        ] {
            let frame = bytes(&format!("{ETHERNET} {header} {V4}"));
            let view = decoded(LinkType::ETHERNET, &frame);
            assert_eq!(view.vlans.as_slice(), vlans, "{header}");
            assert_eq!((view.transport, view.payload), (udp(57405, 9999), &b"hello"[..]));
        }
        let frame = bytes(&format!(
            "{ETHERNET} 8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 0800 {V4}"
        ));
        assert_eq!(decode(LinkType::ETHERNET, &frame, 100), Err(Undecoded::VlanDepth));
    }

    #[test]
    fn padding_never_counts() {
        let frame = bytes(&format!("{ETHERNET} 0800 {V4} 00000000 0000000000 deadbeef"));
        let view = decoded(LinkType::ETHERNET, &frame);
        assert_eq!((view.payload, view.ip_length), (&b"hello"[..], 33));
    }

    #[test]
    fn a_length_of_zero_is_the_wire_length_less_the_link_header() {
        let v4 = V4.replacen("0021", "0000", 1).replace("000d", "0000");
        let frame = bytes(&format!("{ETHERNET} 8100 0001 0800 {v4}"));
        let view = decode(LinkType::ETHERNET, &frame, 9018).unwrap();
        assert_eq!((view.ip_length, view.cut), (9000, 9000 - 33));
        assert_eq!(view.payload, b"hello");
    }

    #[test]
    fn what_the_snaplen_took_is_counted() {
        let frame = bytes(&format!("{ETHERNET} 0800 {V4}"));
        let cut = |captured: usize| decode(LinkType::ETHERNET, &frame[..captured], 47);
        let view = cut(44).unwrap();
        assert_eq!((view.payload, view.cut), (&b"he"[..], 3));
        let view = cut(38).unwrap();
        assert_eq!((view.transport, view.payload.len()), (udp(57405, 9999), 0));
        let view = cut(37).unwrap();
        assert_eq!((view.transport, view.protocol), (Transport::None, 17));
        assert_eq!((view.ip_length, view.cut), (33, 10));
        assert_eq!(cut(33), Err(Undecoded::Short));
        assert_eq!(cut(13), Err(Undecoded::Short));
    }

    #[test]
    fn pieces_are_raw_and_the_whole_has_its_ports() {
        // Destination options went into the pieces along with the UDP header.
        let options = "11 00 01 04 00000000";
        let v6 = V6.replacen("000d 11", "0010 2c", 1).replace(
            "9579 270f 000d 0020 68656c6c6f",
            &format!("3c00 0001 00000009 {options}"),
        );
        let frame = bytes(&format!("{ETHERNET} 86dd {v6}"));
        let first = decoded(LinkType::ETHERNET, &frame);
        let place = FragmentPlace {
            identification: 9,
            offset: 0,
            more: true,
        };
        assert_eq!((first.fragment, first.protocol), (Some(place), 60));
        assert_eq!((first.transport, first.payload.len()), (Transport::None, 8));

        let datagram = bytes(&format!("{options} 9579 270f 000d 0020 68656c6c6f"));
        let packet = whole(&first, first.protocol, &datagram, 0, 117);
        assert_eq!((packet.transport, packet.protocol), (udp(38265, 9999), 17));
        assert_eq!((packet.payload, packet.fragment), (&b"hello"[..], None));
        assert_eq!((packet.ip_length, packet.source), (117, first.source));
    }

    #[test]
    fn no_next_header_has_no_transport() {
        let v6 = V6.replacen("000d 11", "0000 3b", 1);
        let frame = bytes(&format!("{ETHERNET} 86dd {v6}"));
        let view = decoded(LinkType::ETHERNET, &frame);
        assert_eq!((view.transport, view.ip_length), (Transport::None, 40));
        assert!(view.payload.is_empty());
    }
}
