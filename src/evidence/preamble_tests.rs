//! Something in the clear before TLS: whole, in pieces, refused, and nothing but that.

use proptest::prelude::*;

use super::model::{App, Carried, Quality};
use super::preamble_samples::{CLIENT, CONNECT, GRANTED, SERVER, Talk, talk, with_tls};
use super::probe::{Findings, Piece, Progress};
use super::socks_talk::LOGIN_FAILED;
use super::tcp_probe::TcpProbe;
use super::tls_samples::{TLS12_CLIENT, TLS12_SERVER, bytes};
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;

const PORTS: [u16; 2] = [9_000, 50_000];
/// What a probe finds, each message sent in segments of at most so many bytes; and whether it was done before the end.
fn heard(talk: &Talk, segment: impl Fn(usize) -> usize) -> (Findings, bool) {
    let mut probe = TcpProbe::new([Some(1), Some(1)]);
    let (mut findings, mut lookups) = (Findings::default(), Vec::new());
    let mut next = [1_u32; 2];
    let mut frame = 0;
    for (side, message) in talk {
        let mut rest = message.as_slice();
        while !rest.is_empty() {
            let (payload, behind) = rest.split_at(segment(frame).clamp(1, rest.len()));
            rest = behind;
            frame += 1;
            let piece = Piece {
                side: *side,
                payload,
                cut: 0,
                sequence: next[side.index()],
                at: Stamp::new(0, frame as u64, 0),
            };
            next[side.index()] += payload.len() as u32;
            if probe.piece(piece, PORTS, &mut findings, &mut lookups) == Progress::Done {
                return (findings, true);
            }
        }
    }
    probe.finish(&mut findings, &mut lookups);
    (findings, false)
}

fn whole(talk: &Talk) -> Findings {
    heard(talk, |_| usize::MAX).0
}

/// App, proxy's host, port and status, SNI, version.
fn told(findings: &Findings) -> String {
    let word = |text: Option<String>| text.unwrap_or("-".into());
    let tls = findings.tls.as_ref();
    [
        findings.app.as_str().to_string(),
        word(findings.proxy_host.as_ref().map(|host| host.to_string())),
        word(findings.proxy_port.map(|port| port.to_string())),
        word(findings.proxy_status.map(|status| status.to_string())),
        word(tls.and_then(|tls| tls.sni.as_ref()).map(|sni| sni.to_string())),
        word(tls.and_then(|tls| tls.version).map(|version| version.to_string())),
    ]
    .join(" ")
}

#[test]
fn the_hello_behind_each_preamble_is_found() {
    for (talk, expected) in with_tls() {
        let findings = whole(&talk);
        let answered = talk.iter().any(|(_, message)| message.ends_with(&bytes(TLS12_SERVER)));
        let version = if answered { "1.2" } else { "-" };
        assert_eq!(told(&findings), format!("{expected} www.example.test {version}"));
        assert_eq!(findings.client, Some(CLIENT), "{expected}");
        assert_eq!(findings.quality, Quality::default(), "{expected}");
        let tls = findings.tls.unwrap();
        assert!(tls.hello && tls.ja4.is_some());
        assert_eq!(tls.certificate.is_some(), answered);
    }
}

