//! What became of an attempt: every way to be blocked, and everything that only looks so.

use super::*;
use crate::flow::attempt::{Ending, IcmpWord};
use crate::policy::model::UDP;
use crate::policy::verdict::Reach;

const SECOND: u64 = 1_000_000_000;

/// SYNs to the web app that nobody answered, while others answered the client.
fn unanswered() -> Flow {
    let mut flow = web_app();
    flow.app = App::Unknown;
    flow.tls = None;
    flow.kind = EvidenceKind::Dns;
    flow.payload = false;
    flow.established = false;
    flow.course = Course {
        tcp: Some(TcpState::Unanswered),
        sent: 5,
        lasted_ns: 15 * SECOND,
        watched_ns: 60 * SECOND,
        others_answered: true,
        ..Course::default()
    };
    flow
}

/// A hello to the web app, and nothing of the server but that the connection was opened.
fn after_hello() -> Flow {
    let mut flow = web_app().tls(|tls| {
        tls.version = None;
        tls.certificate = None;
    });
    flow.payload = false;
    flow.course = Course {
        tcp: Some(TcpState::Open),
        sent: 9,
        received: 2,
        watched_ns: 60 * SECOND,
        waited_ns: Some(70 * SECOND),
        others_answered: true,
        ..Course::default()
    };
    flow
}

fn datagrams(app: App) -> Flow {
    let mut flow = unanswered();
    flow.protocol = UDP;
    flow.app = app;
    flow.course.tcp = None;
    flow.course.sent = 1;
    flow
}

/// `silent`, `?ends-too-soon`, `reached`; the flag and the reach must say the same.
fn outcome(flow: &Flow) -> String {
    let verdict = flow.verdict();
    let how = verdict.flags.iter().find_map(|flag| flag.how);
    assert_eq!(how.is_some(), verdict.reach == Reach::Blocked, "{verdict:?}");
    match verdict.reach {
        Reach::Reached => "reached".to_owned(),
        Reach::Blocked => how.map_or("", Blockage::as_str).to_owned(),
        Reach::Unclear(doubt) => format!("?{doubt:?}"),
    }
}

fn with(mut flow: Flow, change: impl FnOnce(&mut Flow)) -> String {
    change(&mut flow);
    outcome(&flow)
}

fn why(flow: &Flow) -> String {
    let verdict = flow.verdict();
    let flag = verdict.flags.iter().find(|flag| flag.how.is_some()).unwrap();
    said(flag)
}

#[test]
fn a_silence_counts_if_others_answer_and_somebody_waits() {
    assert_eq!(outcome(&unanswered()), "silent");
    assert_eq!(
        why(&unanswered()),
        "SYN sent 5 times over 15.0 s, never answered, while other servers answered this client."
    );
    assert_eq!(with(unanswered(), |f| f.course.sent = 1), "?AskedOnce");
    assert_eq!(
        with(unanswered(), |f| f.course.others_answered = false),
        "?NobodyAnswered"
    );
    assert_eq!(
        with(unanswered(), |f| f.course.watched_ns = 3 * SECOND - 1),
        "?EndsTooSoon"
    );
    assert_eq!(with(unanswered(), |f| f.course.watched_ns = 3 * SECOND), "silent");
    assert_eq!(with(unanswered(), |f| f.course.answer_may_be_lost = true), "?Drops");
    for (mark, doubt) in [
        (Quality::EVICTED, "?Incomplete"),
        (Quality::GAP, "?Incomplete"),
        (Quality::ONE_SIDED, "?OneSided"),
        (Quality::MIDSTREAM, "?Midstream"),
    ] {
        assert_eq!(with(unanswered(), |f| f.quality.add(mark)), doubt);
    }
}

#[test]
fn a_no_that_was_seen_counts_however_little_else_was() {
    for (state, how) in [
        (TcpState::Refused, "reset"),
        (TcpState::Prohibited, "icmp"),
        (TcpState::Unreachable, "?Unreachable"),
    ] {
        let told = with(unanswered(), |flow| {
            flow.course = Course {
                tcp: Some(state),
                sent: 1,
                ..Course::default()
            }
        });
        assert_eq!(told, how);
    }
    let evicted = with(unanswered(), |flow| {
        flow.course.tcp = Some(TcpState::Refused);
        flow.quality.add(Quality::EVICTED);
    });
    assert_eq!(evicted, "reset");
}

