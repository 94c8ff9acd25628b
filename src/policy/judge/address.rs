//! `address`: the name fits, the address is in none of the row's ranges. Lists of ranges age, so it is no more than a notice.

use std::io::Write;
use std::net::IpAddr;

use super::words::{list, the_row};
use super::{Case, flag};
use crate::policy::model::Row;
use crate::policy::verdict::{Flag, FlagKind, Reason, Severity};

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
    flag(
        FlagKind::Address,
        Severity::Notice,
        Reason::Address { ip, row: primary.id },
    )
}

pub(super) fn tell(ip: IpAddr, out: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = write!(out, "{ip}");
}

pub(super) fn rule(row: &Row) -> String {
    let of = the_row(row);
    match row.tags.as_slice() {
        [] => format!(" is in none of the address ranges of {of}."),
        tags => format!(" is in none of the address ranges of {of} ({}).", list(tags)),
    }
}
