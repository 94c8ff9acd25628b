//! A small policy, and one thing at a time that a capture may show of it.

use std::net::IpAddr;

use super::*;
use crate::policy::load::load;
use crate::policy::model::{TCP, UDP};
use crate::policy::verdict::{Blockage, Doubt, Flag, FlagKind, Reach, Reason, Severity, Standing};

mod fallbacks;
mod judgements;
mod unlisted;

const LAB: &str = r#"
[policy]
name = "lab"

[[endpoint]]
id = "web"
class = "app"
hosts = ["*.salestim.io", "app.salestim.io"]
broad = ["*.wide.example"]
ports = ["tcp/443"]
via = ["*.azurefd.net"]

[[endpoint]]
id = "help"
class = "help"
hosts = ["*.nbold.co"]
ports = ["tcp/443"]

[[endpoint]]
id = "media"
class = "calls"
addresses = ["52.112.0.0/14"]
ports = ["udp/3478-3481"]

[[endpoint]]
id = "teams"
class = "calls"
hosts = ["*.teams.example"]
ports = ["tcp/443", "udp/443"]

[[endpoint]]
id = "mail"
class = "calls"
hosts = ["*.teams.example"]
ports = ["tcp/993"]

[[endpoint]]
id = "old"
class = "app"
hosts = ["script.vendor.example"]
addresses = ["203.0.113.0/28"]
ports = ["tcp/443"]
status = "retired"
until = 2025-01-15

[[endpoint]]
id = "cache"
class = "inside"
line = "orange"
hosts = ["*.redis.example"]
ports = ["tcp/6380"]
"#;

const SECOND: u64 = 1_000_000_000;
/// 2026-11-21.
const NOW: u64 = 1_795_219_200 * SECOND;

fn lab() -> Policy {
    load(LAB, "test", &mut |_| Err("no".into())).unwrap().policy
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A flow, owned, so that a test can change one thing in one line.
#[derive(Debug, Clone)]
struct Flow {
    client: IpAddr,
    server: IpAddr,
    target: (u8, u16),
    app: App,
    name: Option<Domain>,
    kind: EvidenceKind,
    own: bool,
    candidates: Vec<Domain>,
    packets: (u64, u64),
    start_ns: u64,
    frame: u64,
    ordinal: u32,
    flags: Vec<Flag>,
    reach: Reach,
}

/// Reached on tcp/443 by its hello.
fn to(name: &str) -> Flow {
    Flow {
        client: ip("198.19.0.10"),
        server: ip("198.18.1.11"),
        target: (TCP, 443),
        app: App::Tls,
        name: Some(Domain::from_text(name.as_bytes())),
        kind: EvidenceKind::Sni,
        own: true,
        candidates: Vec::new(),
        packets: (5, 5),
        start_ns: NOW,
        frame: 10,
        ordinal: 0,
        flags: Vec::new(),
        reach: Reach::Reached,
    }
}

/// Without a name.
fn at(address: &str, target: (u8, u16)) -> Flow {
    Flow {
        server: ip(address),
        target,
        name: None,
        kind: EvidenceKind::Address,
        app: App::Unknown,
        ..to("x")
    }
}

fn flag(kind: FlagKind, how: Option<Blockage>) -> Flag {
    Flag {
        kind,
        severity: Severity::High,
        why: Reason::Told("Because.".into()),
        how,
    }
}

impl Flow {
    fn blocked(mut self, how: Blockage) -> Flow {
        self.reach = Reach::Blocked;
        self.flags.push(flag(FlagKind::Blocked, Some(how)));
        self.packets.1 = 0;
        self
    }

    fn flagged(mut self, kind: FlagKind) -> Flow {
        self.flags.push(flag(kind, None));
        self
    }

    fn unclear(mut self, doubt: Doubt) -> Flow {
        self.reach = Reach::Unclear(doubt);
        self
    }

    fn from(mut self, client: &str) -> Flow {
        self.client = ip(client);
        self
    }

    fn later(mut self, seconds: u64) -> Flow {
        self.start_ns += seconds * SECOND;
        self.frame += seconds;
        self
    }

    fn over(mut self, protocol: u8, port: u16) -> Flow {
        self.target = (protocol, port);
        self
    }
}

/// A lookup, owned.
#[derive(Debug, Clone)]
struct Asked {
    client: IpAddr,
    query: Domain,
    chain: Vec<Domain>,
    addresses: Vec<IpAddr>,
    how: Option<Blockage>,
}

fn asked(query: &str) -> Asked {
    Asked {
        client: ip("198.19.0.10"),
        query: Domain::from_text(query.as_bytes()),
        chain: Vec::new(),
        addresses: vec![ip("198.18.1.11")],
        how: None,
    }
}

fn seen<'p>(policy: &'p Policy, flows: &[Flow], lookups: &[Asked]) -> Coverage<'p> {
    let mut coverage = Coverage::new(policy);
    for flow in flows {
        take(&mut coverage, policy, flow);
    }
    for lookup in lookups {
        look(&mut coverage, policy, lookup);
    }
    coverage
}

