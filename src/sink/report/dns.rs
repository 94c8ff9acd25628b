//! What DNS told: of the names on the list by which chain they led where, and which questions failed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Context;
use super::few::{Few, counted, grouped};
use super::html::Html;
use crate::engine::rows::NameRow;
use crate::names::domain::Domain;
use crate::policy::verdict::{Blockage, FlagKind};
use crate::sink::{PolicyNames, address::address, text};

/// Names that are kept; questions for others are only counted.
const MOST_NAMES: usize = 20_000;
const MOST_CHAINS: usize = 4;
const MOST_SHOWN: usize = 300;
const OPEN: usize = 12;

#[derive(Debug, Default)]
pub struct Dns {
    names: BTreeMap<Domain, Asked>,
    beyond: u64,
    pub lookups: u64,
}

#[derive(Debug, Default)]
struct Asked {
    lookups: u64,
    class: String,
    listed: bool,
    clients: Few<IpAddr, 100>,
    /// What each led through and to.
    chains: Few<Vec<Domain>, MOST_CHAINS>,
    addresses: Few<IpAddr, 8>,
    failed: BTreeMap<Blockage, u64>,
    first: Option<(u32, u64)>,
    first_failed: Option<(u32, u64)>,
}

impl Dns {
    pub fn lookup(&mut self, row: &NameRow, policy: &PolicyNames) {
        self.lookups += 1;
        if !self.names.contains_key(&row.query) {
            if self.names.len() >= MOST_NAMES {
                self.beyond += 1;
                return;
            }
            let asked = Asked {
                class: policy.class(&row.matches, true).to_owned(),
                listed: !row.matches.is_empty(),
                ..Asked::default()
            };
            self.names.insert(row.query.clone(), asked);
        }
        let Some(asked) = self.names.get_mut(&row.query) else {
            return;
        };
        asked.lookups += 1;
        if let Some(client) = row.client {
            asked.clients.add(client);
        }
        if !row.chain.is_empty() {
            asked.chains.add(row.chain.clone());
        }
        row.addresses.iter().for_each(|ip| asked.addresses.add(*ip));
        let place = (row.ordinal, row.frame);
        let first = |known: Option<(u32, u64)>| Some(known.map_or(place, |known| known.min(place)));
        asked.first = first(asked.first);
        let blocked = row.flags.iter().find(|flag| flag.kind == FlagKind::Blocked);
        if let Some(how) = blocked.and_then(|flag| flag.how) {
            *asked.failed.entry(how).or_default() += 1;
            asked.first_failed = first(asked.first_failed);
        }
    }
}

pub fn section(context: &Context<'_>, html: &mut Html) {
    let dns = &context.gathered.dns;
    html.element("section", &[("id", &"dns"), ("aria-labelledby", &"dns-h")], |html| {
        html.leaf("h2", &[("id", &"dns-h")], "Names and where they led");
        if dns.names.is_empty() {
            html.leaf(
                "p",
                &[("class", &"none")],
                "No DNS was seen in the clear: names come from the hellos alone.",
            );
            return;
        }
        html.leaf(
            "p",
            &[("class", &"note")],
            format!(
                "{}, {} names. A chain is read from the name asked for, by its aliases (CNAME), to the addresses.",
                counted(dns.lookups, "lookup"),
                grouped(dns.names.len() as u64)
            ),
        );
        let mut failed: Vec<(&Domain, &Asked)> =
            dns.names.iter().filter(|(_, asked)| !asked.failed.is_empty()).collect();
        failed.sort_by_key(|(name, asked)| (!asked.listed, Reverse(asked.failed.values().sum::<u64>()), *name));
        if !failed.is_empty() {
            html.leaf("h3", &[], "Questions that failed");
            folded(context, &failed, failures, html);
        }
        let mut listed: Vec<(&Domain, &Asked)> = dns
            .names
            .iter()
            .filter(|(_, asked)| asked.listed && asked.has_answer())
            .collect();
        listed.sort_by_key(|(name, asked)| (asked.class.as_str(), *name));
        if !listed.is_empty() {
            html.leaf("h3", &[], "Chains of names on the list");
            folded(context, &listed, chains, html);
        }
        let mut others: Vec<(&Domain, &Asked)> = dns
            .names
            .iter()
            .filter(|(_, asked)| !asked.listed && asked.has_answer())
            .collect();
        others.sort_by_key(|(name, asked)| (Reverse(asked.lookups), *name));
        if !others.is_empty() {
            html.element("details", &[], |html| {
                html.leaf(
                    "summary",
                    &[],
                    format!("{} on no list", counted(others.len() as u64, "name")),
                );
                chains(context, others.get(..MOST_SHOWN).unwrap_or(&others), html);
                super::and_more(
                    others.len().saturating_sub(MOST_SHOWN),
                    "`flowsift read --names --format json` has all",
                    html,
                );
            });
        }
        if dns.beyond > 0 {
            html.leaf(
                "p",
                &[("class", &"note")],
                format!("{} for further names are not shown.", counted(dns.beyond, "lookup")),
            );
        }
    });
}

