//! TLS on the wire: record headers, handshake headers, and the two hellos of the SSLv2 format.
//!
//! A TLS connection is a stream of records (RFC 8446, section 5.1). Handshake messages (section 4) run through the
//! records of type 22 as a stream of their own: one record may hold several, one message may need several.
//!
//! ```text
//! record:     0 type   1 version (2)   3 length (2)   5 fragment
//! handshake:  0 type   1 length (3)    4 body
//! SSLv2:      0 0x8000 | length (2)    2 type         3 the rest
//! ```
//!
//! Everything here is a view of borrowed bytes; who sent them and what came before is not known.

use super::Parse;
use super::cursor::Cursor;

/// Bytes in front of a record's fragment.
pub const RECORD_HEADER: usize = 5;
/// Bytes in front of a handshake message's body.
pub const HANDSHAKE_HEADER: usize = 4;
/// RFC 5246, section 6.2.3: a protected fragment is at most 2^14 + 2048 bytes long.
const MAX_FRAGMENT: u16 = (1 << 14) + 2048;
/// The high byte of every record version since SSL 3.0.
const MAJOR: u8 = 3;
/// The shortest body of either hello: version, random, and the empty session id.
const MIN_HELLO: u32 = 2 + 32 + 1;

/// What a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentType {
    ChangeCipherSpec,
    Alert,
    #[default]
    Handshake,
    ApplicationData,
    Heartbeat,
}

impl ContentType {
    fn of(number: u8) -> Option<ContentType> {
        Some(match number {
            20 => ContentType::ChangeCipherSpec,
            21 => ContentType::Alert,
            22 => ContentType::Handshake,
            23 => ContentType::ApplicationData,
            24 => ContentType::Heartbeat,
            _ => return None,
        })
    }
}

/// Why bytes are no record header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// The first byte is no content type.
    ContentType,
    /// The major version is not 3.
    Version,
    /// The fragment would be longer than a record may be.
    Length,
}

/// The five bytes in front of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    pub content: ContentType,
    /// Of no meaning beyond its high byte: clients write 3.1 or 3.3 whatever they offer.
    pub version: u16,
    /// Bytes of the fragment.
    pub length: u16,
}

impl RecordHeader {
    /// Reads a header; says as early as possible that the bytes are none.
    pub fn parse(bytes: &[u8]) -> Parse<RecordHeader, RecordError> {
        let mut c = Cursor::new(bytes);
        let Some(first) = c.u8() else {
            return Parse::Need(RECORD_HEADER);
        };
        let Some(content) = ContentType::of(first) else {
            return Parse::Malformed(RecordError::ContentType);
        };
        let Some(major) = c.u8() else {
            return Parse::Need(RECORD_HEADER);
        };
        if major != MAJOR {
            return Parse::Malformed(RecordError::Version);
        }
        let (Some(minor), Some(length)) = (c.u8(), c.u16()) else {
            return Parse::Need(RECORD_HEADER);
        };
        if length > MAX_FRAGMENT {
            return Parse::Malformed(RecordError::Length);
        }
        Parse::Complete(RecordHeader {
            content,
            version: u16::from_be_bytes([major, minor]),
            length,
        })
    }
}

/// Which handshake message (RFC 8446, section 4; RFC 5246, section 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeType {
    HelloRequest,
    ClientHello,
    ServerHello,
    NewSessionTicket,
    /// Only in drafts of TLS 1.3 before 22; later it is a ServerHello with a special random.
    HelloRetryRequest,
    Certificate,
    ServerKeyExchange,
    CertificateRequest,
    ServerHelloDone,
    CertificateVerify,
    ClientKeyExchange,
    Finished,
    CertificateStatus,
    Unknown(u8),
}

impl HandshakeType {
    pub(super) fn of(number: u8) -> HandshakeType {
        match number {
            0 => HandshakeType::HelloRequest,
            1 => HandshakeType::ClientHello,
            2 => HandshakeType::ServerHello,
            4 => HandshakeType::NewSessionTicket,
            6 => HandshakeType::HelloRetryRequest,
            11 => HandshakeType::Certificate,
            12 => HandshakeType::ServerKeyExchange,
            13 => HandshakeType::CertificateRequest,
            14 => HandshakeType::ServerHelloDone,
            15 => HandshakeType::CertificateVerify,
            16 => HandshakeType::ClientKeyExchange,
            20 => HandshakeType::Finished,
            22 => HandshakeType::CertificateStatus,
            n => HandshakeType::Unknown(n),
        }
    }
}

/// The four bytes in front of a handshake message's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeHeader {
    pub kind: HandshakeType,
    /// Bytes of the body.
    pub length: u32,
}

impl HandshakeHeader {
    /// None: fewer than four bytes.
    pub fn parse(bytes: &[u8]) -> Option<HandshakeHeader> {
        let mut c = Cursor::new(bytes);
        Some(HandshakeHeader {
            kind: HandshakeType::of(c.u8()?),
            length: c.u24()?,
        })
    }
}

