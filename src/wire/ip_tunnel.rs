//! What an IP packet may carry that is itself a packet: by its protocol number, or by a UDP port.
//!
//! A UDP port alone proves nothing, as anybody may use it: the header behind it must be one that the
//! tunnel's specification allows, and an IP packet must lie behind that, or it is an ordinary flow.

use super::encap::{Layer, Next};
use super::net::Ip;
use super::packet::{Family, PacketView, Transport, protocol};
use super::transport;
use super::tunnel::Kind;
use super::{gre, gtpu, l2tp, teredo, vxlan};

/// RFC 7348 4.1; the port that Linux used before, and flannel does still; draft-ietf-nvo3-vxlan-gpe.
const VXLAN: u16 = 4789;
const VXLAN_LINUX: u16 = 8472;
const VXLAN_GPE: u16 = 4790;
/// RFC 8926 3.3.
const GENEVE: u16 = 6081;
/// 3GPP TS 29.281 4.4.2.
const GTP_U: u16 = 2152;
/// RFC 2661 8.1.
const L2TP: u16 = 1701;
/// RFC 4380 2.7.
const TEREDO: u16 = 3544;
/// RFC 7510 5.
const MPLS: u16 = 6635;

/// Whether a datagram between these ports may be a tunnel. Asked for every datagram: nearly all are told by the
/// first comparison, as both their ports lie outside the range. The others are kept out of line, where they take no
/// registers from the fast path.
#[inline]
pub fn is_tunnel_port(source: u16, destination: u16) -> bool {
    const RANGE: std::ops::RangeInclusive<u16> = L2TP..=VXLAN_LINUX;
    (RANGE.contains(&source) || RANGE.contains(&destination)) && is_known_port(source, destination)
}

#[cold]
#[inline(never)]
fn is_known_port(source: u16, destination: u16) -> bool {
    udp_tunnel(source, destination).is_some()
}

