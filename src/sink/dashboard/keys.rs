//! What keys do.

use std::sync::Arc;

use super::snapshot::Snapshot;
use super::view::{Cursor, Over, Pane, View};

/// A key, whatever terminal it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Tab,
    BackTab,
    Backspace,
}

/// What a key asks of whoever holds the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Nothing,
    End,
    Save,
}

/// Letters of a filter.
const LONGEST_FILTER: usize = 60;

/// The keys, as the help tells them.
pub const HELP: [(&str, &str); 12] = [
    (
        "q, Ctrl-C",
        "end: all flows are written out, and a summary stays on the screen",
    ),
    (
        "Tab, 1 to 4",
        "go to the next pane, or to that one; it gets the most room",
    ),
    ("up, down, j, k", "choose a line; PgUp, PgDn, Home and End go further"),
    (
        "Enter",
        "open the line: a flow's proof, a class's flows, an endpoint's hosts",
    ),
    ("Esc", "back; else clear the filter and the class"),
    (
        "/",
        "show only flows and findings that contain this: a name, an address, a class, a flag, a verdict, `running`",
    ),
    ("s", "order of the flows: newest, heaviest, fastest, gravest first"),
    (
        "p, space",
        "the picture stands still, and the capture goes on; again: it goes on too",
    ),
    (
        "w",
        "save what is shown in a new file flowsift-DATE-TIME.txt in this folder",
    ),
    ("Ctrl-L", "draw everything anew"),
    (
        "Ctrl-Z",
        "to the shell, until `fg`: meanwhile the kernel's buffer must hold what comes",
    ),
    ("?", "this help"),
];

impl View {
    /// Does what a key asks for; `snapshot` is the newest, `dropped` whether packets were lost.
    pub fn key(&mut self, key: Key, snapshot: &Arc<Snapshot>, dropped: bool) -> Wish {
        self.note = None;
        if self.typing.is_some() {
            self.type_filter(key);
            return Wish::Nothing;
        }
        if self.over.is_some() {
            return self.key_over(key);
        }
        let shown = Arc::clone(self.paused.as_ref().unwrap_or(snapshot));
        match key {
            Key::Char('q') => return Wish::End,
            Key::Char('w') => return Wish::Save,
            Key::Char('?' | 'h') => self.open(Over::Help),
            Key::Char('/') => self.typing = Some(self.filter.clone()),
            Key::Char('s') => {
                self.sort = self.sort.next();
                self.cursors[Pane::Flows as usize] = Cursor::default();
                self.pane = Pane::Flows;
            }
            Key::Char('p' | ' ') => {
                self.paused = match self.paused {
                    Some(_) => None,
                    None => Some(Arc::clone(snapshot)),
                }
            }
            Key::Tab => self.step_pane(1),
            Key::BackTab => self.step_pane(Pane::ALL.len() - 1),
            Key::Char(digit @ '1'..='4') => self.pane = Pane::ALL[(digit as usize - '1' as usize).min(3)],
            Key::Enter => self.enter(&shown, dropped),
            Key::Escape => {
                self.filter.clear();
                self.class = None;
            }
            _ => self.walk(key, &shown, dropped),
        }
        Wish::Nothing
    }

    fn type_filter(&mut self, key: Key) {
        match key {
            Key::Enter => self.typing = None,
            Key::Escape => self.filter = self.typing.take().unwrap_or_default(),
            Key::Backspace => drop(self.filter.pop()),
            Key::Char(letter) if self.filter.len() < LONGEST_FILTER && letter.is_ascii_graphic() => {
                self.filter.push(letter.to_ascii_lowercase());
            }
            _ => {}
        }
        self.lists_from_top();
    }

    /// Other lines are shown than before.
    fn lists_from_top(&mut self) {
        for pane in [Pane::Flows, Pane::Findings] {
            self.cursors[pane as usize] = Cursor::default();
        }
    }

    fn key_over(&mut self, key: Key) -> Wish {
        match key {
            Key::Char('q') | Key::Escape | Key::Enter => self.over = None,
            Key::Char('?' | 'h') if matches!(self.over, Some(Over::Help)) => self.over = None,
            Key::Char('w') => return Wish::Save,
            Key::Down | Key::Char('j') => self.scroll += 1,
            Key::Up | Key::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            Key::PageDown | Key::Char(' ') => self.scroll += self.page.max(1),
            Key::PageUp => self.scroll = self.scroll.saturating_sub(self.page.max(1)),
            Key::Home => self.scroll = 0,
            Key::End => self.scroll = usize::MAX,
            _ => {}
        }
        self.scroll = self.scroll.min(self.scrollable);
        Wish::Nothing
    }

    fn open(&mut self, over: Over) {
        self.over = Some(over);
        self.scroll = 0;
    }

    fn step_pane(&mut self, by: usize) {
        self.pane = Pane::ALL[(self.pane as usize + by) % Pane::ALL.len()];
    }

    /// Opens the chosen line.
    fn enter(&mut self, shown: &Snapshot, dropped: bool) {
        let at = self.cursor().at;
        let over = match self.pane {
            Pane::Flows => self.flows(shown).get(at).map(|seen| Over::Flow(Arc::clone(seen))),
            Pane::Findings => {
                let found = self.findings(shown).get(at).map(|found| Arc::clone(found));
                match found.as_ref().map(|found| found.flow.clone()) {
                    Some(None) => {
                        self.note = Some("this was seen in a lookup, and no flow came of it".to_owned());
                        None
                    }
                    flow => flow.flatten().map(Over::Flow),
                }
            }
            Pane::Endpoints => {
                let endpoints = self.endpoints(shown, dropped);
                endpoints
                    .get(at)
                    .map(|(endpoint, _)| Over::Endpoint(Box::new((*endpoint).clone())))
            }
            Pane::Classes => {
                if let Some(class) = self.classes(shown).get(at).map(|sum| Arc::clone(&sum.name)) {
                    self.class = Some(class);
                    self.filter.clear();
                    self.pane = Pane::Flows;
                    self.lists_from_top();
                }
                None
            }
        };
        if let Some(over) = over {
            self.open(over);
        }
    }

    /// Goes up and down.
    fn walk(&mut self, key: Key, shown: &Snapshot, dropped: bool) {
        let flows = self.flows(shown);
        self.follow(&flows);
        let lines = match self.pane {
            Pane::Flows => flows.len(),
            Pane::Findings => self.findings(shown).len(),
            Pane::Classes => self.classes(shown).len(),
            Pane::Endpoints => self.endpoints(shown, dropped).len(),
        };
        let (page, pane) = (self.page.max(1), self.pane);
        let cursor = self.cursor();
        let last = lines.saturating_sub(1);
        let at = match key {
            Key::Up | Key::Char('k') => cursor.at.saturating_sub(1),
            // The first press shows where it is.
            Key::Down | Key::Char('j') if cursor.is_set => cursor.at + 1,
            Key::Down | Key::Char('j') => cursor.at,
            Key::PageUp => cursor.at.saturating_sub(page),
            Key::PageDown => cursor.at + page,
            Key::Home => 0,
            Key::End => last,
            _ => return,
        };
        cursor.at = at.min(last);
        cursor.is_set = true;
        if pane == Pane::Flows {
            cursor.flow = flows.get(cursor.at).map(|seen| seen.id());
        }
    }
}
