//! Putting datagrams together again, within bounds.
//!
//! One entry a datagram; its bytes are kept by `pieces`. Memory grows with the bytes received, never
//! with the offset that a piece claims. What cannot be put together is not lost: its packets leave
//! as an [`Abandoned`] datagram, once.
//!
//! | bound | when it is met |
//! | --- | --- |
//! | datagrams under way, bytes held | the oldest is abandoned, counted by [`Reassembler::evicted`] |
//! | age of the first piece | abandoned; a later piece begins a new datagram, whether or not anybody swept |
//! | 65,535 bytes a datagram, no overlap | refused, its bytes let go, counted by [`Reassembler::refused`] |
//!
//! Time is packet time, and equal input gives equal output however often [`Reassembler::expire`]
//! is called, as long as it is given times that no later piece is older than.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::size_of;

use crate::flow::datagram::shown;
pub use crate::flow::datagram::{Abandoned, Datagram, FragmentLimits, Outcome};
use crate::flow::pieces::Pieces;
pub use crate::flow::pieces::Reason;
use crate::flow::stamp::Stamp;
use crate::wire::packet::{Family, FragmentPlace, PacketView};

/// The pieces of datagrams under way.
#[derive(Debug, Default)]
pub struct Reassembler {
    limits: FragmentLimits,
    pending: BTreeMap<Key, Pending>,
    /// The same datagrams, oldest first.
    order: BTreeSet<(u64, u64, Key)>,
    /// Memory of `pending`, by [`Pieces::cost`].
    held: usize,
    abandoned: Vec<Abandoned>,
    /// The last completed datagram.
    complete: Vec<u8>,
    evicted: u64,
    refused: [u64; Reason::COUNT],
}

/// What the pieces of a datagram have in common (RFC 791 3.2; RFC 8200 4.5: in IPv6 not the next header).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: u128,
    destination: u128,
    tunnel: u64,
    identification: u32,
    /// 0 in IPv6.
    protocol: u8,
    family: Family,
}

#[derive(Debug)]
struct Pending {
    pieces: Pieces,
    /// As the first piece says, else as any.
    protocol: u8,
    /// Behind extension headers that came in pieces too, if the first piece shows it.
    shown_protocol: u8,
    ports: Option<(u16, u16)>,
    first_cut: bool,
    packets: u32,
    ip_bytes: u64,
    first: Stamp,
    last: Stamp,
    refused: Option<Reason>,
}

/// What an entry takes before it holds any bytes: itself, and its key in both trees.
const ENTRY_COST: usize = size_of::<Pending>() + 2 * size_of::<Key>() + 64;

impl Reassembler {
    pub fn new(limits: FragmentLimits) -> Self {
        Reassembler {
            limits,
            ..Reassembler::default()
        }
    }

    /// Takes a piece in. A packet that is none is a datagram of one piece.
    pub fn add(&mut self, view: &PacketView<'_>, at: Stamp) -> Outcome<'_> {
        let place = view.fragment.unwrap_or(FragmentPlace {
            identification: 0,
            offset: 0,
            more: false,
        });
        let key = Key {
            source: view.source,
            destination: view.destination,
            tunnel: view.tunnel,
            identification: place.identification,
            protocol: match view.family {
                Family::V4 => view.protocol,
                Family::V6 => 0,
            },
            family: view.family,
        };
        if let Some(first) = self.pending.get(&key).map(|pending| pending.first)
            && self.is_over(first.ns, at.ns)
        {
            self.abandon(&key);
        }
        if !self.pending.contains_key(&key) {
            self.make_room(at.ns);
            self.order.insert((at.ns, at.seq, key));
            self.held += ENTRY_COST;
        }
        let pending = self
            .pending
            .entry(key)
            .or_insert_with(|| Pending::new(view.protocol, at));
        pending.packets = pending.packets.saturating_add(1);
        pending.ip_bytes += u64::from(view.ip_length);
        pending.last = at;

        let before = pending.pieces.cost();
        let known = pending.refused;
        let taken = match known {
            Some(reason) => Err(reason),
            None => pending.take(view, place),
        };
        let limit = self.limits.bytes;
        let taken = match taken {
            Ok(()) if ENTRY_COST + pending.pieces.cost() > limit => Err(Reason::Budget),
            other => other,
        };
        if let Err(reason) = taken {
            pending.refuse(reason);
            self.held = self.held - before + pending.pieces.cost();
            if known.is_none()
                && let Some(count) = self.refused.get_mut(reason as usize)
            {
                *count += 1;
            }
            return Outcome::Refused(reason);
        }
        let is_whole = pending.pieces.is_whole();
        self.held = self.held - before + pending.pieces.cost();
        if is_whole {
            return self.finish_one(&key);
        }
        self.keep_budget(&key);
        Outcome::Waiting
    }

    /// Hands out what will not complete: too old at `now_ns`, or pushed out since the last call; by first stamp.
    pub fn expire(&mut self, now_ns: u64, out: &mut Vec<Abandoned>) {
        self.abandon_old(now_ns);
        self.hand_out(out);
    }

    /// Hands out everything.
    pub fn finish(&mut self, out: &mut Vec<Abandoned>) {
        while let Some(&(_, _, key)) = self.order.first() {
            self.abandon(&key);
        }
        self.hand_out(out);
    }

    /// Datagrams pushed out by a cap.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Datagrams refused for `reason`.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused.get(reason as usize).copied().unwrap_or(0)
    }

