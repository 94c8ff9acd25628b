//! One DTLS connection, as far as its first datagrams are for everyone to read.
//!
//! The handshake is TLS's, but its messages come as pieces in datagrams: twice, out of order, or never. Each side is
//! read by itself, and who is who follows from the hellos:
//!
//! ```text
//! client   ClientHello (▶ HelloVerifyRequest ▶ ClientHello with the cookie) ─▶ sealed, or a change of the cipher
//! server   ServerHello of 1.3 ───────────────────────────────────────────────▶ nothing more in the clear
//!          ServerHello of 1.2 or older ─▶ Certificate ─▶ change of the cipher ─▶ nothing more in the clear
//! ```
//!
//! - The second hello of a client repeats the first: it adds the name if the first had none, nothing else.
//! - A HelloRetryRequest of 1.3 decides nothing: the next ServerHello does.
//! - RTP and STUN may come between on the same ports; they are not shown to this probe.

use std::sync::Arc;

use crate::evidence::certificate;
use crate::evidence::dtls_message::{Assembly, Message};
use crate::evidence::ja4::Transport;
use crate::evidence::model::{Certificate, Quality, TlsFacts, TlsVersion};
use crate::evidence::quic_handshake::Datagram;
use crate::evidence::tls_handshake::TlsMarks;
use crate::evidence::tls_hello::{self, ServerHello};
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::wire::dtls::{Content, Piece, Record, Records, around_cookie, pieces};
use crate::wire::tls::HandshakeType;

/// Datagrams that are looked at in all. A certificate chain of 16 KiB in pieces of 200 bytes needs 80.
const MAX_DATAGRAMS: u8 = 128;
/// RFC 8446, section 6: the level of an alert that ends the connection.
const FATAL: u8 = 2;

/// Both directions of one connection.
#[derive(Debug, Default)]
pub struct DtlsProbe {
    lo: Direction,
    hi: Direction,
    client: Option<Side>,
    /// A ClientHello was read, if only in part.
    hello: bool,
    /// A ServerHello that is no retry was read.
    answered: bool,
    datagrams: u8,
    quality: Quality,
}

/// What one side sends.
#[derive(Debug, Default)]
struct Direction {
    assembly: Assembly,
    /// What follows is sealed, or of no interest.
    over: bool,
    /// The first certificate in the clear, and when it came: both sides may send one, and only the server's is a fact.
    certificate: Option<Box<(Arc<Certificate>, Stamp)>>,
    /// A Certificate message was read.
    certified: bool,
    /// The first alert in the clear, or the first fatal one.
    alert: Option<(u8, u8)>,
}

/// Where the facts go, and when it is.
struct Notes<'a> {
    at: Stamp,
    facts: &'a mut TlsFacts,
    marks: &'a mut TlsMarks,
}

impl DtlsProbe {
    /// Reads a datagram, in capture order.
    pub fn datagram(&mut self, datagram: &Datagram<'_>, facts: &mut TlsFacts, marks: &mut TlsMarks) {
        if self.is_done() {
            return;
        }
        self.datagrams += 1;
        let at = datagram.at;
        let notes = &mut Notes { at, facts, marks };
        for record in Records::new(datagram.bytes) {
            match record {
                Record::Clear { content, fragment, .. } => self.clear(datagram, content, fragment, notes),
                Record::Sealed => self.direction(datagram.side).over = true,
                Record::Broken => break,
            }
        }
        self.note_server(notes);
        if self.is_done() {
            self.stop();
        }
    }

    /// Who sent the ClientHello, or did not send the ServerHello.
    pub fn client(&self) -> Option<Side> {
        self.client
    }

    /// Nothing more is to be learnt.
    pub fn is_done(&self) -> bool {
        let server_is_over = match self.client {
            Some(Side::Lo) => self.hi.over,
            Some(Side::Hi) => self.lo.over,
            None => false,
        };
        self.datagrams >= MAX_DATAGRAMS || self.lo.over && self.hi.over || self.hello && server_is_over
    }

    /// What the handshake lacks, to be asked at the end. `CUT`: the capture cut off a part of it; `GAP`: a part never
    /// came; `BUDGET`: a message was longer than is looked at; `OVERLAP`: a piece came again with other bytes;
    /// `MIDSTREAM`: the hellos were before the capture.
    pub fn quality(&self) -> Quality {
        if self.datagrams == 0 {
            return Quality::default();
        }
        let mut quality = self.quality;
        quality.add(self.lo.assembly.quality());
        quality.add(self.hi.assembly.quality());
        if self.lo.assembly.is_waiting() || self.hi.assembly.is_waiting() {
            quality.add(Quality::GAP);
        }
        let explained = quality.has(Quality::CUT) || quality.has(Quality::GAP) || quality.has(Quality::BUDGET);
        match (self.hello, self.answered) {
            _ if explained => {}
            (false, true) => quality.add(Quality::GAP),
            (false, false) => quality.add(Quality::MIDSTREAM),
            (true, _) => {}
        }
        quality
    }

