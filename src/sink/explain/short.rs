//! The whole in a few sentences: who, when, with whom, under which name, how it is judged.

use super::phrases::{end, time};
use super::{Evidence, Step, clean};
use crate::evidence::model::EvidenceKind;
use crate::sink::words;

pub fn step(evidence: &Evidence) -> Step {
    let flow = evidence.flow;
    let mut step = Step::new("short", "In short");
    let proto = words::ip_protocol(flow.protocol);
    step.say(format!(
        "At {} the client {} began to talk to {} over {proto}, as far as the capture shows.",
        time(flow.start_ns, flow),
        end(flow.client),
        end(flow.server),
    ));
    step.say(match (&flow.naming.name, flow.naming.kind) {
        (Some(name), EvidenceKind::Sni | EvidenceKind::Quic) => {
            format!("In its own handshake the client asked for {name}.")
        }
        (Some(name), EvidenceKind::Connect) => format!("It asked this server, a proxy, to connect it to {name}."),
        (Some(name), EvidenceKind::Host) => format!("Its HTTP request was for {name}."),
        (Some(name), EvidenceKind::Certificate) => {
            format!("It named nobody itself; the server showed a certificate for {name} alone.")
        }
        (Some(name), _) => {
            format!("It named nobody itself; by an earlier DNS answer the server's address was that of {name}.")
        }
        (None, EvidenceKind::Address) => {
            "The flow has no name; its address alone leads to a row of the policy.".to_owned()
        }
        (None, _) => "The flow has no name: nothing that was seen tells one.".to_owned(),
    });
    let class = evidence.policy.class_of(&flow.verdict, flow.naming.name.is_some());
    step.say(format!(
        "The policy {} puts it into the class {} and judges it: {}.",
        clean(&evidence.labels.policy.name),
        clean(class),
        flow.verdict.standing.as_str()
    ));
    step.rest_on_marks(evidence, &["first"]);
    step
}

impl Step {
    /// It rests on these marks of the flow, those of them that there are.
    pub(super) fn rest_on_marks(&mut self, evidence: &Evidence, words: &[&str]) {
        words
            .iter()
            .filter_map(|word| evidence.mark(word))
            .for_each(|frame| self.rest_on(frame));
    }
}
