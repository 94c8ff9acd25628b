use std::net::IpAddr;

use super::*;
use crate::policy::compile::Policy;
use crate::policy::load::load;
use crate::policy::model::{TlsRule, UDP};

fn seen<'a>(name: Option<&'a Domain>, server: &str, port: u16) -> Seen<'a> {
    let end = |ip: &str, port| Endpoint {
        ip: ip.parse().unwrap(),
        port: Some(port),
    };
    Seen {
        name,
        kind: if name.is_some() {
            EvidenceKind::Sni
        } else {
            EvidenceKind::None
        },
        app: App::Tls,
        protocol: TCP,
        client: end("198.19.0.10", 50_000),
        server: end(server, port),
        speaks_tls: true,
        version: Some(TlsVersion::TLS12),
        hidden: false,
        failed: false,
        bytes: 1000,
        start_ns: 1_795_252_321_000_000_000,
        end_ns: 1_795_252_322_000_000_000,
        class: None,
    }
}

fn domain(name: &str) -> Domain {
    Domain::from_text(name.as_bytes())
}

fn learned(learner: &Learner) -> (Policy, String) {
    let text = learner.text(&About {
        inputs: vec!["a\n[[endpoint]].pcap".into()],
        source: "\"a\\\u{1b}".into(),
        last_ns: Some(1_795_252_322_000_000_000),
        classes_of: None,
    });
    let loaded = load(&text, "learned.toml", &mut |_| Err("nothing".into()))
        .map_err(|error| panic!("{error}\n{text}"))
        .unwrap();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    (loaded.policy, text)
}

fn hosts(policy: &Policy) -> Vec<String> {
    let hosts = policy.rows().flat_map(|(_, row)| &row.hosts);
    hosts.map(ToString::to_string).collect()
}

#[test]
fn what_was_seen_becomes_rows_and_no_more() {
    let mut learner = Learner::default();
    for name in [
        "app.x.io",
        "api.x.io",
        "cdn.x.io",
        "a.blob.core.windows.net",
        "b.blob.core.windows.net",
        "c.blob.core.windows.net",
    ] {
        learner.take(&seen(Some(&domain(name)), "203.0.113.1", 443));
    }
    let (policy, text) = learned(&learner);
    assert_eq!(
        hosts(&policy),
        [
            "a.blob.core.windows.net",
            "b.blob.core.windows.net",
            "c.blob.core.windows.net",
            "*.x.io"
        ]
    );
    let x = policy.rows().last().unwrap().1;
    assert_eq!((x.id.as_str(), x.class.as_str()), ("x.io", CLASS));
    assert_eq!(x.expect.tls, TlsRule::Versions(vec![TlsVersion::TLS12]));
    assert!(x.expect.allows_port(TCP, 443) && !x.expect.allows_port(TCP, 80));
    assert!(text.contains(
        "# 3 flows, 1 client, 3 kB, 2026-11-21T09:12:01Z to 2026-11-21T09:12:02Z; api.x.io app.x.io cdn.x.io"
    ));
    assert!(text.contains("date = 2026-11-21"), "{text}");
}

