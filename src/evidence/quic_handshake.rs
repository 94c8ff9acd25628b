//! One QUIC connection, as far as its first packets are for everyone to read.
//!
//! The names of a packet's sender and the keys follow from each other: a packet that opens with the
//! client's keys, derived from the packet's own destination id, is a client's first. From then on
//! the keys stay, whatever ids are used (RFC 9001, section 5.2), until the client starts over:
//!
//! ```text
//! NoKeys ── an Initial opens with keys from its own id ──▶ the keys of both senders, from that id
//!                                                           │   ▲
//!                             Retry, a token, another version └───┘ an Initial opens with keys from its new id
//! ```
//!
//! - After a Retry the client's packets go to the id that the server chose there, and so do the keys (section 5.2).
//! - After a Version Negotiation another version has other keys. With compatible negotiation (RFC 9368) the server
//!   answers in another version with keys from the same id.
//! - Every derivation is an attempt, and attempts are few: a flood of forged Initials buys nothing.
//!
//! Nothing is taken from a packet whose tag was not verified, but for two hints that only allow
//! another attempt, and the version, which is in the clear for good.

use crate::crypto::quic_initial::{InitialKeys, Scratch, Sender};
use crate::evidence::model::{Quality, TlsFacts};
use crate::evidence::quic_crypto::{CryptoReader, Notes};
use crate::evidence::quic_direction::Direction;
use crate::evidence::tls_handshake::TlsMarks;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::wire::gquic::ClearPacket;
use crate::wire::quic::{Body, ConnectionId, Kind, LongPacket, MIN_FIRST_ID, Packet, Packets};
use crate::wire::quic_version::{Dialect, QuicVersion};

pub use crate::wire::quic::looks_like_quic;

/// Key derivations for one flow: client and server, again after a Retry, again after a negotiation, those lent to a reserved
/// version, and two in vain.
const MAX_ATTEMPTS: u8 = 8 + QuicVersion::LENDERS.len() as u8;
/// Datagrams that brought nothing new, after which nothing is waited for any more. A client may send a window full of 0-RTT
/// packets before the server's hello.
const MAX_IDLE: u8 = 64;
/// Initials opened in all. A hello of 16 KiB needs 14 datagrams; the rest is room for what is sent again.
const MAX_OPENED: u8 = 128;

/// What one datagram by itself says: the whole cost of a client's first packet, for measuring it.
pub fn first_hello(bytes: &[u8], scratch: &mut Scratch) -> TlsFacts {
    let mut facts = TlsFacts::default();
    let datagram = Datagram {
        side: Side::Lo,
        bytes,
        cut: false,
        at: Stamp::default(),
    };
    QuicProbe::new().datagram(&datagram, &mut facts, &mut TlsMarks::default(), scratch);
    facts
}

/// One datagram's payload.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    pub side: Side,
    pub bytes: &'a [u8],
    /// The capture cut off its end.
    pub cut: bool,
    pub at: Stamp,
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct QuicProbe {
    version: Option<QuicVersion>,
    client: Option<Side>,
    /// Where the keys come from.
    first_id: ConnectionId,
    from_client: Direction,
    from_server: Direction,
    /// Each side's last attempt that failed: the packet may have been damaged, and comes again.
    failed: [Option<Attempt>; 2],
    attempts: u8,
    /// Datagrams since something was learnt.
    idle: u8,
    /// Initials opened.
    opened: u8,
    /// A Retry was seen.
    retried: bool,
    /// Which side sent more than a refusal; see [`QuicProbe::went_on`].
    went_on: [bool; 2],
    /// An Initial that could not be opened was seen.
    unopened: bool,
    /// A reserved version's Initial was tried with every key that it may have; once is enough.
    borrowed: bool,
    done: bool,
    quality: Quality,
}

/// Keys from a packet's own id, which did not open it.
#[derive(Debug)]
struct Attempt {
    version: QuicVersion,
    id: ConnectionId,
    keys: Box<InitialKeys>,
}

impl Default for QuicProbe {
    fn default() -> Self {
        Self::new()
    }
}

impl QuicProbe {
    pub fn new() -> Self {
        QuicProbe {
            version: None,
            client: None,
            first_id: ConnectionId::default(),
            from_client: Direction::new(Sender::Client),
            from_server: Direction::new(Sender::Server),
            failed: [None, None],
            attempts: 0,
            idle: 0,
            opened: 0,
            retried: false,
            went_on: [false; 2],
            unopened: false,
            borrowed: false,
            done: false,
            quality: Quality::default(),
        }
    }

