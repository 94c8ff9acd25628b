//! Exported lists in the products they are for: Squid, nftables, dnsmasq and a JavaScript engine, with real requests.
//!
//! Those that need root make a network namespace of their own (`unshare -n`) and touch nothing outside it. A product that is
//! not installed is said on stderr, and its test passes without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exports");

/// Why this cannot be tried here.
fn missing(tools: &[&str], needs_root: bool) -> Option<String> {
    for tool in tools {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
        if !found.is_ok_and(|found| found.status.success()) {
            return Some(format!("{tool} is not installed"));
        }
    }
    let own = Command::new("unshare").args(["-n", "true"]).output();
    let may = !needs_root || own.is_ok_and(|own| own.status.success());
    (!may).then(|| "a network namespace needs root".to_owned())
}

/// Exports the lab's policy into a file of this folder.
fn export(words: &[&str], to: &Path) {
    let run = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(["policy", "export"])
        .args(words)
        .arg(format!("{FOLDER}/lab.toml"))
        .arg("-o")
        .arg(to)
        .output()
        .expect("flowsift runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// What a script prints in a network namespace of its own.
fn alone(script: &str, folder: &Path) -> Vec<String> {
    let run = Command::new("unshare")
        .args(["-n", "bash", &format!("{FOLDER}/{script}")])
        .arg(folder)
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{script}: {said}");
    lines(&run.stdout)
}

fn lines(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).lines().map(str::to_owned).collect()
}

#[test]
fn squid_lets_the_listed_hosts_through_and_nothing_else() {
    if let Some(why) = missing(&["squid", "curl", "python3", "ip", "bash"], true) {
        eprintln!("skipped: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    export(&["squid"], &folder.path().join("list"));
    assert_eq!(
        alone("squid.sh", folder.path()),
        [
            "parsed: 0",
            "below passed",
            // What the list says of itself: `.x` lets the name x itself through too.
            "apex passed",
            "look-alike refused",
            "suffix refused",
            "exact passed",
            "hyphen passed",
            "below-exact refused",
            "other-port refused",
            "plain-on-443 refused",
            "plain-on-80 passed",
            "tunnel-to-80 refused",
            "by-address passed",
            "by-name-at-address passed",
            "bare-address refused",
            "unlisted refused",
        ]
    );
}

#[test]
fn nftables_and_dnsmasq_let_the_listed_addresses_and_names_through() {
    if let Some(why) = missing(&["nft", "dnsmasq", "ip", "bash", "timeout"], true) {
        eprintln!("skipped: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    export(&["nftables"], &folder.path().join("rules"));
    export(&["dnsmasq"], &folder.path().join("resolver"));
    let told = alone("nftables.sh", folder.path());
    let by_address = [
        "checked",
        "range passed",
        "range-on-80 passed",
        "range-other-port dropped",
        "range-v6 passed",
        "relay passed",
        "relay-other-port dropped",
        "stranger dropped",
        "name-before-it-is-asked-for dropped",
    ];
    assert_eq!(told[..by_address.len()], by_address);
    match told.get(by_address.len()..) {
        None | Some([]) => eprintln!("skipped: this dnsmasq is built without nftset"),
        Some(by_name) => assert_eq!(
            by_name,
            [
                "syntax check OK",
                "name-once-it-is-asked-for passed",
                "name-other-port dropped",
                "unlisted-name dropped",
            ]
        ),
    }
}

#[test]
fn a_pac_file_sends_the_listed_hosts_straight_out() {
    if let Some(why) = missing(&["node"], false) {
        eprintln!("skipped: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    export(&["pac", "--proxy", "proxy.example:8080"], &at("list.pac"));
    let questions = [
        ("https://app.lab.example/", "app.lab.example", true),
        ("https://a.b.lab.example:443/x?y=z", "a.b.lab.example", true),
        ("https://lab.example/", "lab.example", false),
        ("https://evillab.example/", "evillab.example", false),
        (
            "https://app.lab.example.evil.example/",
            "app.lab.example.evil.example",
            false,
        ),
        ("https://evil.example/?.lab.example", "evil.example", false),
        ("https://.lab.example/", ".lab.example", false),
        ("http://app.lab.example/", "app.lab.example", false),
        ("https://app.lab.example:8443/", "app.lab.example", false),
        ("wss://app.lab.example/", "app.lab.example", true),
        ("https://EXACT.example./", "EXACT.example.", true),
        ("http://exact.example/", "exact.example", true),
        ("https://user:443@exact.example:8443/", "exact.example", false),
        ("https://below.exact.example/", "below.exact.example", false),
        // Names that JavaScript objects have of their own: listed ones and others.
        ("https://__proto__/", "__proto__", true),
        ("https://toString/", "toString", true),
        ("https://constructor/", "constructor", false),
        ("https://hasownproperty/", "hasownproperty", false),
        ("https://gone.example/", "gone.example", false),
        ("https://x.inside.example/", "x.inside.example", false),
        ("https://[2001:db8:2::1]/", "2001:db8:2::1", false),
        ("nonsense", "", false),
    ];
    let pairs: Vec<(&str, &str)> = questions.iter().map(|(url, host, _)| (*url, *host)).collect();
    fs::write(at("urls"), serde_json::to_string(&pairs).unwrap()).unwrap();
    let run = Command::new("node")
        .args([Path::new(&format!("{FOLDER}/pac.js")), &at("list.pac"), &at("urls")])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let told = lines(&run.stdout);
    for ((url, host, straight), line) in questions.iter().zip(&told) {
        let way = if *straight {
            "DIRECT"
        } else {
            "PROXY proxy.example:8080"
        };
        assert_eq!(*line, format!("{url} {host} {way}"));
    }
    assert_eq!(
        told.last().unwrap(),
        "FindProxyForURL flowsiftAllows flowsiftBelow flowsiftExact flowsiftListed flowsiftOther flowsiftPort",
        "nothing else has run"
    );
}

#[test]
fn an_imported_list_is_a_policy_that_captures_are_read_by() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    fs::write(
        at("sets.json"),
        r#"[{"id": 4, "serviceArea": "Lab", "category": "Optimize", "required": true, "urls": ["*.salestim.io"], "tcpPorts": "443"}]"#,
    )
    .unwrap();
    let flowsift = |words: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_flowsift"))
            .args(words)
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        lines(&run.stdout)
    };
    let (sets, policy) = (at("sets.json"), at("sets.toml"));
    flowsift(&[
        "policy",
        "import",
        "m365",
        sets.to_str().unwrap(),
        "-o",
        policy.to_str().unwrap(),
    ]);
    let sample = sample();
    let told = flowsift(&[
        "read",
        sample.to_str().unwrap(),
        "--policy",
        policy.to_str().unwrap(),
        "--format",
        "json",
    ]);
    assert!(
        told.iter().any(|line| line.contains("\"endpoint\":\"m365-4\"")),
        "{told:#?}"
    );
}

/// A sample with flows of the app.
fn sample() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/classes/salestim.pcap"))
}
