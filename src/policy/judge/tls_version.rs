//! `tls-version`: the negotiated version is none of the row's. Older than claimed is bad, newer is news.

use std::io::Write;

use super::words::{list, the_row};
use super::{Case, flag};
use crate::evidence::model::{App, TlsVersion};
use crate::policy::model::{Expectation, Row, TlsRule};
use crate::policy::verdict::{Flag, FlagKind, Reason, Severity};

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
    let why = Reason::TlsVersion {
        version,
        in_quic: case.facts.app == App::Quic,
        older,
        row: case.ruled_by,
    };
    flag(FlagKind::TlsVersion, severity, why)
}

pub(super) fn tell(version: TlsVersion, in_quic: bool, older: bool, out: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = match version.0 {
        0x0002 => write!(out, "SSL 2.0"),
        0x0300 => write!(out, "SSL 3.0"),
        0x0100 | 0xfe00..=0xfeff => write!(out, "DTLS {version}"),
        _ if in_quic => write!(out, "TLS {version} in QUIC"),
        _ => write!(out, "TLS {version}"),
    };
    let age: &[u8] = if older { b", older" } else { b", newer" };
    out.extend_from_slice(b" was negotiated");
    out.extend_from_slice(age);
}

pub(super) fn rule(expect: &Expectation, row: Option<&Row>) -> String {
    let TlsRule::Versions(allowed) = &expect.tls else {
        return String::new();
    };
    let wanted = list(allowed);
    match row {
        Some(row) => format!(" than the {wanted} that {} names.", the_row(row)),
        None => format!(" than the {wanted} expected outside the policy's rows."),
    }
}