#[test]
fn one_side_may_be_strange_and_the_other_tell() {
    let hello = bytes(TLS12_CLIENT);
    let findings = whole(&talk(&[
        (SERVER, &[7; 40]),
        (CLIENT, &hello),
        (SERVER, &bytes(TLS12_SERVER)),
    ]));
    // What follows strange bytes is not to be believed, whatever it looks like.
    assert_eq!(told(&findings), "tls - - - www.example.test -");
    let more = [
        (SERVER, &[7; 40][..]),
        (SERVER, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (CLIENT, &hello),
    ];
    assert_eq!(told(&whole(&talk(&more))), "tls - - - www.example.test -");
}

#[test]
fn what_a_proxy_refuses_is_kept() {
    let (c, s) = (CLIENT, SERVER);
    let request: &[u8] = b"\x05\x01\x00\x03\x0fapp.salestim.io\x01\xbb";
    for (lines, expected) in [
        (
            vec![
                (c, CONNECT),
                (s, b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".as_slice()),
            ],
            "connect app.salestim.io 443 403",
        ),
        (
            vec![(c, CONNECT), (s, b"HTTP/1.0 502 Bad\n\n<html>")],
            "connect app.salestim.io 443 502",
        ),
        (
            vec![
                (c, CONNECT),
                (s, b"HTTP/1.1 407 Who?\r\nContent-Length: 3\r\n\r\nwho"),
                (c, CONNECT),
                (s, b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"),
            ],
            "connect app.salestim.io 443 403",
        ),
        (vec![(c, CONNECT)], "connect app.salestim.io 443 -"),
        // The answer was captured before the question.
        (
            vec![(s, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), (c, CONNECT)],
            "connect app.salestim.io 443 503",
        ),
        (
            vec![
                (c, &[5, 1, 0]),
                (s, &[5, 0]),
                (c, request),
                (s, &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]),
            ],
            "socks app.salestim.io 443 2",
        ),
        (vec![(c, &[5, 1, 0]), (s, &[5, 0xff])], "socks - - 255"),
        (
            vec![(c, &[5, 1, 2]), (s, &[5, 2]), (c, b"\x01\x01a\x01b"), (s, &[1, 1])],
            "socks - - 256",
        ),
        (
            vec![
                (c, b"\x04\x01\x01\xbb\x0d\x6b\xf6\x28\0"),
                (s, &[0, 91, 0, 0, 0, 0, 0, 0]),
            ],
            "socks 13.107.246.40 443 91",
        ),
    ] {
        assert_eq!(told(&whole(&talk(&lines))), format!("{expected} - -"));
    }
    assert_eq!(LOGIN_FAILED, 256);
}

#[test]
fn what_runs_in_a_tunnel_is_not_the_proxys_word() {
    let (c, s) = (CLIENT, SERVER);
    let inner = talk(&[
        (c, b"CONNECT www.example.org:80 HTTP/1.1\r\n\r\n"),
        (s, GRANTED),
        (c, b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        (s, b"HTTP/1.1 404 Not found\r\nContent-Length: 0\r\n\r\n"),
    ]);
    let (findings, done) = heard(&inner, |_| usize::MAX);
    assert_eq!(told(&findings), "connect www.example.org 80 200 - -");
    assert!(done && findings.host.is_none() && findings.tls.is_none());
}

#[test]
fn what_a_tunnel_carries_in_the_clear_is_noted() {
    let (c, s) = (CLIENT, SERVER);
    let socks: &[(Side, &[u8])] = &[
        (c, &[5, 1, 0]),
        (s, &[5, 0]),
        (c, b"\x05\x01\x00\x03\x0fapp.salestim.io\x01\xbb"),
        (s, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ];
    let connect: &[(Side, &[u8])] = &[(c, CONNECT), (s, GRANTED)];
    let get = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".as_slice();
    for (side, inside, carried) in [
        (c, get, Carried::Http),
        (c, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Carried::Http),
        (s, b"SSH-2.0-OpenSSH_9.6\r\n", Carried::Other),
    ] {
        for front in [socks, connect] {
            let findings = whole(&talk(&[front, &[(side, inside)]].concat()));
            assert_eq!(findings.carried, Some(carried), "{inside:?}");
        }
    }
    for (talk, _) in with_tls() {
        assert_eq!(whole(&talk).carried, None);
    }
}

#[test]
fn a_request_is_for_its_targets_host() {
    for (head, host) in [
        (
            "GET http://www.example.org/a HTTP/1.1\r\nHost: proxy.example\r\n\r\n",
            Some("www.example.org"),
        ),
        (
            "GET /a HTTP/1.1\r\nAccept: */*\r\nHost: www.example.org:8080\r\n\r\n",
            Some("www.example.org"),
        ),
        ("GET /a HTTP/1.0\r\n\r\n", None),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    ] {
        let answer = b"HTTP/1.1 200 OK\r\n\r\n".as_slice();
        let (findings, done) = heard(&talk(&[(CLIENT, head.as_bytes()), (SERVER, answer)]), |_| usize::MAX);
        assert_eq!(findings.host.as_ref().map(|host| host.as_str()), host, "{head}");
        assert!(findings.app == App::Http && findings.client == Some(CLIENT) && done);
    }
}

#[test]
fn a_plain_answer_is_a_refusal_only_with_proof() {
    let status = |target: &str, answers: &[&str]| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
        let mut lines = vec![(CLIENT, request.into_bytes())];
        for answer in answers {
            let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            lines.push((SERVER, head.into_bytes()));
        }
        let (findings, done) = heard(&lines, |_| usize::MAX);
        assert_eq!(
            findings.host.as_ref().map(|host| host.as_str()),
            Some("www.example.org")
        );
        assert!(done || findings.proxy_status == Some(407));
        assert_eq!(findings.proxy_port, target.starts_with("http:").then_some(80));
        findings.proxy_status
    };
    let page = "http://www.example.org/";
    assert_eq!(status("/", &["403 No"]), None);
    assert_eq!(
        status("/", &["403 No\r\nX-Squid-Error: ERR_ACCESS_DENIED 0"]),
        Some(403)
    );
    assert_eq!(status("/", &["451 No"]), None);
    assert_eq!(
        status("/", &["451 No\r\nLink: <http://x.example>; rel=\"blocked-by\""]),
        Some(451)
    );
    assert_eq!(status("/", &["511 Login"]), Some(511));
    assert_eq!(status("/", &["100 Go on", "511 Login"]), Some(511));
    assert_eq!(status("/", &["407 Who"]), None);
    assert_eq!(status(page, &["403 No"]), Some(403));
    assert_eq!(status(page, &["403 No\r\nVia: 1.1 proxy"]), None);
    assert_eq!(status(page, &["407 Who"]), Some(407));
    assert_eq!(status(page, &["407 Who", "200 OK"]), None);
    assert_eq!(status(page, &["407 Who", "403 No"]), Some(403));
}

#[test]
fn strangers_stay_unknown_and_are_given_up_soon() {
    let (c, s) = (CLIENT, SERVER);
    let many_lines = vec![(c, b"NOOP\r\n".as_slice()); 20];
    let mail = [vec![(s, b"220 mx\r\n".as_slice())], many_lines].concat();
    for lines in [
        vec![(c, b"SSH-2.0-a\r\n".as_slice()), (s, b"SSH-2.0-b\r\n")],
        vec![(c, &[7; 300]), (c, &[7; 300]), (c, &[7; 300])],
        // A greeting as of SOCKS, and an answer as of nobody.
        vec![(c, &[5, 1, 0]), (s, b"what?"), (c, b"nothing")],
        vec![(c, &[5, 1, 0]), (s, &[5, 7]), (c, b"nothing")],
        mail,
    ] {
        let (findings, done) = heard(&talk(&lines), |_| usize::MAX);
        assert_eq!(told(&findings), "unknown - - - - -");
        assert!(done && findings.tls.is_none());
    }
}

#[test]
fn who_gives_up_by_a_bound_says_so() {
    let long = format!("CONNECT a.example:443 HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9_000));
    let chat: Talk = (0..20)
        .flat_map(|_| [(SERVER, b"220 ok\r\n".to_vec()), (CLIENT, b"NOOP\r\n".to_vec())])
        .collect();
    let proxy = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\0", &[0; 100][..]].concat();
    for given_up in [vec![(CLIENT, long.into_bytes())], chat, vec![(CLIENT, proxy)]] {
        assert!(whole(&given_up).quality.has(Quality::BUDGET));
    }
    // What a tunnel carries may be anything.
    let other = vec![
        (CLIENT, CONNECT.to_vec()),
        (SERVER, GRANTED.to_vec()),
        (CLIENT, vec![b'-'; 9_000]),
    ];
    assert!(!whole(&other).quality.has(Quality::BUDGET));
}

#[test]
fn only_a_hello_at_the_end_of_a_message_is_one() {
    let hello = bytes(TLS12_CLIENT);
    let mut too_long = hello.clone();
    // The message is shorter than the record around it.
    too_long[8] -= 1;
    for body in [
        [&b"250 in a line "[..], &hello].concat(),
        [&b"250 a\r\n"[..], &too_long].concat(),
        [&b"250 a\r\n"[..], &[22, 3, 4], &hello[3..]].concat(),
        [&b"250 a\r\n"[..], &[23], &hello[1..]].concat(),
    ] {
        let findings = whole(&talk(&[(SERVER, b"220 mx\r\n"), (CLIENT, &body)]));
        assert!(findings.tls.is_none() && findings.app == App::Unknown);
    }
}

#[test]
fn an_alert_answers_a_hello_also_behind_a_preamble() {
    let alert: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    for front in [
        vec![(SERVER, b"220 mx\r\n".as_slice())],
        vec![(CLIENT, CONNECT), (SERVER, GRANTED)],
    ] {
        let hello = bytes(TLS12_CLIENT);
        let lines = [front, vec![(CLIENT, hello.as_slice()), (SERVER, alert)]].concat();
        assert_eq!(whole(&talk(&lines)).tls.unwrap().server_alert, Some((2, 40)));
    }
}

#[test]
fn a_side_alone_is_given_up_in_the_end() {
    let hello = bytes(TLS12_CLIENT);
    let data: Vec<(Side, &[u8])> = vec![(CLIENT, &[0; 10]); 300];
    let (findings, done) = heard(&talk(&[vec![(CLIENT, hello.as_slice())], data].concat()), |_| {
        usize::MAX
    });
    assert!(done && findings.tls.unwrap().hello);
    // A hello byte by byte is not that.
    let crumbs = talk(&[(CLIENT, &hello), (SERVER, &bytes(TLS12_SERVER))]);
    assert_eq!(told(&heard(&crumbs, |_| 1).0), "tls - - - www.example.test 1.2");
}

/// A hello of which the capture has the first bytes only, and nothing of what follows.
fn cut_at(end: usize) -> Findings {
    let hello = bytes(TLS12_CLIENT);
    let mut probe = TcpProbe::new([Some(1), Some(1)]);
    let (mut findings, mut lookups) = (Findings::default(), Vec::new());
    let piece = Piece {
        side: CLIENT,
        payload: &hello[..end],
        cut: (hello.len() - end) as u32,
        sequence: 1,
        at: Stamp::new(0, 7, 0),
    };
    probe.piece(piece, PORTS, &mut findings, &mut lookups);
    probe.finish(&mut findings, &mut lookups);
    findings
}

#[test]
fn a_cut_hello_says_what_is_whole_in_it() {
    // The name is the first extension: 25 bytes behind the list's length, which ends 56 bytes into the hello.
    let name_ends = 56 + 25;
    for end in 20..name_ends + 30 {
        let findings = cut_at(end);
        let tls = findings.tls.unwrap();
        let sni = tls.sni.as_ref().map(|sni| sni.as_str());
        assert_eq!(sni, (end >= name_ends).then_some("www.example.test"), "{end}");
        assert!(!tls.hello && tls.ja4.is_none() && tls.alpn.is_empty());
        assert!(findings.quality.has(Quality::CUT) && findings.app == App::Tls);
    }
}

#[test]
fn a_hello_that_never_ends_is_cut_as_well() {
    let hello = bytes(TLS12_CLIENT);
    let findings = whole(&talk(&[(CLIENT, &hello[..120])]));
    assert_eq!(told(&findings), "tls - - - www.example.test -");
    assert!(findings.quality.has(Quality::CUT) && findings.marks.hello.frame() == Some(1));
    assert_eq!(whole(&talk(&[(CLIENT, &hello[..40])])).quality, Quality::default());
}

/// Of each protocol, so that what follows reaches its reader.
const BEGINNINGS: &[&[u8]] = &[
    b"",
    &[5, 1, 0],
    &[4, 1],
    b"220 ",
    b"<?xml ",
    b"\x30",
    b"CONNECT ",
    b"HTTP/1.1 ",
    b"PROXY ",
    b"\r\n\r\n\0\r\nQUIT\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A few crumbs first, then segments that are not so small that the talk would take too many of them.
    #[test]
    fn segments_of_any_size_tell_the_same(
        which in 0..with_tls().len(),
        crumbs in 0_usize..6,
        sizes in prop::collection::vec(16_usize..200, 1..20),
    ) {
        let (talk, _) = with_tls().swap_remove(which);
        let size = |frame: usize| match frame.checked_sub(crumbs) {
            None => 1,
            Some(frame) => sizes[frame % sizes.len()],
        };
        let (findings, _) = heard(&talk, size);
        prop_assert_eq!(told(&findings), told(&whole(&talk)));
    }

    #[test]
    fn damaged_talks_never_panic(which in 0..with_tls().len(), at in 0_usize..400, by in 1_u8.., size in 1_usize..300) {
        let (mut talk, _) = with_tls().swap_remove(which);
        let mut left = at;
        for (_, message) in &mut talk {
            if let Some(byte) = message.get_mut(left) {
                *byte ^= by;
                break;
            }
            left -= message.len();
        }
        heard(&talk, |_| size);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        first in prop::sample::select(BEGINNINGS),
        messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..12),
    ) {
        let mut talk: Talk = vec![(CLIENT, first.to_vec())];
        talk.extend(messages.into_iter().map(|(is_client, bytes)| (if is_client { CLIENT } else { SERVER }, bytes)));
        let (findings, _) = heard(&talk, |_| 33);
        prop_assert!(findings.tls.is_none_or(|tls| !tls.hello));
    }
}

#[test]
fn a_hello_in_a_mail_is_part_of_the_mail() {
    let hello = bytes(TLS12_CLIENT);
    let line = |side, text: &str| (side, text.as_bytes().to_vec());
    let mail = [
        line(SERVER, "220 mx.example ESMTP\r\n"),
        line(CLIENT, "EHLO a.example\r\n"),
        line(SERVER, "250 ok\r\n"),
        line(CLIENT, "DATA\r\n"),
        line(SERVER, "354 go ahead\r\n"),
        line(CLIENT, "hi\r\n"),
        (CLIENT, hello.clone()),
        line(CLIENT, "\r\n.\r\n"),
        line(SERVER, "250 queued\r\n"),
    ];
    let findings = whole(&mail.to_vec());
    assert!(findings.tls.is_none_or(|tls| tls.sni.is_none()));
    // The next command may be STARTTLS all the same.
    let secured = [
        line(CLIENT, "STARTTLS\r\n"),
        line(SERVER, "220 go ahead\r\n"),
        (CLIENT, hello),
    ];
    let body = [line(CLIENT, "hi\r\n.\r\n"), line(SERVER, "250 queued\r\n")];
    let talk = [&mail[..5], &body, &secured].concat();
    assert!(whole(&talk).tls.is_some_and(|tls| tls.hello));
}
