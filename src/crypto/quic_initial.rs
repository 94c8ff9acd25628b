//! QUIC's Initial packets, opened.
//!
//! RFC 9001, section 5.2: the keys come from the destination connection id of the client's first
//! Initial, and a salt that the version fixes:
//!
//! ```text
//!             salt, id
//!                │ HKDF-Extract
//!         initial secret
//!    "client in" │ "server in"       HKDF-Expand-Label (RFC 8446, section 7.1)
//!     client's secret  server's
//!                │ "quic key", "quic iv", "quic hp"       ("quicv2 ..." in version 2)
//!       key, iv (AES-128-GCM), header key (AES-128)
//! ```
//!
//! Opening a packet (sections 5.3 and 5.4) happens in a scratch buffer that is used over and over:
//!
//! ```text
//! packet    | header, masked          | ciphertext            | tag |
//! scratch   | header, number unmasked | plaintext             | tag |
//! ```
//!
//! The tag is verified before a byte is decrypted. Without it nothing of the packet is believed.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use hkdf::Hkdf;
use sha2::Sha256;

use crate::wire::quic::Sealed;
use crate::wire::quic_version::{Dialect, QuicVersion};

const SALT: usize = 20;
const SECRET: usize = 32;
const KEY: usize = 16;
const IV: usize = 12;
const TAG: usize = 16;
const SAMPLE: usize = 16;
/// RFC 9001, section 5.4.2: the sample is taken as if the packet number were 4 bytes long.
const SAMPLE_AFTER: usize = 4;
const LONGEST_NUMBER: usize = 4;

/// draft-ietf-quic-tls-22, section 5.2.
const SALT_DRAFT_22: [u8; SALT] = [
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64,
    0x4a,
];
/// draft-ietf-quic-tls-23, section 5.2.
const SALT_DRAFT_23: [u8; SALT] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5,
    0x02,
];
/// draft-ietf-quic-tls-29, section 5.2.
const SALT_DRAFT_29: [u8; SALT] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8,
    0x99,
];
/// RFC 9001, section 5.2.
const SALT_V1: [u8; SALT] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
/// draft-ietf-quic-v2-01, section 3.3.1; the same in all drafts before the last.
const SALT_V2_DRAFTS: [u8; SALT] = [
    0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5,
    0xd3,
];
/// RFC 9369, section 3.3.1.
const SALT_V2: [u8; SALT] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
    0xd9,
];
/// Chromium's `crypto_utils.cc`, for its own versions.
const SALT_Q050: [u8; SALT] = [
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b,
    0x45,
];
const SALT_T050: [u8; SALT] = [
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83,
    0x10,
];
const SALT_T051: [u8; SALT] = [
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03,
    0x3d,
];

/// Who sealed a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Client,
    Server,
}

/// The keys of one sender's Initial packets.
#[derive(Debug)]
pub struct InitialKeys {
    aead: AesGcm<Aes128Enc, U12>,
    iv: [u8; IV],
    header: Aes128Enc,
}

/// The buffer that packets are opened in. It grows to the largest packet seen, at most a datagram.
#[derive(Debug, Default)]
pub struct Scratch(Vec<u8>);

/// A packet whose tag was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened<'a> {
    pub number: u64,
    /// Its frames.
    pub payload: &'a [u8],
}

impl InitialKeys {
    /// `first_id`: the destination id of the client's first Initial (after a Retry: of the first behind it).
    /// None for a version whose keys are unknown.
    pub fn derive(version: QuicVersion, first_id: &[u8], sender: Sender) -> Option<InitialKeys> {
        let (salt, labels) = parameters(version.dialect())?;
        let secret = expand(
            &Hkdf::<Sha256>::new(Some(salt), first_id),
            match sender {
                Sender::Client => b"client in",
                Sender::Server => b"server in",
            },
        )?;
        Self::from_secret(secret, labels)
    }

