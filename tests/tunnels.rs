//! Tunnels end to end: flows, their `tunnel` text, and pieces inside and outside of tunnels; and that no frame,
//! however damaged, brings the decoder down.
//!
//! The captures are built here, frame by frame, so that every frame's place in the answer is known.

use std::fmt::Write as _;
use std::process::Command;

use flowsift::wire::decode::{by_steps, decode, peeled};
use flowsift::wire::link::LinkType;
use flowsift::wire::tunnel::Tunnels;
use proptest::prelude::*;
use serde_json::Value;

const IPV4: u16 = 0x0800;
const IPIP: u8 = 4;
const UDP: u8 = 17;
const GRE: u8 = 47;
const MORE: u16 = 0x2000;

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [
        &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1],
        &ethertype.to_be_bytes()[..],
        payload,
    ]
    .concat()
}

/// From 10.`ends.0`.0.1 to 10.`ends.1`.0.1; `place` is the field of flags and offset.
fn ipv4_piece(ends: (u8, u8), protocol: u8, place: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 7]);
    packet.extend(place.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, ends.0, 0, 1, 10, ends.1, 0, 1]);
    packet.extend(payload);
    packet
}

fn ipv4(ends: (u8, u8), protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_piece(ends, protocol, 0, payload)
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

/// A packet in two pieces.
fn in_pieces(ends: (u8, u8), protocol: u8, payload: &[u8]) -> [Vec<u8>; 2] {
    let (front, back) = payload.split_at(payload.len() / 2 / 8 * 8);
    [
        ipv4_piece(ends, protocol, MORE, front),
        ipv4_piece(ends, protocol, (front.len() / 8) as u16, back),
    ]
}

fn question(ends: (u8, u8)) -> Vec<u8> {
    ipv4(ends, UDP, &udp(5000 + u16::from(ends.0), 9999, &[7; 64]))
}

fn vxlan(id: u8, frame: &[u8]) -> Vec<u8> {
    udp(50001, 4789, &[&[8, 0, 0, 0, 0, 0, id, 0], frame].concat())
}

fn gre(packet: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 0], packet].concat()
}

fn gtpu(id: u8, packet: &[u8]) -> Vec<u8> {
    let [high, low] = (packet.len() as u16).to_be_bytes();
    udp(2152, 2152, &[&[0x30, 255, high, low, 0, 0, 0, id], packet].concat())
}

