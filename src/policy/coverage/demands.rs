//! What must hold, so that the allow-list can be said to work.

use super::{Excuse, Outcome, Record, Report};
use crate::policy::compile::Policy;

/// What is asked for beyond "nothing is blocked, intercepted or rerouted, and something was reached".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// Everything that is in force must have been reached, as the list has it.
    pub strict: bool,
    /// Everything of these classes that is in force must have been reached.
    pub classes: Vec<String>,
}

impl Demands {
    /// Whether a record falls short of what is asked for. What is retired, not yet in force, or inside the platform never does; what is
    /// optional only if it was tried and failed.
    pub fn fails(&self, record: &Record, policy: &Policy) -> bool {
        if record.outcome.is_failure() {
            return !record.excuse.is_some_and(Excuse::excuses_failure);
        }
        let required = || self.classes.contains(&policy.row(record.row).class);
        record.excuse.is_none()
            && (self.strict && record.outcome != Outcome::Reached || !record.outcome.is_reached() && required())
    }

    /// The whole judgement falls short. A capture in which nothing was reached proves nothing good.
    pub fn fail(&self, report: &Report, policy: &Policy) -> bool {
        report.records.iter().any(|record| self.fails(record, policy)) || !report.reached_anything()
    }
}

impl Report {
    pub fn reached_anything(&self) -> bool {
        self.records.iter().any(Record::was_reached)
    }
}
