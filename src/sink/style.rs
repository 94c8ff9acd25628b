//! How a terminal is written to: its width, colours by severity, cells of a fixed width.

use std::fmt::Write;

use super::text;
use crate::policy::verdict::{Flag, Severity};

/// What the reader's screen can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of characters.
    pub width: usize,
    pub colour: bool,
}

/// What a cell wants to say by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tone {
    #[default]
    Plain,
    /// Headings.
    Strong,
    /// What can be passed over.
    Quiet,
    Good,
    Notice,
    Medium,
    High,
}

impl Tone {
    pub fn of(severity: Severity) -> Tone {
        match severity {
            Severity::Notice => Tone::Notice,
            Severity::Medium => Tone::Medium,
            Severity::High => Tone::High,
        }
    }

    /// The worst of some flags.
    pub fn worst(flags: &[Flag]) -> Option<Tone> {
        flags.iter().map(|flag| Tone::of(flag.severity)).max()
    }

    /// The number of ECMA-48's "select graphic rendition" that sets it.
    fn code(self) -> Option<&'static str> {
        match self {
            Tone::Plain => None,
            Tone::Strong => Some("1"),
            Tone::Quiet => Some("2"),
            Tone::Good => Some("32"),
            Tone::Notice => Some("36"),
            Tone::Medium => Some("33"),
            Tone::High => Some("31"),
        }
    }
}

/// Where a cell's text stands in its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

impl Style {
    /// Adds `content`, coloured if this screen has colours. It must be clean (see [`text::clean`]).
    pub fn paint(&self, line: &mut String, content: &str, tone: Tone) {
        match tone.code().filter(|_| self.colour) {
            None => line.push_str(content),
            // Writing into a `String` cannot fail.
            Some(code) => drop(write!(line, "\x1b[{code}m{content}\x1b[0m").ok()),
        }
    }

    /// Adds `content` filled up with spaces to `width`, or cut at its end.
    pub fn cell(&self, line: &mut String, content: &str, width: usize, align: Align, tone: Tone) {
        let shown = text::cut_end(content, width);
        let padding = width - shown.chars().count();
        if align == Align::Right {
            pad(line, padding);
        }
        self.paint(line, &shown, tone);
        if align == Align::Left {
            pad(line, padding);
        }
    }

    /// Adds as many `parts` as fit into `width`, with commas between, and how many more there are.
    pub fn list(&self, line: &mut String, parts: &[(String, Tone)], width: usize) {
        let lengths: Vec<usize> = parts.iter().map(|(part, _)| part.chars().count()).collect();
        let mut shown = parts.len();
        while shown > 1 && list_width(&lengths, shown) > width {
            shown -= 1;
        }
        let rest = parts.len() - shown;
        let more = more(rest);
        for (i, (part, tone)) in parts.iter().take(shown).enumerate() {
            if i > 0 {
                line.push_str(COMMA);
            }
            // One part alone may still be too long.
            let room = if shown == 1 {
                width.saturating_sub(more.len())
            } else {
                width
            };
            self.paint(line, &text::cut_end(part, room), *tone);
        }
        if list_width(&lengths, shown.min(1)) > 0 && width > more.len() {
            line.push_str(&more);
        }
    }
}

const COMMA: &str = ", ";

fn more(rest: usize) -> String {
    match rest {
        0 => String::new(),
        _ => format!(" +{rest}"),
    }
}

/// The width of a list of which the first `shown` parts are written out.
fn list_width(lengths: &[usize], shown: usize) -> usize {
    let parts: usize = lengths.iter().take(shown).sum();
    parts + COMMA.len() * shown.saturating_sub(1) + more(lengths.len() - shown).len()
}

pub fn pad(line: &mut String, spaces: usize) {
    line.extend(std::iter::repeat_n(' ', spaces));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        width: 80,
        colour: false,
    };

    fn list(parts: &[&str], width: usize) -> String {
        let parts: Vec<_> = parts.iter().map(|p| (p.to_string(), Tone::High)).collect();
        let mut line = String::new();
        PLAIN.list(&mut line, &parts, width);
        line
    }

    #[test]
    fn a_list_says_how_much_it_leaves_out() {
        assert_eq!(list(&[], 10), "");
        assert_eq!(list(&["port", "blocked"], 13), "port, blocked");
        assert_eq!(list(&["port", "blocked"], 12), "port +1");
        assert_eq!(list(&["port", "blocked", "broad"], 16), "port, blocked +1");
        assert_eq!(list(&["tls-version", "port"], 9), "tls-v… +1");
    }

    #[test]
    fn colours_stand_around_the_text_and_not_around_its_padding() {
        let colour = Style { colour: true, ..PLAIN };
        let mut line = String::new();
        colour.cell(&mut line, "ok", 4, Align::Left, Tone::Good);
        colour.cell(&mut line, "ok", 4, Align::Right, Tone::Plain);
        assert_eq!(line, "\x1b[32mok\x1b[0m    ok");
    }
}
