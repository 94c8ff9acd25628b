//! TLS, at once or behind a talk in the clear: a tunnel asked of a proxy, or a protocol that changes to TLS on the way.
//!
//! ```text
//! client   CONNECT host:443 ... | ClientHello ...        Place::Talk, then Place::Tls
//! server   HTTP/1.1 200 OK  ... | ServerHello ...
//! ```
//!
//! Each side is read by itself, up to a place where its own talk ends and TLS may begin. What stands there must have the
//! shape of a hello; a tunnel may carry anything else, and then there is nothing more to learn of that side.

use super::http_talk::HttpTalk;
use super::model::{App, Carried, Quality};
use super::probe::Findings;
use super::socks_talk::SocksTalk;
use super::starttls_talk::StartTlsTalk;
use super::tls_handshake::TlsProbe;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::wire::Parse;
use crate::wire::cursor::Cursor;
use crate::wire::http;
use crate::wire::tls::{HANDSHAKE_HEADER, HandshakeHeader, Opening, RECORD_HEADER, RecordHeader, opening};

/// Bytes and packets with data of a side before TLS must have begun: a proxy's page that says no, then another try.
const TUNNEL_BYTES: usize = 64 * 1024;
const TUNNEL_PACKETS: u8 = 64;
/// The same where TLS is asked for in the first few lines, or never.
const STARTTLS_BYTES: usize = 16 * 1024;
const STARTTLS_PACKETS: u8 = 16;

/// What a talk makes of a side's next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More bytes are wanted.
    Need,
    /// So many bytes, at least one, are done with.
    Taken(usize),
    /// From here on the bytes are what the talk was about.
    Inside,
    /// Nothing more is to be learnt from this side.
    Over,
    /// Nor from the other.
    BothOver,
}

/// The talk in front.
#[derive(Debug)]
enum Talk {
    None,
    Http(HttpTalk),
    Socks(SocksTalk),
    StartTls(StartTlsTalk),
}

/// Where a side stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Talk,
    Tls,
    Over,
}

/// A connection with its talk and its TLS.
#[derive(Debug)]
pub struct Preamble {
    talk: Talk,
    places: [Place; 2],
    /// Bytes of each side's talk.
    spoken: [usize; 2],
    tls: TlsProbe,
}

impl Preamble {
    /// TLS from the first byte on.
    pub fn none() -> Preamble {
        Preamble {
            talk: Talk::None,
            places: [Place::Tls; 2],
            spoken: [0; 2],
            tls: TlsProbe::new(),
        }
    }

    /// HTTP: a request to the service itself, or for a tunnel.
    pub fn http() -> Preamble {
        Preamble::behind(Talk::Http(HttpTalk::default()))
    }

    pub fn socks() -> Preamble {
        Preamble::behind(Talk::Socks(SocksTalk::default()))
    }

    pub fn starttls(talk: StartTlsTalk) -> Preamble {
        Preamble::behind(Talk::StartTls(talk))
    }

    fn behind(talk: Talk) -> Preamble {
        Preamble {
            talk,
            places: [Place::Talk; 2],
            ..Preamble::none()
        }
    }

    /// Reads contiguous bytes of one side and returns how many were consumed: what remains is to be offered again with
    /// more behind it.
    pub fn bytes(&mut self, side: Side, bytes: &[u8], at: Stamp, findings: &mut Findings) -> usize {
        let mut rest = Cursor::new(bytes);
        while !rest.is_empty() {
            match self.places[side.index()] {
                Place::Talk => {}
                Place::Tls => {
                    let facts = findings.tls.get_or_insert_default();
                    let taken = self.tls.bytes(side, rest.rest(), at, facts, &mut findings.marks);
                    return bytes.len() - rest.left() + taken;
                }
                Place::Over => return bytes.len(),
            }
            let before = rest.left();
            match self.step(side, rest.rest(), findings) {
                Step::Need => break,
                Step::Taken(n) => {
                    rest.take(n.min(before));
                }
                Step::Inside => match begins_tls(rest.rest(), self.other_is_inside(side)) {
                    Parse::Complete(()) => self.enter(side, findings),
                    Parse::Need(_) => break,
                    Parse::Malformed(NoHello) => {
                        self.places[side.index()] = Place::Over;
                        self.note_carried(rest.rest(), findings);
                    }
                },
                Step::Over => self.places[side.index()] = Place::Over,
                Step::BothOver => self.places = [Place::Over; 2],
            }
            self.count(side, before - rest.left(), findings);
        }
        bytes.len() - rest.left()
    }

    fn step(&mut self, side: Side, bytes: &[u8], findings: &mut Findings) -> Step {
        let other_is_inside = self.other_is_inside(side);
        match &mut self.talk {
            Talk::None => Step::Inside,
            Talk::Http(talk) => talk.step(side, bytes, findings),
            Talk::Socks(talk) => talk.step(side, bytes, findings),
            Talk::StartTls(talk) => talk.step(side, bytes, other_is_inside),
        }
    }

    fn other_is_inside(&self, side: Side) -> bool {
        self.places[side.other().index()] == Place::Tls
    }

