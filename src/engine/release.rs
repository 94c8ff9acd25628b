//! A finished flow becomes a row: who was the client, what is its name, what does the policy say.

use super::cold::FlowCold;
use super::course;
use super::hidden::encrypted_dns;
use super::lookup::SeenLookup;
use super::naming;
use super::press::Desk;
use super::rows::{FlowRow, FrameMarks, NameRow, OutIn};
use super::tally::Tallies;
use crate::evidence::dns_answers::DnsKind;
use crate::evidence::model::{App, EvidenceKind, Quality, TlsFacts};
use crate::evidence::probe::Findings;
use crate::evidence::tls_handshake::TlsMarks;
use crate::flow::attempt::Attempt;
use crate::flow::counters::{Exit, FlowHot};
use crate::flow::id::CommunityId;
use crate::flow::key::{FlowKey, Side};
use crate::flow::stamp::Stamp;
use crate::names::covers::Covers;
use crate::policy::judge::FlowFacts;
use crate::wire::packet::protocol;

/// Names and judges a flow, and counts it; None if nobody wants its row. What the row holds is taken out of the cold part.
pub fn flow_row(hot: &FlowHot, cold: &mut FlowCold, desk: &Desk<'_>, tallies: &mut Tallies) -> Option<FlowRow> {
    let FlowCold {
        findings,
        vlans,
        tunnels,
        told,
        ..
    } = cold;
    note_cover(findings, hot.first, desk.covers);
    let client = client_side(hot, findings);
    let (key, server) = (&hot.key, client.other());
    let told = told[server.index()].as_deref().unwrap_or_default();
    let hidden = encrypted_dns(hot, findings).map(|(kind, _)| kind);
    let hiding = desk.hidden.since(key.end(client).ip, hot.first);
    let named = naming::choose(findings, told, hiding, hot.first);
    let mut naming = named.naming;
    let quality = quality(hot, findings);
    let (ours, theirs) = (client.index(), server.index());
    let packets = OutIn {
        out: u64::from(hot.packets[ours]),
        r#in: u64::from(hot.packets[theirs]),
    };
    let app = if is_icmp(key) { App::Icmp } else { findings.app };
    let tls_in_quic = has_tls_in_quic(findings, server);
    // A handshake of which nothing was read has nothing to show.
    let tls = findings.tls.take().filter(|tls| **tls != TlsFacts::default());

    let mut facts = FlowFacts {
        protocol: key.protocol,
        client: key.end(client),
        server: key.end(server),
        app,
        tls: tls.as_deref(),
        name: naming.name.as_ref(),
        kind: naming.kind,
        via: &naming.via,
        dns_seen: naming.asked.as_ref().is_some_and(|(_, own)| *own),
        asked_itself: named.asked_itself,
        candidates: &naming.candidates,
        asked: naming.asked.as_ref().filter(|(_, own)| *own).map(|(name, _)| name),
        proxy_host: findings.proxy_host.as_ref(),
        proxy_port: findings.proxy_port,
        carried: findings.carried,
        quality,
        server_payload: hot.attempt.sent_data(server) || key.protocol != protocol::TCP && packets.r#in > 0,
        client_payload: hot.attempt.sent_data(client) || key.protocol != protocol::TCP && packets.out > 0,
        established: is_answered(hot, server),
        tls_in_quic,
        start_ns: hot.first.ns,
        course: course::of(hot, findings, client, desk.now_ns),
    };
    let ordinal = hot.first.ordinal();
    let tally = tallies.of(ordinal);
    tally.flow(quality, tls.as_ref().is_some_and(|tls| tls.ech));
    if let Some(kind) = hidden {
        tally.hidden(kind, key.end(client).ip);
    }
    let identified = desk.policy.identify(&facts);
    if !desk.outlet.wants(identified.primary(), naming.name.is_some()) {
        return None;
    }
    course::ask_others(&mut facts, hot, identified.primary().is_some(), desk);
    let verdict = desk.policy.judge_identified(&facts, &identified);
    let failure = verdict
        .block()
        .filter(|block| block.has_frame())
        .and_then(|_| hot.failure());
    if naming.name.is_none() && !verdict.matches.is_empty() {
        naming.kind = EvidenceKind::Address;
    }
    Some(FlowRow {
        id: CommunityId::of(key, hot.sender),
        start_ns: hot.first.ns,
        end_ns: hot.last.ns,
        nanoseconds: desk.is_fine(ordinal),
        protocol: key.protocol,
        client: key.end(client),
        server: key.end(server),
        proxy_port: findings.proxy_port,
        sequences: [hot.start(client), hot.start(server)],
        packets,
        bytes: OutIn {
            out: hot.bytes[ours],
            r#in: hot.bytes[theirs],
        },
        tcp: (key.protocol == protocol::TCP && key.ported).then(|| hot.attempt.state(client)),
        vlans: vlans.as_slice().to_vec(),
        tunnel: tunnels.text(),
        app,
        tls,
        quic: findings.quic,
        frames: frame_marks(hot, &findings.marks, named.dns, failure),
        naming,
        ordinal,
        quality,
        verdict,
    })
}

/// A hello with the extension whose name was known to cover another when it was said.
fn note_cover(findings: &mut Findings, begin: Stamp, covers: &Covers) {
    let said = findings.marks.hello.stamp().unwrap_or(begin);
    if let Some(tls) = &mut findings.tls {
        tls.cover = tls.ech && tls.sni.as_ref().is_some_and(|sni| covers.is_cover(sni, said));
    }
}

