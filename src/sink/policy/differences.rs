//! Two policies side by side: for a screen, a program, a ticket.

use super::{LINES_AT_MOST, effects, more, sha256, wrapped};
use crate::engine::rows::CaptureRow;
use crate::policy::compare::effects::Effects;
use crate::policy::compare::{Access, Comparison, FieldChange, Gate, Place, RowChange};
use crate::policy::compile::Policy;
use crate::sink::Labels;
use crate::sink::json::{self, Object, Plain, key};
use crate::sink::markdown::escaped;
use crate::sink::style::{Style, Tone, pad};
use crate::sink::text;

/// What is told.
#[derive(Debug, Clone, Copy)]
pub struct Differences<'a> {
    pub old: &'a Policy,
    pub new: &'a Policy,
    pub found: &'a Comparison,
    /// What it means for captures, if any were named.
    pub seen: Option<Seen<'a>>,
}

/// Captures under both policies.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub effects: &'a Effects,
    pub captures: &'a [CaptureRow],
    pub labels: &'a Labels,
}

impl Differences<'_> {
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.seen.is_none_or(|seen| seen.effects.is_empty())
    }
}

/// One object a row that differs, one a host or range that is let through or no longer is, and one for the whole.
pub fn json(differences: &Differences<'_>) -> Vec<u8> {
    let Differences { old, new, found, seen } = *differences;
    let mut bytes = Vec::new();
    let out = &mut bytes;
    for change in &found.rows {
        json::line(out, |line| {
            line.put(key!("type"), Plain("policy-row-change"));
            line.put(key!("change"), Plain(word(change)));
            line.maybe(key!("endpoint"), change.new.as_ref().or(change.old.as_ref()));
            let renamed = change.old.as_ref().filter(|_| word(change) == "renamed");
            line.maybe(key!("was"), renamed);
            line.objects(key!("fields"), &change.fields, put_field);
        });
    }
    for access in &found.access {
        json::line(out, |line| {
            line.put(key!("type"), Plain("policy-access-change"));
            line.put(key!("change"), Plain(gate(access.gate)));
            match &access.place {
                Place::Host(host) => line.put(key!("host"), host.to_string()),
                Place::Range(range) => line.put(key!("range"), range.to_string()),
            }
            line.list(key!("ports"), access.ports.words());
            line.list_if_any(key!("except"), access.except.iter().map(ToString::to_string));
        });
    }
    if let Some(seen) = seen {
        effects::json(&seen, out);
    }
    json::line(out, |line| {
        line.put(key!("type"), Plain("policy-diff"));
        let policy = |it: &mut Object, policy: &Policy| {
            it.put(key!("name"), policy.name());
            it.put(key!("sha256"), sha256(policy.sha256()));
        };
        line.object(key!("old"), |it| policy(it, old));
        line.object(key!("new"), |it| policy(it, new));
        line.put(key!("equal"), differences.is_empty());
        line.objects(key!("fields"), &found.head, put_field);
        if let Some(seen) = seen {
            effects::sum(line, &seen);
        }
    });
    bytes
}

fn put_field(it: &mut Object, field: &FieldChange) {
    it.put(key!("field"), Plain(field.key));
    it.list(key!("removed"), &field.removed);
    it.list(key!("added"), &field.added);
}

fn word(change: &RowChange) -> &'static str {
    match (&change.old, &change.new) {
        (None, _) => "added",
        (_, None) => "removed",
        (Some(old), Some(new)) if old != new => "renamed",
        _ => "changed",
    }
}

fn gate(gate: Gate) -> &'static str {
    match gate {
        Gate::Opened => "allowed",
        Gate::Closed => "no-longer-allowed",
    }
}

/// For people: what differs, then what it means.
pub fn table(differences: &Differences<'_>, style: &Style) -> String {
    let mut out = match differences.found.is_empty() {
        true => "The policies are equal.\n".to_owned(),
        false => written(differences.found, style),
    };
    if let Some(seen) = &differences.seen {
        out.push('\n');
        effects::table(&mut out, seen, style);
    }
    out
}

fn written(found: &Comparison, style: &Style) -> String {
    let mut out = String::new();
    heading(&mut out, "What is written", style);
    let head = found.head.iter();
    let head = head.map(|field| (Tone::Plain, field_line("~ policy", field)));
    put_lines(&mut out, head, style);
    let rows = found.rows.iter().flat_map(|change| {
        let tone = match word(change) {
            "added" => Tone::Good,
            "removed" => Tone::High,
            _ => Tone::Plain,
        };
        row_lines(change).into_iter().map(move |line| (tone, line))
    });
    put_lines(&mut out, rows, style);
    if found.rows.is_empty() && found.head.is_empty() {
        out.push_str("  the same\n");
    }
    out.push('\n');
    heading(&mut out, "What it means for a firewall", style);
    if found.access.is_empty() {
        out.push_str("  Nothing: the same names, addresses and ports are let through.\n");
    }
    let lines = found.access.iter().map(|access| {
        let (tone, sign) = match access.gate {
            Gate::Opened => (Tone::Good, "+ open  "),
            Gate::Closed => (Tone::High, "- close "),
        };
        (tone, format!("{sign}{}", access_words(access)))
    });
    put_lines(&mut out, lines, style);
    out
}

pub(super) fn heading(out: &mut String, words: &str, style: &Style) {
    style.paint(out, words, Tone::Strong);
    out.push('\n');
}

