//! The TLS rooms together, on real conversations: whole, alone, cut, in pieces, and broken.

use proptest::prelude::*;

use super::assembly::Stream;
use super::model::{Quality, TlsFacts, TlsVersion};
use super::tls_handshake::{Mark, TlsMarks, TlsProbe};
use super::tls_samples::*;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;

const CLIENT: Side = Side::Hi;
const SERVER: Side = Side::Lo;

/// A probe with what it wrote.
#[derive(Default)]
struct Told {
    probe: TlsProbe,
    facts: TlsFacts,
    marks: TlsMarks,
    frame: u64,
}

impl Told {
    /// Offers bytes as the next frame; returns what was left.
    fn say<'a>(&mut self, side: Side, bytes: &'a [u8]) -> &'a [u8] {
        self.frame += 1;
        let at = Stamp::new(0, self.frame, 0);
        let taken = self.probe.bytes(side, bytes, at, &mut self.facts, &mut self.marks);
        &bytes[taken..]
    }

    fn lose(&mut self, side: Side) {
        let at = Stamp::new(0, self.frame, 0);
        self.probe.lost(side, at, &mut self.facts, &mut self.marks);
    }
}

fn told(client: &str, server: &str) -> Told {
    let mut told = Told::default();
    told.say(CLIENT, &bytes(client));
    told.say(SERVER, &bytes(server));
    told
}

#[test]
fn tls_12_gives_name_version_cipher_and_certificate() {
    let t = told(TLS12_CLIENT, TLS12_SERVER);
    assert_eq!(t.facts.sni.as_ref().unwrap().as_str(), "www.example.test");
    assert_eq!(*t.facts.offered, [TlsVersion::TLS12]);
    assert_eq!(*t.facts.alpn, ["h2", "http/1.1"]);
    assert_eq!(t.facts.version, Some(TlsVersion::TLS12));
    assert_eq!(t.facts.cipher, Some(0xc02b));
    assert!(t.facts.hello && !t.facts.sslv2_hello && !t.facts.ech);
    assert_eq!(t.facts.certificate.unwrap().names[0], "*.example.test");
    assert!(t.probe.is_done() && t.probe.client() == Some(CLIENT));
    let frames = [t.marks.hello, t.marks.server_hello, t.marks.certificate].map(Mark::frame);
    assert_eq!(frames, [Some(1), Some(2), Some(2)]);
    assert_eq!(t.probe.quality(), Quality::default());
}

#[test]
fn a_retry_is_no_answer_and_its_dummies_are_passed_over() {
    let mut t = Told::default();
    let (client, server) = (bytes(RETRY_CLIENT), bytes(RETRY_SERVER));
    let (retry, answer) = server.split_at(93 + 6);
    t.say(CLIENT, &client[..250]);
    t.say(SERVER, retry);
    assert_eq!((t.facts.version, t.probe.is_done()), (None, false));
    t.say(CLIENT, &client[250..]);
    t.say(SERVER, answer);
    assert_eq!(t.facts.version, Some(TlsVersion::TLS13));
    assert_eq!(t.facts.cipher, Some(0x1302));
    assert!(t.probe.is_done() && t.facts.certificate.is_none());
    assert_eq!(
        [t.marks.hello, t.marks.server_hello].map(Mark::frame),
        [Some(1), Some(4)]
    );
}

#[test]
fn a_name_that_only_the_second_hello_has_is_taken() {
    let mut client = bytes(RETRY_CLIENT);
    let name = client.windows(4).position(|w| w == [0, 0, 0, 21]).unwrap();
    client[name] = 0x77;
    let mut t = Told::default();
    t.say(CLIENT, &client[..250]);
    assert!(t.facts.hello && t.facts.sni.is_none() && t.probe.wants(CLIENT));
    let first = t.facts.ja4;
    t.say(SERVER, &bytes(RETRY_SERVER)[..93 + 6]);
    t.say(CLIENT, &client[250..]);
    assert_eq!(t.facts.sni.unwrap().as_str(), "www.example.test");
    assert_eq!(t.facts.ja4, first);
    assert!(!t.probe.wants(CLIENT));
}

