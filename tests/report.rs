//! `report` from outside: what the page says, that nothing in it can run but our own, and, where there is a Chromium, that our own does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn flowsift<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_flowsift"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

fn page(words: &[&str]) -> String {
    let mut all = vec!["report"];
    all.extend(words);
    let ran = flowsift(&all);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{words:?}");
    ran.stdout
}

/// Base64, and a policy's source, written a second time.
fn source_of(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(text.as_bytes());
    let bits: Vec<u8> = digest
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let digits = bits.chunks(6).map(|six| {
        let value = six
            .iter()
            .chain([0; 6].iter())
            .take(6)
            .fold(0usize, |sum, bit| sum * 2 + usize::from(*bit));
        DIGITS[value] as char
    });
    format!("&#39;sha256-{}=&#39;", digits.collect::<String>())
}

/// The elements whose content is no markup: what stands between.
const RAW: [&str; 2] = ["style", "script"];
/// Tags that this page may have.
const TAGS: &str = "html head meta title style body a header p span h1 ul li b nav main section h2 h3 h4 h5 svg g rect path text \
    div strong ol details summary table thead tbody tr th td dl dt dd code button label input select option dialog script";
const ATTRIBUTES: &str = "lang charset http-equiv content name class id href aria-label aria-labelledby aria-hidden aria-rowcount viewBox width \
    height x y rx d stroke-width text-anchor role tabindex scope data-find data-sort type hidden for autocomplete spellcheck placeholder value";

/// Reads the page as a strict reader would and gives the raw blocks. Panics at whatever our writer would not write.
fn check_structure(page: &str) -> BTreeMap<String, String> {
    let mut blocks = BTreeMap::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        assert!(!text.contains('>'), "a stray > in {text:.200}");
        let end = tag.find('>').expect("a tag ends");
        let (inner, after) = (&tag[1..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "unbalanced");
            continue;
        }
        let is_empty = inner.ends_with('/');
        let inner = inner.trim_end_matches('/');
        let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
        assert!(TAGS.split_whitespace().any(|tag| tag == name), "<{name}>");
        let attributes = check_attributes(attributes);
        if RAW.contains(&name) {
            let end = rest.find("</").expect("an end");
            let key = attributes.get("type").map_or(name, String::as_str);
            let is_first = blocks.insert(key.to_owned(), rest[..end].to_owned()).is_none();
            assert!(is_first, "a second block of {key}");
            rest = rest[end..].strip_prefix(&format!("</{name}>")).expect("its own end");
        } else if !is_empty {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?}");
    blocks
}

fn check_attributes(text: &str) -> BTreeMap<&str, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a value");
        let (value, after) = after.split_once('"').expect("its end");
        assert!(
            ATTRIBUTES.split_whitespace().any(|known| known == name),
            "{name}={value}"
        );
        assert!(name != "href" || value.starts_with('#'), "href={value}");
        found.insert(name, value.to_owned());
        rest = after.trim_start();
    }
    found
}

/// The page is ours alone: its blocks, and that its policy lets no other run.
fn check(page: &str) -> Value {
    let blocks = check_structure(page);
    let kinds: Vec<&str> = blocks.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["application/json", "script", "style"]);
    let policy = format!(
        "content=\"default-src &#39;none&#39;; style-src {}; script-src {}; base-uri &#39;none&#39;; form-action &#39;none&#39;\"",
        source_of(&blocks["style"]),
        source_of(&blocks["script"])
    );
    assert!(page.contains(&policy), "{policy}");
    assert!(
        !page.chars().any(|c| c.is_control() && c != '\n'),
        "a control character"
    );
    serde_json::from_str(&blocks["application/json"]).expect("JSON")
}

