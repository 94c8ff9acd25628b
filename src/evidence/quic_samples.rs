//! QUIC connections to test with, put together from the published examples' hellos.

use crate::crypto::quic_examples::{CLIENT_FRAME, CLIENT_FRAME_HEAD, ID, SERVER_PAYLOAD, header, hex};
use crate::crypto::quic_initial::{InitialKeys, Scratch, Sender};
use crate::evidence::model::TlsFacts;
use crate::evidence::quic_handshake::{Datagram, QuicProbe};
use crate::evidence::tls_handshake::TlsMarks;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::wire::quic_version::QuicVersion;

pub const CLIENT: Side = Side::Hi;
pub const SERVER: Side = Side::Lo;
pub const SERVER_ID: [u8; 5] = [0x51; 5];
pub const V1: QuicVersion = QuicVersion::V1;
pub const DRAFT_29: QuicVersion = QuicVersion(0xff00_001d);

/// A flow as the engine sees it; datagrams are numbered from 1.
#[derive(Default)]
pub struct Flow {
    pub probe: QuicProbe,
    pub facts: TlsFacts,
    pub marks: TlsMarks,
    pub scratch: Scratch,
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
        let (facts, marks) = (&mut self.facts, &mut self.marks);
        self.probe.datagram(&datagram, facts, marks, &mut self.scratch);
    }

    pub fn sni(&self) -> Option<&str> {
        self.facts.sni.as_ref().map(|name| name.as_str())
    }

    pub fn quality(&self) -> Vec<&'static str> {
        self.probe.quality().words().collect()
    }
}

/// How a packet is sealed and addressed.
#[derive(Clone, Copy)]
pub struct Seal<'a> {
    pub version: QuicVersion,
    /// Where the keys come from.
    pub first_id: &'a [u8],
    pub sender: Sender,
    pub destination: &'a [u8],
    pub token: &'a [u8],
}

pub const FROM_CLIENT: Seal<'_> = Seal {
    version: V1,
    first_id: &ID,
    sender: Sender::Client,
    destination: &ID,
    token: &[],
};
pub const FROM_SERVER: Seal<'_> = Seal {
    sender: Sender::Server,
    destination: &[],
    ..FROM_CLIENT
};

impl Seal<'_> {
    pub fn packet(&self, number: u32, payload: &[u8]) -> Vec<u8> {
        self.written_as(self.version, number, payload)
    }

    /// The same with another version's number in the header.
    pub fn written_as(&self, version: QuicVersion, number: u32, payload: &[u8]) -> Vec<u8> {
        let keys = InitialKeys::derive(self.version, self.first_id, self.sender).unwrap();
        let source = match self.sender {
            Sender::Client => &[][..],
            Sender::Server => &SERVER_ID,
        };
        let header = header(version, self.destination, source, self.token, payload.len());
        keys.seal(&header, number, payload)
    }
}

/// The ClientHello of the examples, for example.com.
pub fn hello() -> Vec<u8> {
    hex(CLIENT_FRAME).split_off(CLIENT_FRAME_HEAD)
}

/// Its CRYPTO frame, padded.
pub fn hello_payload() -> Vec<u8> {
    let mut payload = hex(CLIENT_FRAME);
    payload.resize(1162, 0);
    payload
}

pub fn answer_payload() -> Vec<u8> {
    hex(SERVER_PAYLOAD)
}

/// A CRYPTO frame with a part of the hello.
pub fn piece(from: usize, to: usize) -> Vec<u8> {
    let mut frame = vec![0x06];
    frame.extend((0x4000 | from as u16).to_be_bytes());
    frame.extend((0x4000 | (to - from) as u16).to_be_bytes());
    frame.extend(&hello()[from..to]);
    frame
}

pub fn padded(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = frames.concat();
    payload.resize(payload.len().max(64), 0);
    payload
}

/// A Retry (its tag is nobody's, as nobody looks at it), by RFC 9000, section 17.2.5.
pub fn retry(source: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xf0, 0, 0, 0, 1, 0, source.len() as u8];
    packet.extend(source);
    packet.extend([7; 20]);
    packet
}
