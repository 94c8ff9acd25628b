use super::*;
use crate::policy::coverage::Kind;
use crate::policy::verdict::{Blockage, FlagKind, RowId, Severity};
use crate::sink::dashboard::endpoints::Light;
use crate::sink::dashboard::view::{Sort, View};

fn class<'s>(snapshot: &'s Snapshot, name: &str) -> &'s crate::sink::dashboard::classes::ClassSum {
    snapshot.classes.iter().find(|sum| &*sum.name == name).expect("a class")
}

#[test]
fn a_flow_is_counted_once_however_often_it_was_looked_at() {
    let policy = policy();
    let mut board = board(&policy);
    let look = |board: &mut Board, second: u64, bytes: u64| {
        let row = under_way("app.salestim.io", 50_001, 10, bytes);
        board.running(&Running {
            now_ns: NOON + second * SECOND,
            flows: 1,
            bytes,
            listed: vec![row],
        });
    };
    look(&mut board, 0, 1000);
    look(&mut board, 1, 3000);
    look(&mut board, 2, 3000);
    let snapshot = board.snapshot();
    assert_eq!(
        (class(&snapshot, "salestim").bytes, class(&snapshot, "salestim").running),
        (3000, 1)
    );
    assert_eq!((snapshot.total.bytes, snapshot.unclassed), (3000, Some(0)));
    assert_eq!(snapshot.flows.len(), 1);
    assert_eq!(snapshot.flows[0].bits, 0);
    look(&mut board, 3, 5000);
    assert_eq!(board.snapshot().flows[0].bits, 16_000);

    board.flow(&under_way("app.salestim.io", 50_001, 10, 6000));
    board.running(&Running {
        now_ns: NOON + 4 * SECOND,
        ..Running::default()
    });
    let snapshot = board.snapshot();
    let salestim = class(&snapshot, "salestim");
    assert_eq!((salestim.bytes, salestim.running, salestim.ended), (6000, 0, 1));
    assert_eq!((snapshot.total.bytes, snapshot.flows.len()), (6000, 1));
    assert!(!snapshot.flows[0].is_running);
}

#[test]
fn bytes_move_when_a_name_becomes_known() {
    let policy = policy();
    let mut board = board(&policy);
    let mut nameless = under_way("x", 50_002, 5, 700);
    nameless.naming.name = None;
    nameless.verdict.matches.clear();
    let named = under_way("app.salestim.io", 50_002, 5, 900);
    for (second, row) in [nameless, named].into_iter().enumerate() {
        board.running(&Running {
            now_ns: NOON + second as u64 * SECOND,
            flows: 1,
            bytes: 900,
            listed: vec![row],
        });
    }
    let snapshot = board.snapshot();
    assert_eq!(class(&snapshot, "unknown").bytes, 0);
    assert_eq!(class(&snapshot, "salestim").bytes, 900);
}

#[test]
fn endpoints_light_up_by_flows_and_lookups() {
    let policy = policy();
    let snapshot = morning(&policy).snapshot();
    let lights: Vec<(&str, Light, Light)> = snapshot
        .endpoints
        .iter()
        .map(|endpoint| (&*endpoint.info.id, endpoint.light(false), endpoint.light(true)))
        .collect();
    // What nobody answered is no proof where packets were dropped.
    let expected = [
        ("web-app", Light::Mixed, Light::Mixed),
        ("help", Light::Good, Light::Good),
        ("teams", Light::Good, Light::Good),
        ("exchange", Light::Unclear, Light::Unclear),
    ];
    assert_eq!(lights, expected);
    let web = &snapshot.endpoints[0];
    assert!(
        web.words(false).starts_with("rerouted 1, blocked"),
        "{}",
        web.words(false)
    );
}

/// A look at flows under way, at so many seconds behind noon.
fn look(board: &mut Board, second: u64, listed: Vec<FlowRow>) {
    board.running(&Running {
        now_ns: NOON + second * SECOND,
        flows: 1,
        bytes: 1000,
        listed,
    });
}

