//! What a policy says of one name or address.

use super::{joined, ports, tls, wrapped};
use crate::policy::compile::Policy;
use crate::policy::trial::{Asked, Hit, Port, Trial};
use crate::sink::json::{self, Object, Plain, key};
use crate::sink::style::{Style, Tone};
use crate::sink::text;

/// What was asked, and the port where one was.
#[derive(Debug, Clone)]
pub struct Question {
    pub asked: Asked,
    pub port: Option<Port>,
}

impl Question {
    fn text(&self) -> String {
        match &self.asked {
            Asked::Name(name) => name.to_string(),
            Asked::Address(ip) => ip.to_string(),
        }
    }
}

/// One object a question.
pub fn json(question: &Question, trial: &Trial, policy: &Policy, out: &mut Vec<u8>) {
    let asked = question.text();
    json::line(out, |line| {
        line.put(key!("type"), Plain("policy-test"));
        match &question.asked {
            Asked::Name(name) => line.put(key!("name"), name),
            Asked::Address(ip) => line.put(key!("ip"), *ip),
        }
        line.maybe(key!("port"), question.port.map(|port| port.to_string()));
        let primary = trial.hits.first();
        let row = primary.map(|hit| policy.row(hit.row));
        let named = matches!(question.asked, Asked::Name(_));
        line.put(key!("class"), policy.class(primary.map(|hit| hit.row), named));
        line.maybe(key!("endpoint"), row.map(|row| &row.id));
        line.put(key!("listed"), primary.is_some());
        line.maybe(key!("port_allowed"), primary.and_then(|hit| hit.port_allowed));
        line.objects(key!("matches"), &trial.hits, |it, hit| put_hit(it, hit, policy));
        line.objects(key!("near"), &trial.near, |it, near| {
            it.put(key!("endpoint"), &policy.row(near.row).id);
            it.put(key!("pattern"), &near.by);
            it.put(key!("reason"), Plain(near.nearness.as_str()));
            it.put(key!("why"), near.nearness.why(&asked, &near.by));
        });
    });
}

fn put_hit(it: &mut Object, hit: &Hit, policy: &Policy) {
    let row = policy.row(hit.row);
    it.put(key!("endpoint"), &row.id);
    it.put(key!("class"), &row.class);
    it.put(key!("line"), Plain(row.line.as_str()));
    it.put(key!("how"), Plain(hit.word()));
    it.put(key!("pattern"), &hit.by);
    it.list(key!("ports"), row.expect.ports.iter().map(ToString::to_string));
    it.maybe(key!("port_allowed"), hit.port_allowed);
    it.put(key!("tls"), tls(&row.expect.tls));
    it.list_if_any(key!("via"), row.via.iter().map(ToString::to_string));
    it.list_if_any(key!("issuers"), &row.issuers);
    it.put(key!("status"), Plain(row.status.as_str()));
    it.put(key!("in_force"), !hit.over);
    it.maybe(key!("replaced_by"), row.replaced_by.as_ref());
}

/// For people.
pub fn table(question: &Question, trial: &Trial, policy: &Policy, style: &Style) -> String {
    let asked = question.text();
    let mut out = String::new();
    let title = match question.port {
        Some(port) => format!("{asked} {port}"),
        None => asked.clone(),
    };
    style.paint(&mut out, &title, Tone::Strong);
    out.push_str(": ");
    match trial.hits.first() {
        None => style.paint(&mut out, "in no row", Tone::High),
        Some(primary) => {
            let row = policy.row(primary.row);
            let tone = if primary.over { Tone::Medium } else { Tone::Good };
            style.paint(&mut out, &text::clean(&format!("{} ({})", row.id, row.class)), tone);
            if primary.port_allowed == Some(false) {
                out.push_str(", ");
                style.paint(&mut out, "but not on this port", Tone::High);
            }
        }
    }
    out.push('\n');
    for (number, hit) in trial.hits.iter().enumerate() {
        let row = policy.row(hit.row);
        let line = format!("{}  {}  {} {}", number + 1, row.id, hit.word(), hit.by);
        wrapped(&mut out, &text::clean(&line), 2, style.width);
        // The others' rules judge nothing.
        if number == 0 {
            wrapped(&mut out, &text::clean(&rules(hit, policy)), 5, style.width);
        }
    }
    for near in &trial.near {
        let row = &policy.row(near.row).id;
        let line = format!("not {row}: {}", near.nearness.why(&asked, &near.by));
        wrapped(&mut out, &text::clean(&line), 2, style.width);
    }
    out
}

/// What the primary row asks of a flow.
fn rules(hit: &Hit, policy: &Policy) -> String {
    let row = policy.row(hit.row);
    let mut parts = vec![match hit.port_allowed {
        Some(true) => format!("ports {} (this one is allowed)", ports(&row.expect)),
        Some(false) => format!("ports {} (this one is not)", ports(&row.expect)),
        None => format!("ports {}", ports(&row.expect)),
    }];
    parts.push(format!("TLS {}", tls(&row.expect.tls)));
    parts.push(format!("line {}", row.line.as_str()));
    if !row.via.is_empty() {
        parts.push(format!("by way of {}", joined(&row.via)));
    }
    if !row.issuers.is_empty() {
        parts.push(format!("issuer {}", joined(&row.issuers)));
    }
    if hit.over {
        let successor = row.replaced_by.as_ref().map(|by| format!(", {by} takes its place"));
        parts.push(format!("the row is over{}", successor.unwrap_or_default()));
    }
    if hit.broad {
        parts.push("only a broad form covers it".to_owned());
    }
    parts.join("; ")
}
