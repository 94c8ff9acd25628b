//! Streams against a model that remembers, for every position, the byte that came first.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::assembly::Stream;
use super::model::Quality;

const CAP: usize = 16 * 1024;

/// A stream whose consumer takes everything into `out`.
fn feed(stream: &mut Stream, out: &mut Vec<u8>, sequence: u32, payload: &[u8], cut: u32) {
    stream.segment(sequence, payload, cut, |bytes| {
        out.extend_from_slice(bytes);
        bytes.len()
    });
}

fn started(next: u32) -> (Stream, Vec<u8>) {
    let mut stream = Stream::new(CAP);
    stream.start(next);
    (stream, Vec::new())
}

#[test]
fn bytes_in_order_are_handed_through_where_they_lie() {
    let (mut stream, payload) = (Stream::new(CAP), b"hello".as_slice());
    stream.start(7);
    let mut seen = std::ptr::null();
    stream.segment(7, payload, 0, |bytes| {
        seen = bytes.as_ptr();
        bytes.len()
    });
    assert_eq!((seen, stream.kept()), (payload.as_ptr(), 0));
}

#[test]
fn what_the_consumer_leaves_comes_again_with_more_behind_it() {
    let mut stream = Stream::new(CAP);
    stream.start(u32::MAX);
    stream.segment(u32::MAX, b"ab", 0, |_| 1);
    let mut seen = Vec::new();
    stream.segment(1, b"cd", 0, |bytes| {
        seen = bytes.to_vec();
        0
    });
    assert_eq!((seen, stream.kept()), (b"bcd".to_vec(), 3));
}

#[test]
fn a_hole_that_is_never_filled_breaks_the_stream() {
    let (mut stream, mut out) = started(0);
    feed(&mut stream, &mut out, 0, b"ab", 0);
    for at in 0..CAP as u32 {
        feed(&mut stream, &mut out, 3 + at, b"x", 0);
    }
    assert!(stream.is_broken() && stream.quality().has(Quality::GAP));
    feed(&mut stream, &mut out, 2, b"late", 0);
    assert_eq!((out, stream.kept()), (b"ab".to_vec(), 0));
}

#[test]
fn a_flood_of_crumbs_is_bounded() {
    let (mut stream, mut out) = started(0);
    for at in 0..1000 {
        feed(&mut stream, &mut out, 10 + 2 * at, b"x", 0);
        assert!(stream.kept() <= 65);
    }
    assert!(stream.is_broken());
}

#[test]
fn a_segment_beyond_any_window_is_not_kept() {
    let (mut stream, mut out) = started(0);
    feed(&mut stream, &mut out, 1 << 24, b"stray", 0);
    assert!(stream.quality().has(Quality::GAP) && !stream.is_broken() && stream.kept() == 0);
    feed(&mut stream, &mut out, 0, b"ab", 0);
    assert_eq!(out, b"ab");
}

#[test]
fn a_cut_segment_ends_the_stream_behind_its_captured_bytes() {
    let (mut stream, mut out) = started(0);
    feed(&mut stream, &mut out, 0, b"abc", 5);
    assert_eq!(out, b"abc");
    assert!(stream.is_broken() && stream.quality() == Quality::CUT);
}

#[test]
fn a_cut_repetition_of_known_bytes_takes_nothing_away() {
    let (mut stream, mut out) = started(0);
    feed(&mut stream, &mut out, 0, b"abcdefgh", 0);
    feed(&mut stream, &mut out, 0, b"abc", 5);
    feed(&mut stream, &mut out, 8, b"ij", 0);
    assert_eq!((out, stream.quality()), (b"abcdefghij".to_vec(), Quality::default()));
}

#[test]
fn a_cut_segment_waits_for_its_turn() {
    let (mut stream, mut out) = started(0);
    feed(&mut stream, &mut out, 3, b"def", 9);
    assert!(!stream.is_broken());
    feed(&mut stream, &mut out, 0, b"abc", 0);
    assert_eq!(out, b"abcdef");
    assert!(stream.is_broken() && stream.quality() == Quality::CUT);
}

#[test]
fn a_changed_retransmission_is_told_even_after_consumption() {
    for again in [&b"abXd"[..], b"abXdef"] {
        let (mut stream, mut out) = started(0);
        feed(&mut stream, &mut out, 0, b"abcd", 0);
        feed(&mut stream, &mut out, 0, b"abcd", 0);
        assert_eq!(stream.quality(), Quality::default());
        feed(&mut stream, &mut out, 0, again, 0);
        assert_eq!(stream.quality(), Quality::OVERLAP);
        assert!(out.starts_with(b"abcd"));
    }
}

