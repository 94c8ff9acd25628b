//! The certificate that the server showed, as far as it can be read.

use super::phrases::{list, shortened};
use super::{Evidence, Step};
use crate::evidence::model::{Certificate, TlsVersion};
use crate::policy::judge::certificate_covers;
use crate::sink::text;

/// See [`TlsVersion::rank`].
const RANK_OF_1_3: u8 = 5;
const SECOND: u64 = 1_000_000_000;

pub fn step(evidence: &Evidence) -> Step {
    let mut step = Step::new("certificate", "The server's certificate");
    let Some(tls) = evidence.flow.tls.as_deref() else {
        return step;
    };
    let Some(certificate) = &tls.certificate else {
        let newer = tls.version.and_then(TlsVersion::rank) == Some(RANK_OF_1_3);
        match (newer, tls.version) {
            (true, _) => step.say(
                "None can be read: in TLS 1.3 it is encrypted. Who the server proved to be, or whether it was somebody between, the capture alone cannot tell.",
            ),
            (false, Some(_)) => step.say(
                "None was read: the session was resumed without one, or its packets are not in the capture whole.",
            ),
            (false, None) => {}
        }
        return step;
    };
    step.rest_on_marks(evidence, &["cert"]);
    let place = evidence
        .mark("cert")
        .map_or(String::new(), |frame| format!("In {}: ", evidence.frame(frame)));
    step.say(format!(
        "{place}subject `{}`, issuer `{}`.",
        or_none(&certificate.subject),
        or_none(&certificate.issuer)
    ));
    step.say(match certificate.names.is_empty() {
        true => "It names no host.".to_owned(),
        false => format!(
            "Names in it: {}.",
            list(certificate.names.iter().map(|name| shortened(name)))
        ),
    });
    step.say(validity(certificate, evidence.flow.start_ns));
    step.say(coverage(evidence, certificate));
    step.say(
        "Only what the certificate says of itself was read: its signature, and whether anybody should trust its issuer, was not checked.",
    );
    step
}

fn or_none(text: &str) -> String {
    match text.is_empty() {
        true => "(empty)".to_owned(),
        false => shortened(text),
    }
}

fn validity(certificate: &Certificate, start_ns: u64) -> String {
    let start = i64::try_from(start_ns / SECOND).unwrap_or(i64::MAX);
    let word = if start < certificate.not_before {
        "not yet valid"
    } else if start > certificate.not_after {
        "no longer valid"
    } else {
        "valid"
    };
    format!(
        "It runs from {} to {}: {word} when the flow began, by the capture's clock.",
        text::time_of_seconds(certificate.not_before).as_str(),
        text::time_of_seconds(certificate.not_after).as_str()
    )
}

fn coverage(evidence: &Evidence, certificate: &Certificate) -> String {
    let Some(name) = &evidence.flow.naming.name else {
        return "The flow has no name that it could be compared with.".to_owned();
    };
    match certificate
        .names
        .iter()
        .find(|listed| certificate_covers(listed, name.as_str()))
    {
        Some(listed) => format!("It covers {name}, the flow's name, by {}.", shortened(listed)),
        None => format!(
            "It does not cover {name}, the flow's name. That is what an inspecting device would show, but also a server that was set up carelessly, or reached by mistake."
        ),
    }
}
