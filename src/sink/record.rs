//! The records: from rows to lines. This file is the schema of the JSON Lines.
//!
//! Fields stand in the order in which they are written. A field without a value is left out (`maybe`, `list_if_any`); only
//! `quality`, `matches`, `flags` and `link` are always there, as lists that may be empty. Numbers are JSON numbers, times are
//! RFC 3339 in UTC. Each function adds one line, from what it is given and nothing else: any number of threads may write.

use super::json::{self, Made, Object, Plain, Thousandths, key};
use super::text::{self, Short};
use super::{Labels, PolicyNames, words};
use crate::engine::rows::{Blind, CaptureRow, FlowRow, FragmentCounts, FrameMarks, NameRow, Naming, OutIn};
use crate::evidence::model::{Certificate, TlsFacts, TlsVersion};
use crate::flow::key::Endpoint;
use crate::policy::verdict::Flag;

/// `{"type":"flow",...}`: one finished flow, named and judged.
pub fn flow(row: &FlowRow, labels: &Labels, out: &mut Vec<u8>) {
    let policy = &labels.policy;
    let verdict = &row.verdict;
    let rows = || verdict.matches.iter().filter_map(|id| policy.row(*id));
    let primary = verdict.matches.first().and_then(|id| policy.row(*id));
    let start = text::time(row.start_ns, row.nanoseconds);
    // A flow of one packet, and captures are full of them, ends when it begins.
    let end = match row.end_ns == row.start_ns {
        true => start,
        false => text::time(row.end_ns, row.nanoseconds),
    };
    json::line(out, |flow| {
        flow.put(key!("type"), Plain("flow"));
        flow.put(key!("id"), row.id);
        flow.put(key!("start"), start);
        flow.put(key!("end"), end);
        flow.put(key!("proto"), words::ip_protocol(row.protocol));
        flow.object(key!("client"), |it| peer(it, row.client));
        flow.object(key!("server"), |it| peer(it, row.server));
        flow.object(key!("packets"), |it| pair(it, row.packets));
        flow.object(key!("bytes"), |it| pair(it, row.bytes));
        flow.maybe(key!("tcp"), row.tcp.map(|state| Plain(state.as_str())));
        flow.list_if_any(key!("vlan"), &row.vlans);
        flow.maybe(key!("tunnel"), row.tunnel.as_deref());
        flow.put(key!("app"), Plain(row.app.as_str()));
        if let Some(facts) = row.tls.as_deref() {
            flow.object(key!("tls"), |it| tls(it, facts));
        }
        if let Some(version) = row.quic {
            flow.object(key!("quic"), |quic| {
                quic.put(key!("version"), Short::of(format_args!("{version}")))
            });
        }
        flow.maybe(key!("name"), row.naming.name.as_ref());
        flow.object(key!("evidence"), |it| evidence(it, &row.naming));
        flow.object(key!("frames"), |it| frames(it, &row.frames, row.ordinal, labels));
        flow.list(key!("quality"), row.quality.words().map(Plain));
        flow.put(key!("class"), policy.class(&verdict.matches, row.naming.name.is_some()));
        flow.maybe(key!("endpoint"), primary.map(|row| &row.id));
        flow.maybe(key!("line"), primary.map(|row| &row.line));
        flow.list(key!("matches"), rows().map(|row| &row.id));
        flow.put(key!("verdict"), Plain(verdict.standing.as_str()));
        flow.objects(key!("flags"), &verdict.flags, |it, held| flag(it, held, policy));
    });
}

