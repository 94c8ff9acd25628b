//! `report FILE... -o PAGE.html`: one self-contained page.
//!
//! One reading: every row goes into the judgement (as `check` lends it) and into the page's sums. At the end the proofs of the first
//! flagged flows are told, as `explain` tells them, from the lookups that were kept.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args as Group;

use super::Outcome;
use super::check::lend;
use super::exit::{Exit, Failure};
use super::explain::lookups::Gatherer;
use super::output::Destination;
use super::plan::{Plan, Surroundings};
use super::reading::{self, Reading};
use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, FlowRow, Row, Wanted};
use crate::policy::compile::Policy;
use crate::policy::coverage::{Coverage, Demands};
use crate::sink::Labels;
use crate::sink::check::Judged;
use crate::sink::explain::{Evidence, Story};
use crate::sink::report::{self, Extras, Gathering};

/// Write one page about captures: a drawing, findings with frame numbers, every flow in a table. It needs no network
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Captures: pcap or pcapng, plain or in gzip, zstd or lz4; a folder of them; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// The policy to judge by: a TOML file, or the name of one that is built in
    #[arg(long, value_name = "FILE|NAME", default_value = "salestim")]
    pub policy: String,

    /// What the page is called [default: the capture's name]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Flows that the table has room for: flagged ones first, then the heaviest. All are counted
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(..=2_000_000))]
    pub rows: u32,

    /// Look only at packets that pass this filter (in tcpdump's language)
    #[arg(long, value_name = "BPF")]
    pub filter: Option<String>,

    /// What is done anyway
    #[arg(long, hide = true)]
    pub hash: bool,

    #[command(flatten)]
    pub reading: Reading,
}

const EXAMPLES: &str = "\
The page stands by itself: no network, no foreign script, light and dark, and it can be printed. The judgement is that of `check`.

Examples:
  flowsift report office.pcapng -o office.html
  flowsift report monday/ --title 'Branch office, Monday' -o monday.html
  flowsift report big.pcap --rows 20000 -o big.html      a smaller page
  flowsift report office.pcapng | ssh desk 'cat > office.html'

Exit status:
  0  all was read, and the page was written, whatever it says
  2  the command line, the policy, an input or the output could not be used: a line on stderr says which";

pub fn run(args: ReportArgs, around: &Surroundings) -> Outcome {
    let goes_to_screen = Destination::new(args.reading.output.clone()) == Destination::Stdout && around.stdout_terminal;
    if goes_to_screen {
        return Err(Failure::new(
            "a page is not for a terminal: name a file for it, such as -o report.html",
        ));
    }
    let plan = args
        .reading
        .plan_filtered(args.files, args.policy, args.filter, around)?;
    let policy = super::policy_file::open(&plan.policy)?.policy;
    let (reporter, ended) = reading::pass(&plan, |labels| Reporter {
        coverage: Coverage::new(&policy),
        gathering: Gathering::new(args.rows as usize),
        captures: Vec::new(),
        next: 0,
        labels,
    })?;
    let has_faults = reading::tell(&ended, &plan);
    // A page about nothing would look like good news.
    if has_faults && reporter.captures.is_empty() {
        return Ok(Exit::Unusable);
    }
    let page = reporter.page(&policy, args.title.as_deref());
    write(&plan, &page)?;
    Ok(if has_faults { Exit::Unusable } else { Exit::Clean })
}

fn write(plan: &Plan, page: &[u8]) -> Result<(), Failure> {
    plan.output.deliver(page, plan.files())
}

/// Gathers rows for the judgement and the page.
struct Reporter<'p> {
    coverage: Coverage<'p>,
    gathering: Gathering,
    captures: Vec<CaptureRow>,
    /// The next capture's ordinal.
    next: usize,
    labels: Labels,
}

impl Reporter<'_> {
    fn page(self, policy: &Policy, title: Option<&str>) -> Vec<u8> {
        let Reporter {
            coverage,
            gathering,
            captures,
            labels,
            ..
        } = self;
        let report = coverage.report(|_| true);
        let judged = Judged {
            report: &report,
            policy,
            labels: &labels,
            captures: &captures,
            demands: &Demands::default(),
            crossings: None,
        };
        let flows = gathering.flagged.flows();
        let stories = stories(&flows, &gathering, &judged);
        let extras = Extras {
            flows: &flows,
            stories: &stories,
            title,
        };
        report::page(gathering, &judged, extras)
    }
}

/// The proofs of these flows, from the lookups that were kept.
fn stories(flows: &[FlowRow], gathering: &Gathering, judged: &Judged<'_>) -> Vec<Story> {
    let mut gatherer = Gatherer::new(flows);
    for lookup in &gathering.flagged.lookups {
        // It takes only what speaks of one of the flows.
        let _ = gatherer.row(&Row::Name(Box::new(lookup.clone())));
    }
    let of_flow = |(flow, lookups): (&FlowRow, &super::explain::lookups::Lookups)| {
        let mut story = Story::of(&Evidence {
            flow,
            lookups: &lookups.rows,
            more_lookups: lookups.more,
            captures: judged.captures,
            labels: judged.labels,
            policy: judged.policy,
            place: (1, 1),
        });
        // Where some lookups were not kept it must not be said that there were none.
        let unsure = gathering.flagged.more_lookups && flow.frames.dns.is_none();
        story.steps.retain(|step| !unsure || step.key != "lookup");
        // The page says of which captures it is at its end, and it has read them once.
        story.steps.retain(|step| step.key != "capture");
        story
    };
    flows.iter().zip(&gatherer.lookups).map(of_flow).collect()
}

impl Outlet for Reporter<'_> {
    fn set(&self, _: &Row, _: &mut Vec<u8>) -> Wanted {
        Wanted::Row
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Flow(flow) => {
                self.coverage.attempt(&lend::attempt(flow));
                self.gathering.flow(flow, &self.labels);
            }
            Row::Name(name) => {
                self.coverage.lookup(&lend::lookup(name));
                self.gathering.lookup(name, &self.labels);
            }
            Row::Capture(capture) => {
                let input = lend::input(capture, &self.labels, self.next);
                self.next = input.ordinal as usize + 1;
                self.coverage.input(input);
                self.gathering.capture(capture);
                self.captures.push((**capture).clone());
            }
        }
        ControlFlow::Continue(())
    }
}
