//! Teredo: IPv6 in UDP, through address translators.
//!
//! ```text
//! [0 0x0001  2 length of id  3 length of value  4 id, value, nonce (8), confirmation (1)]   authentication
//! [0 0x0000  2 port  4 address]                                                             origin indication
//! IPv6 header and all behind it                                                  (RFC 4380 5.1.1)
//! ```

use super::encap::{Layer, Next};
use super::tunnel::Kind;

const AUTHENTICATION: [u8; 2] = [0, 1];
const ORIGIN: [u8; 2] = [0, 0];
const NONCE_AND_CONFIRMATION: usize = 9;
const IPV6_LENGTH: usize = 40;

pub fn peel(layer: &mut Layer<'_>) -> Option<Next> {
    if layer.rest().starts_with(&AUTHENTICATION) {
        let [_, _, id, value] = layer.header()?;
        layer
            .take(usize::from(id) + usize::from(value) + NONCE_AND_CONFIRMATION)
            .ok()?;
    }
    if layer.rest().starts_with(&ORIGIN) {
        layer.header::<8>()?;
    }
    // Without a mark of its own, it is known by an IPv6 header that fits. RFC 6081 4: trailers may follow.
    let mut inner = *layer;
    let [version, _, _, _, l0, l1, _, _] = inner.header()?;
    let length = IPV6_LENGTH + usize::from(u16::from_be_bytes([l0, l1]));
    if version >> 4 != 6 || length > layer.wire() {
        return None;
    }
    layer.enter(Kind::Teredo, None)?;
    Some(Next::Ip)
}

#[cfg(test)]
mod tests {
    use crate::wire::samples::{FLOW_V6, INNER_V6, peeled, told, udp, unpeeled};

    #[test]
    fn a_solicitation_from_ndpi() {
        // The first frame of teredo.pcap: authentication without id and value.
        let frame = "6c416a8c8089001b17000115 0800 4500005959ba00007e11e92b 0a70106a c2881c4c cd210dd800457d87
            00010000 b11b3fea46a9afe9 00 6000000000083aff fe800000000000000000fffffffffffe
            ff020000000000000000000000000002 85007d3800000000";
        assert_eq!(peeled(1, frame), told("teredo", "58 fe80::ffff:ffff:fffe > ff02::2"));
    }

    #[test]
    fn with_and_without_its_indications() {
        let authentication = "0001 02 03 6964 76616c 5555555555555555 00";
        let origin = "0000 1234 01020304";
        for before in ["", authentication, origin, &format!("{authentication} {origin}")] {
            let payload = format!("{before} {INNER_V6}");
            assert_eq!(peeled(1, &udp(3544, 50123, &payload)), told("teredo", FLOW_V6));
            assert_eq!(peeled(1, &udp(50123, 3544, &payload)), told("teredo", FLOW_V6));
            // A trailer.
            let payload = format!("{payload} 04040000 0000");
            assert_eq!(peeled(1, &udp(50123, 3544, &payload)), told("teredo", FLOW_V6));
        }
    }

    #[test]
    fn what_is_no_ipv6_is_no_teredo() {
        let v4 = "45000014000040004011000001020304 05060708";
        let longer = INNER_V6.replace("000d 11 40", "000e 11 40");
        for payload in [v4, &longer, "0001 ff", "6000"] {
            assert_eq!(
                unpeeled(1, &udp(50123, 3544, payload)),
                "17 10.9.0.1:50123 > 10.9.0.2:3544"
            );
        }
    }
}
