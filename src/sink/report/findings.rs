//! What to do, in the sentences of `check`; and what is held against flows, with the proof of the first few in full.

use std::collections::BTreeMap;

use super::Context;
use super::fate::outcome_look;
use super::few::{counted, grouped};
use super::flagged::{Count, MOST_OF_A_KIND};
use super::html::Html;
use crate::engine::rows::FlowRow;
use crate::policy::coverage::Record;
use crate::policy::verdict::FlagKind;
use crate::sink::address::address;
use crate::sink::check::{Judged, words};
use crate::sink::explain::Story;
use crate::sink::text;

const MOST_FINDINGS: usize = 1000;
/// Shown without being asked for; the others are one click away.
const OPEN_FINDINGS: usize = 12;
/// Rows that a card names beside its own.
const MOST_SAME: usize = 5;

pub fn section(context: &Context<'_>, html: &mut Html) {
    html.element(
        "section",
        &[("id", &"findings"), ("aria-labelledby", &"findings-h")],
        |html| {
            html.leaf("h2", &[("id", &"findings-h")], "What to do");
            endpoints(context, html);
        },
    );
    html.element("section", &[("id", &"held"), ("aria-labelledby", &"held-h")], |html| {
        html.leaf("h2", &[("id", &"held-h")], "What is held against flows");
        if !context.stories.is_empty() {
            html.element("p", &[("class", &"note")], |html| {
                html.text("Each of these flows can be opened: its proof, frame by frame. On paper stand those that are open. ");
                html.leaf("button", &[("id", &"unfold"), ("type", &"button"), ("hidden", &"hidden")], "Open every proof");
            });
        }
        flags(context, html);
    });
}

fn endpoints(context: &Context<'_>, html: &mut Html) {
    let judged = context.judged;
    let findings = judged.findings();
    if findings.is_empty() {
        html.leaf(
            "p",
            &[("class", &"none")],
            match judged.report.reached_anything() {
                true => "Nothing: whatever of the list was tried was reached.",
                false => "Nothing of the list was reached, and nothing was seen to fail: use the application while capturing, and capture from before it starts.",
            },
        );
        return;
    }
    let cards = cards(judged, findings);
    let card = |(record, same): &Card<'_>, html: &mut Html| {
        let (class, sign, _) = outcome_look(record.outcome);
        html.element("li", &[("class", &format!("finding {class}"))], |html| {
            html.element("p", &[("class", &"what")], |html| {
                html.leaf(
                    "span",
                    &[("class", &format!("chip {class}"))],
                    format!("{sign} {}", words::outcome(record)),
                );
                html.leaf("strong", &[], judged.target(record));
                html.leaf("span", &[("class", &"quiet")], judged.row(record).id);
            });
            html.leaf("p", &[], words::why(judged, record));
            if !same.is_empty() {
                let rows = same
                    .iter()
                    .map(|other| format!("{} ({})", judged.row(other).id, judged.target(other)));
                html.leaf(
                    "p",
                    &[("class", &"quiet")],
                    format!("The same is held against {}.", text::list(rows, MOST_SAME)),
                );
            }
        });
    };
    let cut = cards.len().min(MOST_FINDINGS);
    let (open, folded) = cards.split_at(cut.min(OPEN_FINDINGS));
    html.element("ol", &[("class", &"findings")], |html| {
        open.iter().for_each(|it| card(it, html))
    });
    if cards.len() > OPEN_FINDINGS {
        html.element("details", &[], |html| {
            html.leaf(
                "summary",
                &[],
                format!("{} more", grouped((cards.len() - OPEN_FINDINGS) as u64)),
            );
            html.element("ol", &[("class", &"findings")], |html| {
                folded.iter().take(cut - open.len()).for_each(|it| card(it, html));
            });
            super::and_more(cards.len() - cut, "`flowsift check --format json` has all", html);
        });
    }
}

/// A finding, and others that the same evidence made.
type Card<'a> = (&'a Record, Vec<&'a Record>);

