//! Runs the engine: epochs in, rows out. The only file of the engine that may start threads.
//!
//! ```text
//!   epoch ─▶ scan up to the next mark ─▶ 64 buckets ─▶ shards ─▶ at the mark: names, binding, sweep, rows in order
//! ```
//!
//! Marks are counted in packets of the input (see [`limits`](super::limits)), so what a mark does falls at the same packet
//! however the input was cut into epochs and whoever ran the shards.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::epoch::{Epoch, InputFacts, Source};
use super::limits::{Limits, PACKETS_A_MARK, SHARDS};
use super::release::{Desk, flow_row, name_row};
use super::rows::Row;
use super::scan::{Buckets, Scanner};
use super::shard::{Bytes, SeenLookup, Shard};
use super::tally::Tallies;
use crate::evidence::dns_answers::Lookup;
use crate::flow::stamp::Stamp;
use crate::names::covers::Covers;
use crate::names::hidden::HiddenClients;
use crate::names::history::{Claim, History, Told};
use crate::policy::compile::Policy;

/// What a run may be told.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub memory: u64,
    /// About how many bytes of input are taken at a time; no record depends on it.
    pub epoch_bytes: usize,
}

/// Where rows go, in their order.
pub trait Outlet {
    /// Takes a row; `Break`: nobody wants more.
    fn row(&mut self, row: &Row) -> ControlFlow<()>;

    /// Whether rows of names are wanted at all: they need not be made for nobody.
    fn wants_names(&self) -> bool {
        true
    }

    /// Live only: there will be nothing for a while, so what is buffered should be seen.
    fn pause(&mut self) -> ControlFlow<()>;
}

/// Reads all of `source`, or until the outlet has had enough.
pub fn run(source: &mut dyn Source, policy: &Policy, settings: Settings, outlet: &mut dyn Outlet) {
    let mut engine = Engine::new(policy, Limits::of(settings.memory), outlet);
    let mut epoch = Epoch::default();
    while source.fill(&mut epoch, settings.epoch_bytes) {
        if engine.epoch(&epoch, source.inputs()).is_break() {
            return;
        }
    }
    let _ = engine.finish(source.inputs());
}

/// All state of a run.
struct Engine<'r> {
    policy: &'r Policy,
    outlet: &'r mut dyn Outlet,
    scanner: Scanner,
    buckets: Buckets,
    shards: Vec<Shard>,
    history: History,
    covers: Covers,
    /// Lookups that leave at the next release; taken out one by one, by place.
    names: Vec<Option<SeenLookup>>,
    hidden: HiddenClients,
    tallies: Tallies,
    packets: u64,
    /// The packet seen last.
    now: Stamp,
}

/// What leaves at a mark, by release time and first packet.
enum Leaving {
    /// The lookup with this place among those read since the last mark.
    Name { place: u32 },
    /// The flow with this place among those that have left their shard since the last mark.
    Flow { shard: u8, place: u32 },
    /// A flow that is still in its shard's table when the input ends.
    Resident { shard: u8, slot: u32 },
}

/// Release time, first packet, what.
type Departure = (u64, u64, Leaving);

impl<'r> Engine<'r> {
    fn new(policy: &'r Policy, limits: Limits, outlet: &'r mut dyn Outlet) -> Self {
        Engine {
            policy,
            outlet,
            scanner: Scanner::new(&limits),
            buckets: Buckets::default(),
            shards: (0..SHARDS).map(|_| Shard::new(limits)).collect(),
            history: History::new(limits.named_addresses),
            covers: Covers::default(),
            names: Vec::new(),
            hidden: HiddenClients::default(),
            tallies: Tallies::default(),
            packets: 0,
            now: Stamp::default(),
        }
    }

    /// Takes an epoch in, piece by piece between marks.
    fn epoch(&mut self, epoch: &Epoch, inputs: &[InputFacts]) -> ControlFlow<()> {
        let mut from = 0;
        while from < epoch.frames.len() {
            let to_mark = (PACKETS_A_MARK - self.packets % PACKETS_A_MARK) as usize;
            let to = epoch.frames.len().min(from + to_mark);
            self.buckets.clear();
            self.scanner.scan(epoch, from..to, &mut self.buckets, &mut self.tallies);
            self.drain(epoch);
            self.packets += (to - from) as u64;
            self.now = epoch.frames[to - 1].stamp;
            if self.packets.is_multiple_of(PACKETS_A_MARK) {
                self.mark(inputs)?;
            }
            from = to;
        }
        if let Some(now_ns) = epoch.lull {
            self.now.ns = self.now.ns.max(now_ns);
            self.mark(inputs)?;
            self.outlet.pause()?;
        }
        ControlFlow::Continue(())
    }

    fn drain(&mut self, epoch: &Epoch) {
        let bytes = Bytes {
            epoch,
            buckets: &self.buckets,
        };
        let mut duplicates = 0;
        for (shard, bucket) in self.shards.iter_mut().zip(&self.buckets.shards) {
            shard.drain(bucket, &bytes);
            duplicates += shard.take_duplicates();
        }
        self.tallies.of(epoch.ordinal).add_duplicates(duplicates);
    }

    /// Everything that crosses shards: names become known, flows ask for theirs, what is over leaves.
    fn mark(&mut self, inputs: &[InputFacts]) -> ControlFlow<()> {
        let mut leaving = self.learn_names();
        for shard in &mut self.shards {
            shard.mark(self.now.ns, &self.history);
        }
        self.collect(&mut leaving);
        self.history.trim(self.now);
        self.release(leaving, inputs)
    }

