//! The examples that RFC 9001 and RFC 9369 publish in their appendices A, and the means to make more like them.

use crate::wire::quic_version::QuicVersion;

/// The id that all examples start from.
pub const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// The client's CRYPTO frame of both appendices (A.2); PADDING fills the payload up to 1162 bytes.
pub const CLIENT_FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
    0d0010000e0403050306030203080408050806002d00020101001c0002400100
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
    75300901100f088394c8f03e51570806048000ffff";

/// What stands in front of the ClientHello there: type, offset, length.
pub const CLIENT_FRAME_HEAD: usize = 4;

/// The server's payload of both appendices (A.3): an ACK and the CRYPTO frame of a ServerHello.
pub const SERVER_PAYLOAD: &str = "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739
    88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94
    0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00
    020304";

/// Bytes from hex digits, white space left out.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let (pairs, _) = digits.as_chunks::<2>();
    let pair = |p: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
    pairs.iter().map(pair).collect()
}

/// The header of an Initial without its number of four bytes, for a payload of so many bytes.
pub fn header(version: QuicVersion, destination: &[u8], source: &[u8], token: &[u8], payload: usize) -> Vec<u8> {
    const NUMBER: usize = 4;
    const TAG: usize = 16;
    let first = match version {
        QuicVersion::V2 | QuicVersion::V2_DRAFT_01 => 0xd3,
        _ => 0xc3,
    };
    let mut header = vec![first];
    header.extend(version.0.to_be_bytes());
    for field in [destination, source, token] {
        header.push(u8::try_from(field.len()).unwrap());
        header.extend(field);
    }
    let length = u16::try_from(NUMBER + payload + TAG).unwrap();
    header.extend((0x4000 | length).to_be_bytes());
    header
}
