//! The one place where bytes are cut.
//!
//! A cursor walks a borrowed slice from the front. Every step is checked and answers `None` when
//! the slice is too short, so a parser reads as the format's own grammar with `?` at every step.

/// A position in a slice that is being read from the front.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the front of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes }
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next `N` bytes, as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    /// Two bytes in network order.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes in network order.
    #[inline]
    pub fn u24(&mut self) -> Option<u32> {
        self.array::<3>().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes in network order.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A cursor over the next `n` bytes alone.
    #[inline]
    pub fn sub(&mut self, n: usize) -> Option<Cursor<'a>> {
        self.take(n).map(Cursor::new)
    }

    /// A cursor over a vector with a one-byte length in front.
    #[inline]
    pub fn vector8(&mut self) -> Option<Cursor<'a>> {
        let n = self.u8()?;
        self.sub(usize::from(n))
    }

    /// A cursor over a vector with a two-byte length in front.
    #[inline]
    pub fn vector16(&mut self) -> Option<Cursor<'a>> {
        let n = self.u16()?;
        self.sub(usize::from(n))
    }

    /// All that is left, without moving.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    #[inline]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_checked_and_leave_the_cursor_in_place() {
        let mut c = Cursor::new(&[1, 2, 3]);
        assert_eq!(c.u8(), Some(1));
        assert_eq!(c.u32(), None);
        assert_eq!(c.left(), 2);
        assert_eq!(c.u16(), Some(0x0203));
        assert!(c.is_empty());
    }

    #[test]
    fn a_vector_longer_than_the_rest_is_none() {
        let mut c = Cursor::new(&[5, 1, 2]);
        assert!(c.vector8().is_none());
    }
}
