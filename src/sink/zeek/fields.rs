//! Zeek's ASCII writer: the head of a log, and how values are spelt.

use std::net::IpAddr;

use super::super::address::address;
use super::super::text::{self, Short};

/// A column's name and its type.
pub type Column = (&'static str, &'static str);

/// What ends a field, and stands for no value.
const SEPARATOR: u8 = b'\t';
const UNSET: u8 = b'-';
const EMPTY: &[u8] = b"(empty)";

/// The lines before the first.
pub fn head(path: &str, columns: &[Column], out: &mut Vec<u8>) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let types: Vec<&str> = columns.iter().map(|(_, kind)| *kind).collect();
    let head = format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}\n#fields\t{}\n#types\t{}\n",
        names.join("\t"),
        types.join("\t")
    );
    out.extend_from_slice(head.as_bytes());
}

/// A log's columns with where their values come from, as one list: name, type, what writes it, value.
macro_rules! log {
    ($(#[$about:meta])* |$row:tt: $Row:ty, $labels:ident| { $($setup:tt)* } $($name:literal $kind:literal $write:ident $value:expr;)*) => {
        pub const COLUMNS: &[$crate::sink::zeek::fields::Column] = &[$(($name, $kind)),*];

        $(#[$about])*
        pub fn line($row: $Row, $labels: &$crate::sink::Labels, out: &mut Vec<u8>) {
            $($setup)*
            let mut line = $crate::sink::zeek::fields::Line::new(out);
            $(line.$write($value);)*
            line.end();
        }
    };
}
pub(super) use log;

/// A line being written.
#[derive(Debug)]
pub struct Line<'l> {
    out: &'l mut Vec<u8>,
}

impl<'l> Line<'l> {
    pub fn new(out: &'l mut Vec<u8>) -> Line<'l> {
        out.reserve(512);
        Line { out }
    }

    /// The last separator becomes the end.
    pub fn end(self) {
        self.out.pop();
        self.out.push(b'\n');
    }

    #[inline]
    fn field<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
        match value {
            Some(value) => write(self.out, value),
            None => self.out.push(UNSET),
        }
        self.out.push(SEPARATOR);
    }

    /// `string` and `enum`.
    #[inline]
    pub fn text(&mut self, value: Option<&str>) {
        self.field(value, |out, value| push_text(out, value, false));
    }

    pub fn short(&mut self, value: Option<Short>) {
        self.text(value.as_ref().map(Short::as_str));
    }

    #[inline]
    pub fn addr(&mut self, value: Option<IpAddr>) {
        self.field(value, |out, ip| out.extend_from_slice(address(ip).as_bytes()));
    }

    #[inline]
    pub fn port(&mut self, value: Option<u16>) {
        self.count(value.map(u64::from));
    }

    #[inline]
    pub fn count(&mut self, value: Option<u64>) {
        self.field(value, text::push_number);
    }

    pub fn truth(&mut self, value: Option<bool>) {
        self.field(value, |out, value| out.push(if value { b'T' } else { b'F' }));
    }

    /// `time` and `interval`: seconds with six digits behind the point.
    #[inline]
    pub fn seconds(&mut self, ns: Option<u64>) {
        self.field(ns, push_seconds);
    }

    /// Seconds since 1970 of a certificate, perhaps before it.
    pub fn date(&mut self, seconds: Option<i64>) {
        self.field(seconds, |out, seconds| {
            if seconds < 0 {
                out.push(b'-');
            }
            text::push_number(out, seconds.unsigned_abs());
            out.extend_from_slice(b".000000");
        });
    }

    /// `set[string]` and `vector[string]`.
    #[inline]
    pub fn list(&mut self, items: Option<impl IntoIterator<Item = impl AsRef<str>>>) {
        self.field(items, |out, items| {
            let begin = out.len();
            for item in items {
                push_text(out, item.as_ref(), true);
                out.push(b',');
            }
            match out.len() > begin {
                true => drop(out.pop()),
                false => out.extend_from_slice(EMPTY),
            }
        });
    }
}

fn push_seconds(out: &mut Vec<u8>, ns: u64) {
    text::push_number(out, ns / 1_000_000_000);
    let microseconds = (ns % 1_000_000_000 / 1000) as u32;
    out.push(b'.');
    out.extend_from_slice(&text::three(microseconds / 1000));
    out.extend_from_slice(&text::three(microseconds % 1000));
}

/// What would end a field or a line, or mean something, is `\xNN`: also a text that reads like no value, or none at all.
#[inline]
fn push_text(out: &mut Vec<u8>, value: &str, in_list: bool) {
    let begin = out.len();
    let bytes = value.as_bytes();
    let is_plain = bytes
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b','));
    match is_plain {
        true => out.extend_from_slice(bytes),
        false => bytes.iter().for_each(|byte| match byte {
            b'\\' => push_escaped(out, *byte),
            b',' if in_list => push_escaped(out, *byte),
            b' '..=b'~' => out.push(*byte),
            _ => push_escaped(out, *byte),
        }),
    }
    if matches!(out.get(begin..), Some([UNSET]) | Some(EMPTY)) {
        let first = out.get(begin).copied().unwrap_or_default();
        let rest = out.split_off(begin + 1);
        out.truncate(begin);
        push_escaped(out, first);
        out.extend_from_slice(&rest);
    }
    if value.is_empty() && !in_list {
        out.extend_from_slice(EMPTY);
    }
}

fn push_escaped(out: &mut Vec<u8>, byte: u8) {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 0xf)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Line<'_>)) -> String {
        let mut out = Vec::new();
        let mut line = Line::new(&mut out);
        write(&mut line);
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_spelt_as_zeek_spells_them() {
        let text = written(|line| {
            line.seconds(Some(1_505_019_126_007_778_999));
            line.seconds(Some(0));
            line.date(Some(-1));
            line.truth(Some(true));
            line.truth(None);
            line.count(Some(17));
            line.list(Some(["a,b", "c"]));
            line.list(Some([""; 0]));
            line.list(None::<[&str; 0]>);
        });
        assert_eq!(
            text,
            "1505019126.007778\t0.000000\t-1.000000\tT\t-\t17\ta\\x2cb,c\t(empty)\t-\n"
        );
    }

    #[test]
    fn no_text_ends_its_field_or_reads_like_no_value() {
        let text = written(|line| {
            line.text(Some("a\tb\nc\\009\u{7f}ü"));
            line.text(Some("-"));
            line.text(Some("(empty)"));
            line.text(Some("a, b"));
            line.text(Some(""));
            line.text(None);
        });
        assert_eq!(
            text,
            "a\\x09b\\x0ac\\x5c009\\x7f\\xc3\\xbc\t\\x2d\t\\x28empty)\ta, b\t(empty)\t-\n"
        );
    }
}
