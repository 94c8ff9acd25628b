//! Wireless frames as they were in the air, and the headers that capturing cards put in front.
//!
//! ```text
//! 802.11    0 frame control  2 duration  4 three addresses  22 sequence control           (IEEE 802.11-2020 9.2.3)
//!           [24 fourth address: to and from the distribution system]  [QoS: 2]  [HT: 4]  then LLC
//! radiotap  0 version  2 length (little-endian)  4 which fields are present, …            (radiotap.org)
//! Prism     0 message  4 length, in the capturing machine's order
//! AVS       0 0x80211001  4 length
//! ```
//!
//! A check sum may stand at the end. Nobody needs to know: an IP packet knows its own length.

use super::cursor::Cursor;
use super::encap::{Layer, Next};
use super::link;
use super::undecoded::Undecoded;

const VERSION_AND_TYPE: u8 = 0x0f;
const DATA: u8 = 0x08;
/// Of the subtype, the top half of the first byte: no data; with QoS.
const NO_DATA: u8 = 0x40;
const QOS: u8 = 0x80;
/// Of the second byte.
const TO_AND_FROM: u8 = 0x03;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
/// Of the QoS field: several packets in one frame.
const AGGREGATED: u8 = 0x80;

/// Linktype 105.
pub fn frame(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    data_frame(layer, false)
}

/// `padded`: the card put the payload at a multiple of four.
fn data_frame(layer: &mut Layer<'_>, padded: bool) -> Result<Next, Undecoded> {
    let [control, flags] = layer.array()?;
    if control & VERSION_AND_TYPE != DATA || control & NO_DATA != 0 {
        return Err(Undecoded::Wlan);
    }
    if flags & PROTECTED != 0 {
        return Err(Undecoded::WlanProtected);
    }
    let [.., sequence, _] = layer.array::<22>()?;
    let mut aggregated = false;
    let mut beyond = 0;
    if flags & TO_AND_FROM == TO_AND_FROM {
        layer.array::<6>()?;
        beyond += 6;
    }
    if control & QOS != 0 {
        let [qos, _] = layer.array()?;
        aggregated = qos & AGGREGATED != 0;
        beyond += 2;
        // 9.2.4.1.10: in a QoS frame the bit says that the HT control field is there.
        if flags & ORDER != 0 {
            layer.array::<4>()?;
        }
    }
    if padded && beyond % 4 != 0 {
        layer.array::<2>()?;
    }
    // 9.2.4.4.3: the number of the fragment.
    if flags & MORE_FRAGMENTS != 0 || sequence & 0x0f != 0 {
        return Err(Undecoded::WlanFragment);
    }
    if aggregated {
        only_subframe(layer)?;
    }
    link::llc(layer)
}

/// 9.3.2.2: two addresses, the length, LLC, padding. A frame that holds several packets is more than can be handed on.
fn only_subframe(layer: &mut Layer<'_>) -> Result<(), Undecoded> {
    const HEADER: usize = 14;
    const PADDING_AND_CHECK_SUM: usize = 3 + 4;
    let [.., l0, l1] = layer.array::<HEADER>()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if length + PADDING_AND_CHECK_SUM < layer.wire() {
        return Err(Undecoded::WlanAggregate);
    }
    layer.limit(length);
    Ok(())
}

/// Linktype 127.
pub fn radiotap(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const FIXED: usize = 8;
    const IS_PADDED: u8 = 0x20;
    let [version, _, l0, l1, p0, p1, p2, p3] = layer.array::<FIXED>()?;
    let length = usize::from(u16::from_le_bytes([l0, l1])).checked_sub(FIXED);
    let (0, Some(length)) = (version, length) else {
        return Err(Undecoded::LinkHeader);
    };
    let fields = layer.take(length)?;
    let flags = radiotap_flags(u32::from_le_bytes([p0, p1, p2, p3]), fields);
    data_frame(layer, flags.unwrap_or(0) & IS_PADDED != 0)
}

/// The `flags` field, which only a time stamp may precede. Fields are aligned by their own size.
fn radiotap_flags(present: u32, fields: &[u8]) -> Option<u8> {
    const TIME: u32 = 1 << 0;
    const FLAGS: u32 = 1 << 1;
    const MORE_WORDS: u32 = 1 << 31;
    if present & FLAGS == 0 {
        return None;
    }
    let mut c = Cursor::new(fields);
    let mut word = present;
    let mut words = 0;
    while word & MORE_WORDS != 0 {
        word = u32::from_le_bytes(c.array()?);
        words += 1;
    }
    if present & TIME != 0 {
        if words % 2 != 0 {
            c.u32()?;
        }
        c.array::<8>()?;
    }
    c.u8()
}

/// Linktype 119: Prism's header, or AVS's that took its place.
pub fn prism(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    /// The device's name, and values of 12 bytes each, which all cards make 144 together.
    const LENGTH_MOST: usize = 1024;
    const FIXED: usize = 8;
    if layer.rest().starts_with(&AVS_MAGIC) {
        return avs(layer);
    }
    let [.., l0, l1, l2, l3] = layer.array::<FIXED>()?;
    let either = [
        u32::from_le_bytes([l0, l1, l2, l3]),
        u32::from_be_bytes([l0, l1, l2, l3]),
    ];
    let length = either
        .into_iter()
        .filter_map(|length| (length as usize).checked_sub(FIXED))
        .find(|&length| length <= LENGTH_MOST)
        .ok_or(Undecoded::LinkHeader)?;
    layer.take(length)?;
    data_frame(layer, false)
}

/// The version's last digit has no part in it.
const AVS_MAGIC: [u8; 3] = [0x80, 0x21, 0x10];