    /// What a tunnel carries is not TLS.
    fn note_carried(&self, bytes: &[u8], findings: &mut Findings) {
        if matches!(self.talk, Talk::Http(_) | Talk::Socks(_)) {
            findings.carried.get_or_insert(match http::start(bytes) {
                http::Start::Request | http::Start::Preface => Carried::Http,
                _ => Carried::Other,
            });
        }
    }

    fn enter(&mut self, side: Side, findings: &mut Findings) {
        self.places[side.index()] = Place::Tls;
        match &mut self.talk {
            Talk::StartTls(_) => findings.app = App::Tls,
            Talk::Socks(talk) => talk.settle(findings),
            Talk::None | Talk::Http(_) => {}
        }
    }

    /// A talk that goes on and on is none that leads to TLS.
    fn count(&mut self, side: Side, taken: usize, findings: &mut Findings) {
        let most = match self.talk {
            Talk::StartTls(_) => STARTTLS_BYTES,
            _ => TUNNEL_BYTES,
        };
        let spoken = &mut self.spoken[side.index()];
        *spoken += taken;
        if *spoken > most && self.places[side.index()] == Place::Talk {
            self.places[side.index()] = Place::Over;
            findings.quality.add(Quality::BUDGET);
        }
    }

    /// No more bytes of this side will come, because the flow ended or because some were lost.
    pub fn lost(&mut self, side: Side, at: Stamp, findings: &mut Findings) {
        let place = std::mem::replace(&mut self.places[side.index()], Place::Over);
        if place != Place::Tls {
            return;
        }
        let facts = findings.tls.get_or_insert_default();
        let (hello, server_hello) = (findings.marks.hello, findings.marks.server_hello);
        self.tls.lost(side, at, facts, &mut findings.marks);
        // A hello of which only the beginning was there. The stream itself says so where a hole or the snaplen is to blame.
        let learnt = findings.marks.hello != hello || findings.marks.server_hello != server_hello;
        if learnt && !findings.quality.has(Quality::GAP) {
            findings.quality.add(Quality::CUT);
        }
    }

    /// False once nothing more is to be learnt from this side.
    pub fn wants(&self, side: Side) -> bool {
        match self.places[side.index()] {
            Place::Talk => true,
            Place::Tls => self.tls.wants(side),
            Place::Over => false,
        }
    }

    pub fn is_done(&self) -> bool {
        !self.wants(Side::Lo) && !self.wants(Side::Hi)
    }

    /// Whether a side that has sent so many packets still talks, and is not going to come to TLS.
    pub fn is_endless(&self, side: Side, packets: u8) -> bool {
        let most = match self.talk {
            Talk::StartTls(_) => STARTTLS_PACKETS,
            _ => TUNNEL_PACKETS,
        };
        packets > most && self.places[side.index()] == Place::Talk
    }

    /// The talk may be in the middle of anything when it is first heard.
    pub fn is_starttls(&self) -> bool {
        matches!(self.talk, Talk::StartTls(_))
    }

    /// Who sent the ClientHello, or did not send the ServerHello.
    pub fn client(&self) -> Option<Side> {
        self.tls.client()
    }

    pub fn quality(&self) -> Quality {
        self.tls.quality()
    }

    /// Bytes of memory held beyond the probe itself.
    pub fn kept(&self) -> usize {
        self.tls.kept()
    }
}

/// The bytes are not the beginning of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHello;

/// Whether TLS begins with these bytes. In front of anything might have been, so that more than a record's header has to fit:
/// the hello's version and length, and the record's around it. Once the other side has begun, any record will do (an alert).
pub fn begins_tls(bytes: &[u8], other_has_begun: bool) -> Parse<(), NoHello> {
    match opening(bytes) {
        Parse::Complete(Opening::Ssl2) => Parse::Complete(()),
        Parse::Complete(Opening::ClientHello) => hello(bytes, |whole, record| whole >= record),
        // Behind its hello a server may put its other messages into the same record.
        Parse::Complete(Opening::ServerHello) => hello(bytes, |_, _| true),
        Parse::Complete(Opening::Record) if other_has_begun => Parse::Complete(()),
        Parse::Complete(_) | Parse::Malformed(_) => Parse::Malformed(NoHello),
        Parse::Need(n) => Parse::Need(n),
    }
}

/// `fits` compares the message's length with the record's.
fn hello(bytes: &[u8], fits: impl Fn(usize, usize) -> bool) -> Parse<(), NoHello> {
    const TLS12: u16 = 0x0303;
    const FRONT: usize = RECORD_HEADER + HANDSHAKE_HEADER + 2;
    /// A message longer than this is read by nobody.
    const MAX_HELLO: usize = 64 * 1024;
    let mut c = Cursor::new(bytes);
    let record = c.take(RECORD_HEADER).map(RecordHeader::parse);
    let message = c.take(HANDSHAKE_HEADER).and_then(HandshakeHeader::parse);
    let (Some(Parse::Complete(record)), Some(message), Some(version)) = (record, message, c.u16()) else {
        return Parse::Need(FRONT);
    };
    let whole = HANDSHAKE_HEADER + message.length as usize;
    let is_version = version >> 8 == TLS12 >> 8 || version >> 8 == 0x7f;
    if record.version <= TLS12 && is_version && whole <= MAX_HELLO && fits(whole, usize::from(record.length)) {
        Parse::Complete(())
    } else {
        Parse::Malformed(NoHello)
    }
}
