//! SARIF 2.1.0, as code scanners' pages read it: one rule an outcome, one result a host pattern.
//!
//! A result's place is the capture; a capture has no lines, so the frames stand in the result's properties. What fails is an `error`;
//! what works another way than listed a `warning`; what works, was not tried or cannot be told is no failure but a `pass`,
//! `notApplicable` or `review`.

use super::super::json::{self, Object, Plain, key};
use super::{Judged, unlisted_name, words};
use crate::policy::coverage::{Near, Outcome, Record, Unlisted};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const UNLISTED: &str = "unlisted";

pub fn render(judged: &Judged<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    json::line(&mut out, |log| {
        log.put(key!("$schema"), Plain(SCHEMA));
        log.put(key!("version"), Plain("2.1.0"));
        log.objects(key!("runs"), [()], |run, ()| self::run(judged, run));
    });
    out
}

/// One entry of `results`.
enum Entry<'a> {
    Record(&'a Record),
    Unlisted(&'a Unlisted),
}

fn run(judged: &Judged<'_>, run: &mut Object<'_>) {
    run.object(key!("tool"), |tool| {
        tool.object(key!("driver"), |driver| {
            driver.put(key!("name"), Plain("flowsift"));
            driver.put(key!("version"), Plain(env!("CARGO_PKG_VERSION")));
            driver.put(key!("semanticVersion"), Plain(env!("CARGO_PKG_VERSION")));
            driver.objects(key!("rules"), rules(), |rule, (id, says)| {
                rule.put(key!("id"), Plain(id));
                rule.object(key!("shortDescription"), |text| text.put(key!("text"), Plain(says)));
            });
        });
    });
    run.objects(key!("artifacts"), judged.captures, |artifact, capture| {
        artifact.object(key!("location"), |place| place.put(key!("uri"), uri(&capture.file)));
        if let Some(hash) = &capture.sha256 {
            artifact.object(key!("hashes"), |hashes| hashes.put(key!("sha-256"), hash));
        }
    });
    let records = judged.report.records.iter().map(Entry::Record);
    let unlisted = judged.report.unlisted.iter().map(Entry::Unlisted);
    run.objects(key!("results"), records.chain(unlisted), |result, entry| match entry {
        Entry::Record(record) => self::record(judged, record, result),
        Entry::Unlisted(entry) => self::unlisted(judged, entry, result),
    });
    run.put(key!("columnKind"), Plain("unicodeCodePoints"));
    run.object(key!("properties"), |properties| {
        properties.put(key!("policy"), &judged.labels.policy.name);
        properties.put(key!("policySha256"), &judged.labels.policy.sha256);
        properties.put(key!("window"), words::window(&judged.report.window));
        properties.put(key!("verdict"), words::verdict(judged));
        if judged.report.unlisted_more > 0 {
            properties.put(key!("unlistedMore"), judged.report.unlisted_more as u64);
        }
    });
}

/// Of every outcome, and of what is on no list.
fn rules() -> Vec<(&'static str, &'static str)> {
    let says = |outcome| match outcome {
        Outcome::Intercepted => "Something between answered in the service's place.",
        Outcome::Rerouted => "The name led another way than the list says.",
        Outcome::Blocked => "The attempt failed.",
        Outcome::ReachedUnlisted => "Reached, at an address that the list does not have.",
        Outcome::Fallback => "UDP failed, and TCP worked instead: it works, degraded.",
        Outcome::Reached => "The service answered.",
        Outcome::Inconclusive => "Tried, and what became of it cannot be told.",
        Outcome::NotTried => "No flow and no question for it in the capture.",
    };
    let outcomes = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.as_str(), says(outcome)));
    outcomes
        .chain([(
            UNLISTED,
            "Used by the application's clients, and in no row of the policy.",
        )])
        .collect()
}

fn rule_index(id: &str) -> u64 {
    rules().iter().position(|(known, _)| *known == id).unwrap_or(0) as u64
}

fn record(judged: &Judged<'_>, record: &Record, result: &mut Object<'_>) {
    let row = judged.row(record);
    let (kind, level) = match record.outcome {
        _ if judged.fails(record) => ("fail", "error"),
        Outcome::ReachedUnlisted | Outcome::Fallback => ("fail", "warning"),
        Outcome::Reached => ("pass", "none"),
        Outcome::NotTried => ("notApplicable", "none"),
        // Cannot be told, or failed and need not work.
        _ => ("review", "none"),
    };
    let id = record.outcome.as_str();
    head(result, id, kind, level, &words::why(judged, record));
    let frames = record.frames();
    let home = frames.first().map_or(0, |(ordinal, _)| *ordinal);
    places(judged, result, home);
    fingerprint(result, &[&row.id, record.host.as_deref().unwrap_or_default(), id]);
    result.object(key!("properties"), |properties| {
        properties.put(key!("endpoint"), &row.id);
        properties.put(key!("class"), &row.class);
        properties.maybe(key!("host"), record.host.as_deref());
        properties.maybe(key!("how"), record.how.map(|how| Plain(how.as_str())));
        let here = frames.iter().filter(|(ordinal, _)| *ordinal == home);
        properties.list(key!("frames"), here.map(|(_, frame)| *frame));
    });
}

fn unlisted(judged: &Judged<'_>, entry: &Unlisted, result: &mut Object<'_>) {
    let level = if entry.near.is_some() { "warning" } else { "note" };
    head(result, UNLISTED, "fail", level, &words::why_unlisted(judged, entry));
    places(judged, result, entry.place.ordinal);
    let name = unlisted_name(&entry.what);
    fingerprint(result, &[UNLISTED, &name]);
    result.object(key!("properties"), |properties| {
        properties.put(key!("host"), &name);
        properties.maybe(
            key!("near"),
            entry.near.as_ref().map(|near: &Near| super::json::near(near)),
        );
        properties.put(key!("flows"), entry.flows);
        properties.list(key!("frames"), [entry.place.first]);
    });
}

fn head(result: &mut Object<'_>, rule: &str, kind: &str, level: &str, why: &str) {
    result.put(key!("ruleId"), Plain(rule));
    result.put(key!("ruleIndex"), rule_index(rule));
    result.put(key!("kind"), Plain(kind));
    result.put(key!("level"), Plain(level));
    result.object(key!("message"), |message| message.put(key!("text"), why));
}

/// The capture, if there is one.
fn places(judged: &Judged<'_>, result: &mut Object<'_>, ordinal: u32) {
    let file = judged.file(ordinal);
    result.objects(key!("locations"), file, |location, file| {
        location.object(key!("physicalLocation"), |place| {
            place.object(key!("artifactLocation"), |artifact| {
                artifact.put(key!("uri"), uri(file))
            });
        });
    });
}

/// What stays the same from run to run.
fn fingerprint(result: &mut Object<'_>, parts: &[&str]) {
    result.object(key!("partialFingerprints"), |prints| {
        prints.put(key!("flowsift/v1"), parts.join(" "))
    });
}

/// A path as a relative or absolute reference (RFC 3986, section 4.2): a first segment with a colon would be a scheme, so colons are
/// written out too.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte as char),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}
