//! Name lookups.

use super::*;

fn asked(query: &str, rcode: Option<u16>, addresses: &[&str], chain: &[&str]) -> Option<&'static str> {
    let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    let (_, flags) = SALESTIM.judge_name(&domain(query), rcode, &addresses, &domains(chain));
    flags.first().and_then(|flag| flag.how).map(Blockage::as_str)
}

#[test]
fn failures_are_blocked_and_say_how() {
    for (rcode, how) in [
        (None, Some("dns-silent")),
        (Some(0), None),
        (Some(1), None),
        (Some(2), Some("servfail")),
        (Some(3), Some("nxdomain")),
        (Some(5), Some("dns-refused")),
    ] {
        assert_eq!(asked("app.salestim.io", rcode, &[], &[]), how);
        assert_eq!(asked("example.com", rcode, &[], &[]), how);
    }
}

#[test]
fn sinkholes_are_seen_through() {
    let answer = |query, ip| asked(query, Some(0), &[ip], &[]);
    for ip in [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.1.2.3",
        "::",
        "::1",
        "::ffff:127.0.0.1",
    ] {
        assert_eq!(answer("example.com", ip), Some("sinkhole"), "{ip}");
        assert_eq!(answer("app.salestim.io", ip), Some("sinkhole"), "{ip}");
        assert_eq!(answer("localhost", ip), None);
        assert_eq!(answer("a.localhost", ip), None);
    }
    for ip in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1"] {
        assert_eq!(
            answer("app.salestim.io", ip),
            Some("sinkhole"),
            "{ip}: the row lists public ranges"
        );
        assert_eq!(answer("help.nbold.co", ip), None, "{ip}: the row lists none");
        assert_eq!(answer("printer.corp", ip), None, "{ip}: in no row");
        let private_link = ["x.privatelink.azurefd.net"];
        assert_eq!(asked("app.salestim.io", Some(0), &[ip], &private_link), None);
    }
    for ip in [
        "198.18.1.11",
        "192.0.2.1",
        "203.0.113.9",
        "2001:db8::1",
        "13.107.246.10",
    ] {
        assert_eq!(answer("app.salestim.io", ip), None, "{ip}: labs use it");
    }
}

#[test]
fn a_question_falls_under_rows_like_a_flow() {
    let (rows, flags) = SALESTIM.judge_name(&domain("graph.microsoft.com"), Some(0), &[], &[]);
    assert!(flags.is_empty());
    assert_eq!(SALESTIM.row(rows[0]).id, "graph");
    assert_eq!(rows.len(), 3);
}
