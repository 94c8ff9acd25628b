//! Documents of a lookup, and of its flags.

use std::net::IpAddr;

use super::super::json::{Object, Plain, key};
use super::super::{Labels, text, words};
use super::{alert, related};
use crate::engine::rows::NameRow;
use crate::policy::verdict::Flag;

pub fn event(document: &mut Object<'_>, row: &NameRow) {
    document.put(key!("@timestamp"), text::time(row.time_ns, row.nanoseconds));
    document.object(key!("event"), |event| {
        event.put(key!("kind"), Plain("event"));
        event.list(key!("category"), [Plain("network")]);
        event.list(key!("type"), [Plain("protocol"), Plain("info")]);
        event.put(
            key!("outcome"),
            Plain(if row.rcode == Some(0) { "success" } else { "failure" }),
        );
        event.put(key!("module"), Plain("flowsift"));
        event.put(key!("dataset"), Plain("flowsift.dns"));
    });
    ends(document, row);
    document.object(key!("dns"), |dns| {
        dns.put(
            key!("type"),
            Plain(if row.rcode.is_some() { "answer" } else { "query" }),
        );
        question(dns, row);
        dns.maybe(
            key!("response_code"),
            row.rcode.map(|code| words::response_code(Some(code))),
        );
        // A hint of a service record is no answer of its own.
        let addresses: &[IpAddr] = if matches!(row.qtype, 64 | 65) {
            &[]
        } else {
            &row.addresses
        };
        if !row.chain.is_empty() || !addresses.is_empty() {
            answers(dns, row, addresses);
        }
        dns.list_if_any(key!("resolved_ip"), &row.addresses);
    });
    let peers = [row.client, Some(row.resolver)];
    related(document, peers, Some(row.query.as_str()));
}

pub fn raised(document: &mut Object<'_>, row: &NameRow, flag: &Flag, labels: &Labels) {
    document.put(key!("@timestamp"), text::time(row.time_ns, row.nanoseconds));
    alert(document, flag, labels);
    ends(document, row);
    document.object(key!("dns"), |dns| question(dns, row));
    related(document, [row.client, Some(row.resolver)], Some(row.query.as_str()));
}

fn question(dns: &mut Object<'_>, row: &NameRow) {
    dns.object(key!("question"), |question| {
        question.put(key!("name"), &row.query);
        question.put(key!("type"), words::query_type(row.qtype));
    });
}

fn answers(dns: &mut Object<'_>, row: &NameRow, addresses: &[IpAddr]) {
    let owners = std::iter::once(&row.query).chain(&row.chain);
    let holder = owners.clone().last().unwrap_or(&row.query);
    // The smallest is known: of a single record it is the record's.
    let ttl = row.ttl.filter(|_| row.chain.len() + addresses.len() == 1);
    let links = owners.zip(&row.chain).map(|(owner, target)| (owner, Ok(target)));
    let records = links.chain(addresses.iter().map(|ip| (holder, Err(*ip))));
    dns.objects(key!("answers"), records, |answer, (owner, data)| {
        answer.put(key!("name"), owner);
        match data {
            Ok(target) => {
                answer.put(key!("type"), Plain("CNAME"));
                answer.put(key!("data"), target);
            }
            Err(ip) => {
                answer.put(key!("type"), Plain(if ip.is_ipv4() { "A" } else { "AAAA" }));
                answer.put(key!("data"), ip);
            }
        }
        answer.maybe(key!("ttl"), ttl);
    });
}

fn ends(document: &mut Object<'_>, row: &NameRow) {
    let (asker, resolver) = row.ports.unzip();
    let end = |end: &mut Object<'_>, ip: IpAddr, port: Option<u16>| {
        end.put(key!("address"), ip);
        end.put(key!("ip"), ip);
        end.maybe(key!("port"), port);
    };
    if let Some(client) = row.client {
        document.object(key!("source"), |it| end(it, client, asker));
        document.object(key!("client"), |it| end(it, client, asker));
    }
    document.object(key!("destination"), |it| end(it, row.resolver, resolver));
    document.object(key!("server"), |it| end(it, row.resolver, resolver));
    document.object(key!("network"), |network| {
        network.put(
            key!("type"),
            Plain(if row.resolver.is_ipv4() { "ipv4" } else { "ipv6" }),
        );
        network.put(
            key!("transport"),
            Plain(if row.transport == "tcp" { "tcp" } else { "udp" }),
        );
        let protocol = match row.transport {
            special @ ("mdns" | "llmnr") => special,
            _ => "dns",
        };
        network.put(key!("protocol"), Plain(protocol));
        network.put(key!("community_id"), row.id);
    });
}

/// What the schema has no fields for.
pub fn ours(document: &mut Object<'_>, row: &NameRow, labels: &Labels) {
    document.object(key!("flowsift"), |ours| {
        ours.put(key!("class"), labels.policy.class(&row.matches, true));
        ours.list(key!("flags"), row.flags.iter().map(|flag| Plain(flag.kind.as_str())));
        let how = row.flags.iter().find_map(|flag| flag.how);
        ours.maybe(key!("blocked_how"), how.map(|how| Plain(how.as_str())));
        ours.maybe(key!("ttl_min"), row.ttl);
        ours.object(key!("frames"), |frames| frames.put(key!("first"), row.frame));
    });
}
