//! MPLS: a stack of labels, and what lies below it.
//!
//! ```text
//! label entry   0 label (20 bits), class (3), bottom (1)  3 TTL                 (RFC 3032 2.1)
//! control word  0 0000, flags, fragment, length  2 sequence number              (RFC 4385 3)
//! ```
//!
//! What a stack carries is not named in it; the routers at its two ends know. RFC 4928 3: others
//! look at the first four bits, 4 and 6 for IP, and a pseudowire that does not want to be mistaken
//! begins with 0. But many an Ethernet address begins with 0, 4 or 6 as well, so each guess is held
//! against what should come next.

use super::cursor::Cursor;
use super::encap::{Layer, Next};
use super::link::looks_like_ethernet;
use super::tunnel::Kind;
use super::undecoded::Undecoded;

const CONTROL_WORD_LENGTH: usize = 4;
const BOTTOM: u8 = 0x01;

/// Takes the labels off, and a pseudowire's control word.
pub fn peel(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    let label = loop {
        let [a, b, c, _] = layer.array()?;
        if c & BOTTOM != 0 {
            break u32::from_be_bytes([0, a, b, c]) >> 4;
        }
    };
    layer.enter(Kind::Mpls, Some(label)).ok_or(Undecoded::TunnelDepth)?;

    let mut behind = Cursor::new(layer.rest());
    let frame_is_next = looks_like_ethernet(behind.rest());
    let frame_is_behind_word = behind.take(CONTROL_WORD_LENGTH).is_some() && looks_like_ethernet(behind.rest());
    match layer.nibble().ok_or(Undecoded::Short)? {
        4 | 6 if !frame_is_next || is_ip(layer) => Ok(Next::Ip),
        0 if frame_is_behind_word => {
            layer.skip(CONTROL_WORD_LENGTH);
            Ok(Next::Ethernet)
        }
        _ if frame_is_next => Ok(Next::Ethernet),
        _ => Err(Undecoded::Mpls),
    }
}

/// Whether the length that the IP header gives agrees with the frame's. Ethernet pads to 46 bytes, of which one label
/// and the shortest IP header leave so many; or 4 of a check sum were kept.
fn is_ip(layer: &Layer<'_>) -> bool {
    const BEYOND_IPV4: usize = 46 - 4 - 20;
    const BEYOND_IPV6: usize = 4;
    let mut c = Cursor::new(layer.rest());
    let (Some([first, _]), Some(third), Some(fifth)) = (c.array(), c.u16(), c.u16()) else {
        return false;
    };
    let (length, most) = match first >> 4 {
        4 => (usize::from(third), BEYOND_IPV4),
        _ => (usize::from(fifth) + 40, BEYOND_IPV6),
    };
    layer.wire().checked_sub(length).is_some_and(|beyond| beyond <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{FLOW, FLOW_V6, INNER, INNER_V6, ethernet, ipv4, peeled, refused, told, udp, unpeeled};

    #[test]
    fn one_label_from_arkime() {
        // An echo request of mpls-basic.pcap, cut short.
        let frame = "003096e6fc39003096052838 8847 0001d1ff 45000018000a0000ff01a56a 0a010201 0a220001 08003a77";
        assert_eq!(peeled(1, frame), told("mpls:29", "1 10.1.2.1 > 10.34.0.1"));
    }

    #[test]
    fn a_pseudowire_with_its_control_word_from_flowlab() {
        let frame = "020000002002020000002001 8847 05df2040 03eb213f 00000000 020000005102020000005101 81000096 0800
            450000380001000040068e27 c0000232 c6336432 c01c01bb 000001f4 00000001 50182000f04c0000
            6d706c732d70772d697076342d746370";
        assert_eq!(
            peeled(1, frame),
            told("mpls:16050", "6 192.0.2.50:49180 > 198.51.100.50:443")
        );
    }

    #[test]
    fn a_stack_of_any_height() {
        let labels = "00064040".repeat(9) + "0000213f";
        assert_eq!(
            peeled(1, &ethernet(&format!("8847 {labels} {INNER}"))),
            told("mpls:2", FLOW)
        );
        assert_eq!(
            peeled(1, &ethernet(&format!("8848 {labels} {INNER_V6}"))),
            told("mpls:2", FLOW_V6)
        );
        assert_eq!(
            peeled(1, &ipv4(137, &format!("{labels} {INNER}"))),
            told("mpls:2", FLOW)
        );
        assert_eq!(
            peeled(1, &udp(50001, 6635, &format!("{labels} {INNER}"))),
            told("mpls:2", FLOW)
        );
    }

    #[test]
    fn frames_whose_address_begins_like_something_else() {
        for first in ["02", "0c", "44", "64", "14", "f4"] {
            let frame = format!("{first}0000000002 020000000001 0800 {INNER}");
            for before in ["", "00000000"] {
                // A control word in front of them is 0; without it they are taken as they are.
                let frame = ethernet(&format!("8847 0000213f {before} {frame}"));
                assert_eq!(peeled(1, &frame), told("mpls:2", FLOW), "{first}");
            }
        }
    }

    #[test]
    fn labels_are_no_part_of_the_identity() {
        let frame = crate::wire::samples::bytes(&ethernet(&format!("8847 0000213f {INNER}")));
        let link = crate::wire::link::LinkType::ETHERNET;
        let packet = crate::wire::decode::decode(link, &frame, 0).unwrap();
        assert_eq!((packet.tunnel, packet.tunnelled), (0, true));
    }

    #[test]
    fn what_is_neither_ip_nor_a_frame_is_counted() {
        // An associated channel, a stack without a bottom, one too many.
        assert_eq!(
            refused(1, &ethernet("8847 0000d140 10000007 00000000")),
            Undecoded::Mpls
        );
        assert_eq!(refused(1, &ethernet("8847 00006040 00006040")), Undecoded::Short);
        assert_eq!(refused(1, &ethernet("8847 0000213f")), Undecoded::Short);
        let five = ethernet(&"8847 0000213f 020000000002 020000000001".repeat(5));
        assert_eq!(refused(1, &format!("{five} 0800 {INNER}")), Undecoded::TunnelDepth);
        assert_eq!(unpeeled(1, &ipv4(137, "0000d140 10000007")), "137 10.9.0.1 > 10.9.0.2");
    }
}
