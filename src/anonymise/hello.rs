//! The hellos of TLS, with another name in them; extensions that are not known, or not made as they should be, are blanked.
//!
//! A hello may not be all there yet. It is rewritten as often as there is more of it, so that a segment's bytes are those of
//! the whole. A name whose end has not come yet is written as `x`.

use super::names::Names;

pub const CLIENT_HELLO: u8 = 1;
pub const SERVER_HELLO: u8 = 2;
const HANDSHAKE_HEADER: usize = 4;
/// The version and the random numbers.
const FIXED: usize = 34;
const SESSION_AT_MOST: u8 = 32;
const SERVER_NAME: u16 = 0;
const STATUS_REQUEST: u16 = 5;
const ALPN: u16 = 16;
/// Extensions whose bodies say how a program speaks, not whom it speaks to: numbers of two bytes.
const NUMBERS: [u16; 5] = [10, 13, 34, 43, 50];
/// Those of single bytes.
const SMALL: [u16; 4] = [1, 11, 27, 45];
const SIZE: u16 = 28;
const KEY_SHARE: u16 = 51;
const RENEGOTIATION: u16 = 0xff01;
const PROTOCOLS: [&[u8]; 10] = [
    b"h2",
    b"h3",
    b"http/1.1",
    b"http/1.0",
    b"spdy/3.1",
    b"dot",
    b"doq",
    b"h3-29",
    b"http/0.9",
    b"stun.turn",
];

/// Whether a record of `length` bytes, whose front this is, is one hello.
pub fn is_one(bytes: &[u8], length: usize) -> bool {
    matches!(*bytes, [CLIENT_HELLO | SERVER_HELLO, 0, l1, l2, 3, ..]
        if HANDSHAKE_HEADER + usize::from(u16::from_be_bytes([l1, l2])) == length)
}

/// Replaces the name in a hello's body of `length` bytes, of which this is the front, and blanks what is not known.
pub fn rewrite(is_client: bool, body: &mut [u8], length: usize, names: &Names) {
    let mut at = 0;
    let _ = parts(is_client, body, &mut at, length, names);
    if let Some(rest) = body.get_mut(at..) {
        rest.fill(0);
    }
}

/// Everything before `at` may be shown.
fn parts(is_client: bool, bytes: &mut [u8], at: &mut usize, whole: usize, names: &Names) -> Option<()> {
    *at = FIXED.min(bytes.len());
    let session = *bytes.get(*at)?;
    if session > SESSION_AT_MOST {
        return None;
    }
    *at = bytes.len().min(*at + 1 + usize::from(session));
    if is_client {
        let suites = usize::from(u16_at(bytes, *at)?);
        let end = bytes.len().min(*at + 2 + suites);
        numbers(bytes.get_mut(*at + 2..end)?, is_suite);
        *at = end;
        let methods = usize::from(*bytes.get(end)?);
        let end = bytes.len().min(end + 1 + methods);
        small(bytes.get_mut(*at + 1..end)?);
        *at = end;
    } else {
        numbers(bytes.get_mut(*at..*at + 2)?, is_suite);
        small(bytes.get_mut(*at + 2..*at + 3)?);
        *at += 3;
    }
    let all = usize::from(u16_at(bytes, *at)?);
    if *at + 2 + all > whole {
        return None;
    }
    *at += 2;
    loop {
        let (kind, length) = (u16_at(bytes, *at)?, usize::from(u16_at(bytes, *at + 2)?));
        let end = bytes.len().min(*at + 4 + length);
        let is_whole = end == *at + 4 + length;
        let body = bytes.get_mut(*at + 4..end)?;
        match kind {
            SERVER_NAME if is_whole => server_name(body, names),
            SERVER_NAME => body.fill(b'x'),
            ALPN => protocols(body, 2),
            RENEGOTIATION | STATUS_REQUEST if body.iter().all(|byte| *byte <= 1) => {}
            SIZE if length == 2 => {}
            KEY_SHARE if is_whole && are_shares(is_client, body) => {}
            _ if SMALL.contains(&kind) => small(body),
            _ if NUMBERS.contains(&kind) => extension_numbers(kind, body),
            _ => body.fill(0),
        }
        *at = end;
    }
}

/// Cipher suites that are defined, or are there to be ignored.
fn is_suite([high, low]: [u8; 2]) -> bool {
    matches!(high, 0 | 0x13 | 0x56 | 0x80..) || is_grease([high, low])
}

/// RFC 8701.
fn is_grease([high, low]: [u8; 2]) -> bool {
    high == low && low & 0x0f == 0x0a
}

/// Blanks numbers of two bytes that are none of those.
fn numbers(bytes: &mut [u8], is_one: impl Fn([u8; 2]) -> bool) {
    for pair in bytes.chunks_mut(2) {
        match <[u8; 2]>::try_from(&*pair) {
            Ok(number) if is_one(number) => {}
            _ => pair.fill(0),
        }
    }
}

/// Versions, groups and signature schemes: letters are none of them.
fn extension_numbers(kind: u16, body: &mut [u8]) {
    const VERSIONS: u16 = 43;
    let is_one = |number: [u8; 2]| matches!(number, [0..=9 | 0x11 | 0x7f | 0xfe, _]) || is_grease(number);
    // A list has its length in front: of one byte where it is short.
    match (kind, body.len()) {
        (VERSIONS, length) if length % 2 == 1 => numbers(body.get_mut(1..).unwrap_or_default(), is_one),
        _ => numbers(body, is_one),
    }
}

fn small(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte > 0x20) {
        *byte = 0;
    }
}

/// RFC 8446, 4.2.8: a group, a length, a key; of a client a list of them, of a server one, or the group alone.
fn are_shares(is_client: bool, body: &[u8]) -> bool {
    let mut at = 0;
    if is_client {
        if u16_at(body, 0).map(|length| usize::from(length) + 2) != Some(body.len()) {
            return false;
        }
        at = 2;
    } else if body.len() == 2 {
        return true;
    }
    while at < body.len() {
        let Some(length) = u16_at(body, at + 2) else {
            return false;
        };
        at += 4 + usize::from(length);
    }
    at == body.len()
}

/// RFC 6066, 3: the list's length, a kind, the name's length, the name.
fn server_name(body: &mut [u8], names: &Names) {
    const HEAD: usize = 5;
    let Some((head, name)) = body.split_at_mut_checked(HEAD) else {
        return body.fill(0);
    };
    let length = match *head {
        [_, _, 0, a, b] => usize::from(u16::from_be_bytes([a, b])),
        _ => 0,
    };
    match name.split_at_mut_checked(length) {
        Some((name, rest)) => {
            names.text(name);
            rest.fill(0);
        }
        None => name.fill(b'x'),
    }
}

/// RFC 7301, 3.1: those that everybody knows stay.
pub fn protocols(body: &mut [u8], mut at: usize) {
    while let Some(length) = body.get(at).map(|b| usize::from(*b)) {
        let end = body.len().min(at + 1 + length);
        if let Some(protocol) = body.get_mut(at + 1..end)
            && !PROTOCOLS.contains(&&*protocol)
        {
            protocol.fill(b'x');
        }
        at += 1 + length;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}
