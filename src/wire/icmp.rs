//! ICMP errors: which packet they complain about.
//!
//! ```text
//! 0 type  1 code  2 checksum  4 by type  8 the packet's IP header and the start of what it carried
//! ```
//!
//! RFC 792 quotes the IP header and 8 bytes of its payload, RFC 4443 as much as fits: the ports are
//! there in both.

use super::encap::Layer;
use super::net;
use super::packet::Family;
use super::transport;

/// The packet inside an ICMP error, as far as it tells which flow it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    pub family: Family,
    pub protocol: u8,
    pub source: u128,
    pub destination: u128,
    /// Source and destination; none for a protocol without ports, or a later piece of a datagram.
    pub ports: Option<(u16, u16)>,
}

/// Whether an ICMP message of this kind quotes a packet.
pub fn is_error(family: Family, kind: u8) -> bool {
    match family {
        // Unreachable, source quench, redirect, time exceeded, parameter problem.
        Family::V4 => matches!(kind, 3 | 4 | 5 | 11 | 12),
        // Unreachable, too big, time exceeded, parameter problem.
        Family::V6 => matches!(kind, 1..=4),
    }
}

/// The packet quoted in `payload`, the bytes behind the 8 of an error's header. An ICMP error speaks of its own family.
pub fn quoted(family: Family, payload: &[u8]) -> Option<Quoted> {
    let mut layer = Layer::new(payload, 0);
    let ip = net::peel(&mut layer).ok()?;
    if ip.family != family {
        return None;
    }
    let first_piece = ip.fragment.is_none_or(|place| place.offset == 0);
    Some(Quoted {
        family,
        protocol: ip.protocol,
        source: ip.source,
        destination: ip.destination,
        ports: first_piece
            .then(|| transport::ports(ip.protocol, layer.rest()))
            .flatten(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::protocol;
    use crate::wire::samples::bytes;

    /// What Linux quotes of a UDP datagram of 1000 bytes: its header and 8 bytes more.
    const UDP: [u8; 28] = [
        0x45, 0, 3, 0xe8, 0x12, 0x34, 0, 0, 1, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7, 0x9c, 0x40, 0x0d, 0x96, 3,
        0xd4, 0, 0,
    ];

    #[test]
    fn the_flow_is_named_by_28_bytes() {
        let found = quoted(Family::V4, &UDP).unwrap();
        assert_eq!((found.protocol, found.family), (protocol::UDP, Family::V4));
        assert_eq!(
            (found.source, found.destination),
            (0xc000_0201, u128::from(0xc633_6407u32))
        );
        assert_eq!(found.ports, Some((40000, 3478)));
    }

    #[test]
    fn a_syn_that_a_firewall_prohibited() {
        // Frame 42 of samples/lab/walls.pcap, behind the ICMP header: nftables quotes the whole SYN.
        let quote = bytes(
            "4500003c546040004006582ac613000ac6120202 8bce01bbddb024c500000000a002faf08e600000
             020405b40402080ad6e782f60000000001 03030a",
        );
        let found = quoted(Family::V4, &quote).unwrap();
        assert_eq!((found.protocol, found.ports), (protocol::TCP, Some((35790, 443))));
        assert_eq!(found.source, u128::from(u32::from_be_bytes([198, 19, 0, 10])));
    }

    #[test]
    fn without_ports_the_addresses_remain() {
        assert_eq!(quoted(Family::V4, &UDP[..23]).unwrap().ports, None);
        let mut later_piece = UDP;
        later_piece[7] = 4;
        assert_eq!(quoted(Family::V4, &later_piece).unwrap().ports, None);
        let mut first_piece = UDP;
        first_piece[6] = 0x20;
        assert!(quoted(Family::V4, &first_piece).unwrap().ports.is_some());
    }

    #[test]
    fn a_quote_of_the_other_family_or_a_cut_one_is_none() {
        assert_eq!(quoted(Family::V6, &UDP), None);
        assert_eq!(quoted(Family::V4, &UDP[..19]), None);
        assert_eq!(quoted(Family::V4, &[]), None);
    }

    #[test]
    fn only_errors_quote() {
        let kinds = |family| (0..=255).filter(move |&kind| is_error(family, kind));
        assert!(kinds(Family::V4).eq([3, 4, 5, 11, 12]));
        assert!(kinds(Family::V6).eq([1, 2, 3, 4]));
    }
}
