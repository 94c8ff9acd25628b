//! The flows that are worth a line: the newest and the heaviest that have ended, and those under way.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::rows::{CommunityId, FlowRow};
use crate::sink::address::address;
use crate::sink::cells;
use crate::sink::style::Tone;

/// A flow, by what makes it this one: its input, its first frame, and its ends.
pub type FlowId = (u32, u64, CommunityId);

/// One line.
#[derive(Debug)]
pub struct Seen {
    pub row: FlowRow,
    pub class: Arc<str>,
    /// The policy's row that gives the class.
    pub endpoint: Arc<str>,
    pub is_running: bool,
    /// A packet of it came a moment ago.
    pub is_busy: bool,
    /// A second, of a flow under way.
    pub bits: u64,
}

impl Seen {
    pub fn id(&self) -> FlowId {
        id(&self.row)
    }

    pub fn bytes(&self) -> u64 {
        self.row.bytes.out.saturating_add(self.row.bytes.r#in)
    }

    /// The name, else the server's address.
    pub fn host(&self) -> String {
        cells::host(&self.row)
    }

    pub fn verdict(&self) -> Vec<(String, Tone)> {
        cells::verdict(self.row.verdict.standing, &self.row.verdict.flags)
    }

    /// The worst that is held against it.
    pub fn gravity(&self) -> Tone {
        Tone::worst(&self.row.verdict.flags).unwrap_or(Tone::Plain)
    }

    /// Whether any of what a line is looked up by contains `sought`, which is in lower case.
    pub fn has(&self, sought: &str) -> bool {
        let contains = |text: &str| text.to_ascii_lowercase().contains(sought);
        let row = &self.row;
        let ends = [address(row.client.ip), address(row.server.ip)];
        contains(&self.host())
            || ends.iter().any(|end| contains(end.as_str()))
            || contains(&self.class)
            || contains(&self.endpoint)
            || contains(&cells::app(row))
            || contains(row.naming.kind.as_str())
            || contains(row.verdict.standing.as_str())
            || row.verdict.flags.iter().any(|flag| contains(&cells::flag_word(flag)))
            || self.is_running && contains("running")
    }
}

pub fn id(row: &FlowRow) -> FlowId {
    (row.ordinal, row.frames.first, row.id)
}

/// Ended flows that are kept.
const NEWEST: usize = 400;
const HEAVIEST: usize = 200;
/// Rows copied between two looks. More flows than that end faster than anybody reads.
const COPIED: usize = 400;

#[derive(Debug, Default)]
pub struct Flows {
    newest: VecDeque<Arc<Seen>>,
    heaviest: Vec<Arc<Seen>>,
    /// Lighter ones are not among the heaviest.
    least: u64,
    copied: usize,
    pub running: Vec<Arc<Seen>>,
}

impl Flows {
    /// Whether a flow of so many bytes that has ended is kept, and so must be copied.
    pub fn keeps(&self, bytes: u64) -> bool {
        self.copied < COPIED || bytes > self.least
    }

    pub fn end(&mut self, seen: &Arc<Seen>) {
        if self.copied < COPIED {
            self.copied += 1;
            self.newest.push_back(Arc::clone(seen));
            if self.newest.len() > NEWEST {
                self.newest.pop_front();
            }
        }
        if self.heaviest.len() < HEAVIEST || seen.bytes() > self.least {
            self.heaviest.push(Arc::clone(seen));
        }
        // Twice as many are let in before the lighter half is thrown out.
        if self.heaviest.len() >= 2 * HEAVIEST {
            self.heaviest
                .select_nth_unstable_by_key(HEAVIEST, |seen| std::cmp::Reverse(seen.bytes()));
            self.heaviest.truncate(HEAVIEST);
            self.least = self.heaviest.iter().map(|seen| seen.bytes()).min().unwrap_or(0);
        }
    }

    /// A look was taken.
    pub fn looked(&mut self) {
        self.copied = 0;
    }

    /// All that are kept, each once.
    pub fn all(&self) -> Vec<Arc<Seen>> {
        let mut all: Vec<Arc<Seen>> = self.running.clone();
        all.extend(self.newest.iter().cloned());
        let mut known: Vec<*const Seen> = self.newest.iter().map(Arc::as_ptr).collect();
        known.sort_unstable();
        let unknown = |seen: &&Arc<Seen>| known.binary_search(&Arc::as_ptr(seen)).is_err();
        all.extend(self.heaviest.iter().filter(unknown).cloned());
        all
    }
}
