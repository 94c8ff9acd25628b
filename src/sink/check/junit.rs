//! JUnit's XML, as build servers read it: one test case a host pattern.
//!
//! Blocked, intercepted and rerouted are failures. What was not tried or cannot be told is skipped with its reason, unless it was asked
//! for (`--strict`, `--require`): then it is a failure too.

use std::fmt::Write;

use super::{Judged, words};
use crate::policy::coverage::{Outcome, Record};

pub fn render(judged: &Judged<'_>) -> String {
    let records = &judged.report.records;
    let failures = records.iter().filter(|record| judged.fails(record)).count() + usize::from(nothing(judged));
    let skipped = records.iter().filter(|record| is_skipped(judged, record)).count();
    let tests = records.len() + usize::from(nothing(judged));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escaped(&judged.labels.policy.name);
    // Writing into a `String` cannot fail.
    let _ = writeln!(
        out,
        "<testsuites name=\"flowsift check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n\
         <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">"
    );
    properties(judged, &mut out);
    for record in records {
        case(judged, record, &mut out);
    }
    if nothing(judged) {
        let why = escaped(&words::verdict(judged));
        let _ = writeln!(
            out,
            "<testcase classname=\"{name}\" name=\"anything at all\">\n<failure type=\"not-reached\" message=\"{why}\">{why}</failure>\n</testcase>"
        );
    }
    let said: Vec<String> = judged
        .report
        .unlisted
        .iter()
        .map(|entry| words::why_unlisted(judged, entry))
        .collect();
    if !said.is_empty() {
        let _ = writeln!(
            out,
            "<system-out>Used but unlisted:\n{}</system-out>",
            escaped(&said.join("\n"))
        );
    }
    out.push_str("</testsuite>\n</testsuites>\n");
    out
}

/// Nothing was reached, and no record says so by failing.
fn nothing(judged: &Judged<'_>) -> bool {
    !judged.report.reached_anything() && !judged.report.records.iter().any(|record| judged.fails(record))
}

fn is_skipped(judged: &Judged<'_>, record: &Record) -> bool {
    let unknown = matches!(record.outcome, Outcome::NotTried | Outcome::Inconclusive);
    !judged.fails(record) && (unknown || record.outcome.is_failure())
}

fn properties(judged: &Judged<'_>, out: &mut String) {
    let mut all = vec![
        ("policy.sha256".to_owned(), judged.labels.policy.sha256.clone()),
        ("window".to_owned(), words::window(&judged.report.window)),
    ];
    for capture in judged.captures {
        all.push(("capture".to_owned(), capture.file.clone()));
        if let Some(hash) = &capture.sha256 {
            all.push(("capture.sha256".to_owned(), hash.clone()));
        }
    }
    out.push_str("<properties>\n");
    for (name, value) in all {
        let _ = writeln!(out, "<property name=\"{name}\" value=\"{}\"/>", escaped(&value));
    }
    out.push_str("</properties>\n");
}

fn case(judged: &Judged<'_>, record: &Record, out: &mut String) {
    let row = judged.row(record);
    let _ = write!(
        out,
        "<testcase classname=\"{}.{}\" name=\"{}\"",
        escaped(&row.class),
        escaped(&row.id),
        escaped(&judged.target(record))
    );
    let why = escaped(&words::why(judged, record));
    if judged.fails(record) {
        let kind = record.how.map_or(record.outcome.as_str(), |how| how.as_str());
        let _ = writeln!(
            out,
            ">\n<failure type=\"{kind}\" message=\"{}\">{why}</failure>\n</testcase>",
            escaped(&words::outcome(record))
        );
    } else if is_skipped(judged, record) {
        let _ = writeln!(
            out,
            ">\n<skipped message=\"{}: {why}\"/>\n</testcase>",
            words::outcome(record)
        );
    } else {
        let _ = writeln!(
            out,
            ">\n<system-out>{}: {why}</system-out>\n</testcase>",
            words::outcome(record)
        );
    }
}

/// Text inside XML 1.0, in an element or an attribute. Most control characters cannot stand there at all, not even as references
/// (section 2.2, Char): they are written out.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c if super::super::text::clean(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8() => {
                out.extend(c.escape_unicode())
            }
            c => out.push(c),
        }
    }
    out
}
