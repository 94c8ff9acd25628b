//! Packets of several listeners in the order of their times.
//!
//! ```text
//!  lane 0   [ batch ][ batch ]        heard up to 9.31
//!  lane 1   [ batch ]                 heard up to 9.42     watermark: 9.31, the least of what lanes have heard up to
//!  lane 2                             silent, read at 9.90, so nothing before 9.40 can still come
//! ```
//!
//! A DNS answer that one listener heard must come before the flow that it names and that another one heard. So a packet
//! waits until every lane has come at least as far. A packet that is late all the same goes out at once, behind younger
//! ones: times may run backwards, numbers may not.

use std::collections::VecDeque;

use crate::engine::epoch::{Epoch, Frame};
use crate::flow::stamp::Stamp;
use crate::wire::link::LinkType;

/// Packets of one listener, in the order in which it heard them.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub packets: Vec<Packet>,
}

/// Where a packet lies in its batch; the bytes of one begin where those of the one before end.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    pub ns: u64,
    pub captured: u32,
    pub wire: u32,
}

impl Batch {
    pub fn push(&mut self, ns: u64, wire: u32, bytes: &[u8]) {
        self.packets.push(Packet {
            ns,
            captured: bytes.len() as u32,
            wire,
        });
        self.bytes.extend_from_slice(bytes);
    }

    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
    }
}

/// One listener's packets that wait.
#[derive(Debug)]
struct Lane {
    /// The interface's.
    ordinal: u32,
    link: LinkType,
    batches: VecDeque<Batch>,
    /// How far the first batch is given out: packets, and their bytes.
    given: usize,
    given_bytes: usize,
    newest_ns: u64,
    /// Silent until then, as far as is known.
    silent_ns: u64,
    ended: bool,
}

/// All lanes.
#[derive(Debug, Default)]
pub struct Merge {
    lanes: Vec<Lane>,
    held: usize,
    numbered: u64,
}

/// More bytes than this do not wait, whatever lanes have come how far.
pub const MOST_HELD: usize = 64 << 20;

impl Merge {
    /// A lane for a listener on the interface of this ordinal.
    pub fn lane(&mut self, ordinal: u32, link: LinkType) {
        self.lanes.push(Lane {
            ordinal,
            link,
            batches: VecDeque::new(),
            given: 0,
            given_bytes: 0,
            newest_ns: 0,
            silent_ns: 0,
            ended: false,
        });
    }

    /// More from one listener.
    pub fn add(&mut self, lane: usize, batch: Batch) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let newest = batch.packets.last().map_or(0, |packet| packet.ns);
        lane.newest_ns = lane.newest_ns.max(newest);
        self.held += batch.bytes.len();
        lane.batches.push_back(batch);
    }

    /// A listener had nothing more at hand: what it still hears is not older than this.
    pub fn silent(&mut self, lane: usize, ns: u64) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.silent_ns = lane.silent_ns.max(ns);
        }
    }

    /// A listener has ended: nobody waits for it any more.
    pub fn end(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.ended = true;
        }
    }

    pub fn has_ended(&self) -> bool {
        self.lanes.iter().all(|lane| lane.ended)
    }

    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.batches.is_empty())
    }

    /// Enough is held that no more should be taken in.
    pub fn is_full(&self) -> bool {
        self.held >= MOST_HELD
    }

    /// Packets given out so far.
    pub fn numbered(&self) -> u64 {
        self.numbered
    }

    /// Gives out what every lane has come past, in order, until the epoch has `target` bytes or `most` packets were given.
    /// Batches that are used up go to `spent`, with their lane. True if something was given.
    pub fn give(&mut self, epoch: &mut Epoch, target: usize, most: u64, mut spent: impl FnMut(usize, Batch)) -> bool {
        let before = self.numbered;
        let last = before.saturating_add(most);
        let watermark = if self.is_full() { u64::MAX } else { self.watermark() };
        while epoch.bytes.len() < target
            && self.numbered < last
            && let Some((first, upto)) = self.next_run(watermark)
        {
            let Some(lane) = self.lanes.get_mut(first) else { break };
            lane.give_run(upto, epoch, target, last, &mut self.numbered);
            if let Some(batch) = lane.take_spent() {
                self.held -= batch.bytes.len();
                spent(first, batch);
            }
        }
        self.numbered > before
    }

    /// What every lane has come past.
    fn watermark(&self) -> u64 {
        let listening = self.lanes.iter().filter(|lane| !lane.ended);
        let heard = listening.map(|lane| lane.newest_ns.max(lane.silent_ns));
        heard.min().unwrap_or(u64::MAX)
    }

    /// The lane whose packet is next, and up to which time it stays the next: of equals the lane in front.
    fn next_run(&self, watermark: u64) -> Option<(usize, u64)> {
        let mut first: Option<(u64, usize)> = None;
        let mut second = first;
        for (place, lane) in self.lanes.iter().enumerate() {
            let Some(ns) = lane.head() else { continue };
            if first.is_none_or(|(least, _)| ns < least) {
                second = first;
                first = Some((ns, place));
            } else if second.is_none_or(|(least, _)| ns < least) {
                second = Some((ns, place));
            }
        }
        let (least, place) = first.filter(|(least, _)| *least <= watermark)?;
        let upto = match second {
            Some((ns, other)) if other > place => ns,
            // An equal of a lane in front goes first.
            Some((ns, _)) => ns.saturating_sub(1).max(least),
            None => u64::MAX,
        };
        Some((place, upto.min(watermark)))
    }
}

impl Lane {
    fn head(&self) -> Option<u64> {
        let batch = self.batches.front()?;
        batch.packets.get(self.given).map(|packet| packet.ns)
    }

