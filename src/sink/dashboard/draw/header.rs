//! Two lines that are always there: what runs, and what was lost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::ink::{BAD, GOOD, Ink};
use super::pen::columns;
use super::{Pen, Scene, line_at};
use crate::sink::dashboard::view::View;
use crate::sink::text;

pub const HEIGHT: u16 = 2;

/// A picture this far behind the packets is marked.
const LATE_NS: u64 = 3_000_000_000;

pub fn draw(scene: &Scene<'_>, view: &View, area: Rect, buffer: &mut Buffer) {
    names(scene, view, line_at(area, 0), buffer);
    numbers(scene, line_at(area, 1), buffer);
}

fn names(scene: &Scene<'_>, view: &View, area: Rect, buffer: &mut Buffer) {
    let gauges = scene.gauges;
    let (word, ink) = match (gauges.ending, &view.paused) {
        (true, _) => (" ENDING ", Ink::Alarm),
        (_, Some(_)) => (" PAUSED: the capture goes on ", Ink::Alarm),
        _ => (" LIVE ", Ink::Front),
    };
    let time = text::span(gauges.elapsed_ns);
    let right = columns(word) + columns(&time) + 3;
    let left_area = Rect {
        width: area.width.saturating_sub(right as u16),
        ..area
    };
    let mut pen = Pen::new(buffer, left_area, scene.look);
    pen.write(" flowsift ", Ink::Strong).write(&gauges.source, Ink::Plain);
    pen.write("  policy ", Ink::Quiet).write(&gauges.policy, Ink::Plain);
    let right_area = Rect {
        x: area.x + left_area.width,
        width: area.width - left_area.width,
        ..area
    };
    let mut pen = Pen::new(buffer, right_area, scene.look);
    pen.write(&format!(" {time} "), Ink::Quiet).write(word, ink);
}

/// The gravest first: a narrow line loses its end.
fn numbers(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (snapshot, gauges) = (scene.snapshot, scene.gauges);
    let mut pen = Pen::new(buffer, area, scene.look);
    pen.write(" ", Ink::Plain);
    match gauges.dropped {
        None => drop(pen.write(&format!("{} files", gauges.files), Ink::Plain)),
        Some(dropped) if dropped.sum() == 0 => drop(pen.write(GOOD, Ink::Good).write(" 0 dropped", Ink::Plain)),
        Some(dropped) => drop(pen.write(
            &format!(
                "{BAD} {} DROPPED ({} by kernel, {} by interface)",
                dropped.sum(),
                dropped.kernel,
                dropped.interface
            ),
            Ink::Alarm,
        )),
    }
    let lag = format!("lag {}", text::span(gauges.lag_ns));
    let (lag, ink) = match gauges.lag_ns >= LATE_NS {
        true => (format!("{BAD} {lag}"), Ink::Alarm),
        false => (lag, Ink::Plain),
    };
    pen.skip(2).write(&lag, ink);
    if let Some((kept, unkept)) = gauges.kept {
        pen.skip(2).write(&format!("kept {kept}"), Ink::Plain);
        if unkept > 0 {
            pen.skip(1).write(&format!("{BAD} {unkept} NOT KEPT"), Ink::Alarm);
        }
    }
    pen.skip(2)
        .write(&format!("{}bit/s", bits(snapshot.total.ring.bits())), Ink::Strong);
    let packets = format!("{} packets", text::short_bytes(gauges.packets).as_str());
    pen.skip(2).write(&packets, Ink::Plain);
    if snapshot.undecoded > 0 {
        pen.skip(2)
            .write(&format!("{} undecoded", snapshot.undecoded), Ink::Plain);
    }
    let flows = snapshot.ended.saturating_add(snapshot.running);
    pen.skip(2)
        .write(&format!("{flows} flows, {} running", snapshot.running), Ink::Plain);
    if snapshot.names > 0 {
        pen.skip(2).write(&text::count(snapshot.names, "lookup"), Ink::Plain);
    }
}

/// `812 `, `9.1 k`, to go before `bit/s`.
pub fn bits(bits: u64) -> String {
    let short = text::short_bytes(bits);
    let short = short.as_str();
    match short.char_indices().last() {
        Some((at, letter)) if letter.is_ascii_alphabetic() => format!("{} {letter}", short.get(..at).unwrap_or("")),
        _ => format!("{short} "),
    }
}
