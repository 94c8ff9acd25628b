//! Ethernet over UDP in data centres: VXLAN, its generic extension, and GENEVE.
//!
//! ```text
//! VXLAN   0 flags  1 reserved                  4 network id (24 bits)  7 reserved            (RFC 7348 5)
//! GPE     0 flags  1 reserved  3 next protocol 4 network id            7 reserved            (draft-ietf-nvo3-vxlan-gpe 3)
//! GENEVE  0 version, length of options (in 4 bytes)  1 O, C, reserved  2 EtherType
//!         4 network id  7 reserved  8 options                                               (RFC 8926 3.4)
//! ```

use super::encap::{Layer, Next};
use super::tunnel::Kind;

/// The network id is valid.
const IS_VALID: u8 = 0x08;
/// A group policy stands in the second half of the first word (draft-smith-vxlan-group-policy 2.1).
const HAS_POLICY: u8 = 0x80;
/// GPE: a next protocol is given. Else the header is VXLAN's.
const HAS_NEXT: u8 = 0x04;

/// RFC 7348 5: the I flag must be set; the reserved bits and bytes must be 0 on transmission.
pub fn vxlan(layer: &mut Layer<'_>) -> Option<Next> {
    let [flags, r1, r2, r3, v0, v1, v2, 0] = layer.header()? else {
        return None;
    };
    match (flags, [r1, r2, r3]) {
        (IS_VALID, [0, 0, 0]) => {}
        (flags, _) if flags == IS_VALID | HAS_POLICY => {}
        _ => return None,
    }
    layer.enter(Kind::Vxlan, Some(id(v0, v1, v2)))?;
    Some(Next::Ethernet)
}

/// VXLAN that may carry more than Ethernet.
pub fn generic(layer: &mut Layer<'_>) -> Option<Next> {
    // Version 0, no BUM, no OAM: of the flags only these two are left.
    let [flags, 0, 0, protocol, v0, v1, v2, 0] = layer.header()? else {
        return None;
    };
    let next = match (flags, protocol) {
        (IS_VALID, 0) => Next::Ethernet,
        (flags, protocol) if flags == IS_VALID | HAS_NEXT => match protocol {
            1 | 2 => Next::Ip,
            3 => Next::Ethernet,
            5 => Next::Mpls,
            _ => return None,
        },
        _ => return None,
    };
    layer.enter(Kind::Vxlan, Some(id(v0, v1, v2)))?;
    Some(next)
}

/// RFC 8926 3.4: the version is 0, and an endpoint that sees another must drop the packet.
pub fn geneve(layer: &mut Layer<'_>) -> Option<Next> {
    const LENGTH: u8 = 0x3f;
    const RESERVED: u8 = 0x3f;
    let [version_length, flags, p0, p1, v0, v1, v2, _] = layer.header()?;
    if version_length & !LENGTH != 0 || flags & RESERVED != 0 {
        return None;
    }
    layer.take(usize::from(version_length & LENGTH) * 4).ok()?;
    layer.enter(Kind::Geneve, Some(id(v0, v1, v2)))?;
    Some(Next::EtherType(u16::from_be_bytes([p0, p1])))
}

fn id(a: u8, b: u8, c: u8) -> u32 {
    u32::from_be_bytes([0, a, b, c])
}

#[cfg(test)]
mod tests {
    use crate::wire::samples::{FLOW, FLOW_V6, INNER, INNER_V6, ethernet, peeled, told, udp, unpeeled};

    fn frame() -> String {
        ethernet(&format!("0800 {INNER}"))
    }

    /// Not peeled: the outer datagram.
    fn outer(port: u16) -> String {
        format!("17 10.9.0.1:50001 > 10.9.0.2:{port}")
    }

    #[test]
    fn a_question_in_vxlan_from_ndpi() {
        // The first frame of vxlan.pcap: a VLAN tag outside.
        let frame = "000cbd063a74000cbd063a75 81000005 0800 4500006c033f00004011c9e8 c0a81604 c0a81605 edd712b500586a04
            0800000000045700 667a50aaff9a1eea692a6fcf 0800 4500003a35b040004011d6e5 0a0a1404 08080808
            ad950035002617e2 90c601000001000000000000 0866616365626f6f6b 03636f6d 00 0001 0001";
        assert_eq!(peeled(1, frame), told("vxlan:1111", "17 10.10.20.4:44437 > 8.8.8.8:53"));
    }

