//! What was typed, word by word. Nothing is decided here, and nothing but the words is looked at.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum, ValueHint};

use super::carve::CarveArgs;
use super::completions::CompletionsArgs;
use super::explain::ExplainArgs;
use super::interfaces::InterfacesArgs;
use super::listed::Listed;
use super::man::ManArgs;
use super::policy::PolicyArgs;
use super::report::ReportArgs;
use super::{metrics, quantity, suggest};
use crate::policy::verdict::FlagKind;

/// Tells which service every flow of a capture or an interface talks to, with the evidence shown
#[derive(Debug, Parser)]
#[command(name = "flowsift", version, after_help = EXAMPLES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,

    /// Take defaults from this file, or from none [default: ~/.config/flowsift/config.toml, else /etc/flowsift/config.toml]
    #[arg(long, global = true, value_name = "FILE|none")]
    pub config: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Every flow is named (by its TLS hello, else by the DNS answers before it) and judged under a policy: the list of \
hosts, addresses, ports and TLS versions that an application is said to need.

Examples:
  flowsift read office.pcapng                every flow, and a summary by class
  flowsift read office.pcapng --flag blocked what was blocked, and how
  flowsift read monday/ | jq .name           a folder, one JSON object a flow
  flowsift read a.pcap --fail-on tls-version exit status 1 if one was unexpected
  flowsift check office.pcapng               what was reached, what is blocked
  flowsift report office.pcapng -o page.html one page with all of it
  flowsift live -i eth0                      the same, as it passes
  flowsift interfaces                        what can be listened to

Exit status:
  0  all was read
  1  a flag that --fail-on names was found; or `check` found something blocked, intercepted or rerouted
  2  the command line, the policy, an input or the output could not be used: a line on stderr says which";

#[derive(Debug, Subcommand)]
pub enum Command {
    Read(ReadArgs),
    #[cfg_attr(not(feature = "live"), command(hide = true))]
    Live(LiveArgs),
    Check(CheckArgs),
    Explain(ExplainArgs),
    Carve(CarveArgs),
    Report(ReportArgs),
    Policy(PolicyArgs),
    Interfaces(InterfacesArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
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

    /// Follow a folder into which another program rotates captures, or one file that grows, until stopped
    #[arg(long, help_heading = "Following")]
    pub follow: bool,

    /// With --follow: stop after this long: 90s, 15m, 8h
    #[arg(long, value_name = "TIME", value_parser = quantity::span, requires = "follow", help_heading = "Following")]
    pub duration: Option<Duration>,

    /// With --follow: statistics on stderr as often as this, also where it is no terminal: 1, 10s
    #[arg(long, value_name = "SECONDS", value_parser = quantity::span, requires = "follow", conflicts_with = "quiet", help_heading = "Following")]
    pub stats: Option<Duration>,

    /// With --follow: serve numbers for monitoring (Prometheus) at this port of this host, or address and port
    #[arg(long, value_name = "ADDR", value_parser = metrics::address, requires = "follow", help_heading = "Following")]
    pub metrics: Option<SocketAddr>,

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
  flowsift read --follow /var/captures         what tcpdump -G writes there

The README tells what each flag means, and every field of the JSON.";

/// Classify what passes on interfaces, until stopped: a dashboard on a terminal, JSON Lines in a pipe
#[derive(Debug, Group)]
#[command(after_help = LIVE_EXAMPLES)]
#[group(id = "heard", required = true, multiple = true, args = ["interfaces", "follow"])]
pub struct LiveArgs {
    #[command(flatten)]
    pub listen: ListenArgs,

    #[command(flatten)]
    pub common: Common,
}

/// Judge an allow-list: which of its hosts were reached, which are blocked and how, and what is used but not on it
#[derive(Debug, Group)]
#[command(after_help = CHECK_EXAMPLES)]
#[group(id = "judged", required = true, multiple = true, args = ["files", "interfaces", "follow", "inside"])]
pub struct CheckArgs {
    /// Captures, as for `read`: made where the application is used, while it is used
    #[arg(value_name = "FILE", conflicts_with_all = ["interfaces", "follow"])]
    pub files: Vec<PathBuf>,

    /// Captures of one firewall's two sides: this one towards the clients (several with commas between)
    #[arg(
        long,
        value_name = "FILE",
        value_delimiter = ',',
        requires = "outside",
        conflicts_with_all = ["files", "interfaces", "follow"], help_heading = "Both sides of a firewall")]
    pub inside: Vec<PathBuf>,

