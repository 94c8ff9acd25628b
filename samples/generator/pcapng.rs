//! pcapng: sections of either byte order, interfaces of their own link type and resolution, and every block
//! that has ever held a packet.

use super::capture::{Block, Capture, Frame, Interface, Item, Resolution};
use super::pcap::Native;

mod block {
    pub const SECTION: u32 = 0x0a0d_0d0a;
    pub const INTERFACE: u32 = 1;
    pub const OBSOLETE_PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const STATISTICS: u32 = 5;
    pub const ENHANCED_PACKET: u32 = 6;
    pub const CUSTOM: u32 = 0xbad;
}

mod option {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const IF_NAME: u16 = 2;
    pub const USER_APPLICATION: u16 = 4;
    pub const IF_RESOLUTION: u16 = 9;
    pub const RECEIVED: u16 = 4;
    pub const DROPPED: u16 = 5;
}

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

pub fn write(capture: &Capture) -> Vec<u8> {
    let mut file = File {
        bytes: Vec::new(),
        big_endian: capture.big_endian,
        interfaces: Vec::new(),
    };
    let is_implicit = |what: fn(&Item) -> bool| !capture.items.iter().any(what);
    if is_implicit(|item| matches!(item, Item::Section { .. })) {
        file.section(capture.big_endian);
    }
    if is_implicit(|item| matches!(item, Item::Interface(_))) {
        file.interface(capture.interface);
    }
    for item in &capture.items {
        match item {
            Item::Section { big_endian } => file.section(*big_endian),
            Item::Interface(interface) => file.interface(*interface),
            Item::Frame(frame) => file.packet(frame),
            Item::Statistics { received, dropped } => file.statistics(*received, *dropped),
            // Private Enterprise Number 32473 is the one for examples (RFC 5612).
            Item::Custom => file.block(block::CUSTOM, |body| {
                body.u32(32473).bytes(b"pass over me");
            }),
        }
    }
    file.bytes
}

struct File {
    bytes: Vec<u8>,
    big_endian: bool,
    /// Of the section under way.
    interfaces: Vec<Interface>,
}

impl File {
    fn section(&mut self, big_endian: bool) {
        self.big_endian = big_endian;
        self.interfaces.clear();
        self.block(block::SECTION, |body| {
            body.u32(BYTE_ORDER_MAGIC).u16(1).u16(0).u64(u64::MAX);
            put_option(body, option::USER_APPLICATION, b"samplegen");
            put_option(body, option::END, b"");
        });
    }

    fn interface(&mut self, interface: Interface) {
        let name = format!("lab{}", self.interfaces.len());
        let resolution = match interface.resolution {
            Resolution::Decimal(digits) => digits,
            Resolution::Binary(bits) => bits | 0x80,
        };
        self.block(block::INTERFACE, |body| {
            body.u16(interface.link.number()).u16(0).u32(interface.snaplen);
            put_option(body, option::IF_NAME, name.as_bytes());
            // Microseconds are what a reader has to assume where nothing is said.
            if interface.resolution != Resolution::Decimal(6) {
                put_option(body, option::IF_RESOLUTION, &[resolution]);
            }
            put_option(body, option::END, b"");
        });
        self.interfaces.push(interface);
    }

    fn packet(&mut self, frame: &Frame) {
        let interface = self.interfaces[frame.interface];
        let bytes = frame.load.frame(interface.link, self.big_endian);
        let kept = interface.keep(&bytes);
        let units = interface.resolution.units(frame.at);
        let (high, low) = ((units >> 32) as u32, units as u32);
        let (captured, wire) = (kept.len() as u32, bytes.len() as u32);
        match frame.block {
            Block::Enhanced => self.block(block::ENHANCED_PACKET, |body| {
                body.u32(frame.interface as u32).u32(high).u32(low);
                body.u32(captured).u32(wire).bytes(kept);
                pad(body);
            }),
            Block::Obsolete => self.block(block::OBSOLETE_PACKET, |body| {
                let drops_unknown = 0xffff;
                body.u16(frame.interface as u16).u16(drops_unknown);
                body.u32(high).u32(low).u32(captured).u32(wire).bytes(kept);
                pad(body);
                put_option(body, option::COMMENT, b"an obsolete packet block");
                put_option(body, option::END, b"");
            }),
            Block::Simple => self.block(block::SIMPLE_PACKET, |body| {
                body.u32(wire).bytes(kept);
                pad(body);
            }),
        }
    }

    fn statistics(&mut self, received: u64, dropped: u64) {
        self.block(block::STATISTICS, |body| {
            body.u32(0).u32(0).u32(0);
            for (code, value) in [(option::RECEIVED, received), (option::DROPPED, dropped)] {
                body.u16(code).u16(8).u64(value);
            }
            put_option(body, option::END, b"");
        });
    }

    /// Type, length, body, and the length once more.
    fn block(&mut self, kind: u32, write: impl FnOnce(&mut Native)) {
        let mut body = Native::new(self.big_endian);
        write(&mut body);
        let length = 12 + body.bytes.len() as u32;
        let mut block = Native::new(self.big_endian);
        block.u32(kind).u32(length).bytes(&body.bytes).u32(length);
        self.bytes.append(&mut block.bytes);
    }
}

fn put_option(body: &mut Native, code: u16, value: &[u8]) {
    body.u16(code).u16(value.len() as u16).bytes(value);
    pad(body);
}

/// Everything in a block begins at a multiple of four.
fn pad(body: &mut Native) {
    while !body.bytes.len().is_multiple_of(4) {
        body.bytes(&[0]);
    }
}
