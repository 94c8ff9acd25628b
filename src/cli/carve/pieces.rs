//! A reading between: which pieces of datagrams belong to the chosen flows. Only captures with fragments need it.
//!
//! A piece has no ports, so only the whole datagram tells its flow, and that is known when its last piece comes. The
//! engine's own scanner puts datagrams together; here is noted which frames it took for each.

use std::collections::HashMap;

use super::belonging::{Belonging, Belongs};
use crate::engine::epoch::{Epoch, Frame, Source};
use crate::engine::limits::{EPOCH_BYTES, Limits};
use crate::engine::scan::{Buckets, RefKind, Scanner, decode_all};
use crate::engine::tally::Tallies;
use crate::flow::fragment::FragmentLimits;
use crate::flow::stamp::Stamp;
use crate::wire::decode::by_steps;
use crate::wire::packet::Family;

/// Frames that are remembered as pieces of what is carved.
const PIECES_AT_MOST: usize = 4_000_000;
/// Datagrams under way, and frames of one: as many as the scanner has, and as many as a datagram can have.
const DATAGRAMS_AT_MOST: usize = 16_384;
const FRAMES_A_DATAGRAM: usize = 10_000;
/// A second capture of a piece may come behind the last piece.
const COPY_BEHIND: u64 = 10_000_000;

/// Frames to be carved besides those that tell their flow themselves, and for what.
pub type Pieces = HashMap<u64, Belongs>;

/// What the pieces of a datagram have in common.
type Key = (Family, u128, u128, u64, u32, u8);

/// A datagram's frames.
struct Group {
    key: Key,
    begun: Stamp,
    frames: Vec<u64>,
    /// When its last piece came.
    closed: Option<u64>,
    belongs: Option<Belongs>,
}

/// Datagrams under way, by the stamp of their first piece.
#[derive(Default)]
struct Groups {
    all: HashMap<u64, Group>,
    current: HashMap<Key, u64>,
    /// In the order of their beginnings.
    order: std::collections::VecDeque<u64>,
}

/// Reads everything once more and finds the pieces. `more` counts those beyond the limit.
pub fn find(source: &mut dyn Source, belonging: &mut Belonging, limits: &Limits) -> (Pieces, u64) {
    let mut search = Search {
        groups: Groups::default(),
        found: Pieces::new(),
        more: 0,
    };
    let mut scanner = Scanner::new(limits);
    let (mut epoch, mut buckets, mut tallies) = (Epoch::default(), Buckets::default(), Tallies::default());
    while source.fill(&mut epoch, EPOCH_BYTES) {
        buckets.clear();
        let mut completed: HashMap<u32, u64> = HashMap::new();
        decode_all(&epoch, &mut buckets, &mut tallies, |frame, index, buckets, tallies| {
            let group = search.groups.add(&epoch, frame);
            let before: usize = buckets.shards.iter().map(Vec::len).sum();
            scanner.join(&epoch, frame, index, buckets, tallies.of(frame.stamp.ordinal()));
            let after: usize = buckets.shards.iter().map(Vec::len).sum();
            if let (Some(group), true) = (group, after > before) {
                completed.insert(index, group);
            }
        });
        search.take(&epoch, &buckets, &completed, belonging);
    }
    buckets.clear();
    scanner.finish(&mut buckets);
    search.take(&epoch, &buckets, &HashMap::new(), belonging);
    (search.found, search.more)
}

struct Search {
    groups: Groups,
    found: Pieces,
    more: u64,
}

impl Search {
    /// What the packets of an epoch tell. `completed`: the datagram that a frame may have completed.
    fn take(&mut self, epoch: &Epoch, buckets: &Buckets, completed: &HashMap<u32, u64>, belonging: &mut Belonging) {
        for packet in buckets.shards.iter().flatten() {
            let payload = match packet.payload.reassembled {
                true => &buckets.reassembled,
                false => &epoch.bytes,
            };
            let at = packet.payload.at as usize;
            let payload = payload.get(at..at + packet.payload.length as usize).unwrap_or(&[]);
            let belongs = belonging.of(packet, payload);
            let group = match packet.kind {
                RefKind::AbandonedFragments(_) => Some(packet.at.seq),
                RefKind::Packet if packet.payload.reassembled => completed.get(&packet.frame).copied(),
                _ => None,
            };
            if let Some(group) = group {
                let frames = self.groups.close(group, packet.at.ns, belongs);
                self.keep(frames, belongs);
            }
        }
        for (frame, belongs) in self.groups.late() {
            self.keep(vec![frame], Some(belongs));
        }
    }

    fn keep(&mut self, frames: Vec<u64>, belongs: Option<Belongs>) {
        let Some(belongs) = belongs else { return };
        for frame in frames {
            match self.found.len() < PIECES_AT_MOST {
                true => drop(self.found.insert(frame, belongs)),
                false => self.more += 1,
            }
        }
    }
}

impl Groups {
    /// Notes a piece; tells which datagram it is of.
    fn add(&mut self, epoch: &Epoch, frame: &Frame) -> Option<u64> {
        let view = by_steps(frame.link, epoch.frame_bytes(frame), frame.wire).ok()?;
        let place = view.fragment?;
        let protocol = match view.family {
            Family::V4 => view.protocol,
            // RFC 8200 4.5: the next header is no part of it.
            Family::V6 => 0,
        };
        let key = (
            view.family,
            view.source,
            view.destination,
            view.tunnel,
            place.identification,
            protocol,
        );
        let now = frame.stamp;
        let age = FragmentLimits::default().age_ns;
        let open = self.current.get(&key).copied().filter(|begun| {
            self.all.get(begun).is_some_and(|group| match group.closed {
                Some(closed) => now.ns.abs_diff(closed) <= COPY_BEHIND,
                None => now.ns <= group.begun.ns.saturating_add(age),
            })
        });
        let begun = open.unwrap_or_else(|| self.begin(key, now));
        let group = self.all.get_mut(&begun)?;
        if group.frames.len() < FRAMES_A_DATAGRAM {
            group.frames.push(now.seq);
        }
        Some(begun)
    }

    fn begin(&mut self, key: Key, at: Stamp) -> u64 {
        while self.order.len() >= DATAGRAMS_AT_MOST {
            if let Some(oldest) = self.order.pop_front()
                && let Some(group) = self.all.remove(&oldest)
                && self.current.get(&group.key) == Some(&oldest)
            {
                self.current.remove(&group.key);
            }
        }
        self.order.push_back(at.seq);
        self.current.insert(key, at.seq);
        let group = Group {
            key,
            begun: at,
            frames: Vec::new(),
            closed: None,
            belongs: None,
        };
        self.all.insert(at.seq, group);
        at.seq
    }

    /// It is known what a datagram belongs to. Its frames; copies of its pieces may still come.
    fn close(&mut self, begun: u64, ns: u64, belongs: Option<Belongs>) -> Vec<u64> {
        let Some(group) = self.all.get_mut(&begun) else {
            return vec![begun];
        };
        group.closed = Some(ns);
        group.belongs = belongs;
        std::mem::take(&mut group.frames)
    }

    /// Frames that came for a datagram which was closed before.
    fn late(&mut self) -> Vec<(u64, Belongs)> {
        let mut late = Vec::new();
        for group in self.all.values_mut().filter(|group| group.closed.is_some()) {
            let frames = std::mem::take(&mut group.frames);
            if let Some(belongs) = group.belongs {
                late.extend(frames.into_iter().map(|frame| (frame, belongs)));
            }
        }
        late
    }
}
