//! The logs read back by their own heads.

use std::collections::HashMap;

use super::super::fixtures;
use super::super::tables::{Out, Tables};
use super::super::{Labels, Sink};
use super::*;
use crate::engine::rows::TcpState;
use crate::names::domain::Domain;

fn written(rows: &[Row], labels: &Labels) -> [String; 3] {
    let mut files = [Vec::new(), Vec::new(), Vec::new()];
    let outs = files.iter_mut().map(|file| Some(Box::new(file) as Out<'_>)).collect();
    let mut sink = Tables::new(Zeek, outs, labels.clone());
    rows.iter().for_each(|row| sink.row(row).unwrap());
    sink.finish(0).unwrap();
    drop(sink);
    files.map(|file| String::from_utf8(file).unwrap())
}

/// The lines of a log, by its `#fields`.
fn read(log: &str) -> Vec<HashMap<&str, &str>> {
    let head = |word: &str| {
        log.lines()
            .find_map(|line| line.strip_prefix(word))
            .unwrap()
            .split('\t')
    };
    let fields: Vec<&str> = head("#fields\t").collect();
    assert_eq!(fields.len(), head("#types\t").count());
    let lines = log.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let values: Vec<&str> = line.split('\t').collect();
            assert_eq!(values.len(), fields.len(), "{line}");
            fields.iter().copied().zip(values).collect()
        })
        .collect()
}

#[test]
fn a_flow_stands_in_two_logs_under_one_uid_and_a_lookup_in_the_third() {
    let rows = [
        Row::Flow(Box::new(fixtures::web_flow())),
        Row::Flow(Box::new(fixtures::bare_flow())),
        Row::Name(Box::new(fixtures::name())),
        Row::Capture(Box::new(fixtures::capture())),
    ];
    let logs = written(&rows, &fixtures::labels());
    assert!(
        logs[0]
            .starts_with("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n")
    );
    let [conn, ssl, dns] = [0, 1, 2].map(|log| read(&logs[log]));
    assert_eq!((conn.len(), ssl.len(), dns.len()), (2, 1, 1));
    assert_eq!(conn[0]["uid"], ssl[0]["uid"]);
    for (field, value) in [
        ("ts", "1795252321.123456"),
        ("id.orig_p", "50514"),
        ("proto", "tcp"),
        ("service", "ssl"),
        ("duration", "2.876545"),
        ("orig_bytes", "-"),
        ("conn_state", "SF"),
        ("resp_ip_bytes", "9132"),
        ("ip_proto", "6"),
        ("community_id", "1:ONEnPSrBD36DavWv+kWEtE/UgB0="),
        ("class", "salestim"),
        ("flags", "(empty)"),
    ] {
        assert_eq!(conn[0][field], value, "{field}");
    }
    for (field, value) in [
        ("version", "TLSv12"),
        ("cipher", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("server_name", "app.salestim.io"),
        ("established", "T"),
        ("certificate.issuer", "CN=R3,O=Let's Encrypt"),
        ("client_alpn", "h2,http/1.1"),
        ("client_versions", "TLSv13,TLSv12"),
    ] {
        assert_eq!(ssl[0][field], value, "{field}");
    }
    assert_eq!(conn[1]["proto"], "unknown_transport");
    assert_eq!((conn[1]["id.orig_p"], conn[1]["flags"]), ("-", "blocked"));
    for (field, value) in [
        ("id.orig_h", "198.19.0.10"),
        ("qtype_name", "A"),
        ("rcode_name", "NOERROR"),
        (
            "answers",
            "app-tm.trafficmanager.net,app-fd.azurefd.net,198.18.1.11,2001:db8::11",
        ),
        ("TTLs", "-"),
        ("min_ttl", "60.000000"),
        ("rejected", "F"),
    ] {
        assert_eq!(dns[0][field], value, "{field}");
    }
}

#[test]
fn states_are_those_that_are_sure() {
    let state = |tcp| {
        let mut row = fixtures::web_flow();
        row.tcp = tcp;
        let [log, ..] = written(&[Row::Flow(Box::new(row))], &fixtures::labels());
        read(&log)[0]["conn_state"].to_owned()
    };
    for (tcp, expected) in [
        (TcpState::Closed, "SF"),
        (TcpState::Open, "S1"),
        (TcpState::Refused, "REJ"),
        (TcpState::Unanswered, "S0"),
        (TcpState::Midstream, "OTH"),
        (TcpState::Reset, "-"),
    ] {
        assert_eq!(state(Some(tcp)), expected, "{tcp:?}");
    }
}

#[test]
fn a_hostile_name_stays_in_its_field() {
    let mut row = fixtures::name();
    row.query = Domain::from_text(b"a\tb\n#fields\x1b.example");
    row.chain = vec![Domain::from_text(b"x,y"), Domain::from_text(b"-")];
    row.addresses.clear();
    let [.., log] = written(&[Row::Name(Box::new(row))], &fixtures::labels());
    let lines = read(&log);
    assert_eq!(lines[0]["query"], "a\\x5c009b\\x5c010#fields\\x5c027.example");
    assert_eq!(lines[0]["answers"], "x\\x2cy,\\x2d");
    assert_eq!((lines[0]["id.orig_p"], lines[0]["id.resp_p"]), ("50001", "53"));
}
