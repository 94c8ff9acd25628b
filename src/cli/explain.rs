//! `explain ID FILE...`: the proof of one flow in words.
//!
//! The files are read twice, so that memory holds one flow's evidence and not all of it: first the flow is found ([`find`]),
//! then the lookups that speak of it are picked up ([`lookups`]), which stand before it. Both readings must give the same SHA-256.

pub mod find;
pub mod lookups;

use std::path::PathBuf;

use clap::{Args as Group, ValueHint};

use self::find::{Finder, Wanted};
use self::lookups::Gatherer;
use super::exit::Exit;
use super::plan::Surroundings;
use super::reading::{self, Reading};
use super::{Outcome, policy_file, say, suggest};
use crate::sink::explain::{self, Evidence, Story};

/// Tell the proof of one flow in words: which frames show what, what follows from it, and what does not
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// The flow's `id` in the records, or its beginning; ID@START where one of several with that id is meant
    #[arg(value_name = "ID", value_parser = Wanted::parse)]
    pub id: Wanted,

    /// The captures it is in, as `read` takes them (not standard input: they are read twice)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// The policy to judge by: a TOML file, or the name of one that is built in
    #[arg(long, value_name = "FILE|NAME", default_value = "salestim", value_hint = ValueHint::FilePath)]
    pub policy: String,

    /// text, json or markdown
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = form)]
    pub format: Form,

    #[command(flatten)]
    pub reading: Reading,
}

const EXAMPLES: &str = "\
An id is a Community ID: that of other tools (Zeek, Suricata, Arkime) is the same. It repeats when ports are reused: then all of \
its flows are told, or the one whose START is added, written as in the records or its beginning.

Examples:
  flowsift explain 1:LQsI6KGU/W30biD9ZQTgo+Tg5xE= office.pcapng
  flowsift explain 1:LQsI6 office.pcapng     the beginning is enough
  flowsift explain 1:LQsI6@2026-11-21T09:07 mon/ --format markdown -o proof.md

Exit status: 0 the flow was told · 2 no such flow, or something could not be used";

/// The forms of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Markdown,
}

fn form(text: &str) -> Result<Form, String> {
    // A table is what other commands write for people.
    const WORDS: [(&str, Form); 4] = [
        ("text", Form::Text),
        ("json", Form::Json),
        ("markdown", Form::Markdown),
        ("table", Form::Text),
    ];
    match WORDS.iter().find(|(word, _)| *word == text) {
        Some((_, form)) => Ok(*form),
        None => {
            let words = WORDS.iter().take(3).map(|(word, _)| *word);
            Err(format!("no such format{}", suggest::hint(text, words)))
        }
    }
}

pub fn run(args: ExplainArgs, around: &Surroundings) -> Outcome {
    reading::check_readable_twice(&args.files, "explain")?;
    let policy = policy_file::open(&args.policy)?.policy;
    let plan = args.reading.plan(args.files, args.policy, around)?;
    let (finder, ended) = reading::pass(&plan, |labels| Finder::new(args.id, labels))?;
    let has_faults = reading::tell(&ended, &plan);
    let found = finder.finish(plan.files())?;
    let (gathered, _) = reading::pass(&plan, |_| Gatherer::new(&found.flows))?;
    reading::check_unchanged(&found.captures, &gathered.captures)?;

    let several = found.flows.len() as u64 + found.more;
    let mut text = Vec::new();
    for ((flow, lookups), place) in found.flows.iter().zip(&gathered.lookups).zip(1..) {
        let evidence = Evidence {
            flow,
            lookups: &lookups.rows,
            more_lookups: lookups.more,
            captures: &found.captures,
            labels: &found.labels,
            policy: &policy,
            place: (place, several),
        };
        let story = Story::of(&evidence);
        match args.format {
            Form::Json => explain::json(&story, &evidence, &mut text),
            Form::Markdown | Form::Text if place > 1 => text.extend_from_slice(b"\n\n"),
            _ => {}
        }
        match args.format {
            Form::Json => {}
            Form::Markdown => explain::markdown(&story, &mut text),
            Form::Text => explain::page(&story, plan.style, &mut text),
        }
    }
    plan.output.deliver(&text, plan.files())?;
    if found.more > 0 {
        say(&format!(
            "{several} flows have this id; the first {} were told: add @START for another, as `flowsift read` prints it",
            found.flows.len()
        ));
    }
    Ok(if has_faults { Exit::Unusable } else { Exit::Clean })
}
