//! What the application's clients used and no row of the policy covers: near misses first.

use super::Context;
use super::few::grouped;
use super::html::Html;
use crate::sink::check::{self, unlisted_name, words};
use crate::sink::text;

const MOST: usize = 300;
const OPEN: usize = 15;

pub fn section(context: &Context<'_>, html: &mut Html) {
    let report = context.judged.report;
    html.element("section", &[("id", &"unlisted"), ("aria-labelledby", &"unlisted-h")], |html| {
        html.leaf("h2", &[("id", &"unlisted-h")], "Used, but on no list");
        if report.unlisted.is_empty() {
            html.leaf("p", &[("class", &"none")], "Nothing: no client that tried a listed service used anything else that could be named.");
            return;
        }
        html.leaf(
            "p",
            &[("class", &"note")],
            "By clients that also tried a listed service. Those near to a listed name stand first: they may be missing from the list.",
        );
        let (open, folded) = report.unlisted.split_at(report.unlisted.len().min(OPEN));
        table(context, open, html);
        let beyond = folded.len().saturating_sub(MOST) + report.unlisted_more;
        if !folded.is_empty() {
            html.element("details", &[], |html| {
                html.leaf("summary", &[], format!("{} more", grouped((folded.len() + report.unlisted_more) as u64)));
                table(context, folded.get(..MOST).unwrap_or(folded), html);
                super::and_more(beyond, "`flowsift check --format json` has 1,000 of them", html);
            });
        }
    });
}

fn table(context: &Context<'_>, entries: &[crate::policy::coverage::Unlisted], html: &mut Html) {
    html.element(
        "div",
        &[
            ("class", &"scroll"),
            ("tabindex", &0),
            ("role", &"region"),
            ("aria-labelledby", &"unlisted-h"),
        ],
        |html| {
            html.element("table", &[], |html| {
                super::headings(
                    html,
                    &["Host or address", "Near to", "Flows", "Clients", "What was seen"],
                );
                html.element("tbody", &[], |html| {
                    for entry in entries {
                        html.element("tr", &[], |html| {
                            html.leaf("td", &[("class", &"host")], unlisted_name(&entry.what));
                            html.leaf(
                                "td",
                                &[("class", &"host")],
                                entry.near.as_ref().map(check::json::near).unwrap_or_default(),
                            );
                            html.leaf("td", &[("class", &"number")], grouped(entry.flows));
                            let clients = entry
                                .clients
                                .iter()
                                .map(|ip| crate::sink::address::address(*ip).as_str().to_owned());
                            html.leaf("td", &[("class", &"mono")], text::few(clients, 2));
                            html.leaf("td", &[], words::why_unlisted(context.judged, entry));
                        });
                    }
                });
            });
        },
    );
}
