//! Two sides of one device, made up.

use std::sync::Arc;

use super::*;
use crate::evidence::model::{Certificate, TlsVersion};
use crate::policy::verdict::Doubt;
use crate::wire::packet::protocol::{TCP, UDP};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_000 * SECOND;
const WATCH: Watch = Watch {
    from_ns: START - 100 * SECOND,
    to_ns: START + 100 * SECOND,
    lossy: false,
};

fn end(text: &str) -> Endpoint {
    let at: std::net::SocketAddr = text.parse().unwrap();
    Endpoint {
        ip: at.ip(),
        port: Some(at.port()),
    }
}

fn reached(sequence: u32) -> Sighting<'static> {
    Sighting {
        protocol: TCP,
        client: end("198.19.0.10:50000"),
        server: end("198.18.1.11:443"),
        through_proxy: false,
        start_ns: START,
        end_ns: START + SECOND,
        sequences: [Some(sequence), Some(7)],
        ttls: [Some(64), Some(63)],
        tcp: Some(TcpState::Closed),
        name: None,
        tls: None,
        reach: Reach::Reached,
        how: None,
        answered: true,
        served: true,
    }
}

fn silent(sequence: u32) -> Sighting<'static> {
    Sighting {
        sequences: [Some(sequence), None],
        ttls: [Some(64), None],
        tcp: Some(TcpState::Unanswered),
        reach: Reach::Unclear(Doubt::NobodyAnswered),
        answered: false,
        served: false,
        ..reached(sequence)
    }
}

fn failed(sequence: u32, how: Blockage) -> Sighting<'static> {
    Sighting {
        reach: Reach::Blocked,
        how: Some(how),
        ..silent(sequence)
    }
}