#[test]
fn after_the_hello_a_reset_an_end_or_a_long_silence() {
    assert_eq!(outcome(&after_hello()), "after-hello");
    for ending in [Ending::Reset, Ending::Finished] {
        let ended = |by_server| {
            with(after_hello(), |f| {
                f.course.ended_first = Some((by_server, ending));
                f.course.left_early = !by_server;
                f.course.waited_ns = Some(SECOND);
            })
        };
        assert_eq!(ended(true), "after-hello");
        assert_eq!(ended(false), "?NoData", "the client gave up itself");
    }
    let short = |f: &mut Flow| f.course.waited_ns = Some(10 * SECOND - 1);
    assert_eq!(with(after_hello(), short), "?EndsTooSoon");
    assert_eq!(
        with(after_hello(), |f| f.course.others_answered = false),
        "?NobodyAnswered"
    );
    // The server did speak, the hello is not whole, bytes are missing.
    assert_eq!(with(after_hello(), |f| f.payload = true), "?NotTls");
    let reset = |f: &mut Flow| f.course.ended_first = Some((true, Ending::Reset));
    let cut = with(after_hello().tls(|tls| tls.hello = false), reset);
    assert_eq!(cut, "?NoData");
    for mark in [Quality::CUT, Quality::GAP, Quality::BUDGET] {
        let told = with(after_hello(), |f| {
            reset(f);
            f.quality.add(mark);
        });
        assert_eq!(told, "?Incomplete");
    }
}

#[test]
fn an_alert_of_the_servers_side_is_a_block_unless_it_says_goodbye() {
    let alert = |level, description, version: Option<TlsVersion>| {
        let mut flow = after_hello().tls(|tls| {
            tls.server_alert = Some((level, description));
            tls.version = version;
        });
        flow.payload = true;
        flow
    };
    let told = |level, description, version| outcome(&alert(level, description, version));
    assert_eq!(told(2, 40, None), "tls-alert");
    assert_eq!(
        why(&alert(2, 70, None)),
        "The server's side ended the handshake with the alert protocol_version."
    );
    assert!(why(&alert(2, 99, None)).ends_with("the alert 99."));
    assert_eq!(told(2, 48, Some(TlsVersion::TLS12)), "tls-alert");
    assert_eq!(told(1, 112, None), "tls-alert");
    assert_eq!(told(1, 112, Some(TlsVersion::TLS12)), "?NoData");
    assert_eq!(told(1, 0, None), "?NoData");
    assert_eq!(told(1, 90, None), "?NoData");
}

#[test]
fn what_a_proxy_says() {
    let asked = |app, status| {
        let mut flow = to("app.salestim.io");
        flow.app = app;
        flow.tls = None;
        flow.kind = EvidenceKind::Connect;
        flow.proxy_host = Some(domain("app.salestim.io"));
        flow.proxy_port = Some(443);
        flow.course.proxy_status = Some(status);
        outcome(&flow)
    };
    for status in [403, 451, 500, 502, 503, 504, 511] {
        assert_eq!(asked(App::Connect, status), "proxy", "{status}");
    }
    assert_eq!(asked(App::Connect, 407), "?Authentication");
    assert_eq!(asked(App::Connect, 404), "?NoData");
    assert_eq!(asked(App::Connect, 200), "reached");
    for code in [1, 2, 5, 91] {
        assert_eq!(asked(App::Socks, code), "proxy", "{code}");
    }
    for code in [255, 256, 92, 93] {
        assert_eq!(asked(App::Socks, code), "?Authentication", "{code}");
    }
    for code in [3, 4, 6, 7, 8] {
        assert_eq!(asked(App::Socks, code), "?NoData", "{code}");
    }
}

#[test]
fn reached_needs_data_both_ways_behind_the_handshake() {
    assert_eq!(outcome(&web_app()), "reached");
    let lone_hello = |f: &mut Flow| {
        f.course.exchanged = false;
        f.course.server_went_on = false;
    };
    assert_eq!(with(web_app(), lone_hello), "?NoData");
    let newer = web_app().version(TlsVersion::TLS13);
    assert_eq!(outcome(&newer), "reached");
    // The rest of the server's flight, and not a word behind the client's Finished.
    assert_eq!(with(newer, |f| f.course.exchanged = false), "?NoData");
    // False Start: the client's data were in its last flight.
    assert_eq!(with(web_app(), |f| f.course.exchanged = false), "reached");
    assert_eq!(with(web_app(), |f| f.quality.add(Quality::MIDSTREAM)), "?Midstream");
    assert_eq!(with(web_app(), |f| f.quality.add(Quality::ECH_POSSIBLE)), "reached");
    let plain = nameless("203.0.113.9", TCP, 22);
    assert_eq!(outcome(&plain), "reached");
    assert_eq!(with(plain, |f| f.payload = false), "?NoData");
}

