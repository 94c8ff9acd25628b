//! STUN on the wire, and TURN, which is made of it: how two ends find each other before media flows.
//!
//! ```text
//! message:  0 two zero bits, type (14 bits)   2 length (2)   4 cookie (4)   8 transaction (12)   20 attributes
//! channel:  0 number (2), 0x4000 and up       2 length (2)   4 data
//! ```
//!
//! - The magic cookie (RFC 8489, section 5) is as sure as a signature. The classic form (RFC 3489) had 16 bytes of
//!   transaction instead; it is told only where lengths and types all fit, and a port asks for it.
//! - Over TCP the same messages follow each other as they are (RFC 8489, section 6.2.2), or each with its length in front
//!   (RFC 4571, which ICE over TCP uses).
//! - Over TCP port 443, Microsoft's clients first say a hello that only looks like TLS, to please middleboxes (MS-TURN,
//!   "pseudo-TLS"): always the same shape, which no real client or server has.

use super::cursor::Cursor;

/// Where STUN and TURN are served (RFC 8489, section 18.6), and Teams' media: audio, video and screens on ports of their own.
pub const PORTS: std::ops::RangeInclusive<u16> = 3478..=3481;

const COOKIE: u32 = 0x2112_a442;
/// Both top bits of a message's first byte are zero.
const NOT_STUN: u8 = 0xc0;
/// RFC 8489, section 5: all attributes are padded, so the length is a multiple of four.
const PADDING: u16 = 3;

/// What a message is for (RFC 8489, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Request,
    Indication,
    Answer,
}

impl Class {
    fn of(kind: u16) -> Class {
        match kind & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            _ => Class::Answer,
        }
    }
}

/// The class of a message with the magic cookie.
pub fn message(bytes: &[u8]) -> Option<Class> {
    let mut c = Cursor::new(bytes);
    let kind = c.u16().filter(|kind| kind >> 8 & u16::from(NOT_STUN) == 0)?;
    let length = c.u16()?;
    (length & PADDING == 0 && c.u32()? == COOKIE).then(|| Class::of(kind))
}

/// The class of a message of the classic form, which must be one that there is and have attributes that fill the datagram.
pub fn classic_message(datagram: &[u8]) -> Option<Class> {
    const TRANSACTION: usize = 16;
    let mut c = Cursor::new(datagram);
    let kind = c.u16()?;
    // Binding and Shared Secret (RFC 3489, section 11.1); Allocate, Send, Data and Set Active Destination of early TURN.
    let method = kind & !0x0110;
    if !matches!(method, 1..=6) || kind >> 8 > 1 {
        return None;
    }
    let length = c.u16()?;
    c.take(TRANSACTION)?;
    if usize::from(length) != c.left() {
        return None;
    }
    while !c.is_empty() {
        let _attribute = c.u16()?;
        c.vector16()?;
    }
    Some(Class::of(kind))
}

/// Whether a datagram among STUN's is TURN's data for a channel (RFC 8656, section 12.4).
pub fn is_channel_data(datagram: &[u8]) -> bool {
    const NUMBERS: std::ops::RangeInclusive<u16> = 0x4000..=0x7fff;
    let mut c = Cursor::new(datagram);
    c.u16().is_some_and(|number| NUMBERS.contains(&number)) && c.vector16().is_some()
}

/// What the first bytes of a TCP stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Stun,
    /// It may be, with more bytes.
    Undecided,
    Other,
}

/// Looks at the first contiguous bytes of one side of a TCP connection.
pub fn opening(bytes: &[u8]) -> Opening {
    const TO_COOKIE: usize = 8;
    const LENGTH: usize = 2;
    /// Methods in use are below 0x100, so the first byte of a message is 0 or 1.
    const MAX_FIRST: u8 = 1;
    let framed = bytes.get(LENGTH..).unwrap_or(&[]);
    if message(bytes).is_some() || message(framed).is_some() {
        return Opening::Stun;
    }
    let may_be = |message: &[u8]| message.len() < TO_COOKIE && message.first().is_none_or(|first| *first <= MAX_FIRST);
    if may_be(bytes) || (may_be(framed) && bytes.first().is_some_and(|high| *high < 8)) {
        return Opening::Undecided;
    }
    Opening::Other
}