    #[test]
    fn llc_behind_geneve_from_flowlab() {
        let frame = "020000000002020000000001 0800 450000580000000040110000 cb007132 cb007133 d3f517c100440000
            0000655800006400 020000005102020000005101 0026 aaaa030000000800
            4500001e0000000040110000 0a4b000b 0a4b0015 daf30045000a0000 4c4c";
        assert_eq!(
            peeled(1, frame),
            told("geneve:100", "17 10.75.0.11:56051 > 10.75.0.21:69")
        );
    }

    #[test]
    fn options_of_geneve_are_stepped_over() {
        // The first frame of Arkime's tcpdump-geneve.pcap, its echo request cut short.
        let real = "001b213cac30001b213cab64 0800 45000052dfad4000401132af 14000001 14000002 314a17c1003e0000
            0240655800000a00 000080010000000c fe71d883724fb69ed2495148 0800
            45000018bda2400040014104 1e000001 1e000002 08002c54";
        assert_eq!(peeled(1, real), told("geneve:10", "1 30.0.0.1 > 30.0.0.2"));
        let ip = udp(50001, 6081, &format!("0000 86dd 00002c00 {INNER_V6}"));
        assert_eq!(peeled(1, &ip), told("geneve:44", FLOW_V6));
        let frame = frame();
        for header in [
            "4000 6558 00002c00",
            "0001 6558 00002c00",
            "0000 0806 00002c00",
            "3f00 6558 00002c00",
        ] {
            assert_eq!(
                unpeeled(1, &udp(50001, 6081, &format!("{header} {frame}"))),
                outer(6081)
            );
        }
    }

    #[test]
    fn only_a_header_that_vxlan_allows_is_taken_off() {
        let frame = frame();
        let of = |port: u16, header: &str| udp(50001, port, &format!("{header} {frame}"));
        for port in [4789, 8472] {
            assert_eq!(peeled(1, &of(port, "08000000 00002a00")), told("vxlan:42", FLOW));
        }
        // With a group policy.
        assert_eq!(peeled(1, &of(4789, "88001234 00002a00")), told("vxlan:42", FLOW));
        for header in [
            "00000000 00002a00",
            "08000001 00002a00",
            "08000000 00002a01",
            "18000000 00002a00",
        ] {
            assert_eq!(unpeeled(1, &of(4789, header)), outer(4789), "{header}");
        }
        // Neither does a datagram become VXLAN by coming from its port.
        let from = udp(4789, 50001, &format!("08000000 00002a00 {frame}"));
        assert_eq!(unpeeled(1, &from), "17 10.9.0.1:4789 > 10.9.0.2:50001");
        // ARP inside: the datagram is not lost.
        let arp = udp(
            50001,
            4789,
            &format!("08000000 00002a00 {}", ethernet("0806 0001080006040001")),
        );
        assert_eq!(unpeeled(1, &arp), outer(4789));
    }

    #[test]
    fn the_generic_extension_names_what_is_next() {
        let of = |header: &str, rest: &str| udp(50001, 4790, &format!("{header} {rest}"));
        let frame = frame();
        assert_eq!(peeled(1, &of("08000000 00002a00", &frame)), told("vxlan:42", FLOW));
        assert_eq!(peeled(1, &of("0c000003 00002a00", &frame)), told("vxlan:42", FLOW));
        assert_eq!(peeled(1, &of("0c000001 00002a00", INNER)), told("vxlan:42", FLOW));
        assert_eq!(peeled(1, &of("0c000002 00002a00", INNER_V6)), told("vxlan:42", FLOW_V6));
        let labelled = format!("00007140 {INNER}");
        assert_eq!(
            peeled(1, &of("0c000005 00002a00", &labelled)),
            told("vxlan:42,mpls:7", FLOW)
        );
        // A service header, OAM, a later version.
        for header in ["0c000004 00002a00", "0d000001 00002a00", "1c000001 00002a00"] {
            assert_eq!(unpeeled(1, &of(header, INNER)), outer(4790));
        }
    }
}
