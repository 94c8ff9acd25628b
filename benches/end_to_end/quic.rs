//! QUIC connections with packets that open: the Initials are sealed with the keys that follow from the connection id.
//!
//! ```text
//!   client ─ Initial (hello 1/2) ─ Initial (hello 2/2) ─▶          ◀─ Initial (ServerHello) ─ Handshake ─ Handshake ─
//!          ─ short packets, acknowledging ─▶                       ◀─ short packets, data ─
//! ```
//!
//! Only the Initials mean anything; all behind them is noise, as it is to any listener.

use std::net::SocketAddr;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use hkdf::Hkdf;
use sha2::Sha256;

use super::traffic::{Dice, Seen, frame, script};

/// RFC 9001, section 5.2.
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
const VERSION_1: [u8; 4] = [0, 0, 0, 1];
const INITIAL: u8 = 0xc0;
const HANDSHAKE: u8 = 0xe0;
const SHORT: u8 = 0x40;
const NUMBER: usize = 4;
const TAG: usize = 16;
/// What a browser's datagrams carry.
const DATAGRAM: usize = 1250;
const CRYPTO_FRAME: u8 = 0x06;
const ACK_FRAME: [u8; 5] = [0x02, 0, 0, 0, 0];
const RECORD_HEADER: usize = 5;
const TRANSPORT_PARAMETERS: [u8; 16] = [
    0, 57, 0, 12, // the extension, and its length
    1, 4, 0x80, 0, 0x75, 0x30, // max_idle_timeout
    3, 2, 0x45, 0xc0, // max_udp_payload_size
    12, 0, // disable_active_migration
];

/// One connection.
pub struct Connection<'a> {
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub name: &'a str,
    /// When its first packet is seen, and how long an answer takes.
    pub at: u64,
    pub rtt: u64,
    /// Datagrams of data from the server.
    pub data: u64,
}

impl Connection<'_> {
    /// Its frames, in order.
    pub fn frames(&self, dice: &mut Dice) -> Vec<Seen> {
        let (hello, answer) = self.hellos();
        let first_id = dice.roll().to_be_bytes();
        let keys = [b"client in", b"server in"].map(|label| Keys::of(&first_id, label));
        let mut talk = Talk {
            connection: self,
            now: self.at,
            frames: Vec::new(),
        };
        let half = hello.len().min(1100);
        for (number, from, piece) in [(0, 0, &hello[..half]), (1, half, &hello[half..])] {
            let payload = padded(crypto(from, piece), DATAGRAM - 60);
            talk.client(&keys[0].seal(&long(INITIAL, &first_id, payload.len()), number, &payload));
        }
        talk.now += self.rtt;
        let half = answer.len().min(1000);
        for (number, from, piece) in [(0, 0, &answer[..half]), (1, half, &answer[half..])] {
            let payload = padded([&ACK_FRAME[..], &crypto(from, piece)].concat(), DATAGRAM - 60);
            talk.server(&keys[1].seal(&long(INITIAL, &[], payload.len()), number, &payload));
        }
        for size in [1150, 1150, 700] {
            let packet = [long(HANDSHAKE, &[], size), noise(dice, NUMBER + size + TAG)].concat();
            talk.server(&packet);
        }
        let finished = [long(HANDSHAKE, &first_id, 80), noise(dice, NUMBER + 80 + TAG)].concat();
        talk.client(&finished);
        talk.client(&short(dice, 500));
        talk.now += self.rtt;
        let pace = 1_000_000 + dice.below(20_000_000);
        for number in 0..self.data {
            talk.now += pace;
            talk.server(&short(dice, DATAGRAM));
            if number % 3 == 0 {
                talk.client(&short(dice, 34));
            }
        }
        talk.frames
    }

    /// A browser's ClientHello and its ServerHello, as handshake messages.
    fn hellos(&self) -> (Vec<u8>, Vec<u8>) {
        let statement = format!("tls 203.0.113.1:443 sni {} version 1.3 alpn h3 pq", self.name);
        let flights = script::flights(&statement);
        let message = |flight: &(bool, Vec<u8>)| {
            let record = &flight.1;
            let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
            record[RECORD_HEADER..RECORD_HEADER + length].to_vec()
        };
        (with_parameters(message(&flights[0])), message(&flights[1]))
    }
}

/// A ClientHello with the extension that QUIC adds at its end (RFC 9001, section 8.2).
fn with_parameters(mut hello: Vec<u8>) -> Vec<u8> {
    const HEADER: usize = 4;
    const SESSION: usize = HEADER + 2 + 32;
    let ciphers = SESSION + 1 + usize::from(hello[SESSION]);
    let compressions = ciphers + 2 + usize::from(u16::from_be_bytes([hello[ciphers], hello[ciphers + 1]]));
    let extensions = compressions + 1 + usize::from(hello[compressions]);
    hello.extend_from_slice(&TRANSPORT_PARAMETERS);
    let length = (hello.len() - extensions - 2) as u16;
    hello[extensions..extensions + 2].copy_from_slice(&length.to_be_bytes());
    let length = (hello.len() - HEADER) as u16;
    hello[2..HEADER].copy_from_slice(&length.to_be_bytes());
    hello
}

