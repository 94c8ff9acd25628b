//! Bytes of flows under way that were counted already, so that none is counted twice when they end.

use std::collections::HashMap;

use super::flows::FlowId;

/// What was counted of one flow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Credit {
    pub bytes: u64,
    /// The class that they were counted for.
    pub class: usize,
    /// Up to when.
    pub at_ns: u64,
    /// Bits a second when last looked at.
    pub bits: u64,
}

/// No more flows are counted ahead of their end.
const MOST: usize = 8192;

#[derive(Debug, Default)]
pub struct Credits {
    flows: HashMap<FlowId, Credit>,
    /// Over all of them.
    pub bytes: u64,
}

impl Credits {
    /// What was counted of a flow; None: nothing, and there is no room for more.
    pub fn of(&self, flow: &FlowId) -> Option<Credit> {
        match self.flows.get(flow) {
            Some(credit) => Some(*credit),
            None => (self.flows.len() < MOST).then(Credit::default),
        }
    }

    /// Flows under way that were looked at.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// The class of each.
    pub fn classes(&self) -> impl Iterator<Item = usize> + '_ {
        self.flows.values().map(|credit| credit.class)
    }

    pub fn set(&mut self, flow: FlowId, credit: Credit) {
        let before = self.flows.insert(flow, credit);
        self.bytes = self.bytes.saturating_add(credit.bytes);
        self.bytes = self.bytes.saturating_sub(before.map_or(0, |before| before.bytes));
    }

    /// The flow has ended.
    pub fn take(&mut self, flow: &FlowId) -> Option<Credit> {
        let credit = self.flows.remove(flow)?;
        self.bytes = self.bytes.saturating_sub(credit.bytes);
        Some(credit)
    }
}
