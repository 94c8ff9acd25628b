//! What a policy lets through, and what of it changes.
//!
//! Let through is what a row in force lists: its hosts on its ports, and its ranges on its ports. Not so what is over by the day
//! asked about, the broad forms, and the rows inside the platform, for none of which a firewall is opened. Where several rows
//! list the same, it is open for the ports of all of them.
//!
//! Ranges are swept from the lowest address to the highest. Those of one policy nest, so a stack a policy says at every
//! address what is open there:
//!
//! ```text
//!   old   |-------- /14 tcp/443 --------|
//!   new   |--- /15 tcp/443 ---|-- /15 --|         at each boundary: old top of stack less new top of stack, and back
//!         ^                   ^         ^
//! ```

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::port_set::PortSet;
use crate::policy::compile::Policy;
use crate::policy::model::{Date, HostPattern, Line, Prefix, Row};

/// One host or range that is let through on ports on which it was not, or the other way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub gate: Gate,
    pub place: Place,
    pub ports: PortSet,
    /// Of a wildcard: some of what is below it to which this does not apply.
    pub except: Vec<HostPattern>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    Opened,
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Host(HostPattern),
    Range(Prefix),
}

pub fn changes(old: &Policy, new: &Policy, as_of: Date) -> Vec<Access> {
    let (old_hosts, new_hosts) = (Hosts::of(old, as_of), Hosts::of(new, as_of));
    let mut all = old_hosts.opened_by(&new_hosts, Gate::Opened);
    all.extend(new_hosts.opened_by(&old_hosts, Gate::Closed));
    for v6 in [false, true] {
        all.extend(swept(&ranges(old, as_of, v6), &ranges(new, as_of, v6), v6));
    }
    all.sort_by_key(|access| access.gate);
    all
}

fn in_force(policy: &Policy, as_of: Date) -> impl Iterator<Item = &Row> {
    let counts = move |row: &&Row| !row.is_over(as_of) && row.line != Line::Orange;
    policy.rows().map(|(_, row)| row).filter(counts)
}

/// The ports on which each host is let through by a row that lists it.
struct Hosts {
    listed: HashMap<HostPattern, PortSet>,
    /// The same hosts by their labels from the last to the first, so that what is below a name stands together.
    by_tail: BTreeMap<String, Vec<HostPattern>>,
}

/// How many exceptions of a wildcard are named.
const EXCEPTIONS: usize = 3;

impl Hosts {
    fn of(policy: &Policy, as_of: Date) -> Hosts {
        let mut hosts = Hosts {
            listed: HashMap::new(),
            by_tail: BTreeMap::new(),
        };
        for row in in_force(policy, as_of) {
            let ports = PortSet::of(&row.expect.ports);
            for host in &row.hosts {
                match hosts.listed.get_mut(host) {
                    Some(known) if known.holds(&ports) => {}
                    Some(known) => *known = known.union(&ports),
                    None => {
                        hosts.listed.insert(host.clone(), ports.clone());
                        hosts
                            .by_tail
                            .entry(tail_first(&host.name))
                            .or_default()
                            .push(host.clone());
                    }
                }
            }
        }
        hosts
    }

    /// The ports on which all that `host` covers is let through.
    fn ports(&self, host: &HostPattern) -> PortSet {
        let own = self.listed.get(host).cloned().unwrap_or_default();
        around(host)
            .filter_map(|wide| self.listed.get(&wide))
            .fold(own, |all, ports| all.union(ports))
    }

    /// What of `other` is not let through here. What a wider change says already is left out.
    fn opened_by(&self, other: &Hosts, gate: Gate) -> Vec<Access> {
        let delta: HashMap<&HostPattern, PortSet> = other
            .listed
            .keys()
            .map(|host| (host, other.ports(host).without(&self.ports(host))))
            .filter(|(_, ports)| !ports.is_empty())
            .collect();
        let is_said = |host: &HostPattern, ports: &PortSet| {
            around(host).any(|wide| delta.get(&wide).is_some_and(|said| said.holds(ports)))
        };
        let mut changes = Vec::new();
        for host in other.by_tail.values().flatten() {
            let Some(ports) = delta.get(host).filter(|ports| !is_said(host, ports)) else {
                continue;
            };
            let except = match host.below {
                true => self.below(host, ports),
                false => Vec::new(),
            };
            changes.push(Access {
                gate,
                place: Place::Host(host.clone()),
                ports: ports.clone(),
                except,
            });
        }
        changes
    }

    /// A few of the hosts below a wildcard that are let through on these ports here.
    fn below(&self, wild: &HostPattern, ports: &PortSet) -> Vec<HostPattern> {
        let start = format!("{}.", tail_first(&wild.name));
        self.by_tail
            .range(start.clone()..)
            .take_while(|(name, _)| name.starts_with(&start))
            .flat_map(|(_, hosts)| hosts)
            .filter(|host| self.listed.get(*host).is_some_and(|open| open.holds(ports)))
            .take(EXCEPTIONS)
            .cloned()
            .collect()
    }
}

/// The wildcards around a host, but for itself.
fn around(host: &HostPattern) -> impl Iterator<Item = HostPattern> + '_ {
    host.name.match_indices('.').filter_map(|(dot, _)| {
        Some(HostPattern {
            name: host.name.get(dot + 1..)?.into(),
            below: true,
        })
    })
}

fn tail_first(name: &str) -> String {
    name.rsplit('.').collect::<Vec<_>>().join(".")
}

