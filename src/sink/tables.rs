//! Rows as lines of several tables: each into a file of its own, or one of them into a stream.
//!
//! The text of a row is made on any thread, and may hold lines of several tables. So it travels in pieces, each with the
//! number of its table and its length in front, and is sorted into the files where rows come in order:
//!
//! ```text
//!   | 0 | length | a line of conn.log | 1 | length | a line of ssl.log |
//! ```

use std::io::{self, Write};

use super::{Labels, Sink};
use crate::engine::rows::{Row, Wanted};

/// How rows become lines of tables. Any thread may ask, so nothing of one row is kept for another.
pub trait Form: Send + Sync {
    /// Before a table's first line.
    fn head(&self, table: usize, out: &mut Vec<u8>);

    /// A row's lines.
    fn lines(&self, row: &Row, labels: &Labels, pieces: &mut Pieces<'_>);
}

/// Where a table's lines go.
pub type Out<'a> = Box<dyn Write + Send + Sync + 'a>;

/// Writes rows as lines of tables.
pub struct Tables<'a, F: Form> {
    form: F,
    labels: Labels,
    /// By the tables' numbers; a table without a place is not written.
    places: Vec<Option<Place<'a>>>,
    /// Which of them there are.
    wanted: Vec<bool>,
    /// Of rows that come by themselves.
    pieces: Vec<u8>,
}

struct Place<'a> {
    out: Out<'a>,
    lines: Vec<u8>,
}

/// How much is gathered before it is written.
const BATCH: usize = 64 * 1024;
/// A piece's head: its table, then its length.
const HEAD: usize = 1 + size_of::<u32>();

impl<'a, F: Form> Tables<'a, F> {
    pub fn new(form: F, outs: Vec<Option<Out<'a>>>, labels: Labels) -> Tables<'a, F> {
        let place = |(table, out): (usize, Option<Out<'a>>)| {
            out.map(|out| {
                let mut lines = Vec::with_capacity(2 * BATCH);
                form.head(table, &mut lines);
                Place { out, lines }
            })
        };
        let places: Vec<_> = outs.into_iter().enumerate().map(place).collect();
        Tables {
            wanted: places.iter().map(Option::is_some).collect(),
            form,
            labels,
            places,
            pieces: Vec::new(),
        }
    }

    fn sort(&mut self, mut text: &[u8]) -> io::Result<()> {
        while let Some((table, piece, rest)) = first_piece(text) {
            text = rest;
            if let Some(place) = self.places.get_mut(table).and_then(Option::as_mut) {
                place.lines.extend_from_slice(piece);
                if place.lines.len() >= BATCH {
                    place.write()?;
                }
            }
        }
        Ok(())
    }
}

impl Place<'_> {
    fn write(&mut self) -> io::Result<()> {
        // Emptied first: a line that failed is not tried again, or a broken pipe would be reported twice.
        let result = self.out.write_all(&self.lines);
        self.lines.clear();
        result
    }
}

impl<F: Form> Sink for Tables<'_, F> {
    fn set(&self, row: &Row, text: &mut Vec<u8>) -> Wanted {
        let wanted = &self.wanted;
        self.form.lines(row, &self.labels, &mut Pieces { out: text, wanted });
        Wanted::Text
    }

    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        self.sort(text)
    }

    fn row(&mut self, row: &Row) -> io::Result<()> {
        let mut text = std::mem::take(&mut self.pieces);
        self.set(row, &mut text);
        let result = self.sort(&text);
        text.clear();
        self.pieces = text;
        result
    }

    fn more_files(&mut self, names: &[String]) {
        self.labels.files.extend_from_slice(names);
    }

    fn flush(&mut self) -> io::Result<()> {
        for place in self.places.iter_mut().flatten() {
            place.write()?;
            place.out.flush()?;
        }
        Ok(())
    }

    fn finish(&mut self, _hidden: u64) -> io::Result<()> {
        self.flush()
    }
}

/// The text of rows, to be sorted into tables.
#[derive(Debug)]
pub struct Pieces<'p> {
    out: &'p mut Vec<u8>,
    wanted: &'p [bool],
}

impl Pieces<'_> {
    /// Adds lines of a table, if anybody wants that table.
    #[inline]
    pub fn put(&mut self, table: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.wanted.get(table).is_some_and(|wanted| *wanted) {
            return;
        }
        self.out.push(table as u8);
        self.out.extend_from_slice(&[0; HEAD - 1]);
        let begin = self.out.len();
        write(self.out);
        let length = (self.out.len() - begin) as u32;
        if let Some(place) = self.out.get_mut(begin - (HEAD - 1)..begin) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
    }
}

/// The table and the text of the first piece, and what is behind it.
fn first_piece(text: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let (head, rest) = text.split_first_chunk::<HEAD>()?;
    let [table, length @ ..] = *head;
    let (piece, rest) = rest.split_at_checked(u32::from_ne_bytes(length) as usize)?;
    Some((usize::from(table), piece, rest))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    /// A line for every row, in the table of its kind; of a flow a second line in the third.
    struct Letters;

    impl Form for Letters {
        fn head(&self, table: usize, out: &mut Vec<u8>) {
            out.extend_from_slice(format!("table {table}\n").as_bytes());
        }
        fn lines(&self, row: &Row, _: &Labels, pieces: &mut Pieces<'_>) {
            match row {
                Row::Flow(_) => {
                    pieces.put(0, |out| out.extend_from_slice(b"flow\n"));
                    pieces.put(2, |out| out.extend_from_slice(b"more of it\n"));
                }
                Row::Name(_) => pieces.put(1, |out| out.extend_from_slice(b"name\n")),
                Row::Capture(_) => pieces.put(2, |_| {}),
            }
        }
    }

    #[test]
    fn lines_find_their_tables_and_tables_without_a_place_are_not_written() {
        let rows = [
            Row::Flow(Box::new(fixtures::web_flow())),
            Row::Name(Box::new(fixtures::name())),
            Row::Flow(Box::new(fixtures::bare_flow())),
            Row::Capture(Box::new(fixtures::capture())),
        ];
        for by_text in [true, false] {
            let mut files = [Vec::new(), Vec::new(), Vec::new()];
            let [first, _, third] = &mut files;
            let outs = vec![Some(Box::new(first) as Out<'_>), None, Some(Box::new(third))];
            let mut sink = Tables::new(Letters, outs, fixtures::labels());
            let mut text = Vec::new();
            for row in &rows {
                match by_text {
                    true => assert_eq!(sink.set(row, &mut text), Wanted::Text),
                    false => sink.row(row).unwrap(),
                }
            }
            sink.text(&text).unwrap();
            sink.finish(0).unwrap();
            drop(sink);
            let files = files.map(|file| String::from_utf8(file).unwrap());
            assert_eq!(files[0], "table 0\nflow\nflow\n");
            assert_eq!(files[1], "");
            assert_eq!(files[2], "table 2\nmore of it\nmore of it\n");
        }
    }
}
