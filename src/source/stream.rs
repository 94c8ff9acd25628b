//! Bytes of a capture from wherever they are stored and whatever is around them.
//!
//! ```text
//!  Stored (file, pipe)  ->  gzip | zstd | lz4  ->  once more, at most  ->  the capture's bytes
//!    counts and hashes        unpack: streaming only, a bomb costs time and never memory
//! ```

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::source::magic::Compression;
use crate::source::unpack::{COMPRESSED_PIECE, Unpacker};

/// The bytes as they are stored: counted, and hashed if wanted.
pub struct Stored {
    from: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
    hash: Option<Sha256>,
    failure: Option<String>,
}

impl Stored {
    pub fn new(from: Box<dyn Read + Send>, count: Arc<AtomicU64>, hash: bool) -> Stored {
        Stored {
            from,
            count,
            hash: hash.then(Sha256::new),
            failure: None,
        }
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = loop {
            match self.from.read(buffer) {
                Ok(n) => break n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nothing more for now, of what still grows.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(error) => {
                    self.failure = Some(error.to_string());
                    return Err(error);
                }
            }
        };
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        if let (Some(hash), Some(read)) = (&mut self.hash, buffer.get(..n)) {
            hash.update(read);
        }
        Ok(n)
    }
}

/// The capture's bytes, after as many unpackings as were asked for.
pub struct Stream {
    /// Read by [`Stream::peek`] and not yet given out.
    ahead: Vec<u8>,
    given: usize,
    /// Met while peeking; reported once `ahead` is given out.
    delayed: Option<io::Error>,
    layer: Layer,
}

enum Layer {
    Stored(Stored),
    Packed(Box<Unpacker>),
}

impl Stream {
    pub fn new(stored: Stored) -> Stream {
        Stream::of(Layer::Stored(stored))
    }

    /// The same stream with a compression taken off.
    pub fn unpacked(self, compression: Compression) -> io::Result<Stream> {
        Ok(Stream::of(Layer::Packed(Box::new(Unpacker::new(self, compression)?))))
    }

    fn of(layer: Layer) -> Stream {
        Stream {
            ahead: Vec::new(),
            given: 0,
            delayed: None,
            layer,
        }
    }

    /// The first `n` bytes, or fewer if there are no more; they will be read again. For use before the first read.
    pub fn peek(&mut self, n: usize) -> &[u8] {
        let mut there = self.ahead.len();
        self.ahead.resize(n.max(there), 0);
        while let Some(room) = self.ahead.get_mut(there..).filter(|room| !room.is_empty()) {
            match self.layer.read(room) {
                Ok(0) => break,
                Ok(read) => there += read,
                Err(error) => {
                    self.delayed = Some(error);
                    break;
                }
            }
        }
        self.ahead.truncate(there);
        &self.ahead
    }

    /// Does not give out what was peeked at: the reading goes on elsewhere.
    pub fn forget_peeked(&mut self) {
        self.given = self.ahead.len();
    }

    /// Does not give out the first `n` bytes that were peeked at.
    pub fn skip_peeked(&mut self, n: usize) {
        self.given = n.min(self.ahead.len());
    }

    /// The error that ended a peek early.
    pub fn peek_error(&self) -> Option<String> {
        self.delayed.as_ref().map(io::Error::to_string)
    }

    /// Reading the stored bytes themselves failed (not their unpacking).
    pub fn failure(&mut self) -> Option<String> {
        self.stored()?.failure.take()
    }

