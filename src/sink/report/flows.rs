//! Every flow in a table. The first rows stand in the page as they are, for print and for who runs no script; the script shows any of
//! them out of the JSON, only those rows that fit the window.

use super::Context;
use super::data;
use super::few::{counted, grouped};
use super::html::Html;
use super::lines::Line;
use crate::flow::key::Endpoint;
use crate::policy::verdict::FlagKind;
use crate::sink::{address::address, text, words};

/// Rows that are in the page without a script.
const STATIC: usize = 200;

pub fn section(context: &Context<'_>, lines: &[Line], html: &mut Html) {
    let seen = context.gathered.lines.seen;
    html.element("section", &[("id", &"flows"), ("aria-labelledby", &"flows-h")], |html| {
        html.leaf("h2", &[("id", &"flows-h")], "Every flow");
        if lines.is_empty() && seen == 0 {
            html.leaf("p", &[("class", &"none")], "No flow was seen.");
            return;
        }
        remark(seen, lines.len() as u64, html);
        controls(context, lines, html);
        html.leaf("p", &[("id", &"count"), ("role", &"status"), ("class", &"note")], counted(lines.len() as u64, "flow"));
        html.element("div", &[("id", &"window"), ("class", &"window")], |html| {
            html.element("table", &[("id", &"table"), ("aria-labelledby", &"flows-h"), ("aria-rowcount", &(lines.len() + 1))], |html| {
                headings(html);
                html.element("tbody", &[("id", &"rows")], |html| lines.iter().take(STATIC).for_each(|line| row(context, line, html)));
            });
        });
        let beyond = lines.len().saturating_sub(STATIC) as u64;
        if beyond > 0 {
            html.leaf("p", &[("id", &"beyond"), ("class", &"more")], format!("and {} more: the page's script shows them; on paper and without it the first {STATIC} by time stand here", grouped(beyond)));
        }
        html.element("dialog", &[("id", &"details"), ("aria-labelledby", &"details-h")], |_| {});
    });
}

/// The flows as JSON.
pub fn data(context: &Context<'_>, lines: &[Line], html: &mut Html) {
    let captures = context.judged.captures;
    // The script's numbers are exact up to 2^53: a table over more nanoseconds than that has microseconds.
    let span = lines
        .first()
        .zip(lines.last())
        .map_or(0, |(first, last)| last.start_ns.saturating_sub(first.start_ns));
    let nanoseconds = span < 1 << 52 && captures.iter().any(|capture| capture.nanoseconds);
    let files: Vec<&str> = match context.judged.labels.files.is_empty() {
        true => captures.iter().map(|capture| capture.file.as_str()).collect(),
        false => context.judged.labels.files.iter().map(String::as_str).collect(),
    };
    let texts = context.gathered.lines.texts.list();
    html.data(
        "data",
        &data::json(lines, &texts, nanoseconds, &files, context.judged.labels),
    );
}

fn remark(seen: u64, shown: u64, html: &mut Html) {
    let left_out = seen.saturating_sub(shown);
    if left_out > 0 {
        html.leaf(
            "p",
            &[("class", &"note")],
            format!(
                "{} of {} are here: those against which something is held, then the heaviest. {} left out; `flowsift read FILE --format json` writes all, --rows shows more here. \
                 Everything above this table counts all of them.",
                grouped(shown),
                counted(seen, "flow"),
                match left_out {
                    1 => "1 is".to_owned(),
                    n => format!("{} are", grouped(n)),
                },
            ),
        );
    }
}

/// Shown by the script, since nothing works without it.
fn controls(context: &Context<'_>, lines: &[Line], html: &mut Html) {
    html.element(
        "div",
        &[
            ("id", &"controls"),
            ("class", &"controls"),
            ("role", &"search"),
            ("hidden", &"hidden"),
        ],
        |html| {
            html.element("label", &[("class", &"search")], |html| {
                html.leaf("span", &[], "Search");
                html.empty(
                    "input",
                    &[
                        ("id", &"search"),
                        ("type", &"search"),
                        ("autocomplete", &"off"),
                        ("spellcheck", &"false"),
                        ("placeholder", &"name, address, class, flag, :port, #frame"),
                    ],
                );
            });
            let labels = context.judged.labels;
            let classes = labels.policy.classes();
            let used: Vec<&str> = classes
                .into_iter()
                .filter(|class| {
                    lines
                        .iter()
                        .any(|line| labels.policy.class(line.row.as_slice(), line.name.is_some()) == *class)
                })
                .collect();
            choice(html, "Class", "class", &used);
            let verdicts = ["ok", "flagged", "inconclusive", "unlisted"];
            let used: Vec<&str> = verdicts
                .into_iter()
                .filter(|word| lines.iter().any(|line| line.standing.as_str() == *word))
                .collect();
            choice(html, "Verdict", "verdict", &used);
            let used: Vec<&str> = FlagKind::ALL
                .into_iter()
                .filter(|kind| lines.iter().any(|line| line.held.iter().any(|held| held.kind == *kind)))
                .map(FlagKind::as_str)
                .collect();
            choice(html, "Flag", "flag", &used);
            html.leaf("button", &[("id", &"reset"), ("type", &"button")], "Show all");
        },
    );
}

