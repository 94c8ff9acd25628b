//! The commands about policies as a stranger tries them.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// How a run ended and what it wrote.
struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn records(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[track_caller]
    fn is_refusal(&self, says: &str) {
        assert_eq!(self.status, Some(2), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.contains(says), "{}", self.stderr);
        assert!(
            !self.stderr.trim_end().chars().any(char::is_control),
            "{:?}",
            self.stderr
        );
    }
}

fn policy<S: AsRef<std::ffi::OsStr>>(words: &str, more: &[S]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowsift"));
    command.arg("policy").args(words.split_whitespace()).args(more);
    let output = command.output().expect("the binary runs");
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn run(words: &str) -> Ran {
    policy::<&str>(words, &[])
}

fn vendor_page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/policies/vendor-page.toml")
}

/// A folder with these files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file can be written");
    }
    folder
}

const CAREFUL: &str = "[policy]\nname = \"careful\"\ndate = 2026-01-01\nreview_days = 90\n[[endpoint]]\nid = \"a\"\nclass = \"c\"\n\
                       hosts = [\"*.web.example\", \"web.example\"]\nports = [\"tcp/443\", \"udp/443\"]\ntls = [\"1.2\", \"1.3\"]\n";

#[test]
fn show_tells_the_rows_in_effect_and_where_they_are_from() {
    let shown = run("show");
    assert_eq!((shown.status, shown.stderr.as_str()), (Some(0), ""));
    let records = shown.records();
    assert_eq!(
        (&records[0]["type"], &records[0]["name"]),
        (&"policy".into(), &"salestim".into())
    );
    assert!(records.len() > 60);
    assert_eq!(run("show --policy salestim").stdout, shown.stdout);
    let table = run("show salestim --class storage --format table").stdout;
    assert!(
        table.contains("stappsaprd.blob.core.windows.net") && !table.contains("web-app"),
        "{table}"
    );
    run("show --class storge").is_refusal("did you mean `storage`?");
    run("show salestim --policy other").is_refusal("two policies");
    run("show nowhere.toml").is_refusal("nowhere.toml");
    run("show --format markdown").is_refusal("no such format");
    run("show --as-of yesterday").is_refusal("write a day as 2026-01-31");

    let extended = folder(&[
        ("base.toml", CAREFUL),
        (
            "lab.toml",
            "[policy]\nextends = [\"base.toml\"]\n[[endpoint]]\nid = \"b\"\nclass = \"c\"\nhosts = [\"b.example\"]\nuntil = 2026-06-01\n\
             [[endpoint]]\nid = \"a\"\nclass = \"c\"\nhosts = [\"other.example\"]\n",
        ),
    ]);
    let lab = extended.path().join("lab.toml");
    let shown = policy("show --as-of 2026-06-01", &[&lab]).records();
    let ids: Vec<_> = shown[1..].iter().map(|row| row["id"].as_str().unwrap_or("")).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(shown[1]["hosts"][0], "other.example");
    assert_eq!(shown[1]["from"]["line"], 8);
    assert!(shown[1]["replaces"]["policy"].as_str().unwrap().ends_with("base.toml"));
    assert_eq!(
        (&shown[1]["in_force"], &shown[2]["in_force"]),
        (&true.into(), &false.into())
    );
    assert_eq!(
        policy("show --as-of 2026-05-31", &[&lab]).records()[2]["in_force"],
        true
    );
}

