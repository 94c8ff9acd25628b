//! `port`: the transport and port are none of the row's.

use super::words::{list, push_number, the_row};
use super::{Case, flag};
use crate::policy::model::{Expectation, Row, SCTP, TCP, UDP};
use crate::policy::verdict::{Flag, FlagKind, Reason, Severity};

pub(super) fn check(case: &Case) -> Option<Flag> {
    if case.facts.app.is_infrastructure() {
        return None;
    }
    let (protocol, port) = case.facts.target()?;
    if case.expect.allows_port(protocol, port) {
        return None;
    }
    let severity = match case.ruled_by {
        Some(_) => Severity::High,
        None => Severity::Notice,
    };
    let row = case.ruled_by;
    flag(FlagKind::Port, severity, Reason::Port { protocol, port, row })
}

pub(super) fn tell(protocol: u8, port: u16, out: &mut Vec<u8>) {
    match protocol {
        TCP => out.extend_from_slice(b"The flow uses tcp/"),
        UDP => out.extend_from_slice(b"The flow uses udp/"),
        SCTP => out.extend_from_slice(b"The flow uses sctp/"),
        number => {
            out.extend_from_slice(b"The flow uses ip-");
            push_number(number.into(), out);
            out.push(b'/');
        }
    }
    push_number(port, out);
}

pub(super) fn rule(expect: &Expectation, row: Option<&Row>) -> String {
    let allowed = list(&expect.ports);
    match row {
        Some(row) => format!(", but {} allows only {allowed}.", the_row(row)),
        None => format!("; outside the policy's rows only {allowed} is expected."),
    }
}
