//! Conservation: however an input is cut into reads and epochs, packed or damaged, the same whole packets come out.

use std::io::{self, Write};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::source::sample::{Blocks, pcap, read, read_all};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(bytes).unwrap();
    lz4.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}

/// A few hundred packets of many sizes, one of them larger than any epoch and any piece.
fn mixed() -> Vec<u8> {
    let large: Vec<u8> = (0..=250).cycle().take(2 * PIECE).collect();
    let packets: Vec<(u32, u32, &[u8])> = (0..300u32)
        .map(|i| (1000 + i, i, &large[..i as usize * 7]))
        .chain([(2000, 0, large.get(..PIECE - 1).unwrap())])
        .chain((0..50).map(|i| (3000 + i, 0, &large[..60])))
        .collect();
    pcap(&packets)
}

#[test]
fn reads_and_epochs_of_any_size_give_the_same_frames() {
    let file = mixed();
    let whole = read(&file).unwrap();
    assert_eq!(whole.0.len(), 351);
    assert!(whole.1.warnings.is_empty());
    for (pattern, target) in [
        (vec![1], 1),
        (vec![7, 1, 4000], 1),
        (vec![16], 300),
        (vec![usize::MAX], 1),
        (vec![5, 100_000], 64 << 10),
        (vec![usize::MAX], usize::MAX),
    ] {
        let other = read_all(&file, pattern.clone(), target).unwrap();
        assert!(other == whole, "reads of {pattern:?}, epochs of {target}");
    }
}

#[test]
fn an_epoch_is_about_as_large_as_asked_for() {
    let packet = [0; 984];
    let packets: Vec<(u32, u32, &[u8])> = (0..2000).map(|i| (i, 0, packet.as_slice())).collect();
    let from = Box::new(io::Cursor::new(pcap(&packets)));
    let mut facts = InputFacts::default();
    let stored = Stored::new(from, Arc::default(), false);
    let mut input = Input::open(stored, None, &mut facts).unwrap();
    let mut epoch = Epoch::default();
    let mut sizes = Vec::new();
    while input.fill(&mut epoch, 100_000, &mut facts) {
        sizes.push(epoch.frames.len());
        assert!(epoch.bytes.len() <= 110_000, "{}", epoch.bytes.len());
    }
    assert_eq!(sizes.iter().sum::<usize>(), 2000);
    assert!(
        sizes[..sizes.len() - 1].iter().all(|n| (95..=105).contains(n)),
        "{sizes:?}"
    );
}

#[test]
fn packings_and_nested_packings_are_seen_through() {
    let file = mixed();
    let plain = read(&file).unwrap();
    for packed in [gzip(&file), zstd(&file), lz4(&file), gzip(&zstd(&file))] {
        let mut unpacked = read(&packed).unwrap();
        assert_ne!(unpacked.1.sha256, plain.1.sha256);
        unpacked.1.sha256 = plain.1.sha256.clone();
        assert!(unpacked == plain);
    }
    let too_deep = read(&gzip(&gzip(&gzip(&file)))).unwrap_err();
    assert!(too_deep.why.starts_with("compressed more than twice"));
}

#[test]
fn a_cut_tail_is_a_warning_and_loses_no_whole_packet() {
    let file = pcap(&[(1, 0, &[1; 100]), (2, 0, &[2; 1514])]);
    let (frames, facts) = read(&file[..file.len() - 1314]).unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!(
        facts.warnings,
        ["cut short: the last record wants 1514 bytes, 200 are there; 1 whole packet was read"]
    );
    let (frames, facts) = read(&file[..24]).unwrap();
    assert_eq!((frames.len(), facts.warnings.len()), (0, 0));
    assert!(
        read(&file[..23])
            .unwrap_err()
            .why
            .starts_with("cut inside its header: 23 of 24")
    );
}

#[test]
fn damaged_packing_keeps_what_came_before() {
    let noise: Vec<u8> = (0..40_000u32)
        .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 7).to_le_bytes())
        .collect();
    let packets: Vec<(u32, u32, &[u8])> = noise.chunks(100).map(|c| (1, 0, c)).collect();
    let file = pcap(&packets);
    for packed in [gzip(&file), zstd(&file)] {
        let (frames, facts) = read(&packed[..packed.len() * 3 / 4]).unwrap();
        assert!(frames.len() > 300, "{}", frames.len());
        assert!(frames.iter().zip(&packets).all(|((_, got), (_, _, put))| got == put));
        let warning = facts.warnings.join(" | ");
        assert!(warning.contains("data ends early or is damaged"), "{warning}");
        assert!(warning.ends_with(&format!("; {} whole packets were read", frames.len())));
    }
}