    /// Reads what is left of the stored bytes and tells the hash of all of them; `None` if no hash was asked for.
    pub fn sha256(&mut self) -> Option<String> {
        let stored = self.stored()?;
        stored.hash.as_ref()?;
        let mut scrap = vec![0; COMPRESSED_PIECE];
        while stored.read(&mut scrap).is_ok_and(|n| n > 0) {}
        let digest = stored.hash.take()?.finalize();
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn stored(&mut self) -> Option<&mut Stored> {
        match &mut self.layer {
            Layer::Stored(stored) => Some(stored),
            Layer::Packed(unpacker) => unpacker.packed()?.stored(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(ahead) = self.ahead.get(self.given..).filter(|a| !a.is_empty()) {
            let n = (&mut { ahead }).read(buffer)?;
            self.given += n;
            return Ok(n);
        }
        match self.delayed.take() {
            Some(error) => Err(error),
            None => self.layer.read(buffer),
        }
    }
}

impl Read for Layer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Layer::Stored(stored) => stored.read(buffer),
            Layer::Packed(unpacker) => unpacker.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn stream(bytes: Vec<u8>) -> Stream {
        let from = Box::new(io::Cursor::new(bytes));
        Stream::new(Stored::new(from, Arc::default(), true))
    }

    fn read_all(stream: &mut Stream) -> (Vec<u8>, Option<io::Error>) {
        let (mut all, mut piece) = (Vec::new(), [0; 777]);
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return (all, None),
                Ok(n) => all.extend(&piece[..n]),
                Err(error) => return (all, Some(error)),
            }
        }
    }

    fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                gzip.write_all(bytes).unwrap();
                gzip.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
            Compression::Lz4 => {
                let mut info = lz4_flex::frame::FrameInfo::new();
                info.block_size = lz4_flex::frame::BlockSize::Max64KB;
                let mut lz4 = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
                lz4.write_all(bytes).unwrap();
                lz4.finish().unwrap()
            }
        }
    }

    const ALL: [Compression; 3] = [Compression::Gzip, Compression::Zstd, Compression::Lz4];

    #[test]
    fn members_one_behind_the_other_read_on() {
        let (front, back) = (vec![1; 100_000], vec![2; 300_000]);
        for compression in ALL {
            let mut packed = pack(compression, &front);
            packed.extend(pack(compression, &[]));
            packed.extend(pack(compression, &back));
            let mut unpacked = stream(packed).unpacked(compression).unwrap();
            let (all, error) = read_all(&mut unpacked);
            assert!(error.is_none(), "{compression:?}: {error:?}");
            assert_eq!(all, [front.as_slice(), &back].concat(), "{compression:?}");
        }
    }

    #[test]
    fn a_peek_is_read_again_and_nesting_works() {
        let inside: Vec<u8> = (0..=255).cycle().take(50_000).collect();
        for outer in ALL {
            for inner in ALL {
                let mut once = stream(pack(outer, &pack(inner, &inside))).unpacked(outer).unwrap();
                assert!(once.peek(4).len() == 4);
                let mut twice = once.unpacked(inner).unwrap();
                assert_eq!(twice.peek(16), &inside[..16]);
                assert_eq!(read_all(&mut twice).0, inside);
            }
        }
    }

    #[test]
    fn damage_comes_after_what_was_good() {
        let inside: Vec<u8> = (0..200_000u32)
            .flat_map(|i| i.wrapping_mul(2654435761).to_le_bytes())
            .collect();
        for compression in ALL {
            let mut packed = pack(compression, &inside);
            packed.truncate(packed.len() / 2);
            let mut unpacked = stream(packed).unpacked(compression).unwrap();
            let (all, _) = read_all(&mut unpacked);
            assert!(all.len() > 100_000, "{compression:?} {}", all.len());
            assert!(inside.starts_with(&all));
            assert_eq!(unpacked.failure(), None, "{compression:?}");
        }
    }

    #[test]
    fn the_hash_is_of_the_stored_bytes_read_or_not() {
        // printf abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(stream(b"abc".to_vec()).sha256().as_deref(), Some(abc));
        let mut read = stream(b"abc".to_vec());
        read.peek(2);
        read_all(&mut read);
        assert_eq!(read.sha256().as_deref(), Some(abc));
        assert_eq!(read.sha256(), None);
    }
}
