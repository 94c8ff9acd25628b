//! Serial lines and what runs as if over one: PPP, PPPoE, Cisco's HDLC, frame relay.
//!
//! ```text
//! PPP          [0xff 0x03]  protocol, 2 bytes, or 1 if that byte is odd                  (RFC 1661 2, RFC 1662 3.1)
//! PPPoE        0 version and type  1 code  2 session  4 length of what follows           (RFC 2516 4)
//! Cisco HDLC   0 address (0x0f, 0x8f)  1 control (0)  2 EtherType
//! frame relay  0 address, 2 to 4 bytes, the last one odd  then 0x03, [0], NLPID          (RFC 2427 3)
//!              or, as Cisco does it, an EtherType
//! ```

use super::cursor::Cursor;
use super::encap::{Layer, Next};
use super::tunnel::Kind;
use super::undecoded::Undecoded;

/// All stations, unnumbered information.
const ADDRESS_AND_CONTROL: [u8; 2] = [0xff, 0x03];
/// IANA "PPP DLL Protocol Numbers".
const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const MPLS: u16 = 0x0281;
const MPLS_MULTICAST: u16 = 0x0283;

/// Takes a PPP header off.
pub fn peel(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    if layer.rest().starts_with(&ADDRESS_AND_CONTROL) {
        layer.array::<2>()?;
    }
    let [first] = layer.array()?;
    // RFC 1661 2: the first byte of a protocol number is even and the second odd, so that the first may be left out.
    let number = match first & 1 {
        1 => u16::from(first),
        _ => {
            let [second] = layer.array()?;
            u16::from_be_bytes([first, second])
        }
    };
    match number {
        IPV4 | IPV6 => Ok(Next::Ip),
        MPLS | MPLS_MULTICAST => Ok(Next::Mpls),
        _ => Err(Undecoded::Ppp),
    }
}

/// Whether these bytes can be a PPP frame around an IP packet.
pub fn looks_like_ppp(bytes: &[u8]) -> bool {
    let mut c = Cursor::new(bytes);
    let mut number = c.u16();
    if number == Some(u16::from_be_bytes(ADDRESS_AND_CONTROL)) {
        number = c.u16();
    }
    let version = c.u8().map(|first| first >> 4);
    matches!((number, version), (Some(IPV4), Some(4)) | (Some(IPV6), Some(6)))
}

/// Linktype 50, and 9 as it is found: PPP, or Cisco's HDLC.
pub fn ppp_or_hdlc(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    match layer.rest() {
        [0x0f | 0x8f, 0, ..] => cisco_hdlc(layer),
        _ => Ok(Next::Ppp),
    }
}

pub fn cisco_hdlc(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    let [_, _, a, b] = layer.array()?;
    Ok(Next::EtherType(u16::from_be_bytes([a, b])))
}

/// A PPPoE session; what sets one up is not decoded.
pub fn pppoe(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const VERSION_1_TYPE_1: u8 = 0x11;
    const SESSION_DATA: u8 = 0;
    let [VERSION_1_TYPE_1, SESSION_DATA, s0, s1, l0, l1] = layer.array()? else {
        return Err(Undecoded::Pppoe);
    };
    layer.limit(usize::from(u16::from_be_bytes([l0, l1])));
    let session = u32::from(u16::from_be_bytes([s0, s1]));
    layer.enter(Kind::Pppoe, Some(session)).ok_or(Undecoded::TunnelDepth)?;
    Ok(Next::Ppp)
}

