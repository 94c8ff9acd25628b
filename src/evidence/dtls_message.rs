//! Handshake messages of DTLS, put together from their pieces (RFC 6347, section 4.2.3; RFC 9147, section 5.5).
//!
//! A piece that is a whole message goes through as it is. Others are put in order as TCP segments are, by the same code,
//! with the offset as the sequence number. One message of each kind is gathered at a time; a later one of that kind
//! (a hello with a cookie, a ServerHello after a retry) takes its place.

use std::borrow::Cow;

use crate::evidence::assembly::Stream;
use crate::evidence::model::Quality;
use crate::wire::cursor::Cursor;
use crate::wire::dtls::Piece;
use crate::wire::tls::HandshakeType;

/// Bytes kept of one message: what a certificate chain needs; a hello has less.
const MAX_KEPT: usize = 32 * 1024;
/// Kinds of messages that anybody asks for: both hellos and a certificate.
const MAX_KINDS: usize = 3;

/// A message's body.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    Whole(Cow<'a, [u8]>),
    /// Its front: the capture cut off the rest.
    Cut(Cow<'a, [u8]>),
}

/// The messages of one sender.
#[derive(Debug, Default)]
pub struct Assembly {
    /// The last message of each kind.
    messages: Vec<Gathered>,
    quality: Quality,
}

/// A message, from its first piece on.
#[derive(Debug)]
struct Gathered {
    kind: HandshakeType,
    number: u16,
    length: u32,
    /// The capture cut off a part of it.
    cut: bool,
    /// None once it is complete or cannot be any more: pieces that come again are of no interest.
    stream: Option<Stream>,
}

impl Assembly {
    /// Takes a piece, and gives the message that is complete with it, or of which no more will be seen.
    pub fn take<'p>(&mut self, piece: &Piece<'p>) -> Option<Message<'p>> {
        if piece.message_length as usize > MAX_KEPT && piece.kind != HandshakeType::Certificate {
            self.quality.add(Quality::BUDGET);
            return None;
        }
        let gathered = self.message_of(piece)?;
        let stream = gathered.stream.as_mut()?;
        // RFC 9147, section 5.5: a message that was not cut is one piece, from offset 0 to its whole length.
        if piece.is_whole() && !stream.is_waiting() && stream.kept() == 0 {
            gathered.stream = None;
            return Some(Message::Whole(Cow::Borrowed(piece.bytes)));
        }
        let message = gathered.gather(piece);
        let over = gathered
            .stream
            .take_if(|stream| message.is_some() || stream.is_broken());
        if let Some(stream) = over {
            self.quality.add(stream.quality());
        }
        message
    }

    /// Pieces of a message are here, others are not.
    pub fn is_waiting(&self) -> bool {
        self.messages.iter().any(|message| message.stream.is_some())
    }

    /// `BUDGET`: a message was too long; `OVERLAP`: a piece came again with other bytes; `CUT`: bytes that the capture
    /// cut off; `GAP`: pieces too many and too far apart, or, after [`Assembly::stop`], that never came.
    pub fn quality(&self) -> Quality {
        let mut quality = self.quality;
        for stream in self.streams() {
            quality.add(stream.quality());
        }
        quality
    }

    /// Bytes of memory held beyond the assembly itself.
    pub fn kept(&self) -> usize {
        let bytes: usize = self.streams().map(Stream::kept).sum();
        bytes + self.messages.capacity() * size_of::<Gathered>()
    }

    /// Keeps nothing any more but what is known.
    pub fn stop(&mut self) {
        self.quality = self.quality();
        if self.is_waiting() {
            self.quality.add(Quality::GAP);
        }
        self.messages = Vec::new();
    }

    fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.messages.iter().filter_map(|message| message.stream.as_ref())
    }

    /// The message that a piece is of. None: of one before the last of its kind.
    fn message_of(&mut self, piece: &Piece<'_>) -> Option<&mut Gathered> {
        let place = match self.messages.iter().position(|m| m.kind == piece.kind) {
            Some(place) => place,
            None if self.messages.len() == MAX_KINDS => return None,
            None => {
                self.messages.push(Gathered::of(piece));
                self.messages.len() - 1
            }
        };
        let gathered = self.messages.get_mut(place)?;
        // RFC 9147, section 5.2: each message has the next number, and one that is sent again keeps its own.
        if piece.message_number < gathered.number {
            return None;
        }
        if !gathered.is_of(piece) {
            *gathered = Gathered::of(piece);
        }
        Some(gathered)
    }
}

impl Gathered {
    fn of(piece: &Piece<'_>) -> Gathered {
        let mut stream = Stream::new(MAX_KEPT);
        stream.start(0);
        Gathered {
            kind: piece.kind,
            number: piece.message_number,
            length: piece.message_length,
            cut: false,
            stream: Some(stream),
        }
    }

    fn is_of(&self, piece: &Piece<'_>) -> bool {
        self.number == piece.message_number && self.length == piece.message_length
    }

    fn gather(&mut self, piece: &Piece<'_>) -> Option<Message<'static>> {
        self.cut |= piece.missing() > 0;
        let (kind, length, cut) = (self.kind, self.length as usize, self.cut);
        let stream = self.stream.as_mut()?;
        let (mut whole, mut front) = (None, None);
        // RFC 9147, section 5.5: pieces may overlap, as a sender may cut a message otherwise when it sends it again.
        stream.segment(piece.offset, piece.bytes, piece.missing(), |bytes| {
            if bytes.len() >= needed(kind, length, bytes) {
                whole = Some(Message::Whole(Cow::Owned(bytes.to_vec())));
            } else if cut {
                front = Some(Message::Cut(Cow::Owned(bytes.to_vec())));
            }
            0
        });
        // The stream gives up at bytes that no later packet is going to bring.
        whole.or_else(|| front.filter(|_| stream.is_broken()))
    }
}

/// How many bytes of a message are enough: all, or, of a certificate chain, those of its first certificate.
fn needed(kind: HandshakeType, length: usize, bytes: &[u8]) -> usize {
    const LENGTHS: usize = 3 + 3;
    let mut c = Cursor::new(bytes);
    match (kind, c.u24().and_then(|_| c.u24())) {
        (HandshakeType::Certificate, Some(first)) => length.min(LENGTHS + first as usize),
        _ => length,
    }
}
