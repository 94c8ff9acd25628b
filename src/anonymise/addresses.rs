//! Addresses for addresses: two that share their first n bits still do so, and nothing else of them is left.
//!
//! The idea is Crypto-PAn's: whether a bit is turned depends, by a cipher, on all bits before it. Kinds of addresses stay
//! what they are, since they mean something: private, link-local, multicast, loopback. Of a kind with a prefix the prefix
//! stays and the rest is replaced; public IPv4, which has none, is replaced until it is public again.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};

/// Ranges of IPv4 that stay ranges: first address, and how many bits stay (32: all).
const V4_KEPT: [(u32, u32, u32); 15] = [
    // Range's length, then the bits that stay.
    (0x0000_0000, 32, 32), // nobody yet
    (0x0000_0000, 8, 8),   // this network
    (0x7f00_0000, 8, 32),  // loopback
    (0xe000_0000, 24, 32), // groups that everybody has
    (0xefff_fffa, 32, 32), // SSDP's
    (0xe900_0000, 8, 8),   // groups of a provider, whose number they carry (RFC 3180)
    (0xef00_0000, 8, 8),   // an organisation's groups
    (0xe000_0000, 4, 4),   // multicast
    (0xa9fe_0000, 16, 16), // link-local
    (0x0a00_0000, 8, 8),   // private (RFC 1918)
    (0xac10_0000, 12, 12),
    (0xc0a8_0000, 16, 16),
    (0x6440_0000, 10, 10), // carriers' (RFC 6598)
    (0xffff_ffff, 32, 32), // broadcast
    (0xf000_0000, 4, 4),   // reserved
];

pub struct Addresses {
    cipher: Aes128Enc,
    hardware: Aes128Enc,
}

impl Addresses {
    pub fn new(secret: &[u8; 32], hardware: &[u8; 32]) -> Addresses {
        Addresses {
            cipher: cipher(secret),
            hardware: cipher(hardware),
        }
    }

    pub fn v4(&self, address: u32) -> u32 {
        let own = kind(address);
        let kept = own.map_or(0, |(_, _, kept)| kept);
        let mut other = address;
        // A permutation goes round in a circle, and this one is left as soon as it is of the same kind again.
        for _ in 0..1000 {
            other = self.turned(u128::from(other) << 96, 32, kept, 4).0;
            if kind(other) == own {
                break;
            }
        }
        other
    }

    pub fn v6(&self, address: u128) -> u128 {
        const MAPPED: u128 = 0xffff;
        const NAT64: u128 = 0x0064_ff9b << 64;
        const SOLICITED: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
        let top = |bits: u32| address >> (128 - bits);
        let kept = match address {
            0 | 1 => return address,
            _ if address >> 32 == MAPPED || address >> 32 == NAT64 => {
                return address >> 32 << 32 | u128::from(self.v4(address as u32));
            }
            // The end of a solicited-node address is the end of a host's.
            _ if address & !0xff_ffff == SOLICITED => 104,
            // Groups that everybody has; others may carry a prefix of their network (RFC 3306, RFC 3956).
            _ if top(12) == 0xff0 => return address,
            _ if top(8) == 0xff => 32,
            _ if top(10) == 0x3fa => 64,
            _ if top(7) == 0x7e => 7,
            _ if top(3) == 1 => 3,
            _ => 8,
        };
        self.turned(address, 128, kept, 6).1
    }

    /// The bits of `address`, which stand at the top, from `kept` to `width` turned; as IPv4 and as IPv6.
    fn turned(&self, address: u128, width: u32, kept: u32, family: u8) -> (u32, u128) {
        let mut other = address;
        for bit in kept..width {
            let before = if bit == 0 {
                0
            } else {
                address >> (128 - bit) << (128 - bit)
            };
            // What is enciphered is the bits before, and how many they are.
            let mut block = Block::from(before.to_be_bytes());
            if let Some(last) = block.last_mut() {
                *last ^= 1;
            }
            self.cipher.encrypt_block(&mut block);
            for (slot, byte) in block.iter_mut().zip([bit as u8, family]) {
                *slot ^= byte;
            }
            self.cipher.encrypt_block(&mut block);
            let turn = block.first().is_some_and(|byte| byte & 1 == 1);
            other ^= u128::from(turn) << (127 - bit);
        }
        ((other >> 96) as u32, other)
    }