#[test]
fn the_page_says_what_check_says() {
    let office = sample("office.pcapng");
    let page = page(&[&office]);
    let data = check(&page);
    let text = flowsift(&["check", "-q", "--format", "table", &office]).stdout;
    let verdict = text.trim_end().rsplit('\n').next().unwrap();
    let (sum, counts) = verdict.split_once(". ").unwrap();
    assert!(page.contains(&format!(">{sum}.</h1>")), "{verdict}");
    // The terminal breaks the line of the counts.
    assert!(page.contains(counts.trim_end_matches('.')), "{counts}");
    let ran = flowsift(&["check", "--format", "json", &office]);
    let records: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let escaped = |text: &Value| text.as_str().unwrap().replace('\'', "&#39;").replace('"', "&quot;");
    for record in records
        .iter()
        .filter(|record| record["type"] == "endpoint" && record["outcome"] == "blocked")
    {
        assert!(page.contains(&escaped(&record["why"])), "{}", record["why"]);
    }
    for record in records.iter().filter(|record| record["type"] == "unlisted") {
        assert!(page.contains(&escaped(&record["why"])), "{}", record["why"]);
    }
    let capture = records.last().unwrap();
    for key in ["sha256", "first", "last"] {
        assert!(page.contains(capture[key].as_str().unwrap()), "{key}");
    }
    assert!(page.contains(capture["policy"]["sha256"].as_str().unwrap()));
    assert_eq!(data["rows"], capture["flows"]);
}

