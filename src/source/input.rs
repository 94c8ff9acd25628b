//! One open input: bytes in large pieces, walked while they are in the cache.
//!
//! ```text
//!  epoch.bytes   [ carried over | piece | piece | piece ........ | memory of earlier epochs ]
//!                  ^ walked: every whole record   ^ the piece of a record at the end is
//!                                                   carried over to the next epoch
//! ```
//!
//! The buffer stays at the length that it once had and is written over, so that no byte is zeroed
//! before it is read. What lies behind the last frame has no meaning.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::engine::epoch::{Epoch, InputFacts, Stretch};
use crate::source::cut::CutFile;
use crate::source::described::Described;
use crate::source::magic::{self, Compression, Kind};
use crate::source::pcap_file::{FILE_HEADER, PcapFile};
use crate::source::pcapng_file::{PcapngFile, SECTION_HEADER};
use crate::source::stream::{Stored, Stream};
use crate::source::walk::{Out, Walked, Walker};

/// Bytes asked for at once: small enough that the walk finds them in L2.
const PIECE: usize = 256 << 10;
/// Least that is asked for, however small the epochs are.
const LEAST_PIECE: usize = 4 << 10;
/// Epochs larger than this would not fit the offsets of frames.
const MAX_EPOCH: usize = 1 << 30;
/// A compression around a compression; more is a game.
const MAX_UNPACKINGS: usize = 2;

/// Why an input cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong and what to do, without the input's name.
    pub why: String,
    /// It is a capture, only not a usable one. In a folder other files are passed over in silence.
    pub capture: bool,
}

/// An input being read.
pub struct Input {
    stream: Stream,
    walker: Walker,
    packing: Option<Compression>,
    carried: Vec<u8>,
    ended: bool,
    failure: Option<String>,
    /// Where the next record begins, in the unpacked bytes.
    offset: u64,
    /// The file itself, where it may be read in pieces.
    cut: Option<File>,
}

impl Input {
    /// Finds out what the input is and reads its header. `path` helps with formats that have no magic.
    pub fn open(stored: Stored, path: Option<&Path>, facts: &mut InputFacts) -> Result<Input, Refusal> {
        let mut stream = Stream::new(stored);
        let mut packing = None;
        for _ in 0..=MAX_UNPACKINGS {
            let head = stream.peek(magic::HEAD);
            let kind = magic::kind(head, path);
            let walker = match kind {
                Kind::Compressed(compression) => {
                    packing = Some(compression);
                    stream = stream.unpacked(compression).map_err(|error| Refusal {
                        why: format!("the {} data cannot be unpacked ({error})", compression.name()),
                        capture: true,
                    })?;
                    continue;
                }
                Kind::Pcap => match head.first_chunk::<FILE_HEADER>() {
                    Some(header) => PcapFile::begin(header, facts).map(Walker::Pcap),
                    None => return Err(cut_header(FILE_HEADER, head.len())),
                },
                Kind::Pcapng => match head.first_chunk::<SECTION_HEADER>() {
                    Some(header) => match PcapngFile::begin(header) {
                        Ok(pcapng) => Some(Walker::Pcapng(Box::new(pcapng))),
                        Err(damage) => {
                            return Err(Refusal {
                                why: format!("a pcapng file that cannot be read: {damage}"),
                                capture: true,
                            });
                        }
                    },
                    None => return Err(cut_header(SECTION_HEADER, head.len())),
                },
                _ => None,
            };
            if kind == Kind::Pcap {
                stream.skip_peeked(FILE_HEADER);
            }
            return match walker {
                Some(walker) => Ok(Input {
                    stream,
                    walker,
                    packing,
                    carried: Vec::new(),
                    ended: false,
                    failure: None,
                    offset: if kind == Kind::Pcap { FILE_HEADER as u64 } else { 0 },
                    cut: None,
                }),
                None => Err(refuse(kind, &mut stream, packing)),
            };
        }
        Err(Refusal {
            why: "compressed more than twice; unpack it first".to_owned(),
            capture: false,
        })
    }

