//! What the course of an attempt tells beside its counts: who was answered, where a failure was seen, who left too early.
//!
//! Nothing here is done for every packet: only for the few that change how the attempt stands.

use std::net::IpAddr;

use super::Shard;
use crate::engine::release::client_by_port;
use crate::engine::scan::PacketRef;
use crate::evidence::model::App;
use crate::evidence::probe::Findings;
use crate::flow::attempt::{Attempt, IcmpWord};
use crate::flow::counters::{Exit, FlowHot};
use crate::flow::expiry::SECOND;
use crate::wire::packet::protocol;

/// A client was answered: told once for each flow.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    pub client: IpAddr,
    /// By whom, where it matters that it was this very server.
    pub server: Option<(IpAddr, u16)>,
    pub ns: u64,
    /// The flow's first packet.
    pub flow: u64,
}

/// A client that gives up sooner after its hello has not waited for an answer.
pub const PATIENCE_WITH_HELLO: u64 = 10 * SECOND;

impl Shard {
    /// A packet has changed how its flow's attempt stands.
    #[cold]
    pub(super) fn note_course(&mut self, slot: u32, before: Attempt, packet: &PacketRef) {
        let Some(flow) = self.flows.at(slot) else { return };
        let now = flow.attempt;
        if now.is_over() && !before.is_over() {
            // The calendar still holds a time for an open connection.
            let deadline = flow.deadline();
            let handle = self.flows.handle(slot);
            self.calendar.enter_exactly(deadline, handle);
        }
        self.note_answer(slot, before, packet);
        if now.ended_first() != before.ended_first() {
            self.note_first_end(slot, packet);
        }
    }

    fn note_answer(&mut self, slot: u32, before: Attempt, packet: &PacketRef) {
        let Some(flow) = self.flows.at(slot) else { return };
        let is_tcp = flow.key.protocol == protocol::TCP;
        if is_tcp && (before.answered().is_some() || flow.attempt.answered().is_none()) {
            return;
        }
        let known = flow.attempt.answered().flatten();
        let client = known.or_else(|| client_by_port(&flow.key)).unwrap_or(flow.sender);
        let (key, place, first) = (flow.key, flow.cold, flow.first.seq);
        let is_question = !is_tcp && place != 0 && is_repeatable(self.colds.at(place).findings.app);
        let server = key.end(client.other());
        self.answers.push(Answer {
            client: key.end(client).ip,
            server: server.port.filter(|_| is_question).map(|port| (server.ip, port)),
            ns: packet.at.ns,
            flow: first,
        });
    }

    /// One side is the first to end the connection.
    fn note_first_end(&mut self, slot: u32, packet: &PacketRef) {
        let Some(flow) = self.flows.at(slot) else { return };
        if flow.attempt.client() == Some(packet.side.other()) {
            return flow.note_failure(packet.at, false);
        }
        let place = flow.cold;
        if place == 0 {
            return;
        }
        let hello_ns = self.colds.at(place).findings.marks.hello_ns;
        if packet.at.ns.saturating_sub(hello_ns) < PATIENCE_WITH_HELLO
            && let Some(flow) = self.flows.at(slot)
        {
            flow.attempt.leave_early();
        }
    }

    /// Who was answered since the last call.
    pub fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }
}

/// Questions that are asked anew when one of them was lost: if the same server answered another one, none was held up.
pub fn is_repeatable(app: App) -> bool {
    matches!(app, App::Dns | App::Ntp | App::Stun | App::Nbns)
}

/// What a probe has found that may be a failure: the proxy's no, the server's alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    refusal: Option<u16>,
    alert: Option<(u8, u8)>,
}

pub(super) fn words_of(findings: &Findings) -> Words {
    // HTTP, SOCKS 5, SOCKS 4.
    let is_yes = |status: &u16| matches!(status, 200..=299 | 0 | 90);
    Words {
        refusal: findings.proxy_status.filter(|status| !is_yes(status)),
        alert: findings.tls.as_ref().and_then(|tls| tls.server_alert),
    }
}

/// A packet has brought a failure, or a yes after one.
pub(super) fn note_words(flow: &mut FlowHot, packet: &PacketRef, words: Words) {
    match words {
        Words {
            refusal: None,
            alert: None,
        } => flow.forget_failure(),
        _ => flow.note_failure(packet.at, true),
    }
}

/// An ICMP error quotes a packet of the flow. One about an answer says nothing of the attempt, and one about a flow that
/// was answered comes too late.
pub(super) fn icmp(flow: &mut FlowHot, packet: &PacketRef, word: IcmpWord) {
    let asker = match flow.key.protocol {
        protocol::TCP => flow.attempt.client(),
        _ => (flow.packets[packet.side.other().index()] == 0).then_some(packet.side),
    };
    if asker != Some(packet.side) {
        return;
    }
    let before = flow.attempt.icmp_word();
    flow.attempt.icmp(word);
    if word == IcmpWord::Prohibited && before != Some(word) {
        flow.note_failure(packet.at, false);
    }
}

/// How a flow leaves whose ports are used again by this packet.
pub(super) fn replaced(flow: &FlowHot, packet: &PacketRef) -> Exit {
    if flow.is_over_at(packet.at.ns) {
        Exit::InTime
    } else if packet.at.ns.saturating_sub(flow.last.ns) < FlowHot::SOON {
        Exit::ReplacedSoon
    } else {
        Exit::Replaced
    }
}
