//! The pcapng format (draft-ietf-opsawg-pcapng): blocks in sections.
//!
//! ```text
//!  block       0 type | 4 total length | 8 body, padded to 32 bits ... | total length again
//!  section     (type 0x0a0d0d0a)  8 byte order | 12 major | 14 minor | 16 section length | options
//!  interface   (1)                8 link type | 12 snaplen | options
//!  packet      (6)                8 interface | 12 ticks, high | low | 20 captured | 24 on the wire | 28 bytes
//!  simple      (3)                8 on the wire | 12 bytes, of interface 0, without a time
//!  obsolete    (2)                8 interface, 16 bits | 10 drops | 12 ticks | 20 captured | 24 on the wire | 28 bytes
//!  statistics  (5)                8 interface | 12 ticks | options
//! ```
//!
//! A section chooses its own byte order and numbers its interfaces from 0; here they are numbered
//! over the whole input. Blocks of other types are stepped over.

use crate::engine::epoch::{Frame, InputFacts};
use crate::flow::stamp::Stamp;
use crate::source::described::{Described, Known};
use crate::source::order::Order;
use crate::source::pcapng_interface::{Drops, Interface};
use crate::source::walk::{Damage, MAX_RECORD, Out, Tail, Walked};
use crate::wire::cursor::Cursor;

/// A section header block without options: what must be there to begin.
pub const SECTION_HEADER: usize = 28;

/// The section header's type reads the same in both byte orders.
pub const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Type and length in front, length behind.
const BLOCK_FRAME: u32 = 12;
const BLOCK_HEAD: usize = 8;
/// Bytes of a block in front of the packet's.
const PACKET_AT: usize = 28;
const SIMPLE_PACKET_AT: usize = 12;

/// Interfaces a section may describe; more is damage.
const MAX_INTERFACES: usize = 4096;
/// Names of link types kept for the record.
const MAX_LINKS: usize = 64;

/// A pcapng file being walked.
#[derive(Debug)]
pub struct PcapngFile {
    order: Order,
    interfaces: Vec<Interface>,
    /// Interfaces of the sections before this one.
    interfaces_before: u32,
    packets: u64,
    /// Time of the last packet that had one.
    last_ns: u64,
    /// Of all sections.
    described: Known,
}

impl PcapngFile {
    /// Checks the first section's header. The walk begins with the same bytes.
    pub fn begin(header: &[u8; SECTION_HEADER]) -> Result<PcapngFile, Damage> {
        let mut head = Cursor::new(header);
        let (Some(_), Some(length)) = (head.array::<4>(), head.array()) else {
            return Err(Damage::BlockTooShort { kind: SECTION });
        };
        let order = section(head)?;
        let claims = order.u32(length);
        if !(SECTION_HEADER as u32..=MAX_RECORD).contains(&claims) {
            return Err(Damage::BlockLength { claims });
        }
        Ok(PcapngFile {
            order,
            interfaces: Vec::new(),
            interfaces_before: 0,
            packets: 0,
            last_ns: 0,
            described: Known::default(),
        })
    }

