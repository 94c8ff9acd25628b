//! What a carved packet is told in its comment: the verdict on its flow, or what a lookup told whom.
//!
//! Comments are read in a packet list, so each begins with `flowsift` and says the most in its first line. Everything from
//! outside is escaped: a comment may be printed by any tool.

use std::net::IpAddr;

use super::address::address;
use super::text::{self, clean, list};
use super::{Labels, PolicyNames, words};
use crate::engine::rows::{FlowRow, NameRow};
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;
use crate::policy::verdict::Flag;

const LISTED_AT_MOST: usize = 12;

/// How names and addresses are written: as they are, or as others in their place.
pub trait Spelling: Send + Sync {
    fn name(&self, name: &Domain) -> String;
    fn address(&self, ip: IpAddr) -> IpAddr;
    /// Nothing may be told that would give the real ones away: file names, ids, reasons.
    fn hides(&self) -> bool;
}

/// As they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plainly;

impl Spelling for Plainly {
    fn name(&self, name: &Domain) -> String {
        name.to_string()
    }

    fn address(&self, ip: IpAddr) -> IpAddr {
        ip
    }

    fn hides(&self) -> bool {
        false
    }
}

/// The comment on a flow's first packet. `file` is where its frame numbers count.
pub fn flow(row: &FlowRow, labels: &Labels, file: &str, spelling: &dyn Spelling) -> String {
    let policy = &labels.policy;
    let end = |end| peer(end, spelling);
    let mut lines = Vec::new();
    let who = format!(
        "{} {} > {}, {}",
        words::ip_protocol(row.protocol),
        end(row.client),
        end(row.server),
        row.app.as_str()
    );
    let start = text::time(row.start_ns, row.nanoseconds);
    lines.push(match spelling.hides() {
        true => format!("flowsift: {who}"),
        false => format!("flowsift {}@{}: {who}", row.id, start.as_str()),
    });
    lines.push(named(row, spelling));
    lines.push(judged(row, policy));
    for held in &row.verdict.flags {
        lines.push(flag(held, policy, spelling));
    }
    let marks = &row.frames;
    let packets = row.packets.out + row.packets.r#in;
    let counted = text::count(packets, "packet");
    lines.push(match spelling.hides() {
        true => format!("frames {} to {} of the original, {counted}", marks.first, marks.last),
        false => format!("frames {} to {} of {}, {counted}", marks.first, marks.last, clean(file)),
    });
    lines.join("\n")
}

/// The comment on a lookup's packet.
pub fn lookup(row: &NameRow, labels: &Labels, file: &str, spelling: &dyn Spelling) -> String {
    let name = |domain: &Domain| spelling.name(domain);
    let query = name(&row.query);
    let whom = match row.client {
        Some(client) => shown(client, spelling),
        None => "everybody".to_owned(),
    };
    let kind = words::query_type(row.qtype);
    let mut told = match row.rcode {
        None => format!("flowsift: {whom} asked for {query} ({kind}) and was not answered"),
        Some(0) if row.addresses.is_empty() => format!("flowsift: told {whom} of {query} ({kind}), without an address"),
        Some(0) => {
            let addresses = row.addresses.iter().map(|ip| shown(*ip, spelling));
            format!(
                "flowsift: told {whom} that {query} is {}",
                list(addresses, LISTED_AT_MOST)
            )
        }
        rcode => format!(
            "flowsift: told {whom} of {query} ({kind}): {}",
            words::response_code(rcode)
        ),
    };
    if !row.chain.is_empty() {
        let chain = row.chain.iter().map(name);
        told.push_str(&format!(" (by way of {})", list(chain, LISTED_AT_MOST)));
    }
    let mut lines = vec![told];
    for held in &row.flags {
        lines.push(flag(held, &labels.policy, spelling));
    }
    lines.push(match spelling.hides() {
        true => format!("frame {} of the original", row.frame),
        false => format!("frame {} of {}", row.frame, clean(file)),
    });
    lines.join("\n")
}

fn named(row: &FlowRow, spelling: &dyn Spelling) -> String {
    let naming = &row.naming;
    let each = |names: &[Domain]| list(names.iter().map(|name| spelling.name(name)), LISTED_AT_MOST);
    let Some(name) = &naming.name else {
        return match naming.candidates.is_empty() {
            true => "no name".to_owned(),
            false => format!("no sure name; DNS leaves {}", each(&naming.candidates)),
        };
    };
    let via = match naming.via.is_empty() {
        true => String::new(),
        false => format!(", by way of {}", each(&naming.via)),
    };
    format!("name {} (by {}{via})", spelling.name(name), naming.kind.as_str())
}

fn judged(row: &FlowRow, policy: &PolicyNames) -> String {
    let verdict = &row.verdict;
    let class = policy.class(&verdict.matches, row.naming.name.is_some());
    let endpoint = match verdict.matches.first().and_then(|id| policy.row(*id)) {
        Some(primary) => format!(", endpoint {}, line {}", clean(&primary.id), clean(&primary.line)),
        None => String::new(),
    };
    let class = clean(class);
    format!("verdict {}: class {class}{endpoint}", verdict.standing.as_str())
}

fn flag(held: &Flag, policy: &PolicyNames, spelling: &dyn Spelling) -> String {
    let how = held.how.map(|how| format!(" {}", how.as_str())).unwrap_or_default();
    let head = format!("flag {}{how} ({})", held.kind.as_str(), held.severity.as_str());
    if spelling.hides() {
        // A reason is a sentence with names and addresses in it.
        return head;
    }
    let mut why = Vec::new();
    policy.wording.tell(&held.why, &mut why);
    format!("{head}: {}", clean(&String::from_utf8_lossy(&why)))
}

fn peer(end: Endpoint, spelling: &dyn Spelling) -> String {
    let ip = shown(end.ip, spelling);
    match end.port {
        None => ip,
        Some(port) if end.ip.is_ipv6() => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
    }
}

fn shown(ip: IpAddr, spelling: &dyn Spelling) -> String {
    address(spelling.address(ip)).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::fixtures;

    #[test]
    fn a_flow_and_a_lookup_are_told() {
        let (row, labels) = (fixtures::web_flow(), fixtures::labels());
        let told = flow(&row, &labels, "a\u{1b}.pcap", &Plainly);
        let first = told.lines().next().unwrap();
        assert!(
            first.starts_with("flowsift 1:") && first.contains("198.19.0.10:50514 > 198.18.1.11:443"),
            "{told}"
        );
        assert!(told.contains("\nname app.salestim.io (by sni"), "{told}");
        assert!(told.contains("of a\\u{1b}.pcap"), "{told}");
        let told = lookup(&fixtures::name(), &labels, "a.pcap", &Plainly);
        assert!(
            told.starts_with("flowsift: told 198.19.0.10 that app.salestim.io is "),
            "{told}"
        );
    }
}
