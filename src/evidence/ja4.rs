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

use std::fmt::Write;

use sha2::{Digest, Sha256};

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

/// A part whose list is empty.
const NOTHING: &str = "000000000000";
/// The counts have two digits.
const MAX_COUNT: usize = 99;

/// The fingerprint of a whole ClientHello: its own version field, its ciphers, and its extensions' bytes.
pub fn ja4(
    transport: Transport,
    legacy_version: u16,
    ciphers: impl Iterator<Item = u16>,
    extensions: Extensions<'_>,
) -> String {
    let mut ciphers: Vec<u16> = ciphers.filter(|c| !is_grease(*c)).collect();
    let kinds = extensions.clone().map(|e| e.kind);
    let mut kinds: Vec<u16> = kinds.filter(|k| !is_grease(*k)).collect();

    let mut text = String::with_capacity(36);
    text.push(match transport {
        Transport::Tcp => 't',
        Transport::Quic => 'q',
        Transport::Dtls => 'd',
    });
    text.push_str(highest_version(legacy_version, &extensions));
    let named = kinds.contains(&kind::SERVER_NAME);
    text.push(if named { 'd' } else { 'i' });
    for count in [ciphers.len(), kinds.len()] {
        push_two_digits(&mut text, count.min(MAX_COUNT));
    }
    text.extend(protocol(&extensions));

    text.push('_');
    ciphers.sort_unstable();
    push_hash(&mut text, &comma_separated(ciphers.iter().copied()));

    text.push('_');
    kinds.retain(|k| *k != kind::SERVER_NAME && *k != kind::ALPN);
    kinds.sort_unstable();
    let mut list = comma_separated(kinds.iter().copied());
    let algorithms = extensions.body_of(kind::SIGNATURE_ALGORITHMS).unwrap_or(&[]);
    let algorithms = comma_separated(signature_algorithms(algorithms).filter(|a| !is_grease(*a)));
    if !algorithms.is_empty() {
        list.push('_');
        list.push_str(&algorithms);
    }
    push_hash(&mut text, &list);
    text
}

/// The best of supported_versions, else the hello's own field, in two characters.
fn highest_version(legacy: u16, extensions: &Extensions<'_>) -> &'static str {
    let offered = extensions
        .body_of(kind::SUPPORTED_VERSIONS)
        .into_iter()
        .flat_map(extension::supported_versions)
        .filter(|v| !is_grease(*v));
    // DTLS counts downwards; its numbers never stand beside those of TLS. A draft's number is above all.
    let best = offered.max_by_key(|v| match v {
        0xfe00..=0xfeff => !v,
        _ => *v,
    });
    match TlsVersion(best.unwrap_or(legacy)) {
        TlsVersion::TLS13 => "13",
        TlsVersion::TLS12 => "12",
        TlsVersion::TLS11 => "11",
        TlsVersion::TLS10 => "10",
        TlsVersion::SSL3 => "s3",
        TlsVersion::SSL2 => "s2",
        TlsVersion(0xfeff) => "d1",
        TlsVersion(0xfefd) => "d2",
        TlsVersion(0xfefc) => "d3",
        _ => "00",
    }
}

/// Two characters for the first ALPN name: its first and last; of its hex form where either is no letter or digit.
fn protocol(extensions: &Extensions<'_>) -> [char; 2] {
    let names = extensions.body_of(kind::ALPN).unwrap_or(&[]);
    let Some([first, last]) = protocol_names(names)
        .next()
        .and_then(|name| Some([*name.first()?, *name.last()?]))
    else {
        return ['0', '0'];
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [first as char, last as char]
    } else {
        [first >> 4, last & 0x0f].map(|n| char::from_digit(u32::from(n), 16).unwrap_or('0'))
    }
}

fn push_two_digits(text: &mut String, n: usize) {
    // Writing into a String cannot fail.
    let _ = write!(text, "{n:02}");
}

fn comma_separated(numbers: impl Iterator<Item = u16>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(160);
    for n in numbers {
        if !text.is_empty() {
            text.push(',');
        }
        // By hand: the formatter took half of a hello's time.
        for shift in [12, 8, 4, 0] {
            let digit = usize::from(n >> shift & 0xf);
            text.push(char::from(DIGITS.get(digit).copied().unwrap_or(b'0')));
        }
    }
    text
}

/// The first 12 hex digits of the text's SHA-256, or zeros for no text.
fn push_hash(text: &mut String, of: &str) {
    if of.is_empty() {
        text.push_str(NOTHING);
        return;
    }
    for byte in Sha256::digest(of.as_bytes()).iter().take(6) {
        let _ = write!(text, "{byte:02x}");
    }
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
        assert_eq!(text, "t13d1516h2_8daaf6152771_e5627efa2ab1");
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
        assert_eq!(text, "dd2i000000_000000000000_000000000000");
    }
}
