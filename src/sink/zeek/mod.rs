//! Logs as Zeek writes them: tab-separated, with a head that names fields and types. Columns, their order, types and escapes
//! are those of Zeek 8.0's `conn.log`, `ssl.log` and `dns.log`; our own stand behind them.
//!
//! What a row does not tell is unset (`-`), also where Zeek always has a value: payload bytes, most of `history`, the header
//! bits of DNS. There is no `#open` and no `#close`, which are times of day: the same input gives the same bytes.
//!
//! - [`conn`], [`ssl`], [`dns`]: a log each, one line a column.
//! - [`fields`]: how a line and its values are written.

mod conn;
mod dns;
mod fields;
mod ssl;

use super::Labels;
use super::tables::{Form, Pieces};
use crate::engine::rows::Row;

/// The logs, by their numbers: `conn.log` and so on in a folder; of a stream only the first.
pub const TABLES: [&str; 3] = ["conn", "ssl", "dns"];

/// Writes rows as Zeek's logs.
#[derive(Debug, Clone, Copy)]
pub struct Zeek;

impl Form for Zeek {
    fn head(&self, table: usize, out: &mut Vec<u8>) {
        let Some(path) = TABLES.get(table) else { return };
        let columns: &[fields::Column] = match table {
            0 => conn::COLUMNS,
            1 => ssl::COLUMNS,
            _ => dns::COLUMNS,
        };
        fields::head(path, columns, out);
    }

    fn lines(&self, row: &Row, labels: &Labels, pieces: &mut Pieces<'_>) {
        match row {
            Row::Flow(row) => {
                pieces.put(0, |out| conn::line(row, labels, out));
                if let Some(facts) = row.tls.as_deref().filter(|facts| ssl::has_line(facts)) {
                    pieces.put(1, |out| ssl::line((row, facts), labels, out));
                }
            }
            Row::Name(row) => pieces.put(2, |out| dns::line(row, labels, out)),
            Row::Capture(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
