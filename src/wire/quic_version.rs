//! QUIC versions: how they are written, and which rules each follows.
//!
//! A version number decides everything behind the connection ids: the packet types' bits, the salt
//! and labels of the Initial keys, the frames. [`QuicVersion`] is the number, [`Dialect`] the rules.

use std::fmt;

/// A version as it stands in a long header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuicVersion(pub u32);

/// The rules that a version's Initial packets follow. The drafts are named for the first that had its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Draft22,
    Draft23,
    Draft29,
    /// RFC 9001, and the drafts 33 and 34.
    V1,
    /// draft-ietf-quic-v2-00: the types of version 1, the labels of version 2, a salt of its own.
    V2Draft00,
    /// draft-ietf-quic-v2-01 to -09: as RFC 9369, with the salt of the first draft.
    V2Draft01,
    /// RFC 9369.
    V2,
    /// Google's framing around a handshake of its own, encrypted as draft 25 does it.
    Q050,
    /// Google's framing around TLS 1.3.
    T050,
    T051,
    /// Google's QUIC before 49: the first packets are in the clear, in a format of their own.
    GoogleClear,
    /// RFC 9000, section 15: 0x?a?a?a?a is used by nobody, to exercise version negotiation. A client that begins with one
    /// writes its packet by the rules of a version it knows, and does not say which ([`QuicVersion::LENDERS`]).
    Reserved,
    /// Not a version: marks a Version Negotiation packet.
    Negotiation,
    Unknown,
}

impl QuicVersion {
    pub const NEGOTIATION: QuicVersion = QuicVersion(0);
    pub const V1: QuicVersion = QuicVersion(1);
    pub const V2: QuicVersion = QuicVersion(0x6b33_43cf);
    pub const V2_DRAFT_00: QuicVersion = QuicVersion(0xff02_0000);
    pub const V2_DRAFT_01: QuicVersion = QuicVersion(0x709a_50c4);
    pub const MVFST_1: QuicVersion = QuicVersion(0xface_b001);
    pub const MVFST_2: QuicVersion = QuicVersion(0xface_b002);
    pub const MVFST_EXPERIMENTAL: QuicVersion = QuicVersion(0xface_b00e);
    pub const Q050: QuicVersion = QuicVersion(u32::from_be_bytes(*b"Q050"));
    pub const T050: QuicVersion = QuicVersion(u32::from_be_bytes(*b"T050"));
    pub const T051: QuicVersion = QuicVersion(u32::from_be_bytes(*b"T051"));

    /// Whose keys a client may have taken for a reserved version, the likeliest first: one of each salt since draft 23.
    pub const LENDERS: [QuicVersion; 3] = [QuicVersion::V1, QuicVersion(0xff00_001d), QuicVersion(0xff00_001b)];

    /// The number of an IETF draft.
    pub fn draft(self) -> Option<u8> {
        let [high @ .., number] = self.0.to_be_bytes();
        (high == [0xff, 0, 0] && number != 0).then_some(number)
    }

    /// The number of a version of Google's own (`Q043`), written in ASCII digits.
    pub fn google(self) -> Option<u16> {
        match self.0.to_be_bytes() {
            [b'Q', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
                Some(digits.iter().fold(0, |n, d| n * 10 + u16::from(d.wrapping_sub(b'0'))))
            }
            _ => None,
        }
    }

