//! What lies over the panes: the help, a flow's proof, an endpoint.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::endpoints::sign;
use super::ink::Ink;
use super::pen::columns;
use super::{Pen, Scene, line_at, split_top};
use crate::sink::dashboard::endpoints::Endpoint;
use crate::sink::dashboard::flows::Seen;
use crate::sink::dashboard::keys::HELP;
use crate::sink::dashboard::view::{Over, View};
use crate::sink::explain::{Evidence, Story};
use crate::sink::text;

/// A line and how it looks.
pub type Line = (String, Ink);

/// Longer lines are hard to read, however wide the terminal is.
const WIDEST: usize = 100;

pub fn draw(over: &Over, scene: &Scene<'_>, view: &mut View, area: Rect, buffer: &mut Buffer) {
    let (top, rest) = split_top(area, 1);
    let lines = lines(over, scene, usize::from(area.width).saturating_sub(2).min(WIDEST));
    let height = usize::from(rest.height);
    view.page = height.max(1);
    view.scrollable = lines.len().saturating_sub(height);
    view.scroll = view.scroll.min(view.scrollable);
    let mut pen = Pen::new(buffer, top, scene.look);
    pen.write(&format!(" {} ", heading(over)), Ink::Front);
    if view.scrollable > 0 {
        let last = (view.scroll + height).min(lines.len());
        pen.write(
            &format!("  lines {} to {last} of {} ", view.scroll + 1, lines.len()),
            Ink::Quiet,
        );
    }
    pen.fill(super::ink::RULE, Ink::Quiet);
    for (number, (line, ink)) in lines.iter().skip(view.scroll).take(height).enumerate() {
        Pen::new(buffer, line_at(rest, number), scene.look)
            .skip(1)
            .write(line, *ink);
    }
}

fn heading(over: &Over) -> String {
    match over {
        Over::Help => "Help".to_owned(),
        Over::Flow(seen) if seen.is_running => format!("Flow {}, still running", seen.row.id.as_str()),
        Over::Flow(seen) => format!("The proof of flow {}", seen.row.id.as_str()),
        Over::Endpoint(endpoint) => format!("Endpoint {}", endpoint.info.id),
    }
}

/// All of it, for saving too.
pub fn lines(over: &Over, scene: &Scene<'_>, width: usize) -> Vec<Line> {
    match over {
        Over::Help => help(width),
        Over::Flow(seen) => proof(seen, scene, width),
        Over::Endpoint(endpoint) => endpoint_lines(endpoint, scene, width),
    }
}

fn help(width: usize) -> Vec<Line> {
    const KEYS: usize = 18;
    let mut lines = Vec::new();
    for (key, what) in HELP {
        for (number, part) in wrap(what, width.saturating_sub(KEYS)).into_iter().enumerate() {
            let key = if number == 0 { key } else { "" };
            lines.push((format!("{key:<KEYS$}{part}"), Ink::Plain));
        }
    }
    lines.push((String::new(), Ink::Plain));
    let signs = [
        "✓ as the policy wants it   ✗ held against it, or failed   ± some ways open, others not",
        "▸ under way: its verdict is as of now   ? it cannot be told   · in no row of the policy, or not tried",
        "Rates are means of three seconds. Flows under way are looked at once a second: the heaviest and the newest of them.",
        "This screen is no judgement on the list: for that there is `flowsift check`.",
    ];
    for sentence in signs {
        lines.extend(wrap(sentence, width).into_iter().map(|line| (line, Ink::Quiet)));
    }
    lines
}

/// The sentences of `explain`, from the row alone.
fn proof(seen: &Seen, scene: &Scene<'_>, width: usize) -> Vec<Line> {
    const INDENT: usize = 2;
    let story = Story::of(&Evidence {
        flow: &seen.row,
        lookups: &[],
        more_lookups: 0,
        captures: &[],
        labels: scene.labels,
        policy: scene.policy,
        place: (1, 1),
    });
    let mut lines = Vec::new();
    if seen.is_running {
        let words = "It has not ended: all of this is as of now, and may change.";
        lines.extend(wrap(words, width).into_iter().map(|line| (line, Ink::Medium)));
    }
    for step in story.steps.iter().filter(|step| step.key != "capture") {
        lines.push((step.heading.to_owned(), Ink::Strong));
        for sentence in &step.says {
            for (number, line) in wrap(sentence, width.saturating_sub(INDENT + 2)).into_iter().enumerate() {
                let mark = if number == 0 { "- " } else { "  " };
                lines.push((format!("{:INDENT$}{mark}{line}", ""), Ink::Plain));
            }
        }
    }
    lines
}

fn endpoint_lines(endpoint: &Endpoint, scene: &Scene<'_>, width: usize) -> Vec<Line> {
    let dropped = scene.gauges.has_dropped();
    let info = &endpoint.info;
    let (sign, ink) = sign(endpoint.light(dropped));
    let said = format!("{sign} {}", endpoint.words(dropped));
    let mut lines: Vec<Line> = wrap(&said, width).into_iter().map(|line| (line, ink)).collect();
    if !info.title.is_empty() {
        lines.push((info.title.clone(), Ink::Strong));
    }
    lines.push((format!("class {}, line {}", info.class, info.line.as_str()), Ink::Plain));
    let running = endpoint.running.sum();
    if running > 0 {
        lines.push((
            format!("Of that {} under way.", text::count(running, "flow")),
            Ink::Plain,
        ));
    }
    if dropped && endpoint.silence() > 0 {
        let words = "Packets were dropped, so attempts that nobody answered prove nothing: they count as unclear.";
        lines.extend(wrap(words, width).into_iter().map(|line| (line, Ink::Medium)));
    }
    lines.push((String::new(), Ink::Plain));
    lines.extend(info.hosts.iter().map(|host| (host.clone(), Ink::Plain)));
    match (info.hosts.is_empty(), info.more_hosts) {
        (true, _) => lines.push((
            "It has no hosts: it is known by address and port.".to_owned(),
            Ink::Quiet,
        )),
        (_, 0) => {}
        (_, more) => lines.push((format!("and {more} more"), Ink::Quiet)),
    }
    lines
}

/// Broken at spaces; a word longer than a line is broken where it must be.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = columns(word);
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if used > 0 {
            push(&mut lines, " ");
            used += 1;
        }
        if length <= width {
            push(&mut lines, word);
            used += length;
            continue;
        }
        for letter in word.chars() {
            let mut bytes = [0; 4];
            let letter = &*letter.encode_utf8(&mut bytes);
            let wide = columns(letter);
            if used + wide > width {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, letter);
            used += wide;
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}
