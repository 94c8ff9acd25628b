//! What leaves the engine: finished flows, name lookups, and at the end one row an input.

use std::net::IpAddr;

use crate::evidence::model::{App, EvidenceKind, Quality, TlsFacts};
pub use crate::flow::attempt::TcpState;
pub use crate::flow::fragment::FragmentCounts;
pub use crate::flow::id::CommunityId;
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;
use crate::policy::verdict::{Flags, RowIds, Verdict};
pub use crate::wire::quic_version::QuicVersion;

/// One row, in the order of the output.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    Flow(Box<FlowRow>),
    Name(Box<NameRow>),
    Capture(Box<CaptureRow>),
}

/// What is still wanted of a row by whoever has seen it where it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Its text alone, if there is any.
    Text,
    /// The row itself.
    Row,
}

/// From the client, and to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutIn {
    pub out: u64,
    pub r#in: u64,
}

/// The flow's name and why we believe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Naming {
    pub name: Option<Domain>,
    pub kind: EvidenceKind,
    /// CNAME targets from the name to the address, in order.
    pub via: Vec<Domain>,
    /// The names, when DNS alone leaves several.
    pub candidates: Vec<Domain>,
    /// Age of the DNS answer when the flow began.
    pub age_ns: Option<u64>,
    /// The name that this client (`true`) or another one (`false`) last asked for and got this address, whatever named the flow.
    pub asked: Option<(Domain, bool)>,
    /// The answer that names the flow, or gives its `via`, was given to the host that opened it: to its very address, or, as far as can be
    /// told, to its other one.
    pub same_host: bool,
}

/// Frame numbers in the input: where the proof is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameMarks {
    pub first: u64,
    pub hello: Option<u64>,
    pub server_hello: Option<u64>,
    pub certificate: Option<u64>,
    pub dns: Option<u64>,
    /// Where a failure is seen: the reset, the ICMP error, the alert, the proxy's answer.
    pub blocked: Option<u64>,
    pub last: u64,
    /// Those of the frames that are not in the input where the flow begins: which, and the input's ordinal.
    pub elsewhere: Vec<(&'static str, u32)>,
}

/// A finished flow, named and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowRow {
    /// Community ID v1, seed 0.
    pub id: CommunityId,
    pub start_ns: u64,
    pub end_ns: u64,
    /// Times are written with 9 digits.
    pub nanoseconds: bool,
    pub protocol: u8,
    pub client: Endpoint,
    pub server: Endpoint,
    /// The port that a proxy was asked to connect to; then `server` is the proxy.
    pub proxy_port: Option<u16>,
    /// Where the streams of client and server begin, if TCP told: no device that only translates addresses changes them.
    pub sequences: [Option<u32>; 2],
    pub packets: OutIn,
    pub bytes: OutIn,
    pub tcp: Option<TcpState>,
    pub vlans: Vec<u16>,
    pub tunnel: Option<String>,
    pub app: App,
    pub tls: Option<Box<TlsFacts>>,
    pub quic: Option<QuicVersion>,
    pub naming: Naming,
    pub frames: FrameMarks,
    /// Ordinal of the input that the frame numbers count in.
    pub ordinal: u32,
    pub quality: Quality,
    pub verdict: Verdict,
}

impl FlowRow {
    /// The server is a proxy. Of plain HTTP only a request in absolute form says so, and for which port.
    pub fn is_proxied(&self) -> bool {
        match self.app {
            App::Connect | App::Socks => true,
            App::Http => self.proxy_port.is_some(),
            _ => false,
        }
    }
}

/// Flows that have not ended, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Running {
    /// The time of the packet seen last; live, the source's clock where that is later.
    pub now_ns: u64,
    /// All flows under way, and the bytes that they have carried.
    pub flows: u64,
    pub bytes: u64,
    /// The heaviest and the newest of them, named and judged as they stand.
    pub listed: Vec<FlowRow>,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct NameRow {
    /// When the answer came; for a question never answered, when it was asked.
    pub time_ns: u64,
    pub nanoseconds: bool,
    /// None for mDNS answers, which nobody in particular asked for.
    pub client: Option<IpAddr>,
    pub resolver: IpAddr,
    /// The asker's and the resolver's. None for mDNS answers.
    pub ports: Option<(u16, u16)>,
    /// Of the flow that it was asked in.
    pub id: CommunityId,
    /// `udp`, `tcp`, `mdns` or `llmnr`.
    pub transport: &'static str,
    pub query: Domain,
    pub qtype: u16,
    /// None: never answered.
    pub rcode: Option<u16>,
    pub chain: Vec<Domain>,
    pub addresses: Vec<IpAddr>,
    pub ttl: Option<u32>,
    pub frame: u64,
    pub ordinal: u32,
    /// The rows that the query falls under.
    pub matches: RowIds,
    pub flags: Flags,
}

/// One input, at the end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaptureRow {
    pub file: String,
    pub sha256: Option<String>,
    pub links: Vec<String>,
    pub packets: u64,
    /// Captured bytes of all frames.
    pub bytes: u64,
    pub nanoseconds: bool,
    pub first_ns: Option<u64>,
    pub last_ns: Option<u64>,
    /// Packets that were not decoded, by reason, sorted by name.
    pub undecoded: Vec<(String, u64)>,
    pub dropped_by_kernel: Option<u64>,
    pub dropped_by_interface: Option<u64>,
    pub duplicates: u64,
    pub fragments: FragmentCounts,
    /// Flows whose first packet is in this input.
    pub flows: u64,
    pub blind: Blind,
    /// Clients that asked an encrypted resolver, in the addresses' order, at most 1000: what they looked up is not known.
    pub hidden_clients: Vec<IpAddr>,
}

/// What could not be seen, in flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blind {
    pub cut: u64,
    pub gap: u64,
    pub midstream: u64,
    pub one_sided: u64,
    pub ech: u64,
    /// DNS over HTTPS, as far as its resolvers are known.
    pub doh: u64,
    /// DNS over TLS, DTLS or QUIC: all that have port 853.
    pub dot: u64,
    pub evicted: u64,
}

impl Blind {
    /// What was counted elsewhere.
    pub fn add(&mut self, other: Blind) {
        let Blind {
            cut,
            gap,
            midstream,
            one_sided,
            ech,
            doh,
            dot,
            evicted,
        } = other;
        self.cut += cut;
        self.gap += gap;
        self.midstream += midstream;
        self.one_sided += one_sided;
        self.ech += ech;
        self.doh += doh;
        self.dot += dot;
        self.evicted += evicted;
    }
}