/// `{"type":"name",...}`: one question and its answer.
pub fn name(row: &NameRow, labels: &Labels, out: &mut Vec<u8>) {
    json::line(out, |name| {
        name.put(key!("type"), Plain("name"));
        name.put(key!("time"), text::time(row.time_ns, row.nanoseconds));
        name.maybe(key!("client"), row.client);
        name.put(key!("resolver"), row.resolver);
        name.put(key!("proto"), Plain(row.transport));
        name.put(key!("query"), &row.query);
        name.put(key!("qtype"), words::query_type(row.qtype));
        name.put(key!("rcode"), words::response_code(row.rcode));
        name.list_if_any(key!("chain"), &row.chain);
        name.list_if_any(key!("addresses"), &row.addresses);
        name.maybe(key!("ttl"), row.ttl);
        name.maybe(key!("file"), labels.file(row.ordinal));
        name.put(key!("frame"), row.frame);
        name.put(key!("class"), labels.policy.class(&row.matches, true));
        name.objects(key!("flags"), &row.flags, |it, held| flag(it, held, &labels.policy));
    });
}

/// `{"type":"capture",...}`: one input, after everything else.
pub fn capture(row: &CaptureRow, labels: &Labels, out: &mut Vec<u8>) {
    let time = |ns| text::time(ns, row.nanoseconds);
    json::line(out, |capture| {
        capture.put(key!("type"), Plain("capture"));
        capture.put(key!("file"), &row.file);
        capture.maybe(key!("sha256"), row.sha256.as_deref());
        capture.list(key!("link"), &row.links);
        capture.put(key!("packets"), row.packets);
        capture.put(key!("bytes"), row.bytes);
        capture.maybe(key!("first"), row.first_ns.map(time));
        capture.maybe(key!("last"), row.last_ns.map(time));
        capture.object(key!("undecoded"), |reasons| {
            for (reason, count) in &row.undecoded {
                reasons.put_named(reason, *count);
            }
        });
        capture.object(key!("dropped"), |dropped| {
            dropped.put(key!("kernel"), row.dropped_by_kernel.unwrap_or(0));
            dropped.put(key!("interface"), row.dropped_by_interface.unwrap_or(0));
        });
        capture.put(key!("duplicates"), row.duplicates);
        // Left out where there was no fragment.
        if row.fragments != FragmentCounts::default() {
            capture.object(key!("fragments"), |it| fragments(it, row.fragments));
        }
        capture.put(key!("flows"), row.flows);
        capture.object(key!("blind"), |it| blind(it, row.blind));
        capture.list_if_any(key!("hidden_clients"), &row.hidden_clients);
        capture.object(key!("policy"), |policy| {
            policy.put(key!("name"), &labels.policy.name);
            policy.text_if_any(key!("sha256"), &labels.policy.sha256);
        });
        capture.put(key!("flowsift"), Plain(env!("CARGO_PKG_VERSION")));
    });
}

/// One end of a flow: always an object, without a port where there is none.
pub(super) fn peer(peer: &mut Object<'_>, end: Endpoint) {
    peer.put(key!("ip"), end.ip);
    peer.maybe(key!("port"), end.port);
}

