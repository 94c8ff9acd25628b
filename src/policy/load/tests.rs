//! Policies read and refused; those with tags and with a date in a file of their own.

mod extended;

use super::*;
use crate::policy::model::{Line, Status, TlsRule};

fn nobody(wanted: &Wanted) -> Result<Found, String> {
    Err(format!("there is no file {}", wanted.name))
}

/// A file whose path is written in one way only.
fn found(wanted: &Wanted, text: impl Into<String>) -> Result<Found, String> {
    Ok(Found {
        origin: wanted.name.to_owned(),
        identity: wanted.name.to_owned(),
        text: text.into(),
    })
}

fn read(text: &str) -> Result<Loaded, PolicyError> {
    load(text, "lab.toml", &mut nobody)
}

#[track_caller]
fn fails(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("was read: {text}"),
        Err(error) => error.to_string(),
    }
}

const LAB: &str = r#"
[policy]
name = "lab"
title = "What the lab's firewall must let through"
date = 2026-01-31
review_days = 90
source = "where the list comes from"

[unlisted]
ports = ["tcp/443", "udp/53"]
tls = ["1.2", "1.3"]

[[endpoint]]
id = "web-app"
class = "salestim"
line = "green"
title = "Web app and API"
purpose = "main web application"
hosts = ["*.salestim.io"]
broad = []
addresses = ["198.18.1.0/24", "@AzureFrontDoor.Frontend"]
ports = ["tcp/443"]
tls = ["1.2"]
via = ["*.azurefd.net", "*.trafficmanager.net"]
issuers = ["DigiCert"]
status = "retired"
since = 2020-01-01
until = 2025-01-15
replaced_by = "js.monitor.azure.com"
required = true
"#;

#[test]
fn every_key_of_the_format_is_read() {
    let Loaded { policy, warnings, .. } = read(LAB).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(policy.name(), "lab");
    assert_eq!(policy.header().date.unwrap().to_string(), "2026-01-31");
    assert_eq!(policy.header().review_days, Some(90));
    assert_eq!(policy.unlisted().ports.len(), 2);
    let (_, row) = policy.rows().next().unwrap();
    assert_eq!((row.id.as_str(), row.class.as_str()), ("web-app", "salestim"));
    assert_eq!((row.line, row.status), (Line::Green, Status::Retired));
    assert_eq!(row.hosts[0].to_string(), "*.salestim.io");
    assert_eq!(row.addresses[0].to_string(), "198.18.1.0/24");
    assert_eq!(row.tags, ["AzureFrontDoor.Frontend"]);
    assert!(row.tagged.len() > 100);
    assert_eq!(row.expect, Expectation::https());
    assert_eq!(row.via.len(), 2);
    assert_eq!(row.issuers, ["DigiCert"]);
    assert_eq!(row.until.unwrap().to_string(), "2025-01-15");
    assert_eq!(row.replaced_by.as_deref(), Some("js.monitor.azure.com"));
    assert!(row.required);
}

#[test]
fn what_a_row_leaves_out_is_not_asked_for() {
    let text = "[[endpoint]]\nid = \"a\"\nclass = \"b\"\nhosts = [\"c.example\"]\n";
    let policy = read(text).unwrap().policy;
    let (_, row) = policy.rows().next().unwrap();
    assert!(row.expect.ports.is_empty() && row.via.is_empty() && row.issuers.is_empty());
    assert_eq!(row.expect.tls, TlsRule::AnyVersion);
    assert_eq!((row.line, row.status), (Line::None, Status::Active));
    assert_eq!(*policy.unlisted(), Expectation::https());
    assert_eq!(policy.name(), "lab.toml");
}

/// A policy with one endpoint and one line more.
fn with(line: &str) -> String {
    format!("[[endpoint]]\nid = \"a\"\nclass = \"b\"\nhosts = [\"c.example\"]\n{line}\n")
}

