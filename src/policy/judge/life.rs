//! `internal`, `retired`, `broad`: what the row itself is, rather than what the flow did.

use super::words::the_row;
use super::{Case, flag};
use crate::policy::model::Line;
use crate::policy::verdict::{Flag, FlagKind, Severity};

/// The orange line runs inside the platform: one of its rows on the organisation's network is news.
pub(super) fn internal(case: &Case) -> Option<Flag> {
    let row = case.sure_row()?.row;
    if row.line != Line::Orange {
        return None;
    }
    let why = format!(
        "{} belongs to the platform's own insides, or is the organisation's own.",
        capital(&the_row(row))
    );
    flag(FlagKind::Internal, Severity::Notice, why)
}

/// A row's life may be over. A flow from before its last day is no finding.
pub(super) fn retired(case: &Case) -> Option<Flag> {
    let row = case.sure_row()?.row;
    if !row.is_over_at(case.facts.start_ns) {
        return None;
    }
    let since = row.until.map(|until| format!(" since {until}")).unwrap_or_default();
    let successor = match &row.replaced_by {
        Some(successor) => format!("; {successor} takes its place"),
        None => String::new(),
    };
    let why = format!("{} is retired{since}{successor}.", capital(&the_row(row)));
    flag(FlagKind::Retired, Severity::Medium, why)
}

/// Only a form of the row that is far wider than the service covers the name.
pub(super) fn broad(case: &Case) -> Option<Flag> {
    let primary = case.sure_row()?;
    let name = case.facts.name?;
    if !primary.found.broad {
        return None;
    }
    let covering = primary.row.broad.iter().find(|host| host.covers(name))?;
    let why = format!(
        "{name} falls only under {covering}, the broad form of {}.",
        the_row(primary.row)
    );
    flag(FlagKind::Broad, Severity::Notice, why)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
