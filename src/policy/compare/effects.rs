//! What a change of policy means for traffic that was seen: the same capture judged under both.
//!
//! ```text
//!  reading under OLD ─▶ Report ───────────────┐
//!       └─ each flow ─▶ Flows::before         ├─▶ Effects
//!  reading under NEW ─▶ Report ───────────────┤
//!       └─ each flow ─▶ Flows::after ─────────┘  (its place in the capture says which flow it was)
//! ```
//!
//! Bounds: of [`MOST_FLOWS`] flows it is known what the old policy said, the rest are counted; [`MOST_HOSTS`] hosts are told.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::names::domain::Domain;
use crate::policy::compile::Policy;
use crate::policy::coverage::{Outcome, Record, Report};
use crate::policy::verdict::{Blockage, RowId, Standing, Verdict};

const MOST_FLOWS: usize = 1_000_000;
const MOST_HOSTS: usize = 10_000;
const MOST_EXAMPLES: usize = 3;

/// What is different about the capture.
#[derive(Debug, Default)]
pub struct Effects {
    /// Host patterns of which not the same is said, in the order of the new policy; then those that are gone.
    pub patterns: Vec<PatternChange>,
    /// What was in no row and is in one now, or the other way; by name.
    pub hosts: Vec<HostChange>,
    /// Beyond those.
    pub more_hosts: u64,
    /// Flows of another class or verdict, the most frequent change first.
    pub flows: Vec<FlowChange>,
    /// Flows in the capture.
    pub seen: u64,
    /// Of them those that nobody could remember: nothing is said of them.
    pub forgotten: u64,
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.hosts.is_empty() && self.flows.is_empty()
    }

    pub fn changed_flows(&self) -> u64 {
        self.flows.iter().map(|change| change.flows).sum()
    }
}

/// What one policy says of a host pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub endpoint: String,
    pub outcome: Outcome,
    pub how: Option<Blockage>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternChange {
    /// None: the row has no hosts.
    pub host: Option<String>,
    /// None: it is new.
    pub old: Option<Said>,
    /// None: it is gone.
    pub new: Option<Said>,
}

/// A host, or an address without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostChange {
    pub host: String,
    /// It is in a row now, and was in none; else the other way.
    pub is_listed: bool,
    /// The row that it is in, or was.
    pub endpoint: String,
    pub flows: u64,
}

/// What one policy says of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Judgement {
    pub class: String,
    pub verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowChange {
    pub old: Judgement,
    pub new: Judgement,
    pub flows: u64,
    /// The first of them in the capture.
    pub examples: Vec<Example>,
}

/// One flow, so that it can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// Ordinal of the input, and the flow's first frame in it: which flow it is, whatever the policy.
    pub place: (u32, u64),
    pub id: String,
    pub start_ns: u64,
    /// Times are written with 9 digits.
    pub nanoseconds: bool,
    pub name: Option<Domain>,
    pub server: IpAddr,
    pub port: Option<u16>,
}

/// Flows under the one policy and under the other.
#[derive(Debug, Default)]
pub struct Flows {
    /// What the old policy said, as an index into `said`, and the row if there is one.
    before: HashMap<(u32, u64), (u32, Option<u16>)>,
    said: Vec<Judgement>,
    known: HashMap<Judgement, u32>,
    changes: BTreeMap<(Judgement, Judgement), (u64, Vec<Example>)>,
    hosts: BTreeMap<(String, bool), (String, u64)>,
    more_hosts: u64,
    seen: u64,
    forgotten: u64,
}

impl Flows {
    /// A flow in the reading under the old policy.
    pub fn before(&mut self, policy: &Policy, flow: &Example, verdict: &Verdict) {
        if self.before.len() >= MOST_FLOWS {
            return;
        }
        let judgement = judgement(policy, flow, verdict);
        let next = self.said.len() as u32;
        let index = *self.known.entry(judgement.clone()).or_insert(next);
        if index == next {
            self.said.push(judgement);
        }
        let row = verdict.matches.first().map(|row| row.0);
        self.before.insert(flow.place, (index, row));
    }

