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
/// The other 14 bits of a pointer are the offset that it leads to.
const FARTHEST: usize = (1 << 14) - 1;

/// A name somewhere in a message, known to be whole and well-formed.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    message: &'a [u8],
    /// Where its first label stands, behind the pointers that it may begin with.
    start: usize,
    /// How many pointers follow from there on.
    pointers: usize,
    /// Of the name without regard to case: equal names have equal hashes.
    hash: u32,
}

impl<'a> Name<'a> {
    /// Walks the name at `start` of `message` to its end.
    pub fn parse(message: &'a [u8], start: usize) -> Result<Name<'a>, DnsError> {
        Self::read(message, &mut cursor_at(message, start))
    }

    /// Walks the name that `cursor` stands at in `message`, and moves the cursor behind it: behind its root, or its first pointer.
    pub(super) fn read(message: &'a [u8], cursor: &mut Cursor<'a>) -> Result<Name<'a>, DnsError> {
        let mut steps = Steps::new(message, *cursor);
        let mut next = steps.label()?;
        let mut name = Name {
            message,
            start: steps.run,
            pointers: steps.pointers,
            hash: HASH_SEED,
        };
        let mut length = 1;
        while let Some(label) = next {
            length += 1 + label.len();
            if length > MAX_NAME_BYTES {
                return Err(DnsError::NameTooLong);
            }
            name.hash = mix(name.hash, label);
            next = steps.label()?;
        }
        name.pointers = steps.pointers - name.pointers;
        *cursor = steps.behind.unwrap_or(steps.cursor);
        Ok(name)
    }

    /// The labels as they stand, case and odd bytes included.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let mut steps = Steps::new(self.message, cursor_at(self.message, self.start));
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
        if self.is_in(other.message) && self.start == other.start {
            return true;
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

impl Name<'_> {
    /// Whether at `place` of `message` there stands nothing but a pointer to this name, which is how nearly every record's owner is
    /// written: then it is the same name, and need not be walked. False says nothing.
    pub(super) fn is_pointed_at(&self, message: &[u8], place: usize) -> bool {
        let Ok(start) = u16::try_from(self.start) else {
            return false;
        };
        let may_be_pointed_at = (HEADER_BYTES..=FARTHEST).contains(&self.start) && self.start < place;
        may_be_pointed_at
            && self.is_in(message)
            && self.pointers < MAX_POINTERS
            && cursor_at(message, place).u16() == Some(u16::from_be_bytes([LABEL_POINTER, 0]) | start)
    }

    /// Whether this is a name of `message`, or of the front of it.
    fn is_in(&self, message: &[u8]) -> bool {
        std::ptr::eq(self.message.as_ptr(), message.as_ptr())
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
#[derive(Clone)]
struct Steps<'a> {
    message: &'a [u8],
    cursor: Cursor<'a>,
    /// Where the run of labels being read begins.
    run: usize,
    pointers: usize,
    /// Behind the first pointer.
    behind: Option<Cursor<'a>>,
}

impl<'a> Steps<'a> {
    /// `cursor` ends where the message does.
    fn new(message: &'a [u8], cursor: Cursor<'a>) -> Steps<'a> {
        Steps {
            message,
            cursor,
            run: message.len() - cursor.left(),
            pointers: 0,
            behind: None,
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
                    self.behind.get_or_insert(self.cursor);
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

/// Of each label's length and ends: most unequal names are told apart without a second walk, and it costs next to nothing. Whatever is
/// alike in that is compared. The bit that tells the cases of a letter apart is set, so that equal names are alike.
const HASH_SEED: u32 = 0x811c_9dc5;
const CASE: u8 = 0x20;

fn mix(hash: u32, label: &[u8]) -> u32 {
    let end = |byte: Option<&u8>| byte.map_or(0, |b| b | CASE);
    let sample = u32::from_be_bytes([0, label.len() as u8, end(label.first()), end(label.last())]);
    (hash ^ sample).wrapping_mul(0x9e37_79b1).rotate_left(13)
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
    fn a_pointer_to_a_name_is_known_without_a_walk() {
        // b at 12, a.b at 15, pointers to them at 19 and 21, c.b at 23.
        let bytes = message(b"\x01b\x00\x01a\xc0\x0c\xc0\x0c\xc0\x0f\x01c\xc0\x0c");
        let cases = [
            (12, 19, true),
            (12, 17, true),
            (15, 21, true),
            (21, 21, true),
            (12, 21, false),
            (12, 23, false),
            (15, 15, false),
        ];
        for (start, place, is_it) in cases {
            let name = Name::parse(&bytes, start).unwrap();
            assert_eq!(name.is_pointed_at(&bytes, place), is_it, "{start} {place}");
            assert!(!is_it || name.same_as(&Name::parse(&bytes, place).unwrap()));
            assert!(!name.is_pointed_at(&bytes.clone(), place), "another message");
        }
    }

    #[test]
    fn reading_ends_behind_the_first_pointer_or_the_root() {
        let bytes = message(b"\x01a\x00\x01b\xc0\x0crest");
        for (start, behind) in [(12, 15), (15, 19)] {
            let mut cursor = cursor_at(&bytes, start);
            Name::read(&bytes, &mut cursor).unwrap();
            assert_eq!(bytes.len() - cursor.left(), behind);
        }
    }

    #[test]
    fn skipping_stops_behind_the_first_pointer_wherever_it_leads() {
        let mut cursor = Cursor::new(b"\x01a\xff\xffrest");
        assert_eq!(skip(&mut cursor), Ok(()));
        assert_eq!(cursor.rest(), b"rest");
    }
}
