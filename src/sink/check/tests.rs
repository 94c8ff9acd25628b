//! Every output of one judgement, with hostile names in it.

use std::net::IpAddr;

use super::super::style::Style;
use super::super::{Labels, PolicyNames};
use super::*;
use crate::evidence::model::{App, EvidenceKind};
use crate::names::domain::Domain;
use crate::policy::compile::Matches;
use crate::policy::coverage::{Attempt, Coverage, Input, Place};
use crate::policy::load::load;
use crate::policy::verdict::{Blockage, Flag, FlagKind, Reach, Reason, Severity, Standing, Verdict};

const NOW: u64 = 1_795_219_200_000_000_000;
const LAB: &str = r#"
[policy]
name = "lab"

[[endpoint]]
id = "web"
class = "app"
hosts = ["*.salestim.io", "www.nbold.co"]
ports = ["tcp/443"]

[[endpoint]]
id = "quiet"
class = "other-class"
hosts = ["*.quiet.example"]
ports = ["tcp/443"]
"#;

struct Case {
    policy: Policy,
    labels: Labels,
    captures: Vec<CaptureRow>,
    report: Report,
}

/// One name reached, one blocked, a hostile one unlisted.
fn case(files: &[&str]) -> Case {
    let policy = load(LAB, "test", &mut |_| Err("no".into())).unwrap().policy;
    let mut coverage = Coverage::new(&policy);
    let blocked = [Flag {
        kind: FlagKind::Blocked,
        severity: Severity::High,
        why: Reason::Told("Silence.".into()),
        how: Some(Blockage::Silent),
    }];
    attempt(&mut coverage, &policy, b"app.salestim.io", Reach::Reached, &[], 12);
    attempt(&mut coverage, &policy, b"www.nbold.co", Reach::Blocked, &blocked, 30);
    attempt(
        &mut coverage,
        &policy,
        b"\x1b]0;<b>*`|\xff.evil.example",
        Reach::Reached,
        &[],
        50,
    );
    for ordinal in 0..files.len() as u32 {
        coverage.input(Input {
            ordinal,
            first_ns: Some(NOW),
            last_ns: Some(NOW + 60_000_000_000),
            dropped: 0,
        });
    }
    let capture = |file: &&str| CaptureRow {
        file: file.to_string(),
        sha256: Some("ab12".into()),
        packets: 77,
        ..CaptureRow::default()
    };
    // Whoever wrote the policy is up to no good, and got past its reader.
    let mut names = PolicyNames::of(&policy);
    names.name = "l<ab> & \"co\" \u{1b}[31m [x](http://evil.example)".into();
    for row in &mut names.rows {
        row.id = format!("{}|</testcase>", row.id);
        row.class = format!("{}'", row.class);
    }
    Case {
        labels: Labels {
            policy: names,
            files: match files {
                [_] => Vec::new(),
                several => several.iter().map(ToString::to_string).collect(),
            },
        },
        captures: files.iter().map(capture).collect(),
        report: coverage.report(|_| true),
        policy,
    }
}

fn attempt(coverage: &mut Coverage<'_>, policy: &Policy, name: &[u8], reach: Reach, flags: &[Flag], frame: u64) {
    let name = Domain::from_text(name);
    let server: IpAddr = "198.18.1.11".parse().unwrap();
    let mut matches = Matches::new();
    policy.matches(Some(&name), None, &mut matches);
    let verdict = Verdict {
        matches: matches.iter().map(|found| found.row).collect(),
        flags: flags.iter().cloned().collect(),
        standing: Standing::Ok,
        reach,
    };
    coverage.attempt(&Attempt {
        client: "198.19.0.10".parse().unwrap(),
        server,
        protocol: 6,
        target: Some((6, 443)),
        through_proxy: false,
        app: App::Tls,
        name: Some(&name),
        kind: EvidenceKind::Sni,
        own_answer: true,
        candidates: &[],
        packets_out: 4,
        packets_in: 0,
        start_ns: NOW,
        end_ns: NOW,
        place: Place {
            ordinal: 0,
            first: frame,
            last: frame + 10,
            frames: [frame + 1, frame + 2],
        },
        verdict: &verdict,
    });
}

impl Case {
    fn judged<'a>(&'a self, demands: &'a Demands) -> Judged<'a> {
        Judged {
            report: &self.report,
            policy: &self.policy,
            labels: &self.labels,
            captures: &self.captures,
            demands,
            crossings: None,
        }
    }
}

#[test]
fn a_table_of_eighty_columns_says_what_to_do() {
    let case = case(&["lab.pcap"]);
    let style = Style {
        width: 80,
        colour: false,
    };
    let text = table::render(&case.judged(&Demands::default()), &style);
    let expected = r"
OUTCOME         HOST             SEEN
reached         *.salestim.io    1
blocked silent  www.nbold.co     1
not-tried       *.quiet.example

What to do
www.nbold.co  blocked silent
  Open tcp/443 from 198.19.0.10 to www.nbold.co (198.18.1.11); the SYN was sent
  4 times and never answered: frames 30-40.

Used but unlisted
\027]0;<b>*`|\255.evil.example
  1 flow from 198.19.0.10 to \027]0;<b>*`|\255.evil.example (198.18.1.11); no
  row of the policy covers it (first in frames 50-60).

