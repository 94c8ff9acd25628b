//! One side's front of a TLS connection in place: hellos, certificates, and what says how the talk went on.
//!
//! Handshake messages run through the records as a stream of their own. They are gathered from all records, rewritten as a
//! whole, and put back where they stood, so that neither records nor segments matter. Of messages that are not known to say
//! nothing only the headers stay.
//!
//! ```text
//! bytes     | header | fragment          | header | fragment     | ...
//! messages           | hello ...... | certificate         ...... |
//! ```

use std::ops::Range;

use super::{Substitutes, certificate, hello};

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CERTIFICATE: u8 = 11;
pub const RECORD_HEADER: usize = 5;
const HANDSHAKE_HEADER: usize = 4;
/// RFC 5246, 6.2.3.
const FRAGMENT_AT_MOST: usize = (1 << 14) + 2048;
const MESSAGE_AT_MOST: usize = 1 << 16;

/// Whether a hello begins here; none: there is too little to tell.
pub fn begins(bytes: &[u8]) -> Option<bool> {
    let wanted = |place: usize, byte: u8| match place {
        0 => byte == HANDSHAKE,
        1 => byte == 3,
        2 => byte <= 4,
        5 => matches!(byte, hello::CLIENT_HELLO | hello::SERVER_HELLO),
        6 => byte == 0,
        _ => true,
    };
    let front = bytes.iter().take(RECORD_HEADER + 2);
    match front.enumerate().all(|(place, byte)| wanted(place, *byte)) {
        false => Some(false),
        true => (bytes.len() >= RECORD_HEADER + 2).then_some(true),
    }
}

/// A record that is there, if not wholly.
#[derive(Debug)]
pub struct Record {
    /// What of its content is there, and where it would end.
    content: Range<usize>,
    pub end: usize,
    is_handshake: bool,
}

/// The records at the front of a stream, as far as they may be shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Records {
    /// Where the next one begins.
    pub at: usize,
    /// From here on handshakes are encrypted, unless they are hellos.
    is_changed: bool,
    pub is_over: bool,
}

impl Records {
    /// The next record. The same again if not all of it is there.
    pub fn next(&mut self, bytes: &[u8]) -> Option<Record> {
        if self.is_over {
            return None;
        }
        let rest = bytes.get(self.at..)?;
        let [kind, major, minor, l0, l1, ..] = *rest else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let from = self.at + RECORD_HEADER;
        let end = from + length;
        let here = rest.get(RECORD_HEADER..)?;
        let goes_on = major == 3
            && minor <= 4
            && length <= FRAGMENT_AT_MOST
            && match kind {
                CHANGE_CIPHER_SPEC => length == 1 && matches!(here, [] | [1, ..]),
                ALERT => length == 2 && !self.is_changed && matches!(here, [] | [0..=2, ..]),
                HANDSHAKE if self.is_changed => begins(rest)? && hello::is_one(here, length),
                HANDSHAKE => true,
                _ => false,
            };
        // That application data is there is told by its size anyway.
        if !goes_on {
            self.is_over = true;
            self.at += match (kind, major, minor) {
                (APPLICATION_DATA, 3, 0..=4) => RECORD_HEADER,
                _ => 0,
            };
            return None;
        }
        if end <= bytes.len() {
            self.is_changed |= kind == CHANGE_CIPHER_SPEC;
            self.at = end;
        }
        Some(Record {
            content: from..end.min(bytes.len()),
            end,
            is_handshake: kind == HANDSHAKE,
        })
    }
}

/// Rewrites the front of a stream and cuts it where it may not be shown any more.
pub fn rewrite(stream: &mut Vec<u8>, substitutes: &Substitutes) {
    let mut records = Records::default();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut messages = Vec::new();
    let mut kept = 0;
    while let Some(record) = records.next(stream) {
        let content = record.content;
        if record.is_handshake {
            messages.extend_from_slice(stream.get(content.clone()).unwrap_or(&[]));
            ranges.push(content.clone());
        }
        if record.end > stream.len() {
            // Of what is no handshake only the header is known to be harmless.
            kept = if record.is_handshake {
                content.end
            } else {
                content.start
            };
            break;
        }
    }
    kept = kept.max(records.at);
    let known = rewrite_messages(&mut messages, substitutes);
    let mut from = 0;
    for range in ranges {
        let length = range.len();
        let left = known.saturating_sub(from);
        if let (Some(slots), Some(new)) = (stream.get_mut(range.clone()), messages.get(from..from + length)) {
            slots.copy_from_slice(new);
        }
        if left < length {
            kept = kept.min(range.start + left);
            break;
        }
        from += length;
    }
    stream.truncate(kept);
}

/// Up to where messages are known.
fn rewrite_messages(messages: &mut [u8], substitutes: &Substitutes) -> usize {
    /// Requests and ends, which are empty.
    const EMPTY: [u8; 2] = [0, 14];
    /// Tickets, key exchanges, requests for certificates and proofs: keys, signatures and names.
    const BLANKED: [u8; 8] = [3, 4, 12, 13, 15, 16, 20, 22];
    let mut at = 0;
    while let Some([kind, l0, l1, l2]) = messages.get(at..).and_then(<[u8]>::first_chunk).copied() {
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let from = at + HANDSHAKE_HEADER;
        let there = length.min(messages.len() - from);
        let Some(body) = messages.get_mut(from..from + there) else {
            return at;
        };
        match kind {
            hello::CLIENT_HELLO | hello::SERVER_HELLO if length < MESSAGE_AT_MOST => {
                if !matches!(body, [] | [3, ..]) {
                    return at;
                }
                hello::rewrite(kind == hello::CLIENT_HELLO, body, length, &substitutes.names);
            }
            CERTIFICATE if length <= MESSAGE_AT_MOST => certificate::message(body, length - there, substitutes),
            _ if EMPTY.contains(&kind) && length == 0 => {}
            _ if BLANKED.contains(&kind) && length <= MESSAGE_AT_MOST => body.fill(0),
            _ => return at,
        }
        at = from + there;
    }
    at
}

/// How many bytes of what stands at the front of a segment, and is no hello, may stay.
pub fn harmless(bytes: &[u8]) -> usize {
    let mut kept = 0;
    loop {
        let rest = bytes.get(kept..).unwrap_or(&[]);
        let long = match *rest {
            [CHANGE_CIPHER_SPEC, 3, _, 0, 1, 1, ..] => RECORD_HEADER + 1,
            [ALERT, 3, _, 0, 2, _, _, ..] => RECORD_HEADER + 2,
            // That it is there is told by its size anyway.
            [APPLICATION_DATA, 3, _, _, _, ..] => return kept + RECORD_HEADER,
            _ => return kept,
        };
        kept += long;
    }
}