    /// The same flow in the reading under the new one; `old` is the policy of the first reading.
    pub fn after(&mut self, old: &Policy, new: &Policy, flow: Example, verdict: &Verdict) {
        self.seen += 1;
        let Some((index, row)) = self.before.remove(&flow.place) else {
            self.forgotten += 1;
            return;
        };
        let row = row.map(RowId);
        match (row, verdict.matches.first()) {
            (None, Some(now)) => self.host(&flow, true, &new.row(*now).id),
            (Some(was), None) => self.host(&flow, false, &old.row(was).id),
            _ => {}
        }
        let (Some(before), after) = (self.said.get(index as usize), judgement(new, &flow, verdict)) else {
            return;
        };
        if *before != after {
            let (count, examples) = self.changes.entry((before.clone(), after)).or_default();
            *count += 1;
            // The first in the capture, in whatever order they come.
            let place = examples.partition_point(|known| known.place < flow.place);
            examples.insert(place, flow);
            examples.truncate(MOST_EXAMPLES);
        }
    }

    fn host(&mut self, flow: &Example, is_listed: bool, endpoint: &str) {
        let host = match &flow.name {
            Some(name) => name.to_string(),
            None => flow.server.to_string(),
        };
        let key = (host, is_listed);
        if self.hosts.len() >= MOST_HOSTS && !self.hosts.contains_key(&key) {
            self.more_hosts += 1;
            return;
        }
        let (_, flows) = self.hosts.entry(key).or_insert_with(|| (endpoint.to_owned(), 0));
        *flows += 1;
    }
}

fn judgement(policy: &Policy, flow: &Example, verdict: &Verdict) -> Judgement {
    Judgement {
        class: policy.class_of(verdict, flow.name.is_some()).to_owned(),
        verdict: Standing::as_str(verdict.standing),
    }
}

/// What it all comes to. The reports are those of the two readings, the old policy's first.
pub fn effects(old: (&Policy, &Report), new: (&Policy, &Report), flows: Flows) -> Effects {
    let mut changes: Vec<FlowChange> = flows
        .changes
        .into_iter()
        .map(|((old, new), (flows, examples))| FlowChange {
            old,
            new,
            flows,
            examples,
        })
        .collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.flows));
    Effects {
        patterns: patterns(old, new),
        hosts: flows
            .hosts
            .into_iter()
            .map(|((host, is_listed), (endpoint, flows))| HostChange {
                host,
                is_listed,
                endpoint,
                flows,
            })
            .collect(),
        more_hosts: flows.more_hosts,
        flows: changes,
        seen: flows.seen,
        forgotten: flows.forgotten,
    }
}

/// A row's id, and the host if it has any.
type Key = (String, Option<String>);

/// A pattern is the same if it stands in the row of the same id; else if it is the only one left that is spelled so, in whatever row.
fn patterns(old: (&Policy, &Report), new: (&Policy, &Report)) -> Vec<PatternChange> {
    let mut before = by_key(old.0, old.1);
    let mut paired = Vec::new();
    let mut moved = Vec::new();
    for record in &new.1.records {
        let (key, after) = (key(new.0, record), said(new.0, record));
        match before.remove(&key) {
            Some(was) => paired.push((record.host.clone(), Some(was), Some(after))),
            None => {
                moved.push(paired.len());
                paired.push((record.host.clone(), None, Some(after)));
            }
        }
    }
    // What is left stands in another row, or in none.
    let mut left: HashMap<String, Vec<Key>> = HashMap::new();
    for key in before.keys().filter(|(_, host)| host.is_some()) {
        left.entry(key.1.clone().unwrap_or_default())
            .or_default()
            .push(key.clone());
    }
    for place in moved {
        if let Some((Some(host), was, _)) = paired.get_mut(place)
            && let Some([only]) = left.get(host).map(Vec::as_slice)
        {
            *was = before.remove(only);
            left.remove(host);
        }
    }
    let mut gone = Vec::new();
    for record in &old.1.records {
        if let Some(was) = before.remove(&key(old.0, record)) {
            gone.push((record.host.clone(), Some(was), None));
        }
    }
    let mut all: Vec<_> = paired.into_iter().chain(gone).collect();
    // A broad form has a record only where something fell under it; but it may stand in the policy.
    for (host, was, is) in &mut all {
        match (&was, &is) {
            (None, Some(said)) if lists_broad(old.0, said, host) => *was = Some(untried(said)),
            (Some(said), None) if lists_broad(new.0, said, host) => *is = Some(untried(said)),
            _ => {}
        }
    }
    all.into_iter()
        .map(|(host, old, new)| PatternChange { host, old, new })
        .filter(|change| match (&change.old, &change.new) {
            (Some(old), Some(new)) => (old.outcome, old.how) != (new.outcome, new.how),
            _ => true,
        })
        .collect()
}

