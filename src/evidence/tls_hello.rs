//! What the two hellos say, written into [`TlsFacts`].
//!
//! Whole bodies are read by [`wire::tls_hello`](crate::wire::tls_hello). Here is what else a hello may be: one that the capture cut,
//! which holds the name all the same, and the ServerHellos of DTLS and of TLS 1.3's drafts.
//!
//! The same reading serves TLS over TCP, QUIC and DTLS: a hello's body is one format, but for the
//! cookie of DTLS.

use std::cell::RefCell;

use crate::evidence::ja4::{Transport, ja4};
use crate::evidence::memo::Memo;
use crate::evidence::model::{TlsFacts, TlsVersion};
use crate::evidence::offers::Protocols;
use crate::names::domain::{Domain, escape_text};
use crate::wire::cursor::Cursor;
use crate::wire::dtls;
use crate::wire::tls_extension::{
    Extensions, host_name, is_grease, kind, protocol_names, selected_version, supported_versions,
};
use crate::wire::tls_hello::{self, RANDOM};

/// ALPN names and versions kept of one hello.
const MAX_LISTED: usize = 100;
/// Bytes of an ALPN list that is remembered.
const MAX_REMEMBERED: usize = 256;

/// RFC 8446, section 4.1.3: a ServerHello with this random (the SHA-256 of "HelloRetryRequest") is a HelloRetryRequest.
const RETRY_RANDOM: [u8; RANDOM] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
/// Up to draft 21 a TLS 1.3 ServerHello says so in its own version field, and has neither session id nor compression.
const SHORT_DRAFTS: std::ops::RangeInclusive<u16> = 0x7f00..=0x7f15;

/// Why a hello's body is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloError {
    /// Shorter than its own fields, or with lengths that do not fit.
    Lengths,
    /// The version is of no protocol that has such a hello.
    Version,
}

/// What a ServerHello decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello {
    /// None only of a hello that was cut before it could be told.
    pub version: Option<TlsVersion>,
    pub cipher: Option<u16>,
    /// A HelloRetryRequest: it decides nothing yet, the client says hello again.
    pub retry: bool,
}

/// Reads a whole ClientHello. A second one (after a retry) only adds the name if the first had none: RFC 8446, section
/// 4.1.2, has the client repeat the first but for its keys, cookie, early data and padding.
pub fn client_hello(body: &[u8], transport: Transport, facts: &mut TlsFacts) -> Result<(), HelloError> {
    let hello = tls_hello::ClientHello::parse(body).ok_or(HelloError::Lengths)?;
    let first = !facts.hello;
    facts.hello = true;
    note_extensions(&hello.extensions, first, facts);
    if first {
        if facts.offered.is_empty() {
            facts.offered = [TlsVersion(hello.version)].into_iter().collect();
        }
        facts.ja4 = Some(ja4(transport, hello.version, hello.ciphers(), hello.extensions));
    }
    Ok(())
}

/// Reads what there is of a ClientHello that ends too early. Says whether anything was learnt.
///
/// It counts as evidence, but not as a hello read whole, and has no fingerprint.
pub fn cut_client_hello(body: &[u8], facts: &mut TlsFacts) -> bool {
    let Some(front) = Front::parse(body, |c| c.vector16().is_some() && c.vector8().is_some()) else {
        return false;
    };
    note_extensions(&front.extensions, !facts.hello, facts);
    // A hello of TLS 1.2 may be one of 1.3 whose supported_versions lies in the missing part.
    if facts.offered.is_empty() && front.is_old() {
        facts.offered = [TlsVersion(front.version)].into_iter().collect();
    }
    true
}

/// The version that a client offers in an SSLv2-format hello.
pub fn ssl2_client_hello(version: u16, facts: &mut TlsFacts) {
    if !facts.hello {
        facts.hello = true;
        facts.sslv2_hello = true;
        facts.offered = [TlsVersion(version)].into_iter().collect();
    }
}

/// Reads a whole ServerHello.
pub fn server_hello(body: &[u8]) -> Result<ServerHello, HelloError> {
    let legacy = Cursor::new(body).u16().ok_or(HelloError::Lengths)?;
    match legacy {
        SSL3..=TLS12 => {
            let hello = tls_hello::ServerHello::parse(body).ok_or(HelloError::Lengths)?;
            let selected = hello
                .extensions
                .body_of(kind::SUPPORTED_VERSIONS)
                .and_then(selected_version);
            Ok(ServerHello {
                // RFC 8446, section 4.2.1: where the extension is, it alone says what was chosen; the old field stays at 1.2.
                version: Some(TlsVersion(selected.unwrap_or(legacy))),
                cipher: Some(hello.cipher),
                retry: *hello.random == RETRY_RANDOM,
            })
        }
        n if is_datagram_version(n) => datagram_server_hello(body).ok_or(HelloError::Lengths),
        n if SHORT_DRAFTS.contains(&n) => {
            let mut c = Cursor::new(body);
            c.take(2 + RANDOM).ok_or(HelloError::Lengths)?;
            Ok(ServerHello {
                version: Some(TlsVersion(legacy)),
                cipher: Some(c.u16().ok_or(HelloError::Lengths)?),
                retry: false,
            })
        }
        _ => Err(HelloError::Version),
    }
}

