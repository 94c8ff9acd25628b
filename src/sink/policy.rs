//! A policy itself, and what is said about it: for people and for programs.
//!
//! [`rows`] is the policy, [`findings`] what a linter says of it, [`trial`] what it says of one name or address, [`differences`]
//! two of them side by side, `effects` the same for captures. All text out of a policy is cleaned here, on its way to a terminal.

pub mod differences;
mod effects;
pub mod findings;
pub mod rows;
pub mod trial;

use std::fmt::Write;

use super::style::Tone;
use super::text;
use crate::policy::load::{Place, Places};
use crate::policy::model::{Expectation, TlsRule};

/// Lists on a screen end here; programs are given all of it.
const LINES_AT_MOST: usize = 1000;

/// `lab.toml:34`
fn from(places: &Places, place: Place) -> String {
    format!("{}:{}", text::clean(places.origin(place)), place.line)
}

fn sha256(digest: &[u8; 32]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in digest {
        // Writing into a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Words of a policy for [`super::style::Style::list`].
fn plain<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<(String, Tone)> {
    let clean = |item: T| (text::clean(&item.to_string()).into_owned(), Tone::Plain);
    items.into_iter().map(clean).collect()
}

/// `tcp/443, udp/443`; `any`.
fn ports(expect: &Expectation) -> String {
    match expect.ports.as_slice() {
        [] => "any port".to_owned(),
        ports => joined(ports),
    }
}

/// `1.2, 1.3`; `any`; `plain`.
fn tls(rule: &TlsRule) -> String {
    match rule {
        TlsRule::AnyVersion => "any".to_owned(),
        TlsRule::PlainAllowed => "plain".to_owned(),
        TlsRule::Versions(versions) => joined(versions),
    }
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How many there are that are not listed, if there are any.
fn more(out: &mut String, rest: usize) {
    if rest > 0 {
        out.push_str(&format!("and {rest} more\n"));
    }
}

/// Adds `text`, broken into lines of at most `width` at its spaces, each behind `indent` spaces.
pub(super) fn wrapped(out: &mut String, content: &str, indent: usize, width: usize) {
    let room = width.saturating_sub(indent).max(20);
    let mut length = 0;
    for word in content.split_whitespace() {
        let letters = word.chars().count();
        if length > 0 && length + 1 + letters > room {
            out.push('\n');
            length = 0;
        }
        match length {
            0 => out.extend(std::iter::repeat_n(' ', indent)),
            _ => out.push(' '),
        }
        length += letters + usize::from(length > 0);
        out.push_str(word);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_words_are_not() {
        let mut out = String::new();
        wrapped(
            &mut out,
            "one two three four five a-very-long-word-that-is-wider",
            2,
            22,
        );
        assert_eq!(out, "  one two three four\n  five\n  a-very-long-word-that-is-wider\n");
    }
}
