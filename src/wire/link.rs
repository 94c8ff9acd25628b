//! The link layer: from a frame's first byte to the IP header.
//!
//! ```text
//! Ethernet  0 destination  6 source  12 EtherType, or (up to 1500) the length of an LLC frame
//! VLAN tag  0 priority and id  2 EtherType                                   (IEEE 802.1Q 9.6)
//! LLC       0 DSAP  1 SSAP  2 control  [3 OUI  6 EtherType: SNAP]            (IEEE 802.2, RFC 1042)
//! SLL       0 kind  2 ARPHRD  4 address length  6 address  14 protocol       (LINKTYPE_LINUX_SLL)
//! SLL2      0 protocol  2 reserved  4 interface  8 ARPHRD  10 kind  11 length  12 address
//! NULL      0 address family, in the byte order of the capturing machine; LOOP: in network order
//! ```
//!
//! Written on our own cursor: etherparse knows neither SLL2 nor NULL, stops after three tags, and
//! turns an SLL frame of an unknown ARPHRD away.

use super::cursor::Cursor;
use super::encap::{Layer, Next};
pub use super::link_type::LinkType;
use super::tunnel::Kind;
use super::undecoded::Undecoded;
use super::{capture_header, ppp, wlan};

/// EtherTypes that have a meaning here (IANA "IEEE 802 Numbers").
pub mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    /// Transparent Ethernet bridging (RFC 1701): a whole frame.
    pub const BRIDGED: u16 = 0x6558;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_MULTICAST: u16 = 0x8848;
    pub const PPPOE_DISCOVERY: u16 = 0x8863;
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const EAPOL: u16 = 0x888e;
    /// 802.1ad: the outer tag of a provider.
    pub const PROVIDER_VLAN: u16 = 0x88a8;
    pub const LLDP: u16 = 0x88cc;
    /// 802.1ah: a customer's frame inside a provider's.
    pub const BACKBONE: u16 = 0x88e7;
    pub const MACSEC: u16 = 0x88e5;
    /// The outer tag of switches older than 802.1ad.
    pub const LEGACY_VLAN: u16 = 0x9100;
}

/// Up to here the field is the length of an LLC frame (IEEE 802.3 3.2.6).
const LENGTH_MAX: u16 = 1500;
/// Linux's own numbers below the EtherTypes (if_ether.h): a frame with an LLC header, with or without a length in front.
const LINUX_802_3: u16 = 0x0001;
const LINUX_802_2: u16 = 0x0004;

/// Takes the link header off a frame.
#[inline(always)]
pub fn peel(link: LinkType, layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    match link {
        LinkType::ETHERNET => ethernet(layer),
        LinkType::LINUX_SLL => {
            let [.., a, b] = layer.array::<16>()?;
            cooked(u16::from_be_bytes([a, b]), layer)
        }
        LinkType::LINUX_SLL2 => {
            let [a, b, ..] = layer.array::<20>()?;
            cooked(u16::from_be_bytes([a, b]), layer)
        }
        LinkType::NULL | LinkType::LOOP => loopback(layer),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => Ok(Next::Ip),
        _ => layer.aside(|layer| peel_other(link, layer)),
    }
}

/// Serial lines, the air, and headers of capturing machines.
#[inline(never)]
fn peel_other(link: LinkType, layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    match link {
        LinkType::PPP | LinkType::PPP_HDLC => ppp::ppp_or_hdlc(layer),
        LinkType::PPP_WITH_DIRECTION => {
            layer.array::<1>()?;
            ppp::ppp_or_hdlc(layer)
        }
        LinkType::PPP_ETHER => ppp::pppoe(layer),
        LinkType::CISCO_HDLC => ppp::cisco_hdlc(layer),
        LinkType::FRAME_RELAY => ppp::frame_relay(layer),
        LinkType::SLIP => capture_header::slip(layer),
        LinkType::WLAN => wlan::frame(layer),
        LinkType::WLAN_RADIOTAP => wlan::radiotap(layer),
        LinkType::WLAN_PRISM => wlan::prism(layer),
        LinkType::WLAN_AVS => wlan::avs(layer),
        LinkType::PPI => capture_header::ppi(layer),
        LinkType::NFLOG => capture_header::nflog(layer),
        LinkType::PKTAP => capture_header::pktap(layer),
        _ => Err(Undecoded::LinkType),
    }
}

