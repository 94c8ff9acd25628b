//! `hidden-name`, `ambiguous`, and how sure it is which rows a flow belongs to.

use std::collections::BTreeSet;

use super::words::list;
use super::{Case, FlowFacts, flag};
use crate::evidence::model::EvidenceKind;
use crate::names::domain::Domain;
use crate::policy::compile::{Match, Policy};
use crate::policy::verdict::{Flag, FlagKind, Severity};

/// How sure it is that the flow belongs to the rows it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// One name, or several of one class; or an address and port by which alone the row is known.
    Sure,
    /// Only an address, or names of which some are in no row.
    Weak,
    /// The evidence points to rows of these classes.
    Torn(Vec<String>),
}

/// Finds the rows of a flow. One name that falls under several rows is no doubt; several names, or an address alone, may be.
pub(super) fn identify(policy: &Policy, facts: &FlowFacts, matches: &mut Vec<Match>) -> Identity {
    match (facts.name, facts.candidates) {
        (None, []) => by_address(policy, facts, matches),
        (Some(name), candidates) => {
            let rivals = match facts.kind {
                EvidenceKind::Dns => candidates,
                _ => &[],
            };
            let identity = by_names(policy, facts, std::iter::once(name).chain(rivals), matches);
            policy.matches(Some(name), facts.at(), matches);
            identity
        }
        (None, candidates) => by_names(policy, facts, candidates.iter(), matches),
    }
}

/// The rows of all the names together.
fn by_names<'a>(
    policy: &Policy,
    facts: &FlowFacts,
    names: impl Iterator<Item = &'a Domain>,
    matches: &mut Vec<Match>,
) -> Identity {
    let mut all = Vec::new();
    let mut classes: BTreeSet<Option<&str>> = BTreeSet::new();
    for name in names {
        policy.matches(Some(name), facts.at(), matches);
        let primary = matches.first().map(|found| policy.row(found.row));
        classes.insert(primary.map(|row| row.class.as_str()));
        all.append(matches);
    }
    policy.rank(&mut all);
    *matches = all;
    match (classes.iter().flatten().count(), classes.len()) {
        (0 | 1, 0 | 1) => Identity::Sure,
        (0 | 1, _) => Identity::Weak,
        _ => torn(classes.into_iter().flatten()),
    }
}

fn by_address(policy: &Policy, facts: &FlowFacts, matches: &mut Vec<Match>) -> Identity {
    policy.matches(None, facts.at(), matches);
    let Some(primary) = matches.first() else {
        return Identity::Sure;
    };
    // Rows that do not list the port are worth asking only if none does.
    let classes: BTreeSet<&str> = matches
        .iter()
        .filter(|found| found.fits == primary.fits)
        .map(|found| policy.row(found.row).class.as_str())
        .collect();
    if classes.len() > 1 {
        return torn(classes.into_iter());
    }
    match primary.fits && policy.row(primary.row).is_nameless() {
        true => Identity::Sure,
        false => Identity::Weak,
    }
}

fn torn<'a>(classes: impl Iterator<Item = &'a str>) -> Identity {
    Identity::Torn(classes.map(str::to_owned).collect())
}

pub(super) fn ambiguous(case: &Case) -> Option<Flag> {
    let Identity::Torn(classes) = &case.identity else {
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
