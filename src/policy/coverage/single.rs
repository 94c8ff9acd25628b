//! What one flow or one lookup says by itself, for who shows evidence as it comes and does not judge the whole.

use super::kind::{self, Kind, Sure, Unsure};
use super::{Attempt, Lookup};
use crate::policy::compile::Policy;
use crate::policy::verdict::RowId;

/// What the attempt says of each of the rows that it falls under. What says nothing of a row is left out.
pub fn of_attempt<'a>(policy: &'a Policy, attempt: &'a Attempt<'a>) -> impl Iterator<Item = (RowId, Kind)> + 'a {
    let rows = attempt.verdict.matches.iter().enumerate();
    rows.filter_map(move |(nth, id)| {
        let row = policy.row(*id);
        let lists_port = attempt
            .target
            .is_some_and(|(protocol, port)| row.expect.lists_port(protocol, port));
        let is_plumbing = attempt.app.is_infrastructure() && !lists_port;
        let is_others = row.is_nameless() && !lists_port && !row.expect.ports.is_empty();
        if is_plumbing || is_others {
            return None;
        }
        let sure = match row.is_nameless() || lists_port && attempt.is_nameless_datagram() {
            true => Sure::Yes,
            false => Sure::of(attempt),
        };
        let kind = kind::of_attempt(attempt, *id, &row.expect, nth == 0, sure);
        // Rows that share a host divide its ports.
        let is_anothers = kind == Kind::Unsure(Unsure::OtherPort) && is_listed_by_another(policy, attempt, *id);
        (!is_anothers).then_some((*id, kind))
    })
}

fn is_listed_by_another(policy: &Policy, attempt: &Attempt<'_>, id: RowId) -> bool {
    let others = attempt.verdict.matches.iter().filter(|row| **row != id);
    let allows = |row: &RowId| {
        let expect = &policy.row(*row).expect;
        attempt
            .target
            .is_some_and(|(protocol, port)| expect.allows_port(protocol, port))
    };
    others.into_iter().any(allows)
}

/// What the lookup says of all rows that cover its name.
pub fn of_lookup(lookup: &Lookup<'_>) -> Kind {
    kind::of_lookup(lookup)
}
