//! The vocabulary of evidence: what was found in a flow and how much it can be trusted.

use std::fmt;
use std::sync::Arc;

use super::ja4::Ja4;
use super::offers::{Protocols, Versions};
use crate::names::domain::Domain;

/// The application protocol, as far as the bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum App {
    #[default]
    Unknown,
    Tls,
    Quic,
    Dtls,
    Http,
    Connect,
    Socks,
    Dns,
    Mdns,
    Llmnr,
    Stun,
    Rtp,
    Dhcp,
    Ntp,
    Ssdp,
    Nbns,
    Icmp,
}

impl App {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            App::Unknown => "unknown",
            App::Tls => "tls",
            App::Quic => "quic",
            App::Dtls => "dtls",
            App::Http => "http",
            App::Connect => "connect",
            App::Socks => "socks",
            App::Dns => "dns",
            App::Mdns => "mdns",
            App::Llmnr => "llmnr",
            App::Stun => "stun",
            App::Rtp => "rtp",
            App::Dhcp => "dhcp",
            App::Ntp => "ntp",
            App::Ssdp => "ssdp",
            App::Nbns => "nbns",
            App::Icmp => "icmp",
        }
    }

    /// The plumbing that raises neither `port` nor `plaintext`.
    pub fn is_infrastructure(self) -> bool {
        matches!(
            self,
            App::Dns | App::Mdns | App::Llmnr | App::Dhcp | App::Ntp | App::Ssdp | App::Nbns | App::Icmp
        )
    }
}

/// A protocol version of TLS, DTLS or SSL by its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    pub const SSL2: TlsVersion = TlsVersion(0x0002);
    pub const SSL3: TlsVersion = TlsVersion(0x0300);
    pub const TLS10: TlsVersion = TlsVersion(0x0301);
    pub const TLS11: TlsVersion = TlsVersion(0x0302);
    pub const TLS12: TlsVersion = TlsVersion(0x0303);
    pub const TLS13: TlsVersion = TlsVersion(0x0304);

    /// Old to new, comparable across TLS and DTLS: 0 SSLv2, 1 SSLv3, 2 TLS 1.0, 3 TLS 1.1 and DTLS 1.0 (and 0.9), 4 TLS and DTLS 1.2,
    /// 5 TLS and DTLS 1.3 and its drafts. None for a number that is no version we know (GREASE among them).
    pub fn rank(self) -> Option<u8> {
        match self.0 {
            0x0002 => Some(0),
            0x0300 => Some(1),
            0x0301 => Some(2),
            0x0302 | 0xfeff | 0x0100 => Some(3),
            0x0303 | 0xfefd => Some(4),
            0x0304 | 0xfefc | 0x7f00..=0x7fff | 0xfb00..=0xfbff => Some(5),
            _ => None,
        }
    }
}

/// The spelling of records and policies: `ssl3`, `1.2`, `1.3-draft18`; DTLS has its own numbers.
impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0002 => f.write_str("ssl2"),
            0x0300 => f.write_str("ssl3"),
            0x0301 => f.write_str("1.0"),
            0x0302 => f.write_str("1.1"),
            0x0303 => f.write_str("1.2"),
            0x0304 => f.write_str("1.3"),
            0x0100 => f.write_str("0.9"),
            0xfeff => f.write_str("1.0"),
            0xfefd => f.write_str("1.2"),
            0xfefc => f.write_str("1.3"),
            n @ 0x7f00..=0x7fff => write!(f, "1.3-draft{}", n & 0xff),
            n @ 0xfb00..=0xfbff => write!(f, "1.3-fb-draft{}", n & 0xff),
            n => write!(f, "0x{n:04x}"),
        }
    }
}

/// A leaf certificate, as far as flowsift shows and judges it. Text is already escaped: printable ASCII, `\DDD` for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// RFC 4514 style, `CN=...` first where there is one.
    pub subject: String,
    pub issuer: String,
    /// DNS names of the subject alternative name, else the subject's CN if it looks like one; lower case. At most 1000.
    pub names: Vec<String>,
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
}

