//! Which protocol the first bytes of a flow are.
//!
//! Shape first, port second: a port alone names a protocol only where the protocol has no shape worth the name.
//! Whatever is not sure is `Other`, and the flow's app stays `unknown`.

use super::model::App;
use crate::flow::key::Side;
use crate::wire::cursor::Cursor;
use crate::wire::dns::is_lone_question;
use crate::wire::dtls::looks_like_dtls;
use crate::wire::quic::looks_like_quic;
use crate::wire::starttls::{self, Language};
use crate::wire::{Parse, http, rtp, socks, stun};

/// What the first bytes of one side of a TCP connection look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpGuess {
    Tls,
    /// HTTP/1, or a proxy asked by it for a tunnel.
    Http(App),
    /// HTTP/2 without TLS, of which nothing is read.
    Http2,
    Socks,
    /// A protocol that may change to TLS.
    StartTls(Language),
    Dns,
    Stun,
    Other,
    /// Too few bytes to say.
    Undecided,
}

const DNS_PORT: u16 = 53;
const MDNS_PORT: u16 = 5353;
const LLMNR_PORT: u16 = 5355;
const MIN_TO_TELL_TLS: usize = 6;
const DNS_HEADER: usize = 12;

/// Looks at the first contiguous bytes of one side.
pub fn tcp(bytes: &[u8], ports: [u16; 2]) -> TcpGuess {
    if ports.contains(&DNS_PORT) {
        match dns_over_tcp(bytes) {
            TcpGuess::Other => {}
            guess => return guess,
        }
    }
    match http::start(bytes) {
        http::Start::Request | http::Start::Response => return TcpGuess::Http(App::Http),
        http::Start::ConnectRequest => return TcpGuess::Http(App::Connect),
        http::Start::Preface => return TcpGuess::Http2,
        http::Start::Undecided => return TcpGuess::Undecided,
        http::Start::Other => {}
    }
    if bytes.len() < MIN_TO_TELL_TLS {
        if may_begin_tls(bytes) {
            return TcpGuess::Undecided;
        }
    } else {
        match of_opening(stun::pseudo_tls(bytes)) {
            TcpGuess::Other => {}
            guess => return guess,
        }
        if is_tls_record(bytes) || is_sslv2_hello(bytes) {
            return TcpGuess::Tls;
        }
    }
    match socks::opening(bytes) {
        Parse::Complete(()) => return TcpGuess::Socks,
        Parse::Need(_) => return TcpGuess::Undecided,
        Parse::Malformed(_) => {}
    }
    match of_opening(stun::opening(bytes)) {
        TcpGuess::Other => {}
        guess => return guess,
    }
    if first_message(bytes).is_some_and(is_lone_question) {
        return TcpGuess::Dns;
    }
    match starttls::recognise(bytes, ports) {
        Parse::Complete(language) => TcpGuess::StartTls(language),
        Parse::Need(_) => TcpGuess::Undecided,
        Parse::Malformed(_) => TcpGuess::Other,
    }
}

fn of_opening(opening: stun::Opening) -> TcpGuess {
    match opening {
        stun::Opening::Stun => TcpGuess::Stun,
        stun::Opening::Undecided => TcpGuess::Undecided,
        stun::Opening::Other => TcpGuess::Other,
    }
}

/// RFC 1035 section 4.2.2: over TCP a message has a two-byte length in front.
fn dns_over_tcp(bytes: &[u8]) -> TcpGuess {
    match bytes.get(2..) {
        Some(message) if message.len() >= DNS_HEADER => {
            if looks_like_dns(message) {
                TcpGuess::Dns
            } else {
                TcpGuess::Other
            }
        }
        _ => TcpGuess::Undecided,
    }
}

/// What the length in front says, where it is all there.
fn first_message(bytes: &[u8]) -> Option<&[u8]> {
    let mut c = Cursor::new(bytes);
    let length = c.u16()?;
    c.take(usize::from(length))
}

