//! Both directions of one TLS connection, as far as they are in the clear.
//!
//! Each side is read by itself: the server's flight may come first, or alone. Who is who follows
//! from the hellos, whichever is seen first.
//!
//! ```text
//! client   FirstBytes ── ClientHello ──▶ Nothing   (or SecondHello, while the first had no name)
//!
//! server   FirstBytes ─┬─ ServerHello of 1.3, SSLv2's hello ───────────────────────────▶ Nothing
//!              ▲       └─ ServerHello of 1.2 or older ─▶ Certificate ─▶ ChangeCipherSpec ─▶ ┘
//!              └─ HelloRetryRequest ─┘
//! ```
//!
//! - A HelloRetryRequest answers nothing: the next ServerHello does. ChangeCipherSpec before that is a dummy for
//!   middleboxes (RFC 8446, appendix D.4).
//! - Up to TLS 1.2 the server's ChangeCipherSpec ends the clear text. Without a Certificate before it an old session was
//!   resumed. Until then an alert of the server can be read, also one after the Certificate.
//! - From TLS 1.3 on nothing behind the ServerHello can be read.
//!
//! Bytes that are no TLS make a side await nothing more; no fact comes from them.

use std::sync::Arc;

use crate::evidence::certificate;
use crate::evidence::ja4::Transport;
use crate::evidence::model::{Certificate, Quality, TlsFacts, TlsVersion};
use crate::evidence::tls_hello::{self, ServerHello};
use crate::evidence::tls_records::{Body, Event, Message, Messages, Records};
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::wire::Parse;
use crate::wire::cursor::Cursor;
use crate::wire::tls::{HandshakeType, Ssl2Hello, Ssl2Sender};

/// Bytes of one side that are looked at in all; a handshake of 64 KiB messages fits.
const MAX_BYTES: usize = 256 * 1024;
/// RFC 8446, section 6: the levels of alerts. After a fatal one nothing comes.
const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// Where each proof was complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TlsMarks {
    pub hello: Mark,
    /// When the hello was whole; 0: never. Of two hellos (after a retry) the last.
    pub hello_ns: u64,
    pub server_hello: Mark,
    pub certificate: Mark,
}

/// The packet that completed a proof, if one did. Every flow has room for three of them, so it is of a stamp what is shown
/// in the end, its place in the input. Frames are counted from 1, so that 0 is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark(u64);

impl Mark {
    /// The first packet stands.
    pub fn note(&mut self, at: Stamp) {
        if self.0 == 0 {
            self.0 = at.seq;
        }
    }

    pub fn frame(self) -> Option<u64> {
        self.stamp().map(Stamp::frame)
    }

    pub fn ordinal(self) -> Option<u32> {
        self.stamp().map(Stamp::ordinal)
    }

    /// With no time.
    pub fn stamp(self) -> Option<Stamp> {
        (self.0 != 0).then_some(Stamp { seq: self.0, ns: 0 })
    }
}

/// Where the facts go, and when it is.
#[derive(Debug)]
struct Notes<'a> {
    at: Stamp,
    facts: &'a mut TlsFacts,
    marks: &'a mut TlsMarks,
}

/// Both directions of one connection.
#[derive(Debug, Default)]
pub struct TlsProbe {
    lo: Reader,
    hi: Reader,
    talk: Talk,
}

/// What both sides must know of the connection.
#[derive(Debug, Default)]
struct Talk {
    client: Option<Side>,
    /// A ServerHello that is no retry was seen.
    answered: bool,
    quality: Quality,
}

/// One direction.
#[derive(Debug, Default)]
struct Reader {
    awaits: Awaits,
    records: Records,
    messages: Messages,
    /// The first alert in the clear, or the first fatal one.
    alert: Option<(u8, u8)>,
    /// Bytes consumed so far.
    taken: usize,
}

