//! Documents of a flow, and of its flags.

use super::super::Labels;
use super::super::explain::ciphers;
use super::super::json::{Object, Plain, key};
use super::super::text::{self, Short};
use super::{alert, related};
use crate::engine::rows::FlowRow;
use crate::evidence::model::{App, Certificate, TlsFacts, TlsVersion};
use crate::policy::verdict::{Flag, Reach};
use crate::wire::packet::protocol;

pub fn event(document: &mut Object<'_>, row: &FlowRow) {
    let time = |ns| text::time(ns, row.nanoseconds);
    document.put(key!("@timestamp"), time(row.start_ns));
    document.object(key!("event"), |event| {
        event.put(key!("kind"), Plain("event"));
        event.list(key!("category"), [Plain("network")]);
        event.list(key!("type"), types(row).iter().copied().map(Plain));
        event.put(key!("outcome"), Plain(outcome(row)));
        event.put(key!("start"), time(row.start_ns));
        event.put(key!("end"), time(row.end_ns));
        event.put(key!("duration"), row.end_ns.saturating_sub(row.start_ns));
        event.put(key!("module"), Plain("flowsift"));
        event.put(key!("dataset"), Plain("flowsift.flow"));
    });
    // The client is the source in every document: who began.
    for (role, is_client) in [
        (key!("source"), true),
        (key!("client"), true),
        (key!("destination"), false),
        (key!("server"), false),
    ] {
        let counts = match is_client {
            true => (row.packets.out, row.bytes.out),
            false => (row.packets.r#in, row.bytes.r#in),
        };
        document.object(role, |end| {
            peer(end, row, is_client);
            end.put(key!("packets"), counts.0);
            end.put(key!("bytes"), counts.1);
        });
    }
    network(document, row, true);
    if let Some(facts) = row.tls.as_deref() {
        document.object(key!("tls"), |it| tls(it, row, facts));
    }
    let name = row.naming.name.as_ref().map(|name| name.as_str());
    related(document, [Some(row.client.ip), Some(row.server.ip)], name);
}

pub fn raised(document: &mut Object<'_>, row: &FlowRow, flag: &Flag, labels: &Labels) {
    document.put(key!("@timestamp"), text::time(row.start_ns, row.nanoseconds));
    alert(document, flag, labels);
    document.object(key!("source"), |end| peer(end, row, true));
    document.object(key!("destination"), |end| peer(end, row, false));
    network(document, row, false);
    if let Some(sni) = row.tls.as_deref().and_then(|facts| facts.sni.as_ref()) {
        document.object(key!("tls"), |tls| {
            tls.object(key!("client"), |client| client.put(key!("server_name"), sni))
        });
    }
    let name = row.naming.name.as_ref().map(|name| name.as_str());
    related(document, [Some(row.client.ip), Some(row.server.ip)], name);
}

fn types(row: &FlowRow) -> &'static [&'static str] {
    match row.verdict.reach {
        Reach::Blocked => &["connection", "end", "denied"],
        _ => &["connection", "end"],
    }
}

fn outcome(row: &FlowRow) -> &'static str {
    match row.verdict.reach {
        Reach::Reached => "success",
        Reach::Blocked => "failure",
        Reach::Unclear(_) => "unknown",
    }
}

fn peer(end: &mut Object<'_>, row: &FlowRow, is_client: bool) {
    let endpoint = if is_client { row.client } else { row.server };
    end.put(key!("address"), endpoint.ip);
    end.put(key!("ip"), endpoint.ip);
    end.maybe(key!("port"), endpoint.port);
    if !is_client {
        end.maybe(key!("domain"), row.naming.name.as_ref());
    }
}

