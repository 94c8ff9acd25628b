//! Frames to packet references, sorted into the shards' buckets.
//!
//! Scan is the only reader of headers. What it hands on holds everything a flow's step needs but the payload, so
//! that a decided flow never touches packet bytes again. Fragments are put together here, in the
//! input's order, before their datagram joins its shard.

mod signature;

use super::epoch::{Epoch, Frame};
use super::limits::{Limits, SHARDS};
use super::tally::{Tallies, Tally};
use crate::flow::attempt::IcmpWord;
use crate::flow::fragment::{Abandoned, Fate, FragmentCounts, FragmentLimits, Outcome, Reassembler};
use crate::flow::id::icmp_ends;
use crate::flow::key::{FlowKey, Side};
use crate::flow::repeat::{Recent, Signature};
use crate::flow::stamp::Stamp;
use crate::wire::decode::{by_steps, open, peeled, whole};
use crate::wire::packet::{Family, PacketView, TcpFields, TcpFlags, Transport, Vlans, protocol};
use crate::wire::tunnel::Tunnels;
use crate::wire::{fast, icmp};

/// One packet as the shards see it.
#[derive(Debug, Clone, Copy)]
pub struct PacketRef {
    pub key: FlowKey,
    pub hash: u64,
    pub at: Stamp,
    pub payload: Span,
    /// By which a second capture of the same packet is known.
    pub signature: Signature,
    /// Payload bytes that were not captured.
    pub cut: u32,
    /// Bytes of the IP layer; of all fragments where there were several.
    pub ip_bytes: u32,
    pub sequence: u32,
    pub acknowledgment: u32,
    /// Which of the epoch's frames.
    pub frame: u32,
    /// How many frames it came in.
    pub packets: u16,
    pub flags: TcpFlags,
    pub side: Side,
    pub kind: RefKind,
    /// VLAN tags or tunnels were taken off; which, its frame tells.
    pub tagged: bool,
}

impl PacketRef {
    /// There are bytes above its headers, captured or not.
    #[inline]
    pub fn has_payload(&self) -> bool {
        self.payload.length > 0 || self.cut > 0
    }
}

/// Payload bytes: in the epoch, or among the datagrams put together from fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub at: u32,
    pub length: u32,
    pub reassembled: bool,
}

impl Span {
    /// Where `payload`, a slice of the epoch's bytes, lies. An empty one lies nowhere: it may be a slice of nothing.
    #[inline]
    fn in_epoch(payload: &[u8], epoch: &Epoch) -> Span {
        if payload.is_empty() {
            return Span::default();
        }
        let at = payload.as_ptr() as usize - epoch.bytes.as_ptr() as usize;
        Span {
            at: at as u32,
            length: payload.len() as u32,
            reassembled: false,
        }
    }
}

/// What a reference asks of its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefKind {
    Packet,
    /// An ICMP error quoted a packet of this flow: note it if the flow is there, make none.
    Quoted(IcmpWord),
    /// Pieces of a datagram that never became whole.
    AbandonedFragments(Fate),
}

/// The buckets of an epoch.
pub struct Buckets {
    pub shards: Vec<Vec<PacketRef>>,
    /// Payloads of reassembled datagrams.
    pub reassembled: Vec<u8>,
    /// What was taken off inside of reassembled datagrams, by frame, ascending: the frame alone does not tell.
    labels: Vec<(u32, Vlans, Tunnels)>,
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets {
            shards: vec![Vec::new(); SHARDS],
            reassembled: Vec::new(),
            labels: Vec::new(),
        }
    }
}

impl Buckets {
    pub fn clear(&mut self) {
        self.shards.iter_mut().for_each(Vec::clear);
        self.reassembled.clear();
        self.labels.clear();
    }

    /// The VLAN tags and tunnels taken off a packet of `epoch`.
    pub fn labels_of(&self, packet: &PacketRef, epoch: &Epoch) -> (Vlans, Tunnels) {
        if packet.payload.reassembled
            && let Ok(place) = self.labels.binary_search_by_key(&packet.frame, |(frame, ..)| *frame)
            && let Some(&(_, vlans, tunnels)) = self.labels.get(place)
        {
            return (vlans, tunnels);
        }
        epoch
            .frames
            .get(packet.frame as usize)
            .and_then(|frame| peeled(frame.link, epoch.frame_bytes(frame), frame.wire).ok())
            .map(|(view, tunnels)| (view.vlans, tunnels))
            .unwrap_or_default()
    }

