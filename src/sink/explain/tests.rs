use super::*;
use crate::engine::rows::{FrameMarks, TcpState};
use crate::evidence::model::{EvidenceKind, Quality};
use crate::names::domain::Domain;
use crate::policy::load::load;
use crate::policy::verdict::RowId;
use crate::policy::verdict::{FlagKind, Reach, Severity, Standing};
use crate::sink::style::Style;
use crate::sink::{PolicyNames, fixtures};

const POLICY: &str = r#"
    [policy]
    name = "lab"
    date = 2026-11-01
    [[endpoint]]
    id = "web-app"
    class = "salestim"
    title = "Web \u001b app"
    hosts = ["*.salestim.io", "app.salestim.io"]
    [[endpoint]]
    id = "wide"
    class = "salestim"
    hosts = ["*.io"]
    [[endpoint]]
    id = "ranges"
    class = "teams"
    addresses = ["198.18.0.0/15", "198.18.1.0/24"]
"#;

fn policy() -> Policy {
    load(POLICY, "lab.toml", &mut |_| Err(String::new())).unwrap().policy
}

/// Tells the story of a flow, with one lookup, in two inputs or one.
fn told(flow: &FlowRow, lookups: &[NameRow], files: &[&str]) -> Story {
    let policy = policy();
    let labels = Labels {
        policy: PolicyNames::of(&policy),
        files: files.iter().map(|file| file.to_string()).collect(),
    };
    let mut captures = vec![fixtures::capture()];
    captures.extend(files.iter().skip(1).map(|_| fixtures::capture()));
    Story::of(&Evidence {
        flow,
        lookups,
        more_lookups: 0,
        captures: &captures,
        labels: &labels,
        policy: &policy,
        place: (1, 1),
    })
}

fn says<'a>(story: &'a Story, key: &str) -> &'a [String] {
    let step = story.steps.iter().find(|step| step.key == key);
    step.map(|step| step.says.as_slice()).unwrap_or_default()
}

#[test]
fn a_failure_rests_on_the_frame_that_shows_it() {
    let mut flow = fixtures::web_flow();
    flow.verdict.reach = Reach::Blocked;
    flow.frames.blocked = Some(17);
    let story = told(&flow, &[], &[]);
    assert_says(&story, "connection", "failed, which is seen in frame 17");
    let step = story.steps.iter().find(|step| step.key == "connection").unwrap();
    assert!(step.frames.iter().any(|frame| frame.number == 17), "{:?}", step.frames);
    flow.frames.blocked = None;
    assert_says(&told(&flow, &[], &[]), "connection", "which no frame shows");
}

#[track_caller]
fn assert_says(story: &Story, key: &str, words: &str) {
    let says = says(story, key);
    assert!(
        says.iter().any(|sentence| sentence.contains(words)),
        "{words}\n{says:#?}"
    );
}

fn answer() -> NameRow {
    let mut answer = fixtures::name();
    answer.frame = 7;
    answer
}

#[test]
fn a_whole_flow_is_told_from_the_lookup_to_the_verdict() {
    let mut flow = fixtures::web_flow();
    flow.verdict.matches = [RowId(0), RowId(1), RowId(2)].into_iter().collect();
    flow.naming.age_ns = Some(223_456_000);
    let story = told(&flow, &[answer()], &[]);
    for (key, words) in [
        ("capture", "SHA-256 of the file as it is stored: ab12"),
        ("capture", "3 packets were dropped"),
        (
            "lookup",
            "In frame 7, at 2026-11-21T09:12:00.900000Z, the resolver 198.18.0.2 answered 198.19.0.10 over udp: app.salestim.io (A), by way of app-tm.trafficmanager.net and app-fd.azurefd.net, is at 198.18.1.11 and 2001:db8::11, for 60 s.",
        ),
        (
            "lookup",
            "It was 223.4 ms old when the flow's first packet (frame 12) was sent: within its time to live of 60 s.",
        ),
        ("connection", "from frame 12 (2026-11-21T09:12:01.123456Z) to frame 40"),
        (
            "hello",
            "In frame 15 the client's hello (ClientHello) is whole. It asks for the server name (SNI) app.salestim.io.",
        ),
        ("hello", "these versions, in this order: 1.3 and 1.2."),
        (
            "server",
            "In frame 18 the server's hello (ServerHello) chooses TLS 1.2, cipher 0xc02f (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256).",
        ),
        (
            "certificate",
            "It covers app.salestim.io, the flow's name, by *.salestim.io.",
        ),
        (
            "name",
            "app.salestim.io, from the server name in the client's hello in frame 15 (evidence `sni`).",
        ),
        ("quality", "complete:"),
        (
            "policy",
            "First: the row web-app (Web \\u{1b} app), class salestim, line none: its host app.salestim.io is the name itself.",
        ),
        (
            "policy",
            "The row wide, class salestim, line none: its wildcard *.io (any name below, at any depth) covers app.salestim.io.",
        ),
        (
            "policy",
            "The row ranges, class teams, line none: its range 198.18.1.0/24 holds the server's address 198.18.1.11.",
        ),
        (
            "policy",
            "web-app comes before wide, since an exact host goes before a wildcard.",
        ),
        ("flags", "Nothing: no flag was raised."),
        ("verdict", "ok: a row of the policy matches"),
    ] {
        assert_says(&story, key, words);
    }
    let filters = &story.filters.files[0];
    assert_eq!(
        filters.proof.as_deref(),
        Some(
            "frame.number == 7 || frame.number == 12 || frame.number == 15 || frame.number == 18 || frame.number == 19 || frame.number == 40"
        )
    );
    assert_eq!(
        filters.flow.as_deref(),
        Some(
            "ip.addr == 198.19.0.10 && ip.addr == 198.18.1.11 && tcp.port == 50514 && tcp.port == 443 && !icmp && !icmpv6 && frame.number >= 12 && frame.number <= 40"
        )
    );
}