    /// Memory held by datagrams under way, as the budget counts it.
    pub fn held(&self) -> usize {
        self.held
    }

    fn is_over(&self, first_ns: u64, now_ns: u64) -> bool {
        now_ns > first_ns.saturating_add(self.limits.age_ns)
    }

    fn abandon_old(&mut self, now_ns: u64) {
        while let Some(&(first_ns, _, key)) = self.order.first()
            && self.is_over(first_ns, now_ns)
        {
            self.abandon(&key);
        }
    }

    /// Makes room for one more datagram. The old go first, as if someone had swept just now.
    fn make_room(&mut self, now_ns: u64) {
        if self.pending.len() < self.limits.datagrams && self.held + ENTRY_COST <= self.limits.bytes {
            return;
        }
        self.abandon_old(now_ns);
        while self.pending.len() >= self.limits.datagrams || self.held + ENTRY_COST > self.limits.bytes {
            let Some(&(_, _, key)) = self.order.first() else {
                return;
            };
            self.evicted += 1;
            self.abandon(&key);
        }
    }

    /// Pushes the oldest out, sparing `key`, until the rest is within the budget.
    fn keep_budget(&mut self, key: &Key) {
        while self.held > self.limits.bytes {
            let Some(&(_, _, oldest)) = self.order.iter().find(|(_, _, other)| other != key) else {
                return;
            };
            self.evicted += 1;
            self.abandon(&oldest);
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Pending> {
        let pending = self.pending.remove(key)?;
        self.order.remove(&(pending.first.ns, pending.first.seq, *key));
        self.held -= ENTRY_COST + pending.pieces.cost();
        Some(pending)
    }

    fn abandon(&mut self, key: &Key) {
        let Some(pending) = self.remove(key) else {
            return;
        };
        self.abandoned.push(Abandoned {
            family: key.family,
            source: key.source,
            destination: key.destination,
            protocol: pending.shown_protocol,
            tunnel: key.tunnel,
            packets: pending.packets,
            bytes: pending.ip_bytes,
            first: pending.first,
            last: pending.last,
            ports: pending.ports,
            first_cut: pending.first_cut,
            refused: pending.refused,
        });
    }

    fn hand_out(&mut self, out: &mut Vec<Abandoned>) {
        self.abandoned.sort_unstable_by_key(|gone| gone.first);
        out.append(&mut self.abandoned);
    }

    fn finish_one(&mut self, key: &Key) -> Outcome<'_> {
        self.complete.clear();
        let Some(pending) = self.remove(key) else {
            return Outcome::Waiting;
        };
        let cut = pending.pieces.assemble(&mut self.complete);
        Outcome::Complete(Datagram {
            payload: &self.complete,
            cut,
            protocol: pending.protocol,
            packets: pending.packets,
            bytes: pending.ip_bytes,
            first: pending.first,
            last: pending.last,
        })
    }
}

impl Pending {
    fn new(protocol: u8, first: Stamp) -> Self {
        Pending {
            pieces: Pieces::default(),
            protocol,
            shown_protocol: protocol,
            ports: None,
            first_cut: false,
            packets: 0,
            ip_bytes: 0,
            first,
            last: first,
            refused: None,
        }
    }

