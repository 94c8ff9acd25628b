//! JA4, the fingerprint of a TLS client (FoxIO's published method for the client's hello, free to use).
//!
//! ```text
//! t13d1516h2_8daaf6152771_e5627efa2ab1
//! |  ||   |  |            SHA-256 of the sorted extensions (without SNI and ALPN), `_`, the signature algorithms in order
//! |  ||   |  SHA-256 of the sorted ciphers (both cut to 12 hex digits)
//! |  ||   first and last character of the first ALPN name
//! |  |two digits each: how many ciphers, how many extensions
//! |  d: a server_name extension stood in the hello, i: none
//! t (TCP), q (QUIC) or d (DTLS), and the highest version offered
//! ```
//!
//! GREASE values count nowhere.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

use sha2::{Digest, Sha256};

use crate::evidence::memo::Memo;
use crate::evidence::model::TlsVersion;
use crate::wire::tls_extension::{
    self as extension, Extensions, is_grease, kind, protocol_names, signature_algorithms,
};

/// What carried the hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Quic,
    Dtls,
}

/// Characters of a fingerprint, and where its parts stand.
const LENGTH: usize = 36;
const FRONT: usize = 10;
const CIPHERS: std::ops::Range<usize> = 11..23;
const EXTENSIONS: std::ops::Range<usize> = 24..36;

/// A fingerprint: always as long, so that it needs no room of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ja4([u8; LENGTH]);

impl Ja4 {
    /// A fingerprint that was written down; None if the text has not the length of one.
    pub fn of_text(text: &str) -> Option<Ja4> {
        text.as_bytes().try_into().ok().map(Ja4)
    }
}

impl Deref for Ja4 {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Hex digits of a digest that are shown.
type Digits = [u8; 12];
/// A part whose list is empty.
const NOTHING: Digits = *b"000000000000";
/// The counts have two digits.
const MAX_COUNT: usize = 99;
/// Numbers of a list whose digest is remembered.
const MAX_REMEMBERED: usize = 256;
/// Between the extensions and the algorithms of one list: GREASE, which neither holds.
const DIVIDER: u16 = 0x0a0a;

/// Where lists are put together. A handful of programs say nearly all hellos, so that nearly every list was digested before.
struct Desk {
    list: Vec<u16>,
    ciphers: Memo<u16, Digits>,
    extensions: Memo<u16, Digits>,
}

thread_local! {
    static DESK: RefCell<Desk> = const {
        RefCell::new(Desk {
            list: Vec::new(),
            ciphers: Memo::new(MAX_REMEMBERED),
            extensions: Memo::new(MAX_REMEMBERED),
        })
    };
}

/// The fingerprint of a whole ClientHello: its own version field, its ciphers, and its extensions' bytes.
pub fn ja4(
    transport: Transport,
    legacy_version: u16,
    ciphers: impl Iterator<Item = u16>,
    extensions: Extensions<'_>,
) -> Ja4 {
    DESK.with_borrow_mut(|desk| desk.ja4(transport, legacy_version, ciphers, extensions))
}

impl Desk {
    fn ja4(
        &mut self,
        transport: Transport,
        legacy_version: u16,
        ciphers: impl Iterator<Item = u16>,
        extensions: Extensions<'_>,
    ) -> Ja4 {
        let mut text = [b'_'; LENGTH];
        self.list.clear();
        self.list.extend(ciphers.filter(|c| !is_grease(*c)));
        let cipher_count = two_digits(self.list.len());
        text[CIPHERS].copy_from_slice(&self.ciphers.answer(&self.list, cipher_digits));

        self.list.clear();
        let bodies = Bodies::note(extensions, &mut self.list);
        self.list.sort_unstable();
        let algorithms = signature_algorithms(bodies.algorithms.unwrap_or(&[])).filter(|a| !is_grease(*a));
        for (i, algorithm) in algorithms.enumerate() {
            if i == 0 {
                self.list.push(DIVIDER);
            }
            self.list.push(algorithm);
        }
        text[EXTENSIONS].copy_from_slice(&self.extensions.answer(&self.list, digits));

        let carrier = match transport {
            Transport::Tcp => b't',
            Transport::Quic => b'q',
            Transport::Dtls => b'd',
        };
        let [v, w] = *highest_version(legacy_version, bodies.versions);
        let named = if bodies.named { b'd' } else { b'i' };
        let [c, d] = cipher_count;
        let [e, f] = two_digits(bodies.count);
        let [a, b] = protocol(bodies.protocols);
        text[..FRONT].copy_from_slice(&[carrier, v, w, named, c, d, e, f, a, b]);
        Ja4(text)
    }
}

/// The bodies that a fingerprint depends on: each the first of its kind.
#[derive(Default)]
struct Bodies<'a> {
    /// How many extensions, GREASE left out.
    count: usize,
    named: bool,
    protocols: Option<&'a [u8]>,
    versions: Option<&'a [u8]>,
    algorithms: Option<&'a [u8]>,
}