fn choice(html: &mut Html, label: &'static str, id: &'static str, words: &[&str]) {
    html.element("label", &[], |html| {
        html.leaf("span", &[], label);
        html.element("select", &[("id", &id)], |html| {
            html.leaf("option", &[("value", &"")], "any");
            words
                .iter()
                .for_each(|word| html.leaf("option", &[("value", word)], word));
        });
    });
}

/// `t`: time, and so on: what the script sorts by.
fn headings(html: &mut Html) {
    html.element("thead", &[], |html| {
        html.element("tr", &[], |html| {
            for (key, title) in [
                ("time", "Time (UTC)"),
                ("client", "Client"),
                ("name", "Name or server"),
                ("class", "Class"),
                ("app", "Protocol"),
                ("bytes", "Bytes"),
                ("verdict", "Verdict"),
            ] {
                html.element(
                    "th",
                    &[("scope", &"col"), ("class", &key), ("data-sort", &key)],
                    |html| match key {
                        // On a phone there is room for the zone alone.
                        "time" => {
                            html.leaf("span", &[("class", &"wide")], "Time (");
                            html.text("UTC");
                            html.leaf("span", &[("class", &"wide")], ")");
                        }
                        "name" => {
                            html.leaf("span", &[("class", &"wide")], title);
                            html.leaf("span", &[("class", &"from")], "Server, client");
                        }
                        _ => html.text(title),
                    },
                );
            }
        });
    });
}

fn row(context: &Context<'_>, line: &Line, html: &mut Html) {
    let labels = context.judged.labels;
    html.element("tr", &[], |html| {
        html.element("td", &[("class", &"time")], |html| {
            // The year is in the head; on a phone there is room for hours, minutes and seconds alone.
            let (date, clock) = (text::date(line.start_ns), text::clock(line.start_ns));
            html.leaf(
                "span",
                &[("class", &"day")],
                format!("{} ", date.as_str().get(5..).unwrap_or("")),
            );
            let (seconds, fraction) = clock.as_str().split_at_checked(8).unwrap_or((clock.as_str(), ""));
            html.text(seconds);
            html.leaf("span", &[("class", &"day")], fraction);
        });
        html.leaf("td", &[("class", &"client")], address(line.client.ip).as_str());
        html.element("td", &[("class", &"name")], |html| {
            html.text(name(line));
            let from = format!("{}, {}", address(line.client.ip).as_str(), app(line));
            html.leaf("span", &[("class", &"from")], from);
        });
        html.leaf(
            "td",
            &[("class", &"class")],
            labels.policy.class(line.row.as_slice(), line.name.is_some()),
        );
        html.leaf("td", &[("class", &"app")], app(line));
        html.leaf(
            "td",
            &[("class", &"bytes")],
            text::short_bytes(line.all_bytes()).as_str(),
        );
        html.element("td", &[("class", &"verdict")], |html| {
            let class = format!("chip {}", line.fate.class());
            html.leaf("span", &[("class", &class)], verdict(line));
        });
    });
}

fn name(line: &Line) -> String {
    match (&line.name, line.server.port) {
        (None, _) => ends(line.server),
        (Some(name), None | Some(443)) => name.to_string(),
        (Some(name), Some(port)) => format!("{name}:{port}"),
    }
}

fn ends(end: Endpoint) -> String {
    let ip = address(end.ip);
    match (end.ip.is_ipv6(), end.port) {
        (_, None) => ip.as_str().to_owned(),
        (true, Some(port)) => format!("[{}]:{port}", ip.as_str()),
        (false, Some(port)) => format!("{}:{port}", ip.as_str()),
    }
}

fn app(line: &Line) -> String {
    let word = match line.app {
        crate::evidence::model::App::Unknown => words::ip_protocol(line.protocol).to_string(),
        app => app.as_str().to_owned(),
    };
    match line.version {
        Some(version) => format!("{word} {version}"),
        None => word,
    }
}

/// The verdict, or the flags that made it.
fn verdict(line: &Line) -> String {
    let flags = line.held.iter().map(|held| match held.how {
        Some(how) => format!("{} {}", held.kind.as_str(), how.as_str()),
        None => held.kind.as_str().to_owned(),
    });
    let flags: Vec<String> = flags.collect();
    let word = line.standing.as_str();
    match (line.standing, flags.is_empty()) {
        (_, true) => word.to_owned(),
        (crate::policy::verdict::Standing::Flagged, _) => flags.join(", "),
        _ => format!("{word}, {}", flags.join(", ")),
    }
}