/// RFC 8446 section 5.1: content type, version 3.x, a length of at most 2^14 + 256 (2048 before TLS 1.3), and, for a handshake, a type that may come first.
fn is_tls_record(bytes: &[u8]) -> bool {
    const MAX_RECORD: u16 = 16_384 + 2_048;
    let mut c = Cursor::new(bytes);
    let (Some(kind), Some(major), Some(minor), Some(length)) = (c.u8(), c.u8(), c.u8(), c.u16()) else {
        return false;
    };
    let sane = major == 3 && minor <= 4 && (1..=MAX_RECORD).contains(&length);
    sane && match kind {
        CHANGE_CIPHER_SPEC => length == 1,
        ALERT => length >= 2,
        HANDSHAKE | APPLICATION_DATA => true,
        _ => false,
    }
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

fn may_begin_tls(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [kind @ CHANGE_CIPHER_SPEC..=APPLICATION_DATA, rest @ ..] => {
            *kind != 0 && rest.first().is_none_or(|&major| major == 3)
        }
        [first, ..] => first & 0x80 != 0,
    }
}

/// RFC 5246 appendix E.2: a length with the top bit set, type 1, then the version; or SSLv2's own ServerHello (type 4).
fn is_sslv2_hello(bytes: &[u8]) -> bool {
    const CLIENT_HELLO: u8 = 1;
    const SERVER_HELLO: u8 = 4;
    const SHORTEST: u16 = 9;
    let mut c = Cursor::new(bytes);
    let (Some(length), Some(kind)) = (c.u16(), c.u8()) else {
        return false;
    };
    let size = length & 0x7fff;
    if length & 0x8000 == 0 || size < SHORTEST {
        return false;
    }
    match kind {
        CLIENT_HELLO => matches!(c.u16(), Some(0x0002 | 0x0300..=0x0304)),
        // session-id-hit (0 or 1), certificate type (0 or 1), version
        SERVER_HELLO => matches!((c.u8(), c.u8(), c.u8()), (Some(0 | 1), Some(0 | 1), Some(0))),
        _ => false,
    }
}

/// The side on a name service's port, where exactly one is.
pub fn dns_server(ports: [u16; 2]) -> Option<Side> {
    let serves = |port: u16| matches!(port, DNS_PORT | MDNS_PORT | LLMNR_PORT);
    match ports.map(serves) {
        [true, false] => Some(Side::Lo),
        [false, true] => Some(Side::Hi),
        _ => None,
    }
}

/// A DNS header that makes sense: an opcode that exists, reserved bit clear, few questions, and a message that could hold them.
pub fn looks_like_dns(message: &[u8]) -> bool {
    let mut c = Cursor::new(message);
    let (Some(_id), Some(flags), Some(questions), Some(answers)) = (c.u16(), c.u16(), c.u16(), c.u16()) else {
        return false;
    };
    const RESERVED: u16 = 0x0040;
    let opcode = flags >> 11 & 0xf;
    opcode <= 6 && flags & RESERVED == 0 && questions <= 4 && (questions > 0 || answers > 0 || flags & 0x8000 != 0)
}

/// What one datagram is, by its ports and its first bytes; `cut`: the capture cut off its end.
pub fn udp(bytes: &[u8], cut: bool, ports: [u16; 2]) -> App {
    let on = |port: u16| ports.contains(&port);
    if on(DNS_PORT) && looks_like_dns(bytes) {
        return App::Dns;
    }
    if on(MDNS_PORT) && looks_like_dns(bytes) {
        return App::Mdns;
    }
    if on(LLMNR_PORT) && looks_like_dns(bytes) {
        return App::Llmnr;
    }
    let on_media_port = media_server(ports).is_some();
    if stun::message(bytes).is_some() || on_media_port && stun::classic_message(bytes).is_some() {
        return App::Stun;
    }
    if looks_like_dtls(bytes, cut) {
        return App::Dtls;
    }
    if looks_like_quic(bytes) {
        return App::Quic;
    }
    if on(67) || on(68) || on(546) || on(547) {
        return App::Dhcp;
    }
    if on(123) && bytes.len() >= 48 {
        return App::Ntp;
    }
    if on(1900)
        && [&b"M-SEARCH "[..], b"NOTIFY ", b"HTTP/1."]
            .iter()
            .any(|word| bytes.starts_with(word))
    {
        return App::Ssdp;
    }
    if on(137) || on(138) {
        return App::Nbns;
    }
    // A resolver beside the machine's own, or one behind a port that lets it through. NetBIOS, above, asks in the same form.
    if is_lone_question(bytes) {
        return App::Dns;
    }
    if on_media_port && rtp::Packet::parse(bytes).is_some() {
        return App::Rtp;
    }
    App::Unknown
}

