//! One direction of a TCP connection, put in order.
//!
//! Segments come as they were captured: twice, overlapping, out of order, cut short, or never. What
//! comes in order goes through to the consumer without being copied; only what the consumer leaves
//! and what waits behind a hole is kept, and never more than the budget.
//!
//! ```text
//!              next                   the hole
//!   consumed    | head (contiguous)    |     waiting
//!   ~~~~~~~~~~~~|======================| . . [=====] . . [===]
//!
//!   a segment   |             [#############]           known bytes stay, new ones fill in:
//!   ~~~~~~~~~~~~|=============================[====] . . [===]
//! ```
//!
//! What arrives first is kept: a retransmission never changes a byte, and one with other bytes is
//! marked `overlap`. Of bytes already consumed the last ones and a few digests are remembered for that.
//!
//! A hole is waited for until the bytes behind it fill the budget. Then the stream is broken: it
//! says so and gives nothing more, since nothing behind a lost byte is where it seems to be.

use crate::evidence::consumed::{Consumed, hash};
use crate::evidence::model::Quality;

/// Pieces waiting behind holes; more are a flood of crumbs.
const MAX_WAITING: usize = 64;
/// A segment further ahead than this belongs to no window that we follow.
const MAX_AHEAD: usize = 1 << 20;
/// Digests of segments handed through, for telling a changed retransmission.
const REMEMBERED: usize = 4;

/// One direction of a TCP connection.
#[derive(Debug)]
pub struct Stream {
    /// Sequence number of the first byte not consumed.
    next: u32,
    /// Bytes that may be kept.
    cap: usize,
    start: Start,
    broken: bool,
    quality: Quality,
    /// The contiguous bytes from `next`.
    head: Vec<u8>,
    /// What lies behind holes, in sequence order, without overlaps.
    waiting: Vec<Piece>,
    remembered: [Digest; REMEMBERED],
    /// Which digest gives way next.
    oldest: u8,
    /// What was in front of `next`.
    consumed: Consumed,
}

/// How the stream's first sequence number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Unknown,
    /// Taken from the first segment seen, and nothing is consumed yet: an earlier one may still come.
    Guessed,
    Certain,
}

/// Bytes behind a hole.
#[derive(Debug)]
struct Piece {
    sequence: u32,
    bytes: Vec<u8>,
    /// The capture cut off what follows.
    cut: bool,
}

impl Piece {
    fn new(sequence: u32, bytes: &[u8], cut: bool) -> Piece {
        Piece {
            sequence,
            bytes: bytes.to_vec(),
            cut,
        }
    }

    fn end(&self) -> u32 {
        self.sequence.wrapping_add(self.bytes.len() as u32)
    }
}

/// What is remembered of a segment whose bytes may be gone.
#[derive(Debug, Clone, Copy, Default)]
struct Digest {
    sequence: u32,
    length: u32,
    hash: u32,
}

impl Stream {
    /// `cap`: how many bytes may be kept.
    pub fn new(cap: usize) -> Stream {
        Stream {
            next: 0,
            cap,
            start: Start::Unknown,
            broken: false,
            quality: Quality::default(),
            head: Vec::new(),
            waiting: Vec::new(),
            remembered: [Digest::default(); REMEMBERED],
            oldest: 0,
            consumed: Consumed::default(),
        }
    }

    pub fn set_cap(&mut self, cap: usize) {
        self.cap = cap;
    }

    /// Says the first byte's sequence number: the SYN's and one, or what the peer acknowledged.
    ///
    /// A SYN captured late corrects a guess as long as nothing is consumed.
    pub fn start(&mut self, next: u32) {
        match self.start {
            Start::Unknown => self.next = next,
            Start::Guessed if is_before(next, self.next) => self.move_back(next),
            Start::Guessed | Start::Certain => {}
        }
        self.start = Start::Certain;
    }

    pub fn is_started(&self) -> bool {
        self.start != Start::Unknown
    }

    /// Nothing more will be given; [`Stream::quality`] says why.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether bytes wait behind a hole. At a flow's end that hole is a gap.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// `GAP`: bytes that never came; `CUT`: bytes that the capture cut off; `OVERLAP`: a retransmission with other
    /// bytes; `BUDGET`: the consumer left more than may be kept.
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// Bytes of memory held.
    pub fn kept(&self) -> usize {
        let waiting = self.waiting.iter().map(|p| p.bytes.len());
        self.head.len() + waiting.sum::<usize>()
    }

