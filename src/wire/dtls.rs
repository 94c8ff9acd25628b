//! DTLS on the wire: the records of a datagram, and the pieces of handshake messages in them.
//!
//! A datagram holds whole records, one or several (RFC 6347, section 4.1.1). A handshake message may be cut into pieces,
//! each in a record of its own or several in one, and every piece says which part of the message it is.
//!
//! ```text
//! record:     0 type   1 version (2)   3 epoch (2)   5 sequence (6)   11 length (2)   13 fragment
//! piece:      0 type   1 message length (3)   4 message number (2)   6 offset (3)   9 piece length (3)   12 piece
//! from 1.3:   0 001CSLEE   connection id (if C)   sequence (1 or 2, by S)   length (2, if L)   sealed
//! ```
//!
//! - The clear header is the same from Cisco's 0.9 (an OpenSSL before the RFC) to 1.3, whose hellos still have it.
//! - Epoch 0 is in the clear, everything later is sealed.
//! - The length of a connection id is known to its two ends alone: nothing behind such a record can be found.

use super::cursor::Cursor;
use super::tls::HandshakeType;

/// Bytes in front of a clear record's fragment.
pub const RECORD_HEADER: usize = 13;
/// Bytes in front of a piece of a handshake message.
pub const PIECE_HEADER: usize = 12;
/// RFC 6347, section 4.2.1: the server's request to say hello again, with the cookie in it.
pub const HELLO_VERIFY_REQUEST: HandshakeType = HandshakeType::Unknown(3);

/// Versions as records write them. 1.3 writes 1.2's number (RFC 9147, section 4).
pub const V0_9: u16 = 0x0100;
pub const V1_0: u16 = 0xfeff;
pub const V1_2: u16 = 0xfefd;

/// What a record carries (IANA "TLS ContentType").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
    Heartbeat,
    /// RFC 9146, section 4: a record with a connection id, whatever is in it.
    WithConnectionId,
    /// Of 1.3, and sealed there.
    Ack,
}

impl Content {
    fn of(number: u8) -> Option<Content> {
        Some(match number {
            20 => Content::ChangeCipherSpec,
            21 => Content::Alert,
            22 => Content::Handshake,
            23 => Content::ApplicationData,
            24 => Content::Heartbeat,
            25 => Content::WithConnectionId,
            26 => Content::Ack,
            _ => return None,
        })
    }
}

/// One step through a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// Of epoch 0. `fragment` ends early where the datagram does.
    Clear {
        content: Content,
        version: u16,
        fragment: &'a [u8],
    },
    /// Of a later epoch.
    Sealed,
    /// Bytes that are no record.
    Broken,
}

/// The records of a datagram, in order.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: Cursor<'a>,
}

impl<'a> Records<'a> {
    pub fn new(datagram: &'a [u8]) -> Self {
        Records {
            rest: Cursor::new(datagram),
        }
    }

