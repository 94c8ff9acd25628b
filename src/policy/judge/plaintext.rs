//! `plaintext`: HTTP, or a payload that is not TLS, where TLS is wanted.

use super::reach::is_granted;
use super::words::{push_number, the_row};
use super::{Case, flag};
use crate::evidence::model::{App, Carried};
use crate::policy::model::{Row, TCP};
use crate::policy::verdict::{Flag, FlagKind, Reason, Severity};

const HTTPS_PORT: u16 = 443;

pub(super) fn check(case: &Case) -> Option<Flag> {
    let facts = case.facts;
    if facts.speaks_tls() || facts.app.is_infrastructure() {
        return None;
    }
    let (protocol, port) = facts.target()?;
    if !case.expect.wants_tls(protocol, port) {
        return None;
    }
    let http = match spoken(case, protocol)? {
        Carried::Http => true,
        Carried::Other => false,
    };
    let severity = match case.ruled_by {
        Some(_) => Severity::High,
        None if http || port == HTTPS_PORT => Severity::Notice,
        None => return None,
    };
    let row = case.ruled_by;
    flag(FlagKind::Plaintext, severity, Reason::Plaintext { http, port, row })
}

/// What is said in the clear, to the service or in a proxy's tunnel to it.
fn spoken(case: &Case, protocol: u8) -> Option<Carried> {
    let facts = case.facts;
    // With holes in front of it, TLS looks like anything.
    let other = (!facts.has_holes()).then_some(Carried::Other);
    match facts.app {
        App::Connect | App::Socks => match facts.carried? {
            _ if !is_granted(facts) => None,
            Carried::Http => Some(Carried::Http),
            Carried::Other => other,
        },
        // A page asked of a proxy goes there in the clear. Who lists no ports has nothing against port 80 there.
        App::Http if facts.is_proxied() && case.expect.ports.is_empty() => None,
        App::Http => Some(Carried::Http),
        App::Unknown if protocol == TCP && (facts.server_payload || facts.client_payload) => other,
        _ => None,
    }
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
