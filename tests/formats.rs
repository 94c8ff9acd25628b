//! Every format as its own readers take it: jq, DuckDB, pandas and pyarrow where they are installed, and always our own eyes.
//!
//! The captures hold names that try to end a field, a line or a string, and to become a formula.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// All that a run of flowsift left.
struct Ran {
    status: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

fn flowsift(words: &[&str], paths: &[&Path]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(words)
        .args(paths)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    Ran {
        status: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Reads these captures in a format, and has to succeed.
fn read(format: &str, words: &[&str], captures: &[PathBuf]) -> Ran {
    let words = [&["read", "--quiet", "--format", format], words].concat();
    let paths: Vec<&Path> = captures.iter().map(PathBuf::as_path).collect();
    let ran = flowsift(&words, &paths);
    assert_eq!(ran.status, Some(0), "{format}: {}", ran.stderr);
    ran
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// Names of every kind, hostile ones among them; QUIC, DTLS, proxies, lookups of every kind, what is blocked.
fn captures() -> Vec<PathBuf> {
    let names = [
        "tls/names.pcap",
        "tls/hostile-names.pcap",
        "dns/kinds.pcap",
        "dns/mdns.pcap",
        "flags/port.pcap",
        "flags/blocked-names.pcap",
        "blocked/reset.pcap",
        "formats/nanoseconds.pcap",
        "office.pcapng",
    ];
    names.map(sample).into()
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// How many of our own records there are of each type.
fn records(words: &[&str]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in lines(&read("json", words, &captures()).stdout) {
        *counts
            .entry(record["type"].as_str().expect("a type").to_owned())
            .or_default() += 1;
    }
    counts
}

fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// Runs a script of Python with these modules; None, and a line, if one of them is not installed.
fn python(modules: &str, script: &str, arguments: &[&Path]) -> Option<String> {
    let try_import = Command::new("python3")
        .args(["-c", &format!("import {modules}")])
        .stderr(Stdio::null())
        .status();
    if !try_import.is_ok_and(|status| status.success()) {
        println!("skipped: python3 with {modules} is not installed");
        return None;
    }
    let output = Command::new("python3")
        .args(["-c", script])
        .args(arguments)
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned())
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    for format in ["csv", "eve", "zeek", "ecs"] {
        let one = read(format, &["--names", "--threads", "1"], &captures()).stdout;
        let three = read(format, &["--names", "--threads", "3"], &captures()).stdout;
        assert!(one == three && !one.is_empty(), "{format}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for format in ["csv", "zeek", "parquet"] {
        let tables = ["1", "3"].map(|threads| {
            let out = folder.path().join(format!("{format}-{threads}"));
            read(
                format,
                &["--threads", threads, "-o", out.to_str().expect("UTF-8"), "--"],
                &captures_into(&out),
            );
            files(&out)
        });
        assert!(tables[0] == tables[1], "{format}");
        assert_eq!(tables[0].len(), 3, "{format}");
    }
}

/// The captures; the folder exists, so `-o` need not end in a slash.
fn captures_into(folder: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(folder).expect("a folder can be made");
    captures()
}

/// Every file below a folder, by its name from there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(below).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("a path below").to_owned();
            found.insert(name, fs::read(&path).expect("a file"));
        }
    }
    found
}

#[test]
fn what_is_asked_for_is_what_every_format_holds() {
    let asked = ["--class", "salestim", "--flag", "port"];
    let flows = records(&asked)["flow"];
    assert!(flows > 0);
    let csv = String::from_utf8(read("csv", &asked, &captures()).stdout).expect("UTF-8");
    assert_eq!(csv.lines().count(), flows + 1);
    let zeek = String::from_utf8(read("zeek", &asked, &captures()).stdout).expect("UTF-8");
    assert_eq!(zeek.lines().filter(|line| !line.starts_with('#')).count(), flows);
    let eve = lines(&read("eve", &asked, &captures()).stdout);
    assert_eq!(eve.iter().filter(|event| event["event_type"] == "flow").count(), flows);
    let ecs = lines(&read("ecs", &asked, &captures()).stdout);
    assert_eq!(
        ecs.iter()
            .filter(|it| it["event"]["dataset"] == "flowsift.flow")
            .count(),
        flows
    );
}

#[test]
fn events_are_as_many_as_records_and_alerts_as_flags() {
    let counts = records(&["--names"]);
    let own = lines(&read("json", &["--names"], &captures()).stdout);
    let flags: usize = own
        .iter()
        .filter_map(|record| record["flags"].as_array())
        .map(Vec::len)
        .sum();
    let eve = lines(&read("eve", &["--names"], &captures()).stdout);
    let of_type = |kind: &str| eve.iter().filter(|event| event["event_type"] == kind).count();
    assert_eq!(
        (of_type("flow"), of_type("dns"), of_type("stats")),
        (counts["flow"], counts["name"], counts["capture"])
    );
    assert_eq!(of_type("alert"), flags);
    assert!(of_type("tls") > 20 && flags > 20);
    // A flow's events are found by its number, and that is no other flow's.
    let numbers: BTreeMap<i64, &str> = eve
        .iter()
        .filter(|event| event["event_type"] == "flow")
        .map(|event| {
            (
                event["flow_id"].as_i64().expect("a number"),
                event["community_id"].as_str().expect("an id"),
            )
        })
        .collect();
    assert_eq!(numbers.len(), counts["flow"]);
    for event in eve.iter().filter(|event| event["event_type"] == "tls") {
        assert_eq!(
            numbers[&event["flow_id"].as_i64().expect("a number")],
            event["community_id"]
        );
    }
    let ecs = lines(&read("ecs", &["--names"], &captures()).stdout);
    assert_eq!(ecs.len(), own.len() + flags);
    // Without being asked for, lookups stay out.
    let quiet = lines(&read("eve", &[], &captures()).stdout);
    assert!(quiet.iter().all(|event| event["event_type"] != "dns"));
}

#[test]
fn no_format_holds_a_control_character_from_outside() {
    for format in ["csv", "eve", "zeek", "ecs"] {
        let text = String::from_utf8(read(format, &["--names"], &captures()).stdout).expect("UTF-8");
        let ends = match format {
            "csv" => "\r\n",
            "zeek" => "\t\n",
            _ => "\n",
        };
        let strange = text.chars().find(|c| c.is_control() && !ends.contains(*c));
        assert_eq!(strange, None, "{format}");
    }
}

#[test]
fn zeeks_logs_have_their_columns_and_share_their_uids() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("logs/");
    read("zeek", &["-o", &format!("{}/", out.display())], &captures());
    let log = |name: &str| {
        let text = fs::read_to_string(out.join(name)).expect("a log");
        let head = |word: &str| -> Vec<String> {
            let line = text.lines().find_map(|line| line.strip_prefix(word)).expect("a head");
            line.split('\t').map(str::to_owned).collect()
        };
        let (fields, types) = (head("#fields\t"), head("#types\t"));
        assert_eq!(fields.len(), types.len(), "{name}");
        let lines: Vec<Vec<String>> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect();
        assert!(
            !lines.is_empty() && lines.iter().all(|line| line.len() == fields.len()),
            "{name}"
        );
        (fields, lines)
    };
    // As Zeek's own begin.
    for (name, first) in [
        (
            "conn.log",
            "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state local_orig \
             local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents ip_proto",
        ),
        (
            "ssl.log",
            "ts uid id.orig_h id.orig_p id.resp_h id.resp_p version cipher curve server_name resumed last_alert next_protocol \
             established ssl_history cert_chain_fps client_cert_chain_fps sni_matches_cert",
        ),
        (
            "dns.log",
            "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto trans_id rtt query qclass qclass_name qtype qtype_name rcode \
             rcode_name AA TC RD RA Z answers TTLs rejected",
        ),
    ] {
        assert!(log(name).0.join(" ").starts_with(first), "{name}");
    }
    let ((_, conn), (_, ssl)) = (log("conn.log"), log("ssl.log"));
    for line in &ssl {
        assert!(conn.iter().any(|flow| flow[1..6] == line[1..6]), "{line:?}");
    }
}

#[test]
fn a_folder_never_holds_two_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("set");
    let path = out.to_str().expect("UTF-8");
    read("parquet", &["-o", path], &captures());
    let first = files(&out);
    // A reading takes the place of the one before it.
    fs::write(out.join("flows/part-00002.parquet"), "PAR1 older").expect("a file");
    read("parquet", &["-o", path], &captures());
    assert!(files(&out) == first);
    // Another's file would be read with ours.
    fs::write(out.join("flows/other.parquet"), "").expect("a file");
    let words = ["read", "--format", "parquet", "-o", path];
    let refused = flowsift(&words, &[&sample("office.pcapng")]);
    assert_eq!(refused.status, Some(2));
    assert!(
        refused.stderr.contains("other.parquet is not of flowsift's making"),
        "{}",
        refused.stderr
    );
    fs::remove_file(out.join("flows/other.parquet")).expect("a file");
    // What goes on replaces nothing.
    let words = [
        "read",
        "--follow",
        "--duration",
        "1s",
        "--format",
        "parquet",
        "-o",
        path,
    ];
    let refused = flowsift(&words, &[&sample("office.pcapng")]);
    assert_eq!(refused.status, Some(2));
    assert!(refused.stderr.contains("from an earlier run"), "{}", refused.stderr);
    // A run that fails leaves what was there, and nothing half.
    let refused = flowsift(&["read", "--format", "parquet", "-o", path], &[&sample("no-such.pcap")]);
    assert_eq!(refused.status, Some(2));
    assert!(files(&out) == first);
}

