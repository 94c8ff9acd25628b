//! What a shard tells of its flows while they run.

use super::Shard;
use crate::engine::cold::FlowCold;
use crate::engine::press::Desk;
use crate::engine::release::flow_row;
use crate::engine::rows::FlowRow;
use crate::engine::running::{BUSY_NS, Candidate, Candidates};
use crate::engine::tally::Tallies;
use crate::flow::counters::Stage;

impl Shard {
    /// Proposes its flows; `shard` is its number.
    pub fn propose(&self, shard: u8, now_ns: u64, candidates: &mut Candidates) {
        for (slot, flow) in self.flows.occupied() {
            if flow.stage == Stage::Departed {
                continue;
            }
            let [lo, hi] = flow.bytes;
            let candidate = Candidate {
                bytes: lo.saturating_add(hi),
                first: flow.first.seq,
                shard,
                slot,
            };
            candidates.add(candidate, now_ns.saturating_sub(flow.last.ns) < BUSY_NS);
        }
    }

    /// The row that a flow would have if it ended now. The flow itself is left as it is, and is not counted.
    pub fn row_so_far(&mut self, slot: u32, desk: &Desk<'_>) -> Option<FlowRow> {
        let hot = self.flows.at(slot)?;
        let known = self.colds.peek(hot.cold).unwrap_or(&self.blank);
        let mut copy = FlowCold {
            findings: known.findings.clone(),
            vlans: known.vlans,
            tunnels: known.tunnels,
            told: known.told.clone(),
            ..FlowCold::default()
        };
        flow_row(hot, &mut copy, desk, &mut Tallies::default())
    }
}