    /// Nothing can follow.
    fn end(&mut self, record: Record<'a>) -> Option<Record<'a>> {
        self.rest = Cursor::new(&[]);
        Some(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let first = *self.rest.rest().first()?;
        if is_unified(first) {
            return match after_unified(self.rest) {
                Some(rest) => {
                    self.rest = rest;
                    Some(Record::Sealed)
                }
                None => self.end(Record::Sealed),
            };
        }
        let mut c = self.rest;
        let Some(header) = ClearHeader::parse(&mut c) else {
            return self.end(Record::Broken);
        };
        if header.content == Content::WithConnectionId {
            return self.end(Record::Sealed);
        }
        let length = usize::from(header.length);
        let fragment = c
            .take(length)
            .unwrap_or_else(|| std::mem::replace(&mut c, Cursor::new(&[])).rest());
        self.rest = c;
        Some(match header.epoch {
            0 => Record::Clear {
                content: header.content,
                version: header.version,
                fragment,
            },
            _ => Record::Sealed,
        })
    }
}

/// Whether a datagram begins as DTLS does, in clear: a record of a version that we know which ends within the datagram
/// (`cut`: or would), and, for a piece of a handshake, one that fits the record.
pub fn looks_like_dtls(datagram: &[u8], cut: bool) -> bool {
    let mut c = Cursor::new(datagram);
    let Some(header) = ClearHeader::parse(&mut c) else {
        return false;
    };
    let length = usize::from(header.length);
    if header.length == 0 || length > c.left() && !cut {
        return false;
    }
    match (header.content, header.epoch) {
        (Content::Handshake, 0) => match Piece::parse(&mut c) {
            Some(piece) => piece.is_sane(),
            None => cut,
        },
        (Content::ChangeCipherSpec, 0) => length == 1 || header.version == V0_9 && length == 3,
        (Content::Alert, 0) => length == 2,
        (_, 0) => false,
        _ => true,
    }
}

/// The 13 bytes in front of a fragment.
struct ClearHeader {
    content: Content,
    version: u16,
    epoch: u16,
    length: u16,
}

impl ClearHeader {
    fn parse(c: &mut Cursor<'_>) -> Option<ClearHeader> {
        let content = Content::of(c.u8()?)?;
        let version = c.u16().filter(|v| matches!(*v, V0_9 | V1_0 | V1_2))?;
        let epoch = c.u16()?;
        let _sequence = c.array::<6>()?;
        Some(ClearHeader {
            content,
            version,
            epoch,
            length: c.u16()?,
        })
    }
}

/// Whether a datagram of a DTLS connection begins with a sealed record of 1.3. Three bits are no proof by themselves.
pub fn begins_sealed(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| is_unified(*first))
}

/// RFC 9147, section 4: a first byte 001xxxxx is that of the unified header.
fn is_unified(first: u8) -> bool {
    first & 0xe0 == 0x20
}

/// What follows a record with the unified header; None: nothing that could be found.
fn after_unified(mut c: Cursor<'_>) -> Option<Cursor<'_>> {
    const CONNECTION_ID: u8 = 0x10;
    const LONG_SEQUENCE: u8 = 0x08;
    const LENGTH: u8 = 0x04;
    let first = c.u8()?;
    // Without a length the record goes to the datagram's end.
    if first & CONNECTION_ID != 0 || first & LENGTH == 0 {
        return None;
    }
    c.take(if first & LONG_SEQUENCE != 0 { 2 } else { 1 })?;
    c.vector16()?;
    Some(c)
}

/// A piece of a handshake message, perhaps all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    pub kind: HandshakeType,
    /// Bytes of the whole message's body.
    pub message_length: u32,
    /// The sender's messages are counted from 0.
    pub message_number: u16,
    pub offset: u32,
    /// Bytes that the piece claims.
    pub length: u32,
    /// Those that are there: fewer only in a datagram that was cut.
    pub bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// Reads the piece at the cursor, and moves behind it.
    fn parse(c: &mut Cursor<'a>) -> Option<Piece<'a>> {
        let kind = HandshakeType::of(c.u8()?);
        let message_length = c.u24()?;
        let message_number = c.u16()?;
        let offset = c.u24()?;
        let length = c.u24()?;
        let there = (length as usize).min(c.left());
        Some(Piece {
            kind,
            message_length,
            message_number,
            offset,
            length,
            bytes: c.take(there)?,
        })
    }

    /// The piece lies within its message, and the message is one that there is.
    fn is_sane(&self) -> bool {
        let known = !matches!(self.kind, HandshakeType::Unknown(_)) || self.kind == HELLO_VERIFY_REQUEST;
        known && self.offset + self.length <= self.message_length
    }

    /// All of the message.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u32 == self.message_length
    }

    /// Bytes that were not captured.
    pub fn missing(&self) -> u32 {
        self.length - self.bytes.len() as u32
    }
}

/// The pieces in a clear handshake record's fragment, up to the first that makes no sense.
pub fn pieces(fragment: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = Cursor::new(fragment);
    std::iter::from_fn(move || Piece::parse(&mut rest).filter(Piece::is_sane))
}

/// A ClientHello's body without its cookie, which TLS does not have: what stands in front of it, and what behind.
///
/// ```text
/// 0 version (2)   2 random (32)   34 length and session id   length and cookie   the rest as in TLS
/// ```
pub fn around_cookie(body: &[u8]) -> Option<(&[u8], &[u8])> {
    const VERSION_AND_RANDOM: usize = 34;
    let mut c = Cursor::new(body);
    c.take(VERSION_AND_RANDOM)?;
    let session = c.vector8()?.left();
    let front = Cursor::new(body).take(VERSION_AND_RANDOM + 1 + session)?;
    // A body that was cut within its cookie has nothing behind it.
    let behind = c.vector8().map_or(&[][..], |_| c.rest());
    Some((front, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenSSL's HelloVerifyRequest, with a cookie of 20 bytes.
    const VERIFY: &[u8] = &[
        22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 35, 3, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0, 23, 0xfe, 0xff, 20, 1, 2, 3,
        4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    ];
    /// A change of the cipher, and behind it a sealed Finished of 4 bytes.
    const CHANGE: &[u8] = &[
        20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 1, 22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 9, 9, 9, 9,
    ];

    #[test]
    fn a_message_in_one_piece() {
        let records: Vec<_> = Records::new(VERIFY).collect();
        let [
            Record::Clear {
                content: Content::Handshake,
                version: V1_0,
                fragment,
            },
        ] = records[..]
        else {
            panic!("{records:?}")
        };
        let all: Vec<_> = pieces(fragment).collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].kind, all[0].message_length), (HELLO_VERIFY_REQUEST, 23));
        assert!(all[0].is_whole());
        assert!(looks_like_dtls(VERIFY, false));
    }

