//! How a finished flow's attempt went, for the judge: what its counters tell, and what its client's other flows do.
//!
//! ```text
//!               first packet              last packet
//!   ----- 60 s -----|-------------------------|----- 60 s -----      was another flow of this client answered?
//! ```
//!
//! A flow that is answered tells so once, when it is first answered. It is told at marks and kept by its own time, so that it does
//! not matter at which mark the flow that asks leaves: the window is the same, and all of it has been seen, since a flow without
//! an answer is kept longer than a minute. Where it left sooner, since its ports were used again, the window ends with its last packet.

use super::limits::WINDOW_AT_MOST;
use super::lookup::AROUND;
use super::press::Desk;
use super::shard::is_repeatable;
use crate::evidence::model::App;
use crate::evidence::probe::Findings;
use crate::flow::counters::{Exit, FlowHot};
use crate::flow::key::Side;
use crate::policy::judge::{Course, FlowFacts};
use crate::wire::packet::protocol;

/// All but what other flows tell, see [`ask_others`].
pub fn of(hot: &FlowHot, findings: &Findings, client: Side, now_ns: u64) -> Course {
    let server = client.other();
    let is_tcp = hot.key.protocol == protocol::TCP && hot.key.ported;
    let attempt = hot.attempt;
    let seen_until = match hot.exit {
        Exit::InTime => now_ns,
        Exit::Replaced => hot.last.ns.saturating_add(FlowHot::SOON),
        Exit::Evicted | Exit::ReplacedSoon => hot.last.ns,
    };
    let hello_ns = findings.marks.hello_ns;
    // Behind the end of a connection nothing is waited for.
    let waited_until = match attempt.ended_first() {
        Some(_) => hot.last.ns,
        None => seen_until,
    };
    Course {
        tcp: is_tcp.then(|| attempt.state(client)),
        sent: u64::from(hot.packets[client.index()]),
        received: u64::from(hot.packets[server.index()]),
        lasted_ns: hot.last.ns.saturating_sub(hot.first.ns),
        watched_ns: seen_until.saturating_sub(hot.last.ns),
        waited_ns: (hello_ns != 0).then(|| waited_until.saturating_sub(hello_ns)),
        ended_first: attempt.ended_first().map(|(side, ending)| (side == server, ending)),
        left_early: attempt.left_early(),
        server_went_on: attempt.server_went_on(),
        exchanged: attempt.exchanged(),
        quic_went_on: findings.quic_went_on[server.index()],
        icmp: attempt.icmp_word(),
        proxy_status: findings.proxy_status,
        answer_may_be_lost: false,
        others_answered: false,
        same_server_answered: false,
    }
}

/// Adds what the client's other flows tell, where it matters: few flows have no answer, and of a flood's none is asked about.
pub fn ask_others(facts: &mut FlowFacts, hot: &FlowHot, is_listed: bool, desk: &Desk<'_>) {
    const TRIES: u64 = 2;
    let course = &mut facts.course;
    let may_be_silent = match facts.protocol {
        protocol::TCP if facts.established => facts.tls.is_some_and(|tls| tls.hello && tls.version.is_none()),
        protocol::TCP => course.sent >= TRIES && course.received == 0,
        _ => course.sent > 0 && course.received == 0 && (is_listed || facts.app != App::Unknown),
    };
    if !may_be_silent || hot.exit == Exit::Evicted {
        return;
    }
    course.answer_may_be_lost = desk.dropped_ns >= hot.first.ns;
    let answers = desk.answers;
    let after = if hot.exit == Exit::InTime { AROUND } else { 0 };
    let from = hot.first.ns.max(hot.last.ns.saturating_sub(WINDOW_AT_MOST));
    let (from, to) = (from.saturating_sub(AROUND), hot.last.ns.saturating_add(after));
    let own = Some(hot.first.seq);
    let client = facts.client.ip;
    course.others_answered = answers.any(answers.digest(client), from, to, own);
    if let Some(port) = facts.server.port.filter(|_| is_repeatable(facts.app)) {
        let server = (facts.server.ip, port);
        course.same_server_answered = answers.any(answers.digest((client, server)), from, to, own);
    }
}