fn lists_broad(policy: &Policy, said: &Said, host: &Option<String>) -> bool {
    let mut rows = policy.rows().filter(|(_, row)| row.id == said.endpoint);
    let Some(host) = host else { return false };
    rows.any(|(_, row)| row.broad.iter().any(|broad| broad.to_string() == *host))
}

fn untried(said: &Said) -> Said {
    Said {
        endpoint: said.endpoint.clone(),
        outcome: Outcome::NotTried,
        how: None,
    }
}

fn by_key(policy: &Policy, report: &Report) -> BTreeMap<Key, Said> {
    let records = report.records.iter();
    records
        .map(|record| (key(policy, record), said(policy, record)))
        .collect()
}

fn key(policy: &Policy, record: &Record) -> Key {
    (policy.row(record.row).id.clone(), record.host.clone())
}

fn said(policy: &Policy, record: &Record) -> Said {
    Said {
        endpoint: policy.row(record.row).id.clone(),
        outcome: record.outcome,
        how: record.how,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::coverage::{Coverage, Input};
    use crate::policy::load::load;
    use crate::policy::verdict::{Flags, Reach, RowIds};

    fn policy(rows: &[(&str, &str)]) -> Policy {
        let row = |(id, host): &(&str, &str)| {
            format!("[[endpoint]]\nid = \"{id}\"\nclass = \"{id}\"\nhosts = [\"{host}\"]\n")
        };
        let text: String = rows.iter().map(row).collect();
        load(&text, "lab", &mut |_| Err(String::new())).unwrap().policy
    }

    fn report(policy: &Policy) -> Report {
        let mut coverage = Coverage::new(policy);
        coverage.input(Input::default());
        coverage.report(|_| true)
    }

    fn patterns_of(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
        let (old, new) = (policy(old), policy(new));
        let changes = patterns((&old, &report(&old)), (&new, &report(&new)));
        let side = |said: &Option<Said>| said.as_ref().map_or("-".to_owned(), |said| said.endpoint.clone());
        changes
            .iter()
            .map(|change| {
                let host = change.host.as_deref().unwrap_or("");
                format!("{host} {} {}", side(&change.old), side(&change.new))
            })
            .collect()
    }

    #[test]
    fn a_pattern_that_only_moved_is_no_change() {
        assert!(patterns_of(&[("a", "x.example")], &[("b", "x.example")]).is_empty());
        assert_eq!(
            patterns_of(&[("a", "x.example")], &[("a", "y.example")]),
            ["y.example - a", "x.example a -"]
        );
        // Which of two it was nobody can tell.
        assert_eq!(
            patterns_of(&[("a", "x.example"), ("b", "x.example")], &[("c", "x.example")]),
            ["x.example - c", "x.example a -", "x.example b -"]
        );
    }

    fn verdict(rows: &[u16]) -> Verdict {
        let matches: RowIds = rows.iter().copied().map(RowId).collect();
        Verdict {
            standing: if rows.is_empty() {
                Standing::Unlisted
            } else {
                Standing::Ok
            },
            matches,
            flags: Flags::new(),
            reach: Reach::Reached,
        }
    }

    fn flow(frame: u64) -> Example {
        Example {
            place: (0, frame),
            id: "1:x".into(),
            start_ns: 0,
            nanoseconds: false,
            name: Some(Domain::from_text(b"x.example")),
            server: "192.0.2.1".parse().unwrap(),
            port: Some(443),
        }
    }

    #[test]
    fn flows_are_told_by_their_first_frame_in_whatever_order_they_come() {
        let (old, new) = (policy(&[("a", "y.example")]), policy(&[("a", "x.example")]));
        let mut flows = Flows::default();
        for frame in [1, 2, 3, 4, 5] {
            flows.before(&old, &flow(frame), &verdict(&[]));
        }
        for frame in [5, 3, 9, 4, 2, 1] {
            flows.after(&old, &new, flow(frame), &verdict(&[0]));
        }
        let effects = effects((&old, &report(&old)), (&new, &report(&new)), flows);
        assert_eq!((effects.seen, effects.forgotten, effects.changed_flows()), (6, 1, 5));
        let [change] = effects.flows.as_slice() else {
            panic!("{:?}", effects.flows)
        };
        assert_eq!((change.old.class.as_str(), change.new.class.as_str()), ("other", "a"));
        let frames: Vec<u64> = change.examples.iter().map(|example| example.place.1).collect();
        assert_eq!(frames, [1, 2, 3]);
        let [host] = effects.hosts.as_slice() else {
            panic!("{:?}", effects.hosts)
        };
        assert_eq!((host.host.as_str(), host.is_listed, host.flows), ("x.example", true, 5));
    }
}
