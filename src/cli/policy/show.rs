//! `policy show`: the rows as they are in effect.

use clap::Args as Group;

use super::desk::{self, Desk, Form, Output};
use crate::cli::exit::{Exit, Failure};
use crate::cli::plan::Surroundings;
use crate::cli::{Outcome, policy_file, say, suggest};
use crate::policy::model::{Date, Row};
use crate::sink::policy::rows;

/// Show a policy's rows as they are in effect, those of the policies it extends among them
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    /// A TOML file, or the name of a built-in policy [default: salestim]
    #[arg(value_name = "POLICY")]
    pub bare: Option<String>,

    /// The same, as other commands take it
    #[arg(long, value_name = "FILE|NAME")]
    pub policy: Option<String>,

    /// Show only rows of this class (may be given several times)
    #[arg(long = "class", value_name = "CLASS")]
    pub classes: Vec<String>,

    /// As of this day: what is over by then is shown so [default: today]
    #[arg(long, value_name = "DATE", value_parser = desk::day)]
    pub as_of: Option<Date>,

    /// table or json [default: table on a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", value_parser = desk::form)]
    pub format: Option<Form>,

    #[command(flatten)]
    pub output: Output,
}

const EXAMPLES: &str = "\
Examples:
  flowsift policy show
  flowsift policy show ours.toml --class salestim
  flowsift policy show --format json | jq -r 'select(.in_force) | .hosts[]?'";

pub fn run(args: ShowArgs, around: &Surroundings) -> Outcome {
    let desk = Desk::new(args.format, args.output, around);
    let name = desk::the_policy(args.bare, args.policy)?;
    let loaded = policy_file::open(&name)?;
    let classes = loaded.policy.classes();
    if let Some(unknown) = args.classes.iter().find(|class| !classes.contains(class)) {
        let hint = suggest::hint(unknown, classes.iter().map(String::as_str));
        return Err(Failure::new(format!(
            "no row of the policy has the class {unknown}{hint}"
        )));
    }
    loaded.warnings.iter().for_each(|warning| say(&warning.to_string()));
    let as_of = args.as_of.unwrap_or_else(desk::today);
    let shown = |row: &Row| args.classes.is_empty() || args.classes.contains(&row.class);
    let mut out = Vec::new();
    match desk.form {
        Form::Json => rows::json(&loaded, as_of, shown, &mut out),
        _ => out = rows::table(&loaded, as_of, shown, &desk.style).into_bytes(),
    }
    desk.deliver(&out, &policy_file::files(&loaded.places))?;
    Ok(Exit::Clean)
}
