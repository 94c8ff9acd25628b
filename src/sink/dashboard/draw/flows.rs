//! The pane of flows: a line each, the richer the wider.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::ink::{BAD, DARK, GOOD, Ink, RUNNING, UNSURE};
use super::pen::cut_middle;
use super::{Pen, Scene, line_at, title};
use crate::evidence::model::EvidenceKind;
use crate::policy::verdict::{Severity, Standing};
use crate::sink::address::address;
use crate::sink::dashboard::flows::Seen;
use crate::sink::dashboard::view::{Pane, View};
use crate::sink::{cells, text};

/// A column, and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// How long ago it began.
    Age,
    Client,
    Host,
    Class,
    /// What gave it its name.
    Evidence,
    /// The protocol and its version.
    App,
    Bytes,
    Bits,
    Verdict,
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Column::Age => "AGE",
            Column::Client => "CLIENT",
            Column::Host => "SERVER",
            Column::Class => "CLASS",
            Column::Evidence => "NAMED BY",
            Column::App => "APP",
            Column::Bytes => "BYTES",
            Column::Bits => "BIT/S",
            Column::Verdict => "VERDICT",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Column::Age | Column::Bytes | Column::Bits)
    }

    fn least(self) -> usize {
        match self {
            Column::Age => 4,
            Column::Client => 15,
            Column::Host => 20,
            Column::Class => 12,
            Column::Evidence => 8,
            Column::App => 8,
            Column::Bytes => 5,
            Column::Bits => 5,
            Column::Verdict => 14,
        }
    }
}

/// From rich to poor; the first that fits is taken.
const LAYOUTS: [&[Column]; 5] = {
    use Column::*;
    [
        &[Age, Client, Host, Class, Evidence, App, Bytes, Bits, Verdict],
        &[Age, Host, Class, Evidence, App, Bytes, Bits, Verdict],
        &[Age, Host, Evidence, App, Bytes, Bits, Verdict],
        &[Age, Host, App, Bytes, Bits, Verdict],
        &[Age, Host, Bytes, Verdict],
    ]
};

/// The sign at the beginning of each line.
const SIGN: usize = 2;

pub fn draw(scene: &Scene<'_>, view: &mut View, area: Rect, buffer: &mut Buffer) {
    let snapshot = scene.snapshot;
    let flows = view.flows(snapshot);
    view.follow(&flows);
    let mut said = view.sort.word().to_owned();
    if let Some(narrowed) = view.narrowed() {
        said += &format!(", {narrowed}: {} of {}", flows.len(), snapshot.flows.len());
    }
    let rest = title(scene, view, Pane::Flows, &said, area, buffer);
    if flows.is_empty() {
        let words = match (view.filter.is_empty(), snapshot.flows.is_empty()) {
            (false, false) => "No flow has that in its name, address, class, flags or verdict (Esc clears the filter).",
            (true, false) => "No flow of this class is among those kept (Esc shows all).",
            _ => "No flow yet.",
        };
        Pen::new(buffer, rest, scene.look)
            .write(" ", Ink::Plain)
            .write(words, Ink::Quiet);
        return;
    }
    let columns = layout(usize::from(rest.width).saturating_sub(SIGN));
    heading(scene, &columns, line_at(rest, 0), buffer);
    let height = usize::from(rest.height).saturating_sub(1);
    let in_front = view.pane == Pane::Flows;
    if in_front {
        view.page = height.max(1);
    }
    let cursor = &mut view.cursors[Pane::Flows as usize];
    cursor.settle(flows.len(), height);
    let shown = flows.iter().enumerate().skip(cursor.top).take(height);
    for (number, (place, seen)) in shown.enumerate() {
        let area = line_at(rest, number + 1);
        line(scene, seen, &columns, area, buffer);
        if in_front && cursor.is_set && place == cursor.at {
            Pen::choose(buffer, area, scene.look);
        }
    }
}

