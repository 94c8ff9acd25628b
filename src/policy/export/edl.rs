//! Palo Alto Networks' external dynamic lists: one of URLs, one of domains, one of addresses; a list has entries of one type only.
//!
//! | policy | URL list | domain list | address list |
//! | --- | --- | --- | --- |
//! | `app.x` | `app.x/` | `app.x` | |
//! | `*.x`, any depth, without `x` | `*.x/` | `*.x` | |
//! | a range | | | `192.0.2.0/24 ID` |
//!
//! The slash at the end keeps `app.x` from matching `app.x.evil`. Only lists of addresses can have remarks, behind a space. A
//! domain stands for itself alone as long as the list is not set to expand to subdomains.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Choice, Chosen, Export, Losses};

const PORTS: &str = "a list has no ports: the rule that uses it needs those of";
const NAMELESS: &str = "rows known by address alone are in `edl-ip`";
const BROAD: &str = "broad hosts are not listed";
const NAMES: &str = "hosts without addresses are in `edl-url` and `edl-domain`";
const WIDER: &str = "an address stands for whatever is there, under any name, for rows that have hosts";
const SHARED: &str = "the addresses of a tag are shared by many services";

pub fn write_urls(choice: &Choice) -> Export {
    names(choice, "/")
}

pub fn write_domains(choice: &Choice) -> Export {
    names(choice, "")
}

/// Every host once, in the policy's order.
fn names(choice: &Choice, end: &str) -> Export {
    let (mut text, mut losses, mut known) = (String::new(), Losses::default(), BTreeSet::new());
    for chosen in &choice.rows {
        let id = &chosen.row.id;
        losses.note_all(BROAD, chosen.row.broad.iter().map(|host| format!("{host} of {id}")));
        match chosen.row.is_nameless() {
            true => losses.note(NAMELESS, id),
            false => note_ports(chosen, &mut losses),
        }
        for host in &chosen.row.hosts {
            if known.insert(host.to_string()) {
                let _ = writeln!(text, "{host}{end}");
            }
        }
    }
    Export { text, losses }
}

pub fn write_addresses(choice: &Choice) -> Export {
    let mut losses = Losses::default();
    for chosen in &choice.rows {
        let (row, id) = (chosen.row, &chosen.row.id);
        losses.note_all(SHARED, row.tags.iter().map(|tag| format!("@{tag} of {id}")));
        match (row.has_ranges(), row.is_nameless()) {
            (false, _) => losses.note(NAMES, id),
            (true, false) => losses.note(WIDER, id),
            (true, true) => {}
        }
        if row.has_ranges() {
            note_ports(chosen, &mut losses);
        }
    }
    let mut text = String::new();
    for (range, ids) in choice.labelled_ranges() {
        let _ = writeln!(text, "{range} {}", ids.join(" "));
    }
    Export { text, losses }
}

fn note_ports(chosen: &Chosen, losses: &mut Losses) {
    let ports: Vec<String> = chosen.row.expect.ports.iter().map(ToString::to_string).collect();
    if !ports.is_empty() {
        losses.note(PORTS, format!("{} ({})", chosen.row.id, ports.join(" ")));
    }
}