    #[inline]
    fn push(&mut self, packet: PacketRef) {
        self.shards[shard_of(packet.hash)].push(packet);
    }

    /// Adds what belongs to the frame of its index, whatever was pushed already.
    fn insert(&mut self, packet: PacketRef) {
        let bucket = &mut self.shards[shard_of(packet.hash)];
        let place = bucket.partition_point(|there| there.frame <= packet.frame);
        bucket.insert(place, packet);
    }
}

/// The top bits choose the shard, the low ones the place in its table.
#[inline]
pub fn shard_of(hash: u64) -> usize {
    const SHIFT: u32 = u64::BITS - SHARDS.ilog2();
    (hash >> SHIFT) as usize
}

/// The scan's own state: fragments on their way.
pub struct Scanner {
    reassembler: Reassembler,
    abandoned: Vec<Abandoned>,
    /// Pieces seen last: a second capture of one must not begin a new datagram.
    recent: Recent,
}

impl Scanner {
    pub fn new(limits: &Limits) -> Scanner {
        Scanner {
            reassembler: Reassembler::new(FragmentLimits {
                bytes: limits.fragment_bytes,
                ..FragmentLimits::default()
            }),
            abandoned: Vec::new(),
            recent: Recent::default(),
        }
    }

    /// Decodes all frames of an epoch into `buckets`.
    pub fn scan(&mut self, epoch: &Epoch, buckets: &mut Buckets, tallies: &mut Tallies) {
        decode_all(epoch, buckets, tallies, |frame, index, buckets, tallies| {
            self.join(epoch, frame, index, buckets, tallies.of(frame.stamp.ordinal()));
        });
    }

    /// Takes a piece of a datagram.
    pub fn join(&mut self, epoch: &Epoch, frame: &Frame, index: u32, buckets: &mut Buckets, tally: &mut Tally) {
        match &by_steps(frame.link, epoch.frame_bytes(frame), frame.wire) {
            Ok(view) if self.recent.is_copy(signature::of_piece(view), frame.stamp.ns) => tally.duplicate(),
            Ok(view) if is_cut_head(view) => {
                self.reassembler.pass_by(frame.stamp);
                let packet = whole(view, view.protocol, view.payload, view.cut, view.ip_length);
                let span = Span::in_epoch(packet.payload, epoch);
                buckets.insert(uncommon_reference(&packet, span, frame.stamp, index));
            }
            Ok(view) => {
                let tunnels = match view.tunnelled {
                    true => peeled(frame.link, epoch.frame_bytes(frame), frame.wire).map(|(_, tunnels)| tunnels),
                    false => Ok(Tunnels::default()),
                };
                self.fragment(view, tunnels.unwrap_or_default(), frame, index, buckets);
                self.give_up(frame.stamp.ns, index, buckets);
            }
            Err(reason) => tally.undecoded(*reason),
        }
    }

    /// A piece of a datagram: the whole joins its shard at its last piece's place. A whole that carries a tunnel is
    /// entered, and what is inside may be a piece again.
    fn fragment(&mut self, piece: &PacketView<'_>, around: Tunnels, frame: &Frame, index: u32, buckets: &mut Buckets) {
        let Outcome::Complete(datagram) = self.reassembler.add(piece, frame.stamp) else {
            return;
        };
        let (packet, tunnels) = open(datagram.view(piece), around);
        if packet.fragment.is_some() {
            // The reassembler's own buffer is wanted for the next datagram.
            let payload = packet.payload.to_vec();
            let inner = packet.over(&payload);
            return self.fragment(&inner, tunnels, frame, index, buckets);
        }
        let at = buckets.reassembled.len();
        buckets.reassembled.extend_from_slice(packet.payload);
        let span = Span {
            at: at as u32,
            length: packet.payload.len() as u32,
            reassembled: true,
        };
        if packet.tunnelled {
            buckets.labels.push((index, packet.vlans, tunnels));
        }
        let reference = PacketRef {
            // A packet inside is one, in however many pieces the one around it came.
            packets: if tunnels == around { few(datagram.packets) } else { 1 },
            ..uncommon_reference(&packet, span, frame.stamp, index)
        };
        buckets.insert(reference);
    }

    /// Datagrams that will not become whole by `now_ns` become flows of their own.
    fn give_up(&mut self, now_ns: u64, index: u32, buckets: &mut Buckets) {
        self.reassembler.expire(now_ns, &mut self.abandoned);
        self.push_abandoned(index, buckets);
    }

