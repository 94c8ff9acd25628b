//! Markdown for a ticket: the verdict, a table, what to do with its proof, and what was looked at.
//!
//! Names come from captures and policies: whatever could be markup is escaped, so that a name cannot make a link or a heading.

use std::fmt::Write;

use super::super::markdown::escaped;
use super::{Judged, unlisted_name, words};
use crate::policy::coverage::Outcome;

const MOST_LINES: usize = 1000;

pub fn render(judged: &Judged<'_>) -> String {
    let report = judged.report;
    let policy = &judged.labels.policy;
    let mut out = format!(
        "# Allow-list {}\n\n**{}**\n\n",
        escaped(&policy.name),
        escaped(&words::verdict(judged))
    );
    let _ = writeln!(out, "- Seen: {}", escaped(&words::window(&report.window)));
    let _ = writeln!(
        out,
        "- Policy: {} (SHA-256 {})",
        escaped(&policy.name),
        or_unknown(Some(&policy.sha256))
    );
    for capture in judged.captures.iter().take(MOST_LINES) {
        let _ = writeln!(
            out,
            "- Capture: {} ({} packets, SHA-256 {})",
            escaped(&capture.file),
            capture.packets,
            or_unknown(capture.sha256.as_ref())
        );
    }
    table(judged, &mut out);
    let findings = judged.findings();
    if !findings.is_empty() {
        out.push_str("\n## What to do\n\n");
    }
    for record in findings.iter().take(MOST_LINES) {
        let _ = writeln!(
            out,
            "- **{}** ({}): {}",
            escaped(&judged.target(record)),
            words::outcome(record),
            escaped(&words::why(judged, record))
        );
    }
    more(findings.len().saturating_sub(MOST_LINES), &mut out);
    if let Some(crossings) = judged.crossings {
        out.push_str("\n## At the device\n\n");
        let mut findings = crossings.findings();
        for attempt in findings.by_ref().take(MOST_LINES) {
            let (target, why) = (escaped(&attempt.target()), escaped(&attempt.why()));
            let _ = writeln!(out, "- **{target}** ({}): {why}", attempt.head());
        }
        more(findings.count() + crossings.more as usize, &mut out);
    }
    if !report.unlisted.is_empty() {
        out.push_str("\n## Used but unlisted\n\n");
    }
    for entry in &report.unlisted {
        let near = entry
            .near
            .as_ref()
            .map(|near| format!(" (near {})", escaped(&super::json::near(near))));
        let _ = writeln!(
            out,
            "- **{}**{}: {}",
            escaped(&unlisted_name(&entry.what)),
            near.unwrap_or_default(),
            escaped(&words::why_unlisted(judged, entry))
        );
    }
    more(report.unlisted_more, &mut out);
    not_tried(judged, &mut out);
    out
}

/// What was tried.
fn table(judged: &Judged<'_>, out: &mut String) {
    let records = judged
        .report
        .records
        .iter()
        .filter(|record| record.outcome != Outcome::NotTried);
    let tried: Vec<_> = records.collect();
    if tried.is_empty() {
        return;
    }
    out.push_str("\n| outcome | endpoint | host | seen | frames |\n| --- | --- | --- | --- | --- |\n");
    for record in tried.iter().take(MOST_LINES) {
        let counts: Vec<String> = record
            .counts
            .iter()
            .map(|(of, count)| format!("{count} {}", of.as_str()))
            .collect();
        let frames: Vec<String> = record.frames().iter().map(|(_, frame)| frame.to_string()).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            words::outcome(record),
            escaped(&judged.row(record).id),
            escaped(record.host.as_deref().unwrap_or("")),
            counts.join(", "),
            frames.join(", ")
        );
    }
    more(tried.len().saturating_sub(MOST_LINES), out);
}

fn not_tried(judged: &Judged<'_>, out: &mut String) {
    let records = judged
        .report
        .records
        .iter()
        .filter(|record| record.outcome == Outcome::NotTried);
    let targets: Vec<String> = records.map(|record| escaped(&judged.target(record))).collect();
    if targets.is_empty() {
        return;
    }
    out.push_str("\n## Not tried\n\n");
    out.push_str(
        &targets
            .iter()
            .take(MOST_LINES)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    );
    out.push('\n');
    more(targets.len().saturating_sub(MOST_LINES), out);
}

fn more(beyond: usize, out: &mut String) {
    if beyond > 0 {
        let _ = writeln!(out, "\nand {beyond} more");
    }
}

fn or_unknown(hash: Option<&String>) -> &str {
    hash.map_or("not computed", String::as_str)
}
