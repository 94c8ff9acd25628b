//! The table for people.
//!
//! A table of a million rows is never held: the first rows wait until there are enough of them to choose the columns and
//! their widths by ([`SAMPLE`]), and from then on every row is written as it comes. A wider cell later is cut with an
//! ellipsis. Which columns there are depends on the width of the screen ([`LAYOUTS`]): the narrower, the fewer.

use std::io::{self, Write};

use super::cells::{Cells, Column};
use super::style::{Style, Tone, pad};
use super::summary::Summary;
use super::{Labels, Sink, text};
use crate::engine::rows::Row;

/// Rows that wait for the widths to be chosen.
const SAMPLE: usize = 256;

/// Text gathered before it is written.
const BATCH: usize = 16 * 1024;

/// From rich to poor. The first that fits is taken.
#[rustfmt::skip]
const LAYOUTS: [&[Column]; 9] = {
    use Column::*;
    [
        &[ClockMs, ClientPort, Server, Name, Class, App, Packets, Bytes, Verdict],
        &[ClockMs, Client, Server, Name, Class, App, Bytes, Verdict],
        &[Clock, Client, Server, Name, Class, App, Bytes, Verdict],
        &[Clock, Client, Host, Class, App, Bytes, Verdict],
        &[Clock, Client, Host, Class, App, Verdict],
        &[Clock, Client, Host, Class, Verdict],
        &[Clock, Host, Class, Verdict],
        &[Host, Class, Verdict],
        &[Host, Verdict],
    ]
};

/// Which columns get the room that is left, up to a width: a verdict that can be read, then names, then the rest.
const FIRST_SERVED: [(Column, usize); 9] = [
    (Column::Class, usize::MAX),
    (Column::App, usize::MAX),
    (Column::Verdict, 22),
    (Column::Host, usize::MAX),
    (Column::Name, usize::MAX),
    (Column::Verdict, usize::MAX),
    (Column::Client, usize::MAX),
    (Column::ClientPort, usize::MAX),
    (Column::Server, usize::MAX),
];

/// Writes rows as a table, and a summary at the end.
pub struct Table<W: Write> {
    out: W,
    labels: Labels,
    style: Style,
    summary: Summary,
    /// Rows before the widths are known.
    waiting: Vec<Cells>,
    layout: Option<Layout>,
    /// The day of the row written last.
    day: Option<i64>,
    text: String,
}

/// Columns, how wide they are, and the spaces between them.
#[derive(Debug)]
struct Layout {
    columns: Vec<(Column, usize)>,
    gap: usize,
}

impl<W: Write> Table<W> {
    pub fn new(out: W, labels: Labels, style: Style) -> Table<W> {
        Table {
            out,
            summary: Summary::new(&labels.policy),
            labels,
            style,
            waiting: Vec::new(),
            layout: None,
            day: None,
            text: String::new(),
        }
    }

    fn add(&mut self, cells: Cells) {
        match self.layout.take() {
            Some(layout) => {
                self.write_row(&layout, &cells);
                self.layout = Some(layout);
            }
            None => {
                self.waiting.push(cells);
                if self.waiting.len() >= SAMPLE {
                    self.settle();
                }
            }
        }
    }

    /// Chooses the columns by the rows that wait, and writes these.
    fn settle(&mut self) {
        if self.layout.is_some() || self.waiting.is_empty() {
            return;
        }
        let rows = std::mem::take(&mut self.waiting);
        let layout = choose(&rows, self.style.width);
        self.write_heading(&layout);
        for cells in &rows {
            self.write_row(&layout, cells);
        }
        self.layout = Some(layout);
    }

    fn write_heading(&mut self, layout: &Layout) {
        let mut line = String::new();
        for (i, (column, width)) in layout.columns.iter().enumerate() {
            if i > 0 {
                pad(&mut line, layout.gap);
            }
            // The last is not filled up, as its cells are not.
            let last = i + 1 == layout.columns.len();
            let width = if last {
                column.heading().len().min(*width)
            } else {
                *width
            };
            self.style
                .cell(&mut line, column.heading(), width, column.align(), Tone::Strong);
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }

    fn write_row(&mut self, layout: &Layout, cells: &Cells) {
        let today = text::day(cells.time_ns);
        if self.day.replace(today) != Some(today) {
            let date = text::date(cells.time_ns);
            self.style.paint(&mut self.text, date.as_str(), Tone::Quiet);
            self.text.push('\n');
        }
        for (i, (column, width)) in layout.columns.iter().enumerate() {
            if i > 0 {
                pad(&mut self.text, layout.gap);
            }
            if *column == Column::Verdict {
                self.style.list(&mut self.text, &cells.verdict, *width);
                continue;
            }
            let content = column.cut(cells.text(*column), *width);
            self.style
                .cell(&mut self.text, &content, *width, column.align(), Tone::Plain);
        }
        self.text.push('\n');
    }

    fn write_text(&mut self) -> io::Result<()> {
        let result = self.out.write_all(self.text.as_bytes());
        self.text.clear();
        result
    }
}

impl<W: Write> Sink for Table<W> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        match row {
            Row::Flow(row) => {
                self.summary.flow(row);
                self.add(Cells::of_flow(row, &self.labels));
            }
            Row::Name(row) => {
                self.summary.name();
                self.add(Cells::of_name(row, &self.labels));
            }
            Row::Capture(row) => self.summary.capture(row),
        }
        if self.text.len() >= BATCH {
            self.write_text()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.settle();
        self.write_text()?;
        self.out.flush()
    }

