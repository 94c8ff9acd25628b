//! Community ID v1 (seed 0): the name under which Zeek, Suricata and Arkime know the same flow.
//!
//! The digest runs over seed, lower end's address, higher end's address, protocol, a zero byte and, for
//! protocols with ports, both ports: a [`FlowKey`] is already in that order. ICMP messages stand in for ports with
//! their type and its counterpart (see [`icmp_ends`]).
//!
//! ```text
//!   0      2         6 (18)    10 (34)        12     14     16 (40)          56         64
//!   | seed | address | address | protocol, 0 | port | port | 0x80, 0, 0 ... | its bits |
//! ```
//!
//! At most 40 bytes, and so with SHA-1's padding always one block: the digest is one compression, no more.

use std::fmt;

use sha1::block_api::compress;

use super::key::{FlowKey, Side};
use crate::wire::packet::{Family, protocol};

const SEED: u16 = 0;

/// The id as records show it: `1:` and 28 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommunityId([u8; CommunityId::LENGTH]);

impl CommunityId {
    const LENGTH: usize = 30;

    /// `sender` is who sent the first packet: a one-way ICMP message is digested from its sender on, all else from the lower
    /// end on.
    pub fn of(key: &FlowKey, sender: Side) -> CommunityId {
        let first = if is_one_way(key, sender) { sender } else { Side::Lo };
        let (addresses, ports) = match first {
            Side::Lo => ([key.lo, key.hi], [key.lo_port, key.hi_port]),
            Side::Hi => ([key.hi, key.lo], [key.hi_port, key.lo_port]),
        };
        let mut message = Message::default();
        message.add(SEED.to_be_bytes());
        for address in addresses {
            match key.family {
                Family::V4 => message.add((address as u32).to_be_bytes()),
                Family::V6 => message.add(address.to_be_bytes()),
            }
        }
        message.add([key.protocol, 0]);
        if key.ported || is_icmp(key) {
            ports.into_iter().for_each(|port| message.add(port.to_be_bytes()));
        }
        spelt(message.digest())
    }

    #[inline]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8; CommunityId::LENGTH] {
        &self.0
    }
}

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is digested: less than a block.
struct Message {
    block: [u8; BLOCK],
    length: usize,
}

const BLOCK: usize = 64;
/// Where the message's length in bits stands (FIPS 180-4, section 5.1.1).
const BITS_AT: usize = BLOCK - size_of::<u64>();
const END_MARK: u8 = 0x80;

impl Default for Message {
    fn default() -> Message {
        Message {
            block: [0; BLOCK],
            length: 0,
        }
    }
}

impl Message {
    #[inline]
    fn add<const N: usize>(&mut self, bytes: [u8; N]) {
        let rest = self.block.get_mut(self.length..);
        if let Some(slots) = rest.and_then(<[u8]>::first_chunk_mut) {
            *slots = bytes;
            self.length += N;
        }
    }

