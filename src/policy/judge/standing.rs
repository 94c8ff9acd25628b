//! The one word at the end: `inconclusive`, `flagged`, `unlisted` or `ok`, the first that holds.

use super::Case;
use super::identify::Identity;
use crate::policy::model::TlsRule;
use crate::policy::verdict::{Flag, Severity, Standing};

pub(super) fn of(case: &Case, flags: &[Flag]) -> Standing {
    let flagged = flags.iter().any(|flag| flag.severity >= Severity::Medium);
    let listed = case.primary.is_some();
    // Not knowing who it was spoils every word; not having seen enough of it spoils only `ok`: what was seen was seen.
    if listed && (*case.identity != Identity::Sure || (!flagged && !is_enough(case))) {
        Standing::Inconclusive
    } else if flagged {
        Standing::Flagged
    } else if !listed {
        Standing::Unlisted
    } else {
        Standing::Ok
    }
}

/// Whether enough was seen of the flow to say that it did what its row asks for. What was not looked at never passes.
fn is_enough(case: &Case) -> bool {
    let facts = case.facts;
    if !facts.answered() {
        return false;
    }
    if facts.app.is_infrastructure() {
        return true;
    }
    let wants_tls = match facts.target() {
        Some((protocol, port)) => case.expect.wants_tls(protocol, port),
        // A port that a proxy hides; else no port at all, and so nothing that TLS could be spoken on.
        None => facts.is_proxied() && case.expect.tls != TlsRule::PlainAllowed,
    };
    !wants_tls || facts.negotiated().is_some()
}
