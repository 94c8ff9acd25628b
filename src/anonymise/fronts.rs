//! The fronts of TCP streams that begin with a hello, gathered ahead of the copy: a segment can only be rewritten where all
//! that stands before it in its stream is known, and segments may be split anywhere, repeated and out of order.
//!
//! A front ends where encryption begins, or after 32 KiB. What came first stands, as in the engine; a segment that says
//! otherwise is cut there. Whoever copies tells what it has passed, so that old fronts go: what is kept has a bound.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use super::Substitutes;
use super::flight::{self, Records};

const FRONT_AT_MOST: usize = 32 << 10;
/// Pieces of a front with holes between.
const PIECES_AT_MOST: usize = 64;
/// What all fronts may cost, and what one costs besides its bytes.
const COST_AT_MOST: usize = 64 << 20;
const COST: usize = 300;

/// Ends and ports, from sender to receiver, and the tunnels around.
pub type Direction = (u128, u128, u16, u16, u64);

/// A segment.
pub struct Segment<'a> {
    pub direction: Direction,
    /// The first byte's number, and whether the one before it begins the stream.
    pub sequence: u32,
    pub opens: bool,
    pub payload: &'a [u8],
    /// Its place in the input.
    pub at: u64,
}

#[derive(Default)]
pub struct Fronts {
    all: HashMap<Direction, VecDeque<Front>>,
    /// By their beginnings.
    order: VecDeque<(u64, Direction)>,
    cost: usize,
}

#[derive(Default)]
struct Front {
    begun: u64,
    /// The number of the first byte.
    base: u32,
    bytes: Vec<u8>,
    /// Which of the bytes have come.
    come: Vec<Range<usize>>,
    records: Records,
    /// It begins with something else.
    is_other: bool,
    /// What becomes of so many bytes.
    rewritten: Option<(usize, Vec<u8>)>,
}

impl Fronts {
    /// Notes a segment that is to be copied later.
    pub fn note(&mut self, segment: &Segment<'_>) {
        let last = self.all.get_mut(&segment.direction).and_then(VecDeque::back_mut);
        let offset = last.as_ref().map(|front| segment.sequence.wrapping_sub(front.base));
        let offset = offset.map_or(usize::MAX, |offset| offset as usize);
        let front = match last {
            // The same one once more.
            Some(front) if segment.opens && offset == 0 => Some(front),
            Some(front) if !segment.opens && !front.is_other && offset < FRONT_AT_MOST => Some(front),
            _ if segment.opens || flight::begins(segment.payload) == Some(true) => self.begin(segment),
            _ => None,
        };
        let Some(front) = front else { return };
        let offset = segment.sequence.wrapping_sub(front.base) as usize;
        let before = front.cost();
        front.add(offset, segment.payload);
        let after = front.cost();
        self.cost = (self.cost + after).saturating_sub(before);
    }

    fn begin(&mut self, segment: &Segment<'_>) -> Option<&mut Front> {
        self.order.push_back((segment.at, segment.direction));
        self.cost += COST;
        let fronts = self.all.entry(segment.direction).or_default();
        fronts.push_back(Front {
            begun: segment.at,
            base: segment.sequence,
            ..Front::default()
        });
        fronts.back_mut()
    }

    pub fn has_room(&self) -> bool {
        self.cost < COST_AT_MOST
    }

    /// All before `at` was copied.
    pub fn passed(&mut self, at: u64) {
        while self.cost > COST_AT_MOST / 2
            && let Some((begun, direction)) = self.order.front().copied().filter(|(begun, _)| *begun < at)
        {
            self.order.pop_front();
            let Some(fronts) = self.all.get_mut(&direction) else {
                continue;
            };
            if fronts.front().is_some_and(|front| front.begun == begun)
                && let Some(front) = fronts.pop_front()
            {
                self.cost = self.cost.saturating_sub(front.cost() + COST);
            }
            if fronts.is_empty() {
                self.all.remove(&direction);
            }
        }
    }

    /// Puts in the place of a segment's payload what may be shown of it: so many bytes. None: it is in no front.
    pub fn apply(&mut self, segment: &Segment<'_>, out: &mut [u8], substitutes: &Substitutes) -> Option<usize> {
        let fronts = self.all.get_mut(&segment.direction)?;
        let front = fronts.iter_mut().rev().find(|front| front.begun <= segment.at)?;
        let offset = segment.sequence.wrapping_sub(front.base) as usize;
        let before = front.cost();
        let kept = front.apply(offset, segment.payload, out, substitutes);
        let after = front.cost();
        self.cost = (self.cost + after).saturating_sub(before);
        kept
    }
}

impl Front {
    fn cost(&self) -> usize {
        self.bytes.capacity() + self.rewritten.as_ref().map_or(0, |(_, bytes)| bytes.capacity())
    }

    fn add(&mut self, offset: usize, payload: &[u8]) {
        let end = offset.saturating_add(payload.len()).min(FRONT_AT_MOST);
        if self.is_other || self.records.is_over || offset >= end || self.come.len() >= PIECES_AT_MOST {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = offset;
        let ends = Some(end..end);
        for there in self.come.iter().cloned().chain(ends) {
            if at < there.start.min(end) {
                let gap = at..there.start.min(end);
                let new = payload.get(gap.start - offset..gap.end - offset);
                if let (Some(slots), Some(new)) = (self.bytes.get_mut(gap), new) {
                    slots.copy_from_slice(new);
                }
            }
            at = at.max(there.end);
        }
        self.come.push(offset..end);
        self.come.sort_by_key(|range| range.start);
        self.come.dedup_by(|next, range| {
            let joins = next.start <= range.end;
            if joins {
                range.end = range.end.max(next.end);
            }
            joins
        });
        self.look();
    }

    /// The bytes up to the first hole.
    fn whole(&self) -> usize {
        self.come
            .first()
            .filter(|range| range.start == 0)
            .map_or(0, |range| range.end)
    }

    fn look(&mut self) {
        let whole = self.bytes.get(..self.whole()).unwrap_or(&[]);
        if flight::begins(whole) == Some(false) {
            self.is_other = true;
            (self.bytes, self.come) = (Vec::new(), Vec::new());
            return;
        }
        while let Some(record) = self.records.next(whole) {
            if record.end > whole.len() {
                break;
            }
        }
        if self.records.is_over {
            let end = self.records.at.min(whole.len());
            self.bytes.truncate(end);
            self.bytes.shrink_to_fit();
            self.come.truncate(1);
            if let Some(whole) = self.come.first_mut() {
                whole.end = end;
            }
        }
    }

    fn apply(&mut self, offset: usize, payload: &[u8], out: &mut [u8], substitutes: &Substitutes) -> Option<usize> {
        let there = self.bytes.get(..self.whole())?;
        if self.rewritten.as_ref().is_none_or(|(of, _)| *of != there.len()) {
            let mut bytes = there.to_vec();
            flight::rewrite(&mut bytes, substitutes);
            bytes.shrink_to_fit();
            self.rewritten = Some((there.len(), bytes));
        }
        let (_, rewritten) = self.rewritten.as_ref()?;
        let new = rewritten.get(offset..).filter(|new| !new.is_empty())?;
        let was = there.get(offset..)?;
        let same = payload.iter().zip(was).take_while(|(a, b)| a == b).count();
        let kept = same.min(new.len()).min(out.len());
        for (slot, byte) in out.iter_mut().zip(new).take(kept) {
            *slot = *byte;
        }
        Some(kept)
    }
}
