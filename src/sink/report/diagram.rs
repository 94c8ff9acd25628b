//! The network diagram of the policy, drawn from the capture: clients at the left, the policy's lines with their services at the
//! right, between them what flowed.
//!
//! ```text
//!   Services, the policy, the judgement --nodes--> boxes --layout--> places --draw--> SVG; the same boxes --roster--> a list
//! ```
//!
//! One client or thousands: a few stand by themselves, the rest by their networks. The list says the same for narrow screens and
//! for who cannot see the drawing.

mod draw;
mod layout;
mod nodes;

use self::nodes::{Group, Nodes, Service};
use super::Context;
use super::fate::{Fate, outcome_look};
use super::few::{counted, grouped};
use super::html::Html;
use super::services::Tally;
use crate::sink::text::long_bytes;

pub fn section(context: &Context<'_>, html: &mut Html) {
    let nodes = Nodes::of(context);
    html.element("section", &[("id", &"drawing"), ("aria-labelledby", &"drawing-h")], |html| {
        html.leaf("h2", &[("id", &"drawing-h")], "Who talked to what");
        if nodes.clients.is_empty() {
            html.leaf("p", &[("class", &"none")], "No flow was seen, so there is nothing to draw.");
        } else {
            let places = layout::Layout::of(&nodes);
            draw::svg(&nodes, &places, html);
            legend(html);
            html.leaf(
                "p",
                &[("class", &"note")],
                "The policy's drawing, made from this capture. A wider band carried more bytes (its width grows with their square root); a band that ends at a \
                 cross did not get through. The word in a box is the worst that became of the service's names, lookups included.",
            );
        }
        roster(&nodes, html);
    });
}

/// What the bands' looks mean.
fn legend(html: &mut Html) {
    html.element("ul", &[("class", &"legend")], |html| {
        for fate in Fate::ALL {
            html.element("li", &[], |html| {
                html.element(
                    "svg",
                    &[
                        ("viewBox", &"0 0 34 10"),
                        ("width", &34),
                        ("height", &10),
                        ("aria-hidden", &"true"),
                    ],
                    |html| {
                        let class = format!("band {}", fate.class());
                        html.empty("path", &[("d", &"M1 5H33"), ("class", &class), ("stroke-width", &4)]);
                    },
                );
                html.text(match fate {
                    Fate::Fine => "on the list, nothing against it",
                    Fate::Unlisted => "on no list",
                    Fate::Unclear => "cannot be told",
                    Fate::Flagged => "something is held against it",
                    Fate::Blocked => "blocked",
                });
            });
        }
    });
}

/// The drawing as a list.
fn roster(nodes: &Nodes, html: &mut Html) {
    html.element("div", &[("class", &"roster")], |html| {
        for group in &nodes.groups {
            html.leaf("h3", &[("class", &format!("line {}", group.line))], &group.title);
            html.element("ul", &[], |html| {
                for service in &group.services {
                    html.element("li", &[], |html| {
                        html.leaf("strong", &[], &service.title);
                        html.text(": ");
                        html.text(sentence(service));
                    });
                }
                if let Some(rest) = rest(group) {
                    html.leaf("li", &[("class", &"none")], rest);
                }
            });
        }
    });
}

/// `reached; 12 flows of 3 clients, 51 kB; 1 blocked`.
fn sentence(service: &Service) -> String {
    let mut parts = Vec::new();
    if let Some(outcome) = service.outcome {
        parts.push(outcome_look(outcome).2.to_owned());
    }
    let flows = service.tally.all_flows();
    if flows > 0 {
        let clients = match (service.clients, service.more_clients) {
            (0, true) => "clients of wide networks".to_owned(),
            (some, true) => format!("{}+ clients", grouped(some)),
            (all, false) => counted(all, "client"),
        };
        parts.push(format!(
            "{} of {clients}, {}",
            counted(flows, "flow"),
            long_bytes(service.tally.all_bytes())
        ));
        parts.push(fates(&service.tally));
    }
    match parts.is_empty() {
        true => "no flow".to_owned(),
        false => parts.join("; "),
    }
}

/// `3 ok, 1 blocked`.
fn fates(tally: &Tally) -> String {
    let words: Vec<String> = tally
        .fates()
        .map(|(fate, flows, _)| match fate {
            Fate::Fine => format!("{} ok", grouped(flows)),
            fate => format!("{} {}", grouped(flows), fate.as_str()),
        })
        .collect();
    words.join(", ")
}

/// What a group has no box for.
fn rest(group: &Group) -> Option<String> {
    match (group.untried, group.services.is_empty()) {
        (0, false) => None,
        (0, true) => Some("none of it was seen here".to_owned()),
        (count, true) => Some(format!("{}, none of them tried", counted(count, "endpoint"))),
        (count, false) => Some(format!("not tried: {} more", counted(count, "endpoint"))),
    }
}
