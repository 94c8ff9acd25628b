//! Captured packets as the bytes of a pcap or pcapng file, times in nanoseconds, little-endian.
//!
//! ```text
//!  pcap     magic a1b23c4d ... | seconds, nanoseconds, captured, on the wire, bytes | ...
//!  pcapng   section | interface ... | packet | packet ... | statistics of each interface
//! ```

use std::path::Path;

use crate::engine::epoch::Frame;
use crate::source::meter::KernelCounts;
use crate::source::pcapng_blocks::{
    self as blocks, BLOCK_FRAME, ENHANCED_PACKET, INTERFACE, OPTION_END, PACKET_FIELDS, STATISTICS, block, option, pad,
};
use crate::wire::link::LinkType;

/// One of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Pcap,
    Pcapng,
}

/// What a file says of an interface.
#[derive(Debug, Clone)]
pub struct Interface {
    pub name: String,
    pub link: LinkType,
    pub snaplen: u32,
}

const NS_PER_SECOND: u64 = 1_000_000_000;

const PCAP_MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const PCAP_MAJOR: u16 = 2;
const PCAP_MINOR: u16 = 4;
const PCAP_RECORD_HEADER: usize = 16;

const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
/// Ten to the minus ninth of a second.
const NANOSECONDS: u8 = 9;
const ISB_IFDROP: u16 = 5;
const ISB_FILTERACCEPT: u16 = 6;
const ISB_OSDROP: u16 = 7;

impl Format {
    /// As a file's name ends.
    pub fn of(path: &Path) -> Option<Format> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "pcap" | "cap" => Some(Format::Pcap),
            "pcapng" => Some(Format::Pcapng),
            _ => None,
        }
    }

    /// What stands before the first packet.
    pub fn header(self, interfaces: &[Interface]) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Format::Pcap => pcap_header(&mut bytes, interfaces),
            Format::Pcapng => {
                blocks::section(&mut bytes, "");
                for interface in interfaces {
                    block(&mut bytes, INTERFACE, |body| {
                        body.extend(interface.link.0.to_le_bytes());
                        body.extend([0, 0]);
                        body.extend(interface.snaplen.to_le_bytes());
                        option(body, IF_NAME, interface.name.as_bytes());
                        option(body, IF_TSRESOL, &[NANOSECONDS]);
                        option(body, OPTION_END, &[]);
                    });
                }
            }
        }
        bytes
    }

    /// How long a packet's record is.
    pub fn record_length(self, frame: &Frame) -> usize {
        let captured = frame.captured as usize;
        match self {
            Format::Pcap => PCAP_RECORD_HEADER + captured,
            Format::Pcapng => BLOCK_FRAME + PACKET_FIELDS + captured.next_multiple_of(4),
        }
    }

    /// Appends a packet's record.
    pub fn record(self, bytes: &mut Vec<u8>, frame: &Frame, data: &[u8]) {
        let ns = frame.stamp.ns;
        match self {
            Format::Pcap => {
                // draft-ietf-opsawg-pcap: seconds are an unsigned number of 32 bits.
                let seconds = (ns / NS_PER_SECOND) as u32;
                let part = (ns % NS_PER_SECOND) as u32;
                for field in [seconds, part, frame.captured, frame.wire] {
                    bytes.extend(field.to_le_bytes());
                }
                bytes.extend_from_slice(data);
            }
            Format::Pcapng => {
                let total = self.record_length(frame) as u32;
                let (high, low) = ((ns >> 32) as u32, ns as u32);
                let interface = u32::from(frame.interface);
                for field in [ENHANCED_PACKET, total, interface, high, low, frame.captured, frame.wire] {
                    bytes.extend(field.to_le_bytes());
                }
                bytes.extend_from_slice(data);
                pad(bytes, data.len());
                bytes.extend(total.to_le_bytes());
            }
        }
    }

    /// What stands behind the last packet: what the kernel counted by `ns`.
    pub fn trailer(self, counts: &[KernelCounts], ns: u64) -> Vec<u8> {
        use std::sync::atomic::Ordering::Relaxed;
        let mut bytes = Vec::new();
        if self == Format::Pcap {
            return bytes;
        }
        for (number, counts) in counts.iter().enumerate() {
            block(&mut bytes, STATISTICS, |body| {
                body.extend((number as u32).to_le_bytes());
                body.extend(((ns >> 32) as u32).to_le_bytes());
                body.extend((ns as u32).to_le_bytes());
                let (interface, kernel) = (&counts.dropped_by_interface, &counts.dropped_by_kernel);
                option(body, ISB_IFDROP, &interface.load(Relaxed).to_le_bytes());
                option(body, ISB_FILTERACCEPT, &counts.received.load(Relaxed).to_le_bytes());
                option(body, ISB_OSDROP, &kernel.load(Relaxed).to_le_bytes());
                option(body, OPTION_END, &[]);
            });
        }
        bytes
    }
}