    /// With --inside: the one towards the servers, of the same time. Every attempt is then told where it died
    #[arg(
        long,
        value_name = "FILE",
        value_delimiter = ',',
        requires = "inside",
        help_heading = "Both sides of a firewall"
    )]
    pub outside: Vec<PathBuf>,

    /// Exit status 1 also for what was reached otherwise than listed, cannot be told, or was not tried
    #[arg(long, help_heading = "Judging")]
    pub strict: bool,

    /// Exit status 1 also if a host of this class was not reached (may be given several times)
    #[arg(long, value_name = "CLASS", help_heading = "Judging")]
    pub require: Vec<String>,

    /// What is done anyway
    #[arg(long, hide = true)]
    pub hash: bool,

    #[command(flatten)]
    pub listen: ListenArgs,

    #[command(flatten)]
    pub common: Common,
}

const CHECK_EXAMPLES: &str = "\
One record a host pattern of the policy: reached, reached-unlisted (at another address than listed), fallback (UDP failed, TCP \
worked), blocked (and how), intercepted, rerouted, inconclusive, not-tried. Formats: table, json, junit, sarif, markdown.

Examples:
  flowsift check office.pcapng
  flowsift check office.pcapng --policy ours.toml --class salestim
  flowsift check office.pcapng --require salestim --format junit -o check.xml
  flowsift check -i eth0 --duration 15m --format markdown -o ticket.md
  flowsift check --inside lan.pcapng --outside wan.pcapng

Exit status:
  0  nothing of the list was found blocked, intercepted or rerouted
  1  something was, or nothing at all was reached; and what --strict, --require and --fail-on ask for
  2  the command line, the policy, an input or the output could not be used";

/// How to listen, for every command that can.
#[derive(Debug, Group)]
pub struct ListenArgs {
    /// The interface to listen to; several with commas between
    #[arg(
        short,
        long = "interface",
        value_name = "IFACE",
        value_delimiter = ',',
        help_heading = "Listening"
    )]
    pub interfaces: Vec<String>,

    /// Instead of interfaces: a folder into which another program rotates captures, or one file that grows
    #[arg(
        long,
        value_name = "FOLDER",
        conflicts_with_all = ["interfaces", "workers", "snaplen", "buffer", "write", "rotate_size", "rotate_every", "keep"], help_heading = "Listening")]
    pub follow: Option<PathBuf>,

    /// Stop after this long: 90s, 15m, 8h
    #[arg(long, value_name = "TIME", value_parser = quantity::span, help_heading = "Listening")]
    pub duration: Option<Duration>,

    /// Stop after so many packets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Listening")]
    pub packets: Option<u64>,

    /// Look at no more than this many bytes of a packet
    #[arg(long, value_name = "BYTES", default_value = "262144", value_parser = clap::value_parser!(u32).range(64..=262_144), help_heading = "Listening")]
    pub snaplen: u32,

    /// The kernel's buffer for each interface, which bursts must fit into
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = quantity::ring, help_heading = "Listening")]
    pub buffer: u32,

    /// Listeners an interface, a thread each, that share its packets
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=64), help_heading = "Listening")]
    pub workers: u8,

    /// Keep the packets too, in this file: pcap or pcapng, as its name ends
    #[arg(short, long, value_name = "FILE", help_heading = "Keeping packets")]
    pub write: Option<PathBuf>,

    /// With -w: begin another file when one would become larger than this: 100MB. A number and a time go into the names
    #[arg(long, value_name = "SIZE", value_parser = quantity::size, requires = "write", help_heading = "Keeping packets")]
    pub rotate_size: Option<u64>,

    /// With -w: begin another file when one holds this much time: 60s, 1h
    #[arg(long, value_name = "TIME", value_parser = quantity::span, requires = "write", help_heading = "Keeping packets")]
    pub rotate_every: Option<Duration>,

    /// With -w and a rotation: keep so many files, remove the oldest
    #[arg(long, value_name = "N", requires = "write", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Keeping packets")]
    pub keep: Option<u32>,

    /// Statistics on stderr as often as this, also where it is no terminal: 1, 10s
    #[arg(long, value_name = "SECONDS", value_parser = quantity::span, conflicts_with = "quiet", help_heading = "Watching")]
    pub stats: Option<Duration>,

    /// Serve numbers for monitoring (Prometheus) at this port of this host, or address and port: 9290, 192.0.2.7:9290
    #[arg(long, value_name = "ADDR", value_parser = metrics::address, help_heading = "Watching")]
    pub metrics: Option<SocketAddr>,
}

