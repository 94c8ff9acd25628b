//! `intercepted`: the certificate does not cover the name, or its issuer is none of the row's.
//!
//! Certificates can be read up to TLS 1.2 only; where none was read nothing is said.

use super::words::{list, shortened, the_row};
use super::{Case, flag};
use crate::evidence::model::EvidenceKind;
use crate::policy::verdict::{Flag, FlagKind, Severity};

/// A certificate's names are kept up to this many; with as many, one may be missing.
const NAMES_KEPT: usize = 1000;

pub(super) fn check(case: &Case) -> Option<Flag> {
    let certificate = case.facts.tls?.certificate.as_ref()?;
    let name = case.facts.name?;
    let from_hello = case.facts.kind == EvidenceKind::Sni;
    let names = &certificate.names;
    if from_hello && names.len() < NAMES_KEPT && !names.iter().any(|n| covers(n, name.as_str())) {
        let held = match names.is_empty() {
            true => "no host".to_owned(),
            false => list(names.iter().map(|name| shortened(name))),
        };
        let why = format!("The certificate covers {held}, but not {name}.");
        return flag(FlagKind::Intercepted, Severity::High, why);
    }
    let row = case.named_row()?.row;
    if row.issuers.is_empty() {
        return None;
    }
    let issuer = certificate.issuer.to_ascii_lowercase();
    let expected = |part: &String| issuer.contains(&part.to_ascii_lowercase());
    if row.issuers.iter().any(expected) {
        return None;
    }
    let why = format!(
        "The certificate was issued by {}, but {} expects {}.",
        shortened(&certificate.issuer),
        the_row(row),
        list(&row.issuers)
    );
    flag(FlagKind::Intercepted, Severity::High, why)
}

/// RFC 9525, section 6.3: a wildcard is the whole leftmost label and stands for exactly one label.
pub fn covers(listed: &str, name: &str) -> bool {
    let Some(suffix) = listed.strip_prefix("*.") else {
        return listed.eq_ignore_ascii_case(name);
    };
    // A wildcard right under a top-level domain is honoured by nobody.
    name.split_once('.')
        .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(suffix) && suffix.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificates_wildcard_is_one_label() {
        assert!(covers("app.salestim.io", "app.salestim.io"));
        assert!(covers("*.salestim.io", "app.salestim.io"));
        assert!(!covers("*.salestim.io", "salestim.io"));
        assert!(!covers("*.salestim.io", "a.b.salestim.io"));
        assert!(!covers("*.salestim.io", "evilsalestim.io"));
        assert!(!covers("a*.salestim.io", "app.salestim.io"));
        assert!(!covers("*", "app.salestim.io"));
        assert!(!covers("*.io", "salestim.io"));
        assert!(!covers("*.", "a."));
    }
}
