//! Names that hide others: the public names of Encrypted Client Hello.
//!
//! With ECH the name in the clear hello is the public name out of the server's ECH configuration, and the service's
//! own name is encrypted (RFC 9849). Most hellos carry the extension as a dummy, with the true name in the clear; so a name
//! is a cover only if a configuration seen in DNS names it so, or if it is known to be nothing else.

use std::collections::BTreeMap;

use super::domain::Domain;
use crate::flow::stamp::Stamp;

/// Names that serve nothing but as covers.
const KNOWN: [&str; 1] = ["cloudflare-ech.com"];
/// Distinct public names are few; more are somebody's game, and the first ones stay.
const MOST: usize = 4096;

/// The public names seen so far.
#[derive(Debug, Default)]
pub struct Covers {
    /// When each was first seen.
    seen: BTreeMap<Domain, Stamp>,
}

impl Covers {
    /// An answer's ECH configuration named `name` as its cover.
    pub fn add(&mut self, name: &Domain, at: Stamp) {
        if let Some(first) = self.seen.get_mut(name) {
            *first = at.min(*first);
        } else if self.seen.len() < MOST {
            self.seen.insert(name.clone(), at);
        }
    }

    /// Whether `name`, in a hello with the extension at `at`, is a cover.
    pub fn is_cover(&self, name: &Domain, at: Stamp) -> bool {
        KNOWN.contains(&name.as_str()) || self.seen.get(name).is_some_and(|first| *first < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_cover_once_an_answer_has_said_so() {
        let mut covers = Covers::default();
        let public = Domain::from_text(b"public.example");
        assert!(!covers.is_cover(&public, Stamp::new(0, 5, 5)));
        covers.add(&public, Stamp::new(0, 4, 4));
        assert!(covers.is_cover(&public, Stamp::new(0, 5, 5)));
        assert!(!covers.is_cover(&public, Stamp::new(0, 3, 3)));
        assert!(covers.is_cover(&Domain::from_text(b"cloudflare-ech.com"), Stamp::default()));
    }
}
