//! A question and its answer, read by a datagram flow's probe.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use flowsift::evidence::dns_answers::Lookup;
use flowsift::evidence::probe::{Bench, Findings, Piece, Probe};
use flowsift::flow::key::Side;
use flowsift::flow::stamp::Stamp;

use crate::traffic::script;

const LOOKUPS: usize = 1000;
/// The resolver is the lower side.
const PORTS: [u16; 2] = [53, 50_000];

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dns");
    group.throughput(Throughput::Elements(LOOKUPS as u64));
    for (name, chain) in [
        ("question and answer", ""),
        (
            "question and answer with five aliases",
            "-> NAME.trafficmanager.net -> NAME.azurefd.net -> t-0001.t-msedge.net
             -> Edge-Prod-AMS04r3.ctrl.t-0001.t-msedge.net -> standard.t-0001.t-msedge.net",
        ),
    ] {
        let exchanges: Vec<Vec<(bool, Vec<u8>)>> = (0..LOOKUPS)
            .map(|number| {
                let host = format!("host-{number}");
                let chain = chain.replace("NAME", &host).replace('\n', " ");
                script::flights(&format!(
                    "dns {host}.service.example.com {chain} -> 13.107.246.40,13.107.246.41 ttl 60"
                ))
            })
            .collect();
        for exchange in &exchanges {
            let lookups = read(exchange);
            assert!(lookups.len() == 1 && lookups[0].naming.len() == 2, "{lookups:?}");
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for exchange in &exchanges {
                    black_box(read(black_box(exchange)));
                }
            });
        });
    }
    group.finish();
}

fn read(exchange: &[(bool, Vec<u8>)]) -> Vec<Lookup> {
    let mut probe = Probe::datagrams();
    let mut findings = Findings::default();
    let mut bench = Bench::default();
    for (number, (from_client, payload)) in exchange.iter().enumerate() {
        let piece = Piece {
            side: if *from_client { Side::Hi } else { Side::Lo },
            payload,
            cut: 0,
            sequence: 0,
            at: Stamp::new(0, number as u64, 0),
        };
        probe.piece(piece, PORTS, &mut findings, &mut bench);
    }
    bench.lookups
}
