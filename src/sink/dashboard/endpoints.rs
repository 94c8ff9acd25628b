//! The policy's rows, and what of each was reached or blocked so far.
//!
//! This is no judgement on the list: that takes all that was seen, and `check` makes it. Here evidence is shown as it comes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::proofs::lasts;
use crate::policy::compile::Policy;
use crate::policy::coverage::{Kind, Outcome};
use crate::policy::model::Line;
use crate::policy::verdict::{Blockage, RowId};
use crate::sink::text;

/// What a row of the policy is.
#[derive(Debug)]
pub struct Info {
    pub id: Arc<str>,
    pub class: String,
    pub title: String,
    pub line: Line,
    pub hosts: Vec<String>,
    /// Hosts beyond those.
    pub more_hosts: usize,
}

/// What was seen of it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub info: Arc<Info>,
    /// Of flows that have ended, and of lookups.
    pub ended: Tally,
    /// Of flows under way, as they stand.
    pub running: Tally,
}

/// What is shown of it by a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    Bad,
    /// Some ways are open, others not.
    Mixed,
    Good,
    Unclear,
    Dark,
}

impl Endpoint {
    /// `dropped`: packets were lost, so silence is no proof.
    pub fn light(&self, dropped: bool) -> Light {
        let counts = self.counts(dropped);
        match (counts.failed.is_empty(), counts.reached, counts.unclear) {
            (true, 0, 0) => Light::Dark,
            (true, 0, _) => Light::Unclear,
            (true, ..) => Light::Good,
            (false, 0, _) => Light::Bad,
            _ => Light::Mixed,
        }
    }

    /// What was seen of it, the gravest first: `blocked silent 3, reached 12`.
    pub fn words(&self, dropped: bool) -> String {
        let counts = self.counts(dropped);
        let mut words: Vec<String> = counts.failed.iter().map(Failure::words).collect();
        for (count, word) in [(counts.reached, "reached"), (counts.unclear, "unclear")] {
            if count > 0 {
                words.push(format!("{word} {count}"));
            }
        }
        match words.is_empty() {
            true => "not tried".to_owned(),
            false => words.join(", "),
        }
    }

    /// What failed, how often it was reached, and how often it cannot be told.
    pub fn counts(&self, dropped: bool) -> Counts {
        let mut counts = Counts::default();
        for (kind, count) in self.ended.0.iter().chain(&self.running.0) {
            let outcome = kind.outcome();
            match kind {
                Kind::Silence(..) if dropped => counts.unclear += count,
                _ if outcome.is_failure() => counts.fail(outcome, kind.how(), *count),
                _ if outcome.is_reached() => counts.reached += count,
                _ => counts.unclear += count,
            }
        }
        counts
            .failed
            .sort_by_key(|failure| (failure.outcome, Reverse(failure.count), failure.how));
        counts
    }

    /// Attempts that nobody answered.
    pub fn silence(&self) -> u64 {
        let all = self.ended.0.iter().chain(&self.running.0);
        let silent = all.filter(|(kind, _)| matches!(kind, Kind::Silence(..)));
        silent.map(|(_, count)| *count).sum()
    }
}

/// How often what was seen. There are few kinds, whatever comes.
#[derive(Debug, Clone, Default)]
pub struct Tally(BTreeMap<Kind, u64>);

impl Tally {
    fn add(&mut self, kind: Kind) {
        *self.0.entry(plain(kind)).or_default() += 1;
    }

    fn take(&mut self, kind: Kind) {
        if let Some(count) = self.0.get_mut(&plain(kind)) {
            *count = count.saturating_sub(1);
        }
        self.0.retain(|_, count| *count > 0);
    }

    pub fn sum(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Of whichever input.
fn plain(kind: Kind) -> Kind {
    match kind {
        Kind::Silence(how, _) => Kind::Silence(how, 0),
        _ => kind,
    }
}

/// What a tally comes to.
#[derive(Debug, Default)]
pub struct Counts {
    /// In the order of `check`: the gravest first, of ways to be blocked the most frequent.
    pub failed: Vec<Failure>,
    pub reached: u64,
    pub unclear: u64,
}

impl Counts {
    fn fail(&mut self, outcome: Outcome, how: Option<Blockage>, count: u64) {
        let alike = |failure: &&mut Failure| (failure.outcome, failure.how) == (outcome, how);
        match self.failed.iter_mut().find(alike) {
            Some(failure) => failure.count += count,
            None => self.failed.push(Failure { outcome, how, count }),
        }
    }
}

/// One way to fail, and how often.
#[derive(Debug)]
pub struct Failure {
    pub outcome: Outcome,
    pub how: Option<Blockage>,
    pub count: u64,
}

impl Failure {
    /// `nxdomain`.
    pub fn word(&self) -> &'static str {
        self.how.map_or(self.outcome.as_str(), Blockage::as_str)
    }

    /// `blocked nxdomain 21`.
    fn words(&self) -> String {
        let how = self.how.map_or(String::new(), |how| format!(" {}", how.as_str()));
        format!("{}{how} {}", self.outcome.as_str(), self.count)
    }
}

/// Of a row so many hosts are told.
const HOSTS: usize = 50;

/// By the policy's row.
#[derive(Debug)]
pub struct Endpoints(Vec<Endpoint>);

impl Endpoints {
    pub fn of(policy: &Policy) -> Endpoints {
        let clean = |words: &str| text::clean(words).into_owned();
        let rows = policy.rows().map(|(_, row)| Info {
            id: text::clean(&row.id).as_ref().into(),
            class: clean(&row.class),
            title: clean(&row.title),
            line: row.line,
            hosts: row
                .hosts
                .iter()
                .take(HOSTS)
                .map(|host| clean(&host.to_string()))
                .collect(),
            more_hosts: row.hosts.len().saturating_sub(HOSTS),
        });
        let dark = |info| Endpoint {
            info: Arc::new(info),
            ended: Tally::default(),
            running: Tally::default(),
        };
        Endpoints(rows.map(dark).collect())
    }

    pub fn id(&self, row: Option<&RowId>) -> Arc<str> {
        let found = row.and_then(|row| self.0.get(usize::from(row.0)));
        found.map(|endpoint| Arc::clone(&endpoint.info.id)).unwrap_or_default()
    }

    /// Something has ended that says this of a row.
    pub fn add(&mut self, row: RowId, kind: Kind) {
        if let Some(endpoint) = self.0.get_mut(usize::from(row.0)) {
            endpoint.ended.add(kind);
        }
    }

    /// Flows under way are told anew.
    pub fn forget_running(&mut self) {
        for endpoint in &mut self.0 {
            endpoint.running.0.clear();
        }
    }

    pub fn add_running(&mut self, row: RowId, kind: Kind) {
        // In the beginning nothing can be told of any flow: that is no news.
        if let Some(endpoint) = self.0.get_mut(usize::from(row.0))
            && (lasts(kind) || !matches!(kind, Kind::Unsure(_)))
        {
            endpoint.running.add(kind);
        }
    }

    /// A flow under way has ended, of which this was counted.
    pub fn take_running(&mut self, row: RowId, kind: Kind) {
        if let Some(endpoint) = self.0.get_mut(usize::from(row.0)) {
            endpoint.running.take(kind);
        }
    }

    pub fn all(&self) -> Vec<Endpoint> {
        self.0.clone()
    }
}
