//! What is still being found out about one TCP connection.
//!
//! Both directions are put in order, and whichever side's first bytes tell a protocol decides who reads both. Bytes that tell nothing
//! are waited for a little: a server's may come before its client's, and a capture shows them in any order.

use super::assembly::Stream;
use super::dns_answers::{DnsKind, DnsProbe, Lookup};
use super::identify::{self, TcpGuess};
use super::model::{App, Quality};
use super::preamble::Preamble;
use super::probe::{Findings, Piece, Progress};
use super::starttls_talk::StartTlsTalk;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::wire::Parse;
use crate::wire::cursor::Cursor;
use crate::wire::proxy_protocol::{self, ProxyError};

/// Bytes one direction may keep while a hello is awaited, and while certificates are.
pub const STREAM_CAP: usize = 16 * 1024;
/// After a side's first bytes told nothing, the other side is waited for as long as this one sends so many packets with data.
const PACKETS_TO_TELL: u8 = 3;
/// First bytes that may still become something are waited for so long; some send a hello byte by byte.
const PACKETS_TO_DECIDE: u8 = 64;
const BYTES_TO_DECIDE: usize = 4 * 1024;
/// A side that goes on like this although the other, which alone could tell more, says nothing, is alone in the capture.
const IDLE_PACKETS: u8 = u8::MAX;

/// What the connection's bytes are read as.
enum Reader {
    ExpectFirstBytes,
    Tls(Preamble),
    Dns(DnsProbe),
    Nothing,
}

/// The probe of a TCP connection.
pub struct TcpProbe {
    streams: [Stream; 2],
    packets: [u8; 2],
    /// Sides whose first bytes are of no protocol known here.
    strange: [bool; 2],
    /// Packets of a side that has nothing more to tell, while the other is waited for.
    idle: u8,
    /// When the last packet was seen.
    last: Stamp,
    reader: Reader,
}

impl TcpProbe {
    /// `starts` are the sequence numbers of each side's first byte, where known.
    pub fn new(starts: [Option<u32>; 2]) -> TcpProbe {
        let stream = |start: Option<u32>| {
            let mut stream = Stream::new(STREAM_CAP);
            if let Some(next) = start {
                stream.start(next);
            }
            stream
        };
        let [lo, hi] = starts;
        TcpProbe {
            streams: [stream(lo), stream(hi)],
            packets: [0, 0],
            strange: [false; 2],
            idle: 0,
            last: Stamp::default(),
            reader: Reader::ExpectFirstBytes,
        }
    }

    /// Takes one packet's payload in.
    pub fn piece(
        &mut self,
        piece: Piece<'_>,
        ports: [u16; 2],
        findings: &mut Findings,
        lookups: &mut Vec<Lookup>,
    ) -> Progress {
        let TcpProbe {
            streams,
            packets,
            strange,
            last,
            reader,
            ..
        } = self;
        *last = piece.at;
        let count = &mut packets[piece.side.index()];
        *count = count.saturating_add(1);
        let stream = &mut streams[piece.side.index()];
        stream.segment(piece.sequence, piece.payload, piece.cut, |bytes: &[u8]| {
            let mut ears = Ears {
                piece: &piece,
                ports,
                strange,
                findings,
                lookups,
            };
            ears.hear(reader, bytes)
        });
        findings.quality.add(stream.quality());
        self.progress(piece.side, findings)
    }

    /// Bytes of memory held beyond the probe itself.
    pub fn kept(&self) -> usize {
        let read = match &self.reader {
            Reader::Tls(tls) => tls.kept(),
            _ => 0,
        };
        read + self.streams.iter().map(Stream::kept).sum::<usize>()
    }

    /// After each packet: is there anything left to learn?
    fn progress(&mut self, side: Side, findings: &mut Findings) -> Progress {
        let stream = &self.streams[side.index()];
        let packets = self.packets[side.index()];
        let broken = stream.is_broken();
        match &mut self.reader {
            Reader::ExpectFirstBytes => {
                let enough = match self.strange[side.index()] {
                    true => packets >= PACKETS_TO_TELL || self.strange[side.other().index()],
                    false => !stream.is_waiting() && (packets >= PACKETS_TO_DECIDE || stream.kept() >= BYTES_TO_DECIDE),
                };
                if broken || enough {
                    Progress::Done
                } else {
                    Progress::More
                }
            }
            Reader::Tls(tls) => {
                if broken {
                    tls.lost(side, self.last, findings);
                }
                findings.client = findings.client.or(tls.client());
                if !tls.wants(side) {
                    self.idle = self.idle.saturating_add(1);
                }
                let is_endless = !tls.is_done() && tls.is_endless(side, packets);
                if is_endless {
                    findings.quality.add(Quality::BUDGET);
                }
                if tls.is_done() || is_endless || self.idle == IDLE_PACKETS {
                    findings.quality.add(tls.quality());
                    Progress::Done
                } else {
                    Progress::More
                }
            }
            Reader::Dns(_) if !broken => Progress::More,
            _ => Progress::Done,
        }
    }

