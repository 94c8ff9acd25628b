//! Rows on their way out: made shard by shard on any thread, given out in order on one.
//!
//! A [`Sheet`] holds the rows of one shard and one slice, in turn. What of a row is text is written onto the sheet
//! at once, by the thread that made the row; only an outlet that must see the rows themselves keeps them.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::rows::{FlowRow, NameRow, Row, Running, Wanted};
use super::times::Times;
use crate::names::covers::Covers;
use crate::names::hidden::HiddenClients;
use crate::policy::compile::Policy;
use crate::policy::verdict::RowId;

/// Where rows go.
pub trait Outlet: Send + Sync {
    /// Whether a flow's row is wanted, asked before it is made: on any thread, as [`Outlet::set`] is. `primary` is the policy's
    /// row that gives the flow its class, `named` whether it has a name.
    fn wants(&self, primary: Option<RowId>, named: bool) -> bool {
        let _ = (primary, named);
        true
    }

    /// Looks at a row where it was made: on any thread, many at once, in no order. What it appends to `text` comes to
    /// [`Outlet::text`] when it is the row's turn; says what else is to be done then.
    fn set(&self, row: &Row, text: &mut Vec<u8>) -> Wanted {
        let _ = (row, text);
        Wanted::Row
    }

    /// The text of one row or more, in order.
    fn text(&mut self, text: &[u8]) -> ControlFlow<()> {
        let _ = text;
        ControlFlow::Continue(())
    }

    /// A row that was wanted, in order. `Break`, here as elsewhere: nobody wants more.
    fn row(&mut self, row: &Row) -> ControlFlow<()>;

    /// Whether rows of names are wanted at all: they need not be made for nobody.
    fn wants_names(&self) -> bool {
        true
    }

    /// Before rows are made.
    fn prepare(&mut self) {}

    /// Live only: flows under way are to be told of too.
    fn wants_running(&self) -> bool {
        false
    }

    /// Live only, before each pause, if they are wanted.
    fn running(&mut self, _running: Running) {}

    /// Live only, before each pause: how far the run has come.
    fn so_far(&mut self, _counts: SoFar) {}

    /// Live only: there will be nothing for a while, so what is buffered should be seen.
    fn pause(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The counts of a run that goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoFar {
    pub undecoded: u64,
    /// Flows that have ended, and those under way.
    pub flows: u64,
}

/// What a row needs beside the flow itself.
pub struct Desk<'a> {
    pub policy: &'a Policy,
    pub covers: &'a Covers,
    pub hidden: &'a HiddenClients,
    /// Which clients were answered when, and which of their questions.
    pub answers: &'a Times,
    pub replies: &'a Times,
    /// Inputs whose times are written with nine digits, by ordinal.
    pub fine: &'a [bool],
    /// The time of the packet seen last.
    pub now_ns: u64,
    /// When packets are known to have been dropped last; 0: none were.
    pub dropped_ns: u64,
    pub outlet: &'a dyn Outlet,
}

impl Desk<'_> {
    /// Times of this input are written with nine digits.
    pub fn is_fine(&self, ordinal: u32) -> bool {
        self.fine.get(ordinal as usize).copied().unwrap_or(false)
    }
}

/// The rows of one shard and one slice.
#[derive(Default)]
pub struct Sheet {
    text: Vec<u8>,
    /// A row each, in turn.
    entries: VecDeque<Entry>,
    rows: VecDeque<Row>,
    /// Where the text begins that was not given out yet.
    given: usize,
    /// Boxes of rows that were only looked at, to be used again.
    spare: (Option<Box<FlowRow>>, Option<Box<NameRow>>),
}

struct Entry {
    /// Where its text ends.
    end: usize,
    wanted: Wanted,
}

/// More text than this is not kept room for.
const USUAL_TEXT: usize = 1 << 20;

impl Sheet {
    pub fn flow(&mut self, row: FlowRow, outlet: &dyn Outlet) {
        let row = Row::Flow(boxed(row, self.spare.0.take()));
        if let Some(Row::Flow(spare)) = self.set(row, outlet) {
            self.spare.0 = Some(spare);
        }
    }

    pub fn name(&mut self, row: NameRow, outlet: &dyn Outlet) {
        let row = Row::Name(boxed(row, self.spare.1.take()));
        if let Some(Row::Name(spare)) = self.set(row, outlet) {
            self.spare.1 = Some(spare);
        }
    }

    /// Something leaves that is no row.
    pub fn nothing(&mut self) {
        self.entries.push_back(Entry {
            end: self.text.len(),
            wanted: Wanted::Text,
        });
    }

    /// Gives the row back if it is not kept.
    fn set(&mut self, row: Row, outlet: &dyn Outlet) -> Option<Row> {
        let wanted = outlet.set(&row, &mut self.text);
        self.entries.push_back(Entry {
            end: self.text.len(),
            wanted,
        });
        match wanted {
            Wanted::Text => Some(row),
            Wanted::Row => {
                self.rows.push_back(row);
                None
            }
        }
    }

    /// Hands out what is next.
    pub fn give(&mut self, outlet: &mut dyn Outlet) -> ControlFlow<()> {
        let Some(entry) = self.entries.pop_front() else {
            return ControlFlow::Continue(());
        };
        if entry.end > self.given {
            outlet.text(self.text.get(self.given..entry.end).unwrap_or(&[]))?;
            self.given = entry.end;
        }
        if entry.wanted == Wanted::Row
            && let Some(row) = self.rows.pop_front()
        {
            outlet.row(&row)?;
        }
        if self.entries.is_empty() {
            self.text.clear();
            self.text.shrink_to(USUAL_TEXT);
            self.given = 0;
        }
        ControlFlow::Continue(())
    }
}

fn boxed<R>(row: R, spare: Option<Box<R>>) -> Box<R> {
    match spare {
        Some(mut place) => {
            *place = row;
            place
        }
        None => Box::new(row),
    }
}
