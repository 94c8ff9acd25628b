//! What an attempt or a lookup is worth, and how it all adds up.

use super::*;
use crate::policy::verdict::{Block, HelloEnd};

#[test]
fn every_pattern_has_a_record_in_the_policys_order_and_a_broad_one_only_if_it_counted() {
    let policy = lab();
    let hosts = |flows: &[Flow]| {
        let report = seen(&policy, flows, &[]).report(|_| true);
        let hosts = report.records.into_iter().map(|record| record.host.unwrap_or_default());
        hosts.collect::<Vec<_>>()
    };
    let listed = [
        "*.salestim.io",
        "app.salestim.io",
        "*.nbold.co",
        "",
        "*.teams.example",
        "*.teams.example",
        "script.vendor.example",
        "*.redis.example",
    ];
    assert_eq!(hosts(&[]), listed);
    assert_eq!(hosts(&[to("a.wide.example")])[2], "*.wide.example");
    let only = seen(&policy, &[], &[]).report(|row| policy.row(row).class == "help");
    assert_eq!(only.records.len(), 1);
}

#[test]
fn a_broad_form_says_nothing_of_its_row_where_another_has_the_name() {
    let text = r#"
[policy]
name = "wide"

[[endpoint]]
id = "graph"
class = "graph"
hosts = ["graph.wide.example"]
broad = ["*.wide.example"]

[[endpoint]]
id = "calls"
class = "calls"
hosts = ["*.calls.wide.example"]
"#;
    let policy = load(text, "test", &mut |_| Err("no".into())).unwrap().policy;
    let told = |flows: &[Flow], lookups: &[Asked]| {
        let records = seen(&policy, flows, lookups).report(|_| true).records;
        let line = |record: &Record| format!("{} {}", record.host.as_deref().unwrap_or(""), record.outcome.as_str());
        records.iter().map(line).collect::<Vec<_>>()
    };
    let of_calls = ["graph.wide.example not-tried", "*.calls.wide.example reached"];
    assert_eq!(told(&[to("a.calls.wide.example")], &[]), of_calls);
    assert_eq!(
        told(&[to("other.wide.example")], &[]),
        [
            "graph.wide.example not-tried",
            "*.wide.example reached",
            "*.calls.wide.example not-tried"
        ]
    );
}

#[test]
fn a_name_counts_for_the_most_specific_pattern_alone() {
    assert_eq!(judged(&[to("app.salestim.io")], &[]), ["app.salestim.io reached 1"]);
    assert_eq!(judged(&[to("a.app.salestim.io")], &[]), ["*.salestim.io reached 1"]);
}

#[test]
fn a_port_that_the_row_does_not_list_proves_nothing() {
    let other = to("app.salestim.io").over(TCP, 80);
    for flow in [
        other.clone(),
        other.clone().blocked(Blockage::Silent),
        other.flagged(FlagKind::Intercepted),
    ] {
        assert_eq!(judged(&[flow], &[]), ["app.salestim.io inconclusive 1"]);
    }
    // QUIC where the row lists TCP alone.
    let quic = to("app.salestim.io").over(UDP, 443).blocked(Blockage::Silent);
    assert_eq!(
        judged(&[quic, to("app.salestim.io").later(1)], &[]),
        ["app.salestim.io reached 2"]
    );
}

#[test]
fn rows_that_share_a_host_divide_its_ports() {
    let mail = to("a.teams.example").over(TCP, 993);
    assert_eq!(judged(std::slice::from_ref(&mail), &[]), ["*.teams.example reached 1"]);
    assert_eq!(
        judged(&[mail.blocked(Blockage::Reset), to("a.teams.example")], &[]),
        ["*.teams.example reached 1", "*.teams.example blocked reset 1"]
    );
    let neither = to("a.teams.example").over(TCP, 25);
    assert_eq!(
        judged(&[neither], &[]),
        ["*.teams.example inconclusive 1", "*.teams.example inconclusive 1"]
    );
}

#[test]
fn the_worst_outcome_wins_and_how_is_its_most_frequent() {
    let app = || to("app.salestim.io");
    let reset = || app().blocked(Blockage::Reset);
    let icmp = || app().blocked(Blockage::Icmp);
    assert_eq!(
        judged(
            &[app(), icmp(), reset(), icmp().later(1), app().unclear(Doubt::Midstream)],
            &[]
        ),
        ["app.salestim.io blocked icmp 5"]
    );
    // Ties go by the order of the ways.
    assert_eq!(judged(&[icmp(), reset()], &[]), ["app.salestim.io blocked reset 2"]);
    assert_eq!(
        judged(&[reset(), app().flagged(FlagKind::Rerouted)], &[]),
        ["app.salestim.io rerouted 2"]
    );
    assert_eq!(
        judged(
            &[app().flagged(FlagKind::Intercepted), app().flagged(FlagKind::Rerouted)],
            &[]
        ),
        ["app.salestim.io intercepted 2"]
    );
    let mut outside = app();
    outside.flags.push(Flag {
        why: Reason::Address {
            ip: outside.server,
            row: RowId(0),
        },
        ..flag(FlagKind::Address, None)
    });
    assert_eq!(judged(&[outside, app()], &[]), ["app.salestim.io reached-unlisted 2"]);
}

