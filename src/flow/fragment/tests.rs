//! Reassembly: order, repetition, overlap, age and bounds.

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
        hops: 64,
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

fn finished(reassembler: Reassembler) -> Vec<Abandoned> {
    finished_with_counts(reassembler).0
}

fn finished_with_counts(mut reassembler: Reassembler) -> (Vec<Abandoned>, Vec<FragmentCounts>) {
    let mut out = Vec::new();
    reassembler.finish(&mut out);
    assert_eq!((reassembler.held(), reassembler.pending.len()), (0, 0));
    (out, reassembler.counts().to_vec())
}

/// The same piece of a datagram of that family.
fn of_family(family: Family, view: PacketView<'_>) -> PacketView<'_> {
    PacketView { family, ..view }
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
    assert_eq!(r.held(), ENTRY_COST);
    let (gone, counts) = finished_with_counts(r);
    assert_eq!((gone.len(), gone[0].packets), (1, 4));
    assert_eq!(gone[0].fate, Fate::Refused(Reason::Overlap));
    let expected = FragmentCounts {
        pieces: 4,
        overlap: 1,
        ..FragmentCounts::default()
    };
    assert_eq!(counts, [expected]);
}

#[test]
fn every_datagram_is_counted_once_by_what_became_of_it() {
    for family in [Family::V4, Family::V6] {
        let mut r = small(4, 1 << 20);
        let mut frame = 0;
        for (id, pieces) in [
            // Whole, with a piece that came twice.
            (1, &[(0, true, 16), (0, true, 16), (16, false, 4)][..]),
            // They reach into each other.
            (2, &[(0, true, 16), (8, true, 16)]),
            // The end lies before what came already; beyond the longest packet.
            (3, &[(16, true, 8), (8, false, 4)]),
            (4, &[(65_528, false, 8)]),
            // The end is missing; these are the four that are kept, and push the others out.
            (5, &[(0, true, 8)]),
            (6, &[(0, true, 8)]),
            (7, &[(0, true, 8)]),
            (8, &[(0, true, 8)]),
            // One more than can be kept.
            (9, &[(0, true, 8)]),
        ] {
            for &(offset, more, length) in pieces {
                frame += 1;
                let view = of_family(family, piece(id, offset, more, &[7; 16][..length]));
                r.add(&view, stamp(frame, 0));
            }
        }
        let expected = FragmentCounts {
            pieces: frame,
            joined: 1,
            overlap: 1,
            invalid: 2,
            incomplete: 4,
            evicted: 1,
        };
        assert_eq!(finished_with_counts(r).1, [expected]);
    }
}

#[test]
fn a_datagram_is_counted_in_the_input_where_it_began() {
    let mut r = Reassembler::default();
    let at = |ordinal, frame| Stamp::new(ordinal, frame, SECOND);
    r.add(&piece(1, 0, true, &[0; 8]), at(0, 1));
    r.add(&piece(1, 8, false, &[0; 8]), at(2, 1));
    r.add(&piece(2, 0, true, &[0; 8]), at(2, 2));
    r.pass_by(at(2, 3));
    let (_, counts) = finished_with_counts(r);
    let told = |n: usize| (counts[n].pieces, counts[n].joined, counts[n].incomplete);
    assert_eq!([told(0), told(1), told(2)], [(1, 1, 0), (0, 0, 0), (3, 0, 1)]);
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
    assert_eq!(r.counts()[0].evicted, 1);
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
    let (gone, counts) = finished_with_counts(r);
    let packets: u64 = gone.iter().map(|gone| u64::from(gone.packets)).sum();
    assert_eq!(frames, packets);
    assert!(counts[0].evicted > 30);
    assert_eq!((counts[0].pieces, counts[0].abandoned()), (frames, gone.len() as u64));
}

#[test]
fn a_claimed_offset_costs_nothing() {
    let mut r = Reassembler::default();
    for id in 0..4096 {
        r.add(&piece(id, 65_512, false, &[0; 8]), stamp(id.into(), 0));
    }
    assert!(r.held() < 4096 * (ENTRY_COST + 200), "{}", r.held());
    assert_eq!(r.counts()[0].evicted, 0);
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
