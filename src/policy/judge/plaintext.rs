//! `plaintext`: HTTP, or a payload that is not TLS, where TLS is wanted.

use super::words::{push_number, the_row};
use super::{Case, flag};
use crate::evidence::model::App;
use crate::policy::model::{Row, TCP};
use crate::policy::verdict::{Flag, FlagKind, Reason, Severity};

const HTTPS_PORT: u16 = 443;

pub(super) fn check(case: &Case) -> Option<Flag> {
    let facts = case.facts;
    // What runs in a tunnel is not looked at; a page asked of a proxy goes there in the clear.
    // Who lists no ports has nothing against port 80 there.
    let in_tunnel = facts.is_proxied() && (facts.app != App::Http || case.expect.ports.is_empty());
    if facts.speaks_tls() || in_tunnel || facts.app.is_infrastructure() {
        return None;
    }
    let (protocol, port) = facts.target()?;
    if !case.expect.wants_tls(protocol, port) {
        return None;
    }
    let payload = facts.server_payload || facts.client_payload;
    // With holes in front of it, TLS looks like anything.
    let unknown = facts.app == App::Unknown && protocol == TCP && payload && !facts.has_holes();
    let http = facts.app == App::Http;
    if !http && !unknown {
        return None;
    }
    let severity = match case.ruled_by {
        Some(_) => Severity::High,
        None if http || port == HTTPS_PORT => Severity::Notice,
        None => return None,
    };
    let row = case.ruled_by;
    flag(FlagKind::Plaintext, severity, Reason::Plaintext { http, port, row })
}

pub(super) fn tell(http: bool, port: u16, out: &mut Vec<u8>) {
    let what = match http {
        true => "Plain HTTP was spoken on tcp/",
        false => "The payload is not TLS on tcp/",
    };
    out.extend_from_slice(what.as_bytes());
    push_number(port, out);
}

pub(super) fn rule(row: Option<&Row>) -> String {
    match row {
        Some(row) => format!(", where {} wants TLS.", the_row(row)),
        None => ", where TLS is expected.".to_owned(),
    }
}