#[test]
fn what_a_flow_has_proved_stands_while_it_is_out_of_sight() {
    let policy = policy();
    let mut board = board(&policy);
    let row = under_way("app.salestim.io", 50_004, 5, 1000);
    look(&mut board, 0, vec![row.clone()]);
    for second in 1..4 {
        look(&mut board, second, vec![]);
        let snapshot = board.snapshot();
        assert_eq!(snapshot.endpoints[0].words(false), "reached 1");
        assert_eq!((class(&snapshot, "salestim").running, snapshot.told), (1, 1));
    }
    // Seen again it is no second one.
    look(&mut board, 4, vec![row.clone()]);
    assert_eq!(board.snapshot().endpoints[0].words(false), "reached 1");
    let Row::Name(mut failed) = failed_lookup(Blockage::NxDomain) else {
        panic!("a lookup")
    };
    failed.client = Some(row.client.ip);
    board.lookup(&failed);
    look(&mut board, 5, vec![]);
    assert_eq!(board.snapshot().endpoints[0].light(false), Light::Mixed);
    board.flow(&row);
    let snapshot = board.snapshot();
    assert_eq!(snapshot.endpoints[0].words(false), "blocked nxdomain 1, reached 1");
    let salestim = class(&snapshot, "salestim");
    assert_eq!((salestim.running, salestim.ended, snapshot.told), (0, 1, 0));
}

#[test]
fn silence_does_not_stand_when_the_flow_is_out_of_sight() {
    let policy = policy();
    let mut board = board(&policy);
    let row = silent(50_005);
    look(&mut board, 0, vec![row]);
    assert_eq!(board.snapshot().endpoints[0].words(false), "blocked silent 1");
    look(&mut board, 1, vec![]);
    assert_eq!(board.snapshot().endpoints[0].light(false), Light::Dark);
}

#[test]
fn proofs_of_flows_under_way_are_bounded() {
    use crate::sink::dashboard::{flows, proofs::Proofs};
    let mut proofs = Proofs::default();
    let mut row = fixtures::web_flow();
    let reached = vec![(RowId(0), Kind::Reached)];
    for number in 0..10_000 {
        row.frames.first = number;
        let no_room = proofs.set(flows::id(&row), reached.clone());
        assert_eq!(no_room.is_empty(), number < 8192);
    }
    assert_eq!(proofs.all().count(), 8192);
    row.frames.first = 0;
    assert_eq!(proofs.take(&flows::id(&row)), reached);
    assert!(proofs.take(&flows::id(&row)).is_empty());
    assert_eq!(proofs.all().count(), 8191);
}

#[test]
fn ways_to_fail_are_counted_apart() {
    let policy = policy();
    let mut board = board(&policy);
    // What comes last has no say.
    for how in [Blockage::NxDomain, Blockage::NxDomain, Blockage::ServFail] {
        let Row::Name(row) = failed_lookup(how) else {
            panic!("a lookup")
        };
        board.lookup(&row);
    }
    let snapshot = board.snapshot();
    assert_eq!(
        snapshot.endpoints[0].words(false),
        "blocked nxdomain 2, blocked servfail 1"
    );
    let text = picture(&snapshot, &gauges(), &mut View::default(), LOOK, (80, 24));
    assert!(text.contains("✗2 nxdomain +1"), "{text}");
    // What is graver comes first, however often it was.
    let mut row = under_way("app.salestim.io", 50_006, 5, 1000);
    row.verdict.flags = vec![fixtures::flag(FlagKind::Intercepted, Severity::High, None)].into();
    board.flow(&row);
    let words = board.snapshot().endpoints[0].words(false);
    assert_eq!(words, "intercepted 1, blocked nxdomain 2, blocked servfail 1");
}

#[test]
fn a_port_that_the_row_does_not_list_lights_it_as_unclear() {
    let row = |id: &str, port: u16| {
        format!(
            "[[endpoint]]\nid = \"{id}\"\nclass = \"salestim\"\nline = \"green\"\nhosts = [\"*.salestim.io\"]\nports = [\"tcp/{port}\"]\n"
        )
    };
    let text = [
        "[policy]\nname = \"ports\"\n".to_owned(),
        row("web-app", 443),
        row("push", 8883),
    ];
    let policy = Arc::new(load(&text.concat()));
    let words = |port: u16, matches: &[u16]| {
        let mut flow = under_way("app.salestim.io", 50_007, 5, 1000);
        flow.server = end("198.18.1.11", port);
        flow.verdict.flags = vec![
            fixtures::flag(FlagKind::Port, Severity::High, None),
            fixtures::flag(FlagKind::Intercepted, Severity::High, None),
        ]
        .into();
        flow.verdict.matches = matches.iter().map(|row| RowId(*row)).collect();
        let mut board = board(&policy);
        look(&mut board, 0, vec![flow.clone()]);
        let running = board.snapshot().endpoints[0].words(false);
        board.flow(&flow);
        let endpoints = board.snapshot().endpoints;
        assert_eq!(endpoints[0].words(false), running, "ended it says the same");
        endpoints
            .iter()
            .map(|endpoint| endpoint.words(false))
            .collect::<Vec<_>>()
    };
    assert_eq!(words(8443, &[0]), ["unclear 1", "not tried"]);
    assert_eq!(words(443, &[0]), ["intercepted 1", "not tried"]);
    // Another row of the host lists the port: it is that one's alone.
    assert_eq!(words(443, &[0, 1]), ["intercepted 1", "not tried"]);
}

