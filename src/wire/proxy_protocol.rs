//! The PROXY protocol: what a load balancer puts in front of a connection that it hands on, so that the server
//! knows whose it is. Nothing answers it; what the client sent comes right behind.
//!
//! ```text
//! version 1   PROXY TCP4 198.19.0.10 198.18.1.11 50514 443 CR LF          at most 107 bytes
//! version 2   0 signature (12)   12 version and command   13 family   14 length (2)   16 addresses and more
//! ```
//!
//! (haproxy, "The PROXY protocol", sections 2.1 and 2.2.)

use super::Parse;
use super::cursor::Cursor;

const WORD: &[u8] = b"PROXY ";
/// Section 2.1: "PROXY", the words and the line's end fit in 107 bytes whatever the addresses.
const LONGEST_LINE: usize = 107;
/// Section 2.2: a signature that no other protocol begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const HEADER: usize = 16;
/// Longer ones carry more than addresses and are not waited for.
const LONGEST_HEADER: usize = 2048;

/// Why bytes are no PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyError {
    /// Neither the word nor the signature.
    Signature,
    /// No such version, command or family.
    Kind,
    TooLong,
    /// A header that may be one, and is longer than is waited for.
    OverCap,
}

/// How many bytes the header in front takes.
pub fn header(bytes: &[u8]) -> Parse<usize, ProxyError> {
    if bytes.starts_with(WORD) {
        return line(bytes);
    }
    if bytes.starts_with(SIGNATURE) {
        return binary(bytes);
    }
    if WORD.starts_with(bytes) || SIGNATURE.starts_with(bytes) {
        return Parse::Need(bytes.len() + 1);
    }
    Parse::Malformed(ProxyError::Signature)
}

fn line(bytes: &[u8]) -> Parse<usize, ProxyError> {
    const FAMILIES: [&[u8]; 3] = [b"TCP4 ", b"TCP6 ", b"UNKNOWN"];
    let window = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    let family = window.get(WORD.len()..).unwrap_or(&[]);
    if !FAMILIES
        .iter()
        .any(|name| family.starts_with(name) || name.starts_with(family))
    {
        return Parse::Malformed(ProxyError::Kind);
    }
    match window.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Parse::Complete(end + 2),
        None if bytes.len() >= LONGEST_LINE => Parse::Malformed(ProxyError::TooLong),
        None => Parse::Need(bytes.len() + 1),
    }
}

fn binary(bytes: &[u8]) -> Parse<usize, ProxyError> {
    /// Version 2 with the commands LOCAL and PROXY.
    const COMMANDS: std::ops::RangeInclusive<u8> = 0x20..=0x21;
    /// Unspecified, IPv4, IPv6, Unix; unspecified, stream, datagram.
    const MAX_FAMILY: u8 = 3;
    const MAX_TRANSPORT: u8 = 2;
    let mut c = Cursor::new(bytes);
    let fixed = c.take(SIGNATURE.len()).and_then(|_| Some((c.u8()?, c.u8()?, c.u16()?)));
    let Some((command, kind, length)) = fixed else {
        return Parse::Need(HEADER);
    };
    if !COMMANDS.contains(&command) || kind >> 4 > MAX_FAMILY || kind & 0x0f > MAX_TRANSPORT {
        return Parse::Malformed(ProxyError::Kind);
    }
    let whole = HEADER + usize::from(length);
    if whole > LONGEST_HEADER {
        Parse::Malformed(ProxyError::OverCap)
    } else if bytes.len() < whole {
        Parse::Need(whole)
    } else {
        Parse::Complete(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"PROXY TCP4 198.19.0.10 198.18.1.11 50514 443\r\n";
    /// PROXY, TCP over IPv4, 12 bytes of addresses and ports.
    const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x13\0\x0a\xc6\x12\x01\x0b\xc5\x52\x01\xbb";

    #[test]
    fn both_versions_say_where_they_end() {
        for whole in [LINE, b"PROXY UNKNOWN\r\n", BINARY] {
            for end in 0..whole.len() {
                assert!(matches!(header(&whole[..end]), Parse::Need(n) if n > end), "{end}");
            }
            let followed = [whole, b"\x16\x03\x01"].concat();
            assert_eq!(header(&followed), Parse::Complete(whole.len()));
        }
    }

    #[test]
    fn strangers_are_told_early() {
        assert_eq!(header(b"PROPFIND"), Parse::Malformed(ProxyError::Signature));
        assert_eq!(header(b"PROXY of"), Parse::Malformed(ProxyError::Kind));
        assert_eq!(header(b"\r\n\r\nGET"), Parse::Malformed(ProxyError::Signature));
        let endless = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        assert_eq!(header(&endless), Parse::Malformed(ProxyError::TooLong));
        let mut odd = BINARY.to_vec();
        odd[12] = 0x31;
        assert_eq!(header(&odd), Parse::Malformed(ProxyError::Kind));
        let mut long = BINARY.to_vec();
        long[14] = 0x10;
        assert_eq!(header(&long), Parse::Malformed(ProxyError::OverCap));
    }
}
