//! Which form results may have, and where that form can go.

use std::path::PathBuf;

use crate::cli::args::Format;
use crate::cli::exit::Failure;
use crate::cli::output::Destination;
use crate::cli::sinks::is_of_tables;

/// Flows and judgements each have forms of their own.
pub fn suits(format: Option<Format>, judged: bool) -> Result<(), Failure> {
    match format {
        Some(format) if format.is_of_check() && !judged => Err(Failure::new(format!(
            "--format {} is the form of a judgement: give it to `flowsift check`",
            format.as_str()
        ))),
        Some(format) if format.is_of_flows() && judged => Err(Failure::new(format!(
            "--format {} lists flows, and `check` judges them: give it table, json, junit, sarif or markdown, or use `flowsift read`",
            format.as_str()
        ))),
        _ => Ok(()),
    }
}

/// Tables may go into a folder, and Parquet's can go nowhere else.
pub fn destination(format: Option<Format>, path: Option<PathBuf>) -> Result<Destination, Failure> {
    match (format, path) {
        (Some(Format::Parquet), path) => match Destination::of_tables(path) {
            Destination::Stdout => Err(Failure::new(
                "--format parquet writes a folder of tables, not a stream: give -o a folder, as in -o out/",
            )),
            Destination::File(path) | Destination::Folder(path) => Ok(Destination::Folder(path)),
        },
        (Some(format), path) if is_of_tables(format) => Ok(Destination::of_tables(path)),
        (_, path) => Ok(Destination::new(path)),
    }
}
