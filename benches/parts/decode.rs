//! Frames to packet views: the fast path, and the layer-by-layer way for the same frames and for others.

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use flowsift::wire::decode::{by_steps, decode};
use flowsift::wire::link::LinkType;

use crate::traffic::Dice;
use crate::traffic::frame::{self, Segment};

pub const FRAMES: usize = 32_768;
const MACS: usize = 12;

/// Frames one behind the other, as they lie in an epoch.
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    pub fn made(mut write: impl FnMut(&mut Dice, &mut Vec<u8>)) -> Frames {
        let mut dice = Dice(3);
        let mut frames = Frames {
            bytes: Vec::new(),
            ends: Vec::with_capacity(FRAMES),
        };
        for _ in 0..FRAMES {
            write(&mut dice, &mut frames.bytes);
            frames.ends.push(frames.bytes.len());
        }
        frames
    }

    /// The same frames with `header` between the addresses and the type.
    fn tagged(&self, header: &[u8]) -> Frames {
        let mut tagged = Frames {
            bytes: Vec::new(),
            ends: Vec::with_capacity(FRAMES),
        };
        for frame in self.iter() {
            tagged.bytes.extend_from_slice(&frame[..MACS]);
            tagged.bytes.extend_from_slice(header);
            tagged.bytes.extend_from_slice(&frame[MACS..]);
            tagged.ends.push(tagged.bytes.len());
        }
        tagged
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(begin, end)| &self.bytes[*begin..*end])
    }
}

/// TCP and UDP in the sizes of an office: many short, some full.
fn mixed(dice: &mut Dice, out: &mut Vec<u8>, from: SocketAddr, to: SocketAddr) {
    let payload = &[0x17; 1440][..[0, 0, 60, 180, 520, 1440][dice.below(6) as usize]];
    if dice.below(5) == 0 {
        return frame::udp(out, from, to, payload);
    }
    let segment = Segment {
        flags: frame::ACK,
        sequence: dice.roll() as u32,
        acknowledgment: dice.roll() as u32,
    };
    frame::tcp(out, from, to, segment, payload);
}

/// The same over IPv4, between any two.
pub fn office_v4(dice: &mut Dice, out: &mut Vec<u8>) {
    let end = |dice: &mut Dice| SocketAddr::from((Ipv4Addr::from_bits(dice.roll() as u32), dice.roll() as u16));
    let (from, to) = (end(dice), end(dice));
    mixed(dice, out, from, to);
}

pub fn benches(criterion: &mut Criterion) {
    let v4 = Frames::made(office_v4);
    let v6 = Frames::made(|dice, out| {
        let end = |dice: &mut Dice| {
            let bits = u128::from(dice.roll()) << 64 | u128::from(dice.roll());
            SocketAddr::from((Ipv6Addr::from_bits(bits), dice.roll() as u16))
        };
        let (from, to) = (end(dice), end(dice));
        mixed(dice, out, from, to);
    });
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(FRAMES as u64));
    all(&mut group, "fast, IPv4", &v4, decode);
    all(&mut group, "fast, IPv6", &v6, decode);
    all(&mut group, "fast, IPv4 in a VLAN", &v4.tagged(&[0x81, 0, 0, 7]), decode);
    all(&mut group, "by steps, IPv4", &v4, by_steps);
    all(&mut group, "by steps, IPv6", &v6, by_steps);
    let twice = v4.tagged(&[0x88, 0xa8, 0, 9, 0x81, 0, 0, 7]);
    all(&mut group, "by steps, IPv4 in two VLANs", &twice, decode);
    group.finish();
}

pub fn all<R>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, frames: &Frames, decode: R)
where
    R: for<'a> Fn(
        LinkType,
        &'a [u8],
        u32,
    ) -> Result<flowsift::wire::packet::PacketView<'a>, flowsift::wire::decode::Undecoded>,
{
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for frame in frames.iter() {
                let view = decode(LinkType::ETHERNET, black_box(frame), frame.len() as u32);
                let _ = black_box(view);
            }
        });
    });
}
