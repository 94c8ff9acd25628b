//! Every host pattern of the policy and what became of it: what was tried in one table, what was not a line a class.

use super::Context;
use super::fate::outcome_look;
use super::few::grouped;
use super::html::Html;
use crate::policy::coverage::{Outcome, Record};
use crate::sink::check::words;
use crate::sink::text;

const MOST: usize = 1000;
const MOST_NAMED: usize = 200;
const MOST_LISTED: usize = 3;

pub fn section(context: &Context<'_>, html: &mut Html) {
    let judged = context.judged;
    let (untried, tried): (Vec<&Record>, Vec<&Record>) = judged
        .report
        .records
        .iter()
        .partition(|record| record.outcome == Outcome::NotTried);
    html.element(
        "section",
        &[("id", &"endpoints"), ("aria-labelledby", &"endpoints-h")],
        |html| {
            html.leaf("h2", &[("id", &"endpoints-h")], "Endpoints reached and blocked");
            html.leaf(
                "p",
                &[("class", &"note")],
                format!(
                    "{}. One line a host pattern of the policy; the outcome is the worst that was seen.",
                    words::counts(judged)
                ),
            );
            if !tried.is_empty() {
                html.element(
                    "div",
                    &[
                        ("class", &"scroll"),
                        ("tabindex", &0),
                        ("role", &"region"),
                        ("aria-labelledby", &"endpoints-h"),
                    ],
                    |html| {
                        html.element("table", &[], |html| {
                            super::headings(
                                html,
                                &["Outcome", "Host", "Endpoint", "Seen", "Clients", "Addresses", "Frames"],
                            );
                            html.element("tbody", &[], |html| {
                                tried.iter().take(MOST).for_each(|record| row(context, record, html))
                            });
                        });
                    },
                );
                super::and_more(
                    tried.len().saturating_sub(MOST),
                    "`flowsift check --format json` has all",
                    html,
                );
            }
            not_tried(context, &untried, html);
        },
    );
}

fn row(context: &Context<'_>, record: &Record, html: &mut Html) {
    let judged = context.judged;
    let (class, sign, word) = outcome_look(record.outcome);
    html.element("tr", &[], |html| {
        html.element("td", &[], |html| {
            let how = record.how.filter(|_| record.outcome == Outcome::Blocked);
            let how = how.map(|how| format!(", {}", how.as_str())).unwrap_or_default();
            html.leaf(
                "span",
                &[("class", &format!("chip {class}"))],
                format!("{sign} {word}{how}"),
            );
            if let Some(excuse) = record.excuse {
                html.leaf(
                    "span",
                    &[("class", &"quiet")],
                    format!(" ({})", words::excuse_word(excuse)),
                );
            }
        });
        html.leaf("td", &[("class", &"host")], judged.target(record));
        html.leaf("td", &[], judged.row(record).id);
        let counts = record
            .counts
            .iter()
            .map(|(outcome, count)| format!("{} {}", grouped(*count), outcome_look(*outcome).2));
        html.leaf("td", &[("class", &"seen")], counts.collect::<Vec<_>>().join(", "));
        let clients = record
            .clients
            .items
            .iter()
            .map(|ip| crate::sink::address::address(*ip).as_str().to_owned());
        html.leaf("td", &[("class", &"mono")], text::few(clients, MOST_LISTED));
        let addresses = record
            .addresses
            .items
            .iter()
            .map(|ip| crate::sink::address::address(*ip).as_str().to_owned());
        html.leaf("td", &[("class", &"mono")], text::few(addresses, MOST_LISTED));
        let frames = record
            .frames()
            .into_iter()
            .map(|(ordinal, frame)| match judged.labels.file(ordinal) {
                Some(file) => format!("{frame} of {file}"),
                None => frame.to_string(),
            });
        html.leaf("td", &[("class", &"mono")], text::few(frames, MOST_LISTED + 1));
    });
}

fn not_tried(context: &Context<'_>, untried: &[&Record], html: &mut Html) {
    if untried.is_empty() {
        return;
    }
    let mut classes: Vec<(String, Vec<String>)> = Vec::new();
    for record in untried {
        let class = context.judged.row(record).class;
        let target = context.judged.target(record);
        match classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, targets)) => targets.push(target),
            None => classes.push((class, vec![target])),
        }
    }
    html.element("details", &[], |html| {
        html.leaf(
            "summary",
            &[],
            format!(
                "○ {} not tried: nothing is known of them, neither good nor bad",
                grouped(untried.len() as u64)
            ),
        );
        html.element("dl", &[], |html| {
            for (class, targets) in &classes {
                html.leaf("dt", &[], class);
                html.leaf("dd", &[], text::few(targets, MOST_NAMED));
            }
        });
    });
}