    /// SHA-1 of a message of one block (FIPS 180-4, section 6.1).
    fn digest(mut self) -> [u32; 5] {
        let bits = 8 * self.length as u64;
        self.add([END_MARK]);
        self.length = BITS_AT;
        self.add(bits.to_be_bytes());
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        compress(&mut state, &[self.block]);
        state
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `1:` and the digest in base64 (RFC 4648, section 4): seven groups of three bytes, of which the last lacks one.
fn spelt(digest: [u32; 5]) -> CommunityId {
    let mut bytes = [0; 21];
    for (slots, word) in bytes.as_chunks_mut().0.iter_mut().zip(digest) {
        *slots = word.to_be_bytes();
    }
    let mut text = *b"1:0000111122223333444455556666";
    let [_, _, digits @ ..] = &mut text;
    for (slots, [a, b, c]) in digits.as_chunks_mut().0.iter_mut().zip(bytes.as_chunks().0) {
        let bits = u32::from_be_bytes([0, *a, *b, *c]);
        *slots = [18, 12, 6, 0].map(|shift| base64_digit(bits >> shift));
    }
    let [.., last] = &mut text;
    *last = b'=';
    CommunityId(text)
}

#[inline]
fn base64_digit(bits: u32) -> u8 {
    BASE64.get(bits as usize & 0x3f).copied().unwrap_or(b'=')
}

fn is_icmp(key: &FlowKey) -> bool {
    matches!(key.protocol, protocol::ICMP | protocol::ICMPV6)
}

fn is_one_way(key: &FlowKey, sender: Side) -> bool {
    let (kind, code) = (key.port(sender), key.port(sender.other()));
    is_icmp(key) && !icmp_ends(key.family, kind as u8, code as u8).2
}

/// What stands in for an ICMP message's ports: (of its sender, of its receiver, whether the two directions are one flow).
///
/// A request has its answer's type as counterpart; any other message has its code, and goes one way.
pub fn icmp_ends(family: Family, kind: u8, code: u8) -> (u16, u16, bool) {
    const PAIRS_V4: [(u8, u8); 5] = [(8, 0), (13, 14), (15, 16), (17, 18), (10, 9)];
    const PAIRS_V6: [(u8, u8); 5] = [(128, 129), (133, 134), (135, 136), (130, 131), (144, 145)];
    let pairs = match family {
        Family::V4 => &PAIRS_V4,
        Family::V6 => &PAIRS_V6,
    };
    for &(request, answer) in pairs {
        if kind == request {
            return (u16::from(request), u16::from(answer), true);
        }
        if kind == answer {
            return (u16::from(answer), u16::from(request), true);
        }
    }
    (u16::from(kind), u16::from(code), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::address_bits;

    fn id(source: &str, destination: &str, protocol: u8, ports: Option<(u16, u16)>) -> String {
        let (family, from) = address_bits(source.parse().unwrap());
        let (_, to) = address_bits(destination.parse().unwrap());
        let (a, b) = ports.unwrap_or_default();
        let (key, sender) = FlowKey::of(family, protocol, 0, (from, a), (to, b), ports.is_some());
        CommunityId::of(&key, sender).to_string()
    }

    /// Values published with the Community ID specification.
    #[test]
    fn the_published_values_come_out() {
        assert_eq!(
            id("128.232.110.120", "66.35.250.204", 6, Some((34855, 80))),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id("66.35.250.204", "128.232.110.120", 6, Some((80, 34855))),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id("192.168.1.52", "8.8.8.8", 17, Some((54585, 53))),
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
        );
    }

    /// Each padded by hand and by the library.
    #[test]
    fn every_length_of_message_comes_out() {
        let slow = |message: &[u8]| {
            use sha1::Digest;
            let digest = sha1::Sha1::digest(message);
            let words = digest.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word));
            let mut state = [0; 5];
            state.iter_mut().zip(words).for_each(|(slot, word)| *slot = word);
            spelt(state).to_string()
        };
        let (a, b) = ([198, 18, 0, 1], [198, 19, 0, 1]);
        let bare: Vec<u8> = [&[0, 0][..], &a, &b, &[47, 0]].concat();
        assert_eq!(id("198.19.0.1", "198.18.0.1", 47, None), slow(&bare));
        let mut six = [[0u8; 2].to_vec(), vec![0x20; 16], vec![0x21; 16], vec![6, 0]].concat();
        let (low, high) = (["2020"; 8].join(":"), ["2121"; 8].join(":"));
        assert_eq!(id(&high, &low, 6, None), slow(&six));
        six.extend([0, 80, 1, 187]);
        assert_eq!(id(&high, &low, 6, Some((443, 80))), slow(&six));
    }

    #[test]
    fn an_echo_and_its_answer_are_one_flow() {
        assert_eq!(icmp_ends(Family::V4, 8, 0), (8, 0, true));
        assert_eq!(icmp_ends(Family::V4, 0, 0), (0, 8, true));
        assert_eq!(icmp_ends(Family::V4, 3, 13), (3, 13, false));
    }
}
