//! Documents of the Elastic Common Schema, one a line, fields nested.
//!
//! A flow is an event of the category `network`, and every flag of it an alert besides (`event.kind` is `alert`) that repeats
//! who spoke with whom, but no counts: sums over documents stay true. A lookup is a document with `dns.*`, an input one with
//! the state of what was read. What the schema has no field for is under `flowsift`.
//!
//! Which fields and values there are is written down in the schema; the tests hold every field against its list.

mod flow;
mod lookup;

use std::net::IpAddr;

use super::Labels;
use super::findings::rule;
use super::json::{self, Made, Object, Plain, key};
use super::jsonl::Dialect;
use super::text::{self, Short};
use crate::engine::rows::{CaptureRow, Row};
use crate::policy::verdict::{Flag, FlagKind, Severity};

/// The version of the schema that is written. Every field used is in later ones too.
const SCHEMA: &str = "8.17.0";

/// Tells rows as documents of the Elastic Common Schema.
#[derive(Debug, Clone, Default)]
pub struct Ecs {
    /// Rows come from interfaces, not from files.
    pub live: bool,
    /// What the input is called where there is only one.
    pub input: Option<String>,
}

impl Dialect for Ecs {
    fn lines(&self, row: &Row, labels: &Labels, out: &mut Vec<u8>) {
        match row {
            Row::Flow(row) => {
                for flag in &row.verdict.flags {
                    self.document(row.ordinal, labels, out, |document| {
                        flow::raised(document, row, flag, labels);
                        flow::ours(document, row, labels);
                    });
                }
                self.document(row.ordinal, labels, out, |document| {
                    flow::event(document, row);
                    flow::ours(document, row, labels);
                });
            }
            Row::Name(row) => {
                for flag in &row.flags {
                    self.document(row.ordinal, labels, out, |document| {
                        lookup::raised(document, row, flag, labels);
                        lookup::ours(document, row, labels);
                    });
                }
                self.document(row.ordinal, labels, out, |document| {
                    lookup::event(document, row);
                    lookup::ours(document, row, labels);
                });
            }
            Row::Capture(row) => json::line(out, |document| self.capture(document, row, labels)),
        }
    }
}

impl Ecs {
    fn document(&self, ordinal: u32, labels: &Labels, out: &mut Vec<u8>, content: impl FnOnce(&mut Object<'_>)) {
        let input = labels.file(ordinal).or(self.input.as_deref());
        json::line(out, |document| {
            document.object(key!("ecs"), |ecs| ecs.put(key!("version"), Plain(SCHEMA)));
            observer(document, input.filter(|_| self.live));
            if let Some(path) = input.filter(|_| !self.live) {
                document.object(key!("file"), |file| file.put(key!("path"), path));
            }
            content(document);
        });
    }

    /// What was read of an input, or heard on an interface.
    fn capture(&self, document: &mut Object<'_>, row: &CaptureRow, labels: &Labels) {
        let time = |ns| text::time(ns, row.nanoseconds);
        document.put(key!("@timestamp"), time(row.last_ns.unwrap_or(0)));
        document.object(key!("ecs"), |ecs| ecs.put(key!("version"), Plain(SCHEMA)));
        observer(document, self.live.then_some(row.file.as_str()));
        document.object(key!("event"), |event| {
            event.put(key!("kind"), Plain("metric"));
            event.list(key!("category"), [Plain("network")]);
            event.list(key!("type"), [Plain("info")]);
            event.maybe(key!("start"), row.first_ns.map(time));
            event.maybe(key!("end"), row.last_ns.map(time));
            event.put(key!("module"), Plain("flowsift"));
            event.put(key!("dataset"), Plain("flowsift.capture"));
        });
        if !self.live {
            document.object(key!("file"), |file| {
                file.put(key!("path"), &row.file);
                if let Some(digest) = &row.sha256 {
                    file.object(key!("hash"), |hash| hash.put(key!("sha256"), digest));
                }
            });
        }
        document.object(key!("network"), |network| {
            network.put(key!("packets"), row.packets);
            network.put(key!("bytes"), row.bytes);
        });
        document.object(key!("flowsift"), |ours| {
            ours.object(key!("capture"), |capture| {
                capture.put(key!("flows"), row.flows);
                capture.put(
                    key!("undecoded"),
                    row.undecoded.iter().map(|(_, count)| count).sum::<u64>(),
                );
                capture.put(key!("duplicates"), row.duplicates);
                capture.put(
                    key!("dropped"),
                    row.dropped_by_kernel.unwrap_or(0) + row.dropped_by_interface.unwrap_or(0),
                );
            });
            ours.object(key!("policy"), |policy| {
                policy.put(key!("name"), &labels.policy.name);
                policy.text_if_any(key!("sha256"), &labels.policy.sha256);
            });
        });
    }
}

/// `interface` is where it was heard.
fn observer(document: &mut Object<'_>, interface: Option<&str>) {
    document.object(key!("observer"), |observer| {
        observer.put(key!("product"), Plain("flowsift"));
        observer.put(key!("type"), Plain("sensor"));
        observer.put(key!("version"), Plain(env!("CARGO_PKG_VERSION")));
        if let Some(name) = interface {
            observer.object(key!("ingress"), |ingress| {
                ingress.object(key!("interface"), |it| it.put(key!("name"), name))
            });
        }
    });
}

/// `message`, `event` and `rule` of a flag.
fn alert(document: &mut Object<'_>, flag: &Flag, labels: &Labels) {
    let rule = rule(flag.kind);
    let why = || Made(|out: &mut Vec<u8>| labels.policy.wording.tell(&flag.why, out));
    document.put(key!("message"), why());
    document.object(key!("event"), |event| {
        event.put(key!("kind"), Plain("alert"));
        event.list(key!("category"), [Plain("network")]);
        let denied = (flag.kind == FlagKind::Blocked).then_some(Plain("denied"));
        event.list(key!("type"), [Plain("info")].into_iter().chain(denied));
        event.put(key!("severity"), severity(flag.severity));
        event.put(key!("action"), Plain(flag.kind.as_str()));
        event.put(key!("reason"), why());
        event.put(key!("module"), Plain("flowsift"));
        event.put(key!("dataset"), Plain("flowsift.alert"));
    });
    document.object(key!("rule"), |it| {
        it.put(key!("id"), Short::of(format_args!("{}", rule.id)));
        it.put(key!("name"), Plain(flag.kind.as_str()));
        it.put(key!("description"), Plain(rule.title));
        it.put(key!("category"), Plain("Network policy"));
        it.text_if_any(key!("ruleset"), &labels.policy.name);
    });
}

/// What the schema leaves to each source: here 3 is the gravest.
fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::High => 3,
        Severity::Medium => 2,
        Severity::Notice => 1,
    }
}

fn related(document: &mut Object<'_>, ips: [Option<IpAddr>; 2], host: Option<&str>) {
    document.object(key!("related"), |related| {
        related.list(key!("ip"), ips.into_iter().flatten());
        related.list_if_any(key!("hosts"), host.as_slice());
    });
}

#[cfg(test)]
mod tests;