#[test]
fn mistakes_are_told_with_line_column_and_a_suggestion() {
    for (line, told) in [
        (
            "prots = []",
            "lab.toml:5:1: unknown key `prots` in [[endpoint]]; did you mean `ports`?",
        ),
        (
            "broad = [\"a.*.example\"]",
            "lab.toml:5:10: `a.*.example`: a wildcard stands for whole labels at the front, as in `*.example.com`; did you mean `*.example`?",
        ),
        (
            "addresses = [\"10.0.0.0/40\"]",
            "lab.toml:5:14: the length of `10.0.0.0/40` is none from 0 to 32; did you mean `10.0.0.0/32`?",
        ),
        (
            "addresses = [\"@AzureFrontDoor.Fronted\"]",
            "lab.toml:5:14: no tag `AzureFrontDoor.Fronted` is known; known are AzureFrontDoor.Frontend; did you mean `@AzureFrontDoor.Frontend`?",
        ),
        (
            "ports = [\"tcp/443\", \"443\"]",
            "lab.toml:5:21: `443` is not a port: the transport is missing; did you mean `tcp/443`?",
        ),
        (
            "ports = \"tcp/443\"",
            "lab.toml:5:9: a list in brackets is wanted here, not a text; did you mean [\"tcp/443\"]?",
        ),
        (
            "ports = [443]",
            "lab.toml:5:10: text in quotes is wanted here, not a number; did you mean \"443\"?",
        ),
        (
            "tls = [1.2]",
            "lab.toml:5:8: text in quotes is wanted here, not a number; did you mean \"1.2\"?",
        ),
        (
            "tls = true",
            "lab.toml:5:7: `tls` is a list of allowed versions, or false where plain is allowed; did you mean [\"1.2\"]?",
        ),
        (
            "since = \"2020-01-01\"",
            "lab.toml:5:9: a date without quotes and time, such as 2026-01-31 is wanted here, not a text; did you mean 2020-01-01?",
        ),
        (
            "since = 2020-01-01T00:00:00Z",
            "lab.toml:5:9: a date without quotes and time, such as 2026-01-31 is wanted here, not a date or time; did you mean 2020-01-01?",
        ),
        (
            "status = \"retried\"",
            "lab.toml:5:10: `retried` is none of active, retired, optional; did you mean `retired`?",
        ),
        (
            "line = \"gren\"",
            "lab.toml:5:8: `gren` is none of green, purple, orange, none; did you mean `green`?",
        ),
        (
            "required = \"yes\"",
            "lab.toml:5:12: true or false is wanted here, not a text",
        ),
        (
            "anywhere = [\"d.example\"]",
            "lab.toml:1:1: endpoint `a`: `anywhere` names `d.example`, which is not among its `hosts`",
        ),
        (
            "since = 2025-01-01\nuntil = 2024-01-01",
            "lab.toml:1:1: endpoint `a` ends (2024-01-01) before it begins (2025-01-01)",
        ),
        (
            "colour = 1",
            "lab.toml:5:1: unknown key `colour` in [[endpoint]]; it has id, class, line, title, purpose, area, category, notes, hosts, anywhere, broad, addresses, ports, tls, via, issuers, status, since, until, replaced_by, required",
        ),
    ] {
        assert_eq!(fails(&with(line)), told);
    }
}

#[test]
fn a_date_that_is_none_is_told_by_its_place() {
    for date in ["2025-02-30", "31.01.2025", "2025-13-01"] {
        let told = fails(&with(&format!("since = {date}")));
        assert!(told.starts_with("lab.toml:5:"), "{told}");
        assert!(told.ends_with("did you mean a day such as 2026-01-31?"), "{told}");
        assert_eq!(told.lines().count(), 1);
    }
}

#[test]
fn files_that_are_no_policy_are_told_so() {
    for (text, told) in [
        (
            "[polcy]\n",
            "lab.toml:1:2: unknown key `polcy` in a policy; did you mean `policy`?",
        ),
        (
            "[endpoint]\nid = \"a\"\n",
            "lab.toml:1:1: every endpoint is a table of its own; did you mean [[endpoint]]?",
        ),
        (
            "[[endpoint]]\nid = \"a\"\nclass = \"b\"\n",
            "lab.toml:1:1: endpoint `a` has neither hosts nor addresses, so that nothing can match it",
        ),
        (
            "[[endpoint]]\nclass = \"b\"\n",
            "lab.toml:1:1: this endpoint has no `id`",
        ),
        (
            "[[endpoint]]\nid = \"a b\"\n",
            "lab.toml:2:6: `a b` is not a word of 1 to 64 letters, digits, `-`, `_`, `.`; did you mean `a-b`?",
        ),
        (
            "[[endpoint]]\nid = \"a\"\nclass = \"other\"\n",
            "lab.toml:3:9: the class `other` is that of flows in no row",
        ),
        (
            "policy = 1\n",
            "lab.toml:1:10: a table [policy] is wanted here, not a number",
        ),
        (
            "[policy]\nreview_days = 0\n",
            "lab.toml:2:15: a whole number from 1 to 36500 is wanted here, not `0`",
        ),
    ] {
        assert_eq!(fails(text), told);
    }
    let twice = with("") + &with("");
    assert_eq!(fails(&twice), "lab.toml:6:1: a second endpoint has the id `a`");
    assert!(fails("a = \n").starts_with("lab.toml:1:"));
}

