//! What the judge is told of one flow: the evidence, and nothing that a policy would have to say about it.

use crate::evidence::model::{App, Carried, EvidenceKind, Quality, TlsFacts, TlsVersion};
use crate::flow::attempt::{Ending, IcmpWord, TcpState};
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;
use crate::policy::compile::At;
use crate::policy::model::TCP;

/// One flow, as far as it was seen.
#[derive(Debug, Clone, Copy)]
pub struct FlowFacts<'a> {
    /// The IP protocol number.
    pub protocol: u8,
    pub client: Endpoint,
    pub server: Endpoint,
    pub app: App,
    pub tls: Option<&'a TlsFacts>,
    /// The flow's name; None if it has none, or hides it.
    pub name: Option<&'a Domain>,
    /// Where the name comes from.
    pub kind: EvidenceKind,
    /// The CNAME chain from the name to the server's address.
    pub via: &'a [Domain],
    /// A DNS answer gave this address to this client, for the name or for another.
    pub dns_seen: bool,
    /// This client asked for the flow's own name and was given this address: so `via` is the whole chain, even an empty one.
    pub asked_itself: bool,
    /// The names when DNS alone leaves several.
    pub candidates: &'a [Domain],
    /// The name that this client itself last asked for and got this address.
    pub asked: Option<&'a Domain>,
    /// The host that a proxy was asked to connect to; then `server` is the proxy.
    pub proxy_host: Option<&'a Domain>,
    /// The port that a proxy was asked to connect to, if that was read.
    pub proxy_port: Option<u16>,
    /// What the proxy's tunnel was seen to carry, if that is not TLS.
    pub carried: Option<Carried>,
    pub quality: Quality,
    /// Data was seen from the server, from the client.
    pub server_payload: bool,
    pub client_payload: bool,
    /// The TCP handshake was answered; without TCP, any answer came.
    pub established: bool,
    /// The server went on in a version of QUIC whose handshake is TLS. Refusing the client's version is no such thing.
    pub tls_in_quic: bool,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    /// How the attempt went.
    pub course: Course,
}

/// How an attempt went, as far as its packets, their times, and the other flows of its client tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Course {
    pub tcp: Option<TcpState>,
    /// Packets of the client, and to it.
    pub sent: u64,
    pub received: u64,
    /// From the first packet to the last.
    pub lasted_ns: u64,
    /// How long the capture is known to go on behind the flow's last packet.
    pub watched_ns: u64,
    /// And behind its hello, where one was read whole.
    pub waited_ns: Option<u64>,
    /// Who tore the connection down first (true: the server's side), and how.
    pub ended_first: Option<(bool, Ending)>,
    /// The client tore it down sooner after its hello than an answer may take.
    pub left_early: bool,
    /// Behind the readable part of a TLS handshake, in one connection: the server sent data; it did so after the client had.
    pub server_went_on: bool,
    pub exchanged: bool,
    /// The server took part in a QUIC connection and did not only refuse it.
    pub quic_went_on: bool,
    pub icmp: Option<IcmpWord>,
    /// An HTTP proxy's status, a SOCKS proxy's code.
    pub proxy_status: Option<u16>,
    /// Packets were dropped since it began, while the capture was made.
    pub answer_may_be_lost: bool,
    /// Another flow of this client was answered, from a minute before the first packet to a minute after the last.
    pub others_answered: bool,
    /// So did this very server, to the same kind of question.
    pub same_server_answered: bool,
}

impl FlowFacts<'_> {
    /// The server is a proxy, so its address and port say nothing about the service behind it.
    pub fn is_proxied(&self) -> bool {
        match self.app {
            App::Connect | App::Socks => true,
            App::Http => self.proxy_port.is_some(),
            _ => false,
        }
    }

    /// The server's end, unless that is a proxy's.
    pub(super) fn at(&self) -> Option<At> {
        (!self.is_proxied()).then_some(At {
            ip: self.server.ip,
            protocol: self.protocol,
            port: self.server.port,
        })
    }

    /// The transport and port of the service; None where there are none or a proxy hides them.
    pub(super) fn target(&self) -> Option<(u8, u16)> {
        match self.is_proxied() {
            true => self.proxy_port.map(|port| (TCP, port)),
            false => self.server.port.map(|port| (self.protocol, port)),
        }
    }

    /// The negotiated version and its place among all versions. QUIC has no other than 1.3 (RFC 9001, section 4.2).
    pub(super) fn negotiated(&self) -> Option<(TlsVersion, u8)> {
        let quic = self.tls_in_quic.then_some(TlsVersion::TLS13);
        let version = self.tls.and_then(|tls| tls.version).or(quic)?;
        Some((version, version.rank()?))
    }

    pub(super) fn speaks_tls(&self) -> bool {
        let handshake = |tls: &TlsFacts| tls.hello || tls.version.is_some();
        matches!(self.app, App::Tls | App::Quic | App::Dtls) || self.tls.is_some_and(handshake)
    }

    /// Bytes are missing in front or between, so that what was not seen may well have been there.
    pub(super) fn has_holes(&self) -> bool {
        [
            Quality::MIDSTREAM,
            Quality::CUT,
            Quality::GAP,
            Quality::BUDGET,
            Quality::FRAGMENT,
            Quality::EVICTED,
        ]
        .into_iter()
        .any(|mark| self.quality.has(mark))
    }

    /// The server was heard.
    pub(super) fn answered(&self) -> bool {
        self.established || self.server_payload || self.negotiated().is_some()
    }
}
