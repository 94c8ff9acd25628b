//! Names and addresses under the built-in policy.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use flowsift::evidence::model::{App, EvidenceKind, Quality};
use flowsift::flow::key::Endpoint;
use flowsift::names::domain::Domain;
use flowsift::policy::compile::{At, Matches, Policy};
use flowsift::policy::judge::{Course, FlowFacts};
use flowsift::wire::packet::protocol;

use crate::traffic::{Dice, judged};

const QUESTIONS: usize = 4096;

type Question = (Option<Domain>, Option<At>);

pub fn benches(criterion: &mut Criterion) {
    let policy = judged::policy();
    let mut dice = Dice(13);
    let hosts: Vec<String> = policy
        .rows()
        .flat_map(|(_, row)| row.hosts.iter().map(|host| host.to_string()))
        .collect();
    let wild: Vec<&String> = hosts.iter().filter(|host| host.starts_with("*.")).collect();
    let hits = names(|| {
        let host = &hosts[dice.below(hosts.len() as u64) as usize];
        host.replace("*.", &format!("tenant-{}.", dice.below(1000)))
    });
    let deep = names(|| {
        let host = wild[dice.below(wild.len() as u64) as usize];
        host.replace("*.", &format!("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q{}.", dice.below(1000)))
    });
    let misses = names(|| {
        let (host, site) = (dice.below(1000), dice.below(100_000));
        format!("host-{host}.site-{site}.example.net")
    });
    let firsts = policy
        .rows()
        .flat_map(|(_, row)| row.ranges().map(|range| range.address()));
    // Ranges that belong to a name tell nothing alone.
    let ranges: Vec<IpAddr> = firsts
        .filter(|ip| is_match(&policy, &(None, Some(web_at(*ip)))))
        .collect();
    let inside = addresses(|| ranges[dice.below(ranges.len() as u64) as usize]);
    let outside = addresses(|| match dice.below(4) {
        0 => Ipv6Addr::from_bits(u128::from(dice.roll()) << 64).into(),
        _ => Ipv4Addr::from_bits(dice.roll() as u32).into(),
    });
    let mut group = criterion.benchmark_group("policy");
    group.throughput(Throughput::Elements(QUESTIONS as u64));
    all(&mut group, "name, in a row", &policy, &hits);
    all(&mut group, "name of twenty labels, in a row", &policy, &deep);
    all(&mut group, "name, in no row", &policy, &misses);
    all(&mut group, "address, in a row", &policy, &inside);
    all(&mut group, "address, anywhere", &policy, &outside);
    for (what, questions) in [
        ("judge a flow with a name, in a row", &hits),
        ("judge a flow with a name, in no row", &misses),
        ("judge a flow without a name, anywhere", &outside),
    ] {
        group.bench_function(what, |bencher| {
            bencher.iter(|| {
                for question in questions {
                    black_box(policy.judge(&facts(black_box(question))));
                }
            });
        });
    }
    group.finish();
}

/// A flow whose first packet was all there was of it.
fn facts((name, at): &Question) -> FlowFacts<'_> {
    let end = |at: At| Endpoint {
        ip: at.ip,
        port: at.port,
    };
    let client = web_at(Ipv4Addr::new(198, 19, 0, 10).into());
    FlowFacts {
        protocol: protocol::TCP,
        client: end(client),
        server: end(at.unwrap_or(client)),
        app: App::Unknown,
        tls: None,
        name: name.as_ref(),
        kind: EvidenceKind::Dns,
        via: &[],
        dns_seen: false,
        asked_itself: false,
        candidates: &[],
        asked: None,
        proxy_host: None,
        proxy_port: None,
        quality: Quality::default(),
        server_payload: false,
        client_payload: false,
        carried: None,
        tls_in_quic: false,
        established: false,
        start_ns: 0,
        course: Course::default(),
    }
}

fn names(mut name: impl FnMut() -> String) -> Vec<Question> {
    let named = |_| (Some(Domain::from_text(name().as_bytes())), None);
    (0..QUESTIONS).map(named).collect()
}

fn addresses(mut address: impl FnMut() -> IpAddr) -> Vec<Question> {
    (0..QUESTIONS).map(|_| (None, Some(web_at(address())))).collect()
}

fn web_at(ip: IpAddr) -> At {
    At {
        ip,
        protocol: protocol::TCP,
        port: Some(443),
    }
}

fn is_match(policy: &Policy, (name, at): &Question) -> bool {
    let mut matches = Matches::new();
    policy.matches(name.as_ref(), *at, &mut matches);
    !matches.is_empty()
}

fn all(group: &mut BenchmarkGroup<'_, WallTime>, what: &str, policy: &Policy, questions: &[Question]) {
    let mut matches = Matches::new();
    let matched = questions.iter().filter(|question| is_match(policy, question)).count();
    let expected = match what.ends_with("in a row") {
        true => QUESTIONS..QUESTIONS + 1,
        false => 0..QUESTIONS / 2,
    };
    assert!(expected.contains(&matched), "{what}: {matched} matched");
    group.bench_function(what, |bencher| {
        bencher.iter(|| {
            for (name, at) in questions {
                matches.clear();
                policy.matches(black_box(name.as_ref()), *at, &mut matches);
                black_box(matches.len());
            }
        });
    });
}
