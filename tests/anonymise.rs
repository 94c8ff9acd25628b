//! The rewriter of `carve --anonymise` under random bytes and damaged packets: it never panics, never lengthens a frame, and
//! leaves no name.

use std::fs;
use std::path::Path;

use flowsift::anonymise::Substitutes;
use flowsift::anonymise::packet::{Captured, Rewriter};
use flowsift::wire::link::LinkType;
use proptest::prelude::*;

/// Samples (little-endian pcap), and labels of the names in them.
const MARKED: [(&str, &[&str]); 7] = [
    (
        "tls/server-flight.pcap",
        &[
            "example",
            "disordered",
            "tiny-records",
            "repeated",
            "a-rather-long-name",
            "encrypt",
        ],
    ),
    ("tls/names.pcap", &["example"]),
    ("tls/hello-in-pieces.pcap", &["example", "disordered", "last-first"]),
    ("dns/https-record.pcap", &["example"]),
    (
        "dns/kinds.pcap",
        &["example", "salestim", "hostmaster", "trafficmanager"],
    ),
    ("dns/mdns.pcap", &["printer"]),
    (
        "proxy/connect.pcap",
        &["salestim", "microsoft", "corporation", "example"],
    ),
];

struct Frame {
    bytes: Vec<u8>,
    wire: u32,
}

impl Frame {
    fn captured(&self, link: LinkType, at: usize) -> Captured<'_> {
        Captured {
            link,
            bytes: &self.bytes,
            wire: self.wire,
            at: at as u64,
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn frames(sample: &str) -> Vec<Frame> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(sample);
    let file = fs::read(path).expect("a sample");
    let mut at = 24;
    let mut all = Vec::new();
    while at + 16 <= file.len() {
        let captured = number(&file, at + 8) as usize;
        let bytes = file[at + 16..at + 16 + captured].to_vec();
        let wire = number(&file, at + 12);
        all.push(Frame { bytes, wire });
        at += 16 + captured;
    }
    all
}

/// All frames as they may be shown.
fn rewritten(frames: &[Frame], link: LinkType, substitutes: &Substitutes) -> Vec<Vec<u8>> {
    let mut rewriter = Rewriter::new(substitutes);
    for (at, frame) in frames.iter().enumerate() {
        rewriter.note(frame.captured(link, at));
    }
    let mut out = Vec::new();
    frames
        .iter()
        .enumerate()
        .map(|(at, frame)| {
            let is_shown = rewriter.frame(frame.captured(link, at), &mut out);
            assert!(out.len() <= frame.bytes.len() && (is_shown || out.is_empty()));
            out.clone()
        })
        .collect()
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes
        .windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

fn assert_unmarked(out: &[Vec<u8>], sample: &str, marks: &[&str]) {
    for (at, frame) in out.iter().enumerate() {
        for mark in marks {
            assert!(!contains(frame, mark), "{sample}: {mark} in frame {}", at + 1);
        }
    }
}

#[test]
fn samples_have_their_marks_and_lose_them() {
    let substitutes = Substitutes::new(b"a key");
    for (sample, marks) in MARKED {
        let frames = frames(sample);
        let has = |mark: &str| frames.iter().any(|frame| contains(&frame.bytes, mark));
        assert!(marks.iter().any(|mark| has(mark)), "{sample}");
        assert_unmarked(&rewritten(&frames, LinkType::ETHERNET, &substitutes), sample, marks);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn damaged_packets_lose_their_names_too(
        which in 0..MARKED.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
    ) {
        let (sample, marks) = MARKED[which];
        let mut frames = frames(sample);
        for (frame, at, byte) in changes {
            let at_most = frames.len();
            let bytes = &mut frames[frame.index(at_most)].bytes;
            if !bytes.is_empty() {
                let at_most = bytes.len();
                bytes[at.index(at_most)] = byte;
            }
        }
        for (frame, at) in cuts {
            let at_most = frames.len();
            let bytes = &mut frames[frame.index(at_most)].bytes;
            bytes.truncate(at.index(bytes.len() + 1));
        }
        let out = rewritten(&frames, LinkType::ETHERNET, &Substitutes::new(b"a key"));
        assert_unmarked(&out, sample, marks);
    }

    #[test]
    fn no_bytes_break_it(
        junk in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..10),
        link in prop::sample::select(vec![0u16, 1, 101, 113, 276, 147]),
    ) {
        let frames: Vec<Frame> = junk
            .into_iter()
            .map(|bytes| Frame { wire: bytes.len() as u32, bytes })
            .collect();
        rewritten(&frames, LinkType(link), &Substitutes::new(b"a key"));
    }
}
