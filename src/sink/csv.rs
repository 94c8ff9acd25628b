//! CSV (RFC 4180): a head with the columns' names, a line a row, CR LF at its end. The columns are [`super::columns`]'.
//!
//! What stands in a cell came from strangers, and may be opened in a spreadsheet:
//! - A text that a spreadsheet would take for a formula (`=`, `+`, `-`, `@` in front) gets an apostrophe before it.
//! - Items of a list stand with `;` between. A `;` inside of a value is written `\059`, as names write bytes that would mislead:
//!   so a list comes apart again, and a spreadsheet that separates at `;` makes no cell of half a value.
//! - Control characters, and those that turn the direction of text, become spaces.
//!
//! A missing value is an empty cell. Truth is `true` and `false`, times are RFC 3339 in UTC.

use super::Labels;
use super::columns::{self, CAPTURES, Cells, Column, FLOWS, NAMES, Time};
use super::json::{Thousandths, Value};
use super::tables::{Form, Pieces};
use super::text;
use crate::engine::rows::Row;
use crate::policy::spelling;

/// The tables, by their numbers: `flows.csv` and so on in a folder; of a stream only the first.
pub const TABLES: [&str; 3] = ["flows", "names", "captures"];

/// Writes rows as CSV.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Form for Csv {
    fn head(&self, table: usize, out: &mut Vec<u8>) {
        let columns: &[Column] = match table {
            0 => FLOWS,
            1 => NAMES,
            _ => CAPTURES,
        };
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        out.extend_from_slice(names.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    fn lines(&self, row: &Row, labels: &Labels, pieces: &mut Pieces<'_>) {
        match row {
            Row::Flow(row) => pieces.put(0, |out| line(out, |cells| columns::flow(row, labels, cells))),
            Row::Name(row) => pieces.put(1, |out| line(out, |cells| columns::name(row, labels, cells))),
            Row::Capture(row) => pieces.put(2, |out| line(out, |cells| columns::capture(row, labels, cells))),
        }
    }
}

/// Every cell ends with a comma; the last one's becomes the end of the line.
fn line(out: &mut Vec<u8>, cells: impl FnOnce(&mut Line<'_>)) {
    out.reserve(1024);
    cells(&mut Line { out });
    out.pop();
    out.extend_from_slice(b"\r\n");
}

struct Line<'l> {
    out: &'l mut Vec<u8>,
}

impl Line<'_> {
    #[inline]
    fn cell<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
        if let Some(value) = value {
            write(self.out, value);
        }
        self.out.push(b',');
    }
}

impl Cells for Line<'_> {
    #[inline]
    fn text(&mut self, value: Option<&str>) {
        self.cell(value, push_text);
    }

    #[inline]
    fn number(&mut self, value: Option<u64>) {
        self.cell(value, text::push_number);
    }

    fn truth(&mut self, value: Option<bool>) {
        self.cell(value, |out, value| value.write(out));
    }

    #[inline]
    fn time(&mut self, value: Option<Time>) {
        self.cell(value, |out, time| {
            out.extend_from_slice(text::time(time.ns, time.nanoseconds).as_bytes())
        });
    }

    fn date(&mut self, seconds: Option<i64>) {
        self.cell(seconds, |out, seconds| {
            out.extend_from_slice(text::time_of_seconds(seconds).as_bytes())
        });
    }

    fn seconds(&mut self, thousandths: Option<u64>) {
        self.cell(thousandths, |out, number| Thousandths(number).write(out));
    }

    #[inline]
    fn list(&mut self, items: impl IntoIterator<Item = impl AsRef<str>>) {
        let begin = self.out.len();
        let mut is_plain = true;
        for (place, item) in items.into_iter().enumerate() {
            if place > 0 {
                self.out.push(b';');
            }
            let item = item.as_ref();
            is_plain &= is_plain_text(item);
            match is_plain_text(item) {
                true => self.out.extend_from_slice(item.as_bytes()),
                false => self.out.extend_from_slice(without_tricks(item).as_bytes()),
            }
        }
        if !is_plain {
            // The quotes stand around the whole list.
            let list = String::from_utf8(self.out.split_off(begin)).unwrap_or_default();
            self.out.extend_from_slice(quoted(&list).as_bytes());
        }
        self.out.push(b',');
    }
}

#[inline]
fn push_text(out: &mut Vec<u8>, value: &str) {
    match is_plain_text(value) {
        true => out.extend_from_slice(value.as_bytes()),
        false => out.extend_from_slice(quoted(&without_tricks(value)).as_bytes()),
    }
}

/// Nearly all text can be written as it is.
#[inline]
fn is_plain_text(text: &str) -> bool {
    let leads = matches!(text.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b' '));
    !leads && !text.ends_with(' ') && text.bytes().all(|byte| PLAIN[usize::from(byte)])
}

/// Printable ASCII without what means something in a line of CSV.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b',' | b';' | b'\'');
        byte += 1;
    }
    plain
};

/// Nothing in it is obeyed, be it by a terminal or by a spreadsheet.
fn without_tricks(value: &str) -> String {
    spelling::unquoted_csv(&value.replace(';', "\\059"))
}

