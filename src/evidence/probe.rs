//! What is still being found out about one flow.
//!
//! A probe gets the flow's payload, side by side, in capture order; asks [`identify`] what it is; and hands the bytes to that
//! protocol's reader. It is dropped as soon as nothing more is to be learnt: from then on the flow costs counters only.
//! TCP has a dispatcher of its own, [`tcp_probe`](super::tcp_probe).

use super::dns_answers::{DnsKind, DnsProbe, Lookup};
use super::identify;
use super::media::MediaProbe;
use super::model::{App, Carried, Quality, TlsFacts};
use super::quic_handshake::{Datagram, QuicProbe};
use super::tcp_probe::TcpProbe;
use super::tls_handshake::TlsMarks;
use crate::crypto::quic_initial::Scratch;
use crate::flow::fetch::prefetch_all;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::wire::quic_version::QuicVersion;

/// Nothing recognised after so many datagrams: the flow is given up.
const PACKETS_TO_TELL: u8 = 3;

/// What has been found so far.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    pub app: App,
    pub tls: Option<Box<TlsFacts>>,
    pub marks: TlsMarks,
    pub quic: Option<QuicVersion>,
    /// The sides, low and high, that took part in a QUIC connection and did not only refuse it.
    pub quic_went_on: [bool; 2],
    /// Of a plain HTTP request.
    pub host: Option<Domain>,
    /// What a proxy was asked for: a name, or an address written as one.
    pub proxy_host: Option<Domain>,
    pub proxy_port: Option<u16>,
    /// The proxy's last word: the HTTP status of its answer to CONNECT. Of SOCKS the reply's code (version 5: 0 is yes, 1 to 8 are no, 255 that
    /// no method was accepted, [`LOGIN_FAILED`](super::socks_talk::LOGIN_FAILED); version 4: 90 is yes, 91 to 93 are no).
    pub proxy_status: Option<u16>,
    /// What a tunnel was seen to carry, if that is not TLS. Only behind a proxy's yes it is in a tunnel.
    pub carried: Option<Carried>,
    pub quality: Quality,
    /// Who the protocol itself shows to be the client.
    pub client: Option<Side>,
}

impl Findings {
    /// About how much memory this holds.
    pub fn bytes(&self) -> u64 {
        let names = self.host.iter().chain(&self.proxy_host);
        let host: usize = names.map(|name| name.as_str().len()).sum();
        let tls = self.tls.as_ref().map_or(0, |tls| tls.bytes());
        (size_of::<Findings>() + host + tls) as u64
    }
}

/// What a probe works with beside the flow's own state: the same for all flows of a shard.
#[derive(Default)]
pub struct Bench {
    /// Lookups finished by the packet at hand.
    pub lookups: Vec<Lookup>,
    /// Where QUIC packets are opened.
    scratch: Scratch,
}

/// One packet's payload, with what the stream's order depends on.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub side: Side,
    pub payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    pub cut: u32,
    /// TCP only.
    pub sequence: u32,
    pub at: Stamp,
}

impl<'a> Piece<'a> {
    fn datagram(&self) -> Datagram<'a> {
        Datagram {
            side: self.side,
            bytes: self.payload,
            cut: self.cut > 0,
            at: self.at,
        }
    }
}

/// Whether the probe is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    More,
    Done,
}

/// A flow's probe.
pub enum Probe {
    Tcp(Box<TcpProbe>),
    Dns(Box<DnsProbe>),
    Quic(Box<QuicProbe>),
    /// STUN, DTLS and RTP, which share their ports.
    Media(Box<MediaProbe>),
    /// A datagram flow not told yet; how many datagrams were looked at.
    Datagrams(u8),
}

impl Probe {
    /// A probe for a TCP flow; `starts` are the sequence numbers of each side's first byte, where known.
    pub fn tcp(starts: [Option<u32>; 2]) -> Probe {
        Probe::Tcp(Box::new(TcpProbe::new(starts)))
    }

    pub fn datagrams() -> Probe {
        Probe::Datagrams(0)
    }

