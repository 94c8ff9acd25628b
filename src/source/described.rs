//! What a capture says around its packets' bytes, for those who write the packets into another one: interfaces with
//! their options and counts, and each packet's exact time and options.
//!
//! The engine needs none of it. Interfaces are noted while the file is walked; a packet's own words stand around its
//! bytes in the epoch, and are looked up there only when they are wanted ([`Record::of`]).

use crate::engine::epoch::{Epoch, Frame};
use crate::source::order::Order;
use crate::source::pcapng_blocks::{ENHANCED_PACKET, OPTION_END, Options};
use crate::source::pcapng_interface::{Clock, Interface, for_each_option};
use crate::wire::cursor::Cursor;
use crate::wire::link::LinkType;

pub const IF_NAME: u16 = 2;
pub const IF_TSRESOL: u16 = 9;
pub const IF_TSOFFSET: u16 = 14;
pub const EPB_FLAGS: u16 = 2;
pub const EPB_DROPCOUNT: u16 = 4;

/// Interfaces of one input that are remembered: as many as frames can name.
const INTERFACES_AT_MOST: usize = 1 << 16;
/// Bytes of options that are remembered of an input's interfaces.
const OPTION_BYTES_AT_MOST: usize = 8 << 20;

/// An interface as its capture describes it.
#[derive(Debug, Clone)]
pub struct Described {
    pub link: LinkType,
    pub snaplen: u32,
    /// Numbers in them are little-endian, whatever they were in the file.
    pub options: Options,
    /// The last block of statistics: its time, in two halves, and its options.
    pub statistics: Option<([u32; 2], Options)>,
    clock: Clock,
    /// A pcap file has no blocks: times are as the engine has them.
    in_blocks: bool,
}

impl Described {
    /// A pcap file's only interface, without a name.
    pub fn of_pcap(link: LinkType, snaplen: u32, nanoseconds: bool) -> Described {
        let resolution = if nanoseconds { 9 } else { 6 };
        Described {
            link,
            snaplen,
            options: vec![(IF_TSRESOL, vec![resolution])],
            statistics: None,
            clock: Clock::of_resolution(resolution),
            in_blocks: false,
        }
    }
}

/// The interfaces of a pcapng file, over all its sections.
#[derive(Debug, Default)]
pub struct Known {
    all: Vec<Described>,
    bytes: usize,
}

impl Known {
    pub fn all(&self) -> &[Described] {
        &self.all
    }

    /// Notes an interface; `body` is its block's.
    pub fn interface(&mut self, order: Order, mut body: Cursor<'_>, parsed: &Interface) {
        if self.all.len() >= INTERFACES_AT_MOST {
            return;
        }
        let _fields = body.array::<8>();
        let options = self.within(options(order, body, interface_words));
        self.all.push(Described {
            link: parsed.link,
            snaplen: parsed.snaplen,
            options,
            statistics: None,
            clock: parsed.clock,
            in_blocks: true,
        });
    }

    /// Notes what an interface has counted; `body` begins behind its number.
    pub fn statistics(&mut self, place: usize, order: Order, mut body: Cursor<'_>) {
        let (Some(high), Some(low)) = (body.array(), body.array()) else {
            return;
        };
        let time = [order.u32(high), order.u32(low)];
        // A later block replaces the one before it; what that took is not counted back, so that this ends.
        let options = self.within(options(order, body, statistics_words));
        if let Some(described) = self.all.get_mut(place) {
            described.statistics = Some((time, options));
        }
    }

    /// Beyond the limit only what times depend on.
    fn within(&mut self, mut options: Options) -> Options {
        let size: usize = options.iter().map(|(_, value)| value.len() + 32).sum();
        if self.bytes + size > OPTION_BYTES_AT_MOST {
            options.retain(|(code, _)| matches!(*code, IF_TSRESOL | IF_TSOFFSET));
        } else {
            self.bytes += size;
        }
        options
    }
}

/// One packet's record: its time in its interface's own unit, and what was said of it.
#[derive(Debug, Default)]
pub struct Record {
    pub ticks: u64,
    pub options: Options,
}

impl Record {
    /// The record around a frame of `epoch`.
    pub fn of(epoch: &Epoch, frame: &Frame, described: &Described) -> Record {
        described
            .in_blocks
            .then(|| enhanced(epoch, frame))
            .flatten()
            .unwrap_or_else(|| Record {
                ticks: described.clock.ticks(frame.stamp.ns),
                options: Options::new(),
            })
    }
}

/// The fields of an enhanced packet block in front of its bytes.
const FIELDS: usize = 28;

/// None for the other kinds of packet blocks, which have no options that anybody writes.
fn enhanced(epoch: &Epoch, frame: &Frame) -> Option<Record> {
    let at = frame.at as usize;
    let mut head = Cursor::new(epoch.bytes.get(at.checked_sub(FIELDS)?..at)?);
    let kind: [u8; 4] = head.array()?;
    let order = [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(kind) == ENHANCED_PACKET)?;
    let total = order.u32(head.array()?) as usize;
    let _interface = head.array::<4>()?;
    let (high, low) = (order.u32(head.array()?), order.u32(head.array()?));
    let (captured, wire) = (order.u32(head.array()?), order.u32(head.array()?));
    // What stands before another kind's bytes is not likely to look like this.
    if captured != frame.captured || wire.max(captured) != frame.wire {
        return None;
    }
    let data = at + (captured as usize).next_multiple_of(4);
    let end = (at - FIELDS).checked_add(total)?.checked_sub(4)?;
    let list = epoch.bytes.get(data..end).unwrap_or(&[]);
    Some(Record {
        ticks: u64::from(high) << 32 | u64::from(low),
        options: options(order, Cursor::new(list), packet_words),
    })
}

/// Reads a list of options; `words` tells of what numbers a value is made: the bytes of each, 0 for none.
fn options(order: Order, list: Cursor<'_>, words: fn(u16) -> usize) -> Options {
    let mut found = Options::new();
    for_each_option(order, list, |code, value| {
        let mut value = value.rest().to_vec();
        let word = words(code);
        if order == Order::Big && word > 0 && value.len() >= word {
            value.chunks_exact_mut(word).for_each(<[u8]>::reverse);
        }
        if code != OPTION_END {
            found.push((code, value));
        }
    });
    found
}

/// if_speed, if_tsoffset, if_txspeed, if_rxspeed; if_tzone.
fn interface_words(code: u16) -> usize {
    match code {
        8 | IF_TSOFFSET | 16 | 17 => 8,
        10 => 4,
        _ => 0,
    }
}

/// Times are two halves; counts are one number.
fn statistics_words(code: u16) -> usize {
    match code {
        2 | 3 => 4,
        4..=8 => 8,
        _ => 0,
    }
}

/// epb_flags and epb_queue; epb_dropcount and epb_packetid.
fn packet_words(code: u16) -> usize {
    match code {
        EPB_FLAGS | 6 => 4,
        EPB_DROPCOUNT | 5 => 8,
        _ => 0,
    }
}