    fn from_secret(secret: [u8; SECRET], labels: &Labels) -> Option<InitialKeys> {
        let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let key: [u8; KEY] = expand(&secret, labels.key)?;
        let header: [u8; KEY] = expand(&secret, labels.header)?;
        Some(InitialKeys {
            aead: AesGcm::new(&key.into()),
            iv: expand(&secret, labels.iv)?,
            header: Aes128Enc::new(&header.into()),
        })
    }

    /// Opens a packet; None if its tag is not by these keys. `largest`: the largest number of the sender so far.
    pub fn open<'s>(&self, sealed: &Sealed<'_>, largest: Option<u64>, scratch: &'s mut Scratch) -> Option<Opened<'s>> {
        let (_, protected) = sealed.packet.split_at_checked(sealed.number_at)?;
        let (masked, sampled) = protected.split_first_chunk::<SAMPLE_AFTER>()?;
        let [first_mask, number_mask @ .., _, _, _] = self.mask(sampled.first_chunk()?);

        let buffer = &mut scratch.0;
        buffer.clear();
        buffer.extend_from_slice(sealed.packet);
        let first = buffer.first_mut()?;
        // RFC 9001, section 5.4.1: four bits of a long header's first byte are masked; two of them are the number's length.
        *first ^= first_mask & 0x0f;
        let length = usize::from(*first & 0x03) + 1;
        let number = u32::from_be_bytes(*masked) ^ u32::from_be_bytes(number_mask);

        let (header, body) = buffer.split_at_mut_checked(sealed.number_at + length)?;
        let (_, number_bytes) = header.split_at_mut_checked(sealed.number_at)?;
        for (byte, plain) in number_bytes.iter_mut().zip(number.to_be_bytes()) {
            *byte = plain;
        }
        let truncated = number >> (8 * (LONGEST_NUMBER - length));
        let number = full_number(truncated, length, largest);

        let (text, tag) = body.split_last_chunk_mut::<TAG>()?;
        let nonce = self.nonce(number);
        self.aead
            .decrypt_inout_detached(&nonce.into(), header, (&mut *text).into(), (&*tag).into())
            .ok()?;
        Some(Opened { number, payload: text })
    }

    /// Seals a payload behind a header whose number has four bytes, for tests that need packets of their own.
    #[cfg(test)]
    pub fn seal(&self, header: &[u8], number: u32, payload: &[u8]) -> Vec<u8> {
        let mut packet = [header, &number.to_be_bytes(), payload].concat();
        let (plain, text) = packet.split_at_mut(header.len() + LONGEST_NUMBER);
        let nonce = self.nonce(u64::from(number));
        let tag = self
            .aead
            .encrypt_inout_detached(&nonce.into(), plain, text.into())
            .unwrap();
        packet.extend_from_slice(&tag);
        let sampled = &packet[header.len() + SAMPLE_AFTER..];
        let [first_mask, number_mask @ ..] = self.mask(sampled.first_chunk().unwrap());
        packet[0] ^= first_mask & 0x0f;
        for (byte, mask) in packet[header.len()..][..LONGEST_NUMBER].iter_mut().zip(number_mask) {
            *byte ^= mask;
        }
        packet
    }

    /// RFC 9001, section 5.4.3: the mask is the sample, encrypted. Here with the byte for the header's first in front,
    /// four for the number, and three that are never used.
    fn mask(&self, sample: &[u8; SAMPLE]) -> [u8; 8] {
        let mut block = Block::from(*sample);
        self.header.encrypt_block(&mut block);
        let [a, b, c, d, e, f, g, h, ..] = block.0;
        [a, b, c, d, e, f, g, h]
    }

    /// RFC 9001, section 5.3: the packet number, left-padded with zeros, exclusive-or the IV.
    fn nonce(&self, number: u64) -> [u8; IV] {
        let mut nonce = self.iv;
        if let Some(low) = nonce.last_chunk_mut::<8>() {
            *low = (u64::from_be_bytes(*low) ^ number).to_be_bytes();
        }
        nonce
    }
}

