//! The pieces of one datagram.
//!
//! ```text
//!   bytes    [ 16..24 ][ 0..8 ][ 8..16 ]         as they arrived
//!   pieces     0..8 @8   8..16 @16   16..24 @0   where each one's bytes are, in the datagram's order
//! ```
//!
//! No two pieces overlap, so the datagram is whole when their lengths add up to its end.

use std::mem::size_of;

/// Why a datagram is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Two pieces claim the same bytes, and are not the same piece.
    Overlap,
    /// Two pieces disagree about where the datagram ends, and do not overlap.
    End,
    /// It would be longer than an IP packet can be.
    TooLong,
    /// It alone would take more memory than all may.
    Budget,
}

/// The longest IP payload.
const DATAGRAM_MAX: u32 = 65_535;

#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// In the datagram's order.
    pieces: Vec<Piece>,
    /// In the order of arrival.
    bytes: Vec<u8>,
    /// Where the last piece ends.
    end: Option<u32>,
    /// Bytes of the datagram that were on the wire.
    covered: u32,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    offset: u32,
    /// On the wire.
    length: u32,
    /// In [`Pieces::bytes`].
    at: u32,
    captured: u32,
}

impl Pieces {
    /// Takes in the piece at `offset`: its captured bytes, and how many more of it were on the wire. After an error
    /// the pieces mean nothing any more.
    pub fn take(&mut self, offset: u32, more: bool, payload: &[u8], cut: u32) -> Result<(), Reason> {
        let length = payload.len() as u64 + u64::from(cut);
        let end = u64::from(offset) + length;
        if end > u64::from(DATAGRAM_MAX) {
            return Err(Reason::TooLong);
        }
        let (length, end) = (length as u32, end as u32);
        if length == 0 {
            return self.take_end(end, more);
        }

        let next = self.pieces.partition_point(|piece| piece.offset < offset);
        if let Some(&same) = self.pieces.get(next)
            && (same.offset, same.length) == (offset, length)
        {
            self.same_bytes(&same, payload)?;
            return self.take_end(end, more);
        }
        // RFC 8200 4.5 (as RFC 5722 4): a datagram with overlapping pieces must be dropped, with all its pieces. RFC 791
        // 3.2 lets IPv4 take whichever came last, and hosts differ: what the receiver read nobody can tell.
        let before_overlaps = next
            .checked_sub(1)
            .and_then(|before| self.pieces.get(before))
            .is_some_and(|before| before.offset + before.length > offset);
        let next_overlaps = self.pieces.get(next).is_some_and(|next| next.offset < end);
        if before_overlaps || next_overlaps {
            return Err(Reason::Overlap);
        }
        self.take_end(end, more)?;
        let piece = Piece {
            offset,
            length,
            at: self.bytes.len() as u32,
            captured: payload.len() as u32,
        };
        self.bytes.extend_from_slice(payload);
        self.pieces.insert(next, piece);
        self.covered += length;
        Ok(())
    }

    pub fn is_whole(&self) -> bool {
        self.end == Some(self.covered)
    }

    /// Writes the bytes in order, up to the first that was not captured, and says how many follow from there.
    pub fn assemble(&self, out: &mut Vec<u8>) -> u32 {
        let mut missing = self.covered;
        for piece in &self.pieces {
            out.extend_from_slice(self.captured(piece));
            missing -= piece.captured;
            if piece.captured < piece.length {
                break;
            }
        }
        missing
    }

    /// Memory held.
    pub fn cost(&self) -> usize {
        self.bytes.capacity() + self.pieces.capacity() * size_of::<Piece>()
    }