#[test]
fn datagrams_are_requests_by_protocol_or_by_row() {
    for app in [App::Quic, App::Dtls, App::Dns, App::Ntp] {
        assert_eq!(outcome(&datagrams(app)), "silent");
    }
    for app in [App::Mdns, App::Llmnr, App::Ssdp, App::Dhcp] {
        assert_eq!(outcome(&datagrams(app)), "?NoData");
    }
    let stranger = |app, port, ip: &str| {
        let mut flow = datagrams(app);
        flow.name = None;
        flow.port = Some(port);
        flow.ip = ip.parse().unwrap();
        outcome(&flow)
    };
    assert_eq!(stranger(App::Unknown, 4500, "203.0.113.9"), "?NoData");
    assert_eq!(stranger(App::Rtp, 50_000, "203.0.113.9"), "?NoData");
    assert_eq!(stranger(App::Stun, 3478, "203.0.113.9"), "silent");
    assert_eq!(stranger(App::Stun, 50_000, "203.0.113.9"), "?NoData");
    assert_eq!(stranger(App::Nbns, 137, "198.19.0.77"), "silent");
    assert_eq!(stranger(App::Nbns, 137, "198.19.0.255"), "?NoData");
    assert_eq!(stranger(App::Nbns, 138, "198.19.0.77"), "?NoData");
    assert_eq!(stranger(App::Dns, 53, "224.0.0.251"), "?NoData");
    assert_eq!(
        outcome(&datagrams(App::Unknown)),
        "silent",
        "the policy lists the server"
    );
    let media = with(datagrams(App::Rtp), |f| (f.course.sent, f.course.received) = (0, 9));
    assert_eq!(media, "?NoData", "nobody asked");
    let lost = with(datagrams(App::Dns), |f| f.course.same_server_answered = true);
    assert_eq!(lost, "?AnsweredElsewhere");
    assert_eq!(with(datagrams(App::Quic), |f| f.course.watched_ns = 0), "?EndsTooSoon");
    assert_eq!(
        with(datagrams(App::Quic), |f| f.course.others_answered = false),
        "?NobodyAnswered"
    );
}

#[test]
fn icmp_about_datagrams() {
    let told = |word| with(datagrams(App::Quic), |f| f.course.icmp = Some(word));
    assert_eq!(told(IcmpWord::Prohibited), "icmp");
    assert_eq!(told(IcmpWord::Closed), "?Unreachable");
    assert_eq!(told(IcmpWord::Unreachable), "?Unreachable");
    let answered = with(datagrams(App::Dns), |f| {
        f.course.icmp = Some(IcmpWord::Prohibited);
        f.course.received = 1;
        f.payload = true;
    });
    assert_eq!(answered, "reached");
}

#[test]
fn quic_is_reached_by_more_than_an_initial() {
    let mut quic = datagrams(App::Quic);
    quic.tls_in_quic = true;
    quic.payload = true;
    quic.tls = to("app.salestim.io").version(TlsVersion::TLS13).tls;
    quic.course.quic_went_on = true;
    (quic.course.sent, quic.course.received) = (4, 5);
    assert_eq!(outcome(&quic), "reached");
    assert_eq!(with(quic.clone(), |f| f.course.received = 1), "?NoData");
    assert_eq!(outcome(&quic.tls(|tls| tls.version = None)), "?NoData");
}

#[test]
fn a_hello_that_no_tls_answers_tells_nothing() {
    let mut flow = after_hello();
    flow.payload = true;
    flow.course.ended_first = Some((true, Ending::Finished));
    assert_eq!(outcome(&flow), "?NotTls");
    let alerted = |alert| {
        let mut flow = flow.clone().tls(|tls| tls.server_alert = Some(alert));
        flow.payload = true;
        outcome(&flow)
    };
    assert_eq!(
        (alerted((2, 70)), alerted((1, 0))),
        ("tls-alert".into(), "?NoData".into())
    );
}

#[test]
fn a_filter_may_say_no_behind_the_hello() {
    let mut flow = after_hello();
    flow.course.icmp = Some(IcmpWord::Prohibited);
    assert_eq!(outcome(&flow), "icmp");
    flow.course.icmp = Some(IcmpWord::Unreachable);
    assert_eq!(outcome(&flow), "after-hello");
    let mut reached = web_app();
    reached.course.icmp = Some(IcmpWord::Prohibited);
    assert_eq!(outcome(&reached), "reached", "of a packet that was not needed");
}

#[test]
fn a_page_asked_of_a_proxy_is_held_to_its_own_port() {
    let mut flow = to("app.salestim.io");
    flow.app = App::Http;
    flow.tls = None;
    flow.kind = EvidenceKind::Host;
    flow.port = Some(3128);
    flow.proxy_port = Some(443);
    let flags = |flow: &Flow| -> Vec<&'static str> { flow.verdict().flags.iter().map(|f| f.kind.as_str()).collect() };
    assert_eq!(flags(&flow), ["plaintext"]);
    flow.proxy_port = Some(80);
    assert!(flags(&flow).contains(&"port"));
}
