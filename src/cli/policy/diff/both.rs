//! The same captures read under both policies. Twice, since every row is judged where it is made; nothing else depends on the policy,
//! so a flow is the same flow in both readings if it begins in the same frame.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::cli::check::lend;
use crate::cli::exit::Failure;
use crate::cli::plan::Plan;
use crate::cli::reading;
use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, FlowRow, Row, Wanted};
use crate::policy::compare::effects::{Effects, Example, Flows, effects};
use crate::policy::compile::Policy;
use crate::policy::coverage::{Coverage, Report};
use crate::sink::Labels;

/// What the two readings gave.
pub struct Both {
    pub effects: Effects,
    pub captures: Vec<CaptureRow>,
    pub labels: Labels,
    /// An input could not be used.
    pub has_faults: bool,
}

pub fn read(plan: &Plan, old: &Arc<Policy>, new: &Arc<Policy>) -> Result<Both, Failure> {
    let under = |flows, policy, before| move |labels| Under::new(flows, policy, before, labels);
    let (first, ended) = reading::pass_under(plan, old, under(Flows::default(), old, None))?;
    let has_faults = reading::tell(&ended, plan);
    let Under { flows, .. } = first;
    let before = (first.coverage.report(|_| true), first.captures);
    let (second, _) = reading::pass_under(plan, new, under(flows, new, Some(old)))?;
    reading::check_unchanged(&before.1, &second.captures)?;
    let after: Report = second.coverage.report(|_| true);
    Ok(Both {
        effects: effects((old, &before.0), (new, &after), second.flows),
        captures: second.captures,
        labels: second.labels,
        has_faults,
    })
}

/// One reading.
struct Under<'p> {
    policy: &'p Policy,
    /// The policy of the first reading, in the second.
    before: Option<&'p Policy>,
    coverage: Coverage<'p>,
    flows: Flows,
    captures: Vec<CaptureRow>,
    labels: Labels,
    /// The next capture's.
    ordinal: usize,
}

impl<'p> Under<'p> {
    fn new(flows: Flows, policy: &'p Policy, before: Option<&'p Arc<Policy>>, labels: Labels) -> Under<'p> {
        Under {
            policy,
            before: before.map(Arc::as_ref),
            coverage: Coverage::new(policy),
            flows,
            captures: Vec::new(),
            labels,
            ordinal: 0,
        }
    }

    fn flow(&mut self, row: &FlowRow) {
        self.coverage.attempt(&lend::attempt(row));
        let flow = Example {
            place: (row.ordinal, row.frames.first),
            id: row.id.to_string(),
            start_ns: row.start_ns,
            nanoseconds: row.nanoseconds,
            name: row.naming.name.clone(),
            server: row.server.ip,
            port: row.server.port,
        };
        match self.before {
            None => self.flows.before(self.policy, &flow, &row.verdict),
            Some(old) => self.flows.after(old, self.policy, flow, &row.verdict),
        }
    }
}

impl Outlet for Under<'_> {
    fn set(&self, _: &Row, _: &mut Vec<u8>) -> Wanted {
        Wanted::Row
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Flow(row) => self.flow(row),
            Row::Name(row) => self.coverage.lookup(&lend::lookup(row)),
            Row::Capture(row) => {
                let input = lend::input(row, &self.labels, self.ordinal);
                self.ordinal = input.ordinal as usize + 1;
                self.coverage.input(input);
                self.captures.push((**row).clone());
            }
        }
        ControlFlow::Continue(())
    }
}
