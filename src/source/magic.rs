//! What a file is, by its first bytes: what we read, what we unpack, and what others read.

use std::path::Path;

use crate::source::order::Order;
use crate::source::pcap_file::Shape;
use crate::source::pcapng_file::SECTION;
use crate::wire::cursor::Cursor;

/// As many bytes of a file as are looked at.
pub const HEAD: usize = 128;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pcap,
    Pcapng,
    Compressed(Compression),
    /// Known, but read by others.
    Foreign(Foreign),
    Unknown,
    Empty,
}

/// What can be around a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
    Lz4,
}

impl Compression {
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
        }
    }
}

/// A format that we do not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    pub what: &'static str,
    /// What to do, as the end of a sentence.
    pub remedy: &'static str,
    /// It holds packets (an archive may hold anything).
    pub capture: bool,
}

const EDITCAP: &str = "convert it with `editcap -F pcapng FILE OUT.pcapng`";

const fn capture(what: &'static str, remedy: &'static str) -> Foreign {
    Foreign {
        what,
        remedy,
        capture: true,
    }
}

const fn archive(what: &'static str, remedy: &'static str) -> Foreign {
    Foreign {
        what,
        remedy,
        capture: false,
    }
}

const ETL: Foreign = capture(
    "a Windows ETL trace",
    "convert it with `pktmon etl2pcap FILE` on Windows, or with etl2pcapng",
);
const ERF: Foreign = capture("an ERF capture (Endace)", EDITCAP);

const FOREIGN: &[(&[u8], Foreign)] = &[
    (b"snoop\0\0\0", capture("a snoop capture (Solaris)", EDITCAP)),
    (b"GMBU", capture("a Network Monitor 2 capture", EDITCAP)),
    (b"RTSS", capture("a Network Monitor 1 capture", EDITCAP)),
    (b"XCP\0", capture("a NetXray or Windows Sniffer capture", EDITCAP)),
    (b"TRSNIFF data    \x1a", capture("a Sniffer capture", EDITCAP)),
    (b"\x7fver", capture("an EtherPeek or OmniPeek capture", EDITCAP)),
    (b"btsnoop\0", capture("a Bluetooth snoop capture", EDITCAP)),
    (b"\xac\x01\x00\x1c", capture("an Ixia capture", EDITCAP)),
    (b"\xab\x01\x00\x1c", capture("an Ixia capture", EDITCAP)),
    (b"\xfd7zXZ\0", archive("xz-compressed", "unpack it with `xz -dk FILE`")),
    (b"BZh", archive("bzip2-compressed", "unpack it with `bzip2 -dk FILE`")),
    (
        b"PAR1",
        archive("a Parquet file", "read it with DuckDB or pandas; it holds no packets"),
    ),
    (b"PK\x03\x04", archive("a zip archive", "unpack it with `unzip FILE`")),
    (
        b"7z\xbc\xaf\x27\x1c",
        archive("a 7z archive", "unpack it with `7z x FILE`"),
    ),
    (
        b"Rar!\x1a\x07",
        archive("a rar archive", "unpack it with `unrar x FILE`"),
    ),
    (b"\x1f\x9d", archive("compress-ed", "unpack it with `gzip -dk FILE`")),
    (
        b"\x02\x21\x4c\x18",
        archive(
            "lz4-compressed in the legacy format",
            "unpack it with `lz4 -d FILE OUT`",
        ),
    ),
];

/// Tells what a file is by its first bytes, and for formats without a magic by its name.
pub fn kind(head: &[u8], path: Option<&Path>) -> Kind {
    let mut cursor = Cursor::new(head);
    let Some(magic) = cursor.array::<4>() else {
        return if head.is_empty() { Kind::Empty } else { Kind::Unknown };
    };
    if Shape::of(magic).is_some() {
        return Kind::Pcap;
    }
    if u32::from_le_bytes(magic) == SECTION {
        return Kind::Pcapng;
    }
    match magic {
        // RFC 1952, section 2.3: ID1, ID2, and 8 is the only method.
        [0x1f, 0x8b, 8, _] => return Kind::Compressed(Compression::Gzip),
        // RFC 8878, sections 3.1.1 and 3.1.2; a skippable frame is put in front by pzstd.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            return Kind::Compressed(Compression::Zstd);
        }
        [0x04, 0x22, 0x4d, 0x18] => return Kind::Compressed(Compression::Lz4),
        _ => {}
    }
    if let Some((_, foreign)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Kind::Foreign(*foreign);
    }
    let named = |extension: &str| {
        path.and_then(Path::extension)
            .is_some_and(|e| e.eq_ignore_ascii_case(extension))
    };
    if named("etl") || looks_like_etl(head).is_some() {
        Kind::Foreign(ETL)
    } else if named("erf") || looks_like_erf(head).is_some() {
        Kind::Foreign(ERF)
    } else {
        Kind::Unknown
    }
}