    /// Takes every whole block of `bytes`.
    pub fn walk(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Walked {
        let mut cursor = Cursor::new(bytes);
        loop {
            let here = bytes.len() - cursor.left();
            match self.block(&mut cursor, here, out) {
                Ok(true) => {}
                Ok(false) => return Walked::Upto(here),
                Err(damage) => return Walked::Broken(damage),
            }
        }
    }

    pub fn described(&self) -> &[Described] {
        self.described.all()
    }

    pub fn tail(&self, bytes: &[u8]) -> Tail {
        let mut head = Cursor::new(bytes);
        let length = match (head.array::<4>(), head.array()) {
            (Some(_), Some(length)) => Some(self.order.u32(length)),
            _ => None,
        };
        Tail {
            unit: "block",
            wants: length.unwrap_or(BLOCK_HEAD as u32),
            there: bytes.len(),
            in_header: length.is_none(),
        }
    }

    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Takes one block, `here` bytes behind the first; `Ok(false)` if it is not whole.
    fn block(&mut self, cursor: &mut Cursor<'_>, here: usize, out: &mut Out<'_>) -> Result<bool, Damage> {
        let (Some(kind), Some(length)) = (cursor.array(), cursor.array()) else {
            return Ok(false);
        };
        let kind = self.order.u32(kind);
        if kind == SECTION {
            // Its length cannot be read before its byte order, which stands behind it.
            match Cursor::new(cursor.rest()).array().map(byte_order) {
                None => return Ok(false),
                Some(None) => return Err(Damage::ByteOrder),
                Some(Some(order)) => self.order = order,
            }
        }
        let claims = self.order.u32(length);
        if !(BLOCK_FRAME..=MAX_RECORD).contains(&claims) {
            return Err(Damage::BlockLength { claims });
        }
        // Section 3.1: the total length is a multiple of 4. Writers that leave out the padding from it are understood.
        let body = (claims - BLOCK_FRAME) as usize;
        let padded = body.next_multiple_of(4);
        let (Some(whole), Some(trailer)) = (cursor.take(padded), cursor.array()) else {
            return Ok(false);
        };
        let second = self.order.u32(trailer);
        if second != claims {
            return Err(Damage::BlockLengths { first: claims, second });
        }
        let body = Cursor::new(whole.get(..body).unwrap_or(whole));
        match kind {
            ENHANCED_PACKET => self.enhanced(body, here, out)?,
            SIMPLE_PACKET => self.simple(body, here, out)?,
            OBSOLETE_PACKET => self.obsolete(body, here, out)?,
            INTERFACE => self.interface(body, out.facts)?,
            STATISTICS => self.statistics(body, out.facts),
            SECTION => {
                section(body)?;
                self.interfaces_before += self.interfaces.len() as u32;
                self.interfaces.clear();
            }
            _ => {}
        }
        Ok(true)
    }

    fn enhanced(&mut self, mut body: Cursor<'_>, here: usize, out: &mut Out<'_>) -> Result<(), Damage> {
        let order = self.order;
        let Some([interface, high, low, captured, wire]) = words(&mut body, order) else {
            return Err(Damage::BlockTooShort { kind: ENHANCED_PACKET });
        };
        let ticks = u64::from(high) << 32 | u64::from(low);
        self.packet(interface, Some(ticks), (captured, wire), body, here + PACKET_AT, out)
    }

    fn obsolete(&mut self, mut body: Cursor<'_>, here: usize, out: &mut Out<'_>) -> Result<(), Damage> {
        let order = self.order;
        let short = Damage::BlockTooShort { kind: OBSOLETE_PACKET };
        let interface = order.u16(body.array().ok_or(short)?);
        let _drops = body.array::<2>().ok_or(short)?;
        let [high, low, captured, wire] = words(&mut body, order).ok_or(short)?;
        let ticks = u64::from(high) << 32 | u64::from(low);
        self.packet(
            u32::from(interface),
            Some(ticks),
            (captured, wire),
            body,
            here + PACKET_AT,
            out,
        )
    }

    fn simple(&mut self, mut body: Cursor<'_>, here: usize, out: &mut Out<'_>) -> Result<(), Damage> {
        let [wire] = words(&mut body, self.order).ok_or(Damage::BlockTooShort { kind: SIMPLE_PACKET })?;
        // Section 4.4: the captured length is the lesser of the original length and interface 0's snaplen.
        let captured = match self.interfaces.first() {
            Some(first) if first.snaplen != 0 => wire.min(first.snaplen),
            _ => wire,
        };
        self.packet(0, None, (captured, wire), body, here + SIMPLE_PACKET_AT, out)
    }

    /// Takes a packet whose bytes are the front of `data`, `at` bytes behind the first.
    #[inline]
    fn packet(
        &mut self,
        number: u32,
        ticks: Option<u64>,
        (captured, wire): (u32, u32),
        mut data: Cursor<'_>,
        at: usize,
        out: &mut Out<'_>,
    ) -> Result<(), Damage> {
        let packet = self.packets + 1;
        let Some(interface) = self.interfaces.get_mut(number as usize) else {
            return Err(Damage::UnknownInterface {
                packet,
                interface: number,
            });
        };
        if data.take(captured as usize).is_none() {
            return Err(Damage::PacketLength {
                packet,
                claims: captured,
            });
        }
        if !interface.used {
            interface.used = true;
            let name = interface.link.name().into_owned();
            if out.facts.links.len() < MAX_LINKS && !out.facts.links.contains(&name) {
                out.facts.links.push(name);
            }
        }
        if let Some(ticks) = ticks {
            self.last_ns = interface.clock.nanoseconds(ticks);
        }
        self.packets = packet;
        out.frames.push(Frame {
            stamp: Stamp::new(out.ordinal, packet, self.last_ns),
            at: (out.base + at) as u32,
            captured,
            wire: wire.max(captured),
            link: interface.link,
            interface: u16::try_from(self.interfaces_before.saturating_add(number)).unwrap_or(u16::MAX),
        });
        Ok(())
    }

    fn interface(&mut self, body: Cursor<'_>, facts: &mut InputFacts) -> Result<(), Damage> {
        let interface = Interface::parse(self.order, body).ok_or(Damage::BlockTooShort { kind: INTERFACE })?;
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Damage::TooManyInterfaces);
        }
        if interface.clock.finer_than_microseconds() && !facts.nanoseconds {
            facts.nanoseconds = true;
            facts.nanoseconds_after = self.packets;
        }
        self.described.interface(self.order, body, &interface);
        self.interfaces.push(interface);
        Ok(())
    }

    /// Statistics are cumulative: the last block of an interface replaces the ones before it.
    fn statistics(&mut self, mut body: Cursor<'_>, facts: &mut InputFacts) {
        let number = body.array().map(|n| self.order.u32(n) as usize);
        if let Some(number) = number.filter(|number| *number < self.interfaces.len()) {
            let place = self.interfaces_before as usize + number;
            self.described.statistics(place, self.order, body);
        }
        let interface = number.and_then(|n| self.interfaces.get_mut(n));
        let (Some(interface), Some(now)) = (interface, Drops::parse(self.order, body)) else {
            return;
        };
        let before = std::mem::replace(&mut interface.drops, now);
        replace(&mut facts.dropped_by_interface, before.by_interface, now.by_interface);
        replace(&mut facts.dropped_by_kernel, before.by_kernel, now.by_kernel);
    }
}

