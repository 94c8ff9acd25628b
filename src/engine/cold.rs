//! The part of a flow that only few packets touch, and what it costs.
//!
//! A flow of a flood, of which nothing is known but its packets, has none.

use crate::evidence::probe::{Findings, Probe};
use crate::flow::slab::Slab;
use crate::names::history::Recalled;
use crate::wire::packet::Vlans;
use crate::wire::tunnel::Tunnels;

/// The part of a flow that only few packets touch.
#[derive(Default)]
pub struct FlowCold {
    pub findings: Findings,
    /// Of its first packet, as are the tunnels.
    pub vlans: Vlans,
    pub tunnels: Tunnels,
    /// What clients had been told about the flow's ends when it began: of the lower end, of the higher one.
    pub told: [Option<Box<[Recalled]>>; 2],
    pub probe: Option<Probe>,
    pub cost: Cost,
}

/// Bytes, as counted against the shard's share.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub findings: u64,
    pub probe: u64,
}

impl Cost {
    pub fn of(cold: &FlowCold) -> Cost {
        Cost {
            findings: (size_of::<FlowCold>() - size_of::<Findings>()) as u64 + cold.findings.bytes(),
            probe: cold.probe.as_ref().map_or(0, Probe::bytes),
        }
    }

    /// Something that cost `old` costs `new` now.
    pub fn replace(&mut self, old: Cost, new: Cost) {
        self.findings = (self.findings + new.findings).saturating_sub(old.findings);
        self.probe = (self.probe + new.probe).saturating_sub(old.probe);
    }
}

/// The cold parts of a shard's flows. A flow holds its place here and one, so that 0 is none.
#[derive(Default)]
pub struct ColdStore {
    parts: Slab<FlowCold>,
    free: Vec<u32>,
}

impl ColdStore {
    pub fn add(&mut self, cold: FlowCold) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.parts.push_empty());
        *self.parts.at_mut(slot) = Some(cold);
        slot + 1
    }

    /// The part at `place`, which came from [`ColdStore::add`].
    #[inline]
    pub fn at(&mut self, place: u32) -> &mut FlowCold {
        self.parts.at_mut(place - 1).get_or_insert_default()
    }

    /// Fetches the part at `place`, if it is one.
    #[inline]
    pub fn prefetch(&self, place: u32) {
        if let Some(slot) = place.checked_sub(1) {
            self.parts.prefetch(slot);
        }
    }

    /// The part at `place`, if it is one.
    #[inline]
    pub fn peek(&self, place: u32) -> Option<&FlowCold> {
        self.parts.at(place.checked_sub(1)?).as_ref()
    }

    /// Nobody needs the part at `place` any more, if it is one.
    pub fn free(&mut self, place: u32) {
        if let Some(slot) = place.checked_sub(1) {
            *self.parts.at_mut(slot) = None;
            self.free.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cold_part_is_some_cache_lines() {
        assert!(size_of::<FlowCold>() <= 384, "{}", size_of::<FlowCold>());
    }
}
