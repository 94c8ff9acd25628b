//! The first screen: does the list work, what of it does not, what is held against the flows, what cannot be told, and of which capture all this is said.

use super::Context;
use super::fate::outcome_look;
use super::few::{counted, grouped};
use super::html::Html;
use crate::policy::coverage::Outcome;
use crate::policy::verdict::FlagKind;
use crate::sink::check::{Sum, words};
use crate::sink::text;

pub fn section(context: &Context<'_>, html: &mut Html) {
    html.element("header", &[("class", &"top")], |html| {
        html.element("p", &[("class", &"kicker")], |html| {
            html.text("flowsift report");
            html.leaf("span", &[("class", &"file")], context.title());
        });
        let class = match context.judged.sum() {
            Sum::Works => "fine",
            _ if context.packets() == 0 => "unclear",
            Sum::WorksInPart => "unclear",
            Sum::NothingReached | Sum::Fails => "blocked",
        };
        html.leaf("h1", &[("class", &class)], headline(context));
        outcomes(context, html);
        html.leaf("p", &[("class", &"lede")], flows(context));
        held(context, html);
        identity(context, html);
    });
}

/// `check` says the same.
fn headline(context: &Context<'_>) -> String {
    match context.packets() {
        0 => "No packets: there is nothing to judge.".to_owned(),
        _ => format!("{}.", words::sum(context.judged)),
    }
}

/// The host patterns by outcome.
fn outcomes(context: &Context<'_>, html: &mut Html) {
    html.element(
        "ul",
        &[
            ("class", &"tiles"),
            ("aria-label", &"Host patterns of the policy by outcome"),
        ],
        |html| {
            for (outcome, count) in context.judged.tally() {
                let (class, sign, word) = outcome_look(outcome);
                let target = if outcome == Outcome::NotTried {
                    "#endpoints"
                } else {
                    target(context, outcome)
                };
                html.element("li", &[("class", &class)], |html| {
                    html.element("a", &[("href", &target)], |html| {
                        html.element("b", &[], |html| {
                            html.leaf("span", &[("class", &"sign"), ("aria-hidden", &"true")], sign);
                            html.text(grouped(count as u64));
                        });
                        html.leaf("span", &[], word);
                    });
                });
            }
        },
    );
}

fn target(context: &Context<'_>, outcome: Outcome) -> &'static str {
    let is_told = context.judged.findings().iter().any(|record| record.outcome == outcome);
    if is_told { "#findings" } else { "#endpoints" }
}

/// `86 flows of 8 clients, 197 kB in 602 packets: 29 as the list says, ...`
fn flows(context: &Context<'_>) -> String {
    let all = context.gathered.services.all();
    let window = &context.judged.report.window;
    let clients = format!(
        "{}{}",
        grouped(window.clients as u64),
        if window.more { "+" } else { "" }
    );
    let noun = if window.clients == 1 { "client" } else { "clients" };
    let fates: Vec<String> = all
        .fates()
        .map(|(fate, flows, _)| format!("{} {}", grouped(flows), fate.as_str()))
        .collect();
    match all.all_flows() {
        0 => format!("No flows in {}.", counted(context.packets(), "packet")),
        count => format!(
            "{} of {clients} {noun}, {} in {}: {}.",
            counted(count, "flow"),
            text::long_bytes(all.all_bytes()),
            counted(context.packets(), "packet"),
            fates.join(", ")
        ),
    }
}

/// What is held against flows, in one line: `5 with another TLS version than expected`.
fn held(context: &Context<'_>, html: &mut Html) {
    let counts = &context.gathered.flagged.counts;
    let grave: Vec<String> = FlagKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let count = counts.get(&kind)?.grave();
            (count > 0).then(|| format!("{} {}", grouped(count), with(kind)))
        })
        .collect();
    let cannot = context.gathered.blind.in_short(context);
    if context.gathered.lines.seen == 0 && cannot.is_none() {
        return;
    }
    html.element("p", &[("class", &"lede")], |html| {
        html.text(match grave.is_empty() {
            true => "Nothing of medium or high severity is held against any flow.".to_owned(),
            false => format!("Held against flows: {}.", grave.join("; ")),
        });
        if let Some(cannot) = cannot {
            html.text(" ");
            html.leaf("a", &[("href", &"#blind")], cannot);
        }
    });
}

fn with(kind: FlagKind) -> &'static str {
    match kind {
        FlagKind::Port => "on another port than listed",
        FlagKind::TlsVersion => "with another TLS version than expected",
        FlagKind::Plaintext => "in plain text",
        FlagKind::Rerouted => "led another way than listed",
        FlagKind::Address => "at an unlisted address",
        FlagKind::Intercepted => "perhaps intercepted",
        FlagKind::Blocked => "blocked",
        FlagKind::Internal => "of the platform's inside",
        FlagKind::HiddenName => "with a hidden name",
        FlagKind::Retired => "to retired hosts",
        FlagKind::Ambiguous => "that may be one of several services",
        FlagKind::Broad => "covered by a broad form only",
    }
}

/// One line of whose proof this is; the whole is at the end of the page.
fn identity(context: &Context<'_>, html: &mut Html) {
    let policy = &context.judged.labels.policy;
    let short = |hash: &str| hash.get(..16).unwrap_or(hash).to_owned();
    html.element("p", &[("class", &"identity")], |html| {
        html.text(words::window(&context.judged.report.window));
        html.text(format!(
            ". Policy {} (SHA-256 {}…). ",
            policy.name,
            short(&policy.sha256)
        ));
        match context.judged.captures {
            [one] => html.text(format!(
                "Capture SHA-256 {}…. ",
                short(one.sha256.as_deref().unwrap_or("unknown"))
            )),
            several => html.text(format!("{} captures. ", several.len())),
        }
        html.leaf("a", &[("href", &"#identity")], "All of it, and how to check it");
    });
}