Seen: 2026-11-21T00:00:00Z to 2026-11-21T00:01:00Z, 1 client seen.
The list does not work as asked. 3 host patterns: 1 blocked, 1 reached, 1 not
tried.
";
    assert_eq!(text, expected.trim_start());
    let coloured = table::render(&case.judged(&Demands::default()), &Style { colour: true, ..style });
    assert!(coloured.contains("\x1b[31mblocked silent\x1b[0m"), "{coloured}");
}

#[test]
fn no_screen_is_too_narrow() {
    let case = case(&["lab.pcap"]);
    for width in [1, 10, 20, 40, 100, 200] {
        let style = Style { width, colour: false };
        let text = table::render(&case.judged(&Demands::default()), &style);
        assert!(text.lines().all(|line| line.chars().count() <= width.max(60)), "{text}");
        assert!(!text.contains('\x1b'));
    }
}

#[test]
fn json_has_a_record_a_pattern_then_what_is_unlisted_then_the_captures() {
    let case = case(&["lab.pcap"]);
    let text = String::from_utf8(json::render(&case.judged(&Demands::default()))).unwrap();
    let values: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = values.iter().map(|value| value["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["endpoint", "endpoint", "endpoint", "unlisted", "capture"]);
    assert_eq!(
        text.lines().nth(1).unwrap(),
        concat!(
            r#"{"type":"endpoint","endpoint":"web|</testcase>","class":"app'","host":"www.nbold.co","required":true,"outcome":"blocked","how":"silent","counts":{"blocked":1},"#,
            r#""clients":["198.19.0.10"],"names":["www.nbold.co"],"addresses":["198.18.1.11"],"frames":[31,32],"#,
            r#""why":"Open tcp/443 from 198.19.0.10 to www.nbold.co (198.18.1.11); the SYN was sent 4 times and never answered: frames 30-40."}"#
        )
    );
    assert!(values[0]["how"].is_null() && values[2]["counts"].as_object().unwrap().is_empty());
    assert!(
        values[2]["why"]
            .as_str()
            .unwrap()
            .contains("2026-11-21T00:00:00Z to 2026-11-21T00:01:00Z, 1 client seen")
    );
    assert_eq!(values[3]["frames"][0], 50);
}

#[test]
fn of_several_inputs_frames_say_which() {
    let case = case(&["a.pcap", "b.pcap"]);
    let text = String::from_utf8(json::render(&case.judged(&Demands::default()))).unwrap();
    assert!(text.contains(r#""file":"a.pcap","frames":[31,32]"#), "{text}");
    assert!(text.contains("frames 30-40 of a.pcap"));
}

/// Elements in order, checked to be closed; attribute values and texts must hold no markup and no controls.
fn elements(xml: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    let body = xml.split_once("?>\n").unwrap().1;
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        assert!(!text.contains('>') && !tag.contains('<'), "{piece}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let name = tag.split_whitespace().next().unwrap().trim_end_matches('/').to_owned();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if !tag.ends_with('/') {
            open.push(name.clone());
        }
        all.push(name);
    }
    assert!(open.is_empty());
    all
}

#[test]
fn junit_is_xml_whatever_the_names_and_fails_what_was_asked_for() {
    let case = case(&["lab\u{1}.pcap"]);
    let count = |demands: Demands, element: &str| {
        let xml = junit::render(&case.judged(&demands));
        assert!(!xml.chars().any(|c| c.is_control() && c != '\n'), "{xml}");
        elements(&xml).iter().filter(|name| *name == element).count()
    };
    let none = Demands::default;
    assert_eq!(count(none(), "testcase"), 3);
    assert_eq!((count(none(), "failure"), count(none(), "skipped")), (1, 1));
    let strict = || Demands { strict: true, ..none() };
    assert_eq!((count(strict(), "failure"), count(strict(), "skipped")), (2, 0));
    let require = || Demands {
        classes: vec!["other-class".into()],
        ..none()
    };
    assert_eq!(count(require(), "failure"), 2);
    let xml = junit::render(&case.judged(&strict()));
    assert!(
        xml.contains("tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\""),
        "{xml}"
    );
}

#[test]
fn sarif_has_what_the_schema_requires() {
    let case = case(&["dir with blank/lab:1.pcap"]);
    let bytes = sarif::render(&case.judged(&Demands::default()));
    let log: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 9);
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        let rule = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        // Section 3.27.9: a level is for failures alone.
        assert_eq!(result["kind"] == "fail", result["level"] != "none");
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place, "dir%20with%20blank/lab%3A1.pcap");
    }
    let levels: Vec<&str> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["none", "error", "none", "note"]);
    assert_eq!(results[1]["properties"]["frames"], serde_json::json!([31, 32]));
}

#[test]
fn markdown_lets_no_name_be_markup() {
    let case = case(&["lab.pcap"]);
    let text = markdown::render(&case.judged(&Demands::default()));
    assert!(
        text.starts_with("# Allow-list l&lt;ab&gt; &amp; \"co\" \\\\u\\{1b\\}\\[31m"),
        "{text}"
    );
    assert!(
        !text.contains("<b>") && !text.contains("http://") && !text.contains("[x]"),
        "{text}"
    );
    assert!(!text.contains("www.nbold.co") && text.contains("www\\.nbold.co"));
    assert!(text.contains("| blocked silent | web\\|&lt;/testcase&gt; |"), "{text}");
    assert!(text.contains("SHA-256 ab12"));
    assert!(text.contains("\n## Not tried\n\n\\*.quiet.example\n"));
}
