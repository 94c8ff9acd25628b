//! What the person at the keys has chosen to see.

use std::cmp::Reverse;
use std::sync::Arc;

use super::classes::ClassSum;
use super::endpoints::{Endpoint, Light};
use super::findings::Found;
use super::flows::{FlowId, Seen};
use super::snapshot::Snapshot;

/// The parts of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    Classes,
    Flows,
    Findings,
    Endpoints,
}

impl Pane {
    pub const ALL: [Pane; 4] = [Pane::Classes, Pane::Flows, Pane::Findings, Pane::Endpoints];

    pub fn title(self) -> &'static str {
        match self {
            Pane::Classes => "Classes",
            Pane::Flows => "Flows",
            Pane::Findings => "Findings",
            Pane::Endpoints => "Endpoints",
        }
    }
}

/// The order of flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Newest,
    Heaviest,
    Fastest,
    Gravest,
}

impl Sort {
    pub fn word(self) -> &'static str {
        match self {
            Sort::Newest => "newest first",
            Sort::Heaviest => "heaviest first",
            Sort::Fastest => "fastest first",
            Sort::Gravest => "gravest first",
        }
    }

    pub fn next(self) -> Sort {
        match self {
            Sort::Newest => Sort::Heaviest,
            Sort::Heaviest => Sort::Fastest,
            Sort::Fastest => Sort::Gravest,
            Sort::Gravest => Sort::Newest,
        }
    }
}

/// What lies over the panes.
#[derive(Debug, Clone)]
pub enum Over {
    Help,
    /// The proof of a flow, as far as it goes.
    Flow(Arc<Seen>),
    Endpoint(Box<Endpoint>),
}

/// Which line of a list is chosen; nobody has chosen before the first key.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    pub at: usize,
    /// The first line that is shown.
    pub top: usize,
    pub is_set: bool,
    /// Of flows: which it is, so that it is followed when others push it down.
    pub flow: Option<FlowId>,
}

impl Cursor {
    /// Keeps the chosen line among so many, and among those that are shown.
    pub fn settle(&mut self, lines: usize, height: usize) {
        self.at = self.at.min(lines.saturating_sub(1));
        if !self.is_set {
            (self.at, self.top) = (0, 0);
        }
        let last_top = lines.saturating_sub(height);
        self.top = self.top.clamp((self.at + 1).saturating_sub(height.max(1)), self.at);
        self.top = self.top.min(last_top);
    }
}

/// All that is chosen.
#[derive(Debug, Clone)]
pub struct View {
    pub pane: Pane,
    /// In lower case; only what contains it is shown.
    pub filter: String,
    /// Only flows and findings of this class are shown.
    pub class: Option<Arc<str>>,
    /// The filter is being typed; what it was before.
    pub typing: Option<String>,
    pub sort: Sort,
    /// The picture stands still: at this snapshot.
    pub paused: Option<Arc<Snapshot>>,
    pub cursors: [Cursor; 4],
    pub over: Option<Over>,
    /// Lines scrolled in what lies over the panes, and how many there are to scroll.
    pub scroll: usize,
    pub scrollable: usize,
    /// Lines of the pane in front, as it was drawn.
    pub page: usize,
    /// What the last key did, until the next one.
    pub note: Option<String>,
}

impl Default for View {
    fn default() -> View {
        View {
            pane: Pane::Flows,
            filter: String::new(),
            class: None,
            typing: None,
            sort: Sort::Newest,
            paused: None,
            cursors: Default::default(),
            over: None,
            scroll: 0,
            scrollable: 0,
            page: 1,
            note: None,
        }
    }
}

impl View {
    pub fn cursor(&mut self) -> &mut Cursor {
        &mut self.cursors[self.pane as usize]
    }

    fn shows_class(&self, class: &str) -> bool {
        self.class.as_ref().is_none_or(|wanted| **wanted == *class)
    }

    /// What narrows the lists: `class teams, filter port`.
    pub fn narrowed(&self) -> Option<String> {
        let class = self.class.as_ref().map(|class| format!("class {class}"));
        let filter = (!self.filter.is_empty()).then(|| format!("filter {}", self.filter));
        let words: Vec<String> = class.into_iter().chain(filter).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// The flows to be shown, in order.
    pub fn flows<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s Arc<Seen>> {
        let shown =
            |seen: &&Arc<Seen>| self.shows_class(&seen.class) && (self.filter.is_empty() || seen.has(&self.filter));
        let mut flows: Vec<&Arc<Seen>> = snapshot.flows.iter().filter(shown).collect();
        // Of equals the newest.
        let newest = |seen: &Seen| Reverse((seen.row.start_ns, seen.row.frames.first));
        match self.sort {
            Sort::Newest => flows.sort_by_key(|seen| newest(seen)),
            Sort::Heaviest => flows.sort_by_key(|seen| (Reverse(seen.bytes()), newest(seen))),
            Sort::Fastest => flows.sort_by_key(|seen| (Reverse(seen.bits), newest(seen))),
            Sort::Gravest => flows.sort_by_key(|seen| (Reverse(seen.gravity()), newest(seen))),
        }
        flows
    }

    pub fn findings<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s Arc<Found>> {
        let shown = |found: &&Arc<Found>| {
            self.shows_class(&found.what.class) && (self.filter.is_empty() || found.has(&self.filter))
        };
        snapshot.findings.iter().filter(shown).collect()
    }

    /// Classes that anything is to be said of.
    pub fn classes<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s ClassSum> {
        let seen = |sum: &&ClassSum| sum.ended + sum.running > 0;
        snapshot.classes.iter().filter(seen).collect()
    }

    /// What failed first, then what was tried, each in the policy's order.
    pub fn endpoints<'s>(&self, snapshot: &'s Snapshot, dropped: bool) -> Vec<(&'s Endpoint, Light)> {
        let lit = |endpoint: &'s Endpoint| (endpoint, endpoint.light(dropped));
        let mut endpoints: Vec<(&Endpoint, Light)> = snapshot.endpoints.iter().map(lit).collect();
        endpoints.sort_by_key(|(_, light)| *light);
        endpoints
    }

    /// The flow that is chosen is looked for among those that are shown.
    pub fn follow(&mut self, flows: &[&Arc<Seen>]) {
        let cursor = &mut self.cursors[Pane::Flows as usize];
        let place = cursor
            .flow
            .and_then(|flow| flows.iter().position(|seen| seen.id() == flow));
        match place {
            Some(place) => cursor.at = place,
            None => cursor.flow = flows.get(cursor.at).map(|seen| seen.id()).filter(|_| cursor.is_set),
        }
    }
}