    /// Takes what the shards read about names: answers become claims.
    fn learn_names(&mut self) -> Vec<Departure> {
        let mut leaving = Vec::new();
        for shard in &mut self.shards {
            for seen in shard.take_lookups() {
                learn(&self.history, self.policy, &seen);
                if let (Some(cover), Some(at)) = (&seen.lookup.ech_cover, seen.lookup.answered_at) {
                    self.covers.add(cover, at);
                }
                depart(seen, &mut self.names, &mut leaving);
            }
        }
        leaving
    }

    /// Takes what the shards saw of encrypted resolvers.
    fn learn_hidden(&mut self) {
        for shard in &mut self.shards {
            for (client, begin) in shard.take_hidden() {
                self.hidden.add(client, begin);
            }
        }
    }

    fn collect(&mut self, leaving: &mut Vec<Departure>) {
        for (number, shard) in self.shards.iter_mut().enumerate() {
            // A sweep closes DNS flows: their open questions leave with them.
            for seen in shard.take_lookups() {
                depart(seen, &mut self.names, leaving);
            }
            let flow = |place| Leaving::Flow {
                shard: number as u8,
                place,
            };
            leaving.extend(
                shard
                    .departures()
                    .map(|(release_ns, seq, place)| (release_ns, seq, flow(place))),
            );
        }
    }

    fn release(&mut self, mut leaving: Vec<Departure>, inputs: &[InputFacts]) -> ControlFlow<()> {
        self.learn_hidden();
        leaving.sort_by_key(|(release_ns, seq, what)| (*release_ns, *seq, !matches!(what, Leaving::Name { .. })));
        for (_, _, what) in leaving {
            if let Some(row) = self.row(what, inputs) {
                self.outlet.row(&row)?;
            }
        }
        self.names.clear();
        self.shards.iter_mut().for_each(Shard::forget_departed);
        ControlFlow::Continue(())
    }

    /// The input has ended, and with it every flow.
    fn finish(&mut self, inputs: &[InputFacts]) -> ControlFlow<()> {
        self.buckets.clear();
        self.scanner.finish(&mut self.buckets);
        self.drain(&Epoch::default());
        let mut leaving = self.learn_names();
        for shard in &mut self.shards {
            shard.mark(self.now.ns, &self.history);
        }
        for (number, shard) in self.shards.iter_mut().enumerate() {
            let residents = shard.close().into_iter();
            leaving.extend(residents.map(|(release_ns, seq, slot)| {
                (
                    release_ns,
                    seq,
                    Leaving::Resident {
                        shard: number as u8,
                        slot,
                    },
                )
            }));
        }
        self.collect(&mut leaving);
        self.release(leaving, inputs)?;
        for row in std::mem::take(&mut self.tallies).into_rows(inputs) {
            self.outlet.row(&Row::Capture(Box::new(row)))?;
        }
        ControlFlow::Continue(())
    }

    fn row(&mut self, what: Leaving, inputs: &[InputFacts]) -> Option<Row> {
        let desk = Desk {
            policy: self.policy,
            covers: &self.covers,
            hidden: &self.hidden,
            inputs,
            now_ns: self.now.ns,
        };
        let flow = match what {
            Leaving::Name { place } => {
                let seen = self
                    .names
                    .get_mut(place as usize)?
                    .take()
                    .filter(|_| self.outlet.wants_names())?;
                return Some(Row::Name(Box::new(name_row(seen, &desk))));
            }
            Leaving::Flow { shard, place } => self.shards.get_mut(usize::from(shard))?.take_departed(place)?,
            Leaving::Resident { shard, slot } => self.shards.get_mut(usize::from(shard))?.take_last(slot)?,
        };
        Some(Row::Flow(Box::new(flow_row(flow, &desk, &mut self.tallies))))
    }
}

fn depart(seen: SeenLookup, names: &mut Vec<Option<SeenLookup>>, leaving: &mut Vec<Departure>) {
    leaving.push((
        seen.release_ns,
        seen.seq,
        Leaving::Name {
            place: names.len() as u32,
        },
    ));
    names.push(Some(seen));
}

/// An answer to a question becomes a claim for each address that it may name.
fn learn(history: &History, policy: &Policy, seen: &SeenLookup) {
    let lookup = &seen.lookup;
    let Some(answered) = lookup.answered_at else { return };
    if !lookup.usable || lookup.naming.is_empty() {
        return;
    }
    if is_private_sinkhole(policy, lookup) {
        return;
    }
    let client = seen.key.end(lookup.asker).ip;
    let told = Arc::new(Told {
        name: lookup.query.clone(),
        chain: lookup.chain.clone().into_boxed_slice(),
    });
    for &address in &lookup.naming {
        let claim = Claim {
            answered,
            client,
            told: told.clone(),
            ttl: lookup.ttl.unwrap_or_default(),
        };
        history.add(address, claim);
    }
}

/// A private address where the name's row lists public ones is a sinkhole too; only the policy knows.
fn is_private_sinkhole(policy: &Policy, lookup: &Lookup) -> bool {
    let private = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    lookup.naming.iter().any(private) && {
        let (_, flags) = policy.judge_name(&lookup.query, lookup.rcode, &lookup.addresses, &lookup.chain);
        flags.iter().any(|flag| flag.how == Some("sinkhole"))
    }
}