const LIVE_EXAMPLES: &str = "\
Flows are written as they end, and what is written is seen at least once a second. SIGINT (Ctrl-C) and SIGTERM end the run \
with all flows that are still open. On a terminal a dashboard shows how it goes (`?` tells its keys); with --format table rows \
are written one by one, and the last line tells how it goes.

Examples:
  flowsift live -i eth0
  flowsift live -i eth0,wlan0 --duration 15m --class salestim
  flowsift live -i eth0 --filter 'host 10.0.0.7' --format json | jq .name
  flowsift live -i eth0 -w kept.pcapng --rotate-size 100MB --keep 20
  flowsift live -i eth0 --quiet --metrics 9290 -o flows.jsonl   for a sensor
  flowsift live --follow /var/captures";

/// What every command that judges flows takes.
#[derive(Debug, Group)]
pub struct Common {
    /// The policy to judge by: a TOML file, or the name of one that is built in
    #[arg(long, value_name = "FILE|NAME", default_value = "salestim", value_hint = ValueHint::FilePath, help_heading = "Judging")]
    pub policy: String,

    /// table, json, csv, eve, zeek, ecs or parquet; of check table, json, junit, sarif or markdown [default: table on a
    /// terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", value_parser = FORMATS, hide_possible_values = true, help_heading = "Output")]
    pub format: Option<Format>,

    /// Write here instead of to standard output; csv, zeek and parquet also into a folder (`out/`), a file a table
    #[arg(short, long, value_name = "PATH", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Look only at packets that pass this filter (in tcpdump's language)
    #[arg(long, value_name = "BPF", help_heading = "Choosing")]
    pub filter: Option<String>,

    /// Show only flows of this class (may be given several times)
    #[arg(long = "class", value_name = "CLASS", help_heading = "Choosing")]
    pub classes: Vec<String>,

    /// Show only flows with this flag (may be given several times)
    #[arg(long = "flag", value_name = "FLAG", value_parser = FLAGS, hide_possible_values = true, help_heading = "Choosing")]
    pub flags: Vec<FlagKind>,

    /// Exit with status 1 if any flow or lookup, shown or not, has this flag (may be given several times)
    #[arg(long, value_name = "FLAG", value_parser = FLAGS, hide_possible_values = true, help_heading = "Judging")]
    pub fail_on: Vec<FlagKind>,

    /// Also write every name that was looked up
    #[arg(long, help_heading = "Choosing")]
    pub names: bool,

    /// How many threads may work; the result does not depend on it [default: the processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Resources")]
    pub threads: Option<u16>,

    /// How much memory the flows and names may take: what is beyond it is written out early, and counted
    #[arg(long, value_name = "SIZE", default_value = "300MB", value_parser = quantity::size, help_heading = "Resources")]
    pub memory: u64,

    /// Neither progress nor warnings; errors stay
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Whether to use colours; `auto` heeds NO_COLOR
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        alias = "colour",
        help_heading = "Output"
    )]
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
    /// Not of `check`, as those below: lists of flows.
    Csv,
    /// Suricata's events.
    Eve,
    /// Zeek's logs.
    Zeek,
    /// The Elastic Common Schema.
    Ecs,
    Parquet,
    /// Only of `check`, as those below.
    Junit,
    Sarif,
    Markdown,
}

impl Format {
    const WORDS: [(&str, Format); 10] = [
        ("table", Format::Table),
        ("json", Format::Json),
        ("csv", Format::Csv),
        ("eve", Format::Eve),
        ("zeek", Format::Zeek),
        ("ecs", Format::Ecs),
        ("parquet", Format::Parquet),
        ("junit", Format::Junit),
        ("sarif", Format::Sarif),
        ("markdown", Format::Markdown),
    ];

    pub fn as_str(self) -> &'static str {
        Format::WORDS
            .iter()
            .find(|(_, format)| *format == self)
            .map_or("", |(word, _)| word)
    }

    /// A judgement on an allow-list, and no list of flows.
    pub fn is_of_check(self) -> bool {
        matches!(self, Format::Junit | Format::Sarif | Format::Markdown)
    }

    /// A list of flows, and no judgement.
    pub fn is_of_flows(self) -> bool {
        !self.is_of_check() && !matches!(self, Format::Table | Format::Json)
    }
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

const FORMATS: Listed<Format> = Listed::new(format, || Format::WORDS.iter().map(|(word, _)| *word).collect());
pub(super) const FLAGS: Listed<FlagKind> =
    Listed::new(flag, || FlagKind::ALL.iter().map(|kind| kind.as_str()).collect());

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
