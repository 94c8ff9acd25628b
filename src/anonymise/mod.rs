//! Packets made fit to be shown to others: bytes in, bytes out, under a key.
//!
//! What is not understood is cut: a frame keeps its headers, with other addresses in them, and of what they carry only DNS
//! messages and the hellos and certificates of TLS, with other names in them. The same key puts the same in the place of the same, in any run.
//!
//! ```text
//!  frame   Ethernet | IP | UDP | DNS message                 frame   Ethernet | IP | TCP | anything else
//!  out     other    | other    | other names and addresses   out     other    | other    |  (cut; the length on the wire stays)
//! ```
//!
//! | what | becomes |
//! | --- | --- |
//! | an address | another that shares as long a prefix with others as it did ([`addresses`]) |
//! | a label of a name | another of its length ([`names`]) |
//! | numbers, sizes, times, ports, fingerprints | stay |
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod addresses;
mod certificate;
mod checksum;
mod dns;
mod flight;
mod fronts;
mod headers;
mod hello;
pub mod names;
pub mod packet;

use hkdf::Hkdf;
use sha2::Sha256;

use self::addresses::Addresses;
use self::names::Names;

/// What stands in the place of addresses and names, under one key.
pub struct Substitutes {
    pub addresses: Addresses,
    pub names: Names,
}

impl Substitutes {
    /// Every secret is derived from `key`: whoever guesses it can undo all.
    pub fn new(key: &[u8]) -> Substitutes {
        let secrets = Hkdf::<Sha256>::new(Some(b"flowsift anonymise 1"), key);
        let secret = |what: &[u8]| {
            let mut secret = [0; 32];
            // 32 bytes are never too many (RFC 5869, 2.3).
            let _ = secrets.expand(what, &mut secret);
            secret
        };
        Substitutes {
            addresses: Addresses::new(&secret(b"addresses"), &secret(b"hardware")),
            names: Names::new(secret(b"names")),
        }
    }
}