fn pcap_header(bytes: &mut Vec<u8>, interfaces: &[Interface]) {
    let (link, snaplen) = interfaces.first().map_or((0, 0), |first| (first.link.0, first.snaplen));
    bytes.extend(PCAP_MAGIC_NANOSECONDS.to_le_bytes());
    bytes.extend(PCAP_MAJOR.to_le_bytes());
    bytes.extend(PCAP_MINOR.to_le_bytes());
    // Two fields that nobody uses: the zone, and how exact times are.
    bytes.extend([0; 8]);
    bytes.extend(snaplen.to_le_bytes());
    bytes.extend(u32::from(link).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::epoch::{Epoch, Source};
    use crate::flow::stamp::Stamp;
    use crate::source::{InputOptions, Inputs};

    #[test]
    fn what_is_written_is_read_again() {
        let interfaces = ["eth0", "wlan-1"].map(|name| Interface {
            name: name.into(),
            link: LinkType(1),
            snaplen: 262_144,
        });
        let data = [b"abc".as_slice(), b"", b"defghijk"];
        let frames: Vec<Frame> = (0..3u64)
            .map(|n| Frame {
                stamp: Stamp::new(0, n + 1, 1_700_000_000_123_456_789 + n),
                at: 0,
                captured: data[n as usize].len() as u32,
                wire: 60,
                link: LinkType(1),
                interface: (n % 2) as u16,
            })
            .collect();
        for format in [Format::Pcap, Format::Pcapng] {
            let mut bytes = format.header(&interfaces);
            for (frame, data) in frames.iter().zip(data) {
                let before = bytes.len();
                format.record(&mut bytes, frame, data);
                assert_eq!(bytes.len() - before, format.record_length(frame));
            }
            let counts = [KernelCounts::default(), KernelCounts::default()];
            counts[1]
                .dropped_by_kernel
                .store(5, std::sync::atomic::Ordering::Relaxed);
            bytes.extend(format.trailer(&counts, 1_700_000_001_000_000_000));

            let from = Box::new(std::io::Cursor::new(bytes));
            let mut inputs = Inputs::from_reader("made", from, InputOptions::default()).unwrap();
            let mut epoch = Epoch::default();
            assert!(inputs.fill(&mut epoch, 1 << 16));
            assert_eq!(epoch.frames.len(), 3);
            for ((read, written), data) in epoch.frames.iter().zip(&frames).zip(data) {
                assert_eq!((read.stamp, read.wire), (written.stamp, written.wire));
                assert_eq!(epoch.frame_bytes(read), data);
                assert_eq!(
                    read.interface,
                    if format == Format::Pcap { 0 } else { written.interface }
                );
            }
            assert!(!inputs.fill(&mut epoch, 1 << 16));
            let facts = &inputs.inputs()[0];
            assert!(facts.nanoseconds && facts.warnings.is_empty(), "{:?}", facts.warnings);
            let drops = if format == Format::Pcap { None } else { Some(5) };
            assert_eq!(facts.dropped_by_kernel, drops);
        }
    }

    #[test]
    fn a_name_says_which_format() {
        for (name, format) in [
            ("a.pcap", Some(Format::Pcap)),
            ("a.CAP", Some(Format::Pcap)),
            ("b/a.b.pcapng", Some(Format::Pcapng)),
            ("a.txt", None),
            ("pcap", None),
        ] {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
    }
}
