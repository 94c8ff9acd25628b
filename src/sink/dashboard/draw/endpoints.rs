//! The pane of the policy's rows: a light each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::ink::{BAD, DARK, GOOD, Ink, MIXED, UNSURE};
use super::pen::columns;
use super::{Pen, Scene, title};
use crate::sink::dashboard::endpoints::{Endpoint, Light};
use crate::sink::dashboard::view::{Pane, View};

/// A light with its name and what was seen takes so much.
const CELL: u16 = 38;

/// Lines for so many endpoints.
pub fn height(endpoints: usize, area: Rect) -> usize {
    endpoints.div_ceil(across(area)) + 1
}

fn across(area: Rect) -> usize {
    usize::from((area.width / CELL).max(1))
}

pub fn draw(scene: &Scene<'_>, view: &mut View, area: Rect, buffer: &mut Buffer) {
    let dropped = scene.gauges.has_dropped();
    let endpoints = view.endpoints(scene.snapshot, dropped);
    let rest = title(scene, view, Pane::Endpoints, &sums(&endpoints), area, buffer);
    if endpoints.is_empty() {
        let words = "The policy has no rows.";
        Pen::new(buffer, rest, scene.look)
            .write(" ", Ink::Plain)
            .write(words, Ink::Quiet);
        return;
    }
    let across = across(rest);
    let height = usize::from(rest.height);
    let in_front = view.pane == Pane::Endpoints;
    if in_front {
        view.page = height.max(1) * across;
    }
    let cursor = &mut view.cursors[Pane::Endpoints as usize];
    // By whole lines.
    let lines = endpoints.len().div_ceil(across);
    let mut line_cursor = cursor.clone();
    line_cursor.at /= across;
    line_cursor.top /= across;
    line_cursor.settle(lines, height);
    cursor.top = line_cursor.top * across;
    cursor.at = cursor.at.min(endpoints.len() - 1);
    let width = rest.width / across as u16;
    let shown = endpoints.iter().enumerate().skip(cursor.top).take(height * across);
    for (number, (place, (endpoint, light))) in shown.enumerate() {
        let area = Rect {
            x: rest.x + (number % across) as u16 * width,
            y: rest.y + (number / across) as u16,
            width: width - 1,
            height: 1,
        };
        cell(scene, endpoint, *light, area, buffer);
        if in_front && cursor.is_set && place == cursor.at {
            Pen::choose(buffer, area, scene.look);
        }
    }
}

/// `2 blocked, 9 reached, 68 not tried`.
fn sums(endpoints: &[(&Endpoint, Light)]) -> String {
    let count = |light: Light| endpoints.iter().filter(|(_, lit)| *lit == light).count();
    let parts = [
        (Light::Bad, BAD, "failed"),
        (Light::Mixed, MIXED, "mixed"),
        (Light::Good, GOOD, "reached"),
        (Light::Unclear, UNSURE, "unclear"),
        (Light::Dark, DARK, "not tried"),
    ];
    let parts = parts.into_iter().map(|(light, sign, word)| (count(light), sign, word));
    let words: Vec<String> = parts
        .filter(|(count, ..)| *count > 0)
        .map(|(count, sign, word)| format!("{sign} {count} {word}"))
        .collect();
    words.join("  ")
}

pub fn sign(light: Light) -> (&'static str, Ink) {
    match light {
        Light::Bad => (BAD, Ink::Bad),
        Light::Mixed => (MIXED, Ink::Medium),
        Light::Good => (GOOD, Ink::Good),
        Light::Unclear => (UNSURE, Ink::Plain),
        Light::Dark => (DARK, Ink::Quiet),
    }
}

fn cell(scene: &Scene<'_>, endpoint: &Endpoint, light: Light, area: Rect, buffer: &mut Buffer) {
    const NAME: usize = 16;
    let (sign, ink) = sign(light);
    let mut pen = Pen::new(buffer, area, scene.look);
    let name = if light == Light::Dark { Ink::Quiet } else { Ink::Plain };
    pen.skip(1).cell(sign, 2, ink);
    let width = columns(&endpoint.info.id).clamp(NAME, 24).min(pen.room());
    pen.cell(&endpoint.info.id, width, name).skip(1);
    let counts = endpoint.counts(scene.gauges.has_dropped());
    if counts.reached > 0 {
        pen.write(&format!("{GOOD}{}", counts.reached), Ink::Good).skip(1);
    }
    if let Some((first, others)) = counts.failed.split_first() {
        pen.write(&format!("{BAD}{} {}", first.count, first.word()), Ink::Bad)
            .skip(1);
        let others: u64 = others.iter().map(|failure| failure.count).sum();
        if others > 0 {
            pen.write(&format!("+{others}"), Ink::Bad).skip(1);
        }
    }
    if counts.unclear > 0 {
        pen.write(&format!("{UNSURE}{}", counts.unclear), Ink::Plain);
    }
}