/// In quotes if it needs them.
fn quoted(text: &str) -> String {
    spelling::quoted_csv(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures;
    use super::super::tables::{Out, Tables};
    use super::super::{Labels, Sink};
    use super::*;
    use crate::names::domain::Domain;

    fn written(rows: &[Row], labels: &Labels) -> [String; 3] {
        let mut files = [Vec::new(), Vec::new(), Vec::new()];
        let outs = files.iter_mut().map(|file| Some(Box::new(file) as Out<'_>)).collect();
        let mut sink = Tables::new(Csv, outs, labels.clone());
        rows.iter().for_each(|row| sink.row(row).unwrap());
        sink.finish(0).unwrap();
        drop(sink);
        files.map(|file| String::from_utf8(file).unwrap())
    }

    /// RFC 4180 by its grammar: the records' cells.
    fn read(text: &str) -> Vec<Vec<String>> {
        let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
        let (mut letters, mut in_quotes) = (text.chars().peekable(), false);
        while let Some(letter) = letters.next() {
            match (letter, in_quotes) {
                ('"', true) if letters.peek() == Some(&'"') => cell.extend(letters.next()),
                ('"', _) => in_quotes = !in_quotes,
                (',', false) => record.push(std::mem::take(&mut cell)),
                ('\r', false) => {
                    assert_eq!(letters.next(), Some('\n'));
                    record.push(std::mem::take(&mut cell));
                    records.push(std::mem::take(&mut record));
                }
                (letter, _) => cell.push(letter),
            }
        }
        assert!(!in_quotes && record.is_empty() && cell.is_empty());
        records
    }

    /// The value below a head.
    fn value<'r>(records: &'r [Vec<String>], line: usize, name: &str) -> &'r str {
        let column = records[0].iter().position(|head| head == name).unwrap();
        &records[line][column]
    }

    #[test]
    fn rows_are_lines_of_three_tables() {
        let rows = [
            Row::Flow(Box::new(fixtures::web_flow())),
            Row::Flow(Box::new(fixtures::bare_flow())),
            Row::Name(Box::new(fixtures::name())),
            Row::Capture(Box::new(fixtures::capture())),
        ];
        let [flows, names, captures] = written(&rows, &fixtures::labels()).map(|text| read(&text));
        assert_eq!((flows.len(), names.len(), captures.len()), (3, 2, 2));
        for (name, expected) in [
            ("id", "1:ONEnPSrBD36DavWv+kWEtE/UgB0="),
            ("start", "2026-11-21T09:12:01.123456Z"),
            ("client_port", "50514"),
            ("via", "app-tm.trafficmanager.net;app-fd.azurefd.net"),
            ("cert_issuer", "CN=R3,O=Let's Encrypt"),
            ("cert_not_after", "2027-01-01T00:00:00Z"),
            ("age_s", "1.25"),
            ("ech", "false"),
            ("vlan", "7;42"),
            ("flags", ""),
            ("frame_blocked", ""),
        ] {
            assert_eq!(value(&flows, 1, name), expected, "{name}");
        }
        assert_eq!(value(&flows, 2, "start"), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(value(&flows, 2, "client_port"), "");
        assert_eq!(value(&flows, 2, "why"), "It was \"never\" answered.");
        assert_eq!(value(&flows, 2, "frame_last"), "3");
        assert_eq!(value(&names, 1, "addresses"), "198.18.1.11;2001:db8::11");
        assert_eq!(value(&captures, 1, "undecoded_reasons"), "arp 4");
    }

    #[test]
    fn nothing_becomes_a_formula_or_another_cell() {
        let mut flow = fixtures::web_flow();
        flow.naming.name = Some(Domain::from_text(b"=cmd|'/c calc'!a0;=x"));
        flow.naming.via = [b"@sum(1)".as_slice(), b"a;b", b"c"].map(Domain::from_text).into();
        flow.tunnel = Some("\t=1".into());
        let [flows, ..] = written(&[Row::Flow(Box::new(flow))], &fixtures::labels());
        let records = read(&flows);
        assert_eq!(value(&records, 1, "name"), "'=cmd|'/c\\032calc'!a0\\059=x");
        assert_eq!(value(&records, 1, "via"), "'@sum(1);a\\059b;c");
        assert_eq!(value(&records, 1, "tunnel"), "' =1");
    }

    proptest! {
        #[test]
        fn whatever_the_names_are_lines_and_cells_stay_what_they_are(
            wire in proptest::collection::vec(any::<u8>(), 0..300),
            file in any::<String>(),
            item in "[ -~]{0,12}",
        ) {
            let mut flow = fixtures::web_flow();
            flow.naming.name = Some(Domain::from_text(&wire));
            flow.naming.via = vec![Domain::from_text(item.as_bytes()), Domain::from_text(b"end.example")];
            let mut labels = fixtures::labels();
            labels.files = vec![file.clone()];
            let [text, ..] = written(&[Row::Flow(Box::new(flow.clone()))], &labels);
            prop_assert_eq!(text.chars().filter(|c| c.is_control()).count(), 4, "two lines' ends");
            let records = read(&text);
            prop_assert_eq!(records.len(), 2);
            prop_assert_eq!(records[0].len(), records[1].len());
            for cell in &records[1] {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{}", cell);
            }
            prop_assert_eq!(value(&records, 1, "via").split(';').count(), 2);
            let name = flow.naming.name.unwrap();
            let plain = !name.as_str().starts_with(['=', '+', '-', '@', ' ']) && !name.as_str().contains(';');
            prop_assert!(!plain || value(&records, 1, "name") == name.as_str());
        }
    }
}