/// Who asked whom, decided over the whole flow: the SYN, then the hello, then the port, then the first packet.
pub(super) fn client_side(hot: &FlowHot, findings: &Findings) -> Side {
    hot.attempt
        .client()
        .or(findings.client)
        .or_else(|| client_by_port(&hot.key))
        .unwrap_or(hot.sender)
}

/// The end whose port is a service's has been asked.
pub(super) fn client_by_port(key: &FlowKey) -> Option<Side> {
    if !key.ported {
        return None;
    }
    match (is_service(key.lo_port), is_service(key.hi_port)) {
        (true, false) => Some(Side::Hi),
        (false, true) => Some(Side::Lo),
        _ => None,
    }
}

/// RFC 6335 section 6: system ports are below 1024; beyond them, those that the flows judged here are served on.
fn is_service(port: u16) -> bool {
    matches!(port, 0..=1023 | 3478..=3481 | 5353 | 5355 | 6380 | 8080 | 8443)
}

fn is_icmp(key: &FlowKey) -> bool {
    matches!(key.protocol, protocol::ICMP | protocol::ICMPV6)
}

/// The server has answered: its SYN-ACK or more in TCP, any packet else.
fn is_answered(hot: &FlowHot, server: Side) -> bool {
    if hot.key.protocol == protocol::TCP {
        hot.attempt.went_on(server)
    } else {
        hot.packets[server.index()] > 0
    }
}

/// The server went on in a version of QUIC whose handshake is TLS; seen even where the ServerHello was not.
fn has_tls_in_quic(findings: &Findings, server: Side) -> bool {
    let [lo, hi] = findings.quic_went_on;
    let went_on = if server == Side::Lo { lo } else { hi };
    went_on && findings.quic.is_some_and(|version| version.dialect().has_tls())
}

fn quality(hot: &FlowHot, findings: &Findings) -> Quality {
    let mut quality = findings.quality;
    if hot.exit == Exit::Evicted {
        quality.add(Quality::EVICTED);
    }
    if hot.key.protocol == protocol::TCP && hot.key.ported {
        if !hot.attempt.saw_start() {
            quality.add(Quality::MIDSTREAM);
        }
        if is_one_sided(hot.attempt) {
            quality.add(Quality::ONE_SIDED);
        }
    }
    if let Some(tls) = &findings.tls
        && tls.ech
        && !tls.cover
    {
        quality.add(Quality::ECH_POSSIBLE);
    }
    quality
}

/// One side goes on as if it had been answered, and no answer was captured.
fn is_one_sided(attempt: Attempt) -> bool {
    attempt.went_on(Side::Lo) != attempt.went_on(Side::Hi)
        && [Side::Lo, Side::Hi]
            .into_iter()
            .any(|side| attempt.went_on(side) && !attempt.sent_anything(side.other()))
}

/// Judges a question and its answer.
pub fn name_row(seen: SeenLookup, desk: &Desk<'_>) -> NameRow {
    let is_failure = seen.is_failure(desk.now_ns, desk.answers, desk.replies) && !seen.may_be_lost(desk.dropped_ns);
    let SeenLookup { lookup, key, .. } = seen;
    let (asker, resolver) = (key.end(lookup.asker), key.end(lookup.asker.other()));
    let at = lookup.answered_at.or(lookup.asked_at).unwrap_or_default();
    let is_mdns = lookup.kind == DnsKind::Mdns;
    let (matches, mut flags) = desk
        .policy
        .judge_name(&lookup.query, lookup.rcode, &lookup.addresses, &lookup.chain);
    if !is_failure {
        flags.clear();
    }
    NameRow {
        time_ns: at.ns,
        nanoseconds: desk.is_fine(at.ordinal()),
        client: (!is_mdns).then_some(asker.ip),
        resolver: resolver.ip,
        ports: asker.port.zip(resolver.port).filter(|_| !is_mdns),
        id: CommunityId::of(&key, lookup.asker),
        transport: match lookup.kind {
            DnsKind::Mdns => "mdns",
            DnsKind::Llmnr => "llmnr",
            DnsKind::Dns if key.protocol == protocol::TCP => "tcp",
            DnsKind::Dns => "udp",
        },
        query: lookup.query,
        qtype: lookup.qtype,
        rcode: lookup.rcode,
        chain: lookup.chain,
        addresses: lookup.addresses,
        ttl: lookup.ttl,
        frame: at.frame(),
        ordinal: at.ordinal(),
        matches,
        flags,
    }
}

/// Where the proof is; what lies in another input than the flow's beginning is told apart.
fn frame_marks(hot: &FlowHot, marks: &TlsMarks, dns: Option<Stamp>, failure: Option<Stamp>) -> FrameMarks {
    let all = [
        ("hello", marks.hello.ordinal()),
        ("server_hello", marks.server_hello.ordinal()),
        ("cert", marks.certificate.ordinal()),
        ("dns", dns.map(Stamp::ordinal)),
        ("blocked", failure.map(Stamp::ordinal)),
        ("last", Some(hot.last.ordinal())),
    ];
    let home = hot.first.ordinal();
    let elsewhere = all
        .into_iter()
        .filter_map(|(name, at)| Some((name, at?)))
        .filter(|(_, at)| *at != home);
    FrameMarks {
        first: hot.first.frame(),
        hello: marks.hello.frame(),
        server_hello: marks.server_hello.frame(),
        certificate: marks.certificate.frame(),
        dns: dns.map(Stamp::frame),
        blocked: failure.map(Stamp::frame),
        last: hot.last.frame(),
        elsewhere: elsewhere.collect(),
    }
}