impl<'a> Bodies<'a> {
    /// Walks the extensions once; those whose kinds are to be digested go to `kinds`.
    fn note(extensions: Extensions<'a>, kinds: &mut Vec<u16>) -> Bodies<'a> {
        let mut bodies = Bodies::default();
        for extension in extensions.filter(|e| !is_grease(e.kind)) {
            bodies.count += 1;
            let body = Some(extension.body);
            match extension.kind {
                kind::SERVER_NAME => {
                    bodies.named = true;
                    continue;
                }
                kind::ALPN => {
                    bodies.protocols = bodies.protocols.or(body);
                    continue;
                }
                kind::SUPPORTED_VERSIONS => bodies.versions = bodies.versions.or(body),
                kind::SIGNATURE_ALGORITHMS => bodies.algorithms = bodies.algorithms.or(body),
                _ => {}
            }
            kinds.push(extension.kind);
        }
        bodies
    }
}

/// The best of supported_versions, else the hello's own field, in two characters.
fn highest_version(legacy: u16, offered: Option<&[u8]>) -> &'static [u8; 2] {
    let offered = offered.into_iter().flat_map(extension::supported_versions);
    // DTLS counts downwards; its numbers never stand beside those of TLS. A draft's number is above all.
    let best = offered.filter(|v| !is_grease(*v)).max_by_key(|v| match v {
        0xfe00..=0xfeff => !v,
        _ => *v,
    });
    match TlsVersion(best.unwrap_or(legacy)) {
        TlsVersion::TLS13 => b"13",
        TlsVersion::TLS12 => b"12",
        TlsVersion::TLS11 => b"11",
        TlsVersion::TLS10 => b"10",
        TlsVersion::SSL3 => b"s3",
        TlsVersion::SSL2 => b"s2",
        TlsVersion(0xfeff) => b"d1",
        TlsVersion(0xfefd) => b"d2",
        TlsVersion(0xfefc) => b"d3",
        _ => b"00",
    }
}

/// Two characters for the first ALPN name: its first and last; of its hex form where either is no letter or digit.
fn protocol(names: Option<&[u8]>) -> [u8; 2] {
    let Some([first, last]) = protocol_names(names.unwrap_or(&[]))
        .next()
        .and_then(|name| Some([*name.first()?, *name.last()?]))
    else {
        return *b"00";
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [first, last]
    } else {
        [hex(first >> 4), hex(last)]
    }
}

fn two_digits(n: usize) -> [u8; 2] {
    let n = n.min(MAX_COUNT) as u8;
    [b'0' + n / 10, b'0' + n % 10]
}

/// The lowest four bits.
fn hex(n: u8) -> u8 {
    match n & 0x0f {
        n @ 0..=9 => b'0' + n,
        n => b'a' + n - 10,
    }
}

fn cipher_digits(ciphers: &[u16]) -> Digits {
    let mut sorted = ciphers.to_vec();
    sorted.sort_unstable();
    digits(&sorted)
}

/// The first 12 hex digits of the list's SHA-256, or zeros for an empty one. The list is digested as text: four hex digits a number,
/// commas between, and `_` for [`DIVIDER`].
fn digits(list: &[u16]) -> Digits {
    if list.is_empty() {
        return NOTHING;
    }
    let mut text = Vec::with_capacity(list.len() * 5);
    let mut separator = None;
    for &n in list {
        if n == DIVIDER {
            text.push(b'_');
            separator = None;
            continue;
        }
        text.extend(separator.replace(b','));
        text.extend(n.to_be_bytes().into_iter().flat_map(|b| [hex(b >> 4), hex(b)]));
    }
    let mut shown = NOTHING;
    let digest = Sha256::digest(&text);
    for (pair, byte) in shown.as_chunks_mut().0.iter_mut().zip(digest) {
        *pair = [hex(byte >> 4), hex(byte)];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ciphers and extensions of the method's own worked example (Chrome; GREASE in both lists).
    const CIPHERS: [u16; 16] = [
        0xdada, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
        0x002f, 0x0035,
    ];

    fn example(alpn: &[u8]) -> Vec<u8> {
        let mut list = Vec::new();
        let mut add = |kind: u16, body: &[u8]| {
            list.extend(kind.to_be_bytes());
            list.extend((body.len() as u16).to_be_bytes());
            list.extend(body);
        };
        add(0x3a3a, &[]);
        for kind in [0x001b, 0x0000, 0x0033] {
            add(kind, &[]);
        }
        let mut names = vec![0, alpn.len() as u8 + 1, alpn.len() as u8];
        names.extend(alpn);
        add(0x0010, &names);
        add(0x4469, &[]);
        add(0x0017, &[]);
        add(0x002d, &[]);
        add(0x000d, &[0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1]);
        add(0x0005, &[]);
        add(0x0023, &[]);
        add(0x0012, &[]);
        add(0x002b, &[4, 0xaa, 0xaa, 3, 4]);
        for kind in [0xff01, 0x000b, 0x000a, 0x0015] {
            add(kind, &[]);
        }
        list
    }

    #[test]
    fn the_worked_example_of_the_method() {
        let list = example(b"h2");
        let text = ja4(Transport::Tcp, 0x0303, CIPHERS.into_iter(), Extensions::new(&list));
        assert_eq!(&*text, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn odd_protocol_names_are_shown_in_hex() {
        let middle = |alpn: &[u8]| {
            let list = example(alpn);
            let text = ja4(Transport::Quic, 0x0303, [].into_iter(), Extensions::new(&list));
            text[8..10].to_owned()
        };
        assert_eq!(middle(b"h"), "hh");
        assert_eq!(middle(&[0xab]), "ab");
        assert_eq!(middle(&[0x30, 0xab, 0xcd, 0x31]), "01");
        assert_eq!(middle(&[0x30, 0x31, 0xab, 0xcd]), "3d");
    }

    #[test]
    fn nothing_at_all_is_zeros() {
        let text = ja4(Transport::Dtls, 0xfefd, [0x0a0a].into_iter(), Extensions::new(&[]));
        assert_eq!(&*text, "dd2i000000_000000000000_000000000000");
    }
}
