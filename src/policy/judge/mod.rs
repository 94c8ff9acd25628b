//! From the facts of one flow to its verdict: which rows, which flags, and one word at the end.
//!
//! Every flag is a function of the [`Case`] in a file of its own, listed in [`CHECKS`] in the order in which records show them. To add
//! a flag: write its file, give it its place in the list. Whose rules a flow is held to is decided once, in
//! [`Case::of`]: a flow in no row is held to the policy's `[unlisted]`.
//!
//! Every rule looks at one flow and what DNS had told when it began, never at other flows.

mod address;
mod facts;
mod intercepted;
mod life;
mod lookups;
mod plaintext;
mod port;
mod rerouted;
mod standing;
mod tls_version;
mod uncertain;
mod words;

#[cfg(test)]
mod tests;

pub use self::facts::FlowFacts;
use self::uncertain::Identity;
use super::compile::{Match, Policy};
use super::model::{Expectation, Row};
use super::verdict::{Flag, FlagKind, RowId, Severity, Verdict};

type Check = fn(&Case) -> Option<Flag>;

/// In the order of [`FlagKind`].
const CHECKS: [Check; 11] = [
    port::check,
    tls_version::check,
    plaintext::check,
    rerouted::check,
    address::check,
    intercepted::check,
    life::internal,
    uncertain::hidden_name,
    life::retired,
    uncertain::ambiguous,
    life::broad,
];

impl Policy {
    /// What this policy says of a flow.
    pub fn judge(&self, facts: &FlowFacts) -> Verdict {
        let mut matches = Vec::new();
        let identity = uncertain::identify(self, facts, &mut matches);
        let case = Case::of(self, facts, &matches, identity);
        let flags: Vec<Flag> = CHECKS.iter().filter_map(|check| check(&case)).collect();
        let standing = standing::of(&case, &flags);
        Verdict {
            matches: matches.iter().map(|found| found.row).collect(),
            flags,
            standing,
        }
    }
}

/// A flow before the judge.
#[derive(Debug)]
struct Case<'a> {
    policy: &'a Policy,
    facts: &'a FlowFacts<'a>,
    primary: Option<Primary<'a>>,
    /// What the flow is held to.
    expect: &'a Expectation,
    /// The row that says so; None for a flow in no row.
    ruled_by: Option<&'a Row>,
    identity: Identity,
}

/// The most specific row.
#[derive(Debug, Clone, Copy)]
struct Primary<'a> {
    id: RowId,
    found: Match,
    row: &'a Row,
}

impl<'a> Case<'a> {
    fn of(policy: &'a Policy, facts: &'a FlowFacts<'a>, matches: &[Match], identity: Identity) -> Case<'a> {
        let primary = matches.first().map(|&found| Primary {
            id: found.row,
            found,
            row: policy.row(found.row),
        });
        let ruled_by = primary.map(|primary| ruling_row(policy, facts, matches, primary));
        Case {
            policy,
            facts,
            primary,
            expect: ruled_by.map_or(policy.unlisted(), |row| &row.expect),
            ruled_by,
            identity,
        }
    }

    /// The primary row, if the flow's own name led to it.
    fn named_row(&self) -> Option<Primary<'a>> {
        self.primary
            .filter(|primary| primary.found.by_name() && self.facts.name.is_some())
    }

    /// The row that decides about this flow's life and place, if it is known for sure.
    fn sure_row(&self) -> Option<Primary<'a>> {
        self.primary.filter(|_| self.identity == Identity::Sure)
    }
}

/// The row whose ports and versions count: the primary, unless another that speaks of the same traffic lists this port.
///
/// Several rows often share a host and divide its ports (`outlook.office365.com`: web in one, mail in another), and media of a
/// class is known by address and port alone. To hold the flow to the first of them would be to misread the list.
fn ruling_row<'a>(policy: &'a Policy, facts: &FlowFacts, matches: &[Match], primary: Primary<'a>) -> &'a Row {
    let Some((protocol, port)) = facts.target() else {
        return primary.row;
    };
    let same_traffic = |found: &&Match| {
        let row = policy.row(found.row);
        let ties = found.how == primary.found.how && found.broad == primary.found.broad && row.line == primary.row.line;
        let media = row.is_nameless() && row.class == primary.row.class;
        ties || media
    };
    matches
        .iter()
        .filter(same_traffic)
        .map(|found| policy.row(found.row))
        .find(|row| row.expect.allows_port(protocol, port))
        .unwrap_or(primary.row)
}

fn flag(kind: FlagKind, severity: Severity, why: String) -> Option<Flag> {
    Some(Flag {
        kind,
        severity,
        why,
        how: None,
    })
}
