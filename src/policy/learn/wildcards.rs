//! From the names of one owner to the patterns that cover them.
//!
//! ```text
//!   app.x.example, api.x.example, cdn.x.example   three side by side: *.x.example
//!   x.example                                     itself: a wildcard does not cover it
//!   a.y.example, b.y.example                      two: each by itself
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::parents::may_have_wildcard;
use crate::names::domain::Domain;
use crate::policy::model::HostPattern;

/// So many names side by side are taken for a service that makes names as it needs them.
const SIDE_BY_SIDE: usize = 3;

/// Patterns and the names that each covers, by the patterns' names. `foreign` are names of other rows: no wildcard covers one.
pub fn cover<'a>(names: &BTreeSet<&'a Domain>, foreign: &BTreeSet<&Domain>) -> Vec<(HostPattern, Vec<&'a Domain>)> {
    let wild = parents(names, foreign);
    let mut patterns: BTreeMap<(&str, bool), Vec<&'a Domain>> = BTreeMap::new();
    for name in names {
        let key = widest(name.as_str(), &wild).map_or((name.as_str(), false), |parent| (parent, true));
        patterns.entry(key).or_default().push(name);
    }
    let pattern = |((name, below), covered): ((&str, bool), Vec<&'a Domain>)| {
        let name = name.into();
        (HostPattern { name, below }, covered)
    };
    patterns.into_iter().map(pattern).collect()
}

/// The parents that deserve a wildcard.
fn parents<'a>(names: &BTreeSet<&'a Domain>, foreign: &BTreeSet<&Domain>) -> BTreeSet<&'a str> {
    let mut children: BTreeMap<&'a str, usize> = BTreeMap::new();
    for name in names {
        if let Some((_, parent)) = name.as_str().split_once('.') {
            *children.entry(parent).or_default() += 1;
        }
    }
    let deserves = |(parent, count): &(&'a str, usize)| {
        *count >= SIDE_BY_SIDE && may_have_wildcard(parent) && !foreign.iter().any(|name| name.is_below(parent))
    };
    children
        .into_iter()
        .filter(deserves)
        .map(|(parent, _)| parent)
        .collect()
}

/// The shortest of the parents that `name` is below.
fn widest<'w>(name: &str, parents: &BTreeSet<&'w str>) -> Option<&'w str> {
    let behind = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
    behind.filter_map(|tail| parents.get(tail).copied()).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(names: &str, foreign: &str) -> String {
        let domains = |text: &str| -> Vec<Domain> {
            text.split_whitespace()
                .map(|name| Domain::from_text(name.as_bytes()))
                .collect()
        };
        let (names, foreign) = (domains(names), domains(foreign));
        let covered = cover(&names.iter().collect(), &foreign.iter().collect());
        let count: usize = covered.iter().map(|(_, names)| names.len()).sum();
        assert_eq!(count, names.len(), "each name is covered once");
        for (pattern, names) in &covered {
            assert!(names.iter().all(|name| pattern.covers(name)), "{pattern}");
        }
        let words: Vec<String> = covered.iter().map(|(pattern, _)| pattern.to_string()).collect();
        words.join(" ")
    }

    #[test]
    fn a_wildcard_needs_three_names_side_by_side() {
        assert_eq!(patterns("a.x.io b.x.io", ""), "a.x.io b.x.io");
        assert_eq!(patterns("a.x.io b.x.io c.x.io x.io", ""), "x.io *.x.io");
        assert_eq!(patterns("a.x.io b.x.io c.x.io d.e.x.io", ""), "*.x.io");
        assert_eq!(patterns("a.y.x.io b.y.x.io c.y.x.io z.x.io", ""), "*.y.x.io z.x.io");
    }

    #[test]
    fn no_wildcard_covers_what_is_not_its_rows_own() {
        assert_eq!(patterns("a.x.io b.x.io c.x.io", "d.x.io"), "a.x.io b.x.io c.x.io");
        assert_eq!(patterns("a.x.io b.x.io c.x.io", "x.io d.ax.io"), "*.x.io");
        assert_eq!(
            patterns("a.microsoft.com b.microsoft.com c.microsoft.com", ""),
            "a.microsoft.com b.microsoft.com c.microsoft.com"
        );
    }
}