#[test]
fn a_nameless_client_is_done_with_once_it_is_answered() {
    let mut client = bytes(TLS12_CLIENT);
    let name = client.windows(4).position(|w| w == [0, 0, 0, 21]).unwrap();
    client[name] = 0x77;
    let mut t = Told::default();
    t.say(CLIENT, &client[..187]);
    assert!(t.probe.wants(CLIENT) && t.facts.sni.is_none());
    t.say(SERVER, &bytes(TLS12_SERVER));
    assert!(!t.probe.wants(CLIENT) && t.probe.is_done());
}

#[test]
fn a_resumed_session_shows_no_certificate_and_is_decided_without() {
    let mut t = told(TLS12_CLIENT, "");
    let server = bytes(RESUMED_SERVER);
    t.say(SERVER, &server[..90]);
    assert!(t.facts.version.is_some() && !t.probe.is_decided());
    t.say(SERVER, &server[90..]);
    assert!(t.probe.is_done() && t.facts.certificate.is_none());
}

#[test]
fn an_alert_of_the_server_is_a_fact_before_and_after_its_certificate() {
    let t = told(TLS12_CLIENT, ALERT_SERVER);
    assert_eq!((t.facts.server_alert, t.facts.version), (Some((2, 70)), None));
    assert!(t.probe.is_done());

    let mut t = told(TLS12_CLIENT, "");
    t.say(SERVER, &bytes(TLS12_SERVER)[..79 + 532 + 121 + 9]);
    assert!(t.probe.is_decided() && !t.probe.is_done());
    t.say(SERVER, &[21, 3, 3, 0, 2, 1, 112]);
    t.say(SERVER, &[21, 3, 3, 0, 2, 2, 40]);
    assert_eq!(t.facts.server_alert, Some((2, 40)));

    let mut t = told(TLS12_CLIENT, "");
    t.say(CLIENT, &[21, 3, 3, 0, 2, 2, 48]);
    assert_eq!(t.facts.server_alert, None);
}

#[test]
fn one_side_alone_tells_what_it_says() {
    let t = told("", TLS12_SERVER);
    assert_eq!((t.facts.version, t.facts.hello), (Some(TlsVersion::TLS12), false));
    assert!(t.facts.certificate.is_some());
    assert_eq!(t.probe.client(), Some(CLIENT));
    assert!(!t.probe.wants(SERVER) && t.probe.wants(CLIENT));

    let t = told(TLS12_CLIENT, "");
    assert!(t.facts.sni.is_some() && t.facts.version.is_none() && !t.probe.is_done());
}

#[test]
fn the_server_may_be_seen_first() {
    let mut t = told("", TLS12_SERVER);
    t.say(CLIENT, &bytes(TLS12_CLIENT));
    assert_eq!(t.facts, told(TLS12_CLIENT, TLS12_SERVER).facts);
    assert!(t.probe.is_done());
}

#[test]
fn a_flight_that_begins_at_the_certificate_still_shows_it() {
    let mut t = told(TLS12_CLIENT, "");
    t.say(SERVER, &bytes(TLS12_SERVER)[79..]);
    assert!(t.facts.certificate.is_some() && t.facts.version.is_none());
}

#[test]
fn a_cut_hello_gives_its_name_and_no_more_than_it_holds() {
    let client = bytes(RETRY_CLIENT);
    let mut t = Told::default();
    assert!(t.say(CLIENT, &client[..130]).is_empty());
    assert!(t.facts.sni.is_none() && t.probe.kept() > 0);
    t.lose(CLIENT);
    assert_eq!(t.facts.sni.unwrap().as_str(), "www.example.test");
    assert!(!t.facts.hello && t.facts.ja4.is_none() && t.facts.offered.is_empty());
    assert_eq!((t.probe.kept(), t.probe.client()), (0, Some(CLIENT)));
}

