//! `policy learn`: a policy out of captures, to be read and then used.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args as Group;

use crate::cli::Outcome;
use crate::cli::exit::Exit;
use crate::cli::plan::Surroundings;
use crate::cli::reading::{self, Reading};
use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, FlowRow, Row, TcpState, Wanted};
use crate::evidence::model::{App, Quality, TlsVersion};
use crate::flow::key::Endpoint;
use crate::policy::builtin;
use crate::policy::learn::{About, Learner, Seen};
use crate::policy::verdict::{FlagKind, Reach};
use crate::sink::PolicyNames;
use crate::sink::text;

/// Make a policy of what captures show: hosts, ports and TLS versions in use, with counts as comments
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct LearnArgs {
    /// Captures: pcap or pcapng, plain or in gzip, zstd or lz4; a folder of them; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Take the classes of this policy where it lists a flow: a TOML file, or the name of a built-in one
    #[arg(long, value_name = "FILE|NAME")]
    pub class_from_policy: Option<String>,

    #[command(flatten)]
    pub reading: Reading,
}

const EXAMPLES: &str = "\
Hosts are the names that clients said themselves; a wildcard stands only where three or more were seen side by side, and never over \
a parent that strangers share (azurefd.net, cloudfront.net, co.uk). Names that only DNS tells, and attempts that failed, are comments.

Examples:
  flowsift policy learn lab.pcapng -o lab.toml
  flowsift read lab.pcapng --policy lab.toml          what is in no row of it
  flowsift policy learn monday/ --class-from-policy salestim";

pub fn run(args: LearnArgs, around: &Surroundings) -> Outcome {
    let classes_of = args.class_from_policy.clone();
    // Without a policy to take classes from any will do: it is only asked for classes.
    let policy = args.class_from_policy.unwrap_or_else(|| builtin::DEFAULT.to_owned());
    let plan = args.reading.plan(args.files, policy, around)?;
    let (student, ended) = reading::pass(&plan, |labels| Student {
        classes: classes_of.is_some().then_some(labels.policy),
        learner: Learner::default(),
        captures: Vec::new(),
    })?;
    let has_faults = reading::tell(&ended, &plan);
    let about = about(&student.captures, classes_of);
    let learned = student.learner.text(&about);
    plan.output.deliver(learned.as_bytes(), plan.files())?;
    Ok(if has_faults { Exit::Unusable } else { Exit::Clean })
}

fn about(captures: &[CaptureRow], classes_of: Option<String>) -> About {
    let mut inputs = Vec::new();
    for capture in captures {
        let time = |ns: Option<u64>| ns.map_or("-".into(), |ns| text::time(ns, false).as_str().to_owned());
        inputs.push(format!(
            "{}: {} packets, {} to {}",
            text::clean(&capture.file),
            capture.packets,
            time(capture.first_ns),
            time(capture.last_ns)
        ));
        inputs.extend(capture.sha256.as_ref().map(|sha256| format!("  SHA-256 {sha256}")));
    }
    About {
        inputs,
        source: match captures {
            [one] => text::clean(&one.file).into_owned(),
            several => format!("{} captures", several.len()),
        },
        last_ns: captures.iter().filter_map(|capture| capture.last_ns).max(),
        classes_of: classes_of.map(|name| text::clean(&name).into_owned()),
    }
}

/// Hands flows to the learner.
struct Student {
    /// Of the policy that gives classes.
    classes: Option<PolicyNames>,
    learner: Learner,
    captures: Vec<CaptureRow>,
}

impl Student {
    fn flow(&mut self, flow: &FlowRow) {
        let tls = flow.tls.as_deref();
        let is_named = flow.naming.name.is_some();
        let class = self
            .classes
            .as_ref()
            .map(|policy| policy.class(&flow.verdict.matches, is_named))
            .filter(|class| ![PolicyNames::OTHER, PolicyNames::UNKNOWN].contains(class));
        let went_on = flow.packets.r#in > 0;
        self.learner.take(&Seen {
            name: flow.naming.name.as_ref(),
            kind: flow.naming.kind,
            app: flow.app,
            protocol: flow.protocol,
            client: flow.client,
            server: service(flow),
            speaks_tls: matches!(flow.app, App::Tls | App::Quic | App::Dtls)
                || tls.is_some_and(|tls| tls.hello || tls.version.is_some()),
            // QUIC has no older TLS than 1.3 (RFC 9001, section 4.2).
            version: tls
                .and_then(|tls| tls.version)
                .or((flow.app == App::Quic && went_on).then_some(TlsVersion::TLS13)),
            hidden: tls.is_some_and(|tls| tls.cover),
            failed: has_failed(flow),
            bytes: flow.bytes.out.saturating_add(flow.bytes.r#in),
            start_ns: flow.start_ns,
            end_ns: flow.end_ns,
            class,
        });
    }
}

/// Where the service is. Of a page asked of a proxy the port is known.
fn service(flow: &FlowRow) -> Endpoint {
    let asked_for = flow.proxy_port.filter(|_| flow.app == App::Http);
    Endpoint {
        port: asked_for.or(flow.server.port),
        ..flow.server
    }
}

/// Refused, or not answered; or answered, and blocked all the same.
fn has_failed(flow: &FlowRow) -> bool {
    let refused = matches!(
        flow.tcp,
        Some(TcpState::Refused | TcpState::Prohibited | TcpState::Unreachable | TcpState::Unanswered)
    );
    let blocked = flow.verdict.flags.iter().any(|flag| flag.kind == FlagKind::Blocked);
    // Of a flow of which one direction was captured nobody knows.
    let silent = flow.packets.r#in == 0 && !flow.quality.has(Quality::ONE_SIDED);
    refused || blocked || flow.verdict.reach == Reach::Blocked || silent
}

impl Outlet for Student {
    fn set(&self, row: &Row, _: &mut Vec<u8>) -> Wanted {
        match row {
            Row::Name(_) => Wanted::Text,
            _ => Wanted::Row,
        }
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Flow(flow) => self.flow(flow),
            Row::Capture(capture) => self.captures.push((**capture).clone()),
            Row::Name(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn wants_names(&self) -> bool {
        false
    }
}
