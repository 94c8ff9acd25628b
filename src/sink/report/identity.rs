//! Of what all this is said: the captures and the policy, by their hashes, and how to get the same page again.

use super::Context;
use super::few::grouped;
use super::html::Html;
use crate::engine::rows::CaptureRow;
use crate::sink::text;

const MOST: usize = 1000;

pub fn section(context: &Context<'_>, html: &mut Html) {
    let captures = context.judged.captures;
    html.element("section", &[("id", &"identity"), ("aria-labelledby", &"identity-h")], |html| {
        html.leaf("h2", &[("id", &"identity-h")], "Of what this is said");
        for capture in captures.iter().take(MOST) {
            one(capture, html);
        }
        super::and_more(captures.len().saturating_sub(MOST), "`flowsift read --hash --format json` has all", html);
        policy(context, html);
        html.leaf(
            "p",
            &[("class", &"note")],
            "To check it: `sha256sum FILE` gives the same number for an unchanged capture, and the same capture, policy, version and --memory give this very page, byte for byte. \
             Frame numbers count from 1 in each file, as in Wireshark. Flow ids are Community IDs (v1, seed 0), the same as in Zeek, Suricata and Arkime.",
        );
        html.leaf("p", &[("class", &"note")], concat!("Made by flowsift ", env!("CARGO_PKG_VERSION"), ". The page needs no network and sends nothing anywhere."));
    });
}

fn one(capture: &CaptureRow, html: &mut Html) {
    let time = |ns: Option<u64>| {
        ns.map_or("none".to_owned(), |ns| {
            text::time(ns, capture.nanoseconds).as_str().to_owned()
        })
    };
    let lost = |count: Option<u64>| count.map_or("not told".to_owned(), grouped);
    let span = capture
        .first_ns
        .zip(capture.last_ns)
        .map(|(first, last)| text::span(last.saturating_sub(first)));
    html.leaf("h3", &[], &capture.file);
    facts(
        html,
        &[
            (
                "SHA-256",
                capture.sha256.clone().unwrap_or_else(|| "not known".to_owned()),
            ),
            ("First packet", time(capture.first_ns)),
            (
                "Last packet",
                format!(
                    "{}{}",
                    time(capture.last_ns),
                    span.map(|span| format!(" ({span} later)")).unwrap_or_default()
                ),
            ),
            (
                "Packets",
                format!(
                    "{}, {} captured",
                    grouped(capture.packets),
                    text::long_bytes(capture.bytes)
                ),
            ),
            ("Flows that begin in it", grouped(capture.flows)),
            (
                "Lost while capturing",
                format!(
                    "by the kernel: {}; by the interface: {}",
                    lost(capture.dropped_by_kernel),
                    lost(capture.dropped_by_interface)
                ),
            ),
            ("Link type", text::few(&capture.links, 8)),
        ],
    );
}

fn policy(context: &Context<'_>, html: &mut Html) {
    let header = context.judged.policy.header();
    let names = &context.judged.labels.policy;
    html.leaf("h3", &[], format!("Policy {}", names.name));
    let mut lines = vec![("SHA-256", names.sha256.clone())];
    let given = [("Title", &header.title), ("Source", &header.source)];
    lines.extend(
        given
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(what, text)| (what, text.clone())),
    );
    lines.extend(header.date.map(|date| ("As of", date.to_string())));
    let last = context
        .judged
        .captures
        .iter()
        .filter_map(|capture| capture.last_ns)
        .max();
    if let Some((due, last)) = names.review_due_ns.zip(last) {
        let late = if last > due {
            ", which is before the capture ends: the list may be out of date"
        } else {
            ""
        };
        lines.push(("Its review is due", format!("{}{late}", text::date(due).as_str())));
    }
    facts(html, &lines);
}

fn facts(html: &mut Html, lines: &[(&'static str, String)]) {
    html.element("dl", &[("class", &"facts")], |html| {
        for (what, value) in lines {
            html.leaf("dt", &[], what);
            html.leaf("dd", &[], value);
        }
    });
}
