//! QUIC connections in all the ways that networks and browsers send them.

use proptest::prelude::*;

use crate::crypto::quic_examples::{ID, hex};
use crate::evidence::model::{Quality, TlsFacts, TlsVersion};
use crate::evidence::quic_handshake::{first_hello, looks_like_quic};
use crate::evidence::quic_samples::*;
use crate::wire::quic_version::QuicVersion;

#[test]
fn both_hellos_of_every_version_are_read() {
    for number in [
        1,
        0x6b33_43cf,
        0xff00_0016,
        0xff00_0017,
        0xff00_001d,
        0xff00_0022,
        0xff02_0000,
        0x709a_50c4,
        0xface_b001,
        0xface_b002,
    ] {
        let version = QuicVersion(number);
        let mut flow = Flow::default();
        let client = Seal { version, ..FROM_CLIENT };
        let server = Seal { version, ..FROM_SERVER };
        let first = client.packet(2, &hello_payload());
        assert!(looks_like_quic(&first));
        flow.send(CLIENT, &first);
        assert_eq!(flow.probe.client(), Some(CLIENT));
        assert_eq!((flow.sni(), flow.facts.version), (Some("example.com"), None));
        assert!(!flow.probe.is_done());
        flow.send(SERVER, &server.packet(1, &answer_payload()));
        assert_eq!(flow.facts.version, Some(TlsVersion::TLS13));
        assert_eq!(flow.facts.cipher, Some(0x1301));
        assert_eq!(*flow.facts.alpn, ["alpn"]);
        assert!(flow.facts.ja4.as_ref().unwrap().starts_with("q13d0211an_"));
        let frames = [flow.marks.hello, flow.marks.server_hello].map(|mark| mark.frame().unwrap());
        assert_eq!(frames, [1, 2]);
        assert_eq!(flow.probe.version(), Some(version));
        assert_eq!(flow.quality(), ["complete"]);
        assert!(flow.probe.is_done());
        assert_eq!(flow.probe.bytes(), 0);
    }
}

#[test]
fn google_frames_around_tls_are_read() {
    for version in [QuicVersion::T050, QuicVersion::T051] {
        let mut payload = hello_payload();
        payload[0] = 0x08;
        let mut flow = Flow::default();
        flow.send(CLIENT, &Seal { version, ..FROM_CLIENT }.packet(1, &payload));
        assert_eq!(flow.sni(), Some("example.com"));
    }
    let mut payload = b"\x08\x00\x40\x29CHLO\x01\0\0\0SNI\0\x0f\0\0\0play.google.com\x07".to_vec();
    payload[3] = payload.len() as u8 - 5;
    let q050 = Seal {
        version: QuicVersion::Q050,
        ..FROM_CLIENT
    };
    let mut flow = Flow::default();
    flow.send(CLIENT, &q050.packet(1, &payload));
    assert_eq!(flow.sni(), Some("play.google.com"));
    assert!(!flow.facts.hello);
}

#[test]
fn the_keys_stay_when_the_server_chooses_another_id() {
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &padded(&[piece(0, 100)])));
    flow.send(SERVER, &FROM_SERVER.packet(0, &padded(&[vec![2, 0, 0, 0, 0]])));
    assert_eq!((flow.sni(), flow.quality()), (None, vec!["gap"]));
    let later = Seal {
        destination: &SERVER_ID,
        ..FROM_CLIENT
    };
    flow.send(CLIENT, &later.packet(1, &padded(&[piece(100, 241)])));
    assert_eq!((flow.sni(), flow.quality()), (Some("example.com"), vec!["complete"]));
    assert_eq!(flow.marks.hello.frame(), Some(3));
}

#[test]
fn a_retry_starts_over_with_keys_from_its_id() {
    // The hello takes two packets; only one came before the Retry, none of it counts afterwards.
    let retried = Seal {
        first_id: &SERVER_ID,
        destination: &SERVER_ID,
        token: b"token",
        ..FROM_CLIENT
    };
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &padded(&[piece(0, 100)])));
    flow.send(SERVER, &retry(&SERVER_ID));
    flow.send(CLIENT, &retried.packet(1, &padded(&[piece(100, 241)])));
    assert_eq!(flow.sni(), None);
    flow.send(CLIENT, &retried.packet(2, &padded(&[piece(0, 100)])));
    assert_eq!(flow.sni(), Some("example.com"));
    let answer = Seal {
        first_id: &SERVER_ID,
        ..FROM_SERVER
    };
    flow.send(SERVER, &answer.packet(0, &answer_payload()));
    assert_eq!(flow.facts.cipher, Some(0x1301));

    // The whole hello came before; the answer still needs the new keys.
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    flow.send(SERVER, &retry(&SERVER_ID));
    flow.send(CLIENT, &retried.packet(1, &hello_payload()));
    flow.send(SERVER, &answer.packet(0, &answer_payload()));
    assert_eq!(flow.facts.cipher, Some(0x1301));
    assert_eq!(flow.marks.hello.frame(), Some(1));
    assert!(flow.probe.is_done());
}