/// What the keys are derived with besides the secrets.
struct Labels {
    key: &'static [u8],
    iv: &'static [u8],
    header: &'static [u8],
}

const LABELS: Labels = Labels {
    key: b"quic key",
    iv: b"quic iv",
    header: b"quic hp",
};
/// RFC 9369, section 3.3.2.
const LABELS_V2: Labels = Labels {
    key: b"quicv2 key",
    iv: b"quicv2 iv",
    header: b"quicv2 hp",
};

fn parameters(dialect: Dialect) -> Option<(&'static [u8; SALT], &'static Labels)> {
    Some(match dialect {
        Dialect::Draft22 => (&SALT_DRAFT_22, &LABELS),
        Dialect::Draft23 => (&SALT_DRAFT_23, &LABELS),
        Dialect::Draft29 => (&SALT_DRAFT_29, &LABELS),
        Dialect::V1 => (&SALT_V1, &LABELS),
        Dialect::V2Draft00 | Dialect::V2Draft01 => (&SALT_V2_DRAFTS, &LABELS_V2),
        Dialect::V2 => (&SALT_V2, &LABELS_V2),
        Dialect::Q050 => (&SALT_Q050, &LABELS),
        Dialect::T050 => (&SALT_T050, &LABELS),
        Dialect::T051 => (&SALT_T051, &LABELS),
        Dialect::GoogleClear | Dialect::Reserved | Dialect::Negotiation | Dialect::Unknown => {
            return None;
        }
    })
}

/// HKDF-Expand-Label of RFC 8446, section 7.1, with no context: length (2), "tls13 " and the label behind their length, 0.
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; N]> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = u8::try_from(PREFIX.len() + label.len()).ok()?;
    let mut out = [0; N];
    secret
        .expand_multi_info(&[&length, &[label_length], PREFIX, label, &[0]], &mut out)
        .ok()?;
    Some(out)
}

