//! What a change of policy means for captures: the second half of the [`differences`].

use super::differences::{Seen, heading, put_lines, table_lines};
use crate::policy::compare::effects::{Example, FlowChange, HostChange, Judgement, PatternChange, Said};
use crate::sink::json::{self, Object, Plain, key};
use crate::sink::markdown::escaped;
use crate::sink::style::{Style, Tone};
use crate::sink::text;

/// One object a host pattern, a host, a change of flows.
pub fn json(seen: &Seen<'_>, out: &mut Vec<u8>) {
    for change in &seen.effects.patterns {
        json::line(out, |line| {
            line.put(key!("type"), Plain("policy-outcome-change"));
            line.put(key!("change"), Plain(word(change)));
            line.maybe(key!("host"), change.host.as_deref());
            for (key, said) in [(key!("old"), &change.old), (key!("new"), &change.new)] {
                if let Some(said) = said {
                    line.object(key, |it| put_said(it, said));
                }
            }
        });
    }
    for change in &seen.effects.hosts {
        json::line(out, |line| {
            line.put(key!("type"), Plain("policy-host-change"));
            line.put(key!("change"), Plain(listed(change)));
            line.put(key!("host"), &change.host);
            line.put(key!("endpoint"), &change.endpoint);
            line.put(key!("flows"), change.flows);
        });
    }
    for change in &seen.effects.flows {
        json::line(out, |line| {
            line.put(key!("type"), Plain("policy-flow-change"));
            line.object(key!("old"), |it| put_judgement(it, &change.old));
            line.object(key!("new"), |it| put_judgement(it, &change.new));
            line.put(key!("flows"), change.flows);
            line.objects(key!("examples"), &change.examples, |it, example| {
                it.put(key!("id"), &example.id);
                it.put(key!("start"), text::time(example.start_ns, example.nanoseconds));
                it.maybe(key!("name"), example.name.as_ref());
                it.object(key!("server"), |it| {
                    it.put(key!("ip"), example.server);
                    it.maybe(key!("port"), example.port);
                });
                it.maybe(key!("file"), seen.labels.file(example.place.0));
                it.put(key!("frame"), example.place.1);
            });
        });
    }
}

/// What was looked at, and how much of it changes: in the record of the whole.
pub fn sum(line: &mut Object<'_>, seen: &Seen<'_>) {
    line.objects(key!("captures"), seen.captures, |it, capture| {
        it.put(key!("file"), &capture.file);
        it.maybe(key!("sha256"), capture.sha256.as_ref());
    });
    line.object(key!("flows"), |it| {
        it.put(key!("all"), seen.effects.seen);
        it.put(key!("changed"), seen.effects.changed_flows());
        // Left out where there are none: those beyond what is remembered.
        it.maybe(
            key!("unknown"),
            (seen.effects.forgotten > 0).then_some(seen.effects.forgotten),
        );
    });
    let more = seen.effects.more_hosts;
    line.maybe(key!("more_hosts"), (more > 0).then_some(more));
}

fn put_said(it: &mut Object<'_>, said: &Said) {
    it.put(key!("endpoint"), &said.endpoint);
    it.put(key!("outcome"), Plain(said.outcome.as_str()));
    it.maybe(key!("how"), said.how.map(|how| Plain(how.as_str())));
}

fn put_judgement(it: &mut Object<'_>, judgement: &Judgement) {
    it.put(key!("class"), &judgement.class);
    it.put(key!("verdict"), Plain(judgement.verdict));
}

fn word(change: &PatternChange) -> &'static str {
    match (&change.old, &change.new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

fn listed(change: &HostChange) -> &'static str {
    match change.is_listed {
        true => "now-listed",
        false => "no-longer-listed",
    }
}

/// For people.
pub fn table(out: &mut String, seen: &Seen<'_>, style: &Style) {
    heading(out, "What it means for the captures", style);
    if seen.effects.is_empty() {
        out.push_str("  Nothing: every host pattern and every flow is judged as before.\n");
    }
    let patterns = seen.effects.patterns.iter().map(|change| {
        let tone = match &change.new {
            None => Tone::Quiet,
            Some(said) if said.outcome.is_failure() => Tone::High,
            Some(said) if said.outcome.is_reached() => Tone::Good,
            Some(_) => Tone::Plain,
        };
        (tone, pattern_line(change))
    });
    put_lines(out, patterns, style);
    let hosts = seen.effects.hosts.iter().map(|change| {
        let (tone, sign, words) = match change.is_listed {
            true => (Tone::Good, '+', "was in no row, now in"),
            false => (Tone::High, '-', "is in no row any more, was in"),
        };
        let flows = text::count(change.flows, "flow");
        (
            tone,
            format!("{sign} {}: {words} {} ({flows})", change.host, change.endpoint),
        )
    });
    put_lines(out, hosts, style);
    if seen.effects.more_hosts > 0 {
        out.push_str(&format!("  and flows to other hosts: {}\n", seen.effects.more_hosts));
    }
    let flows = seen.effects.flows.iter().flat_map(|change| {
        let head = format!("~ {}: {}", text::count(change.flows, "flow"), turn(change));
        let examples = change.examples.iter().map(|it| format!("    {}", example(seen, it)));
        let more = (change.flows > change.examples.len() as u64).then(|| "    ...".to_owned());
        let below = examples.chain(more).map(|line| (Tone::Quiet, line));
        std::iter::once((Tone::Plain, head)).chain(below)
    });
    put_lines(out, flows, style);
    put_lines(out, std::iter::once((Tone::Plain, total(seen))), style);
}