    /// Fills `epoch` with about `target` bytes of whole records, as [`Source::fill`] has it; false at the end, and where
    /// there is nothing more for now.
    ///
    /// [`Source::fill`]: crate::engine::epoch::Source::fill
    pub fn fill(&mut self, epoch: &mut Epoch, target: usize, facts: &mut InputFacts) -> bool {
        let Epoch {
            ordinal,
            bytes,
            frames,
            lull,
            dropped_ns,
        } = epoch;
        frames.clear();
        *lull = None;
        *dropped_ns = None;
        let target = target.clamp(1, MAX_EPOCH);
        give_back_excess(bytes, target);
        if self.ended {
            return false;
        }

        let mut filled = self.carried.len();
        room(bytes, 0, filled).copy_from_slice(&self.carried);
        self.carried.clear();
        let mut walked = 0;
        loop {
            let mut out = Out {
                ordinal: *ordinal,
                base: walked,
                frames,
                facts,
            };
            let at_hand = bytes.get(walked..filled).unwrap_or(&[]);
            match self.walker.walk(at_hand, &mut out) {
                Walked::Upto(n) => {
                    walked += n;
                    self.offset += n as u64;
                }
                Walked::Broken(damage) => {
                    self.end(facts, Some(format!("cut short: {damage}")));
                    break;
                }
            }
            if frames.is_empty() {
                // Blocks that are no packets need not be kept.
                bytes.copy_within(walked..filled, 0);
                filled -= walked;
                walked = 0;
            } else if filled >= target {
                self.carried.extend_from_slice(bytes.get(walked..filled).unwrap_or(&[]));
                break;
            }
            match self.stream.read(room(bytes, filled, piece(filled, target))) {
                Ok(0) => {
                    let rest = bytes.get(walked..filled).unwrap_or(&[]);
                    let cut = (!rest.is_empty()).then(|| format!("cut short: {}", self.walker.tail(rest)));
                    self.end(facts, cut);
                    break;
                }
                Ok(n) => filled += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.carried.extend_from_slice(bytes.get(walked..filled).unwrap_or(&[]));
                    break;
                }
                Err(error) => {
                    let why = self.read_failed(&error.to_string());
                    self.end(facts, why);
                    break;
                }
            }
        }
        !frames.is_empty()
    }

    /// There will be nothing more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// What the input says of its interfaces.
    pub fn described(&self) -> &[Described] {
        self.walker.described()
    }

    /// The piece of a record lies at the end of what there is for now.
    pub fn is_inside_a_record(&self) -> bool {
        !self.carried.is_empty()
    }

    pub fn is_compressed(&self) -> bool {
        self.packing.is_some()
    }

    /// Allows the rest of the input to be read in pieces: `file` is what it is read from, and nobody wants its hash.
    pub fn allow_cutting(&mut self, file: File) {
        let is_plain = self.packing.is_none() && self.walker.pcap().is_some();
        self.cut = is_plain.then_some(file);
    }

    /// See [`Source::stretch`](crate::engine::epoch::Source::stretch).
    pub fn stretch(&mut self, ordinal: u32) -> Option<Stretch> {
        if self.ended {
            return None;
        }
        let file = self.cut.as_ref()?;
        let to = file.metadata().ok()?.len();
        let pieces = CutFile::new(file.try_clone().ok()?, self.walker.pcap()?.clone());
        Some(Stretch {
            pieces: Arc::new(pieces),
            ordinal,
            from: self.offset,
            to,
            packets: self.walker.packets(),
        })
    }

    /// See [`Source::pass`](crate::engine::epoch::Source::pass). Says how many bytes were passed.
    pub fn pass(&mut self, to: u64, packets: u64, again: bool) -> u64 {
        // The handle shares its place in the file with the one that the stream reads from.
        let moved = self.cut.as_mut().map(|file| file.seek(SeekFrom::Start(to)));
        if let (Some(Err(error)), None) = (moved, &self.failure) {
            self.failure = Some(format!("reading failed ({error})"));
            self.ended = true;
        }
        if !again {
            self.cut = None;
        }
        self.carried.clear();
        self.stream.forget_peeked();
        if let Some(pcap) = self.walker.pcap() {
            pcap.set_packets(packets);
        }
        to - std::mem::replace(&mut self.offset, to).min(to)
    }

    /// Why reading the stored bytes failed, if it did: one finished sentence without the input's name.
    pub fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// Damaged packing is a cut like any other and a warning; a disk or a network that fails is a fault.
    fn read_failed(&mut self, error: &str) -> Option<String> {
        if let Some(failure) = self.stream.failure() {
            self.failure = Some(format!("reading failed ({failure}); {} before", self.so_far()));
            return None;
        }
        let packing = self.packing.map_or("compressed", Compression::name);
        Some(format!(
            "cut short: the {packing} data ends early or is damaged ({error})"
        ))
    }

    fn so_far(&self) -> String {
        match self.walker.packets() {
            1 => "1 whole packet was read".to_owned(),
            n => format!("{n} whole packets were read"),
        }
    }

    fn end(&mut self, facts: &mut InputFacts, cut: Option<String>) {
        self.ended = true;
        if let Some(cut) = cut {
            facts.warnings.push(format!("{cut}; {}", self.so_far()));
        }
        facts.sha256 = self.stream.sha256();
    }
}