/// What flowsift says of these frames: a line a flow, sorted.
fn flows(frames: &[Vec<u8>]) -> Vec<String> {
    let mut file = 0xa1b2_c3d4u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0]);
    for (i, frame) in frames.iter().enumerate() {
        for word in [1_700_000_000, i as u32, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("built.pcap");
    std::fs::write(&path, file).expect("a written file");
    let output = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(["read", "--format", "json"])
        .arg(&path)
        .output()
        .expect("flowsift runs");
    let mut lines: Vec<String> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an object"))
        .filter(|row| row["type"] == "flow")
        .map(|row| in_short(&row))
        .collect();
    lines.sort();
    lines
}

/// `proto client > server packets/bytes out, in [tunnel] [vlans] quality`
fn in_short(row: &Value) -> String {
    let end = |end: &Value| {
        let ip = end["ip"].as_str().unwrap_or_default().to_owned();
        end["port"].as_u64().map_or(ip.clone(), |port| format!("{ip}:{port}"))
    };
    let mut line = format!(
        "{} {} > {} {}/{} {}/{}",
        row["proto"].as_str().unwrap_or_default(),
        end(&row["client"]),
        end(&row["server"]),
        row["packets"]["out"],
        row["bytes"]["out"],
        row["packets"]["in"],
        row["bytes"]["in"],
    );
    for label in ["tunnel", "vlan"] {
        if let Some(value) = row.get(label) {
            let _ = write!(line, " {}", value.to_string().replace('"', ""));
        }
    }
    let quality = row["quality"].to_string().replace(['"', '[', ']'], "");
    line + " " + &quality
}

#[test]
fn the_same_addresses_in_two_networks_are_two_flows() {
    let asked = |fill| ipv4((1, 2), UDP, &udp(5001, 9999, &[fill; 64]));
    let frame = |id, fill| ethernet(IPV4, &ipv4((9, 8), UDP, &vxlan(id, &ethernet(IPV4, &asked(fill)))));
    assert_eq!(
        flows(&[frame(42, 1), frame(43, 1), frame(42, 2)]),
        [
            "udp 10.1.0.1:5001 > 10.2.0.1:9999 1/92 0/0 vxlan:43 complete",
            "udp 10.1.0.1:5001 > 10.2.0.1:9999 2/184 0/0 vxlan:42 complete",
        ]
    );
}

#[test]
fn ids_and_labels_of_one_direction_do_not_part_a_flow() {
    let answer = ipv4((2, 1), UDP, &udp(9999, 5001, &[8; 4]));
    let there = ethernet(IPV4, &ipv4((9, 8), UDP, &gtpu(7, &question((1, 2)))));
    let back = ethernet(IPV4, &ipv4((8, 9), UDP, &gtpu(5, &answer)));
    assert_eq!(
        flows(&[there, back]),
        ["udp 10.1.0.1:5001 > 10.2.0.1:9999 1/92 1/32 gtpu:7 complete"]
    );
    let labelled = ethernet(0x8847, &[&[0, 1, 0xd1, 64], &question((1, 2))[..]].concat());
    assert_eq!(
        flows(&[labelled, ethernet(IPV4, &answer)]),
        ["udp 10.1.0.1:5001 > 10.2.0.1:9999 1/92 1/32 mpls:29 complete"]
    );
}

#[test]
fn tags_inside_and_outside() {
    let tagged = |id: u8, frame: &[u8]| [&[0, id, 8, 0], frame].concat();
    let inner = ethernet(0x8100, &tagged(6, &question((1, 2))));
    let frame = ethernet(0x8100, &tagged(5, &ipv4((9, 8), UDP, &vxlan(42, &inner))));
    assert_eq!(
        flows(&[frame]),
        ["udp 10.1.0.1:5001 > 10.2.0.1:9999 1/92 0/0 vxlan:42 [5,6] complete"]
    );
}

#[test]
fn pieces_inside_a_tunnel() {
    let pieces = in_pieces((1, 2), UDP, &udp(5001, 9999, &[7; 64]));
    let frames = pieces.map(|piece| ethernet(IPV4, &ipv4((9, 8), GRE, &gre(&piece))));
    assert_eq!(
        flows(&frames),
        ["udp 10.1.0.1:5001 > 10.2.0.1:9999 2/112 0/0 gre complete"]
    );
}

#[test]
fn a_tunnel_in_pieces() {
    let outer = vxlan(42, &ethernet(IPV4, &question((1, 2))));
    let frames = in_pieces((9, 8), UDP, &outer).map(|piece| ethernet(IPV4, &piece));
    assert_eq!(
        flows(&frames),
        ["udp 10.1.0.1:5001 > 10.2.0.1:9999 1/92 0/0 vxlan:42 complete"]
    );
    // Without the last piece nothing can be said of what is inside.
    assert_eq!(flows(&frames[..1]), ["udp 10.9.0.1 > 10.8.0.1 1/76 0/0 fragment"]);
}

#[test]
fn pieces_of_pieces_in_a_tunnel_in_a_tunnel() {
    let pieces = in_pieces((1, 2), UDP, &udp(5001, 9999, &[7; 64]));
    let frames: Vec<Vec<u8>> = pieces
        .iter()
        .flat_map(|piece| in_pieces((5, 6), GRE, &gre(piece)))
        .map(|piece| ethernet(IPV4, &ipv4((9, 8), IPIP, &piece)))
        .collect();
    assert_eq!(frames.len(), 4);
    assert_eq!(
        flows(&frames),
        ["udp 10.1.0.1:5001 > 10.2.0.1:9999 2/112 0/0 ipip,gre complete"]
    );
}

#[test]
fn what_only_looks_like_a_tunnel_is_a_flow() {
    let no_id = udp(50001, 4789, &[&[0; 8], &ethernet(IPV4, &question((1, 2)))[..]].concat());
    assert_eq!(
        flows(&[ethernet(IPV4, &ipv4((9, 8), UDP, &no_id))]),
        ["udp 10.9.0.1:50001 > 10.8.0.1:4789 1/142 0/0 complete"]
    );
    let arp = [&[0, 0, 8, 6], &[0; 28][..]].concat();
    assert_eq!(
        flows(&[ethernet(IPV4, &ipv4((9, 8), GRE, &arp))]),
        ["ip-47 10.9.0.1 > 10.8.0.1 1/52 0/0 complete"]
    );
}

/// Frames with a tunnel or a link header of every kind in front, to be damaged.
fn seeds() -> Vec<(u16, Vec<u8>)> {
    let inner = question((1, 2));
    let frame = ethernet(IPV4, &inner);
    let carried = |protocol: u8, header: &[u8], rest: &[u8]| {
        (1, ethernet(IPV4, &ipv4((9, 8), protocol, &[header, rest].concat())))
    };
    let sent = |port: u16, header: &[u8], rest: &[u8]| carried(UDP, &udp(1701, port, &[header, rest].concat()), &[]);
    let llc = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &inner[..]].concat();
    let wlan = [&[0x88, 1], &[0; 24][..], &llc].concat();
    let ppp = [&[0xff, 3, 0, 0x21], &inner[..]].concat();
    let mut seeds = vec![
        carried(IPIP, &[], &inner),
        carried(GRE, &[0xb0, 0, 0x65, 0x58, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1], &frame),
        carried(GRE, &[0x30, 1, 0x88, 0x0b, 0, 96, 0, 7, 0, 0, 0, 1], &ppp),
        carried(
            GRE,
            &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4],
            &frame,
        ),
        carried(GRE, &[0, 0, 0x88, 0x47, 0, 0, 0x10, 0, 0, 0, 0x21, 0], &frame),
        carried(97, &[0x30, 0], &frame),
        carried(115, &[0, 0, 0, 9, 1, 2, 3, 4], &frame),
        sent(4789, &[8, 0, 0, 0, 0, 0, 42, 0], &frame),
        sent(4790, &[12, 0, 0, 1, 0, 0, 42, 0], &inner),
        sent(6081, &[1, 0, 0x65, 0x58, 0, 0, 42, 0, 0, 0, 0, 0], &frame),
        sent(
            2152,
            &[0x34, 255, 0, 100, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 0, 0],
            &inner,
        ),
        sent(1701, &[0x4a, 2, 0, 110, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0], &ppp),
        sent(
            3544,
            &[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0x60, 0, 0, 0, 0, 40, 59, 1],
            &[1; 72],
        ),
        (
            1,
            ethernet(0x8864, &[&[0x11, 0, 0, 1, 0, 94, 0, 0x21], &inner[..]].concat()),
        ),
        (1, ethernet(0x88e7, &[&[0, 0, 0, 1], &frame[..]].concat())),
        (101, inner.clone()),
        (113, [&[0; 14][..], &[8, 0], &inner].concat()),
        (276, [&[8, 0], &[0; 18][..], &inner].concat()),
        (9, ppp.clone()),
        (50, [&[0x0f, 0, 8, 0], &inner[..]].concat()),
        (204, [&[0], &ppp[..]].concat()),
        (107, [&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &inner[..]].concat()),
        (105, wlan.clone()),
        (127, [&[0, 0, 9, 0, 2, 0, 0, 0, 0], &wlan[..]].concat()),
        (119, [&[0x44, 0, 0, 0, 16, 0, 0, 0], &[0; 8], &wlan[..]].concat()),
        (163, [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 8], &wlan[..]].concat()),
        (192, [&[0, 0, 8, 0, 105, 0, 0, 0], &wlan[..]].concat()),
        (
            239,
            [&[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0, 96, 0, 9, 0], &inner[..]].concat(),
        ),
        (
            258,
            [&[16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], &frame[..]].concat(),
        ),
    ];
    // A tunnel in a tunnel.
    let nested = ipv4(
        (9, 8),
        UDP,
        &vxlan(1, &ethernet(IPV4, &ipv4((7, 6), GRE, &gre(&inner)))),
    );
    seeds.push((1, ethernet(IPV4, &nested)));
    seeds
}