/// The side on a port where media and what prepares it are served, where exactly one is.
pub fn media_server(ports: [u16; 2]) -> Option<Side> {
    match ports.map(|port| stun::PORTS.contains(&port)) {
        [true, false] => Some(Side::Lo),
        [false, true] => Some(Side::Hi),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: [u16; 2] = [50_000, 443];

    #[test]
    fn records_hellos_and_words_are_told_apart() {
        assert_eq!(tcp(&[22, 3, 1, 2, 0, 1, 0], WEB), TcpGuess::Tls);
        assert_eq!(tcp(&[0x80, 46, 1, 3, 1, 0, 21], WEB), TcpGuess::Tls);
        assert_eq!(tcp(&[22, 3], WEB), TcpGuess::Undecided);
        assert_eq!(tcp(b"GET / HTTP/1.1\r\n", WEB), TcpGuess::Http(App::Http));
        assert_eq!(tcp(b"CONNECT a:443 HTTP/1.1\r\n", WEB), TcpGuess::Http(App::Connect));
        assert_eq!(tcp(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WEB), TcpGuess::Http2);
        assert_eq!(tcp(&[5, 1, 0], WEB), TcpGuess::Socks);
        assert_eq!(tcp(b"220 mail", WEB), TcpGuess::StartTls(Language::Lines));
        assert_eq!(tcp(b"SSH-2.0-x", WEB), TcpGuess::Other);
        assert_eq!(tcp(&[22, 9, 1, 2, 0, 1, 0], WEB), TcpGuess::Other);
        assert_eq!(tcp(&[22, 3, 1, 0xff, 0xff, 1, 0], WEB), TcpGuess::Other);
    }

    #[test]
    fn datagrams_are_told_by_shape_before_port() {
        let told = |bytes: &[u8], port| udp(bytes, false, [50_000, port]);
        let stun = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4];
        assert_eq!(told(&stun, 3478), App::Stun);
        // An Initial of version 1: ids of 8 and 0 bytes, no token, 4 bytes behind the length.
        let mut initial = [0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 4, 9, 9, 9, 9];
        assert_eq!(told(&initial, 443), App::Quic);
        initial[0] = 0x43;
        assert_eq!(told(&initial, 443), App::Unknown);
        let query = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(told(&query, 53), App::Dns);
        assert_eq!(told(&query, 54), App::Unknown);
        let question = [&query[..], b"\x01a\x04test\0\0\x01\0\x01"].concat();
        assert_eq!(told(&question, 8053), App::Dns);
        assert_eq!(told(&question, 137), App::Nbns);
        assert_eq!(told(&question[..question.len() - 1], 8053), App::Unknown);
        let in_front = (question.len() as u16).to_be_bytes();
        assert_eq!(tcp(&[&in_front, &question[..]].concat(), [50_000, 8053]), TcpGuess::Dns);
        let dtls = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0];
        assert_eq!(told(&dtls, 4433), App::Dtls);
        assert_eq!(told(&dtls[..14], 4433), App::Unknown);
        assert_eq!(udp(&dtls[..14], true, [50_000, 4433]), App::Dtls);
    }

    #[test]
    fn media_is_known_by_its_ports() {
        let media = [0x80, 111, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4, 7, 7, 7];
        let classic = [0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        for (bytes, app) in [(&media[..], App::Rtp), (&classic, App::Stun)] {
            for ports in [[50_000, 3478], [3481, 50_000]] {
                assert_eq!(udp(bytes, false, ports), app);
            }
            assert_eq!(udp(bytes, false, [50_000, 3482]), App::Unknown);
        }
        assert_eq!(media_server([3479, 50_000]), Some(Side::Lo));
        assert_eq!(media_server([3479, 3480]), None);
    }

    #[test]
    fn stun_over_tcp_is_told_from_tls() {
        let request = [0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4];
        assert_eq!(tcp(&request, WEB), TcpGuess::Stun);
        assert_eq!(tcp(&[&[0, 20][..], &request].concat(), WEB), TcpGuess::Stun);
        assert_eq!(tcp(&request[..5], WEB), TcpGuess::Undecided);
        let pseudo = [
            &[22, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1][..],
            &[7; 32],
            &[0, 0, 2, 0, 0x18, 1, 0],
        ]
        .concat();
        assert_eq!(tcp(&pseudo, WEB), TcpGuess::Stun);
    }
}
