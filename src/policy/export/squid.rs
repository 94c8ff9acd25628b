//! Squid: ACLs and `http_access` lines, to be included before the line that denies the rest.
//!
//! | policy | Squid |
//! | --- | --- |
//! | `app.x` | `dstdomain -n app.x` |
//! | `*.x`, without `x` | `dstdomain -n .x`, which has `x` in it too |
//! | a range of a row without hosts | `dst`, of whatever the name asked for resolves to |
//! | a TLS port | the method CONNECT on that port; a port for plain HTTP any other method |
//!
//! `-n`: a request for a bare address is never looked up backwards, for whoever owns the address owns the answer.
//! A line of Squid's configuration is cut at 2048 bytes, so every value has its own; the lines of an ACL add up.

use std::collections::HashSet;
use std::fmt::Write;

use super::{Choice, Chosen, Export, Losses};
use crate::policy::model::{PortRange, TCP, TlsRule};

const CONNECT: &str = "flowsift_connect";
const APEX: &str = "`.x` lets the name x itself through too";
const NOT_TCP: &str = "Squid carries TCP alone";
const RESOLVED: &str = "rows known by address alone let every name through that resolves there";
const UNBOUND: &str = "the addresses of rows with hosts are not asked for";
const BROAD: &str = "broad hosts are not let through";

pub fn write(choice: &Choice) -> Export {
    let mut losses = Losses::default();
    let mut rows = String::new();
    for chosen in &choice.rows {
        let _ = writeln!(rows, "\n# {}", chosen.title());
        row(chosen, &mut rows, &mut losses);
    }
    let mut text = choice.heading("# ");
    text.push_str("# Include this in squid.conf before `http_access deny all`.\n");
    text.push_str(&losses.comments("# "));
    let _ = writeln!(text, "\nacl {CONNECT} method CONNECT");
    text.push_str(&rows);
    Export { text, losses }
}

fn row(chosen: &Chosen, out: &mut String, losses: &mut Losses) {
    losses.note_all(
        BROAD,
        chosen
            .row
            .broad
            .iter()
            .map(|host| format!("{host} of {}", chosen.row.id)),
    );
    losses.note_all(NOT_TCP, chosen.other_transports());
    let Some(ports) = chosen.ports(TCP) else {
        out.push_str("# nothing of it is TCP\n");
        return;
    };
    let word = chosen.word();
    let target = match chosen.row.is_nameless() {
        true => addresses(chosen, &word, out, losses),
        false => hosts(chosen, &word, out, losses),
    };
    let Some(target) = target else {
        out.push_str("# nothing of it can be said here\n");
        return;
    };
    let expect = &chosen.row.expect;
    let any_method = expect.tls == TlsRule::PlainAllowed;
    if ports.is_empty() {
        let method = if any_method {
            String::new()
        } else {
            format!("{CONNECT} ")
        };
        let _ = writeln!(out, "http_access allow {method}{target}");
        return;
    }
    let wants_tls = |range: &&PortRange| expect.wants_tls(TCP, range.first);
    let (tls, plain): (Vec<&PortRange>, Vec<&PortRange>) = ports.iter().partition(wants_tls);
    let plain_method = if any_method {
        String::new()
    } else {
        format!("!{CONNECT} ")
    };
    for (ports, suffix, method) in [(tls, "tls", format!("{CONNECT} ")), (plain, "plain", plain_method)] {
        if ports.is_empty() {
            continue;
        }
        for range in ports {
            let _ = writeln!(out, "acl {word}_{suffix} port {}", span(range));
        }
        let _ = writeln!(out, "http_access allow {method}{target} {word}_{suffix}");
    }
}

/// The ACL of the row's hosts. Squid takes a name ill that is below another of the same ACL, and `.x` has `x` in it.
fn hosts(chosen: &Chosen, word: &str, out: &mut String, losses: &mut Losses) -> Option<String> {
    let hosts = chosen.hosts_once();
    if chosen.row.has_ranges() {
        losses.note(UNBOUND, &chosen.row.id);
    }
    let of_kind = |below: bool| -> HashSet<&str> {
        let kind = hosts.iter().filter(|host| host.below == below);
        kind.map(|host| &*host.name).collect()
    };
    let (exact, wild) = (of_kind(false), of_kind(true));
    for host in hosts.iter().filter(|host| host.below || !wild.contains(&*host.name)) {
        // A name may begin with a hyphen, which is no option then.
        let lead = match host.below {
            true => ".",
            false if host.name.starts_with('-') => "-- ",
            false => "",
        };
        let _ = writeln!(out, "acl {word}_host dstdomain -n {lead}{}", host.name);
        if host.below && !exact.contains(&*host.name) {
            losses.note(APEX, format!("{} of {}", host.name, chosen.row.id));
        }
    }
    (!hosts.is_empty()).then(|| format!("{word}_host"))
}

fn addresses(chosen: &Chosen, word: &str, out: &mut String, losses: &mut Losses) -> Option<String> {
    let ranges: Vec<_> = [false, true].into_iter().flat_map(|v6| chosen.ranges(v6)).collect();
    for range in &ranges {
        let _ = writeln!(out, "acl {word}_dst dst {range}");
    }
    losses.note(RESOLVED, &chosen.row.id);
    (!ranges.is_empty()).then(|| format!("{word}_dst"))
}

fn span(range: &PortRange) -> String {
    match range.first == range.last {
        true => range.first.to_string(),
        false => format!("{}-{}", range.first, range.last),
    }
}
