//! Where a name's owner begins: the registrable domain, and the parents that strangers share.

use crate::policy::lint::known::{SECOND_LEVEL, SHARED, VENDORS};

/// Labels that countries use under their own for everybody's names, as in `co.uk`.
const GENERIC: [&str; 12] = [
    "ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "ne", "net", "or", "org",
];

/// The part of a name that one owner has: a label more than the ending that everybody shares. A name that is such an
/// ending itself, or has one label alone, is its own.
pub fn registrable(name: &str) -> &str {
    let mut owner = name;
    for tail in tails(name) {
        if is_ending(tail) {
            return owner;
        }
        owner = tail;
    }
    owner
}

/// Whether a wildcard below `parent` would cover only one owner's names.
pub fn may_have_wildcard(parent: &str) -> bool {
    let is_vendor = VENDORS.contains(&parent);
    let is_above_shared = SHARED.iter().any(|shared| is_below(shared, parent));
    !is_ending(parent) && !is_vendor && !is_above_shared
}

/// The name, then what stands behind each dot.
fn tails(name: &str) -> impl Iterator<Item = &str> {
    let behind = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
    std::iter::once(name).chain(behind)
}

/// An ending under which anybody can have a name.
fn is_ending(tail: &str) -> bool {
    if SECOND_LEVEL.contains(&tail) || SHARED.contains(&tail) {
        return true;
    }
    match tail.split_once('.') {
        None => true,
        Some((label, country)) => {
            GENERIC.contains(&label) && country.len() == 2 && country.bytes().all(|b| b.is_ascii_lowercase())
        }
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|head| head.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_begins_a_label_before_what_everybody_shares() {
        for (name, owner) in [
            ("app.salestim.io", "salestim.io"),
            ("salestim.io", "salestim.io"),
            ("a.b.c.example.co.uk", "example.co.uk"),
            ("x.shop.com.xy", "shop.com.xy"),
            ("stappsaprd.blob.core.windows.net", "stappsaprd.blob.core.windows.net"),
            ("d111.cloudfront.net", "d111.cloudfront.net"),
            ("www.someone.github.io", "someone.github.io"),
            ("graph.microsoft.com", "microsoft.com"),
            ("printer", "printer"),
            ("github.io", "github.io"),
        ] {
            assert_eq!(registrable(name), owner, "{name}");
        }
    }

    #[test]
    fn no_wildcard_goes_over_what_strangers_share() {
        for parent in [
            "com",
            "co.uk",
            "cloudfront.net",
            "core.windows.net",
            "windows.net",
            "azure.com",
            "microsoft.com",
        ] {
            assert!(!may_have_wildcard(parent), "{parent}");
        }
        for parent in [
            "salestim.io",
            "teams.microsoft.com",
            "example.co.uk",
            "someone.github.io",
        ] {
            assert!(may_have_wildcard(parent), "{parent}");
        }
    }
}
