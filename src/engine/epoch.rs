//! A slice of the input: some bytes, and where the frames are in them.
//!
//! An epoch is a unit of memory, not of meaning: the same input cut into other epochs gives the
//! same records. It holds frames of one input only, or of interfaces heard at once: then their stamps say which.

use std::ops::Range;
use std::sync::Arc;

use crate::flow::stamp::Stamp;
use crate::wire::link::LinkType;

/// Where one captured frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub stamp: Stamp,
    /// Offset of the first byte in [`Epoch::bytes`].
    pub at: u32,
    /// Bytes captured, all of them inside [`Epoch::bytes`].
    pub captured: u32,
    /// Bytes on the wire.
    pub wire: u32,
    pub link: LinkType,
    /// Which of the input's interfaces (pcapng), from 0.
    pub interface: u16,
}

/// A slice of one input.
#[derive(Debug, Default)]
pub struct Epoch {
    /// The input's ordinal; of interfaces heard at once, the first frame's.
    pub ordinal: u32,
    pub bytes: Vec<u8>,
    pub frames: Vec<Frame>,
    /// Live only: the source has nothing more at hand, and this is its clock. What is over by then may leave
    /// without waiting for the next mark.
    pub lull: Option<u64>,
    /// Live only: packets have been dropped since the epoch before, at the latest at this time. A silence until then proves nothing.
    pub dropped_ns: Option<u64>,
}

impl Epoch {
    /// The captured bytes of a frame of this epoch.
    #[inline]
    pub fn frame_bytes(&self, frame: &Frame) -> &[u8] {
        let at = frame.at as usize;
        self.bytes.get(at..at + frame.captured as usize).unwrap_or(&[])
    }

    /// Empties the epoch and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.lull = None;
        self.dropped_ns = None;
    }
}

/// What a source knows of one of its inputs once it has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputFacts {
    /// The path as the user wrote it, `-` for standard input, or an interface.
    pub name: String,
    /// Names of the link types that occurred (`ethernet`, `linux-sll`, ...), in the order of first occurrence.
    pub links: Vec<String>,
    /// A timestamp finer than a microsecond can occur: times are written with 9 digits.
    pub nanoseconds: bool,
    /// The frame behind which that is so.
    pub nanoseconds_after: u64,
    /// Lower-case hex, where hashing was asked for.
    pub sha256: Option<String>,
    /// What the user should know: a cut tail, a link type nobody decodes. One line each, without the file's name.
    pub warnings: Vec<String>,
    /// Packets dropped while capturing, where the source knows (interface statistics, a live handle).
    pub dropped_by_kernel: Option<u64>,
    pub dropped_by_interface: Option<u64>,
}

/// Where frames come from.
pub trait Source: Send {
    /// Clears `epoch` and fills it with about `target` bytes of the next frames (one frame at least, a whole frame
    /// however long). `Ok(false)`, with an empty epoch, when all inputs have ended. An unusable input among several is
    /// remembered in [`Source::faults`] and passed over.
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool;

    /// What is known of the inputs, by ordinal; complete once `fill` has answered false.
    fn inputs(&self) -> &[InputFacts];

    /// Inputs that could not be used: one finished line each (which, what, what to do).
    fn faults(&self) -> &[String];

    /// What lies ahead and can be read by many at once; None where only `fill` can go on.
    fn stretch(&mut self) -> Option<Stretch> {
        None
    }

    /// Goes on behind what was read of a stretch: at this offset, after so many packets of the input. Whether the next
    /// stretch may be asked for.
    fn pass(&mut self, to: u64, packets: u64, again: bool) {
        let _ = (to, packets, again);
    }
}

/// A stretch of one input. It begins with a record.
#[derive(Clone)]
pub struct Stretch {
    pub pieces: Arc<dyn Pieces>,
    pub ordinal: u32,
    /// Offsets in the input.
    pub from: u64,
    pub to: u64,
    /// Packets of the input before it.
    pub packets: u64,
}

/// Reads pieces of a stretch: anybody's, in any order.
pub trait Pieces: Send + Sync {
    /// Fills `epoch` with the records that begin in `range`, numbered from 1. Where the first of them begins is looked
    /// for, unless it is `sure` to be at the range's start. None where the range is not whole records to its end, or
    /// none was found.
    fn read(&self, range: Range<u64>, sure: bool, epoch: &mut Epoch) -> Option<Found>;
}

/// Where a piece's records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub first: u64,
    /// Where the record behind the last one begins.
    pub next: u64,
}
