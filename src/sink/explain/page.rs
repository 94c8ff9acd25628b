//! A story as a page for a terminal or a plain text file: numbered, so that a sentence can be cited.

use super::Story;
use crate::sink::style::{Style, Tone};

/// Longer lines are hard to read, however wide the terminal is.
const WIDEST: usize = 100;
const NARROWEST: usize = 40;

/// Adds the page.
pub fn page(story: &Story, style: Style, out: &mut Vec<u8>) {
    let style = Style {
        width: style.width.clamp(NARROWEST, WIDEST),
        ..style
    };
    let mut text = String::new();
    heading(&story.title, style, &mut text);
    for (step, number) in story.steps.iter().zip(1..) {
        text.push('\n');
        heading(&format!("{number}  {}", step.heading), style, &mut text);
        for (sentence, place) in step.says.iter().zip(1..) {
            paragraph(&format!("{number}.{place}"), sentence, style.width, &mut text);
        }
    }
    text.push('\n');
    heading(
        &format!("{}  To see it in Wireshark (display filters)", story.steps.len() + 1),
        style,
        &mut text,
    );
    for file in &story.filters.files {
        for (what, filter) in file.named() {
            text.push_str(&format!("  {}, {what}:\n    {filter}\n", file.shown_file()));
        }
    }
    out.extend_from_slice(text.as_bytes());
}

fn heading(words: &str, style: Style, text: &mut String) {
    style.paint(text, words, Tone::Strong);
    text.push('\n');
}

/// A number, and beside it words broken at spaces. A word too long for a line stands on one of its own, whole.
fn paragraph(number: &str, sentence: &str, width: usize, text: &mut String) {
    const INDENT: usize = 7;
    text.push_str(&format!("  {number:<5}"));
    let mut column = INDENT;
    let mut is_first = true;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if !is_first && column + 1 + length > width {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', INDENT));
            column = INDENT;
        } else if !is_first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
        is_first = false;
    }
    text.push('\n');
}
