//! A policy arranged for lookup: a name or an address in, the rows that speak of it out, most specific first.

mod addresses;
mod names;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::IpAddr;

use smallvec::SmallVec;

use self::addresses::AddressIndex;
use self::names::NameIndex;
use super::model::{Expectation, Header, HostPattern, Row};
use super::verdict::{RowId, Verdict};
use crate::names::domain::Domain;

/// A policy, ready to judge by. Never changes once it is made.
#[derive(Debug)]
pub struct Policy {
    header: Header,
    sha256: [u8; 32],
    unlisted: Expectation,
    rows: Vec<Row>,
    classes: Vec<String>,
    names: NameIndex,
    addresses: AddressIndex,
    /// What [`Policy::row`] answers for a number of some other policy.
    blank: Row,
}

/// Why a row matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// The name is one of its hosts.
    Exact,
    /// The name is below one of its wildcards, whose suffix has so many letters.
    Below(u8),
    /// The address is in one of its ranges, of that length.
    Range(u8),
}

/// A row that a name or an address falls under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Match {
    pub row: RowId,
    pub how: How,
    /// Only a broad form of the row covers the name.
    pub broad: bool,
    /// The row's addresses, if it has any, are meant for this name.
    pub bound: bool,
    /// The transport and port are among the row's; told only for [`How::Range`].
    pub fits: bool,
}

/// The rows of a flow, the primary first. Few names and addresses fall under more than so many.
pub type Matches = SmallVec<[Match; 8]>;

impl Match {
    pub fn by_name(&self) -> bool {
        !matches!(self.how, How::Range(_))
    }

    /// Exact host, then longer suffix, then longer address prefix.
    fn specificity(&self) -> (u8, u8) {
        match self.how {
            How::Exact => (2, 0),
            How::Below(length) => (1, length),
            How::Range(length) => (0, length),
        }
    }
}

/// The server's end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub ip: IpAddr,
    pub protocol: u8,
    pub port: Option<u16>,
}

impl Policy {
    /// Arranges rows. There are at most 65535 of them, see [`super::load`]; any beyond are left out.
    pub fn compile(header: Header, sha256: [u8; 32], unlisted: Expectation, mut rows: Vec<Row>) -> Policy {
        rows.truncate(usize::from(u16::MAX));
        let mut known = HashSet::new();
        let classes = rows
            .iter()
            .filter(|row| known.insert(&row.class))
            .map(|row| row.class.clone())
            .collect();
        Policy {
            names: NameIndex::build(numbered(&rows)),
            addresses: AddressIndex::build(numbered(&rows)),
            header,
            sha256,
            unlisted,
            rows,
            classes,
            blank: Row::default(),
        }
    }

    pub fn name(&self) -> &str {
        &self.header.name
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Over the policy's text; where it extends others, over their texts and then its own.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// What is expected of flows in no row.
    pub fn unlisted(&self) -> &Expectation {
        &self.unlisted
    }

    /// All rows with their numbers, in the file's order.
    pub fn rows(&self) -> impl Iterator<Item = (RowId, &Row)> {
        numbered(&self.rows)
    }

    /// The row of that number; for a number that is none of this policy's, a row with nothing in it.
    pub fn row(&self, id: RowId) -> &Row {
        self.rows.get(usize::from(id.0)).unwrap_or(&self.blank)
    }

    /// The names of all classes, in the file's order.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of a verdict: its primary row's, else `other` for a flow with a name and `unknown` for one without.
    pub fn class_of(&self, verdict: &Verdict, named: bool) -> &str {
        self.class(verdict.matches.first().copied(), named)
    }

    /// The same of a flow that is not judged yet.
    pub fn class(&self, primary: Option<RowId>, named: bool) -> &str {
        match primary {
            Some(primary) => &self.row(primary).class,
            None if named => "other",
            None => "unknown",
        }
    }

    /// Whether the row lists this address, itself or by a tag.
    pub fn in_ranges(&self, row: RowId, ip: IpAddr) -> bool {
        let mut inside = false;
        self.addresses.lookup(ip, |_, entry| inside |= entry.row == row);
        inside
    }

    /// Whether the address is among those that the row shares with others by a tag.
    pub fn in_shared_ranges(&self, row: RowId, ip: IpAddr) -> bool {
        let mut inside = false;
        self.addresses
            .lookup(ip, |_, entry| inside |= entry.row == row && entry.shared);
        inside
    }

    /// Whether a row for which `counts` holds (told whether the host is a broad form of it) covers all that `host` covers.
    pub fn listing(&self, host: &HostPattern, counts: impl Fn(RowId, bool) -> bool) -> bool {
        let mut listed = false;
        self.names
            .covering(host, |entry| listed |= counts(entry.row, entry.broad));
        listed
    }

    /// Fills `out` with every row that the flow's name falls under, or without a name its address; the primary first.
    ///
    /// A name is stronger than an address: a named flow falls by its address only under rows that have no hosts, and only
    /// on their ports. Ranges that come from a tag are shared with other services and lead to no row that has hosts.
    pub fn matches(&self, name: Option<&Domain>, at: Option<At>, out: &mut Matches) {
        out.clear();
        if let Some(name) = name {
            self.names.lookup(name.as_str(), |suffix, entry| {
                out.push(Match {
                    row: entry.row,
                    how: suffix.map_or(How::Exact, How::Below),
                    broad: entry.broad,
                    bound: !entry.anywhere,
                    fits: true,
                });
            });
        }
        if let Some(at) = at {
            self.addresses.lookup(at.ip, |length, entry| {
                let row = self.row(entry.row);
                let fits = at.port.is_some_and(|port| row.expect.allows_port(at.protocol, port));
                let speaks = match (row.is_nameless(), name) {
                    (true, None) => true,
                    (true, Some(_)) => fits,
                    (false, None) => !entry.shared,
                    (false, Some(_)) => false,
                };
                if speaks {
                    out.push(Match {
                        row: entry.row,
                        how: How::Range(length),
                        broad: false,
                        bound: true,
                        fits,
                    });
                }
            });
        }
        self.rank(out);
    }

    /// Among rows that are as specific as each other, those in force at that time go first: where one row follows another, a
    /// flow is held to the one of its own day.
    pub(super) fn prefer_in_force(&self, at_ns: u64, out: &mut Matches) {
        let in_force = |m: &Match| self.row(m.row).is_in_force_at(at_ns);
        if out.len() < 2 || out.iter().all(in_force) {
            return;
        }
        out.sort_by_key(|m| (Reverse(m.specificity()), m.broad, !m.fits, !in_force(m)));
    }

    /// One match a row, the primary first: more specific, listed before broad, on its port before not (addresses only),
    /// green before purple before the rest, then the file's order.
    pub(super) fn rank(&self, out: &mut Matches) {
        if out.len() < 2 {
            return;
        }
        out.sort_unstable_by_key(|m| (m.row, m.broad, Reverse(m.specificity())));
        out.dedup_by_key(|m| m.row);
        out.sort_unstable_by_key(|m| {
            let line = self.row(m.row).line.rank();
            (Reverse(m.specificity()), m.broad, !m.fits, line, m.row)
        });
    }
}

fn numbered(rows: &[Row]) -> impl Iterator<Item = (RowId, &Row)> {
    (0..=u16::MAX).map(RowId).zip(rows)
}

#[cfg(test)]
mod tests;