/// `out` is from the client.
fn pair(pair: &mut Object<'_>, counts: OutIn) {
    pair.put(key!("out"), counts.out);
    pair.put(key!("in"), counts.r#in);
}

/// See [`TlsVersion::rank`].
const RANK_OF_1_3: u8 = 5;

fn tls(tls: &mut Object<'_>, facts: &TlsFacts) {
    tls.maybe(key!("sni"), facts.sni.as_ref());
    // Where the hello had that format.
    tls.maybe(key!("hello"), facts.sslv2_hello.then_some(Plain("sslv2")));
    // Negotiated.
    tls.maybe(key!("version"), facts.version.map(version));
    tls.list_if_any(key!("offered"), facts.offered.iter().copied().map(version));
    tls.list_if_any(key!("alpn"), facts.alpn.iter());
    tls.maybe(key!("ja4"), facts.ja4.as_deref());
    // As specifications write it: `0xc02f`.
    tls.maybe(
        key!("cipher"),
        facts.cipher.map(|suite| Short::of(format_args!("0x{suite:04x}"))),
    );
    // Left out where no hello was read.
    tls.maybe(key!("ech"), facts.hello.then_some(facts.ech));
    // Written only where the wire tells: before 1.3 nobody can have accepted it.
    let refused = facts.ech
        && facts
            .version
            .and_then(TlsVersion::rank)
            .is_some_and(|rank| rank < RANK_OF_1_3);
    tls.maybe(key!("ech_accepted"), refused.then_some(false));
    // Written only where it is true.
    tls.maybe(key!("cover"), facts.cover.then_some(true));
    if let Some(read) = &facts.certificate {
        tls.object(key!("cert"), |it| certificate(it, read));
    }
}

fn certificate(cert: &mut Object<'_>, read: &Certificate) {
    cert.text_if_any(key!("subject"), &read.subject);
    cert.text_if_any(key!("issuer"), &read.issuer);
    cert.list_if_any(key!("names"), &read.names);
    cert.put(key!("not_before"), text::time_of_seconds(read.not_before));
    cert.put(key!("not_after"), text::time_of_seconds(read.not_after));
}

fn evidence(evidence: &mut Object<'_>, naming: &Naming) {
    // Rounded down: an answer is never shown older than it was.
    let milliseconds = |ns| Thousandths(ns / 1_000_000);
    evidence.put(key!("kind"), Plain(naming.kind.as_str()));
    evidence.list_if_any(key!("via"), &naming.via);
    evidence.list_if_any(key!("candidates"), &naming.candidates);
    evidence.maybe(key!("age_s"), naming.age_ns.map(milliseconds));
}

fn frames(frames: &mut Object<'_>, marks: &FrameMarks, ordinal: u32, labels: &Labels) {
    frames.maybe(key!("file"), labels.file(ordinal));
    frames.put(key!("first"), marks.first);
    frames.maybe(key!("hello"), marks.hello);
    frames.maybe(key!("server_hello"), marks.server_hello);
    frames.maybe(key!("cert"), marks.certificate);
    frames.maybe(key!("dns"), marks.dns);
    frames.maybe(key!("blocked"), marks.blocked);
    frames.put(key!("last"), marks.last);
    // The input of those that are not in `file`, by their names here.
    if !marks.elsewhere.is_empty() && !labels.files.is_empty() {
        frames.object(key!("elsewhere"), |elsewhere| {
            for (name, ordinal) in &marks.elsewhere {
                if let Some(file) = labels.file(*ordinal) {
                    elsewhere.put_named(name, file);
                }
            }
        });
    }
}

fn flag(flag: &mut Object<'_>, held: &Flag, policy: &PolicyNames) {
    flag.put(key!("flag"), Plain(held.kind.as_str()));
    flag.put(key!("severity"), Plain(held.severity.as_str()));
    flag.maybe(key!("how"), held.how.map(|how| Plain(how.as_str())));
    flag.put(
        key!("why"),
        Made(|out: &mut Vec<u8>| policy.wording.tell(&held.why, out)),
    );
}

/// `pieces` are packets; the rest are datagrams, each counted once, in the input that its first piece is in.
fn fragments(fragments: &mut Object<'_>, counts: FragmentCounts) {
    fragments.put(key!("pieces"), counts.pieces);
    fragments.put(key!("joined"), counts.joined);
    fragments.put(key!("overlap"), counts.overlap);
    fragments.put(key!("invalid"), counts.invalid);
    fragments.put(key!("incomplete"), counts.incomplete);
    fragments.put(key!("evicted"), counts.evicted);
}

fn blind(blind: &mut Object<'_>, flows: Blind) {
    blind.put(key!("cut"), flows.cut);
    blind.put(key!("gap"), flows.gap);
    blind.put(key!("midstream"), flows.midstream);
    blind.put(key!("one-sided"), flows.one_sided);
    blind.put(key!("ech"), flows.ech);
    blind.put(key!("doh"), flows.doh);
    blind.put(key!("dot"), flows.dot);
    blind.put(key!("evicted"), flows.evicted);
}

fn version(version: TlsVersion) -> Short {
    Short::of(format_args!("{version}"))
}
