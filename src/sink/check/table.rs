//! The judgement for a terminal: a line a host pattern, what to do about those that fail, what is used but unlisted, one verdict.

use super::super::style::{Align, Style, Tone, pad};
use super::super::text::{clean, cut_middle};
use super::{Judged, Sum, unlisted_name, words};
use crate::policy::coverage::{Outcome, Record};

/// More patterns that nobody tried than these are told together.
const MOST_NOT_TRIED: usize = 20;
/// Hosts of them that are named, a class.
const MOST_NAMED: usize = 6;
const MOST_LINES: usize = 1000;
/// With so much room endpoints have a column of their own.
const ROOMY: usize = 100;

pub fn render(judged: &Judged<'_>, style: &Style) -> String {
    let mut out = String::new();
    let records = &judged.report.records;
    let not_tried = records
        .iter()
        .filter(|record| record.outcome == Outcome::NotTried)
        .count();
    let together = not_tried > MOST_NOT_TRIED;
    let shown: Vec<&Record> = records
        .iter()
        .filter(|record| !together || record.outcome != Outcome::NotTried)
        .collect();
    grid(judged, &shown, style, &mut out);
    if together {
        skipped(judged, style, &mut out);
    }
    findings(judged, style, &mut out);
    crossings(judged, style, &mut out);
    unlisted(judged, style, &mut out);
    if !out.is_empty() {
        out.push('\n');
    }
    wrap(
        &mut out,
        &format!("Seen: {}.", words::window(&judged.report.window)),
        0,
        style,
        Tone::Plain,
    );
    let tone = match judged.sum() {
        Sum::Works => Tone::Good,
        Sum::WorksInPart => Tone::Notice,
        Sum::Fails | Sum::NothingReached => Tone::High,
    };
    wrap(&mut out, &words::verdict(judged), 0, style, tone);
    out
}

fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Intercepted | Outcome::Rerouted | Outcome::Blocked => Tone::High,
        Outcome::ReachedUnlisted | Outcome::Fallback => Tone::Medium,
        Outcome::Reached => Tone::Good,
        Outcome::Inconclusive => Tone::Notice,
        Outcome::NotTried => Tone::Quiet,
    }
}

const GAP: usize = 2;
/// Room that counts are left at least, if there are so many.
const LEAST_SEEN: usize = 24;
const LEAST_HOST: usize = 12;

/// One line of the table.
struct Line {
    tone: Tone,
    outcome: String,
    endpoint: String,
    host: String,
    seen: Vec<(String, Tone)>,
}

/// The columns' widths; an endpoint has none on a narrow screen.
struct Widths {
    outcome: usize,
    endpoint: Option<usize>,
    host: usize,
    seen: usize,
}

fn grid(judged: &Judged<'_>, shown: &[&Record], style: &Style, out: &mut String) {
    if shown.is_empty() {
        return;
    }
    let lines: Vec<Line> = shown
        .iter()
        .take(MOST_LINES)
        .map(|record| line(judged, record))
        .collect();
    let widths = Widths::of(&lines, style);
    let strong = |text: &str| text.to_owned();
    let heading = Line {
        tone: Tone::Strong,
        outcome: strong("OUTCOME"),
        endpoint: strong("ENDPOINT"),
        host: strong("HOST"),
        seen: vec![(strong("SEEN"), Tone::Strong)],
    };
    for line in std::iter::once(&heading).chain(&lines) {
        style.cell(out, &line.outcome, widths.outcome, Align::Left, line.tone);
        pad(out, GAP);
        if let Some(width) = widths.endpoint {
            style.cell(out, &line.endpoint, width, Align::Left, Tone::Quiet);
            pad(out, GAP);
        }
        let host = cut_middle(&line.host, widths.host);
        style.cell(out, &host, widths.host, Align::Left, Tone::Plain);
        if !line.seen.is_empty() {
            pad(out, GAP);
            style.list(out, &line.seen, widths.seen);
        }
        out.push('\n');
    }
    if shown.len() > MOST_LINES {
        *out += &format!("and {} more\n", shown.len() - MOST_LINES);
    }
}

impl Widths {
    fn of(lines: &[Line], style: &Style) -> Widths {
        let widest = |text: fn(&Line) -> &str| lines.iter().map(|line| text(line).chars().count()).max().unwrap_or(0);
        let seen = |line: &Line| line.seen.iter().map(|(part, _)| part.len() + 2).sum::<usize>();
        let outcome = widest(|line| &line.outcome).max("OUTCOME".len());
        let endpoint = (style.width >= ROOMY).then(|| widest(|line| &line.endpoint).max("ENDPOINT".len()));
        let fixed = outcome + GAP + endpoint.map_or(0, |width| width + GAP) + GAP;
        let seen = lines
            .iter()
            .map(seen)
            .max()
            .unwrap_or(0)
            .clamp("SEEN".len(), LEAST_SEEN);
        let room = style.width.saturating_sub(fixed + seen).max(LEAST_HOST);
        let host = widest(|line| &line.host).clamp("HOST".len(), room);
        Widths {
            outcome,
            endpoint,
            host,
            seen: style.width.saturating_sub(fixed + host),
        }
    }
}

