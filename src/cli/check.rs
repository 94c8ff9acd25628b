//! `check`: rows go into one judgement on the allow-list, which is written when all is known.

pub mod both_sides;
pub mod hops;
pub mod lend;

use std::io::{self, Write};

use self::both_sides::Side;
use self::lend::{attempt, lookup};
use super::args::Format;
use super::plan::Plan;
use crate::engine::rows::{CaptureRow, FlowRow, Row};
use crate::policy::compile::Policy;
use crate::policy::coverage::{Coverage, Demands};
use crate::sink::check::crossings::Crossings;
use crate::sink::check::{Judged, json, junit, markdown, sarif, table};
use crate::sink::style::Style;
use crate::sink::{Labels, Sink};

/// A sink that judges.
pub struct Checking<'a> {
    out: Box<dyn Write + Send + Sync + 'a>,
    format: Format,
    style: Style,
    plan: &'a Plan,
    demands: &'a Demands,
    /// Only records of these; none: all.
    classes: &'a [String],
    policy: &'a Policy,
    labels: Labels,
    /// None: it is told.
    coverage: Option<Coverage<'a>>,
    captures: Vec<CaptureRow>,
    /// The next capture's.
    ordinal: usize,
    wanting: bool,
    /// The other side of the device, if there is one; then flows are judged when all are known.
    outside: Option<Side>,
    inside: Side,
}

impl<'a> Checking<'a> {
    pub fn new(
        plan: &'a Plan,
        demands: &'a Demands,
        policy: &'a Policy,
        labels: Labels,
        out: Box<dyn Write + Send + Sync + 'a>,
    ) -> Checking<'a> {
        Checking {
            out,
            format: plan.format,
            style: plan.style,
            plan,
            demands,
            classes: &plan.select.classes,
            policy,
            labels,
            coverage: Some(Coverage::new(policy)),
            captures: Vec::new(),
            ordinal: 0,
            wanting: false,
            outside: None,
            inside: Side::new(Labels::default()),
        }
    }

    /// With what the other side of the same device saw.
    pub fn beside(self, outside: Option<Side>) -> Checking<'a> {
        Checking { outside, ..self }
    }

    /// A flow is judged at once, or, if there is another side, beside it.
    fn flow(&mut self, row: &FlowRow) {
        if self.outside.is_some() && self.inside.keep(row) {
            return;
        }
        if let Some(coverage) = &mut self.coverage {
            coverage.attempt(&attempt(row));
        }
    }

    fn capture(&mut self, row: &CaptureRow) {
        let input = lend::input(row, &self.labels, self.ordinal);
        self.ordinal = input.ordinal as usize + 1;
        if let Some(coverage) = &mut self.coverage {
            coverage.input(input);
        }
        self.captures.push(row.clone());
    }

    fn write(&mut self, mut coverage: Coverage<'_>) -> io::Result<()> {
        let told = self.outside.as_ref().map(|outside| {
            self.inside.sort();
            self.inside.look_again(self.plan);
            both_sides::compare(&mut self.inside, outside)
        });
        for flow in &self.inside.flows {
            coverage.attempt(&attempt(flow));
        }
        let crossings = told
            .as_deref()
            .zip(self.outside.as_ref())
            .map(|(crossings, outside)| Crossings {
                inside: &self.inside.flows,
                crossings,
                more: self.inside.more,
                outside: &outside.flows,
                inside_labels: &self.labels,
                outside_labels: &outside.labels,
                outside_captures: &outside.captures,
            });
        let wanted = |class: &String| self.classes.is_empty() || self.classes.contains(class);
        let report = coverage.report(|row| wanted(&self.policy.row(row).class));
        let judged = Judged {
            report: &report,
            policy: self.policy,
            labels: &self.labels,
            captures: &self.captures,
            demands: self.demands,
            crossings: crossings.as_ref(),
        };
        self.wanting = self.demands.fail(&report, self.policy);
        let text = match self.format {
            Format::Table => table::render(&judged, &self.style).into_bytes(),
            // The plan has refused forms that list flows.
            Format::Json | Format::Csv | Format::Eve | Format::Zeek | Format::Ecs | Format::Parquet => {
                json::render(&judged)
            }
            Format::Junit => junit::render(&judged).into_bytes(),
            Format::Sarif => sarif::render(&judged),
            Format::Markdown => markdown::render(&judged).into_bytes(),
        };
        self.out.write_all(&text)?;
        self.out.flush()
    }
}

impl Sink for Checking<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        match (row, &mut self.coverage) {
            (Row::Capture(row), _) => self.capture(row),
            (Row::Flow(row), _) => self.flow(row),
            (Row::Name(row), Some(coverage)) => coverage.lookup(&lookup(row)),
            _ => {}
        }
        Ok(())
    }

    fn more_files(&mut self, names: &[String]) {
        self.labels.files.extend_from_slice(names);
    }

    /// There is nothing to see before the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _hidden: u64) -> io::Result<()> {
        match self.coverage.take() {
            Some(coverage) => self.write(coverage),
            None => Ok(()),
        }
    }

    fn is_wanting(&self) -> bool {
        self.wanting
    }
}
