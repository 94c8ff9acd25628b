//! Every flag: how grave, why, how sure that is, and what would clear it.

use super::{Evidence, Step, clean};
use crate::policy::verdict::{Flag, FlagKind, Severity};

pub fn step(evidence: &Evidence) -> Step {
    let mut step = Step::new("flags", "What is held against it");
    let flags = &evidence.flow.verdict.flags;
    if flags.is_empty() {
        step.say("Nothing: no flag was raised.");
        return step;
    }
    for flag in flags {
        step.say(raised(evidence, flag));
        step.say(format!("What would clear it: {}", what_clears(flag.kind)));
    }
    if flags.iter().all(|flag| flag.severity == Severity::Notice) {
        step.say("Notices alone flag nothing: they are news, not faults.");
    }
    step
}

fn raised(evidence: &Evidence, flag: &Flag) -> String {
    let mut why = Vec::new();
    evidence.labels.policy.wording.tell(&flag.why, &mut why);
    let why = String::from_utf8_lossy(&why);
    let how = flag.how.map(|how| format!(", {}", how.as_str())).unwrap_or_default();
    let suspected = match flag.kind {
        FlagKind::Intercepted | FlagKind::Rerouted => " That is a suspicion with its reason, not a proof.",
        _ => "",
    };
    format!(
        "{} ({}{how}): {}{suspected}",
        flag.kind.as_str(),
        flag.severity.as_str(),
        clean(&why)
    )
}

fn what_clears(kind: FlagKind) -> &'static str {
    match kind {
        FlagKind::Port => {
            "the service on a port that the policy lists, or a row that lists this port, if it is found to be right."
        }
        FlagKind::TlsVersion => {
            "a handshake that ends with a version that the row lists (the server's and the client's settings decide), or the newer version in the row."
        }
        FlagKind::Plaintext => "TLS on this port, or `tls = false` in the row, if plain text is found to be right.",
        FlagKind::Rerouted => {
            "an explanation of the way that DNS took (a private endpoint, a resolver that rewrites names, an alias that the row's `via` does not list yet), \
             confirmed by whoever runs it."
        }
        FlagKind::Address => {
            "a newer list of the service's addresses that has this one; lists age, and DNS moves faster."
        }
        FlagKind::Intercepted => {
            "the word of whoever runs the network that no device inspects this traffic, or the issuer in the row's `issuers` if one rightly does; \
             and the certificate that the service shows from elsewhere."
        }
        FlagKind::Blocked => {
            "a later attempt that is answered. Who blocked it is found by trying from another network, or in the logs of the devices between."
        }
        FlagKind::Internal => {
            "that the resource is the organisation's own; the vendor's drawing has this line inside its platform only."
        }
        FlagKind::HiddenName => {
            "a capture in which the client cannot hide the name (Encrypted Client Hello turned off by its policy, or DNS that gives no HTTPS records), or the client's own log."
        }
        FlagKind::Retired => {
            "a client that uses the successor, or a policy that keeps the row alive, if it is still needed."
        }
        FlagKind::Ambiguous => {
            "evidence that names the service by itself: a hello in the clear, or a lookup of this client just before the flow."
        }
        FlagKind::Broad => "the exact host in the row, if it is found to belong to the service.",
    }
}
