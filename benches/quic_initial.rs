//! What a QUIC connection's first packet costs: keys, decryption, ClientHello and JA4, on the example of RFC 9001,
//! appendix A.2 (1200 bytes).

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use flowsift::crypto::quic_initial::{InitialKeys, Scratch, Sender};
use flowsift::evidence::quic_handshake::first_hello;
use flowsift::wire::quic_version::QuicVersion;

const PACKET: &str = include_str!("quic_initial.hex");
const FIRST_ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

fn quic_initial(c: &mut Criterion) {
    let digits: Vec<u32> = PACKET.chars().filter_map(|d| d.to_digit(16)).collect();
    let packet: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect();
    let mut scratch = Scratch::default();
    let facts = first_hello(&packet, &mut scratch);
    assert_eq!(facts.sni.map(|name| name.to_string()).as_deref(), Some("example.com"));

    let mut group = c.benchmark_group("quic_initial");
    group.throughput(Throughput::Bytes(packet.len() as u64));
    group.bench_function("first_hello", |b| {
        b.iter(|| first_hello(black_box(&packet), &mut scratch));
    });
    group.bench_function("derive_keys", |b| {
        b.iter(|| InitialKeys::derive(QuicVersion::V1, black_box(&FIRST_ID), Sender::Client));
    });
    group.finish();
}

criterion_group!(benches, quic_initial);
criterion_main!(benches);