#[test]
fn what_the_judge_says_of_the_primary_row_is_not_held_against_others() {
    let flow = to("a.teams.example").over(TCP, 443).flagged(FlagKind::Intercepted);
    // A policy in which two rows list the same host and port.
    let text = LAB.replace("ports = [\"tcp/993\"]", "ports = [\"tcp/443\"]");
    let policy = load(&text, "test", &mut |_| Err("no".into())).unwrap().policy;
    let report = seen(&policy, &[flow], &[]).report(|_| true);
    assert_eq!(
        words(&report, &policy),
        ["*.teams.example intercepted 1", "*.teams.example reached 1"]
    );
}

#[test]
fn a_name_from_dns_is_sure_only_if_it_is_one_and_was_told_to_this_client() {
    let by_dns = Flow {
        kind: EvidenceKind::Dns,
        ..to("app.salestim.io")
    };
    assert_eq!(
        judged(std::slice::from_ref(&by_dns), &[]),
        ["app.salestim.io reached 1"]
    );
    let foreign = Flow {
        own: false,
        ..by_dns.clone()
    };
    assert_eq!(judged(&[foreign], &[]), ["app.salestim.io inconclusive 1"]);
    let several = Flow {
        candidates: ["app.salestim.io", "www.nbold.co"]
            .map(|name| Domain::from_text(name.as_bytes()))
            .into(),
        ..by_dns.blocked(Blockage::Reset)
    };
    assert_eq!(
        judged(&[several], &[]),
        ["app.salestim.io inconclusive 1", "*.nbold.co inconclusive 1"]
    );
}

#[test]
fn an_address_is_an_attempt_at_rows_without_hosts_alone() {
    assert_eq!(judged(&[at("52.114.1.1", (UDP, 3479))], &[]), ["media reached 1"]);
    let policy = lab();
    let report = seen(&policy, &[at("203.0.113.5", (TCP, 443))], &[]).report(|_| true);
    assert_eq!(words(&report, &policy), [""; 0]);
    // Answers to a ping are no calls.
    let ping = Flow {
        app: App::Icmp,
        ..at("52.114.1.1", (1, 0))
    };
    assert_eq!(judged(&[ping], &[]), [""; 0]);
}

#[test]
fn lookups_that_fail_are_blocked_attempts_and_those_that_lead_nowhere_are_inconclusive() {
    let nx = Asked {
        how: Some(Blockage::NxDomain),
        addresses: Vec::new(),
        ..asked("app.salestim.io")
    };
    assert_eq!(
        judged(&[], std::slice::from_ref(&nx)),
        ["app.salestim.io blocked nxdomain 1"]
    );
    assert_eq!(
        judged(&[], &[asked("app.salestim.io")]),
        ["app.salestim.io inconclusive 1"]
    );
    assert_eq!(
        judged(&[to("app.salestim.io")], &[asked("app.salestim.io")]),
        ["app.salestim.io reached 1"]
    );
    assert_eq!(
        judged(&[to("app.salestim.io")], &[nx]),
        ["app.salestim.io blocked nxdomain 2"]
    );
    // No IPv6 address is no news where there is an IPv4 one.
    let none = Asked {
        addresses: Vec::new(),
        ..asked("app.salestim.io")
    };
    let policy = lab();
    let report = seen(&policy, &[], &[none.clone(), asked("app.salestim.io")]).report(|_| true);
    let (kind, bunch) = report.records[1].worst().unwrap();
    assert_eq!((*kind, bunch.count), (Kind::Unsure(Unsure::NeverConnected), 1));
    assert_eq!(judged(&[], &[none]), ["app.salestim.io inconclusive 1"]);
}

#[test]
fn silence_proves_nothing_where_packets_were_lost() {
    let policy = lab();
    let outcome = |flow: Flow, lost: u32| {
        let mut coverage = seen(&policy, &[flow], &[]);
        for ordinal in 0..2 {
            coverage.input(Input {
                ordinal,
                dropped: u64::from(ordinal == lost),
                ..window()
            });
        }
        words(&coverage.report(|_| true), &policy).concat()
    };
    let silent = to("app.salestim.io").blocked(Blockage::Silent);
    assert_eq!(outcome(silent.clone(), 0), "app.salestim.io inconclusive 1");
    // In another input.
    assert_eq!(outcome(silent, 1), "app.salestim.io blocked silent 1");
    let cut = to("app.salestim.io").blocked(Blockage::AfterHello);
    assert_eq!(outcome(cut.clone(), 0), "app.salestim.io blocked after-hello 1");
    let mut hung = cut;
    hung.flags[0].why = Reason::Blocked(Block::AfterHello(HelloEnd::Silence { over_ms: 12_000 }));
    assert_eq!(outcome(hung, 0), "app.salestim.io inconclusive 1");
    assert_eq!(
        outcome(to("app.salestim.io").blocked(Blockage::Reset), 0),
        "app.salestim.io blocked reset 1"
    );
}

