//! The decoder held against etherparse, over packets that etherparse builds and that are then
//! padded, cut and damaged; and the fast path against the steps, over the same packets.
//!
//! Where etherparse finds addresses, ports and a payload, ours must find the same. The exceptions,
//! each with its reason at the line that makes it:
//! - an IPv4 total length inside the header: we count the packet, etherparse takes all that is there;
//! - tunnels: only we go in;
//! - more than three tags, LLC frames and cut IPv4 options: only we go on; MACsec: only etherparse does;
//! - extension headers: we stop after eight and at a piece's fragment header, and take hop-by-hop anywhere;
//! - a TCP header that is malformed, or cut behind its ports: we give the ports, etherparse nothing;
//! - the payload of ICMP begins behind 8 bytes for us, by type for etherparse.

mod plan;

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice, LaxIpv4Slice, LaxIpv6Slice,
    LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, TransportSlice,
};
use flowsift::wire::decode::{Undecoded, by_steps, decode};
use flowsift::wire::link::LinkType;
use flowsift::wire::packet::{Family, PacketView, Transport};
use flowsift::wire::transport;
use plan::{Network, Plan, TCP, UDP, build, plan};
use proptest::prelude::*;

const ETHERNET_LENGTH: usize = 14;
const TAG_LENGTH: usize = 4;
const EXTENSIONS_MAX: usize = 8;
const NO_NEXT_HEADER: u8 = 59;
const AUTHENTICATION: u8 = 51;

/// Holds our answer for a frame against etherparse's.
fn compare(frame: &[u8], wire: u32) -> Result<(), TestCaseError> {
    let ours = decode(LinkType::ETHERNET, frame, wire);
    prop_assert_eq!(ours, by_steps(LinkType::ETHERNET, frame, wire), "the two ways");
    if ours.is_ok_and(|packet| packet.tunnelled) {
        return Ok(());
    }
    let Ok(theirs) = LaxSlicedPacket::from_ethernet(frame) else {
        prop_assert_eq!(ours, Err(Undecoded::Short));
        return Ok(());
    };
    let is_macsec = |ext: &LaxLinkExtSlice<'_>| matches!(ext, LaxLinkExtSlice::Macsec(_));
    if theirs.link_exts.iter().any(is_macsec) {
        prop_assert_eq!(ours, Err(Undecoded::Macsec));
        return Ok(());
    }
    let Some(net) = &theirs.net else {
        if ours.is_ok() {
            let behind = theirs.ether_payload().map(|payload| payload.ether_type.0);
            let more_tags = matches!(behind, Some(0x8100 | 0x88a8 | 0x9100));
            let llc = behind.is_some_and(|number| number <= 1500);
            let cut_options = behind == Some(0x0800) || behind == Some(0x86dd);
            prop_assert!(more_tags || llc || cut_options, "{:?}", theirs);
        }
        return Ok(());
    };
    let ip_at = ETHERNET_LENGTH + TAG_LENGTH * theirs.link_exts.len();
    let ip_wire = (wire as usize).max(frame.len()) - ip_at;
    let plain = match net {
        LaxNetSlice::Arp(_) => {
            prop_assert_eq!(ours, Err(Undecoded::Arp));
            return Ok(());
        }
        LaxNetSlice::Ipv4(ip) => compare_v4(ours, ip, ip_wire)?,
        LaxNetSlice::Ipv6(ip) => compare_v6(ours, ip, ip_wire)?,
    };
    let Ok(ours) = ours else { return Ok(()) };
    prop_assert!(
        ours.vlans
            .as_slice()
            .iter()
            .copied()
            .eq(theirs.vlan_ids().iter().map(|id| id.value()))
    );
    prop_assert!(ours.fragment.is_some() || ours.payload.len() + ours.cut as usize <= ip_wire);
    if let (true, Some(payload)) = (plain, theirs.ip_payload()) {
        prop_assert_eq!(ours.protocol, payload.ip_number.0);
        let headers = payload.payload.as_ptr() as usize - frame.as_ptr() as usize - ip_at;
        let on_wire = ip_wire.min(ours.ip_length as usize) - headers;
        compare_transport(&ours, theirs.transport.as_ref(), payload.payload, on_wire)?;
    }
    Ok(())
}

type Ours<'a> = Result<PacketView<'a>, Undecoded>;

