//! From one side's bytes to records, and from records to handshake messages.
//!
//! Two streams run inside each other (RFC 8446, section 5.1: messages may be coalesced into one record or fragmented
//! across several):
//!
//! ```text
//! bytes     | header | fragment          | header | fragment     | ...
//! messages           | hello ...... | certificate         ...... |
//! ```
//!
//! [`Records`] peels headers and never keeps a byte: what it cannot use yet it leaves to be offered
//! again. [`Messages`] hands a message on from where it lies if it lies in one fragment; only
//! otherwise, and only if somebody wants it, are its bytes gathered.

use crate::wire::Parse;
use crate::wire::cursor::Cursor;
use crate::wire::tls::{
    ContentType, HANDSHAKE_HEADER, HandshakeHeader, HandshakeType, RECORD_HEADER, RecordError, RecordHeader,
};

/// Records without content in one direction; TLS 1.0 stacks send some, a flood of them is no handshake.
const MAX_EMPTY: u8 = 32;
/// A message of which more would have to be gathered is passed over.
const MAX_MESSAGE: usize = 64 * 1024;
/// RFC 8446, section 6: level and description.
const ALERT: u16 = 2;

/// The record layer of one side.
#[derive(Debug, Default)]
pub struct Records {
    content: ContentType,
    /// Bytes of the current fragment still to come.
    left: u16,
    empty: u8,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// All used up, but perhaps for the beginning of a header.
    Need,
    /// The bytes are no records.
    NotTls(RecordError),
    /// A piece of the stream of handshake messages.
    Handshake(&'a [u8]),
    /// (level, description), in the clear.
    Alert(u8, u8),
    ChangeCipherSpec,
    ApplicationData,
    /// Nothing of interest: a heartbeat, an encrypted alert.
    Other,
}

impl Records {
    /// Takes the next event from `bytes`.
    pub fn next<'a>(&mut self, bytes: &mut Cursor<'a>) -> Event<'a> {
        while self.left == 0 {
            let header = match RecordHeader::parse(bytes.rest()) {
                Parse::Complete(header) => header,
                Parse::Need(_) => return Event::Need,
                Parse::Malformed(error) => return Event::NotTls(error),
            };
            if header.content == ContentType::Alert && header.length == ALERT {
                return alert(bytes);
            }
            bytes.take(RECORD_HEADER);
            if header.length == 0 {
                self.empty += 1;
                if self.empty == MAX_EMPTY {
                    return Event::NotTls(RecordError::Length);
                }
            }
            self.content = header.content;
            self.left = header.length;
        }
        let here = usize::from(self.left).min(bytes.left());
        let Some(fragment) = bytes.take(here).filter(|f| !f.is_empty()) else {
            return Event::Need;
        };
        self.left -= here as u16;
        match self.content {
            ContentType::Handshake => Event::Handshake(fragment),
            ContentType::ChangeCipherSpec => Event::ChangeCipherSpec,
            ContentType::ApplicationData => Event::ApplicationData,
            ContentType::Alert | ContentType::Heartbeat => Event::Other,
        }
    }
}

/// A clear alert is read whole or not at all.
fn alert<'a>(bytes: &mut Cursor<'a>) -> Event<'a> {
    let mut c = *bytes;
    let body = c.take(RECORD_HEADER).and_then(|_| c.array());
    let Some([level, description]) = body else {
        return Event::Need;
    };
    *bytes = c;
    Event::Alert(level, description)
}

/// The handshake messages of one side.
#[derive(Debug, Default)]
pub struct Messages {
    /// The beginning of a message, header included, whose end is still to come.
    held: Vec<u8>,
    /// `held` was handed out and is free to go.
    spent: bool,
    /// Bytes that belong to a message nobody wants any more of.
    skip: usize,
}

/// One handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub kind: HandshakeType,
    pub body: Body<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// As much of it as was wanted.
    Whole(&'a [u8]),
    /// Not wanted.
    Skipped,
    /// Wanted, but longer than we gather.
    TooLong,
}

