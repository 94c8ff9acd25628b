//! What is used and on no list, and what it is near to.

use super::*;
use crate::policy::coverage::near::Neighbours;

/// Host or network, what it is near to, and how many flows.
fn unlisted(flows: &[Flow], lookups: &[Asked]) -> Vec<String> {
    let policy = lab();
    let mut coverage = seen(&policy, flows, lookups);
    coverage.input(window());
    let report = coverage.report(|_| true);
    let told = |entry: &Unlisted| {
        let what = match &entry.what {
            What::Host(name) | What::Link(name) => name.to_string(),
            What::Network(ip, length) => format!("{ip}/{length}"),
        };
        let near = match &entry.near {
            Some(Near::Host(host)) => host.clone(),
            Some(Near::Range(range, row)) => format!("{range} of {row}"),
            None => "-".to_owned(),
        };
        format!("{what} {near} {}", entry.flows + entry.lookups)
    };
    report.unlisted.iter().map(told).collect()
}

#[test]
fn only_what_the_applications_clients_use_is_told_near_misses_first() {
    let flows = [
        to("app.salestim.io"),
        to("www.example.org"),
        to("www.example.org").later(1),
        to("assets.nbold.io"),
        to("elsewhere.example.org").from("198.19.0.99"),
    ];
    assert_eq!(
        unlisted(&flows, &[]),
        ["assets.nbold.io *.nbold.co 1", "www.example.org - 2"]
    );
}

#[test]
fn plumbing_and_neighbours_on_the_link_are_not_used_services() {
    let dns = Flow {
        app: App::Dns,
        ..at("198.18.0.2", (UDP, 53))
    };
    let plumbing = [
        to("app.salestim.io"),
        dns,
        at("198.18.0.3", (UDP, 123)),
        at("198.18.0.3", (TCP, 853)),
        at("224.0.0.251", (UDP, 9999)),
        at("255.255.255.255", (UDP, 9999)),
        at("fe80::1", (TCP, 443)),
    ];
    assert_eq!(unlisted(&plumbing, &[]), [""; 0]);
}

#[test]
fn many_addresses_of_a_network_are_told_together() {
    let mut flows = vec![to("app.salestim.io"), at("198.51.100.7", (TCP, 443))];
    flows.extend((1..=9).map(|n| at(&format!("203.0.113.{}", 100 + n), (TCP, 443))));
    flows.extend((1..=9).map(|n| at(&format!("2001:db8:7::{n}"), (TCP, 443))));
    assert_eq!(
        unlisted(&flows, &[]),
        ["203.0.113.0/24 - 9", "2001:db8:7::/64 - 9", "198.51.100.7/32 - 1"]
    );
}

#[test]
fn an_address_of_a_row_that_is_no_more_is_near_to_its_range() {
    let flows = [to("app.salestim.io"), at("203.0.113.5", (TCP, 443))];
    assert_eq!(unlisted(&flows, &[]), ["203.0.113.5/32 203.0.113.0/28 of old 1"]);
}

#[test]
fn links_that_the_rows_via_does_not_cover_are_told() {
    let links = |names: &[&str]| names.iter().map(|name| Domain::from_text(name.as_bytes())).collect();
    let good = Asked {
        chain: links(&["app.azurefd.net"]),
        ..asked("app.salestim.io")
    };
    let odd = Asked {
        chain: links(&["app.cdn.example", "app.azurefd.net", "a.nbold.co"]),
        ..asked("app.salestim.io")
    };
    // A row without `via` may lead anywhere.
    let free = Asked {
        chain: links(&["free.cdn.example"]),
        ..asked("www.nbold.co")
    };
    assert_eq!(unlisted(&[], &[good, odd.clone(), odd, free]), ["app.cdn.example - 2"]);
}

#[test]
fn near_is_near_and_not_by_accident() {
    let hosts = [
        "*.salestim.io",
        "*.nbold.co",
        "api.graph.example",
        "stappsaprd.blob.core.windows.net",
        "*.bit.ly",
        "*.vendor.co.uk",
        "*.github.com",
    ];
    let text = format!("[policy]\nname = \"near\"\n\n[[endpoint]]\nid = \"all\"\nclass = \"app\"\nhosts = {hosts:?}\n");
    let policy = load(&text, "test", &mut |_| Err("no".into())).unwrap().policy;
    let neighbours = Neighbours::of(&policy);
    for (name, near) in [
        ("assets.nbold.io", Some("*.nbold.co")),
        ("nbold.co", Some("*.nbold.co")),
        ("salestim.io", Some("*.salestim.io")),
        ("app.salestm.io", Some("*.salestim.io")),
        ("app.salestims.io", Some("*.salestim.io")),
        ("salestim.com", Some("*.salestim.io")),
        ("api2.graph.example", Some("api.graph.example")),
        ("graph.example", Some("api.graph.example")),
        ("v2.api.graph.example", Some("api.graph.example")),
        (
            "stappsaprd2.blob.core.windows.net",
            Some("stappsaprd.blob.core.windows.net"),
        ),
        ("cdn.vendor.com", Some("*.vendor.co.uk")),
        // A stranger beside it in everybody's domain.
        ("somebody.blob.core.windows.net", None),
        ("www.example.io", None),
        ("other.co.uk", None),
        ("bit.io", None),
        ("bat.ly", None),
        ("gitlab.com", None),
        ("io", None),
        ("", None),
        ("..", None),
        ("a.co.uk", None),
    ] {
        let found = neighbours.near(&Domain::from_text(name.as_bytes()));
        assert_eq!(found, near.map(|host| Near::Host(host.to_owned())), "{name}");
    }
}