#[test]
fn lenient_reading_is_a_warning_at_its_place() {
    let text = with("broad = [\"*..visualstudio.com\", \"https://help.example/x\"]");
    let warnings = read(&text).unwrap().warnings;
    let told: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        told,
        [
            "lab.toml:5:10: `*..visualstudio.com` was understood as `*.visualstudio.com`",
            "lab.toml:5:33: `https://help.example/x` was understood as `help.example`",
        ]
    );
}

#[test]
fn a_policy_without_rows_is_worth_a_warning() {
    assert_eq!(read("").unwrap().warnings.len(), 1);
}

#[test]
fn extending_replaces_rows_of_the_same_id_in_their_place() {
    let text = r#"
        [policy]
        name = "mine"
        extends = ["salestim", "team.toml"]
        [[endpoint]]
        id = "web-app"
        class = "salestim"
        hosts = ["*.salestim.io"]
        [[endpoint]]
        id = "mine"
        class = "own"
        hosts = ["own.example"]
    "#;
    let mut asked = Vec::new();
    let mut resolve = |wanted: &Wanted| {
        asked.push(format!("{} by {}", wanted.name, wanted.by));
        found(wanted, with("").replace("\"a\"", "\"team\""))
    };
    let policy = load(text, "mine.toml", &mut resolve).unwrap().policy;
    assert_eq!(asked, ["team.toml by mine.toml"]);
    let ids: Vec<&str> = policy.rows().map(|(_, row)| row.id.as_str()).collect();
    assert_eq!(ids.first(), Some(&"web-app"));
    assert_eq!(ids.iter().filter(|id| **id == "web-app").count(), 1);
    assert_eq!(ids[ids.len() - 2..], ["team", "mine"]);
    let (_, web_app) = policy.rows().next().unwrap();
    assert!(web_app.via.is_empty(), "the built-in row's via is gone");
    assert_eq!(policy.name(), "mine");
    assert!(policy.header().date.is_some(), "the date is the built-in policy's");
}

#[test]
fn policies_that_extend_each_other_come_to_an_end() {
    let mut circle = |wanted: &Wanted| match wanted.name {
        "a" => found(wanted, "[policy]\nextends = [\"b\"]\n"),
        _ => found(wanted, "[policy]\nextends = [\"a\"]\n"),
    };
    let error = load("[policy]\nextends = [\"a\"]\n", "top", &mut circle).unwrap_err();
    assert_eq!(error.to_string(), "b:2:12: the policy `a` extends itself");
    let mut deeper = |wanted: &Wanted| found(wanted, format!("[policy]\nextends = [\"{}x\"]\n", wanted.name));
    let error = load("[policy]\nextends = [\"a\"]\n", "top", &mut deeper).unwrap_err();
    assert!(error.to_string().contains("deep"), "{error}");
    let mut next = 0;
    let mut wide = |wanted: &Wanted| {
        next += 1;
        found(wanted, "")
    };
    let many = format!("[policy]\nextends = [{}]\n", "\"x\",".repeat(100));
    let error = load(&many, "top", &mut wide).unwrap_err();
    assert!(error.to_string().contains("more than 64"), "{error}");
    assert_eq!(next, 64);
}

#[test]
fn a_policy_that_cannot_be_read_is_told_where_it_is_named() {
    let error = read("[policy]\nextends = [\"salestm\"]\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "lab.toml:2:12: the policy `salestm` cannot be read: there is no file salestm; did you mean `salestim`?"
    );
}