impl Messages {
    /// The next message that ends (or, if not wanted, begins) in the fragment. None: the fragment is used up.
    pub fn next<'m, 'f: 'm>(
        &'m mut self,
        fragment: &mut Cursor<'f>,
        wants: impl Fn(HandshakeType) -> bool,
    ) -> Option<Message<'m>> {
        if self.spent {
            self.spent = false;
            self.held = Vec::new();
        }
        self.pass_over(fragment);
        if fragment.is_empty() {
            return None;
        }
        let mut held = !self.held.is_empty();
        let plan = loop {
            let view = if held { &self.held } else { fragment.rest() };
            match plan(view, &wants) {
                Plan::Gather(upto) => {
                    let missing = upto.saturating_sub(self.held.len());
                    if self.held.capacity() == 0 {
                        // The message's header is asked for first; what follows it is here as well.
                        self.held.reserve(fragment.left());
                    }
                    let here = fragment.take(missing.min(fragment.left()))?;
                    self.held.extend_from_slice(here);
                    held = true;
                    if self.held.len() < upto {
                        return None;
                    }
                }
                ready => break ready,
            }
        };
        let (header, wanted) = match plan {
            Plan::Ready(header, wanted) => (header, wanted),
            Plan::Skip(header) | Plan::TooLong(header) => (header, 0),
            Plan::Gather(_) => return None,
        };
        let seen = if held { self.held.len() } else { wanted };
        self.skip = (HANDSHAKE_HEADER + header.length as usize).saturating_sub(seen);
        self.spent = held;
        let body = match plan {
            Plan::Skip(_) => Body::Skipped,
            Plan::TooLong(_) => Body::TooLong,
            _ if held => Body::Whole(self.held.get(HANDSHAKE_HEADER..wanted)?),
            _ => Body::Whole(fragment.take(wanted)?.get(HANDSHAKE_HEADER..)?),
        };
        Some(Message {
            kind: header.kind,
            body,
        })
    }

    /// A message that was begun and not ended: its kind and the body so far.
    pub fn unfinished(&self) -> Option<(HandshakeType, &[u8])> {
        if self.spent {
            return None;
        }
        let header = HandshakeHeader::parse(&self.held)?;
        Some((header.kind, self.held.get(HANDSHAKE_HEADER..)?))
    }

    /// Bytes of memory held.
    pub fn kept(&self) -> usize {
        self.held.len()
    }

    fn pass_over(&mut self, fragment: &mut Cursor<'_>) {
        let here = self.skip.min(fragment.left());
        if fragment.take(here).is_some() {
            self.skip -= here;
        }
    }
}

/// What to do with a message of which the first bytes are in view.
#[derive(Debug, Clone, Copy)]
enum Plan {
    /// So many bytes are wanted, header included; then ask again.
    Gather(usize),
    /// So many bytes, header included, are all that is wanted, and they are in view.
    Ready(HandshakeHeader, usize),
    Skip(HandshakeHeader),
    TooLong(HandshakeHeader),
}

fn plan(view: &[u8], wants: impl Fn(HandshakeType) -> bool) -> Plan {
    let Some(header) = HandshakeHeader::parse(view) else {
        return Plan::Gather(HANDSHAKE_HEADER);
    };
    if !wants(header.kind) {
        return Plan::Skip(header);
    }
    let whole = HANDSHAKE_HEADER + header.length as usize;
    let wanted = match header.kind {
        HandshakeType::Certificate => whole.min(leaf_end(view)),
        _ => whole,
    };
    if wanted > MAX_MESSAGE {
        Plan::TooLong(header)
    } else if view.len() < wanted {
        Plan::Gather(wanted)
    } else {
        Plan::Ready(header, wanted)
    }
}

/// Where the first certificate of a Certificate message ends, as far as is known: the issuers behind it are of no use to us.
fn leaf_end(view: &[u8]) -> usize {
    /// RFC 5246, section 7.4.2: the list's length and the first certificate's, three bytes each.
    const LENGTHS: usize = 3 + 3;
    let front = HANDSHAKE_HEADER + LENGTHS;
    let mut c = Cursor::new(view);
    let length = c.take(HANDSHAKE_HEADER + 3).and_then(|_| c.u24());
    length.map_or(front, |n| front + n as usize)
}