/// What was read from the handshake of one TLS, QUIC or DTLS flow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFacts {
    /// As in the clear hello, whatever it is (an IP address too).
    pub sni: Option<Domain>,
    /// A ClientHello was read whole.
    pub hello: bool,
    /// It was in the SSLv2 format.
    pub sslv2_hello: bool,
    /// What the client offered, best first as it listed them, GREASE left out.
    pub offered: Versions,
    /// Negotiated: from the ServerHello, never from the record layer, never a HelloRetryRequest's.
    pub version: Option<TlsVersion>,
    /// Text escaped as names are, case kept.
    pub alpn: Protocols,
    pub ja4: Option<Ja4>,
    pub cipher: Option<u16>,
    /// The encrypted_client_hello extension stood in the hello.
    pub ech: bool,
    /// The SNI is known to be a public cover name.
    pub cover: bool,
    /// Flows to one server share it.
    pub certificate: Option<Arc<Certificate>>,
    /// The first alert that the server's side sent in the clear: (level, description).
    pub server_alert: Option<(u8, u8)>,
}

impl TlsFacts {
    /// About how much memory this holds.
    pub fn bytes(&self) -> usize {
        let text = |s: &String| s.len() + size_of::<String>();
        let certificate = self.certificate.as_ref().map_or(0, |c| {
            c.subject.len() + c.issuer.len() + c.names.iter().map(text).sum::<usize>()
        });
        let sni = self.sni.as_ref().map_or(0, |sni| sni.as_str().len());
        size_of::<TlsFacts>()
            + certificate
            + sni
            + self.alpn.iter().map(text).sum::<usize>()
            + self.offered.len() * 2
            + 40
    }
}

/// How much of a flow could be seen: never silently complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Quality(pub u16);

impl Quality {
    pub const MIDSTREAM: Quality = Quality(1);
    pub const CUT: Quality = Quality(1 << 1);
    pub const GAP: Quality = Quality(1 << 2);
    pub const OVERLAP: Quality = Quality(1 << 3);
    pub const ONE_SIDED: Quality = Quality(1 << 4);
    pub const BUDGET: Quality = Quality(1 << 5);
    pub const FRAGMENT: Quality = Quality(1 << 6);
    pub const EVICTED: Quality = Quality(1 << 7);
    pub const ECH_POSSIBLE: Quality = Quality(1 << 8);

    const WORDS: [(Quality, &'static str); 9] = [
        (Quality::MIDSTREAM, "midstream"),
        (Quality::CUT, "cut"),
        (Quality::GAP, "gap"),
        (Quality::OVERLAP, "overlap"),
        (Quality::ONE_SIDED, "one-sided"),
        (Quality::BUDGET, "budget"),
        (Quality::FRAGMENT, "fragment"),
        (Quality::EVICTED, "evicted"),
        (Quality::ECH_POSSIBLE, "ech-possible"),
    ];

    #[inline]
    pub fn add(&mut self, mark: Quality) {
        self.0 |= mark.0;
    }

    #[inline]
    pub fn has(self, mark: Quality) -> bool {
        self.0 & mark.0 != 0
    }

    /// The words of a record: `complete` alone, or the marks.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let complete = (self.0 == 0).then_some("complete");
        complete.into_iter().chain(
            Self::WORDS
                .into_iter()
                .filter(move |(mark, _)| self.has(*mark))
                .map(|(_, word)| word),
        )
    }
}

/// Where a flow's name comes from, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EvidenceKind {
    Sni,
    Quic,
    Connect,
    Host,
    Certificate,
    Dns,
    Address,
    #[default]
    None,
}

impl EvidenceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            EvidenceKind::Sni => "sni",
            EvidenceKind::Quic => "quic",
            EvidenceKind::Connect => "connect",
            EvidenceKind::Host => "host",
            EvidenceKind::Certificate => "cert",
            EvidenceKind::Dns => "dns",
            EvidenceKind::Address => "address",
            EvidenceKind::None => "none",
        }
    }
}

/// What is seen in a tunnel in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    Http,
    Other,
}