/// `4 of 73 flows are judged otherwise, in lab.pcap.`
fn total(seen: &Seen<'_>) -> String {
    let effects = seen.effects;
    let place = match seen.captures {
        [one] => text::clean(&one.file).into_owned(),
        several => text::count(several.len() as u64, "capture"),
    };
    let unknown = match effects.forgotten {
        0 => String::new(),
        some => format!(" Of {} too many, nothing is said.", text::count(some, "flow")),
    };
    let (changed, all) = (effects.changed_flows(), text::count(effects.seen, "flow"));
    format!("{changed} of {all} judged otherwise, in {place}.{unknown}")
}

/// `! web-app *.salestim.io: blocked reset, was reached`
fn pattern_line(change: &PatternChange) -> String {
    let host = change.host.as_deref().unwrap_or("(no host)");
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            let moved = match old.endpoint == new.endpoint {
                true => String::new(),
                false => format!(" in {}", old.endpoint),
            };
            let (is, was) = (outcome(new), outcome(old));
            format!("~ {} {host}: {is}, was {was}{moved}", new.endpoint)
        }
        (None, Some(new)) => format!("+ {} {host}: {}", new.endpoint, outcome(new)),
        (Some(old), None) => format!("- {} {host}: gone, was {}", old.endpoint, outcome(old)),
        (None, None) => String::new(),
    }
}

fn outcome(said: &Said) -> String {
    match said.how {
        Some(how) => format!("{} {}", said.outcome.as_str(), how.as_str()),
        None => said.outcome.as_str().to_owned(),
    }
}

/// `other unlisted -> salestim ok`
fn turn(change: &FlowChange) -> String {
    let Judgement { class, verdict } = &change.old;
    format!("{class} {verdict} -> {} {}", change.new.class, change.new.verdict)
}

/// `1:LQsI6KGU/W30biD9ZQTgo+Tg5xE= frame 12: app.salestim.io`
fn example(seen: &Seen<'_>, example: &Example) -> String {
    let file = seen.labels.file(example.place.0);
    let place = file.map(|file| format!(" of {file}")).unwrap_or_default();
    let target = match (&example.name, example.port) {
        (Some(name), _) => name.to_string(),
        (None, Some(port)) => format!("{} port {port}", example.server),
        (None, None) => example.server.to_string(),
    };
    format!("{} frame {}{place}: {target}", example.id, example.place.1)
}

/// For a ticket.
pub fn markdown(out: &mut String, seen: &Seen<'_>) {
    let effects = seen.effects;
    out.push_str(&format!(
        "### What it means for the captures\n\n{}\n",
        escaped(&total(seen))
    ));
    if !effects.patterns.is_empty() {
        out.push_str("\n| host pattern | change | before | after |\n| --- | --- | --- | --- |\n");
        let cell = |said: &Option<Said>| match said {
            None => String::new(),
            Some(said) => format!("{} ({})", outcome(said), escaped(&said.endpoint)),
        };
        let line = |change: &PatternChange| {
            let host = escaped(change.host.as_deref().unwrap_or(""));
            format!(
                "| {host} | {} | {} | {} |\n",
                word(change),
                cell(&change.old),
                cell(&change.new)
            )
        };
        table_lines(out, effects.patterns.iter().map(line));
    }
    if !effects.hosts.is_empty() {
        out.push_str("\n| host | change | row | flows |\n| --- | --- | --- | --- |\n");
        let line = |change: &HostChange| {
            let (host, row) = (escaped(&change.host), escaped(&change.endpoint));
            format!(
                "| {host} | {} | {row} | {} |\n",
                listed(change).replace('-', " "),
                change.flows
            )
        };
        table_lines(out, effects.hosts.iter().map(line));
    }
    if effects.more_hosts > 0 {
        out.push_str(&format!("\nand flows to other hosts: {}\n", effects.more_hosts));
    }
    if !effects.flows.is_empty() {
        out.push_str("\n| flows | before | after | first |\n| ---: | --- | --- | --- |\n");
        let line = |change: &FlowChange| {
            let first: Vec<String> = change.examples.iter().map(|it| escaped(&example(seen, it))).collect();
            let cell = |judgement: &Judgement| format!("{} {}", escaped(&judgement.class), judgement.verdict);
            let (old, new) = (cell(&change.old), cell(&change.new));
            format!("| {} | {old} | {new} | {} |\n", change.flows, first.join("; "))
        };
        table_lines(out, effects.flows.iter().map(line));
    }
}
