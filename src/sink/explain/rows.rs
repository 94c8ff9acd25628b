//! Which rows of the policy the flow falls under, by what, and why the first is the first.

use super::phrases::list;
use super::{Evidence, Step, clean};
use crate::names::domain::Domain;
use crate::policy::compile::{At, How, Match, Matches};
use crate::policy::model::{HostPattern, Prefix, Row};
use crate::policy::verdict::RowId;
use crate::sink::address::address;

const ROWS_AT_MOST: usize = 40;

pub fn step(evidence: &Evidence) -> Step {
    let mut step = Step::new("policy", "The policy's rows");
    let policy = evidence.policy;
    let header = policy.header();
    let date = header.date.map(|date| format!(", as of {date}")).unwrap_or_default();
    step.say(format!(
        "Judged under the policy {}{date} (SHA-256 {}).",
        clean(policy.name()),
        evidence.labels.policy.sha256
    ));
    let matches = &evidence.flow.verdict.matches;
    if matches.is_empty() {
        step.say(match &evidence.flow.naming.name {
            Some(name) => format!("No row lists {name}, and no row is meant for the server's address by itself."),
            None => "The flow has no name, and no row is meant for the server's address by itself.".to_owned(),
        });
        step.say("It is held to what the policy expects of flows in no row.");
        return step;
    }
    for (place, id) in matches.iter().enumerate().take(ROWS_AT_MOST) {
        let row = policy.row(*id);
        let title = match row.title.is_empty() {
            true => String::new(),
            false => format!(" ({})", clean(&row.title)),
        };
        let first = if place == 0 { "First: the" } else { "The" };
        step.say(format!(
            "{first} row {}{title}, class {}, line {}: {}.",
            clean(&row.id),
            clean(&row.class),
            row.line.as_str(),
            list(basis(evidence, row))
        ));
    }
    if matches.len() > ROWS_AT_MOST {
        step.say(format!("And {} more rows.", matches.len() - ROWS_AT_MOST));
    }
    if let Some(why) = why_first(evidence, matches) {
        step.say(why);
    }
    step
}

/// By what a row matches.
fn basis(evidence: &Evidence, row: &Row) -> Vec<String> {
    let mut found: Vec<String> = names(evidence).filter_map(|name| by_name(row, name)).collect();
    if found.is_empty() || row.is_nameless() {
        found.extend(by_address(evidence, row));
    }
    if found.is_empty() {
        found.push("by a rule that is not told here".to_owned());
    }
    found
}

/// The names that lead to rows: the flow's, and those that DNS left open.
fn names<'a>(evidence: &Evidence<'a>) -> impl Iterator<Item = &'a Domain> {
    let naming = &evidence.flow.naming;
    let name = naming.name.as_ref();
    name.into_iter().chain(
        naming
            .candidates
            .iter()
            .filter(move |candidate| Some(*candidate) != name),
    )
}

fn by_name(row: &Row, name: &Domain) -> Option<String> {
    if let Some(host) = nearest(&row.hosts, name) {
        return Some(match host.below {
            true => format!("its wildcard {host} (any name below, at any depth) covers {name}"),
            false => format!("its host {host} is the name itself"),
        });
    }
    let host = nearest(&row.broad, name)?;
    Some(format!("only its broad form {host} covers {name}"))
}

/// The pattern that says most: the name itself, else the longest.
fn nearest<'a>(patterns: &'a [HostPattern], name: &Domain) -> Option<&'a HostPattern> {
    let covering = patterns.iter().filter(|pattern| pattern.covers(name));
    covering.max_by_key(|pattern| (!pattern.below, pattern.name.len()))
}

fn by_address(evidence: &Evidence, row: &Row) -> Option<String> {
    let ip = evidence.flow.server.ip;
    let server = address(ip);
    let longest = |ranges: &[Prefix]| {
        let holding = ranges.iter().filter(|range| range.contains(ip));
        holding.max_by_key(|range| range.length).copied()
    };
    if let Some(range) = longest(&row.addresses) {
        return Some(format!(
            "its range {range} holds the server's address {}",
            server.as_str()
        ));
    }
    let range = longest(&row.tagged)?;
    Some(format!(
        "the range {range} of {} holds the server's address {}",
        list(row.tags.iter().map(|tag| format!("@{}", clean(tag)))),
        server.as_str()
    ))
}

/// Where several rows match: by what rule the first goes before the next.
fn why_first(evidence: &Evidence, listed: &[RowId]) -> Option<String> {
    const RULE: &str =
        "An exact host goes before a wildcard, a longer wildcard before a shorter, a name before an address";
    let [first, second, ..] = listed else { return None };
    let flow = evidence.flow;
    let policy = evidence.policy;
    let proxied = flow.is_proxied();
    let at = (!proxied).then_some(At {
        ip: flow.server.ip,
        protocol: flow.protocol,
        port: flow.server.port,
    });
    let mut matches = Matches::new();
    policy.matches(flow.naming.name.as_ref(), at, &mut matches);
    let of = |id: &RowId| matches.iter().find(|found| found.row == *id).copied();
    let (Some(a), Some(b)) = (of(first), of(second)) else {
        return Some(format!("{RULE}: that is the order above."));
    };
    Some(format!(
        "{} comes before {}, since {}. The first gives the class, and judges unless another row of the same traffic lists this port.",
        clean(&policy.row(*first).id),
        clean(&policy.row(*second).id),
        reason(a, b, policy.row(*first), policy.row(*second))
    ))
}

fn reason(a: Match, b: Match, first: &Row, second: &Row) -> &'static str {
    match (a.how, b.how) {
        (How::Exact, How::Below(_)) => "an exact host goes before a wildcard",
        (How::Exact | How::Below(_), How::Range(_)) => "a name goes before an address",
        (How::Below(longer), How::Below(shorter)) if longer > shorter => "the longer wildcard goes before the shorter",
        (How::Range(longer), How::Range(shorter)) if longer > shorter => "the narrower range goes before the wider",
        _ if a.broad != b.broad => "a listed host goes before a broad form",
        _ if a.fits != b.fits => "it lists the flow's port and the other does not",
        _ if first.line.rank() < second.line.rank() => {
            "among equals the green line goes before the purple, and that before the rest"
        }
        _ => "among equals the order of the policy's file counts",
    }
}