    /// The flow has ended: what was left open.
    pub fn finish(self, findings: &mut Findings, lookups: &mut Vec<Lookup>) {
        for stream in &self.streams {
            findings.quality.add(stream.quality());
            if stream.is_waiting() {
                findings.quality.add(Quality::GAP);
            }
        }
        match self.reader {
            Reader::Tls(mut tls) => {
                for side in [Side::Lo, Side::Hi] {
                    tls.lost(side, self.last, findings);
                }
                findings.client = findings.client.or(tls.client());
                findings.quality.add(tls.quality());
            }
            Reader::Dns(dns) => dns.unanswered(lookups),
            _ => {}
        }
    }
}

/// Everything that hearing some bytes may change, beside the reader itself.
struct Ears<'a, 'p> {
    piece: &'a Piece<'p>,
    ports: [u16; 2],
    strange: &'a mut [bool; 2],
    findings: &'a mut Findings,
    lookups: &'a mut Vec<Lookup>,
}

impl Ears<'_, '_> {
    /// Reads contiguous bytes of one side and says how many are done with.
    fn hear(&mut self, reader: &mut Reader, bytes: &[u8]) -> usize {
        let mut rest = Cursor::new(bytes);
        if matches!(reader, Reader::ExpectFirstBytes) {
            if self.strange[self.piece.side.index()] {
                return bytes.len();
            }
            let is_told = self.pass_proxy_headers(&mut rest) && self.first_bytes(reader, rest.rest());
            if !is_told {
                return bytes.len() - rest.left();
            }
        }
        let Ears {
            piece,
            findings,
            lookups,
            ..
        } = self;
        let taken = match reader {
            Reader::Tls(tls) => tls.bytes(piece.side, rest.rest(), piece.at, findings),
            Reader::Dns(dns) => {
                let before = lookups.len();
                let taken = dns.stream(piece.side, rest.rest(), piece.at, lookups);
                if let Some(lookup) = lookups.get(before) {
                    findings.client.get_or_insert(lookup.asker);
                }
                taken
            }
            Reader::Nothing | Reader::ExpectFirstBytes => rest.left(),
        };
        bytes.len() - rest.left() + taken
    }

    /// Passes over what a load balancer put in front. False while it is not whole.
    fn pass_proxy_headers(&mut self, rest: &mut Cursor<'_>) -> bool {
        loop {
            match proxy_protocol::header(rest.rest()) {
                Parse::Complete(length) => {
                    rest.take(length);
                    self.findings.client.get_or_insert(self.piece.side);
                }
                Parse::Need(_) => return false,
                Parse::Malformed(error) => {
                    if error == ProxyError::OverCap {
                        self.findings.quality.add(Quality::BUDGET);
                    }
                    return true;
                }
            }
        }
    }

    /// Chooses the reader. False while the bytes do not tell.
    fn first_bytes(&mut self, reader: &mut Reader, bytes: &[u8]) -> bool {
        let (app, chosen) = match identify::tcp(bytes, self.ports) {
            TcpGuess::Undecided => return false,
            TcpGuess::Tls => (App::Tls, Reader::Tls(Preamble::none())),
            TcpGuess::Http(app) => (app, Reader::Tls(Preamble::http())),
            TcpGuess::Http2 => {
                self.findings.client.get_or_insert(self.piece.side);
                (App::Http, Reader::Nothing)
            }
            TcpGuess::Stun => (App::Stun, Reader::Nothing),
            TcpGuess::Socks => (App::Unknown, Reader::Tls(Preamble::socks())),
            TcpGuess::StartTls(language) => {
                let talk = StartTlsTalk::new(language);
                (App::Unknown, Reader::Tls(Preamble::starttls(talk)))
            }
            TcpGuess::Dns => (
                App::Dns,
                Reader::Dns(DnsProbe::new(DnsKind::Dns, identify::dns_server(self.ports))),
            ),
            TcpGuess::Other => {
                // The other side may still tell.
                self.strange[self.piece.side.index()] = true;
                return true;
            }
        };
        self.findings.app = app;
        *reader = chosen;
        let other = self.piece.side.other();
        if let Reader::Tls(tls) = reader
            && self.strange[other.index()]
            && !tls.is_starttls()
        {
            tls.lost(other, self.piece.at, self.findings);
        }
        true
    }
}
