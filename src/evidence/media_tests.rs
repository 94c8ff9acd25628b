//! Calls as they are seen: STUN, DTLS and RTP on the same ports, either end first, and what is none of them.

use proptest::prelude::*;

use crate::evidence::dtls_samples::{self, CLIENT, SERVER};
use crate::evidence::media::MediaProbe;
use crate::evidence::model::{App, TlsFacts};
use crate::evidence::quic_handshake::Datagram;
use crate::evidence::tls_handshake::TlsMarks;
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;

const FREE: [u16; 2] = [19_305, 38_152];
/// The lower end is Teams'.
const MEDIA: [u16; 2] = [3480, 50_000];

const REQUEST: &[u8] = &[
    0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];
const ANSWER: &[u8] = &[
    1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

#[derive(Default)]
struct Flow {
    probe: MediaProbe,
    facts: Option<Box<TlsFacts>>,
    marks: TlsMarks,
    frame: u64,
}

impl Flow {
    fn send(&mut self, side: Side, bytes: &[u8], ports: [u16; 2]) {
        self.frame += 1;
        let datagram = Datagram {
            side,
            bytes,
            cut: false,
            at: Stamp::new(0, self.frame, 0),
        };
        self.probe.datagram(&datagram, ports, &mut self.facts, &mut self.marks);
    }

    fn says(&self) -> (App, Option<Side>, bool) {
        (self.probe.app(), self.probe.client(), self.probe.is_done())
    }
}

fn rtp(source: u8, sequence: u16) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    vec![0x80, 111, high, low, 0, 0, 1, 2, 9, 9, 9, source, 7, 7, 7, 7]
}

#[test]
fn dtls_is_found_behind_stun() {
    let mut flow = Flow::default();
    for _ in 0..2 {
        flow.send(CLIENT, REQUEST, FREE);
        flow.send(SERVER, ANSWER, FREE);
    }
    assert_eq!(flow.says(), (App::Stun, None, false));
    for (side, bytes) in dtls_samples::openssl() {
        flow.send(side, &bytes, FREE);
        flow.send(side, REQUEST, FREE);
    }
    assert_eq!(flow.says(), (App::Dtls, Some(CLIENT), true));
    let facts = flow.facts.unwrap();
    assert_eq!(facts.sni.unwrap().as_str(), "vpn.example.org");
    assert!(facts.certificate.is_some());
    assert_eq!(flow.marks.hello.frame(), Some(5));
}

#[test]
fn the_media_port_serves_whoever_sends_first_and_whoever_says_hello() {
    for first in [CLIENT, SERVER] {
        let mut flow = Flow::default();
        flow.send(first, REQUEST, MEDIA);
        assert_eq!(flow.says(), (App::Stun, Some(Side::Hi), false));
        let mut flow = Flow::default();
        flow.send(first, &rtp(1, 1), MEDIA);
        assert_eq!(flow.says(), (App::Rtp, Some(Side::Hi), false));
        let (_, hello) = &dtls_samples::openssl()[0];
        let mut flow = Flow::default();
        flow.send(first, hello, MEDIA);
        assert_eq!(flow.says(), (App::Dtls, Some(Side::Hi), false));
    }
}

#[test]
fn an_answer_that_comes_first_tells_who_asked() {
    let mut flow = Flow::default();
    flow.send(SERVER, ANSWER, FREE);
    assert_eq!(flow.probe.client(), Some(CLIENT));
    let mut flow = Flow::default();
    flow.send(SERVER, ANSWER, [443, 50_000]);
    assert_eq!(flow.probe.client(), None, "the port tells");
}

#[test]
fn rtp_needs_two_packets_that_agree() {
    assert!(MediaProbe::may_begin(&rtp(1, 1)) && !MediaProbe::may_begin(REQUEST));
    let mut flow = Flow::default();
    flow.send(CLIENT, &rtp(1, 700), FREE);
    // Another side, another source, a step back: none of them agrees.
    flow.send(SERVER, &rtp(1, 701), FREE);
    flow.send(CLIENT, &rtp(2, 701), FREE);
    flow.send(CLIENT, &rtp(2, 700), FREE);
    assert_eq!(flow.says(), (App::Unknown, None, false));
    flow.send(SERVER, &rtp(1, 702), FREE);
    assert_eq!(flow.says(), (App::Rtp, None, false));
    for n in 0..16 {
        flow.send(SERVER, &rtp(1, 703 + n), FREE);
    }
    assert_eq!(flow.says(), (App::Rtp, None, true));
}

#[test]
fn media_behind_stun_is_still_stun_and_is_not_looked_at_for_long() {
    let mut flow = Flow::default();
    flow.send(CLIENT, REQUEST, MEDIA);
    for n in 0..16 {
        assert!(!flow.probe.is_done());
        flow.send(CLIENT, &rtp(1, n), MEDIA);
    }
    assert_eq!(flow.says(), (App::Stun, Some(Side::Hi), true));
    // Channel data of TURN, and keepalives without end.
    let mut flow = Flow::default();
    flow.send(CLIENT, REQUEST, MEDIA);
    flow.send(CLIENT, &[0x40, 0, 0, 4, 1, 2, 3, 4], MEDIA);
    for _ in 0..63 {
        assert!(!flow.probe.is_done());
        flow.send(CLIENT, REQUEST, MEDIA);
    }
    assert_eq!(flow.says(), (App::Stun, Some(Side::Hi), true));
}

#[test]
fn noise_stays_unknown() {
    let mut flow = Flow::default();
    for n in 0u8..6 {
        assert!(!flow.probe.is_done());
        flow.send(CLIENT, &[0x80, n, n ^ 0x5a, 3, 0, 0, 0, 0, n, 1, 2, 3, 9, 9], FREE);
    }
    assert_eq!(flow.says(), (App::Unknown, None, true));
    assert!(flow.facts.is_none());
}

#[test]
fn sealed_records_of_1_3_count_as_dtls() {
    let mut flow = Flow::default();
    let hello = dtls_samples::server_hello(0xfefd, false, Some(0xfefc));
    flow.send(SERVER, &dtls_samples::message(0xfefd, 2, 0, &hello), FREE);
    assert_eq!(flow.says(), (App::Dtls, Some(CLIENT), false));
    flow.send(CLIENT, &[0x2d, 0, 1, 0, 3, 9, 9, 9], FREE);
    assert_eq!(flow.says(), (App::Dtls, Some(CLIENT), true));
    assert_eq!(flow.probe.quality().words().collect::<Vec<_>>(), ["gap"]);
}

proptest! {
    #[test]
    fn no_datagram_panics(
        datagrams in proptest::collection::vec((any::<bool>(), 0u8..6, proptest::collection::vec(any::<u8>(), 0..60)), 0..90),
        on_media_port in any::<bool>(),
    ) {
        let mut flow = Flow::default();
        for (from_client, start, rest) in datagrams {
            let start: &[u8] = match start {
                0 => REQUEST,
                1 => &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                2 => &[0x80, 200],
                3 => &[0x90, 111],
                4 => &[0x3f],
                _ => &[],
            };
            let side = if from_client { CLIENT } else { SERVER };
            flow.send(side, &[start, &rest].concat(), if on_media_port { MEDIA } else { FREE });
        }
        prop_assert!(flow.probe.bytes() < 120_000);
    }
}
