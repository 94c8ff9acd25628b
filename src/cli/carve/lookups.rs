//! The second reading: the lookups that explain the chosen flows, as answers in frames and as questions to be known again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, FlowRow, NameRow, Row, Wanted};
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::sink::Labels;
use crate::sink::carve::{self, Spelling};

/// Lookups that are carved.
const LOOKUPS_AT_MOST: usize = 200_000;

/// What of the flows decides whether a lookup speaks of one: as `explain` has it.
#[derive(Debug, Default)]
pub struct Wants {
    /// Client and server, and the last flow between them, by the stamp of its first packet.
    pairs: HashMap<(IpAddr, IpAddr), u64>,
    /// Client and name.
    names: HashMap<(IpAddr, Domain), u64>,
    /// Stamps of the answers that flows rest on, whoever was told.
    answers: HashMap<u64, ()>,
}

impl Wants {
    pub fn add(&mut self, flow: &FlowRow) {
        let begin = Stamp::new(flow.ordinal, flow.frames.first, 0).seq;
        let naming = &flow.naming;
        let later = |last: &mut u64| *last = (*last).max(begin);
        later(self.pairs.entry((flow.client.ip, flow.server.ip)).or_default());
        for name in naming.name.iter().chain(&naming.candidates) {
            later(self.names.entry((flow.client.ip, name.clone())).or_default());
        }
        if let Some(frame) = flow.frames.dns {
            let elsewhere = flow.frames.elsewhere.iter().find(|(word, _)| *word == "dns");
            let ordinal = elsewhere.map_or(flow.ordinal, |(_, ordinal)| *ordinal);
            self.answers.insert(Stamp::new(ordinal, frame, 0).seq, ());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn has(&self, row: &NameRow) -> bool {
        let at = place(row);
        if self.answers.contains_key(&at) {
            return true;
        }
        let Some(client) = row.client else { return false };
        let before = |last: Option<&u64>| last.is_some_and(|last| at < *last);
        let named = |name: &Domain| before(self.names.get(&(client, name.clone())));
        row.addresses.iter().any(|ip| before(self.pairs.get(&(client, *ip))))
            || named(&row.query)
            || row.chain.iter().any(named)
    }
}

/// A lookup whose packets are wanted.
#[derive(Debug)]
pub struct Lookup {
    /// Of its answer; of a question never answered, of that.
    pub at: u64,
    pub ns: u64,
    pub client: Option<IpAddr>,
    pub resolver: IpAddr,
    pub over_tcp: bool,
    pub query: Domain,
    pub qtype: u16,
    pub comment: String,
}

/// Picks up the lookups that are wanted.
pub struct Gatherer {
    wants: Wants,
    labels: Labels,
    only: String,
    spelling: Arc<dyn Spelling>,
    pub lookups: Vec<Lookup>,
    /// Beyond those that are kept.
    pub more: u64,
    pub captures: Vec<CaptureRow>,
}

impl Gatherer {
    pub fn new(wants: Wants, (labels, only): (Labels, &str), spelling: Arc<dyn Spelling>) -> Gatherer {
        Gatherer {
            wants,
            labels,
            only: only.to_owned(),
            spelling,
            lookups: Vec::new(),
            more: 0,
            captures: Vec::new(),
        }
    }

    pub fn take(&mut self, row: &NameRow) {
        if self.lookups.len() >= LOOKUPS_AT_MOST {
            self.more += 1;
            return;
        }
        let file = self.labels.file(row.ordinal).unwrap_or(&self.only);
        self.lookups.push(Lookup {
            at: place(row),
            ns: row.time_ns,
            client: row.client,
            resolver: row.resolver,
            over_tcp: row.transport == "tcp",
            query: row.query.clone(),
            qtype: row.qtype,
            comment: carve::lookup(row, &self.labels, file, self.spelling.as_ref()),
        });
    }
}

fn place(row: &NameRow) -> u64 {
    Stamp::new(row.ordinal, row.frame, 0).seq
}

impl Outlet for Gatherer {
    fn set(&self, row: &Row, _: &mut Vec<u8>) -> Wanted {
        match row {
            Row::Name(name) if self.wants.has(name) => Wanted::Row,
            Row::Capture(_) => Wanted::Row,
            _ => Wanted::Text,
        }
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Name(name) => self.take(name),
            Row::Capture(capture) => self.captures.push((**capture).clone()),
            Row::Flow(_) => {}
        }
        ControlFlow::Continue(())
    }
}
