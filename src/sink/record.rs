//! The records: every serialised type, borrowed from the rows. This file is the schema of the JSON Lines.
//!
//! Fields stand in the order in which they are written. A field without a value is left out; only `quality`, `matches`,
//! `flags` and `link` are always there, as lists that may be empty. Numbers are JSON numbers, times are RFC 3339 in UTC.

use std::net::IpAddr;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::text::{self, Short};
use super::words::{self, Word};
use super::{Labels, PolicyNames};
use crate::engine::rows::{CaptureRow, FlowRow, NameRow, OutIn};
use crate::evidence::model::{Certificate, Quality, TlsFacts, TlsVersion};
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;
use crate::policy::verdict::{Flag, RowId};

/// `{"type":"flow",...}`: one finished flow, named and judged.
#[derive(Serialize)]
pub struct FlowRecord<'a> {
    r#type: &'static str,
    id: &'a str,
    start: Short,
    end: Short,
    proto: Word,
    client: Peer,
    server: Peer,
    packets: Pair,
    bytes: Pair,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<&'static str>,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    vlan: &'a [u16],
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<&'a str>,
    app: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quic: Option<QuicRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    evidence: EvidenceRecord<'a>,
    frames: FramesRecord<'a>,
    quality: QualityList,
    class: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    matches: MatchList<'a>,
    verdict: &'static str,
    flags: FlagList<'a>,
}

/// `{"type":"name",...}`: one question and its answer.
#[derive(Serialize)]
pub struct NameRecord<'a> {
    r#type: &'static str,
    time: Short,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Short>,
    resolver: Short,
    proto: &'static str,
    query: &'a str,
    qtype: Word,
    rcode: Word,
    #[serde(skip_serializing_if = "NameList::is_empty")]
    chain: NameList<'a>,
    #[serde(skip_serializing_if = "AddressList::is_empty")]
    addresses: AddressList<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    frame: u64,
    class: &'a str,
    flags: FlagList<'a>,
}

/// `{"type":"capture",...}`: one input, after everything else.
#[derive(Serialize)]
pub struct CaptureRecord<'a> {
    r#type: &'static str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    link: &'a [String],
    packets: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Short>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Short>,
    undecoded: Counts<'a>,
    dropped: Dropped,
    duplicates: u64,
    flows: u64,
    blind: BlindRecord,
    #[serde(skip_serializing_if = "AddressList::is_empty")]
    hidden_clients: AddressList<'a>,
    policy: PolicyRecord<'a>,
    flowsift: &'static str,
}

/// One end of a flow: always an object, without a port where there is none.
#[derive(Serialize)]
struct Peer {
    ip: Short,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

/// `out` is from the client.
#[derive(Serialize)]
struct Pair {
    out: u64,
    r#in: u64,
}

#[derive(Serialize)]
struct TlsRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<&'a str>,
    /// `sslv2` where the hello had that format.
    #[serde(skip_serializing_if = "Option::is_none")]
    hello: Option<&'static str>,
    /// Negotiated.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<VersionText>,
    #[serde(skip_serializing_if = "VersionList::is_empty")]
    offered: VersionList<'a>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    alpn: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    ja4: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<Short>,
    /// Left out where no hello was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    ech: Option<bool>,
    /// Written only where it is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    cover: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<CertificateRecord<'a>>,
}

#[derive(Serialize)]
struct CertificateRecord<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    issuer: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    names: &'a [String],
    not_before: Short,
    not_after: Short,
}

#[derive(Serialize)]
struct EvidenceRecord<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "NameList::is_empty")]
    via: NameList<'a>,
    #[serde(skip_serializing_if = "NameList::is_empty")]
    candidates: NameList<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_s: Option<Age>,
}

#[derive(Serialize)]
struct FramesRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    first: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hello: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_hello: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<u64>,
    last: u64,
    /// The input of those that are not in `file`, by their names here.
    #[serde(skip_serializing_if = "Elsewhere::is_empty")]
    elsewhere: Elsewhere<'a>,
}

struct Elsewhere<'a>(&'a [(&'static str, u32)], &'a Labels);

impl Elsewhere<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty() || self.1.files.is_empty()
    }
}