/// RFC 9000, appendix A.3: of the numbers that end in the bytes sent, the one next to what is expected.
fn full_number(truncated: u32, length: usize, largest: Option<u64>) -> u64 {
    const NUMBERS: u64 = 1 << 62;
    let expected = largest.map_or(0, |n| n + 1);
    let window = 1u64 << (8 * length);
    let candidate = expected & !(window - 1) | u64::from(truncated);
    if candidate + window / 2 <= expected && candidate < NUMBERS - window {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::quic_examples::{CLIENT_FRAME, ID, SERVER_PAYLOAD, header, hex};
    use crate::wire::quic::{Body, Packet, Packets};

    fn first_sealed(datagram: &[u8]) -> Sealed<'_> {
        match Packets::new(datagram).next() {
            Some(Packet::Long(packet)) => match packet.body {
                Body::Sealed(sealed) => sealed,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// A version's published example.
    struct Example {
        version: QuicVersion,
        client_iv: &'static str,
        server_iv: &'static str,
        /// A.2: the client's packet, its beginning and its tag (which no other bytes between them have).
        header: &'static str,
        begins: &'static str,
        ends: &'static str,
        /// A.3: the server's packet.
        server_packet: &'static str,
    }

    const EXAMPLES: [Example; 2] = [
        Example {
            version: QuicVersion::V1,
            client_iv: "fa044b2f42a3fd3b46fb255c",
            server_iv: "0ac1493ca1905853b0bba03e",
            header: "c300000001088394c8f03e5157080000449e",
            begins: "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11
                d242b123dc9bd8bab936b47d92ec356c0bab7df5976d27cd449f63300099f399",
            ends: "e221af44860018ab0856972e194cd934",
            server_packet: "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a
                5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3
                dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84
                022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4
                2158407dd074ee",
        },
        Example {
            version: QuicVersion::V2,
            client_iv: "91f73e2351d8fa91660e909f",
            server_iv: "dd13c276499c0249d3310652",
            header: "d36b3343cf088394c8f03e5157080000449e",
            begins: "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485
                dd04de806071bf03dceebfa162e75d6c96058bdbfb127cdfcbf903388e99ad04",
            ends: "a18b2faa745b6fe189cf772a9f84cbfc",
            server_packet: "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698
                baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17
                f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2
                c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8
                4bed8521e2e140",
        },
    ];

    #[test]
    fn the_published_examples_open() {
        for example in EXAMPLES {
            let keys = |sender| InitialKeys::derive(example.version, &ID, sender).unwrap();
            let (client, server) = (keys(Sender::Client), keys(Sender::Server));
            assert_eq!(client.iv.as_slice(), hex(example.client_iv));
            assert_eq!(server.iv.as_slice(), hex(example.server_iv));

            let mut payload = hex(CLIENT_FRAME);
            payload.resize(1162, 0);
            let header = header(example.version, &ID, &[], &[], payload.len());
            assert_eq!(header, hex(example.header));
            let packet = client.seal(&header, 2, &payload);
            assert_eq!(packet.len(), 1200);
            assert!(packet.starts_with(&hex(example.begins)));
            assert!(packet.ends_with(&hex(example.ends)));
            let mut scratch = Scratch::default();
            let opened = client.open(&first_sealed(&packet), None, &mut scratch);
            let expected = Opened {
                number: 2,
                payload: &payload,
            };
            assert_eq!(opened, Some(expected));

            let packet = hex(example.server_packet);
            let payload = hex(SERVER_PAYLOAD);
            let expected = Opened {
                number: 1,
                payload: &payload,
            };
            let opened = server.open(&first_sealed(&packet), None, &mut scratch);
            assert_eq!(opened, Some(expected));
            assert_eq!(client.open(&first_sealed(&packet), None, &mut scratch), None);
        }
    }

    #[test]
    fn a_packet_with_one_bit_changed_stays_closed() {
        let packet = hex(EXAMPLES[0].server_packet);
        let keys = InitialKeys::derive(QuicVersion::V1, &ID, Sender::Server).unwrap();
        let mut scratch = Scratch::default();
        // Not the header's lengths, which are read before the tag is.
        let fields = [0, 7, 14].into_iter().chain(18..packet.len());
        for at in fields {
            let mut other = packet.clone();
            other[at] ^= 0x04;
            let opened = keys.open(&first_sealed(&other), None, &mut scratch);
            assert_eq!(opened, None, "byte {at}");
        }
    }

    #[test]
    fn short_packets_stay_closed() {
        let keys = InitialKeys::derive(QuicVersion::V1, &ID, Sender::Client).unwrap();
        let mut scratch = Scratch::default();
        let bytes = [0u8; 60];
        for length in 0..bytes.len() {
            for number_at in 0..length + 2 {
                let sealed = Sealed {
                    packet: &bytes[..length],
                    number_at,
                    token: &[],
                };
                assert_eq!(keys.open(&sealed, None, &mut scratch), None);
            }
        }
    }

    #[test]
    fn packet_numbers_are_completed() {
        // RFC 9000, appendix A.3.
        assert_eq!(full_number(0x9b32, 2, Some(0xa82f_30ea)), 0xa82f_9b32);
        assert_eq!(full_number(5, 1, None), 5);
        assert_eq!(full_number(0xff, 1, Some(0x100)), 0xff);
        assert_eq!(full_number(0x01, 1, Some(0xff)), 0x101);
    }

    #[test]
    fn versions_without_known_keys_have_none() {
        for version in [0, 0x0a0a_0a0a, 0x5130_3436, 0xff00_0012] {
            let keys = InitialKeys::derive(QuicVersion(version), &ID, Sender::Client);
            assert!(keys.is_none());
        }
    }
}