/// An ETL file has no magic: a buffer header of 72 bytes whose first field is the buffer's size, then
/// the trace header event, whose type is 1 or 2 and whose flags are 0xc0.
fn looks_like_etl(head: &[u8]) -> Option<()> {
    let mut cursor = Cursor::new(head);
    let size = Order::Little.u32(cursor.array()?);
    let _rest_of_header = cursor.take(68)?;
    let [_, _, kind, flags] = cursor.array()?;
    let plausible_size = size.is_multiple_of(1024) && (1024..=16 << 20).contains(&size);
    (plausible_size && matches!(kind, 1 | 2) && flags == 0xc0).then_some(())
}

/// An ERF record has no magic: 0 time in 2^-32 s, little endian | 8 type | 9 flags | 10 record length | 12 | 14 wire length.
fn looks_like_erf(head: &[u8]) -> Option<()> {
    const YEAR_2000: u32 = 946_684_800;
    const YEAR_2060: u32 = 2_840_140_800;
    let mut cursor = Cursor::new(head);
    let _fraction = cursor.array::<4>()?;
    let seconds = Order::Little.u32(cursor.array()?);
    let kind = cursor.u8()? & 0x7f;
    let _flags = cursor.u8()?;
    let record = cursor.u16()?;
    let _loss = cursor.u16()?;
    let wire = cursor.u16()?;
    let plausible_length = (18..=9216).contains(&record) && (1..=9216).contains(&wire);
    ((YEAR_2000..YEAR_2060).contains(&seconds) && matches!(kind, 1..=27) && plausible_length).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_read_is_recognised_in_both_byte_orders() {
        for magic in [
            [0xd4, 0xc3, 0xb2, 0xa1],
            [0xa1, 0xb2, 0xc3, 0xd4],
            [0x4d, 0x3c, 0xb2, 0xa1],
            [0xa1, 0xb2, 0x3c, 0x4d],
            [0x34, 0xcd, 0xb2, 0xa1],
            [0xa1, 0xb2, 0xcd, 0x34],
        ] {
            assert_eq!(kind(&magic, None), Kind::Pcap);
        }
        assert_eq!(kind(&[0x0a, 0x0d, 0x0d, 0x0a], None), Kind::Pcapng);
        assert_eq!(kind(&[0x1f, 0x8b, 8, 0], None), Kind::Compressed(Compression::Gzip));
        assert_eq!(
            kind(&[0x52, 0x2a, 0x4d, 0x18], None),
            Kind::Compressed(Compression::Zstd)
        );
    }

    #[test]
    fn what_others_read_is_named() {
        let what = |head: &[u8], path: &str| match kind(head, Some(Path::new(path))) {
            Kind::Foreign(foreign) => foreign.what,
            _ => "not foreign",
        };
        assert_eq!(what(b"snoop\0\0\0\0\0\0\x02", "a"), "a snoop capture (Solaris)");
        assert_eq!(what(b"GMBU\0\x02", "a"), "a Network Monitor 2 capture");
        assert_eq!(what(b"\xfd7zXZ\0\0\x04", "a"), "xz-compressed");
        assert_eq!(what(&[0; 16], "a.ETL"), "a Windows ETL trace");
        assert_eq!(what(&[9; 16], "a.erf"), "an ERF capture (Endace)");
        assert_eq!(what(b"hello, world, this is text", "a.pcap"), "not foreign");

        let mut etl = [0; HEAD];
        etl[..4].copy_from_slice(&0x1_0000u32.to_le_bytes());
        etl[72..76].copy_from_slice(&[2, 0, 2, 0xc0]);
        assert_eq!(what(&etl, "trace"), "a Windows ETL trace");

        let mut erf = [0; 18];
        erf[4..8].copy_from_slice(&1_700_000_000u32.to_le_bytes());
        erf[8..16].copy_from_slice(&[2, 4, 0, 82, 0, 0, 0, 64]);
        assert_eq!(what(&erf, "capture"), "an ERF capture (Endace)");
    }

    #[test]
    fn too_little_to_tell() {
        assert_eq!(kind(&[], None), Kind::Empty);
        assert_eq!(kind(&[0xd4, 0xc3], None), Kind::Unknown);
    }
}
