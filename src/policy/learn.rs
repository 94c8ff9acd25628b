//! A policy out of a capture: what was used, as rows that cover it and little else.
//!
//! ```text
//!  flows --Learner::take--> names | addresses | aside --Learner::text--> TOML, which `load` reads
//! ```
//!
//! - Only a name that the client itself said (a hello's, a proxy request's, an HTTP request's) becomes a host: it is sure. What only
//!   DNS or a certificate tells is written as a comment, for a person to decide.
//! - Rows are made by registrable domain ([`parents`]), with the ports and versions that were seen; a wildcard only where several names
//!   stood side by side under one parent, and never over a parent that strangers share ([`wildcards`]).
//! - Flows without a name become address ranges ([`addresses`]), unless they failed or hid their name.
//!
//! So that a capture read again under what was learned from it has no flow of a sure name in no row, names whose every attempt failed are
//! hosts too, and marked.
//!
//! Memory is bounded: of very many names those used most stay, and the rest is counted.

mod addresses;
mod parents;
mod text;
mod used;
mod wildcards;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use self::addresses::Nameless;
pub use self::text::About;
use self::used::Used;
use super::model::{TCP, Transport};
use crate::evidence::model::{App, EvidenceKind, TlsVersion};
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;

/// Names kept of each kind: those used most.
const NAMES_AT_MOST: usize = 100_000;
/// The class of rows where no other policy gives one.
pub const CLASS: &str = "learned";
const HTTP: (u8, u16) = (TCP, 80);
const HTTPS: (u8, u16) = (TCP, 443);

/// One flow, as far as a list needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub name: Option<&'a Domain>,
    /// Where the name comes from.
    pub kind: EvidenceKind,
    pub app: App,
    pub protocol: u8,
    pub client: Endpoint,
    pub server: Endpoint,
    /// A hello, or its answer, was seen.
    pub speaks_tls: bool,
    pub version: Option<TlsVersion>,
    /// The name is hidden behind a cover.
    pub hidden: bool,
    /// Nobody answered, or somebody refused.
    pub failed: bool,
    pub bytes: u64,
    pub start_ns: u64,
    pub end_ns: u64,
    /// The class that another policy gives the flow.
    pub class: Option<&'a str>,
}

/// Learns from flows, in the order in which they come.
#[derive(Debug, Default)]
pub struct Learner {
    flows: u64,
    sure: HashMap<Domain, Host>,
    /// Names left out of `sure`, since there were too many.
    left_out: u64,
    nameless: Nameless,
    /// Names that only DNS or a certificate tells.
    unsure: HashMap<Domain, Used>,
    unsure_left_out: u64,
    /// Attempts without a sure name that failed.
    failed: BTreeMap<String, u64>,
    failed_left_out: u64,
    /// Flows with a hidden name.
    hidden: u64,
    /// What every network has: by application.
    infrastructure: BTreeMap<&'static str, u64>,
    /// To everybody, or by protocols without ports.
    others: u64,
}

/// One name: what was TLS (or plain HTTP on its own port), and what was neither.
#[derive(Debug, Default)]
struct Host {
    tls: Used,
    plain: Used,
}

impl Host {
    fn flows(&self) -> u64 {
        self.tls.flows + self.plain.flows
    }
}

impl Learner {
    pub fn take(&mut self, seen: &Seen) {
        self.flows += 1;
        let sure = matches!(
            seen.kind,
            EvidenceKind::Sni | EvidenceKind::Quic | EvidenceKind::Connect | EvidenceKind::Host
        );
        match seen.name {
            Some(name) if sure => self.take_sure(name, seen),
            _ if seen.app.is_infrastructure() => *self.infrastructure.entry(seen.app.as_str()).or_default() += 1,
            _ if seen.hidden => self.hidden += 1,
            _ if !addresses::is_listable(seen) => self.others += 1,
            name if seen.failed => self.take_failed(name, seen),
            Some(name) => {
                self.unsure.entry(name.clone()).or_default().take(seen);
                self.unsure_left_out += trim(&mut self.unsure, |used| used.flows);
            }
            None => self.nameless.take(seen),
        }
    }

    fn take_sure(&mut self, name: &Domain, seen: &Seen) {
        let host = self.sure.entry(name.clone()).or_default();
        match is_plain(seen) {
            true => host.plain.take(seen),
            false => host.tls.take(seen),
        }
        self.left_out += trim(&mut self.sure, Host::flows);
    }

    fn take_failed(&mut self, name: Option<&Domain>, seen: &Seen) {
        const FAILED_AT_MOST: usize = 10_000;
        let port = seen.server.port.unwrap_or(0);
        let name = name.map(|name| format!(" ({name}, by DNS)")).unwrap_or_default();
        let what = format!("{}/{port} to {}{name}", Transport(seen.protocol), seen.server.ip);
        if self.failed.len() < FAILED_AT_MOST || self.failed.contains_key(&what) {
            *self.failed.entry(what).or_default() += 1;
        } else {
            self.failed_left_out += 1;
        }
    }
}

/// Something else than TLS was spoken, and not HTTP where it belongs. Of what failed nobody knows, unless it was said before.
fn is_plain(seen: &Seen) -> bool {
    let spoke_plainly = seen.app == App::Http || !seen.failed && !seen.speaks_tls;
    spoke_plainly && target(seen) != Some(HTTP)
}

/// The transport and port of the service; behind a proxy nobody tells, so that of HTTPS is taken where TLS was spoken.
fn target(seen: &Seen) -> Option<(u8, u16)> {
    match seen.app {
        App::Connect | App::Socks => seen.speaks_tls.then_some(HTTPS),
        _ => seen.server.port.map(|port| (seen.protocol, port)),
    }
}

/// Once there are twice as many as may be, those used least go; how many that were.
fn trim<T>(names: &mut HashMap<Domain, T>, flows: impl Fn(&T) -> u64) -> u64 {
    if names.len() < 2 * NAMES_AT_MOST {
        return 0;
    }
    let mut all: Vec<(Domain, T)> = names.drain().collect();
    let before = all.len();
    all.sort_unstable_by(|(a, x), (b, y)| flows(y).cmp(&flows(x)).then_with(|| a.cmp(b)));
    all.truncate(NAMES_AT_MOST);
    names.extend(all);
    (before - names.len()) as u64
}
