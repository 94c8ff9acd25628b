//! `hidden-name` and `ambiguous`: it is not known for sure which service was spoken to.

use std::collections::BTreeSet;

use super::identify::Identity;
use super::words::list;
use super::{Case, flag};
use crate::names::domain::Domain;
use crate::policy::verdict::{Flag, FlagKind, Severity};

pub(super) fn ambiguous(case: &Case) -> Option<Flag> {
    let Identity::Torn(classes) = case.identity else {
        return None;
    };
    let facts = case.facts;
    let names: BTreeSet<&Domain> = facts.name.into_iter().chain(facts.candidates).collect();
    let evidence = match names.is_empty() {
        true => format!("The address {}", facts.server.ip),
        false => format!("The name could be {}, which", list(names)),
    };
    let why = format!("{evidence} points to rows of the classes {}.", list(classes));
    flag(FlagKind::Ambiguous, Severity::Medium, why)
}

/// The hello's name is known to be the public cover of a name that the client encrypted (RFC 9849, section 6.1).
pub(super) fn hidden_name(case: &Case) -> Option<Flag> {
    let tls = case.facts.tls.filter(|tls| tls.cover)?;
    let why = match &tls.sni {
        Some(cover) => format!("The client encrypted its hello; {cover} is only the cover name."),
        None => "The client encrypted its hello and with it the name.".to_owned(),
    };
    flag(FlagKind::HiddenName, Severity::Medium, why)
}