/// Which columns, and how wide. Names get most of what is left, then verdicts.
fn layout(width: usize) -> Vec<(Column, usize)> {
    let least = |columns: &&&[Column]| {
        let widths = columns.iter().map(|column| column.least() + 1);
        widths.sum::<usize>() <= width
    };
    let chosen = LAYOUTS.iter().find(least).unwrap_or(&LAYOUTS[4]);
    let mut columns: Vec<(Column, usize)> = chosen.iter().map(|column| (*column, column.least())).collect();
    let used: usize = columns.iter().map(|(_, width)| width + 1).sum();
    let mut left = width.saturating_sub(used);
    for (wanted, share, most) in [
        (Column::Host, left * 2 / 3, 60),
        (Column::Verdict, usize::MAX, 40),
        (Column::Host, usize::MAX, 200),
    ] {
        for (column, width) in &mut columns {
            if *column == wanted {
                let more = left.min(share).min(usize::saturating_sub(most, *width));
                *width += more;
                left -= more;
            }
        }
    }
    columns
}

fn heading(scene: &Scene<'_>, columns: &[(Column, usize)], area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::new(buffer, area, scene.look);
    pen.skip(SIGN);
    for (column, width) in columns {
        match column.is_number() {
            true => pen.number(column.heading(), *width, Ink::Quiet),
            false => pen.cell(column.heading(), *width, Ink::Quiet),
        };
        pen.skip(1);
    }
}

fn line(scene: &Scene<'_>, seen: &Arc<Seen>, columns: &[(Column, usize)], area: Rect, buffer: &mut Buffer) {
    let row = &seen.row;
    let (sign, ink) = sign(seen);
    let mut pen = Pen::new(buffer, area, scene.look);
    pen.cell(sign, SIGN, ink);
    let dim = if seen.is_running { Ink::Plain } else { Ink::Quiet };
    for (column, width) in columns {
        match column {
            Column::Age => pen.number(&age(scene.snapshot.now_ns, row.start_ns), *width, dim),
            Column::Client => pen.cell(&cut_middle(address(row.client.ip).as_str(), *width), *width, Ink::Plain),
            Column::Host => pen.cell(&cut_middle(&seen.host(), *width), *width, Ink::Plain),
            Column::Class => pen.cell(&seen.class, *width, Ink::Plain),
            Column::Evidence => pen.cell(evidence(seen), *width, Ink::Plain),
            Column::App => pen.cell(&cells::app(row), *width, Ink::Plain),
            Column::Bytes => pen.number(text::short_bytes(seen.bytes()).as_str(), *width, Ink::Plain),
            Column::Bits if seen.bits == 0 => pen.number("", *width, Ink::Quiet),
            Column::Bits => pen.number(text::short_bytes(seen.bits).as_str(), *width, Ink::Plain),
            Column::Verdict => {
                let words: Vec<(String, Ink)> = seen
                    .verdict()
                    .into_iter()
                    .map(|(word, tone)| (word, Ink::from(tone)))
                    .collect();
                pen.list(&words)
            }
        };
        pen.skip(1);
    }
}

/// Under way, good, bad, or neither. What is grave is told at once, also of what is under way; what only stands still until its time
/// is over shows what it will be.
fn sign(seen: &Seen) -> (&'static str, Ink) {
    let verdict = &seen.row.verdict;
    let worst = verdict.flags.iter().map(|flag| flag.severity).max();
    match (worst, verdict.standing) {
        (Some(Severity::High), _) => (BAD, Ink::Bad),
        _ if seen.is_busy => (RUNNING, Ink::Good),
        (Some(Severity::Medium), _) => (BAD, Ink::Medium),
        (_, Standing::Ok) => (GOOD, Ink::Good),
        (_, Standing::Inconclusive) => (UNSURE, Ink::Plain),
        _ => (DARK, Ink::Quiet),
    }
}

fn evidence(seen: &Seen) -> &'static str {
    match seen.row.naming.kind {
        EvidenceKind::None => "-",
        kind => kind.as_str(),
    }
}

/// `7s`, `12m`, `3h`, `2d`.
pub fn age(now_ns: u64, then_ns: u64) -> String {
    let seconds = now_ns.saturating_sub(then_ns) / 1_000_000_000;
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5999 => format!("{}m", seconds / 60),
        6000..=359_999 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
