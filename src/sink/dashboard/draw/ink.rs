//! Colours and signs. No sense hangs on a colour: every one has a sign or a word beside it.
//!
//! Blue for good and orange for bad can be told apart by all but the totally colour-blind, on dark and on light ground. Where the terminal cannot
//! show anything but ASCII, every sign has a plain one.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::sink::style::Tone;

pub const GOOD: &str = "✓";
pub const BAD: &str = "✗";
pub const MIXED: &str = "±";
pub const UNSURE: &str = "?";
pub const DARK: &str = "·";
pub const RUNNING: &str = "▸";
pub const FRONT: &str = "▶";
pub const RULE: &str = "─";
pub const ELLIPSIS: &str = "…";
pub const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// What stands for a sign where there is only ASCII.
const PLAIN: [(&str, &str); 17] = [
    (GOOD, "+"),
    (BAD, "x"),
    (MIXED, "~"),
    (DARK, "."),
    (RUNNING, ">"),
    (FRONT, ">"),
    (RULE, "-"),
    (ELLIPSIS, "~"),
    ("▁", "_"),
    ("▂", "_"),
    ("▃", "-"),
    ("▄", "-"),
    ("▅", "="),
    ("▆", "="),
    ("▇", "#"),
    ("█", "#"),
    ("│", "|"),
];

/// What a text wants to say by how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Strong,
    Quiet,
    Head,
    /// The pane in front.
    Front,
    Good,
    Notice,
    Medium,
    Bad,
    /// What must not be overlooked.
    Alarm,
}

impl From<Tone> for Ink {
    fn from(tone: Tone) -> Ink {
        match tone {
            Tone::Plain => Ink::Plain,
            Tone::Strong => Ink::Strong,
            Tone::Quiet => Ink::Quiet,
            Tone::Good => Ink::Good,
            Tone::Notice => Ink::Notice,
            Tone::Medium => Ink::Medium,
            Tone::High => Ink::Bad,
        }
    }
}

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub colour: bool,
    pub unicode: bool,
}

impl Look {
    pub fn style(self, ink: Ink) -> Style {
        // Of the 256 colours: a blue, an orange, an amber.
        const BLUE: Color = Color::Indexed(39);
        const ORANGE: Color = Color::Indexed(208);
        const AMBER: Color = Color::Indexed(214);
        let plain = Style::new();
        let (shade, modifier) = match ink {
            Ink::Plain | Ink::Notice => (None, Modifier::empty()),
            Ink::Strong => (None, Modifier::BOLD),
            Ink::Quiet => (None, Modifier::DIM),
            Ink::Head => (None, Modifier::BOLD),
            Ink::Front => (Some(BLUE), Modifier::BOLD.union(Modifier::REVERSED)),
            Ink::Good => (Some(BLUE), Modifier::empty()),
            Ink::Medium => (Some(AMBER), Modifier::empty()),
            Ink::Bad => (Some(ORANGE), Modifier::BOLD),
            Ink::Alarm => (Some(ORANGE), Modifier::BOLD.union(Modifier::REVERSED)),
        };
        let style = plain.add_modifier(modifier);
        match shade.filter(|_| self.colour) {
            Some(shade) => style.fg(shade),
            None => style,
        }
    }

    /// The chosen line.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Where there is only ASCII, nothing else stays.
    pub fn spell(self, buffer: &mut Buffer) {
        if self.unicode {
            return;
        }
        for cell in &mut buffer.content {
            if !cell.symbol().is_ascii() {
                let sign = PLAIN.iter().find(|(sign, _)| *sign == cell.symbol());
                let plain = sign.map_or("?", |(_, plain)| *plain);
                cell.set_symbol(plain);
            }
        }
    }
}
