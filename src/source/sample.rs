//! Captures for tests, built byte by byte.

use std::sync::Arc;

use crate::engine::epoch::{Epoch, Frame, InputFacts};
use crate::source::input::{Input, Refusal};
use crate::source::stream::Stored;

/// A little-endian pcap file of Ethernet frames: (seconds, microseconds, bytes).
pub fn pcap(packets: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut file = 0xa1b2_c3d4u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0]);
    file.extend([0; 8]);
    file.extend(65535u32.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for (seconds, part, bytes) in packets {
        let length = bytes.len() as u32;
        for field in [*seconds, *part, length, length] {
            file.extend(field.to_le_bytes());
        }
        file.extend(*bytes);
    }
    file
}

/// Writes pcapng blocks in one byte order.
pub struct Blocks {
    big: bool,
    pub bytes: Vec<u8>,
}

impl Blocks {
    /// Begins a file with a section header.
    pub fn new(big: bool) -> Blocks {
        let mut blocks = Blocks { big, bytes: Vec::new() };
        blocks.section(big, (1, 0));
        blocks
    }

    pub fn section(&mut self, big: bool, (major, minor): (u16, u16)) -> &mut Self {
        self.big = big;
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(major));
        body.extend(self.u16(minor));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    /// An interface with options, each (code, value).
    pub fn interface(&mut self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> &mut Self {
        let mut body = self.u16(link).to_vec();
        body.extend([0, 0]);
        body.extend(self.u32(snaplen));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub fn packet(&mut self, interface: u32, ticks: u64, wire: u32, data: &[u8]) -> &mut Self {
        let mut body = Vec::new();
        for field in [interface, (ticks >> 32) as u32, ticks as u32, data.len() as u32, wire] {
            body.extend(self.u32(field));
        }
        body.extend(data);
        self.block(6, &body)
    }

    pub fn simple(&mut self, wire: u32, data: &[u8]) -> &mut Self {
        let body = [&self.u32(wire), data].concat();
        self.block(3, &body)
    }

    pub fn obsolete(&mut self, interface: u16, ticks: u64, data: &[u8]) -> &mut Self {
        let mut body = self.u16(interface).to_vec();
        body.extend([0xff, 0xff]);
        for field in [(ticks >> 32) as u32, ticks as u32, data.len() as u32, data.len() as u32] {
            body.extend(self.u32(field));
        }
        body.extend(data);
        self.block(2, &body)
    }

    pub fn statistics(&mut self, interface: u32, drops: &[(u16, u64)]) -> &mut Self {
        let values: Vec<(u16, [u8; 8])> = drops
            .iter()
            .map(|(code, count)| {
                let mut bytes = count.to_le_bytes();
                if self.big {
                    bytes.reverse();
                }
                (*code, bytes)
            })
            .collect();
        let options: Vec<(u16, &[u8])> = values.iter().map(|(c, v)| (*c, v.as_slice())).collect();
        let mut body = self.u32(interface).to_vec();
        body.extend([0; 8]);
        body.extend(self.options(&options));
        self.block(5, &body)
    }

    pub fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = self.u32((12 + body.len() + padding) as u32);
        self.bytes.extend(self.u32(kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.extend(&[0; 3][..padding]);
        self.bytes.extend(length);
        self
    }

    pub fn u32(&self, n: u32) -> [u8; 4] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u16(&self, n: u16) -> [u8; 2] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut list = Vec::new();
        for (code, value) in options {
            list.extend(self.u16(*code));
            list.extend(self.u16(value.len() as u16));
            list.extend(*value);
            list.resize(list.len().next_multiple_of(4), 0);
        }
        list.extend([0; 4]);
        list
    }
}

/// A reader that gives few bytes at a time: as many as the pattern says, over and over.
pub struct Trickle {
    pub bytes: std::io::Cursor<Vec<u8>>,
    pub pattern: Vec<usize>,
    pub turn: usize,
}

impl std::io::Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = self.pattern[self.turn % self.pattern.len()].max(1);
        self.turn += 1;
        let n = most.min(buffer.len());
        self.bytes.read(&mut buffer[..n])
    }
}

/// What a whole input gave: each frame with its bytes (its place in the epoch set to 0), and the facts.
pub type Everything = (Vec<(Frame, Vec<u8>)>, InputFacts);

/// Reads an input to its end through one epoch of about `target` bytes.
pub fn read_all(bytes: &[u8], pattern: Vec<usize>, target: usize) -> Result<Everything, Refusal> {
    let from = Trickle {
        bytes: std::io::Cursor::new(bytes.to_vec()),
        pattern,
        turn: 0,
    };
    let mut facts = InputFacts::default();
    let stored = Stored::new(Box::new(from), Arc::default(), true);
    let mut input = Input::open(stored, None, &mut facts)?;
    let mut epoch = Epoch::default();
    let mut all = Vec::new();
    while input.fill(&mut epoch, target, &mut facts) {
        for frame in &epoch.frames {
            let bytes = epoch.frame_bytes(frame).to_vec();
            assert_eq!(bytes.len(), frame.captured as usize, "bytes of {frame:?}");
            all.push((Frame { at: 0, ..*frame }, bytes));
        }
    }
    assert!(epoch.frames.is_empty());
    Ok((all, facts))
}

/// Reads everything at once.
pub fn read(bytes: &[u8]) -> Result<Everything, Refusal> {
    read_all(bytes, vec![usize::MAX], 1 << 20)
}
