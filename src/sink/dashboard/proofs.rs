//! What flows under way have proved of the policy's rows: it stands while they are out of sight, until they are seen again or end.

use std::collections::HashMap;

use super::flows::FlowId;
use crate::policy::coverage::{Kind, Unsure};
use crate::policy::verdict::RowId;

/// Proofs of so many flows are kept.
const MOST: usize = 8192;
/// Rows of one flow.
const ROWS: usize = 16;

/// What a flow says of a row.
pub type Proof = (RowId, Kind);

/// Whether it will be true a minute later. Silence may have been broken since, and most doubts are over when more packets come.
pub fn lasts(kind: Kind) -> bool {
    match kind {
        Kind::Silence(..) => false,
        Kind::Unsure(doubt) => doubt == Unsure::OtherPort,
        _ => true,
    }
}

#[derive(Debug, Default)]
pub struct Proofs(HashMap<FlowId, Vec<Proof>>);

impl Proofs {
    /// What a flow proves by now; what there is no room for is given back.
    pub fn set(&mut self, flow: FlowId, mut proved: Vec<Proof>) -> Vec<Proof> {
        proved.truncate(ROWS);
        if proved.is_empty() {
            self.0.remove(&flow);
        } else if self.0.len() < MOST || self.0.contains_key(&flow) {
            self.0.insert(flow, std::mem::take(&mut proved));
        }
        proved
    }

    /// The flow has ended.
    pub fn take(&mut self, flow: &FlowId) -> Vec<Proof> {
        self.0.remove(flow).unwrap_or_default()
    }

    pub fn all(&self) -> impl Iterator<Item = Proof> + '_ {
        self.0.values().flatten().copied()
    }
}