/// In the sum over all interfaces, puts one interface's new count in place of its last.
fn replace(sum: &mut Option<u64>, before: Option<u64>, now: Option<u64>) {
    if before.is_some() || now.is_some() {
        let others = sum.unwrap_or(0).wrapping_sub(before.unwrap_or(0));
        *sum = Some(others.wrapping_add(now.unwrap_or(0)));
    }
}

/// Checks a section header's body and tells its byte order.
fn section(mut body: Cursor<'_>) -> Result<Order, Damage> {
    let short = Damage::BlockTooShort { kind: SECTION };
    let order = byte_order(body.array().ok_or(short)?).ok_or(Damage::ByteOrder)?;
    let major = order.u16(body.array().ok_or(short)?);
    let minor = order.u16(body.array().ok_or(short)?);
    let _section_length = body.array::<8>().ok_or(short)?;
    // Section 4.1: readers should treat 1.2, which some writers wrote, as 1.0.
    if (major, minor) != (1, 0) && (major, minor) != (1, 2) {
        return Err(Damage::Version { major, minor });
    }
    Ok(order)
}

fn byte_order(magic: [u8; 4]) -> Option<Order> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
}

/// The next `N` 32-bit numbers.
#[inline]
fn words<const N: usize>(body: &mut Cursor<'_>, order: Order) -> Option<[u32; N]> {
    let mut words = [0; N];
    for word in &mut words {
        *word = order.u32(body.array()?);
    }
    Some(words)
}

#[cfg(test)]
mod tests;