fn network(document: &mut Object<'_>, row: &FlowRow, counts: bool) {
    document.object(key!("network"), |network| {
        network.put(
            key!("type"),
            Plain(if row.client.ip.is_ipv4() { "ipv4" } else { "ipv6" }),
        );
        network.maybe(key!("transport"), transport(row.protocol).map(Plain));
        network.put(key!("iana_number"), Short::of(format_args!("{}", row.protocol)));
        network.maybe(
            key!("protocol"),
            (row.app != App::Unknown).then_some(Plain(row.app.as_str())),
        );
        network.put(key!("community_id"), row.id);
        if counts {
            network.put(key!("packets"), row.packets.out + row.packets.r#in);
            network.put(key!("bytes"), row.bytes.out + row.bytes.r#in);
        }
        let tag = |id: &u16| Short::of(format_args!("{id}"));
        if let Some(outer) = row.vlans.first() {
            network.object(key!("vlan"), |vlan| vlan.put(key!("id"), tag(outer)));
        }
        if let Some(inner) = row.vlans.get(1) {
            network.object(key!("inner"), |it| {
                it.object(key!("vlan"), |vlan| vlan.put(key!("id"), tag(inner)))
            });
        }
    });
}

/// IANA's names, in lower case.
fn transport(number: u8) -> Option<&'static str> {
    Some(match number {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::ICMP => "icmp",
        protocol::ICMPV6 => "ipv6-icmp",
        protocol::SCTP => "sctp",
        _ => return None,
    })
}

fn tls(tls: &mut Object<'_>, row: &FlowRow, facts: &TlsFacts) {
    if let Some(version) = facts.version {
        let (family, number) = version_parts(version);
        tls.put(key!("version"), number);
        tls.put(key!("version_protocol"), Plain(family));
    }
    tls.maybe(
        key!("cipher"),
        facts.cipher.map(|suite| match ciphers::standard_name(suite) {
            Some(name) => Short::from(name),
            None => Short::of(format_args!("0x{suite:04x}")),
        }),
    );
    tls.maybe(
        key!("established"),
        match row.verdict.reach {
            Reach::Reached => Some(true),
            Reach::Blocked => Some(false),
            Reach::Unclear(_) => None,
        },
    );
    if let Some(sni) = &facts.sni {
        tls.object(key!("client"), |client| client.put(key!("server_name"), sni));
    }
    if let Some(cert) = facts.certificate.as_deref() {
        tls.object(key!("server"), |server| certificate(server, cert));
    }
}

/// `tls` and `1.2`; `ssl` and `3.0`.
fn version_parts(version: TlsVersion) -> (&'static str, Short) {
    let number = Short::of(format_args!("{version}"));
    match version {
        TlsVersion::SSL2 => ("ssl", Short::from("2.0")),
        TlsVersion::SSL3 => ("ssl", Short::from("3.0")),
        TlsVersion(0xfeff | 0xfefd | 0xfefc | 0x0100) => ("dtls", number),
        _ => ("tls", number),
    }
}

fn certificate(server: &mut Object<'_>, cert: &Certificate) {
    server.text_if_any(key!("subject"), &cert.subject);
    server.text_if_any(key!("issuer"), &cert.issuer);
    server.put(key!("not_before"), text::time_of_seconds(cert.not_before));
    server.put(key!("not_after"), text::time_of_seconds(cert.not_after));
    server.object(key!("x509"), |x509| {
        x509.list_if_any(key!("alternative_names"), &cert.names);
        for (who, name) in [(key!("subject"), &cert.subject), (key!("issuer"), &cert.issuer)] {
            x509.object(who, |it| it.text_if_any(key!("distinguished_name"), name));
        }
        x509.put(key!("not_before"), text::time_of_seconds(cert.not_before));
        x509.put(key!("not_after"), text::time_of_seconds(cert.not_after));
    });
}

/// What the schema has no fields for.
pub fn ours(document: &mut Object<'_>, row: &FlowRow, labels: &Labels) {
    let policy = &labels.policy;
    let primary = row.verdict.matches.first().and_then(|id| policy.row(*id));
    document.object(key!("flowsift"), |ours| {
        ours.put(
            key!("class"),
            policy.class(&row.verdict.matches, row.naming.name.is_some()),
        );
        ours.maybe(key!("endpoint"), primary.map(|row| &row.id));
        ours.maybe(key!("line"), primary.map(|row| &row.line));
        ours.put(key!("verdict"), Plain(row.verdict.standing.as_str()));
        ours.list(
            key!("flags"),
            row.verdict.flags.iter().map(|flag| Plain(flag.kind.as_str())),
        );
        let how = row.verdict.flags.iter().find_map(|flag| flag.how);
        ours.maybe(key!("blocked_how"), how.map(|how| Plain(how.as_str())));
        ours.put(key!("evidence"), Plain(row.naming.kind.as_str()));
        ours.list_if_any(key!("via"), &row.naming.via);
        ours.list_if_any(key!("candidates"), &row.naming.candidates);
        ours.list(key!("quality"), row.quality.words().map(Plain));
        ours.maybe(key!("tcp"), row.tcp.map(|state| Plain(state.as_str())));
        ours.maybe(key!("tunnel"), row.tunnel.as_deref());
        if let Some(facts) = row.tls.as_deref() {
            ours.maybe(key!("ja4"), facts.ja4.as_deref());
            ours.list_if_any(key!("alpn"), facts.alpn.iter());
            ours.maybe(key!("ech"), facts.hello.then_some(facts.ech));
        }
        ours.maybe(
            key!("quic_version"),
            row.quic.map(|version| Short::of(format_args!("{version}"))),
        );
        ours.object(key!("frames"), |frames| {
            frames.put(key!("first"), row.frames.first);
            frames.maybe(key!("hello"), row.frames.hello);
            frames.maybe(key!("blocked"), row.frames.blocked);
            frames.put(key!("last"), row.frames.last);
        });
    });
}