#[test]
fn a_cut_answer_is_no_tls_12_as_long_as_it_may_be_13() {
    let server = bytes(RETRY_SERVER);
    let hello = &server[93 + 6..];
    let version_at = |cut: usize| {
        let mut t = Told::default();
        t.say(SERVER, &hello[..cut]);
        t.lose(SERVER);
        t.facts.version
    };
    assert_eq!(version_at(5 + 4 + 2 + 32 + 33 + 3), None);
    assert_eq!(version_at(5 + 4 + 2 + 32 + 33 + 3 + 2 + 6), Some(TlsVersion::TLS13));
    let retry = {
        let mut t = Told::default();
        t.say(SERVER, &server[..90]);
        t.lose(SERVER);
        t.facts.version
    };
    assert_eq!(retry, None);
}

#[test]
fn a_draft_says_its_version_in_the_old_field() {
    let mut hello = vec![22, 3, 1, 0, 44, 2, 0, 0, 40, 0x7f, 0x12];
    hello.extend([9; 32]);
    hello.extend([0x13, 0x01, 0, 2, 0, 0]);
    let mut t = Told::default();
    t.say(SERVER, &hello);
    assert_eq!(
        (t.facts.version, t.facts.cipher),
        (Some(TlsVersion(0x7f12)), Some(0x1301))
    );
}

#[test]
fn an_sslv2_hello_is_answered_in_either_format() {
    let mut hello = vec![0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 0x39];
    hello.extend([7; 16]);
    let mut t = Told::default();
    assert_eq!(t.say(CLIENT, &hello[..20]).len(), 20);
    assert!(t.say(CLIENT, &hello).is_empty());
    assert!(t.facts.sslv2_hello && t.facts.hello);
    assert_eq!(*t.facts.offered, [TlsVersion::TLS10]);
    t.say(SERVER, &bytes(TLS12_SERVER));
    assert_eq!(t.facts.version, Some(TlsVersion::TLS12));
    assert!(t.facts.certificate.is_some() && t.probe.is_done());

    let certificate = &bytes(TLS12_SERVER)[79 + 5 + 4 + 3 + 3..][..517];
    let mut answer = vec![0x80 | 2, 0x23, 4, 0, 1, 0, 2, 2, 5, 0, 3, 0, 16];
    answer.extend(certificate);
    answer.extend([5; 19]);
    let mut t = Told::default();
    t.say(CLIENT, &hello);
    t.say(SERVER, &answer);
    assert_eq!(t.facts.version, Some(TlsVersion::SSL2));
    assert_eq!(t.facts.certificate.unwrap().names.len(), 2);
    assert!(t.probe.is_done());
}

#[test]
fn what_is_no_tls_leaves_no_facts() {
    let floods = [22, 3, 1, 0, 0].repeat(40);
    for junk in [
        &b"SSH-2.0-OpenSSH"[..],
        b"\x17\x03\x03\x00\x20abc",
        b"\x16\x03\x01\x00\x05\x01\0\0\x01\0",
        &floods,
    ] {
        let mut t = Told::default();
        t.say(CLIENT, junk);
        assert!(!t.probe.wants(CLIENT));
        assert_eq!(t.facts, TlsFacts::default());
    }
}

#[test]
fn a_message_longer_than_we_gather_is_over_budget() {
    let mut t = told(TLS12_CLIENT, "");
    t.say(SERVER, &bytes(TLS12_SERVER)[..79]);
    t.say(SERVER, &[22, 3, 3, 0, 10, 11, 2, 0, 6, 2, 0, 3, 2, 0, 0]);
    assert!(t.probe.quality().has(Quality::BUDGET) && t.probe.is_decided());
    assert_eq!(t.probe.kept(), 0);
}

/// The same handshake messages in other records: the clear ones are cut anew, from the first other record on nothing changes.
fn recorded_anew(side: &[u8], sizes: &[u8]) -> Vec<u8> {
    let (mut messages, mut rest) = (Vec::new(), side);
    while let [22, _, _, high, low, after @ ..] = rest {
        let (fragment, behind) = after.split_at(usize::from(*high) << 8 | usize::from(*low));
        messages.extend_from_slice(fragment);
        rest = behind;
    }
    let (mut out, mut sizes) = (Vec::new(), sizes.iter().cycle());
    let mut left = messages.as_slice();
    while !left.is_empty() {
        let n = left.len().min(usize::from(*sizes.next().unwrap()) + 1);
        let (now, later) = left.split_at(n);
        out.extend([22, 3, 3, 0, 0]);
        let header = out.len() - 2;
        out[header..].copy_from_slice(&(n as u16).to_be_bytes());
        out.extend_from_slice(now);
        left = later;
    }
    out.extend_from_slice(rest);
    out
}

