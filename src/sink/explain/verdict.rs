//! The one word at the end, and what it rests on.

use super::{Evidence, Step};
use crate::engine::rows::FlowRow;
use crate::evidence::model::EvidenceKind;
use crate::policy::verdict::{Severity, Standing};

pub fn step(evidence: &Evidence) -> Step {
    let flow = evidence.flow;
    let mut step = Step::new("verdict", "The verdict");
    let word = flow.verdict.standing.as_str();
    step.say(match flow.verdict.standing {
        Standing::Ok => format!("{word}: a row of the policy matches, enough was seen, and no flag of high or medium severity was raised."),
        Standing::Flagged => format!("{word}: {}.", gravest(flow)),
        Standing::Unlisted => format!(
            "{word}: the flow falls under no row of the policy. That says nothing about whether it is harmless; it is not on the list."
        ),
        Standing::Inconclusive => format!("{word}: {}. That never counts as a pass, nor as a fault.", doubt(flow)),
    });
    step.say(format!("It rests on {}.", rests_on(flow)));
    step
}

fn gravest(flow: &FlowRow) -> String {
    let grave = flow
        .verdict
        .flags
        .iter()
        .filter(|flag| flag.severity >= Severity::Medium);
    let words: Vec<&str> = grave.map(|flag| flag.kind.as_str()).collect();
    format!("because of {}", super::phrases::list(words))
}

/// Why a flow in a row can be neither passed nor flagged.
fn doubt(flow: &FlowRow) -> String {
    let who = match flow.naming.kind {
        EvidenceKind::Address => "a row matches, but only by the server's address, which other services may share",
        EvidenceKind::Dns if !flow.naming.candidates.is_empty() => {
            "a row matches, but DNS had given the address for several names, and not all of them lead there"
        }
        _ => {
            "a row matches, but what the row asks for was not seen: no answer, or no version negotiated, of this flow is in the capture"
        }
    };
    who.to_owned()
}

fn rests_on(flow: &FlowRow) -> String {
    let mut parts = vec![match flow.naming.kind {
        EvidenceKind::Sni | EvidenceKind::Quic => "the name in the client's own hello",
        EvidenceKind::Connect => "the host asked of the proxy",
        EvidenceKind::Host => "the host of the HTTP request",
        EvidenceKind::Certificate => "the server's certificate",
        EvidenceKind::Dns => "an earlier DNS answer",
        EvidenceKind::Address => "the server's address",
        EvidenceKind::None => "the absence of any name",
    }];
    let tls = flow.tls.as_deref();
    if tls.is_some_and(|tls| tls.version.is_some()) {
        parts.push("the version in the server's hello");
    }
    if tls.is_some_and(|tls| tls.certificate.is_some()) && flow.naming.kind != EvidenceKind::Certificate {
        parts.push("the certificate");
    }
    if flow.server.port.is_some() {
        parts.push("the port");
    }
    super::phrases::list(parts)
}
