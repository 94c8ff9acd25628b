//! The first reading: the flows that are meant, each kept as little as its packets need to be known again.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::choice::Choice;
use super::lookups::Wants;
use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, FlowRow, NameRow, Row, Wanted};
use crate::flow::key::{Endpoint, FlowKey, Side};
use crate::flow::repeat::Signature;
use crate::flow::stamp::Stamp;
use crate::sink::carve::{self, Spelling};
use crate::sink::{Labels, text};

/// Flows that can be chosen.
pub const FLOWS_AT_MOST: usize = 1_000_000;
/// Bytes of comments that are kept; flows beyond that are carved without one.
const COMMENTS_AT_MOST: usize = 256 << 20;
/// Failed lookups that are taken for their own sake.
const FAILED_AT_MOST: usize = 100_000;

/// A flow whose packets are wanted.
#[derive(Debug)]
pub struct Chosen {
    /// Stamps of its first and last packet.
    pub first: u64,
    pub last: u64,
    pub end_ns: u64,
    pub protocol: u8,
    pub ends: [Endpoint; 2],
    pub comment: Box<str>,
    /// Signature and time of its last packet, once that was seen: a copy of it may follow.
    pub last_seen: Option<(Signature, u64)>,
}

impl Chosen {
    fn of(row: &FlowRow, comment: String) -> Chosen {
        let elsewhere = row.frames.elsewhere.iter().find(|(word, _)| *word == "last");
        let ended_in = elsewhere.map_or(row.ordinal, |(_, ordinal)| *ordinal);
        Chosen {
            first: Stamp::new(row.ordinal, row.frames.first, 0).seq,
            last: Stamp::new(ended_in, row.frames.last, 0).seq,
            end_ns: row.end_ns,
            protocol: row.protocol,
            ends: [row.client, row.server],
            comment: comment.into_boxed_str(),
            last_seen: None,
        }
    }

    /// Whether a packet of this key can be its first. Its tunnels are not asked: its first frame is known.
    pub fn has_key(&self, key: &FlowKey) -> bool {
        let ends = [key.end(Side::Lo), key.end(Side::Hi)];
        let [a, b] = self.ends;
        self.protocol == key.protocol && (ends == [a, b] || ends == [b, a])
    }
}

/// What the first reading has found.
pub struct Finder {
    choice: Arc<Choice>,
    pub labels: Labels,
    /// The input's name where there is one.
    only: String,
    spelling: Arc<dyn Spelling>,
    with_dns: bool,
    pub flows: Vec<Chosen>,
    /// Beyond those that are kept.
    pub more: u64,
    /// What of the flows tells which lookups speak of them.
    pub wants: Wants,
    /// Failed lookups that are meant themselves.
    pub failed: Vec<NameRow>,
    pub captures: Vec<CaptureRow>,
    comment_bytes: usize,
    /// Flows without a comment for want of room.
    pub uncommented: u64,
}

impl Finder {
    pub fn new(
        choice: Arc<Choice>,
        (labels, only): (Labels, &str),
        spelling: Arc<dyn Spelling>,
        with_dns: bool,
    ) -> Finder {
        Finder {
            choice,
            labels,
            only: only.to_owned(),
            spelling,
            with_dns,
            flows: Vec::new(),
            more: 0,
            wants: Wants::default(),
            failed: Vec::new(),
            captures: Vec::new(),
            comment_bytes: 0,
            uncommented: 0,
        }
    }

    fn take(&mut self, row: &FlowRow) {
        if self.flows.len() >= FLOWS_AT_MOST {
            self.more += 1;
            return;
        }
        let file = self.labels.file(row.ordinal).unwrap_or(&self.only);
        let mut comment = match self.comment_bytes < COMMENTS_AT_MOST {
            true => carve::flow(row, &self.labels, file, self.spelling.as_ref()),
            false => String::new(),
        };
        comment.shrink_to_fit();
        self.comment_bytes += comment.len();
        self.uncommented += u64::from(comment.is_empty());
        if self.with_dns {
            self.wants.add(row);
        }
        self.flows.push(Chosen::of(row, comment));
    }
}

impl Outlet for Finder {
    fn set(&self, row: &Row, _: &mut Vec<u8>) -> Wanted {
        match row {
            Row::Capture(_) => Wanted::Row,
            Row::Name(_) if !self.with_dns => Wanted::Text,
            _ if self.choice.takes(row, &self.labels.policy) => Wanted::Row,
            _ => Wanted::Text,
        }
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Flow(flow) => self.take(flow),
            Row::Name(lookup) if self.failed.len() < FAILED_AT_MOST => self.failed.push((**lookup).clone()),
            Row::Name(_) => {}
            Row::Capture(capture) => self.captures.push((**capture).clone()),
        }
        ControlFlow::Continue(())
    }

    fn wants_names(&self) -> bool {
        self.with_dns
    }
}

/// What was chosen of what, for the head of the file.
pub fn heading(captures: &[CaptureRow], labels: &Labels, asked: &str, spelling: &dyn Spelling) -> String {
    const NAMED_AT_MOST: usize = 100;
    if spelling.hides() {
        return "carved and anonymised by flowsift: addresses and names are others, and what is not understood is cut"
            .to_owned();
    }
    let policy = &labels.policy;
    let judged = format!("policy {} (SHA-256 {})", text::clean(&policy.name), policy.sha256);
    let mut lines = vec![format!("carved by flowsift: {asked}; {judged}")];
    for capture in captures.iter().take(NAMED_AT_MOST) {
        lines.push(format!(
            "from {} (SHA-256 {})",
            text::clean(&capture.file),
            capture.sha256.as_deref().unwrap_or("not known")
        ));
    }
    if captures.len() > NAMED_AT_MOST {
        lines.push(format!("and {} more", captures.len() - NAMED_AT_MOST));
    }
    lines.join("\n")
}