impl Serialize for Elsewhere<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let files = self
            .0
            .iter()
            .filter_map(|(name, ordinal)| Some((name, self.1.file(*ordinal)?)));
        serializer.collect_map(files)
    }
}

#[derive(Serialize)]
struct FlagRecord<'a> {
    flag: &'static str,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<&'static str>,
    why: &'a str,
}

#[derive(Serialize)]
struct Dropped {
    kernel: u64,
    interface: u64,
}

#[derive(Serialize)]
struct BlindRecord {
    cut: u64,
    gap: u64,
    midstream: u64,
    #[serde(rename = "one-sided")]
    one_sided: u64,
    ech: u64,
    doh: u64,
    dot: u64,
    evicted: u64,
}

#[derive(Serialize)]
struct PolicyRecord<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sha256: &'a str,
}

impl<'a> FlowRecord<'a> {
    pub fn new(row: &'a FlowRow, labels: &'a Labels) -> FlowRecord<'a> {
        let policy = &labels.policy;
        let matches = &row.verdict.matches;
        let primary = matches.first().and_then(|id| policy.row(*id));
        FlowRecord {
            r#type: "flow",
            id: &row.id,
            start: text::time(row.start_ns, row.nanoseconds),
            end: text::time(row.end_ns, row.nanoseconds),
            proto: words::ip_protocol(row.protocol),
            client: Peer::new(row.client),
            server: Peer::new(row.server),
            packets: Pair::new(row.packets),
            bytes: Pair::new(row.bytes),
            tcp: row.tcp.map(|state| state.as_str()),
            vlan: &row.vlans,
            tunnel: row.tunnel.as_deref(),
            app: row.app.as_str(),
            tls: row.tls.as_deref().map(TlsRecord::new),
            quic: row.quic.map(|version| QuicRecord {
                version: Short::of(format_args!("{version}")),
            }),
            name: row.naming.name.as_ref().map(Domain::as_str),
            evidence: EvidenceRecord {
                kind: row.naming.kind.as_str(),
                via: NameList(&row.naming.via),
                candidates: NameList(&row.naming.candidates),
                age_s: row.naming.age_ns.map(Age),
            },
            frames: FramesRecord {
                file: labels.file(row.ordinal),
                first: row.frames.first,
                hello: row.frames.hello,
                server_hello: row.frames.server_hello,
                cert: row.frames.certificate,
                dns: row.frames.dns,
                last: row.frames.last,
                elsewhere: Elsewhere(&row.frames.elsewhere, labels),
            },
            quality: QualityList(row.quality),
            class: policy.class(matches, row.naming.name.is_some()),
            endpoint: primary.map(|names| names.id.as_str()),
            line: primary.map(|names| names.line.as_str()),
            matches: MatchList { matches, policy },
            verdict: row.verdict.standing.as_str(),
            flags: FlagList(&row.verdict.flags),
        }
    }
}

impl<'a> NameRecord<'a> {
    pub fn new(row: &'a NameRow, labels: &'a Labels) -> NameRecord<'a> {
        NameRecord {
            r#type: "name",
            time: text::time(row.time_ns, row.nanoseconds),
            client: row.client.map(text::address),
            resolver: text::address(row.resolver),
            proto: row.transport,
            query: row.query.as_str(),
            qtype: words::query_type(row.qtype),
            rcode: words::response_code(row.rcode),
            chain: NameList(&row.chain),
            addresses: AddressList(&row.addresses),
            ttl: row.ttl,
            file: labels.file(row.ordinal),
            frame: row.frame,
            class: labels.policy.class(&row.matches, true),
            flags: FlagList(&row.flags),
        }
    }
}

