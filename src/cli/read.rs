//! `read`, `live` and `check`: rows from the engine to the reader's eyes or programs, and the exit status.

use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::check::both_sides::Side;
use super::connect::{self, Ended, Reader};
use super::exit::{Exit, Failure};
use super::metrics::Metrics;
use super::plan::{Input, Plan, Showing};
use super::progress::Progress;
use super::remarks::{warn_of_age, warn_of_drops, warn_of_links, warn_of_overlap};
use super::sinks::{self, Needs};
use super::status::Status;
use super::{Outcome, say};
use crate::engine::drive::{Outlet, SoFar};
use crate::engine::rows::{Row, Running, Wanted};
use crate::policy::builtin;
use crate::policy::verdict::{FlagKind, RowId};
use crate::sink::{Labels, Sink};
use crate::source::meter::Meter;

/// Does what the plan says.
pub fn run(plan: Plan) -> Outcome {
    let mut reader = connect::open(&plan)?;
    let labels = reader.labels();
    let outside = match &plan.judgement {
        Some(judgement) if !judgement.outside.is_empty() => Some(Side::read(&plan, &judgement.outside)?),
        _ => None,
    };
    let metrics = Metrics::start(&plan, &labels.policy, reader.meter())?;
    // Opened last: a command that fails before it has read anything leaves earlier results as they were.
    let outside_files = plan.judgement.as_ref().map_or(&[][..], |judgement| &judgement.outside);
    let inputs = [plan.files(), outside_files, reader.policy_files()].concat();
    let policy = reader.policy();
    let needs = Needs {
        policy: &policy,
        labels: labels.clone(),
        outside,
    };
    let sink = sinks::open(&plan, needs, &inputs)?;
    if plan.warnings {
        match &plan.input {
            Input::Interfaces(live) => say(&format!("listening on {}; Ctrl-C ends it", live.names.join(", "))),
            Input::Followed { place, .. } => say(&format!("following {}; Ctrl-C ends it", place.display())),
            Input::Files(_) => {}
        }
        if let Some(metrics) = &metrics {
            say(&format!("metrics at http://{}/metrics", metrics.address()));
        }
    }
    let progress = match reader.progress() {
        Some(reading) if plan.progress => Progress::start(reading),
        _ => Progress::default(),
    };
    if let Showing::RowsSince(line) = &plan.showing {
        say(line);
    }
    let status = match reader.meter() {
        Some(meter) if plan.showing.is_dashboard() => Status::at_the_end(meter, plan.statistics),
        Some(meter) => Status::start(meter, plan.statistics, plan.on_screen),
        None => Status::default(),
    };
    #[cfg(feature = "live")]
    let sink = super::dashboard::over(&plan, &policy, &labels, reader.meter(), sink)?;
    let (ended, outcome) = deliver(
        &plan,
        reader.as_mut(),
        labels,
        sink,
        (Shown { progress, status }, metrics),
    );
    let lines = ended.warnings.iter().filter(|_| plan.warnings).chain(&ended.faults);
    lines
        .filter(|line| !ended.said.contains(line))
        .for_each(|line| say(line));
    outcome
}

/// What a terminal shows while it goes on.
#[derive(Default)]
struct Shown {
    progress: Progress,
    status: Status,
}

/// Runs the reader into a sink.
fn deliver(
    plan: &Plan,
    reader: &mut dyn Reader,
    labels: Labels,
    sink: Box<dyn Sink + Send + Sync + '_>,
    (shown, metrics): (Shown, Option<Metrics>),
) -> (Ended, Outcome) {
    let mut delivery = Delivery {
        plan,
        sink,
        labels,
        shown,
        metrics,
        meter: reader.meter(),
        counts: SoFar::default(),
        hidden: AtomicU64::new(0),
        wanting: AtomicBool::new(false),
        remarks: Vec::new(),
        overlapping: 0,
        last_ns: None,
        error: None,
    };
    let mut ended = reader.run(&mut delivery);
    ended.warnings.append(&mut delivery.remarks);
    // Interfaces are heard at once, in the order of time.
    if !matches!(plan.input, Input::Interfaces(_)) {
        ended.warnings.extend(warn_of_overlap(delivery.overlapping));
    }
    // The age of the built-in list is ours to mend; of a list that the user keeps, the user is told.
    if plan.policy != builtin::DEFAULT {
        ended
            .warnings
            .extend(warn_of_age(&delivery.labels.policy, delivery.last_ns));
    }
    delivery.sink.leave_screen();
    ended.said = delivery.shown.status.stop(delivery.counts);
    let outcome = delivery.finish(&ended);
    (ended, outcome)
}

/// Rows on their way out.
struct Delivery<'a> {
    plan: &'a Plan,
    labels: Labels,
    sink: Box<dyn Sink + Send + Sync + 'a>,
    shown: Shown,
    /// They count all rows, whatever is shown of them.
    metrics: Option<Metrics>,
    /// Of a run that goes on: it tells which files have begun.
    meter: Option<Arc<Meter>>,
    /// Of the capture rows.
    counts: SoFar,
    /// Flows that were not asked for.
    hidden: AtomicU64,
    /// A flag of `--fail-on` was seen, on a flow shown or not.
    wanting: AtomicBool,
    /// About what was read, a finished line each.
    remarks: Vec<String>,
    /// Inputs that begin before the one in front of them ends.
    overlapping: u64,
    /// The last packet of all inputs.
    last_ns: Option<u64>,
    /// Why writing stopped.
    error: Option<io::Error>,
}