    /// Gives out packets of the first batch that are not younger than `upto`.
    fn give_run(&mut self, upto: u64, epoch: &mut Epoch, target: usize, last: u64, numbered: &mut u64) {
        let Some(batch) = self.batches.front() else { return };
        if epoch.frames.is_empty() {
            epoch.ordinal = self.ordinal;
        }
        let base = epoch.bytes.len();
        let from = self.given_bytes;
        let packets = batch.packets.get(self.given..).unwrap_or_default();
        for packet in packets.iter().take_while(|packet| packet.ns <= upto) {
            let at = base + (self.given_bytes - from);
            if at >= target || *numbered >= last {
                break;
            }
            *numbered += 1;
            epoch.frames.push(Frame {
                stamp: Stamp::heard(self.ordinal, *numbered, packet.ns),
                at: at as u32,
                captured: packet.captured,
                wire: packet.wire,
                link: self.link,
                interface: self.ordinal as u16,
            });
            self.given += 1;
            self.given_bytes += packet.captured as usize;
        }
        let given = batch.bytes.get(from..self.given_bytes);
        epoch.bytes.extend_from_slice(given.unwrap_or_default());
    }

    /// The first batch, once all of it is given out.
    fn take_spent(&mut self) -> Option<Batch> {
        if self.head().is_some() {
            return None;
        }
        self.given = 0;
        self.given_bytes = 0;
        self.batches.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETHERNET: LinkType = LinkType(1);

    /// Packets of these times, whose one byte is their place in the batch.
    fn batch(times: &[u64]) -> Batch {
        let mut batch = Batch::default();
        for (place, ns) in times.iter().enumerate() {
            batch.push(*ns, 60, &[place as u8]);
        }
        batch
    }

    fn merge(lanes: usize) -> Merge {
        let mut merge = Merge::default();
        (0..lanes).for_each(|lane| merge.lane(lane as u32, ETHERNET));
        merge
    }

    /// What is given out now: interface, time, byte.
    fn given(merge: &mut Merge) -> Vec<(u16, u64, u8)> {
        let mut epoch = Epoch::default();
        merge.give(&mut epoch, 1 << 20, u64::MAX, |_, _| {});
        assert!(epoch.frames.is_sorted_by_key(|frame| frame.stamp.seq));
        let frames = epoch.frames.iter();
        frames
            .map(|frame| (frame.interface, frame.stamp.ns, epoch.frame_bytes(frame)[0]))
            .collect()
    }

    #[test]
    fn packets_come_in_the_order_of_their_times_and_of_equals_the_lane_in_front() {
        let mut merge = merge(3);
        merge.add(1, batch(&[1, 5, 5, 9]));
        merge.add(0, batch(&[2, 5, 9]));
        merge.add(2, batch(&[5, 9]));
        assert_eq!(
            given(&mut merge),
            [
                (1, 1, 0),
                (0, 2, 0),
                (0, 5, 1),
                (1, 5, 1),
                (1, 5, 2),
                (2, 5, 0),
                (0, 9, 2),
                (1, 9, 3),
                (2, 9, 1)
            ]
        );
        assert!(merge.is_empty() && merge.held == 0);
    }

    #[test]
    fn a_packet_waits_for_the_lane_that_is_behind_unless_that_is_silent_or_has_ended() {
        let mut merge = merge(2);
        merge.add(0, batch(&[3, 8]));
        assert_eq!(given(&mut merge), []);
        merge.add(1, batch(&[4]));
        assert_eq!(given(&mut merge), [(0, 3, 0), (1, 4, 0)]);
        merge.silent(1, 7);
        assert_eq!(given(&mut merge), []);
        merge.silent(1, 8);
        assert_eq!(given(&mut merge), [(0, 8, 1)]);
        merge.add(0, batch(&[20]));
        merge.end(1);
        assert_eq!(given(&mut merge), [(0, 20, 0)]);
        assert!(!merge.has_ended());
        merge.end(0);
        assert!(merge.has_ended());
    }

    #[test]
    fn a_late_packet_is_not_lost() {
        let mut merge = merge(2);
        merge.add(0, batch(&[3, 8]));
        merge.silent(1, 8);
        assert_eq!(given(&mut merge).len(), 2);
        merge.add(1, batch(&[5]));
        assert_eq!(given(&mut merge), [(1, 5, 0)]);
        assert_eq!(merge.numbered(), 3);
    }

    #[test]
    fn epochs_end_where_they_should_and_batches_come_back() {
        let mut merge = merge(1);
        merge.add(0, batch(&[1, 2, 3, 4, 5]));
        merge.end(0);
        let mut epoch = Epoch::default();
        let mut back = 0;
        assert!(merge.give(&mut epoch, 2, u64::MAX, |_, _| back += 1));
        assert_eq!((epoch.frames.len(), epoch.bytes.as_slice(), back), (2, &[0, 1][..], 0));
        epoch.clear();
        assert!(merge.give(&mut epoch, 100, 2, |_, _| back += 1));
        assert_eq!((epoch.frames.len(), epoch.bytes.as_slice(), back), (2, &[2, 3][..], 0));
        epoch.clear();
        assert!(merge.give(&mut epoch, 100, 9, |_, _| back += 1));
        assert_eq!((epoch.frames.len(), back, merge.numbered()), (1, 1, 5));
        assert!(!merge.give(&mut epoch, 100, 9, |_, _| back += 1));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut merge = merge(2);
        let mut full = Batch::default();
        full.push(7, 60, &vec![0; MOST_HELD]);
        merge.add(0, full);
        assert!(merge.is_full());
        assert_eq!(given(&mut merge).len(), 1);
        assert!(!merge.is_full());
    }
}