#[test]
fn a_refusal_is_no_part_in_a_connection() {
    let negotiation = [0x80, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0x6b, 0x33, 0x43, 0xcf];
    for refusal in [&negotiation[..], &retry(&SERVER_ID)] {
        let mut flow = Flow::default();
        flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
        flow.send(SERVER, refusal);
        assert_eq!(flow.probe.went_on(), [false, true], "the client alone");
    }
    // Joined late, an answer is one without any key.
    let mut flow = Flow::default();
    flow.send(SERVER, &[0x41; 40]);
    assert_eq!(flow.probe.went_on(), [true, false]);
}

#[test]
fn a_reserved_version_hides_no_name() {
    let reserved = QuicVersion(0x0a0a_0a0a);
    let negotiation = [0x80, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0xff, 0, 0, 0x1d, 0, 0, 0, 1];
    for lender in QuicVersion::LENDERS {
        let seal = Seal {
            version: lender,
            ..FROM_CLIENT
        };
        let mut flow = Flow::default();
        flow.send(CLIENT, &seal.written_as(reserved, 0, &padded(&[piece(0, 100)])));
        flow.send(CLIENT, &seal.written_as(reserved, 1, &padded(&[piece(100, 241)])));
        assert_eq!(
            (flow.sni(), flow.probe.version()),
            (Some("example.com"), Some(reserved))
        );
        assert_eq!(flow.quality(), ["complete"]);
        flow.send(SERVER, &negotiation);
        flow.send(CLIENT, &FROM_CLIENT.packet(1, &hello_payload()));
        flow.send(SERVER, &FROM_SERVER.packet(0, &answer_payload()));
        assert_eq!((flow.facts.cipher, flow.probe.version()), (Some(0x1301), Some(V1)));
        assert_eq!(flow.marks.hello.frame(), Some(2));
    }

    // Keys that nobody knows, sent over and over, leave room for what comes after the negotiation.
    let unknown = Seal {
        version: QuicVersion::V2,
        ..FROM_CLIENT
    };
    let mut flow = Flow::default();
    for _ in 0..20 {
        flow.send(CLIENT, &unknown.written_as(reserved, 0, &hello_payload()));
    }
    assert_eq!((flow.sni(), flow.quality()), (None, vec!["complete"]));
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    assert_eq!((flow.sni(), flow.probe.version()), (Some("example.com"), Some(V1)));
}

#[test]
fn a_negotiation_changes_the_version_and_the_keys() {
    let reserved = [&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8][..], &ID, &[0; 60]].concat();
    let negotiation = [0x80, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0xff, 0, 0, 0x1d, 0, 0, 0, 1];
    assert!(looks_like_quic(&reserved) && looks_like_quic(&negotiation));
    let mut flow = Flow::default();
    flow.send(CLIENT, &reserved);
    flow.send(SERVER, &negotiation);
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    assert_eq!((flow.sni(), flow.probe.version()), (Some("example.com"), Some(V1)));

    // From one version that can be read to another.
    let draft = Seal {
        version: DRAFT_29,
        ..FROM_CLIENT
    };
    let mut flow = Flow::default();
    flow.send(CLIENT, &draft.packet(0, &hello_payload()));
    flow.send(SERVER, &negotiation);
    flow.send(CLIENT, &FROM_CLIENT.packet(1, &hello_payload()));
    flow.send(SERVER, &FROM_SERVER.packet(0, &answer_payload()));
    assert_eq!((flow.facts.cipher, flow.probe.version()), (Some(0x1301), Some(V1)));
}

#[test]
fn a_server_may_answer_in_a_compatible_version() {
    let answer = Seal {
        version: QuicVersion::V2,
        ..FROM_SERVER
    };
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    flow.send(SERVER, &answer.packet(0, &answer_payload()));
    assert_eq!(
        (flow.facts.cipher, flow.probe.version()),
        (Some(0x1301), Some(QuicVersion::V2))
    );
}