    /// Bytes of memory held beyond the probe itself.
    pub fn bytes(&self) -> usize {
        self.lo.kept() + self.hi.kept()
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Lo => &mut self.lo,
            Side::Hi => &mut self.hi,
        }
    }

    fn clear(&mut self, datagram: &Datagram<'_>, content: Content, fragment: &[u8], notes: &mut Notes<'_>) {
        let side = datagram.side;
        match content {
            Content::Handshake => {
                for piece in pieces(fragment) {
                    // A piece that ends early in a datagram that was captured whole is nobody's.
                    if piece.missing() == 0 || datagram.cut {
                        self.piece(side, &piece, notes);
                    }
                }
            }
            Content::Alert => {
                if let [level, description] = *fragment {
                    self.direction(side).note_alert(level, description);
                }
            }
            // The client's comes before its Finished, the server's after its certificate.
            Content::ChangeCipherSpec => self.direction(side).over = true,
            _ => {}
        }
    }

    fn piece(&mut self, side: Side, piece: &Piece<'_>, notes: &mut Notes<'_>) {
        if !self.wants(side, piece.kind) {
            return;
        }
        match self.direction(side).assembly.take(piece) {
            Some(Message::Whole(body)) => self.message(side, piece.kind, &body, notes),
            Some(Message::Cut(body)) => self.cut_message(side, piece.kind, &body, notes),
            None => {}
        }
    }

    /// Which messages are worth gathering.
    fn wants(&mut self, side: Side, kind: HandshakeType) -> bool {
        let is_client = self.client.map(|client| client == side);
        let all_said = self.hello && self.answered;
        let direction = self.direction(side);
        let (over, certified) = (direction.over, direction.certified);
        !over
            && match kind {
                HandshakeType::ClientHello => is_client != Some(false) && !all_said,
                HandshakeType::ServerHello => is_client != Some(true) && !all_said,
                HandshakeType::Certificate => is_client != Some(true) && !certified,
                _ => false,
            }
    }

    fn message(&mut self, side: Side, kind: HandshakeType, body: &[u8], notes: &mut Notes<'_>) {
        match kind {
            HandshakeType::ClientHello => {
                let read = without_cookie(body)
                    .is_some_and(|body| tls_hello::client_hello(&body, Transport::Dtls, notes.facts).is_ok());
                if read {
                    self.said_hello(side, notes);
                }
            }
            HandshakeType::ServerHello => {
                if let Ok(hello) = tls_hello::server_hello(body) {
                    self.answer(side, &hello, notes);
                }
            }
            HandshakeType::Certificate => {
                let direction = self.direction(side);
                direction.certified = true;
                direction.certificate = certificate::leaf(body).map(|leaf| Box::new((leaf, notes.at)));
            }
            _ => {}
        }
    }

    /// What can be told of a message whose end the capture cut off.
    fn cut_message(&mut self, side: Side, kind: HandshakeType, body: &[u8], notes: &mut Notes<'_>) {
        self.quality.add(Quality::CUT);
        match kind {
            HandshakeType::ClientHello => {
                let read = without_cookie(body).is_some_and(|body| tls_hello::cut_client_hello(&body, notes.facts));
                if read {
                    self.said_hello(side, notes);
                }
            }
            HandshakeType::ServerHello => {
                if let Some(hello) = tls_hello::cut_server_hello(body) {
                    self.answer(side, &hello, notes);
                }
            }
            _ => {}
        }
    }

    fn said_hello(&mut self, side: Side, notes: &mut Notes<'_>) {
        notes.marks.hello.note(notes.at);
        self.hello = true;
        self.client = Some(side);
    }

    fn answer(&mut self, side: Side, hello: &ServerHello, notes: &mut Notes<'_>) {
        self.client = Some(side.other());
        if hello.retry {
            return;
        }
        self.answered = true;
        notes.marks.server_hello.note(notes.at);
        let facts = &mut *notes.facts;
        facts.version = facts.version.or(hello.version);
        facts.cipher = facts.cipher.or(hello.cipher);
        // RFC 9147, section 5: what follows a ServerHello of 1.3 is encrypted.
        if hello
            .version
            .is_some_and(|version| version.rank() == TlsVersion::TLS13.rank())
        {
            self.direction(side).over = true;
        }
    }

    /// What a side sent is a fact once it is known to be the server.
    fn note_server(&mut self, notes: &mut Notes<'_>) {
        let Some(client) = self.client else { return };
        let server = self.direction(client.other());
        notes.facts.server_alert = server.alert.or(notes.facts.server_alert);
        if notes.facts.certificate.is_none()
            && let Some(found) = server.certificate.take()
        {
            let (leaf, at) = *found;
            notes.facts.certificate = Some(leaf);
            notes.marks.certificate.note(at);
        }
    }

    /// Lets go of what is kept.
    fn stop(&mut self) {
        for side in [Side::Lo, Side::Hi] {
            let direction = self.direction(side);
            direction.certificate = None;
            direction.assembly.stop();
        }
    }
}

impl Direction {
    fn note_alert(&mut self, level: u8, description: u8) {
        let is_worse = self.alert.is_none_or(|(old, _)| old != FATAL && level == FATAL);
        if is_worse {
            self.alert = Some((level, description));
        }
    }

    fn kept(&self) -> usize {
        let certificate = self
            .certificate
            .as_ref()
            .map_or(0, |_| size_of::<(Certificate, Stamp)>());
        self.assembly.kept() + certificate
    }
}

/// A ClientHello as TLS writes it.
fn without_cookie(body: &[u8]) -> Option<Vec<u8>> {
    around_cookie(body).map(|(front, behind)| [front, behind].concat())
}