    pub fn dialect(self) -> Dialect {
        match self {
            QuicVersion::V1 => Dialect::V1,
            QuicVersion::V2 => Dialect::V2,
            QuicVersion::V2_DRAFT_00 => Dialect::V2Draft00,
            QuicVersion::V2_DRAFT_01 => Dialect::V2Draft01,
            QuicVersion::NEGOTIATION => Dialect::Negotiation,
            QuicVersion::MVFST_1 => Dialect::Draft22,
            QuicVersion::MVFST_2 | QuicVersion::MVFST_EXPERIMENTAL => Dialect::Draft23,
            QuicVersion::Q050 => Dialect::Q050,
            QuicVersion::T050 => Dialect::T050,
            QuicVersion::T051 => Dialect::T051,
            QuicVersion(n) if n & 0x0f0f_0f0f == 0x0a0a_0a0a => Dialect::Reserved,
            version => match (version.draft(), version.google()) {
                (Some(22), _) => Dialect::Draft22,
                (Some(23..=28), _) => Dialect::Draft23,
                (Some(29..=32), _) => Dialect::Draft29,
                (Some(33 | 34), _) => Dialect::V1,
                (_, Some(..49)) => Dialect::GoogleClear,
                _ => Dialect::Unknown,
            },
        }
    }
}

impl Dialect {
    /// Whether the layout behind the connection ids is known and the Initial packets can be opened.
    pub fn has_initial_keys(self) -> bool {
        !matches!(
            self,
            Dialect::GoogleClear | Dialect::Reserved | Dialect::Negotiation | Dialect::Unknown
        )
    }

    /// Frames by Google's numbers.
    pub fn has_google_frames(self) -> bool {
        matches!(self, Dialect::Q050 | Dialect::T050 | Dialect::T051)
    }

    /// The handshake inside is TLS 1.3.
    pub fn has_tls(self) -> bool {
        self == Dialect::Reserved || self.has_initial_keys() && self != Dialect::Q050
    }
}

/// The spelling of records: `v1`, `draft-29`, `v2-draft-00`, `gquic-46`, `gquic-t51`, `mvfst-2`; else the number.
impl fmt::Display for QuicVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            QuicVersion::V1 => f.write_str("v1"),
            QuicVersion::V2 => f.write_str("v2"),
            QuicVersion::V2_DRAFT_00 => f.write_str("v2-draft-00"),
            QuicVersion::V2_DRAFT_01 => f.write_str("v2-draft-01"),
            QuicVersion::T050 => f.write_str("gquic-t50"),
            QuicVersion::T051 => f.write_str("gquic-t51"),
            QuicVersion::MVFST_1 => f.write_str("mvfst-1"),
            QuicVersion::MVFST_2 => f.write_str("mvfst-2"),
            QuicVersion::MVFST_EXPERIMENTAL => f.write_str("mvfst-e"),
            version => match (version.draft(), version.google()) {
                (Some(n), _) => write!(f, "draft-{n:02}"),
                (_, Some(n)) => write!(f, "gquic-{n}"),
                _ => write!(f, "0x{:08x}", version.0),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_names_and_rules() {
        let cases = [
            (1, "v1", Dialect::V1),
            (0x6b33_43cf, "v2", Dialect::V2),
            (0xff02_0000, "v2-draft-00", Dialect::V2Draft00),
            (0x709a_50c4, "v2-draft-01", Dialect::V2Draft01),
            (0xff00_0016, "draft-22", Dialect::Draft22),
            (0xff00_001c, "draft-28", Dialect::Draft23),
            (0xff00_001d, "draft-29", Dialect::Draft29),
            (0xff00_0022, "draft-34", Dialect::V1),
            (0xff00_0012, "draft-18", Dialect::Unknown),
            (0xface_b002, "mvfst-2", Dialect::Draft23),
            (0x5130_3433, "gquic-43", Dialect::GoogleClear),
            (0x5130_3436, "gquic-46", Dialect::GoogleClear),
            (0x5130_3530, "gquic-50", Dialect::Q050),
            (0x5430_3531, "gquic-t51", Dialect::T051),
            (0x1a2a_3a4a, "0x1a2a3a4a", Dialect::Reserved),
            (0, "0x00000000", Dialect::Negotiation),
            (0xabcd_0001, "0xabcd0001", Dialect::Unknown),
        ];
        for (number, name, dialect) in cases {
            let version = QuicVersion(number);
            assert_eq!((version.to_string().as_str(), version.dialect()), (name, dialect));
        }
    }
}