struct Talk<'a> {
    connection: &'a Connection<'a>,
    now: u64,
    frames: Vec<Seen>,
}

impl Talk<'_> {
    fn client(&mut self, datagram: &[u8]) {
        self.send(self.connection.client, self.connection.server, datagram);
    }

    fn server(&mut self, datagram: &[u8]) {
        self.send(self.connection.server, self.connection.client, datagram);
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let mut bytes = Vec::new();
        frame::udp(&mut bytes, from, to, datagram);
        self.frames.push(Seen {
            at: self.now,
            frame: bytes,
        });
        self.now += 20_000;
    }
}

/// A long header before a number of four bytes and a payload of `length` (RFC 9000, section 17.2).
fn long(kind: u8, to: &[u8], length: usize) -> Vec<u8> {
    let mut header = vec![kind | (NUMBER as u8 - 1)];
    header.extend_from_slice(&VERSION_1);
    header.push(to.len() as u8);
    header.extend_from_slice(to);
    header.push(0);
    if kind == INITIAL {
        let no_token = 0;
        header.push(no_token);
    }
    let two_bytes = 0x4000;
    let length = (NUMBER + length + TAG) as u16;
    header.extend_from_slice(&(two_bytes | length).to_be_bytes());
    header
}

fn short(dice: &mut Dice, size: usize) -> Vec<u8> {
    let mut packet = noise(dice, size);
    packet[0] = SHORT | packet[0] & 0x3f;
    packet
}

fn crypto(offset: usize, piece: &[u8]) -> Vec<u8> {
    let two_bytes = 0x4000;
    let mut frame = vec![CRYPTO_FRAME];
    for field in [offset, piece.len()] {
        frame.extend_from_slice(&(two_bytes | field as u16).to_be_bytes());
    }
    frame.extend_from_slice(piece);
    frame
}

fn padded(mut payload: Vec<u8>, size: usize) -> Vec<u8> {
    payload.resize(payload.len().max(size), 0);
    payload
}

fn noise(dice: &mut Dice, size: usize) -> Vec<u8> {
    let words = (0..size.div_ceil(8)).flat_map(|_| dice.roll().to_be_bytes());
    words.take(size).collect()
}

/// One side's keys for Initials.
struct Keys {
    aead: AesGcm<Aes128Enc, U12>,
    iv: [u8; 12],
    header: Aes128Enc,
}

impl Keys {
    fn of(first_id: &[u8], side: &[u8]) -> Keys {
        let secret: [u8; 32] = expand(&Hkdf::new(Some(&SALT), first_id), side);
        let secret = Hkdf::from_prk(&secret).expect("a secret is long enough");
        let key: [u8; 16] = expand(&secret, b"quic key");
        let header: [u8; 16] = expand(&secret, b"quic hp");
        Keys {
            aead: AesGcm::new(&key.into()),
            iv: expand(&secret, b"quic iv"),
            header: Aes128Enc::new(&header.into()),
        }
    }

    /// RFC 9001, sections 5.3 and 5.4.
    fn seal(&self, header: &[u8], number: u32, payload: &[u8]) -> Vec<u8> {
        let mut packet = [header, &number.to_be_bytes(), payload].concat();
        let (plain, text) = packet.split_at_mut(header.len() + NUMBER);
        let mut nonce = self.iv;
        for (byte, bits) in nonce[8..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= bits;
        }
        let sealed = self.aead.encrypt_inout_detached(&nonce.into(), plain, text.into());
        packet.extend_from_slice(&sealed.expect("a datagram is not too long"));
        let sample = header.len() + NUMBER;
        let mut mask = Block::default();
        mask.copy_from_slice(&packet[sample..sample + 16]);
        self.header.encrypt_block(&mut mask);
        packet[0] ^= mask[0] & 0x0f;
        for (byte, bits) in packet[header.len()..sample].iter_mut().zip(&mask[1..]) {
            *byte ^= bits;
        }
        packet
    }
}

/// HKDF-Expand-Label without a context (RFC 8446, section 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> [u8; N] {
    let length = (N as u16).to_be_bytes();
    let prefix = b"tls13 ";
    let label_length = [(prefix.len() + label.len()) as u8];
    let info = [&length[..], &label_length, prefix, label, &[0]].concat();
    let mut out = [0; N];
    secret.expand(&info, &mut out).expect("a short key");
    out
}
