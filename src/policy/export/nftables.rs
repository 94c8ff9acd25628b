//! nftables: named sets of addresses and ports, and a chain that accepts what is in them.
//!
//! | policy | nftables |
//! | --- | --- |
//! | ranges | `set f1_ID_4 { type ipv4_addr; ... }`, `set f1_ID_6 { type ipv6_addr; ... }` |
//! | hosts | none: the kernel knows no names. Empty sets `f1_ID_names4`, `f1_ID_names6`, to be filled by a resolver ([`super::dnsmasq`]) |
//! | ports | `set f1_ID_tcp { type inet_service; ... }`, `_udp`, `_sctp` |
//!
//! The file replaces its table as a whole and drops nothing by itself: who includes it adds a chain that jumps to `allowed`.

use std::fmt::Write;

use super::{Choice, Chosen, Export, Losses};
use crate::policy::model::{PortRange, Prefix, SCTP, TCP, Transport, UDP};

pub const TABLE: &str = "flowsift";
const NAMES: &str = "nftables knows no names: these hosts are let through only by addresses that a resolver adds (`policy export dnsmasq`)";
const WIDER: &str = "an address lets through whatever is there, under any name, for rows that have hosts";
const SHARED: &str = "the addresses of a tag are shared by many services";
const BROAD: &str = "broad hosts are not let through";

pub fn write(choice: &Choice) -> Export {
    let mut losses = Losses::default();
    let (mut sets, mut rules) = (String::new(), String::new());
    for chosen in &choice.rows {
        let _ = writeln!(sets, "\n    # {}", chosen.title());
        row(chosen, &mut sets, &mut rules, &mut losses);
    }
    let mut text = choice.heading("# ");
    text.push_str(USAGE);
    text.push_str(&losses.comments("# "));
    let _ = writeln!(
        text,
        "\ntable inet {TABLE}\ndelete table inet {TABLE}\n\ntable inet {TABLE} {{{sets}"
    );
    let _ = writeln!(text, "    chain allowed {{\n{rules}    }}\n}}");
    Export { text, losses }
}

const USAGE: &str = "\
# Nothing is dropped by this file. In nftables.conf, behind the line that includes it:
#   table inet flowsift {
#       chain forward {
#           type filter hook forward priority filter; policy drop;
#           ct state established,related accept
#           jump allowed
#       }
#   }
";

fn row(chosen: &Chosen, sets: &mut String, rules: &mut String, losses: &mut Losses) {
    let (word, row) = (chosen.word(), chosen.row);
    losses.note_all(NAMES, row.hosts.iter().map(|host| format!("{host} of {}", row.id)));
    losses.note_all(BROAD, row.broad.iter().map(|host| format!("{host} of {}", row.id)));
    losses.note_all(SHARED, row.tags.iter().map(|tag| format!("@{tag} of {}", row.id)));
    if !row.is_nameless() && row.has_ranges() {
        losses.note(WIDER, &row.id);
    }
    let targets = addresses(chosen, &word, sets);
    let ports = ports(chosen, &word, sets);
    for target in &targets {
        for port in &ports {
            // A row's id is a word; nothing else of a policy stands in quotes here, for they know no escapes.
            let _ = writeln!(rules, "        {target}{port} accept comment \"{}\"", row.id);
        }
    }
}

/// The sets of addresses; what a rule says to ask them.
fn addresses(chosen: &Chosen, word: &str, sets: &mut String) -> Vec<String> {
    let mut targets = Vec::new();
    for (v6, family, kind, digit) in [(false, "ip", "ipv4_addr", 4), (true, "ip6", "ipv6_addr", 6)] {
        let ranges = chosen.ranges(v6);
        if !ranges.is_empty() {
            let name = format!("{word}_{digit}");
            let elements: Vec<String> = ranges.iter().map(Prefix::to_string).collect();
            set(sets, &name, kind, &elements);
            targets.push(format!("{family} daddr @{name}"));
        }
        if !chosen.row.hosts.is_empty() {
            let name = format!("{word}_names{digit}");
            let _ = writeln!(
                sets,
                "    set {name} {{\n        type {kind}\n        size 65535\n    }}"
            );
            targets.push(format!("{family} daddr @{name}"));
        }
    }
    targets
}

fn ports(chosen: &Chosen, word: &str, sets: &mut String) -> Vec<String> {
    if chosen.row.expect.ports.is_empty() {
        return vec![String::new()];
    }
    let mut asked = Vec::new();
    for protocol in [TCP, UDP, SCTP] {
        let Some(ranges) = chosen.ports(protocol) else {
            continue;
        };
        let (transport, name) = (Transport(protocol), format!("{word}_{}", Transport(protocol)));
        let elements: Vec<String> = ranges.iter().map(span).collect();
        set(sets, &name, "inet_service", &elements);
        asked.push(format!(" {transport} dport @{name}"));
    }
    asked
}

fn span(range: &PortRange) -> String {
    match range.first == range.last {
        true => range.first.to_string(),
        false => format!("{}-{}", range.first, range.last),
    }
}

fn set(sets: &mut String, name: &str, kind: &str, elements: &[String]) {
    let _ = writeln!(
        sets,
        "    set {name} {{\n        type {kind}\n        flags interval\n        auto-merge"
    );
    let _ = writeln!(sets, "        elements = {{");
    for element in elements {
        let _ = writeln!(sets, "            {element},");
    }
    sets.push_str("        }\n    }\n");
}