/// What a stream begins with, if it is TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    ClientHello,
    ServerHello,
    /// A hello of either side in the SSLv2 format.
    Ssl2,
    /// Another clear record: an alert, a change of the cipher, another handshake message.
    Record,
    /// An encrypted record: the handshake was not captured.
    Encrypted,
}

/// Whether a stream's first bytes are TLS, so that a prober may choose among protocols. Nothing is promised of what follows.
pub fn opening(bytes: &[u8]) -> Parse<Opening, RecordError> {
    if bytes.first().is_some_and(|b| b & SSL2_TWO_BYTES != 0) {
        return match Ssl2Hello::parse(bytes) {
            Parse::Complete(_) => Parse::Complete(Opening::Ssl2),
            Parse::Need(n) => Parse::Need(n),
            Parse::Malformed(_) => Parse::Malformed(RecordError::ContentType),
        };
    }
    let header = match RecordHeader::parse(bytes) {
        Parse::Complete(header) => header,
        Parse::Need(n) => return Parse::Need(n),
        Parse::Malformed(e) => return Parse::Malformed(e),
    };
    Parse::Complete(match header.content {
        ContentType::ApplicationData | ContentType::Heartbeat => Opening::Encrypted,
        ContentType::Alert | ContentType::ChangeCipherSpec => Opening::Record,
        ContentType::Handshake => {
            let after = bytes.get(RECORD_HEADER..).unwrap_or(&[]);
            let Some(message) = HandshakeHeader::parse(after) else {
                return Parse::Need(RECORD_HEADER + HANDSHAKE_HEADER);
            };
            match message.kind {
                HandshakeType::ClientHello if message.length >= MIN_HELLO => Opening::ClientHello,
                HandshakeType::ServerHello if message.length >= MIN_HELLO => Opening::ServerHello,
                HandshakeType::Unknown(_) => Opening::Encrypted,
                _ => Opening::Record,
            }
        }
    })
}

/// Set in the first byte of a two-byte SSLv2 record header (RFC 6101, appendix E; the three-byte form holds no clear hello).
const SSL2_TWO_BYTES: u8 = 0x80;
const SSL2_CLIENT_HELLO: u8 = 1;
const SSL2_SERVER_HELLO: u8 = 4;
const SSL2_VERSION: u16 = 0x0002;
const SSL2_X509: u8 = 1;
/// RFC 5246, appendix E.2: the challenge is 16 to 32 bytes.
const SSL2_CHALLENGE: std::ops::RangeInclusive<usize> = 16..=32;

/// Why bytes are no hello in the SSLv2 format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ssl2Error {
    Header,
    Type,
    Version,
    /// The inner lengths do not add up to the record's.
    Lengths,
}

/// A hello in the SSLv2 format: a whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ssl2Hello<'a> {
    /// What the client offers at most, or what the server chose.
    pub version: u16,
    pub from: Ssl2Sender<'a>,
    /// Bytes of the record with its header.
    pub record: usize,
}

/// The two senders' own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ssl2Sender<'a> {
    Client,
    /// The certificate (DER), unless an old session goes on.
    Server {
        certificate: Option<&'a [u8]>,
    },
}