/// The ranges of one family and the ports on which each is let through, those around others first.
fn ranges(policy: &Policy, as_of: Date, v6: bool) -> Vec<(Prefix, Rc<PortSet>)> {
    let mut all: BTreeMap<(u128, u8), (Prefix, Rc<PortSet>)> = BTreeMap::new();
    for row in in_force(policy, as_of) {
        let ports = Rc::new(PortSet::of(&row.expect.ports));
        for range in row.ranges().filter(|range| range.v6 == v6) {
            let (_, known) = all
                .entry((range.first, range.length))
                .or_insert_with(|| (*range, Rc::clone(&ports)));
            if !Rc::ptr_eq(known, &ports) {
                *known = joined(known, &ports);
            }
        }
    }
    all.into_values().collect()
}

fn joined(known: &Rc<PortSet>, more: &Rc<PortSet>) -> Rc<PortSet> {
    match known.holds(more) {
        true => Rc::clone(known),
        false => Rc::new(known.union(more)),
    }
}

/// A policy's ranges while they are swept.
struct Sweep<'a> {
    rest: std::slice::Iter<'a, (Prefix, Rc<PortSet>)>,
    /// Where each open range ends, and the ports of it and of all around it.
    open: Vec<(u128, Rc<PortSet>)>,
}

impl<'a> Sweep<'a> {
    fn over(ranges: &'a [(Prefix, Rc<PortSet>)]) -> Sweep<'a> {
        Sweep {
            rest: ranges.iter(),
            open: Vec::new(),
        }
    }

    /// What is let through from `at` to the next boundary.
    fn at(&mut self, at: u128) -> Option<Rc<PortSet>> {
        while self.open.last().is_some_and(|(last, _)| *last < at) {
            self.open.pop();
        }
        while let Some((range, ports)) = self.rest.as_slice().first().filter(|(range, _)| range.first <= at) {
            self.rest.next();
            let ports = match self.open.last() {
                Some((_, around)) => joined(around, ports),
                None => Rc::clone(ports),
            };
            self.open.push((range.last(), ports));
        }
        self.open.last().map(|(_, ports)| Rc::clone(ports))
    }
}

/// A stretch of addresses with the same change.
struct Stretch {
    first: u128,
    last: u128,
    ports: PortSet,
}

fn swept(old: &[(Prefix, Rc<PortSet>)], new: &[(Prefix, Rc<PortSet>)], v6: bool) -> Vec<Access> {
    let top = if v6 { u128::MAX } else { u128::from(u32::MAX) };
    let mut bounds: Vec<u128> = old
        .iter()
        .chain(new)
        .flat_map(|(range, _)| {
            [
                Some(range.first),
                range.last().checked_add(1).filter(|next| *next <= top),
            ]
        })
        .flatten()
        .collect();
    bounds.sort_unstable();
    bounds.dedup();
    let (mut before, mut after) = (Sweep::over(old), Sweep::over(new));
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    for (index, &first) in bounds.iter().enumerate() {
        let last = bounds.get(index + 1).map_or(top, |next| next - 1);
        let (was, is) = (
            before.at(first).unwrap_or_default(),
            after.at(first).unwrap_or_default(),
        );
        if Rc::ptr_eq(&was, &is) || was == is {
            continue;
        }
        stretch(&mut opened, first, last, is.without(&was));
        stretch(&mut closed, first, last, was.without(&is));
    }
    let access = |gate| {
        move |stretch: Stretch| {
            cidrs(stretch.first, stretch.last, v6)
                .into_iter()
                .map(move |range| Access {
                    gate,
                    place: Place::Range(range),
                    ports: stretch.ports.clone(),
                    except: Vec::new(),
                })
        }
    };
    let opened = opened.into_iter().flat_map(access(Gate::Opened));
    opened
        .chain(closed.into_iter().flat_map(access(Gate::Closed)))
        .collect()
}

fn stretch(all: &mut Vec<Stretch>, first: u128, last: u128, ports: PortSet) {
    if ports.is_empty() {
        return;
    }
    match all.last_mut() {
        Some(before) if before.last.checked_add(1) == Some(first) && before.ports == ports => before.last = last,
        _ => all.push(Stretch { first, last, ports }),
    }
}

/// The fewest ranges that are these addresses.
fn cidrs(mut first: u128, last: u128, v6: bool) -> Vec<Prefix> {
    let width: u32 = if v6 { 128 } else { 32 };
    let mut out = Vec::new();
    loop {
        // As large as the first address allows, and no larger than what is left.
        let mut bits = first.trailing_zeros().min(width);
        let last_of = |bits: u32| first | !u128::MAX.checked_shl(bits).unwrap_or(0);
        while last_of(bits) > last {
            bits -= 1;
        }
        let end = last_of(bits);
        out.push(Prefix {
            v6,
            first,
            length: (width - bits) as u8,
        });
        match end.checked_add(1).filter(|next| *next <= last) {
            Some(next) => first = next,
            None => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_the_fewest_ranges() {
        let v4 = |first: [u8; 4], last: [u8; 4]| {
            let bits = |ip: [u8; 4]| u128::from(u32::from_be_bytes(ip));
            cidrs(bits(first), bits(last), false)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(v4([52, 112, 0, 0], [52, 115, 255, 255]), ["52.112.0.0/14"]);
        assert_eq!(
            v4([192, 0, 2, 1], [192, 0, 2, 4]),
            ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/32"]
        );
        assert_eq!(v4([0; 4], [255; 4]), ["0.0.0.0/0"]);
        assert_eq!(cidrs(0, u128::MAX, true)[0].to_string(), "::/0");
        assert_eq!(cidrs(1, u128::MAX, true).len(), 128);
    }
}
