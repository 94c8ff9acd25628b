//! The drawing as SVG: places to shapes. Colours are the style sheet's, by class.

use std::fmt::Write;

use super::super::fate::{Fate, outcome_look};
use super::super::few::counted;
use super::super::html::Html;
use super::layout::{Band, LEFT_END, Layout, RIGHT_BEGIN, Span, WALL, WIDTH};
use super::nodes::{Client, Nodes, Service};
use super::{fates, rest, sentence};
use crate::sink::text::{cut_end, cut_middle, long_bytes};

const LEFT_BEGIN: f64 = 10.0;
const RIGHT_END: f64 = WIDTH - 6.0;
const BASELINE: f64 = 4.5;

pub fn svg(nodes: &Nodes, layout: &Layout, html: &mut Html) {
    let view = format!("0 0 {WIDTH:.0} {:.0}", layout.height);
    let label =
        "Bands from the organisation's clients to the services of the policy; the list below says the same in words";
    html.element(
        "svg",
        &[
            ("viewBox", &view),
            ("class", &"drawing"),
            ("role", &"group"),
            ("aria-label", &label),
        ],
        |html| {
            organisation(layout, html);
            // The thin ones last, or the wide ones would hide them.
            let mut order: Vec<&Band> = layout.bands.iter().collect();
            order.sort_by(|a, b| {
                b.width
                    .total_cmp(&a.width)
                    .then((a.client, a.service, a.fate).cmp(&(b.client, b.service, b.fate)))
            });
            html.element("g", &[("class", &"bands")], |html| {
                order.into_iter().for_each(|band| draw_band(band, nodes, html));
            });
            for (client, span) in nodes.clients.iter().zip(&layout.clients) {
                draw_client(client, span, html);
            }
            draw_groups(nodes, layout, html);
        },
    );
}

fn organisation(layout: &Layout, html: &mut Html) {
    let (Some(first), Some(last)) = (layout.clients.first(), layout.clients.last()) else {
        return;
    };
    let top = first.top - 34.0;
    let height = last.top + last.height - top + 12.0;
    html.empty(
        "rect",
        &[
            ("x", &2),
            ("y", &px(top)),
            ("width", &px(LEFT_END + 6.0)),
            ("height", &px(height)),
            ("rx", &10),
            ("class", &"organisation"),
        ],
    );
    text(
        html,
        "group",
        (LEFT_BEGIN + 4.0, top + 21.0),
        "The organisation's clients",
    );
}

fn draw_client(client: &Client, span: &Span, html: &mut Html) {
    let flows = client.tally.all_flows();
    let bytes = long_bytes(client.tally.all_bytes());
    let label = format!(
        "{}: {}, {bytes}; {}",
        client.title,
        counted(flows, "flow"),
        fates(&client.tally)
    );
    html.element(
        "g",
        &[
            ("class", &"box"),
            ("tabindex", &0),
            ("role", &"img"),
            ("aria-label", &label),
        ],
        |html| {
            html.leaf("title", &[], &label);
            shape(html, LEFT_BEGIN, LEFT_END, span);
            let middle = span.top + span.height / 2.0 + BASELINE;
            text(
                html,
                "name",
                (LEFT_BEGIN + 10.0, middle),
                &cut_middle(&client.title, 23),
            );
            end_text(html, "amount", (LEFT_END - 8.0, middle), &bytes);
        },
    );
}

fn draw_groups(nodes: &Nodes, layout: &Layout, html: &mut Html) {
    for (group, place) in nodes.groups.iter().zip(&layout.groups) {
        html.element("g", &[("class", &format!("line {}", group.line))], |html| {
            text(html, "group", (RIGHT_BEGIN, place.heading + 20.0), &group.title);
            for (service, span) in group.services.iter().zip(&place.services) {
                draw_service(service, span, html);
            }
            if let (Some(remark), Some(y)) = (rest(group), place.remark) {
                text(html, "remark", (RIGHT_BEGIN + 12.0, y), &remark);
            }
        });
    }
}

