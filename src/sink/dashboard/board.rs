//! What a live run has shown so far: filled row by row, and read as snapshots.

use std::sync::Arc;

use super::classes::{ClassSum, Classes};
use super::credits::{Credit, Credits};
use super::endpoints::Endpoints;
use super::findings::Findings;
use super::flows::{Flows, Seen, id};
use super::proofs::{Proof, Proofs, lasts};
use super::snapshot::Snapshot;
use crate::engine::rows::{FlowRow, NameRow, Running};
use crate::policy::compile::Policy;
use crate::policy::coverage::{Attempt, Lookup, single};
use crate::policy::verdict::Severity;
use crate::sink::Labels;

/// A flow without a packet for so long is not over, but it stands still.
const BUSY_NS: u64 = 10_000_000_000;

/// How rows are lent to the policy.
#[derive(Debug, Clone, Copy)]
pub struct Lend {
    pub attempt: fn(&FlowRow) -> Attempt<'_>,
    pub lookup: fn(&NameRow) -> Lookup<'_>,
}

/// The scoreboard.
#[derive(Debug)]
pub struct Board {
    policy: Arc<Policy>,
    labels: Labels,
    lend: Lend,
    /// All flows are shown, so that sums over all of them mean something.
    shows_all: bool,
    classes: Classes,
    total: ClassSum,
    credits: Credits,
    /// Flows under way for which there was no room among those.
    uncredited: u64,
    proofs: Proofs,
    flows: Flows,
    findings: Findings,
    /// Of flows under way.
    findings_now: Findings,
    endpoints: Endpoints,
    ended: u64,
    /// Bytes of flows under way that are in the sum and in no class.
    unclassed: u64,
    names: u64,
    running: u64,
    running_bytes: u64,
    undecoded: u64,
    now_ns: u64,
}

impl Board {
    pub fn new(policy: Arc<Policy>, labels: Labels, lend: Lend, shows_all: bool) -> Board {
        Board {
            classes: Classes::of(&labels.policy),
            endpoints: Endpoints::of(&policy),
            total: ClassSum::named("all"),
            policy,
            labels,
            lend,
            shows_all,
            credits: Credits::default(),
            uncredited: 0,
            proofs: Proofs::default(),
            flows: Flows::default(),
            findings: Findings::default(),
            findings_now: Findings::default(),
            ended: 0,
            unclassed: 0,
            names: 0,
            running: 0,
            running_bytes: 0,
            undecoded: 0,
            now_ns: 0,
        }
    }

    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// More inputs have begun.
    pub fn more_files(&mut self, names: &[String]) {
        self.labels.files.extend_from_slice(names);
    }

    pub fn undecoded(&mut self, packets: u64) {
        self.undecoded = packets;
    }

