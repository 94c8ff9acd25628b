//! From a format to the sink that writes it, and where that puts it: a stream, a file, or a folder of tables.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::Format;
use super::check::Checking;
use super::check::both_sides::Side;
use super::exit::Failure;
use super::output::Destination;
use super::output::folder::Folder;
use super::plan::{Input, Plan};
use super::say;
use crate::policy::compile::Policy;
use crate::sink::csv::{self, Csv};
use crate::sink::ecs::Ecs;
use crate::sink::eve::Eve;
use crate::sink::jsonl::JsonLines;
use crate::sink::parquet::{self, Dataset};
use crate::sink::table::Table;
use crate::sink::tables::{Form, Out, Tables};
use crate::sink::zeek::{self, Zeek};
use crate::sink::{Labels, Sink};

/// A sink with all that it needs.
pub type Boxed<'a> = Box<dyn Sink + Send + Sync + 'a>;

/// What rows are judged and named by.
pub struct Needs<'a> {
    pub policy: &'a Policy,
    pub labels: Labels,
    /// The other side's flows, of a `check` that has two.
    pub outside: Option<Side>,
}

/// Opens where results go, and the sink that writes them there.
pub fn open<'a>(plan: &'a Plan, needs: Needs<'a>, inputs: &[PathBuf]) -> Result<Boxed<'a>, Failure> {
    match &plan.output {
        Destination::Folder(path) => into_folder(plan, path, needs.labels, inputs),
        stream => {
            let out = match plan.goes_on() && plan.judgement.is_none() {
                true if is_of_lines(plan.format) => stream.append(inputs)?,
                true => stream.begin(inputs)?,
                false => stream.open(inputs)?,
            };
            if plan.warnings && plan.shows_names() && is_of_tables(plan.format) {
                let word = plan.format.as_str();
                say(&format!(
                    "--format {word} writes only flows into one stream: for the lookups too, give -o a folder, as in -o out/"
                ));
            }
            Ok(into_stream(plan, needs, out))
        }
    }
}

/// One stream for everything.
pub fn into_stream<'a>(plan: &'a Plan, needs: Needs<'a>, out: Out<'a>) -> Boxed<'a> {
    let labels = needs.labels;
    if let Some(judgement) = &plan.judgement {
        let checking = Checking::new(plan, &judgement.demands, needs.policy, labels, out);
        return Box::new(checking.beside(needs.outside));
    }
    let (live, input) = (is_live(plan), only_input(plan));
    match plan.format {
        Format::Table => Box::new(Table::new(out, labels, plan.style)),
        Format::Csv => Box::new(Tables::new(Csv, vec![Some(out)], labels)),
        Format::Zeek => Box::new(Tables::new(Zeek, vec![Some(out)], labels)),
        Format::Eve => Box::new(JsonLines::of(Eve { live, input }, out, labels)),
        Format::Ecs => Box::new(JsonLines::of(Ecs { live, input }, out, labels)),
        // The plan has refused the rest: a judgement's forms without one, and Parquet without a folder.
        Format::Json | Format::Junit | Format::Sarif | Format::Markdown | Format::Parquet => {
            Box::new(JsonLines::new(out, labels))
        }
    }
}

/// A file, or a folder of parts, for every table.
fn into_folder<'a>(plan: &Plan, path: &Path, labels: Labels, inputs: &[PathBuf]) -> Result<Boxed<'a>, Failure> {
    let folder = Folder {
        path,
        inputs,
        goes_on: plan.goes_on(),
    };
    match plan.format {
        Format::Csv => tables(Csv, folder.files(&Csv, &csv::TABLES, "csv")?, labels),
        Format::Zeek => tables(Zeek, folder.files(&Zeek, &zeek::TABLES, "log")?, labels),
        Format::Parquet => {
            let [flows, names, captures] = parquet::TABLES;
            let parts = [folder.parts(flows)?, folder.parts(names)?, folder.parts(captures)?];
            match Dataset::new(parts, plan.goes_on(), labels) {
                Ok(dataset) => Ok(Box::new(dataset)),
                Err(error) => Err(Failure::io("write Parquet to", path.display(), &error)),
            }
        }
        _ => Err(Failure::new(format!(
            "--format {} is one stream, and {} a folder: give -o a file",
            plan.format.as_str(),
            path.display()
        ))),
    }
}

fn tables<'a>(
    form: impl Form + 'a,
    files: Vec<Box<dyn Write + Send + Sync>>,
    labels: Labels,
) -> Result<Boxed<'a>, Failure> {
    let outs = files.into_iter().map(|file| Some(file as Out<'a>)).collect();
    Ok(Box::new(Tables::new(form, outs, labels)))
}

/// Each of its lines stands by itself, so that a run may go on where an earlier one ended.
fn is_of_lines(format: Format) -> bool {
    matches!(format, Format::Json | Format::Eve | Format::Ecs)
}

/// The format has tables, of which a stream holds the first.
pub fn is_of_tables(format: Format) -> bool {
    matches!(format, Format::Csv | Format::Zeek | Format::Parquet)
}

fn is_live(plan: &Plan) -> bool {
    matches!(plan.input, Input::Interfaces(_))
}

/// What the input is called where there is only one: then no label says so.
fn only_input(plan: &Plan) -> Option<String> {
    match &plan.input {
        Input::Interfaces(listening) => match listening.names.as_slice() {
            [name] => Some(name.clone()),
            _ => None,
        },
        Input::Files(files) => match files.as_slice() {
            [file] if !file.is_dir() => Some(file.display().to_string()),
            _ => None,
        },
        Input::Followed { .. } => None,
    }
}