    /// Offers a segment, in capture order; the last `cut` bytes of its payload were not captured.
    ///
    /// `consume` sees the longest run of contiguous bytes not consumed yet, and says how many it took. It is
    /// asked once, and only if there is something new.
    #[inline]
    pub fn segment(&mut self, sequence: u32, payload: &[u8], cut: u32, consume: impl FnOnce(&[u8]) -> usize) {
        if self.broken || (payload.is_empty() && cut == 0) {
            return;
        }
        if self.start == Start::Unknown {
            self.next = sequence;
            self.start = Start::Guessed;
        }
        let expected = sequence == self.next && self.head.is_empty() && self.waiting.is_empty();
        if expected && cut == 0 {
            self.pass(payload, consume);
        } else {
            self.place(sequence, payload, cut, consume);
        }
    }

    /// The common case: the next bytes, and nothing kept. They go through uncopied.
    fn pass(&mut self, payload: &[u8], consume: impl FnOnce(&[u8]) -> usize) {
        self.remember(self.next, payload);
        let taken = consume(payload).min(payload.len());
        let (passed, left) = payload.split_at_checked(taken).unwrap_or_default();
        self.consumed.push(self.next, passed);
        self.advance(taken);
        self.head.extend_from_slice(left);
        self.enforce_cap();
    }

    /// Everything else: known bytes are compared and dropped, new ones put where they belong.
    fn place(&mut self, sequence: u32, payload: &[u8], cut: u32, consume: impl FnOnce(&[u8]) -> usize) {
        if is_before(sequence, self.next) {
            let back = self.next.wrapping_sub(sequence) as usize;
            if self.start == Start::Guessed && back <= self.cap {
                self.move_back(sequence);
            } else {
                self.compare_remembered(sequence, payload);
                self.compare_consumed(sequence, payload);
            }
        } else if sequence.wrapping_sub(self.next) as usize > MAX_AHEAD {
            self.quality.add(Quality::GAP);
            return;
        }
        let Some((sequence, new, cut)) = self.beyond_head(sequence, payload, cut) else {
            return;
        };
        self.remember(sequence, new);
        let before = self.head.len();
        if self.waiting.is_empty() && sequence == self.head_end() && !cut {
            self.head.extend_from_slice(new);
        } else {
            self.insert(sequence, new, cut);
            self.join();
        }
        if self.head.len() > before {
            let taken = consume(&self.head).min(self.head.len());
            self.consumed.push(self.next, self.head.get(..taken).unwrap_or(&[]));
            self.head.drain(..taken);
            self.advance(taken);
        }
        self.enforce_cap();
    }