    fn finish(&mut self, hidden: u64) -> io::Result<()> {
        self.settle();
        if self.layout.is_some() {
            self.text.push('\n');
        }
        let summary = self.summary.render(&self.style, hidden);
        self.text.push_str(&summary);
        self.write_text()?;
        self.out.flush()
    }
}

/// Narrower than this, columns stand closer together.
const ROOMY: usize = 100;

/// The richest layout that `screen` has room for, its columns as wide as the rows want them where that fits.
fn choose(rows: &[Cells], screen: usize) -> Layout {
    let gap = if screen < ROOMY { 1 } else { 2 };
    for names in LAYOUTS {
        let mut columns = Vec::new();
        let mut wants = Vec::new();
        for column in names {
            let widest = rows.iter().map(|cells| cells.width(*column)).max();
            let want = widest.unwrap_or(0).max(column.heading().len());
            columns.push((*column, want.min(column.least())));
            wants.push(want.min(column.most()));
        }
        let least: usize = columns.iter().map(|(_, width)| width).sum();
        let gaps = gap * (columns.len() - 1);
        let Some(mut room) = screen.checked_sub(least + gaps) else {
            continue;
        };
        for (served, limit) in FIRST_SERVED {
            for ((column, width), want) in columns.iter_mut().zip(&wants) {
                if *column == served {
                    let more = want.min(&limit).saturating_sub(*width).min(room);
                    *width += more;
                    room -= more;
                }
            }
        }
        // The last column is not filled up, so that it may have all the rest.
        if let Some((_, width)) = columns.last_mut() {
            *width += room;
        }
        return Layout { columns, gap };
    }
    // Narrower than any: the name alone.
    Layout {
        columns: vec![(Column::Host, screen)],
        gap,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures;
    use super::*;
    use crate::names::domain::Domain;

    fn table(rows: &[Row], width: usize, colour: bool) -> String {
        let mut bytes = Vec::new();
        let style = Style { width, colour };
        let mut table = Table::new(&mut bytes, fixtures::labels(), style);
        for row in rows {
            table.row(row).unwrap();
        }
        table.finish(0).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn at_eighty_columns() {
        let expected = r"
TIME UTC CLIENT          SERVER                CLASS         VERDICT
2026-11-21
09:12:00 198.19.0.10     app.salestim.io       salestim      198.18.1.11 +1
09:12:00 198.19.0.10     widget.intercom.io    salestim      blocked nxdomain
09:12:01 198.19.0.10     app.salestim.io       salestim      ok
09:12:08 198.19.0.11     198.18.0.2:53         unknown       unlisted
09:12:15 198.19.0.10     teams.microsoft.com   teams         ok, tls-version
09:12:22 198.19.0.10     help.salestim.com     salestim-help tls-version +1
09:12:29 198.19.0.12     app.salestim.io:80    salestim      port, plaintext +2
09:12:36 198.19.0.12     198.18.9.9:443        salestim      blocked silent
09:12:43 2001:…1234:5678 a-very-l…re.com:50443 other         unlisted, port
09:12:50 198.19.0.13     198.18.7.7:443        microsoft365  inconclusive +1
09:12:57 198.19.0.14     \027]0;o…\007.example other         unlisted

CLASS          FLOWS  PACKETS   BYTES  FLAGS
salestim           3       78   12 kB  port 1, plaintext 1, rerouted 1 +2
salestim-help      1       26  8.0 kB  tls-version 1, address 1
teams              1       26  1.2 MB  tls-version 1
microsoft365       1       26   64 kB  hidden-name 1
other              2       52   93 GB  port 1
unknown            1       26   312 B
total              9      234   93 GB  port 2, tls-version 2, plaintext 1 +5

9 flows in 567 packets, from 2026-11-21 09:12:00.900 over 28m 10s.
Names looked up: 2.
Not decoded: 4 packets (arp 4).
Flows not fully seen: 2 begun before the capture, 1 with an encrypted hello
  (ECH).
Lost while capturing: 3 by the kernel, 0 by the interface.
";
        let text = table(&fixtures::morning(), 80, false);
        assert_eq!(text, expected.trim_start());
    }

    #[test]
    fn the_wider_the_screen_the_more_columns() {
        for (width, heading) in [
            (20, "SERVER"),
            (40, "SERVER VERDICT"),
            (60, "TIME SERVER CLASS VERDICT"),
            (80, "TIME CLIENT SERVER CLASS VERDICT"),
            (100, "TIME CLIENT SERVER CLASS APP BYTES VERDICT"),
            (120, "TIME CLIENT SERVER NAME CLASS APP BYTES VERDICT"),
            (200, "TIME CLIENT SERVER NAME CLASS APP PACKETS BYTES VERDICT"),
        ] {
            let text = table(&fixtures::morning(), width, false);
            let first = text.lines().next().unwrap().replace("TIME UTC", "TIME");
            let words: Vec<&str> = first.split_whitespace().collect();
            assert_eq!(words.join(" "), heading, "at {width}");
        }
    }

    #[test]
    fn columns_stand_under_their_headings() {
        for width in [60, 80, 120, 200] {
            let text = table(&fixtures::morning(), width, false);
            let mut lines = text.lines();
            let class = lines.next().unwrap().find("CLASS").unwrap();
            for line in lines.skip(1).take_while(|line| !line.is_empty()) {
                let cell: String = line.chars().skip(class - 1).collect();
                let word = cell.strip_prefix(' ').unwrap().split(' ').next().unwrap();
                assert!(
                    fixtures::labels().policy.classes().contains(&word),
                    "at {width}: {line}"
                );
            }
        }
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let plain = table(&fixtures::morning(), 80, false);
        let coloured = table(&fixtures::morning(), 80, true);
        assert!(coloured.contains("\x1b[31mblocked silent\x1b[0m"));
        assert!(coloured.contains("\x1b[32mok\x1b[0m, \x1b[36mtls-version\x1b[0m"));
        let codes = ["0", "1", "2", "31", "32", "33", "36"].map(|n| format!("\x1b[{n}m"));
        let stripped = codes.iter().fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(stripped, plain);
    }

    #[test]
    fn rows_are_written_as_they_come_once_the_widths_are_chosen() {
        let mut bytes = Vec::new();
        let style = Style {
            width: 80,
            colour: false,
        };
        let mut sink = Table::new(&mut bytes, fixtures::labels(), style);
        let mut flow = fixtures::web_flow();
        for i in 0..10_000 {
            // The next day, and a name that is wider than any before.
            if i == 9_000 {
                flow.start_ns += 86_400_000_000_000;
                flow.naming.name = Some(Domain::from_text(&[b'x'; 200]));
            }
            sink.row(&Row::Flow(Box::new(flow.clone()))).unwrap();
            assert!(sink.waiting.len() < SAMPLE && sink.text.len() < BATCH + 20_000);
        }
        sink.finish(3).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().filter(|l| l.starts_with("09:12")).count(), 10_000);
        assert_eq!(text.matches("2026-11-22\n").count(), 1);
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        assert!(text.contains("10003 flows in 0 packets.\nNot asked for and not shown: 3 flows.\n"));
    }

    #[test]
    fn a_capture_without_flows_is_said_and_no_capture_at_all_is_not() {
        let capture = crate::engine::rows::CaptureRow::default();
        let capture = Row::Capture(Box::new(capture));
        assert_eq!(table(&[capture], 80, false), "0 flows in 0 packets.\n");
        assert_eq!(table(&[], 80, false), "");
    }

    #[test]
    fn what_became_of_fragments_is_said_if_there_were_any() {
        let mut capture = crate::engine::rows::CaptureRow::default();
        capture.fragments.pieces = 7;
        capture.fragments.joined = 2;
        capture.fragments.overlap = 1;
        let rows = [Row::Capture(Box::new(capture))];
        assert_eq!(
            table(&rows, 100, false),
            "0 flows in 0 packets.\nIP fragments: 7 fragments; datagrams: 2 put together, 1 refused for overlapping pieces.\n"
        );
    }

    proptest! {
        #[test]
        fn no_name_breaks_a_line(
            wire in proptest::collection::vec(any::<u8>(), 0..300),
            class in any::<String>(),
            width in 1usize..220,
        ) {
            let mut rows = fixtures::morning();
            let mut flow = fixtures::web_flow();
            flow.naming.name = Some(Domain::from_text(&wire));
            rows.insert(0, Row::Flow(Box::new(flow)));
            let mut capture = fixtures::capture();
            capture.undecoded = vec![(class.clone(), 1)];
            rows.push(Row::Capture(Box::new(capture)));
            let mut labels = fixtures::labels();
            labels.policy.rows[0].class = class;
            let mut bytes = Vec::new();
            let mut sink = Table::new(&mut bytes, labels, Style { width, colour: false });
            rows.iter().for_each(|row| sink.row(row).unwrap());
            sink.finish(0).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            for line in text.lines() {
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
                // The sums by class keep their numbers whole, whatever the width.
                prop_assert!(line.chars().count() <= width.max(60), "{width}: {line:?}");
            }
        }
    }
}
