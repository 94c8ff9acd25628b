//! JSON Lines: an `endpoint` record a host pattern, then `unlisted` records, then the captures'.

use super::super::json::{self, Object, Plain, Value, key};
use super::super::record;
use super::{Judged, unlisted_name, words};
use crate::policy::coverage::{Near, Record, Unlisted, What};

pub fn render(judged: &Judged<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for record in &judged.report.records {
        endpoint(judged, record, &mut out);
    }
    let last = judged.report.unlisted.len().saturating_sub(1);
    for (nth, entry) in judged.report.unlisted.iter().enumerate() {
        let more = if nth == last { judged.report.unlisted_more } else { 0 };
        unlisted(judged, entry, more, &mut out);
    }
    if let Some(crossings) = judged.crossings {
        super::crossings::json(crossings, &mut out);
    }
    for capture in judged.captures {
        record::capture(capture, judged.labels, &mut out);
    }
    if let Some(crossings) = judged.crossings {
        for capture in crossings.outside_captures {
            record::capture(capture, crossings.outside_labels, &mut out);
        }
    }
    out
}

/// A value that is known not to be there.
struct Null;

impl Value for Null {
    const IS_TEXT: bool = false;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }
}

fn endpoint(judged: &Judged<'_>, record: &Record, out: &mut Vec<u8>) {
    let row = judged.row(record);
    json::line(out, |it| {
        it.put(key!("type"), Plain("endpoint"));
        it.put(key!("endpoint"), &row.id);
        it.put(key!("class"), &row.class);
        it.maybe(key!("host"), record.host.as_deref());
        // Written only where it is true.
        it.maybe(key!("broad"), record.broad.then_some(true));
        it.put(key!("required"), judged.policy.row(record.row).required);
        it.put(key!("outcome"), Plain(record.outcome.as_str()));
        match record.how {
            Some(how) => it.put(key!("how"), Plain(how.as_str())),
            None => it.put(key!("how"), Null),
        }
        it.object(key!("counts"), |counts| {
            for (outcome, count) in &record.counts {
                counts.put_named(outcome.as_str(), *count);
            }
        });
        it.list(key!("clients"), record.clients.items.iter().copied());
        it.list(key!("names"), record.names.items.iter());
        it.list(key!("addresses"), record.addresses.items.iter().copied());
        more(it, record);
        frames(it, judged, &record.frames());
        // Why it need not work.
        it.maybe(
            key!("excused"),
            record.excuse.map(|excuse| Plain(words::excuse_word(excuse))),
        );
        it.put(key!("why"), words::why(judged, record));
    });
}

/// Which of the lists are not whole.
fn more(it: &mut Object<'_>, record: &Record) {
    let lists = [
        ("clients", record.clients.more),
        ("names", record.names.more),
        ("addresses", record.addresses.more),
    ];
    let cut: Vec<Plain<'_>> = lists
        .into_iter()
        .filter(|(_, more)| *more)
        .map(|(name, _)| Plain(name))
        .collect();
    it.list_if_any(key!("more"), cut);
}

/// Those of the input in which the first proof is; the others' apart.
fn frames(it: &mut Object<'_>, judged: &Judged<'_>, frames: &[(u32, u64)]) {
    let home = frames.first().map(|(ordinal, _)| *ordinal);
    it.maybe(key!("file"), home.and_then(|home| judged.labels.file(home)));
    let here = frames.iter().filter(|(ordinal, _)| Some(*ordinal) == home);
    it.list(key!("frames"), here.map(|(_, frame)| *frame));
    let elsewhere: Vec<&(u32, u64)> = frames.iter().filter(|(ordinal, _)| Some(*ordinal) != home).collect();
    if !elsewhere.is_empty() {
        it.objects(key!("elsewhere"), elsewhere, |it, (ordinal, frame)| {
            it.maybe(key!("file"), judged.labels.file(*ordinal));
            it.put(key!("frame"), *frame);
        });
    }
}

fn unlisted(judged: &Judged<'_>, entry: &Unlisted, more: usize, out: &mut Vec<u8>) {
    json::line(out, |it| {
        it.put(key!("type"), Plain("unlisted"));
        it.put(key!("host"), unlisted_name(&entry.what));
        it.maybe(key!("near"), entry.near.as_ref().map(near));
        it.put(key!("kind"), Plain(kind(&entry.what)));
        it.list(key!("clients"), entry.clients.iter().copied());
        it.put(key!("flows"), entry.flows);
        // Left out where there are none.
        it.maybe(key!("blocked"), (entry.blocked > 0).then_some(entry.blocked));
        it.maybe(key!("lookups"), (entry.lookups > 0).then_some(entry.lookups));
        it.list_if_any(key!("addresses"), entry.addresses.iter().copied().collect::<Vec<_>>());
        it.maybe(key!("file"), judged.labels.file(entry.place.ordinal));
        it.list(key!("frames"), [entry.place.first]);
        // Of the last one: how many others there are no records of.
        it.maybe(key!("more"), (more > 0).then_some(more as u64));
        it.put(key!("why"), words::why_unlisted(judged, entry));
    });
}

/// `host`, `address` (or a network of several), `cname`.
fn kind(what: &What) -> &'static str {
    match what {
        What::Host(_) => "host",
        What::Network(..) => "address",
        What::Link(_) => "cname",
    }
}

pub fn near(near: &Near) -> String {
    match near {
        Near::Host(host) => host.clone(),
        Near::Range(range, _) => range.to_string(),
    }
}
