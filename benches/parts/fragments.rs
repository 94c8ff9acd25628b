//! Datagrams put together from their pieces: one after the other, and many at once in any order.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};

use criterion::{Criterion, Throughput};
use flowsift::flow::fragment::{FragmentLimits, Outcome, Reassembler};
use flowsift::flow::stamp::Stamp;
use flowsift::wire::decode::decode;
use flowsift::wire::link::LinkType;
use flowsift::wire::packet::PacketView;

use crate::traffic::Dice;
use crate::traffic::frame::{self, Place};

const DATAGRAMS: usize = 2000;
const PIECE: usize = 1400;
/// Datagrams whose pieces come in any order.
const AT_ONCE: usize = 256;

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fragments");
    group.throughput(Throughput::Elements(DATAGRAMS as u64));
    for (name, pieces, at_once) in [
        ("datagram in 2 pieces", 2, 1),
        ("datagram in 3 pieces", 3, 1),
        ("datagram in 4 pieces", 4, 1),
        ("datagram in 2 pieces, 256 at once in any order", 2, AT_ONCE),
        ("datagram in 4 pieces, 256 at once in any order", 4, AT_ONCE),
    ] {
        let frames = made(pieces, at_once);
        let views: Vec<PacketView<'_>> = frames
            .iter()
            .map(|frame| decode(LinkType::ETHERNET, frame, frame.len() as u32).expect("made frames are decoded"))
            .collect();
        let mut reassembler = Reassembler::new(FragmentLimits::default());
        assert_eq!(
            joined(&mut reassembler, &views),
            DATAGRAMS,
            "{name}: not every one is whole"
        );
        group.bench_function(name, |bencher| {
            bencher.iter(|| joined(&mut reassembler, black_box(&views)));
        });
    }
    group.finish();
}

/// Gives all pieces in; how many datagrams became whole.
fn joined(reassembler: &mut Reassembler, views: &[PacketView<'_>]) -> usize {
    let mut whole = 0;
    for (number, view) in views.iter().enumerate() {
        let outcome = reassembler.add(view, Stamp::new(0, number as u64 + 1, 0));
        whole += usize::from(matches!(outcome, Outcome::Complete(_)));
        black_box(outcome);
    }
    whole
}

/// Frames with the pieces of all datagrams.
fn made(pieces: usize, at_once: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice(23);
    let mut frames: Vec<Vec<u8>> = Vec::with_capacity(DATAGRAMS * pieces);
    for number in 0..DATAGRAMS {
        let (from, to) = (
            Ipv4Addr::from_bits(0x0a00_0000 + number as u32),
            Ipv4Addr::new(203, 0, 113, 9),
        );
        let ends = [SocketAddr::from((from, 50_000)), SocketAddr::from((to, 40_000))];
        // The UDP header is in the first piece.
        let datagram = frame::udp_datagram(ends[0], ends[1], &vec![number as u8; pieces * PIECE - 8]);
        for (index, piece) in datagram.chunks(PIECE).enumerate() {
            let place = Place {
                identification: number as u16,
                offset: (index * PIECE) as u16,
                more: index + 1 < pieces,
            };
            let mut frame = Vec::new();
            frame::fragment(&mut frame, from, to, place, piece);
            frames.push(frame);
        }
    }
    for group in frames.chunks_mut(at_once * pieces).filter(|_| at_once > 1) {
        dice.shuffle(group);
    }
    frames
}
