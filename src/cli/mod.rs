//! The command line: what was typed, what will be done, and how it ended.
//!
//! A command goes through three hands. [`args`] is what was typed, word by word. [`plan`] is what will be done: every
//! default chosen, every doubt settled, so that nothing below asks the terminal or the environment again. Then one short
//! file a command does it ([`read`]). [`exit`] has the three ways of ending.
//!
//! The layers below are reached through one door, [`connect`].
//!
//! stdout carries data alone. Everything else, one line each, goes to stderr.

pub mod args;
pub mod carve;
pub mod check;
pub mod completions;
pub mod config;
pub mod connect;
#[cfg(feature = "live")]
pub mod dashboard;
pub mod exit;
pub mod explain;
pub mod interfaces;
pub mod listed;
pub mod listen;
pub mod man;
pub mod metrics;
pub mod output;
pub mod plan;
pub mod policy;
pub mod policy_file;
pub mod progress;
pub mod quantity;
pub mod read;
pub mod reading;
pub mod remarks;
pub mod report;
pub mod sinks;
pub mod status;
pub mod suggest;
pub mod usage;

use std::ffi::OsString;

use exit::{Exit, Failure};

/// Runs the command typed and tells how it ended.
pub fn run(typed: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match usage::parse(typed) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let around = plan::Surroundings::real();
    let outcome = match args.command {
        args::Command::Explain(args) => explain::run(args, &around),
        args::Command::Carve(args) => carve::run(args, &around),
        args::Command::Policy(args) => policy::run(args, &around),
        args::Command::Interfaces(args) => interfaces::run(args, &around),
        args::Command::Completions(args) => completions::run(args),
        args::Command::Man(args) => man::run(args),
        args::Command::Report(args) => report::run(args, &around),
        _ => plan::Plan::new(args, &around).and_then(read::run),
    };
    match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            failure.report();
            Exit::Unusable
        }
    }
}

/// One finished line to stderr, safe to show. A stderr that is gone is nobody's problem.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    let text = format!("flowsift: {}\n", crate::sink::text::clean(line));
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// What a command returns.
pub(crate) type Outcome = Result<Exit, Failure>;
