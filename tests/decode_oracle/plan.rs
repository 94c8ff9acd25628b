//! Frames to be compared: planned by proptest, built of etherparse's headers.

use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6Header, SingleVlanHeader,
    TcpHeader, UdpHeader, VlanId, ether_type,
};
use proptest::prelude::*;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// What a packet is to be before it is damaged.
#[derive(Debug, Clone)]
pub struct Plan {
    pub tags: Vec<(u16, u16)>,
    pub network: Network,
    pub protocol: u8,
    pub tcp_options: usize,
    pub payload: Vec<u8>,
    pub padding: usize,
    /// Subtracted from the UDP length, and set as the IP length 0.
    pub udp_short: u16,
    pub no_length: bool,
}

#[derive(Debug, Clone)]
pub enum Network {
    V4 { options: usize, more: bool, offset: u16 },
    V6 { extensions: Vec<Extension> },
}

#[derive(Debug, Clone)]
pub struct Extension {
    pub number: u8,
    /// Of an options header, in 8 bytes beyond the first.
    pub length: u8,
    /// Of a fragment header: offset and flags.
    pub place: u16,
}

pub fn plan() -> impl Strategy<Value = Plan> {
    let tag = (0u16..4096, prop_oneof![Just(0x8100u16), Just(0x88a8), Just(0x9100)]);
    let v4 = (
        0usize..4,
        prop::bool::weighted(0.1),
        prop_oneof![9 => Just(0u16), 1 => 1u16..100],
    )
        .prop_map(|(options, more, offset)| Network::V4 { options, more, offset });
    let extension = (
        prop_oneof![Just(0u8), Just(43), Just(44), Just(51), Just(60)],
        0u8..3,
        prop_oneof![3 => Just(0u16), 1 => any::<u16>()],
    )
        .prop_map(|(number, length, place)| Extension { number, length, place });
    let v6 = prop_oneof![2 => Just(0usize), 2 => 1usize..4, 1 => 4usize..11]
        .prop_flat_map(move |n| prop::collection::vec(extension.clone(), n))
        .prop_map(|extensions| Network::V6 { extensions });
    let protocol = prop_oneof![
        6 => Just(TCP), 6 => Just(UDP), 1 => Just(1u8), 1 => Just(58u8), 1 => Just(132u8), 1 => Just(51u8), 1 => any::<u8>()
    ];
    (
        prop_oneof![2 => Just(0usize), 2 => Just(1), 1 => 2usize..6]
            .prop_flat_map(move |n| prop::collection::vec(tag.clone(), n)),
        prop_oneof![v4, v6],
        protocol,
        0usize..4,
        prop::collection::vec(any::<u8>(), 0..40),
        prop_oneof![Just(0usize), 1usize..30],
        prop_oneof![4 => Just(0u16), 1 => 1u16..30],
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(tags, network, protocol, tcp_options, payload, padding, udp_short, no_length)| Plan {
                tags,
                network,
                protocol,
                tcp_options,
                payload,
                padding,
                udp_short,
                no_length,
            },
        )
}

/// A frame as planned, built of etherparse's headers.
pub fn build(plan: &Plan) -> Vec<u8> {
    let ip = match &plan.network {
        Network::V4 { options, more, offset } => build_v4(plan, *options, *more, *offset),
        Network::V6 { extensions } => build_v6(plan, extensions),
    };
    let ip_type = match plan.network {
        Network::V4 { .. } => ether_type::IPV4,
        Network::V6 { .. } => ether_type::IPV6,
    };
    let mut types: Vec<EtherType> = plan.tags.iter().map(|tag| EtherType(tag.1)).collect();
    types.push(ip_type);
    let ethernet = Ethernet2Header {
        source: [2, 0, 0, 0, 0, 1],
        destination: [2, 0, 0, 0, 0, 2],
        ether_type: types[0],
    };
    let mut frame = ethernet.to_bytes().to_vec();
    for ((id, _), next) in plan.tags.iter().zip(&types[1..]) {
        let tag = SingleVlanHeader {
            vlan_id: VlanId::try_new(*id).unwrap(),
            ether_type: *next,
            ..Default::default()
        };
        frame.extend(tag.to_bytes());
    }
    frame.extend(ip);
    frame.resize(frame.len() + plan.padding, 0xee);
    frame
}

fn build_v4(plan: &Plan, options: usize, more: bool, offset: u16) -> Vec<u8> {
    let body = build_transport(plan);
    let mut header = Ipv4Header::new(
        body.len() as u16,
        64,
        IpNumber(plan.protocol),
        [192, 0, 2, 1],
        [198, 51, 100, 7],
    )
    .unwrap();
    header.options = Ipv4Options::try_from(vec![1; options * 4].as_slice()).unwrap();
    header.set_payload_len(body.len()).unwrap();
    header.more_fragments = more;
    header.fragment_offset = IpFragOffset::try_new(offset).unwrap();
    if plan.no_length {
        header.total_len = 0;
    }
    [header.to_bytes().to_vec(), body].concat()
}

fn build_v6(plan: &Plan, extensions: &[Extension]) -> Vec<u8> {
    let mut numbers: Vec<u8> = extensions.iter().map(|e| e.number).collect();
    numbers.push(plan.protocol);
    let mut body = Vec::new();
    for (extension, next) in extensions.iter().zip(&numbers[1..]) {
        let [place_high, place_low] = extension.place.to_be_bytes();
        match extension.number {
            44 => body.extend([*next, 0, place_high, place_low, 0, 0, 0, 9]),
            // Counted in 4 bytes, less 2.
            51 => body.extend([*next, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]),
            _ => {
                body.extend([*next, extension.length]);
                body.resize(body.len() + 6 + usize::from(extension.length) * 8, 0);
            }
        }
    }
    body.extend(build_transport(plan));
    let header = Ipv6Header {
        payload_length: if plan.no_length { 0 } else { body.len() as u16 },
        next_header: IpNumber(numbers[0]),
        hop_limit: 64,
        source: [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        destination: [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        ..Default::default()
    };
    [header.to_bytes().to_vec(), body].concat()
}

fn build_transport(plan: &Plan) -> Vec<u8> {
    let header = match plan.protocol {
        TCP => {
            let mut header = TcpHeader::new(50514, 443, 0x0102_0304, 64_000);
            header.acknowledgment_number = 0x0a0b_0c0d;
            (header.ack, header.psh) = (true, true);
            header.set_options_raw(&vec![1; plan.tcp_options * 4]).unwrap();
            header.to_bytes().to_vec()
        }
        UDP => UdpHeader {
            source_port: 40000,
            destination_port: 3478,
            length: (8 + plan.payload.len() as u16).saturating_sub(plan.udp_short),
            checksum: 0,
        }
        .to_bytes()
        .to_vec(),
        _ => Vec::new(),
    };
    [header, plan.payload.clone()].concat()
}