/// The same frames may stand for several patterns, the narrow one and broad ones: they are told once, where they come first.
fn cards<'a>(judged: &Judged<'_>, findings: Vec<&'a Record>) -> Vec<Card<'a>> {
    let mut cards: Vec<Card<'_>> = Vec::new();
    let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for record in findings {
        let place = record
            .worst()
            .and_then(|(kind, bunch)| Some((kind, &bunch.proofs.first()?.place)));
        let Some(place) = place else {
            cards.push((record, Vec::new()));
            continue;
        };
        let alike = places.entry(place).or_default();
        let same = alike.iter().copied().find(|at| {
            cards
                .get(*at)
                .is_some_and(|(first, _)| says_the_same(judged, first, record))
        });
        match same.and_then(|at| cards.get_mut(at)) {
            Some((_, others)) => others.push(record),
            None => {
                alike.push(cards.len());
                cards.push((record, Vec::new()));
            }
        }
    }
    cards
}

/// To the letter: what is told of one is then told of the other, too.
fn says_the_same(judged: &Judged<'_>, a: &Record, b: &Record) -> bool {
    a.outcome == b.outcome && words::why(judged, a) == words::why(judged, b)
}

/// A flag a block: what it means, how often, and the first flows in full.
fn flags(context: &Context<'_>, html: &mut Html) {
    let flagged = &context.gathered.flagged;
    if flagged.counts.is_empty() {
        html.leaf("p", &[("class", &"none")], "Nothing: no flag was raised.");
        return;
    }
    let stories: BTreeMap<(u32, u64, u64), &Story> = context
        .flows
        .iter()
        .zip(context.stories)
        .map(|(flow, story)| (place(flow), story))
        .collect();
    let mut kinds: Vec<(&FlagKind, &Count)> = flagged.counts.iter().collect();
    kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse((count.high > 0, count.medium > 0)), **kind));
    for (kind, count) in kinds {
        let class = match (count.high, count.medium) {
            (0, 0) => "quietly",
            (0, _) => "flagged",
            _ => "blocked",
        };
        html.element("div", &[("class", &"flag")], |html| {
            html.element("h3", &[], |html| {
                html.leaf("code", &[("class", &format!("chip {class}"))], kind.as_str());
                html.text(" ");
                html.text(meaning(*kind));
            });
            html.element("p", &[("class", &"note")], |html| {
                html.text(numbers(count));
                html.text(" ");
                html.leaf(
                    "a",
                    &[("href", &"#flows"), ("data-find", &format!("flag:{}", kind.as_str()))],
                    "In the table of flows",
                );
            });
            let mut told = 0;
            for flow in flagged.of(*kind) {
                if let Some(story) = stories.get(&place(flow)) {
                    proof(context, flow, *kind, story, html);
                    told += 1;
                }
            }
            notices(context, *kind, count, html);
            let beyond = count.grave().saturating_sub(told);
            if told >= MOST_OF_A_KIND as u64 && beyond > 0 {
                super::and_more(
                    beyond as usize,
                    "the table has them; `flowsift explain ID FILE` tells the proof of any",
                    html,
                );
            }
        });
    }
}

/// The first of those that are a notice only, a line each: there is nothing to be done about them.
fn notices(context: &Context<'_>, kind: FlagKind, count: &Count, html: &mut Html) {
    let mut told = 0;
    html.element("ul", &[("class", &"blind")], |html| {
        for flow in context.gathered.flagged.notices(kind) {
            let why = why(context, flow, kind);
            html.element("li", &[], |html| {
                html.leaf("strong", &[], target(flow));
                html.text(format!(
                    " from {}, {}: {why}",
                    address(flow.client.ip).as_str(),
                    frames(context, flow)
                ));
            });
            told += 1;
        }
        let beyond = count.notice.saturating_sub(told);
        if told > 0 && beyond > 0 {
            html.leaf("li", &[("class", &"none")], format!("and {} more", grouped(beyond)));
        }
    });
}

