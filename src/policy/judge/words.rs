//! The little phrases that reasons are made of.

use std::fmt::Display;

use crate::names::domain::Domain;
use crate::policy::model::{HostPattern, Row};
use crate::policy::phrases;

const LISTED_AT_MOST: usize = 4;

/// The first few, and how many more there are.
pub(super) fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    phrases::list(items, LISTED_AT_MOST)
}

pub(super) fn push_number(number: u16, out: &mut Vec<u8>) {
    if number >= 10 {
        push_number(number / 10, out);
    }
    out.push(b'0' + (number % 10) as u8);
}

const TEXT_AT_MOST: usize = 120;

/// Long text from a certificate, shortened.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_AT_MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or("")),
    }
}

/// `the row web-app`.
pub(super) fn the_row(row: &Row) -> String {
    format!("the row {}", row.id)
}

/// Whether a name of the chain leads through a private endpoint.
pub(super) fn is_private_link(name: &Domain) -> bool {
    name.as_str().split('.').any(|label| label == "privatelink")
}

pub(super) fn any_covers(patterns: &[HostPattern], name: &Domain) -> bool {
    patterns.iter().any(|pattern| pattern.covers(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_leading_zeros() {
        for number in [0, 9, 10, 443, 50_000, u16::MAX] {
            let mut out = Vec::new();
            push_number(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
