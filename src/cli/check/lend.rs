//! Rows as the judgement wants them: it knows nothing of the engine's, so each is lent to it as an attempt, a lookup or an input.

use crate::engine::rows::{CaptureRow, FlowRow, NameRow};
use crate::policy::coverage::{Attempt, Input, Lookup, Place};
use crate::policy::model::TCP;
use crate::sink::Labels;

/// Captures come in the order of the inputs; an input without packets may have none. `next` is the first that may be meant.
pub fn input(row: &CaptureRow, labels: &Labels, next: usize) -> Input {
    let mut files = labels.files.iter().enumerate().skip(next);
    let place = files.find(|(_, name)| **name == row.file);
    Input {
        ordinal: place.map_or(next, |(ordinal, _)| ordinal) as u32,
        first_ns: row.first_ns,
        last_ns: row.last_ns,
        dropped: row.dropped_by_kernel.unwrap_or(0) + row.dropped_by_interface.unwrap_or(0),
    }
}

pub fn attempt(row: &FlowRow) -> Attempt<'_> {
    let through_proxy = row.is_proxied();
    let frames = &row.frames;
    // A frame of another input has a number of its own.
    let (hello, answer) = match (frames.elsewhere.is_empty(), frames.blocked) {
        (true, None) => (frames.hello, frames.server_hello),
        (true, failure) => (frames.hello, failure),
        (false, _) => (None, None),
    };
    let last = match frames.elsewhere.iter().any(|(mark, _)| *mark == "last") {
        true => frames.first,
        false => frames.last,
    };
    Attempt {
        client: row.client.ip,
        server: row.server.ip,
        protocol: row.protocol,
        target: match through_proxy {
            true => row.proxy_port.map(|port| (TCP, port)),
            false => row.server.port.map(|port| (row.protocol, port)),
        },
        through_proxy,
        app: row.app,
        name: row.naming.name.as_ref(),
        kind: row.naming.kind,
        own_answer: row.naming.same_host,
        candidates: &row.naming.candidates,
        packets_out: row.packets.out,
        packets_in: row.packets.r#in,
        start_ns: row.start_ns,
        end_ns: row.end_ns,
        place: Place {
            ordinal: row.ordinal,
            first: frames.first,
            last,
            frames: [hello.unwrap_or(frames.first), answer.unwrap_or(last)],
        },
        verdict: &row.verdict,
    }
}

pub fn lookup(row: &NameRow) -> Lookup<'_> {
    Lookup {
        client: row.client,
        resolver: row.resolver,
        query: &row.query,
        answered: row.rcode.is_some(),
        chain: &row.chain,
        addresses: &row.addresses,
        place: Place {
            ordinal: row.ordinal,
            first: row.frame,
            last: row.frame,
            frames: [row.frame; 2],
        },
        matches: &row.matches,
        flags: &row.flags,
    }
}