type Step = fn(&mut Layer<'_>) -> Option<Next>;

/// A tunnel is named by the port it is sent to; in L2TP and Teredo an answer goes to any port.
fn udp_tunnel(source: u16, destination: u16) -> Option<Step> {
    let sent_to: Option<Step> = match destination {
        VXLAN | VXLAN_LINUX => Some(vxlan::vxlan),
        VXLAN_GPE => Some(vxlan::generic),
        GENEVE => Some(vxlan::geneve),
        GTP_U => Some(gtpu::peel),
        MPLS => Some(mpls),
        L2TP => Some(l2tp::over_udp),
        TEREDO => Some(teredo::peel),
        _ => None,
    };
    sent_to.or(match source {
        L2TP => Some(l2tp::over_udp),
        TEREDO => Some(teredo::peel),
        _ => None,
    })
}

/// Whether it is worth looking for a tunnel behind this header.
#[inline]
pub fn may_carry(ip: &Ip, layer: &Layer<'_>) -> bool {
    match ip.protocol {
        protocol::TCP | protocol::ICMP | protocol::ICMPV6 => false,
        protocol::UDP => transport::ports(protocol::UDP, layer.rest())
            .is_some_and(|(source, destination)| is_tunnel_port(source, destination)),
        _ => true,
    }
}

/// Takes off the header of the tunnel that the packet carries, if it carries one.
pub fn enter(packet: &PacketView<'_>, layer: &mut Layer<'_>) -> Option<Next> {
    if let Transport::Udp { source, destination } = packet.transport {
        return udp_tunnel(source, destination)?(layer);
    }
    match packet.protocol {
        protocol::IPV4 | protocol::IPV6 => ip_in_ip(packet, layer),
        protocol::GRE => gre::peel(layer),
        protocol::L2TP => l2tp::over_ip(layer),
        protocol::MPLS => mpls(layer),
        protocol::ETHERIP => etherip(layer),
        protocol::ETHERNET => {
            layer.enter(Kind::EtherIp, None)?;
            Some(Next::Ethernet)
        }
        _ => None,
    }
}

fn ip_in_ip(packet: &PacketView<'_>, layer: &mut Layer<'_>) -> Option<Next> {
    let kind = match (layer.nibble()?, packet.protocol, packet.family) {
        (4, protocol::IPV4, Family::V4) => Kind::FourInFour,
        (4, protocol::IPV4, Family::V6) => Kind::FourInSix,
        (6, protocol::IPV6, Family::V4) => Kind::SixInFour,
        (6, protocol::IPV6, Family::V6) => Kind::SixInSix,
        _ => return None,
    };
    layer.enter(kind, None)?;
    Some(Next::Ip)
}

/// RFC 3378 3: version 3, twelve bits of zero, an Ethernet frame.
fn etherip(layer: &mut Layer<'_>) -> Option<Next> {
    const HEADER: [u8; 2] = [0x30, 0];
    if layer.header()? != HEADER {
        return None;
    }
    layer.enter(Kind::EtherIp, None)?;
    Some(Next::Ethernet)
}

/// The labels themselves are the tunnel.
fn mpls(_: &mut Layer<'_>) -> Option<Next> {
    Some(Next::Mpls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{FLOW, INNER, ethernet, ipv4, peeled, told, unpeeled};

    #[test]
    fn every_port_is_in_the_range_asked_first() {
        let ports: Vec<u16> = (0..=u16::MAX).filter(|&port| udp_tunnel(1, port).is_some()).collect();
        assert_eq!(ports, [1701, 2152, 3544, 4789, 4790, 6081, 6635, 8472]);
        for port in ports {
            assert!(is_tunnel_port(50000, port));
        }
        assert!(is_tunnel_port(L2TP, 50000) && is_tunnel_port(TEREDO, 50000));
        // VXLAN chooses its source port by a hash of what is inside: one that looks like a tunnel's is none.
        assert!(!is_tunnel_port(VXLAN, 50000) && !is_tunnel_port(53, 50000));
    }

    /// A SYN of TLS from nDPI's 4in6tunnel.pcap, less its options.
    const FOUR_IN_SIX: &str = "000102ba768e00000049f48786dd 60000000 0028 04 3f 22e01685eda738cc58bdf3f1aa3f22d8
        344aba94152aac34000000000000002a 450000287bf040007f06ab1f c0a80001 0a0a0a01
        fbc701bbdfe13e82000000005002ffff7ea50000";
    /// An echo request from Arkime's ipv6-in-ipv4.pcap, its data cut short.
    const SIX_IN_FOUR: &str = "c20142020000c200420200000800 4500004400090000ff29a7510a0000010a000002
        6000000000083a40 20010db8000000010000000000000001 20010db8000000010000000000000002 80007e8f18dc0000";

    #[test]
    fn ip_in_ip() {
        let (text, flow) = peeled(1, FOUR_IN_SIX);
        assert_eq!(
            (text.as_str(), flow.as_str()),
            ("4in6", "6 192.168.0.1:64455 > 10.10.10.1:443")
        );
        let (text, flow) = peeled(1, SIX_IN_FOUR);
        assert_eq!(
            (text.as_str(), flow.as_str()),
            ("6in4", "58 2001:db8:0:1::1 > 2001:db8:0:1::2")
        );
        // A version that is not the protocol's is no tunnel.
        let lie = FOUR_IN_SIX.replace("0028 04 3f", "0028 29 3f");
        assert_eq!(
            unpeeled(1, &lie),
            "41 22e0:1685:eda7:38cc:58bd:f3f1:aa3f:22d8 > 344a:ba94:152a:ac34::2a"
        );
    }

    #[test]
    fn as_deep_as_the_cap_and_no_deeper() {
        let ip = |total: u8, protocol: u8, last: u8| {
            format!("450000{total:02x}0000000040{protocol:02x}0000 0a0000{last:02x} 0a0001{last:02x}")
        };
        let nested = |tunnels: u8| {
            let mut frame = ethernet("0800");
            for n in (1..=tunnels).rev() {
                frame += &ip(28 + 20 * n, 4, n);
            }
            frame + &ip(28, 17, 0) + "c0de c0df 0008 0000"
        };
        assert_eq!(
            peeled(1, &nested(2)),
            ("ipip,ipip".into(), "17 10.0.0.0:49374 > 10.0.1.0:49375".into())
        );
        assert_eq!(peeled(1, &nested(4)).1, "17 10.0.0.0:49374 > 10.0.1.0:49375");
        // The fifth is not entered: the packet that carries it is the flow.
        assert_eq!(
            peeled(1, &nested(5)),
            ("ipip,ipip,ipip,ipip".into(), "4 10.0.0.1 > 10.0.1.1".into())
        );
    }

    #[test]
    fn ethernet_in_ip() {
        let frame = ethernet(&format!("0800 {INNER}"));
        assert_eq!(peeled(1, &ipv4(97, &format!("3000 {frame}"))), told("etherip", FLOW));
        assert_eq!(peeled(1, &ipv4(143, &frame)), told("etherip", FLOW));
        assert_eq!(
            unpeeled(1, &ipv4(97, &format!("3001 {frame}"))),
            "97 10.9.0.1 > 10.9.0.2"
        );
    }

    #[test]
    fn authentication_around_a_tunnel() {
        let header = |next: &str| format!("{next} 04 0000 00000007 00000001 {}", "00".repeat(12));
        let frame = ipv4(51, &format!("{} {INNER}", header("04")));
        assert_eq!(peeled(1, &frame), told("ipip", FLOW));
        let encrypted = ipv4(50, "00000007 00000001 0102030405060708");
        assert_eq!(unpeeled(1, &encrypted), "50 10.9.0.1 > 10.9.0.2");
    }
}