#[test]
fn a_bomb_of_zeros_costs_no_memory() {
    // 64 MiB of zeros are 4 million empty records.
    let mut file = pcap(&[]);
    file.resize(64 << 20, 0);
    let packed = zstd(&file);
    assert!(packed.len() < 10_000);
    let from = Box::new(io::Cursor::new(packed));
    let mut facts = InputFacts::default();
    let stored = Stored::new(from, Arc::default(), false);
    let mut input = Input::open(stored, None, &mut facts).unwrap();
    let (mut epoch, mut frames) = (Epoch::default(), 0);
    while input.fill(&mut epoch, 1 << 20, &mut facts) {
        frames += epoch.frames.len();
        assert!(epoch.bytes.len() <= 2 << 20);
    }
    assert_eq!(frames, ((64 << 20) - 24) / 16);
}

#[test]
fn a_disk_that_fails_is_a_fault_and_no_warning() {
    struct Failing(io::Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the disk is on fire")),
                n => Ok(n),
            }
        }
    }
    let file = pcap(&[(1, 0, &[0; 60])]);
    let mut facts = InputFacts::default();
    let stored = Stored::new(Box::new(Failing(io::Cursor::new(file))), Arc::default(), false);
    let mut input = Input::open(stored, None, &mut facts).unwrap();
    let mut epoch = Epoch::default();
    assert!(input.fill(&mut epoch, 1 << 20, &mut facts));
    assert_eq!(
        input.take_failure().as_deref(),
        Some("reading failed (the disk is on fire); 1 whole packet was read before")
    );
    assert!(!input.fill(&mut epoch, 1 << 20, &mut facts));
    assert_eq!(facts.warnings, Vec::<String>::new());
}

#[test]
fn refusals_say_what_it_is_and_what_to_do() {
    let why = |bytes: &[u8]| read(bytes).unwrap_err().why;
    assert!(why(b"").starts_with("empty, 0 bytes"));
    assert!(why(b"hello").contains("it begins with 68 65 6c 6c"));
    assert!(why(b"hi").contains("it begins with 68 69"));
    assert!(why(b"snoop\0\0\0\0\0\0\x02").contains("`editcap -F pcapng FILE OUT.pcapng`"));
    assert!(why(&gzip(b"hello")).starts_with("inside the gzip data: not a pcap"));
    assert!(why(&gzip(b"")).starts_with("inside the gzip data: empty"));
    assert!(why(&gzip(&mixed())[..15]).starts_with("the gzip data cannot be unpacked"));
    assert!(why(b"\x28\xb5\x2f\xfdnonsense").starts_with("the zstd data cannot be unpacked"));
}

/// A valid file to be damaged, of either format and order.
fn file_of(kind: u8) -> Vec<u8> {
    let mut blocks = Blocks::new(kind & 1 == 1);
    blocks
        .interface(1, 96, &[(9, &[9]), (14, &[1; 8])])
        .packet(0, 1 << 40, 60, &[3; 61])
        .statistics(0, &[(5, 1), (7, u64::MAX)])
        .simple(3, b"abc")
        .obsolete(0, 99, &[7; 30])
        .section(kind & 2 == 2, (1, 0))
        .interface(276, 0, &[])
        .packet(0, 5, 10, &[1; 10]);
    if kind < 4 {
        blocks.bytes
    } else {
        pcap(&[(1, 0, &[1; 40]), (2, 0, b""), (3, 0, &[2; 90])])
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(head in 0usize..10, bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let magics: [&[u8]; 10] = [
            b"", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xcd\x34", b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0",
            b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x04\x22\x4d\x18\x40\x40\xc0", b"\xa1\xb2\x3c\x4d", b"\x50\x2a\x4d\x18",
        ];
        let file = [magics[head], &bytes].concat();
        let whole = read(&file);
        prop_assert_eq!(&whole, &read_all(&file, vec![3, 1, 50], 1));
    }

    #[test]
    fn damaged_files_give_the_same_however_they_are_read(
        kind in 0u8..5, packing in 0u8..4, cut in 0usize..3000,
        changes in proptest::collection::vec((0usize..800, any::<u8>()), 0..4),
        pattern in proptest::collection::vec(1usize..40, 1..5), target in 1usize..5000,
    ) {
        let mut file = file_of(kind);
        let damage = |file: &mut Vec<u8>| for (at, value) in &changes {
            let at = at % file.len();
            file[at] = *value;
        };
        match packing {
            0 => damage(&mut file),
            1 => { file = gzip(&file); damage(&mut file); }
            2 => { file = zstd(&file); damage(&mut file); }
            _ => { file = lz4(&file); damage(&mut file); }
        }
        file.truncate(cut);
        let whole = read(&file);
        if let Ok((frames, _)) = &whole {
            let numbers: Vec<u64> = frames.iter().map(|(frame, _)| frame.stamp.frame()).collect();
            prop_assert_eq!(numbers, (1..=frames.len() as u64).collect::<Vec<_>>());
        }
        prop_assert_eq!(&whole, &read_all(&file, pattern, target));
    }
}