pub fn frame_relay(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const LAST: u8 = 0x01;
    const UNNUMBERED: u8 = 0x03;
    const PADDING: u8 = 0;
    const NLPID_SNAP: u8 = 0x80;
    const NLPID_IPV6: u8 = 0x8e;
    const NLPID_IPV4: u8 = 0xcc;
    const OUI_ETHERTYPE: [u8; 3] = [0, 0, 0];
    /// RFC 2427 9: bridged Ethernet, with its check sum and without.
    const OUI_BRIDGED: [u8; 3] = [0x00, 0x80, 0xc2];

    // Q.922 3.3: two bytes, or three, or four.
    let [_, second] = layer.array()?;
    let mut last = second;
    for _ in 0..2 {
        if last & LAST == 0 {
            [last] = layer.array()?;
        }
    }
    let [control, second] = layer.array()?;
    if control != UNNUMBERED {
        return Ok(Next::EtherType(u16::from_be_bytes([control, second])));
    }
    let [nlpid] = match second {
        PADDING => layer.array()?,
        nlpid => [nlpid],
    };
    match nlpid {
        NLPID_IPV4 | NLPID_IPV6 => Ok(Next::Ip),
        NLPID_SNAP => match layer.array()? {
            [o0, o1, o2, a, b] if [o0, o1, o2] == OUI_ETHERTYPE => Ok(Next::EtherType(u16::from_be_bytes([a, b]))),
            [o0, o1, o2, 0, 1 | 7] if [o0, o1, o2] == OUI_BRIDGED => Ok(Next::Ethernet),
            _ => Err(Undecoded::FrameRelay),
        },
        _ => Err(Undecoded::FrameRelay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{FLOW, FLOW_V6, INNER, INNER_V6, ethernet, peeled, refused, told, unpeeled};

    #[test]
    fn a_syn_in_pppoe_from_arkime() {
        // The first frame of pppoe.pcap.
        let frame = "00901aa03da40011f513d7a3 8864 1100069d0032 0021 45000030013740008006 58a7 acca f639 400cbdd9
            042701bb e9428755 00000000 7002ffff6bed0000 0204058201010402";
        assert_eq!(
            peeled(1, frame),
            told("pppoe:1693", "6 172.202.246.57:1063 > 64.12.189.217:443")
        );
    }

    #[test]
    fn a_session_behind_two_tags_and_as_a_linktype() {
        let session = format!("1100 1234 0023 0021 {INNER}");
        let frame = ethernet(&format!("88a8 00e6 8100 00e7 8864 {session} 0000"));
        assert_eq!(peeled(1, &frame), told("pppoe:4660", FLOW));
        assert_eq!(peeled(51, &session), told("pppoe:4660", FLOW));
        let v6 = format!("1100 1234 0037 0057 {INNER_V6}");
        assert_eq!(peeled(51, &v6), told("pppoe:4660", FLOW_V6));
    }

    #[test]
    fn what_sets_lines_up_is_counted() {
        assert_eq!(refused(1, &ethernet("8863 1109 0000 0004 0101 0000")), Undecoded::Pppoe);
        assert_eq!(refused(1, &ethernet("8864 11a7 0001 0000")), Undecoded::Pppoe);
        assert_eq!(refused(1, &ethernet("8864 2100 0001 0002 0021")), Undecoded::Pppoe);
        assert_eq!(
            refused(1, &ethernet("8864 1100 0001 000a c021 0901 0008 00000000")),
            Undecoded::Ppp
        );
        // Compressed, and one link of several.
        assert_eq!(refused(9, "ff03 00fd 9000"), Undecoded::Ppp);
        assert_eq!(refused(9, "ff03 003d c0000001 0021"), Undecoded::Ppp);
        assert_eq!(refused(9, "ff03"), Undecoded::Short);
    }

    #[test]
    fn fields_may_be_left_out() {
        for header in ["ff03 0021", "0021", "ff03 21", "21"] {
            for link in [9, 50] {
                assert_eq!(unpeeled(link, &format!("{header} {INNER}")), FLOW);
            }
            for direction in ["00", "01"] {
                assert_eq!(unpeeled(204, &format!("{direction} {header} {INNER}")), FLOW);
            }
        }
        assert_eq!(unpeeled(9, &format!("ff03 0057 {INNER_V6}")), FLOW_V6);
        assert_eq!(peeled(9, &format!("ff03 0281 00007140 {INNER}")), told("mpls:7", FLOW));
    }

    #[test]
    fn cisco_hdlc() {
        for address in ["0f00", "8f00"] {
            for link in [9, 50, 104] {
                assert_eq!(unpeeled(link, &format!("{address} 0800 {INNER}")), FLOW);
                assert_eq!(unpeeled(link, &format!("{address} 86dd {INNER_V6}")), FLOW_V6);
            }
        }
        let keepalive = "8f00 8035 00000002 00000001 00000001 ffff";
        assert_eq!(refused(104, keepalive), Undecoded::EtherType);
    }

    #[test]
    fn frame_relay_by_rfc_and_by_cisco() {
        let bridged = format!("020000000002 020000000001 0800 {INNER}");
        for frame in [
            format!("1841 03 cc {INNER}"),
            format!("1841 03 00 cc {INNER}"),
            format!("18404041 03 cc {INNER}"),
            format!("184041 03 cc {INNER}"),
            format!("1841 03 00 80 000000 0800 {INNER}"),
            format!("1841 03 00 80 0080c2 0007 {bridged}"),
            format!("1841 0800 {INNER}"),
        ] {
            assert_eq!(unpeeled(107, &frame), FLOW, "{frame}");
        }
        assert_eq!(unpeeled(107, &format!("1841 03 8e {INNER_V6}")), FLOW_V6);
        // LMI.
        assert_eq!(refused(107, "0001 03 08 00 75 95 01 01 00"), Undecoded::FrameRelay);
    }
}
