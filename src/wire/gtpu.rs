//! GTP-U: what a phone sends, between the base station and the core of a mobile network.
//!
//! ```text
//! 0 version (3 bits), PT, reserved, E, S, PN  1 message type  2 length of what follows byte 8  4 tunnel id
//! [8 sequence number  10 N-PDU number  11 type of the next extension: with any of E, S, PN]   (3GPP TS 29.281 5.1)
//! extension: 0 length of all of it (in 4 bytes) … the last byte is the type of the next one   (5.2.1)
//! ```
//!
//! The tunnel id is chosen by the receiver, so the two directions differ.

use super::encap::{Layer, Next};
use super::tunnel::Kind;

/// Version 1, and GTP rather than GTP'.
const VERSION_1: u8 = 0x30;
const VERSION_BITS: u8 = 0xf0;
/// An extension header, a sequence number, an N-PDU number.
const HAS_EXTENSION: u8 = 0x04;
const OPTIONAL: u8 = 0x07;
/// The message that carries a packet: G-PDU.
const PACKET: u8 = 255;
const NO_MORE: u8 = 0;
/// Extension headers followed in one packet.
const EXTENSIONS_MAX: usize = 8;

pub fn peel(layer: &mut Layer<'_>) -> Option<Next> {
    let [flags, PACKET, l0, l1, tunnel @ ..] = layer.header::<8>()? else {
        return None;
    };
    // 5.1: the reserved bit is sent as 0, and the receiver shall not look at it.
    if flags & VERSION_BITS != VERSION_1 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if length > layer.wire() {
        return None;
    }
    layer.limit(length);
    if flags & OPTIONAL != 0 {
        let [_, _, _, next] = layer.header()?;
        // 5.1: the field is there with any of the three flags, and means something only with its own.
        if flags & HAS_EXTENSION != 0 {
            extensions(next, layer)?;
        }
    }
    // What is carried is not named. It is a packet of the phone's, or in 5G perhaps a frame.
    if !matches!(layer.nibble()?, 4 | 6) {
        return None;
    }
    layer.enter(Kind::GtpU, Some(u32::from_be_bytes(tunnel)))?;
    Some(Next::Ip)
}

fn extensions(mut next: u8, layer: &mut Layer<'_>) -> Option<()> {
    for _ in 0..EXTENSIONS_MAX {
        if next == NO_MORE {
            return Some(());
        }
        let [words] = layer.header()?;
        // 5.2.1: the length counts its own byte, so 0 is no length.
        let rest = (usize::from(words) * 4).checked_sub(1)?;
        next = *layer.take(rest).ok()?.last()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::wire::samples::{FLOW, FLOW_V6, INNER, INNER_V6, peeled, told, udp, unpeeled};

    fn gtpu(flags: u8, kind: u8, rest: &str) -> String {
        let length = crate::wire::samples::bytes(rest).len();
        udp(
            2152,
            2152,
            &format!("{flags:02x}{kind:02x} {length:04x} 00000009 {rest}"),
        )
    }

    const OUTER: &str = "17 10.9.0.1:2152 > 10.9.0.2:2152";

    #[test]
    fn a_phones_syn_from_ndpi() {
        // The second frame of ja3_lots_of_cipher_suites_2_anon.pcap: no sequence number.
        let frame = "30d17e108620fc48efe8a81a 0800 450000601d9e00003d11967e 9779b92c 84bef40c 08680868004c0000
            30ff003c41b13f5c 4500003c0000400032069b48 9779c1a0 c0a893b1 01bbe480 55da0162 42c6dae6 a0127120e6c90000
            020405780402080a316efc7f000bb9af01030307";
        assert_eq!(
            peeled(1, frame),
            told("gtpu:1102135132", "6 151.121.193.160:443 > 192.168.147.177:58496")
        );
    }

    #[test]
    fn optional_fields_and_extensions() {
        let inner = |before: &str| format!("{before} {INNER}");
        for flags in [0x30, 0x38] {
            assert_eq!(peeled(1, &gtpu(flags, 255, INNER)), told("gtpu:9", FLOW));
        }
        assert_eq!(peeled(1, &gtpu(0x30, 255, INNER_V6)), told("gtpu:9", FLOW_V6));
        assert_eq!(peeled(1, &gtpu(0x32, 255, &inner("0001 00 00"))), told("gtpu:9", FLOW));
        // A type without its flag means nothing.
        assert_eq!(peeled(1, &gtpu(0x32, 255, &inner("0001 00 85"))), told("gtpu:9", FLOW));
        // 5G's extension, and two of them.
        assert_eq!(
            peeled(1, &gtpu(0x34, 255, &inner("0000 00 85 01 1005 00"))),
            told("gtpu:9", FLOW)
        );
        let two = inner("0000 00 85 01 1005 c0 02 000000000000 00");
        assert_eq!(peeled(1, &gtpu(0x36, 255, &two)), told("gtpu:9", FLOW));
        // A length of 0 is none, and neither does the chain go on for ever.
        assert_eq!(unpeeled(1, &gtpu(0x34, 255, &inner("0000 00 85 00 1005 00"))), OUTER);
        let endless = inner(&format!("0000 00 85 {}", "01 1005 85".repeat(9)));
        assert_eq!(unpeeled(1, &gtpu(0x34, 255, &endless)), OUTER);
    }

    #[test]
    fn other_messages_and_other_things_on_the_port_stay_datagrams() {
        // An echo, version 2, GTP', a length beyond the datagram, a frame in 5G.
        assert_eq!(unpeeled(1, &gtpu(0x32, 1, "0001 00 00")), OUTER);
        assert_eq!(unpeeled(1, &gtpu(0x50, 255, INNER)), OUTER);
        assert_eq!(unpeeled(1, &gtpu(0x20, 255, INNER)), OUTER);
        assert_eq!(
            unpeeled(1, &udp(2152, 2152, &format!("30ff 0022 00000009 {INNER}"))),
            OUTER
        );
        assert_eq!(
            unpeeled(1, &gtpu(0x30, 255, &format!("020000000002020000000001 0800 {INNER}"))),
            OUTER
        );
    }

    #[test]
    fn both_directions_are_one_flow() {
        let of = |frame: String| {
            let bytes = crate::wire::samples::bytes(&frame);
            crate::wire::decode::decode(crate::wire::link::LinkType::ETHERNET, &bytes, 0)
                .unwrap()
                .tunnel
        };
        let one = gtpu(0x30, 255, INNER);
        assert_eq!(of(one.replace("00000009", "00000007")), of(one));
    }
}
