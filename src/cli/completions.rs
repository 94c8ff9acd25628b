//! `completions SHELL`: what a shell needs to complete our command line.

use clap::{Args as Group, CommandFactory};
use clap_complete::Shell;

use super::Outcome;
use super::args::Args;
use super::exit::Exit;
use super::output::Destination;

/// Print what a shell needs to complete the command line
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  flowsift completions bash > /etc/bash_completion.d/flowsift
  flowsift completions zsh > ~/.zfunc/_flowsift      where ~/.zfunc is in $fpath
  flowsift completions fish > ~/.config/fish/completions/flowsift.fish
  source <(flowsift completions bash)                for this shell alone";

pub fn run(args: CompletionsArgs) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "flowsift", &mut text);
    Destination::Stdout.deliver(&text, &[])?;
    Ok(Exit::Clean)
}
