//! `plaintext`: HTTP, or a payload that is not TLS, where TLS is wanted.

use super::words::the_row;
use super::{Case, flag};
use crate::evidence::model::App;
use crate::policy::model::TCP;
use crate::policy::verdict::{Flag, FlagKind, Severity};

const HTTPS_PORT: u16 = 443;

pub(super) fn check(case: &Case) -> Option<Flag> {
    let facts = case.facts;
    if facts.speaks_tls() || facts.is_proxied() || facts.app.is_infrastructure() {
        return None;
    }
    let (protocol, port) = facts.target()?;
    if !case.expect.wants_tls(protocol, port) {
        return None;
    }
    let payload = facts.server_payload || facts.client_payload;
    // With holes in front of it, TLS looks like anything.
    let unknown = facts.app == App::Unknown && protocol == TCP && payload && !facts.has_holes();
    let what = match facts.app {
        App::Http => "Plain HTTP was spoken",
        _ if unknown => "The payload is not TLS",
        _ => return None,
    };
    match case.ruled_by {
        Some(row) => flag(
            FlagKind::Plaintext,
            Severity::High,
            format!("{what} on tcp/{port}, where {} wants TLS.", the_row(row)),
        ),
        None if facts.app == App::Http || port == HTTPS_PORT => flag(
            FlagKind::Plaintext,
            Severity::Notice,
            format!("{what} on tcp/{port}, where TLS is expected."),
        ),
        None => None,
    }
}
