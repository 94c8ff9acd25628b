//! JSON written straight into bytes: no tree in between, no state, any number of threads at once.
//!
//! A field is its key and its value, and its comma is part of the key: `,"port":` is one constant and one copy. An object
//! therefore begins with a comma, which becomes its bracket when it ends:
//!
//! ```text
//!   ,"server"                  the key of the field that holds the object
//!   ,"server":,"ip":...        the object's first field, its comma where the bracket belongs
//!   ,"server":{"ip":...}       the end: the first comma is now `{`
//! ```
//!
//! So no field asks whether it is the first, and one that has no value is simply not written. Lists work the same way.
//!
//! What takes a key is inlined always: only where the key is a constant is its copy a few instructions and no call.

use std::net::IpAddr;

use super::address::address;
use super::text::{self, Short};
use crate::engine::rows::CommunityId;
use crate::names::domain::Domain;

/// A field's key as it is written. Made by [`key!`] only.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `,"port":`
    pub bare: &'static str,
    /// `,"name":"`, where text follows.
    pub quoting: &'static str,
}

macro_rules! key {
    ($name:literal) => {
        $crate::sink::json::Key {
            bare: concat!(",\"", $name, "\":"),
            quoting: concat!(",\"", $name, "\":\""),
        }
    };
}
pub(super) use key;

/// What can stand behind a key or in a list.
pub trait Value {
    /// It stands in quotes, which are written around it.
    const IS_TEXT: bool;

    fn write(&self, out: &mut Vec<u8>);
}

/// A value behind what leads to it, in one copy with the quote where there is one.
#[inline(always)]
fn append<V: Value>(out: &mut Vec<u8>, bare: &str, quoting: &str, value: V) {
    if V::IS_TEXT {
        out.extend_from_slice(quoting.as_bytes());
        value.write(out);
        out.push(b'"');
    } else {
        out.extend_from_slice(bare.as_bytes());
        value.write(out);
    }
}

/// A line of its own: one object.
#[inline]
pub fn line(out: &mut Vec<u8>, fields: impl FnOnce(&mut Object<'_>)) {
    // More than most records need, so that it seldom grows while a record is written.
    out.reserve(2048);
    bracketed(out, *b"{}", |out| fields(&mut Object { out }));
    out.push(b'\n');
}

/// An object being written.
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
}

impl Object<'_> {
    #[inline(always)]
    pub fn put(&mut self, key: Key, value: impl Value) {
        append(self.out, key.bare, key.quoting, value);
    }

    /// Without a value the field is left out.
    #[inline(always)]
    pub fn maybe(&mut self, key: Key, value: Option<impl Value>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    #[inline(always)]
    pub fn object(&mut self, key: Key, fields: impl FnOnce(&mut Object<'_>)) {
        self.out.extend_from_slice(key.bare.as_bytes());
        bracketed(self.out, *b"{}", |out| fields(&mut Object { out }));
    }

    /// An empty list is written as one.
    #[inline(always)]
    pub fn list(&mut self, key: Key, items: impl IntoIterator<Item = impl Value>) {
        self.out.extend_from_slice(key.bare.as_bytes());
        bracketed(self.out, *b"[]", |out| {
            for item in items {
                append(out, ",", ",\"", item);
            }
        });
    }

    /// An empty list is left out.
    #[inline(always)]
    pub fn list_if_any<I>(&mut self, key: Key, items: I)
    where
        I: IntoIterator<Item: Value, IntoIter: ExactSizeIterator>,
    {
        let items = items.into_iter();
        if items.len() > 0 {
            self.list(key, items);
        }
    }

    /// Empty text is left out.
    #[inline(always)]
    pub fn text_if_any(&mut self, key: Key, text: &str) {
        if !text.is_empty() {
            self.put(key, text);
        }
    }

    #[inline(always)]
    pub fn objects<T>(&mut self, key: Key, items: impl IntoIterator<Item = T>, fields: impl Fn(&mut Object<'_>, T)) {
        self.out.extend_from_slice(key.bare.as_bytes());
        bracketed(self.out, *b"[]", |out| {
            for item in items {
                out.push(b',');
                bracketed(out, *b"{}", |out| fields(&mut Object { out }, item));
            }
        });
    }

    /// A field whose key is only known now.
    pub fn put_named(&mut self, key: &str, value: impl Value) {
        append(self.out, "", ",\"", key);
        append(self.out, ":", ":\"", value);
    }
}

/// Writes what begins with a comma, or nothing, and puts it in brackets.
#[inline(always)]
fn bracketed(out: &mut Vec<u8>, [open, close]: [u8; 2], content: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    content(out);
    match out.get_mut(begin) {
        Some(comma) => *comma = open,
        None => out.push(open),
    }
    out.push(close);
}

/// Text that holds nothing to escape: words of our own.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a>(pub &'a str);

impl Value for Plain<'_> {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}

impl Value for Short {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl Value for IpAddr {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        address(*self).write(out);
    }
}

/// Any text.
impl Value for str {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        if is_plain(self.as_bytes()) {
            out.extend_from_slice(self.as_bytes());
        } else {
            escape(self, out);
        }
    }
}

/// Text that is made where it is written. Bytes that are not UTF-8 are replaced.
#[derive(Debug, Clone, Copy)]
pub struct Made<F>(pub F);

impl<F: Fn(&mut Vec<u8>)> Value for Made<F> {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        (self.0)(out);
        if !out.get(begin..).is_some_and(is_plain) {
            let text = out.split_off(begin);
            escape(&String::from_utf8_lossy(&text), out);
        }
    }
}