/// Takes off what an EtherType stands for: a tag, or nothing in front of an IP header.
#[inline(always)]
pub fn ethertype(number: u16, layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    match number {
        // Which version it is, the header itself says.
        ethertype::IPV4 | ethertype::IPV6 => Ok(Next::Ip),
        ethertype::VLAN | ethertype::PROVIDER_VLAN | ethertype::LEGACY_VLAN => {
            let [tag_high, tag_low, a, b] = layer.array()?;
            if !layer.vlans.push(u16::from_be_bytes([tag_high, tag_low])) {
                return Err(Undecoded::VlanDepth);
            }
            type_or_length(u16::from_be_bytes([a, b]), layer)
        }
        _ => layer.aside(|layer| other_ethertype(number, layer)),
    }
}

#[inline(never)]
fn other_ethertype(number: u16, layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    match number {
        ethertype::ARP => Err(Undecoded::Arp),
        ethertype::LLDP => Err(Undecoded::Lldp),
        ethertype::EAPOL => Err(Undecoded::Eapol),
        ethertype::MACSEC => Err(Undecoded::Macsec),
        ethertype::MPLS | ethertype::MPLS_MULTICAST => Ok(Next::Mpls),
        ethertype::PPPOE_SESSION => ppp::pppoe(layer),
        ethertype::PPPOE_DISCOVERY => Err(Undecoded::Pppoe),
        ethertype::BRIDGED => Ok(Next::Ethernet),
        ethertype::BACKBONE => {
            // IEEE 802.1ah 9.7: priority and flags, then 24 bits of service id; behind it the customer's frame.
            let [_, s0, s1, s2] = layer.array()?;
            let service = u32::from_be_bytes([0, s0, s1, s2]);
            layer
                .enter(Kind::Backbone, Some(service))
                .ok_or(Undecoded::TunnelDepth)?;
            Ok(Next::Ethernet)
        }
        _ => Err(Undecoded::EtherType),
    }
}

/// An Ethernet header.
pub fn ethernet(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    let [.., a, b] = layer.array::<14>()?;
    type_or_length(u16::from_be_bytes([a, b]), layer)
}

/// Whether these bytes can be an Ethernet frame around an IP packet, for those who have to guess.
pub fn looks_like_ethernet(bytes: &[u8]) -> bool {
    let mut c = Cursor::new(bytes);
    let behind_addresses = c.array::<12>().and_then(|_| c.u16());
    let mut number = behind_addresses.unwrap_or(0);
    while let ethertype::VLAN | ethertype::PROVIDER_VLAN | ethertype::LEGACY_VLAN = number {
        number = c.u16().and_then(|_| c.u16()).unwrap_or(0);
    }
    let version = c.u8().map(|first| first >> 4);
    match number {
        ethertype::IPV4 => version == Some(4),
        ethertype::IPV6 => version == Some(6),
        ethertype::ARP | ethertype::MPLS | ethertype::PPPOE_SESSION => true,
        _ => false,
    }
}

fn type_or_length(value: u16, layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    if value > LENGTH_MAX {
        return Ok(Next::EtherType(value));
    }
    layer.limit(usize::from(value));
    llc(layer)
}

/// The protocol field of a cooked capture.
fn cooked(protocol: u16, layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    match protocol {
        LINUX_802_3 | LINUX_802_2 => llc(layer),
        number => Ok(Next::EtherType(number)),
    }
}

/// An LLC header: SNAP, or a service access point that we know.
pub fn llc(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const SAP_SNAP: u8 = 0xaa;
    const SAP_IP: u8 = 0x06;
    const SAP_SPANNING_TREE: u8 = 0x42;
    const UNNUMBERED: u8 = 0x03;
    // RFC 1042: with this organisation code the protocol number is an EtherType; 802.1H's bridge tunnel says the same.
    const OUI_ETHERTYPE: [u8; 3] = [0, 0, 0];
    const OUI_BRIDGE_TUNNEL: [u8; 3] = [0, 0, 0xf8];

    match layer.array()? {
        [SAP_SNAP, SAP_SNAP, UNNUMBERED] => {
            let [o1, o2, o3, a, b] = layer.array()?;
            match [o1, o2, o3] {
                OUI_ETHERTYPE | OUI_BRIDGE_TUNNEL => Ok(Next::EtherType(u16::from_be_bytes([a, b]))),
                _ => Err(Undecoded::Llc),
            }
        }
        [SAP_IP, SAP_IP, UNNUMBERED] => Ok(Next::Ip),
        [SAP_SPANNING_TREE, SAP_SPANNING_TREE, _] => Err(Undecoded::Stp),
        _ => Err(Undecoded::Llc),
    }
}

/// The family in front of a loopback packet. NULL is in the byte order of the capturing machine, which the file does
/// not name; no family needs more than 16 bits, so the half that is zero tells. Some writers put a family of 16 bits
/// and an EtherType there.
fn loopback(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    let family = match layer.array()? {
        [0, 0, a, b] => u16::from_be_bytes([a, b]),
        [a, b, 0, 0] => u16::from_le_bytes([a, b]),
        [_, _, a, b] if is_ip(u16::from_be_bytes([a, b])) => return Ok(Next::Ip),
        _ => return Err(Undecoded::AddressFamily),
    };
    match family {
        // AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS.
        2 | 10 | 24 | 28 | 30 => Ok(Next::Ip),
        _ => Err(Undecoded::AddressFamily),
    }
}

