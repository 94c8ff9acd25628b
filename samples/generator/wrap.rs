//! The compressions that stand around captures.

use std::io::{Read, Write};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    None,
    Gzip,
    Zstd,
    Lz4,
}

impl Wrap {
    /// The compression that a path's ending names.
    pub fn of_path(path: &str) -> Wrap {
        match path.rsplit('.').next() {
            Some("gz") => Wrap::Gzip,
            Some("zst") => Wrap::Zstd,
            Some("lz4") => Wrap::Lz4,
            _ => Wrap::None,
        }
    }

    pub fn close(self, content: &[u8]) -> Vec<u8> {
        let closed = match self {
            Wrap::None => Ok(content.to_vec()),
            Wrap::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(content).and_then(|()| encoder.finish())
            }
            Wrap::Zstd => zstd::encode_all(content, 19),
            Wrap::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder
                    .write_all(content)
                    .and_then(|()| encoder.finish().map_err(std::io::Error::other))
            }
        };
        closed.expect("writing into memory does not fail")
    }

    /// The content of a compressed file; None if it is not one.
    pub fn open(self, closed: &[u8]) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        match self {
            Wrap::None => content.extend_from_slice(closed),
            Wrap::Gzip => {
                flate2::read::GzDecoder::new(closed).read_to_end(&mut content).ok()?;
            }
            Wrap::Zstd => content = zstd::decode_all(closed).ok()?,
            Wrap::Lz4 => {
                lz4_flex::frame::FrameDecoder::new(closed)
                    .read_to_end(&mut content)
                    .ok()?;
            }
        }
        Some(content)
    }
}