/// Base64 and a colon.
impl Value for CommunityId {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl Value for Domain {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl Value for String {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl<T: Value + ?Sized> Value for &T {
    const IS_TEXT: bool = T::IS_TEXT;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Value for bool {
    const IS_TEXT: bool = false;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Value for u64 {
    const IS_TEXT: bool = false;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        text::push_number(out, *self);
    }
}

impl Value for u32 {
    const IS_TEXT: bool = false;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        text::push_number(out, u64::from(*self));
    }
}

impl Value for u16 {
    const IS_TEXT: bool = false;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        text::push_number(out, u64::from(*self));
    }
}

/// A number of thousandths: `1.25`, `3`.
#[derive(Debug, Clone, Copy)]
pub struct Thousandths(pub u64);

impl Value for Thousandths {
    const IS_TEXT: bool = false;

    fn write(&self, out: &mut Vec<u8>) {
        text::push_number(out, self.0 / 1000);
        let [tenths, hundredths, rest] = text::three((self.0 % 1000) as u32);
        match (tenths, hundredths, rest) {
            (b'0', b'0', b'0') => {}
            (_, b'0', b'0') => out.extend_from_slice(&[b'.', tenths]),
            (_, _, b'0') => out.extend_from_slice(&[b'.', tenths, hundredths]),
            _ => out.extend_from_slice(&[b'.', tenths, hundredths, rest]),
        }
    }
}

/// The first of the bytes that plain text does not have.
const DELETE: u8 = 0x7f;

/// Whether text can be written as it is: ASCII without controls, quotes and backslashes. Nearly all text can.
///
/// Eight bytes at a time, the last eight perhaps once more; what is shorter byte by byte.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let odd = words
        .iter()
        .fold(0, |odd, word| odd | odd_bytes(u64::from_ne_bytes(*word)));
    let odd_end = match text.last_chunk::<8>() {
        Some(word) => odd_bytes(u64::from_ne_bytes(*word)) != 0,
        None => rest
            .iter()
            .any(|byte| !matches!(byte, b' '..DELETE) || matches!(byte, b'"' | b'\\')),
    };
    odd == 0 && !odd_end
}

/// Not 0 if one of eight bytes is none that can stand as it is. A borrow or a carry can raise a false bit only beside a true one.
#[inline]
fn odd_bytes(word: u64) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const TOP: u64 = EACH << 7;
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let control = below(word, b' ');
    let high = word | word.wrapping_add(EACH * u64::from(0x80 - DELETE));
    (control | high | is(b'"') | is(b'\\')) & TOP
}

/// RFC 8259, section 7: quotes, backslashes and controls up to U+001F must be escaped. The controls that may stand in the
/// open, DEL and U+0080 to U+009F, are escaped too: a terminal would obey them.
#[cold]
fn escape(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(br#"\""#),
            '\\' => out.extend_from_slice(br"\\"),
            '\u{8}' => out.extend_from_slice(br"\b"),
            '\t' => out.extend_from_slice(br"\t"),
            '\n' => out.extend_from_slice(br"\n"),
            '\u{c}' => out.extend_from_slice(br"\f"),
            '\r' => out.extend_from_slice(br"\r"),
            c if c.is_control() => out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: impl Value) -> String {
        let mut out = Vec::new();
        append(&mut out, "", "\"", value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_comma_becomes_the_bracket() {
        let mut out = Vec::new();
        line(&mut out, |object| {
            object.put(key!("a"), 1u64);
            object.maybe(key!("none"), None::<u64>);
            object.object(key!("empty"), |_| {});
            object.object(key!("full"), |inner| {
                inner.maybe(key!("none"), None::<&str>);
                inner.put_named("a \"name\"", true);
                inner.put(key!("b"), false);
            });
            object.list(key!("list"), [1u64, 20, 300]);
            object.list(key!("bare"), [0u64; 0]);
            object.list_if_any(key!("no"), [0u64; 0]);
            object.objects(key!("objects"), [7u64, 8], |inner, n| inner.put(key!("n"), n));
        });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"a":1,"empty":{},"full":{"a \"name\"":true,"b":false},"list":[1,20,300],"bare":[],"#,
                r#""objects":[{"n":7},{"n":8}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn thousandths_lose_their_last_zeros() {
        for (number, text) in [
            (0, "0"),
            (1, "0.001"),
            (1250, "1.25"),
            (12_100, "12.1"),
            (3000, "3"),
            (18_446_744_073_709, "18446744073.709"),
        ] {
            assert_eq!(written(Thousandths(number)), text);
            assert_eq!(text.parse::<f64>().unwrap(), number as f64 / 1000.0);
        }
    }

    #[test]
    fn each_byte_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let stands = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            for length in 1..20 {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    assert_eq!(is_plain(&text), stands, "{byte} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn escapes_are_those_of_the_standard_and_every_control_has_one() {
        assert_eq!(
            written("\"\\\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}\u{85}\u{a0}ü😀/"),
            "\"\\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f\\u007f\\u0085\u{a0}ü😀/\""
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text in any::<String>(), narrow in "[ -~\u{0}-\u{9f}]{0,20}") {
            for text in [text, narrow] {
                let json = written(text.as_str());
                prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                prop_assert!(!json.chars().any(char::is_control));
            }
        }
    }
}