    fn take(&mut self, view: &PacketView<'_>, place: FragmentPlace) -> Result<(), Reason> {
        if place.offset == 0 {
            // RFC 8200 4.5: only the first piece's next header is used.
            self.protocol = view.protocol;
            (self.shown_protocol, self.ports) = shown(view);
            self.first_cut = view.cut > 0;
        }
        self.pieces.take(place.offset, place.more, view.payload, view.cut)
    }

    /// Lets go of the bytes, and takes no more: later pieces are only counted, as RFC 5722 4 wants it.
    fn refuse(&mut self, reason: Reason) {
        self.refused = Some(reason);
        self.pieces = Pieces::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::Transport;

    const UDP: u8 = 17;
    const SECOND: u64 = 1_000_000_000;

    fn piece(id: u32, offset: u32, more: bool, payload: &[u8]) -> PacketView<'_> {
        PacketView {
            family: Family::V4,
            source: 1,
            destination: 2,
            protocol: UDP,
            ip_length: 20 + payload.len() as u32,
            identification: 0,
            fragment: Some(FragmentPlace {
                identification: id,
                offset,
                more,
            }),
            transport: Transport::None,
            payload,
            cut: 0,
            vlans: Default::default(),
            tunnel: 0,
            tunnelled: false,
        }
    }

    fn stamp(frame: u64, seconds: u64) -> Stamp {
        Stamp::new(0, frame, seconds * SECOND)
    }

    fn small(datagrams: usize, bytes: usize) -> Reassembler {
        Reassembler::new(FragmentLimits {
            datagrams,
            bytes,
            ..FragmentLimits::default()
        })
    }

    fn finished(mut reassembler: Reassembler) -> Vec<Abandoned> {
        let mut out = Vec::new();
        reassembler.finish(&mut out);
        assert_eq!((reassembler.held(), reassembler.pending.len()), (0, 0));
        out
    }

    #[test]
    fn pieces_in_any_order_with_a_repetition() {
        let mut r = Reassembler::default();
        let datagram = [b"\x0d\x96\x9c\x40\0\x1e\0\0".as_slice(), &[7; 22]].concat();
        let last = piece(9, 24, false, &datagram[24..]);
        assert_eq!(r.add(&last, stamp(1, 0)), Outcome::Waiting);
        assert_eq!(r.add(&piece(9, 0, true, &datagram[..8]), stamp(2, 0)), Outcome::Waiting);
        assert_eq!(r.add(&last, stamp(3, 0)), Outcome::Waiting);
        let middle = piece(9, 8, true, &datagram[8..24]);
        let Outcome::Complete(found) = r.add(&middle, stamp(4, 1)) else {
            panic!("all pieces were there")
        };
        assert_eq!((found.payload, found.cut), (&datagram[..], 0));
        assert_eq!((found.packets, found.bytes), (4, 4 * 20 + 30 + 6));
        assert_eq!((found.first, found.last), (stamp(1, 0), stamp(4, 1)));
        let packet = found.view(&middle);
        let ports = Transport::Udp {
            source: 3478,
            destination: 40000,
        };
        assert_eq!((packet.transport, packet.payload), (ports, &[7; 22][..]));
        assert_eq!(packet.fragment, None);
        assert!(finished(r).is_empty());
    }

    #[test]
    fn other_identifications_tunnels_and_addresses_do_not_mix() {
        let mut r = Reassembler::default();
        let first = piece(1, 0, true, &[0; 8]);
        r.add(&first, stamp(1, 0));
        let last = piece(1, 8, false, &[1]);
        let (mut tunnel, mut destination, mut protocol) = (last, last, last);
        (tunnel.tunnel, destination.destination, protocol.protocol) = (5, 3, 6);
        for other in [piece(2, 8, false, &[1]), tunnel, destination, protocol] {
            assert_eq!(r.add(&other, stamp(2, 0)), Outcome::Waiting);
        }
        assert!(matches!(r.add(&last, stamp(3, 0)), Outcome::Complete(_)));
        assert_eq!(finished(r).len(), 4);
    }