    /// The part of a segment beyond the contiguous bytes: where it begins, its bytes, and whether bytes that the capture
    /// cut off follow. None if nothing is new.
    fn beyond_head<'a>(&mut self, sequence: u32, payload: &'a [u8], cut: u32) -> Option<(u32, &'a [u8], bool)> {
        let end = self.head_end();
        let known = end.wrapping_sub(sequence);
        if known as i32 <= 0 {
            return Some((sequence, payload, cut > 0));
        }
        let known = known as usize;
        let (again, new) = payload.split_at_checked(known).unwrap_or((payload, &[]));
        self.compare_head(sequence, again);
        let is_new = payload.len() + cut as usize > known;
        is_new.then_some((end, new, cut > 0))
    }

    /// Compares known bytes with the head, as far as they lie in it.
    fn compare_head(&mut self, sequence: u32, again: &[u8]) {
        let consumed = self.next.wrapping_sub(sequence) as i32;
        let (again, held) = match usize::try_from(consumed) {
            Ok(consumed) => (again.get(consumed..), Some(self.head.as_slice())),
            Err(_) => (Some(again), self.head.get(consumed.unsigned_abs() as usize..)),
        };
        if let (Some(again), Some(held)) = (again, held)
            && !held.starts_with(again)
        {
            self.quality.add(Quality::OVERLAP);
        }
    }

    /// Puts bytes among the waiting ones: those that came first stay, the new ones fill the holes between.
    fn insert(&mut self, mut sequence: u32, mut bytes: &[u8], cut: bool) {
        let mut at = 0;
        while let Some(piece) = self.waiting.get(at) {
            let (from, end) = (piece.sequence, piece.end());
            if is_before(end, sequence) || (end == sequence && !piece.bytes.is_empty()) {
                at += 1;
                continue;
            }
            let room = from.wrapping_sub(sequence) as i32;
            if let Ok(room) = usize::try_from(room) {
                let Some((front, rest)) = bytes.split_at_checked(room) else {
                    break;
                };
                if !front.is_empty() {
                    self.waiting.insert(at, Piece::new(sequence, front, false));
                    at += 1;
                }
                (sequence, bytes) = (from, rest);
            }
            // Now the bytes begin inside the piece.
            let Some(piece) = self.waiting.get(at) else {
                break;
            };
            let inside = sequence.wrapping_sub(from) as usize;
            let held = piece.bytes.get(inside..).unwrap_or(&[]);
            let (again, rest) = bytes.split_at_checked(held.len()).unwrap_or((bytes, &[]));
            if !held.starts_with(again) {
                self.quality.add(Quality::OVERLAP);
            }
            if rest.is_empty() {
                return;
            }
            (sequence, bytes) = (end, rest);
            at += 1;
        }
        if !bytes.is_empty() || cut {
            self.waiting.insert(at, Piece::new(sequence, bytes, cut));
        }
    }

    /// Moves the waiting pieces that the head reaches to its end.
    fn join(&mut self) {
        let mut joined = 0;
        let mut cut = false;
        for piece in &self.waiting {
            let end = self.next.wrapping_add(self.head.len() as u32);
            if piece.sequence != end {
                break;
            }
            self.head.extend_from_slice(&piece.bytes);
            cut = piece.cut;
            joined += 1;
        }
        self.waiting.drain(..joined);
        if cut {
            // The bytes were on the wire, and no later packet is going to bring them.
            self.give_up(Quality::CUT);
        }
    }

    /// Before anything is consumed, an earlier start makes the contiguous bytes wait.
    fn move_back(&mut self, next: u32) {
        if !self.head.is_empty() {
            let head = std::mem::take(&mut self.head);
            self.waiting.insert(0, Piece::new(self.next, &head, false));
        }
        self.next = next;
    }

    fn head_end(&self) -> u32 {
        self.next.wrapping_add(self.head.len() as u32)
    }

    fn advance(&mut self, taken: usize) {
        if taken > 0 {
            self.next = self.next.wrapping_add(taken as u32);
            self.start = Start::Certain;
        }
        if self.head.is_empty() {
            self.head = Vec::new();
        }
    }

    fn enforce_cap(&mut self) {
        if self.waiting.is_empty() {
            if self.head.len() > self.cap {
                self.give_up(Quality::BUDGET);
            }
        } else if self.waiting.len() > MAX_WAITING || self.kept() > self.cap {
            self.give_up(Quality::GAP);
        }
        if self.broken {
            self.head = Vec::new();
        }
    }

    /// Nothing more comes; the head stays for one last look.
    fn give_up(&mut self, why: Quality) {
        self.quality.add(why);
        self.broken = true;
        self.waiting = Vec::new();
    }

    fn remember(&mut self, sequence: u32, bytes: &[u8]) {
        let slot = usize::from(self.oldest) % REMEMBERED;
        if let Some(digest) = self.remembered.get_mut(slot) {
            *digest = Digest {
                sequence,
                length: bytes.len() as u32,
                hash: hash(bytes),
            };
        }
        self.oldest = self.oldest.wrapping_add(1);
    }

    /// Compares a segment that begins in the past with the remembered ones that it repeats whole.
    fn compare_remembered(&mut self, sequence: u32, payload: &[u8]) {
        for digest in &self.remembered {
            let from = digest.sequence.wrapping_sub(sequence) as usize;
            let length = digest.length as usize;
            let again = from.checked_add(length).and_then(|end| payload.get(from..end));
            if let Some(again) = again
                && length > 0
                && hash(again) != digest.hash
            {
                self.quality.add(Quality::OVERLAP);
            }
        }
    }

    /// Compares what a segment repeats of the bytes last consumed, wherever it begins and ends.
    fn compare_consumed(&mut self, sequence: u32, payload: &[u8]) {
        // RFC 9293, section 3.8.4: a keepalive may carry any byte in the place of the last one.
        let is_keepalive = payload.len() == 1 && sequence.wrapping_add(1) == self.next;
        if !is_keepalive && self.consumed.differs(self.next, sequence, payload) {
            self.quality.add(Quality::OVERLAP);
        }
    }
}

/// RFC 9293, section 3.4: sequence numbers are compared modulo 2^32.
fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
