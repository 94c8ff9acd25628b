//! Who asked which resolver for what, and what was answered, before the flow began.

use std::net::IpAddr;

use super::phrases::{count, list, span};
use super::{Evidence, Frame, Step};
use crate::engine::rows::NameRow;
use crate::sink::address::address;
use crate::sink::words;

/// Other lookups told in full.
const OTHERS_AT_MOST: usize = 8;

pub fn step(evidence: &Evidence) -> Step {
    let mut step = Step::new("lookup", "What DNS had told");
    let flow = evidence.flow;
    let answer = evidence.answer();
    match (answer, evidence.mark("dns")) {
        (Some(row), _) => {
            tell_answer(evidence, row, &mut step);
            tell_age(evidence, row, &mut step);
        }
        (None, Some(at)) => {
            step.rest_on(at);
            step.say(format!("The DNS answer is in {}.", evidence.frame(at)));
        }
        (None, None) => nothing(evidence, &mut step),
    }
    let mut others: Vec<&NameRow> = evidence
        .lookups
        .iter()
        .filter(|row| answer.is_none_or(|answer| !std::ptr::eq(*row, answer)))
        .collect();
    // The newest matter most.
    let untold = others.len().saturating_sub(OTHERS_AT_MOST);
    others.drain(..untold);
    let hidden = untold as u64 + evidence.more_lookups;
    if !others.is_empty() {
        step.say("Other lookups of before the flow that speak of its name or of its server's address:");
    }
    for row in others {
        let frame = at(row);
        step.say(format!(
            "{}: {}",
            evidence.frame(frame),
            sentence(row, flow.nanoseconds)
        ));
        step.rest_on(frame);
    }
    if hidden > 0 {
        step.say(format!("And {} before these.", count(hidden, "such lookup")));
    }
    step
}

fn at(row: &NameRow) -> Frame {
    Frame {
        ordinal: row.ordinal,
        number: row.frame,
    }
}

fn tell_answer(evidence: &Evidence, row: &NameRow, step: &mut Step) {
    let flow = evidence.flow;
    let frame = at(row);
    step.rest_on(frame);
    step.say(format!(
        "In {}, {}",
        evidence.frame(frame),
        sentence(row, flow.nanoseconds)
    ));
    if !flow.naming.via.is_empty() && flow.naming.via != row.chain {
        step.say(format!(
            "From the flow's name the chain of aliases (CNAME) to its server is: {}.",
            list(&flow.naming.via)
        ));
    }
    match row.client {
        Some(client) if client != flow.client.ip => step.say(format!(
            "That answer went to {}, another client: what this flow's own client had been told of the address was not seen.",
            address(client).as_str()
        )),
        None => step.say("It is an announcement to everybody on the link; this client need not have read it."),
        Some(_) => {}
    }
    if let Some(name) = &flow.naming.name
        && row.query != *name
    {
        let passes = match row.chain.contains(name) {
            true => "its chain passes through that name",
            false => "that is another name",
        };
        step.say(format!(
            "The question was for {}, while the flow's name is {name}: {passes}.",
            row.query
        ));
    }
}

fn tell_age(evidence: &Evidence, row: &NameRow, step: &mut Step) {
    let flow = evidence.flow;
    let age = flow.start_ns.saturating_sub(row.time_ns);
    let first = evidence.frame(Frame {
        ordinal: flow.ordinal,
        number: flow.frames.first,
    });
    let fresh = match row.ttl {
        Some(ttl) if age <= u64::from(ttl) * 1_000_000_000 => {
            format!("within its time to live of {ttl} s")
        }
        Some(ttl) => {
            format!(
                "after its time to live of {ttl} s was over, which some programs ignore; the client may have asked again unseen"
            )
        }
        None => "and it gave no time to live".to_owned(),
    };
    step.say(format!(
        "It was {} old when the flow's first packet ({first}) was sent: {fresh}.",
        span(age)
    ));
}

fn nothing(evidence: &Evidence, step: &mut Step) {
    let flow = evidence.flow;
    let (server, client) = (address(flow.server.ip), address(flow.client.ip));
    let (server, client) = (server.as_str(), client.as_str());
    let is_hidden = hides(evidence, flow.client.ip);
    let gave_it = |row: &NameRow| row.addresses.contains(&flow.server.ip);
    if evidence.lookups.iter().any(gave_it) {
        step.say(format!(
            "Answers of before the flow gave {client} the address {server} (see below), but nothing here rests on them: {}.",
            if flow.tls.as_deref().is_some_and(|tls| tls.cover) {
                "the client hid the name that it asked for, and what DNS says of an address that many share would be a guess"
            } else if is_hidden {
                "the client has used an encrypted resolver since, so they may be stale"
            } else {
                "they are for other names, or too old"
            }
        ));
        return;
    }
    step.say(format!(
        "No DNS answer was seen that had given {client} the address {server} before the flow began."
    ));
    step.say(match is_hidden {
        true => format!(
            "{client} was seen at an encrypted resolver (DNS over HTTPS, TLS or QUIC) in this capture: it may have asked there, where nobody can read it."
        ),
        false => "It may have been answered before the capture began, by a way that was not captured, or by a file on the client; or \
                  the address was used without a name."
            .to_owned(),
    });
}

fn hides(evidence: &Evidence, client: IpAddr) -> bool {
    evidence
        .captures
        .iter()
        .any(|capture| capture.hidden_clients.contains(&client))
}

/// What one lookup was, from its time on.
fn sentence(row: &NameRow, nanoseconds: bool) -> String {
    let when = crate::sink::text::time(row.time_ns, nanoseconds || row.nanoseconds);
    let (when, resolver) = (when.as_str(), address(row.resolver));
    let resolver = resolver.as_str();
    let kind = words::query_type(row.qtype);
    let query = &row.query;
    let proto = row.transport;
    let Some(client) = row.client else {
        return format!(
            "at {when}, {resolver} announced by mDNS: {query} ({kind}) is {}.",
            addresses(row)
        );
    };
    let client = address(client);
    let client = client.as_str();
    match row.rcode {
        None => format!("at {when}, {client} asked {resolver} over {proto} for {query} ({kind}); no answer was seen."),
        Some(0) if row.addresses.is_empty() => format!(
            "at {when}, the resolver {resolver} answered {client} over {proto}: {query} ({kind}) has no address here{}.",
            chain(row)
        ),
        Some(0) => format!(
            "at {when}, the resolver {resolver} answered {client} over {proto}: {query} ({kind}){} is at {}{}.",
            chain(row),
            addresses(row),
            row.ttl.map(|ttl| format!(", for {ttl} s")).unwrap_or_default()
        ),
        code => format!(
            "at {when}, the resolver {resolver} answered {client} over {proto}: {} for {query} ({kind}).",
            words::response_code(code)
        ),
    }
}

fn chain(row: &NameRow) -> String {
    match row.chain.is_empty() {
        true => String::new(),
        false => format!(", by way of {},", list(&row.chain)),
    }
}

fn addresses(row: &NameRow) -> String {
    list(row.addresses.iter().map(|ip| address(*ip).as_str().to_owned()))
}
