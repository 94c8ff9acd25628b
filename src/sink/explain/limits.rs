//! What this page does not tell, so that nobody reads it into it.

use super::connection::is_midstream;
use super::{Evidence, Step};
use crate::engine::rows::TcpState;
use crate::evidence::model::{App, TlsVersion};

/// See [`TlsVersion::rank`].
const RANK_OF_1_3: u8 = 5;

pub fn step(evidence: &Evidence) -> Step {
    let flow = evidence.flow;
    let mut step = Step::new("limits", "What cannot be told");
    let tls = flow.tls.as_deref();
    let version = tls.and_then(|tls| tls.version);
    if version.is_some() || matches!(flow.app, App::Quic | App::Tls | App::Dtls) {
        step.say("What was said inside the encryption: only the handshake's open part was read.");
    }
    let is_newest = version.and_then(TlsVersion::rank) == Some(RANK_OF_1_3) || flow.app == App::Quic;
    if is_newest {
        step.say("Whether the server was the one asked for: from TLS 1.3 on (and in QUIC) its certificate is encrypted. An inspecting device would not show.");
    }
    if version.is_none() && tls.is_some_and(|tls| tls.hello) {
        step.say("Which version would have been negotiated: the client's list is an offer.");
    }
    if matches!(
        flow.tcp,
        Some(TcpState::Reset | TcpState::Refused | TcpState::Prohibited | TcpState::Unanswered)
    ) {
        step.say("Who ended or ignored the attempt: the server, or a device between that speaks in its name.");
    }
    if is_midstream(flow) {
        step.say("How the flow began.");
    }
    if flow.is_proxied() {
        step.say("Where the proxy went: the flow ends at the proxy.");
    }
    if evidence.mark("dns").is_some() {
        step.say("In which frame the client asked: the answer is cited, which repeats the question.");
    }
    let inputs = || evidence.captures.iter();
    if inputs().any(|capture| capture.fragments.pieces > 0) {
        step.say(
            "Which frames are pieces of a packet that was put together: such a packet is cited by its last piece, and the filter \
             for the whole flow shows no other.",
        );
    }
    if inputs().any(|capture| capture.duplicates > 0) {
        step.say(
            "Which frames are copies of another (a mirror port made them): they are counted once, and the filter for the \
             whole flow shows them.",
        );
    }
    step.say(
        "Who sat at the client: an address is neither a person nor a machine, and one address may hide many (NAT).",
    );
    step.say("What passed where the capture was not made, or was not captured.");
    step
}
