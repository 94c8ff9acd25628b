//! What a table ends with: sums by class, what was held against whom, and what could not be seen.

use std::collections::BTreeMap;

use super::style::{Align, Style, Tone, pad};
use super::{PolicyNames, text};
use crate::engine::rows::{Blind, CaptureRow, FlowRow, FragmentCounts};
use crate::policy::verdict::{Flag, FlagKind};

/// Sums over the rows shown. Its size depends on the policy alone, not on the input.
#[derive(Debug)]
pub struct Summary {
    /// In the policy's order, then `other` and `unknown`.
    classes: Vec<ClassSum>,
    /// The place in `classes` of each of the policy's rows.
    class_of_row: Vec<usize>,
    captures: Captures,
    names: u64,
}

#[derive(Debug, Clone, Default)]
struct ClassSum {
    class: String,
    flows: u64,
    packets: u64,
    bytes: u64,
    /// By [`FlagKind::ALL`]'s order: how many flows, and the worst severity among them.
    flags: [(u64, Tone); FlagKind::ALL.len()],
}

#[derive(Debug, Default)]
struct Captures {
    inputs: u64,
    packets: u64,
    duplicates: u64,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
    undecoded: BTreeMap<String, u64>,
    fragments: FragmentCounts,
    blind: Blind,
    by_kernel: u64,
    by_interface: u64,
}

impl Summary {
    pub fn new(policy: &PolicyNames) -> Summary {
        let names = policy.classes();
        let place = |class: &str| names.iter().position(|name| *name == class).unwrap_or(0);
        Summary {
            class_of_row: policy.rows.iter().map(|row| place(&row.class)).collect(),
            classes: names
                .iter()
                .map(|class| ClassSum {
                    class: text::clean(class).into_owned(),
                    ..ClassSum::default()
                })
                .collect(),
            captures: Captures::default(),
            names: 0,
        }
    }

    pub fn flow(&mut self, row: &FlowRow) {
        let primary = row.verdict.matches.first();
        let known = primary.and_then(|id| self.class_of_row.get(usize::from(id.0)));
        // The last two are `other` and `unknown`.
        let from_end = if row.naming.name.is_some() { 2 } else { 1 };
        let place = known.copied().unwrap_or(self.classes.len().saturating_sub(from_end));
        if let Some(sum) = self.classes.get_mut(place) {
            sum.add(row);
        }
    }

    pub fn name(&mut self) {
        self.names += 1;
    }

    pub fn capture(&mut self, row: &CaptureRow) {
        let sums = &mut self.captures;
        sums.inputs += 1;
        sums.packets += row.packets;
        sums.duplicates += row.duplicates;
        sums.first_ns = sums.first_ns.into_iter().chain(row.first_ns).min();
        sums.last_ns = sums.last_ns.into_iter().chain(row.last_ns).max();
        sums.by_kernel += row.dropped_by_kernel.unwrap_or(0);
        sums.by_interface += row.dropped_by_interface.unwrap_or(0);
        for (reason, count) in &row.undecoded {
            *sums.undecoded.entry(reason.clone()).or_default() += count;
        }
        sums.fragments.add(&row.fragments);
        let (sum, more) = (&mut sums.blind, &row.blind);
        sum.cut += more.cut;
        sum.gap += more.gap;
        sum.midstream += more.midstream;
        sum.one_sided += more.one_sided;
        sum.ech += more.ech;
        sum.doh += more.doh;
        sum.dot += more.dot;
        sum.evicted += more.evicted;
    }

    /// The whole text; `hidden` flows were not shown.
    pub fn render(&self, style: &Style, hidden: u64) -> String {
        let mut out = String::new();
        let shown: Vec<&ClassSum> = self.classes.iter().filter(|sum| sum.flows > 0).collect();
        if !shown.is_empty() {
            self.render_classes(&mut out, style, &shown);
            out.push('\n');
        }
        for note in self.notes(hidden) {
            wrap(&mut out, &note, style.width);
        }
        out
    }

    fn render_classes(&self, out: &mut String, style: &Style, shown: &[&ClassSum]) {
        let mut total = ClassSum {
            class: "total".into(),
            ..ClassSum::default()
        };
        shown.iter().for_each(|sum| total.merge(sum));
        let widest = shown.iter().map(|sum| sum.class.chars().count()).max();
        let class_width = widest.unwrap_or(0).clamp("CLASS".len(), MOST_CLASS);
        let headings = ["FLOWS", "PACKETS", "BYTES"].map(str::to_owned);
        // No number is wider than its total, but a count of bytes may be.
        let [flows, packets, _] = total.numbers();
        let widths = [flows.len().max(5), packets.len().max(7), "999 kB".len()];
        let used = class_width + widths.iter().sum::<usize>() + (widths.len() + 1) * GAP;
        let row = |out: &mut String, class: &str, numbers: [String; 3], flags: &[_], tone| {
            let mut line = String::new();
            style.cell(&mut line, class, class_width, Align::Left, tone);
            for (number, width) in numbers.iter().zip(widths) {
                pad(&mut line, GAP);
                style.cell(&mut line, number, width, Align::Right, tone);
            }
            if !flags.is_empty() {
                pad(&mut line, GAP);
                style.list(&mut line, flags, style.width.saturating_sub(used));
            }
            out.push_str(&line);
            out.push('\n');
        };

        let flags = [("FLAGS".to_owned(), Tone::Strong)];
        row(out, "CLASS", headings, &flags, Tone::Strong);
        for sum in shown {
            row(out, &sum.class, sum.numbers(), &sum.flag_words(), Tone::Plain);
        }
        // Under a single line it would only repeat it.
        if shown.len() > 1 {
            row(out, &total.class, total.numbers(), &total.flag_words(), Tone::Strong);
        }
    }

