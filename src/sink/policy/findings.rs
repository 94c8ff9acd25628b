//! What a linter says of a policy.

use super::{LINES_AT_MOST, more, wrapped};
use crate::policy::lint::{Finding, Findings, Weight};
use crate::policy::load::Places;
use crate::sink::json::{self, Plain, key};
use crate::sink::style::{Style, Tone};
use crate::sink::text;

/// One object a finding.
pub fn json(findings: &Findings, places: &Places, out: &mut Vec<u8>) {
    for finding in &findings.kept {
        json::line(out, |line| {
            line.put(key!("type"), Plain("policy-finding"));
            line.put(key!("code"), Plain(finding.code.as_str()));
            line.put(key!("severity"), Plain(finding.weight.as_str()));
            line.put(key!("policy"), places.origin(finding.place));
            line.put(key!("line"), finding.place.line);
            line.put(key!("column"), finding.place.column);
            line.maybe(key!("endpoint"), finding.endpoint.as_ref());
            line.text_if_any(key!("subject"), &finding.subject);
            line.put(key!("why"), sentence(&finding.means));
            line.put(key!("remedy"), sentence(&finding.remedy));
        });
    }
    for (code, count) in &findings.more {
        json::line(out, |line| {
            line.put(key!("type"), Plain("policy-findings-more"));
            line.put(key!("code"), Plain(code.as_str()));
            line.put(key!("severity"), Plain(code.weight().as_str()));
            line.put(key!("count"), *count as u64);
        });
    }
}

/// For people: where, how much it matters, what it is; below it what it means and what to do. For a pipe one line each.
pub fn table(findings: &Findings, places: &Places, style: &Style, lines: bool) -> String {
    let mut out = String::new();
    for finding in findings.kept.iter().take(LINES_AT_MOST) {
        entry(finding, places, style, lines, &mut out);
    }
    let rest = findings.kept.len().saturating_sub(LINES_AT_MOST) + findings.more.values().sum::<usize>();
    more(&mut out, rest);
    out
}

fn entry(finding: &Finding, places: &Places, style: &Style, lines: bool, out: &mut String) {
    let place = finding.place;
    let tone = match finding.weight {
        Weight::Error => Tone::High,
        Weight::Warning => Tone::Medium,
        Weight::Notice => Tone::Notice,
    };
    let origin = text::clean(places.origin(place));
    out.push_str(&format!("{origin}:{}:{}: ", place.line, place.column));
    style.paint(out, finding.weight.as_str(), tone);
    out.push(' ');
    style.paint(out, finding.code.as_str(), Tone::Strong);
    let about = match (&finding.endpoint, finding.subject.as_str()) {
        (Some(id), subject) if subject == id => format!(" {id}"),
        (Some(id), "") => format!(" {id}"),
        (Some(id), subject) => format!(" {id}: {subject}"),
        (None, "") => String::new(),
        (None, subject) => format!(" {subject}"),
    };
    let about = text::clean(&about);
    let head = format!(
        "{origin}:{}:{}: {} {}",
        place.line,
        place.column,
        finding.weight.as_str(),
        finding.code.as_str()
    );
    match lines || head.chars().count() + about.chars().count() <= style.width {
        true => out.push_str(&about),
        // As a line of its own; what is said of it begins the next.
        false => {
            out.push('\n');
            wrapped(out, &about, 2, style.width);
            out.pop();
        }
    }
    let said = format!("{} {}", sentence(&finding.means), sentence(&finding.remedy));
    let said = text::clean(&said);
    match lines {
        true => {
            out.push_str(": ");
            out.push_str(&said);
            out.push('\n');
        }
        false => {
            out.push('\n');
            wrapped(out, &said, 4, style.width);
        }
    }
}

/// How many there are: `2 errors, 1 warning, 14 notices`; `nothing`.
pub fn summary(findings: &Findings) -> String {
    let count = |weight: &Weight| {
        let count = *findings.counts.get(weight)?;
        Some(text::count(count as u64, weight.as_str()))
    };
    let parts: Vec<String> = Weight::ALL.iter().filter_map(count).collect();
    match parts.is_empty() {
        true => "nothing found".to_owned(),
        false => parts.join(", "),
    }
}

/// With a capital and its full stop; a name at its beginning stays as it is.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first_word = text.split(' ').next().unwrap_or("");
    let is_word = !first_word.is_empty()
        && first_word
            .trim_end_matches(',')
            .chars()
            .all(|c| c.is_ascii_alphabetic());
    match letters.next().filter(|_| is_word) {
        Some(first) => format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()),
        None => format!("{text}."),
    }
}
