//! For the tests of tunnels: frames written in hex, and what the decoder makes of them in words.

use super::decode::{Undecoded, decode, peeled as peel_frame};
use super::link::LinkType;
use super::packet::{PacketView, Transport};

/// `hello` in a UDP datagram, and the flow it makes.
pub const INNER: &str = "45000021 0001 4000 4011 0000 0a010001 0a020001 4e21 270f 000d 0000 68656c6c6f";
pub const FLOW: &str = "17 10.1.0.1:20001 > 10.2.0.1:9999";
/// The same over IPv6.
pub const INNER_V6: &str = "60000000 000d 11 40 20010db8000100000000000000000001 20010db8000000000000000000000002
    4e21 270f 000d 0000 68656c6c6f";
pub const FLOW_V6: &str = "17 2001:db8:1::1:20001 > 2001:db8::2:9999";

/// An Ethernet frame: the EtherType and what is behind it.
pub fn ethernet(rest: &str) -> String {
    format!("020000000002 020000000001 {rest}")
}

/// An Ethernet frame with an IPv4 packet from 10.9.0.1 to 10.9.0.2.
pub fn ipv4(protocol: u8, payload: &str) -> String {
    let length = 20 + bytes(payload).len();
    ethernet(&format!(
        "0800 4500{length:04x} 0001 4000 40{protocol:02x} 0000 0a090001 0a090002 {payload}"
    ))
}

/// The same with a UDP datagram.
pub fn udp(source: u16, destination: u16, payload: &str) -> String {
    let length = 8 + bytes(payload).len();
    ipv4(
        17,
        &format!("{source:04x} {destination:04x} {length:04x} 0000 {payload}"),
    )
}

/// The tunnels' text and the flow, as [`peeled`] gives them.
pub fn told(text: &str, flow: &str) -> (String, String) {
    (text.to_owned(), flow.to_owned())
}

/// Hex with any spacing to bytes.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte");
    digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect()
}

/// Protocol, source, destination.
fn flow(packet: &PacketView<'_>) -> String {
    let [source, destination] = [packet.source, packet.destination].map(|bits| packet.family.address(bits));
    match packet.transport {
        Transport::Tcp {
            source: a,
            destination: b,
            ..
        }
        | Transport::Udp {
            source: a,
            destination: b,
        }
        | Transport::Sctp {
            source: a,
            destination: b,
        } => {
            format!("{} {source}:{a} > {destination}:{b}", packet.protocol)
        }
        _ => format!("{} {source} > {destination}", packet.protocol),
    }
}

/// The tunnels' text and the flow of a frame that must have come through some. Every shorter capture of the frame
/// must be decoded without a panic as well.
pub fn peeled(link: u16, hex: &str) -> (String, String) {
    let frame = bytes(hex);
    let wire = frame.len() as u32;
    for captured in 0..frame.len() {
        if let Ok(cut) = decode(LinkType(link), &frame[..captured], wire) {
            assert!(cut.payload.len() <= captured);
        }
    }
    let (packet, tunnels) = peel_frame(LinkType(link), &frame, wire).expect("a decoded frame");
    assert_eq!(decode(LinkType(link), &frame, wire), Ok(packet));
    assert_eq!((packet.tunnel, packet.tunnelled), (tunnels.identity(), true));
    assert_eq!(packet.cut, 0);
    (tunnels.text().expect("a tunnel"), flow(&packet))
}

/// The flow of a frame that came through no tunnel.
pub fn unpeeled(link: u16, hex: &str) -> String {
    let frame = bytes(hex);
    let packet = decode(LinkType(link), &frame, frame.len() as u32).expect("a decoded frame");
    assert_eq!((packet.tunnel, packet.tunnelled), (0, false));
    flow(&packet)
}

/// Why a frame is no packet.
pub fn refused(link: u16, hex: &str) -> Undecoded {
    let frame = bytes(hex);
    decode(LinkType(link), &frame, frame.len() as u32).expect_err("a frame that is no packet")
}
