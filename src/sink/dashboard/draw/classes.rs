//! The pane of classes: how many flows, how much a second, the last minutes, and what was held against them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::header::bits;
use super::ink::{BARS, Ink};
use super::pen::columns;
use super::{Pen, Scene, line_at, title};
use crate::sink::dashboard::classes::ClassSum;
use crate::sink::dashboard::view::{Pane, View};
use crate::sink::text;

const FLOWS: usize = 6;
const RATE: usize = 6;
const BYTES: usize = 6;
/// Seconds that are drawn, one a column.
const LEAST_BARS: usize = 12;
const MOST_BARS: usize = 60;

/// Where the columns are.
struct Widths {
    name: usize,
    bars: usize,
    flags: usize,
}

pub fn draw(scene: &Scene<'_>, view: &mut View, area: Rect, buffer: &mut Buffer) {
    let snapshot = scene.snapshot;
    let classes = view.classes(snapshot);
    let names = classes.iter().map(|sum| columns(&sum.name)).max().unwrap_or(0);
    let width = usize::from(area.width);
    let name = names.clamp(8, 20);
    let fixed = name + 1 + FLOWS + 1 + RATE + 1 + BYTES + 2;
    let left = width.saturating_sub(fixed);
    let bars = (left / 3).clamp(LEAST_BARS, MOST_BARS).min(left);
    let widths = Widths {
        name,
        bars,
        flags: left.saturating_sub(bars + 2),
    };
    let said = match classes.is_empty() {
        true => String::new(),
        false => format!("bars: the last {bars} s, each class by its own most"),
    };
    let rest = title(scene, view, Pane::Classes, &said, area, buffer);
    if classes.is_empty() {
        let words = match snapshot.names {
            0 => "Nothing has passed yet: classes appear with their first flow.".to_owned(),
            names => format!("No flow yet; names looked up: {names}."),
        };
        Pen::new(buffer, rest, scene.look)
            .write(" ", Ink::Plain)
            .write(&words, Ink::Quiet);
        return;
    }
    heading(scene, &widths, line_at(rest, 0), buffer);
    // The sum has its place below, whatever there is above it.
    let height = usize::from(rest.height).saturating_sub(2);
    if view.pane == Pane::Classes {
        view.page = height.max(1);
    }
    let in_front = view.pane == Pane::Classes;
    let cursor = &mut view.cursors[Pane::Classes as usize];
    cursor.settle(classes.len(), height);
    let (top, at, is_set) = (cursor.top, cursor.at, cursor.is_set && in_front);
    let shown = classes.iter().skip(top).take(height);
    let mut lines = 1;
    for (number, sum) in shown.enumerate() {
        let area = line_at(rest, number + 1);
        line(scene, sum, &widths, Ink::Plain, area, buffer);
        if is_set && top + number == at {
            Pen::choose(buffer, area, scene.look);
        }
        lines += 1;
    }
    let hidden = classes.len().saturating_sub(top + height);
    total(scene, hidden, &widths, line_at(rest, lines), buffer);
}

fn heading(scene: &Scene<'_>, widths: &Widths, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::new(buffer, area, scene.look);
    pen.skip(1).cell("CLASS", widths.name, Ink::Quiet);
    pen.number("FLOWS", FLOWS + 1, Ink::Quiet);
    pen.number("BIT/S", RATE + 1, Ink::Quiet);
    pen.number("BYTES", BYTES + 1, Ink::Quiet);
    pen.skip(widths.bars + 3).cell("FLAGS", widths.flags, Ink::Quiet);
}

fn line(scene: &Scene<'_>, sum: &ClassSum, widths: &Widths, ink: Ink, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::new(buffer, area, scene.look);
    pen.skip(1).cell(&sum.name, widths.name, ink);
    pen.number(&sum.ended.saturating_add(sum.running).to_string(), FLOWS + 1, ink);
    figures(&mut pen, sum, widths, ink);
    let flags: Vec<(String, Ink)> = sum
        .flag_words()
        .into_iter()
        .map(|(word, tone)| (word, Ink::from(tone)))
        .collect();
    pen.skip(2).list(&flags);
}

fn figures(pen: &mut Pen<'_>, sum: &ClassSum, widths: &Widths, ink: Ink) {
    let rate = sum.ring.bits();
    let word = bits(rate).replace(' ', "");
    pen.number(&word, RATE + 1, if rate > 0 { ink } else { Ink::Quiet });
    pen.number(text::short_bytes(sum.bytes).as_str(), BYTES + 1, ink);
    pen.skip(1).write(&spark(sum, widths.bars), Ink::Good);
}

fn total(scene: &Scene<'_>, hidden: usize, widths: &Widths, area: Rect, buffer: &mut Buffer) {
    let snapshot = scene.snapshot;
    let mut pen = Pen::new(buffer, area, scene.look);
    let name = match hidden {
        0 => "all".to_owned(),
        more => format!("all, +{more}"),
    };
    pen.skip(1).cell(&name, widths.name, Ink::Strong);
    let flows = snapshot.ended.saturating_add(snapshot.running);
    pen.number(&flows.to_string(), FLOWS + 1, Ink::Strong);
    figures(&mut pen, &snapshot.total, widths, Ink::Strong);
    let rest = snapshot.running.saturating_sub(snapshot.told);
    if rest > 0 {
        let bytes = snapshot
            .unclassed
            .map(|bytes| format!(", {}B", bits(bytes)))
            .unwrap_or_default();
        pen.skip(2).write(&format!("{rest} not classed yet{bytes}"), Ink::Quiet);
    }
}

/// The last seconds, a bar each; nothing at all is no bar.
fn spark(sum: &ClassSum, width: usize) -> String {
    let mut bytes: Vec<u64> = sum.ring.recent().rev().take(width).collect();
    bytes.reverse();
    let most = bytes.iter().copied().max().unwrap_or(0).max(1);
    let bar = |bytes: u64| match bytes {
        0 => " ",
        bytes => {
            let step = u128::from(bytes) * (BARS.len() as u128 - 1) / u128::from(most);
            BARS.get(step as usize).copied().unwrap_or(" ")
        }
    };
    let missing = width.saturating_sub(bytes.len());
    std::iter::repeat_n(" ", missing)
        .chain(bytes.into_iter().map(bar))
        .collect()
}
