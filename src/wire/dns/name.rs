//! Names with compression: labels, and pointers back to labels that came before.
//!
//! ```text
//! offset 12             offset 31
//! 3 w w w 4 h o s t 0   1 a  0xc0 0x10            "a.host": the pointer leads to offset 16
//! |label| |label|  end  |label| |pointer|
//! ```
//!
//! A [`Name`] has been walked to its end once, so that reading it again needs no checks. Every pointer
//! must lead to before the run of labels it stands in: the places visited only ever decrease, and no
//! loop can be written down.

use super::{DnsError, HEADER_BYTES};
use crate::wire::cursor::Cursor;

/// RFC 1035, 2.3.4: a name has 255 octets at most, length bytes and the root's one included.
pub const MAX_NAME_BYTES: usize = 255;
/// How many pointers one name may lead through. Compressors need one; deeper chains have been seen, not deeper than this.
pub const MAX_POINTERS: usize = 64;

/// RFC 1035, 4.1.4: the two top bits of a label's first byte say what follows.
const LABEL_KIND: u8 = 0b1100_0000;
const LABEL_LITERAL: u8 = 0b0000_0000;
const LABEL_POINTER: u8 = 0b1100_0000;

/// A name somewhere in a message, known to be whole and well-formed.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    message: &'a [u8],
    start: usize,
    /// Of the name without regard to case: equal names have equal hashes.
    hash: u32,
}

impl<'a> Name<'a> {
    /// Walks the name at `start` of `message` to its end.
    pub fn parse(message: &'a [u8], start: usize) -> Result<Name<'a>, DnsError> {
        let mut hash = HASH_SEED;
        let mut length = 1;
        let mut steps = Steps::new(message, start);
        while let Some(label) = steps.label()? {
            length += 1 + label.len();
            if length > MAX_NAME_BYTES {
                return Err(DnsError::NameTooLong);
            }
            hash = mix(hash, label);
        }
        Ok(Name { message, start, hash })
    }

    /// The labels as they stand, case and odd bytes included.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut steps = Steps::new(self.message, self.start);
        std::iter::from_fn(move || steps.label().ok().flatten())
    }

    /// Whether this is the root, a name without labels.
    pub fn is_root(&self) -> bool {
        self.labels().next().is_none()
    }

    /// RFC 4343: names that differ in the case of ASCII letters alone are the same name.
    pub fn same_as(&self, other: &Name<'_>) -> bool {
        if self.hash != other.hash {
            return false;
        }
        let (mut mine, mut theirs) = (self.labels(), other.labels());
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
                _ => return false,
            }
        }
    }
}

/// Moves `cursor` behind the name it stands at. What a pointer leads to is not looked at, so a record is
/// passed over even if its name cannot be read.
pub(super) fn skip(cursor: &mut Cursor<'_>) -> Result<(), DnsError> {
    loop {
        let first = cursor.u8().ok_or(DnsError::NameCut)?;
        match first & LABEL_KIND {
            LABEL_LITERAL if first == 0 => return Ok(()),
            LABEL_LITERAL => {
                cursor.take(usize::from(first)).ok_or(DnsError::NameCut)?;
            }
            LABEL_POINTER => return cursor.u8().map(|_| ()).ok_or(DnsError::NameCut),
            _ => return Err(DnsError::LabelKind),
        }
    }
}

/// A walk over the labels of one name.
struct Steps<'a> {
    message: &'a [u8],
    cursor: Cursor<'a>,
    /// Where the run of labels being read begins.
    run: usize,
    pointers: usize,
}

impl<'a> Steps<'a> {
    fn new(message: &'a [u8], start: usize) -> Steps<'a> {
        Steps {
            message,
            cursor: cursor_at(message, start),
            run: start,
            pointers: 0,
        }
    }

    /// The next label; None at the root.
    fn label(&mut self) -> Result<Option<&'a [u8]>, DnsError> {
        loop {
            let first = self.cursor.u8().ok_or(DnsError::NameCut)?;
            match first & LABEL_KIND {
                LABEL_LITERAL if first == 0 => return Ok(None),
                LABEL_LITERAL => {
                    let label = self.cursor.take(usize::from(first));
                    return label.map(Some).ok_or(DnsError::NameCut);
                }
                LABEL_POINTER => {
                    let low = self.cursor.u8().ok_or(DnsError::NameCut)?;
                    self.follow(usize::from(u16::from_be_bytes([first & !LABEL_KIND, low])))?;
                }
                _ => return Err(DnsError::LabelKind),
            }
        }
    }