type Rows<'a> = [(&'a Domain, &'a Asked)];

/// The first rows, and the others behind a click.
fn folded(context: &Context<'_>, rows: &Rows<'_>, table: fn(&Context<'_>, &Rows<'_>, &mut Html), html: &mut Html) {
    let (open, rest) = rows.split_at(rows.len().min(OPEN));
    table(context, open, html);
    if !rest.is_empty() {
        html.element("details", &[], |html| {
            html.leaf("summary", &[], format!("{} more", grouped(rest.len() as u64)));
            table(context, rest.get(..MOST_SHOWN).unwrap_or(rest), html);
            super::and_more(
                rest.len().saturating_sub(MOST_SHOWN),
                "`flowsift read --names --format json` has all",
                html,
            );
        });
    }
}

fn failures(context: &Context<'_>, rows: &Rows<'_>, html: &mut Html) {
    scroll(html, |html| {
        super::headings(
            html,
            &["Name", "Class", "How it failed", "Clients that asked", "First in frame"],
        );
        html.element("tbody", &[], |html| {
            for (name, asked) in rows {
                html.element("tr", &[], |html| {
                    html.leaf("td", &[("class", &"host")], name);
                    html.leaf("td", &[], &asked.class);
                    let how = asked
                        .failed
                        .iter()
                        .map(|(how, count)| format!("{} {}", grouped(*count), how.as_str()));
                    html.element("td", &[], |html| {
                        html.leaf(
                            "span",
                            &[("class", &"chip blocked")],
                            format!("✕ {}", how.collect::<Vec<_>>().join(", ")),
                        )
                    });
                    html.leaf("td", &[("class", &"mono")], clients(asked));
                    let (ordinal, frame) = asked.first_failed.unwrap_or_default();
                    html.leaf("td", &[("class", &"mono")], context.frame(ordinal, frame));
                });
            }
        });
    });
}

fn chains(context: &Context<'_>, rows: &Rows<'_>, html: &mut Html) {
    scroll(html, |html| {
        super::headings(
            html,
            &[
                "Name, its aliases and addresses",
                "Class",
                "Lookups",
                "Clients",
                "First in frame",
            ],
        );
        html.element("tbody", &[], |html| {
            for (name, asked) in rows {
                html.element("tr", &[], |html| {
                    html.element("td", &[], |html| asked.write(name, html));
                    html.leaf("td", &[], &asked.class);
                    html.leaf("td", &[("class", &"number")], grouped(asked.lookups));
                    html.leaf("td", &[("class", &"mono")], clients(asked));
                    let (ordinal, frame) = asked.first.unwrap_or_default();
                    html.leaf("td", &[("class", &"mono")], context.frame(ordinal, frame));
                });
            }
        });
    });
}

fn clients(asked: &Asked) -> String {
    let shown = asked.clients.items.iter().map(|ip| address(*ip).as_str().to_owned());
    text::few(shown, 2)
}

impl Asked {
    fn has_answer(&self) -> bool {
        !self.addresses.items.is_empty() || !self.chains.items.is_empty()
    }

    /// The name, under it each chain, under them the addresses.
    fn write(&self, name: &Domain, html: &mut Html) {
        html.leaf("div", &[("class", &"host")], name);
        for chain in &self.chains.items {
            html.element("div", &[("class", &"chain")], |html| {
                for link in chain {
                    html.leaf("span", &[("class", &"link")], format!("→ {link} "));
                }
            });
        }
        if self.chains.more {
            html.leaf("div", &[("class", &"chain")], "and other ways");
        }
        let addresses = self.addresses.items.iter().map(|ip| address(*ip).as_str().to_owned());
        let mut addresses = addresses.collect::<Vec<_>>().join(", ");
        if self.addresses.more {
            addresses += " and more";
        }
        if !addresses.is_empty() {
            html.leaf("div", &[("class", &"chain mono")], format!("→ {addresses}"));
        }
    }
}

fn scroll(html: &mut Html, content: impl FnOnce(&mut Html)) {
    html.element(
        "div",
        &[
            ("class", &"scroll"),
            ("tabindex", &0),
            ("role", &"region"),
            ("aria-labelledby", &"dns-h"),
        ],
        |html| {
            html.element("table", &[], content);
        },
    );
}
