//! The handshake inside QUIC's CRYPTO frames, one sender's.
//!
//! The frames are pieces of one stream of TLS handshake messages (RFC 9001, section 4.1.3), and
//! they come in any order, twice, overlapping: some browsers cut and shuffle them on purpose. They
//! are put in order as TCP segments are, by the same code, with the offset as the sequence number.
//!
//! ```text
//! client   ClientHello ──▶ Nothing     (or SecondHello, while the first had no name)
//! server   ServerHello ──▶ Nothing     (a HelloRetryRequest answers nothing: the next one does)
//! ```
//!
//! Whoever calls this has verified the packet that the piece came in.

use crate::crypto::quic_initial::Sender;
use crate::evidence::assembly::Stream;
use crate::evidence::ja4::Transport;
use crate::evidence::model::{Quality, TlsFacts};
use crate::evidence::tls_handshake::TlsMarks;
use crate::evidence::tls_hello;
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::wire::cursor::Cursor;
use crate::wire::gquic;
use crate::wire::tls::{HANDSHAKE_HEADER, HandshakeHeader, HandshakeType};

/// Bytes kept of one sender while its hello is not complete.
const MAX_KEPT: usize = 16 * 1024;
/// Pieces that end further on than this are not looked at: no hello of [`MAX_KEPT`], nor a second one, needs them.
const MAX_OFFSET: u64 = 64 * 1024;

/// Where the facts go, and when it is.
#[derive(Debug)]
pub struct Notes<'a> {
    pub at: Stamp,
    pub facts: &'a mut TlsFacts,
    pub marks: &'a mut TlsMarks,
}

/// One sender's stream of handshake messages.
#[derive(Debug)]
pub struct CryptoReader {
    stream: Stream,
    awaits: Awaits,
    quality: Quality,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    ClientHello,
    /// A hello with the name that the first lacked.
    SecondHello,
    ServerHello,
    Nothing,
}

impl CryptoReader {
    pub fn new(sender: Sender) -> Self {
        let mut stream = Stream::new(MAX_KEPT);
        stream.start(0);
        CryptoReader {
            stream,
            awaits: match sender {
                Sender::Client => Awaits::ClientHello,
                Sender::Server => Awaits::ServerHello,
            },
            quality: Quality::default(),
        }
    }

    /// One that awaits nothing.
    pub fn finished() -> Self {
        CryptoReader {
            stream: Stream::new(0),
            awaits: Awaits::Nothing,
            quality: Quality::default(),
        }
    }

    /// Reads one frame's data. `tls`: false in the version whose handshake is Google's.
    pub fn piece(&mut self, offset: u64, data: &[u8], tls: bool, notes: &mut Notes<'_>) {
        if self.awaits == Awaits::Nothing {
            return;
        }
        let end = offset.saturating_add(data.len() as u64);
        let Some(sequence) = u32::try_from(offset).ok().filter(|_| end <= MAX_OFFSET) else {
            self.quality.add(Quality::BUDGET);
            return;
        };
        let (awaits, quality) = (&mut self.awaits, &mut self.quality);
        self.stream.segment(sequence, data, 0, |bytes| match tls {
            true => awaits.read(bytes, quality, notes),
            false => awaits.read_google(bytes, notes),
        });
        if self.awaits == Awaits::Nothing {
            self.stop();
        }
    }

    /// The hello was read, or cannot be any more.
    pub fn is_done(&self) -> bool {
        self.awaits == Awaits::Nothing || self.stream.is_broken()
    }

    /// The hello that every connection has was not read.
    pub fn lacks_hello(&self) -> bool {
        matches!(self.awaits, Awaits::ClientHello | Awaits::ServerHello)
    }

    /// `BUDGET`, `GAP`: bytes that had to be given up; `OVERLAP`: a piece came again with other bytes.
    pub fn quality(&self) -> Quality {
        let mut quality = self.quality;
        quality.add(self.stream.quality());
        quality
    }

    /// Bytes of memory held beyond the reader itself.
    pub fn kept(&self) -> usize {
        self.stream.kept()
    }

    /// Keeps nothing any more but what is known.
    pub fn stop(&mut self) {
        self.quality.add(self.stream.quality());
        self.stream = Stream::new(0);
    }
}

impl Awaits {
    /// Reads the messages that are complete; returns how many bytes they were.
    fn read(&mut self, bytes: &[u8], quality: &mut Quality, notes: &mut Notes<'_>) -> usize {
        let mut c = Cursor::new(bytes);
        while *self != Awaits::Nothing {
            let Some(header) = HandshakeHeader::parse(c.rest()) else {
                break;
            };
            if header.length as usize > MAX_KEPT {
                quality.add(Quality::BUDGET);
                *self = Awaits::Nothing;
                break;
            }
            let mut next = c;
            next.take(HANDSHAKE_HEADER);
            let Some(body) = next.take(header.length as usize) else {
                break;
            };
            c = next;
            *self = self.after(header.kind, body, notes);
        }
        bytes.len() - c.left()
    }

    /// What to await after a message. One that has no business here ends the reading.
    fn after(self, kind: HandshakeType, body: &[u8], notes: &mut Notes<'_>) -> Awaits {
        match (self, kind) {
            (Awaits::ClientHello | Awaits::SecondHello, HandshakeType::ClientHello) => {
                if tls_hello::client_hello(body, Transport::Quic, notes.facts).is_err() {
                    return Awaits::Nothing;
                }
                notes.marks.hello.note(notes.at);
                match (self, &notes.facts.sni) {
                    (Awaits::ClientHello, None) => Awaits::SecondHello,
                    _ => Awaits::Nothing,
                }
            }
            (Awaits::ServerHello, HandshakeType::ServerHello) => {
                let Ok(hello) = tls_hello::server_hello(body) else {
                    return Awaits::Nothing;
                };
                if hello.retry {
                    return Awaits::ServerHello;
                }
                notes.marks.server_hello.note(notes.at);
                let facts = &mut *notes.facts;
                facts.version = facts.version.or(hello.version);
                facts.cipher = facts.cipher.or(hello.cipher);
                Awaits::Nothing
            }
            _ => Awaits::Nothing,
        }
    }

    /// A CHLO: only its name is of interest. The server's answer is none of ours.
    fn read_google(&mut self, bytes: &[u8], notes: &mut Notes<'_>) -> usize {
        if *self != Awaits::ClientHello {
            *self = Awaits::Nothing;
        } else if let Some(name) = gquic::chlo_server_name(bytes) {
            notes.facts.sni.get_or_insert(Domain::from_text(name));
            notes.marks.hello.note(notes.at);
            *self = Awaits::Nothing;
        }
        0
    }
}