/// Every mistake of the page that is known of it.
#[test]
fn lint_finds_every_mistake_of_the_vendors_page() {
    let ran = policy("lint --as-of 2026-11-21 --format json", &[vendor_page()]);
    assert_eq!(ran.status, Some(1));
    let found = ran.records();
    let tells = |code: &str, endpoint: &str, words: &str| {
        let hit = found.iter().any(|finding| {
            finding["code"] == code
                && finding["endpoint"].as_str().unwrap_or("") == endpoint
                && finding.to_string().contains(words)
                && finding["line"].as_u64() > Some(0)
        });
        assert!(hit, "no {code} of {endpoint} that says {words}: {}", ran.stdout);
    };
    tells("stale", "", "2023-01-31");
    // Not a name.
    tells("spelling", "", "*..visualstudio.com");
    // Far wider than the detailed list.
    tells("broad-host", "storage", "*.windows.net");
    tells("broad-host", "graph", "*.microsoft.com");
    tells("broad-host", "app-insights", "*.visualstudio.com");
    tells("shared-host", "app-insights", "*.msecnd.net");
    // Retired, with its successor.
    tells("retired-host", "app-insights", "js.monitor.azure.com");
    // Used and on no list.
    tells("companion", "help", "assets.nbold.io");
    tells("companion", "intercom", "intercom-messenger.com");
    // "Everything is 443 and TLS 1.2."
    tells("port-gap", "teams", "udp/443");
    tells("media-ports", "teams", "udp/3478");
    tells("new-tls", "web-app", "TLS 1.3");
    tells("quic", "web-app", "udp/443");
    // One flow, several rows.
    tells("overlap", "teams", "graph.microsoft.com");
    // Front Door is shared by everyone.
    tells("shared-tag", "web-app", "AzureFrontDoor.Frontend");
    // Addresses that are Teams' no more.
    tells("retired-range", "teams", "13.107.64.0/18");
    tells("retired-range", "teams", "52.120.0.0/14");
    // What a wildcard means.
    tells("wildcard-meaning", "", "any depth");
    tells("apex", "web-app", "salestim.io");
}