    /// The input has ended: so have all datagrams that wait.
    pub fn finish(&mut self, buckets: &mut Buckets) {
        self.reassembler.finish(&mut self.abandoned);
        self.push_abandoned(0, buckets);
    }

    /// What became of fragments, by input; complete after [`Scanner::finish`].
    pub fn fragments(&self) -> &[FragmentCounts] {
        self.reassembler.counts()
    }

    /// `index`: at which frame they were given up.
    fn push_abandoned(&mut self, index: u32, buckets: &mut Buckets) {
        for gone in self.abandoned.drain(..) {
            let (key, side) = FlowKey::of(
                gone.family,
                gone.protocol,
                gone.tunnel,
                (gone.source, 0),
                (gone.destination, 0),
                false,
            );
            buckets.insert(PacketRef {
                key,
                hash: key.hash(),
                at: gone.first,
                payload: Span::default(),
                signature: Signature::default(),
                cut: 0,
                ip_bytes: u32::try_from(gone.bytes).unwrap_or(u32::MAX),
                sequence: 0,
                acknowledgment: 0,
                frame: index,
                packets: few(gone.packets),
                flags: TcpFlags::default(),
                side,
                kind: RefKind::AbandonedFragments(gone.fate),
                tagged: false,
            });
        }
    }
}

/// Decodes all frames of an epoch. Pieces of datagrams, which need the frames before them, are left to `pieces`.
pub fn decode_all(
    epoch: &Epoch,
    buckets: &mut Buckets,
    tallies: &mut Tallies,
    mut pieces: impl FnMut(&Frame, u32, &mut Buckets, &mut Tallies),
) {
    // Only what is heard on several interfaces at once changes its input within an epoch.
    for of_one in epoch
        .frames
        .chunk_by(|one, next| one.stamp.ordinal() == next.stamp.ordinal())
    {
        let ordinal = of_one.first().map_or(0, |frame| frame.stamp.ordinal());
        tallies.of(ordinal).frames(of_one);
    }
    for (index, frame) in (0..).zip(&epoch.frames) {
        let bytes = epoch.frame_bytes(frame);
        match &fast::common(frame.link, bytes, frame.wire) {
            Some(view) => {
                let span = Span::in_epoch(view.payload, epoch);
                buckets.push(reference(view, span, frame.stamp, index));
            }
            None => {
                if !decode_uncommon(epoch, frame, index, buckets, tallies) {
                    pieces(frame, index, buckets, tallies);
                }
            }
        }
    }
}

/// Decodes a frame that is not a common one; false if it is a piece of a datagram.
#[inline(never)]
fn decode_uncommon(epoch: &Epoch, frame: &Frame, index: u32, buckets: &mut Buckets, tallies: &mut Tallies) -> bool {
    // Matched by reference: moving the view out costs half as much again as decoding it.
    match &by_steps(frame.link, epoch.frame_bytes(frame), frame.wire) {
        Ok(view) if is_whole(view) => {
            let span = Span::in_epoch(view.payload, epoch);
            let packet = uncommon_reference(view, span, frame.stamp, index);
            if view.protocol == protocol::ICMP || view.protocol == protocol::ICMPV6 {
                push_quoted(view, &packet, buckets);
            }
            buckets.push(packet);
        }
        Ok(_) => return false,
        Err(reason) => tallies.of(frame.stamp.ordinal()).undecoded(*reason),
    }
    true
}

#[inline]
fn is_whole(view: &PacketView<'_>) -> bool {
    view.fragment.is_none()
}

/// A first piece with bytes missing can never become part of a whole, but it names its ports and begins its message.
fn is_cut_head(view: &PacketView<'_>) -> bool {
    view.cut > 0 && view.fragment.is_some_and(|place| place.offset == 0)
}

fn few(packets: u32) -> u16 {
    u16::try_from(packets).unwrap_or(u16::MAX)
}

/// The same as [`reference`], not written out where it is used.
#[inline(never)]
fn uncommon_reference(view: &PacketView<'_>, payload: Span, at: Stamp, frame: u32) -> PacketRef {
    reference(view, payload, at, frame)
}

