//! A policy as lists for firewalls, proxies and resolvers: rows in, text out, a file a product.
//!
//! ```text
//! Policy --Choice::of--> rows to let through, and those left out with their reason
//!            |
//!            +--squid, pac, nftables, dnsmasq, edl, pfsense, hosts, csv, json--> text, and Losses
//! ```
//!
//! No product means quite what a policy means: `*.x` is any depth without `x` here, an address range says nothing of names, a
//! port list has no transport. Whatever a format cannot say, or says wider, goes into its [`Losses`]: they stand in the file,
//! where it can have comments, and on stderr in any case.
//!
//! Every format's file has the same parts: a table of spellings at the top, `write`, its rows, its tests.

mod csv;
mod dnsmasq;
mod edl;
mod hosts;
mod json;
mod losses;
mod nftables;
mod pac;
mod pfsense;
mod squid;

use std::collections::{HashMap, HashSet};

pub use self::losses::Losses;
use super::compile::Policy;
use super::model::{Date, HostPattern, Line, PortRange, Prefix, Row, Status, TCP};
use super::phrases::few;
use super::spelling::comment;

/// The product a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Squid,
    Pac,
    Nftables,
    Dnsmasq,
    EdlUrl,
    EdlDomain,
    EdlIp,
    PfsenseHosts,
    PfsenseNetworks,
    PfsensePorts,
    Hosts,
    Csv,
    Json,
}

impl Format {
    pub const WORDS: [(&str, Format); 13] = [
        ("squid", Format::Squid),
        ("pac", Format::Pac),
        ("nftables", Format::Nftables),
        ("dnsmasq", Format::Dnsmasq),
        ("edl-url", Format::EdlUrl),
        ("edl-domain", Format::EdlDomain),
        ("edl-ip", Format::EdlIp),
        ("pfsense-hosts", Format::PfsenseHosts),
        ("pfsense-networks", Format::PfsenseNetworks),
        ("pfsense-ports", Format::PfsensePorts),
        ("hosts", Format::Hosts),
        ("csv", Format::Csv),
        ("json", Format::Json),
    ];
}

/// A list, and what is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub text: String,
    pub losses: Losses,
}

/// Writes the rows chosen for a product. `proxy`, `HOST:PORT`, is for PAC files alone.
pub fn write(format: Format, choice: &Choice, proxy: Option<&str>) -> Export {
    match format {
        Format::Squid => squid::write(choice),
        Format::Pac => pac::write(choice, proxy),
        Format::Nftables => nftables::write(choice),
        Format::Dnsmasq => dnsmasq::write(choice),
        Format::EdlUrl => edl::write_urls(choice),
        Format::EdlDomain => edl::write_domains(choice),
        Format::EdlIp => edl::write_addresses(choice),
        Format::PfsenseHosts => pfsense::write_hosts(choice),
        Format::PfsenseNetworks => pfsense::write_networks(choice),
        Format::PfsensePorts => pfsense::write_ports(choice),
        Format::Hosts => hosts::write(choice),
        Format::Csv => csv::write(choice),
        Format::Json => json::write(choice),
    }
}

