//! The bytes that a direction last handed over, as far as a later segment with other bytes can be told from them.
//!
//! ```text
//!                                       the last 32 bytes themselves
//!                                  |~~~~~~~~~~~~~~~~|
//!   ... | block | block | block | block | block | bl|  next
//!           a hash of each, 512 bytes back
//! ```
//!
//! Blocks are aligned to the sequence number, which wraps at a block's end. Any part of a segment can so be compared, but for
//! the less than a block with which it may begin far back.

/// Bytes that share a hash, and bytes kept as they are.
const BLOCK: usize = 32;
const BLOCKS: usize = 16;
/// How far back is remembered.
const REACH: usize = BLOCK * BLOCKS;

/// What is remembered of the bytes in front of a sequence number, which the caller knows.
#[derive(Debug, Default)]
pub struct Consumed {
    /// Each at its place in its block.
    last: [u8; BLOCK],
    hashes: [u16; BLOCKS],
    /// Bytes remembered.
    known: u16,
}

impl Consumed {
    /// The bytes from `next` on are consumed, and follow those that were.
    pub fn push(&mut self, next: u32, bytes: &[u8]) {
        let skipped = bytes.len().saturating_sub(REACH);
        let mut rest = bytes.get(skipped..).unwrap_or(&[]);
        let mut at = next.wrapping_add(skipped as u32);
        self.known = (usize::from(self.known) + rest.len()).min(REACH) as u16;
        // The end of the block that was begun.
        let begun = BLOCK - place(at);
        if begun < BLOCK && begun <= rest.len() {
            let (now, later) = rest.split_at(begun);
            self.note_part(at, now);
            self.note_block(at, self.last);
            at = at.wrapping_add(begun as u32);
            rest = later;
        }
        if place(at) == 0 {
            let (blocks, later) = rest.as_chunks::<BLOCK>();
            for block in blocks {
                self.note_block(at, *block);
                at = at.wrapping_add(BLOCK as u32);
            }
            if let Some(block) = blocks.last() {
                self.last = *block;
            }
            rest = later;
        }
        self.note_part(at, rest);
    }

    fn note_part(&mut self, at: u32, part: &[u8]) {
        let inside = place(at);
        if let Some(kept) = self.last.get_mut(inside..inside + part.len()) {
            kept.copy_from_slice(part);
        }
    }

    #[inline]
    fn note_block(&mut self, at: u32, block: [u8; BLOCK]) {
        if let Some(kept) = self.hashes.get_mut(slot(at)) {
            *kept = hash(&block) as u16;
        }
    }

    /// Whether a segment that begins in front of `next` has other bytes than were consumed.
    pub fn differs(&self, next: u32, sequence: u32, payload: &[u8]) -> bool {
        let back = next.wrapping_sub(sequence) as usize;
        let skipped = back.saturating_sub(usize::from(self.known));
        let old = payload.get(..back).unwrap_or(payload);
        let mut rest = old.get(skipped..).unwrap_or(&[]);
        let mut at = sequence.wrapping_add(skipped as u32);
        while !rest.is_empty() {
            let inside = place(at);
            let (now, later) = rest.split_at_checked(BLOCK - inside).unwrap_or((rest, &[]));
            let behind = next.wrapping_sub(at) as usize;
            let is_other = if now.len() == BLOCK {
                self.hashes.get(slot(at)).is_some_and(|kept| *kept != hash(now) as u16)
            } else {
                let pairs = now.iter().zip(self.last.iter().skip(inside)).enumerate();
                // Further back the place holds a later byte.
                let mut held = pairs.filter(|(i, _)| behind - i <= BLOCK);
                held.any(|(_, (new, kept))| new != kept)
            };
            if is_other {
                return true;
            }
            at = at.wrapping_add(now.len() as u32);
            rest = later;
        }
        false
    }
}

/// Where in its block a byte lies.
fn place(sequence: u32) -> usize {
    sequence as usize % BLOCK
}

fn slot(sequence: u32) -> usize {
    sequence as usize / BLOCK % BLOCKS
}

/// Sixteen bytes a step, two steps at a time that do not wait for each other; it guards against honest differences and plain
/// forgeries, not against a chosen collision.
#[inline]
pub fn hash(bytes: &[u8]) -> u32 {
    const SEED: u64 = 0x243f_6a88_85a3_08d3;
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |h: u64, low: u64, high: u64| {
        let wide = u128::from(h ^ low) * u128::from(high ^ ODD);
        (wide as u64) ^ (wide >> 64) as u64
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let (fours, words) = words.as_chunks::<4>();
    let [one, two] = fours.iter().fold([SEED, !SEED], |[one, two], four| {
        let [a, b, c, d] = four.map(u64::from_le_bytes);
        [mix(one, a, b), mix(two, c, d)]
    });
    let h = mix(bytes.len() as u64, one, two);
    let h = words.iter().fold(h, |h, word| mix(h, u64::from_le_bytes(*word), SEED));
    rest.iter().fold(h, |h, b| mix(h, u64::from(*b), SEED)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte of the last ones and every whole block can be told, across pieces and the wrap of sequence numbers.
    #[test]
    fn a_changed_byte_is_told_as_far_back_as_is_remembered() {
        let text: Vec<u8> = (0..2000_u32).map(|i| (i * 7 % 251) as u8).collect();
        for (isn, size) in [(0, 1), (u32::MAX - 700, 33), (u32::MAX - 1999, 1400), (5, 2000)] {
            let mut consumed = Consumed::default();
            let mut next: u32 = isn;
            for piece in text.chunks(size) {
                consumed.push(next, piece);
                next = next.wrapping_add(piece.len() as u32);
            }
            for back in 1..=text.len() {
                let from = next.wrapping_sub(back as u32);
                let mut again = [&text[text.len() - back..], b"new"].concat();
                assert!(!consumed.differs(next, from, &again));
                assert!(!consumed.differs(next, from, &again[..back / 2]));
                // The first whole block of what is compared.
                let compared = back.min(REACH);
                let begun = place(from.wrapping_add((back - compared) as u32));
                let lead = (BLOCK - begun) % BLOCK;
                let changed = if compared < 2 * BLOCK {
                    back - compared.min(BLOCK)
                } else {
                    back - compared + lead
                };
                again[changed] ^= 0x20;
                assert!(consumed.differs(next, from, &again), "{isn} {size} {back}");
            }
        }
    }

    #[test]
    fn nothing_consumed_differs_from_nothing() {
        assert!(!Consumed::default().differs(100, 0, &[1; 200]));
    }
}