#[test]
fn packets_in_one_datagram_are_told_apart() {
    let initial = FROM_CLIENT.packet(0, &padded(&[piece(0, 241)]));
    let zero_rtt = [&[0xd0, 0, 0, 0, 1, 8][..], &ID, &[0, 30], &[9; 30]].concat();
    let short = [0x41; 40];
    let mut flow = Flow::default();
    flow.send(CLIENT, &[&zero_rtt[..], &initial, &short].concat());
    assert_eq!(flow.sni(), Some("example.com"));
    // The capture cut a Handshake packet behind the Initial: nothing is missed.
    let handshake = [0xe0, 0, 0, 0, 1, 0, 5, 1, 2, 3, 4, 5, 0x44, 0, 1, 2, 3];
    let initial = FROM_SERVER.packet(0, &answer_payload());
    flow.send_cut(SERVER, &[&initial[..], &handshake].concat(), true);
    assert_eq!((flow.facts.cipher, flow.quality()), (Some(0x1301), vec!["complete"]));
}

#[test]
fn a_cut_initial_says_so_and_gives_nothing() {
    let packet = FROM_CLIENT.packet(0, &hello_payload());
    for length in [10, 100, packet.len() - 1] {
        let mut flow = Flow::default();
        flow.send_cut(CLIENT, &packet[..length], true);
        assert_eq!((flow.sni(), flow.probe.client()), (None, None));
        assert_eq!(flow.quality(), ["cut"]);
    }
    let mut flow = Flow::default();
    flow.send_cut(CLIENT, &packet[..100], true);
    assert_eq!(flow.probe.version(), Some(V1));
}

#[test]
fn nothing_is_taken_from_a_packet_that_was_changed() {
    let packet = FROM_CLIENT.packet(0, &hello_payload());
    for at in [5 + 3, packet.len() / 2, packet.len() - 1] {
        let mut other = packet.clone();
        other[at] ^= 1;
        let mut flow = Flow::default();
        flow.send(CLIENT, &other);
        assert_eq!(flow.facts, TlsFacts::default());
        assert_eq!((flow.probe.client(), flow.quality()), (None, vec!["midstream"]));
        flow.send(CLIENT, &packet);
        assert_eq!(flow.sni(), Some("example.com"));
    }
}

#[test]
fn a_server_hello_needs_the_servers_keys() {
    let forged = Seal {
        destination: &[],
        ..FROM_CLIENT
    };
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    flow.send(SERVER, &forged.packet(0, &answer_payload()));
    assert_eq!((flow.facts.version, flow.marks.server_hello.frame()), (None, None));
}

#[test]
fn a_flood_of_forgeries_ends_the_attempts() {
    let mut packet = FROM_CLIENT.packet(0, &hello_payload());
    let mut flow = Flow::default();
    for n in 0..11u8 {
        packet[6] = n;
        flow.send(CLIENT, &packet);
        assert!(!flow.probe.is_done());
    }
    packet[6] = 11;
    flow.send(CLIENT, &packet);
    assert!(flow.probe.is_done() && flow.quality() == ["budget"]);

    // Behind a true hello, forgeries cost the answer nothing.
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    for n in 0..50u8 {
        packet[6] = n;
        flow.send(CLIENT, &packet);
    }
    flow.send(SERVER, &FROM_SERVER.packet(0, &answer_payload()));
    assert_eq!(flow.facts.cipher, Some(0x1301));
}

#[test]
fn a_connection_joined_late_is_midstream() {
    let mut flow = Flow::default();
    for n in 0..20 {
        let later = Seal {
            destination: &[9; 8],
            ..FROM_CLIENT
        };
        flow.send(CLIENT, &later.packet(n, &hello_payload()));
        flow.send(SERVER, &FROM_SERVER.packet(n, &answer_payload()));
    }
    assert_eq!((flow.sni(), flow.quality()), (None, vec!["midstream"]));
}

#[test]
fn a_retry_request_is_not_the_answer() {
    // The published ServerHello with the random that RFC 8446, section 4.1.3, gives; then the true one behind it.
    let mut first = answer_payload().split_off(5);
    let random = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";
    first[10..42].copy_from_slice(&hex(random));
    let mut second = answer_payload().split_off(5);
    second.splice(1..2, 0x405au16.to_be_bytes());
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    flow.send(SERVER, &FROM_SERVER.packet(0, &first));
    assert_eq!((flow.facts.version, flow.probe.is_done()), (None, false));
    flow.send(SERVER, &FROM_SERVER.packet(1, &second));
    assert_eq!(flow.facts.version, Some(TlsVersion::TLS13));
    assert_eq!(flow.marks.server_hello.frame(), Some(3));
}

#[test]
fn a_close_by_the_server_tells_its_alert() {
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
    let close = vec![0x1c, 0x41, 0x28, 0x06, 0];
    flow.send(CLIENT, &FROM_CLIENT.packet(1, &padded(std::slice::from_ref(&close))));
    assert_eq!(flow.facts.server_alert, None);
    flow.send(SERVER, &FROM_SERVER.packet(0, &padded(&[close])));
    assert_eq!(flow.facts.server_alert, Some((2, 40)));
}

