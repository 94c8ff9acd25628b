//! Calls as their flow's probe reads them: STUN and TURN, DTLS handshakes whole and in pieces, RTP and RTCP.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use flowsift::evidence::model::App;
use flowsift::evidence::probe::Findings;

use super::conversation::{CLIENT, CONVERSATIONS, Conversation, SERVER, many};
use crate::traffic::Dice;

pub fn benches(criterion: &mut Criterion) {
    let call = |words: &str| many(&format!("call 203.0.113.7:4433 {words}"));
    let hello = |words: &str| -> Vec<Conversation> {
        let calls = call(&format!("dtls 1.2 sni NAME cert NAME {words}"));
        calls.into_iter().map(Conversation::first_flight).collect()
    };
    let mut group = criterion.benchmark_group("media");
    group.throughput(Throughput::Elements(CONVERSATIONS as u64));
    for (name, conversations, app) in [
        ("DTLS, ClientHello, whole", hello(""), App::Dtls),
        ("DTLS, ClientHello, in pieces of 60", hello("pieces 60"), App::Dtls),
        (
            "DTLS 1.2, handshake with cookie and certificate",
            call("dtls 1.2 sni NAME cert NAME cookie"),
            App::Dtls,
        ),
        (
            "DTLS 1.2, the same in pieces of 60",
            call("dtls 1.2 sni NAME cert NAME cookie pieces 60"),
            App::Dtls,
        ),
        ("DTLS 1.3, handshake", call("dtls 1.3 sni NAME"), App::Dtls),
        ("STUN, question and answer", call("stun 1"), App::Stun),
        ("STUN, 64 datagrams", call("stun 32"), App::Stun),
        ("STUN, DTLS, RTP", call("stun 2 dtls 1.2 rtp 8"), App::Dtls),
        ("RTP on any port, 16 packets", call("rtp 16"), App::Rtp),
        (
            "RTP on a port of STUN, 16 packets",
            many("call 203.0.113.7:3478 rtp 16"),
            App::Rtp,
        ),
        ("RTCP on a port of STUN, 16 packets", reports(), App::Rtp),
    ] {
        all(&mut group, name, &conversations, app, Conversation::read_datagrams);
    }
    for (name, words) in [("TURN over TCP", ""), ("TURN over TCP, pseudo-TLS", "pseudo-tls")] {
        let conversations = many(&format!("turn 203.0.113.7:443 {words}"));
        all(&mut group, name, &conversations, App::Stun, Conversation::read_stream);
    }
    group.finish();
}

fn all(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    conversations: &[Conversation],
    app: App,
    read: fn(&Conversation) -> Findings,
) {
    let found = conversations.iter().filter(|one| read(one).app == app).count();
    assert_eq!(found, CONVERSATIONS, "{name}: not every one is told");
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for conversation in conversations {
                black_box(read(black_box(conversation)));
            }
        });
    });
}

/// Receiver reports of both ends with one block each (RFC 3550, section 6.4.2); the generator makes none.
fn reports() -> Vec<Conversation> {
    let mut dice = Dice(19);
    let one = |_| {
        let sources = [dice.roll() as u32, dice.roll() as u32].map(u32::to_be_bytes);
        let report = |number: usize, rest: u64| {
            let (own, other) = (sources[number % 2], sources[(number + 1) % 2]);
            let side = if number.is_multiple_of(2) { CLIENT } else { SERVER };
            let block = [&[0x81, 201, 0, 7][..], &own, &other, &rest.to_be_bytes(), &[0; 12]];
            (side, block.concat())
        };
        Conversation {
            payloads: (0..16).map(|number| report(number, dice.roll())).collect(),
            port: 3478,
        }
    };
    (0..CONVERSATIONS).map(one).collect()
}