/// What a flow's step needs to know of a packet.
#[inline(always)]
fn reference(view: &PacketView<'_>, payload: Span, at: Stamp, frame: u32) -> PacketRef {
    let (ports, ported, fields) = match view.transport {
        Transport::Tcp {
            source,
            destination,
            fields,
        } => ((source, destination), true, fields),
        Transport::Udp { source, destination } | Transport::Sctp { source, destination } => {
            ((source, destination), true, TcpFields::default())
        }
        Transport::Icmp { kind, code } => {
            let (from, to, _) = icmp_ends(view.family, kind, code);
            ((from, to), false, TcpFields::default())
        }
        Transport::None => ((0, 0), false, TcpFields::default()),
    };
    let (key, side) = FlowKey::of(
        view.family,
        view.protocol,
        view.tunnel,
        (view.source, ports.0),
        (view.destination, ports.1),
        ported,
    );
    let hash = key.hash();
    PacketRef {
        key,
        hash,
        at,
        payload,
        signature: signature::of_packet(view, hash, side, &fields),
        cut: view.cut,
        ip_bytes: view.ip_length,
        sequence: fields.sequence,
        acknowledgment: fields.acknowledgment,
        frame,
        packets: 1,
        flags: fields.flags,
        side,
        kind: RefKind::Packet,
        tagged: view.tunnelled || !view.vlans.as_slice().is_empty(),
    }
}

/// An ICMP error tells the flow it quotes, in whatever shard that is.
fn push_quoted(view: &PacketView<'_>, error: &PacketRef, buckets: &mut Buckets) {
    let Transport::Icmp { kind, code } = view.transport else {
        return;
    };
    let Some(quoted) = icmp::quoted(view.family, view.payload) else {
        return;
    };
    let by_target = view.source == quoted.destination;
    let Some(word) = icmp_word(view.family, (kind, code), quoted.protocol, by_target) else {
        return;
    };
    let Some((from, to)) = quoted.ports else { return };
    let (key, side) = FlowKey::of(
        quoted.family,
        quoted.protocol,
        view.tunnel,
        (quoted.source, from),
        (quoted.destination, to),
        true,
    );
    buckets.push(PacketRef {
        key,
        hash: key.hash(),
        side,
        kind: RefKind::Quoted(word),
        ..*error
    });
}

/// RFC 792 and RFC 1812 section 5.2.7.1, RFC 4443 section 3.1: which unreachables are a filter's word. `by_target`: the host
/// says so itself that was to be reached.
fn icmp_word(family: Family, error: (u8, u8), quoted_protocol: u8, by_target: bool) -> Option<IcmpWord> {
    let (kind, code) = error;
    match (family, kind, code) {
        (Family::V4, 3, 9 | 10 | 13) | (Family::V6, 1, 1 | 5 | 6) => Some(IcmpWord::Prohibited),
        // A port unreachable is what nftables' and iptables' reject send. A host answers a closed TCP port with a reset, but a
        // closed UDP port with this.
        (Family::V4, 3, 3) | (Family::V6, 1, 4) => match quoted_protocol {
            protocol::TCP => Some(IcmpWord::Prohibited),
            protocol::UDP if by_target => Some(IcmpWord::Closed),
            protocol::UDP => Some(IcmpWord::Prohibited),
            _ => None,
        },
        (Family::V4, 3, 0 | 1 | 5..=8 | 11 | 12) | (Family::V6, 1, 0 | 2 | 3) => Some(IcmpWord::Unreachable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreachables_are_a_filters_word_a_routers_or_the_hosts_own() {
        let word = |family, kind, code, of, by_target| icmp_word(family, (kind, code), of, by_target);
        let (tcp, udp) = (protocol::TCP, protocol::UDP);
        for of in [tcp, udp] {
            for code in [9, 10, 13] {
                assert_eq!(word(Family::V4, 3, code, of, false), Some(IcmpWord::Prohibited));
            }
            for code in [1, 5, 6] {
                assert_eq!(word(Family::V6, 1, code, of, false), Some(IcmpWord::Prohibited));
            }
            for code in [0, 1] {
                assert_eq!(word(Family::V4, 3, code, of, false), Some(IcmpWord::Unreachable));
            }
            assert_eq!(word(Family::V6, 1, 3, of, false), Some(IcmpWord::Unreachable));
            assert_eq!(word(Family::V4, 11, 0, of, false), None);
        }
        for (family, kind, code) in [(Family::V4, 3, 3), (Family::V6, 1, 4)] {
            assert_eq!(word(family, kind, code, tcp, true), Some(IcmpWord::Prohibited));
            assert_eq!(word(family, kind, code, udp, false), Some(IcmpWord::Prohibited));
            assert_eq!(word(family, kind, code, udp, true), Some(IcmpWord::Closed));
        }
    }

    #[test]
    fn a_reference_is_two_cache_lines() {
        assert_eq!(size_of::<PacketRef>(), 128);
    }
}
