//! DTLS connections of every version, in all the ways that networks and captures break them.

use proptest::prelude::*;

use crate::evidence::dtls_samples::*;
use crate::evidence::model::TlsFacts;
use crate::flow::key::Side;
use crate::wire::dtls::{V0_9, V1_0, V1_2, looks_like_dtls};

const V1_3: u16 = 0xfefc;
const HELLO: u8 = 22;

fn play(datagrams: &[(Side, Vec<u8>)]) -> Flow {
    let mut flow = Flow::default();
    for (side, bytes) in datagrams {
        flow.send(*side, bytes);
    }
    flow
}

#[test]
fn a_real_connection_is_read_from_both_sides() {
    let flow = play(&openssl());
    assert_eq!(flow.sni(), Some("vpn.example.org"));
    assert_eq!(flow.version().as_deref(), Some("1.2"));
    assert_eq!(flow.facts.cipher, Some(0xc02b));
    let offered: Vec<String> = flow.facts.offered.iter().map(ToString::to_string).collect();
    assert_eq!(offered, ["1.2"]);
    assert!(
        flow.facts.ja4.as_ref().unwrap().starts_with("dd2d02"),
        "{:?}",
        flow.facts.ja4
    );
    let certificate = flow.facts.certificate.as_ref().unwrap();
    assert_eq!(certificate.subject, "CN=vpn.example.org");
    assert_eq!(certificate.names, ["vpn.example.org", "*.example.org"]);
    assert_eq!(flow.probe.client(), Some(CLIENT));
    let marks = [flow.marks.hello, flow.marks.server_hello, flow.marks.certificate];
    assert_eq!(marks.map(|mark| mark.frame().unwrap()), [1, 4, 6]);
    assert!(flow.probe.is_done());
    assert_eq!((flow.quality(), flow.probe.bytes()), (vec!["complete"], 0));
    assert!(openssl().iter().all(|(_, bytes)| looks_like_dtls(bytes, false)));
}

#[test]
fn datagrams_may_come_in_any_order_and_twice() {
    let whole = play(&openssl());
    // The flight of the server turned round, and all of it again, before anything is sealed.
    let mut datagrams = openssl();
    datagrams[3..7].reverse();
    let again = datagrams[..7].to_vec();
    datagrams.splice(7..7, again);
    let flow = play(&datagrams);
    assert_eq!(flow.facts, whole.facts);
    assert_eq!(flow.quality(), ["complete"]);
    // The server's side first.
    datagrams.rotate_left(3);
    assert_eq!(play(&datagrams).facts, whole.facts);
}

#[test]
fn each_version_is_named_as_negotiated() {
    let all = [
        (V0_9, None, "0.9"),
        (V1_0, None, "1.0"),
        (V1_2, None, "1.2"),
        (V1_2, Some(V1_3), "1.3"),
    ];
    for (legacy, selected, name) in all {
        let versions: Vec<u16> = selected.into_iter().collect();
        let mut flow = Flow::default();
        let hello = client_hello(legacy, b"", "a.example", &versions);
        flow.send(CLIENT, &message(legacy, CLIENT_HELLO, 0, &hello));
        assert_eq!((flow.sni(), flow.version()), (Some("a.example"), None));
        assert!(!flow.probe.is_done());
        flow.send(
            SERVER,
            &message(legacy, SERVER_HELLO, 0, &server_hello(legacy, false, selected)),
        );
        assert_eq!(flow.version().as_deref(), Some(name));
        assert_eq!(flow.facts.offered[0].to_string(), name);
        assert_eq!(flow.quality(), ["complete"]);
        // Nothing more is in the clear from 1.3 on; before, a certificate may follow.
        assert_eq!(flow.probe.is_done(), name == "1.3");
        flow.send(SERVER, &record(20, legacy, &[1]));
        assert!(flow.probe.is_done());
    }
}

#[test]
fn a_retry_decides_nothing_and_the_second_hello_changes_nothing() {
    let mut flow = Flow::default();
    let versions = [V1_3, V1_2];
    flow.send(
        CLIENT,
        &message(V1_2, CLIENT_HELLO, 0, &client_hello(V1_2, b"", "", &versions)),
    );
    let first = flow.facts.clone();
    flow.send(
        SERVER,
        &message(V1_2, SERVER_HELLO, 0, &server_hello(V1_2, true, Some(V1_3))),
    );
    assert_eq!((flow.version(), flow.marks.server_hello.frame()), (None, None));
    let second = client_hello(V1_2, b"", "a.example", &[V1_2]);
    flow.send(CLIENT, &message(V1_2, CLIENT_HELLO, 1, &second));
    assert_eq!(flow.sni(), Some("a.example"));
    assert_eq!((&flow.facts.ja4, &flow.facts.offered), (&first.ja4, &first.offered));
    flow.send(
        SERVER,
        &message(V1_2, SERVER_HELLO, 1, &server_hello(V1_2, false, Some(V1_3))),
    );
    assert_eq!(flow.version().as_deref(), Some("1.3"));
}

#[test]
fn several_messages_share_a_record_and_several_records_a_datagram() {
    let (_, flight) = openssl().swap_remove(3);
    let hello = client_hello(V1_2, b"cookie", "a.example", &[]);
    let two = [
        piece(CLIENT_HELLO, 1, &hello, 0..50),
        piece(CLIENT_HELLO, 1, &hello, 50..hello.len()),
    ]
    .concat();
    let mut flow = Flow::default();
    flow.send(CLIENT, &[record(HELLO, V1_2, &two), flight].concat());
    // A side cannot be both: the ServerHello behind the hello is not believed.
    assert_eq!((flow.sni(), flow.version()), (Some("a.example"), None));
}