/// The same, one hop on, behind a translated address and by a clock that is half a minute ahead.
fn outside(flow: Sighting<'static>) -> Sighting<'static> {
    let [out, back] = flow.ttls;
    Sighting {
        client: end("198.18.255.1:61000"),
        start_ns: flow.start_ns + 30 * SECOND,
        end_ns: flow.end_ns + 30 * SECOND,
        ttls: [out.map(|ttl| ttl - 1), back.map(|ttl| ttl + 1)],
        ..flow
    }
}

/// What became of a flow beside one that passed.
fn died(inside: Sighting, there: Option<Sighting>) -> Died {
    let others: Vec<Sighting> = [outside(reached(1))].into_iter().chain(there).collect();
    cross(&[reached(1), inside], &others, WATCH)[1].died
}

#[test]
fn a_translated_flow_is_known_by_its_sequence_number() {
    let told = cross(
        &[reached(5), reached(6)],
        &[outside(reached(6)), outside(reached(5))],
        WATCH,
    );
    assert_eq!(told[0].outside, Some((1, Likeness::Sequence)));
    assert_eq!(told[1].outside, Some((0, Likeness::Sequence)));
    assert_eq!(told[0].died, Died::Passed);
    let kinds: Vec<Made> = told[0].changes.iter().map(|change| change.what).collect();
    assert_eq!(kinds, [Made::Client]);
    assert_eq!(told[0].changes[0].outside, "198.18.255.1:61000");
}

#[test]
fn what_does_not_come_out_died_at_the_device() {
    assert_eq!(died(silent(2), None), Died::AtDevice);
    assert_eq!(died(failed(2, Blockage::Silent), None), Died::AtDevice);
    assert_eq!(died(failed(2, Blockage::Reset), None), Died::AtDevice);
    assert_eq!(died(reached(2), None), Died::AnsweredByDevice);
}

#[test]
fn what_fails_on_both_sides_died_beyond() {
    for how in [Blockage::Silent, Blockage::Reset, Blockage::Icmp] {
        assert_eq!(
            died(failed(2, how), Some(outside(failed(2, how)))),
            Died::Beyond,
            "{how:?}"
        );
    }
    assert_eq!(died(silent(2), Some(outside(silent(2)))), Died::Beyond);
}

#[test]
fn an_answer_that_does_not_come_in_died_on_the_way_back() {
    assert_eq!(died(silent(2), Some(outside(reached(2)))), Died::OnTheWayBack);
    assert_eq!(
        died(failed(2, Blockage::Silent), Some(outside(failed(2, Blockage::Reset)))),
        Died::OnTheWayBack
    );
}

#[test]
fn a_word_that_only_the_inside_heard_was_the_devices() {
    assert_eq!(
        died(failed(2, Blockage::Reset), Some(outside(silent(2)))),
        Died::AtDevice
    );
    let told = cross(&[failed(2, Blockage::Reset)], &[outside(silent(2))], WATCH);
    assert_eq!(
        told[0]
            .changes
            .iter()
            .filter(|change| change.what == Made::Reset)
            .count(),
        0,
        "no state, no change"
    );
    let refused = Sighting {
        tcp: Some(TcpState::Refused),
        ..failed(2, Blockage::Reset)
    };
    let told = cross(&[refused], &[outside(silent(2))], WATCH);
    assert!(told[0].changes.iter().any(|change| change.what == Made::Reset));
}

#[test]
fn a_hello_that_does_not_come_out_died_at_the_device() {
    let said = TlsFacts {
        hello: true,
        ..TlsFacts::default()
    };
    let inside = Sighting {
        tls: Some(&said),
        answered: true,
        ..failed(2, Blockage::AfterHello)
    };
    let mute = Sighting {
        tls: None,
        how: None,
        answered: true,
        reach: Reach::Unclear(Doubt::NoData),
        ..outside(silent(2))
    };
    assert_eq!(cross(&[inside], &[mute], WATCH)[0].died, Died::AtDevice);
    let heard = Sighting {
        tls: Some(&said),
        answered: true,
        client: end("198.18.255.1:61000"),
        ..failed(2, Blockage::AfterHello)
    };
    assert_eq!(cross(&[inside], &[heard], WATCH)[0].died, Died::Beyond);
}

#[test]
fn nothing_is_said_of_what_was_not_watched() {
    let late = Sighting {
        start_ns: START + 90 * SECOND,
        end_ns: START + 91 * SECOND,
        ..silent(2)
    };
    let others = [outside(reached(1))];
    let of = |watch| cross(&[reached(1), late], &others, watch)[1].died;
    assert_eq!(of(WATCH), Died::Unknown(Unknown::NotWatched));
    assert_eq!(
        of(Watch {
            lossy: true,
            to_ns: START + 200 * SECOND,
            ..WATCH
        }),
        Died::Unknown(Unknown::Lossy)
    );
    // Two captures that have nothing in common are perhaps not of one device.
    assert_eq!(
        cross(&[silent(2)], &others, WATCH)[0].died,
        Died::Unknown(Unknown::NothingInCommon)
    );
}

#[test]
fn datagrams_are_known_by_the_servers_end_and_the_port() {
    let asked = Sighting {
        protocol: UDP,
        sequences: [None, None],
        tcp: None,
        ..reached(0)
    };
    let translated = Sighting {
        client: end("198.18.255.1:50000"),
        ..asked
    };
    let told = cross(&[asked], &[translated], WATCH);
    assert_eq!(told[0].outside, Some((0, Likeness::ServerAndPort)));
    let other_port = Sighting {
        client: end("198.18.255.1:50001"),
        ..asked
    };
    assert_eq!(cross(&[asked], &[other_port], WATCH)[0].outside, None);
}

#[test]
fn an_interceptor_shows_in_what_it_changes() {
    let name = Domain::from_text(b"app.salestim.io");
    let facts = |issuer: &str, version| TlsFacts {
        hello: true,
        sni: Some(name.clone()),
        version: Some(version),
        certificate: Some(Arc::new(Certificate {
            subject: "CN=app".into(),
            issuer: issuer.into(),
            ..Certificate::default()
        })),
        ..TlsFacts::default()
    };
    let (here, there) = (
        facts("CN=Box", TlsVersion::TLS12),
        facts("CN=DigiCert", TlsVersion::TLS13),
    );
    let inside = Sighting {
        tls: Some(&here),
        ..reached(1)
    };
    let own = Sighting {
        tls: Some(&there),
        client: end("198.18.255.1:61000"),
        ttls: [Some(64), Some(50)],
        ..reached(99)
    };
    let told = cross(&[inside], &[own], WATCH);
    assert_eq!(told[0].outside, Some((0, Likeness::ServerAndName)));
    let kinds: Vec<Made> = told[0].changes.iter().map(|change| change.what).collect();
    assert_eq!(
        kinds,
        [
            Made::Client,
            Made::Sequence,
            Made::Ttl,
            Made::TlsVersion,
            Made::Certificate
        ]
    );
}