/// Looks for the hello that only looks like TLS: in the form of TLS 1.0, a ClientHello with one cipher (anonymous
/// Diffie-Hellman with RC4), no session and no extension; or a ServerHello that takes it, with a ServerHelloDone in
/// the same record.
pub fn pseudo_tls(bytes: &[u8]) -> Opening {
    const CLIENT: &[u8] = &[22, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1];
    const CLIENT_END: &[u8] = &[0, 0, 2, 0, 0x18, 1, 0];
    const SERVER: &[u8] = &[22, 3, 1, 0, 0x4e, 2, 0, 0, 0x46, 3, 1];
    const SERVER_END: &[u8] = &[0, 0x18, 0, 14, 0, 0, 0];
    const RANDOM: usize = 32;
    const RANDOM_AND_SESSION: usize = RANDOM + 1 + 32;
    for (front, middle, end) in [(CLIENT, RANDOM, CLIENT_END), (SERVER, RANDOM_AND_SESSION, SERVER_END)] {
        let mut c = Cursor::new(bytes);
        match c.take(front.len()) {
            Some(these) if these == front => {}
            _ => continue,
        }
        return match c.take(middle).and_then(|_| c.take(end.len())) {
            Some(these) if these == end => Opening::Stun,
            Some(_) => Opening::Other,
            None => Opening::Undecided,
        };
    }
    Opening::Other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::bytes;

    /// A Binding request and its answer, as browsers and their servers exchange them.
    const REQUEST: &[u8] = &[
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    const ANSWER: &[u8] = &[
        1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0x20, 0, 8, 0, 1, 0xb9, 0x6a,
        0x7c, 0x31, 0x0f, 0xed,
    ];
    /// A classic Binding answer with the mapped address.
    const CLASSIC: &[u8] = &[
        1, 1, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 1, 0, 8, 0, 1, 0xc3, 0x50, 198, 51, 100,
        7,
    ];

    #[test]
    fn the_cookie_tells_and_the_type_says_who_asked() {
        assert_eq!(message(REQUEST), Some(Class::Request));
        assert_eq!(message(ANSWER), Some(Class::Answer));
        let indication = [&[0, 0x16][..], &REQUEST[2..]].concat();
        assert_eq!(message(&indication), Some(Class::Indication));
        for (at, byte) in [(0, 0x40), (3, 2), (7, 0x43)] {
            let mut odd = REQUEST.to_vec();
            odd[at] = byte;
            assert_eq!(message(&odd), None);
        }
    }

    #[test]
    fn the_request_of_rfc_5769_and_one_of_a_browser() {
        // RFC 5769, section 2.1: software, priority, role, user name, integrity, fingerprint.
        let example = bytes(
            "000100582112a442 b7e7a701bc34d686fa87dfae 802200105354554e207465737420636c69656e74 002400046e0001ff
             80290008932ff9b151263b36 000600096576746a3a68367659202020 000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
             80280004e57a3bcf",
        );
        // What Chromium asked a relay before a call, as nDPI recorded it (stun_dtls_rtp.pcapng, frame 1).
        let browser = bytes(
            "000100602112a442 6f3653685355524a684e466b 0006001f65613357745f396141536f6f65676f4b4141694b4169414445413a386a623600
             c05700040003000a 802a0008c798f641adc04a9f 002400046e7f1eff 0008001455cc08ee9d10e633cd893835c973c3b7e7ffeb9d
             802800044c9a4a83",
        );
        for request in [&example, &browser] {
            assert_eq!(message(request), Some(Class::Request));
            assert!(
                (0..8).all(|end| message(&request[..end]).is_none()),
                "before the cookie's end"
            );
        }
    }

    #[test]
    fn the_classic_form_must_fit_in_all_its_parts() {
        assert_eq!(classic_message(CLASSIC), Some(Class::Answer));
        assert_eq!(classic_message(&CLASSIC[..31]), None);
        for (at, byte) in [(0, 2), (1, 7), (3, 8), (23, 7)] {
            let mut odd = CLASSIC.to_vec();
            odd[at] = byte;
            assert_eq!(classic_message(&odd), None, "{at}");
        }
    }

    #[test]
    fn channels_are_numbered_from_0x4000() {
        assert!(is_channel_data(&[0x40, 0, 0, 3, 7, 7, 7, 0]));
        assert!(!is_channel_data(&[0x40, 0, 0, 9, 7, 7, 7, 0]));
        assert!(!is_channel_data(&[0x80, 0, 0, 3, 7, 7, 7, 0]));
    }

    #[test]
    fn over_tcp_messages_come_bare_or_with_their_length() {
        let framed = [&[0, 20][..], REQUEST].concat();
        for stream in [REQUEST, ANSWER, &framed] {
            assert_eq!(opening(stream), Opening::Stun);
            for length in 0..8 {
                assert_eq!(opening(&stream[..length]), Opening::Undecided, "{length}");
            }
        }
        for other in [
            &b"GET / HTTP/1.1"[..],
            b"SSH-2.0-x",
            &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3],
            &[0; 12],
        ] {
            assert_eq!(opening(other), Opening::Other);
        }
        assert_eq!(opening(b"GE"), Opening::Other);
    }

    #[test]
    fn a_hello_that_only_looks_like_tls() {
        let client = [
            &[22, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1][..],
            &[0xc1; 32],
            &[0, 0, 2, 0, 0x18, 1, 0],
        ]
        .concat();
        let mut server = vec![22, 3, 1, 0, 0x4e, 2, 0, 0, 0x46, 3, 1];
        server.extend([0; 32]);
        server.push(32);
        server.extend([0; 32]);
        server.extend([0, 0x18, 0, 14, 0, 0, 0]);
        for hello in [&client, &server] {
            assert_eq!(pseudo_tls(hello), Opening::Stun);
            for length in 11..hello.len() {
                assert_eq!(pseudo_tls(&hello[..length]), Opening::Undecided);
            }
            let mut real = hello.clone();
            let cipher = if hello == &client { 47 } else { 77 };
            real[cipher] = 0x2f;
            assert_eq!(pseudo_tls(&real), Opening::Other);
        }
    }
}
