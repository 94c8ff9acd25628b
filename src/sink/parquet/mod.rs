//! Parquet: a dataset of three tables, each a folder of parts, for DuckDB, pandas, Spark and the like.
//!
//! The columns are those of [`super::columns`]. A time is a column of microseconds in UTC, which every reader understands, and
//! one of whole nanoseconds since 1970 (`start_ns`) that loses nothing. Lists are lists of text.
//!
//! Rows gather in a [`batch`] and become a row group when that is full, so memory is bounded; a part ends after some million
//! rows, and in a run that goes on with every hour of the rows' own time. A part is seen by readers when it is whole: who makes
//! the files does it through [`Parts`].

mod batch;
mod table;

use std::io::{self, Write};

use self::table::Table;
use super::columns::{self, CAPTURES, FLOWS, NAMES};
use super::{Labels, Sink};
use crate::engine::rows::Row;

/// The tables, in their order.
pub const TABLES: [&str; 3] = ["flows", "names", "captures"];

/// Where the parts of one table are put.
pub trait Parts: Send + Sync {
    /// Begins another part, which nobody sees yet.
    fn begin(&mut self) -> io::Result<PartFile>;

    /// The part begun last is whole: from now on readers see it.
    fn finish(&mut self) -> io::Result<()>;
}

/// A part being written.
pub type PartFile = Box<dyn Write + Send + Sync>;

/// Writes rows as Parquet.
pub struct Dataset {
    labels: Labels,
    flows: Table,
    names: Table,
    captures: Table,
}

impl Dataset {
    /// `parts` are those of the [`TABLES`]; `hourly`: the run goes on, and what is an hour old shall be seen.
    pub fn new(parts: [Box<dyn Parts>; 3], hourly: bool, labels: Labels) -> io::Result<Dataset> {
        let [flows, names, captures] = parts;
        Ok(Dataset {
            labels,
            flows: Table::new(FLOWS, flows, hourly)?,
            names: Table::new(NAMES, names, hourly)?,
            captures: Table::new(CAPTURES, captures, hourly)?,
        })
    }
}

impl Sink for Dataset {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        let labels = &self.labels;
        match row {
            Row::Flow(row) => self.flows.add(row.end_ns, |cells| columns::flow(row, labels, cells)),
            Row::Name(row) => self.names.add(row.time_ns, |cells| columns::name(row, labels, cells)),
            Row::Capture(row) => {
                let time = row.last_ns.unwrap_or(0);
                self.captures.add(time, |cells| columns::capture(row, labels, cells))
            }
        }
    }

    fn more_files(&mut self, names: &[String]) {
        self.labels.files.extend_from_slice(names);
    }

    /// A row group a second would be a thousand times too small: what is gathered waits.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _hidden: u64) -> io::Result<()> {
        self.flows.finish()?;
        self.names.finish()?;
        self.captures.finish()
    }
}

#[cfg(test)]
mod tests;
