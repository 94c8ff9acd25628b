//! DTLS on the wire, as far as a listener sees it: hellos in pieces, with and without a cookie.

use super::bytes::{Noise, Out};
use super::certificate::Certificate;
use super::script::bytes_of_name;
use super::tls_messages::content;

const V0_9: u16 = 0x0100;
const V1_0: u16 = 0xfeff;
const V1_2: u16 = 0xfefd;
const V1_3: u16 = 0xfefc;

mod handshake {
    pub const CLIENT_HELLO: u8 = 1;
    pub const SERVER_HELLO: u8 = 2;
    pub const HELLO_VERIFY_REQUEST: u8 = 3;
    pub const CERTIFICATE: u8 = 11;
    pub const SERVER_HELLO_DONE: u8 = 14;
    pub const FINISHED: u8 = 20;
}

/// A handshake to be played.
pub struct Handshake {
    pub version: u16,
    pub sni: Option<String>,
    /// The server asks for a second hello with a cookie in it.
    pub cookie: bool,
    /// Largest piece of a message, in bytes.
    pub piece: usize,
    pub certificate: Certificate,
}

/// Who sends a datagram, and what.
pub type Sent = (Role, Vec<u8>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// A version as scripts write it.
pub fn version_of_word(word: &str) -> Option<u16> {
    Some(match word {
        "0.9" => V0_9,
        "1.0" => V1_0,
        "1.2" => V1_2,
        "1.3" => V1_3,
        _ => return None,
    })
}

impl Handshake {
    /// All datagrams, one piece each, up to the first that is sealed.
    pub fn datagrams(&self, noise: &mut Noise) -> Vec<Sent> {
        let mut sent = Vec::new();
        let random = noise.bytes(32);
        let mut number = 0;
        self.put(
            &mut sent,
            Role::Client,
            handshake::CLIENT_HELLO,
            0,
            &self.client_hello(&random, &[]),
        );
        if self.cookie {
            let cookie = noise.bytes(20);
            let mut request = Out::default();
            request.u16(V1_0).vector8(|out| {
                out.bytes(&cookie);
            });
            self.put(&mut sent, Role::Server, handshake::HELLO_VERIFY_REQUEST, 0, &request.0);
            self.put(
                &mut sent,
                Role::Client,
                handshake::CLIENT_HELLO,
                1,
                &self.client_hello(&random, &cookie),
            );
            number = 1;
        }
        let hello = self.server_hello(&noise.bytes(32));
        self.put(&mut sent, Role::Server, handshake::SERVER_HELLO, number, &hello);
        if self.version == V1_3 {
            for role in [Role::Server, Role::Client] {
                sent.push((role, sealed_record_of_13(noise)));
            }
            return sent;
        }
        let mut chain = Out::default();
        chain.vector24(|out| {
            for certificate in self.certificate.chain(noise) {
                out.vector24(|out| {
                    out.bytes(&certificate);
                });
            }
        });
        self.put(&mut sent, Role::Server, handshake::CERTIFICATE, number + 1, &chain.0);
        self.put(&mut sent, Role::Server, handshake::SERVER_HELLO_DONE, number + 2, &[]);
        for role in [Role::Client, Role::Server] {
            let mut datagram = record(content::CHANGE_CIPHER_SPEC, self.version, 0, &[1]);
            let finished = [&[handshake::FINISHED], &noise.bytes(47)[..]].concat();
            datagram.extend(record(content::HANDSHAKE, self.version, 1, &finished));
            sent.push((role, datagram));
        }
        sent
    }

    fn put(&self, sent: &mut Vec<Sent>, role: Role, kind: u8, number: u16, body: &[u8]) {
        let u24 = |out: &mut Out, n: usize| {
            out.bytes(&(n as u32).to_be_bytes()[1..]);
        };
        let cuts = (0..body.len().max(1)).step_by(self.piece);
        for offset in cuts {
            let piece = &body[offset..body.len().min(offset + self.piece)];
            let mut out = Out::default();
            out.u8(kind);
            u24(&mut out, body.len());
            out.u16(number);
            u24(&mut out, offset);
            u24(&mut out, piece.len());
            out.bytes(piece);
            sent.push((role, record(content::HANDSHAKE, self.version, 0, &out.0)));
        }
    }

    fn client_hello(&self, random: &[u8], cookie: &[u8]) -> Vec<u8> {
        let mut out = Out::default();
        out.u16(self.legacy()).bytes(random).u8(0).vector8(|out| {
            out.bytes(cookie);
        });
        out.vector16(|out| {
            out.u16(0x1301).u16(0xc02b).u16(0xc02f).u16(0xc013).u16(0x002f);
        });
        let no_compression = 0;
        out.u8(1).u8(no_compression);
        out.vector16(|out| {
            if let Some(name) = &self.sni {
                let (server_name, host_name) = (0, 0);
                out.u16(server_name).vector16(|out| {
                    out.vector16(|out| {
                        out.u8(host_name).vector16(|out| {
                            out.bytes(&bytes_of_name(name));
                        });
                    });
                });
            }
            // What a browser's media connection asks for: SRTP, with two profiles.
            let use_srtp = 14;
            out.u16(use_srtp).vector16(|out| {
                out.u16(4).u16(0x0007).u16(0x0001).u8(0);
            });
            if self.version == V1_3 {
                let supported_versions = 43;
                out.u16(supported_versions).vector16(|out| {
                    out.u8(4).u16(V1_3).u16(V1_2);
                });
            }
        });
        out.0
    }

    fn server_hello(&self, random: &[u8]) -> Vec<u8> {
        let mut out = Out::default();
        out.u16(self.legacy()).bytes(random).u8(0);
        out.u16(if self.version == V1_3 { 0x1301 } else { 0xc02b }).u8(0);
        out.vector16(|out| {
            if self.version == V1_3 {
                let supported_versions = 43;
                out.u16(supported_versions).u16(2).u16(V1_3);
            }
        });
        out.0
    }

    fn legacy(&self) -> u16 {
        if self.version == V1_3 { V1_2 } else { self.version }
    }
}

/// A record with the header that all versions had before 1.3, and 1.3 has in the clear.
fn record(kind: u8, version: u16, epoch: u16, fragment: &[u8]) -> Vec<u8> {
    let mut out = Out::default();
    let version = if version == V1_3 { V1_2 } else { version };
    out.u8(kind).u16(version).u16(epoch).bytes(&[0; 6]);
    out.vector16(|out| {
        out.bytes(fragment);
    });
    out.0
}

/// RFC 9147, section 4: no type, no version; epoch 2, a sequence of two bytes, a length.
fn sealed_record_of_13(noise: &mut Noise) -> Vec<u8> {
    let mut out = Out::default();
    out.u8(0x2e).u16(0x5151).vector16(|out| {
        out.bytes(&noise.bytes(200));
    });
    out.0
}