#[test]
fn lint_ends_as_it_says() {
    let files = folder(&[
        ("careful.toml", CAREFUL),
        ("bad.toml", &CAREFUL.replace("*.web.example", "*.Web.example")),
        ("broken.toml", "[policy\n"),
        ("deep.toml", &format!("a = {}", "[".repeat(100_000))),
        (
            "control.toml",
            "[policy]\nname = \"a\\u001b[31m\"\n[[endpoint]]\nid = \"a\"\nclass = \"c\"\nhosts = [\"a\\u001b[2J.example\", \"b.example\"]\n\"k\\u0007\" = 1\n",
        ),
    ]);
    let at = |name: &str| files.path().join(name);
    let lint = |form: &str, names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|name| at(name)).collect();
        policy(&format!("lint --as-of 2026-02-01 --format {form}"), &paths)
    };
    let careful = lint("json", &["careful.toml"]);
    assert_eq!(careful.status, Some(0), "{}", careful.stdout);
    assert!(careful.stderr.contains("1 notice"), "{}", careful.stderr);
    let bad = lint("json", &["careful.toml", "bad.toml"]);
    assert_eq!(bad.status, Some(1), "{}", bad.stdout);
    // Later it is stale.
    assert_eq!(policy("lint --as-of 2026-04-02", &[at("careful.toml")]).status, Some(1));
    assert_eq!(
        policy("lint -q --as-of 2026-04-01", &[at("careful.toml")]).status,
        Some(0)
    );
    for name in ["broken.toml", "deep.toml"] {
        lint("table", &[name]).is_refusal("not TOML");
    }
    lint("table", &["nowhere.toml"]).is_refusal("nowhere.toml");
    // The rest is told all the same.
    let rest = lint("table", &["broken.toml", "bad.toml"]);
    assert_eq!(rest.status, Some(2));
    assert!(rest.stdout.contains("spelling"));
    // Nothing of a stranger's file reaches the terminal as it is.
    for form in ["table", "json"] {
        let control = lint(form, &["control.toml"]);
        assert_eq!(control.status, Some(1), "{}", control.stderr);
        let text = control.stdout + &control.stderr;
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn test_tells_the_row_and_why_it_is_no_other() {
    let listed = run("test app.salestim.io --format json");
    assert_eq!(listed.status, Some(0), "{}", listed.stdout);
    let record = &listed.records()[0];
    assert_eq!(
        (&record["endpoint"], &record["matches"][0]["how"]),
        (&"web-app".into(), &"below".into())
    );
    for (words, status, says) in [
        ("test salestim.io", 1, "is the apex"),
        ("test evilsalestim.io", 1, "no label begins there"),
        ("test assets.nbold.io", 1, "one letter away from *.nbold.co"),
        ("test https://app.salestim.io/x", 0, "this one is allowed"),
        ("test app.salestim.io udp/443", 1, "this one is not"),
        ("test 52.112.0.1:3478 --proto udp", 0, "teams-media"),
        ("test [2603:1063::1]:443", 0, "2603:1063::/38"),
        ("test 13.107.246.10", 1, "proves nothing"),
        (
            "test az416426.vo.msecnd.net --as-of 2025-01-15",
            0,
            "the row is over, js.monitor.azure.com",
        ),
    ] {
        let ran = run(&format!("{words} --format table"));
        let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(ran.status, Some(status), "{words}: {flat} {}", ran.stderr);
        assert!(flat.contains(says), "{words}: {flat}");
    }
    let before = run("test az416426.vo.msecnd.net --as-of 2025-01-14 --format table").stdout;
    assert!(!before.contains("over"), "{before}");
    for odd in ["a\u{1b}[31m.example", "", "*.salestim.io", "a b", "x:99999", "udp/443"] {
        let ran = policy("test", &[odd]);
        assert_eq!(
            (ran.status, ran.stdout.as_str(), ran.stderr.lines().count()),
            (Some(2), "", 1),
            "{odd:?}: {}",
            ran.stderr
        );
        assert!(!ran.stderr.trim_end().chars().any(char::is_control));
    }
}

#[test]
fn diff_tells_what_it_means() {
    let files = folder(&[
        ("old.toml", CAREFUL),
        (
            "same.toml",
            &CAREFUL.replace(
                "\"*.web.example\", \"web.example\"",
                "\"web.example\", \"*.web.example\"",
            ),
        ),
        (
            "new.toml",
            &CAREFUL.replace("\"web.example\"", "\"x.web.example\", \"other.example\""),
        ),
    ]);
    let diff = |form: &str, old: &str, new: &str| {
        policy(
            &format!("diff --format {form}"),
            &[files.path().join(old), files.path().join(new)],
        )
    };
    assert_eq!(diff("table", "old.toml", "old.toml").status, Some(0));
    assert_eq!(diff("table", "old.toml", "same.toml").status, Some(0));
    let json = diff("json", "old.toml", "new.toml");
    assert_eq!(json.status, Some(1));
    let access: Vec<_> = json
        .records()
        .iter()
        .filter(|record| record["type"] == "policy-access-change")
        .map(|record| (record["change"].to_string(), record["host"].to_string()))
        .collect();
    let text = |a: &str, b: &str| (format!("\"{a}\""), format!("\"{b}\""));
    assert_eq!(
        access,
        [
            text("allowed", "other.example"),
            text("no-longer-allowed", "web.example")
        ]
    );
    assert!(
        diff("table", "old.toml", "new.toml")
            .stdout
            .contains("+ open  other.example  tcp/443, udp/443")
    );
    assert!(
        diff("markdown", "old.toml", "new.toml")
            .stdout
            .contains("| close | `web.example` | tcp/443, udp/443 |")
    );
    diff("table", "old.toml", "nowhere.toml").is_refusal("nowhere.toml");
}

/// A row more, one less, and one that judges otherwise.
const CHANGED: &str = r#"
[policy]
name = "changed"
extends = ["salestim"]

[[endpoint]]
id = "new-name"
class = "salestim"
hosts = ["*.nbold.io"]
ports = ["tcp/443"]

[[endpoint]]
id = "graph"
class = "graph"
hosts = ["graph.example"]
"#;

#[test]
fn diff_tells_what_it_means_for_a_capture() {
    let files = folder(&[("changed.toml", CHANGED)]);
    let office = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office.pcapng");
    let changed = files.path().join("changed.toml");
    let diff = |form: &str, old: &Path, new: &Path| {
        let words: [&std::ffi::OsStr; 4] = [old.as_ref(), new.as_ref(), "--capture".as_ref(), office.as_ref()];
        policy(&format!("diff --format {form}"), &words)
    };
    let salestim = Path::new("salestim");
    let same = diff("json", salestim, salestim);
    assert_eq!((same.status, same.records().len()), (Some(0), 1), "{}", same.stdout);
    assert_eq!(same.records()[0]["flows"]["changed"], 0);
    assert!(same.records()[0]["flows"]["all"].as_u64() > Some(50));

    let json = diff("json", salestim, &changed);
    assert_eq!((json.status, json.stderr.as_str()), (Some(1), ""));
    let records = json.records();
    let of = |kind: &str| {
        records
            .iter()
            .filter(|record| record["type"] == kind)
            .collect::<Vec<_>>()
    };
    let listed: Vec<_> = of("policy-host-change")
        .iter()
        .filter(|record| record["change"] == "now-listed")
        .map(|record| (record["host"].to_string(), record["endpoint"].to_string()))
        .collect();
    assert!(
        listed.contains(&("\"assets.nbold.io\"".into(), "\"new-name\"".into())),
        "{listed:?}"
    );
    let patterns = of("policy-outcome-change");
    let nbold = patterns.iter().find(|record| record["host"] == "*.nbold.io").unwrap();
    assert_eq!((&nbold["change"], &nbold["old"]), (&"added".into(), &Value::Null));
    assert_eq!(nbold["new"]["outcome"], "reached");
    let graph = patterns.iter().find(|record| record["host"] == "graph.microsoft.com");
    assert_eq!(graph.unwrap()["change"], "removed");
    let flows = of("policy-flow-change");
    let turned = flows
        .iter()
        .find(|record| record["old"]["class"] == "other" && record["new"]["class"] == "salestim");
    let turned = turned.unwrap();
    assert_eq!(turned["old"]["verdict"], "unlisted");
    assert!(turned["examples"][0]["id"].as_str().unwrap().starts_with("1:"));
    let sum = records.last().unwrap();
    assert_eq!(sum["captures"][0]["sha256"].as_str().unwrap().len(), 64);
    let counted: u64 = flows.iter().filter_map(|record| record["flows"].as_u64()).sum();
    assert_eq!(sum["flows"]["changed"], counted);

    // What came goes when it is read the other way.
    let back = diff("table", &changed, salestim);
    assert!(
        back.stdout
            .contains("- assets.nbold.io: is in no row any more, was in new-name"),
        "{}",
        back.stdout
    );
    let ticket = diff("markdown", salestim, &changed);
    assert!(
        ticket.stdout.contains("| assets.nbold.io | now listed | new-name |"),
        "{}",
        ticket.stdout
    );
}

#[test]
fn diff_refuses_captures_that_it_cannot_read_twice_or_would_write_over() {
    let files = folder(&[("a.pcap", "")]);
    let capture = files.path().join("a.pcap");
    let words = "diff salestim salestim --capture";
    policy(words, &["-"]).is_refusal("standard input: policy diff reads its files twice");
    policy(words, &["/dev/zero"]).is_refusal("/dev/zero: policy diff reads its files twice");
    policy(words, &["nowhere.pcap"]).is_refusal("nowhere.pcap");
    assert_eq!(policy(words, &[&capture]).status, Some(2));
    let office = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office.pcapng");
    fs::copy(office, &capture).unwrap();
    let more = [capture.as_os_str(), "-o".as_ref(), capture.as_os_str()];
    policy(words, &more).is_refusal("is an input");
}

#[test]
fn no_result_is_written_over_a_policy_that_it_comes_from() {
    let files = folder(&[
        ("base.toml", CAREFUL),
        ("top.toml", "[policy]\nextends = [\"base.toml\"]\n"),
    ]);
    let at = |name: &str| files.path().join(name);
    let (base, top) = (at("base.toml"), at("top.toml"));
    let office = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/office.pcapng");
    let spared = |words: &str, more: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowsift"));
        let output = command.args(words.split_whitespace()).args(more).arg("-o").arg(&base);
        let output = output.output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains("is an input"), "{words}: {said}");
        assert_eq!(fs::read_to_string(&base).unwrap(), CAREFUL, "{words}");
    };
    for words in [
        "policy show",
        "policy lint",
        "policy export csv",
        "policy diff salestim",
    ] {
        spared(words, &[&top]);
    }
    spared("policy test a.example --policy", &[&top]);
    spared("policy learn --class-from-policy", &[&top, &office]);
    spared("read --policy", &[&top, &office]);
    spared("check --policy", &[&top, &office]);
    spared("explain 1:Swt+4BXM6WvwF1xMqL6f08M/rhs= --policy", &[&top, &office]);
}

#[test]
fn lint_goes_on_after_mistakes_in_the_head() {
    let row = &CAREFUL[CAREFUL.find("[[endpoint]]").unwrap()..];
    let head = "[policy]\nreview_days = 99999999999\ncolour = 1\n[unlisted]\nports = [\"443\"]\ntls = true\n";
    let files = folder(&[("head.toml", &format!("{head}{row}"))]);
    let path = files.path().join("head.toml");
    policy("show", &[&path]).is_refusal("a whole number from 1 to 36500 is wanted here, not `99999999999`");
    let lint = policy("lint --quiet", &[&path]);
    assert_eq!(lint.status, Some(1), "{}", lint.stderr);
    let records = lint.records();
    let invalid = records.iter().filter(|record| record["code"] == "invalid");
    let lines: Vec<_> = invalid.filter_map(|record| record["line"].as_u64()).collect();
    assert_eq!(lines, [2, 3, 5, 6]);
}
