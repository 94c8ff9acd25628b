//! Records in chunks that never move: growing copies nothing and needs no second table's worth of memory.

use super::fetch::prefetch_all;

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
        prefetch_all(self.at(slot));
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