/// The rows are those that the policy itself gives the name and the address.
fn take(coverage: &mut Coverage<'_>, policy: &Policy, flow: &Flow) {
    let (protocol, port) = flow.target;
    let end = crate::policy::compile::At {
        ip: flow.server,
        protocol,
        port: Some(port),
    };
    let (mut matches, mut all) = (crate::policy::compile::Matches::new(), Vec::new());
    let names: Vec<Option<&Domain>> = match flow.candidates.is_empty() {
        true => vec![flow.name.as_ref()],
        false => flow.candidates.iter().map(Some).collect(),
    };
    for name in names {
        policy.matches(name, Some(end), &mut matches);
        all.extend(matches.iter().map(|found| found.row));
    }
    all.dedup();
    let verdict = Verdict {
        matches: all.into_iter().collect(),
        flags: flow.flags.clone().into(),
        standing: Standing::Ok,
        reach: flow.reach,
    };
    coverage.attempt(&Attempt {
        client: flow.client,
        server: flow.server,
        protocol,
        target: Some(flow.target),
        through_proxy: false,
        app: flow.app,
        name: flow.name.as_ref(),
        kind: flow.kind,
        own_answer: flow.own,
        candidates: &flow.candidates,
        packets_out: flow.packets.0,
        packets_in: flow.packets.1,
        start_ns: flow.start_ns,
        end_ns: flow.start_ns + SECOND,
        place: Place {
            ordinal: flow.ordinal,
            first: flow.frame,
            last: flow.frame + 5,
            frames: [flow.frame, flow.frame + 5],
        },
        verdict: &verdict,
    });
}

fn look(coverage: &mut Coverage<'_>, policy: &Policy, lookup: &Asked) {
    let mut matches = crate::policy::compile::Matches::new();
    policy.matches(Some(&lookup.query), None, &mut matches);
    let rows: Vec<RowId> = matches.iter().map(|found| found.row).collect();
    let flags: Vec<Flag> = lookup
        .how
        .map(|how| flag(FlagKind::Blocked, Some(how)))
        .into_iter()
        .collect();
    coverage.lookup(&Lookup {
        client: Some(lookup.client),
        resolver: ip("198.18.0.2"),
        query: &lookup.query,
        answered: lookup.how != Some(Blockage::DnsSilent),
        chain: &lookup.chain,
        addresses: &lookup.addresses,
        place: Place {
            first: 3,
            last: 3,
            frames: [3; 2],
            ordinal: 0,
        },
        matches: &rows,
        flags: &flags,
    });
}

/// Everything but what was not tried: pattern, outcome, and how.
fn judged(flows: &[Flow], lookups: &[Asked]) -> Vec<String> {
    let policy = lab();
    let mut coverage = seen(&policy, flows, lookups);
    coverage.input(window());
    words(&coverage.report(|_| true), &policy)
}

fn window() -> Input {
    Input {
        ordinal: 0,
        first_ns: Some(NOW),
        last_ns: Some(NOW + 1000 * SECOND),
        dropped: 0,
    }
}

fn words(report: &Report, policy: &Policy) -> Vec<String> {
    let tried = report
        .records
        .iter()
        .filter(|record| record.outcome != Outcome::NotTried);
    tried
        .map(|record| {
            let target = record.host.as_ref().unwrap_or(&policy.row(record.row).id);
            let how = record.how.map(|how| format!(" {}", how.as_str())).unwrap_or_default();
            let counts: u64 = record.counts.iter().map(|(_, count)| count).sum();
            format!("{target} {}{how} {counts}", record.outcome.as_str())
        })
        .collect()
}
