//! One self-contained page about captures: for who sets up a firewall, and for who must prove what was seen.
//!
//! ```text
//!  FlowRow, NameRow, CaptureRow --Gathering--> sums of every section, bounded --page--> HTML, SVG, JSON for the table
//! ```
//!
//! Each section is a file: what it gathers, and how it is written. [`html`] is the one place where text becomes markup; `page.css` and
//! `page.js` are ours, stand in the page, and are all that the page's own policy lets run. Whatever the script shows is there without
//! it too, as far as paper can hold it. The judgement and its sentences are those of [`check`](super::check), proofs those of [`explain`](super::explain).
//!
//! Same input, same bytes: no clock, no chance, and sums do not depend on threads.

mod blind;
mod data;
mod diagram;
mod dns;
mod endpoints;
mod fate;
mod few;
mod findings;
mod flagged;
mod flows;
mod head;
mod html;
mod identity;
mod lines;
mod services;
mod timeline;
mod tls;
mod unlisted;

#[cfg(test)]
mod tests;

use self::blind::Unseen;
use self::dns::Dns;
use self::flagged::Flagged;
use self::html::Html;
use self::lines::Lines;
use self::services::Services;
use self::timeline::Timeline;
use self::tls::Tls;
use super::Labels;
use super::check::Judged;
use super::explain::Story;
use crate::engine::rows::{CaptureRow, FlowRow, NameRow};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page is made of, gathered in one reading.
#[derive(Debug)]
pub struct Gathering {
    services: Services,
    timeline: Timeline,
    tls: Tls,
    dns: Dns,
    blind: Unseen,
    lines: Lines,
    pub flagged: Flagged,
}

impl Gathering {
    /// `rows`: flows that the table has room for.
    pub fn new(rows: usize) -> Gathering {
        Gathering {
            services: Services::default(),
            timeline: Timeline::default(),
            tls: Tls::default(),
            dns: Dns::default(),
            blind: Unseen::default(),
            lines: Lines::new(rows),
            flagged: Flagged::default(),
        }
    }

    pub fn flow(&mut self, row: &FlowRow, labels: &Labels) {
        self.services.flow(row);
        self.timeline.flow(row);
        self.tls.flow(row, &labels.policy);
        self.flagged.flow(row);
        self.lines.flow(row, labels);
    }

    pub fn lookup(&mut self, row: &NameRow, labels: &Labels) {
        self.dns.lookup(row, &labels.policy);
        self.flagged.lookup(row);
    }

    pub fn capture(&mut self, row: &CaptureRow) {
        self.blind.capture(row);
    }
}

/// What the sections are written from.
#[derive(Debug)]
pub struct Context<'a> {
    pub judged: &'a Judged<'a>,
    /// Of [`Flagged::flows`], and their proofs.
    pub flows: &'a [FlowRow],
    pub stories: &'a [Story],
    /// What the user calls it.
    pub title: Option<&'a str>,
    gathered: &'a Gathering,
}

impl Context<'_> {
    fn title(&self) -> String {
        match (self.title, self.judged.captures) {
            (Some(title), _) => title.to_owned(),
            (None, [one]) => one.file.clone(),
            (None, several) => format!("{} captures", several.len()),
        }
    }

    fn packets(&self) -> u64 {
        self.judged.captures.iter().map(|capture| capture.packets).sum()
    }

    /// `12`, or `12 of a.pcap` where there are several inputs.
    fn frame(&self, ordinal: u32, frame: u64) -> String {
        match self.judged.labels.file(ordinal) {
            Some(file) => format!("{frame} of {file}"),
            None => frame.to_string(),
        }
    }
}

/// Proofs in full, and what the user calls the page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    /// Of [`Flagged::flows`].
    pub flows: &'a [FlowRow],
    pub stories: &'a [Story],
    pub title: Option<&'a str>,
}

/// The page.
pub fn page(mut gathered: Gathering, judged: &Judged<'_>, extras: Extras<'_>) -> Vec<u8> {
    let lines = gathered.lines.sorted();
    let context = Context {
        judged,
        flows: extras.flows,
        stories: extras.stories,
        title: extras.title,
        gathered: &gathered,
    };
    let mut html = Html::default();
    html.doctype();
    html.element("html", &[("lang", &"en")], |html| {
        html.element("head", &[], |html| head(&context, html));
        html.line();
        html.element("body", &[], |html| {
            html.leaf("a", &[("href", &"#main"), ("class", &"skip")], "To the findings");
            head::section(&context, html);
            html.line();
            navigation(html);
            html.element("main", &[("id", &"main")], |html| {
                for section in [
                    diagram::section,
                    findings::section,
                    timeline::section,
                    endpoints::section,
                    unlisted::section,
                    tls::section,
                    dns::section,
                    blind::section,
                ] {
                    section(&context, html);
                    html.line();
                }
                flows::section(&context, &lines, html);
                html.line();
                identity::section(&context, html);
            });
            html.line();
            flows::data(&context, &lines, html);
            html.script(SCRIPT);
        });
    });
    html.line();
    html.into_bytes()
}

fn head(context: &Context<'_>, html: &mut Html) {
    html.empty("meta", &[("charset", &"utf-8")]);
    // Before anything that it could forbid.
    html.empty(
        "meta",
        &[
            ("http-equiv", &"Content-Security-Policy"),
            ("content", &html::policy(STYLE, SCRIPT)),
        ],
    );
    html.empty(
        "meta",
        &[
            ("name", &"viewport"),
            ("content", &"width=device-width, initial-scale=1"),
        ],
    );
    html.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
    html.empty("meta", &[("name", &"referrer"), ("content", &"no-referrer")]);
    html.empty(
        "meta",
        &[
            ("name", &"generator"),
            ("content", &concat!("flowsift ", env!("CARGO_PKG_VERSION"))),
        ],
    );
    html.leaf("title", &[], format!("flowsift: {}", context.title()));
    html.style(STYLE);
}

fn navigation(html: &mut Html) {
    html.element("nav", &[("aria-label", &"Sections")], |html| {
        for (target, title) in [
            ("#drawing", "Drawing"),
            ("#findings", "What to do"),
            ("#held", "Flags"),
            ("#time", "When"),
            ("#endpoints", "Endpoints"),
            ("#unlisted", "Unlisted"),
            ("#tls", "TLS"),
            ("#dns", "Names"),
            ("#blind", "Blind spots"),
            ("#flows", "Flows"),
            ("#identity", "Identity"),
        ] {
            html.leaf("a", &[("href", &target)], title);
        }
    });
}

/// A table's head.
fn headings(html: &mut Html, titles: &[&'static str]) {
    html.element("thead", &[], |html| {
        html.element("tr", &[], |html| {
            titles
                .iter()
                .for_each(|title| html.leaf("th", &[("scope", &"col")], title))
        });
    });
}

/// What a list has no room for; nothing if that is nothing.
fn and_more(count: usize, remedy: &str, html: &mut Html) {
    if count == 0 {
        return;
    }
    let remedy = if remedy.is_empty() {
        String::new()
    } else {
        format!(": {remedy}")
    };
    html.leaf(
        "p",
        &[("class", &"more")],
        format!("and {} more{remedy}", few::grouped(count as u64)),
    );
}
