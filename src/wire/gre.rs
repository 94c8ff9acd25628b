//! GRE, and what is built on it: ERSPAN, NVGRE, PPTP, WCCP.
//!
//! ```text
//! 0 flags and version  2 EtherType  [4 checksum, reserved: C]  [key: K]  [sequence: S]      (RFC 2784, RFC 2890)
//! version 1 (PPTP): the key is payload length and call id;  [acknowledgment: A]            (RFC 2637 4.1)
//! ERSPAN II   0 version and VLAN  2 class, session id (10 bits)  4 reserved, port index    (8 bytes)
//! ERSPAN III  0 version and VLAN  2 class, session id  4 time  8 group  10 frame type, O   (12 bytes, 20 with O)
//! ```
//!
//! ERSPAN I has no header of its own; that GRE carries no sequence number tells it from II. (The
//! layouts: draft-foschiano-erspan-03 section 4.)

use super::encap::{Layer, Next};
use super::tunnel::Kind;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

const PPP: u16 = 0x880b;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const BRIDGED: u16 = super::link::ethertype::BRIDGED;
const WCCP: u16 = 0x883e;

/// Takes a GRE header off, and the one that it announces.
pub fn peel(layer: &mut Layer<'_>) -> Option<Next> {
    let [f0, f1, p0, p1] = layer.header()?;
    let (flags, protocol) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
    match (flags & VERSION, protocol) {
        (0, _) => plain(flags, protocol, layer),
        (1, PPP) => pptp(flags, layer),
        _ => None,
    }
}

fn plain(flags: u16, protocol: u16, layer: &mut Layer<'_>) -> Option<Next> {
    // RFC 2784 2.3: a packet with a routing field, which RFC 1701 had, is discarded by those who don't know it.
    if flags & ROUTING != 0 {
        return None;
    }
    if flags & CHECKSUM != 0 {
        layer.header::<4>()?;
    }
    let key = match flags & KEY {
        0 => None,
        _ => Some(u32::from_be_bytes(layer.header()?)),
    };
    if flags & SEQUENCE != 0 {
        layer.header::<4>()?;
    }
    match protocol {
        ERSPAN if flags & SEQUENCE == 0 => {
            layer.enter(Kind::Erspan, None)?;
            Some(Next::Ethernet)
        }
        ERSPAN | ERSPAN_III => erspan(layer),
        BRIDGED => bridged(flags, key, layer),
        WCCP => wccp(layer),
        PPP => {
            layer.enter(Kind::Gre, key)?;
            Some(Next::Ppp)
        }
        _ => {
            layer.enter(Kind::Gre, key)?;
            Some(Next::EtherType(protocol))
        }
    }
}

fn erspan(layer: &mut Layer<'_>) -> Option<Next> {
    const IP: u8 = 2;
    let [version, _, s0, s1, _, _, _, _] = layer.header()?;
    let session = u32::from(u16::from_be_bytes([s0, s1]) & 0x03ff);
    let next = match version >> 4 {
        1 => Next::Ethernet,
        2 => {
            let [_, _, frame, optional] = layer.header()?;
            if optional & 1 != 0 {
                layer.header::<8>()?;
            }
            match frame >> 2 & 0x1f {
                0 => Next::Ethernet,
                IP => Next::Ip,
                _ => return None,
            }
        }
        _ => return None,
    };
    layer.enter(Kind::Erspan, Some(session))?;
    Some(next)
}

/// An Ethernet frame. RFC 7637 3.2: in NVGRE there is a key and nothing else, 24 bits of which are the virtual subnet,
/// 0x1000 at least; the rest only spreads the load and is no part of any identity.
fn bridged(flags: u16, key: Option<u32>, layer: &mut Layer<'_>) -> Option<Next> {
    const SUBNET_LEAST: u32 = 0x1000;
    match key {
        Some(key) if flags == KEY && key >> 8 >= SUBNET_LEAST => layer.enter(Kind::Nvgre, Some(key >> 8))?,
        key => layer.enter(Kind::Gre, key)?,
    }
    Some(Next::Ethernet)
}

/// What a router sends to a web cache: an IP packet, in version 2 behind four bytes of its own.
fn wccp(layer: &mut Layer<'_>) -> Option<Next> {
    if layer.nibble()? != 4 {
        layer.header::<4>()?;
    }
    layer.enter(Kind::Wccp, None)?;
    Some(Next::Ip)
}

/// RFC 2637 4.1: the key is always there; without a sequence number there is no payload.
fn pptp(flags: u16, layer: &mut Layer<'_>) -> Option<Next> {
    if flags & (CHECKSUM | ROUTING | KEY | SEQUENCE) != KEY | SEQUENCE {
        return None;
    }
    let [l0, l1, c0, c1, _, _, _, _] = layer.header()?;
    if flags & ACKNOWLEDGMENT != 0 {
        layer.header::<4>()?;
    }
    layer.limit(usize::from(u16::from_be_bytes([l0, l1])));
    layer.enter(Kind::Pptp, Some(u32::from(u16::from_be_bytes([c0, c1]))))?;
    Some(Next::Ppp)
}

#[cfg(test)]
mod tests {
    use crate::wire::samples::{FLOW, FLOW_V6, INNER, INNER_V6, ethernet, ipv4, peeled, told, unpeeled};

    const OUTER: &str = "47 10.9.0.1 > 10.9.0.2";

    /// GRE with these bytes behind the IP header, from its flags on.
    fn gre(rest: &str) -> String {
        ipv4(47, rest)
    }

