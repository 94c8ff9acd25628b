//! `policy import`: a policy file of a vendor's own list.

use std::path::{Path, PathBuf};

use clap::{Args as Group, Subcommand};

use super::desk;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Destination;
use crate::cli::{Outcome, policy_file, say};
use crate::policy::import::{TEXT_AT_MOST, m365, service_tags};
use crate::policy::model::Date;

/// Make a policy file of a vendor's own JSON
#[derive(Debug, Group)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct ImportArgs {
    #[command(subcommand)]
    pub list: List,
}

#[derive(Debug, Subcommand)]
pub enum List {
    /// Microsoft 365 endpoints, as the web service at endpoints.office.com gives them
    M365 {
        #[command(flatten)]
        file: File,
    },
    /// Azure service tags, as Microsoft offers them for download: tags that a policy may name as "@NAME"
    AzureTags {
        #[command(flatten)]
        file: File,

        /// Only this tag (may be given several times)
        #[arg(long = "tag", value_name = "NAME")]
        tags: Vec<String>,
    },
}

#[derive(Debug, Group)]
pub struct File {
    /// The vendor's JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The day the list was fetched, 2026-01-31: from then on a review is due every 90 days
    #[arg(long, value_name = "DAY", value_parser = desk::day)]
    pub date: Option<Date>,

    /// Write here instead of to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// No word of what could not be said in a policy; errors stay
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: ImportArgs) -> Outcome {
    let (file, tags) = match args.list {
        List::M365 { file } => (file, None),
        List::AzureTags { file, tags } => (file, Some(tags)),
    };
    let is_stdin = file.file.as_os_str() == "-";
    let path = if is_stdin { Path::new("/dev/stdin") } else { &file.file };
    let name = file.file.display().to_string();
    let text = policy_file::text_of(path, TEXT_AT_MOST as u64)
        .map_err(|why| Failure::new(format!("{name}: {why}; give the path of the vendor's JSON")))?;
    let imported = match &tags {
        None => m365::import(&text, &name, file.date),
        Some(tags) => service_tags::import(&text, &name, tags, file.date),
    };
    let imported = imported.map_err(|error| Failure::new(error.to_string()))?;
    let out = Destination::new(file.output);
    out.deliver(imported.toml.as_bytes(), std::slice::from_ref(&file.file))?;
    if !file.quiet {
        tell(&imported.notes);
    }
    Ok(Exit::Clean)
}

/// A line each, not without end.
pub fn tell(notes: &[String]) {
    const AT_MOST: usize = 1000;
    notes.iter().take(AT_MOST).for_each(|note| say(note));
    if let Some(more) = notes.len().checked_sub(AT_MOST).filter(|more| *more > 0) {
        say(&format!("and {more} more"));
    }
}
