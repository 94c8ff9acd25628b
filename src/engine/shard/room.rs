//! How a shard keeps within its share: what is let go, and when.

use super::{PROBING_SWEEP_LEAST, Shard};
use crate::engine::cold::Cost;
use crate::engine::limits::FLOW_BYTES;
use crate::engine::lookup::SeenLookup;
use crate::evidence::model::Quality;
use crate::flow::counters::{Exit, Stage};
use crate::flow::expiry::SECOND;
use crate::flow::table::Handle;

/// An address in an answer, and the claim that it becomes with its place in the history.
const ADDRESS_BYTES: u64 = 17;
const CLAIM_BYTES: u64 = 320;
/// Addresses shown of an answer whose share is used up.
const ADDRESSES_WITHOUT_SHARE: usize = 8;

impl Shard {
    /// Keeps the shard within its share: probes that began first are decided as they stand, then flows leave whose
    /// time is over soonest.
    pub(super) fn make_room(&mut self) {
        while self.cost.probe > self.limits.probe_bytes_a_shard {
            let Some(oldest) = self.probing.pop_front() else { break };
            self.decide_now(oldest);
        }
        while self.flows.len() as u64 * FLOW_BYTES + self.cost.findings > self.limits.flow_bytes_a_shard {
            let Some((second, handle)) = self.calendar.take_earliest() else {
                break;
            };
            let Some(flow) = self.flows.get(handle) else { continue };
            let (deadline, hash) = (flow.deadline(), flow.key.hash());
            if deadline / SECOND > second {
                self.calendar.enter_exactly(deadline, handle);
            } else {
                flow.exit = Exit::Evicted;
                self.leave(handle.slot, hash);
            }
        }
    }

    pub(super) fn decide_now(&mut self, handle: Handle) {
        let Some(flow) = self.flows.get(handle) else { return };
        if flow.stage != Stage::Probing {
            return;
        }
        flow.stage = Stage::Decided;
        let cold = self.cold_of(handle.slot);
        cold.findings.quality.add(Quality::BUDGET);
        let before = cold.cost;
        let probe = cold.probe.take();
        let after = Cost::of(cold);
        cold.cost = after;
        self.cost.replace(before, after);
        if let Some(probe) = probe {
            self.finish_probe(probe, handle.slot);
        }
    }

    /// Keeps an answer for the mark. When those that wait have filled their share, its addresses are let go: it names nothing.
    pub(super) fn set_aside(&mut self, mut seen: SeenLookup) {
        if self.lookup_bytes > self.limits.answer_bytes_a_shard {
            seen.lookup.naming = Vec::new();
            seen.lookup.addresses.truncate(ADDRESSES_WITHOUT_SHARE);
            seen.lookup.addresses.shrink_to_fit();
        }
        let (naming, addresses) = (seen.lookup.naming.len() as u64, seen.lookup.addresses.len() as u64);
        self.lookup_bytes += size_of::<SeenLookup>() as u64 + naming * CLAIM_BYTES + addresses * 2 * ADDRESS_BYTES;
        self.lookups.push(Some(seen));
    }

    pub(super) fn sweep_probing(&mut self) {
        if self.probing.len() >= self.probing_sweep_at {
            let flows = &mut self.flows;
            self.probing
                .retain(|handle| flows.get(*handle).is_some_and(|flow| flow.stage == Stage::Probing));
            self.probing_sweep_at = (self.probing.len() * 2).max(PROBING_SWEEP_LEAST);
        }
    }
}
