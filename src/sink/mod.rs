//! Rows to readers: JSON Lines for programs, a table for people.
//!
//! A sink takes the engine's rows in their order and writes them to one writer. It decides nothing about a flow: which
//! rows are shown at all is the command line's choice, what is held against a flow is the policy's.
//!
//! - [`record`] is the schema of the JSON Lines, field by field, on top of [`json`]. To add a field, add it there and in its test.
//! - [`check`] writes the judgement on an allow-list, in its own forms.
//! - `dashboard` is the screen of a live run (with the feature `live`).
//! - [`jsonl`] gathers them, one object a line; [`table`] and [`summary`] write for a terminal.
//! - [`text`], [`address`], [`markdown`] and [`words`] are how times, numbers, addresses and protocol numbers are spelled, for every sink alike.
//!
//! Strings from the wire arrive escaped (see [`crate::names::domain`]); names of files and of a policy's rows do not,
//! and every sink escapes them for the place they go to.

pub mod address;
pub mod carve;
pub mod cells;
pub mod check;
pub mod columns;
pub mod csv;
#[cfg(feature = "live")]
pub mod dashboard;
pub mod ecs;
pub mod eve;
pub mod explain;
pub mod findings;
pub mod interfaces;
pub mod json;
pub mod jsonl;
pub mod markdown;
pub mod metrics;
pub mod parquet;
pub mod policy;
pub mod record;
pub mod report;
pub mod style;
pub mod summary;
pub mod table;
pub mod tables;
pub mod text;
pub mod words;
pub mod zeek;

use std::io;

use crate::engine::rows::{Row, Running, Wanted};
use crate::policy::compile::Policy;
use crate::policy::judge::Wording;
use crate::policy::model::Row as PolicyRow;
use crate::policy::verdict::RowId;

/// Where rows go, in order.
pub trait Sink {
    /// Looks at a row where it was made: on any thread, many at once, in no order. What it appends to `text` comes to
    /// [`Sink::text`] when it is the row's turn.
    fn set(&self, row: &Row, text: &mut Vec<u8>) -> Wanted {
        let _ = (row, text);
        Wanted::Row
    }

    /// Takes the text of rows; it may stay in a buffer.
    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        let _ = text;
        Ok(())
    }

    /// Takes one row; it may stay in a buffer.
    fn row(&mut self, row: &Row) -> io::Result<()>;

    /// More inputs have begun, behind those of the labels: where files are followed, they are not all known at first.
    fn more_files(&mut self, _names: &[String]) {}

    /// Live only: flows under way are wanted too.
    fn wants_running(&self) -> bool {
        false
    }

    /// Live only: flows under way.
    fn running(&mut self, _running: Running) {}

    /// Live only: packets that were not decoded so far.
    fn undecoded(&mut self, _packets: u64) {}

    /// Nothing more comes but the end: who holds the screen gives it back.
    fn leave_screen(&mut self) {}

    /// Hands on whatever is buffered: for a live reader at the other end.
    fn flush(&mut self) -> io::Result<()>;

    /// The input has ended; `hidden` flows were not shown because nobody asked for them.
    fn finish(&mut self, hidden: u64) -> io::Result<()>;

    /// After the end: something that was asked about was found wanting.
    fn is_wanting(&self) -> bool {
        false
    }
}

/// What rows refer to by number: the policy's rows, and the input's names where there are several.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    pub policy: PolicyNames,
    /// By ordinal; empty where there is one input, whose name then need not be repeated in every record.
    pub files: Vec<String>,
}

impl Labels {
    /// The input's name, where there are several.
    pub fn file(&self, ordinal: u32) -> Option<&str> {
        self.files.get(ordinal as usize).map(String::as_str)
    }
}

/// What a sink must know of a policy to write a verdict out.
#[derive(Debug, Clone, Default)]
pub struct PolicyNames {
    pub name: String,
    pub sha256: String,
    /// By [`RowId`].
    pub rows: Vec<RowNames>,
    pub wording: Wording,
    /// When it, or a policy that it extends, should have been reviewed, in nanoseconds since 1970.
    pub review_due_ns: Option<u64>,
    /// Which of them that is.
    pub review_of: String,
}

/// One row of the policy, in words.
#[derive(Debug, Clone, Default)]
pub struct RowNames {
    pub id: String,
    pub class: String,
    /// `green`, `purple`, `orange` or `none`.
    pub line: String,
}

impl PolicyNames {
    pub const OTHER: &str = "other";
    pub const UNKNOWN: &str = "unknown";

    pub fn of(policy: &Policy) -> PolicyNames {
        let review = policy.header().review();
        let row = |row: &PolicyRow| RowNames {
            id: row.id.clone(),
            class: row.class.clone(),
            line: row.line.as_str().to_owned(),
        };
        PolicyNames {
            name: policy.name().to_owned(),
            sha256: policy.sha256().iter().map(|byte| format!("{byte:02x}")).collect(),
            rows: policy.rows().map(|(_, content)| row(content)).collect(),
            wording: Wording::of(policy),
            review_due_ns: review.as_ref().map(|review| review.due_ns),
            review_of: review.map(|review| review.policy).unwrap_or_default(),
        }
    }

    pub fn row(&self, id: RowId) -> Option<&RowNames> {
        self.rows.get(usize::from(id.0))
    }

    /// The class that the first match gives; without one `other` for what has a name and `unknown` for what has none.
    pub fn class(&self, matches: &[RowId], named: bool) -> &str {
        match matches.first().and_then(|id| self.row(*id)) {
            Some(row) => &row.class,
            None if named => Self::OTHER,
            None => Self::UNKNOWN,
        }
    }

    /// Every class once, in the policy's order, then the two that no policy has.
    pub fn classes(&self) -> Vec<&str> {
        let mut classes: Vec<&str> = Vec::new();
        let named = self.rows.iter().map(|row| row.class.as_str());
        for class in named.chain([Self::OTHER, Self::UNKNOWN]) {
            if !classes.contains(&class) {
                classes.push(class);
            }
        }
        classes
    }
}

#[cfg(test)]
pub mod fixtures;
