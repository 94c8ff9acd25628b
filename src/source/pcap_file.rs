//! The classic capture file of libpcap (draft-ietf-opsawg-pcap).
//!
//! ```text
//!  file    0 magic | 4 major | 6 minor | 8 zone | 12 accuracy | 16 snaplen | 20 link type | 24 records ...
//!  record  0 seconds | 4 µs or ns | 8 captured | 12 on the wire | 16 bytes ...
//! ```
//!
//! The magic tells the byte order and the unit of time. The "modified" format of old Linux patches
//! has 8 more bytes in each record's header (interface index, protocol, packet type, padding).

use crate::engine::epoch::{Frame, InputFacts};
use crate::flow::stamp::Stamp;
use crate::source::described::Described;
use crate::source::order::Order;
use crate::source::walk::{Damage, MAX_RECORD, Out, Tail, Walked};
use crate::wire::cursor::Cursor;
use crate::wire::link::LinkType;

/// Bytes before the first record.
pub const FILE_HEADER: usize = 24;

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const MAGIC_MODIFIED: u32 = 0xa1b2_cd34;

const RECORD_HEADER: usize = 16;
const MODIFIED_RECORD_HEADER: usize = 24;

/// Up to this a record is believed whatever the header's snaplen says; capture tools write
/// snaplens of 0 and records longer than their snaplen.
const USUAL_MAX_RECORD: u32 = 262_144;

/// Files up to this minor version may have the two lengths of a record the other way round.
const LAST_MINOR_WITH_SWAPPED_LENGTHS: u16 = 3;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// What the magic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub order: Order,
    /// Nanoseconds in the unit of a record's second field.
    unit_ns: u64,
    modified: bool,
}

impl Shape {
    /// The shape that a file's first four bytes announce, if they are a pcap magic.
    pub fn of(magic: [u8; 4]) -> Option<Shape> {
        [Order::Little, Order::Big].into_iter().find_map(|order| {
            let (unit_ns, modified) = match order.u32(magic) {
                MAGIC_MICROSECONDS => (1000, false),
                MAGIC_NANOSECONDS => (1, false),
                MAGIC_MODIFIED => (1000, true),
                _ => return None,
            };
            Some(Shape {
                order,
                unit_ns,
                modified,
            })
        })
    }
}

/// A pcap file being walked.
#[derive(Debug, Clone)]
pub struct PcapFile {
    shape: Shape,
    link: LinkType,
    /// A record longer than this is damage.
    limit: u32,
    swapped_lengths: bool,
    packets: u64,
    described: [Described; 1],
}

impl PcapFile {
    /// Reads the file's header; `None` if it is none.
    pub fn begin(header: &[u8; FILE_HEADER], facts: &mut InputFacts) -> Option<PcapFile> {
        let mut cursor = Cursor::new(header);
        let shape = Shape::of(cursor.array()?)?;
        let _major = cursor.array::<2>()?;
        let minor = shape.order.u16(cursor.array()?);
        let _zone_and_accuracy = cursor.array::<8>()?;
        let snaplen = shape.order.u32(cursor.array()?);
        // The upper half holds the length of the frame check sequence and reserved bits.
        let link = LinkType(shape.order.u32(cursor.array()?) as u16);
        facts.links.push(link.name().into_owned());
        facts.nanoseconds = shape.unit_ns == 1;
        Some(PcapFile {
            shape,
            link,
            limit: snaplen.clamp(USUAL_MAX_RECORD, MAX_RECORD),
            swapped_lengths: minor <= LAST_MINOR_WITH_SWAPPED_LENGTHS,
            packets: 0,
            described: [Described::of_pcap(link, snaplen, shape.unit_ns == 1)],
        })
    }