fn target(flow: &FlowRow) -> String {
    match &flow.naming.name {
        Some(name) => name.to_string(),
        None => address(flow.server.ip).as_str().to_owned(),
    }
}

/// The flag's own sentence.
fn why(context: &Context<'_>, flow: &FlowRow, kind: FlagKind) -> String {
    let mut why = Vec::new();
    if let Some(flag) = flow.verdict.flags.iter().find(|flag| flag.kind == kind) {
        context.judged.labels.policy.wording.tell(&flag.why, &mut why);
    }
    String::from_utf8_lossy(&why).into_owned()
}

fn place(flow: &FlowRow) -> (u32, u64, u64) {
    (flow.ordinal, flow.frames.first, flow.start_ns)
}

/// `3 flows: 2 high, 1 notice; 2 of them on the list.`
fn numbers(count: &Count) -> String {
    let by_severity: Vec<String> = [
        (count.high, "of high severity"),
        (count.medium, "of medium severity"),
        (count.notice, "a notice only"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{} {word}", grouped(number)))
    .collect();
    let listed = match count.listed {
        0 => "none of them on the list".to_owned(),
        all if all == count.all() => "all of them on the list".to_owned(),
        some => format!("{} of them on the list", grouped(some)),
    };
    format!(
        "{}: {}; {listed}.",
        counted(count.all(), "flow"),
        by_severity.join(", ")
    )
}

/// One flow: what is held against it, and behind a click how it is known.
fn proof(context: &Context<'_>, flow: &FlowRow, kind: FlagKind, story: &Story, html: &mut Html) {
    html.element("details", &[("class", &"proof")], |html| {
        html.element("summary", &[], |html| {
            html.leaf("strong", &[], target(flow));
            html.leaf(
                "span",
                &[("class", &"quiet")],
                format!("from {}, {}", address(flow.client.ip).as_str(), frames(context, flow)),
            );
            html.leaf("span", &[("class", &"why")], why(context, flow, kind));
        });
        html.leaf("h4", &[], &story.title);
        html.element("ol", &[("class", &"steps")], |html| {
            for step in &story.steps {
                html.element("li", &[], |html| {
                    html.leaf("h5", &[], step.heading);
                    step.says.iter().for_each(|sentence| html.leaf("p", &[], sentence));
                });
            }
            html.element("li", &[], |html| {
                html.leaf("h5", &[], "To see it in Wireshark (display filters)");
                for file in &story.filters.files {
                    for (what, filter) in file.named() {
                        html.leaf("p", &[], format!("{}, {what}:", file.shown_file()));
                        html.leaf("code", &[("class", &"filter")], filter);
                    }
                }
            });
        });
    });
}

fn frames(context: &Context<'_>, flow: &FlowRow) -> String {
    let marks = &flow.frames;
    let file = context
        .judged
        .labels
        .file(flow.ordinal)
        .map(|file| format!(" of {file}"))
        .unwrap_or_default();
    let is_here = marks.elsewhere.iter().all(|(mark, _)| *mark != "last");
    match marks.last > marks.first && is_here {
        true => format!("frames {} to {}{file}", marks.first, marks.last),
        false => format!("frame {}{file}", marks.first),
    }
}

fn meaning(kind: FlagKind) -> &'static str {
    match kind {
        FlagKind::Port => "Another port than the list says",
        FlagKind::TlsVersion => "Another TLS version than the list says",
        FlagKind::Plaintext => "Not encrypted where TLS is expected",
        FlagKind::Rerouted => "The name leads another way than the list says",
        FlagKind::Address => "The name fits, the address is not on the list",
        FlagKind::Intercepted => "Somebody else's certificate: perhaps a device that inspects TLS",
        FlagKind::Blocked => "The attempt failed",
        FlagKind::Internal => "A service that should only be met inside the platform",
        FlagKind::HiddenName => "The client hid whom it asked for",
        FlagKind::Retired => "A host that is no longer in use",
        FlagKind::Ambiguous => "The evidence points to several services",
        FlagKind::Broad => "Only the list's broad form covers the name",
    }
}
