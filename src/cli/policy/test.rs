//! `policy test`: which rows a name or an address falls under, and why not under others.

use clap::{Args as Group, ValueEnum};

use super::desk::{self, Desk, Form, Output};
use crate::cli::exit::{Exit, Failure};
use crate::cli::plan::Surroundings;
use crate::cli::{Outcome, policy_file, say};
use crate::policy::builtin;
use crate::policy::model::{Date, SCTP, TCP, UDP};
use crate::policy::trial::{self, Asked, Port};
use crate::sink::policy::trial as shown;

/// Tell which rows a name or an address falls under and why, and what those near it lack
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct TestArgs {
    /// A name, an address or a URL, with :PORT or :udp/PORT where a port is asked about; `udp/443` alone is for all without one
    #[arg(value_name = "NAME|ADDRESS[:PORT]", required = true)]
    pub targets: Vec<String>,

    /// The policy: a TOML file, or the name of one that is built in
    #[arg(long, value_name = "FILE|NAME", default_value = builtin::DEFAULT)]
    pub policy: String,

    /// The protocol of ports given as a number
    #[arg(long, value_name = "PROTOCOL", default_value = "tcp")]
    pub proto: Proto,

    /// As of this day: what is over by then is shown so [default: today]
    #[arg(long, value_name = "DATE", value_parser = desk::day)]
    pub as_of: Option<Date>,

    /// table or json [default: table on a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", value_parser = desk::form)]
    pub format: Option<Form>,

    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Proto {
    Tcp,
    Udp,
    Sctp,
}

const EXAMPLES: &str = "\
Examples:
  flowsift policy test app.salestim.io salestim.io
  flowsift policy test https://assets.nbold.io/logo.png
  flowsift policy test 52.112.0.1:udp/3478 [2603:1063::1]:443
  flowsift policy test graph.microsoft.com udp/443 --policy ours.toml

Exit status:
  0  each is in a row, and on a port of the row that judges it where a port was asked about
  1  one is in no row, or on another port
  2  the policy, or what was asked about, could not be read";

pub fn run(args: TestArgs, around: &Surroundings) -> Outcome {
    let desk = Desk::new(args.format, args.output, around);
    let questions = questions(&args.targets, args.proto)?;
    let loaded = policy_file::open(&args.policy)?;
    loaded.warnings.iter().for_each(|warning| say(&warning.to_string()));
    let as_of = args.as_of.unwrap_or_else(desk::today);
    let mut out = Vec::new();
    let mut exit = Exit::Clean;
    for question in &questions {
        let tried = trial::tried(&loaded.policy, &question.asked, question.port, as_of);
        if !tried.passes() {
            exit = Exit::Wanting;
        }
        match desk.form {
            Form::Json => shown::json(question, &tried, &loaded.policy, &mut out),
            _ => out.extend(shown::table(question, &tried, &loaded.policy, &desk.style).bytes()),
        }
    }
    desk.deliver(&out, &policy_file::files(&loaded.places))?;
    Ok(exit)
}

/// What was typed as questions; a port alone is for those that have none.
fn questions(targets: &[String], proto: Proto) -> Result<Vec<shown::Question>, Failure> {
    let protocol = match proto {
        Proto::Tcp => TCP,
        Proto::Udp => UDP,
        Proto::Sctp => SCTP,
    };
    let common: Vec<Port> = targets.iter().filter_map(|text| trial::port(text)).collect();
    if common.len() > 1 {
        return Err(Failure::new(
            "several ports stand alone: write each behind its name, as in app.salestim.io:udp/443",
        ));
    }
    let mut questions = Vec::new();
    for text in targets.iter().filter(|text| trial::port(text).is_none()) {
        let (asked, port) = Asked::parse(text, protocol).map_err(Failure::new)?;
        let port = port.or(common.first().copied());
        questions.push(shown::Question { asked, port });
    }
    match questions.is_empty() {
        true => Err(Failure::new("a port alone is in no row: name a host or an address too")),
        false => Ok(questions),
    }
}
