//! Flow look-ups in an order that misses the caches, one by one and fetched ahead as the shards do it.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, Throughput};
use flowsift::flow::counters::FlowHot;
use flowsift::flow::key::FlowKey;
use flowsift::flow::stamp::Stamp;
use flowsift::flow::table::Table;
use flowsift::wire::packet::{address_bits, protocol};

use crate::traffic::Dice;

/// Look-ups measured at a time; the next measurement goes on with the flows behind them.
const RUN: usize = 65_536;
/// As far as the shards look ahead.
const AHEAD_INDEX: usize = 8;
const AHEAD_RECORD: usize = 4;

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table");
    group.throughput(Throughput::Elements(RUN as u64));
    for (flows, words) in [(100_000, "100 k flows"), (1_000_000, "1 M flows")] {
        let (mut table, order) = filled(flows);
        let mut place = 0;
        group.bench_function(format!("{words}, one by one"), |bencher| {
            bencher.iter(|| {
                place = (place + RUN) % (order.len() - RUN);
                for (hash, key) in &order[place..place + RUN] {
                    touch(&mut table, *hash, key);
                }
            });
        });
        group.bench_function(format!("{words}, fetched ahead"), |bencher| {
            bencher.iter(|| {
                place = (place + RUN) % (order.len() - RUN);
                let run = &order[place..place + RUN];
                for (i, (hash, key)) in run.iter().enumerate() {
                    if let Some((ahead, _)) = run.get(i + AHEAD_INDEX) {
                        table.prefetch_index(*ahead);
                    }
                    if let Some((ahead, _)) = run.get(i + AHEAD_RECORD) {
                        table.fetch_record(*ahead);
                    }
                    touch(&mut table, *hash, key);
                }
            });
        });
    }
    group.finish();
}

/// Finds a flow and counts a packet for it.
fn touch(table: &mut Table<FlowHot>, hash: u64, key: &FlowKey) {
    let slot = table.find(hash, key);
    if let Some(flow) = slot.and_then(|slot| table.at(slot)) {
        flow.bytes[0] += 100;
        flow.packets[0] += 1;
        flow.last.seq += 1;
    }
    black_box(slot);
}

/// A table of `flows` flows, and an order in which to look for them: each some times, none soon again.
fn filled(flows: u32) -> (Table<FlowHot>, Vec<(u64, FlowKey)>) {
    let mut dice = Dice(5);
    let mut table = Table::default();
    let mut keys: Vec<(u64, FlowKey)> = (0..flows)
        .map(|number| {
            let client = Ipv4Addr::from_bits(0x0a00_0000 | number >> 4);
            let server = Ipv4Addr::from_bits(0xcb00_7100 | dice.below(256) as u32);
            let bits = |ip: Ipv4Addr| address_bits(IpAddr::V4(ip));
            let ((family, source), (_, destination)) = (bits(client), bits(server));
            let port = 50_000 + dice.below(15_000) as u16;
            let (key, side) = FlowKey::of(
                family,
                protocol::TCP,
                0,
                (source, port),
                (destination, 443 + (number & 15) as u16),
                true,
            );
            let hash = key.hash();
            if table.find(hash, &key).is_none() {
                table.insert(hash, FlowHot::new(key, side, Stamp::new(0, number.into(), 0)));
            }
            (hash, key)
        })
        .collect();
    let mut order = Vec::with_capacity(keys.len().max(4 * RUN));
    while order.len() < 4 * RUN || order.len() < keys.len() {
        dice.shuffle(&mut keys);
        order.extend_from_slice(&keys);
    }
    (table, order)
}