impl Delivery<'_> {
    fn kept(&mut self, written: io::Result<()>) -> ControlFlow<()> {
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// The progress bar would be written into.
    fn clear_screen(&mut self) {
        // A judgement is written at the end.
        if self.plan.on_screen && self.plan.judgement.is_none() {
            self.shown.progress.stop();
        }
    }

    fn finish(mut self, ended: &Ended) -> Outcome {
        self.shown.progress.stop();
        if self.error.is_none() {
            let written = self.sink.finish(self.hidden.load(Ordering::Relaxed));
            let _ = self.kept(written);
        }
        match self.error {
            // The reader at the other end has seen enough: no error, and no news.
            Some(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Clean),
            Some(error) => Err(Failure::io("write to", &self.plan.output, &error)),
            // What was not read may hold what was asked about: worse than having found it.
            None if !ended.faults.is_empty() => Ok(Exit::Unusable),
            None if self.wanting.load(Ordering::Relaxed) || self.sink.is_wanting() => Ok(Exit::Wanting),
            None => Ok(Exit::Clean),
        }
    }
}

impl Outlet for Delivery<'_> {
    fn wants(&self, primary: Option<RowId>, named: bool) -> bool {
        // A flag that is asked about may be on a flow that is not shown, and a judgement is of all flows.
        let wanted = self.plan.judgement.is_some()
            || self.metrics.is_some()
            || !self.plan.fail_on.is_empty()
            || self
                .plan
                .select
                .has_class(self.labels.policy.class(primary.as_slice(), named));
        if !wanted {
            self.hidden.fetch_add(1, Ordering::Relaxed);
        }
        wanted
    }

    fn set(&self, row: &Row, text: &mut Vec<u8>) -> Wanted {
        if let Some(metrics) = &self.metrics {
            metrics.count(row);
        }
        let flags = match row {
            Row::Flow(flow) => flow.verdict.flags.as_slice(),
            Row::Name(name) => name.flags.as_slice(),
            Row::Capture(_) => return Wanted::Row,
        };
        if flags.iter().any(|flag| self.plan.fail_on.contains(&flag.kind)) {
            self.wanting.store(true, Ordering::Relaxed);
        }
        if self.plan.judgement.is_some() {
            return Wanted::Row;
        }
        if !self.plan.select.shows(row, &self.labels.policy) {
            if matches!(row, Row::Flow(_)) {
                self.hidden.fetch_add(1, Ordering::Relaxed);
            }
            return Wanted::Text;
        }
        if matches!(row, Row::Name(_)) && !self.plan.looks_at_names() {
            return Wanted::Text;
        }
        self.sink.set(row, text)
    }

    fn text(&mut self, text: &[u8]) -> ControlFlow<()> {
        self.clear_screen();
        let screen = self.shown.status.clear();
        let written = self.sink.text(text);
        drop(screen);
        self.kept(written)
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        if let Row::Capture(capture) = row {
            self.remarks.extend(warn_of_links(capture));
            if matches!(self.plan.input, Input::Interfaces(_)) {
                self.remarks.extend(warn_of_drops(capture, self.plan.filter.is_some()));
            }
            let overlaps = capture
                .first_ns
                .zip(self.last_ns)
                .is_some_and(|(first, last)| first < last);
            self.overlapping += u64::from(overlaps);
            self.last_ns = self.last_ns.max(capture.last_ns);
            self.counts.flows += capture.flows;
            self.counts.undecoded += capture.undecoded.iter().map(|(_, count)| count).sum::<u64>();
        }
        self.clear_screen();
        let screen = self.shown.status.clear();
        let written = self.sink.row(row);
        drop(screen);
        self.kept(written)
    }

    fn wants_names(&self) -> bool {
        self.plan.judgement.is_some()
            || self.metrics.is_some()
            || self.plan.looks_at_names()
            || self.plan.fail_on.contains(&FlagKind::Blocked)
    }

    /// The files of a folder that is followed become known as they begin.
    fn prepare(&mut self) {
        if let (Input::Followed { .. }, Some(meter)) = (&self.plan.input, &self.meter) {
            let more = meter.files_since(self.labels.files.len());
            self.sink.more_files(&more);
            self.labels.files.extend(more);
        }
    }

    fn wants_running(&self) -> bool {
        self.sink.wants_running()
    }

    fn running(&mut self, running: Running) {
        self.sink.running(running);
    }

    fn so_far(&mut self, counts: SoFar) {
        self.sink.undecoded(counts.undecoded);
        self.shown.status.so_far(counts);
        if let Some(metrics) = &self.metrics {
            metrics.so_far(counts);
        }
    }

    fn pause(&mut self) -> ControlFlow<()> {
        let screen = self.shown.status.clear();
        let written = self.sink.flush();
        drop(screen);
        self.kept(written)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;

    use super::super::args::Args;
    use super::super::plan::{Screen, Surroundings};
    use super::*;
    use crate::policy::compile::Policy;
    use crate::sink::fixtures;
    use crate::source;

    /// Rows made by hand, and what was said of their inputs.
    struct Given {
        rows: Vec<Row>,
        faults: Vec<String>,
        /// How many rows were taken.
        taken: usize,
    }

    impl Reader for Given {
        fn labels(&self) -> Labels {
            fixtures::labels()
        }
        fn policy(&self) -> Arc<Policy> {
            Arc::new(blank_policy())
        }
        fn progress(&self) -> Option<source::Progress> {
            None
        }
        fn run(&mut self, outlet: &mut dyn Outlet) -> Ended {
            for row in &self.rows {
                let mut text = Vec::new();
                let given = match outlet.set(row, &mut text) {
                    Wanted::Text if text.is_empty() => ControlFlow::Continue(()),
                    Wanted::Text => outlet.text(&text),
                    Wanted::Row => outlet.row(row),
                };
                if given.is_break() || outlet.pause().is_break() {
                    break;
                }
                self.taken += 1;
            }
            Ended {
                faults: self.faults.clone(),
                ..Ended::default()
            }
        }
    }

    fn blank_policy() -> Policy {
        Policy::compile(Default::default(), [0; 32], Default::default(), Vec::new())
    }

    fn given() -> Given {
        Given {
            rows: vec![
                Row::Flow(Box::new(fixtures::web_flow())),
                Row::Name(Box::new(fixtures::name())),
                Row::Flow(Box::new(fixtures::bare_flow())),
                Row::Capture(Box::new(fixtures::capture())),
            ],
            faults: Vec::new(),
            taken: 0,
        }
    }

    fn plan(words: &str) -> Plan {
        let around = Surroundings {
            stdin_terminal: false,
            stdout_terminal: false,
            stderr_terminal: false,
            columns: None,
            no_colour: false,
            screen: Screen::default(),
            processors: 1,
        };
        let words = ["flowsift", "read", "a"].into_iter().chain(words.split_whitespace());
        Plan::new(Args::try_parse_from(words).unwrap(), &around).unwrap()
    }

    fn needs(policy: &Policy) -> Needs<'_> {
        Needs {
            policy,
            labels: fixtures::labels(),
            outside: None,
        }
    }

    fn delivered(words: &str, given: &mut Given) -> (String, Outcome) {
        let mut out = Vec::new();
        let plan = plan(words);
        let policy = blank_policy();
        let sink = sinks::into_stream(&plan, needs(&policy), Box::new(&mut out));
        let (_, outcome) = deliver(&plan, given, fixtures::labels(), sink, (Shown::default(), None));
        (String::from_utf8(out).unwrap(), outcome)
    }

    /// The records' types, a letter each.
    fn types(text: &str) -> String {
        let start = "{\"type\":\"".len();
        text.lines().map(|line| &line[start..start + 1]).collect()
    }

    #[test]
    fn what_is_asked_for_is_written() {
        for (words, types_written) in [
            ("", "ffc"),
            ("--names", "fnfc"),
            ("--names --class salestim", "fnc"),
            ("--flag blocked", "fc"),
            ("--class teams", "c"),
        ] {
            let (text, outcome) = delivered(words, &mut given());
            assert_eq!(types(&text), types_written, "{words}");
            assert_eq!(outcome, Ok(Exit::Clean));
        }
        let (table, _) = delivered("--format table --flag port", &mut given());
        assert!(table.contains("Not asked for and not shown: 2 flows."), "{table}");
    }

    #[test]
    fn the_exit_status_tells_of_flows_not_shown_and_of_bad_inputs() {
        let outcome = |words, given: &mut Given| delivered(words, given).1;
        assert_eq!(outcome("--fail-on port", &mut given()), Ok(Exit::Clean));
        assert_eq!(outcome("--fail-on blocked", &mut given()), Ok(Exit::Wanting));
        assert_eq!(
            outcome("--fail-on blocked --class teams", &mut given()),
            Ok(Exit::Wanting)
        );
        let mut bad = given();
        bad.faults.push("b.pcap: empty".into());
        assert_eq!(outcome("--fail-on blocked", &mut bad), Ok(Exit::Unusable));
    }

    /// A writer that fails in a way of its own.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_ends_the_reading_quietly_and_a_full_disk_does_not() {
        for (kind, outcome) in [
            (ErrorKind::BrokenPipe, Ok(Exit::Clean)),
            (
                ErrorKind::StorageFull,
                Err(Failure::new("cannot write to standard output: no storage space")),
            ),
        ] {
            let mut given = given();
            let plan = plan("--fail-on blocked");
            let policy = blank_policy();
            let sink = sinks::into_stream(&plan, needs(&policy), Box::new(Broken(kind)));
            let (_, got) = deliver(&plan, &mut given, fixtures::labels(), sink, (Shown::default(), None));
            assert_eq!(got, outcome);
            assert_eq!(given.taken, 0, "reading went on");
        }
    }
}
