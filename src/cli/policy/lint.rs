//! `policy lint`: what is wrong with policies.

use std::path::PathBuf;

use clap::Args as Group;

use super::desk::{self, Desk, Form, Output};
use crate::cli::exit::Exit;
use crate::cli::plan::Surroundings;
use crate::cli::{Outcome, policy_file, say};
use crate::policy::builtin;
use crate::policy::lint;
use crate::policy::model::Date;
use crate::sink::policy::findings;

/// Find what is wrong with policies, or will be, and say what it means for a firewall
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct LintArgs {
    /// TOML files, or names of built-in policies [default: salestim]
    #[arg(value_name = "POLICY")]
    pub policies: Vec<String>,

    /// The same, as other commands take it
    #[arg(long, value_name = "FILE|NAME")]
    pub policy: Option<String>,

    /// As of this day: what is stale or over by then is told [default: today]
    #[arg(long, value_name = "DATE", value_parser = desk::day)]
    pub as_of: Option<Date>,

    /// table or json [default: table on a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", value_parser = desk::form)]
    pub format: Option<Form>,

    #[command(flatten)]
    pub output: Output,

    /// No summary on stderr
    #[arg(short, long)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
A finding has a code that stays (`broad-host`, `retired-host`, `overlap`, ...), a weight, its place, what it means and what to \
do. Rows of policies that a policy extends are told of when those are asked about.

Examples:
  flowsift policy lint ours.toml
  flowsift policy lint ours.toml --as-of 2027-01-01   what will be stale by then
  flowsift policy lint *.toml --format json | jq .code

Exit status:
  0  nothing was found, or notices alone
  1  warnings or errors were found
  2  a policy could not be read";

pub fn run(args: LintArgs, around: &Surroundings) -> Outcome {
    let desk = Desk::new(args.format, args.output, around);
    let mut names = args.policies;
    names.extend(args.policy);
    if names.is_empty() {
        names.push(builtin::DEFAULT.to_owned());
    }
    let as_of = args.as_of.unwrap_or_else(desk::today);
    let (mut out, mut words, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
    let mut exit = Exit::Clean;
    for name in &names {
        let loaded = match policy_file::examine(name) {
            Ok(loaded) => loaded,
            Err(failure) => {
                failure.report();
                exit = Exit::Unusable;
                continue;
            }
        };
        inputs.extend(policy_file::files(&loaded.places));
        let found = lint::lint(&loaded, as_of);
        if found.weigh() && exit == Exit::Clean {
            exit = Exit::Wanting;
        }
        match desk.form {
            Form::Json => findings::json(&found, &loaded.places, &mut out),
            _ => out.extend(findings::table(&found, &loaded.places, &desk.style, !desk.on_screen).bytes()),
        }
        if !args.quiet {
            let elsewhere = match found.elsewhere {
                0 => String::new(),
                n => format!("; {n} about rows of policies that it extends, not shown here: lint those"),
            };
            words.push(format!("{name}: {}{elsewhere}", findings::summary(&found)));
        }
    }
    inputs.extend(names.into_iter().map(PathBuf::from));
    desk.deliver(&out, &inputs)?;
    words.iter().for_each(|line| say(line));
    Ok(exit)
}
