use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::policy::load::load;
use crate::policy::model::{HostPattern, PortRange, Prefix, TCP, UDP};

fn policy(text: &str) -> Policy {
    load(text, "test", &mut |_| Err("no".into())).unwrap().policy
}

fn at(ip: &str, protocol: u8, port: u16) -> Option<At> {
    Some(At {
        ip: ip.parse().unwrap(),
        protocol,
        port: Some(port),
    })
}

fn ids(policy: &Policy, name: Option<&str>, at: Option<At>) -> Vec<String> {
    let name = name.map(|name| Domain::from_text(name.as_bytes()));
    let mut out = Matches::new();
    policy.matches(name.as_ref(), at, &mut out);
    out.iter().map(|found| policy.row(found.row).id.clone()).collect()
}

const ROWS: &str = r#"
    [[endpoint]]
    id = "rest"
    class = "a"
    hosts = ["*.example.com"]
    addresses = ["10.0.0.0/8"]
    ports = ["tcp/443"]
    [[endpoint]]
    id = "purple"
    class = "a"
    line = "purple"
    hosts = ["*.example.com", "exact.example.com"]
    addresses = ["10.0.0.0/8", "10.1.0.0/16"]
    ports = ["tcp/443"]
    [[endpoint]]
    id = "green"
    class = "b"
    line = "green"
    hosts = ["*.example.com", "*.deep.example.com"]
    broad = ["*.com"]
    ports = ["tcp/443"]
    [[endpoint]]
    id = "media"
    class = "b"
    addresses = ["10.1.0.0/16"]
    ports = ["udp/3478-3481"]
    [[endpoint]]
    id = "tagged"
    class = "c"
    hosts = ["*.tagged.example"]
    addresses = ["@AzureFrontDoor.Frontend"]
"#;

#[test]
fn order_is_specific_then_listed_then_line_then_file() {
    let policy = policy(ROWS);
    let names = |name| ids(&policy, Some(name), None);
    assert_eq!(names("x.example.com"), ["green", "purple", "rest"]);
    assert_eq!(names("exact.example.com"), ["purple", "green", "rest"]);
    assert_eq!(names("x.deep.example.com"), ["green", "purple", "rest"]);
    assert_eq!(names("other.com"), ["green"]);
    assert!(names("com").is_empty());
    assert!(names("").is_empty());
    assert!(
        names(".example.com").first().is_some_and(|id| id == "green"),
        "only through *.com"
    );
    assert!(names("..").is_empty());
}

#[test]
fn an_address_alone_leads_to_rows_with_ranges_of_their_own() {
    let policy = policy(ROWS);
    assert_eq!(ids(&policy, None, at("10.2.0.1", TCP, 443)), ["purple", "rest"]);
    // Of equally long ranges the one that lists the port goes first, else the line decides.
    assert_eq!(
        ids(&policy, None, at("10.1.0.1", TCP, 443)),
        ["purple", "media", "rest"]
    );
    assert_eq!(
        ids(&policy, None, at("10.1.0.1", UDP, 3479)),
        ["media", "purple", "rest"]
    );
    assert!(
        ids(&policy, None, at("13.107.246.10", TCP, 443)).is_empty(),
        "a shared tag proves nothing"
    );
}

#[test]
fn a_name_is_stronger_than_an_address() {
    let policy = policy(ROWS);
    assert!(ids(&policy, Some("evil.example"), at("10.1.0.1", TCP, 443)).is_empty());
    assert_eq!(ids(&policy, Some("evil.example"), at("10.1.0.1", UDP, 3478)), ["media"]);
    assert_eq!(
        ids(&policy, Some("x.example.com"), at("10.1.0.1", UDP, 3478)),
        ["green", "purple", "rest", "media"]
    );
}

#[test]
fn rows_know_their_own_and_their_shared_addresses() {
    let policy = policy(ROWS);
    let row = |id: &str| policy.rows().find(|(_, row)| row.id == id).unwrap().0;
    let inside: IpAddr = "13.107.246.10".parse().unwrap();
    assert!(policy.in_ranges(row("tagged"), inside));
    assert!(policy.in_shared_ranges(row("tagged"), inside));
    assert!(!policy.in_ranges(row("purple"), inside));
    let own: IpAddr = "10.9.9.9".parse().unwrap();
    assert!(policy.in_ranges(row("rest"), own) && !policy.in_shared_ranges(row("rest"), own));
}

fn label() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "xa"]).prop_map(str::to_owned)
}

fn dotted(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(label(), 1..=most).prop_map(|labels| labels.join("."))
}

/// Few bits, so that ranges nest and addresses hit.
fn address() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![0_u32, 1, 2, 3]).prop_flat_map(|top| (0_u32..16).prop_map(move |low| top << 30 | low))
}

fn some_host() -> impl Strategy<Value = HostPattern> {
    (dotted(3), any::<bool>()).prop_map(|(name, below)| HostPattern {
        name: name.into(),
        below,
    })
}

fn some_row() -> impl Strategy<Value = Row> {
    let range = (address(), prop::sample::select(vec![0_u8, 1, 2, 28, 30, 31, 32]))
        .prop_map(|(bits, length)| Prefix::new(IpAddr::V4(Ipv4Addr::from_bits(bits)), length).unwrap());
    (
        prop::collection::vec(some_host(), 0..4),
        prop::collection::vec(some_host(), 0..2),
        prop::collection::vec(range, 0..4),
    )
        .prop_map(|(hosts, broad, addresses)| Row {
            hosts,
            broad,
            addresses,
            expect: Expectation {
                ports: vec![PortRange {
                    protocol: UDP,
                    first: 3478,
                    last: 3481,
                }],
                ..Expectation::default()
            },
            ..Row::default()
        })
}

proptest! {
    /// The indexes against asking every row one by one.
    #[test]
    fn lookup_finds_what_a_walk_over_all_rows_finds(
        rows in prop::collection::vec(some_row(), 0..12),
        name in prop::option::of(dotted(5)),
        bits in address(),
        fits in any::<bool>(),
    ) {
        let ip = IpAddr::V4(Ipv4Addr::from_bits(bits));
        let port = if fits { 3480 } else { 443 };
        let domain = name.as_ref().map(|name| Domain::from_text(name.as_bytes()));
        let mut expected: Vec<RowId> = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| {
                let named = domain.as_ref().is_some_and(|name| row.hosts.iter().chain(&row.broad).any(|host| host.covers(name)));
                let held = row.addresses.iter().any(|range| range.contains(ip));
                named || held && (domain.is_none() || row.is_nameless() && fits)
            })
            .map(|(at, _)| RowId(at as u16))
            .collect();
        let policy = Policy::compile(Header::default(), [0; 32], Expectation::https(), rows);
        let mut out = Matches::new();
        policy.matches(domain.as_ref(), Some(At { ip, protocol: UDP, port: Some(port) }), &mut out);
        for pair in out.windows(2) {
            prop_assert!(pair[0].specificity() >= pair[1].specificity());
        }
        let mut found: Vec<RowId> = out.iter().map(|found| found.row).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}
