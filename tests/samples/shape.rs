//! What holds for every record, whatever the sample: known words, plain text, and sums that agree.

use serde_json::Value;

const CLASSES: [&str; 12] = [
    "teams",
    "salestim",
    "salestim-help",
    "telemetry",
    "storage",
    "graph",
    "intercom",
    "internal",
    "supplier",
    "microsoft365",
    "other",
    "unknown",
];
const VERDICTS: [&str; 4] = ["inconclusive", "flagged", "unlisted", "ok"];
const FLAGS: [&str; 12] = [
    "port",
    "tls-version",
    "plaintext",
    "rerouted",
    "address",
    "intercepted",
    "blocked",
    "internal",
    "hidden-name",
    "retired",
    "ambiguous",
    "broad",
];
const SEVERITIES: [&str; 3] = ["high", "medium", "notice"];
const QUALITIES: [&str; 10] = [
    "complete",
    "midstream",
    "cut",
    "gap",
    "overlap",
    "one-sided",
    "budget",
    "fragment",
    "evicted",
    "ech-possible",
];
const APPS: [&str; 17] = [
    "tls", "quic", "dtls", "http", "connect", "socks", "dns", "mdns", "llmnr", "stun", "rtp", "dhcp", "ntp", "ssdp",
    "nbns", "icmp", "unknown",
];
const TCP_STATES: [&str; 8] = [
    "closed",
    "reset",
    "refused",
    "prohibited",
    "unreachable",
    "unanswered",
    "open",
    "midstream",
];
const EVIDENCE: [&str; 8] = ["sni", "quic", "connect", "host", "cert", "dns", "address", "none"];

/// What is wrong with the output as such.
pub fn complaints(output: &str, records: &[Value]) -> Vec<String> {
    let mut complaints = Vec::new();
    if output.chars().any(|c| c != '\n' && c.is_control()) {
        complaints.push("  a bare control character in the output".to_string());
    }
    if !output.is_empty() && !output.ends_with('\n') {
        complaints.push("  the last line does not end".to_string());
    }
    for record in records {
        if let Err(why) = record_is_well_formed(record) {
            complaints.push(format!("  {why}: {record}"));
        }
    }
    complaints.extend(sums(records));
    complaints
}

fn record_is_well_formed(record: &Value) -> Result<(), String> {
    match record["type"].as_str() {
        Some("flow") => flow_is_well_formed(record),
        Some("name") => name_is_well_formed(record),
        Some("capture") => {
            for key in ["packets", "bytes", "flows", "duplicates"] {
                record[key].as_u64().ok_or(format!("`{key}` is no count"))?;
            }
            record["file"].as_str().map(|_| ()).ok_or("no `file`".into())
        }
        _ => Err("an unknown type of record".into()),
    }
}

fn flow_is_well_formed(flow: &Value) -> Result<(), String> {
    let id = flow["id"].as_str().unwrap_or_default();
    // "1:" and 20 bytes in base64.
    if !(id.starts_with("1:") && id.len() == 30) {
        return Err("`id` is no Community ID".into());
    }
    for key in ["start", "end"] {
        time(flow, key)?;
    }
    for end in ["client", "server"] {
        address(&flow[end]["ip"])?;
    }
    let is_protocol = flow["proto"]
        .as_str()
        .is_some_and(|word| ["tcp", "udp", "icmp", "icmpv6", "sctp"].contains(&word) || word.starts_with("ip-"));
    if !is_protocol {
        return Err("`proto` is none".into());
    }
    if (flow["proto"] == "tcp") != flow["tcp"].is_string() && flow["client"]["port"].is_number() {
        return Err("`tcp` belongs to TCP flows, all of them".into());
    }
    if flow["tcp"].is_string() {
        one_of(&flow["tcp"], &TCP_STATES, "tcp")?;
    }
    one_of(&flow["app"], &APPS, "app")?;
    one_of(&flow["class"], &CLASSES, "class")?;
    one_of(&flow["verdict"], &VERDICTS, "verdict")?;
    one_of(&flow["evidence"]["kind"], &EVIDENCE, "evidence.kind")?;
    let quality = list(flow, "quality")?;
    if quality.is_empty() || quality.len() > 1 && quality.iter().any(|word| word == "complete") {
        return Err("`quality` is `complete` alone, or other words".into());
    }
    for word in quality {
        one_of(word, &QUALITIES, "quality")?;
    }
    let is_serious = flags(flow)?;
    match flow["verdict"].as_str() {
        Some("flagged") if !is_serious => Err("flagged, without a flag that is more than a notice".into()),
        Some("ok" | "unlisted") if is_serious => Err("not flagged, with a high or medium flag".into()),
        _ => Ok(()),
    }
}

