//! The host patterns of a policy, in its order, and which of a row's covers a name.

use std::collections::HashMap;

use crate::names::domain::Domain;
use crate::policy::compile::Policy;
use crate::policy::model::HostPattern;
use crate::policy::verdict::RowId;

/// One line of the judgement.
#[derive(Debug, Clone, Copy)]
pub struct Pattern<'p> {
    pub row: RowId,
    /// None: the row has no hosts, and is known by address and port.
    pub host: Option<&'p HostPattern>,
    pub broad: bool,
}

#[derive(Debug)]
pub struct Patterns<'p> {
    all: Vec<Pattern<'p>>,
    /// By row, whether the pattern stands for what is below it, and its name.
    places: HashMap<(RowId, bool, &'p str), usize>,
    nameless: HashMap<RowId, usize>,
}

impl<'p> Patterns<'p> {
    pub fn of(policy: &'p Policy) -> Patterns<'p> {
        let mut patterns = Patterns {
            all: Vec::new(),
            places: HashMap::new(),
            nameless: HashMap::new(),
        };
        for (id, row) in policy.rows() {
            if row.is_nameless() {
                patterns.nameless.insert(id, patterns.all.len());
                patterns.push(id, None, false);
            }
            // A pattern that stands in both lists is a listed one.
            let broad = row.broad.iter().map(|host| (host, true));
            for (host, broad) in row.hosts.iter().map(|host| (host, false)).chain(broad) {
                let place = patterns.all.len();
                let key = (id, host.below, &*host.name);
                if let std::collections::hash_map::Entry::Vacant(entry) = patterns.places.entry(key) {
                    entry.insert(place);
                    patterns.push(id, Some(host), broad);
                }
            }
        }
        patterns
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Pattern<'p>> {
        self.all.iter()
    }

    /// The place of a row without hosts.
    pub fn of_row(&self, row: RowId) -> Option<usize> {
        self.nameless.get(&row).copied()
    }

    /// The places of the row's listed patterns, so many at most.
    pub fn listed_of_row(&self, row: RowId, most: usize) -> impl Iterator<Item = usize> {
        let all = self.all.iter().enumerate();
        let listed = all.filter(move |(_, pattern)| pattern.row == row && !pattern.broad);
        listed.map(|(place, _)| place).take(most)
    }

    /// The place of the row's most specific pattern that covers the name: listed before broad, the name itself before what is above it.
    /// A broad one loses to every other row: only where the row is the `primary` match does it count.
    pub fn of_name(&self, row: RowId, name: &Domain, primary: bool) -> Option<usize> {
        let name = name.as_str();
        let exact = self.places.get(&(row, false, name)).copied();
        let above = suffixes(name).filter_map(|suffix| self.places.get(&(row, true, suffix)).copied());
        let mut covering = exact.into_iter().chain(above).peekable();
        let first = covering.peek().copied();
        let is_listed = |place: &usize| self.all.get(*place).is_some_and(|pattern| !pattern.broad);
        covering.find(is_listed).or(first.filter(|_| primary))
    }

    fn push(&mut self, row: RowId, host: Option<&'p HostPattern>, broad: bool) {
        self.all.push(Pattern { row, host, broad });
    }
}

/// What is above a name, the longest first. A name begins with a label: `.x` is below nothing.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.')
        .filter(|(at, _)| *at > 0)
        .filter_map(|(at, _)| name.get(at + 1..))
}