/// Lines, each broken where the screen ends, and how many more there are.
pub(super) fn put_lines(out: &mut String, lines: impl Iterator<Item = (Tone, String)>, style: &Style) {
    const INDENT: usize = 2;
    const DEEPER: usize = 6;
    let mut rest = 0;
    for (number, (tone, line)) in lines.enumerate() {
        if number >= LINES_AT_MOST {
            rest += 1;
            continue;
        }
        let line = text::clean(&line);
        if INDENT + line.chars().count() <= style.width {
            pad(out, INDENT);
            style.paint(out, &line, tone);
            out.push('\n');
            continue;
        }
        // Examples stand below what they are examples of.
        let depth = line.len() - line.trim_start().len();
        let mut broken = String::new();
        wrapped(&mut broken, &line, DEEPER + depth, style.width);
        for (nth, part) in broken.lines().enumerate() {
            let indent = if nth == 0 { INDENT + depth } else { DEEPER + depth };
            pad(out, indent);
            style.paint(out, part.trim_start(), tone);
            out.push('\n');
        }
    }
    more(out, rest);
}

fn row_lines(change: &RowChange) -> Vec<String> {
    let name = change.new.as_deref().or(change.old.as_deref()).unwrap_or("");
    match word(change) {
        "added" => vec![format!("+ {name}: a new row")],
        "removed" => vec![format!("- {name}: gone")],
        "renamed" => vec![format!("~ {name}: was called {}", change.old.as_deref().unwrap_or(""))],
        _ => change
            .fields
            .iter()
            .map(|field| field_line(&format!("~ {name}"), field))
            .collect(),
    }
}

/// `~ web-app ports: + udp/443  - tcp/80`
fn field_line(what: &str, field: &FieldChange) -> String {
    let part = |sign: &str, values: &[String]| match values {
        [] => String::new(),
        values => format!(" {sign} {}", few(values)),
    };
    format!(
        "{what} {}:{}{}",
        field.key,
        part("+", &field.added),
        part("-", &field.removed)
    )
}

fn few(values: &[String]) -> String {
    const FEW: usize = 8;
    text::few(values, FEW)
}

fn access_words(access: &Access) -> String {
    let place = match &access.place {
        Place::Host(host) => host.to_string(),
        Place::Range(range) => range.to_string(),
    };
    let ports = access.ports.words().join(", ");
    match access.except.as_slice() {
        [] => format!("{place}  {ports}"),
        except => {
            let names: Vec<String> = except.iter().map(ToString::to_string).collect();
            let as_before = match access.gate {
                Gate::Opened => "open before",
                Gate::Closed => "still open",
            };
            format!("{place}  {ports}  ({as_before}: {}, perhaps others)", names.join(", "))
        }
    }
}

/// For a ticket or a pull request.
pub fn markdown(differences: &Differences<'_>) -> String {
    let Differences { old, new, found, seen } = *differences;
    let mut out = format!("## Policy {} → {}\n\n", escaped(old.name()), escaped(new.name()));
    match found.is_empty() {
        true => out.push_str("The policies are equal.\n"),
        false => written_down(&mut out, found),
    }
    if let Some(seen) = &seen {
        out.push('\n');
        effects::markdown(&mut out, seen);
    }
    out
}

fn written_down(out: &mut String, found: &Comparison) {
    out.push_str("### What it means for a firewall\n\n");
    if found.access.is_empty() {
        out.push_str("Nothing: the same names, addresses and ports are let through.\n");
    } else {
        out.push_str("| change | host or range | ports |\n| --- | --- | --- |\n");
        let line = |access: &Access| {
            let place = match &access.place {
                Place::Host(host) => host.to_string(),
                Place::Range(range) => range.to_string(),
            };
            let change = match access.gate {
                Gate::Opened => "open",
                Gate::Closed => "close",
            };
            let except: Vec<String> = access.except.iter().map(|host| format!("`{host}`")).collect();
            let except = match except.is_empty() {
                true => String::new(),
                false => format!(" (not {})", except.join(", ")),
            };
            format!(
                "| {change} | `{place}`{except} | {} |\n",
                access.ports.words().join(", ")
            )
        };
        table_lines(out, found.access.iter().map(line));
    }
    out.push_str("\n### What is written\n\n| row | change | added | removed |\n| --- | --- | --- | --- |\n");
    let field = |row: &str, field: &FieldChange| {
        format!(
            "| {} | {} | {} | {} |\n",
            escaped(row),
            field.key,
            escaped(&few(&field.added)),
            escaped(&few(&field.removed))
        )
    };
    let head = found.head.iter().map(|change| field("(policy)", change));
    let rows = found.rows.iter().flat_map(|change| {
        let name = change.new.as_deref().or(change.old.as_deref()).unwrap_or("");
        match word(change) {
            "changed" => change.fields.iter().map(|it| field(name, it)).collect::<Vec<_>>(),
            "renamed" => vec![format!(
                "| {} | renamed | | was {} |\n",
                escaped(name),
                escaped(change.old.as_deref().unwrap_or(""))
            )],
            word => vec![format!("| {} | {word} | | |\n", escaped(name))],
        }
    });
    table_lines(out, head.chain(rows));
}

pub(super) fn table_lines(out: &mut String, lines: impl Iterator<Item = String>) {
    let mut rest = 0;
    for (number, line) in lines.enumerate() {
        match number < LINES_AT_MOST {
            true => out.push_str(&line),
            false => rest += 1,
        }
    }
    if rest > 0 {
        out.push('\n');
    }
    more(out, rest);
}
