//! What was held against flows and lookups, alike ones together.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::flows::Seen;
use crate::engine::rows::NameRow;
use crate::policy::verdict::{Blockage, Flag, FlagKind, Severity};
use crate::sink::{Labels, text};

/// What makes findings alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    pub kind: FlagKind,
    pub how: Option<Blockage>,
    pub severity: Severity,
    pub class: Arc<str>,
    /// The name, or the server's address.
    pub host: String,
}

/// How often, since when, and one of them.
#[derive(Debug, Clone)]
pub struct Found {
    pub what: Finding,
    pub count: u64,
    /// Of flows under way: so far.
    pub running: u64,
    pub last_ns: u64,
    pub why: String,
    /// None: a lookup.
    pub flow: Option<Arc<Seen>>,
}

impl Found {
    pub fn word(&self) -> String {
        match self.what.how {
            Some(how) => format!("{} {}", self.what.kind.as_str(), how.as_str()),
            None => self.what.kind.as_str().to_owned(),
        }
    }

    pub fn has(&self, sought: &str) -> bool {
        let contains = |text: &str| text.to_ascii_lowercase().contains(sought);
        contains(&self.word())
            || contains(&self.what.class)
            || contains(&self.what.host)
            || self.flow.as_ref().is_some_and(|flow| flow.has(sought))
    }

    /// The order of equals.
    fn place(&self) -> (FlagKind, Option<Blockage>, &str, &str) {
        (self.what.kind, self.what.how, &self.what.host, &self.what.class)
    }

    fn rank(&self) -> (Severity, u64) {
        (self.what.severity, self.last_ns)
    }
}

/// Findings that are kept: the gravest, of equals the newest.
pub const MOST: usize = 300;

#[derive(Debug, Default)]
pub struct Findings {
    found: HashMap<Finding, Found>,
    /// Thrown out for want of room.
    pub more: u64,
}

impl Findings {
    /// What is held against a flow. In no row a notice is no news.
    pub fn flow(&mut self, seen: &Arc<Seen>, labels: &Labels) {
        let listed = !seen.row.verdict.matches.is_empty();
        let flags = seen.row.verdict.flags.iter();
        for flag in flags.filter(|flag| listed || flag.severity > Severity::Notice) {
            let what = finding(flag, &seen.class, seen.host());
            self.add(what, flag, seen.row.end_ns, Some(seen), labels);
        }
    }

    /// What is held against a lookup.
    pub fn lookup(&mut self, row: &NameRow, labels: &Labels) {
        let class: Arc<str> = text::clean(labels.policy.class(&row.matches, true)).as_ref().into();
        for flag in &row.flags {
            let what = finding(flag, &class, row.query.to_string());
            self.add(what, flag, row.time_ns, None, labels);
        }
    }

    fn add(&mut self, what: Finding, flag: &Flag, at_ns: u64, flow: Option<&Arc<Seen>>, labels: &Labels) {
        let running = flow.is_some_and(|flow| flow.is_running);
        let found = self.found.entry(what).or_insert_with_key(|what| Found {
            what: what.clone(),
            count: 0,
            running: 0,
            last_ns: 0,
            why: why(flag, labels),
            flow: None,
        });
        found.count += u64::from(!running);
        found.running += u64::from(running);
        if at_ns >= found.last_ns {
            found.last_ns = at_ns;
            found.flow = flow.cloned();
        }
        // Twice as many are let in before the lesser half is thrown out.
        if self.found.len() >= 2 * MOST {
            let mut all: Vec<Found> = self.found.drain().map(|(_, found)| found).collect();
            all.sort_unstable_by_key(|found| Reverse(found.rank()));
            self.more += (all.len() - MOST) as u64;
            all.truncate(MOST);
            self.found = all.into_iter().map(|found| (found.what.clone(), found)).collect();
        }
    }

    /// These and those of flows under way, the gravest first, of equals the newest.
    pub fn with(&self, running: &Findings) -> Vec<Arc<Found>> {
        let mut all: Vec<Found> = Vec::with_capacity(self.found.len() + running.found.len());
        for (what, found) in &self.found {
            let mut found = found.clone();
            if let Some(now) = running.found.get(what) {
                found.running = now.running;
                found.last_ns = found.last_ns.max(now.last_ns);
            }
            all.push(found);
        }
        let only_running = running.found.iter().filter(|(what, _)| !self.found.contains_key(what));
        all.extend(only_running.map(|(_, found)| found.clone()));
        all.sort_unstable_by(|a, b| b.rank().cmp(&a.rank()).then_with(|| a.place().cmp(&b.place())));
        all.truncate(MOST);
        all.into_iter().map(Arc::new).collect()
    }
}

fn finding(flag: &Flag, class: &Arc<str>, host: String) -> Finding {
    Finding {
        kind: flag.kind,
        how: flag.how,
        severity: flag.severity,
        class: Arc::clone(class),
        host,
    }
}

fn why(flag: &Flag, labels: &Labels) -> String {
    let mut sentence = Vec::new();
    labels.policy.wording.tell(&flag.why, &mut sentence);
    text::clean(&String::from_utf8_lossy(&sentence)).into_owned()
}
