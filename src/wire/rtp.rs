//! RTP and RTCP on the wire: media, and word of how it arrives.
//!
//! Both share one port nowadays (RFC 5761), and both are sealed behind their headers (SRTP), so the headers
//! are all there is to know them by.
//!
//! ```text
//! RTP    0 version (2 bits) padding extension sources (4)   1 marker, type (7)   2 sequence (2)   4 time (4)   8 source (4)
//! RTCP   0 version (2 bits) padding count (5)               1 type              2 length (2)      4 source (4)
//! ```
//!
//! Two bits and a few lengths are little: one datagram in four of noise has them. Whoever asks must have more
//! to go by: a port, or that two packets agree.

use super::cursor::Cursor;

/// The only version in use.
const VERSION_2: u8 = 2;
const VERSION_SHIFT: u32 = 6;
/// RFC 5761, section 4: these numbers in the second byte are RTCP's; RTP keeps off them.
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// What of a packet two packets can agree in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// RTP's sequence number; RTCP has none.
    pub sequence: Option<u16>,
    /// The synchronization source: drawn at random for each stream.
    pub source: u32,
}

impl Packet {
    /// Reads either header, if its own lengths fit into the datagram.
    pub fn parse(datagram: &[u8]) -> Option<Packet> {
        let mut c = Cursor::new(datagram);
        let first = c.u8().filter(|first| first >> VERSION_SHIFT == VERSION_2)?;
        let second = c.u8()?;
        if RTCP_TYPES.contains(&second) {
            return control(second, c);
        }
        media(first, second, c)
    }

    /// Both are of one stream, and `self` follows closely on `earlier`.
    pub fn follows(&self, earlier: &Packet) -> bool {
        /// Packets that may be lost or out of order between two of a stream.
        const MAX_STEP: u16 = 64;
        self.source == earlier.source
            && match (earlier.sequence, self.sequence) {
                (Some(before), Some(now)) => (1..=MAX_STEP).contains(&now.wrapping_sub(before)),
                _ => true,
            }
    }
}

fn media(first: u8, second: u8, mut c: Cursor<'_>) -> Option<Packet> {
    const EXTENSION: u8 = 0x10;
    const SOURCES: u8 = 0x0f;
    const TYPE: u8 = 0x7f;
    if RTCP_TYPES.contains(&(second & TYPE | !TYPE)) {
        return None;
    }
    let sequence = c.u16()?;
    let _time = c.u32()?;
    let source = c.u32()?;
    c.take(4 * usize::from(first & SOURCES))?;
    if first & EXTENSION != 0 {
        let _profile = c.u16()?;
        let words = c.u16()?;
        c.take(4 * usize::from(words))?;
    }
    // A packet of media without media is none.
    (!c.is_empty()).then_some(Packet {
        sequence: Some(sequence),
        source,
    })
}

fn control(kind: u8, mut c: Cursor<'_>) -> Option<Packet> {
    /// RFC 3550, section 12.1, and the feedback and reports since: SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR.
    const KNOWN: std::ops::RangeInclusive<u8> = 200..=207;
    if !KNOWN.contains(&kind) {
        return None;
    }
    let words = c.u16()?;
    let mut body = c.sub(4 * usize::from(words))?;
    Some(Packet {
        sequence: None,
        source: body.u32()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::bytes;

    /// G.711 from a telephone: type 0, sequence 0x1a2b.
    const MEDIA: &[u8] = &[0x80, 0x00, 0x1a, 0x2b, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 0x7f, 0x7f];
    /// An empty receiver report of the same source.
    const REPORT: &[u8] = &[0x80, 201, 0, 1, 0xde, 0xad, 0xbe, 0xef];

    #[test]
    fn media_and_reports_name_their_source() {
        let media = Packet::parse(MEDIA).unwrap();
        assert_eq!((media.sequence, media.source), (Some(0x1a2b), 0xdead_beef));
        let report = Packet::parse(REPORT).unwrap();
        assert_eq!((report.sequence, report.source), (None, 0xdead_beef));
        assert!(report.follows(&media) && media.follows(&report));
        assert!(!media.follows(&media), "a sequence number must rise");
    }

    #[test]
    fn a_call_of_a_browser_from_ndpi() {
        // Frames 27, 28 and 24 of stun_dtls_rtp.pcapng: two packets with header extensions, the first with the marker,
        // and an extended report, all sealed behind their headers.
        let first = bytes(
            "90ef22d5f84a18216d1c3cfa bede0007 223b569c31000110ff4fe73484a6aed9180000000000000000000000 536e1f450a23a9ed",
        );
        let second = bytes("906f22d6f84a1be16d1c3cfa bede0003 223b69fb31000210ff000000 eb0477d8113ab0d5");
        let report = bytes("80cf0004eda706e65b0b93915eb3cd23bf23e75635883e412fef49bb4c75860f6a41612e80000001");
        let [first, second] = [first, second].map(|packet| Packet::parse(&packet).unwrap());
        assert_eq!((first.sequence, first.source), (Some(0x22d5), 0x6d1c_3cfa));
        assert!(second.follows(&first) && !first.follows(&second));
        let report = Packet::parse(&report).unwrap();
        assert_eq!((report.sequence, report.source), (None, 0xeda7_06e6));
    }

    #[test]
    fn sequences_rise_past_their_end() {
        let at = |sequence| Packet {
            sequence: Some(sequence),
            source: 7,
        };
        assert!(at(0).follows(&at(0xffff)) && at(64).follows(&at(0)));
        assert!(!at(65).follows(&at(0)) && !at(0).follows(&at(1)));
        assert!(!at(2).follows(&Packet { source: 8, ..at(1) }));
    }

    #[test]
    fn lengths_must_fit() {
        for length in 0..13 {
            assert_eq!(Packet::parse(&MEDIA[..length]), None, "{length}");
        }
        for length in 0..REPORT.len() {
            assert_eq!(Packet::parse(&REPORT[..length]), None, "{length}");
        }
        let odd = |first: u8, second: u8| Packet::parse(&[&[first, second][..], &MEDIA[2..]].concat());
        // Another version, more sources than bytes, an extension of no known length, a type between the two.
        assert!(
            [(0x40, 0), (0x81, 0), (0x90, 0), (0x80, 72)]
                .iter()
                .all(|(a, b)| odd(*a, *b).is_none())
        );
        assert!(odd(0xa0, 0x80 | 111).is_some());
        assert_eq!(Packet::parse(&[0x80, 195, 0, 1, 1, 2, 3, 4]), None);
    }
}
