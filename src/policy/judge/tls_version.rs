//! `tls-version`: the negotiated version is none of the row's. Older than claimed is bad, newer is news.

use super::words::{list, the_row};
use super::{Case, flag};
use crate::evidence::model::{App, TlsVersion};
use crate::policy::model::TlsRule;
use crate::policy::verdict::{Flag, FlagKind, Severity};

pub(super) fn check(case: &Case) -> Option<Flag> {
    let TlsRule::Versions(allowed) = &case.expect.tls else {
        return None;
    };
    let (version, rank) = case.facts.negotiated()?;
    let ranks = || allowed.iter().filter_map(|allowed| allowed.rank());
    if ranks().any(|allowed| allowed == rank) {
        return None;
    }
    // A version between two allowed ones is an old one: a newer would have been allowed.
    let older = ranks().max().is_some_and(|newest| rank < newest);
    let severity = match (older, case.ruled_by) {
        (true, Some(_)) => Severity::High,
        (true, None) => Severity::Medium,
        (false, _) => Severity::Notice,
    };
    let age = if older { "older" } else { "newer" };
    let wanted = list(allowed);
    let claim = match case.ruled_by {
        Some(row) => format!("{wanted} that {} names", the_row(row)),
        None => format!("{wanted} expected outside the policy's rows"),
    };
    let negotiated = spelt(case.facts.app, version);
    let why = format!("{negotiated} was negotiated, {age} than the {claim}.");
    flag(FlagKind::TlsVersion, severity, why)
}

fn spelt(app: App, version: TlsVersion) -> String {
    match version.0 {
        0x0002 => "SSL 2.0".to_owned(),
        0x0300 => "SSL 3.0".to_owned(),
        0x0100 | 0xfe00..=0xfeff => format!("DTLS {version}"),
        _ if app == App::Quic => format!("TLS {version} in QUIC"),
        _ => format!("TLS {version}"),
    }
}
