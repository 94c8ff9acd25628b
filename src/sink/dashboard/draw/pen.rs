//! Writes from left to right into one line, and never beyond it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::ink::{ELLIPSIS, Ink, Look};

/// A place in a line, and the room behind it.
pub struct Pen<'b> {
    buffer: &'b mut Buffer,
    x: u16,
    end: u16,
    y: u16,
    look: Look,
}

impl<'b> Pen<'b> {
    /// At the beginning of the area's first line.
    pub fn new(buffer: &'b mut Buffer, area: Rect, look: Look) -> Pen<'b> {
        let area = area.intersection(buffer.area);
        // In an area without a line nothing can be written.
        let width = if area.height == 0 { 0 } else { area.width };
        Pen {
            buffer,
            x: area.x,
            end: area.x + width,
            y: area.y,
            look,
        }
    }

    /// Columns that are left.
    pub fn room(&self) -> usize {
        usize::from(self.end.saturating_sub(self.x))
    }

    /// Writes what fits.
    pub fn write(&mut self, text: &str, ink: Ink) -> &mut Self {
        let shown = cut(text, self.room());
        self.put(&shown, ink);
        self
    }

    /// A cell of so many columns, its text at the left.
    pub fn cell(&mut self, text: &str, width: usize, ink: Ink) -> &mut Self {
        let width = width.min(self.room());
        let shown = cut(text, width);
        let used = self.put(&shown, ink);
        self.skip(width.saturating_sub(used))
    }

    /// The same, its text at the right.
    pub fn number(&mut self, text: &str, width: usize, ink: Ink) -> &mut Self {
        let width = width.min(self.room());
        let shown = cut(text, width);
        self.skip(width.saturating_sub(columns(&shown)));
        self.put(&shown, ink);
        self
    }

    pub fn skip(&mut self, columns: usize) -> &mut Self {
        self.x += columns.min(self.room()) as u16;
        self
    }

    /// The rest of the line.
    pub fn fill(&mut self, sign: &str, ink: Ink) {
        while self.room() > 0 {
            self.put(sign, ink);
        }
    }

    /// As many of these as fit, with commas between, and how many more there are.
    pub fn list(&mut self, parts: &[(String, Ink)]) -> &mut Self {
        for (place, (part, ink)) in parts.iter().enumerate() {
            let rest = parts.len() - place - 1;
            let behind = if rest > 0 { format!(" +{rest}").len() } else { 0 };
            let comma = if place > 0 { 2 } else { 0 };
            if place > 0 && comma + columns(part) + behind > self.room() {
                self.write(&format!(" +{}", rest + 1), Ink::Quiet);
                break;
            }
            if place > 0 {
                self.write(", ", Ink::Quiet);
            }
            let room = self.room().saturating_sub(behind);
            let shown = cut(part, room.max(1));
            self.put(&shown, *ink);
        }
        self
    }

    /// Everything written so far and all that is left of the line looks chosen.
    pub fn choose(buffer: &mut Buffer, area: Rect, look: Look) {
        buffer.set_style(area.intersection(buffer.area), look.chosen());
    }

    fn put(&mut self, text: &str, ink: Ink) -> usize {
        if self.room() == 0 {
            return 0;
        }
        let before = self.x;
        let style = self.look.style(ink);
        let room = self.room();
        let (x, _) = self.buffer.set_stringn(self.x, self.y, text, room, style);
        self.x = x.min(self.end);
        usize::from(self.x - before)
    }
}

/// Columns that a text takes.
pub fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// At most so many columns: what is too long loses its end.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut shown = String::new();
    // A sign may take no column at all: so many of them are no text.
    for letter in text.chars().take(4 * width) {
        shown.push(letter);
        if columns(&shown) > width - 1 {
            shown.pop();
            break;
        }
    }
    shown.push_str(ELLIPSIS);
    shown
}

/// The same, but a name or an address loses its middle: its end says most. These are ASCII.
pub fn cut_middle(text: &str, width: usize) -> String {
    match text.is_ascii() {
        true => crate::sink::text::cut_middle(text, width).into_owned(),
        false => cut(text, width),
    }
}
