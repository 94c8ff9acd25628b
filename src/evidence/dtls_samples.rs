//! DTLS to test with: a real connection of OpenSSL's two ends, and messages put together for what it does not show.

use crate::crypto::quic_examples::hex;
use crate::evidence::dtls_handshake::DtlsProbe;
use crate::evidence::model::TlsFacts;
use crate::evidence::quic_handshake::Datagram;
use crate::evidence::tls_handshake::TlsMarks;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;

pub const CLIENT: Side = Side::Hi;
pub const SERVER: Side = Side::Lo;

pub const CLIENT_HELLO: u8 = 1;
pub const SERVER_HELLO: u8 = 2;
pub const CERTIFICATE: u8 = 11;

/// DTLS 1.2 with a HelloVerifyRequest, and a certificate in three pieces: the payloads, in the order captured.
pub fn openssl() -> Vec<(Side, Vec<u8>)> {
    let text = include_str!("dtls_openssl.hex").replace("\n  ", "");
    let datagram = |line: &str| {
        let (side, bytes) = line.split_at(1);
        (if side == ">" { CLIENT } else { SERVER }, hex(bytes))
    };
    text.lines().map(datagram).collect()
}

/// A flow as the engine sees it; datagrams are numbered from 1.
#[derive(Default)]
pub struct Flow {
    pub probe: DtlsProbe,
    pub facts: TlsFacts,
    pub marks: TlsMarks,
    pub frame: u64,
}

impl Flow {
    pub fn send(&mut self, side: Side, bytes: &[u8]) {
        self.send_cut(side, bytes, false);
    }

    pub fn send_cut(&mut self, side: Side, bytes: &[u8], cut: bool) {
        self.frame += 1;
        let datagram = Datagram {
            side,
            bytes,
            cut,
            at: Stamp::new(0, self.frame, 0),
        };
        self.probe.datagram(&datagram, &mut self.facts, &mut self.marks);
    }

    pub fn sni(&self) -> Option<&str> {
        self.facts.sni.as_ref().map(|name| name.as_str())
    }

    pub fn version(&self) -> Option<String> {
        self.facts.version.map(|version| version.to_string())
    }

    pub fn quality(&self) -> Vec<&'static str> {
        self.probe.quality().words().collect()
    }
}

/// A record in the clear.
pub fn record(content: u8, version: u16, fragment: &[u8]) -> Vec<u8> {
    let mut bytes = vec![content];
    bytes.extend(version.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend((fragment.len() as u16).to_be_bytes());
    bytes.extend(fragment);
    bytes
}

/// Part of a message with the header of a piece.
pub fn piece(kind: u8, number: u16, body: &[u8], part: std::ops::Range<usize>) -> Vec<u8> {
    let u24 = |n: usize| (n as u32).to_be_bytes().into_iter().skip(1);
    let mut bytes = vec![kind];
    bytes.extend(u24(body.len()));
    bytes.extend(number.to_be_bytes());
    bytes.extend(u24(part.start));
    bytes.extend(u24(part.len()));
    bytes.extend(&body[part]);
    bytes
}

/// A datagram with a whole message.
pub fn message(version: u16, kind: u8, number: u16, body: &[u8]) -> Vec<u8> {
    record(22, version, &piece(kind, number, body, 0..body.len()))
}

/// A ClientHello's body for `name`; `versions`: what supported_versions lists, if it is there.
pub fn client_hello(legacy: u16, cookie: &[u8], name: &str, versions: &[u16]) -> Vec<u8> {
    let mut body = legacy.to_be_bytes().to_vec();
    body.extend([0x55; 32]);
    body.extend([0, cookie.len() as u8]);
    body.extend(cookie);
    body.extend([0, 2, 0x13, 0x01, 1, 0]);
    let mut list = Vec::new();
    if !name.is_empty() {
        let length = name.len() as u16;
        extend(
            &mut list,
            0,
            &[
                &(length + 3).to_be_bytes()[..],
                &[0],
                &length.to_be_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    if !versions.is_empty() {
        let numbers: Vec<u8> = versions.iter().flat_map(|v| v.to_be_bytes()).collect();
        extend(&mut list, 43, &[&[numbers.len() as u8][..], &numbers].concat());
    }
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    body
}

/// A ServerHello's body; with `selected`, one of 1.3.
pub fn server_hello(legacy: u16, retry: bool, selected: Option<u16>) -> Vec<u8> {
    let mut body = legacy.to_be_bytes().to_vec();
    match retry {
        true => body.extend(hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")),
        false => body.extend([0x66; 32]),
    }
    body.extend([0, 0x13, 0x01, 0]);
    let mut list = Vec::new();
    if let Some(version) = selected {
        extend(&mut list, 43, &version.to_be_bytes());
    }
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    body
}

fn extend(list: &mut Vec<u8>, kind: u16, body: &[u8]) {
    list.extend(kind.to_be_bytes());
    list.extend((body.len() as u16).to_be_bytes());
    list.extend(body);
}