    /// Takes every whole record of `bytes`. Byte order and header length are settled here, once for many records.
    pub fn walk(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Walked {
        match (self.shape.order, self.shape.modified) {
            (Order::Little, false) => self.walk_as::<false, RECORD_HEADER>(bytes, out),
            (Order::Big, false) => self.walk_as::<true, RECORD_HEADER>(bytes, out),
            (Order::Little, true) => self.walk_as::<false, MODIFIED_RECORD_HEADER>(bytes, out),
            (Order::Big, true) => self.walk_as::<true, MODIFIED_RECORD_HEADER>(bytes, out),
        }
    }

    pub fn described(&self) -> &[Described] {
        &self.described
    }

    pub fn tail(&self, bytes: &[u8]) -> Tail {
        let header = if self.shape.modified {
            MODIFIED_RECORD_HEADER
        } else {
            RECORD_HEADER
        };
        let mut cursor = Cursor::new(bytes);
        let fields = cursor.take(header).and_then(|h| h.first_chunk());
        match fields {
            None => Tail {
                unit: "record",
                wants: header as u32,
                there: bytes.len(),
                in_header: true,
            },
            Some(fields) => Tail {
                unit: "record",
                wants: match self.shape.order {
                    Order::Little => record_fields::<false>(fields),
                    Order::Big => record_fields::<true>(fields),
                }
                .captured,
                there: cursor.left(),
                in_header: false,
            },
        }
    }

    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// So many packets were taken by others.
    pub fn set_packets(&mut self, packets: u64) {
        self.packets = packets;
    }

    /// Bytes of a record's header.
    pub fn header(&self) -> usize {
        if self.shape.modified {
            MODIFIED_RECORD_HEADER
        } else {
            RECORD_HEADER
        }
    }

    /// Whether `bytes` look like `count` records one behind the other, each within a day of the one before.
    pub fn chain(&self, bytes: &[u8], count: usize) -> bool {
        const DAY: u32 = 86_400;
        let mut cursor = Cursor::new(bytes);
        let mut before = None;
        for _ in 0..count {
            let Some(record) = self.record(&mut cursor) else {
                return false;
            };
            let parts = (NS_PER_SECOND / self.shape.unit_ns) as u32;
            let fits = record.part < parts && record.captured > 0 && record.captured <= record.wire;
            let near = before.is_none_or(|before: u32| before.abs_diff(record.seconds) <= DAY);
            if !fits || !near || cursor.take(record.captured as usize).is_none() {
                return false;
            }
            before = Some(record.seconds);
        }
        true
    }

    fn record(&self, cursor: &mut Cursor<'_>) -> Option<Record> {
        let fields = cursor.take(self.header())?.first_chunk()?;
        let mut record = match self.shape.order {
            Order::Little => record_fields::<false>(fields),
            Order::Big => record_fields::<true>(fields),
        };
        if self.swapped_lengths && record.captured > record.wire {
            std::mem::swap(&mut record.captured, &mut record.wire);
        }
        (record.captured <= self.limit).then_some(record)
    }

    fn walk_as<const BIG: bool, const HEADER: usize>(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Walked {
        let mut packets = self.packets;
        let mut cursor = Cursor::new(bytes);
        let walked = loop {
            let here = bytes.len() - cursor.left();
            let Some(header) = cursor.array::<HEADER>() else {
                break Walked::Upto(here);
            };
            let Some(fields) = header.first_chunk::<RECORD_HEADER>() else {
                break Walked::Upto(here);
            };
            let mut record = record_fields::<BIG>(fields);
            if self.swapped_lengths && record.captured > record.wire {
                std::mem::swap(&mut record.captured, &mut record.wire);
            }
            if record.captured > self.limit {
                break Walked::Broken(Damage::RecordLength {
                    record: packets + 1,
                    claims: record.captured,
                });
            }
            if cursor.take(record.captured as usize).is_none() {
                break Walked::Upto(here);
            }
            packets += 1;
            // A part of a second that is a second or more just carries over.
            let ns = u64::from(record.seconds) * NS_PER_SECOND + u64::from(record.part) * self.shape.unit_ns;
            out.frames.push(Frame {
                stamp: Stamp::new(out.ordinal, packets, ns),
                at: (out.base + here + HEADER) as u32,
                captured: record.captured,
                wire: record.wire.max(record.captured),
                link: self.link,
                interface: 0,
            });
        };
        self.packets = packets;
        walked
    }
}

/// The part of a record's header that all variants share.
struct Record {
    seconds: u32,
    part: u32,
    captured: u32,
    wire: u32,
}

#[inline]
fn record_fields<const BIG: bool>(header: &[u8; RECORD_HEADER]) -> Record {
    // One load and three shifts instead of four checked loads.
    if BIG {
        let all = u128::from_be_bytes(*header);
        Record {
            seconds: (all >> 96) as u32,
            part: (all >> 64) as u32,
            captured: (all >> 32) as u32,
            wire: all as u32,
        }
    } else {
        let all = u128::from_le_bytes(*header);
        Record {
            seconds: all as u32,
            part: (all >> 32) as u32,
            captured: (all >> 64) as u32,
            wire: (all >> 96) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_header(big: bool, magic: u32, minor: u16, snaplen: u32, link: u32) -> [u8; 24] {
        let mut header = Vec::new();
        let mut put = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if big {
                bytes.reverse();
            }
            header.extend(bytes);
        };
        put(&magic.to_le_bytes());
        put(&2u16.to_le_bytes());
        put(&minor.to_le_bytes());
        put(&[0; 8]);
        put(&snaplen.to_le_bytes());
        put(&link.to_le_bytes());
        header.try_into().unwrap()
    }

    fn record(big: bool, fields: [u32; 4], extra: usize, data: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = fields
            .into_iter()
            .flat_map(|f| if big { f.to_be_bytes() } else { f.to_le_bytes() })
            .collect();
        bytes.resize(RECORD_HEADER + extra, 0xee);
        bytes.extend(data);
        bytes
    }

    fn walk(header: [u8; 24], records: &[u8]) -> (Walked, Vec<Frame>, InputFacts, PcapFile) {
        let mut facts = InputFacts::default();
        let mut frames = Vec::new();
        let mut pcap = PcapFile::begin(&header, &mut facts).expect("a pcap header");
        let walked = pcap.walk(
            records,
            &mut Out {
                ordinal: 3,
                base: 100,
                frames: &mut frames,
                facts: &mut facts,
            },
        );
        (walked, frames, facts, pcap)
    }

    #[test]
    fn every_magic_and_both_byte_orders() {
        for big in [false, true] {
            for (magic, extra, ns, fine) in [
                (MAGIC_MICROSECONDS, 0, 7_000_005_000, false),
                (MAGIC_NANOSECONDS, 0, 7_000_000_005, true),
                (MAGIC_MODIFIED, 8, 7_000_005_000, false),
            ] {
                let one = record(big, [7, 5, 4, 60], extra, b"abcd");
                let (walked, frames, facts, _) = walk(file_header(big, magic, 4, 65535, 113), &one);
                assert_eq!(walked, Walked::Upto(one.len()));
                assert_eq!(
                    frames,
                    [Frame {
                        stamp: Stamp::new(3, 1, ns),
                        at: (100 + RECORD_HEADER + extra) as u32,
                        captured: 4,
                        wire: 60,
                        link: LinkType(113),
                        interface: 0,
                    }]
                );
                assert_eq!((facts.nanoseconds, facts.links), (fine, vec!["linux-sll".into()]));
            }
        }
    }

    #[test]
    fn a_record_that_is_not_whole_waits_and_is_described() {
        let mut records = record(false, [1, 0, 3, 3], 0, b"abc");
        let first = records.len();
        records.extend(record(false, [1, 0, 1514, 1514], 0, &[0; 200]));
        let header = file_header(false, MAGIC_MICROSECONDS, 4, 65535, 1);
        let (walked, frames, _, pcap) = walk(header, &records);
        assert_eq!((walked, frames.len()), (Walked::Upto(first), 1));
        assert_eq!(
            pcap.tail(&records[first..]).to_string(),
            "the last record wants 1514 bytes, 200 are there"
        );
        assert_eq!(
            pcap.tail(&records[first..first + 7]).to_string(),
            "the last record's header wants 16 bytes, 7 are there"
        );
    }

    #[test]
    fn a_record_that_no_capture_has_ends_the_file() {
        let records = record(false, [1, 0, 262_145, 262_145], 0, &[]);
        let broken = Walked::Broken(Damage::RecordLength {
            record: 1,
            claims: 262_145,
        });
        let with_snaplen = |snaplen| file_header(false, MAGIC_MICROSECONDS, 4, snaplen, 1);
        assert_eq!(walk(with_snaplen(65535), &records).0, broken);
        assert_eq!(walk(with_snaplen(0), &records).0, broken);
        assert_eq!(walk(with_snaplen(1 << 20), &records).0, Walked::Upto(0));
        let monster = record(false, [1, 0, MAX_RECORD + 1, 1], 0, &[]);
        assert!(matches!(walk(with_snaplen(u32::MAX), &monster).0, Walked::Broken(_)));
    }

    #[test]
    fn oddities_of_writers_are_tolerated() {
        let mut records = record(false, [1, 2_500_000, 4, 2], 0, b"abcd");
        records.extend(record(false, [1, 0, 0, 0], 0, b""));
        let fcs = 1 | 0x2400_0000;
        let (_, frames, _, _) = walk(file_header(false, MAGIC_MICROSECONDS, 4, 0, fcs), &records);
        assert_eq!(frames[0].stamp.ns, 3_500_000_000);
        assert_eq!((frames[0].captured, frames[0].wire), (4, 4));
        assert_eq!(frames[0].link, LinkType(1));
        assert_eq!((frames[1].captured, frames[1].stamp.frame()), (0, 2));

        // Version 2.2 wrote the two lengths the other way round.
        let old = record(false, [1, 0, 60, 4], 0, b"abcd");
        let (_, frames, _, _) = walk(file_header(false, MAGIC_MICROSECONDS, 2, 0, 1), &old);
        assert_eq!((frames[0].captured, frames[0].wire), (4, 60));
    }
}
