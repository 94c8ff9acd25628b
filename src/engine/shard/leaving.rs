//! How flows and lookups leave a shard: when their time is over, or at the end; as rows, in turn.
//!
//! ```text
//!   leave ─▶ departing (its record stays where it is) ─▶ bind: what had been told? ─▶ press: the row
//! ```

use std::net::IpAddr;

use super::Shard;
use crate::engine::cold::Cost;
use crate::engine::departure::{Departure, Leaving, Turn};
use crate::engine::lookup::{Reply, SeenLookup};
use crate::engine::press::{Desk, Sheet};
use crate::engine::release::{flow_row, name_row};
use crate::engine::tally::Tallies;
use crate::flow::counters::{FlowHot, Stage};
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::names::history::{History, Recalled};
use crate::policy::compile::Policy;

/// The mark at which something leaves.
pub struct Mark {
    /// The time of the packet seen last.
    pub now_ns: u64,
    /// The input ends here.
    pub is_end: bool,
}

impl Shard {
    /// The flow's end.
    pub(super) fn leave(&mut self, slot: u32, hash: u64) {
        self.close_probe(slot);
        let Some(flow) = self.flows.at(slot) else { return };
        flow.stage = Stage::Departed;
        let release_ns = flow.deadline();
        self.flows.detach(hash, slot);
        self.depart(slot, release_ns);
    }

    /// Notes that the flow in `slot` leaves, and no longer counts what it holds.
    pub(super) fn depart(&mut self, slot: u32, release_ns: u64) {
        let Some(flow) = self.flows.at(slot) else { return };
        let (seq, place) = (flow.first.seq, flow.cold);
        let mut weight = 0;
        if place != 0 {
            let held = self.colds.at(place).cost;
            weight = held.findings;
            self.cost.replace(held, Cost::default());
        }
        self.departing.push(Departure::of_flow(release_ns, seq, weight, slot));
    }

    fn close_probe(&mut self, slot: u32) {
        let Some(flow) = self.flows.at(slot) else { return };
        if flow.stage == Stage::Probing {
            flow.stage = Stage::Decided;
            if let Some(probe) = self.cold_of(slot).probe.take() {
                self.finish_probe(probe, slot);
            }
        }
    }

    /// At a mark, first: lets go of the flows whose time is over.
    pub fn sweep(&mut self, now_ns: u64) {
        while let Some(handles) = self.calendar.take_before(now_ns) {
            for handle in handles {
                let Some(flow) = self.flows.get(handle) else { continue };
                let (deadline, hash) = (flow.deadline(), flow.key.hash());
                if deadline < now_ns {
                    self.leave(handle.slot, hash);
                } else {
                    self.calendar.enter(deadline, now_ns, handle);
                }
            }
        }
        self.sweep_probing();
    }

    /// The input has ended, and with it every flow.
    pub fn close(&mut self) {
        let present = |(slot, flow): (u32, &FlowHot)| (flow.stage != Stage::Departed).then_some(slot);
        let slots: Vec<u32> = self.flows.occupied().filter_map(present).collect();
        for slot in slots {
            self.close_probe(slot);
            if let Some(release_ns) = self.flows.at(slot).map(|flow| flow.deadline()) {
                self.depart(slot, release_ns);
            }
        }
    }

    /// At a mark: tells the history what was answered since the last one. Where `rows` of them are wanted, the lookups
    /// leave at this mark, or, if they failed, when it is known what came after; else nobody needs them any more.
    pub fn tell(&mut self, rows: bool, mark: &Mark, history: &History, policy: &Policy) {
        for place in 0..self.lookups.len() {
            let Some(told) = self.lookups[place].take() else {
                continue;
            };
            if rows {
                self.replies.extend(told.reply());
                match told.is_settled_at() {
                    Some(until) => self.held.add(told.clone(), until),
                    None => {
                        let departure = Departure::of_name(told.release_ns, told.seq, place as u32);
                        self.departing.push(departure);
                        self.lookups[place] = Some(told.clone());
                    }
                }
            }
            if let (Some(cover), Some(at)) = (&told.lookup.ech_cover, told.lookup.answered_at) {
                self.covers.push((cover.clone(), at));
            }
            told.tell(history, policy);
        }
        self.lookup_bytes = 0;
        self.let_go_of_held(mark);
    }

