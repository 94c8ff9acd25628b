//! `policy diff`: what is different between two policies, and what it means for a firewall and for traffic that was captured.

mod both;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as Group;

use super::desk::{self, Desk, Form, Output};
use crate::cli::exit::Exit;
use crate::cli::plan::Surroundings;
use crate::cli::reading::{self, Reading};
use crate::cli::{Outcome, policy_file, say};
use crate::policy::model::Date;
use crate::policy::{builtin, compare};
use crate::sink::policy::differences::{self, Differences, Seen};

/// Tell what is different between two policies, and what it means for a firewall
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// The policy as it was: a TOML file, or the name of one that is built in
    #[arg(value_name = "OLD")]
    pub old: String,

    /// The policy as it is
    #[arg(value_name = "NEW")]
    pub new: String,

    /// As of this day: what is over by then lets nothing through [default: today]
    #[arg(long, value_name = "DATE", value_parser = desk::day)]
    pub as_of: Option<Date>,

    /// table, json or markdown [default: table on a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", value_parser = desk::form_or_markdown)]
    pub format: Option<Form>,

    /// What it means for these captures: they are judged under both policies, as `check` does
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub capture: Vec<PathBuf>,

    #[command(flatten)]
    pub reading: Reading,
}

const EXAMPLES: &str = "\
What it means is told by what is covered, not by what is written: a host that leaves one row and stands below another's wildcard \
is still let through, and ranges that are merged or split are equal. Broad hosts, rows that are over and rows inside the \
platform (orange) let nothing through.

With --capture: host patterns whose outcome is another one (as `check` has it), or that came or went; hosts that were in no row \
and are in one, or the other way; flows of another class or verdict, counted, with the first three. The files are read twice.

Examples:
  flowsift policy diff salestim ours.toml
  flowsift policy diff 2026-01.toml 2026-04.toml --format markdown -o change.md
  flowsift policy diff salestim ours.toml --capture monday.pcapng tuesday.pcapng
  flowsift policy diff old.toml new.toml --format json | jq .change

Exit status:
  0  they are equal, and so is what they say of the captures
  1  they differ
  2  a policy or a capture could not be read";

pub fn run(args: DiffArgs, around: &Surroundings) -> Outcome {
    reading::check_readable_twice(&args.capture, "policy diff")?;
    let desk = Desk::new(args.format, Output::of(&args.reading), around);
    let (old, new) = (policy_file::open(&args.old)?, policy_file::open(&args.new)?);
    if !args.reading.quiet {
        let warnings = old.warnings.iter().chain(&new.warnings);
        warnings.for_each(|warning| say(&warning.to_string()));
    }
    let mut inputs = policy_file::files(&old.places);
    inputs.extend(policy_file::files(&new.places));
    let (old, new) = (Arc::new(old.policy), Arc::new(new.policy));
    let as_of = args.as_of.unwrap_or_else(desk::today);
    let found = compare::compare(&old, &new, as_of);
    inputs.extend(args.capture.iter().cloned());
    let both = match args.capture.is_empty() {
        true => None,
        false => {
            let plan = args.reading.plan(args.capture, builtin::DEFAULT.to_owned(), around)?;
            Some(both::read(&plan, &old, &new)?)
        }
    };
    let seen = both.as_ref().map(|both| Seen {
        effects: &both.effects,
        captures: &both.captures,
        labels: &both.labels,
    });
    let differences = Differences {
        old: &old,
        new: &new,
        found: &found,
        seen,
    };
    let out = match desk.form {
        Form::Json => differences::json(&differences),
        Form::Table => differences::table(&differences, &desk.style).into_bytes(),
        Form::Markdown => differences::markdown(&differences).into_bytes(),
    };
    desk.deliver(&out, &inputs)?;
    Ok(match both.as_ref().is_some_and(|both| both.has_faults) {
        true => Exit::Unusable,
        false if differences.is_empty() => Exit::Clean,
        false => Exit::Wanting,
    })
}
