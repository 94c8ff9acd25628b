//! One table: parts, one behind the other, each of row groups.

use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

use super::batch::{self, Batch};
use super::{PartFile, Parts};
use crate::sink::columns::Column;

/// A row group is full with so many rows, or with so much text and numbers.
const ROWS_A_GROUP: usize = 65_536;
const BYTES_A_GROUP: usize = 16 << 20;
/// A part's end names every group, and is kept in memory until then.
const GROUPS_A_PART: usize = 64;
const HOUR_NS: u64 = 3_600_000_000_000;

/// A table being written.
pub struct Table {
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    parts: Box<dyn Parts>,
    batch: Batch,
    /// The part that is being written.
    writer: Option<SerializedFileWriter<PartFile>>,
    groups: usize,
    /// Parts that are whole.
    whole: u64,
    hourly: bool,
    /// The hour of the rows of this part.
    hour: Option<u64>,
}

impl Table {
    pub fn new(columns: &[Column], parts: Box<dyn Parts>, hourly: bool) -> io::Result<Table> {
        let schema = parse_message_type(&batch::schema(columns)).map_err(as_io)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("flowsift ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Table {
            schema: Arc::new(schema),
            properties: Arc::new(properties),
            parts,
            batch: Batch::new(columns),
            writer: None,
            groups: 0,
            whole: 0,
            hourly,
            hour: None,
        })
    }

    /// Adds a row, of which `time_ns` is known, and whatever is full goes out.
    pub fn add(&mut self, time_ns: u64, row: impl FnOnce(&mut Batch)) -> io::Result<()> {
        let hour = time_ns / HOUR_NS;
        // Rows come about in the order of time: one that is late stays in the hour that goes on.
        if self.hourly && self.hour.is_some_and(|begun| begun < hour) {
            self.end_part()?;
        }
        // Of a clock that has jumped ahead and back the hour before counts again.
        let late = self.hour.filter(|begun| *begun <= hour + 1);
        self.hour = Some(late.map_or(hour, |begun| begun.max(hour)));
        self.batch.add(row);
        if self.batch.rows() >= ROWS_A_GROUP || self.batch.bytes() >= BYTES_A_GROUP {
            self.end_group()?;
        }
        Ok(())
    }

    /// Writes what is left. A table without rows is a part without rows: it can be read all the same.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.whole == 0 || self.batch.rows() > 0 || self.writer.is_some() {
            self.end_part()?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> io::Result<()> {
        if self.batch.rows() > 0 {
            self.begin_part()?;
        }
        if let Some(writer) = self.writer.as_mut().filter(|_| self.batch.rows() > 0) {
            let group = writer.next_row_group().map_err(as_io)?;
            self.batch.write(group).map_err(as_io)?;
            self.groups += 1;
        }
        match self.groups >= GROUPS_A_PART {
            true => self.close(),
            false => Ok(()),
        }
    }

    fn end_part(&mut self) -> io::Result<()> {
        self.end_group()?;
        if self.whole == 0 {
            self.begin_part()?;
        }
        self.close()
    }

    /// If none is being written.
    fn begin_part(&mut self) -> io::Result<()> {
        if self.writer.is_none() {
            let file = self.parts.begin()?;
            let writer = SerializedFileWriter::new(file, Arc::clone(&self.schema), Arc::clone(&self.properties));
            self.writer = Some(writer.map_err(as_io)?);
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        (self.groups, self.hour) = (0, None);
        self.whole += 1;
        let whole: Result<_> = writer.close();
        whole.map_err(as_io)?;
        self.parts.finish()
    }
}

/// What the disk said, where it was the disk.
fn as_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}