#[test]
fn names_that_are_not_sure_and_attempts_that_failed_are_comments() {
    let mut learner = Learner::default();
    let sure = domain("sure.example");
    let told = domain("told.example");
    learner.take(&Seen {
        failed: true,
        version: None,
        speaks_tls: false,
        ..seen(Some(&sure), "203.0.113.1", 443)
    });
    learner.take(&Seen {
        kind: EvidenceKind::Dns,
        ..seen(Some(&told), "203.0.113.2", 443)
    });
    learner.take(&Seen {
        kind: EvidenceKind::Dns,
        failed: true,
        ..seen(Some(&told), "203.0.113.3", 443)
    });
    learner.take(&Seen {
        hidden: true,
        ..seen(None, "203.0.113.4", 443)
    });
    learner.take(&Seen {
        app: App::Dns,
        ..seen(None, "203.0.113.5", 53)
    });
    learner.take(&seen(None, "224.0.0.251", 443));
    let (policy, text) = learned(&learner);
    assert_eq!(hosts(&policy), ["sure.example"], "{text}");
    assert_eq!(policy.rows().count(), 1);
    for line in [
        "1 flow, NONE of them answered",
        "#   told.example: 1 flow",
        "#   tcp/443 to 203.0.113.3 (told.example, by DNS): 1 attempt",
        "#   1 dns flow: infrastructure",
        "#   1 flow hid the name",
        "#   1 flow to many at once",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn nameless_flows_become_ranges_and_dense_networks_one() {
    let mut learner = Learner::default();
    for last in [1, 2, 3, 9] {
        learner.take(&Seen {
            protocol: UDP,
            speaks_tls: false,
            version: None,
            app: App::Stun,
            ..seen(None, &format!("203.0.113.{last}"), 3478)
        });
    }
    learner.take(&seen(None, "198.51.100.7", 443));
    learner.take(&seen(None, "2001:db8::7", 443));
    let (policy, text) = learned(&learner);
    let rows: Vec<String> = policy
        .rows()
        .map(|(_, row)| {
            let ranges: Vec<String> = row.addresses.iter().map(ToString::to_string).collect();
            format!("{} {}", row.id, ranges.join(" "))
        })
        .collect();
    assert_eq!(
        rows,
        [
            "addresses-tcp-443 198.51.100.7/32 2001:db8::7/128",
            "addresses-udp-3478-plain 203.0.113.0/24"
        ],
        "{text}"
    );
    let media = policy.rows().last().unwrap().1;
    assert_eq!(media.expect.tls, TlsRule::PlainAllowed);
}

#[test]
fn an_attempt_that_failed_in_the_clear_wants_no_tls() {
    let mut learner = Learner::default();
    let name = domain("x.example");
    learner.take(&Seen {
        app: App::Http,
        kind: EvidenceKind::Host,
        speaks_tls: false,
        version: None,
        failed: true,
        ..seen(Some(&name), "203.0.113.1", 3128)
    });
    let (policy, _) = learned(&learner);
    let rules: Vec<_> = policy.rows().map(|(_, row)| row.expect.tls.clone()).collect();
    assert_eq!(rules, [TlsRule::PlainAllowed]);
}

#[test]
fn plain_and_encrypted_at_one_name_are_two_rows() {
    let mut learner = Learner::default();
    let name = domain("x.example");
    learner.take(&seen(Some(&name), "203.0.113.1", 443));
    let http = Seen {
        app: App::Http,
        kind: EvidenceKind::Host,
        speaks_tls: false,
        version: None,
        ..seen(Some(&name), "203.0.113.1", 80)
    };
    learner.take(&http);
    let elsewhere = Seen {
        server: Endpoint {
            port: Some(8080),
            ..http.server
        },
        ..http
    };
    learner.take(&elsewhere);
    let (policy, _) = learned(&learner);
    let rows: Vec<_> = policy
        .rows()
        .map(|(_, row)| (row.id.as_str(), row.expect.ports.len(), row.expect.tls.clone()))
        .collect();
    assert_eq!(
        rows,
        [
            ("x.example", 2, TlsRule::Versions(vec![TlsVersion::TLS12])),
            ("x.example-plain", 1, TlsRule::PlainAllowed)
        ]
    );
}

#[test]
fn classes_come_from_the_other_policy_and_divide_rows() {
    let mut learner = Learner::default();
    for (name, class) in [
        ("a.x.io", Some("web")),
        ("b.x.io", Some("web")),
        ("c.x.io", Some("web")),
        ("d.x.io", None),
    ] {
        learner.take(&Seen {
            class,
            ..seen(Some(&domain(name)), "203.0.113.1", 443)
        });
    }
    let (policy, _) = learned(&learner);
    // A wildcard would take the fourth along, which is of another class.
    assert_eq!(hosts(&policy), ["d.x.io", "a.x.io", "b.x.io", "c.x.io"]);
    assert_eq!(policy.classes(), [CLASS, "web"]);
}

#[test]
fn very_many_names_are_bounded_and_can_still_be_loaded() {
    let mut learner = Learner::default();
    let favourite = domain("favourite.example");
    for number in 0..(2 * NAMES_AT_MOST + 5000) {
        let name = domain(&format!("{}.n{number}.example", "long-".repeat(10)));
        learner.take(&seen(Some(&name), "203.0.113.1", 443));
        if number % 1000 == 0 {
            learner.take(&seen(Some(&favourite), "203.0.113.1", 443));
        }
    }
    assert!(learner.sure.len() < 2 * NAMES_AT_MOST && learner.left_out > 0);
    let (policy, text) = learned(&learner);
    assert!(
        text.len() < 16 << 20 && policy.rows().count() <= 40_000,
        "{}",
        text.len()
    );
    assert!(text.contains("more names, used less") && text.contains("more rows"));
    let mut matches = Default::default();
    policy.matches(Some(&favourite), None, &mut matches);
    assert_eq!(matches.len(), 1, "what is used most is never left out");
}

#[test]
fn very_many_ports_and_addresses_are_bounded() {
    let mut learner = Learner::default();
    let name = domain("x.example");
    for number in 1..60_000_u32 {
        let port = number as u16;
        learner.take(&seen(Some(&name), "203.0.113.1", port));
        let ip = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        learner.take(&seen(None, &ip.to_string(), port));
    }
    let (policy, text) = learned(&learner);
    assert!(text.contains("ports: left open"));
    assert!(policy.rows().count() < 2000 && text.len() < 4 << 20);
}