/// The header; true if the transport is to be compared as well.
fn compare_v4(ours: Ours<'_>, ip: &LaxIpv4Slice<'_>, wire: usize) -> Result<bool, TestCaseError> {
    let header = ip.header();
    let total = usize::from(header.total_len());
    if (1..header.slice().len()).contains(&total) {
        prop_assert_eq!(ours, Err(Undecoded::IpHeader));
        return Ok(false);
    }
    let view = ours.map_err(|why| TestCaseError::fail(why.as_str()))?;
    prop_assert_eq!(view.family, Family::V4);
    prop_assert_eq!(view.source, u128::from(u32::from_be_bytes(header.source())));
    prop_assert_eq!(view.destination, u128::from(u32::from_be_bytes(header.destination())));
    prop_assert_eq!(view.ip_length as usize, if total == 0 { wire } else { total });
    prop_assert_eq!(view.fragment.is_some(), ip.is_payload_fragmented());
    if let Some(place) = view.fragment {
        prop_assert_eq!(place.identification, u32::from(header.identification()));
        prop_assert_eq!(place.offset, u32::from(header.fragments_offset().value()) * 8);
        prop_assert_eq!(place.more, header.more_fragments());
        // Etherparse takes an authentication header off a piece; the reassembler needs it raw.
        if header.protocol().0 != AUTHENTICATION {
            prop_assert_eq!(view.payload, ip.payload().payload);
        }
        return Ok(false);
    }
    // Etherparse takes off one authentication header only.
    Ok(ip.payload_ip_number().0 != AUTHENTICATION)
}

fn compare_v6(ours: Ours<'_>, ip: &LaxIpv6Slice<'_>, wire: usize) -> Result<bool, TestCaseError> {
    let header = ip.header();
    let view = ours.map_err(|why| TestCaseError::fail(why.as_str()))?;
    prop_assert_eq!(view.family, Family::V6);
    prop_assert_eq!(view.source, u128::from_be_bytes(header.source()));
    prop_assert_eq!(view.destination, u128::from_be_bytes(header.destination()));
    let real_zero = header.next_header().0 == NO_NEXT_HEADER;
    let length = match header.payload_length() {
        0 if !real_zero => wire,
        payload => 40 + usize::from(payload),
    };
    prop_assert_eq!(view.ip_length as usize, length);

    // Not by etherparse's iterator: where a chain was cut, it reads on behind the end of the slice.
    let (mut number, mut rest) = (header.next_header(), ip.extensions().slice());
    let mut headers = 0;
    while !rest.is_empty() {
        headers += 1;
        let (next, length) = match number {
            IpNumber::IPV6_FRAGMENTATION_HEADER => {
                let piece = Ipv6FragmentHeaderSlice::from_slice(rest).unwrap();
                if piece.is_fragmenting_payload() && headers <= EXTENSIONS_MAX {
                    let place = view.fragment.ok_or(TestCaseError::fail("a piece"))?;
                    prop_assert_eq!(place.identification, piece.identification());
                    prop_assert_eq!(place.offset, u32::from(piece.fragment_offset().value()) * 8);
                    prop_assert_eq!(place.more, piece.more_fragments());
                    prop_assert_eq!(view.protocol, piece.next_header().0);
                    prop_assert_eq!(view.transport, Transport::None);
                    return Ok(false);
                }
                (piece.next_header(), 8)
            }
            IpNumber::AUTHENTICATION_HEADER => {
                let header = IpAuthHeaderSlice::from_slice(rest).unwrap();
                (header.next_header(), header.slice().len())
            }
            _ => {
                let header = Ipv6RawExtHeaderSlice::from_slice(rest).unwrap();
                (header.next_header(), header.slice().len())
            }
        };
        (number, rest) = (next, &rest[length..]);
    }
    if headers > EXTENSIONS_MAX {
        prop_assert_eq!((view.fragment, view.transport), (None, Transport::None));
        return Ok(false);
    }
    // Hop-by-hop behind another header stops etherparse, not us.
    let stopped = headers > 0 && ip.payload().ip_number.0 == 0;
    prop_assert!(stopped || view.fragment.is_none());
    Ok(!stopped && !real_zero)
}

