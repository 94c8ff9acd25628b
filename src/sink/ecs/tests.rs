//! The documents, and every field of them against the schema's list.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::jsonl::JsonLines;
use super::super::{Sink, fixtures};
use super::*;

/// The fields of the schema that are written, with a letter for their type: `k` text (keyword, match_only_text, wildcard), `n` a
/// number (long), `d` a date, `i` an address, `b` truth, `o` any object. `[]` is a list.
const FIELDS: &str = "
@timestamp d  message k  ecs.version k
event.kind k  event.category []k  event.type []k  event.outcome k  event.start d  event.end d  event.duration n
event.module k  event.dataset k  event.severity n  event.action k  event.reason k
rule.id k  rule.name k  rule.description k  rule.category k  rule.ruleset k
observer.product k  observer.type k  observer.version k  observer.ingress.interface.name k
file.path k  file.hash.sha256 k
source.address k  source.ip i  source.port n  source.packets n  source.bytes n
client.address k  client.ip i  client.port n  client.packets n  client.bytes n
destination.address k  destination.ip i  destination.port n  destination.packets n  destination.bytes n  destination.domain k
server.address k  server.ip i  server.port n  server.packets n  server.bytes n  server.domain k
network.type k  network.transport k  network.iana_number k  network.protocol k  network.community_id k
network.packets n  network.bytes n  network.vlan.id k  network.inner.vlan.id k
tls.version k  tls.version_protocol k  tls.cipher k  tls.established b  tls.client.server_name k
tls.server.subject k  tls.server.issuer k  tls.server.not_before d  tls.server.not_after d
tls.server.x509.alternative_names []k  tls.server.x509.not_before d  tls.server.x509.not_after d
tls.server.x509.subject.distinguished_name k  tls.server.x509.issuer.distinguished_name k
dns.type k  dns.question.name k  dns.question.type k  dns.response_code k  dns.resolved_ip []i
dns.answers.name k  dns.answers.type k  dns.answers.data k  dns.answers.ttl n
related.ip []i  related.hosts []k
";

fn documents(rows: &[Row], ecs: Ecs) -> Vec<Value> {
    let mut bytes = Vec::new();
    let mut sink = JsonLines::of(ecs, &mut bytes, fixtures::labels());
    rows.iter().for_each(|row| sink.row(row).unwrap());
    sink.finish(0).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every field with a letter for its type.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<(String, String)>) {
    let letter = |value: &Value| match value {
        Value::String(text) if path.ends_with("ip") => {
            text.parse::<std::net::IpAddr>().unwrap();
            "i"
        }
        Value::String(text) if text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T') => "d",
        Value::String(_) => "k",
        Value::Number(_) => "n",
        Value::Bool(_) => "b",
        other => panic!("{path}: {other}"),
    };
    match value {
        Value::Object(fields_of) => {
            for (name, value) in fields_of {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                fields(value, &path, found);
            }
        }
        Value::Array(items) if items.first().is_some_and(Value::is_object) => {
            items.iter().for_each(|item| fields(item, path, found));
        }
        Value::Array(items) => {
            for item in items {
                found.insert((path.to_owned(), format!("[]{}", letter(item))));
            }
        }
        value => drop(found.insert((path.to_owned(), letter(value).to_owned()))),
    }
}

#[test]
fn every_field_is_of_the_schema_or_ours() {
    let mut rows = fixtures::morning();
    rows.push(Row::Flow(Box::new(fixtures::web_flow())));
    rows.push(Row::Flow(Box::new(fixtures::bare_flow())));
    // Of a single record the ttl is known.
    let mut single = fixtures::name();
    single.chain.clear();
    single.addresses.truncate(1);
    rows.push(Row::Name(Box::new(single)));
    let live = Ecs {
        live: true,
        input: Some("eth0".into()),
    };
    let mut found = BTreeSet::new();
    for document in documents(&rows, live).iter().chain(&documents(&rows, Ecs::default())) {
        fields(document, "", &mut found);
    }
    let words: Vec<&str> = FIELDS.split_whitespace().collect();
    let known: BTreeSet<(String, String)> = words
        .chunks(2)
        .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
        .collect();
    for field in found.iter().filter(|(path, _)| !path.starts_with("flowsift.")) {
        assert!(known.contains(field), "{field:?} is not of the schema");
    }
    let missing: Vec<_> = known.difference(&found).map(|(path, _)| path.as_str()).collect();
    assert!(missing.is_empty(), "listed, and never written: {missing:?}");
}

#[test]
fn a_flow_is_one_event_and_its_flags_are_alerts_without_counts() {
    let rows = [
        Row::Flow(Box::new(fixtures::web_flow())),
        Row::Flow(Box::new(fixtures::bare_flow())),
        Row::Name(Box::new(fixtures::name())),
    ];
    let told = documents(
        &rows,
        Ecs {
            live: false,
            input: Some("lab.pcap".into()),
        },
    );
    let kinds: Vec<&str> = told.iter().map(|it| it["event"]["dataset"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["flowsift.flow", "flowsift.alert", "flowsift.flow", "flowsift.dns"]
    );
    assert_eq!(told[0]["tls"]["version"], "1.2");
    assert_eq!(told[0]["tls"]["cipher"], "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(told[0]["event"]["duration"], 2_876_545_000u64);
    assert_eq!(told[0]["file"]["path"], "lab.pcap");
    assert_eq!(told[1]["rule"]["id"], "1000007");
    assert_eq!(told[1]["event"]["type"], serde_json::json!(["info", "denied"]));
    assert_eq!(told[1]["message"], "It was \"never\" answered.");
    assert!(told[1]["network"].get("bytes").is_none());
    assert_eq!(told[3]["dns"]["answers"][0]["name"], "app.salestim.io");
    assert_eq!(told[3]["dns"]["answers"][2]["name"], "app-fd.azurefd.net");
    assert_eq!(told[3]["dns"]["resolved_ip"][1], "2001:db8::11");
}