/// A lookup of the first row's that failed so.
fn failed_lookup(how: Blockage) -> Row {
    let rows = fixtures::morning();
    let failed = |row: &Row| matches!(row, Row::Name(name) if !name.flags.is_empty());
    let mut row = rows.into_iter().find(failed).expect("one");
    if let Row::Name(name) = &mut row {
        name.flags = vec![fixtures::flag(FlagKind::Blocked, Severity::High, Some(how))].into();
    }
    row
}

#[test]
fn silence_is_a_finding_only_where_nothing_was_dropped() {
    let policy = policy();
    let mut board = board(&policy);
    board.flow(&silent(50_003));
    let endpoint = &board.snapshot().endpoints[0];
    assert_eq!(
        (endpoint.light(false), endpoint.light(true)),
        (Light::Bad, Light::Unclear)
    );
    assert_eq!(endpoint.words(false), "blocked silent 1");
    assert_eq!(endpoint.words(true), "unclear 1");
    assert_eq!(board.snapshot().findings.len(), 1);
}

/// A flow of the first row's that nobody answered.
fn silent(port: u16) -> FlowRow {
    let mut row = under_way("app.salestim.io", port, 5, 180);
    row.verdict.reach = crate::policy::verdict::Reach::Blocked;
    row.verdict.flags = vec![crate::policy::verdict::Flag {
        kind: FlagKind::Blocked,
        severity: Severity::High,
        why: crate::policy::verdict::Reason::Blocked(crate::policy::verdict::Block::SilentSyn {
            tries: 3,
            over_ms: 7000,
        }),
        how: Some(Blockage::Silent),
    }]
    .into();
    row.verdict.matches = [RowId(0)].into_iter().collect();
    row
}

#[test]
fn alike_findings_are_one_the_gravest_first() {
    let policy = policy();
    let snapshot = morning(&policy).snapshot();
    assert!(
        snapshot
            .findings
            .windows(2)
            .all(|pair| pair[0].what.severity >= pair[1].what.severity)
    );
    // In no row a notice is no news.
    assert!(
        snapshot
            .findings
            .iter()
            .all(|found| !found.what.host.contains("a-very-long-name"))
    );
    let of_lookup = snapshot
        .findings
        .iter()
        .find(|found| found.flow.is_none())
        .expect("one");
    assert_eq!(
        (of_lookup.word().as_str(), of_lookup.what.host.as_str()),
        ("blocked nxdomain", "widget.intercom.io")
    );
}

#[test]
fn whatever_comes_what_is_kept_is_bounded() {
    let policy = policy();
    let mut board = board(&policy);
    for number in 0..20_000u64 {
        let mut row = fixtures::web_flow();
        row.frames.first = number;
        row.bytes.out = number;
        row.naming.name = Some(Domain::from_text(format!("h{number}.salestim.io").as_bytes()));
        row.verdict.flags = vec![fixtures::flag(FlagKind::Port, Severity::High, None)].into();
        board.flow(&row);
        if number % 700 == 0 {
            let listed = vec![under_way("app.salestim.io", (number % 60_000) as u16, 9, 10)];
            board.running(&Running {
                now_ns: NOON + number * SECOND,
                listed,
                ..Running::default()
            });
        }
    }
    let snapshot = board.snapshot();
    assert!(snapshot.flows.len() <= 1000, "{}", snapshot.flows.len());
    assert!(snapshot.findings.len() <= 300);
    assert!(snapshot.more_findings > 19_000);
    assert_eq!(snapshot.ended, 20_000);
    let heaviest = View {
        sort: Sort::Heaviest,
        ..View::default()
    };
    assert_eq!(heaviest.flows(&snapshot)[0].row.bytes.out, 19_999);
}
