//! A pcap file read in pieces, by several threads at once.
//!
//! ```text
//!   piece   |                      |                      |
//!   records ...==|=====|===|=======|==|====|======|====|====...
//!                ^ first            ^ next of this piece, first of the one behind it
//! ```
//!
//! A piece begins somewhere in a record. The next one is guessed: a place from which several plausible records follow
//! each other. A capture of somebody downloading a capture is full of perfect wrong guesses, so the guess only saves time:
//! whoever puts the pieces together sees that one's end is not the other's beginning, and has it read again.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::engine::epoch::{Epoch, Found, InputFacts, Pieces};
use crate::source::pcap_file::PcapFile;
use crate::source::walk::{MAX_RECORD, Out, Walked};

/// Read beyond a piece, for its last record; longer records are read in a second step.
const MARGIN: usize = 72 << 10;
/// So many records must follow each other for a guess.
const CHAIN: usize = 6;

/// A file, and what its header says.
pub struct CutFile {
    file: File,
    shape: PcapFile,
}

impl CutFile {
    pub fn new(file: File, shape: PcapFile) -> CutFile {
        CutFile { file, shape }
    }

    /// Reads up to `most` bytes more behind those that `bytes` holds from `at` on.
    fn read_more(&self, bytes: &mut Vec<u8>, at: u64, most: usize) -> Option<()> {
        let mut there = bytes.len();
        bytes.resize(there + most, 0);
        while let Some(room) = bytes.get_mut(there..).filter(|room| !room.is_empty()) {
            match self.file.read_at(room, at + there as u64) {
                Ok(0) => break,
                Ok(n) => there += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        bytes.truncate(there);
        Some(())
    }

    /// Where records seem to begin.
    fn guess(&self, bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).find(|at| self.shape.chain(bytes.get(*at..).unwrap_or(&[]), CHAIN))
    }
}

impl Pieces for CutFile {
    fn read(&self, range: Range<u64>, sure: bool, epoch: &mut Epoch) -> Option<Found> {
        epoch.clear();
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let bytes = &mut epoch.bytes;
        self.read_more(bytes, range.start, length + MARGIN)?;
        let first = if sure { 0 } else { self.guess(bytes)? };
        let mut shape = self.shape.clone();
        let mut walked = first;
        loop {
            let mut out = Out {
                ordinal: epoch.ordinal,
                base: walked,
                frames: &mut epoch.frames,
                facts: &mut InputFacts::default(),
            };
            match shape.walk(bytes.get(walked..)?, &mut out) {
                Walked::Upto(n) => walked += n,
                Walked::Broken(_) => return None,
            }
            if walked >= length {
                break;
            }
            // The record that begins in this piece is longer than what was read, or the file ends in it. A guess may be of
            // any length that somebody chose to write into a packet: it is not followed so far.
            if !sure {
                return None;
            }
            let before = bytes.len();
            self.read_more(bytes, range.start, MAX_RECORD as usize)?;
            if bytes.len() == before {
                return None;
            }
        }
        // What begins behind the piece is the next one's.
        let begins = |at: u32| (at as usize).saturating_sub(shape.header());
        let own = epoch.frames.partition_point(|frame| begins(frame.at) < length);
        let next = epoch.frames.get(own).map_or(walked, |frame| begins(frame.at));
        epoch.frames.truncate(own);
        Some(Found {
            first: range.start + first as u64,
            next: range.start + next as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::source::pcap_file::FILE_HEADER;
    use crate::source::sample::pcap;

    /// A file of `packets` of many sizes, and the offsets of its records.
    fn written(packets: usize) -> (CutFile, Vec<u64>, u64) {
        let payloads: Vec<Vec<u8>> = (0..packets).map(|n| vec![n as u8; 40 + n * 37 % 1400]).collect();
        let records: Vec<(u32, u32, &[u8])> = payloads.iter().map(|p| (1_700_000_000, 7, p.as_slice())).collect();
        let bytes = pcap(&records);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let header = bytes.first_chunk::<FILE_HEADER>().unwrap();
        let shape = PcapFile::begin(header, &mut InputFacts::default()).unwrap();
        let mut at = FILE_HEADER as u64;
        let offsets = payloads
            .iter()
            .map(|payload| {
                let here = at;
                at += 16 + payload.len() as u64;
                here
            })
            .collect();
        (CutFile::new(file, shape), offsets, bytes.len() as u64)
    }

    #[test]
    fn pieces_meet_and_hold_every_record_once() {
        let (cut, offsets, end) = written(2000);
        let (mut at, mut seen, mut epoch) = (FILE_HEADER as u64, 0, Epoch::default());
        let mut from = at;
        while from + 40_000 < end {
            let found = cut
                .read(from..from + 40_000, from == at && seen == 0, &mut epoch)
                .unwrap();
            assert_eq!(found.first, at, "the guess");
            assert!(offsets.contains(&found.next));
            for frame in &epoch.frames {
                assert_eq!(from + u64::from(frame.at) - 16, offsets[seen]);
                seen += 1;
            }
            (at, from) = (found.next, from + 40_000);
        }
        assert!(seen > 1900, "{seen}");
        // The end is the walk's business that knows what to say of it.
        assert_eq!(cut.read(from..from + 40_000, false, &mut epoch), None);
    }

    #[test]
    fn a_piece_inside_one_record_has_none() {
        let big = vec![7u8; 200_000];
        let bytes = pcap(&[(1, 1, &big), (1, 2, &[1; 60]), (1, 3, &[2; 60])]);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let header = bytes.first_chunk::<FILE_HEADER>().unwrap();
        let shape = PcapFile::begin(header, &mut InputFacts::default()).unwrap();
        let cut = CutFile::new(file, shape);
        let mut epoch = Epoch::default();
        let start = FILE_HEADER as u64;
        let found = cut.read(start..start + 1000, true, &mut epoch).unwrap();
        assert_eq!(
            (found.first, found.next, epoch.frames.len()),
            (start, start + 200_016, 1)
        );
        assert_eq!(cut.read(start + 1000..start + 2000, false, &mut epoch), None);
    }
}