/// How many bytes to ask for.
fn piece(filled: usize, target: usize) -> usize {
    match target.checked_sub(filled) {
        Some(missing) if missing > 0 => missing.clamp(LEAST_PIECE, PIECE),
        // A record larger than an epoch.
        _ => PIECE,
    }
}

/// The `n` bytes of the buffer from `at`, which grows only if it never was that long.
fn room(bytes: &mut Vec<u8>, at: usize, n: usize) -> &mut [u8] {
    if bytes.len() < at + n {
        bytes.resize(at + n, 0);
    }
    bytes.get_mut(at..at + n).unwrap_or(&mut [])
}

/// After a monstrous record the buffer goes back to its usual size.
fn give_back_excess(bytes: &mut Vec<u8>, target: usize) {
    let usual = target.saturating_add(PIECE);
    if bytes.len() > usual.saturating_mul(2) {
        bytes.truncate(usual);
        bytes.shrink_to_fit();
    }
}

fn cut_header(wants: usize, there: usize) -> Refusal {
    Refusal {
        why: format!("cut inside its header: {there} of {wants} bytes are there, and no packet"),
        capture: true,
    }
}

fn refuse(kind: Kind, stream: &mut Stream, packing: Option<Compression>) -> Refusal {
    if let Some(failure) = stream.failure() {
        return Refusal {
            why: format!("cannot be read ({failure})"),
            capture: true,
        };
    }
    let inside = packing.map_or(String::new(), |p| format!("inside the {} data: ", p.name()));
    if let (Some(error), Some(packing)) = (stream.peek_error(), packing) {
        return Refusal {
            why: format!("the {} data cannot be unpacked ({error})", packing.name()),
            capture: false,
        };
    }
    match kind {
        Kind::Empty => Refusal {
            why: format!("{inside}empty, 0 bytes; a capture has at least a header"),
            capture: false,
        },
        Kind::Foreign(foreign) => Refusal {
            why: format!("{inside}{}, which is not read here; {}", foreign.what, foreign.remedy),
            capture: foreign.capture,
        },
        _ => {
            let first: Vec<String> = stream.peek(4).iter().take(4).map(|b| format!("{b:02x}")).collect();
            Refusal {
                why: format!(
                    "{inside}not a pcap or pcapng file (it begins with {}); give a capture, or convert it with `editcap -F pcapng FILE OUT.pcapng`",
                    first.join(" ")
                ),
                capture: false,
            }
        }
    }
}

#[cfg(test)]
mod tests;