    /// Takes one packet's payload in.
    pub fn piece(&mut self, piece: Piece<'_>, ports: [u16; 2], findings: &mut Findings, bench: &mut Bench) -> Progress {
        match self {
            Probe::Tcp(tcp) => tcp.piece(piece, ports, findings, &mut bench.lookups),
            Probe::Dns(dns) => {
                dns_datagram(dns, piece, findings, &mut bench.lookups);
                Progress::More
            }
            Probe::Quic(quic) => quic_datagram(quic, piece, findings, bench),
            Probe::Media(media) => media_datagram(media, piece, ports, findings),
            Probe::Datagrams(seen) => {
                *seen += 1;
                let seen = *seen;
                if piece.cut > 0 {
                    findings.quality.add(Quality::CUT);
                }
                findings.app = identify::udp(piece.payload, piece.cut > 0, ports);
                let mut told = match findings.app {
                    App::Dns => Probe::dns(DnsKind::Dns, ports),
                    App::Mdns => Probe::dns(DnsKind::Mdns, ports),
                    App::Llmnr => Probe::dns(DnsKind::Llmnr, ports),
                    App::Quic => Probe::Quic(Box::default()),
                    App::Stun | App::Dtls | App::Rtp => Probe::Media(Box::default()),
                    App::Unknown if MediaProbe::may_begin(piece.payload) => Probe::Media(Box::default()),
                    App::Unknown if seen < PACKETS_TO_TELL => return Progress::More,
                    _ => return Progress::Done,
                };
                let progress = told.piece(piece, ports, findings, bench);
                *self = told;
                progress
            }
        }
    }

    /// Fetches what the next packet will touch.
    #[inline]
    pub fn prefetch(&self) {
        match self {
            Probe::Tcp(tcp) => prefetch_all(&**tcp),
            Probe::Dns(dns) => prefetch_all(&**dns),
            Probe::Quic(quic) => prefetch_all(&**quic),
            Probe::Media(media) => prefetch_all(&**media),
            Probe::Datagrams(_) => {}
        }
    }

    fn dns(kind: DnsKind, ports: [u16; 2]) -> Probe {
        Probe::Dns(Box::new(DnsProbe::new(kind, identify::dns_server(ports))))
    }

    /// About how much memory this holds.
    pub fn bytes(&self) -> u64 {
        let bytes = match self {
            Probe::Tcp(tcp) => size_of::<TcpProbe>() + tcp.kept(),
            Probe::Dns(dns) => size_of::<DnsProbe>() + dns.bytes(),
            Probe::Quic(quic) => quic.bytes(),
            Probe::Media(media) => media.bytes(),
            Probe::Datagrams(_) => 0,
        };
        bytes as u64
    }

    /// The flow has ended: what was left open.
    pub fn finish(self, findings: &mut Findings, lookups: &mut Vec<Lookup>) {
        match self {
            Probe::Tcp(tcp) => tcp.finish(findings, lookups),
            Probe::Dns(dns) => dns.unanswered(lookups),
            Probe::Quic(quic) => findings.quality.add(quic.quality()),
            Probe::Media(media) => findings.quality.add(media.quality()),
            Probe::Datagrams(_) => {}
        }
    }
}

fn dns_datagram(dns: &mut DnsProbe, piece: Piece<'_>, findings: &mut Findings, lookups: &mut Vec<Lookup>) {
    if piece.cut > 0 {
        findings.quality.add(Quality::CUT);
    }
    let before = lookups.len();
    // A message that is no DNS after all says nothing; the flow stays what its first message showed it to be.
    let _ = dns.message(piece.side, piece.payload, piece.cut > 0, piece.at, lookups);
    // An announcement was asked for by nobody: its group is no client.
    if let Some(lookup) = lookups.get(before).filter(|lookup| lookup.kind != DnsKind::Mdns) {
        findings.client.get_or_insert(lookup.asker);
    }
}

fn quic_datagram(quic: &mut QuicProbe, piece: Piece<'_>, findings: &mut Findings, bench: &mut Bench) -> Progress {
    let facts = findings.tls.get_or_insert_default();
    let datagram = piece.datagram();
    quic.datagram(&datagram, facts, &mut findings.marks, &mut bench.scratch);
    findings.quic = quic.version();
    findings.quic_went_on = quic.went_on();
    findings.client = quic.client();
    if quic.is_done() {
        findings.quality.add(quic.quality());
        return Progress::Done;
    }
    Progress::More
}

fn media_datagram(media: &mut MediaProbe, piece: Piece<'_>, ports: [u16; 2], findings: &mut Findings) -> Progress {
    media.datagram(&piece.datagram(), ports, &mut findings.tls, &mut findings.marks);
    findings.app = media.app();
    findings.client = media.client();
    if media.is_done() {
        findings.quality.add(media.quality());
        return Progress::Done;
    }
    Progress::More
}