#[test]
fn the_digest_is_that_of_the_file() {
    let hex = |policy: &Policy| -> String { policy.sha256().iter().map(|byte| format!("{byte:02x}")).collect() };
    assert_eq!(
        hex(&read("").unwrap().policy),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let base = builtin::policy("salestim").unwrap();
    let own = "[policy]\nextends = [\"salestim\"]\n";
    let whole: [u8; 32] = Sha256::digest(format!("{base}{own}")).into();
    assert_eq!(read(own).unwrap().policy.sha256(), &whole);
}

#[test]
fn bounds_hold() {
    let big = " ".repeat(TEXT_AT_MOST + 1);
    assert!(fails(&big).contains("bytes"));
    let nested = format!("a = {}", "[".repeat(100_000));
    assert!(fails(&nested).starts_with("lab.toml:1:"));
    let row = |i: usize| with("addresses = [\"@AzureFrontDoor.Frontend\"]").replace("\"a\"", &format!("\"a{i}\""));
    let rows: String = (0..6000).map(row).collect();
    assert!(fails(&rows).contains("address ranges"));
    let base = " ".repeat(TEXT_AT_MOST);
    let mut three = |wanted: &Wanted| found(wanted, base.clone());
    let error = load("[policy]\nextends = [\"a\", \"b\", \"c\"]\n", "top", &mut three).unwrap_err();
    assert!(error.to_string().starts_with("b:1:1: with the policies"), "{error}");
}

mod any_text {
    use super::*;
    use proptest::prelude::*;

    /// Lines that look like a policy, now and then.
    fn toml_like() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            Just("[policy]".to_owned()),
            Just("[unlisted]".to_owned()),
            Just("[[endpoint]]".to_owned()),
            (
                "(id|class|hosts|broad|anywhere|addresses|ports|tls|via|issuers|status|since|until|extends|name)",
                "\\PC{0,20}"
            )
                .prop_map(|(key, value)| format!("{key} = {value}")),
            (
                "(hosts|broad|via|ports|addresses|tls|issuers|extends)",
                "[-a-z0-9.*:/@ ]{0,30}"
            )
                .prop_map(|(key, value)| format!("{key} = [\"{value}\"]")),
            ("(id|class|line|status|name)", "[a-z ]{0,8}").prop_map(|(key, value)| format!("{key} = \"{value}\"")),
            "(since|until|date) = [0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}",
            any::<String>(),
        ];
        proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn is_read_or_told_in_one_line(text in toml_like()) {
            if let Err(error) = read(&text) {
                let told = error.to_string();
                prop_assert_eq!(told.lines().count(), 1, "{}", told);
                prop_assert!(!told.chars().any(char::is_control), "{:?}", told);
                prop_assert!(error.line >= 1 && error.column >= 1);
            }
        }
    }
}

#[test]
fn examining_goes_on_after_mistakes_and_tells_all_of_them() {
    let text = concat!(
        "[[endpoint]]\nid = \"a\"\nclass = \"c\"\nhosts = [\"*\", \"*.Example.COM\", \"b c.example\"]\n",
        "colour = 1\nports = [\"443\"]\n",
        "[[endpoint]]\nid = \"a\"\nclass = \"c\"\nhosts = [\"x.example\"]\n",
        "[[endpoint]]\nid = \"empty\"\nclass = \"c\"\n",
        "[[endpoint]]\nid = \"tag\"\nclass = \"c\"\nhosts = [\"é.example\", \"y.example\"]\naddresses = [\"@nobody\", \"192.0.2.0/24\"]\n",
    );
    assert!(read(text).is_err());
    let examined = examine(text, "lab.toml", &mut nobody).unwrap();
    let faults: Vec<_> = examined.faults.iter().map(|f| (f.line, f.column, f.sort)).collect();
    assert_eq!(
        faults,
        [
            (4, 10, Sort::Invalid),
            (4, 32, Sort::Invalid),
            (5, 1, Sort::Invalid),
            (6, 10, Sort::Invalid),
            (7, 1, Sort::Invalid),
            (11, 1, Sort::EmptyRow),
            (17, 10, Sort::Invalid),
            (18, 14, Sort::UnknownTag),
        ]
    );
    assert!(examined.warnings[0].what.contains("is written `*.example.com`"));
    let rows: Vec<_> = examined.policy.rows().map(|(_, row)| row.id.as_str()).collect();
    assert_eq!(rows, ["a", "tag"]);
    let places = examined.places.row(1).unwrap();
    let spot = |place: Place| (place.line, place.column);
    assert_eq!(spot(places.at), (14, 1));
    assert_eq!(spot(places.item("hosts", 0)), (17, 23));
    assert_eq!(spot(places.item("addresses", 0)), (18, 25));
    assert_eq!(spot(places.key("class")), (16, 9));
    assert_eq!(spot(places.key("via")), (14, 1));
}

#[test]
fn a_row_knows_which_file_it_is_from_and_whom_it_replaced() {
    let mut base = |wanted: &Wanted| {
        found(
            wanted,
            "[[endpoint]]\nid = \"a\"\nclass = \"c\"\nhosts = [\"a.example\"]\n[[endpoint]]\nid = \"b\"\nclass = \"c\"\nhosts = [\"b.example\"]\n",
        )
    };
    let text =
        "[policy]\nextends = [\"base.toml\"]\n[[endpoint]]\nid = \"b\"\nclass = \"c\"\nhosts = [\"c.example\"]\n";
    let loaded = load(text, "lab.toml", &mut base).unwrap();
    let (a, b) = (loaded.places.row(0).unwrap(), loaded.places.row(1).unwrap());
    assert_eq!(loaded.places.origin(a.at), "base.toml");
    assert!(!loaded.places.is_own(a.at) && loaded.places.is_own(b.at));
    assert_eq!(loaded.places.origin(b.replaces.unwrap()), "base.toml");
    assert_eq!(loaded.places.header().line, 1);
}
