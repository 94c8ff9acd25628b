//! `flowsift policy ...`: everything about the policy itself, one short file a sub-command.
//!
//! To add one: a variant here with its arguments, its file in `policy/`, one arm in [`run`]. [`desk`] has what all of them
//! share: how results are shown, where they go.

pub mod desk;
pub mod diff;
pub mod export;
pub mod import;
pub mod learn;
pub mod lint;
pub mod show;
pub mod test;

use clap::{Args as Group, Subcommand};

use super::Outcome;
use super::plan::Surroundings;

/// Show, check, try, compare policies
#[derive(Debug, Group)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct PolicyArgs {
    #[command(subcommand)]
    pub command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    Learn(learn::LearnArgs),
    Show(show::ShowArgs),
    Lint(lint::LintArgs),
    Test(test::TestArgs),
    Diff(diff::DiffArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
}

/// Does what was typed.
pub fn run(args: PolicyArgs, around: &Surroundings) -> Outcome {
    match args.command {
        PolicyCommand::Learn(args) => learn::run(args, around),
        PolicyCommand::Show(args) => show::run(args, around),
        PolicyCommand::Lint(args) => lint::run(args, around),
        PolicyCommand::Test(args) => test::run(args, around),
        PolicyCommand::Diff(args) => diff::run(args, around),
        PolicyCommand::Import(args) => import::run(args),
        PolicyCommand::Export(args) => export::run(args),
    }
}