#[test]
fn every_seed_is_decoded_as_far_as_it_goes() {
    for (link, frame) in seeds() {
        let packet = decode(LinkType(link), &frame, frame.len() as u32).expect("a packet");
        let inside_ends = packet.destination == 0x0a02_0001 || packet.protocol == 59;
        assert!(inside_ends, "{link} {frame:02x?} {packet:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn damage_never_breaks_the_decoder(
        seed in 0usize..30,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        captured in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
        more_on_wire in 0u32..40,
    ) {
        let (link, mut frame) = seeds().swap_remove(seed);
        for (place, value) in changes {
            let place = place.index(frame.len());
            frame[place] = value;
        }
        let wire = frame.len() as u32 + more_on_wire;
        if is_cut {
            frame.truncate(captured.index(frame.len()));
        }
        let link = LinkType(link);
        let told = peeled(link, &frame, wire);
        prop_assert_eq!(decode(link, &frame, wire), told.map(|(packet, _)| packet));
        prop_assert_eq!(by_steps(link, &frame, wire), told.map(|(packet, _)| packet));
        let Ok((packet, tunnels)) = told else { return Ok(()) };
        // No byte is made up: the payload and what is missing of it were on the wire.
        // Of a piece the IP header's word counts, or it could not be placed.
        prop_assert!(packet.fragment.is_some() || packet.payload.len() + packet.cut as usize <= wire as usize);
        prop_assert!(frame.as_ptr_range().contains(&packet.payload.as_ptr()) || packet.payload.is_empty());
        prop_assert!(tunnels.iter().count() <= Tunnels::MAX);
        prop_assert_eq!((packet.tunnel, packet.tunnelled), (tunnels.identity(), !tunnels.is_empty()));
    }

    #[test]
    fn noise_never_breaks_the_decoder(link in 0u16..300, frame in prop::collection::vec(any::<u8>(), 0..200)) {
        let link = LinkType(link);
        prop_assert_eq!(decode(link, &frame, 0), peeled(link, &frame, 0).map(|(packet, _)| packet));
    }
}