fn draw_service(service: &Service, span: &Span, html: &mut Html) {
    let label = format!("{}: {}", service.title, sentence(service));
    let idle = service.tally.all_flows() == 0;
    let class = if idle { "box idle" } else { "box" };
    let find = service.find.as_ref().filter(|_| !idle);
    let draw = |html: &mut Html| {
        html.element(
            "g",
            &[("class", &class), ("role", &"img"), ("aria-label", &label)],
            |html| {
                html.leaf("title", &[], &label);
                shape(html, RIGHT_BEGIN, RIGHT_END, span);
                html.empty(
                    "rect",
                    &[
                        ("x", &px(RIGHT_BEGIN)),
                        ("y", &px(span.top)),
                        ("width", &6),
                        ("height", &px(span.height)),
                        ("rx", &3),
                        ("class", &"stripe"),
                    ],
                );
                let middle = span.top + span.height / 2.0 + BASELINE;
                text(html, "name", (RIGHT_BEGIN + 16.0, middle), &cut_end(&service.title, 31));
                let amount = match idle {
                    true => String::new(),
                    false => format!(
                        "{} · {}",
                        counted(service.tally.all_flows(), "flow"),
                        long_bytes(service.tally.all_bytes())
                    ),
                };
                end_text(html, "amount", (RIGHT_END - 10.0, middle), &amount);
                if let Some(outcome) = service.outcome {
                    let (class, sign, word) = outcome_look(outcome);
                    let word = format!("{sign} {}", cut_end(word, 16));
                    text(html, &format!("outcome {class}"), (RIGHT_BEGIN + 238.0, middle), &word);
                }
            },
        );
    };
    match find {
        Some(find) => html.element("a", &[("href", &"#flows"), ("data-find", find)], draw),
        None => draw(html),
    }
}

fn draw_band(band: &Band, nodes: &Nodes, html: &mut Html) {
    let client = nodes.clients.get(band.client).map_or("", |client| &client.title);
    let mut services = nodes.groups.iter().flat_map(|group| &group.services);
    let service = services.nth(band.service).map_or("", |service| &service.title);
    let word = if band.fate == Fate::Fine {
        "ok"
    } else {
        band.fate.as_str()
    };
    let label = format!(
        "{client} to {service}: {} {word}, {}",
        counted(band.flows, "flow"),
        long_bytes(band.bytes)
    );
    let blocked = band.fate == Fate::Blocked;
    let (from, to) = (LEFT_END, if blocked { WALL } else { RIGHT_BEGIN });
    let middle = (from + RIGHT_BEGIN) / 2.0;
    let mut path = String::new();
    let _ = write!(
        path,
        "M{from:.0} {:.1}C{middle:.0} {:.1} {middle:.0} {:.1} {to:.0} {:.1}",
        band.from, band.from, band.to, band.to
    );
    html.element("g", &[("class", &format!("band {}", band.fate.class()))], |html| {
        html.leaf("title", &[], &label);
        html.empty("path", &[("d", &path), ("stroke-width", &px(band.width))]);
        if blocked {
            let (x, y) = (WALL + 8.0, band.to);
            let cross = format!("M{:.1} {:.1}l9 9m0 -9l-9 9", x - 4.5, y - 4.5);
            html.empty("path", &[("d", &cross), ("class", &"cross")]);
        }
    });
}

fn shape(html: &mut Html, from: f64, to: f64, span: &Span) {
    html.empty(
        "rect",
        &[
            ("x", &px(from)),
            ("y", &px(span.top)),
            ("width", &px(to - from)),
            ("height", &px(span.height)),
            ("rx", &6),
            ("class", &"shape"),
        ],
    );
}

fn text(html: &mut Html, class: &str, (x, y): (f64, f64), words: &str) {
    html.leaf("text", &[("x", &px(x)), ("y", &px(y)), ("class", &class)], words);
}

fn end_text(html: &mut Html, class: &str, (x, y): (f64, f64), words: &str) {
    html.leaf(
        "text",
        &[("x", &px(x)), ("y", &px(y)), ("class", &class), ("text-anchor", &"end")],
        words,
    );
}

/// A tenth of a unit is finer than anybody sees.
fn px(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