    /// A flow has ended.
    pub fn flow(&mut self, row: &FlowRow) {
        let bytes = row.bytes.out.saturating_add(row.bytes.r#in);
        let class = self.classes.place(row);
        self.ended += 1;
        self.classes.end(class, row);
        let known = self.credits.take(&id(row));
        if let Some(sum) = known.and_then(|credit| self.classes.at(credit.class)) {
            sum.running = sum.running.saturating_sub(1);
        }
        let credit = known.unwrap_or(Credit {
            class,
            at_ns: row.start_ns,
            ..Credit::default()
        });
        self.carry(row, class, credit, row.end_ns);
        for (row, kind) in self.proofs.take(&id(row)) {
            self.endpoints.take_running(row, kind);
        }
        for (row, kind) in single::of_attempt(&self.policy, &(self.lend.attempt)(row)) {
            self.endpoints.add(row, kind);
        }
        let listed = !row.verdict.matches.is_empty();
        let grave = |severity| listed || severity > Severity::Notice;
        let is_news = row.verdict.flags.iter().any(|flag| grave(flag.severity));
        if is_news || self.flows.keeps(bytes) {
            let seen = Arc::new(self.seen(row, class, None));
            self.flows.end(&seen);
            self.findings.flow(&seen, &self.labels);
        }
    }

    /// A lookup was answered, or never was.
    pub fn lookup(&mut self, row: &NameRow) {
        self.names += 1;
        if row.client.is_some() && !row.flags.is_empty() {
            let kind = single::of_lookup(&(self.lend.lookup)(row));
            for id in &row.matches {
                self.endpoints.add(*id, kind);
            }
            self.findings.lookup(row, &self.labels);
        }
    }

    /// Flows under way: of each class those that are wanted.
    pub fn running(&mut self, running: &Running) {
        let before_ns = if self.now_ns == 0 { running.now_ns } else { self.now_ns };
        self.now_ns = self.now_ns.max(running.now_ns);
        self.classes.advance(self.now_ns);
        self.total.ring.advance(self.now_ns);
        self.endpoints.forget_running();
        self.findings_now = Findings::default();
        self.flows.running.clear();
        self.flows.looked();
        self.classes.sums.iter_mut().for_each(|sum| sum.running = 0);
        self.uncredited = 0;
        for row in &running.listed {
            self.run(row);
        }
        self.recall();
        self.running = running.flows;
        self.running_bytes = running.bytes;
        if self.shows_all {
            let unclassed = self.running_bytes.saturating_sub(self.credits.bytes);
            let more = unclassed.saturating_sub(self.unclassed);
            self.total.carry(before_ns, self.now_ns, more);
            self.unclassed = unclassed;
        }
    }

    fn run(&mut self, row: &FlowRow) {
        let class = self.classes.place(row);
        let flow = id(row);
        let mut bits = 0;
        if let Some(credit) = self.credits.of(&flow) {
            let is_new = credit.at_ns == 0;
            let credit = Credit {
                at_ns: if is_new { row.start_ns } else { credit.at_ns },
                class: if is_new { class } else { credit.class },
                ..credit
            };
            let carried = self.carry(row, class, credit, self.now_ns);
            let took_ms = self.now_ns.saturating_sub(credit.at_ns) / 1_000_000;
            bits = match took_ms {
                // Too short to tell a rate.
                0..100 => credit.bits,
                _ => carried.saturating_mul(8000) / took_ms,
            };
            let bytes = row.bytes.out.saturating_add(row.bytes.r#in);
            let at_ns = self.now_ns.max(1);
            self.credits.set(
                flow,
                Credit {
                    bytes,
                    class,
                    at_ns,
                    bits,
                },
            );
        } else {
            self.uncredited += 1;
            if let Some(sum) = self.classes.at(class) {
                sum.running += 1;
            }
        }
        let attempt = (self.lend.attempt)(row);
        let said = single::of_attempt(&self.policy, &attempt);
        let (proved, passing): (Vec<Proof>, Vec<Proof>) = said.partition(|(_, kind)| lasts(*kind));
        let no_room = self.proofs.set(flow, proved);
        for (row, kind) in passing.into_iter().chain(no_room) {
            self.endpoints.add_running(row, kind);
        }
        let seen = Arc::new(self.seen(row, class, Some(bits)));
        self.findings_now.flow(&seen, &self.labels);
        self.flows.running.push(seen);
    }

    /// Flows under way count whether they are among those told of this time or not.
    fn recall(&mut self) {
        for class in self.credits.classes() {
            if let Some(sum) = self.classes.at(class) {
                sum.running += 1;
            }
        }
        for (row, kind) in self.proofs.all() {
            self.endpoints.add_running(row, kind);
        }
    }

    /// Counts what a flow has carried since it was looked at last; how much that is.
    fn carry(&mut self, row: &FlowRow, class: usize, credit: Credit, to_ns: u64) -> u64 {
        let bytes = row.bytes.out.saturating_add(row.bytes.r#in);
        let more = bytes.saturating_sub(credit.bytes);
        if credit.class != class {
            // It was taken for another class before its name was known.
            if let Some(sum) = self.classes.at(credit.class) {
                sum.bytes = sum.bytes.saturating_sub(credit.bytes);
            }
            if let Some(sum) = self.classes.at(class) {
                sum.bytes = sum.bytes.saturating_add(credit.bytes);
            }
        }
        if let Some(sum) = self.classes.at(class) {
            sum.carry(credit.at_ns.min(to_ns), to_ns, more);
        }
        // Of a flow met for the first time some may be in the sum already, as carried by nobody known.
        let known = if credit.bytes == 0 { self.unclassed.min(more) } else { 0 };
        self.unclassed -= known;
        self.total.carry(credit.at_ns.min(to_ns), to_ns, more - known);
        more
    }

    fn seen(&self, row: &FlowRow, class: usize, bits: Option<u64>) -> Seen {
        Seen {
            row: row.clone(),
            class: self.classes.name(class),
            endpoint: self.endpoints.id(row.verdict.matches.first()),
            is_running: bits.is_some(),
            is_busy: bits.is_some() && self.now_ns.saturating_sub(row.end_ns) < BUSY_NS,
            bits: bits.unwrap_or(0),
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            now_ns: self.now_ns,
            ended: self.ended,
            running: self.running,
            told: self.credits.len() as u64 + self.uncredited,
            names: self.names,
            undecoded: self.undecoded,
            total: self.total.clone(),
            unclassed: self.shows_all.then_some(self.unclassed),
            classes: self.classes.sums.clone(),
            flows: self.flows.all(),
            findings: self.findings.with(&self.findings_now),
            more_findings: self.findings.more,
            endpoints: self.endpoints.all(),
        }
    }
}
