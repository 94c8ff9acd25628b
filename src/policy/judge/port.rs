//! `port`: the transport and port are none of the row's.

use super::words::{list, the_row};
use super::{Case, flag};
use crate::policy::model::Transport;
use crate::policy::verdict::{Flag, FlagKind, Severity};

pub(super) fn check(case: &Case) -> Option<Flag> {
    if case.facts.app.is_infrastructure() {
        return None;
    }
    let (protocol, port) = case.facts.target()?;
    if case.expect.allows_port(protocol, port) {
        return None;
    }
    let used = format!("{}/{port}", Transport(protocol));
    let allowed = list(&case.expect.ports);
    match case.ruled_by {
        Some(row) => flag(
            FlagKind::Port,
            Severity::High,
            format!("The flow uses {used}, but {} allows only {allowed}.", the_row(row)),
        ),
        None => flag(
            FlagKind::Port,
            Severity::Notice,
            format!("The flow uses {used}; outside the policy's rows only {allowed} is expected."),
        ),
    }
}
