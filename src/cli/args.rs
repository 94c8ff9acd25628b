//! What was typed, word by word. Nothing is decided here, and nothing but the words is looked at.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

use super::{quantity, suggest};
use crate::policy::verdict::FlagKind;

/// Tells which service every flow of a capture or an interface talks to, with the evidence shown
#[derive(Debug, Parser)]
#[command(name = "flowsift", version, after_help = EXAMPLES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Every flow is named (by its TLS hello, else by the DNS answers before it) and judged under a policy: the list of \
hosts, addresses, ports and TLS versions that an application is said to need.

Examples:
  flowsift read office.pcapng                  every flow in a table, and a summary by class
  flowsift read office.pcapng --flag blocked   what was blocked, and how: lookups that failed
  flowsift read monday/ | jq .name             a folder of captures, one JSON object a flow
  flowsift read a.pcap --fail-on tls-version   exit status 1 if another TLS version than expected was negotiated

Exit status:
  0  all was read
  1  a flag that --fail-on names was found
  2  the command line, the policy, an input or the output could not be used: a line on stderr says which";

#[derive(Debug, Subcommand)]
pub enum Command {
    Read(ReadArgs),
    #[cfg_attr(not(feature = "live"), command(hide = true))]
    Live(LiveArgs),
}

/// Classify captures: a table on a terminal, JSON Lines in a pipe
#[derive(Debug, Group)]
#[command(after_help = READ_EXAMPLES)]
pub struct ReadArgs {
    /// Captures: pcap or pcapng, plain or in gzip, zstd or lz4; a folder of them; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Write the inputs' SHA-256 into the capture records
    #[arg(long)]
    pub hash: bool,

    #[command(flatten)]
    pub common: Common,
}

const READ_EXAMPLES: &str = "\
Several files, or a folder's captures, are one stream in the order of time: a flow may begin in one and end in the next.

Examples:
  flowsift read office.pcapng
  flowsift read office.pcapng --class salestim --class telemetry
  flowsift read office.pcapng --names --format json -o office.jsonl
  flowsift read logs/ --policy ours.toml --fail-on blocked --fail-on intercepted
  ssh gateway tcpdump -i eth0 -w - | flowsift read -

Flags: port, tls-version, plaintext, rerouted, address, intercepted, blocked, internal, hidden-name, retired, \
ambiguous, broad. The README tells what each means, and every field of the JSON.";

/// Classify what passes on interfaces, until stopped: flows are written as they end
#[derive(Debug, Group)]
#[command(after_help = LIVE_EXAMPLES)]
pub struct LiveArgs {
    /// The interface to listen to; several with commas between
    #[arg(
        short,
        long = "interface",
        value_name = "IFACE",
        value_delimiter = ',',
        required = true
    )]
    pub interfaces: Vec<String>,

    /// Stop after this long: 90s, 15m, 8h
    #[arg(long, value_name = "TIME", value_parser = quantity::span)]
    pub duration: Option<Duration>,

    /// Stop after so many packets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub packets: Option<u64>,

    #[command(flatten)]
    pub common: Common,
}

const LIVE_EXAMPLES: &str = "\
Examples:
  flowsift live -i eth0
  flowsift live -i eth0 --duration 15m --class salestim
  flowsift live -i eth0 --filter 'host 10.0.0.7' --format json | jq .name";

/// What every command that judges flows takes.
#[derive(Debug, Group)]
pub struct Common {
    /// The policy to judge by: a TOML file, or the name of one that is built in
    #[arg(long, value_name = "FILE|NAME", default_value = "salestim")]
    pub policy: String,

    /// table or json [default: table on a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<Format>,

    /// Write here instead of to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// Look only at packets that pass this filter (in tcpdump's language)
    #[arg(long, value_name = "BPF")]
    pub filter: Option<String>,

    /// Show only flows of this class (may be given several times)
    #[arg(long = "class", value_name = "CLASS")]
    pub classes: Vec<String>,

    /// Show only flows with this flag (may be given several times)
    #[arg(long = "flag", value_name = "FLAG", value_parser = flag)]
    pub flags: Vec<FlagKind>,

    /// Exit with status 1 if any flow or lookup, shown or not, has this flag (may be given several times)
    #[arg(long, value_name = "FLAG", value_parser = flag)]
    pub fail_on: Vec<FlagKind>,

    /// Also write every name that was looked up
    #[arg(long)]
    pub names: bool,

    /// How many threads may work; the result does not depend on it (this version works with one)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// How much memory the flows and names may take: what is beyond it is written out early, and counted
    #[arg(long, value_name = "SIZE", default_value = "300MB", value_parser = quantity::size)]
    pub memory: u64,

    /// Neither progress nor warnings; errors stay
    #[arg(short, long)]
    pub quiet: bool,

    /// Whether to use colours; `auto` heeds NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", alias = "colour")]
    pub color: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

/// The forms in which results can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Table,
    Json,
}

impl Format {
    const WORDS: [(&str, Format); 2] = [("table", Format::Table), ("json", Format::Json)];
}

fn format(text: &str) -> Result<Format, String> {
    let words = Format::WORDS.iter();
    match words.clone().find(|(word, _)| *word == text) {
        Some((_, format)) => Ok(*format),
        None => Err(format!(
            "no such format{}",
            suggest::hint(text, words.map(|(word, _)| *word))
        )),
    }
}

fn flag(text: &str) -> Result<FlagKind, String> {
    let kinds = FlagKind::ALL.into_iter();
    match kinds.clone().find(|kind| kind.as_str() == text) {
        Some(kind) => Ok(kind),
        None => Err(format!(
            "no such flag{}",
            suggest::hint(text, kinds.map(FlagKind::as_str))
        )),
    }
}
