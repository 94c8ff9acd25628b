//! How a policy's author is told what is wrong and where: one line, with a suggestion where there is one.

use std::fmt;

/// Why a policy could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The file, or the policy's name, as the author wrote it.
    pub origin: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    pub what: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
    pub sort: Sort,
}

/// What sort of mistake it is, for those who sort them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    Invalid,
    /// A row that nothing can match.
    EmptyRow,
    /// A tag that nobody knows.
    UnknownTag,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.origin, self.line, self.column)?;
        f.write_str(&self.what)?;
        match &self.suggestion {
            Some(text) => write!(f, "; did you mean {text}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PolicyError {}

/// Something that was read leniently, and how it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub origin: String,
    pub line: u32,
    pub column: u32,
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Warning {
            origin,
            line,
            column,
            what,
        } = self;
        write!(f, "{origin}:{line}:{column}: {what}")
    }
}

/// What is wrong with one value, before anybody knows where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub what: String,
    pub suggestion: Option<String>,
    pub sort: Sort,
}

impl Mistake {
    pub fn new(what: impl Into<String>) -> Mistake {
        Mistake {
            what: what.into(),
            suggestion: None,
            sort: Sort::Invalid,
        }
    }

    pub fn of_sort(self, sort: Sort) -> Mistake {
        Mistake { sort, ..self }
    }

    pub fn suggest(self, text: impl Into<String>) -> Mistake {
        Mistake {
            suggestion: Some(text.into()),
            ..self
        }
    }
}

/// Line and column, both from 1, of a byte offset.
pub fn position(text: &str, offset: usize) -> (u32, u32) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let column = before.get(start..).unwrap_or("").chars().count() + 1;
    (line as u32, column as u32)
}

const QUOTED_AT_MOST: usize = 80;

/// The author's own words in backquotes: short, on one line, nothing in them that a terminal would obey.
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED_AT_MOST).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    let mut safe = String::from("`");
    for c in short.chars() {
        match c.is_control() || is_direction_mark(c) {
            true => safe.extend(c.escape_unicode()),
            false => safe.push(c),
        }
    }
    safe.push('`');
    safe
}

/// Characters that turn the direction of the text after them.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The one of `known` that a slip of the keyboard could have turned into `word`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_ascii_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(steps, candidate)| *steps <= candidate.len().div_ceil(3))
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// Edit distance: the fewest letters to put in, take out or change. One row of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(b.bytes()) {
            let above = *cell;
            let best = (diagonal + usize::from(from != to)).min(above + 1).min(left + 1);
            diagonal = above;
            left = best;
            *cell = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters_put_in_taken_out_and_changed() {
        assert_eq!(distance("hosts", "hosts"), 0);
        assert_eq!(distance("host", "hosts"), 1);
        assert_eq!(distance("hsots", "hosts"), 2);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["hosts", "ports", "purpose", "addresses"];
        assert_eq!(nearest("Host", known), Some("hosts"));
        assert_eq!(nearest("prots", known), Some("ports"));
        assert_eq!(nearest("adress", known), Some("addresses"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"h".repeat(1000), known), None);
    }

    #[test]
    fn positions_count_lines_and_characters_from_1() {
        let text = "a\nbäd = 1\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 2), (2, 1));
        assert_eq!(position(text, 5), (2, 3), "ä is one column");
        assert_eq!(position(text, 4), (2, 2), "inside of ä");
        assert_eq!(position(text, 999), (3, 1));
    }

    #[test]
    fn quoted_text_obeys_no_terminal() {
        assert_eq!(quoted("a\x1b[31m\n"), "`a\\u{1b}[31m\\u{a}`");
        assert_eq!(quoted(&"x".repeat(200)).len(), 80 + 5);
    }
}
