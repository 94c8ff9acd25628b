//! Unpacking that gives out all that can be had before damage, and the same however it is read.
//!
//! ```text
//!  packed bytes ─▶ step ─▶ out [ given | waiting | room ] ─▶ whatever the reader asks for
//! ```
//!
//! A decoder that is handed a large buffer and meets damage throws away what it had put into that buffer, so how much
//! comes out before the error would depend on the pieces in which it is read and written. Here every step begins with an
//! empty buffer of our own, goes no further than the next block where blocks stand for themselves, and what a step has
//! made is given out before its error.

use std::io::{self, BufRead, BufReader, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lz4_flex::frame::FrameDecoder;
use zstd::stream::raw::{Decoder, Operation};

use crate::source::magic::Compression;
use crate::source::stream::Stream;

/// Compressed bytes read at a time.
pub const COMPRESSED_PIECE: usize = 128 << 10;

/// Room for one step. RFC 8878, section 3.1.1.2.4: no block is larger once unpacked, so each finds room.
const STEP_ROOM: usize = 128 << 10;

/// A stream with one compression taken off.
pub struct Unpacker {
    method: Method,
    out: Box<[u8]>,
    given: usize,
    waiting: usize,
    /// How it ended; told once what came before it is given out.
    end: Option<io::Result<()>>,
}

enum Method {
    Gzip(Gzip),
    Zstd(Zstd),
    Lz4(Lz4),
}

/// What a step has put at the front of its room, and how it goes on.
struct Step {
    made: usize,
    /// None: with more steps.
    end: Option<io::Result<()>>,
}

impl Step {
    fn more(made: usize) -> Step {
        Step { made, end: None }
    }

    fn last(made: usize, end: io::Result<()>) -> Step {
        Step { made, end: Some(end) }
    }
}

impl Unpacker {
    pub fn new(stream: Stream, compression: Compression) -> io::Result<Unpacker> {
        let packed = BufReader::with_capacity(COMPRESSED_PIECE, stream);
        Ok(Unpacker {
            method: match compression {
                Compression::Gzip => Method::Gzip(Gzip::new(packed)),
                Compression::Zstd => Method::Zstd(Zstd::new(packed)?),
                Compression::Lz4 => Method::Lz4(Lz4::new(packed)),
            },
            out: vec![0; STEP_ROOM].into_boxed_slice(),
            given: 0,
            waiting: 0,
            end: None,
        })
    }

    /// The stream that is unpacked.
    pub fn packed(&mut self) -> Option<&mut Stream> {
        match &mut self.method {
            Method::Gzip(gzip) => Some(gzip.packed.get_mut()),
            Method::Zstd(zstd) => Some(zstd.packed.get_mut()),
            Method::Lz4(lz4) => Some(lz4.frame.as_mut()?.get_mut().from.get_mut()),
        }
    }

    /// Unpacks on until something waits or the end is known.
    fn refill(&mut self) {
        while self.given == self.waiting && self.end.is_none() {
            let step = match &mut self.method {
                Method::Gzip(gzip) => gzip.step(&mut self.out),
                Method::Zstd(zstd) => zstd.step(&mut self.out),
                Method::Lz4(lz4) => lz4.step(&mut self.out),
            };
            let step = step.unwrap_or_else(|error| Step::last(0, Err(error)));
            (self.given, self.waiting, self.end) = (0, step.made, step.end);
        }
    }
}

impl Read for Unpacker {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.refill();
        let mut waiting = self.out.get(self.given..self.waiting).unwrap_or(&[]);
        if waiting.is_empty() {
            // An error is told once; behind it is nothing.
            return match self.end.replace(Ok(())) {
                Some(Err(error)) => Err(error),
                _ => Ok(0),
            };
        }
        let n = waiting.read(buffer)?;
        self.given += n;
        Ok(n)
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle")
}

/// Members one behind the other (RFC 1952, section 2.2).
struct Gzip {
    packed: BufReader<Stream>,
    /// None before and between members.
    member: Option<Decompress>,
}

impl Gzip {
    fn new(packed: BufReader<Stream>) -> Gzip {
        Gzip { packed, member: None }
    }

    fn step(&mut self, room: &mut [u8]) -> io::Result<Step> {
        const LARGEST_WINDOW_BITS: u8 = 15;
        let input = self.packed.fill_buf()?;
        let at_end = input.is_empty();
        if at_end && self.member.is_none() {
            return Ok(Step::last(0, Ok(())));
        }
        let member = self
            .member
            .get_or_insert_with(|| Decompress::new_gzip(LARGEST_WINDOW_BITS));
        let before = (member.total_in(), member.total_out());
        let status = member.decompress(input, room, FlushDecompress::None);
        let taken = (member.total_in() - before.0) as usize;
        let made = (member.total_out() - before.1) as usize;
        self.packed.consume(taken);
        Ok(match status {
            Ok(Status::StreamEnd) => {
                self.member = None;
                Step::more(made)
            }
            // What the decoder itself says depends on how often it was called.
            Err(_) => Step::last(made, Err(io::Error::new(io::ErrorKind::InvalidData, "corrupt data"))),
            // Nothing taken and nothing made will stay so.
            Ok(_) if made == 0 && taken == 0 => Step::last(0, Err(cut())),
            Ok(_) => Step::more(made),
        })
    }
}

/// Frames one behind the other (RFC 8878, section 3.1).
struct Zstd {
    packed: BufReader<Stream>,
    decoder: Decoder<'static>,
    /// How many bytes the decoder wants for its next block; 0: a frame has just ended.
    wants: usize,
}

impl Zstd {
    fn new(packed: BufReader<Stream>) -> io::Result<Zstd> {
        Ok(Zstd {
            packed,
            decoder: Decoder::new()?,
            wants: 0,
        })
    }

    fn step(&mut self, room: &mut [u8]) -> io::Result<Step> {
        let input = self.packed.fill_buf()?;
        if input.is_empty() {
            let whole = self.wants == 0;
            return Ok(Step::last(0, if whole { Ok(()) } else { Err(cut()) }));
        }
        let most = input.len().min(self.wants.max(1));
        let block = input.get(..most).unwrap_or(input);
        let status = self.decoder.run_on_buffers(block, room)?;
        self.wants = status.remaining;
        self.packed.consume(status.bytes_read);
        Ok(Step::more(status.bytes_written))
    }
}

/// LZ4 frames one behind the other, each with a decoder of its own: a decoder's buffers are made for its first frame.
struct Lz4 {
    /// Always there between two calls.
    frame: Option<FrameDecoder<Watched>>,
}

impl Lz4 {
    fn new(packed: BufReader<Stream>) -> Lz4 {
        let from = Watched {
            from: packed,
            ran_dry: false,
        };
        Lz4 {
            frame: Some(FrameDecoder::new(from)),
        }
    }

    fn step(&mut self, room: &mut [u8]) -> io::Result<Step> {
        let Some(frame) = &mut self.frame else {
            return Ok(Step::last(0, Ok(())));
        };
        // Never more than a block, so an error throws nothing away.
        let made = frame.read(room)?;
        if made > 0 {
            return Ok(Step::more(made));
        }
        // Nothing read means the end of a frame, or of a cut stream, which the decoder takes for an end too.
        if frame.get_mut().ran_dry {
            return Ok(Step::last(0, Err(cut())));
        }
        if frame.get_mut().from.fill_buf()?.is_empty() {
            return Ok(Step::last(0, Ok(())));
        }
        let packed = self.frame.take().map(FrameDecoder::into_inner);
        self.frame = packed.map(FrameDecoder::new);
        Ok(Step::more(0))
    }
}

/// Remembers that more was asked for than there was.
struct Watched {
    from: BufReader<Stream>,
    ran_dry: bool,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.ran_dry |= n == 0 && !buffer.is_empty();
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;
    use crate::source::sample::Trickle;
    use crate::source::stream::Stored;

    /// Unpacks what comes in pieces of `pattern`, asking for `asked` bytes at a time.
    fn unpack(packed: &[u8], compression: Compression, pattern: usize, asked: usize) -> (Vec<u8>, Option<String>) {
        let from = Trickle {
            bytes: io::Cursor::new(packed.to_vec()),
            pattern: vec![pattern],
            turn: 0,
        };
        let stream = Stream::new(Stored::new(Box::new(from), Arc::default(), false));
        let mut unpacker = Unpacker::new(stream, compression).unwrap();
        let (mut all, mut piece) = (Vec::new(), vec![0; asked]);
        loop {
            match unpacker.read(&mut piece) {
                Ok(0) => return (all, None),
                Ok(n) => all.extend(&piece[..n]),
                Err(error) => return (all, Some(error.to_string())),
            }
        }
    }

    fn noise(length: u32) -> Vec<u8> {
        (0..length)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        let mut info = lz4_flex::frame::FrameInfo::new();
        info.block_size = lz4_flex::frame::BlockSize::Max64KB;
        let mut lz4 = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        lz4.write_all(bytes).unwrap();
        lz4.finish().unwrap()
    }

    #[test]
    fn what_comes_before_damage_does_not_depend_on_the_pieces() {
        let inside = noise(600_000);
        for (compression, packed) in [
            (Compression::Gzip, gzip(&inside)),
            (Compression::Zstd, zstd::encode_all(inside.as_slice(), 1).unwrap()),
            (Compression::Lz4, lz4(&inside)),
        ] {
            for at in [30, packed.len() / 3, packed.len() / 2, packed.len() - 3] {
                let mut damaged = packed.clone();
                for byte in &mut damaged[at..at + 3] {
                    *byte ^= 0xa5;
                }
                let whole = unpack(&damaged, compression, usize::MAX, 1 << 20);
                for (pattern, asked) in [(1, 1 << 20), (usize::MAX, 1), (1000, 777), (7, 100_000)] {
                    let other = unpack(&damaged, compression, pattern, asked);
                    assert!(other == whole, "{compression:?} at {at}: {pattern}, {asked}");
                }
            }
        }
    }

    #[test]
    fn all_blocks_before_a_cut_one_come_out() {
        let inside = noise(600_000);
        let packed = zstd::encode_all(inside.as_slice(), 1).unwrap();
        let (all, error) = unpack(&packed[..packed.len() - 10], Compression::Zstd, usize::MAX, 4096);
        assert_eq!(error.as_deref(), Some("it ends in the middle"));
        assert!(all.len() >= inside.len() - STEP_ROOM, "{}", all.len());
        assert!(inside.starts_with(&all));
    }

    #[test]
    fn an_lz4_stream_cut_between_two_blocks_is_no_end() {
        let inside = noise(64 << 10);
        let packed = lz4(&inside);
        // The end mark is the last four bytes: this encoder writes no checksum.
        assert_eq!(packed[packed.len() - 4..], [0; 4]);
        let whole = unpack(&packed, Compression::Lz4, usize::MAX, 4096);
        assert_eq!(whole, (inside.clone(), None));
        for missing in 1..=4 {
            let (all, error) = unpack(&packed[..packed.len() - missing], Compression::Lz4, usize::MAX, 4096);
            assert!(all == inside, "{missing}");
            assert_eq!(error.as_deref(), Some("it ends in the middle"), "{missing}");
        }
    }

    #[test]
    fn an_error_is_told_once() {
        let packed = gzip(&noise(1000));
        let stream = Stream::new(Stored::new(
            Box::new(io::Cursor::new(packed[..packed.len() - 9].to_vec())),
            Arc::default(),
            false,
        ));
        let mut unpacker = Unpacker::new(stream, Compression::Gzip).unwrap();
        let mut all = Vec::new();
        assert!(unpacker.read_to_end(&mut all).is_err());
        assert!(!all.is_empty());
        assert_eq!(unpacker.read(&mut [0; 9]).unwrap(), 0);
    }
}
