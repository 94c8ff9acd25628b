//! The connection itself: its first and last packet, how it was answered and how it ended.

use super::phrases::{count, end, span, time};
use super::{Evidence, Frame, Step, clean};
use crate::engine::rows::{FlowRow, TcpState};
use crate::evidence::model::Quality;
use crate::policy::verdict::{Doubt, Reach};
use crate::sink::{text, words};
use crate::wire::packet::protocol;

pub fn step(evidence: &Evidence) -> Step {
    let flow = evidence.flow;
    let mut step = Step::new("connection", "The connection");
    step.rest_on_marks(evidence, &["first", "blocked", "last"]);
    step.say(packets(evidence, flow));
    step.say(match flow.tcp {
        Some(state) => tcp(flow, state).to_owned(),
        None => without_tcp(flow),
    });
    step.say(reach(evidence));
    if let Some(tunnel) = &flow.tunnel {
        step.say(format!(
            "Its packets were inside a tunnel, outermost first: {}. The addresses are those inside.",
            clean(tunnel)
        ));
    }
    if !flow.vlans.is_empty() {
        let ids: Vec<String> = flow.vlans.iter().map(u16::to_string).collect();
        step.say(format!("VLAN ids on its packets: {}.", ids.join(", ")));
    }
    step
}

fn packets(evidence: &Evidence, flow: &FlowRow) -> String {
    let at = |word| {
        evidence.mark(word).unwrap_or(Frame {
            ordinal: flow.ordinal,
            number: 0,
        })
    };
    let (first, last) = (at("first"), at("last"));
    let proto = words::ip_protocol(flow.protocol);
    let peers = format!("{} to {}, {proto}", end(flow.client), end(flow.server));
    let all = flow.packets.out.saturating_add(flow.packets.r#in);
    if all <= 1 {
        let who = if flow.packets.out == 1 { "client" } else { "server" };
        return format!(
            "{peers}: one packet, from the {who}, of {}, in {} at {}.",
            text::long_bytes(flow.bytes.out.saturating_add(flow.bytes.r#in)),
            evidence.frame(first),
            time(flow.start_ns, flow)
        );
    }
    format!(
        "{peers}: from {} ({}) to {} ({}), {}; {} of {} from the client, {} of {} to it.",
        evidence.frame(first),
        time(flow.start_ns, flow),
        evidence.frame(last),
        time(flow.end_ns, flow),
        span(flow.end_ns.saturating_sub(flow.start_ns)),
        count(flow.packets.out, "packet"),
        text::long_bytes(flow.bytes.out),
        count(flow.packets.r#in, "packet"),
        text::long_bytes(flow.bytes.r#in),
    )
}

fn tcp(flow: &FlowRow, state: TcpState) -> &'static str {
    match state {
        TcpState::Closed => "Its opening was seen, it was answered, and both sides closed it in the proper way (FIN).",
        TcpState::Reset => {
            "Its opening was seen, it was answered, and then torn down by a reset (RST). Who sent the reset is not told here: \
             one in the server's name may also come from a device between."
        }
        TcpState::Refused => {
            "The SYN was answered by a reset (RST): nobody took the connection. A closed port and a device between that \
             refuses for the server look alike."
        }
        TcpState::Prohibited => {
            "The SYN was answered by an ICMP error that quotes it and says that this is prohibited, or the port unreachable: what packet \
             filters send. No connection came about."
        }
        TcpState::Unreachable => {
            "The SYN was answered by an ICMP error that quotes it and says that there is no way there. No connection came about."
        }
        TcpState::Unanswered if flow.packets.r#in == 0 => {
            "Nothing that came back was seen: the SYN stayed without an answer."
        }
        TcpState::Unanswered => "The SYN stayed without an answer that opens a connection.",
        TcpState::Open => {
            "Its opening was seen, and it was answered (who goes on has been answered); its end was not seen (it went on, or fell silent, or its end was not captured)."
        }
        TcpState::Midstream => {
            "Its beginning was not captured: it was already open when its first packet here was seen. Who the client is \
             was judged by what else was seen, in the end by the ports."
        }
    }
}

fn without_tcp(flow: &FlowRow) -> String {
    let both = flow.packets.out > 0 && flow.packets.r#in > 0;
    let heard = match both {
        true => "packets were seen both ways",
        false => "packets were seen one way only",
    };
    match flow.protocol {
        protocol::UDP => format!("UDP has neither beginning nor end; {heard}."),
        _ => format!("This protocol has no connection to open or close; {heard}."),
    }
}

fn reach(evidence: &Evidence) -> String {
    let why = match evidence.flow.verdict.reach {
        Reach::Reached => {
            return "The attempt was answered, and data went both ways. (Who answered is another question, see below.)"
                .to_owned();
        }
        Reach::Blocked => {
            let seen = match evidence.mark("blocked") {
                Some(frame) => format!("which is seen in {}", evidence.frame(frame)),
                None => "which no frame shows, but that nothing came in time".to_owned(),
            };
            return format!("The attempt failed, {seen}: the flag `blocked` below says how.");
        }
        Reach::Unclear(doubt) => match doubt {
            Doubt::Midstream => "the flow began before the capture",
            Doubt::Incomplete => "packets are cut short, missing, or were given up",
            Doubt::OneSided => "only one direction was captured",
            Doubt::NobodyAnswered => {
                "nobody answered, but neither is there a sign that this client was answered by anybody at that time"
            }
            Doubt::EndsTooSoon => "nobody answered, but the capture ends too soon after",
            Doubt::AskedOnce => "it was asked only once, and a single packet may get lost",
            Doubt::AnsweredElsewhere => {
                "the same server answered another question of this client at that time, so that the way is open"
            }
            Doubt::Drops => {
                "nobody answered, but packets were dropped while the capture was made, and the answer may be one of them"
            }
            Doubt::Unreachable => "a router knew no way there, or the host itself said that nothing listens",
            Doubt::NoData => "no data of an application was seen both ways",
            Doubt::Authentication => "a proxy asked for a password first",
            Doubt::NotTls => "what answered the hello is not TLS",
        },
    };
    format!("Whether the service was reached cannot be told: {why}.")
}

/// Whether the flow was there before the capture.
pub fn is_midstream(flow: &FlowRow) -> bool {
    flow.quality.has(Quality::MIDSTREAM)
}