fn is_ip(number: u16) -> bool {
    matches!(number, ethertype::IPV4 | ethertype::IPV6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ethertype_of(link: LinkType, bytes: &[u8]) -> Result<Next, Undecoded> {
        peel(link, &mut Layer::new(bytes, bytes.len() as u32))
    }

    #[test]
    fn what_is_decoded_has_a_name_and_what_is_not_is_counted() {
        for number in 0..400 {
            let link = LinkType(number);
            let answer = ethertype_of(link, &[0; 64]);
            assert_eq!(link.is_decoded(), answer != Err(Undecoded::LinkType), "{link:?}");
            assert!(!link.is_decoded() || !link.name().starts_with("linktype-"));
        }
    }

    #[test]
    fn null_is_read_in_either_byte_order() {
        for bytes in [[2, 0, 0, 0], [0, 0, 0, 2], [30, 0, 0, 0], [0, 0, 0, 24], [15, 0, 8, 0]] {
            assert_eq!(ethertype_of(LinkType::NULL, &bytes), Ok(Next::Ip));
        }
        for bytes in [[0, 0, 0, 0], [2, 0, 0, 2], [0, 0, 2, 0], [7, 0, 0, 0]] {
            assert_eq!(ethertype_of(LinkType::NULL, &bytes), Err(Undecoded::AddressFamily));
        }
    }

    #[test]
    fn an_llc_frame_ends_where_its_length_says() {
        // Length 8, SNAP with EtherType IPv4, and six bytes of padding behind it.
        let frame = [[0; 12].as_slice(), &[0, 8, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &[0; 6]].concat();
        let mut layer = Layer::new(&frame, 28);
        assert_eq!(
            peel(LinkType::ETHERNET, &mut layer),
            Ok(Next::EtherType(ethertype::IPV4))
        );
        assert_eq!((layer.rest().len(), layer.wire()), (0, 0));
    }

    #[test]
    fn frames_without_ip_are_named() {
        let llc = |sap: [u8; 8]| ethertype_of(LinkType::ETHERNET, &[[0; 12].as_slice(), &[0, 8], &sap].concat());
        assert_eq!(llc([0x42, 0x42, 3, 0, 0, 0, 0, 0]), Err(Undecoded::Stp));
        assert_eq!(llc([0xff; 8]), Err(Undecoded::Llc));
        // Cisco's discovery protocol: SNAP of another organisation.
        assert_eq!(llc([0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0]), Err(Undecoded::Llc));
        assert_eq!(llc([6, 6, 3, 0x45, 0, 0, 0, 0]), Ok(Next::Ip));
        let mut layer = Layer::new(&[0; 8], 8);
        for (number, reason) in [
            (ethertype::ARP, Undecoded::Arp),
            (ethertype::LLDP, Undecoded::Lldp),
            (ethertype::PPPOE_DISCOVERY, Undecoded::Pppoe),
            (0x9000, Undecoded::EtherType),
        ] {
            assert_eq!(ethertype(number, &mut layer), Err(reason));
        }
    }

    #[test]
    fn a_customers_frame_in_a_providers() {
        use crate::wire::samples::{FLOW, INNER, ethernet, peeled, told};
        let frame = ethernet(&format!(
            "88a8 0007 88e7 00001001 {}",
            ethernet(&format!("0800 {INNER}"))
        ));
        assert_eq!(peeled(1, &frame), told("pbb:4097", FLOW));
    }

    #[test]
    fn four_tags_are_peeled_and_a_fifth_is_not() {
        let tags = [
            0x01, 0x00, 0x88, 0xa8, 0x60, 0x02, 0x91, 0x00, 0x00, 0x03, 0x81, 0x00, 0x00, 0x04, 0x08, 0x00,
        ];
        let mut layer = Layer::new(&tags, 16);
        let mut number = ethertype::VLAN;
        while number != ethertype::IPV4 {
            let Ok(Next::EtherType(next)) = ethertype(number, &mut layer) else {
                panic!("a tag should lead to the next")
            };
            number = next;
        }
        assert_eq!(layer.vlans.as_slice(), [0x100, 2, 3, 4]);
        let mut fifth = Layer::new(&tags, 16);
        fifth.vlans = layer.vlans;
        assert_eq!(ethertype(ethertype::VLAN, &mut fifth), Err(Undecoded::VlanDepth));
    }
}