    /// RFC 1035, 4.1.4: a pointer leads to a prior occurrence of a name, hence backwards.
    fn follow(&mut self, target: usize) -> Result<(), DnsError> {
        if target < HEADER_BYTES {
            return Err(DnsError::PointerIntoHeader);
        }
        if target >= self.run {
            return Err(DnsError::PointerForward);
        }
        self.pointers += 1;
        if self.pointers > MAX_POINTERS {
            return Err(DnsError::TooManyPointers);
        }
        self.run = target;
        self.cursor = cursor_at(self.message, target);
        Ok(())
    }
}

/// A cursor that starts at `offset`; an empty one where the message ends before.
fn cursor_at(message: &[u8], offset: usize) -> Cursor<'_> {
    Cursor::new(message.get(offset..).unwrap_or(&[]))
}

/// FNV-1a over length and lower-case bytes, so that unequal names are told apart without a second walk.
const HASH_SEED: u32 = 0x811c_9dc5;

fn mix(hash: u32, label: &[u8]) -> u32 {
    let step = |h: u32, b: u8| (h ^ u32::from(b)).wrapping_mul(0x0100_0193);
    label
        .iter()
        .fold(step(hash, label.len() as u8), |h, b| step(h, b.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of zeros, then `body`: offsets in `body` count from 12.
    fn message(body: &[u8]) -> Vec<u8> {
        [&[0; HEADER_BYTES][..], body].concat()
    }

    fn text(message: &[u8], start: usize) -> Result<String, DnsError> {
        let name = Name::parse(message, start)?;
        let labels = name.labels().map(String::from_utf8_lossy);
        Ok(labels.collect::<Vec<_>>().join("."))
    }

    #[test]
    fn a_pointer_leads_back_to_earlier_labels() {
        let bytes = message(b"\x03www\x04host\x00\x01a\xc0\x10");
        assert_eq!(text(&bytes, 12), Ok("www.host".into()));
        assert_eq!(text(&bytes, 22), Ok("a.host".into()));
        assert!(Name::parse(&bytes, 21).unwrap().is_root());
    }

    #[test]
    fn loops_and_forward_pointers_cannot_be_followed() {
        for (body, why) in [
            (&b"\xc0\x0c"[..], DnsError::PointerForward),
            (&b"\x01a\xc0\x0c"[..], DnsError::PointerForward),
            (&b"\xc0\x0e\x01a\x00"[..], DnsError::PointerForward),
            (&b"\xc0\x00"[..], DnsError::PointerIntoHeader),
            (&b"\x40a\x00"[..], DnsError::LabelKind),
            (&b"\x80a\x00"[..], DnsError::LabelKind),
            (&b"\x05abc"[..], DnsError::NameCut),
            (&b"\x01a"[..], DnsError::NameCut),
            (&b"\xc0"[..], DnsError::NameCut),
            (&b""[..], DnsError::NameCut),
        ] {
            assert_eq!(text(&message(body), 12), Err(why), "{body:02x?}");
        }
        // Two pointers at each other: 12 leads to 14, 14 to 12.
        let two = message(&[0xc0, 14, 0xc0, 12]);
        assert_eq!(text(&two, 14), Err(DnsError::PointerForward));
    }

    #[test]
    fn pointers_to_pointers_are_bounded() {
        // A root at 12, then pointers, each to the one before.
        let mut body = vec![0, 0];
        for i in 0..MAX_POINTERS + 1 {
            body.extend([0xc0, (HEADER_BYTES + 2 * i) as u8]);
        }
        let bytes = message(&body);
        let last = bytes.len() - 2;
        assert_eq!(text(&bytes, last - 2), Ok(String::new()));
        assert_eq!(text(&bytes, last), Err(DnsError::TooManyPointers));
    }

    #[test]
    fn a_name_has_255_bytes_at_most() {
        let label = |n: u8| [vec![n], vec![b'x'; usize::from(n)]].concat();
        let long = [label(63), label(63), label(63), label(61), vec![0]].concat();
        assert_eq!(long.len(), MAX_NAME_BYTES);
        assert!(text(&message(&long), 12).is_ok());
        let longer = [label(63), label(63), label(63), label(62), vec![0]].concat();
        assert_eq!(text(&message(&longer), 12), Err(DnsError::NameTooLong));
    }

    #[test]
    fn names_are_compared_label_by_label_without_case() {
        let bytes = message(b"\x03wWw\x01a\x00\x03WwW\x01A\x00\x05www.a\x00\x03www\x00");
        let name = |start| Name::parse(&bytes, start).unwrap();
        assert!(name(12).same_as(&name(19)));
        assert!(!name(12).same_as(&name(26)));
        assert!(!name(12).same_as(&name(33)));
    }

    #[test]
    fn skipping_stops_behind_the_first_pointer_wherever_it_leads() {
        let mut cursor = Cursor::new(b"\x01a\xff\xffrest");
        assert_eq!(skip(&mut cursor), Ok(()));
        assert_eq!(cursor.rest(), b"rest");
    }
}