#[test]
fn a_segment_of_known_and_new_bytes_is_compared_where_it_is_known() {
    for (from, again, quality) in [
        (6, &b"ghij"[..], Quality::default()),
        (6, b"gXij", Quality::OVERLAP),
        (2, b"Xdefghij", Quality::OVERLAP),
        (3, b"dXf", Quality::OVERLAP),
    ] {
        let isn = u32::MAX - 3;
        let (mut stream, mut out) = started(isn);
        feed(&mut stream, &mut out, isn, b"abcd", 0);
        feed(&mut stream, &mut out, isn.wrapping_add(4), b"efgh", 0);
        feed(&mut stream, &mut out, isn.wrapping_add(from), again, 0);
        assert_eq!(stream.quality(), quality, "{from}");
        assert!(out.starts_with(b"abcdefgh"));
    }
}

#[test]
fn a_keepalive_is_no_overlap() {
    let (mut stream, mut out) = started(0);
    feed(&mut stream, &mut out, 0, b"abcd", 0);
    feed(&mut stream, &mut out, 3, b"\0", 0);
    assert_eq!((out, stream.quality()), (b"abcd".to_vec(), Quality::default()));
}

#[test]
fn without_a_start_an_earlier_segment_may_still_come() {
    let mut stream = Stream::new(CAP);
    let mut seen = Vec::new();
    stream.segment(10, b"cd", 0, |_| 0);
    stream.segment(8, b"ab", 0, |bytes| {
        seen = bytes.to_vec();
        bytes.len()
    });
    assert_eq!(seen, b"abcd");
    stream.segment(6, b"..", 0, |_| panic!("old bytes"));
    let mut late = Stream::new(CAP);
    late.segment(10, b"cd", 0, |_| 0);
    late.start(8);
    late.segment(8, b"ab", 0, |bytes| {
        assert_eq!(bytes, b"abcd");
        4
    });
}

#[test]
fn a_consumer_that_never_takes_is_over_budget() {
    let mut stream = Stream::new(8);
    stream.start(0);
    stream.segment(0, b"12345678", 0, |_| 0);
    assert!(!stream.is_broken());
    stream.segment(8, b"9", 0, |_| 0);
    assert!(stream.is_broken() && stream.quality() == Quality::BUDGET && stream.kept() == 0);
}

/// The model: the first byte that came for every position, and whether another came later.
#[derive(Default)]
struct Model {
    first: BTreeMap<u32, u8>,
    overlap: bool,
}

impl Model {
    fn segment(&mut self, offset: u32, payload: &[u8]) {
        for (position, byte) in (offset..).zip(payload) {
            self.overlap |= *self.first.entry(position).or_insert(*byte) != *byte;
        }
    }

    fn contiguous(&self) -> Vec<u8> {
        (0..).map_while(|p| self.first.get(&p).copied()).collect()
    }
}

proptest! {
    /// Segments of a text of two letters, so that some repeat with other bytes; any order, any sequence number.
    #[test]
    fn the_first_byte_of_every_position_is_what_is_given(
        isn in prop_oneof![Just(u32::MAX - 20), any::<u32>()],
        segments in prop::collection::vec((0u32..60, prop::collection::vec(0u8..2, 1..12)), 0..40),
        greedy in any::<bool>(),
    ) {
        let mut stream = Stream::new(CAP);
        stream.start(isn);
        let mut model = Model::default();
        let (mut out, mut last) = (Vec::new(), Vec::new());
        for (offset, payload) in &segments {
            model.segment(*offset, payload);
            stream.segment(isn.wrapping_add(*offset), payload, 0, |bytes| {
                if greedy {
                    out.extend_from_slice(bytes);
                    bytes.len()
                } else {
                    last = bytes.to_vec();
                    0
                }
            });
            prop_assert_eq!(if greedy { &out } else { &last }, &model.contiguous());
        }
        if !greedy {
            prop_assert_eq!(stream.quality().has(Quality::OVERLAP), model.overlap);
            prop_assert_eq!(stream.kept(), model.first.len());
        }
        prop_assert!(model.overlap || stream.quality() == Quality::default());
    }

    #[test]
    fn anything_at_all_stays_within_the_budget(
        start in prop::option::of(any::<u32>()),
        segments in prop::collection::vec(
            (prop_oneof![0u32..3000, any::<u32>()], prop::collection::vec(any::<u8>(), 0..300), prop_oneof![Just(0u32), any::<u32>()], 0usize..400),
            0..60,
        ),
    ) {
        let mut stream = Stream::new(2000);
        if let Some(start) = start {
            stream.start(start);
        }
        for (sequence, payload, cut, take) in segments {
            stream.segment(sequence, &payload, cut, |_| take);
            prop_assert!(stream.kept() <= 2000);
        }
    }
}
