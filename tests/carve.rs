//! `carve` from outside: what is carved is read again, by flowsift and by Wireshark's tools, and what is anonymised is searched.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn run(program: &str, words: &[&str]) -> Option<(i32, Vec<u8>, String)> {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some((output.status.code()?, output.stdout, said))
}

fn flowsift(words: &[&str]) -> (i32, Vec<u8>, String) {
    run(env!("CARGO_BIN_EXE_flowsift"), words).expect("the binary runs")
}

fn carved(file: &str, to: &Path, words: &[&str]) -> Vec<Value> {
    let to = to.to_str().expect("UTF-8");
    let mut all = vec!["carve", "-q", file, "-o", to];
    all.extend(words);
    let (status, _, said) = flowsift(&all);
    assert_eq!((status, said.as_str()), (0, ""), "{file} {words:?}");
    records(to)
}

fn records(file: &str) -> Vec<Value> {
    let (_, text, _) = flowsift(&["read", "-q", "--names", "--format", "json", file]);
    let text = String::from_utf8(text).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

/// All but those that are there to be refused.
fn samples() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.extension().and_then(|ending| ending.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("pcap" | "pcapng") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found.retain(|path| flowsift(&["read", "-q", path.to_str().expect("UTF-8"), "-o", "/dev/null"]).0 == 0);
    found
}

/// What must be the same of a flow that was carved: all that does not hang on flows that were not.
fn likeness(flow: &Value) -> String {
    [
        "id", "start", "end", "proto", "client", "server", "packets", "bytes", "tcp", "app", "tls", "tunnel", "vlan",
    ]
    .map(|key| match key {
        // Nine digits where an interface of the input is so fine, be it this flow's or not.
        "start" | "end" => flow[key].to_string().trim_end_matches(['"', 'Z', '0']).to_owned(),
        _ => flow[key].to_string(),
    })
    .join(" ")
}

#[test]
fn what_is_carved_reads_as_it_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.pcapng");
    let mut compared = 0;
    for path in samples() {
        let file = path.to_str().expect("UTF-8");
        let before = records(file);
        let flows = of_kind(&before, "flow");
        // All at once: every packet of every flow, and no other.
        let after = carved(file, &out, &["--from", "1970-01-01", "--no-dns"]);
        let like = |records: &[&Value]| records.iter().map(|flow| likeness(flow)).collect::<BTreeSet<_>>();
        assert_eq!(like(&of_kind(&after, "flow")), like(&flows), "{file}");
        // One at a time, with its lookups.
        for flow in flows.iter().step_by(flows.len().div_ceil(3).max(1)) {
            let id = format!(
                "{}@{}",
                flow["id"].as_str().expect("an id"),
                flow["start"].as_str().expect("a start")
            );
            let after = carved(file, &out, &["--id", &id]);
            let same = of_kind(&after, "flow")
                .into_iter()
                .find(|other| likeness(other) == likeness(flow));
            let same = same.unwrap_or_else(|| panic!("{file} {id}"));
            assert_eq!(same["name"], flow["name"], "{file} {id}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn wireshark_reads_it_with_comments_and_interfaces() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.pcapng");
    let out_name = out.to_str().expect("UTF-8");
    let office = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office.pcapng");
    let after = carved(office.to_str().expect("UTF-8"), &out, &["--name", "app.salestim.io"]);
    let packets = of_kind(&after, "capture")[0]["packets"].as_u64().expect("a count");
    let fields = [
        "-r",
        out_name,
        "-T",
        "fields",
        "-e",
        "frame.interface_name",
        "-e",
        "frame.comment",
    ];
    let Some((status, lines, _)) = run("tshark", &fields) else {
        eprintln!("no tshark here: not looked at with it");
        return;
    };
    let lines = String::from_utf8_lossy(&lines).into_owned();
    assert_eq!((status, lines.lines().count() as u64), (0, packets));
    assert!(lines.lines().all(|line| line.starts_with("lab0")), "{lines}");
    assert!(
        lines.contains("verdict flagged: class salestim") && lines.contains("told 198.19.0.10 that app.salestim.io")
    );

    carved(office.to_str().expect("UTF-8"), &out, &["--anonymise", "a key"]);
    let bad = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0";
    let checked = [
        "-r",
        out_name,
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
        "-Y",
        bad,
    ];
    let (status, lines, said) = run("tshark", &checked).expect("tshark runs");
    assert_eq!((status, String::from_utf8_lossy(&lines).as_ref()), (0, ""), "{said}");
}

/// Every string of a record that names something of the capture.
fn secrets(record: &Value, found: &mut BTreeSet<String>) {
    const OPEN: [&str; 13] = [
        "why", "class", "endpoint", "line", "matches", "verdict", "quality", "tcp", "app", "proto", "type", "flowsift",
        "alpn",
    ];
    match record {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(all) => all.iter().for_each(|one| secrets(one, found)),
        Value::Object(all) => {
            for (key, value) in all {
                if !OPEN.contains(&key.as_str()) {
                    secrets(value, found);
                }
            }
        }
        _ => {}
    }
}

/// The values in distinguished names: `CN=a.example.org, O=Let's Encrypt, C=US`.
fn values(record: &Value) -> Vec<String> {
    let certificate = &record["tls"]["cert"];
    let named = [&certificate["subject"], &certificate["issuer"]];
    let named = named.into_iter().filter_map(Value::as_str);
    named
        .flat_map(|name| name.split(", "))
        .filter_map(|part| Some(part.split_once('=')?.1.to_ascii_lowercase()))
        .filter(|value| value.len() > 4)
        .collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn is_kept(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(ip) => ip.is_loopback() || ip.is_multicast() || ip.is_broadcast() || ip.octets()[0] == 0,
        std::net::IpAddr::V6(ip) => ip.is_loopback() || ip.is_multicast() || ip.is_unspecified(),
    }
}

#[test]
fn no_name_and_no_address_is_left_in_what_is_anonymised() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, again) = (folder.path().join("out.pcapng"), folder.path().join("again.pcapng"));
    let (mut names, mut addresses, mut organisations) = (0, 0, 0);
    for path in samples() {
        let file = path.to_str().expect("UTF-8");
        let before = records(file);
        carved(file, &out, &["--anonymise", "a long key"]);
        let bytes = fs::read(&out).expect("the output");
        carved(file, &again, &["--anonymise", "a long key", "--threads", "1"]);
        assert!(
            fs::read(&again).expect("the output") == bytes,
            "{file}: the same key gives the same"
        );
        let lower = bytes.to_ascii_lowercase();
        // Comments tell classes and endpoints; some of those words are labels of names as well.
        let told: BTreeSet<&str> = before
            .iter()
            .flat_map(|record| [&record["class"], &record["endpoint"]])
            .filter_map(Value::as_str)
            .collect();
        for value in before.iter().flat_map(values).collect::<BTreeSet<_>>() {
            organisations += 1;
            assert!(!contains(&lower, value.as_bytes()), "{file}: {value}");
        }
        let mut found = BTreeSet::new();
        before
            .iter()
            .filter(|record| record["type"] != "capture")
            .for_each(|record| secrets(record, &mut found));
        for secret in found {
            if let Ok(ip) = secret.parse::<std::net::IpAddr>() {
                if is_kept(ip) {
                    continue;
                }
                addresses += 1;
                assert!(
                    !contains(&bytes, secret.as_bytes()) || secret.len() < 7,
                    "{file}: {ip} as text"
                );
                match ip {
                    std::net::IpAddr::V4(ip) => assert!(!contains(&bytes, &ip.octets()), "{file}: {ip}"),
                    std::net::IpAddr::V6(ip) => assert!(!contains(&bytes, &ip.octets()), "{file}: {ip}"),
                }
            } else if secret.contains('.') && secret.len() > 6 && !secret.starts_with("20") {
                names += 1;
                assert!(!contains(&lower, secret.as_bytes()), "{file}: {secret}");
                // In DNS a name has lengths in place of dots.
                for label in secret
                    .split('.')
                    .filter(|label| label.len() > 7 && !told.iter().any(|word| word.contains(*label)))
                {
                    let is_word = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                    assert!(
                        !is_word || !contains(&lower, label.as_bytes()),
                        "{file}: {label} of {secret}"
                    );
                }
            }
        }
    }
    assert!(names > 300 && addresses > 300, "{names} {addresses}");
    assert!(organisations > 30, "{organisations}");
}