    /// Reads a datagram, in capture order. `scratch` may be shared by all flows.
    pub fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        facts: &mut TlsFacts,
        marks: &mut TlsMarks,
        scratch: &mut Scratch,
    ) {
        if self.done {
            return;
        }
        let at = datagram.at;
        let notes = &mut Notes { at, facts, marks };
        self.idle += 1;
        if self.client.is_none()
            && let Some(packet) = ClearPacket::parse(datagram.bytes)
        {
            self.clear_packet(datagram.side, &packet, notes);
        } else {
            for packet in Packets::new(datagram.bytes) {
                match packet {
                    Packet::Long(packet) => self.long_packet(datagram, &packet, notes, scratch),
                    Packet::Broken if datagram.cut => self.note_cut(datagram.side),
                    Packet::Broken => {}
                    Packet::OneRtt => self.note_went_on(datagram.side),
                }
            }
        }
        if self.is_decided() {
            self.finish();
        }
    }

    /// Who sent the Initial with the ClientHello: only a verified packet tells.
    pub fn client(&self) -> Option<Side> {
        self.client
    }

    /// Of the last verified packet in which the version could change, else of the first packet seen.
    pub fn version(&self) -> Option<QuicVersion> {
        self.version
    }

    /// The sides, low and high, that took part in a connection. A Version Negotiation says that there will be none
    /// (RFC 9000, section 6.1) and a Retry that it has not begun (section 8.1.2).
    pub fn went_on(&self) -> [bool; 2] {
        self.went_on
    }

    /// Nothing more is to be learnt.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// What the handshake lacks, to be asked at the end. `CUT`: an Initial was cut by the capture; `GAP`: bytes of the
    /// ClientHello never came; `BUDGET`: it was longer than is looked at, or keys were tried too often; `OVERLAP`: a
    /// piece came again with other bytes; `MIDSTREAM`: Initials came, but not the first, from which the keys are.
    pub fn quality(&self) -> Quality {
        let mut quality = self.quality;
        quality.add(self.from_client.crypto.quality());
        quality.add(self.from_server.crypto.quality());
        if quality.has(Quality::CUT) || quality.has(Quality::BUDGET) {
            return quality;
        }
        match self.client {
            Some(_) if self.from_client.crypto.lacks_hello() => quality.add(Quality::GAP),
            None if self.unopened => quality.add(Quality::MIDSTREAM),
            _ => {}
        }
        quality
    }

    /// Bytes of memory held beyond the probe itself.
    pub fn bytes(&self) -> usize {
        let failed = self.failed.iter().flatten().count() * size_of::<InitialKeys>();
        self.from_client.kept() + self.from_server.kept() + failed
    }

    fn clear_packet(&mut self, side: Side, packet: &ClearPacket<'_>, notes: &mut Notes<'_>) {
        self.version.get_or_insert(packet.version);
        if let Some(name) = packet.server_name() {
            notes.facts.sni.get_or_insert(Domain::from_text(name));
            notes.marks.hello.note(notes.at);
            self.client = Some(side);
            // The handshake that follows is not TLS.
            self.from_client.crypto = CryptoReader::finished();
            self.finish();
        }
    }

    fn long_packet(
        &mut self,
        datagram: &Datagram<'_>,
        packet: &LongPacket<'_>,
        notes: &mut Notes<'_>,
        scratch: &mut Scratch,
    ) {
        let side = datagram.side;
        if matches!(packet.kind, Kind::Initial | Kind::ZeroRtt | Kind::Handshake) {
            self.note_went_on(side);
        }
        match packet.kind {
            // A hint, since nobody signs it: it allows one more attempt.
            Kind::Retry => self.retried |= self.client != Some(side),
            Kind::Negotiation => return,
            Kind::Initial => match packet.body {
                Body::Sealed(_) if self.client == Some(side.other()) => {
                    self.server_initial(packet, notes, scratch);
                }
                Body::Sealed(_) => self.client_initial(side, packet, notes, scratch),
                _ if datagram.cut => self.note_cut(side),
                _ => {}
            },
            Kind::ZeroRtt | Kind::Handshake | Kind::Unknown => {}
        }
        self.version.get_or_insert(packet.version);
    }

    /// An Initial from the client, or from a side that may be.
    fn client_initial(&mut self, side: Side, packet: &LongPacket<'_>, notes: &mut Notes<'_>, scratch: &mut Scratch) {
        let fresh = self.may_start_over(packet);
        if self.from_client.crypto.is_done() && !fresh {
            return;
        }
        if self.from_client.open(packet, notes, scratch) {
            self.note_opened();
            return;
        }
        if !fresh {
            return;
        }
        if packet.version.dialect() == Dialect::Reserved {
            self.borrow_keys(side, packet, notes, scratch);
        } else if let Some(attempt) = self.attempt(side, packet)
            && let Some(failed) = self.begin(side, packet, attempt, notes, scratch)
        {
            *self.failed(side) = Some(failed);
            self.unopened = true;
        }
    }

    /// An Initial of a version that nobody uses, by the keys of those that its sender may have meant.
    fn borrow_keys(&mut self, side: Side, packet: &LongPacket<'_>, notes: &mut Notes<'_>, scratch: &mut Scratch) {
        if std::mem::replace(&mut self.borrowed, true) {
            return;
        }
        for lender in QuicVersion::LENDERS {
            let Some(keys) = self.derive(lender, packet.destination, Sender::Client) else {
                return;
            };
            let attempt = Attempt {
                version: packet.version,
                id: ConnectionId::of(packet.destination),
                keys,
            };
            if self.begin(side, packet, attempt, notes, scratch).is_none() {
                return;
            }
        }
    }

    /// Begins a connection with an Initial that these keys open; gives them back if they don't.
    fn begin(
        &mut self,
        side: Side,
        packet: &LongPacket<'_>,
        attempt: Attempt,
        notes: &mut Notes<'_>,
        scratch: &mut Scratch,
    ) -> Option<Attempt> {
        let mut direction = Direction::new(Sender::Client);
        direction.keys = Some((attempt.version, attempt.keys));
        direction.largest = self.from_client.largest;
        if !self.from_client.crypto.lacks_hello() {
            // The hello was read before; the first one stands.
            direction.crypto = CryptoReader::finished();
        }
        if direction.open(packet, notes, scratch) {
            self.quality.add(self.from_client.crypto.quality());
            self.from_client = direction;
            self.from_server = Direction::new(Sender::Server);
            self.first_id = attempt.id;
            self.failed = [None, None];
            self.client = Some(side);
            self.version = Some(packet.version);
            self.note_opened();
            return None;
        }
        let id = attempt.id;
        direction.keys.map(|(version, keys)| Attempt { version, id, keys })
    }

    /// An Initial from the other side.
    fn server_initial(&mut self, packet: &LongPacket<'_>, notes: &mut Notes<'_>, scratch: &mut Scratch) {
        if self.from_server.crypto.is_done() {
            return;
        }
        let version = packet.version;
        if self.from_server.keys.as_ref().is_none_or(|(v, _)| *v != version) {
            let first_id = self.first_id;
            let Some(keys) = self.derive(version, first_id.as_slice(), Sender::Server) else {
                return;
            };
            self.from_server.keys = Some((version, keys));
        }
        if self.from_server.open(packet, notes, scratch) {
            self.version = Some(version);
            self.note_opened();
        }
    }

    /// Whether an Initial may be the first of a connection: none is known yet, or this one was asked to start over.
    fn may_start_over(&self, packet: &LongPacket<'_>) -> bool {
        if packet.destination.len() < MIN_FIRST_ID && !self.retried {
            return false;
        }
        let Some((version, _)) = &self.from_client.keys else {
            return self.client.is_none();
        };
        let has_token = matches!(packet.body, Body::Sealed(sealed) if !sealed.token.is_empty());
        let asked = self.retried || has_token || packet.version != *version;
        let other = packet.version != *version || self.first_id.as_slice() != packet.destination;
        asked && other && self.from_server.largest.is_none()
    }

    /// Derives keys, while attempts are left.
    fn derive(&mut self, version: QuicVersion, id: &[u8], sender: Sender) -> Option<Box<InitialKeys>> {
        if !version.dialect().has_initial_keys() {
            return None;
        }
        if self.attempts == MAX_ATTEMPTS {
            if self.client.is_none() {
                self.quality.add(Quality::BUDGET);
                self.idle = MAX_IDLE;
            }
            return None;
        }
        self.attempts += 1;
        InitialKeys::derive(version, id, sender).map(Box::new)
    }

    /// Keys from a packet's own id, derived anew unless the side's last attempt was made with the same.
    fn attempt(&mut self, side: Side, packet: &LongPacket<'_>) -> Option<Attempt> {
        let version = packet.version;
        let id = ConnectionId::of(packet.destination);
        match self.failed(side).take() {
            Some(last) if (last.version, last.id) == (version, id) => Some(last),
            _ => {
                let keys = self.derive(version, packet.destination, Sender::Client)?;
                Some(Attempt { version, id, keys })
            }
        }
    }

    fn failed(&mut self, side: Side) -> &mut Option<Attempt> {
        let [lo, hi] = &mut self.failed;
        match side {
            Side::Lo => lo,
            Side::Hi => hi,
        }
    }

    fn note_went_on(&mut self, side: Side) {
        let [lo, hi] = &mut self.went_on;
        *match side {
            Side::Lo => lo,
            Side::Hi => hi,
        } = true;
    }

    fn note_opened(&mut self) {
        self.idle = 0;
        self.opened += 1;
        if self.opened == MAX_OPENED {
            self.quality.add(Quality::BUDGET);
            self.idle = MAX_IDLE;
        }
    }

    /// A packet that may be an Initial was cut; nothing of it can be verified.
    fn note_cut(&mut self, side: Side) {
        let direction = match self.client {
            Some(client) if client != side => &self.from_server,
            _ => &self.from_client,
        };
        if direction.crypto.lacks_hello() {
            self.quality.add(Quality::CUT);
        }
    }

    fn is_decided(&self) -> bool {
        let answered = self.from_server.crypto.is_done();
        self.idle >= MAX_IDLE || (answered && self.from_client.crypto.is_done())
    }

    /// Lets go of keys and buffers.
    fn finish(&mut self) {
        self.done = true;
        self.failed = [None, None];
        for direction in [&mut self.from_client, &mut self.from_server] {
            direction.keys = None;
            direction.crypto.stop();
        }
    }
}