fn name_is_well_formed(name: &Value) -> Result<(), String> {
    time(name, "time")?;
    if name["proto"] != "mdns" {
        address(&name["client"])?;
    }
    for key in ["query", "qtype", "rcode"] {
        name[key].as_str().ok_or(format!("no `{key}`"))?;
    }
    if name["query"]
        .as_str()
        .is_some_and(|query| query.ends_with('.') && query.len() > 1)
    {
        return Err("`query` ends in a dot".into());
    }
    one_of(&name["class"], &CLASSES, "class")?;
    flags(name).map(|_| ())
}

/// Checks the flags; whether one of them is more than a notice.
fn flags(record: &Value) -> Result<bool, String> {
    let mut is_serious = false;
    for flag in list(record, "flags")? {
        one_of(&flag["flag"], &FLAGS, "flag")?;
        one_of(&flag["severity"], &SEVERITIES, "severity")?;
        if flag["why"].as_str().is_none_or(str::is_empty) {
            return Err("a flag without a why".into());
        }
        if (flag["flag"] == "blocked") != flag["how"].is_string() {
            return Err("`how` belongs to `blocked`".into());
        }
        is_serious |= flag["severity"] != "notice";
    }
    Ok(is_serious)
}

/// Capture records stand last and their counts agree with the records before them.
fn sums(records: &[Value]) -> Vec<String> {
    let mut complaints = Vec::new();
    let is_capture = |record: &&Value| record["type"] == "capture";
    let tail = records.iter().rev().take_while(is_capture).count();
    let captures: Vec<&Value> = records.iter().filter(is_capture).collect();
    if tail != captures.len() {
        complaints.push("  a capture record stands before another record".to_string());
    }
    let total = |key: &str| captures.iter().filter_map(|capture| capture[key].as_u64()).sum::<u64>();
    let flows: Vec<&Value> = records.iter().filter(|record| record["type"] == "flow").collect();
    if total("flows") != flows.len() as u64 {
        complaints.push(format!(
            "  `flows` are {}, the flow records {}",
            total("flows"),
            flows.len()
        ));
    }
    let unfinished = flows.iter().filter(|flow| {
        let quality = flow["quality"].as_array();
        quality.is_some_and(|words| words.iter().any(|word| word == "fragment"))
    });
    let (unfinished, mut told) = (unfinished.count() as u64, 0);
    for capture in &captures {
        let fates = ["overlap", "invalid", "incomplete", "evicted"];
        let fates = fates.map(|key| capture["fragments"][key].as_u64().unwrap_or(0));
        told += fates.iter().sum::<u64>();
    }
    if unfinished != told {
        complaints.push(format!(
            "  {unfinished} flows are of datagrams that never became whole, the captures tell of {told}"
        ));
    }
    let packets: u64 = flows
        .iter()
        .flat_map(|flow| [&flow["packets"]["out"], &flow["packets"]["in"]])
        .filter_map(Value::as_u64)
        .sum();
    if packets > total("packets") {
        complaints.push(format!(
            "  flows hold {packets} packets, the capture {}",
            total("packets")
        ));
    }
    complaints
}

fn one_of(value: &Value, words: &[&str], what: &str) -> Result<(), String> {
    match value.as_str() {
        Some(word) if words.contains(&word) => Ok(()),
        _ => Err(format!("`{what}` is {value}")),
    }
}

fn list<'a>(record: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    record[key].as_array().ok_or(format!("`{key}` is no list"))
}

fn address(value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    match text.parse::<std::net::IpAddr>() {
        Ok(address) if address.to_string() == text => Ok(()),
        _ => Err(format!("{value} is no address in its shortest form")),
    }
}

/// `2026-11-21T09:12:01.123456Z`, or with nine digits.
fn time(record: &Value, key: &str) -> Result<(), String> {
    let text = record[key].as_str().unwrap_or_default();
    let pattern: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let fraction = pattern.strip_prefix("0000-00-00T00:00:00.");
    match fraction {
        Some("000000Z" | "000000000Z") => Ok(()),
        _ => Err(format!("`{key}` is no time: {text}")),
    }
}