    /// Holds a piece's end against what is known of the datagram's.
    fn take_end(&mut self, end: u32, more: bool) -> Result<(), Reason> {
        let reach = self.pieces.last().map_or(0, |last| last.offset + last.length);
        match self.end {
            Some(known) if end > known || (!more && end != known) => Err(Reason::End),
            None if !more && reach > end => Err(Reason::End),
            None if !more => {
                self.end = Some(end);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// RFC 8200 4.5: networks duplicate, so the exact same piece once more may be dropped without harm to its datagram. One
    /// with other bytes is no duplicate.
    fn same_bytes(&self, piece: &Piece, payload: &[u8]) -> Result<(), Reason> {
        let kept = self.captured(piece);
        let common = kept.len().min(payload.len());
        if kept.get(..common) == payload.get(..common) {
            Ok(())
        } else {
            Err(Reason::Overlap)
        }
    }

    fn captured(&self, piece: &Piece) -> &[u8] {
        let at = piece.at as usize;
        self.bytes.get(at..at + piece.captured as usize).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assembled(pieces: &Pieces) -> (Vec<u8>, u32) {
        let mut out = Vec::new();
        let missing = pieces.assemble(&mut out);
        (out, missing)
    }

    #[test]
    fn any_overlap_is_refused() {
        // Each of them over what came first: 8..24.
        for (offset, length) in [(0, 16), (16, 16), (8, 8), (16, 8), (0, 32), (8, 16)] {
            // Whether it disagrees about the end as well or not: the overlap is what matters.
            for (first, over) in [(true, true), (true, false), (false, true)] {
                let mut pieces = Pieces::default();
                pieces.take(8, first, &[1; 16], 0).unwrap();
                assert_eq!(
                    pieces.take(offset, over, &vec![2; length], 0),
                    Err(Reason::Overlap),
                    "{offset} {length}"
                );
            }
        }
    }

    #[test]
    fn the_same_piece_again_is_none() {
        let mut pieces = Pieces::default();
        pieces.take(0, true, &[1, 2, 3, 4, 5, 6, 7, 8], 0).unwrap();
        assert_eq!(pieces.take(0, true, &[1, 2, 3], 5), Ok(()));
        pieces.take(8, false, &[9], 0).unwrap();
        assert_eq!(assembled(&pieces), (vec![1, 2, 3, 4, 5, 6, 7, 8, 9], 0));
    }

    #[test]
    fn an_end_must_be_the_end() {
        for (first, second) in [
            ((8, false, 4), (16, true, 8)),
            ((16, true, 8), (8, false, 4)),
            ((8, false, 4), (0, false, 8)),
        ] {
            let mut pieces = Pieces::default();
            let mut take = |(offset, more, length): (u32, bool, usize)| pieces.take(offset, more, &vec![0; length], 0);
            assert_eq!(take(first), Ok(()));
            assert_eq!(take(second), Err(Reason::End));
        }
        let mut pieces = Pieces::default();
        assert_eq!(pieces.take(65_528, false, &[0; 8], 0), Err(Reason::TooLong));
        assert_eq!(pieces.take(0, true, &[], u32::MAX), Err(Reason::TooLong));
    }

    /// Bytes by offset, everything remembered.
    #[derive(Default)]
    struct Naive {
        pieces: Vec<(u32, Vec<u8>)>,
        end: Option<u32>,
        broken: bool,
    }

    impl Naive {
        fn add(&mut self, offset: u32, more: bool, payload: &[u8]) -> Option<Vec<u8>> {
            let end = offset + payload.len() as u32;
            let reach = |(o, p): &(u32, Vec<u8>)| o + p.len() as u32;
            if !more {
                self.broken |= self.end.is_some_and(|known| known != end);
                self.end = Some(end);
            }
            if !self.pieces.contains(&(offset, payload.to_vec())) {
                self.broken |= self.pieces.iter().any(|p| p.0 < end && offset < reach(p));
                self.pieces.push((offset, payload.to_vec()));
            }
            let known = self.end?;
            self.broken |= self.pieces.iter().any(|p| reach(p) > known);
            if self.broken {
                return None;
            }
            let mut bytes = vec![None; known as usize];
            for (offset, payload) in &self.pieces {
                for (slot, byte) in bytes.iter_mut().skip(*offset as usize).zip(payload) {
                    *slot = Some(*byte);
                }
            }
            bytes.into_iter().collect()
        }
    }

    proptest! {
        #[test]
        fn as_a_naive_reassembler_does(
            pieces in prop::collection::vec((0u32..5, 1usize..4, any::<bool>(), 0u8..2), 1..9)
        ) {
            let mut ours = Pieces::default();
            let mut naive = Naive::default();
            for (n, (offset, length, more, fill)) in pieces.into_iter().enumerate() {
                let payload = vec![if fill == 0 { 0xaa } else { n as u8 }; length * 8];
                let expected = naive.add(offset * 8, more, &payload);
                let taken = ours.take(offset * 8, more, &payload, 0);
                prop_assert_eq!(taken.is_err(), naive.broken);
                if naive.broken {
                    return Ok(());
                }
                prop_assert_eq!(ours.is_whole(), expected.is_some());
                if let Some(bytes) = expected {
                    prop_assert_eq!(assembled(&ours), (bytes, 0));
                    return Ok(());
                }
            }
        }

        #[test]
        fn any_split_in_any_order_is_put_together(
            (payload, order) in (8usize..2000, 8usize..80).prop_flat_map(|(total, step)| {
                let step = step / 8 * 8;
                let starts: Vec<usize> = (0..total).step_by(step).collect();
                let payload: Vec<u8> = (0..total).map(|n| n as u8).collect();
                let pieces = starts.into_iter().map(|s| (s, (s + step).min(total))).collect::<Vec<_>>();
                (Just(payload), Just(pieces).prop_shuffle())
            })
        ) {
            let mut ours = Pieces::default();
            for (n, &(start, end)) in order.iter().enumerate() {
                let more = end < payload.len();
                prop_assert_eq!(ours.take(start as u32, more, &payload[start..end], 0), Ok(()));
                prop_assert_eq!(ours.is_whole(), n == order.len() - 1);
            }
            prop_assert_eq!(assembled(&ours), (payload, 0));
        }
    }
}
