//! Putting datagrams together again, within bounds.
//!
//! One entry a datagram; its bytes are kept by `pieces`. Memory grows with the bytes received, never
//! with the offset that a piece claims. What cannot be put together is not lost: its packets leave
//! as an [`Abandoned`] datagram, once.
//!
//! | bound | when it is met |
//! | --- | --- |
//! | datagrams under way, bytes held | the oldest is abandoned, [`Fate::Evicted`] |
//! | age of the first piece | abandoned; a later piece begins a new datagram, whether or not anybody swept |
//! | 65,535 bytes a datagram, no overlap | refused, its bytes let go, [`Fate::Refused`] |
//!
//! What became of every datagram is counted by the input that its first piece is in ([`FragmentCounts`]).
//! Time is packet time, and equal input gives equal output however often [`Reassembler::expire`]
//! is called, as long as it is given times that no later piece is older than.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::size_of;

use crate::flow::datagram::shown;
pub use crate::flow::datagram::{Abandoned, Datagram, Fate, FragmentCounts, FragmentLimits, Outcome};
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
    /// By input.
    counts: Vec<FragmentCounts>,
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
        self.counts_of(at).pieces += 1;
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
            self.abandon(&key, Fate::Incomplete);
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
            self.abandon(&key, Fate::Incomplete);
        }
        self.hand_out(out);
    }

    /// A piece that was not given to [`Reassembler::add`], because nothing could come of it.
    pub fn pass_by(&mut self, at: Stamp) {
        self.counts_of(at).pieces += 1;
    }

    /// What became of the pieces, by the input's ordinal; complete after [`Reassembler::finish`].
    pub fn counts(&self) -> &[FragmentCounts] {
        &self.counts
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
            self.abandon(&key, Fate::Incomplete);
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
            self.abandon(&key, Fate::Evicted);
        }
    }

    /// Pushes the oldest out, sparing `key`, until the rest is within the budget.
    fn keep_budget(&mut self, key: &Key) {
        while self.held > self.limits.bytes {
            let Some(&(_, _, oldest)) = self.order.iter().find(|(_, _, other)| other != key) else {
                return;
            };
            self.abandon(&oldest, Fate::Evicted);
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Pending> {
        let pending = self.pending.remove(key)?;
        self.order.remove(&(pending.first.ns, pending.first.seq, *key));
        self.held -= ENTRY_COST + pending.pieces.cost();
        Some(pending)
    }

    /// Lets a datagram go for the reason given, or for the one that it had been refused for.
    fn abandon(&mut self, key: &Key, why: Fate) {
        let Some(pending) = self.remove(key) else {
            return;
        };
        let fate = pending.refused.map_or(why, Fate::Refused);
        *self.counts_of(pending.first).of_fate(fate) += 1;
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
            fate,
        });
    }

    /// The counts of the input that was read at `at`.
    fn counts_of(&mut self, at: Stamp) -> &mut FragmentCounts {
        let ordinal = at.ordinal() as usize;
        if ordinal >= self.counts.len() {
            self.counts.resize(ordinal + 1, FragmentCounts::default());
        }
        &mut self.counts[ordinal]
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
        self.counts_of(pending.first).joined += 1;
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
mod tests;
