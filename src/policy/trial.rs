//! One name or address tried on a policy: which rows it falls under and why, and why not under those that are near.

mod near;
mod target;

use std::net::IpAddr;

pub use self::near::{Near, Nearness};
pub use self::target::{Asked, Port, port};
use super::compile::{At, How, Matches, Policy};
use super::model::{Date, HostPattern, Prefix, Row};
use super::verdict::RowId;
use crate::names::domain::Domain;

/// What a policy says of one name or address.
#[derive(Debug)]
pub struct Trial {
    /// The rows, the primary first.
    pub hits: Vec<Hit>,
    /// Rows that are near and do not match.
    pub near: Vec<Near>,
}

/// A row that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub row: RowId,
    pub how: How,
    /// Only a broad form of the row covers it.
    pub broad: bool,
    /// The pattern or range that covers it.
    pub by: String,
    /// Whether the row lists the port; None: none was asked about.
    pub port_allowed: Option<bool>,
    /// The row's life is over on the day asked about.
    pub over: bool,
}

impl Hit {
    /// In one word: how it matches.
    pub fn word(&self) -> &'static str {
        match (self.broad, self.how) {
            (true, _) => "broad",
            (_, How::Exact) => "exact",
            (_, How::Below(_)) => "below",
            (_, How::Range(_)) => "range",
        }
    }
}

impl Trial {
    /// In a row, and on a port of the one that judges.
    pub fn passes(&self) -> bool {
        self.hits
            .first()
            .is_some_and(|primary| primary.port_allowed != Some(false))
    }
}

/// Tries it, as of a day.
pub fn tried(policy: &Policy, asked: &Asked, port: Option<Port>, as_of: Date) -> Trial {
    let mut matches = Matches::new();
    match asked {
        Asked::Name(name) => policy.matches(Some(name), None, &mut matches),
        Asked::Address(ip) => {
            let at = At {
                ip: *ip,
                protocol: port.map_or(0, |port| port.protocol),
                port: port.map(|port| port.number),
            };
            policy.matches(None, Some(at), &mut matches);
        }
    }
    let hits: Vec<Hit> = matches
        .iter()
        .map(|found| {
            let row = policy.row(found.row);
            let by = match asked {
                Asked::Name(name) => pattern(row, name, found.broad).map(ToString::to_string),
                Asked::Address(ip) => range(row, *ip).map(ToString::to_string),
            };
            Hit {
                row: found.row,
                how: found.how,
                broad: found.broad,
                by: by.unwrap_or_default(),
                port_allowed: port.map(|port| row.expect.allows_port(port.protocol, port.number)),
                over: row.is_over(as_of),
            }
        })
        .collect();
    let near = match asked {
        Asked::Name(name) => near::of_name(policy, name, &hits),
        Asked::Address(ip) => near::of_address(policy, *ip, &hits),
    };
    Trial { hits, near }
}

/// The row's most specific host that covers the name.
fn pattern<'a>(row: &'a Row, name: &Domain, broad: bool) -> Option<&'a HostPattern> {
    let hosts = if broad { &row.broad } else { &row.hosts };
    let covering = hosts.iter().filter(|host| host.covers(name));
    covering.max_by_key(|host| (!host.below, host.name.len()))
}

/// The row's narrowest range that holds the address.
fn range(row: &Row, ip: IpAddr) -> Option<&Prefix> {
    row.ranges()
        .filter(|range| range.contains(ip))
        .max_by_key(|range| range.length)
}

#[cfg(test)]
mod tests;
