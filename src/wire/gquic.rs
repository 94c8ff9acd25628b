//! Google's QUIC before it encrypted its first packets: versions up to 48.
//!
//! The client's first message, CHLO, stands in the clear behind a 12-byte checksum. It is a table of
//! tagged values in little-endian order, and one tag is the server's name.
//!
//! ```text
//! up to 43:  0 flags   1 connection id (8)   9 version (4)   packet number (1, 2, 4, 6 by the flags)
//! from 44:   0 first   1 version (4)   5 id lengths (two nibbles)   destination   source   number (1-4)
//! behind:    checksum (12)   frames: STREAM 1 with  "CHLO"   count (2)   0 0   (tag (4)   end (4))*   values
//! ```

use super::cursor::Cursor;
use super::quic_version::{Dialect, QuicVersion};

/// A client's packet in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClearPacket<'a> {
    pub version: QuicVersion,
    /// What follows the packet number.
    payload: &'a [u8],
}

impl<'a> ClearPacket<'a> {
    /// None unless the header shows a version of this family.
    pub fn parse(datagram: &'a [u8]) -> Option<ClearPacket<'a>> {
        const LONG_HEADER: u8 = 0x80;
        let mut c = Cursor::new(datagram);
        let first = c.u8()?;
        let version = match first & LONG_HEADER {
            0 => public_header(first, &mut c),
            _ => long_header(first, &mut c),
        }?;
        Some(ClearPacket {
            version,
            payload: c.rest(),
        })
    }

    /// The SNI tag of the CHLO, if the packet holds one so far.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        const CHECKSUM: usize = 12;
        /// In front of the message stand at most the private flags and the longest head of a STREAM frame.
        const MOST_BEFORE: usize = 1 + 1 + 4 + 8 + 2;
        let mut c = Cursor::new(self.payload);
        c.take(CHECKSUM)?;
        for _ in 0..=MOST_BEFORE {
            if let Some(name) = chlo_server_name(c.rest()) {
                return Some(name);
            }
            c.u8()?;
        }
        None
    }
}

/// The SNI tag of a CHLO, which later versions carry in encrypted packets. None too while the table or the name is not
/// there as a whole.
pub fn chlo_server_name(message: &[u8]) -> Option<&[u8]> {
    message
        .starts_with(b"CHLO")
        .then(|| tagged_value(Cursor::new(message), *b"SNI\0"))?
}

/// The header up to version 43.
fn public_header(flags: u8, c: &mut Cursor<'_>) -> Option<QuicVersion> {
    const HAS_VERSION: u8 = 0x01;
    const RESET: u8 = 0x02;
    const HAS_ID: u8 = 0x08;
    const NUMBER_MASK: u8 = 0x30;
    if flags & (HAS_VERSION | RESET | HAS_ID) != HAS_VERSION | HAS_ID {
        return None;
    }
    let _id = c.array::<8>()?;
    let version = clear(c.u32()?)?;
    c.take(match flags & NUMBER_MASK {
        0x00 => 1,
        0x10 => 2,
        0x20 => 4,
        _ => 6,
    })?;
    Some(version)
}

/// The header from version 44 on.
fn long_header(first: u8, c: &mut Cursor<'_>) -> Option<QuicVersion> {
    const NUMBER_MASK: u8 = 0x03;
    // A nibble counts an id's bytes beyond three; 0 is no id.
    let id = |nibble: u8| match nibble {
        0 => 0,
        n => usize::from(n) + 3,
    };
    let version = clear(c.u32()?)?;
    let lengths = c.u8()?;
    c.take(id(lengths >> 4) + id(lengths & 0x0f))?;
    c.take(usize::from(first & NUMBER_MASK) + 1)?;
    Some(version)
}

fn clear(number: u32) -> Option<QuicVersion> {
    Some(QuicVersion(number)).filter(|v| v.dialect() == Dialect::GoogleClear)
}

/// The value of a tag in the message at which `c` stands.
fn tagged_value(mut c: Cursor<'_>, wanted: [u8; 4]) -> Option<&[u8]> {
    const MOST_TAGS: u16 = 128;
    let _message = c.u32()?;
    let count = u16::from_le_bytes(c.array()?);
    let _padding = c.u16()?;
    let mut table = c.sub(usize::from(count.min(MOST_TAGS)) * 8)?;
    let mut from = 0;
    while let (Some(tag), Some(end)) = (table.array::<4>(), table.array()) {
        let end = u32::from_le_bytes(end) as usize;
        let length = end.checked_sub(from)?;
        if tag == wanted {
            c.take(from)?;
            return c.take(length);
        }
        from = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's first packet of Q046, cut behind the values used.
    fn chlo() -> Vec<u8> {
        let mut bytes = vec![0xc3];
        bytes.extend(b"Q046");
        bytes.extend([0x50, 0xea, 0xcf, 0xe6, 0xe7, 6, 0xdf, 0x27, 0x2d, 0, 0, 0, 4]);
        bytes.extend([0x60; 12]);
        bytes.extend([0xa4, 1, 4, 0]);
        bytes.extend(b"CHLO\x02\0\0\0PAD\0\x03\0\0\0SNI\0\x12\0\0\0---play.google.com");
        bytes
    }

    #[test]
    fn the_name_in_a_chlo_is_read() {
        let bytes = chlo();
        let packet = ClearPacket::parse(&bytes).unwrap();
        assert_eq!(packet.version.to_string(), "gquic-46");
        assert_eq!(packet.server_name(), Some(&b"play.google.com"[..]));
        for cut in 0..bytes.len() {
            if let Some(packet) = ClearPacket::parse(&bytes[..cut]) {
                assert_eq!(packet.server_name(), None);
            }
        }
    }

    #[test]
    fn the_older_header_is_known_by_its_flags_and_version() {
        let mut bytes = vec![0x0d, 1, 2, 3, 4, 5, 6, 7, 8];
        bytes.extend(b"Q025\x01");
        assert_eq!(ClearPacket::parse(&bytes).unwrap().version.to_string(), "gquic-25");
        bytes[0] = 0x0f;
        assert_eq!(ClearPacket::parse(&bytes), None);
        bytes[0] = 0x0d;
        bytes[10] = b'x';
        assert_eq!(ClearPacket::parse(&bytes), None);
    }
}
