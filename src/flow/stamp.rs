//! When a packet was seen.

/// The core's only time. `seq` orders totally; `ns` may run backwards in a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp {
    /// Input ordinal and frame number, see [`Stamp::new`]. First, so that the derived order is the input's order.
    pub seq: u64,
    /// Nanoseconds since 1970 by the capture's clock.
    pub ns: u64,
}

const FRAME_BITS: u32 = 40;

impl Stamp {
    /// The order of the input is a fact of the input: the file's ordinal, then the frame's number (from 1).
    #[inline]
    pub fn new(ordinal: u32, frame: u64, ns: u64) -> Stamp {
        Stamp {
            seq: u64::from(ordinal) << FRAME_BITS | frame,
            ns,
        }
    }

    /// The frame's number in its file, from 1, as Wireshark counts.
    #[inline]
    pub fn frame(self) -> u64 {
        self.seq & ((1 << FRAME_BITS) - 1)
    }

    /// Which input, from 0.
    #[inline]
    pub fn ordinal(self) -> u32 {
        (self.seq >> FRAME_BITS) as u32
    }
}
