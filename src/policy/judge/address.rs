//! `address`: the name fits, the address is in none of the row's ranges. Lists of ranges age, so it is no more than a notice.

use super::words::{list, the_row};
use super::{Case, flag};
use crate::policy::verdict::{Flag, FlagKind, Severity};

pub(super) fn check(case: &Case) -> Option<Flag> {
    let primary = case.named_row()?;
    let bound = primary.found.bound && primary.row.has_ranges();
    if !bound || case.facts.is_proxied() {
        return None;
    }
    let ip = case.facts.server.ip;
    if case.policy.in_ranges(primary.id, ip) {
        return None;
    }
    let row = the_row(primary.row);
    let ranges = match primary.row.tags.as_slice() {
        [] => format!("the address ranges of {row}"),
        tags => format!("the address ranges of {row} ({})", list(tags)),
    };
    let why = format!("{ip} is in none of {ranges}.");
    flag(FlagKind::Address, Severity::Notice, why)
}
