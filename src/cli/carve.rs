//! `carve FILE... -o OUT.pcapng`: the packets of chosen flows, and the lookups that explain them.
//!
//! ```text
//!  1  engine    find      rows ─▶ chosen flows: first and last frame, and a comment each
//!  2  engine    lookups   what DNS had told about them (only if DNS is wanted)
//!  3  scanner   pieces    which fragments are theirs (only if there are fragments)
//!  4  decoder   copy      frames ─▶ belonging ─▶ out (anonymised: with a reading ahead of it)
//! ```
//!
//! Nothing is kept between the readings but what is bounded: flows and lookups, never packets.

mod belonging;
mod choice;
mod copy;
mod disguise;
mod find;
mod lookups;
mod pieces;

use std::io::{BufWriter, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as Group;

use self::belonging::Belonging;
use self::choice::{Choice, Moment, NamePattern};
use self::copy::{Copied, Copying, Lead, Rewrite};
use self::disguise::Disguised;
use self::find::{FLOWS_AT_MOST, Finder};
use self::lookups::Gatherer;
use super::exit::{Exit, Failure};
use super::explain::find::Wanted;
use super::plan::{Plan, Select, Surroundings};
use super::reading::{self, Reading};
use super::{Outcome, args, policy_file, say, suggest};
use crate::anonymise::Substitutes;
use crate::anonymise::packet::Rewriter;
use crate::engine::limits::Limits;
use crate::policy::verdict::{FlagKind, Standing};
use crate::sink::carve::{Plainly, Spelling};
use crate::sink::{PolicyNames, text};
use crate::source::{InputOptions, Inputs};

/// Carve the packets of chosen flows, and the DNS that explains them, each flow's verdict as a comment
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct CarveArgs {
    /// The captures, as `read` takes them (not standard input: they are read several times)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Flows of this id, as in the records, or its beginning; ID@START is one of them (may be given several times)
    #[arg(long = "id", value_name = "ID", value_parser = Wanted::parse)]
    pub ids: Vec<Wanted>,

    /// Flows of this class (may be given several times)
    #[arg(long = "class", value_name = "CLASS")]
    pub classes: Vec<String>,

    /// Flows with this flag; with `blocked` also lookups that failed (may be given several times)
    #[arg(long = "flag", value_name = "FLAG", value_parser = args::FLAGS, hide_possible_values = true)]
    pub flags: Vec<FlagKind>,

    /// Flows of this name: a whole one, `*.suffix`, or `*part*` (may be given several times)
    #[arg(long = "name", value_name = "NAME", value_parser = NamePattern::parse)]
    pub names: Vec<NamePattern>,

    /// Flows with this verdict: ok, flagged, unlisted, inconclusive (may be given several times)
    #[arg(long = "verdict", value_name = "VERDICT", value_parser = standing)]
    pub verdicts: Vec<Standing>,

    /// Flows that went on at this time or later: 2026-11-21T09:12:01Z
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub from: Option<Moment>,

    /// Flows that had begun by this time
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    pub to: Option<Moment>,

    /// Every packet, with the comments of all flows
    #[arg(long, conflicts_with_all = ["ids", "classes", "flags", "names", "verdicts", "from", "to"])]
    pub all: bool,

    /// Leave out the lookups that explain the flows
    #[arg(long)]
    pub no_dns: bool,

    /// Replace addresses and names, and cut what is not understood: KEY is a long random text, or @FILE with one in it. The
    /// same key gives the same. Without a choice of flows: every packet
    #[arg(long, value_name = "KEY", alias = "anonymize")]
    pub anonymise: Option<String>,

    /// The policy to judge by: a TOML file, or the name of one that is built in
    #[arg(long, value_name = "FILE|NAME", default_value = "salestim")]
    pub policy: String,

    /// What is done anyway
    #[arg(long, hide = true)]
    pub hash: bool,

    #[command(flatten)]
    pub reading: Reading,
}

const EXAMPLES: &str = "\
Wishes of several kinds must all hold, of those of one kind any. A flow is carved as a whole. The comment on its first \
packet tells its name, its verdict and why, and where it was; interfaces, times and comments stay as they were.

Examples:
  flowsift carve office.pcapng --flag blocked -o blocked.pcapng
  flowsift carve office.pcapng --id 1:LQsI6KGU/W30biD9ZQTgo+Tg5xE= -o one.pcapng
  flowsift carve monday/ --name '*.salestim.io' -o - | wireshark -k -i -
  flowsift carve office.pcapng --anonymise @key.txt -o for-the-vendor.pcapng
  flowsift carve office.pcapng --all -o commented.pcapng  a comment a flow

Exit status: 0 it was written, even if nothing matched · 2 something could not be used";

fn standing(text: &str) -> Result<Standing, String> {
    const ALL: [Standing; 4] = [
        Standing::Ok,
        Standing::Flagged,
        Standing::Unlisted,
        Standing::Inconclusive,
    ];
    match ALL.into_iter().find(|standing| standing.as_str() == text) {
        Some(standing) => Ok(standing),
        None => Err(format!(
            "no such verdict{}",
            suggest::hint(text, ALL.into_iter().map(Standing::as_str))
        )),
    }
}

pub fn run(args: CarveArgs, around: &Surroundings) -> Outcome {
    reading::check_readable_twice(&args.files, "carve")?;
    let with_dns = !args.no_dns;
    let mut choice = Choice {
        ids: args.ids,
        select: Select {
            classes: args.classes,
            flags: args.flags,
        },
        names: args.names,
        verdicts: args.verdicts,
        from: args.from,
        to: args.to,
        all: args.all,
    };
    choice.all |= choice.is_empty() && args.anonymise.is_some();
    if choice.is_empty() && !choice.all {
        return Err(Failure::new(
            "which flows? choose by --id, --class, --flag, --name, --verdict, --from or --to, or give --all for every packet",
        ));
    }
    let key = args.anonymise.as_deref().map(disguise::key).transpose()?;
    let plan = args.reading.plan(args.files, args.policy, around)?;
    if plan.on_screen {
        return Err(Failure::new(
            "a capture is nothing for a terminal: give -o OUT.pcapng, or pipe it into `wireshark -k -i -`",
        ));
    }
    plan.output.spare(plan.files())?;
    // A class that no flow can have is told before anything is read.
    choice.check(&PolicyNames::of(&policy_file::open(&plan.policy)?.policy))?;
    if let Some(weakness) = key.as_deref().and_then(disguise::weakness).filter(|_| plan.warnings) {
        say(weakness);
    }
    let substitutes = key.map(|key| Arc::new(Substitutes::new(&key)));
    carve(&plan, Arc::new(choice), with_dns, substitutes)
}

fn carve(plan: &Plan, choice: Arc<Choice>, with_dns: bool, substitutes: Option<Arc<Substitutes>>) -> Outcome {
    let spelling: Arc<dyn Spelling> = match &substitutes {
        None => Arc::new(Plainly),
        Some(substitutes) => Arc::new(Disguised(Arc::clone(substitutes))),
    };
    let chosen = Arc::clone(&choice);
    let only = plan
        .files()
        .first()
        .map_or(String::new(), |file| file.display().to_string());
    let (mut found, ended) = reading::pass(plan, |labels| {
        Finder::new(chosen, (labels, &only), Arc::clone(&spelling), with_dns)
    })?;
    let has_faults = reading::tell(&ended, plan);
    if found.more > 0 && !choice.all {
        return Err(Failure::new(format!(
            "{} flows were asked for, and no more than {FLOWS_AT_MOST} can be carved at once: choose fewer, or all packets with --all",
            found.more + FLOWS_AT_MOST as u64
        )));
    }
    let wants = std::mem::take(&mut found.wants);
    let has_wants = !wants.is_empty();
    let mut gatherer = Gatherer::new(wants, (found.labels.clone(), &only), Arc::clone(&spelling));
    for failed in std::mem::take(&mut found.failed) {
        gatherer.take(&failed);
    }
    if has_wants {
        (gatherer, _) = reading::pass(plan, |_| gatherer)?;
        reading::check_unchanged(&found.captures, &gatherer.captures)?;
    }
    gatherer
        .lookups
        .sort_by(|a, b| (a.at, &a.comment).cmp(&(b.at, &b.comment)));
    gatherer
        .lookups
        .dedup_by(|a, b| (a.at, &a.comment) == (b.at, &b.comment));
    let (flows, lookups) = (found.flows.len() as u64, gatherer.lookups.len() as u64);
    let more_lookups = gatherer.more;
    let mut belonging = Belonging::new(std::mem::take(&mut found.flows), gatherer.lookups);

    let mut pieces = pieces::Pieces::new();
    let has_pieces = found.captures.iter().any(|capture| capture.fragments.pieces > 0);
    if has_pieces && !choice.all {
        let (of_chosen, more) = pieces::find(&mut open(plan, false)?, &mut belonging, &Limits::of(plan.memory));
        pieces = of_chosen;
        if more > 0 {
            say(&format!("{more} fragments beyond the first 4 million were left out"));
        }
    }
    let asked = match choice.all {
        true => "every packet".to_owned(),
        false => format!("{} chosen", text::count(flows, "flow")),
    };
    let mut rewriter = substitutes.as_deref().map(Rewriter::new);
    let work = Copying {
        belonging,
        pieces,
        all: choice.all,
        heading: find::heading(&found.captures, &found.labels, &asked, spelling.as_ref()),
        lead: match rewriter {
            Some(_) => Some(Lead::new(open(plan, false)?)),
            None => None,
        },
        rewrite: rewriter.as_mut().map(|rewriter| rewriter as &mut dyn Rewrite),
    };
    let copied = write(plan, work)?;
    let before: Vec<Option<String>> = found.captures.iter().map(|capture| capture.sha256.clone()).collect();
    copy::check_unchanged(&copied, &before)?;
    if plan.warnings {
        say(&told(plan, &copied, flows, lookups));
        if found.uncommented > 0 || found.more > 0 {
            say(&format!(
                "{} have no comment: there were too many",
                text::count(found.uncommented + found.more, "flow")
            ));
        }
        if copied.left_out > 0 {
            say(&format!(
                "{} left out: not known well enough to be shown to others",
                text::count(copied.left_out, "packet")
            ));
        }
        if more_lookups > 0 {
            say(&format!("{more_lookups} more lookups were left out"));
        }
    }
    Ok(if has_faults { Exit::Unusable } else { Exit::Clean })
}

fn open(plan: &Plan, hash: bool) -> Result<Inputs, Failure> {
    Inputs::open(plan.files(), InputOptions { hash }).map_err(Failure::lines)
}

fn write(plan: &Plan, work: Copying<'_>) -> Result<Copied, Failure> {
    let mut inputs = open(plan, true)?;
    let mut out = BufWriter::new(plan.output.open(plan.files())?);
    match copy::copy(work, &mut inputs, &mut out) {
        Ok(copied) => Ok(copied),
        // The reader at the other end has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Copied {
            stopped: true,
            ..Copied::default()
        }),
        Err(error) => Err(Failure::io("write to", &plan.output, &error)),
    }
}

/// One line at the end.
fn told(plan: &Plan, copied: &Copied, flows: u64, lookups: u64) -> String {
    let place = &plan.output;
    if flows == 0 && lookups == 0 && copied.packets == 0 {
        return format!("nothing matched; {place} is a capture without packets");
    }
    let packets = text::count(copied.packets, "packet");
    let what = format!("{} and {}", text::count(flows, "flow"), text::count(lookups, "lookup"));
    format!("{what}: {packets} of {} into {place}", copied.of)
}
