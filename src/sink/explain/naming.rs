//! Where the flow's name comes from, and why that evidence goes before the rest.

use super::phrases::list;
use super::{Evidence, Step};
use crate::engine::rows::FlowRow;
use crate::evidence::model::EvidenceKind;
use crate::sink::address::address;

pub fn step(evidence: &Evidence) -> Step {
    let flow = evidence.flow;
    let mut step = Step::new("name", "The flow's name");
    let (says, rests_on) = source(evidence);
    step.say(says);
    step.rest_on_marks(evidence, rests_on);
    if let Some(why) = rank(flow.naming.kind) {
        step.say(why);
    }
    if !flow.naming.candidates.is_empty() {
        step.say(format!(
            "DNS had given this address for several names: {}. The one told last is taken; any of them may be meant.",
            list(&flow.naming.candidates)
        ));
    }
    agreement(flow, &mut step);
    step
}

fn source(evidence: &Evidence) -> (String, &'static [&'static str]) {
    let flow = evidence.flow;
    let server = address(flow.server.ip);
    let server = server.as_str();
    let name = flow.naming.name.as_ref().map_or("", |name| name.as_str());
    let hello = evidence
        .mark("hello")
        .map_or(String::new(), |frame| format!(" in {}", evidence.frame(frame)));
    match flow.naming.kind {
        EvidenceKind::Sni => (
            format!("{name}, from the server name in the client's hello{hello} (evidence `sni`)."),
            &["hello"],
        ),
        EvidenceKind::Quic => (
            format!("{name}, from the server name in the client's QUIC hello{hello} (evidence `quic`)."),
            &["hello"],
        ),
        EvidenceKind::Connect => (
            format!("{name}, the host that the client asked the proxy {server} to connect it to (evidence `connect`)."),
            &[],
        ),
        EvidenceKind::Host => (
            format!("{name}, from the Host header of the client's HTTP request (evidence `host`)."),
            &[],
        ),
        EvidenceKind::Certificate => (
            format!("{name}, the only name in the certificate that the server showed (evidence `cert`)."),
            &["cert"],
        ),
        EvidenceKind::Dns => (
            format!("{name}, the name for which DNS had given the address {server} (evidence `dns`)."),
            &["dns"],
        ),
        EvidenceKind::Address => (
            format!("None. The address {server} alone was compared with the policy's ranges (evidence `address`)."),
            &[],
        ),
        EvidenceKind::None => (
            "None: neither the flow nor any DNS answer before it tells one (evidence `none`).".to_owned(),
            &[],
        ),
    }
}

/// Why this evidence beats the weaker kinds, and what it does not prove.
fn rank(kind: EvidenceKind) -> Option<&'static str> {
    Some(match kind {
        EvidenceKind::Sni | EvidenceKind::Quic => {
            "This is the client's own word, in this very flow. It goes before the certificate (the server's word, which often lists many names) \
             and before DNS (which tells what an address was called, and addresses are shared). It proves what the client asked for, not who answered."
        }
        EvidenceKind::Connect => {
            "This is the client's own word, in this very flow; the address is the proxy's and says nothing about the service. It proves what was \
             asked of the proxy, not where the proxy went. A name in a hello inside would have gone before it."
        }
        EvidenceKind::Host => {
            "This is the client's own word, in this very flow, and goes before the certificate and DNS. It proves what the client asked for, not who answered."
        }
        EvidenceKind::Certificate => {
            "The client named nobody in the clear. A certificate for one host alone goes before DNS, since it came in this very flow; it is the server's word."
        }
        EvidenceKind::Dns => {
            "Neither the client nor the server named anybody in the flow. DNS tells what the client had been told before; that this flow is for that name, \
             and not for another at the same address, is likely and not proven."
        }
        EvidenceKind::Address => {
            "An address is the weakest evidence: it may serve many names, and may have changed hands since the policy was written."
        }
        EvidenceKind::None => return None,
    })
}

/// What DNS says of the same address, if that is another name.
fn agreement(flow: &FlowRow, step: &mut Step) {
    let (Some(name), Some((asked, own))) = (&flow.naming.name, &flow.naming.asked) else {
        return;
    };
    let who = if *own { "this client" } else { "another client" };
    if asked == name {
        if flow.naming.kind != EvidenceKind::Dns {
            step.say(format!(
                "DNS agrees: {asked} is the name for which {who} last got this address."
            ));
        }
        return;
    }
    let explained = flow.naming.via.contains(asked);
    step.say(format!(
        "The name for which {who} last got this address is {asked}{}",
        match explained {
            true => ": a link of the same chain.",
            false => ". Shared addresses are common; by itself that is no contradiction.",
        }
    ));
}
