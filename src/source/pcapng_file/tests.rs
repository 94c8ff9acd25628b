use crate::source::sample::{Blocks, Everything, read};
use crate::wire::link::LinkType;

const NANOSECONDS: (u16, &[u8]) = (9, &[9]);

fn times(all: &Everything) -> Vec<u64> {
    all.0.iter().map(|(frame, _)| frame.stamp.ns).collect()
}

fn warning(blocks: &Blocks) -> String {
    read(&blocks.bytes).unwrap().1.warnings.join(" | ")
}

#[test]
fn sections_of_both_byte_orders_with_interfaces_of_their_own() {
    let mut blocks = Blocks::new(false);
    blocks
        .interface(1, 0, &[(2, b"eth0!")])
        .interface(113, 0, &[NANOSECONDS])
        .packet(1, 7, 99, b"abc")
        .packet(0, 7, 3, b"abc")
        .section(true, (1, 2))
        .interface(101, 0, &[(9, &[0x80 | 10]), (14, &[0, 0, 0, 0, 0, 0, 0, 5])])
        .packet(0, 1536, 1, b"x");
    let all = read(&blocks.bytes).unwrap();
    assert_eq!(times(&all), [7, 7000, 6_500_000_000]);
    let frames: Vec<_> = all.0.iter().map(|(frame, _)| frame).collect();
    let kinds: Vec<_> = frames.iter().map(|f| (f.link, f.interface)).collect();
    assert_eq!(kinds, [(LinkType(113), 1), (LinkType(1), 0), (LinkType(101), 2)]);
    assert_eq!((frames[0].captured, frames[0].wire), (3, 99));
    assert_eq!(frames.iter().map(|f| f.stamp.frame()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(all.1.links, ["linux-sll", "ethernet", "raw"]);
    assert!(all.1.nanoseconds && all.1.warnings.is_empty());
}

#[test]
fn simple_and_obsolete_packets() {
    let mut blocks = Blocks::new(true);
    blocks
        .interface(1, 4, &[])
        .simple(60, b"abcd")
        .obsolete(0, 1_000_000, b"old")
        .simple(2, b"ab");
    let all = read(&blocks.bytes).unwrap();
    // A simple packet has no time of its own.
    assert_eq!(times(&all), [0, 1_000_000_000, 1_000_000_000]);
    let bytes: Vec<_> = all.0.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert_eq!(bytes, [b"abcd".as_slice(), b"old", b"ab"]);
    assert_eq!(all.0[0].0.wire, 60);
    assert!(!all.1.nanoseconds);
}

#[test]
fn the_last_statistics_of_each_interface_count() {
    let mut blocks = Blocks::new(false);
    blocks
        .interface(1, 0, &[])
        .interface(1, 0, &[])
        .statistics(0, &[(5, 3), (7, 10)])
        .statistics(1, &[(7, 1)])
        .statistics(0, &[(5, 4), (7, 20)])
        .statistics(9, &[(7, 1000)])
        .section(true, (1, 0))
        .interface(1, 0, &[])
        .statistics(0, &[(7, 100)]);
    let facts = read(&blocks.bytes).unwrap().1;
    assert_eq!(facts.dropped_by_kernel, Some(121));
    assert_eq!(facts.dropped_by_interface, Some(4));

    let without = read(&Blocks::new(false).bytes).unwrap().1;
    assert_eq!(without.dropped_by_kernel, None);
}

#[test]
fn other_blocks_are_stepped_over() {
    let mut blocks = Blocks::new(false);
    let long = vec![0xa5; 700_000];
    blocks
        .block(0x0000_000a, &long)
        .interface(1, 0, &[])
        .block(0x0000_0bad, b"custom")
        .block(4, &long)
        .packet(0, 1, 3, b"abc")
        .block(0x8000_0001, &[]);
    let all = read(&blocks.bytes).unwrap();
    assert_eq!((times(&all), all.1.warnings), (vec![1000], vec![]));
}

#[test]
fn a_length_without_its_padding_is_understood() {
    let mut blocks = Blocks::new(false);
    blocks.interface(1, 0, &[]).packet(0, 1, 1, b"x");
    let end = blocks.bytes.len();
    for at in [end - 36 + 4, end - 4] {
        blocks.bytes[at..at + 4].copy_from_slice(&33u32.to_le_bytes());
    }
    blocks.packet(0, 2, 1, b"y");
    assert_eq!(times(&read(&blocks.bytes).unwrap()), [1000, 2000]);
}

#[test]
fn damage_ends_the_file_and_is_named() {
    let good = || {
        let mut blocks = Blocks::new(false);
        blocks.interface(1, 0, &[]).packet(0, 1, 3, b"abc");
        blocks
    };
    let mut unknown = good();
    unknown.packet(5, 2, 1, b"x").packet(0, 3, 1, b"y");
    assert_eq!(
        warning(&unknown),
        "cut short: packet 2 is of interface 5, which was not described; 1 whole packet was read"
    );
    let mut lengths = good();
    lengths.packet(0, 2, 1, b"x");
    let last = lengths.bytes.len() - 4;
    lengths.bytes[last] = 99;
    assert!(warning(&lengths).contains("36 bytes at its front and 99 at its end"));
    let mut monster = good();
    monster.bytes.extend([6, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]);
    assert!(warning(&monster).contains("a block claims 2147483647 bytes"));
    let mut greedy = good();
    let claims = [0, 0, 0, 500, 500].map(u32::to_le_bytes).concat();
    greedy.block(6, &claims);
    assert!(warning(&greedy).contains("packet 2 claims 500 bytes"));
    let mut later = good();
    later.section(false, (2, 0));
    assert!(warning(&later).contains("unknown version 2.0"));
    let mut cut = good();
    cut.bytes.truncate(cut.bytes.len() - 10);
    assert_eq!(
        warning(&cut),
        "cut short: the last block wants 36 bytes, 26 are there; 0 whole packets were read"
    );
}

#[test]
fn a_first_section_that_cannot_be_read_is_refused() {
    let mut future = Blocks::new(false);
    future.bytes.clear();
    future.section(true, (7, 1));
    let refusal = read(&future.bytes).unwrap_err();
    assert!(refusal.capture && refusal.why.contains("unknown version 7.1"));
    let cut = read(&Blocks::new(false).bytes[..20]).unwrap_err();
    assert!(cut.why.contains("cut inside its header: 20 of 28 bytes"));
}