    /// What was read, and what of it could not be seen: one finished sentence a line.
    fn notes(&self, hidden: u64) -> Vec<String> {
        let sums = &self.captures;
        let mut notes = Vec::new();
        let flows: u64 = self.classes.iter().map(|sum| sum.flows).sum();
        if flows + hidden + self.names + sums.inputs == 0 {
            return notes;
        }
        let mut first = format!(
            "{} in {}",
            text::count(flows + hidden, "flow"),
            text::count(sums.packets, "packet")
        );
        if sums.inputs > 1 {
            first += &format!(" of {} captures", sums.inputs);
        }
        if let (Some(from), Some(to)) = (sums.first_ns, sums.last_ns) {
            first += &format!(
                ", from {} {} over {}",
                text::date(from).as_str(),
                text::clock(from).as_str(),
                text::span(to.saturating_sub(from)),
            );
        }
        notes.push(first + ".");
        if hidden > 0 {
            notes.push(format!("Not asked for and not shown: {}.", text::count(hidden, "flow")));
        }
        if self.names > 0 {
            notes.push(format!("Names looked up: {}.", self.names));
        }
        let undecoded: u64 = sums.undecoded.values().sum();
        if undecoded > 0 {
            let reasons: Vec<String> = sums
                .undecoded
                .iter()
                .map(|(reason, count)| format!("{} {count}", text::clean(reason)))
                .collect();
            notes.push(format!(
                "Not decoded: {} ({}).",
                text::count(undecoded, "packet"),
                reasons.join(", ")
            ));
        }
        let blind: Vec<String> = blind_words(&sums.blind)
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{count} {words}"))
            .collect();
        if !blind.is_empty() {
            notes.push(format!("Flows not fully seen: {}.", blind.join(", ")));
        }
        if sums.duplicates > 0 {
            notes.push(format!(
                "Seen twice and counted once: {}.",
                text::count(sums.duplicates, "packet")
            ));
        }
        if sums.fragments.pieces > 0 {
            notes.push(fragments_note(&sums.fragments));
        }
        if sums.by_kernel + sums.by_interface > 0 {
            notes.push(format!(
                "Lost while capturing: {} by the kernel, {} by the interface.",
                sums.by_kernel, sums.by_interface
            ));
        }
        notes
    }
}

fn blind_words(blind: &Blind) -> [(u64, &'static str); 8] {
    [
        (blind.midstream, "begun before the capture"),
        (blind.one_sided, "in one direction only"),
        (blind.cut, "cut short by the snap length"),
        (blind.gap, "with packets missing"),
        (blind.ech, "with an encrypted hello (ECH)"),
        (blind.doh, "of DNS over HTTPS"),
        (blind.dot, "of DNS over TLS"),
        (blind.evicted, "evicted for want of memory"),
    ]
}

fn fragments_note(counts: &FragmentCounts) -> String {
    let fates: Vec<String> = [
        (counts.joined, "put together"),
        (counts.overlap, "refused for overlapping pieces"),
        (counts.invalid, "refused for impossible lengths"),
        (counts.incomplete, "with pieces missing"),
        (counts.evicted, "given up for want of memory"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    let pieces = text::count(counts.pieces, "fragment");
    match fates.is_empty() {
        true => format!("IP fragments: {pieces}."),
        false => format!("IP fragments: {pieces}; datagrams: {}.", fates.join(", ")),
    }
}

const GAP: usize = 2;
const MOST_CLASS: usize = 20;

/// Adds a sentence, broken between words where it is wider than `width`.
fn wrap(out: &mut String, sentence: &str, width: usize) {
    let mut used = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push_str("\n  ");
            used = 2;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(&text::cut_end(word, width.saturating_sub(used)));
        used += length;
    }
    out.push('\n');
}

impl ClassSum {
    fn add(&mut self, row: &FlowRow) {
        self.flows += 1;
        self.packets += row.packets.out + row.packets.r#in;
        self.bytes += row.bytes.out + row.bytes.r#in;
        for flag in &row.verdict.flags {
            self.flag(flag);
        }
    }

    fn flag(&mut self, flag: &Flag) {
        let kinds = FlagKind::ALL.iter().zip(&mut self.flags);
        for (_, (count, worst)) in kinds.filter(|(kind, _)| **kind == flag.kind) {
            *count += 1;
            *worst = Tone::of(flag.severity).max(*worst);
        }
    }

    fn merge(&mut self, other: &ClassSum) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
        for ((count, worst), (more, tone)) in self.flags.iter_mut().zip(&other.flags) {
            *count += more;
            *worst = (*worst).max(*tone);
        }
    }

    fn numbers(&self) -> [String; 3] {
        [
            self.flows.to_string(),
            self.packets.to_string(),
            text::long_bytes(self.bytes),
        ]
    }

    /// `tls-version 2`, the gravest first.
    fn flag_words(&self) -> Vec<(String, Tone)> {
        let kinds = FlagKind::ALL.iter().zip(&self.flags);
        let mut words: Vec<(String, Tone)> = kinds
            .filter(|(_, (count, _))| *count > 0)
            .map(|(kind, (count, tone))| (format!("{} {count}", kind.as_str()), *tone))
            .collect();
        words.sort_by_key(|(_, tone)| std::cmp::Reverse(*tone));
        words
    }
}
