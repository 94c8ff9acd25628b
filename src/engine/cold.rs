//! The part of a flow that only few packets touch, and what it costs.
//!
//! A flow of a flood, of which nothing is known but its packets, has none.

use crate::evidence::probe::{Findings, Probe};
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
            findings: cold.findings.bytes(),
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
    parts: Vec<Option<Box<FlowCold>>>,
    free: Vec<u32>,
}

impl ColdStore {
    pub fn add(&mut self, cold: FlowCold) -> u32 {
        let cold = Some(Box::new(cold));
        match self.free.pop() {
            Some(place) => {
                self.parts[place as usize - 1] = cold;
                place
            }
            None => {
                self.parts.push(cold);
                self.parts.len() as u32
            }
        }
    }

    /// The part at `place`, which came from [`ColdStore::add`].
    pub fn at(&mut self, place: u32) -> &mut FlowCold {
        self.parts[place as usize - 1].get_or_insert_default()
    }

    pub fn take(&mut self, place: u32) -> Option<Box<FlowCold>> {
        if place == 0 {
            return None;
        }
        self.free.push(place);
        self.parts[place as usize - 1].take()
    }
}
