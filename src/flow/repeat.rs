//! The same packet captured twice: a mirror port that copies both ways, or an interface listened to at two layers.
//!
//! A copy has all that makes a packet itself: its ends, its IP identification, its place in the stream, its length and the first
//! bytes of its payload; hop count and link header may differ. A retransmission is a new packet: it has an
//! identification of its own, and comes later. Where there is no identification (IPv6, or 0) only the time
//! is left to tell them apart, so the time is shorter, and an acknowledgment without payload is never taken for a copy.

use super::expiry::SECOND;
use super::fetch::prefetch;

/// How far apart two captures of one packet may be.
const APART: u64 = SECOND / 100;
/// The same where a packet has no identification: no sender repeats itself so soon.
const APART_UNIDENTIFIED: u64 = SECOND / 1000;
/// Packets are remembered in sets of four, a cache line each, the oldest of a set giving way: those of the last milliseconds,
/// in a shard's share of a fast link.
const SETS: usize = 64;
const WAYS: usize = 4;

/// What a packet is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signature {
    pub hash: u64,
    pub kind: SignatureKind,
}

/// How sure a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureKind {
    /// With IPv4's identification, which no other packet of the next moments shares.
    Identified,
    /// By its content alone.
    ByContent,
    /// There is nothing to know it by: it is a copy of none.
    #[default]
    None,
}

/// The packets seen last: hash and time.
#[derive(Debug)]
pub struct Recent {
    sets: Box<[[(u64, u64); WAYS]; SETS]>,
}

impl Default for Recent {
    fn default() -> Self {
        Recent {
            sets: Box::new([[(0, 0); WAYS]; SETS]),
        }
    }
}

impl Recent {
    /// Fetches the set that this packet will be looked for in.
    #[inline]
    pub fn prefetch(&self, signature: Signature) {
        prefetch(&self.sets[signature.hash as usize % SETS]);
    }

    /// Whether this packet is a copy of one just seen; it is remembered either way.
    #[inline]
    pub fn is_copy(&mut self, signature: Signature, ns: u64) -> bool {
        let apart = match signature.kind {
            SignatureKind::Identified => APART,
            SignatureKind::ByContent => APART_UNIDENTIFIED,
            SignatureKind::None => return false,
        };
        let Some(set) = self.sets.get_mut(signature.hash as usize % SETS) else {
            return false;
        };
        let seen = (signature.hash, ns);
        // What is seen goes to the front, and pushes back what stood before its own place, or the oldest out.
        for way in 0..WAYS {
            if set[way].0 == signature.hash && set[way].1 != 0 {
                let when = set[way].1;
                set.copy_within(..way, 1);
                set[0] = seen;
                return ns.abs_diff(when) <= apart;
            }
        }
        let [first, second, third, _] = *set;
        *set = [seen, first, second, third];
        false
    }
}

/// Mixes what a packet is known by into one number.
#[inline]
pub fn mix(flow_hash: u64, words: [u64; 2]) -> u64 {
    words.into_iter().fold(flow_hash, |h, word| {
        let wide = u128::from(h ^ word) * 0x9e37_79b9_7f4a_7c15;
        wide as u64 ^ (wide >> 64) as u64 ^ h.rotate_left(23)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_comes_soon_and_a_retransmission_has_its_own_identification() {
        let mut recent = Recent::default();
        let packet = Signature {
            hash: 77,
            kind: SignatureKind::Identified,
        };
        assert!(!recent.is_copy(packet, 5 * SECOND));
        assert!(recent.is_copy(packet, 5 * SECOND + 3_000_000));
        assert!(!recent.is_copy(packet, 6 * SECOND));
        let other = Signature {
            hash: mix(77, [1, 0]),
            kind: SignatureKind::Identified,
        };
        assert!(!recent.is_copy(other, 6 * SECOND));
    }

    #[test]
    fn without_identification_only_the_closest_copy_counts() {
        let mut recent = Recent::default();
        let packet = Signature {
            hash: 78,
            kind: SignatureKind::ByContent,
        };
        assert!(!recent.is_copy(packet, SECOND));
        assert!(recent.is_copy(packet, SECOND + 500_000));
        assert!(!recent.is_copy(packet, SECOND + 3_500_000));
    }
}
