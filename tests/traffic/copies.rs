//! One day lived by many offices at once.
//!
//! ```text
//!   the day   a b   c      d
//!   copy 0    a b   c      d            each from other addresses and ports,
//!   copy 1       a b   c      d         each begun at another time,
//!   copy 2     a b   c      d           all merged in the order of time
//! ```
//!
//! Clients (198.19.x.y and 2001:db8:19::) become 10.x.y.z and 2001:db8:19:N::, ports from 50000 up are moved. Checksums are
//! not made good, for nothing looks at them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::{Dice, MORNING, Seen};

/// How a day is multiplied.
#[derive(Clone, Copy)]
pub struct Plan {
    pub copies: u32,
    /// The day runs so many times faster than it was written.
    pub haste: u64,
    /// Copies begin within so many nanoseconds of each other.
    pub spread: u64,
}

/// The frames of all copies, in order.
pub struct Copies {
    day: Arc<[Seen]>,
    begin: u64,
    haste: u64,
    starts: Vec<u64>,
    /// Each copy's next frame: time, copy, place in the day.
    next: BinaryHeap<Reverse<(u64, u32, usize)>>,
}

impl Copies {
    /// `day` is sorted by time.
    pub fn new(day: Arc<[Seen]>, plan: Plan) -> Copies {
        let mut dice = Dice(1);
        let starts: Vec<u64> = (0..plan.copies).map(|_| MORNING + dice.below(plan.spread)).collect();
        let next = starts.iter().zip(0..).map(|(start, copy)| Reverse((*start, copy, 0)));
        Copies {
            begin: day.first().map_or(0, |seen| seen.at),
            haste: plan.haste,
            next: next.collect(),
            starts,
            day,
        }
    }

    /// Appends the next frame's bytes to `out` and answers its time.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        let Reverse((at, copy, place)) = self.next.pop()?;
        let begin = out.len();
        out.extend_from_slice(&self.day[place].frame);
        recast(&mut out[begin..], copy);
        if let Some(seen) = self.day.get(place + 1) {
            let at = self.starts[copy as usize] + (seen.at - self.begin) / self.haste;
            self.next.push(Reverse((at, copy, place + 1)));
        }
        Some(at)
    }
}

const LINK: usize = 14;
const VLAN_TAG: usize = 4;
const FIRST_OWN_PORT: u16 = 50_000;
const OWN_PORTS: u16 = 15_000;

/// Gives a frame of the day to copy number `copy`.
fn recast(frame: &mut [u8], copy: u32) {
    let mut at = LINK;
    while let Some([0x81 | 0x88, 0x00 | 0xa8]) = frame.get(at - 2..at) {
        at += VLAN_TAG;
    }
    match frame.get(at - 2..at) {
        Some([0x08, 0x00]) => recast_v4(&mut frame[at..], copy),
        Some([0x86, 0xdd]) => recast_v6(&mut frame[at..], copy),
        _ => {}
    }
}

fn recast_v4(packet: &mut [u8], copy: u32) {
    for at in [12, 16] {
        if packet[at..at + 2] == [198, 19] {
            let host = packet[at + 3];
            packet[at..at + 4].copy_from_slice(&[10, (copy >> 8) as u8, copy as u8, host]);
        }
    }
    let first_piece = packet[6] & 0x1f == 0 && packet[7] == 0;
    let header = usize::from(packet[0] & 0x0f) * 4;
    match packet[9] {
        6 | 17 if first_piece => recast_ports(&mut packet[header..], copy),
        // An error quotes what was sent, and the flow is found by the quotation.
        1 if packet[header] == 3 => recast_v4(&mut packet[header + 8..], copy),
        _ => {}
    }
}

fn recast_v6(packet: &mut [u8], copy: u32) {
    for at in [8, 24] {
        if packet[at..at + 6] == [0x20, 0x01, 0x0d, 0xb8, 0x00, 0x19] {
            packet[at + 8..at + 12].copy_from_slice(&copy.to_be_bytes());
        }
    }
    if matches!(packet[6], 6 | 17) {
        recast_ports(&mut packet[40..], copy);
    }
}

fn recast_ports(header: &mut [u8], copy: u32) {
    for at in [0, 2] {
        let port = u16::from_be_bytes([header[at], header[at + 1]]);
        if let Some(own) = port.checked_sub(FIRST_OWN_PORT) {
            let moved = (u32::from(own) + copy * 131) % u32::from(OWN_PORTS);
            header[at..at + 2].copy_from_slice(&(FIRST_OWN_PORT + moved as u16).to_be_bytes());
        }
    }
}