#[test]
fn what_goes_on_writes_the_same_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    for format in ["csv", "parquet"] {
        let [read_once, followed] = ["read", "followed"].map(|word| folder.path().join(format!("{format}-{word}/")));
        let capture = sample("office.pcapng");
        read(
            format,
            &["-o", &format!("{}/", read_once.display())],
            std::slice::from_ref(&capture),
        );
        let out = format!("{}/", followed.display());
        let words = ["--follow", "--duration", "2s", "-o", &out];
        read(format, &words, std::slice::from_ref(&capture));
        let names = |folder: &Path| files(folder).into_keys().collect::<Vec<_>>();
        assert_eq!(names(&read_once), names(&followed));
    }
}

#[test]
fn outputs_that_cannot_be_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("a.pcapng");
    fs::copy(sample("office.pcapng"), &capture).expect("a copy");
    let place = folder.path().to_str().expect("UTF-8");
    for (words, input, says) in [
        (vec!["read", "--format", "parquet"], &capture, "give -o a folder"),
        (
            vec!["read", "--format", "parquet", "-o", capture.to_str().expect("UTF-8")],
            &capture,
            "is no folder",
        ),
        (
            vec!["read", "--format", "csv", "-o", place],
            &folder.path().to_owned(),
            "is what is read",
        ),
        (
            vec!["read", "--format", "eve", "-o", place],
            &capture,
            "is a folder: give -o a file in it",
        ),
        (vec!["check", "--format", "zeek"], &capture, "flowsift read"),
        (vec!["read", "--format", "evee"], &capture, "did you mean `eve`"),
    ] {
        let ran = flowsift(&words, &[input]);
        assert_eq!(
            (ran.status, ran.stdout.len()),
            (Some(2), 0),
            "{words:?}: {}",
            ran.stderr
        );
        assert!(ran.stderr.contains(says), "{words:?}: {}", ran.stderr);
    }
    assert_eq!(files(folder.path()).len(), 1, "nothing was written");
    let ran = flowsift(&["read", "--format", "csv", "--names"], &[&capture]);
    assert_eq!(ran.status, Some(0));
    assert!(ran.stderr.contains("give -o a folder"), "{}", ran.stderr);
}