#[test]
fn what_is_retired_inside_or_to_come_need_not_work() {
    let policy = lab();
    let fails = |flow: Flow, demands: Demands| {
        let mut coverage = seen(&policy, &[flow, to("app.salestim.io")], &[]);
        coverage.input(window());
        let report = coverage.report(|_| true);
        let failing = report.records.iter().filter(|record| demands.fails(record, &policy));
        failing
            .map(|record| policy.row(record.row).id.clone())
            .collect::<Vec<_>>()
    };
    let none = Demands::default;
    assert_eq!(
        fails(to("script.vendor.example").blocked(Blockage::Reset), none()),
        [""; 0]
    );
    let inside = to("a.redis.example").over(TCP, 6380).blocked(Blockage::Reset);
    assert_eq!(fails(inside, none()), [""; 0]);
    assert_eq!(fails(to("a.nbold.co").blocked(Blockage::Reset), none()), ["help"]);
    let strict = Demands { strict: true, ..none() };
    // The pattern `*.salestim.io`, media, and both rows of the calls were not tried.
    assert_eq!(fails(to("a.nbold.co"), strict), ["web", "media", "teams", "mail"]);
    let require = |class: &str| Demands {
        classes: vec![class.to_owned()],
        ..none()
    };
    assert_eq!(fails(to("a.nbold.co"), require("help")), [""; 0]);
    assert_eq!(
        fails(to("a.nbold.co").unclear(Doubt::NoData), require("help")),
        ["help"]
    );
    assert_eq!(fails(to("a.salestim.io"), require("app")), [""; 0]);
}

#[test]
fn nothing_reached_is_a_failure() {
    let policy = lab();
    let fail = |flows: &[Flow]| Demands::default().fail(&seen(&policy, flows, &[]).report(|_| true), &policy);
    assert!(fail(&[]));
    assert!(fail(&[to("app.salestim.io").unclear(Doubt::NoData)]));
    assert!(!fail(&[to("app.salestim.io")]));
    assert!(fail(&[
        to("app.salestim.io"),
        to("a.nbold.co").blocked(Blockage::Reset)
    ]));
}

#[test]
fn lists_are_bounded_and_counts_are_not() {
    let policy = lab();
    let flows: Vec<Flow> = (0..1500u32)
        .map(|n| Flow {
            client: IpAddr::from((0x0a00_0000 + (n * 7919) % 1500).to_be_bytes()),
            ..to(&format!("a{n:04}.salestim.io"))
        })
        .collect();
    let report = seen(&policy, &flows, &[]).report(|_| true);
    let record = &report.records[0];
    assert_eq!(
        (record.count(Outcome::Reached), record.clients.items.len()),
        (1500, 1000)
    );
    assert!(record.clients.more && record.names.more && !record.addresses.more);
    assert_eq!(record.names.items.last().unwrap().as_str(), "a0999.salestim.io");
    assert!(record.frames().len() <= 16);
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let policy = lab();
    let mut flows = vec![
        to("app.salestim.io"),
        to("app.salestim.io").blocked(Blockage::Silent).later(1),
        to("app.salestim.io").blocked(Blockage::Reset).later(2),
        to("a.teams.example").over(UDP, 443).blocked(Blockage::Silent).later(3),
        to("a.teams.example").later(5),
        at("52.114.1.1", (UDP, 3478)).blocked(Blockage::Silent).later(6),
        at("52.114.1.2", (TCP, 443)).later(8),
        to("assets.nbold.io").later(9),
        to("www.example.org").from("198.19.0.11"),
    ];
    flows.extend((0..20).map(|n| to("b.salestim.io").from(&format!("198.19.1.{n}")).later(20 + n)));
    let mut texts: Vec<String> = Vec::new();
    for turn in [0, 3, 11] {
        flows.rotate_left(turn);
        if turn == 11 {
            flows.reverse();
        }
        let report = seen(&policy, &flows, &[asked("c.nbold.co")]).report(|_| true);
        texts.push(format!("{report:?}"));
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_was_not_tried_counts_the_flows_that_may_have_been_it() {
    let policy = lab();
    let mut nameless = at("203.0.113.77", (TCP, 443));
    nameless.kind = EvidenceKind::None;
    let flows = [
        nameless.clone(),
        nameless,
        at("203.0.113.77", (TCP, 4711)),
        to("a.nbold.co"),
    ];
    let report = seen(&policy, &flows, &[]).report(|_| true);
    let count = |id: &str| {
        let of = |record: &&Record| policy.row(record.row).id == id;
        report.records.iter().find(of).expect("a row of the lab").nameless
    };
    assert_eq!((count("web"), count("help"), count("mail")), (2, 0, 0));
}