/// One side cut into segments: (offset, bytes), some twice, swapped within a small window.
fn segments(side: &[u8], sizes: &[u8], swaps: &[(u8, u8)]) -> Vec<(u32, Vec<u8>)> {
    let (mut out, mut at) = (Vec::new(), 0);
    let mut sizes = sizes.iter().cycle();
    while at < side.len() {
        let n = (usize::from(*sizes.next().unwrap()) * 3 + 1).min(side.len() - at);
        out.push((at as u32, side[at..at + n].to_vec()));
        at += n;
    }
    for (from, by) in swaps {
        let from = usize::from(*from) % out.len();
        let to = (from + usize::from(*by % 8)).min(out.len() - 1);
        out.swap(from, to);
        if by % 3 == 0 {
            out.insert(to, out[from].clone());
        }
    }
    out
}

proptest! {
    #[test]
    fn any_split_any_order_and_any_records_tell_the_same(
        which in 0usize..3,
        anew in any::<bool>(),
        sizes in prop::collection::vec(any::<u8>(), 1..12),
        records in prop::collection::vec(any::<u8>(), 1..12),
        swaps in prop::collection::vec((any::<u8>(), any::<u8>()), 0..10),
        turns in prop::collection::vec(any::<bool>(), 1..20),
        isn in any::<u32>(),
    ) {
        let (client, server) = [
            (TLS12_CLIENT, TLS12_SERVER),
            (RETRY_CLIENT, RETRY_SERVER),
            (TLS12_CLIENT, RESUMED_SERVER),
        ][which];
        let want = told(client, server);
        let (mut client, mut server) = (bytes(client), bytes(server));
        if anew && which != 1 {
            client = recorded_anew(&client, &records);
            server = recorded_anew(&server, &records);
        }
        let mut queues = [segments(&server, &sizes, &swaps), segments(&client, &sizes, &swaps)].map(Vec::into_iter);
        let mut streams = [Stream::new(16384), Stream::new(16384)];
        for stream in &mut streams {
            stream.start(isn);
        }
        let mut t = Told::default();
        let mut turns = turns.iter().cycle();
        while queues.iter().any(|q| q.len() > 0) {
            let side = if *turns.next().unwrap() || queues[0].len() == 0 { CLIENT } else { SERVER };
            let side = if queues[side.index()].len() == 0 { side.other() } else { side };
            let (offset, payload) = queues[side.index()].next().unwrap();
            streams[side.index()].segment(isn.wrapping_add(offset), &payload, 0, |run| {
                run.len() - t.say(side, run).len()
            });
        }
        prop_assert_eq!(&t.facts, &want.facts);
        prop_assert!(t.probe.is_done());
        prop_assert_eq!(t.probe.kept(), 0);
        prop_assert_eq!(streams[0].quality(), Quality::default());
    }

    #[test]
    fn no_bytes_break_it(
        says in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..20),
        flips in prop::collection::vec((any::<u16>(), any::<u8>()), 0..12),
    ) {
        let mut t = Told::default();
        for (side, junk) in &says {
            let side = if *side { CLIENT } else { SERVER };
            t.say(side, junk);
        }
        t.lose(CLIENT);
        t.lose(SERVER);
        prop_assert!(t.probe.is_done());
        for (client, server) in [(TLS12_CLIENT, TLS12_SERVER), (RETRY_CLIENT, RETRY_SERVER)] {
            let mut sides = [bytes(server), bytes(client)];
            for (at, value) in &flips {
                let side = &mut sides[usize::from(at % 2)];
                let at = usize::from(at / 2) % side.len();
                side[at] = *value;
            }
            let mut t = Told::default();
            for side in [CLIENT, SERVER] {
                let all = &sides[side.index()];
                let (front, _) = all.split_at(all.len() / 2);
                let left = t.say(side, front).len();
                t.say(side, &all[front.len() - left..]);
                t.lose(side);
            }
            prop_assert!(t.probe.is_done() && t.probe.kept() == 0);
        }
    }
}
