//! L2TP: PPP over UDP (version 2), and frames of any kind over IP or UDP (version 3).
//!
//! ```text
//! v2  0 T L - - S - O P - - - - version  [2 length: L]  tunnel id  session id  [Ns Nr: S]  [offset size, padding: O]
//!                                                                                   (RFC 2661 3.1)
//! v3  over UDP: 0 T … version  2 reserved  4 session id  [8 cookie: 0, 4 or 8 bytes]  [sublayer: 0 or 4 bytes]
//!     over IP:  0 session id, 0 for control  [cookie]  [sublayer]                   (RFC 3931 4.1)
//! ```
//!
//! How long version 3's cookie and sublayer are was agreed on earlier and stands nowhere in the
//! packet. Each length is tried, and the first that uncovers a header which makes sense is taken.
//! The ids are chosen by the receiver, so the two directions differ.

use super::cursor::Cursor;
use super::encap::{Layer, Next};
use super::link::looks_like_ethernet;
use super::ppp::looks_like_ppp;
use super::tunnel::Kind;

const CONTROL: u16 = 0x8000;
const HAS_LENGTH: u16 = 0x4000;
const HAS_SEQUENCE: u16 = 0x0800;
const HAS_OFFSET: u16 = 0x0200;
const PRIORITY: u16 = 0x0100;
const VERSION: u16 = 0x000f;

pub fn over_udp(layer: &mut Layer<'_>) -> Option<Next> {
    let flags = u16::from_be_bytes(layer.header()?);
    let optional = HAS_LENGTH | HAS_SEQUENCE | HAS_OFFSET | PRIORITY;
    match (flags & CONTROL, flags & VERSION, flags & !(optional | VERSION)) {
        (0, 2, 0) => version_2(flags, layer),
        // RFC 3931 4.1.2.1: of a data message's flags none is left.
        (0, 3, 0) if flags & optional == 0 => {
            layer.header::<2>()?;
            over_ip(layer)
        }
        _ => None,
    }
}

fn version_2(flags: u16, layer: &mut Layer<'_>) -> Option<Next> {
    let mut before = 2;
    if flags & HAS_LENGTH != 0 {
        before += 2;
        let length = usize::from(u16::from_be_bytes(layer.header()?)).checked_sub(before)?;
        if length > layer.wire() {
            return None;
        }
        layer.limit(length);
    }
    let id = u32::from_be_bytes(layer.header()?);
    if flags & HAS_SEQUENCE != 0 {
        layer.header::<4>()?;
    }
    if flags & HAS_OFFSET != 0 {
        let padding = u16::from_be_bytes(layer.header()?);
        layer.take(usize::from(padding)).ok()?;
    }
    layer.enter(Kind::L2tp, Some(id))?;
    Some(Next::Ppp)
}

pub fn over_ip(layer: &mut Layer<'_>) -> Option<Next> {
    const COOKIE_AND_SUBLAYER: [usize; 4] = [0, 4, 8, 12];
    let session = u32::from_be_bytes(layer.header()?);
    // RFC 3931 4.1.1.2: the session id of control messages.
    if session == 0 {
        return None;
    }
    for length in COOKIE_AND_SUBLAYER {
        let mut behind = Cursor::new(layer.rest());
        behind.take(length)?;
        let next = if looks_like_ethernet(behind.rest()) {
            Next::Ethernet
        } else if looks_like_ppp(behind.rest()) {
            Next::Ppp
        } else {
            continue;
        };
        layer.skip(length);
        layer.enter(Kind::L2tpV3, Some(session))?;
        return Some(next);
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::wire::samples::{FLOW, FLOW_V6, INNER, INNER_V6, ethernet, ipv4, peeled, told, udp, unpeeled};

    const OUTER: &str = "17 10.9.0.1:1701 > 10.9.0.2:40001";

    fn over_udp(rest: &str) -> String {
        udp(1701, 40001, rest)
    }

    #[test]
    fn version_2_with_every_optional_field() {
        let ids = "000b 000c";
        let ppp = format!("ff03 0021 {INNER}");
        for header in [
            format!("0002 {ids}"),
            format!("0102 {ids}"),
            format!("4002 002d {ids}"),
            format!("0802 {ids} 00010002"),
            format!("4a02 0035 {ids} 00010002 0002 5a5a"),
        ] {
            assert_eq!(
                peeled(1, &over_udp(&format!("{header} {ppp}"))),
                told("l2tp:11/12", FLOW)
            );
        }
        let short = format!("0002 {ids} 57 {INNER_V6}");
        assert_eq!(peeled(1, &udp(40001, 1701, &short)), told("l2tp:11/12", FLOW_V6));
    }

    #[test]
    fn control_messages_and_other_things_on_the_port_stay_datagrams() {
        let ppp = format!("ff03 0021 {INNER}");
        for rest in [
            // Control, a reserved bit, version 1, a length beyond the datagram, one inside the header, LCP.
            "c802 0014 0000 0000 0000 0000 80080000 0001".to_owned(),
            format!("0012 000b 000c {ppp}"),
            format!("0001 000b 000c {ppp}"),
            format!("4002 002e 000b 000c {ppp}"),
            format!("4002 0003 000b 000c {ppp}"),
            "0002 000b 000c ff03 c021 0101 0004".to_owned(),
        ] {
            assert_eq!(unpeeled(1, &over_udp(&rest)), OUTER, "{rest}");
        }
    }

    #[test]
    fn version_3_with_cookies_that_nobody_announced() {
        let frame = ethernet(&format!("0800 {INNER}"));
        for between in ["", "11111111", "1111111111111111", "1111111111111111 40000001"] {
            let rest = format!("000003e7 {between} {frame}");
            assert_eq!(peeled(1, &ipv4(115, &rest)), told("l2tpv3:999", FLOW));
            assert_eq!(
                peeled(1, &over_udp(&format!("0003 0000 {rest}"))),
                told("l2tpv3:999", FLOW)
            );
            let rest = format!("000003e7 {between} ff03 0057 {INNER_V6}");
            assert_eq!(peeled(1, &ipv4(115, &rest)), told("l2tpv3:999", FLOW_V6));
        }
        let control = format!("00000000 {frame}");
        assert_eq!(unpeeled(1, &ipv4(115, &control)), "115 10.9.0.1 > 10.9.0.2");
        let noise = "000003e7 0102030405060708090a0b0c0d0e0f101112131415161718";
        assert_eq!(unpeeled(1, &ipv4(115, noise)), "115 10.9.0.1 > 10.9.0.2");
    }
}