    #[test]
    fn a_cut_piece_ends_the_payload_but_not_the_datagram() {
        let mut r = Reassembler::default();
        let first = PacketView {
            cut: 10,
            ..piece(1, 0, true, &[1, 2, 3, 4, 5, 6])
        };
        r.add(&first, stamp(1, 0));
        let Outcome::Complete(found) = r.add(&piece(1, 16, false, &[9; 4]), stamp(2, 0)) else {
            panic!("all pieces were there")
        };
        assert_eq!((found.payload, found.cut), (&[1, 2, 3, 4, 5, 6][..], 14));
        r.add(&first, stamp(3, 0));
        assert!(finished(r)[0].first_cut);
    }

    #[test]
    fn overlap_refuses_the_datagram_for_good() {
        let mut r = Reassembler::default();
        r.add(&piece(1, 8, true, &[1; 16]), stamp(1, 0));
        let refused = Outcome::Refused(Reason::Overlap);
        let over = piece(1, 16, true, &[2; 16]);
        assert_eq!(r.add(&over, stamp(2, 0)), refused);
        for (frame, later) in [(3, piece(1, 24, false, &[0; 9])), (4, piece(1, 0, true, &[0; 8]))] {
            assert_eq!(r.add(&later, stamp(frame, 0)), refused);
        }
        assert_eq!((r.refused(Reason::Overlap), r.held()), (1, ENTRY_COST));
        let gone = finished(r);
        assert_eq!((gone.len(), gone[0].packets), (1, 4));
        assert_eq!(gone[0].refused, Some(Reason::Overlap));
    }

    #[test]
    fn the_old_are_abandoned_whether_or_not_anybody_swept() {
        for sweep in [false, true] {
            let mut r = Reassembler::default();
            let mut out = Vec::new();
            r.add(&piece(1, 0, true, &[0, 53, 0, 99, 0, 0, 0, 0]), stamp(1, 0));
            if sweep {
                r.expire(30 * SECOND, &mut out);
                assert!(out.is_empty(), "30 s are allowed");
                r.expire(30 * SECOND + 1, &mut out);
                assert_eq!(out.len(), 1);
            }
            let last = piece(1, 8, false, &[1]);
            assert_eq!(r.add(&last, stamp(2, 31)), Outcome::Waiting);
            r.expire(31 * SECOND, &mut out);
            assert_eq!(out.len(), 1);
            assert_eq!(out[0].ports, Some((53, 99)));
            assert_eq!((out[0].packets, out[0].first), (1, stamp(1, 0)));
            assert_eq!(finished(r).len(), 1);
        }
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut r = small(2, 1 << 20);
        for id in 1..=3 {
            r.add(&piece(id, 0, true, &[0; 8]), stamp(id.into(), 0));
        }
        assert_eq!(r.evicted(), 1);
        let mut out = Vec::new();
        r.expire(0, &mut out);
        assert_eq!((out.len(), out[0].first), (1, stamp(1, 0)));
    }

    #[test]
    fn the_budget_holds_against_a_flood() {
        let budget = 100_000;
        let mut r = small(4096, budget);
        let payload = [0; 1400];
        let mut frames = 0;
        for id in 0..40 {
            for n in 1..40 {
                frames += 1;
                r.add(&piece(id, n * 1400, true, &payload), stamp(frames, 0));
                assert!(r.held() <= budget);
            }
        }
        assert!(r.evicted() > 30);
        let packets: u64 = finished(r).iter().map(|gone| u64::from(gone.packets)).sum();
        assert_eq!(frames, packets);
    }

    #[test]
    fn a_claimed_offset_costs_nothing() {
        let mut r = Reassembler::default();
        for id in 0..4096 {
            r.add(&piece(id, 65_512, false, &[0; 8]), stamp(id.into(), 0));
        }
        assert!(r.held() < 4096 * (ENTRY_COST + 200), "{}", r.held());
        assert_eq!(r.evicted(), 0);
    }

    #[test]
    fn one_datagram_alone_beyond_the_budget_is_refused() {
        let mut r = small(10, 1000);
        assert_eq!(
            r.add(&piece(1, 0, true, &[0; 1400]), stamp(1, 0)),
            Outcome::Refused(Reason::Budget)
        );
        assert!(r.held() <= 1000);
    }
}
