//! `dns.log`: one line a lookup.
//!
//! A lookup's record does not know when its flow began: `uid` is unset, and `community_id` joins the two.

use std::net::IpAddr;

use super::super::address::address;
use super::super::text::Short;
use super::super::words::{self, Word};
use super::fields::log;
use crate::engine::rows::NameRow;

log! {
    |row: &NameRow, labels| {
        let records = row.chain.len() + addresses(row).len();
        let answers = row.rcode.map(|_| {
            let links = row.chain.iter().map(|link| link.as_str().to_owned());
            links.chain(addresses(row).iter().map(|ip| address(*ip).as_str().to_owned()))
        });
        // The smallest is known: of a single record it is the record's.
        let ttl = row.ttl.filter(|_| records == 1).map(|ttl| Short::of(format_args!("{ttl}.000000")));
    }
    "ts" "time" seconds Some(row.time_ns);
    "uid" "string" text None;
    "id.orig_h" "addr" addr row.client;
    "id.orig_p" "port" port row.ports.map(|(asker, _)| asker);
    "id.resp_h" "addr" addr Some(row.resolver);
    "id.resp_p" "port" port port(row);
    "proto" "enum" text Some(if row.transport == "tcp" { "tcp" } else { "udp" });
    "trans_id" "count" count None;
    "rtt" "interval" seconds None;
    "query" "string" text Some(row.query.as_str());
    "qclass" "count" count None;
    "qclass_name" "string" text None;
    "qtype" "count" count Some(row.qtype.into());
    "qtype_name" "string" short Some(type_name(row.qtype));
    "rcode" "count" count row.rcode.map(u64::from);
    "rcode_name" "string" short row.rcode.map(|code| words::response_code(Some(code)).short());
    "AA" "bool" truth None;
    "TC" "bool" truth None;
    "RD" "bool" truth None;
    "RA" "bool" truth None;
    "Z" "count" count None;
    "answers" "vector[string]" list answers.filter(|_| records > 0);
    "TTLs" "vector[interval]" list ttl.map(|ttl| [ttl]);
    "rejected" "bool" truth row.rcode.map(|code| code != 0 && records == 0);
    // Ours.
    "min_ttl" "interval" seconds row.ttl.map(|ttl| u64::from(ttl) * 1_000_000_000);
    "community_id" "string" text Some(row.id.as_str());
    "class" "string" text Some(labels.policy.class(&row.matches, true));
    "flags" "set[string]" list Some(row.flags.iter().map(|flag| flag.kind.as_str()));
    "blocked_how" "string" text row.flags.iter().find_map(|flag| flag.how).map(|how| how.as_str());
}

/// Those of A and AAAA records: a hint of a service record is no answer of its own.
fn addresses(row: &NameRow) -> &[IpAddr] {
    const SVCB: u16 = 64;
    const HTTPS: u16 = 65;
    match row.qtype {
        SVCB | HTTPS => &[],
        _ => &row.addresses,
    }
}

fn port(row: &NameRow) -> Option<u16> {
    match row.transport {
        "mdns" => Some(5353),
        "llmnr" => Some(5355),
        _ => row.ports.map(|(_, resolver)| resolver),
    }
}

/// `*` is any; a number without a name is `query-N`.
fn type_name(number: u16) -> Short {
    match (number, words::query_type(number)) {
        (255, _) => Short::from("*"),
        (_, Word::Numbered(_, number)) => Short::of(format_args!("query-{number}")),
        (_, word) => word.short(),
    }
}