impl<'a> CaptureRecord<'a> {
    pub fn new(row: &'a CaptureRow, labels: &'a Labels) -> CaptureRecord<'a> {
        CaptureRecord {
            r#type: "capture",
            file: &row.file,
            sha256: row.sha256.as_deref(),
            link: &row.links,
            packets: row.packets,
            bytes: row.bytes,
            first: row.first_ns.map(|ns| text::time(ns, row.nanoseconds)),
            last: row.last_ns.map(|ns| text::time(ns, row.nanoseconds)),
            undecoded: Counts(&row.undecoded),
            dropped: Dropped {
                kernel: row.dropped_by_kernel.unwrap_or(0),
                interface: row.dropped_by_interface.unwrap_or(0),
            },
            duplicates: row.duplicates,
            flows: row.flows,
            blind: BlindRecord {
                cut: row.blind.cut,
                gap: row.blind.gap,
                midstream: row.blind.midstream,
                one_sided: row.blind.one_sided,
                ech: row.blind.ech,
                doh: row.blind.doh,
                dot: row.blind.dot,
                evicted: row.blind.evicted,
            },
            hidden_clients: AddressList(&row.hidden_clients),
            policy: PolicyRecord {
                name: &labels.policy.name,
                sha256: &labels.policy.sha256,
            },
            flowsift: env!("CARGO_PKG_VERSION"),
        }
    }
}

impl Peer {
    fn new(end: Endpoint) -> Peer {
        Peer {
            ip: text::address(end.ip),
            port: end.port,
        }
    }
}

impl Pair {
    fn new(pair: OutIn) -> Pair {
        Pair {
            out: pair.out,
            r#in: pair.r#in,
        }
    }
}

#[derive(Serialize)]
struct QuicRecord {
    version: Short,
}

impl<'a> TlsRecord<'a> {
    fn new(facts: &'a TlsFacts) -> TlsRecord<'a> {
        TlsRecord {
            sni: facts.sni.as_ref().map(Domain::as_str),
            hello: facts.sslv2_hello.then_some("sslv2"),
            version: facts.version.map(VersionText),
            offered: VersionList(&facts.offered),
            alpn: &facts.alpn,
            ja4: facts.ja4.as_deref(),
            cipher: facts.cipher.map(hexadecimal),
            ech: facts.hello.then_some(facts.ech),
            cover: facts.cover.then_some(true),
            cert: facts.certificate.as_ref().map(CertificateRecord::new),
        }
    }
}

impl<'a> CertificateRecord<'a> {
    fn new(certificate: &'a Certificate) -> CertificateRecord<'a> {
        CertificateRecord {
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            names: &certificate.names,
            not_before: text::time_of_seconds(certificate.not_before),
            not_after: text::time_of_seconds(certificate.not_after),
        }
    }
}

/// A cipher suite as specifications write it: `0xc02f`.
fn hexadecimal(number: u16) -> Short {
    Short::of(format_args!("0x{number:04x}"))
}

/// Seconds to the millisecond, rounded down: an answer is never shown older than it was.
struct Age(u64);

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let milliseconds = self.0 / 1_000_000;
        if milliseconds.is_multiple_of(1000) {
            serializer.serialize_u64(milliseconds / 1000)
        } else {
            serializer.serialize_f64(milliseconds as f64 / 1000.0)
        }
    }
}

struct VersionText(TlsVersion);

impl Serialize for VersionText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Short::of(format_args!("{}", self.0)).serialize(serializer)
    }
}

/// Lists are written from what the row holds, without a copy: each is a slice and how its items are spelled.
macro_rules! list {
    ($name:ident of $item:ty, $spell:expr) => {
        struct $name<'a>(&'a [$item]);

        impl $name<'_> {
            #[allow(dead_code)]
            fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.iter().map($spell))
            }
        }
    };
}

list!(NameList of Domain, Domain::as_str);
list!(VersionList of TlsVersion, |version| VersionText(*version));
list!(AddressList of IpAddr, |ip| text::address(*ip));
list!(FlagList of Flag, |flag| FlagRecord {
    flag: flag.kind.as_str(),
    severity: flag.severity.as_str(),
    how: flag.how,
    why: &flag.why,
});

struct QualityList(Quality);

impl Serialize for QualityList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.words())
    }
}

/// The ids of the rows that a flow falls under.
struct MatchList<'a> {
    matches: &'a [RowId],
    policy: &'a PolicyNames,
}

impl Serialize for MatchList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.matches.iter().filter_map(|id| self.policy.row(*id));
        serializer.collect_seq(rows.map(|row| row.id.as_str()))
    }
}

/// Counts by reason, in the order given.
struct Counts<'a>(&'a [(String, u64)]);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (reason, count) in self.0 {
            map.serialize_entry(reason, count)?;
        }
        map.end()
    }
}
