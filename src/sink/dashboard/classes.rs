//! Sums by class.

use std::sync::Arc;

use super::rates::Ring;
use crate::engine::rows::FlowRow;
use crate::policy::verdict::{FlagKind, Flags};
use crate::sink::style::Tone;
use crate::sink::{PolicyNames, text};

/// What one class has carried, and what was held against its flows.
#[derive(Debug, Clone, Default)]
pub struct ClassSum {
    pub name: Arc<str>,
    pub ended: u64,
    /// Of the flows under way those that were told of, now or before.
    pub running: u64,
    pub bytes: u64,
    pub ring: Ring,
    /// By [`FlagKind::ALL`]'s order: of ended flows, with the worst severity.
    flags: [(u64, Tone); FlagKind::ALL.len()],
}

impl ClassSum {
    pub fn named(name: &str) -> ClassSum {
        ClassSum {
            name: text::clean(name).as_ref().into(),
            ..ClassSum::default()
        }
    }

    /// Bytes that were carried evenly between two moments.
    pub fn carry(&mut self, from_ns: u64, to_ns: u64, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.ring.add(from_ns, to_ns, bytes);
    }

    fn flag(&mut self, flags: &Flags) {
        for flag in flags {
            let (count, worst) = &mut self.flags[flag.kind as usize];
            *count += 1;
            *worst = Tone::of(flag.severity).max(*worst);
        }
    }

    /// `tls-version 2`, the gravest first.
    pub fn flag_words(&self) -> Vec<(String, Tone)> {
        let kinds = FlagKind::ALL.iter().zip(&self.flags);
        let mut words: Vec<(String, Tone)> = kinds
            .filter(|(_, (count, _))| *count > 0)
            .map(|(kind, (count, tone))| (format!("{} {count}", kind.as_str()), *tone))
            .collect();
        words.sort_by_key(|(_, tone)| std::cmp::Reverse(*tone));
        words
    }
}

/// All classes: the policy's, then `other` and `unknown`.
#[derive(Debug)]
pub struct Classes {
    pub sums: Vec<ClassSum>,
    /// The place of each of the policy's rows.
    of_row: Vec<usize>,
}

impl Classes {
    pub fn of(policy: &PolicyNames) -> Classes {
        let names = policy.classes();
        let place = |class: &str| names.iter().position(|name| *name == class).unwrap_or(0);
        Classes {
            of_row: policy.rows.iter().map(|row| place(&row.class)).collect(),
            sums: names.iter().map(|name| ClassSum::named(name)).collect(),
        }
    }

    /// The place of the flow's class.
    pub fn place(&self, row: &FlowRow) -> usize {
        let primary = row.verdict.matches.first();
        let known = primary.and_then(|id| self.of_row.get(usize::from(id.0)));
        let from_end = if row.naming.name.is_some() { 2 } else { 1 };
        known.copied().unwrap_or(self.sums.len().saturating_sub(from_end))
    }

    pub fn at(&mut self, place: usize) -> Option<&mut ClassSum> {
        self.sums.get_mut(place)
    }

    pub fn name(&self, place: usize) -> Arc<str> {
        self.sums
            .get(place)
            .map(|sum| Arc::clone(&sum.name))
            .unwrap_or_default()
    }

    /// A flow has ended.
    pub fn end(&mut self, place: usize, row: &FlowRow) {
        if let Some(sum) = self.at(place) {
            sum.ended += 1;
            sum.flag(&row.verdict.flags);
        }
    }

    pub fn advance(&mut self, now_ns: u64) {
        self.sums.iter_mut().for_each(|sum| sum.ring.advance(now_ns));
    }
}
