//! The events, and every key of them against the list of Suricata's own.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::jsonl::JsonLines;
use super::super::{Sink, fixtures};
use super::*;
use crate::engine::rows::QuicVersion;
use crate::evidence::model::App;

/// The keys of Suricata 8 that are written, with a letter for their type: `s` text, `i` an integer, `b` truth, `[]` a list.
/// Below `metadata.flowvars` and `alert.metadata` any key is allowed.
const FIELDS: &str = "
timestamp s  flow_id i  in_iface s  pcap_cnt i  event_type s  vlan []i  src_ip s  src_port i  dest_ip s  dest_port i
proto s  app_proto s  community_id s  pcap_filename s
flow.pkts_toserver i  flow.pkts_toclient i  flow.bytes_toserver i  flow.bytes_toclient i
flow.start s  flow.end s  flow.age i  flow.state s  flow.reason s  flow.alerted b
tcp.syn b  tcp.rst b  tcp.state s
tls.subject s  tls.issuerdn s  tls.sni s  tls.version s  tls.notbefore s  tls.notafter s  tls.subjectaltname []s
tls.ja4 s  tls.client_alpns []s  tls.server_handshake.cipher i
quic.version s  quic.sni s  quic.ja4 s
dns.version i  dns.type s  dns.rcode s  dns.queries.rrname s  dns.queries.rrtype s
dns.answers.rrname s  dns.answers.rrtype s  dns.answers.rdata s  dns.answers.ttl i
dns.grouped.A []s  dns.grouped.AAAA []s  dns.grouped.CNAME []s
alert.action s  alert.gid i  alert.signature_id i  alert.rev i  alert.signature s  alert.category s  alert.severity i
stats.uptime i  stats.capture.kernel_packets i  stats.capture.kernel_drops i  stats.capture.kernel_ifdrops i
stats.decoder.pkts i  stats.decoder.bytes i  stats.flow.total i
";

fn events(rows: &[Row], eve: Eve) -> Vec<Value> {
    let mut bytes = Vec::new();
    let mut sink = JsonLines::of(eve, &mut bytes, fixtures::labels());
    rows.iter().for_each(|row| sink.row(row).unwrap());
    sink.finish(0).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn keys(value: &Value, path: &str, found: &mut BTreeSet<(String, &'static str)>) {
    let letter = |value: &Value, in_list: bool| match (value, in_list) {
        (Value::String(_), false) => "s",
        (Value::String(_), true) => "[]s",
        (Value::Number(number), list) => {
            assert!(number.is_u64(), "{path}: {number}");
            if list { "[]i" } else { "i" }
        }
        (Value::Bool(_), false) => "b",
        (other, _) => panic!("{path}: {other}"),
    };
    if path == "metadata.flowvars" || path == "alert.metadata" {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                keys(value, &path, found);
            }
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "{path}: Suricata writes no empty list");
            for item in items {
                match item.is_object() {
                    true => keys(item, path, found),
                    false => drop(found.insert((path.to_owned(), letter(item, true)))),
                }
            }
        }
        value => drop(found.insert((path.to_owned(), letter(value, false)))),
    }
}

fn quic_flow() -> Row {
    let mut row = fixtures::web_flow();
    (row.app, row.protocol, row.tcp) = (App::Quic, 17, None);
    row.quic = Some(QuicVersion::V1);
    Row::Flow(Box::new(row))
}