#[test]
fn every_flow_can_be_read_back_from_the_page() {
    let office = sample("office.pcapng");
    let data = check(&page(&[&office]));
    let ran = flowsift(&["read", "--format", "json", "-q", &office]);
    let mut flows: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    flows.retain(|record| record["type"] == "flow");
    let columns: BTreeMap<&str, &Value> = data["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column["name"].as_str().unwrap(), &column["values"]))
        .collect();
    let number = |column: &str, row: usize| columns[column][row].as_u64().unwrap();
    for row in 0..data["rows"].as_u64().unwrap() as usize {
        let id = format!("1:{}=", &data["id"].as_str().unwrap()[row * 27..row * 27 + 27]);
        let first = number("f0", row);
        let flow = flows
            .iter()
            .find(|flow| flow["id"] == id.as_str() && flow["frames"]["first"] == first);
        let flow = flow.unwrap_or_else(|| panic!("{id}"));
        assert_eq!(flow["client"]["ip"], data["addresses"][number("c", row) as usize]);
        assert_eq!(flow["bytes"]["in"], number("bi", row));
        let kind = &data["kinds"][number("k", row) as usize];
        assert_eq!((&kind["class"], &kind["verdict"]), (&flow["class"], &flow["verdict"]));
        let last = number("f6", row) + first - 1;
        assert_eq!(flow["frames"]["last"], last);
        let held = match number("f", row) {
            0 => 0,
            place => data["flags"][place as usize - 1]["h"].as_array().unwrap().len() / 4,
        };
        assert_eq!(flow["flags"].as_array().unwrap().len(), held);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_whatever_the_threads() {
    for name in ["office.pcapng", "check/unlisted.pcap", "formats/rotated"] {
        let file = sample(name);
        assert!(
            page(&[&file, "--threads", "1"]) == page(&[&file, "--threads", "3"]),
            "{name}"
        );
    }
}

#[test]
fn captures_of_every_sort_make_a_sound_page() {
    for name in [
        "formats/header-only.pcap",
        "formats/user0.pcap",
        "formats/rotated",
        "blocked/silent.pcap",
        "check/drops.pcapng",
        "dns/kinds.pcap",
        "media/teams.pcap",
        "tls/versions.pcap",
        "tcp/states6.pcap",
        "tcp/fragments.pcap",
        "proxy/connect.pcap",
        "blind/doh.pcap",
    ] {
        let ran = flowsift(&["report", "-q", &sample(name)]);
        assert_eq!(ran.status, Some(0), "{name}: {}", ran.stderr);
        check(&ran.stdout);
    }
}

#[test]
fn a_table_with_little_room_keeps_what_is_flagged_and_says_what_is_left_out() {
    let page = page(&[&sample("office.pcapng"), "--rows", "11"]);
    let data = check(&page);
    assert_eq!(data["rows"], 11);
    assert!(page.contains("11 of 86 flows are here"));
    let fates: Vec<&Value> = data["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| &kind["fate"])
        .collect();
    assert!(
        fates.iter().all(|fate| *fate == "flagged" || *fate == "blocked"),
        "{fates:?}"
    );
}

#[test]
fn what_cannot_be_used_is_said_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let office = sample("office.pcapng");
    fs::copy(&office, at("office.pcapng")).unwrap();
    fs::write(at("empty.pcap"), "").unwrap();
    let copy = at("office.pcapng");
    let over = flowsift(&["report", &copy, "-o", &copy]);
    assert_eq!(over.status, Some(2));
    assert!(over.stderr.contains("is an input"), "{}", over.stderr);
    // One bad input: the rest is there all the same.
    let one_bad = flowsift(&["report", &copy, &at("empty.pcap"), "-o", &at("page.html")]);
    assert_eq!(one_bad.status, Some(2));
    check(&fs::read_to_string(at("page.html")).unwrap());
    // None that is good: no page, and an earlier one stays.
    fs::write(at("earlier.html"), "earlier").unwrap();
    let none = flowsift(&["report", &at("empty.pcap"), "-o", &at("earlier.html")]);
    assert_eq!(
        (none.status, none.stderr.lines().count()),
        (Some(2), 1),
        "{}",
        none.stderr
    );
    assert_eq!(fs::read_to_string(at("earlier.html")).unwrap(), "earlier");
}

/// A capture, a policy and a title whose every name would be a script.
fn hostile(folder: &Path) -> String {
    let file = folder.join("\"><img src=x onerror=document.title='ran'>.pcap");
    fs::copy(sample("hostile/scripts.pcap"), &file).unwrap();
    let policy = folder.join("policy.toml");
    let text = r#"
[policy]
name = "<script>document.title='ran'</script>"
title = "</title><script>document.title='ran'</script>"
source = "javascript:document.title='ran'"
extends = ["salestim"]

[[endpoint]]
id = "web-app"
class = "salestim"
line = "green"
title = "</text></svg><script>document.title='ran'</script>"
hosts = ["*.salestim.io"]
ports = ["tcp/443"]
tls = ["1.2"]
"#;
    fs::write(&policy, text).unwrap();
    page(&[
        file.to_str().unwrap(),
        "--policy",
        policy.to_str().unwrap(),
        "--title",
        "</title><script>document.title='ran'</script>",
        "-q",
    ])
}

#[test]
fn hostile_names_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    let page = hostile(folder.path());
    let data = check(&page);
    for shown in [
        "&lt;script&gt;document[&#39;title&#39;]=&#39;ran&#39;&lt;/script&gt;.salestim.io",
        "&lt;/title&gt;&lt;script&gt;document.title=&#39;ran&#39;&lt;/script&gt;",
        "&lt;/text&gt;&lt;/svg&gt;&lt;script&gt;",
        "onerror=document.title=&#39;ran&#39;&gt;.pcap",
        "&amp;lt;script&amp;gt;.salestim.io",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    let texts = data["texts"].as_array().unwrap();
    assert!(
        texts
            .iter()
            .any(|text| text == "</script><script>document['title']='ran'</script>"),
        "{texts:?}"
    );
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// What Chromium makes of the page, and what it has to say to it.
fn browsed(page: &str, folder: &Path) -> Option<(String, String)> {
    let program = chromium()?;
    let file = folder.join("page.html");
    fs::write(&file, page).unwrap();
    let output = Command::new(program)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=8000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((text(&output.stdout), text(&output.stderr)))
}

#[test]
fn in_chromium_our_script_runs_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let pages = [hostile(folder.path()), page(&[&sample("office.pcapng")])];
    for (page, rows) in pages.iter().zip([3, 30]) {
        let Some((dom, said)) = browsed(page, folder.path()) else {
            println!("no Chromium is installed: whether a page's script runs was not tried");
            return;
        };
        assert!(dom.contains("data-ready=\"true\""), "our script did not run\n{said}");
        assert!(dom.matches("<tr class=\"flow\"").count() >= rows, "no rows");
        assert!(dom.contains("<title>flowsift: "), "another script ran");
        assert!(!dom.contains("<title>ran"), "another script ran");
        let complaints: Vec<&str> = said.lines().filter(|line| line.contains(":CONSOLE")).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}