fn line(judged: &Judged<'_>, record: &Record) -> Line {
    let count = |(outcome, count): &(Outcome, u64)| match record.counts.len() {
        1 => (count.to_string(), Tone::Plain),
        _ => (format!("{count} {}", outcome.as_str()), tone(*outcome)),
    };
    let excuse = record
        .excuse
        .map(|excuse| (words::excuse_word(excuse).to_owned(), Tone::Quiet));
    Line {
        tone: tone(record.outcome),
        outcome: words::outcome(record),
        endpoint: clean(&judged.row(record).id).into_owned(),
        host: clean(&judged.target(record)).into_owned(),
        seen: record.counts.iter().map(count).chain(excuse).collect(),
    }
}

/// What nobody tried, a line a class.
fn skipped(judged: &Judged<'_>, style: &Style, out: &mut String) {
    let mut classes: Vec<(String, Vec<String>)> = Vec::new();
    for record in &judged.report.records {
        if record.outcome != Outcome::NotTried {
            continue;
        }
        let class = judged.row(record).class;
        let target = judged.target(record);
        match classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, targets)) => targets.push(target),
            None => classes.push((class, vec![target])),
        }
    }
    heading("Not tried", style, out);
    for (class, targets) in classes {
        let beyond = targets.len().saturating_sub(MOST_NAMED);
        let named = targets
            .iter()
            .take(MOST_NAMED)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let more = if beyond > 0 {
            format!(" and {beyond} more")
        } else {
            String::new()
        };
        wrap(out, &format!("{class}: {named}{more}"), 2, style, Tone::Quiet);
    }
}

fn findings(judged: &Judged<'_>, style: &Style, out: &mut String) {
    let findings = judged.findings();
    if findings.is_empty() {
        return;
    }
    heading("What to do", style, out);
    for record in findings.iter().take(MOST_LINES) {
        let head = format!("{}  {}", judged.target(record), words::outcome(record));
        wrap(out, &head, 0, style, tone(record.outcome));
        wrap(out, &words::why(judged, record), 2, style, Tone::Plain);
    }
    if findings.len() > MOST_LINES {
        *out += &format!("and {} more\n", findings.len() - MOST_LINES);
    }
}

/// Where attempts died at a device with a capture on either side.
fn crossings(judged: &Judged<'_>, style: &Style, out: &mut String) {
    let Some(crossings) = judged.crossings else { return };
    heading("At the device", style, out);
    let mut findings = crossings.findings();
    let mut count = 0;
    for attempt in findings.by_ref().take(MOST_LINES) {
        count += 1;
        let head = format!("{}  {}", attempt.target(), attempt.head());
        wrap(out, &head, 0, style, Tone::Medium);
        wrap(out, &attempt.why(), 2, style, Tone::Plain);
    }
    if count == 0 {
        wrap(
            out,
            "Every attempt at what is listed went through, unchanged but for the client's address.",
            2,
            style,
            Tone::Plain,
        );
    }
    let beyond = findings.count() as u64 + crossings.more;
    if beyond > 0 {
        *out += &format!("and {beyond} more\n");
    }
}

fn unlisted(judged: &Judged<'_>, style: &Style, out: &mut String) {
    /// Most people want the first of them; JSON has all.
    const MOST: usize = 30;
    let report = judged.report;
    if report.unlisted.is_empty() {
        return;
    }
    heading("Used but unlisted", style, out);
    for entry in report.unlisted.iter().take(MOST) {
        let near = entry
            .near
            .as_ref()
            .map(|near| format!("  near {}", super::json::near(near)));
        let head = format!("{}{}", unlisted_name(&entry.what), near.unwrap_or_default());
        let tone = if entry.near.is_some() {
            Tone::Medium
        } else {
            Tone::Plain
        };
        wrap(out, &head, 0, style, tone);
        wrap(out, &words::why_unlisted(judged, entry), 2, style, Tone::Quiet);
    }
    let beyond = report.unlisted.len().saturating_sub(MOST) + report.unlisted_more;
    if beyond > 0 {
        *out += &format!("and {beyond} more (--format json has them)\n");
    }
}

fn heading(text: &str, style: &Style, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    style.paint(out, text, Tone::Strong);
    out.push('\n');
}

/// Adds text, broken between words; every line begins with `indent` blanks.
fn wrap(out: &mut String, words: &str, indent: usize, style: &Style, tone: Tone) {
    let words = clean(words);
    let mut line = String::new();
    let mut used = 0;
    let flush = |line: &mut String, out: &mut String| {
        pad(out, indent);
        style.paint(out, line, tone);
        out.push('\n');
        line.clear();
    };
    for word in words.split(' ') {
        let length = word.chars().count();
        if used > 0 && indent + used + 1 + length > style.width {
            flush(&mut line, out);
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line += &cut_middle(word, style.width.saturating_sub(indent).max(1));
        used += length;
    }
    flush(&mut line, out);
}