#[test]
fn a_clients_certificate_is_not_the_servers() {
    let mut datagrams = openssl();
    for (side, _) in &mut datagrams[3..7] {
        *side = CLIENT;
    }
    let flow = play(&datagrams[..7]);
    assert_eq!(flow.facts.certificate, None);
}

#[test]
fn the_servers_alert_is_kept() {
    let mut flow = Flow::default();
    let hello = client_hello(V1_2, b"", "a.example", &[]);
    flow.send(SERVER, &record(21, V1_2, &[2, 40]));
    assert_eq!(flow.facts.server_alert, None);
    flow.send(CLIENT, &message(V1_2, CLIENT_HELLO, 0, &hello));
    flow.send(CLIENT, &record(21, V1_2, &[1, 0]));
    assert_eq!(flow.facts.server_alert, Some((2, 40)));
}

#[test]
fn what_is_missing_is_said() {
    // A piece of the certificate was lost.
    let mut lossy = openssl();
    lossy.remove(4);
    let flow = play(&lossy[..6]);
    assert_eq!((flow.facts.certificate.is_none(), flow.quality()), (true, vec!["gap"]));
    // The capture cut the hello off behind its name.
    let hello = client_hello(V1_2, b"cookie", "a.example", &[V1_3]);
    let bytes = message(V1_2, CLIENT_HELLO, 0, &hello);
    let mut flow = Flow::default();
    flow.send_cut(CLIENT, &bytes[..bytes.len() - 3], true);
    assert_eq!((flow.sni(), flow.facts.hello), (Some("a.example"), false));
    assert_eq!(flow.quality(), ["cut"]);
    // The same, but as it was on the wire: that is no hello.
    let mut flow = Flow::default();
    flow.send(CLIENT, &bytes[..bytes.len() - 3]);
    assert_eq!(flow.facts, TlsFacts::default());
    // Only data: the hellos were before.
    let mut flow = Flow::default();
    let sealed = [23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 7, 7];
    flow.send(CLIENT, &sealed);
    flow.send(SERVER, &sealed);
    assert_eq!((flow.probe.is_done(), flow.quality()), (true, vec!["midstream"]));
}

#[test]
fn memory_is_bounded() {
    let mut flow = Flow::default();
    let long = vec![7; 40_000];
    for at in (0..40_000).step_by(400) {
        for kind in [CLIENT_HELLO, SERVER_HELLO, CERTIFICATE] {
            let end = 40_000.min(at + 399);
            flow.send(CLIENT, &record(HELLO, V1_2, &piece(kind, 0, &long, at..end)));
            assert!(flow.probe.bytes() < 110_000);
        }
    }
    assert!(flow.probe.is_done() && flow.probe.bytes() == 0);
    assert!(flow.quality().contains(&"budget"));
}

proptest! {
    /// However a hello is cut, shuffled and repeated, it says the same.
    #[test]
    fn any_fragmentation_gives_the_same_facts(
        cuts in proptest::collection::btree_set(1usize..150, 0..8),
        order in any::<u64>(),
        repeat in 0usize..4,
    ) {
        let hello = client_hello(V1_2, b"a cookie", "fragments.example.org", &[V1_3, V1_2]);
        let whole = play(&[(CLIENT, message(V1_2, CLIENT_HELLO, 0, &hello))]);
        let mut bounds: Vec<usize> = cuts.into_iter().filter(|cut| *cut < hello.len()).collect();
        bounds.insert(0, 0);
        bounds.push(hello.len());
        let mut parts: Vec<_> = bounds.windows(2).map(|pair| pair[0]..pair[1]).collect();
        parts.extend(parts.clone().into_iter().take(repeat));
        parts.sort_by_key(|part| (part.start as u64 + 1).wrapping_mul(order | 1) >> 7);
        let datagrams: Vec<_> = parts
            .into_iter()
            .map(|part| (CLIENT, record(HELLO, V1_2, &piece(CLIENT_HELLO, 0, &hello, part))))
            .collect();
        let flow = play(&datagrams);
        prop_assert_eq!(&flow.facts, &whole.facts);
        prop_assert_eq!(flow.sni(), Some("fragments.example.org"));
        prop_assert_eq!(flow.quality(), ["complete"]);
    }

    /// Real datagrams with damaged bytes, cut anywhere.
    #[test]
    fn no_datagram_panics(
        damage in proptest::collection::vec((0usize..10, 0usize..250, any::<u8>()), 0..12),
        cuts in proptest::collection::vec((0usize..10, 0usize..250), 0..3),
    ) {
        let mut datagrams = openssl();
        for (which, at, byte) in damage {
            if let Some(slot) = datagrams[which].1.get_mut(at) {
                *slot = byte;
            }
        }
        for (which, length) in &cuts {
            datagrams[*which].1.truncate(*length);
        }
        let mut flow = Flow::default();
        for (side, bytes) in &datagrams {
            flow.send_cut(*side, bytes, !cuts.is_empty());
        }
        flow.quality();
        prop_assert!(flow.probe.bytes() < 110_000);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in any::<bool>()) {
        let mut flow = Flow::default();
        flow.send_cut(CLIENT, &bytes, cut);
        flow.send_cut(SERVER, &[&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &bytes].concat(), cut);
    }
}