#[test]
fn every_key_is_suricatas_or_stands_where_rules_keep_theirs() {
    let mut rows = fixtures::morning();
    rows.extend([
        Row::Flow(Box::new(fixtures::web_flow())),
        Row::Flow(Box::new(fixtures::bare_flow())),
        quic_flow(),
    ]);
    let mut refused = fixtures::web_flow();
    refused.tcp = Some(crate::engine::rows::TcpState::Refused);
    rows.push(Row::Flow(Box::new(refused)));
    let mut single = fixtures::name();
    (single.chain, single.addresses) = (Vec::new(), vec!["198.18.1.11".parse().unwrap()]);
    rows.push(Row::Name(Box::new(single)));
    let mut heard = fixtures::capture();
    heard.dropped_by_interface = Some(1);
    rows.push(Row::Capture(Box::new(heard)));
    let live = Eve {
        live: true,
        input: Some("eth0".into()),
    };
    let read = Eve {
        live: false,
        input: Some("a.pcap".into()),
    };
    let mut found = BTreeSet::new();
    for event in events(&rows, live).iter().chain(&events(&rows, read)) {
        keys(event, "", &mut found);
        assert!(event["timestamp"].as_str().unwrap().ends_with("+0000"));
    }
    let words: Vec<&str> = FIELDS.split_whitespace().collect();
    let known: BTreeSet<(String, &str)> = words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1])).collect();
    for key in &found {
        assert!(known.contains(key), "{key:?} is none of Suricata's");
    }
    let missing: Vec<_> = known.difference(&found).map(|(path, _)| path.as_str()).collect();
    assert!(missing.is_empty(), "listed, and never written: {missing:?}");
}

#[test]
fn a_flow_is_told_by_several_events_under_one_number() {
    let rows = [
        Row::Flow(Box::new(fixtures::web_flow())),
        Row::Flow(Box::new(fixtures::bare_flow())),
        quic_flow(),
    ];
    let told = events(&rows, Eve::default());
    let types: Vec<&str> = told.iter().map(|it| it["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["tls", "flow", "alert", "flow", "quic", "flow"]);
    assert_eq!(told[0]["flow_id"], told[1]["flow_id"]);
    assert_ne!(told[0]["flow_id"], told[2]["flow_id"]);
    assert_eq!(told[0]["tls"]["version"], "TLS 1.2");
    assert_eq!(told[0]["tls"]["notafter"], "2027-01-01T00:00:00");
    assert_eq!(told[0]["pcap_cnt"], 15);
    assert_eq!(told[1]["timestamp"], "2026-11-21T09:12:04.000001+0000");
    assert_eq!(told[1]["metadata"]["flowvars"][0]["class"], "salestim");
    assert_eq!(
        (&told[2]["proto"], &told[2]["alert"]["signature_id"]),
        (&"GRE".into(), &1_000_007.into())
    );
    assert_eq!(told[2]["alert"]["metadata"]["why"][0], "It was \"never\" answered.");
    assert_eq!(told[4]["quic"]["version"], "1");
}

#[test]
fn a_lookup_is_a_dns_event_of_version_3() {
    let told = events(&[Row::Name(Box::new(fixtures::name()))], Eve::default());
    let dns = &told[0]["dns"];
    assert_eq!((&dns["version"], &dns["type"]), (&3.into(), &"response".into()));
    assert_eq!(
        (&told[0]["src_port"], &told[0]["dest_port"]),
        (&50_001.into(), &53.into())
    );
    assert!(told[0]["community_id"].as_str().is_some_and(|id| id.starts_with("1:")));
    assert_eq!(dns["queries"][0]["rrname"], "app.salestim.io");
    assert_eq!(dns["grouped"]["CNAME"][1], "app-fd.azurefd.net");
    assert_eq!(dns["grouped"]["AAAA"][0], "2001:0db8:0000:0000:0000:0000:0000:0011");
    let owners: Vec<&str> = dns["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["rrname"].as_str().unwrap())
        .collect();
    assert_eq!(
        owners,
        [
            "app.salestim.io",
            "app-tm.trafficmanager.net",
            "app-fd.azurefd.net",
            "app-fd.azurefd.net"
        ]
    );
    // Hints of an HTTPS record are no addresses of the name.
    let mut service = fixtures::name();
    (service.qtype, service.chain) = (65, Vec::new());
    let told = events(&[Row::Name(Box::new(service))], Eve::default());
    assert!(told[0]["dns"].get("answers").is_none());
    assert_eq!(told[0]["metadata"]["flowvars"][0]["hints"][0], "198.18.1.11");
}
