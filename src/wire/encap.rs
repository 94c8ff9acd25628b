//! How layers are peeled: one step at a time, until an IP packet lies open.
//!
//! ```text
//!   frame ──▶ Link ──▶ EtherType ──▶ … (tags, labels, PPP) ──▶ Ip ──▶ transport header
//!               ▲          ▲                                   ▲          │
//!               └──────────┴──────── a tunnel, if it is one ───┴──────────┘
//! ```
//!
//! A step is a function that takes its own header off a [`Layer`] and says what stands behind it
//! ([`Next`]). No step knows which one ran before it, so a further encapsulation is one file with
//! one such function, and one arm in the loop of [`decode`](super::decode).
//!
//! A step in front of the first IP header answers with a reason where it cannot go on. A tunnel
//! inside an IP packet answers with nothing: then that packet is the flow's.

use super::cursor::Cursor;
use super::link::LinkType;
use super::packet::{PacketView, Vlans};
use super::tunnel::{Kind, Tunnels};
use super::undecoded::Undecoded;

/// What stands at the front of a [`Layer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A frame of a link type, inside the header of another one.
    Link(LinkType),
    /// An Ethernet frame.
    Ethernet,
    /// A PPP frame, with or without its address and control fields.
    Ppp,
    /// A stack of MPLS labels.
    Mpls,
    /// A payload named by its EtherType (IEEE 802 numbers).
    EtherType(u16),
    /// An IP header of either version.
    Ip,
}

/// What is left of a frame while its layers are peeled off.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    rest: Cursor<'a>,
    /// Bytes from here to the end on the wire, never fewer than are left in `rest`.
    wire: usize,
    /// The tags taken off so far.
    pub vlans: Vlans,
    /// The tunnels entered so far.
    pub tunnels: Tunnels,
}

impl<'a> Layer<'a> {
    /// The outermost layer: a frame of which `captured` was kept. A wire length below the captured length (some
    /// writers leave it 0) is taken as equal to it.
    #[inline]
    pub fn new(captured: &'a [u8], wire: u32) -> Self {
        Layer {
            rest: Cursor::new(captured),
            wire: captured.len().max(wire as usize),
            vlans: Vlans::default(),
            tunnels: Tunnels::default(),
        }
    }

    /// What a packet carries.
    pub fn inside(packet: &PacketView<'a>, tunnels: Tunnels) -> Self {
        Layer {
            rest: Cursor::new(packet.payload),
            wire: packet.payload.len() + packet.cut as usize,
            vlans: packet.vlans,
            tunnels,
        }
    }

    /// Takes a header of fixed size off.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Undecoded> {
        self.header().ok_or(Undecoded::Short)
    }

    /// The same, for headers inside an IP packet, which need no reason.
    #[inline]
    pub fn header<const N: usize>(&mut self) -> Option<[u8; N]> {
        let header = self.rest.array::<N>()?;
        self.wire -= N;
        Some(header)
    }

    /// Takes off a header whose length it says itself.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Undecoded> {
        let header = self.rest.take(n).ok_or(Undecoded::Short)?;
        self.wire -= n;
        Ok(header)
    }

    /// Takes a rare step, out of line, on a copy: else the layer could never be kept in registers by the common ones,
    /// which take half as long for it.
    #[inline(always)]
    pub fn aside(&mut self, step: impl FnOnce(&mut Layer<'a>) -> Result<Next, Undecoded>) -> Result<Next, Undecoded> {
        let mut copy = *self;
        let next = step(&mut copy)?;
        *self = copy;
        Ok(next)
    }

    /// Notes that what is left is inside a tunnel; none when that is one too many.
    pub fn enter(&mut self, kind: Kind, id: Option<u32>) -> Option<()> {
        self.tunnels.push(kind, id)
    }

    /// Takes `n` bytes off; false when not all of them were captured (or sent): then nothing captured is left.
    #[inline]
    pub fn skip(&mut self, n: usize) -> bool {
        let captured = self.rest.left().min(n);
        self.rest.take(captured);
        self.wire = self.wire.saturating_sub(n);
        captured == n
    }

    /// Forgets what lies behind the first `n` bytes: padding, a checksum, another frame's business.
    #[inline]
    pub fn limit(&mut self, n: usize) {
        self.wire = self.wire.min(n);
        let kept = self.rest.left().min(n);
        self.rest = self.rest.sub(kept).unwrap_or(self.rest);
    }

    /// Counts `n` more bytes as missing at the end, though the wire length knows nothing of them.
    #[inline]
    pub fn add_missing(&mut self, n: usize) {
        self.wire += n;
    }

    /// The upper half of the next byte: where an IP header says its version.
    pub fn nibble(&self) -> Option<u8> {
        self.rest().first().map(|byte| byte >> 4)
    }

    /// The captured bytes.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest.rest()
    }

    /// Bytes on the wire, captured or not.
    #[inline]
    pub fn wire(&self) -> usize {
        self.wire
    }

    /// Bytes that were on the wire but were not captured.
    #[inline]
    pub fn cut(&self) -> u32 {
        (self.wire - self.rest.left()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_keeps_the_wire_length_beside_the_captured_one() {
        let mut layer = Layer::new(&[1, 2, 3, 4, 5, 6], 10);
        assert_eq!(layer.array(), Ok([1, 2]));
        assert_eq!((layer.wire(), layer.cut()), (8, 4));
        assert!(layer.skip(1));
        layer.limit(5);
        assert_eq!((layer.rest(), layer.cut()), (&[4, 5, 6][..], 2));
        layer.limit(2);
        assert_eq!((layer.rest(), layer.cut()), (&[4, 5][..], 0));
        assert_eq!(layer.array::<3>(), Err(Undecoded::Short));
    }

    #[test]
    fn a_wire_length_below_the_captured_one_is_raised() {
        let layer = Layer::new(&[1, 2, 3], 0);
        assert_eq!((layer.wire(), layer.cut()), (3, 0));
    }

    #[test]
    fn a_cut_header_is_taken_off_as_far_as_it_is_there() {
        let mut layer = Layer::new(&[1, 2, 3], 10);
        assert!(!layer.skip(8));
        assert_eq!((layer.rest(), layer.wire(), layer.cut()), (&[][..], 2, 2));
        assert!(!layer.skip(8));
        assert_eq!((layer.wire(), layer.cut()), (0, 0));
    }
}
