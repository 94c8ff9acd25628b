//! A plain list of names, one a line, as resolvers and DNS filters take it for an allow-list.
//!
//! | policy | list |
//! | --- | --- |
//! | `app.x` | `app.x` |
//! | `*.x` | none: the list has whole names alone |

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Choice, Export, Losses};
use crate::policy::model::Expectation;

const WILD: &str = "a list of names has no wildcards";
const NAMELESS: &str = "rows known by address alone have no names";
const BROAD: &str = "broad hosts are not listed";
const PORTS: &str = "a list of names has no ports: not all of these are tcp/443";

pub fn write(choice: &Choice) -> Export {
    let (mut rows, mut losses, mut known) = (String::new(), Losses::default(), BTreeSet::new());
    for chosen in &choice.rows {
        let id = &chosen.row.id;
        let _ = writeln!(rows, "\n# {}", chosen.title());
        losses.note_all(BROAD, chosen.row.broad.iter().map(|host| format!("{host} of {id}")));
        if chosen.row.is_nameless() {
            losses.note(NAMELESS, id);
        }
        let usual = Expectation::https().ports;
        if !chosen.row.is_nameless() && chosen.row.expect.ports != usual {
            losses.note(PORTS, id);
        }
        for host in &chosen.row.hosts {
            match host.below {
                true => losses.note(WILD, format!("{host} of {id}")),
                false if known.insert(&host.name) => {
                    let _ = writeln!(rows, "{}", host.name);
                }
                false => {}
            }
        }
    }
    let mut text = choice.heading("# ");
    text.push_str(&losses.comments("# "));
    text.push_str(&rows);
    Export { text, losses }
}