#[test]
fn pieces_too_far_on_and_messages_too_long_are_not_kept() {
    let mut far = vec![0x06, 0x80, 1, 0, 0, 0x40, 40];
    far.extend([1; 40]);
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &padded(&[far])));
    assert!(flow.probe.quality().has(Quality::BUDGET));
    let keys_only = flow.probe.bytes();
    let mut long = piece(0, 100);
    long[6] = 1;
    let mut flow = Flow::default();
    flow.send(CLIENT, &FROM_CLIENT.packet(0, &padded(&[long])));
    assert!(flow.probe.quality().has(Quality::BUDGET));
    assert_eq!(flow.probe.bytes(), keys_only);
}

#[test]
fn a_client_that_never_says_hello_is_given_up() {
    let mut flow = Flow::default();
    for number in 0..300 {
        flow.send(CLIENT, &FROM_CLIENT.packet(number, &padded(&[vec![1]])));
    }
    assert!(flow.probe.is_done());
    assert_eq!(flow.quality(), ["budget"]);
}

#[test]
fn other_protocols_are_not_quic() {
    let dns = [0xc3, 0x12, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, b'w', b'w', b'w', 0];
    let rtp = [0x80, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for bytes in [&dns[..], &rtp, &[], &[0; 64], &[0xff; 64], b"GET / HTTP/1.1"] {
        assert!(!looks_like_quic(bytes), "{bytes:02x?}");
    }
    assert!(looks_like_quic(b"\x0d12345678Q043\x01"));
}

/// The hello's pieces, cut at any places, each given any number of times, shuffled over datagrams.
fn scattered() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let cuts = prop::collection::btree_set(1..241usize, 0..40);
    let extra = prop::collection::vec((0..241usize, 0..60usize), 0..10);
    (cuts, extra, 1..6usize)
        .prop_flat_map(|(cuts, extra, datagrams)| {
            let mut edges: Vec<usize> = cuts.into_iter().collect();
            edges.insert(0, 0);
            edges.push(241);
            let overlapping = extra.into_iter().map(|(from, n)| (from, (from + n).min(241)));
            let pieces: Vec<(usize, usize)> = edges
                .windows(2)
                .map(|edge| (edge[0], edge[1]))
                .chain(overlapping)
                .collect();
            (Just(pieces).prop_shuffle(), Just(datagrams))
        })
        .prop_map(|(pieces, datagrams)| {
            let each = pieces.len().div_ceil(datagrams);
            let frames = |pieces: &[(usize, usize)]| {
                let noise = [vec![0x01], vec![0; 3]];
                let pieces = pieces.iter().map(|(from, to)| piece(*from, *to));
                pieces
                    .zip(noise.iter().cycle())
                    .flat_map(|(a, b)| [a, b.clone()])
                    .collect()
            };
            pieces.chunks(each).map(frames).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_scattering_of_the_hello_says_the_same(datagrams in scattered()) {
        let mut whole = Flow::default();
        whole.send(CLIENT, &FROM_CLIENT.packet(0, &hello_payload()));
        let mut flow = Flow::default();
        for (number, frames) in datagrams.iter().enumerate() {
            flow.send(CLIENT, &FROM_CLIENT.packet(number as u32, &padded(frames)));
        }
        prop_assert_eq!(&flow.facts, &whole.facts);
        prop_assert_eq!(flow.quality(), vec!["complete"]);
    }

    #[test]
    fn arbitrary_datagrams_never_panic(
        datagrams in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20),
        quic in any::<bool>(),
    ) {
        let mut flow = Flow::default();
        for (client, mut bytes) in datagrams {
            if quic && bytes.len() > 14 {
                bytes[..14].copy_from_slice(&[0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
            }
            looks_like_quic(&bytes);
            flow.send(if client { CLIENT } else { SERVER }, &bytes);
            first_hello(&bytes, &mut flow.scratch);
        }
        prop_assert_eq!(flow.facts, TlsFacts::default());
    }

    #[test]
    fn arbitrary_payloads_never_panic(
        payloads in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 4..300)), 1..10),
        version in prop::sample::select(vec![V1, QuicVersion::V2, QuicVersion::T051, QuicVersion::Q050]),
    ) {
        let mut flow = Flow::default();
        for (number, (client, payload)) in payloads.iter().enumerate() {
            let (side, seal) = match client {
                true => (CLIENT, FROM_CLIENT),
                false => (SERVER, FROM_SERVER),
            };
            flow.send(side, &Seal { version, ..seal }.packet(number as u32, payload));
        }
        prop_assert!(flow.probe.bytes() < 64 * 1024);
    }
}
