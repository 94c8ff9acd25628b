//! The judgement on an allow-list, written out: [`table`] for people, [`json`] for programs, [`junit`] and [`sarif`] for what
//! builds and scans, [`markdown`] for a ticket.
//!
//! All of them say the same: one entry a host pattern, what was used but is on no list, and one verdict at the end. The sentences
//! are made in [`words`]. Names of a policy's rows and of files are raw here; each output escapes what it writes.

pub mod crossings;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sarif;
pub mod table;
pub mod words;

use self::crossings::Crossings;
use super::{Labels, RowNames};
use crate::engine::rows::CaptureRow;
use crate::policy::compile::Policy;
use crate::policy::coverage::{Demands, Outcome, Record, Report, What};

/// Everything that an output is made of.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    pub report: &'a Report,
    pub policy: &'a Policy,
    pub labels: &'a Labels,
    /// In the order of the inputs.
    pub captures: &'a [CaptureRow],
    pub demands: &'a Demands,
    /// What became of every attempt at a device of which both sides were captured.
    pub crossings: Option<&'a Crossings<'a>>,
}

/// What it all comes to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    Works,
    /// As far as it was tried; not all was.
    WorksInPart,
    NothingReached,
    Fails,
}

impl<'a> Judged<'a> {
    pub fn row(&self, record: &Record) -> RowNames {
        self.labels.policy.row(record.row).cloned().unwrap_or_default()
    }

    /// How a pattern is called where there is room for one name: its host, or the endpoint's id.
    pub fn target(&self, record: &Record) -> String {
        match &record.host {
            Some(host) => host.clone(),
            None => self.row(record).id,
        }
    }

    pub fn fails(&self, record: &Record) -> bool {
        self.demands.fails(record, self.policy)
    }

    pub fn sum(&self) -> Sum {
        let records = &self.report.records;
        let is_whole = |record: &Record| record.outcome.is_reached() || record.excuse.is_some();
        if !self.report.reached_anything() {
            Sum::NothingReached
        } else if self.demands.fail(self.report, self.policy) {
            Sum::Fails
        } else if records.iter().all(is_whole) {
            Sum::Works
        } else {
            Sum::WorksInPart
        }
    }

    /// How many patterns came to each outcome, the worst first; not zero.
    pub fn tally(&self) -> Vec<(Outcome, usize)> {
        let count = |outcome| {
            self.report
                .records
                .iter()
                .filter(|record| record.outcome == outcome)
                .count()
        };
        Outcome::ALL
            .into_iter()
            .map(|outcome| (outcome, count(outcome)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The input's name.
    pub fn file(&self, ordinal: u32) -> Option<&'a str> {
        let known = self.labels.file(ordinal);
        known.or_else(|| self.captures.first().map(|capture| capture.file.as_str()))
    }

    /// Records that somebody should read about, the worst first.
    pub fn findings(&self) -> Vec<&'a Record> {
        let quiet = [Outcome::Reached, Outcome::NotTried];
        let mut findings: Vec<&Record> = self
            .report
            .records
            .iter()
            .filter(|record| {
                !quiet.contains(&record.outcome) || self.fails(record) && record.outcome != Outcome::NotTried
            })
            .collect();
        findings.sort_by_key(|record| (!self.fails(record), record.outcome));
        findings
    }
}

/// Of something unlisted: `assets.nbold.io`, `203.0.113.9`, `203.0.113.0/24`.
pub fn unlisted_name(what: &What) -> String {
    match what {
        What::Host(name) | What::Link(name) => name.to_string(),
        What::Network(ip, length) => {
            let text = super::address::address(*ip);
            match (ip.is_ipv4(), length) {
                (true, 32) | (false, 128) => text.as_str().to_owned(),
                _ => format!("{}/{length}", text.as_str()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
