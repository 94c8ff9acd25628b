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
/// Set where several interfaces are heard at once, see [`Stamp::heard`].
const HEARD: u64 = 1 << 63;
/// How many bits tell the interface then; the packet's number has those above.
const HEARD_ORDINAL_BITS: u32 = 12;

impl Stamp {
    /// The order of the input is a fact of the input: the file's ordinal, then the frame's number (from 1).
    #[inline]
    pub fn new(ordinal: u32, frame: u64, ns: u64) -> Stamp {
        Stamp {
            seq: u64::from(ordinal) << FRAME_BITS | frame,
            ns,
        }
    }

    /// The same for inputs that are heard at once: the order is that of the packets, numbered from 1 over all of them.
    #[inline]
    pub fn heard(ordinal: u32, number: u64, ns: u64) -> Stamp {
        let which = u64::from(ordinal) & ((1 << HEARD_ORDINAL_BITS) - 1);
        Stamp {
            seq: HEARD | number << HEARD_ORDINAL_BITS | which,
            ns,
        }
    }

    /// The frame's number in its file, from 1, as Wireshark counts; of what is heard at once, in all of it.
    #[inline]
    pub fn frame(self) -> u64 {
        if self.seq & HEARD == 0 {
            self.seq & ((1 << FRAME_BITS) - 1)
        } else {
            (self.seq & !HEARD) >> HEARD_ORDINAL_BITS
        }
    }

    /// Which input, from 0.
    #[inline]
    pub fn ordinal(self) -> u32 {
        if self.seq & HEARD == 0 {
            (self.seq >> FRAME_BITS) as u32
        } else {
            (self.seq & ((1 << HEARD_ORDINAL_BITS) - 1)) as u32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_in_order_one_behind_the_other_or_heard_at_once() {
        let files = [Stamp::new(0, 7, 9), Stamp::new(1, 1, 3), Stamp::new(1, 2, 2)];
        let heard = [Stamp::heard(3, 1, 5), Stamp::heard(0, 2, 5), Stamp::heard(3, 3, 4)];
        assert!(files.is_sorted() && heard.is_sorted());
        assert_eq!(files.map(|at| (at.ordinal(), at.frame())), [(0, 7), (1, 1), (1, 2)]);
        assert_eq!(heard.map(|at| (at.ordinal(), at.frame())), [(3, 1), (0, 2), (3, 3)]);
    }
}
