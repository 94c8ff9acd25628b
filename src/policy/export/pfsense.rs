//! pfSense: what the import form of an alias takes (Firewall, Aliases, Import): an entry and its description a line.
//!
//! | policy | hosts alias | networks alias | ports alias |
//! | --- | --- | --- | --- |
//! | `app.x` | `app.x ID`, resolved by the firewall itself | | |
//! | `*.x` | none: only whole names can be resolved | | |
//! | a range | | `192.0.2.0/24 ID` | |
//! | `udp/3478-3481` | | | `3478:3481 ID`, for any transport |
//!
//! The form knows no comments. It takes 5000 entries an alias.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Choice, Export, Losses};
use crate::policy::model::Transport;

const ENTRIES_AT_MOST: usize = 5000;
const WILD: &str = "wildcards cannot be resolved";
const RESOLVED: &str = "a name is what the firewall's own resolver says, which may not be what a client is told";
const BROAD: &str = "broad hosts are not listed";
const NAMELESS: &str = "rows known by address alone are in `pfsense-networks`";
const NAMES: &str = "hosts without addresses are in `pfsense-hosts`";
const WIDER: &str = "an address stands for whatever is there, under any name, for rows that have hosts";
const SHARED: &str = "the addresses of a tag are shared by many services";
const TRANSPORT: &str = "an alias of ports has no transport: the rule needs it";
const TOGETHER: &str = "one alias of ports for all rows is wider than each of them: make one for each --class";
const TOO_MANY: &str = "an alias takes 5000 entries: choose classes with --class";

pub fn write_hosts(choice: &Choice) -> Export {
    let (mut list, mut losses) = (List::default(), Losses::default());
    for chosen in &choice.rows {
        let id = &chosen.row.id;
        losses.note_all(BROAD, chosen.row.broad.iter().map(|host| format!("{host} of {id}")));
        if chosen.row.is_nameless() {
            losses.note(NAMELESS, id);
        }
        for host in &chosen.row.hosts {
            match host.below {
                true => losses.note(WILD, format!("{host} of {id}")),
                false => list.add(host.to_string(), id),
            }
        }
    }
    if let Some(first) = list.order.first() {
        losses.note(RESOLVED, format!("{first} and the like"));
    }
    list.export(losses)
}

pub fn write_networks(choice: &Choice) -> Export {
    let (mut list, mut losses) = (List::default(), Losses::default());
    for chosen in &choice.rows {
        let (row, id) = (chosen.row, &chosen.row.id);
        losses.note_all(SHARED, row.tags.iter().map(|tag| format!("@{tag} of {id}")));
        match (row.has_ranges(), row.is_nameless()) {
            (false, _) => losses.note(NAMES, id),
            (true, false) => losses.note(WIDER, id),
            (true, true) => {}
        }
    }
    for (range, ids) in choice.labelled_ranges() {
        ids.into_iter().for_each(|id| list.add(range.to_string(), id));
    }
    list.export(losses)
}

pub fn write_ports(choice: &Choice) -> Export {
    let (mut list, mut losses) = (List::default(), Losses::default());
    for chosen in &choice.rows {
        for range in &chosen.row.expect.ports {
            let span = match range.first == range.last {
                true => range.first.to_string(),
                false => format!("{}:{}", range.first, range.last),
            };
            list.add(span.clone(), &chosen.row.id);
            losses.note(
                TRANSPORT,
                format!("{span} is {} in {}", Transport(range.protocol), chosen.row.id),
            );
        }
    }
    if choice.rows.len() > 1 {
        losses.note(TOGETHER, format!("{} rows", choice.rows.len()));
    }
    list.export(losses)
}

/// Entries in the order in which they came up, each with the rows that it is of.
#[derive(Debug, Default)]
struct List {
    order: Vec<String>,
    rows: BTreeMap<String, Vec<String>>,
}

impl List {
    fn add(&mut self, entry: String, id: &str) {
        const ROWS_AT_MOST: usize = 4;
        let rows = self.rows.entry(entry.clone()).or_default();
        if rows.is_empty() {
            self.order.push(entry);
        }
        if rows.len() < ROWS_AT_MOST && !rows.iter().any(|known| known == id) {
            rows.push(id.to_owned());
        }
    }

    fn export(self, mut losses: Losses) -> Export {
        if self.order.len() > ENTRIES_AT_MOST {
            losses.note(TOO_MANY, format!("{} entries", self.order.len()));
        }
        let mut text = String::new();
        for entry in &self.order {
            let rows = self.rows.get(entry).map(|rows| rows.join(" ")).unwrap_or_default();
            let _ = writeln!(text, "{entry} {rows}");
        }
        Export { text, losses }
    }
}