/// Linktype 163.
pub fn avs(layer: &mut Layer<'_>) -> Result<Next, Undecoded> {
    const FIXED: usize = 8;
    let [m0, m1, m2, _, l0, l1, l2, l3] = layer.array::<FIXED>()?;
    let length = (u32::from_be_bytes([l0, l1, l2, l3]) as usize).checked_sub(FIXED);
    let (AVS_MAGIC, Some(length)) = ([m0, m1, m2], length) else {
        return Err(Undecoded::LinkHeader);
    };
    layer.take(length)?;
    data_frame(layer, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{FLOW, INNER, refused, unpeeled};

    const ADDRESSES: &str = "020000000002 020000000001 020000000003";
    const LLC: &str = "aaaa03000000 0800";

    /// A frame of these control bytes, with these optional fields in front of LLC.
    fn data(control: &str, optional: &str) -> String {
        format!("{control} 2c00 {ADDRESSES} 1000 {optional} {LLC} {INNER}")
    }

    #[test]
    fn a_question_in_the_air_from_zeek() {
        // The first frame of radiotap.pcap: QoS, check sum at the end.
        let frame = "00003000 6b081c00 e1615656 00000000 1000a415 4001b6a3 014e3497 40010100 a4156c22 1f010700 01000000
            00000000 8801 2c00 8a15149b5ae0 90724097b6f5 442b03aaab8d 1000 0600 aaaa03000000 0800
            4500003fd68d00004011aea2 ac119c4c d043dcdc f12a0035002bc5df a72f01000001000000000000
            0763617074697665 056170706c65 03636f6d00 00010001 0312c6a7";
        assert_eq!(unpeeled(127, frame), "17 172.17.156.76:61738 > 208.67.220.220:53");
    }

    #[test]
    fn every_shape_of_a_data_frame() {
        for (control, optional) in [
            ("0801", ""),
            ("0802", ""),
            ("1801", ""),
            ("8801", "0600"),
            ("0803", "020000000004"),
            ("8803", "020000000004 0600"),
            ("8881", "0600 01020304"),
        ] {
            let frame = data(control, optional);
            assert_eq!(unpeeled(105, &frame), FLOW, "{control}");
            assert_eq!(unpeeled(127, &format!("0000 0800 00000000 {frame}")), FLOW);
            let avs = format!("80211001 00000040 {} {frame}", "00".repeat(56));
            assert_eq!((unpeeled(163, &avs), unpeeled(119, &avs)), (FLOW.into(), FLOW.into()));
            for length in ["90000000", "00000090"] {
                let prism = format!("44000000 {length} {} {frame}", "00".repeat(136));
                assert_eq!(unpeeled(119, &prism), FLOW);
            }
        }
    }

    #[test]
    fn padding_between_header_and_payload() {
        let padded = data("8801", "0600 0000");
        assert_eq!(unpeeled(127, &format!("0000 0900 02000000 20 {padded}")), FLOW);
        let behind_time = format!("0000 1100 03000000 1122334455667788 20 {padded}");
        assert_eq!(unpeeled(127, &behind_time), FLOW);
        // A second word of fields, and a third: the time stamp is aligned by its size.
        let two = format!("0000 1900 03000080 00000000 00000000 1122334455667788 20 {padded}");
        assert_eq!(unpeeled(127, &two), FLOW);
        let three = format!("0000 1900 03000080 00000080 00000000 1122334455667788 20 {padded}");
        assert_eq!(unpeeled(127, &three), FLOW);
        let even = data("0801", "");
        assert_eq!(unpeeled(127, &format!("0000 0900 02000000 20 {even}")), FLOW);
    }

    #[test]
    fn one_packet_in_an_aggregate_but_not_two() {
        let body = format!("{LLC} {INNER}");
        let subframe = format!("020000000002 020000000001 0029 {body}");
        let one = format!("8801 2c00 {ADDRESSES} 1000 8000 {subframe}");
        assert_eq!(unpeeled(105, &one), FLOW);
        assert_eq!(unpeeled(105, &format!("{one} deadbeef")), FLOW);
        assert_eq!(
            refused(105, &format!("{one} 000000 {subframe}")),
            Undecoded::WlanAggregate
        );
    }

    #[test]
    fn what_is_no_packet_is_counted() {
        let beacon = format!("8000 0000 {ADDRESSES} 1000 {}", "00".repeat(12));
        let null = format!("4801 0000 {ADDRESSES} 1000");
        for frame in [beacon.as_str(), "d400 0000 020000000002", &null] {
            assert_eq!(refused(105, frame), Undecoded::Wlan);
        }
        assert_eq!(refused(105, &data("8841", "0600")), Undecoded::WlanProtected);
        assert_eq!(refused(105, &data("0805", "")), Undecoded::WlanFragment);
        assert_eq!(
            refused(105, &data("0801", "").replace("1000", "1100")),
            Undecoded::WlanFragment
        );
    }

    #[test]
    fn headers_that_contradict_themselves() {
        let frame = data("0801", "");
        assert_eq!(
            refused(127, &format!("0100 0800 00000000 {frame}")),
            Undecoded::LinkHeader
        );
        assert_eq!(
            refused(127, &format!("0000 0700 00000000 {frame}")),
            Undecoded::LinkHeader
        );
        assert_eq!(refused(127, "0000 ff00 00000000"), Undecoded::Short);
        assert_eq!(
            refused(163, &format!("80211001 00000007 {frame}")),
            Undecoded::LinkHeader
        );
        assert_eq!(
            refused(163, &format!("80211101 00000008 {frame}")),
            Undecoded::LinkHeader
        );
        assert_eq!(
            refused(119, &format!("44000000 00900000 {frame}")),
            Undecoded::LinkHeader
        );
    }
}