/// What a side's next step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Awaits {
    /// Anything: a record, or a hello in the SSLv2 format.
    #[default]
    FirstBytes,
    /// A hello in a record.
    Hello,
    /// Of the client: a hello with the name that the first lacked.
    SecondHello,
    Certificate,
    ChangeCipherSpec,
    Nothing,
}

impl TlsProbe {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads contiguous bytes of one side and returns how many were consumed: what remains is to be offered again with
    /// more behind it. `at` is the stamp of the packet that brought the last of them.
    pub fn bytes(&mut self, side: Side, bytes: &[u8], at: Stamp, facts: &mut TlsFacts, marks: &mut TlsMarks) -> usize {
        if !self.wants(side) {
            return bytes.len();
        }
        let notes = &mut Notes { at, facts, marks };
        let (reader, talk) = self.parts(side);
        let taken = reader.read(side, bytes, talk, notes);
        reader.taken += taken;
        if reader.taken > MAX_BYTES && reader.awaits != Awaits::Nothing {
            talk.quality.add(Quality::BUDGET);
            reader.stop();
        }
        self.note_alert(notes.facts);
        taken
    }

    /// No more bytes of this side will come, because the flow ended or because some were lost: takes what can be told
    /// from a message that was begun.
    pub fn lost(&mut self, side: Side, at: Stamp, facts: &mut TlsFacts, marks: &mut TlsMarks) {
        if self.wants(side) {
            let notes = &mut Notes { at, facts, marks };
            let (reader, talk) = self.parts(side);
            reader.last_look(side, talk, notes);
            reader.stop();
        }
    }

    /// Who sent the ClientHello, or did not send the ServerHello.
    pub fn client(&self) -> Option<Side> {
        self.talk.client
    }

    /// False once nothing more is to be learnt from this side.
    pub fn wants(&self, side: Side) -> bool {
        match self.reader(side).awaits {
            Awaits::Nothing => false,
            Awaits::SecondHello => !self.talk.answered,
            _ => true,
        }
    }

    /// The name and the version are known, and the certificate or that there is none. An alert may still come.
    pub fn is_decided(&self) -> bool {
        let is_open = |side| self.wants(side) && self.reader(side).awaits != Awaits::ChangeCipherSpec;
        !is_open(Side::Lo) && !is_open(Side::Hi)
    }

    /// Nothing more is to be learnt from either side.
    pub fn is_done(&self) -> bool {
        !self.wants(Side::Lo) && !self.wants(Side::Hi)
    }

    /// `BUDGET`: a message, or a side, was longer than is looked at.
    pub fn quality(&self) -> Quality {
        self.talk.quality
    }

    /// The first alert that a side sent in the clear (or the first fatal one), for when nothing tells the roles.
    pub fn alert(&self, side: Side) -> Option<(u8, u8)> {
        self.reader(side).alert
    }

    /// Bytes of memory held beyond the probe itself.
    pub fn kept(&self) -> usize {
        self.lo.messages.kept() + self.hi.messages.kept()
    }

    fn reader(&self, side: Side) -> &Reader {
        match side {
            Side::Lo => &self.lo,
            Side::Hi => &self.hi,
        }
    }

    fn parts(&mut self, side: Side) -> (&mut Reader, &mut Talk) {
        let reader = match side {
            Side::Lo => &mut self.lo,
            Side::Hi => &mut self.hi,
        };
        (reader, &mut self.talk)
    }

    /// The server's alert is a fact once it is known who the server is.
    fn note_alert(&self, facts: &mut TlsFacts) {
        if let Some(client) = self.talk.client {
            facts.server_alert = self.reader(client.other()).alert.or(facts.server_alert);
        }
    }
}

