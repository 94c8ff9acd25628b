//! The talk before STARTTLS, in the protocols of [`wire::starttls`](crate::wire::starttls).
//!
//! Nobody's commands are followed: at the end of every message TLS may begin (RFC 3207, section 4, and its kin: the hello comes
//! right behind the server's go-ahead), and if the bytes there have the shape of a hello, it has begun. Lines of text and messages of databases have not.
//! One answer is heeded: where a server asks for a text, a mail's (RFC 5321, section 3.3) or one announced with its length (RFC 9051, section 4.3),
//! what comes is that text, whatever it looks like.

use super::preamble::{Step, begins_tls};
use crate::flow::key::Side;
use crate::wire::Parse;
use crate::wire::starttls::Language;

/// Both directions.
#[derive(Debug)]
pub struct StartTlsTalk {
    language: Language,
    sides: [Awaits; 2],
    /// Who was asked for a text.
    writes_text: Option<Side>,
}

/// What a side's next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// A message, or TLS.
    Message,
    /// The rest of a text.
    TextEnd,
    /// So many bytes of a message.
    Bytes(usize),
}

impl StartTlsTalk {
    pub fn new(language: Language) -> StartTlsTalk {
        StartTlsTalk {
            language,
            sides: [Awaits::Message; 2],
            writes_text: None,
        }
    }

    /// `other_has_begun`: the other side speaks TLS already, so that even an alert is an answer.
    pub fn step(&mut self, side: Side, bytes: &[u8], other_has_begun: bool) -> Step {
        let awaits = &mut self.sides[side.index()];
        if *awaits == Awaits::Message && self.writes_text != Some(side) {
            match begins_tls(bytes, other_has_begun) {
                Parse::Complete(()) => return Step::Inside,
                Parse::Need(_) => return Step::Need,
                Parse::Malformed(_) => {}
            }
        }
        let left = match *awaits {
            Awaits::Bytes(left) => left,
            Awaits::Message | Awaits::TextEnd => match self.language.message(bytes) {
                Parse::Complete(length) => length,
                Parse::Need(_) => return Step::Need,
                Parse::Malformed(_) => return Step::Over,
            },
        };
        let Some(here) = bytes.get(..left.min(bytes.len())) else {
            return Step::Over;
        };
        if *awaits == Awaits::Message && self.writes_text != Some(side) {
            let asks = self.language == Language::Lines && (here.starts_with(b"354") || here.starts_with(b"+ "));
            self.writes_text = asks.then_some(side.other());
        }
        *awaits = match left - here.len() {
            0 if self.language.is_end(here) => Awaits::Message,
            // Blanks between messages begin none.
            0 if here.trim_ascii().is_empty() => *awaits,
            0 => Awaits::TextEnd,
            left => Awaits::Bytes(left),
        };
        Step::Taken(here.len().max(1))
    }
}
