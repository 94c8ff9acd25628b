//! Records in chunks that never move: growing copies nothing and needs no second table's worth of memory.

/// Places for records, numbered from 0.
pub struct Slab<T> {
    chunks: Vec<Box<[Option<T>]>>,
    length: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab {
            chunks: Vec::new(),
            length: 0,
        }
    }
}

impl<T> Slab<T> {
    /// A power of two, so that a place is found by a shift; about 32 KiB of records.
    const CHUNK: usize = {
        let records = 32 * 1024 / size_of::<Option<T>>();
        if records < 2 { 1 } else { 1 << records.ilog2() }
    };

    /// How many places there are, empty ones too.
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// A place of this slab.
    #[inline]
    pub fn at(&self, slot: u32) -> &Option<T> {
        &self.chunks[slot as usize / Self::CHUNK][slot as usize % Self::CHUNK]
    }

    /// The same, to be changed.
    #[inline]
    pub fn at_mut(&mut self, slot: u32) -> &mut Option<T> {
        &mut self.chunks[slot as usize / Self::CHUNK][slot as usize % Self::CHUNK]
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Option<T>> {
        self.chunks
            .get_mut(slot as usize / Self::CHUNK)?
            .get_mut(slot as usize % Self::CHUNK)
    }

    /// Fetches a place into the cache, all its lines.
    #[inline]
    pub fn prefetch(&self, slot: u32) {
        let place = self.at(slot);
        for line in 0..size_of::<Option<T>>().div_ceil(LINE) {
            prefetch_line(std::ptr::from_ref(place).cast(), line);
        }
    }

    /// A new place, empty.
    pub fn push_empty(&mut self) -> u32 {
        if self.length == self.chunks.len() * Self::CHUNK {
            self.chunks.push((0..Self::CHUNK).map(|_| None).collect());
        }
        self.length += 1;
        (self.length - 1) as u32
    }
}

const LINE: usize = 64;

/// Tells the processor that a place will be wanted. No effect on meaning.
#[inline]
pub fn prefetch<T>(place: &T) {
    prefetch_line(std::ptr::from_ref(place).cast(), 0);
}

#[inline]
#[allow(unsafe_code)]
fn prefetch_line(place: *const i8, line: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing into the program and faults on no address; the address is never read through.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.wrapping_add(line * LINE));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (place, line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_where_they_are() {
        let mut slab: Slab<[u64; 32]> = Slab::default();
        assert!(slab.is_empty());
        let first = slab.push_empty();
        *slab.get_mut(first).unwrap() = Some([7; 32]);
        let address = std::ptr::from_ref(slab.at(first));
        for _ in 0..1000 {
            slab.push_empty();
        }
        assert_eq!(std::ptr::from_ref(slab.at(first)), address);
        assert_eq!((slab.len(), *slab.at(first)), (1001, Some([7; 32])));
        assert!(slab.at(1000).is_none() && slab.get_mut(5000).is_none());
    }
}