impl Reader {
    /// Reads on from where it stands; returns the bytes used up.
    fn read(&mut self, side: Side, bytes: &[u8], talk: &mut Talk, notes: &mut Notes<'_>) -> usize {
        let mut rest = Cursor::new(bytes);
        if self.awaits == Awaits::FirstBytes {
            match Ssl2Hello::parse(bytes) {
                Parse::Complete(hello) => {
                    rest.take(hello.record);
                    self.ssl2_hello(side, &hello, talk, notes);
                }
                Parse::Need(_) => return 0,
                Parse::Malformed(_) => self.awaits = Awaits::Hello,
            }
        }
        while self.awaits != Awaits::Nothing {
            match self.records.next(&mut rest) {
                Event::Need => return bytes.len() - rest.left(),
                Event::NotTls(_) => self.stop(),
                Event::Handshake(fragment) => self.handshake(side, fragment, talk, notes),
                Event::Alert(level, description) => self.note_alert(level, description),
                Event::ChangeCipherSpec => self.change_cipher_spec(),
                // The handshake is over, or was never seen.
                Event::ApplicationData => self.stop(),
                Event::Other => {}
            }
        }
        bytes.len()
    }

    /// The messages that end in a piece of the handshake stream.
    fn handshake(&mut self, side: Side, fragment: &[u8], talk: &mut Talk, notes: &mut Notes<'_>) {
        let mut rest = Cursor::new(fragment);
        let awaits = &mut self.awaits;
        while *awaits != Awaits::Nothing {
            let wanted = |kind| awaits.wants(kind, talk.client.map(|client| client == side));
            let Some(message) = self.messages.next(&mut rest, wanted) else {
                return;
            };
            *awaits = awaits.after(side, message, talk, notes);
        }
        self.stop();
    }

    fn ssl2_hello(&mut self, side: Side, hello: &Ssl2Hello<'_>, talk: &mut Talk, notes: &mut Notes<'_>) {
        self.awaits = Awaits::Nothing;
        match hello.from {
            Ssl2Sender::Client if talk.is_client(side) => {
                tls_hello::ssl2_client_hello(hello.version, notes.facts);
                notes.marks.hello.note(notes.at);
                notes.marks.hello_ns = notes.at.ns;
            }
            Ssl2Sender::Server { certificate } if talk.is_client(side.other()) => {
                let decided = ServerHello {
                    version: Some(TlsVersion(hello.version)),
                    cipher: None,
                    retry: false,
                };
                talk.answer(&decided, notes);
                notes.note_certificate(certificate.and_then(certificate::remembered));
            }
            _ => {}
        }
    }

    fn note_alert(&mut self, level: u8, description: u8) {
        if level != WARNING && level != FATAL {
            return self.stop();
        }
        let is_worse = self.alert.is_none_or(|(old, _)| old != FATAL && level == FATAL);
        if is_worse {
            self.alert = Some((level, description));
        }
        if level == FATAL {
            self.stop();
        }
    }

    fn change_cipher_spec(&mut self) {
        if matches!(self.awaits, Awaits::Certificate | Awaits::ChangeCipherSpec) {
            self.stop();
        }
    }

    /// What can be told from a hello that ends too early.
    fn last_look(&mut self, side: Side, talk: &mut Talk, notes: &mut Notes<'_>) {
        let Some((kind, body)) = self.messages.unfinished() else {
            return;
        };
        let is_client = talk.client.map(|client| client == side);
        if kind == HandshakeType::ClientHello
            && is_client != Some(false)
            && tls_hello::cut_client_hello(body, notes.facts)
        {
            talk.is_client(side);
            notes.marks.hello.note(notes.at);
        } else if kind == HandshakeType::ServerHello
            && is_client != Some(true)
            && let Some(hello) = tls_hello::cut_server_hello(body)
        {
            talk.is_client(side.other());
            talk.answer(&hello, notes);
        }
    }

    /// Nothing more is looked at, and nothing is kept.
    fn stop(&mut self) {
        self.awaits = Awaits::Nothing;
        self.messages = Messages::default();
    }
}