    fn let_go_of_held(&mut self, mark: &Mark) {
        while let Some(seen) = self.held.next(mark.now_ns, self.limits.held_bytes_a_shard) {
            self.let_lookup_go(seen);
        }
        if mark.is_end {
            for seen in self.held.take_all() {
                self.let_lookup_go(seen);
            }
        }
    }

    fn let_lookup_go(&mut self, seen: SeenLookup) {
        let place = self.lookups.len() as u32;
        let departure = Departure::of_name(seen.release_ns, seen.seq, place);
        self.departing.push(departure);
        self.lookups.push(Some(seen));
    }

    /// Questions that were answered since the last call.
    pub fn take_replies(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    /// Public names that answers told since the last call, and when.
    pub fn take_covers(&mut self) -> Vec<(Domain, Stamp)> {
        std::mem::take(&mut self.covers)
    }

    /// Who asked an encrypted resolver, and when that connection began, since the last call.
    pub fn take_hidden(&mut self) -> Vec<(IpAddr, Stamp)> {
        std::mem::take(&mut self.hidden)
    }

    /// Flows that have ended, and those under way.
    pub fn flows_so_far(&self) -> u64 {
        self.tallies.flows() + self.flows.len() as u64
    }

    /// What there is to say of the inputs.
    pub fn take_tallies(&mut self) -> Tallies {
        std::mem::take(&mut self.tallies)
    }

    /// What leaves, sorted.
    pub fn departures(&mut self) -> &[Departure] {
        self.departing.sort_unstable_by_key(|leaving| leaving.turn);
        &self.departing
    }

    /// Asks who had been told what about both ends of every new flow; the history holds all claims up to the mark.
    pub fn bind(&mut self, history: &History) {
        let mut fresh = std::mem::take(&mut self.fresh);
        for slot in fresh.drain(..) {
            let Some(flow) = self.flows.at(slot) else { continue };
            let told = told_of(flow, history);
            if told.iter().any(Option::is_some) {
                self.cold_of(slot).told = told;
            }
        }
        self.fresh = fresh;
    }

    /// What leaves has often not been touched for long: its record is fetched some turns before its own, then its cold part.
    fn fetch_ahead(&mut self) {
        const RECORD: usize = 6;
        const COLD: usize = 3;
        let slot = |ahead: usize| match self.departing.get(self.departed + ahead)?.what {
            Leaving::Flow(slot) => Some(slot),
            Leaving::Name(_) => None,
        };
        if let Some(slot) = slot(RECORD) {
            self.flows.prefetch_slot(slot);
        }
        if let Some(flow) = slot(COLD).and_then(|slot| self.flows.at(slot)) {
            self.colds.prefetch(flow.cold);
        }
    }

    /// Makes rows of what leaves, up to `last` and in order.
    pub fn press(&mut self, last: Turn, desk: &Desk<'_>, sheet: &mut Sheet) {
        while let Some(leaving) = self
            .departing
            .get(self.departed)
            .copied()
            .filter(|next| next.turn <= last)
        {
            self.fetch_ahead();
            self.departed += 1;
            match leaving.what {
                Leaving::Flow(slot) => {
                    let row = self.flows.at(slot).and_then(|hot| {
                        let cold = match hot.cold {
                            0 => &mut self.blank,
                            place => self.colds.at(place),
                        };
                        let row = flow_row(hot, cold, desk, &mut self.tallies);
                        self.colds.free(hot.cold);
                        row
                    });
                    self.flows.free(slot);
                    match row {
                        Some(row) => sheet.flow(row, desk.outlet),
                        None => sheet.nothing(),
                    }
                }
                Leaving::Name(place) => match self.lookups.get_mut(place as usize).and_then(Option::take) {
                    Some(seen) => sheet.name(name_row(seen, desk), desk.outlet),
                    None => sheet.nothing(),
                },
            }
        }
        self.clear_departed();
    }

    /// When all that leaves at a mark has left, so have the lookups: also where nothing did, since nobody wanted rows of them.
    pub fn clear_departed(&mut self) {
        if self.departed == self.departing.len() {
            self.departing.clear();
            self.departed = 0;
            self.lookups.clear();
        }
    }
}

/// What had been told before the flow about its lower end (to the higher one), and the other way round.
fn told_of(flow: &FlowHot, history: &History) -> [Option<Box<[Recalled]>>; 2] {
    let family = flow.key.family;
    let (lo, hi) = (family.address(flow.key.lo), family.address(flow.key.hi));
    [history.recall(hi, lo, flow.first), history.recall(lo, hi, flow.first)]
}