#[test]
fn jq_reads_events_and_documents() {
    if !has("jq") {
        println!("skipped: jq is not installed");
        return;
    }
    let counts = records(&[]);
    for (format, filter) in [
        ("eve", "select(.event_type==\"flow\") | .metadata.flowvars[0].class"),
        ("ecs", "select(.event.dataset==\"flowsift.flow\") | .flowsift.class"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("out.json");
        read(format, &["-o", file.to_str().expect("UTF-8")], &captures());
        let output = Command::new("jq")
            .args(["-r", filter])
            .arg(&file)
            .output()
            .expect("jq runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let classes = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(classes.lines().count(), counts["flow"], "{format}");
        assert!(classes.lines().any(|class| class == "salestim"));
    }
}

/// Python's words for what a table says: rows, bytes, and the names seen.
const TOTALS: &str = "print(len(f), int(f['bytes_in'].sum()), len(set(f['name'].dropna())))";

fn totals() -> String {
    let own = lines(&read("json", &[], &captures()).stdout);
    let flows: Vec<&Value> = own.iter().filter(|record| record["type"] == "flow").collect();
    let bytes: u64 = flows.iter().filter_map(|flow| flow["bytes"]["in"].as_u64()).sum();
    let names: std::collections::BTreeSet<&str> = flows.iter().filter_map(|flow| flow["name"].as_str()).collect();
    format!("{} {bytes} {}", flows.len(), names.len())
}

#[test]
fn pandas_reads_csv_and_zeeks_logs() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = |format: &str| {
        let out = folder.path().join(format);
        read(format, &["-o", &format!("{}/", out.display())], &captures());
        out
    };
    let csv = out("csv").join("flows.csv");
    let script = format!(
        "import pandas, sys\nf = pandas.read_csv(sys.argv[1], keep_default_na=False, na_values=[''])\n{TOTALS}"
    );
    if let Some(said) = python("pandas", &script, &[&csv]) {
        assert_eq!(said, totals());
    }
    let conn = out("zeek").join("conn.log");
    let script = "import pandas, sys\n\
        head = [l.rstrip('\\n').split('\\t')[1:] for l in open(sys.argv[1]) if l.startswith('#fields')][0]\n\
        f = pandas.read_csv(sys.argv[1], sep='\\t', comment='#', names=head, na_values=['-'], keep_default_na=False, quoting=3)\n\
        f['bytes_in'] = f['resp_ip_bytes']\n";
    if let Some(said) = python("pandas", &format!("{script}{TOTALS}"), &[&conn]) {
        assert_eq!(said, totals());
    }
}

#[test]
fn duckdb_and_pyarrow_read_parquet_with_its_types() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("set");
    read("parquet", &["-o", out.to_str().expect("UTF-8")], &captures());
    let flows = out.join("flows");
    let script = "import duckdb, sys\n\
        t = \"'\" + sys.argv[1] + \"/*.parquet'\"\n\
        print(*duckdb.sql(f'select count(*), sum(bytes_in), count(distinct name) from {t}').fetchall()[0])\n\
        print(*[typed for name, typed, *_ in duckdb.sql(f'describe select start, start_ns, client_port, flags, ech, age_s, name from {t}').fetchall()])";
    if let Some(said) = python("duckdb", script, &[&flows]) {
        let types = "TIMESTAMP WITH TIME ZONE BIGINT BIGINT VARCHAR[] BOOLEAN DOUBLE VARCHAR";
        assert_eq!(said, format!("{}\n{types}", totals()));
    }
    let script = "import pyarrow.parquet, sys\nf = pyarrow.parquet.read_table(sys.argv[1])\n\
        print(f.num_rows, f.schema.field('start').type, f.schema.field('via').type)";
    if let Some(said) = python("pyarrow.parquet", script, &[&flows]) {
        let rows = totals().split(' ').next().expect("a number").to_owned();
        assert_eq!(
            said,
            format!("{rows} timestamp[us, tz=UTC] list<element: string not null>")
        );
    }
    let script = format!("import pandas, sys\nf = pandas.read_parquet(sys.argv[1])\n{TOTALS}");
    if let Some(said) = python("pandas, pyarrow", &script, &[&flows]) {
        assert_eq!(said, totals());
    }
}

/// Suricata publishes its schema as `etc/schema.json`.
#[test]
fn events_hold_against_suricatas_own_schema() {
    let Some(schema) = std::env::var_os("FLOWSIFT_EVE_SCHEMA").map(PathBuf::from) else {
        println!("skipped: FLOWSIFT_EVE_SCHEMA names no schema.json of Suricata");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("eve.json");
    read("eve", &["--names", "-o", file.to_str().expect("UTF-8")], &captures());
    let script = "import json, jsonschema, sys\n\
        v = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))\n\
        bad = [e.message for line in open(sys.argv[2]) for e in v.iter_errors(json.loads(line))]\n\
        print(len(bad), bad[:3])";
    if let Some(said) = python("jsonschema", script, &[&schema, &file]) {
        assert_eq!(said, "0 []");
    }
}