#[test]
fn what_is_anonymised_has_the_same_flows() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.pcapng");
    for name in [
        "office.pcapng",
        "tls/ech.pcap",
        "proxy/connect.pcap",
        "tcp/states6.pcap",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
        let file = path.to_str().expect("UTF-8");
        let (before, after) = (records(file), carved(file, &out, &["--anonymise", "k"]));
        let like = |records: &[Value]| -> Vec<String> {
            let flows = of_kind(records, "flow");
            let keys = ["start", "proto", "packets", "bytes", "tcp"];
            let mut all: Vec<String> = flows
                .iter()
                .map(|flow| keys.map(|key| flow[key].to_string()).join(" "))
                .collect();
            all.sort();
            all
        };
        assert_eq!(like(&before), like(&after), "{name}");
        let versions = |records: &[Value]| {
            let mut all: Vec<String> = of_kind(records, "flow")
                .iter()
                .filter(|flow| flow["app"] == "tls" && flow["tls"]["version"].is_string())
                .map(|flow| format!("{} {}", flow["start"], flow["tls"]["version"]))
                .collect();
            all.sort();
            all
        };
        assert_eq!(versions(&before), versions(&after), "{name}");
    }
}

#[test]
fn certificates_are_of_other_names_and_still_cover_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.pcapng");
    let mut compared = 0;
    for name in ["office.pcapng", "tls/server-flight.pcap", "tls/versions.pcap"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
        let file = path.to_str().expect("UTF-8");
        let (before, after) = (records(file), carved(file, &out, &["--anonymise", "k"]));
        let is_intercepted = |flow: &Value| flow["flags"].to_string().contains("intercepted");
        let after = of_kind(&after, "flow");
        for flow in of_kind(&before, "flow") {
            // A hello of SSLv2 is cut, and with it what its answer is read by.
            let certificate = &flow["tls"]["cert"];
            if flow["app"] != "tls" || certificate.is_null() || flow["name"] == "sslv2.example.org" {
                continue;
            }
            let like = |other: &&&Value| {
                ["start", "proto", "packets", "bytes"]
                    .iter()
                    .all(|key| other[key] == flow[key])
            };
            let flow_after = after.iter().find(like).expect("the same flow");
            let others = &flow_after["tls"]["cert"];
            for key in ["not_before", "not_after"] {
                assert_eq!(certificate[key], others[key], "{name} {}", flow["id"]);
            }
            let names = |certificate: &Value| -> Vec<String> {
                let names = certificate["names"].as_array().expect("names");
                names
                    .iter()
                    .map(|name| name.as_str().expect("text").to_owned())
                    .collect()
            };
            for (name, other) in names(certificate).iter().zip(names(others)) {
                assert_eq!(
                    (name.len(), name.starts_with("*.")),
                    (other.len(), other.starts_with("*."))
                );
                assert_ne!(*name, other);
                // The same name in the hello became the same.
                assert_eq!(flow["name"] == **name, flow_after["name"] == *other, "{name}");
            }
            assert_ne!(certificate["issuer"], others["issuer"]);
            assert!(
                !is_intercepted(flow_after) || is_intercepted(flow),
                "{name}: {flow_after}"
            );
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn what_cannot_be_done_is_told_in_a_line() {
    let office = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office.pcapng");
    let office = office.to_str().expect("UTF-8");
    for words in [
        &["carve", office, "-o", "x.pcapng"][..],
        &["carve", "-", "--all"],
        &["carve", office, "--class", "none-such"],
        &["carve", office, "--all", "-o", office],
        &["carve", office, "--anonymise", ""],
        &["carve", office, "--anonymise", "@/no/such/key"],
        &["carve", office, "--from", "now"],
        &["carve", office, "--name", "*"],
        &["carve", office, "--all", "--class", "teams"],
    ] {
        let (status, out, said) = flowsift(words);
        assert_eq!(
            (status, out.len(), said.lines().count()),
            (2, 0, 1),
            "{words:?}: {said}"
        );
    }
    let (status, out, said) = flowsift(&["carve", office, "--name", "no.such.name"]);
    assert!(
        status == 0 && !out.is_empty() && said.contains("nothing matched"),
        "{said}"
    );
}
