//! Conversations with something in the clear before TLS. The TLS in them was recorded from OpenSSL; the talks are what curl, OpenLDAP,
//! MySQL and others say. Only tests use them.

use super::tls_samples::{TLS12_CLIENT, TLS12_SERVER, bytes};
use crate::flow::key::Side;

pub const CLIENT: Side = Side::Hi;
pub const SERVER: Side = Side::Lo;
pub const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x13\0\x0a\xc6\x12\x01\x0b\xc5\x52\x01\xbb";
pub const GRANTED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
pub const CONNECT: &[u8] = b"CONNECT app.salestim.io:443 HTTP/1.1\r\nHost: app.salestim.io:443\r\n\r\n";

pub type Talk = Vec<(Side, Vec<u8>)>;

pub fn talk(lines: &[(Side, &[u8])]) -> Talk {
    lines.iter().map(|(side, line)| (*side, line.to_vec())).collect()
}

/// The same with TLS behind.
pub fn then_tls(lines: &[(Side, &[u8])]) -> Talk {
    let mut talk = talk(lines);
    talk.push((CLIENT, bytes(TLS12_CLIENT)));
    talk.push((SERVER, bytes(TLS12_SERVER)));
    talk
}

/// Conversations with TLS in them, and what is told of them.
pub fn with_tls() -> Vec<(Talk, &'static str)> {
    let asked: &[u8] = b"HTTP/1.1 407 Who?\r\nContent-Length: 5\r\n\r\nwho?\n";
    let in_chunks: &[u8] = b"HTTP/1.1 407 Who?\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nwho?\n\r\n0\r\nT: x\r\n\r\n";
    let pipelined = [CONNECT, &bytes(TLS12_CLIENT)].concat();
    let behind_v2 = [PROXY_V2, &bytes(TLS12_CLIENT)].concat();
    let behind_v1 = [
        &b"PROXY TCP4 198.19.0.10 198.18.1.11 50514 443\r\n"[..],
        &bytes(TLS12_CLIENT),
    ]
    .concat();
    let mysql_greeting: &[u8] =
        b"\x4a\0\0\0\x0a8.0.28\0\x18\0\0\0\x36\x5a\x5c\x3d\x1c\x74\x51\x77\0\xff\xff\xff\x02\0\xff\xdf\
        \x15\0\0\0\0\0\0\0\0\0\0\x40\x60\x4d\x11\x42\x79\x35\x56\x28\x47\x15\x34\0mysql_native_password\0";
    let mysql_request: &[u8] =
        b"\x20\0\0\x01\x85\xae\xff\x20\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let (c, s) = (CLIENT, SERVER);
    vec![
        (
            then_tls(&[(c, CONNECT), (s, GRANTED)]),
            "connect app.salestim.io 443 200",
        ),
        (
            then_tls(&[(c, CONNECT), (s, asked), (c, CONNECT), (s, GRANTED)]),
            "connect app.salestim.io 443 200",
        ),
        (
            then_tls(&[(c, CONNECT), (s, in_chunks), (c, CONNECT), (s, GRANTED)]),
            "connect app.salestim.io 443 200",
        ),
        // The hello does not wait for the answer, which has an interim one before it.
        (
            talk(&[
                (c, &pipelined),
                (s, b"HTTP/1.1 100 Continue\r\n\r\n"),
                (s, GRANTED),
                (s, &bytes(TLS12_SERVER)),
            ]),
            "connect app.salestim.io 443 200",
        ),
        // A proxy behind a proxy.
        (
            then_tls(&[
                (c, b"CONNECT next.example:3128 HTTP/1.0\r\n\r\n"),
                (s, GRANTED),
                (c, CONNECT),
                (s, GRANTED),
            ]),
            "connect app.salestim.io 443 200",
        ),
        (
            then_tls(&[(c, b"CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n\r\n"), (s, GRANTED)]),
            "connect 2001:db8::1 8443 200",
        ),
        (
            then_tls(&[
                (c, &[5, 2, 0, 1]),
                (s, &[5, 0]),
                (c, b"\x05\x01\x00\x03\x0fapp.salestim.io\x01\xbb"),
                (s, &[5, 0, 0, 1, 127, 0, 0, 1, 4, 56]),
            ]),
            "socks app.salestim.io 443 0",
        ),
        (
            then_tls(&[
                (c, &[5, 1, 2]),
                (s, &[5, 2]),
                (c, b"\x01\x02me\x03pwd"),
                (s, &[1, 0]),
                (c, b"\x05\x01\x00\x01\x0d\x6b\xf6\x28\x01\xbb"),
                (s, b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            ]),
            "socks 13.107.246.40 443 0",
        ),
        (
            then_tls(&[
                (c, b"\x04\x01\x01\xbb\0\0\0\x01me\0app.salestim.io\0"),
                (s, &[0, 90, 0, 0, 0, 0, 0, 0]),
            ]),
            "socks app.salestim.io 443 90",
        ),
        // Of version 4 only the client was heard: the hello is what makes it sure.
        (
            talk(&[(c, b"\x04\x01\x01\xbb\x0d\x6b\xf6\x28\0"), (c, &bytes(TLS12_CLIENT))]),
            "socks 13.107.246.40 443 -",
        ),
        (talk(&[(c, &behind_v1), (s, &bytes(TLS12_SERVER))]), "tls - - -"),
        (talk(&[(c, &behind_v2), (s, &bytes(TLS12_SERVER))]), "tls - - -"),
        (
            then_tls(&[
                (s, b"220-mx ESMTP\r\n220 ready\r\n"),
                (c, b"EHLO me\r\n"),
                (s, b"250-mx\r\n250 STARTTLS\r\n"),
                (c, b"STARTTLS\r\n"),
                (s, b"220 go\r\n"),
            ]),
            "tls - - -",
        ),
        (
            then_tls(&[(s, b"* OK ready\r\n"), (c, b". STARTTLS\r\n"), (s, b". OK begin\r\n")]),
            "tls - - -",
        ),
        (
            then_tls(&[(s, b"+OK ready\r\n"), (c, b"STLS\r\n"), (s, b"+OK begin\r\n")]),
            "tls - - -",
        ),
        (
            then_tls(&[
                (c, b"<?xml version='1.0'?><stream:stream to='a'>"),
                (
                    s,
                    b"<?xml version='1.0'?><stream:stream><stream:features><starttls/></stream:features>",
                ),
                (c, b" \n<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\n"),
                (s, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            ]),
            "tls - - -",
        ),
        (
            then_tls(&[
                (c, b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"),
                (s, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
            ]),
            "tls - - -",
        ),
        // GSSAPI is asked for first, and not to be had.
        (
            then_tls(&[
                (c, &[0, 0, 0, 8, 4, 210, 22, 48]),
                (s, b"N"),
                (c, &[0, 0, 0, 8, 4, 210, 22, 47]),
                (s, b"S"),
            ]),
            "tls - - -",
        ),
        (then_tls(&[(s, mysql_greeting), (c, mysql_request)]), "tls - - -"),
    ]
}
