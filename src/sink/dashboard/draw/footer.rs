//! The last line: the filter while it is typed, what the last key did, what the source had to say, else the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::ink::{BAD, Ink};
use super::{Pen, Scene};
use crate::sink::dashboard::view::View;

const KEYS: [(&str, &str); 8] = [
    ("?", "help"),
    ("q", "end"),
    ("Tab", "pane"),
    ("Enter", "open"),
    ("/", "filter"),
    ("s", "sort"),
    ("p", "pause"),
    ("w", "save"),
];
const KEYS_OVER: [(&str, &str); 4] = [("Esc", "back"), ("j k", "scroll"), ("w", "save"), ("Ctrl-C", "end")];

pub fn draw(scene: &Scene<'_>, view: &View, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::new(buffer, area, scene.look);
    pen.write(" ", Ink::Plain);
    if view.typing.is_some() {
        pen.write("filter: ", Ink::Strong).write(&view.filter, Ink::Strong);
        pen.write("_", Ink::Front);
        pen.write("   Enter keeps it, Esc takes it back", Ink::Quiet);
        return;
    }
    if let Some(note) = &view.note {
        pen.write(note, Ink::Strong);
        return;
    }
    if let Some(said) = &scene.gauges.said {
        pen.write(BAD, Ink::Bad).write(" ", Ink::Plain).write(said, Ink::Bad);
        return;
    }
    let keys = match view.over {
        Some(_) => &KEYS_OVER[..],
        None => &KEYS[..],
    };
    for (key, what) in keys {
        pen.write(key, Ink::Strong)
            .write(" ", Ink::Plain)
            .write(what, Ink::Quiet)
            .skip(2);
    }
}