/// The rows of a policy that shall be let through.
#[derive(Debug)]
pub struct Choice<'p> {
    pub policy: &'p Policy,
    pub rows: Vec<Chosen<'p>>,
    pub left_out: Vec<(&'p Row, String)>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'p> {
    pub row: &'p Row,
    /// Its place in the policy from 1, the same whichever rows are chosen.
    pub number: usize,
}

impl<'p> Choice<'p> {
    /// The rows of these classes, or of all where none is named, that are in force on that day; without a day the policy's own date
    /// is taken. The platform's own insides (the orange line) are let through only where their class is asked for by name.
    pub fn of(policy: &'p Policy, classes: &[String], day: Option<Date>) -> Choice<'p> {
        let day = day.or(policy.header().date);
        let mut choice = Choice {
            policy,
            rows: Vec::new(),
            left_out: Vec::new(),
        };
        for (id, row) in policy.rows() {
            let is_asked_for = classes.contains(&row.class);
            if !classes.is_empty() && !is_asked_for {
                continue;
            }
            match why_not(row, day, is_asked_for) {
                Some(why) => choice.left_out.push((row, why)),
                None => choice.rows.push(Chosen {
                    row,
                    number: usize::from(id.0) + 1,
                }),
            }
        }
        choice
    }

    /// What a file begins with: whose list it is, and what is not in it; every line behind `lead`.
    fn heading(&self, lead: &str) -> String {
        let header = self.policy.header();
        let mut lines = vec![format!("{}: {}", header.name, header.title)];
        lines.extend(header.date.map(|date| format!("as of {date}")));
        if !header.source.is_empty() {
            lines.push(format!("from {}", header.source));
        }
        let digest: String = self.policy.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("policy sha256 {digest}"));
        lines.extend(
            self.left_out
                .iter()
                .map(|(row, why)| format!("left out: {} ({}), {why}", row.id, row.class)),
        );
        lines.iter().map(|line| format!("{lead}{}\n", comment(line))).collect()
    }

    /// What is left out, on one line.
    pub fn left_out_line(&self) -> Option<String> {
        const NAMED_AT_MOST: usize = 5;
        let all = self.left_out.iter();
        let named = few(
            all.map(|(row, why)| format!("{} ({})", row.id, comment(why))),
            NAMED_AT_MOST,
        );
        let count = self.left_out.len();
        let rows = if count == 1 { "row is" } else { "rows are" };
        (count > 0).then(|| format!("{count} {rows} left out: {named}"))
    }
}

/// Why a row is not to be let through.
fn why_not(row: &Row, day: Option<Date>, is_asked_for: bool) -> Option<String> {
    let is_over = match day {
        Some(day) => row.is_over(day),
        None => row.status == Status::Retired,
    };
    if is_over {
        let since = row.until.map(|until| format!(" since {until}")).unwrap_or_default();
        let successor = row.replaced_by.as_ref().map(|name| format!("; {name} takes its place"));
        return Some(format!("retired{since}{}", successor.unwrap_or_default()));
    }
    if let (Some(day), Some(since)) = (day, row.since)
        && day < since
    {
        return Some(format!("not before {since}"));
    }
    let is_inside = row.line == Line::Orange && !is_asked_for;
    is_inside.then(|| "inside the platform".to_owned())
}

impl<'p> Chosen<'p> {
    /// Whether the application does without it.
    fn is_optional(&self) -> bool {
        !self.row.required || self.row.status == Status::Optional
    }

    /// `web-app (salestim): Web app and API`, made for a comment.
    fn title(&self) -> String {
        let optional = if self.is_optional() { ", optional" } else { "" };
        let title = match (self.row.title.is_empty(), self.row.purpose.is_empty()) {
            (false, _) => format!(": {}", self.row.title),
            (true, false) => format!(": {}", self.row.purpose),
            (true, true) => String::new(),
        };
        comment(&format!("{} ({}{optional}){title}", self.row.id, self.row.class))
    }

    /// A word of letters, digits and `_` that no other row of the policy has.
    fn word(&self) -> String {
        const LETTERS_AT_MOST: usize = 30;
        let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let letters: String = self.row.id.chars().map(safe).take(LETTERS_AT_MOST).collect();
        format!("f{}_{letters}", self.number)
    }

    /// The ports of a transport; None if the row has none of that transport, an empty list for any port.
    fn ports(&self, protocol: u8) -> Option<Vec<PortRange>> {
        let all = &self.row.expect.ports;
        let own: Vec<PortRange> = all.iter().filter(|range| range.protocol == protocol).copied().collect();
        (all.is_empty() || !own.is_empty()).then_some(own)
    }

    /// Its ports that are not TCP, each as the policy writes it.
    fn other_transports(&self) -> impl Iterator<Item = String> + use<'p> {
        let others = self.row.expect.ports.iter().filter(|range| range.protocol != TCP);
        let id = &self.row.id;
        others.map(move |range| format!("{range} of {id}"))
    }

    /// Its ranges of one family in order, those that lie in another left out.
    fn ranges(&self, v6: bool) -> Vec<Prefix> {
        disjoint(self.row.ranges().filter(|range| range.v6 == v6).copied().collect())
    }

    /// Its hosts without those that a wildcard of the row covers, for products that take a name twice ill.
    fn hosts_once(&self) -> Vec<&'p HostPattern> {
        let hosts = &self.row.hosts;
        let wild: HashSet<&str> = hosts.iter().filter(|host| host.below).map(|host| &*host.name).collect();
        let mut known = HashSet::new();
        let is_covered = |host: &HostPattern| {
            let mut dots = host.name.match_indices('.');
            dots.any(|(dot, _)| host.name.get(dot + 1..).is_some_and(|behind| wild.contains(behind)))
        };
        hosts
            .iter()
            .filter(|host| !is_covered(host) && known.insert(*host))
            .collect()
    }
}

impl Choice<'_> {
    /// All ranges in order, each with the ids of the first few rows that it is of; those that lie in another left out.
    fn labelled_ranges(&self) -> Vec<(Prefix, Vec<&str>)> {
        const IDS_AT_MOST: usize = 4;
        let of_row = |chosen: &'_ Chosen<'_>| {
            chosen
                .row
                .ranges()
                .map(|range| (*range, chosen.number))
                .collect::<Vec<_>>()
        };
        let mut all: Vec<(Prefix, usize)> = self.rows.iter().flat_map(of_row).collect();
        all.sort_unstable_by_key(|(range, number)| (range.v6, range.first, range.length, *number));
        let ids: HashMap<usize, &str> = self
            .rows
            .iter()
            .map(|chosen| (chosen.number, chosen.row.id.as_str()))
            .collect();
        let mut out: Vec<(Prefix, Vec<&str>)> = Vec::new();
        for (range, number) in all {
            let is_inside = out.last().is_some_and(|(wide, _)| wide.holds(&range));
            if !is_inside {
                out.push((range, Vec::new()));
            }
            if let (Some((_, known)), Some(id)) = (out.last_mut(), ids.get(&number))
                && known.len() < IDS_AT_MOST
                && !known.contains(id)
            {
                known.push(id);
            }
        }
        out
    }
}

/// Ranges in order, those that lie in another left out. Two ranges are apart, or one lies in the other.
fn disjoint(mut ranges: Vec<Prefix>) -> Vec<Prefix> {
    ranges.sort_unstable_by_key(|range| (range.v6, range.first, range.length));
    ranges.dedup_by(|range, wide| wide.holds(range));
    ranges
}

#[cfg(test)]
mod tests;
