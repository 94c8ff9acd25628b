//! Hashing for maps that are asked once a flow: a few multiplications instead of SipHash's rounds.
//!
//! The seed differs from run to run, so that nobody can choose names or addresses that all fall into one place. Which is
//! also why no order of such a map may reach the output.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Begins hashes with one seed.
#[derive(Debug, Clone)]
pub struct QuickHash {
    seed: u64,
}

impl Default for QuickHash {
    fn default() -> Self {
        QuickHash {
            seed: RandomState::new().hash_one(0u8),
        }
    }
}

impl BuildHasher for QuickHash {
    type Hasher = Folding;

    #[inline]
    fn build_hasher(&self) -> Folding {
        Folding(self.seed)
    }
}

/// Folds number after number into one.
#[derive(Debug, Clone)]
pub struct Folding(u64);

impl Hasher for Folding {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks::<8>();
        for chunk in whole {
            self.write_u64(u64::from_le_bytes(*chunk));
        }
        if !rest.is_empty() {
            let number = rest.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            self.write_u64(number ^ (rest.len() as u64) << 56);
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        let wide = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        // Without the turn a number that cancels the state would wipe out all before it.
        self.0 = wide as u64 ^ (wide >> 64) as u64 ^ self.0.rotate_left(23);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        // Maps look at the top bits and at the low ones: each must depend on all.
        let wide = u128::from(self.0) * 0xd6e8_feb8_6659_fd93;
        wide as u64 ^ (wide >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn neighbours_fall_apart_at_both_ends_of_the_hash() {
        let hash = QuickHash::default();
        let (mut top, mut low) = (HashSet::new(), HashSet::new());
        for n in 0..4096u32 {
            let all = [
                hash.hash_one(IpAddr::from((0x0a00_0000 + n).to_be_bytes())),
                hash.hash_one(IpAddr::from((u128::from(n) << 64).to_be_bytes())),
                hash.hash_one(format!("n{n}.example.org")),
            ];
            top.extend(all.map(|hash| hash >> 48));
            low.extend(all.map(|hash| hash & 0xffff));
        }
        // 12,288 balls into 65,536 boxes: about 11,200 boxes are not empty.
        assert!(top.len() > 10_800 && low.len() > 10_800, "{} {}", top.len(), low.len());
    }

    #[test]
    fn what_is_cut_differs() {
        let hash = QuickHash::default();
        let of = |bytes: &[u8]| {
            let mut folding = hash.build_hasher();
            folding.write(bytes);
            folding.finish()
        };
        assert_ne!(of(b"abc"), of(b"abc\0"));
        assert_ne!(of(b"\0abc"), of(b"abc"));
        assert_ne!(of(b"abcdefgh"), of(b"abcdefgh\0"));
        assert_ne!(QuickHash::default().hash_one(7u64), hash.hash_one(7u64));
    }
}