impl Awaits {
    /// Which messages are worth gathering. `is_client`: what is known of the side's role.
    fn wants(self, kind: HandshakeType, is_client: Option<bool>) -> bool {
        match self {
            Awaits::FirstBytes | Awaits::Hello | Awaits::SecondHello => match kind {
                HandshakeType::ClientHello => is_client != Some(false),
                HandshakeType::ServerHello => is_client != Some(true),
                // A flight whose beginning was lost.
                HandshakeType::Certificate => is_client == Some(false),
                _ => false,
            },
            Awaits::Certificate => kind == HandshakeType::Certificate,
            Awaits::ChangeCipherSpec | Awaits::Nothing => false,
        }
    }

    /// What to await after a message.
    fn after(self, side: Side, message: Message<'_>, talk: &mut Talk, notes: &mut Notes<'_>) -> Awaits {
        let body = match message.body {
            Body::Whole(body) => body,
            Body::Skipped => return self.after_other(message.kind),
            Body::TooLong => {
                talk.quality.add(Quality::BUDGET);
                return match message.kind {
                    HandshakeType::Certificate => Awaits::ChangeCipherSpec,
                    _ => Awaits::Nothing,
                };
            }
        };
        match message.kind {
            HandshakeType::ClientHello => {
                if tls_hello::client_hello(body, Transport::Tcp, notes.facts).is_err() {
                    return Awaits::Nothing;
                }
                talk.is_client(side);
                notes.marks.hello.note(notes.at);
                notes.marks.hello_ns = notes.at.ns;
                match (self, &notes.facts.sni) {
                    (Awaits::Hello, None) => Awaits::SecondHello,
                    _ => Awaits::Nothing,
                }
            }
            HandshakeType::ServerHello => {
                let Ok(hello) = tls_hello::server_hello(body) else {
                    return Awaits::Nothing;
                };
                talk.is_client(side.other());
                if hello.retry {
                    return Awaits::Hello;
                }
                talk.answer(&hello, notes);
                match hello.version.and_then(TlsVersion::rank) {
                    Some(rank) if Some(rank) < TlsVersion::TLS13.rank() => Awaits::Certificate,
                    _ => Awaits::Nothing,
                }
            }
            _ => {
                notes.note_certificate(certificate::leaf(body));
                Awaits::ChangeCipherSpec
            }
        }
    }

    /// What to await after a message that was not wanted.
    fn after_other(self, kind: HandshakeType) -> Awaits {
        match (self, kind) {
            // RFC 5246, section 7.3: the Certificate, if any, comes right behind the ServerHello. A ticket means a resumed session.
            (
                Awaits::Certificate,
                HandshakeType::ServerKeyExchange
                | HandshakeType::CertificateRequest
                | HandshakeType::ServerHelloDone
                | HandshakeType::NewSessionTicket,
            ) => Awaits::ChangeCipherSpec,
            // In drafts of TLS 1.3 a message of its own; and a server may ask for a hello at any time.
            (Awaits::Hello, HandshakeType::HelloRetryRequest | HandshakeType::HelloRequest) => self,
            (Awaits::Certificate | Awaits::ChangeCipherSpec, _) => self,
            _ => Awaits::Nothing,
        }
    }
}

impl Talk {
    /// Claims that a side is the client; false if the other is known to be.
    fn is_client(&mut self, side: Side) -> bool {
        *self.client.get_or_insert(side) == side
    }

    /// Writes down the server's decision; the first one stands.
    fn answer(&mut self, hello: &ServerHello, notes: &mut Notes<'_>) {
        self.answered = true;
        notes.marks.server_hello.note(notes.at);
        let facts = &mut *notes.facts;
        facts.version = facts.version.or(hello.version);
        facts.cipher = facts.cipher.or(hello.cipher);
    }
}

impl Notes<'_> {
    fn note_certificate(&mut self, certificate: Option<Arc<Certificate>>) {
        if certificate.is_some() && self.facts.certificate.is_none() {
            self.facts.certificate = certificate;
            self.marks.certificate.note(self.at);
        }
    }
}
