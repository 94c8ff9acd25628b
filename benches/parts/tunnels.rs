//! Frames through tunnels, to the packet inside: what an encapsulation adds to `decode`.

use std::net::Ipv4Addr;

use criterion::{Criterion, Throughput};
use flowsift::wire::decode::decode;
use flowsift::wire::link::LinkType;

use super::decode::{FRAMES, Frames, all, office_v4};
use crate::traffic::frame;

const ETHERNET: usize = 14;
const GRE: u8 = 47;
const OUTER: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tunnels");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, stack) in [
        ("VXLAN", &[vxlan as Wrap][..]),
        ("GENEVE", &[geneve]),
        ("GTP-U", &[gtpu]),
        ("GRE", &[gre]),
        ("MPLS", &[mpls]),
        ("PPPoE", &[pppoe]),
        ("GTP-U in VXLAN in GRE in MPLS", &[gtpu, vxlan, gre, mpls]),
    ] {
        let frames = Frames::made(|dice, out| {
            let mut frame = Vec::new();
            office_v4(dice, &mut frame);
            let whole = stack.iter().fold(frame, |inner, wrap| wrap(&inner));
            out.extend_from_slice(&whole);
        });
        for frame in frames.iter() {
            let view = decode(LinkType::ETHERNET, frame, frame.len() as u32);
            assert!(view.is_ok_and(|view| view.tunnelled && view.source != u128::from(OUTER.0.to_bits())));
        }
        all(&mut group, name, &frames, decode);
    }
    group.finish();
}

/// Makes a frame around a frame.
type Wrap = fn(&[u8]) -> Vec<u8>;

fn vxlan(inner: &[u8]) -> Vec<u8> {
    over_udp(4789, &[8, 0, 0, 0, 0, 0, 42, 0], inner)
}

fn geneve(inner: &[u8]) -> Vec<u8> {
    over_udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 42, 0], inner)
}

fn gtpu(inner: &[u8]) -> Vec<u8> {
    let packet = &inner[ETHERNET..];
    let [high, low] = (packet.len() as u16).to_be_bytes();
    over_udp(2152, &[0x30, 255, high, low, 0, 0, 0, 7], packet)
}

fn over_udp(port: u16, header: &[u8], inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (from, to) = ((OUTER.0, 50_000).into(), (OUTER.1, port).into());
    frame::udp(&mut out, from, to, &[header, inner].concat());
    out
}

fn gre(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let payload = [&[0, 0, 8, 0], &inner[ETHERNET..]].concat();
    frame::packet(&mut out, OUTER.0, OUTER.1, GRE, &payload);
    out
}

fn mpls(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::link(&mut out, 0x8847, &[&[0, 1, 0xd1, 64], &inner[ETHERNET..]].concat());
    out
}

fn pppoe(inner: &[u8]) -> Vec<u8> {
    let packet = &inner[ETHERNET..];
    let [high, low] = (packet.len() as u16 + 2).to_be_bytes();
    let mut out = Vec::new();
    let header = [0x11, 0, 0, 1, high, low, 0, 0x21];
    frame::link(&mut out, 0x8864, &[&header, packet].concat());
    out
}
