//! dnsmasq: whatever a host resolves to is added to the sets of the nftables list (2.87 or newer, built with nftset).
//!
//! | policy | dnsmasq |
//! | --- | --- |
//! | `*.x`, without `x` | `nftset=/x/...`, which has `x` in it too |
//! | `app.x` | `nftset=/app.x/...`, which has all that is below it in it too |

use std::collections::BTreeSet;
use std::fmt::Write;

use super::nftables::TABLE;
use super::{Choice, Export, Losses};

const APEX: &str = "`/x/` has the name x itself in it, too";
const BELOW: &str = "`/x/` has all names below x in it, too";
const ADDRESSES: &str = "rows known by address alone have no names to resolve";

pub fn write(choice: &Choice) -> Export {
    let mut losses = Losses::default();
    let mut rows = String::new();
    for chosen in &choice.rows {
        let _ = writeln!(rows, "\n# {}", chosen.title());
        if chosen.row.hosts.is_empty() {
            losses.note(ADDRESSES, &chosen.row.id);
        }
        let word = chosen.word();
        let hosts = chosen.hosts_once();
        let exact: BTreeSet<&str> = hosts
            .iter()
            .filter(|host| !host.below)
            .map(|host| &*host.name)
            .collect();
        let below: BTreeSet<&str> = hosts.iter().filter(|host| host.below).map(|host| &*host.name).collect();
        for name in exact.union(&below) {
            let sets = format!("4#inet#{TABLE}#{word}_names4,6#inet#{TABLE}#{word}_names6");
            let _ = writeln!(rows, "nftset=/{name}/{sets}");
            let thing = format!("{name} of {}", chosen.row.id);
            match (exact.contains(name), below.contains(name)) {
                (true, true) => {}
                (true, false) => losses.note(BELOW, thing),
                (false, _) => losses.note(APEX, thing),
            }
        }
    }
    let mut text = choice.heading("# ");
    text.push_str("# The sets are those of `policy export nftables` for the same policy; load that first.\n");
    text.push_str(&losses.comments("# "));
    text.push_str(&rows);
    Export { text, losses }
}