fn compare_transport(
    ours: &PacketView<'_>,
    theirs: Option<&TransportSlice<'_>>,
    ip_payload: &[u8],
    on_wire: usize,
) -> Result<(), TestCaseError> {
    let above_wire = ours.payload.len() + ours.cut as usize;
    match theirs {
        Some(TransportSlice::Tcp(tcp)) => {
            let Transport::Tcp {
                source,
                destination,
                fields,
            } = ours.transport
            else {
                return Err(TestCaseError::fail("no TCP"));
            };
            prop_assert_eq!((source, destination), (tcp.source_port(), tcp.destination_port()));
            prop_assert_eq!(fields.sequence, tcp.sequence_number());
            prop_assert_eq!(fields.acknowledgment, tcp.acknowledgment_number());
            prop_assert_eq!(fields.flags.0, tcp.header_slice()[13]);
            prop_assert_eq!(ours.payload, tcp.payload());
            prop_assert_eq!(above_wire, on_wire - tcp.header_slice().len());
        }
        Some(TransportSlice::Udp(udp)) => {
            let (source, destination) = (udp.source_port(), udp.destination_port());
            prop_assert_eq!(ours.transport, Transport::Udp { source, destination });
            prop_assert_eq!(ours.payload, udp.payload());
            let claimed = usize::from(udp.length());
            let sane = (8..=on_wire).contains(&claimed);
            prop_assert_eq!(above_wire + 8, if sane { claimed } else { on_wire });
        }
        Some(TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_)) => {
            let (kind, code) = (ip_payload[0], ip_payload[1]);
            prop_assert_eq!(ours.transport, Transport::Icmp { kind, code });
            prop_assert_eq!(ours.payload, &ip_payload[8..]);
        }
        Some(TransportSlice::Igmp(_)) => {
            prop_assert_eq!((ours.transport, ours.payload), (Transport::None, ip_payload));
        }
        None => {
            let ports = match ours.transport {
                Transport::Tcp {
                    source, destination, ..
                }
                | Transport::Udp { source, destination }
                | Transport::Sctp { source, destination } => Some((source, destination)),
                Transport::Icmp { .. } | Transport::None => None,
            };
            prop_assert_eq!(ports, transport::ports(ours.protocol, ip_payload));
            if ours.transport == Transport::None {
                prop_assert_eq!(ours.payload, ip_payload);
            } else if !matches!(ours.transport, Transport::Sctp { .. }) {
                prop_assert!(ours.payload.is_empty());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_planned(plan in plan()) {
        let frame = build(&plan);
        compare(&frame, frame.len() as u32)?;
    }

    #[test]
    fn cut_and_damaged(
        plan in plan(),
        damage in prop::collection::vec((0usize..80, any::<u8>()), 0..4),
        cut in prop::option::of(0usize..140),
        wire in prop_oneof![Just(0u32), 0u32..200, any::<u32>()],
    ) {
        let mut frame = build(&plan);
        for (at, byte) in damage {
            if let Some(slot) = frame.get_mut(at) {
                *slot = byte;
            }
        }
        frame.truncate(cut.unwrap_or(frame.len()));
        compare(&frame, wire.max(frame.len() as u32))?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        link in prop_oneof![Just(0u16), Just(1), Just(101), Just(108), Just(113), Just(276), any::<u16>()],
        mut bytes in prop::collection::vec(any::<u8>(), 0..120),
        ethertype in prop_oneof![Just(0x0800u16), Just(0x86dd), Just(0x8100), any::<u16>()],
        version in prop_oneof![Just(0x45u8), Just(0x60), any::<u8>()],
        wire in any::<u32>(),
    ) {
        if let Some([high, low, first]) = bytes.get_mut(12..15) {
            [*high, *low] = ethertype.to_be_bytes();
            *first = version;
        }
        if let Ok(view) = decode(LinkType(link), &bytes, wire) {
            prop_assert!(view.payload.len() <= bytes.len());
        }
        if link == 1 {
            compare(&bytes, wire)?;
        }
    }
}

/// Without this the properties above could hold of nothing.
#[test]
fn plans_reach_the_fast_path_and_every_transport() {
    let plan = Plan {
        tags: vec![(100, 0x8100)],
        network: Network::V4 {
            options: 0,
            more: false,
            offset: 0,
        },
        protocol: TCP,
        tcp_options: 3,
        payload: b"data".to_vec(),
        padding: 6,
        udp_short: 0,
        no_length: false,
    };
    let frame = build(&plan);
    let view = decode(LinkType::ETHERNET, &frame, frame.len() as u32).unwrap();
    assert_eq!(view.payload, b"data");
    assert!(matches!(
        view.transport,
        Transport::Tcp {
            source: 50514,
            destination: 443,
            ..
        }
    ));
    let frame = build(&Plan {
        protocol: UDP,
        network: Network::V6 { extensions: vec![] },
        ..plan
    });
    let view = decode(LinkType::ETHERNET, &frame, frame.len() as u32).unwrap();
    assert_eq!((view.payload, view.vlans.as_slice()), (&b"data"[..], &[100][..]));
}