    /// A hardware address. Those of groups that everybody has stay; others carry the end of a group's or a host's IP address.
    pub fn hardware(&self, address: [u8; 6]) -> [u8; 6] {
        const GROUP: u8 = 1;
        let [a, b, c, d, e, f] = address;
        // How much of it is a group's own: the rest is of an address of IPv4, of IPv6, of a host in a solicited-node address.
        let fixed = match address {
            [0x01, 0x00, 0x5e, 0, 0, _] | [0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa] => 6,
            [0x01, 0x00, 0x5e, ..] | [0x33, 0x33, 0xff, ..] => 3,
            [0x33, 0x33, 0, 0, ..] => 6,
            [0x33, 0x33, ..] => 2,
            _ if address == [0; 6] || a & GROUP != 0 => 6,
            _ => 0,
        };
        if fixed == address.len() {
            return address;
        }
        let mut block = Block::from([a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        self.hardware.encrypt_block(&mut block);
        let mut other = [0; 6];
        for (slot, byte) in other.iter_mut().zip(block.iter()) {
            *slot = *byte;
        }
        for (slot, byte) in other.iter_mut().zip(address).take(fixed) {
            *slot = byte;
        }
        let [x, y, z, u, v, w] = other;
        match (fixed, address) {
            // Whose numbers these are: nobody's.
            (0, _) => [x & !GROUP | 2, y, z, u, v, w],
            (_, [0x01, ..]) => [x, y, z, u & 0x7f, v, w],
            _ => other,
        }
    }
}

fn kind(address: u32) -> Option<(u32, u32, u32)> {
    V4_KEPT
        .into_iter()
        .find(|(first, length, _)| (address ^ first) >> (32 - length) == 0)
}

fn cipher(secret: &[u8; 32]) -> Aes128Enc {
    let mut key = [0; 16];
    for (slot, byte) in key.iter_mut().zip(secret) {
        *slot = *byte;
    }
    Aes128Enc::new(&key.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymise::Substitutes;
    use std::collections::HashSet;

    #[test]
    fn prefixes_stay_shared_kinds_stay_kinds_and_no_two_become_one() {
        let substitutes = Substitutes::new(b"a key");
        let addresses = &substitutes.addresses;
        let mut seen = HashSet::new();
        for n in 0..20_000u32 {
            let address = n.wrapping_mul(0x9e37_79b1);
            let other = addresses.v4(address);
            assert!(seen.insert(other), "{address:08x}");
            assert_eq!(kind(address), kind(other), "{address:08x} {other:08x}");
        }
        for shared in 20..32 {
            let (a, b) = (0xc633_6407, 0xc633_6407 ^ 1 << (31 - shared));
            assert_eq!((addresses.v4(a) ^ addresses.v4(b)).leading_zeros(), shared);
            let (a, b) = (
                0x2001_0db8_u128 << 96 | 7,
                (0x2001_0db8_u128 << 96 | 7) ^ 1 << (127 - shared),
            );
            assert_eq!((addresses.v6(a) ^ addresses.v6(b)).leading_zeros(), shared);
        }
        let other = Substitutes::new(b"another");
        assert_ne!(addresses.v4(0xc633_6407), other.addresses.v4(0xc633_6407));
        assert_eq!(addresses.v4(0xffff_ffff), 0xffff_ffff);
        for (public, stays) in [
            (0xe000_00fb, true),
            (0xe9fc_0009, false),
            (0xf001_0203, false),
            (0x0000_0000, true),
        ] {
            assert_eq!(addresses.v4(public) == public, stays, "{public:08x}");
        }
        // A group under a network's prefix (RFC 3306) shows no bit of it.
        let group = 0xff3e_0040_2001_0db8_0077_0088_0000_0101_u128;
        assert_eq!(addresses.v6(group) >> 96, group >> 96);
        assert_ne!(addresses.v6(group) << 32 >> 64, group << 32 >> 64);
        assert_eq!(addresses.v6(0xff02 << 112 | 0xfb), 0xff02 << 112 | 0xfb);
        assert_eq!(addresses.hardware([1, 0, 0x5e, 0, 0, 0xfb]), [1, 0, 0x5e, 0, 0, 0xfb]);
        assert_ne!(addresses.hardware([1, 0, 0x5e, 0x7c, 0, 9]), [1, 0, 0x5e, 0x7c, 0, 9]);
        assert_eq!(addresses.v6(0xfe80 << 112 | 5) >> 64, 0xfe80 << 48);
    }
}