    fn frame() -> String {
        ethernet(&format!("0800 {INNER}"))
    }

    #[test]
    fn erspan_around_vxlan_from_arkime() {
        // The first frame of gre-erspan-vxlan.pcap.
        let frame = "ffffffffffff 010203040506 0800 4500008c00010000402fa017 64140902 64140901 100088be00000000
            1000001400000001 ffddfffffff1eeeeeeeeeee1 0800 4500005a000100004011eb75 ac101b83 ac101b79
            12b512b60046a3b7 0c00000300000000 ddddddddddd1aabbccddccc1 0800
            450000280001000040063021 0a101b0c 0a101b83 fe9600500000000000000000 50022000464d0000";
        assert_eq!(
            peeled(1, frame),
            told("erspan:20,vxlan:0", "6 10.16.27.12:65174 > 10.16.27.131:80")
        );
    }

    #[test]
    fn every_optional_field() {
        for (flags, fields) in [
            ("0000", ""),
            ("8000", "abcd0000"),
            ("1000", "00000009"),
            ("9000", "abcd0000 00000009"),
        ] {
            assert_eq!(
                peeled(1, &gre(&format!("{flags} 0800 {fields} {INNER}"))),
                told("gre", FLOW)
            );
            assert_eq!(
                peeled(1, &gre(&format!("{flags} 86dd {fields} {INNER_V6}"))),
                told("gre", FLOW_V6)
            );
        }
        for (flags, fields) in [("2000", "0000002a"), ("b000", "abcd0000 0000002a 00000009")] {
            assert_eq!(
                peeled(1, &gre(&format!("{flags} 0800 {fields} {INNER}"))),
                told("gre:42", FLOW)
            );
        }
    }

    #[test]
    fn ethernet_with_a_subnet_or_a_key() {
        let frame = frame();
        let bridged = |flags: &str| peeled(1, &gre(&format!("{flags} {frame}")));
        assert_eq!(bridged("0000 6558"), told("gre", FLOW));
        assert_eq!(bridged("2000 6558 002001ff"), told("nvgre:8193", FLOW));
        assert_eq!(bridged("2000 6558 0000002a"), told("gre:42", FLOW));
        // The low byte of NVGRE's key differs by flow, perhaps by direction.
        let of = |key: &str| {
            let bytes = crate::wire::samples::bytes(&gre(&format!("2000 6558 {key} {frame}")));
            let link = crate::wire::link::LinkType::ETHERNET;
            crate::wire::decode::decode(link, &bytes, 0).unwrap().tunnel
        };
        assert_eq!(of("00200101"), of("00200102"));
        assert_ne!(of("00200101"), of("00200201"));
    }

    #[test]
    fn the_three_erspans() {
        let frame = frame();
        let erspan = |rest: &str| peeled(1, &gre(rest));
        assert_eq!(erspan(&format!("0000 88be {frame}")), told("erspan", FLOW));
        let two = format!("1000 88be 00000005 1000 0064 00000000 {frame}");
        assert_eq!(erspan(&two), told("erspan:100", FLOW));
        let three = format!("1000 22eb 00000005 2000 0065 00000063 0000 0004 {frame}");
        assert_eq!(erspan(&three), told("erspan:101", FLOW));
        let platform = format!("1000 22eb 00000005 2000 0065 00000063 0000 0005 0c00000100000000 {frame}");
        assert_eq!(erspan(&platform), told("erspan:101", FLOW));
        let ip = format!("1000 22eb 00000005 2000 0065 00000063 0000 0804 {INNER}");
        assert_eq!(erspan(&ip), told("erspan:101", FLOW));
        assert_eq!(unpeeled(1, &gre(&two.replace("1000 0064", "3000 0064"))), OUTER);
    }

    #[test]
    fn pptp_carries_ppp() {
        let ppp = format!("ff03 0021 {INNER}");
        let data = format!("3001 880b 0025 0011 00000005 {ppp}");
        assert_eq!(peeled(1, &gre(&data)), told("pptp:17", FLOW));
        let with_ack = format!("3081 880b 0025 0011 00000005 00000004 {ppp}");
        assert_eq!(peeled(1, &gre(&with_ack)), told("pptp:17", FLOW));
        // An acknowledgment alone; LCP; version 1 of something else.
        assert_eq!(unpeeled(1, &gre("2081 880b 0000 0011 00000004")), OUTER);
        assert_eq!(
            unpeeled(1, &gre("3001 880b 0008 0011 00000005 c021 09010008 0000")),
            OUTER
        );
        assert_eq!(unpeeled(1, &gre(&data.replace("880b", "0800"))), OUTER);
    }

    #[test]
    fn what_a_router_sends_to_a_cache() {
        assert_eq!(peeled(1, &gre(&format!("0000 883e {INNER}"))), told("wccp", FLOW));
        assert_eq!(
            peeled(1, &gre(&format!("0000 883e 00010000 {INNER}"))),
            told("wccp", FLOW)
        );
    }

    #[test]
    fn what_cannot_be_decoded_stays_gre() {
        // Discovery of a neighbour (from Arkime's gre-erspan.pcap), an unknown EtherType, a keepalive, source routing, version 2.
        for rest in [
            "1000 88be 00000702 1017086400000000 01000ccccccc6400f1e10303 017c aaaa0300000c2000 02b49a14",
            "0000 00fe 81000000",
            "0000 0000",
            "4000 0800 00000000 00000000",
            "0002 0800 4500",
        ] {
            assert_eq!(unpeeled(1, &gre(rest)), OUTER, "{rest}");
        }
    }
}
