//! The server's certificate: read anew, and known from the connection before.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use flowsift::evidence::certificate::leaf;

use super::conversation::{CONVERSATIONS, SERVER, many};

/// As many as are remembered easily.
const KNOWN: usize = 64;

pub fn benches(criterion: &mut Criterion) {
    let bodies: Vec<Vec<u8>> = many("tls 203.0.113.7:443 sni NAME version 1.2 cert NAME,*.service.example.com")
        .iter()
        .map(|conversation| {
            let said = conversation.payloads.iter().filter(|(side, _)| *side == SERVER);
            let stream: Vec<u8> = said.flat_map(|(_, bytes)| bytes.clone()).collect();
            certificate_message(&stream).expect("a server of TLS 1.2 shows its certificate")
        })
        .collect();
    assert!(
        bodies
            .iter()
            .all(|body| leaf(body).is_some_and(|found| found.names.len() == 2))
    );
    let mut group = criterion.benchmark_group("certificate");
    for (name, bodies) in [
        // More than are remembered, in turn: none is known when it comes again.
        ("another each time", &bodies[..]),
        ("seen shortly before", &bodies[..KNOWN]),
    ] {
        group.throughput(Throughput::Elements(bodies.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for body in bodies {
                    black_box(leaf(black_box(body)));
                }
            });
        });
    }
    group.finish();
    assert_eq!(bodies.len(), CONVERSATIONS);
}

/// The body of the first Certificate message in a stream of unencrypted records, none of whose messages is split.
fn certificate_message(stream: &[u8]) -> Option<Vec<u8>> {
    const HANDSHAKE: u8 = 22;
    const CERTIFICATE: u8 = 11;
    let mut records = stream;
    while let [HANDSHAKE, _, _, high, low, rest @ ..] = records {
        let (mut messages, behind) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        while let [kind, a, b, c, rest @ ..] = messages {
            let (body, next) = rest.split_at_checked(u32::from_be_bytes([0, *a, *b, *c]) as usize)?;
            if *kind == CERTIFICATE {
                return Some(body.to_vec());
            }
            messages = next;
        }
        records = behind;
    }
    None
}