impl<'a> Ssl2Hello<'a> {
    /// Reads a hello of either side. The inner lengths must fit: three bytes are too little to know SSLv2 by.
    pub fn parse(bytes: &'a [u8]) -> Parse<Ssl2Hello<'a>, Ssl2Error> {
        /// Header, type and (the client's) version: enough to rule most other protocols out.
        const OPENING: usize = 5;
        let mut c = Cursor::new(bytes);
        let Some([high, low]) = c.array() else {
            return Parse::Need(OPENING);
        };
        if high & SSL2_TWO_BYTES == 0 {
            return Parse::Malformed(Ssl2Error::Header);
        }
        let length = usize::from(u16::from_be_bytes([high & !SSL2_TWO_BYTES, low]));
        let Some(kind) = c.u8() else {
            return Parse::Need(OPENING);
        };
        let body = c;
        if kind == SSL2_CLIENT_HELLO {
            match c.u16() {
                None => return Parse::Need(OPENING),
                Some(version) if version != SSL2_VERSION && version >> 8 != u16::from(MAJOR) => {
                    return Parse::Malformed(Ssl2Error::Version);
                }
                Some(_) => {}
            }
        } else if kind != SSL2_SERVER_HELLO {
            return Parse::Malformed(Ssl2Error::Type);
        }
        let Some(rest) = length.checked_sub(1) else {
            return Parse::Malformed(Ssl2Error::Lengths);
        };
        let record = 2 + length;
        let Some(body) = { body }.sub(rest) else {
            return Parse::Need(record);
        };
        let hello = match kind {
            SSL2_CLIENT_HELLO => Self::client(body),
            _ => Self::server(body),
        };
        match hello {
            Some((version, from)) => Parse::Complete(Ssl2Hello { version, from, record }),
            None => Parse::Malformed(Ssl2Error::Lengths),
        }
    }

    fn client(mut c: Cursor<'a>) -> Option<(u16, Ssl2Sender<'a>)> {
        const CIPHER_SPEC: usize = 3;
        let version = c.u16()?;
        let [ciphers, session, challenge] = [c.u16()?, c.u16()?, c.u16()?].map(usize::from);
        let sane = ciphers >= CIPHER_SPEC
            && ciphers % CIPHER_SPEC == 0
            && SSL2_CHALLENGE.contains(&challenge)
            && c.left() == ciphers + session + challenge;
        sane.then_some((version, Ssl2Sender::Client))
    }

    fn server(mut c: Cursor<'a>) -> Option<(u16, Ssl2Sender<'a>)> {
        let _session_id_hit = c.u8()?;
        let certificate_type = c.u8()?;
        let version = c.u16()?;
        let [certificate, ciphers, connection] = [c.u16()?, c.u16()?, c.u16()?].map(usize::from);
        if version != SSL2_VERSION || c.left() != certificate + ciphers + connection {
            return None;
        }
        let certificate = c.take(certificate)?;
        let certificate = (certificate_type == SSL2_X509 && !certificate.is_empty()).then_some(certificate);
        Some((version, Ssl2Sender::Server { certificate }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An OpenSSL client of the SSLv2 days: offers TLS 1.0, one cipher, a challenge of 16.
    const SSL2_CLIENT: &[u8] = &[
        0x80, 0x1c, 0x01, 0x03, 0x01, 0x00, 0x03, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 9,
        10, 11, 12, 13, 14, 15, 16,
    ];

    #[test]
    fn a_record_header_is_judged_byte_by_byte() {
        assert_eq!(RecordHeader::parse(&[]), Parse::Need(5));
        assert_eq!(RecordHeader::parse(b"G"), Parse::Malformed(RecordError::ContentType));
        assert_eq!(RecordHeader::parse(&[22, 2]), Parse::Malformed(RecordError::Version));
        assert_eq!(RecordHeader::parse(&[22, 3, 1, 2]), Parse::Need(5));
        assert_eq!(
            RecordHeader::parse(&[23, 3, 3, 0x48, 1]),
            Parse::Malformed(RecordError::Length)
        );
        assert_eq!(
            RecordHeader::parse(&[22, 3, 1, 2, 0, 9, 9]),
            Parse::Complete(RecordHeader {
                content: ContentType::Handshake,
                version: 0x0301,
                length: 512
            })
        );
    }

    #[test]
    fn an_sslv2_hello_must_add_up() {
        let Parse::Complete(hello) = Ssl2Hello::parse(SSL2_CLIENT) else {
            panic!("not read")
        };
        assert_eq!((hello.version, hello.record), (0x0301, SSL2_CLIENT.len()));
        for cut in 0..SSL2_CLIENT.len() {
            assert!(matches!(Ssl2Hello::parse(&SSL2_CLIENT[..cut]), Parse::Need(_)));
        }
        let mut odd = SSL2_CLIENT.to_vec();
        odd[6] = 4;
        assert_eq!(Ssl2Hello::parse(&odd), Parse::Malformed(Ssl2Error::Lengths));
        odd[3] = 9;
        assert_eq!(Ssl2Hello::parse(&odd), Parse::Malformed(Ssl2Error::Version));
    }

    #[test]
    fn an_sslv2_server_hello_carries_its_certificate() {
        let bytes = [
            0x80, 0x12, 4, 0, 1, 0, 2, 0, 2, 0, 3, 0, 2, 0xaa, 0xbb, 7, 0, 0xc0, 1, 2,
        ];
        let Parse::Complete(hello) = Ssl2Hello::parse(&bytes) else {
            panic!("not read")
        };
        assert_eq!(hello.version, 2);
        assert_eq!(
            hello.from,
            Ssl2Sender::Server {
                certificate: Some(&[0xaa, 0xbb])
            }
        );
    }

    #[test]
    fn openings_tell_hellos_from_encrypted_records() {
        let of = |bytes: &[u8]| opening(bytes);
        assert_eq!(
            of(&[22, 3, 1, 0, 50, 1, 0, 0, 46]),
            Parse::Complete(Opening::ClientHello)
        );
        assert_eq!(of(&[22, 3, 1, 0, 50, 1]), Parse::Need(9));
        assert_eq!(
            of(&[22, 3, 3, 0, 40, 0xd7, 1, 2, 3]),
            Parse::Complete(Opening::Encrypted)
        );
        assert_eq!(of(SSL2_CLIENT), Parse::Complete(Opening::Ssl2));
        assert!(matches!(of(b"SSH-2.0"), Parse::Malformed(_)));
    }
}
