//! Why a row that is near does not match: what most questions about an allow-list are about.

use std::net::IpAddr;

use super::Hit;
use crate::names::domain::Domain;
use crate::policy::compile::Policy;
use crate::policy::lint::is_a_slip;
use crate::policy::model::HostPattern;
use crate::policy::verdict::RowId;

/// A row that nearly matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    pub row: RowId,
    /// The pattern or range.
    pub by: String,
    pub nearness: Nearness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// The name is what the wildcard is below.
    Apex,
    /// The name itself is listed, not what is below it.
    BelowExact,
    /// The name ends as the pattern does, but not where a label begins.
    NoBoundary,
    /// One letter off.
    Slip,
    /// The address is among those that the row shares with others.
    Shared,
}

impl Nearness {
    pub fn as_str(self) -> &'static str {
        match self {
            Nearness::Apex => "apex",
            Nearness::BelowExact => "below-exact",
            Nearness::NoBoundary => "no-label-boundary",
            Nearness::Slip => "one-letter-off",
            Nearness::Shared => "shared-range",
        }
    }

    /// A sentence for `asked` and the pattern.
    pub fn why(self, asked: &str, by: &str) -> String {
        let name = by.strip_prefix("*.").unwrap_or(by);
        match self {
            Nearness::Apex => format!("{asked} is the apex: {by} is every name below {name}, without {name} itself"),
            Nearness::BelowExact => format!("{by} is listed by itself: what is below it, as {asked} is, is not"),
            Nearness::NoBoundary => {
                format!("{asked} ends in {name}, but no label begins there: it is another domain, perhaps a stranger's")
            }
            Nearness::Slip => format!("{asked} is one letter away from {by}"),
            Nearness::Shared => {
                format!("{by} is shared with other services, so that an address in it proves nothing; the name decides")
            }
        }
    }
}

/// More than these tell nobody anything.
const MOST: usize = 5;

pub fn of_name(policy: &Policy, name: &Domain, hits: &[Hit]) -> Vec<Near> {
    let mut near: Vec<Near> = Vec::new();
    for (id, row) in policy.rows() {
        if hits.iter().any(|hit| hit.row == id && !hit.broad) {
            continue;
        }
        // A wildcard says more of a name than the name that stands beside it.
        let found = row
            .hosts
            .iter()
            .filter_map(|host| Some((nearness(host, name.as_str())?, host)));
        if let Some((nearness, host)) = found.min_by_key(|(nearness, _)| *nearness) {
            near.push(Near {
                row: id,
                by: host.to_string(),
                nearness,
            });
        }
    }
    near.sort_by_key(|near| near.nearness);
    near.truncate(MOST);
    near
}

fn nearness(host: &HostPattern, name: &str) -> Option<Nearness> {
    if *host.name == *name {
        return host.below.then_some(Nearness::Apex);
    }
    match name.strip_suffix(&*host.name) {
        Some(head) if head.ends_with('.') => (!host.below).then_some(Nearness::BelowExact),
        Some(_) => Some(Nearness::NoBoundary),
        None => is_like(host, name).then_some(Nearness::Slip),
    }
}

/// One slip from the host; for a wildcard, the part of the name that would have to be its suffix.
fn is_like(host: &HostPattern, name: &str) -> bool {
    let labels = host.name.split('.').count();
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let tail = match dots.nth(labels - 1) {
        Some(dot) if host.below => name.get(dot + 1..).unwrap_or(name),
        _ => name,
    };
    tail.len().abs_diff(host.name.len()) <= 1 && is_a_slip(tail, &host.name)
}

pub fn of_address(policy: &Policy, ip: IpAddr, hits: &[Hit]) -> Vec<Near> {
    let mut near = Vec::new();
    for (id, row) in policy.rows().filter(|(_, row)| !row.tags.is_empty()) {
        if !hits.iter().any(|hit| hit.row == id) && policy.in_shared_ranges(id, ip) {
            let tags: Vec<String> = row.tags.iter().map(|tag| format!("@{tag}")).collect();
            near.push(Near {
                row: id,
                by: tags.join(", "),
                nearness: Nearness::Shared,
            });
        }
        if near.len() == MOST {
            break;
        }
    }
    near
}
