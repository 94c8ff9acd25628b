//! Handshakes read by a probe, from the first byte to the findings.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use flowsift::evidence::probe::{Bench, Findings, Piece, Probe};
use flowsift::flow::key::Side;
use flowsift::flow::stamp::Stamp;

use crate::traffic::script;

/// Handshakes in turn, each with a name, keys and a certificate of its own.
const HANDSHAKES: usize = 400;
const PORTS: [u16; 2] = [443, 50_000];
const CLIENT: Side = Side::Hi;
const SERVER: Side = Side::Lo;

/// Segments in order: who, and what.
type Segments = Vec<(Side, Vec<u8>)>;

pub fn benches(criterion: &mut Criterion) {
    let small = conversations("version 1.2 alpn h2,http/1.1 cert");
    let browser = conversations("version 1.3 alpn h2,http/1.1 pq ech cert");
    let hello = |all: &[Segments], size: usize| -> Vec<Segments> {
        all.iter().map(|flights| cut(&flights[..1], size)).collect()
    };
    let mut group = criterion.benchmark_group("tls");
    group.throughput(Throughput::Elements(HANDSHAKES as u64));
    for (name, conversations) in [
        ("ClientHello, small, whole", hello(&small, usize::MAX)),
        ("ClientHello, small, in segments of 100", hello(&small, 100)),
        ("ClientHello, post-quantum, whole", hello(&browser, usize::MAX)),
        ("ClientHello, post-quantum, in segments of 1460", hello(&browser, 1460)),
        ("ClientHello, post-quantum, in segments of 100", hello(&browser, 100)),
        (
            "handshake of TLS 1.2 with ServerHello and Certificate",
            small.iter().map(|flights| cut(&flights[..2], 1460)).collect(),
        ),
        (
            "handshake of TLS 1.3 with ServerHello",
            browser.iter().map(|flights| cut(&flights[..2], 1460)).collect(),
        ),
    ] {
        let found = conversations.iter().map(read);
        assert!(
            found.filter(has_name).count() == HANDSHAKES,
            "{name}: not every hello is read"
        );
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for segments in &conversations {
                    black_box(read(black_box(segments)));
                }
            });
        });
    }
    group.finish();
}

fn has_name(findings: &Findings) -> bool {
    findings
        .tls
        .as_ref()
        .is_some_and(|tls| tls.sni.is_some() && tls.ja4.is_some())
}

/// What both sides say in each of the handshakes, flight by flight.
fn conversations(about: &str) -> Vec<Segments> {
    (0..HANDSHAKES)
        .map(|number| {
            let name = format!("host-{number}.region-{}.service.example.com", number % 7);
            let statement = format!("tls 203.0.113.7:443 sni {name} {about} {name},*.service.example.com");
            let sided = |(from_client, bytes)| (if from_client { CLIENT } else { SERVER }, bytes);
            script::flights(&statement).into_iter().map(sided).collect()
        })
        .collect()
}

/// Flights in segments of at most `size` bytes.
fn cut(flights: &[(Side, Vec<u8>)], size: usize) -> Segments {
    let segments = flights.iter().flat_map(|(side, bytes)| {
        let pieces = bytes.chunks(size.min(bytes.len()));
        pieces.map(|piece| (*side, piece.to_vec()))
    });
    segments.collect()
}

fn read(segments: &Segments) -> Findings {
    let mut probe = Probe::tcp([Some(0), Some(0)]);
    let mut findings = Findings::default();
    let mut bench = Bench::default();
    let mut next = [0, 0];
    for (side, payload) in segments {
        let piece = Piece {
            side: *side,
            payload,
            cut: 0,
            sequence: next[side.index()],
            at: Stamp::default(),
        };
        next[side.index()] += payload.len() as u32;
        probe.piece(piece, PORTS, &mut findings, &mut bench);
    }
    findings
}
