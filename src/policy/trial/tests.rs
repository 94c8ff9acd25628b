use super::*;
use crate::policy::builtin;
use crate::policy::load::load;
use crate::policy::model::TCP;

const TODAY: Date = Date {
    year: 2026,
    month: 2,
    day: 1,
};

fn salestim() -> Policy {
    let text = builtin::policy(builtin::DEFAULT).unwrap();
    load(text, "salestim", &mut |_| Err(String::new())).unwrap().policy
}

fn trial(policy: &Policy, text: &str) -> Trial {
    let (asked, port) = Asked::parse(text, TCP).unwrap();
    tried(policy, &asked, port, TODAY)
}

fn row<'a>(policy: &'a Policy, hit: &Hit) -> &'a str {
    &policy.row(hit.row).id
}

#[test]
fn a_name_is_told_its_rows_the_primary_first() {
    let policy = salestim();
    let web = trial(&policy, "https://app.salestim.io/x");
    let hit = &web.hits[0];
    assert_eq!(
        (row(&policy, hit), hit.word(), hit.by.as_str()),
        ("web-app", "below", "*.salestim.io")
    );
    assert_eq!(hit.port_allowed, Some(true));
    assert!(web.passes());
    let graph = trial(&policy, "graph.microsoft.com:8443");
    assert_eq!((row(&policy, &graph.hits[0]), graph.hits[0].word()), ("graph", "exact"));
    assert_eq!(graph.hits[0].port_allowed, Some(false));
    assert!(graph.hits.len() > 1 && !graph.passes());
    let broad = trial(&policy, "nobody-knows.windows.net");
    assert_eq!(
        (broad.hits[0].word(), broad.hits[0].by.as_str()),
        ("broad", "*.windows.net")
    );
    assert!(trial(&policy, "az416426.vo.msecnd.net").hits[0].over);
}

#[test]
fn an_address_falls_under_ranges_that_are_a_rows_own() {
    let policy = salestim();
    let media = trial(&policy, "52.112.0.1:udp/3478");
    assert_eq!(
        (row(&policy, &media.hits[0]), media.hits[0].word()),
        ("teams-media", "range")
    );
    assert_eq!(media.hits[0].by, "52.112.0.0/14");
    assert!(media.passes());
    let shared = trial(&policy, "13.107.246.10");
    assert!(
        shared
            .near
            .iter()
            .any(|near| near.nearness == Nearness::Shared && policy.row(near.row).id == "web-app")
    );
    assert!(trial(&policy, "192.0.2.1").hits.is_empty());
}

#[test]
fn what_is_near_is_told_why_it_does_not_match() {
    let policy = salestim();
    for (name, nearness, by) in [
        ("salestim.io", Nearness::Apex, "*.salestim.io"),
        ("evilsalestim.io", Nearness::NoBoundary, "*.salestim.io"),
        ("app.salestm.io", Nearness::Slip, "*.salestim.io"),
        ("assets.nbold.io", Nearness::Slip, "*.nbold.co"),
        (
            "x.stappsaprd.blob.core.windows.net",
            Nearness::BelowExact,
            "stappsaprd.blob.core.windows.net",
        ),
    ] {
        let found = trial(&policy, name);
        let near = found
            .near
            .iter()
            .find(|near| near.by == by)
            .unwrap_or_else(|| panic!("{name}: {found:?}"));
        assert_eq!(near.nearness, nearness, "{name}");
        assert!(near.nearness.why(name, by).contains(name));
    }
    assert!(trial(&policy, "nothing.of.the.sort.example").near.is_empty());
}