/// A ServerHello of DTLS: the fields are TLS's, the numbers are not, and the session id may be longer.
fn datagram_server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut c = Cursor::new(body);
    let legacy = c.u16()?;
    let random = c.take(RANDOM)?;
    let _session = c.vector8()?;
    let cipher = c.u16()?;
    let _compression = c.u8()?;
    let list = c.vector16().map_or(&[][..], |list| list.rest());
    let selected = Extensions::new(list).body_of(kind::SUPPORTED_VERSIONS);
    Some(ServerHello {
        version: Some(TlsVersion(selected.and_then(selected_version).unwrap_or(legacy))),
        cipher: Some(cipher),
        retry: random == RETRY_RANDOM,
    })
}

fn is_datagram_version(n: u16) -> bool {
    matches!(n, dtls::V0_9 | dtls::V1_0 | dtls::V1_2)
}

/// Reads what there is of a ServerHello that ends too early.
pub fn cut_server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut cipher = None;
    let front = Front::parse(body, |c| {
        cipher = c.u16();
        c.u8().is_some()
    })?;
    if front.random == RETRY_RANDOM {
        return None;
    }
    let selected = front.extensions.body_of(kind::SUPPORTED_VERSIONS);
    // 1.2 in the old field is 1.3's disguise; only the extension could tell.
    let old = front.is_old().then_some(front.version);
    Some(ServerHello {
        version: selected.and_then(selected_version).or(old).map(TlsVersion),
        cipher,
        retry: false,
    })
}

const SSL3: u16 = TlsVersion::SSL3.0;
const TLS12: u16 = TlsVersion::TLS12.0;

/// What of a cut hello is there.
struct Front<'a> {
    version: u16,
    random: &'a [u8],
    extensions: Extensions<'a>,
}

impl<'a> Front<'a> {
    /// Reads the fields that both hellos begin with; `own` passes over those that stand between the session id and the
    /// extensions, and says whether they were whole.
    fn parse(body: &'a [u8], own: impl FnOnce(&mut Cursor<'a>) -> bool) -> Option<Front<'a>> {
        let mut c = Cursor::new(body);
        let version = c
            .u16()
            .filter(|v| (SSL3..=TLS12).contains(v) || is_datagram_version(*v))?;
        let random = c.take(RANDOM)?;
        let reaches = c.vector8().is_some() && own(&mut c);
        let list = if reaches { c.rest() } else { &[] };
        Some(Front {
            version,
            random,
            extensions: Extensions::new(unsized_extensions(list)),
        })
    }
}

impl Front<'_> {
    /// The version field says what is meant: up to 1.1 it does.
    fn is_old(&self) -> bool {
        !matches!(self.version, TLS12 | dtls::V1_2)
    }
}

/// The extensions behind a length that is not to be trusted.
fn unsized_extensions(bytes: &[u8]) -> &[u8] {
    let mut c = Cursor::new(bytes);
    c.u16().map_or(&[], |_| c.rest())
}

thread_local! {
    /// Most clients say one of the same few lists.
    static PROTOCOLS: RefCell<Memo<u8, Protocols>> = const { RefCell::new(Memo::new(MAX_REMEMBERED)) };
}

fn protocols(body: &[u8]) -> Protocols {
    protocol_names(body).take(MAX_LISTED).map(escape_text).collect()
}

/// Writes down what a ClientHello's extensions say; of a second hello only a name that the first did not have.
fn note_extensions(extensions: &Extensions<'_>, first: bool, facts: &mut TlsFacts) {
    for extension in extensions.clone() {
        let body = extension.body;
        match extension.kind {
            kind::SERVER_NAME if facts.sni.is_none() => {
                let name = host_name(body).filter(|name| !name.is_empty());
                facts.sni = name.map(Domain::from_text);
            }
            _ if !first => {}
            kind::ALPN => {
                facts.alpn = PROTOCOLS.with_borrow_mut(|known| known.answer(body, protocols));
            }
            // RFC 8446, section 4.2.1: a server with this list must not look at the hello's own version.
            kind::SUPPORTED_VERSIONS => {
                let versions = supported_versions(body).filter(|v| !is_grease(*v));
                facts.offered = versions.take(MAX_LISTED).map(TlsVersion).collect();
            }
            kind::ENCRYPTED_CLIENT_HELLO | kind::ESNI => facts.ech = true,
            n if kind::ENCRYPTED_CLIENT_HELLO_DRAFTS.contains(&n) => facts.ech = true,
            _ => {}
        }
    }
}
