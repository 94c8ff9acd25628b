//! From the facts of one flow to its verdict: which rows, which flags, and one word at the end.
//!
//! Every flag is a function of the [`Case`] in a file of its own, called by [`Policy::judge_identified`] in the order in which records
//! show them. To add a flag: write its file, give it its place there. Whose rules a flow is held to is decided once, in
//! [`Case::of`]: a flow in no row is held to the policy's `[unlisted]`.
//!
//! Every rule looks at one flow, what DNS had told when it began, and whether its client was answered elsewhere meanwhile
//! ([`Course`]); never at other flows.

mod address;
mod blocked;
mod facts;
mod identify;
mod intercepted;
mod life;
mod lookups;
mod plaintext;
mod port;
mod reach;
mod rerouted;
mod standing;
mod tls_version;
mod uncertain;
mod wording;
mod words;

#[cfg(test)]
mod tests;

pub use self::blocked::{alert_name, alert_word};
pub use self::facts::{Course, FlowFacts};
pub use self::identify::Identified;
use self::identify::Identity;
pub use self::intercepted::covers as certificate_covers;
pub use self::wording::Wording;
use super::compile::{Match, Policy};
use super::model::{Expectation, Row};
use super::verdict::{Flag, FlagKind, Flags, Reason, RowId, Severity, Verdict};

impl Policy {
    /// What this policy says of a flow.
    pub fn judge(&self, facts: &FlowFacts) -> Verdict {
        self.judge_identified(facts, &self.identify(facts))
    }

    /// The same in two steps, for who wants to know the flow's class first: its rows are told by [`Policy::identify`].
    pub fn judge_identified(&self, facts: &FlowFacts, identified: &Identified) -> Verdict {
        let case = Case::of(self, facts, identified);
        let mut flags = Flags::new();
        let mut note = |found: Option<Flag>| {
            if let Some(flag) = found {
                flags.push(flag);
            }
        };
        let outcome = reach::decide(&case);
        // In the order of [`FlagKind`].
        note(port::check(&case));
        note(tls_version::check(&case));
        note(plaintext::check(&case));
        note(rerouted::check(&case));
        note(address::check(&case));
        note(intercepted::check(&case));
        note(blocked::check(outcome));
        note(life::internal(&case));
        note(uncertain::hidden_name(&case));
        note(life::retired(&case));
        note(uncertain::ambiguous(&case));
        note(life::broad(&case));
        Verdict {
            matches: identified.rows().collect(),
            standing: standing::of(&case, &flags),
            reach: outcome.reach(),
            flags,
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
    ruled_by: Option<RowId>,
    identity: &'a Identity,
}

/// The most specific row.
#[derive(Debug, Clone, Copy)]
struct Primary<'a> {
    id: RowId,
    found: Match,
    row: &'a Row,
}

impl<'a> Case<'a> {
    fn of(policy: &'a Policy, facts: &'a FlowFacts<'a>, identified: &'a Identified) -> Case<'a> {
        let matches = &identified.matches;
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
            expect: ruled_by.map_or(policy.unlisted(), |id| &policy.row(id).expect),
            ruled_by,
            identity: &identified.identity,
        }
    }

    /// The primary row, if the flow's own name led to it.
    fn named_row(&self) -> Option<Primary<'a>> {
        self.primary
            .filter(|primary| primary.found.by_name() && self.facts.name.is_some())
    }

    /// The row that decides about this flow's life and place, if it is known for sure.
    fn sure_row(&self) -> Option<Primary<'a>> {
        self.primary.filter(|_| *self.identity == Identity::Sure)
    }
}

/// The row whose ports and versions count: the primary, unless another that speaks of the same traffic lists this port.
///
/// Several rows often share a host and divide its ports (`outlook.office365.com`: web in one, mail in another), and media of a
/// class is known by address and port alone. To hold the flow to the first of them would be to misread the list. A row whose
/// time was over, or had not come, decides about nobody else's flows.
fn ruling_row(policy: &Policy, facts: &FlowFacts, matches: &[Match], primary: Primary) -> RowId {
    let Some((protocol, port)) = facts.target() else {
        return primary.id;
    };
    let same_traffic = |found: &&Match| {
        let row = policy.row(found.row);
        let ties = found.how == primary.found.how && found.broad == primary.found.broad && row.line == primary.row.line;
        let media = row.is_nameless() && row.class == primary.row.class;
        found.row == primary.id || ((ties || media) && row.is_in_force_at(facts.start_ns))
    };
    matches
        .iter()
        .filter(same_traffic)
        .map(|found| found.row)
        .find(|id| policy.row(*id).expect.allows_port(protocol, port))
        .unwrap_or(primary.id)
}

fn flag(kind: FlagKind, severity: Severity, why: impl Into<Reason>) -> Option<Flag> {
    Some(Flag {
        kind,
        severity,
        why: why.into(),
        how: None,
    })
}
