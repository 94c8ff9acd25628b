//! `policy export`: a policy as a list for a firewall, a proxy or a resolver.

use std::path::PathBuf;

use clap::Args as Group;

use super::{desk, import};
use crate::cli::exit::{Exit, Failure};
use crate::cli::listed::Listed;
use crate::cli::output::Destination;
use crate::cli::{Outcome, policy_file, suggest};
use crate::policy::compile::Policy;
use crate::policy::export::{self, Choice, Format};
use crate::policy::model::Date;

/// Write a policy as a list for a firewall, a proxy or a resolver, in its own spelling
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// squid, pac, nftables, dnsmasq, edl-url, edl-domain, edl-ip, pfsense-hosts, pfsense-networks, pfsense-ports, hosts, csv or json
    #[arg(value_name = "FORMAT", value_parser = FORMATS, hide_possible_values = true)]
    pub format: Format,

    /// A TOML file, or the name of a built-in policy [default: salestim]
    #[arg(value_name = "POLICY")]
    pub bare: Option<String>,

    /// The same, as other commands take it
    #[arg(long, value_name = "FILE|NAME")]
    pub policy: Option<String>,

    /// Only rows of this class (may be given several times)
    #[arg(long = "class", value_name = "CLASS")]
    pub classes: Vec<String>,

    /// Rows in force on this day, 2026-01-31 [default: the policy's own date]
    #[arg(long, value_name = "DAY", value_parser = desk::day)]
    pub as_of: Option<Date>,

    /// With pac: where all that is not listed goes
    #[arg(long, value_name = "HOST:PORT", value_parser = proxy)]
    pub proxy: Option<String>,

    /// Write here instead of to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// No word of what the format cannot say; errors stay
    #[arg(short, long)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
No format says quite what a policy says: what is lost, or let through beyond it, stands in the file where it can have comments, \
and on stderr. Retired rows and the platform's own insides are left out.

Examples:
  flowsift policy export squid -o flowsift.conf
  flowsift policy export pac --class salestim --proxy proxy.example:8080
  flowsift policy export nftables ours.toml | nft -c -f -
  flowsift policy export edl-url --class teams";

pub fn run(args: ExportArgs) -> Outcome {
    let name = desk::the_policy(args.bare, args.policy)?;
    let loaded = policy_file::open(&name)?;
    let (policy, files) = (loaded.policy, policy_file::files(&loaded.places));
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    check_classes(&policy, &args.classes)?;
    if args.proxy.is_some() && args.format != Format::Pac {
        return Err(Failure::new("--proxy is for the format pac alone"));
    }
    let choice = Choice::of(&policy, &args.classes, args.as_of);
    let export = export::write(args.format, &choice, args.proxy.as_deref());
    Destination::new(args.output).deliver(export.text.as_bytes(), &files)?;
    if !args.quiet {
        import::tell(&warnings);
        import::tell(
            &choice
                .left_out_line()
                .into_iter()
                .chain(export.losses.lines())
                .collect::<Vec<_>>(),
        );
    }
    Ok(Exit::Clean)
}

fn check_classes(policy: &Policy, classes: &[String]) -> Result<(), Failure> {
    match classes.iter().find(|class| !policy.classes().contains(class)) {
        Some(stranger) => {
            let hint = suggest::hint(stranger, policy.classes().iter().map(String::as_str));
            let name = policy.name();
            Err(Failure::new(format!(
                "no row of the policy {name} has the class {stranger}{hint}"
            )))
        }
        None => Ok(()),
    }
}

const FORMATS: Listed<Format> = Listed::new(format, || Format::WORDS.iter().map(|(word, _)| *word).collect());

fn format(text: &str) -> Result<Format, String> {
    let words = Format::WORDS.iter();
    if let Some((_, format)) = words.clone().find(|(word, _)| *word == text) {
        return Ok(*format);
    }
    let family: Vec<&str> = words
        .clone()
        .map(|(word, _)| *word)
        .filter(|word| word.starts_with(&format!("{text}-")))
        .collect();
    Err(match family.is_empty() {
        true => format!("no such format{}", suggest::hint(text, words.map(|(word, _)| *word))),
        false => format!("which list of it: {}?", family.join(", ")),
    })
}

/// A host and a port, as a PAC file takes them.
fn proxy(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
    let port = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty() && host.chars().all(fits));
    match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(1..) => Ok(text.to_owned()),
        _ => Err("write a host and a port, as in proxy.example:8080".to_owned()),
    }
}