#[test]
fn frames_of_several_inputs_name_theirs() {
    let mut flow = fixtures::web_flow();
    flow.frames.elsewhere = vec![("last", 1)];
    let story = told(&flow, &[answer()], &["a.pcap", "b\u{202e}.pcap"]);
    assert_says(&story, "connection", "from frame 12 of a.pcap");
    assert_says(&story, "connection", "to frame 40 of b\\u{202e}.pcap");
    let [first, second] = story.filters.files.as_slice() else {
        panic!()
    };
    assert_eq!(second.proof.as_deref(), Some("frame.number == 40"));
    assert!(first.flow.as_deref().unwrap().ends_with("&& frame.number >= 12"));
    assert!(second.flow.as_deref().unwrap().ends_with("&& frame.number <= 40"));
}

#[test]
fn what_was_not_seen_is_said_to_be_unknown() {
    let mut flow = fixtures::web_flow();
    flow.frames = FrameMarks {
        first: 1,
        last: 2,
        ..Default::default()
    };
    flow.quality = Quality::MIDSTREAM;
    flow.tcp = Some(TcpState::Midstream);
    flow.tls = None;
    flow.naming = Default::default();
    flow.verdict.matches.clear();
    flow.verdict.standing = Standing::Unlisted;
    let story = told(&flow, &[], &[]);
    assert_says(&story, "lookup", "No DNS answer");
    assert_says(&story, "connection", "Its beginning was not captured");
    assert_says(&story, "hello", "no hello was read: the flow began before the capture");
    assert_says(&story, "name", "None: neither the flow nor any DNS answer");
    assert_says(&story, "quality", "midstream: the flow was under way");
    assert_says(&story, "policy", "no row is meant for the server's address");
    assert_says(&story, "limits", "How the flow began.");
    assert_eq!(says(&story, "server"), [""; 0]);
}

#[test]
fn an_older_or_strangers_answer_is_told_as_what_it_is() {
    let flow = fixtures::web_flow();
    let mut strange = answer();
    strange.client = Some("198.19.0.99".parse().unwrap());
    strange.query = Domain::from_text(b"other.example");
    strange.ttl = Some(0);
    let story = told(&flow, &[strange], &[]);
    assert_says(&story, "lookup", "That answer went to 198.19.0.99, another client");
    assert_says(
        &story,
        "lookup",
        "The question was for other.example, while the flow's name is app.salestim.io: that is another name.",
    );
    assert_says(&story, "lookup", "after its time to live of 0 s was over");
}

#[test]
fn every_kind_of_evidence_mark_and_flag_has_its_words() {
    let mut flow = fixtures::web_flow();
    for kind in [
        EvidenceKind::Sni,
        EvidenceKind::Quic,
        EvidenceKind::Connect,
        EvidenceKind::Host,
        EvidenceKind::Certificate,
        EvidenceKind::Dns,
        EvidenceKind::Address,
        EvidenceKind::None,
    ] {
        flow.naming.kind = kind;
        assert_says(&told(&flow, &[], &[]), "name", &format!("evidence `{}`", kind.as_str()));
    }
    flow.quality = Quality(u16::MAX);
    let says_of_quality = told(&flow, &[], &[]);
    assert_eq!(says(&says_of_quality, "quality").len(), 9);
    assert!(
        !says(&says_of_quality, "quality")
            .iter()
            .any(|mark| mark.contains("README"))
    );
    flow.verdict.flags = FlagKind::ALL
        .map(|kind| fixtures::flag(kind, Severity::High, None))
        .into_iter()
        .collect();
    let story = told(&flow, &[], &[]);
    assert_eq!(says(&story, "flags").len(), 24);
    assert_says(
        &story,
        "flags",
        "intercepted (high): It was \"never\" answered. That is a suspicion with its reason, not a proof.",
    );
    assert_says(&story, "flags", "What would clear it: ");
}

#[test]
fn pages_are_as_wide_as_asked_and_clean() {
    let mut flow = fixtures::web_flow();
    flow.verdict.matches = [RowId(0)].into_iter().collect();
    let story = told(&flow, &[answer()], &["a.pcap", "b\u{1b}[31m*.pcap"]);
    for width in [10, 80, 500] {
        let mut out = Vec::new();
        page(&story, Style { width, colour: false }, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        let widest = width.clamp(40, 100);
        let (words, _) = text.split_once("display filters").unwrap();
        for line in words
            .lines()
            .skip(1)
            .filter(|line| !line.contains("cipher") && !line.contains("t13d"))
        {
            let is_one_word = line.trim_start().split(' ').filter(|word| !word.is_empty()).count() <= 2;
            assert!(
                line.chars().count() <= widest || is_one_word || line.contains("Wireshark"),
                "{line}"
            );
        }
    }
    let mut out = Vec::new();
    markdown(&story, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("\n## 4 The connection\n")
            && text.contains("\\*.salestim.io")
            && text.contains("\n```\nframe.number ==")
    );
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}
