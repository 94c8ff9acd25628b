//! Sections made of rows by hand: what they say, and that nothing in them is markup but ours.

use super::super::check::Judged;
use super::super::{PolicyNames, fixtures};
use super::*;
use crate::engine::rows::Row;
use crate::names::domain::Domain;
use crate::policy::compile::Policy;
use crate::policy::coverage::{Coverage, Demands, Input};
use crate::policy::load::load;

/// The rows that [`fixtures`] speaks of, in its order.
const LAB: &str = r#"
[policy]
name = "lab"
title = "Office <b>& lab"

[[endpoint]]
id = "web-app"
class = "salestim"
line = "green"
title = "Web \"app\""
hosts = ["*.salestim.io"]

[[endpoint]]
id = "help"
class = "salestim-help"
line = "green"
hosts = ["*.salestim.com"]

[[endpoint]]
id = "teams"
class = "teams"
line = "purple"
hosts = ["*.teams.microsoft.com"]

[[endpoint]]
id = "exchange"
class = "microsoft365"
line = "purple"
hosts = ["*.office365.com"]
"#;

fn lab() -> Policy {
    load(LAB, "test", &mut |_| Err("no".into())).expect("a policy").policy
}

/// The page of some rows.
fn page_of(rows: &[Row], files: &[&str], most: usize) -> String {
    let policy = lab();
    let labels = Labels {
        policy: PolicyNames::of(&policy),
        files: if files.len() > 1 {
            files.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        },
    };
    let mut gathering = Gathering::new(most);
    let mut coverage = Coverage::new(&policy);
    let mut captures = Vec::new();
    for row in rows {
        match row {
            Row::Flow(flow) => gathering.flow(flow, &labels),
            Row::Name(name) => gathering.lookup(name, &labels),
            Row::Capture(capture) => {
                coverage.input(Input {
                    first_ns: capture.first_ns,
                    last_ns: capture.last_ns,
                    ..Input::default()
                });
                gathering.capture(capture);
                captures.push((**capture).clone());
            }
        }
    }
    let report = coverage.report(|_| true);
    let judged = Judged {
        report: &report,
        policy: &policy,
        labels: &labels,
        captures: &captures,
        demands: &Demands::default(),
        crossings: None,
    };
    String::from_utf8(page(gathering, &judged, Extras::default())).expect("UTF-8")
}

fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let start = page.find(&format!("<section id=\"{id}\"")).expect("the section");
    let rest = &page[start..];
    &rest[..rest.find("</section>").expect("its end")]
}

#[test]
fn every_section_says_what_the_rows_tell() {
    let page = page_of(&fixtures::morning(), &["lab.pcap"], 100);
    for (id, says) in [
        ("drawing", "Green line: from the organisation to the platform"),
        ("drawing", "Web &quot;app&quot;"),
        ("drawing", "198.19.0.12 to "),
        ("held", "Not encrypted where TLS is expected"),
        ("time", "class=\"bar blocked\""),
        ("endpoints", "4 not tried: nothing is known of them"),
        ("tls", "TLS 1.0"),
        ("tls", "t13d1516h2_8daaf6152771_e5627efa2ab1"),
        ("dns", "widget.intercom.io"),
        ("dns", "1 nxdomain"),
        ("dns", "app-tm.trafficmanager.net"),
        ("blind", "2 flows began before the capture."),
        ("blind", "3 packets by the kernel and 0 by the interface were lost"),
        ("flows", "9 flows"),
        ("flows", "help.salestim.com"),
        ("identity", "ab12"),
        ("identity", "2026-11-21T09:12:00.900000Z"),
        ("identity", "Office &lt;b&gt;&amp; lab"),
    ] {
        assert!(
            section(&page, id).contains(says),
            "{id}: {says}\n{}",
            section(&page, id)
        );
    }
}

#[test]
fn a_page_about_nothing_says_so_in_every_section() {
    let page = page_of(&[], &["-"], 100);
    for (id, says) in [
        ("drawing", "nothing to draw"),
        ("findings", "Nothing of the list was reached"),
        ("held", "no flag was raised"),
        ("time", "No flow was seen"),
        ("tls", "No TLS was seen"),
        ("dns", "No DNS was seen"),
        ("flows", "No flow was seen"),
    ] {
        assert!(section(&page, id).contains(says), "{id}");
    }
}

#[test]
fn a_thousand_clients_and_few_rows_of_room_make_a_small_page() {
    let mut rows = Vec::new();
    for number in 0..3000u32 {
        let mut flow = fixtures::web_flow();
        flow.client.ip = std::net::Ipv4Addr::from(0x0a00_0000 + number * 7).into();
        flow.frames.first = u64::from(number) + 1;
        flow.start_ns += u64::from(number) * 1_000_000_000;
        rows.push(Row::Flow(Box::new(flow)));
    }
    let page = page_of(&rows, &["-"], 20);
    let drawing = section(&page, "drawing");
    assert!(drawing.contains("10.0.0.0/20"), "networks stand for their clients");
    assert!(drawing.len() < 40_000, "{}", drawing.len());
    assert!(section(&page, "time").len() < 120_000);
    assert!(section(&page, "flows").contains("20 of 3,000 flows are here"));
    assert!(section(&page, "flows").contains("2,980 are left out"));
}

#[test]
fn times_at_both_ends_of_what_a_capture_can_say_are_drawn() {
    let mut rows = Vec::new();
    for start in [0, fixtures::MORNING, u64::MAX] {
        let mut flow = fixtures::web_flow();
        flow.start_ns = start;
        flow.end_ns = u64::MAX;
        flow.bytes.out = u64::MAX;
        flow.bytes.r#in = u64::MAX;
        rows.push(Row::Flow(Box::new(flow)));
    }
    let page = page_of(&rows, &["-"], 10);
    assert!(section(&page, "time").contains("1970-01-01"));
    assert!(section(&page, "time").contains("2554-"));
}

#[test]
fn hostile_rows_are_text_in_every_section() {
    const EVIL: &[u8] = b"</script><img src=x onerror=alert(1)>.salestim.io";
    let mut flow = fixtures::web_flow();
    flow.naming.name = Some(Domain::from_text(EVIL));
    flow.naming.via = vec![Domain::from_text(EVIL)];
    flow.verdict.flags = fixtures::bare_flow().verdict.flags;
    let mut name = fixtures::name();
    name.query = Domain::from_text(EVIL);
    name.chain = vec![Domain::from_text(EVIL)];
    let mut capture = fixtures::capture();
    capture.file = "</title><script>alert(1)</script>\u{202e}.pcap".into();
    capture.links = vec!["<svg onload=alert(1)>".into()];
    capture.undecoded = vec![("<b>".into(), 1)];
    let rows = [
        Row::Flow(Box::new(flow)),
        Row::Name(Box::new(name)),
        Row::Capture(Box::new(capture)),
    ];
    let page = page_of(&rows, &["-"], 10);
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<svg on") && !page.contains("<b>alert"));
    assert!(!page.contains('\u{202e}'), "text that turns around is written out");
    assert!(page.contains("&lt;/script&gt;&lt;img\\032src=x"));
}
