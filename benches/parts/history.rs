//! Who had been told what about an address: asked for flows in no order that a cache could know.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use flowsift::flow::stamp::Stamp;
use flowsift::names::domain::Domain;
use flowsift::names::history::{Claim, History, Told};

use crate::traffic::{Dice, MORNING, SECOND};

const ADDRESSES: u64 = 50_000;
const CLIENTS: u64 = 500;
const ANSWERS: u64 = 200_000;
const QUESTIONS: usize = 8192;

pub fn benches(criterion: &mut Criterion) {
    let history = History::new(ADDRESSES as usize);
    let mut dice = Dice(17);
    for number in 1..=ANSWERS {
        // Few addresses are popular, most are asked for once or twice.
        let rank = dice.below(ADDRESSES).min(dice.below(ADDRESSES));
        let claim = Claim {
            answered: Stamp::new(0, number, MORNING + number * SECOND / 100),
            client: client(dice.below(CLIENTS)),
            told: Arc::new(Told {
                name: Domain::from_text(format!("host-{}.example.com", dice.below(ADDRESSES)).as_bytes()),
                chain: [Domain::from_text(format!("edge-{rank}.example.net").as_bytes())].into(),
            }),
            ttl: 60,
        };
        history.add(server(rank), claim);
    }
    let later = Stamp::new(0, ANSWERS + 1, MORNING + ANSWERS * SECOND / 100);
    history.trim(later);
    let asked = |dice: &mut Dice, addresses: u64| -> Vec<(IpAddr, IpAddr)> {
        let one = |_| (client(dice.below(CLIENTS)), server(dice.below(addresses)));
        (0..QUESTIONS).map(one).collect()
    };
    let mut group = criterion.benchmark_group("history");
    group.throughput(Throughput::Elements(QUESTIONS as u64));
    for (name, questions) in [
        ("recall, known addresses", asked(&mut dice, ADDRESSES)),
        ("recall, mostly unknown addresses", asked(&mut dice, 40 * ADDRESSES)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (client, server) in &questions {
                    black_box(history.recall(*client, *server, later));
                }
            });
        });
    }
    group.finish();
}

fn client(number: u64) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number as u32).into()
}

fn server(number: u64) -> IpAddr {
    Ipv4Addr::from_bits(0x1400_0000 + (number as u32).wrapping_mul(2_654_435_761) % 0x1000_0000).into()
}