    #[test]
    fn records_follow_each_other_and_later_epochs_are_sealed() {
        let records: Vec<_> = Records::new(CHANGE).collect();
        let change = Record::Clear {
            content: Content::ChangeCipherSpec,
            version: V1_2,
            fragment: &[1],
        };
        assert_eq!(records, [change, Record::Sealed]);
        let more = [CHANGE, b"zz"].concat();
        assert_eq!(Records::new(&more).last(), Some(Record::Broken));
    }

    #[test]
    fn the_unified_header_is_told_by_three_bits() {
        let with_length = [0x2c, 0, 1, 0, 3, 9, 9, 9];
        let without = [0x20, 1, 9, 9, 9];
        let with_id = [0x3c, 1, 2, 3, 4, 0, 1, 0, 1, 9];
        for first in [&without[..], &with_id] {
            let datagram = [first, VERIFY].concat();
            assert_eq!(Records::new(&datagram).count(), 1);
        }
        let datagram = [&with_length[..], &with_length, VERIFY].concat();
        let records: Vec<_> = Records::new(&datagram).collect();
        assert_eq!(records[..2], [Record::Sealed, Record::Sealed]);
        assert!(matches!(records[2], Record::Clear { .. }));
    }

    #[test]
    fn other_datagrams_do_not_look_so() {
        for length in 0..VERIFY.len() {
            assert!(!looks_like_dtls(&VERIFY[..length], false), "{length}");
        }
        assert!(looks_like_dtls(&VERIFY[..30], true));
        for (at, byte) in [(0, 19), (1, 0xfd), (12, 36), (13, 77), (24, 24)] {
            let mut odd = VERIFY.to_vec();
            odd[at] = byte;
            assert!(!looks_like_dtls(&odd, false), "{at}");
        }
        // Application data, but not in the clear.
        let data = |epoch| [23, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, 0, 3, 7, 7, 7];
        assert!(looks_like_dtls(&data(1), false) && !looks_like_dtls(&data(0), false));
    }

    #[test]
    fn a_piece_must_lie_within_its_message() {
        let piece = |offset: u8, length: u8| {
            let mut bytes = vec![1, 0, 0, 9, 0, 0, 0, 0, offset, 0, 0, length];
            bytes.extend(vec![5; usize::from(length)]);
            bytes
        };
        assert_eq!(pieces(&[piece(0, 4), piece(4, 5)].concat()).count(), 2);
        assert_eq!(pieces(&[piece(0, 4), piece(5, 5), piece(0, 4)].concat()).count(), 1);
        let all = piece(3, 6);
        let cut = pieces(&all[..14]).next().unwrap();
        assert_eq!((cut.bytes.len(), cut.missing(), cut.is_whole()), (2, 4, false));
    }

    #[test]
    fn the_cookie_is_stepped_over() {
        let mut body = vec![0xfe; 34];
        body.extend([2, 8, 8, 3, 7, 7, 7, 0, 2, 0, 0x2f]);
        let (front, behind) = around_cookie(&body).unwrap();
        assert_eq!((front.len(), behind), (37, &[0, 2, 0, 0x2f][..]));
        assert!(around_cookie(&body[..39]).unwrap().1.is_empty());
        assert_eq!(around_cookie(&body[..36]), None);
    }
}
