//! The classic pcap file: microseconds or nanoseconds, either byte order, and the "modified" variant.

use super::capture::{Capture, Item, Resolution};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

pub fn write(capture: &Capture) -> Vec<u8> {
    let nanoseconds = capture.interface.resolution == Resolution::Decimal(9);
    let magic = match (capture.modified, nanoseconds) {
        (true, _) => MODIFIED,
        (false, true) => NANOSECONDS,
        (false, false) => MICROSECONDS,
    };
    let mut file = Native::new(capture.big_endian);
    file.u32(magic).u16(2).u16(4).u32(0).u32(0);
    file.u32(capture.interface.snaplen);
    file.u32(capture.interface.link.number().into());
    for item in &capture.items {
        let Item::Frame(frame) = item else { continue };
        let bytes = frame.load.frame(capture.interface.link, capture.big_endian);
        let kept = capture.interface.keep(&bytes);
        let fraction = frame.at % 1_000_000_000 / if nanoseconds { 1 } else { 1000 };
        file.u32((frame.at / 1_000_000_000) as u32).u32(fraction as u32);
        file.u32(kept.len() as u32).u32(bytes.len() as u32);
        if capture.modified {
            // Interface index, protocol, packet type, padding.
            file.u32(2).u16(frame.load.ethertype.to_be()).u16(0);
        }
        file.bytes(kept);
    }
    file.bytes
}

/// Numbers in the byte order of the capturing host.
pub struct Native {
    pub bytes: Vec<u8>,
    big_endian: bool,
}

impl Native {
    pub fn new(big_endian: bool) -> Native {
        Native {
            bytes: Vec::new(),
            big_endian,
        }
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        match self.big_endian {
            true => self.bytes(&value.to_be_bytes()),
            false => self.bytes(&value.to_le_bytes()),
        }
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        match self.big_endian {
            true => self.bytes(&value.to_be_bytes()),
            false => self.bytes(&value.to_le_bytes()),
        }
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        match self.big_endian {
            true => self.bytes(&value.to_be_bytes()),
            false => self.bytes(&value.to_le_bytes()),
        }
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}
