//! Headers that a capturing machine puts in front of a frame, to say more of it than the wire did.
//!
//! ```text
//! PPI     0 version (0)  1 flags  2 length  4 linktype of the frame behind it              all little-endian
//! PKTAP   0 length  4 kind of record  8 linktype of the frame behind it                    (macOS; likewise)
//! NFLOG   0 address family  1 version (0)  2 group   then values: 0 length  2 kind  4 value, padded to 4
//! SLIP    0 direction  1 how it was compressed (15 bytes)                                  then IP, decompressed
//! ```
//!
//! (PPI: "Per-Packet Information Header Specification"; PKTAP: Apple's bsd/net/pktap.h; NFLOG: Linux's nfnetlink_log.h; SLIP:
//! tcpdump's registry of link types.)
//!
//! NFLOG's values are in the byte order of the machine, which the file does not name. Their kinds
//! are small numbers, so the byte that is zero tells.

use super::encap::{Layer, Next};
use super::link::LinkType;
use super::undecoded::Undecoded;

/// Linktype 192.
pub fn ppi(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const FIXED: usize = 8;
    let [version, _, l0, l1, link @ ..] = layer.array::<FIXED>()?;
    let length = usize::from(u16::from_le_bytes([l0, l1])).checked_sub(FIXED);
    let (0, Some(length)) = (version, length) else {
        return Err(Undecoded::LinkHeader);
    };
    layer.take(length)?;
    inner(u32::from_le_bytes(link))
}

/// Linktype 258.
pub fn pktap(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const FIXED: usize = 12;
    let [l0, l1, l2, l3, _, _, _, _, link @ ..] = layer.array::<FIXED>()?;
    let length = (u32::from_le_bytes([l0, l1, l2, l3]) as usize).checked_sub(FIXED);
    layer.take(length.ok_or(Undecoded::LinkHeader)?)?;
    inner(u32::from_le_bytes(link))
}

fn inner(link: u32) -> Result<Next, Undecoded> {
    u16::try_from(link)
        .map(|number| Next::Link(LinkType(number)))
        .map_err(|_| Undecoded::LinkType)
}

/// Linktype 239.
pub fn nflog(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const VALUE_HEADER: usize = 4;
    const PAYLOAD: u16 = 9;
    let [_, version, _, _] = layer.array()?;
    if version != 0 {
        return Err(Undecoded::LinkHeader);
    }
    loop {
        let (length, kind) = match layer.array()? {
            [l0, l1, kind, 0] => (u16::from_le_bytes([l0, l1]), u16::from(kind)),
            [l0, l1, 0, kind] => (u16::from_be_bytes([l0, l1]), u16::from(kind)),
            _ => return Err(Undecoded::LinkHeader),
        };
        let length = usize::from(length)
            .checked_sub(VALUE_HEADER)
            .ok_or(Undecoded::LinkHeader)?;
        if kind == PAYLOAD {
            layer.limit(length);
            return Ok(Next::Ip);
        }
        layer.take(length.next_multiple_of(4))?;
    }
}

/// Linktype 8.
pub fn slip(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    layer.array::<16>()?;
    Ok(Next::Ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{FLOW, FLOW_V6, INNER, INNER_V6, ethernet, refused, unpeeled};

    #[test]
    fn the_linktype_behind_ppi_and_pktap() {
        let frame = ethernet(&format!("0800 {INNER}"));
        assert_eq!(unpeeled(192, &format!("00 00 0800 01000000 {frame}")), FLOW);
        assert_eq!(unpeeled(192, &format!("00 00 0c00 65000000 01020304 {INNER}")), FLOW);
        let wlan = format!("0801 0000 {} 1000 aaaa03000000 0800 {INNER}", "020000000002".repeat(3));
        let common = "0200 1400".to_owned() + &"00".repeat(20);
        assert_eq!(unpeeled(192, &format!("00 00 2000 69000000 {common} {wlan}")), FLOW);
        let pktap = |link: &str, rest: &str| format!("6c000000 01000000 {link} {} {rest}", "00".repeat(96));
        assert_eq!(unpeeled(258, &pktap("01000000", &frame)), FLOW);
        assert_eq!(unpeeled(258, &pktap("0c000000", INNER_V6)), FLOW_V6);
        assert_eq!(refused(258, &pktap("95000000", INNER)), Undecoded::LinkType);
        assert_eq!(refused(258, &pktap("01000100", INNER)), Undecoded::LinkType);
        assert_eq!(refused(258, "0b000000 01000000 01000000"), Undecoded::LinkHeader);
        assert_eq!(refused(192, "01 00 0800 01000000"), Undecoded::LinkHeader);
        assert_eq!(refused(192, "00 00 0700 01000000"), Undecoded::LinkHeader);
        // One inside the other, for ever: the frame ends first.
        assert_eq!(refused(192, &"00 00 0800 c0000000".repeat(50)), Undecoded::Short);
    }

    #[test]
    fn nflog_in_either_byte_order() {
        let little = format!("02 00 0001 0800 0100 08000100 0700 0a00 61620000 2500 0900 {INNER}");
        let big = format!("02 00 0001 0008 0001 08000100 0007 000a 61620000 0025 0009 {INNER}");
        assert_eq!(
            (unpeeled(239, &little), unpeeled(239, &big)),
            (FLOW.into(), FLOW.into())
        );
        assert_eq!(unpeeled(239, &format!("0a 00 0001 3900 0900 {INNER_V6}")), FLOW_V6);
        assert_eq!(refused(239, "02 01 0001 2500 0900"), Undecoded::LinkHeader);
        assert_eq!(refused(239, "02 00 0001 0300 0100"), Undecoded::LinkHeader);
        assert_eq!(refused(239, "02 00 0001 0400 0101"), Undecoded::LinkHeader);
        assert_eq!(refused(239, "02 00 0001 0800 0100 08000100"), Undecoded::Short);
    }

    #[test]
    fn slip_is_found_decompressed() {
        assert_eq!(unpeeled(8, &format!("0080 {} {INNER}", "00".repeat(14))), FLOW);
    }
}
