//! A story as one JSON object a line.

use super::{Evidence, Frame, Story};
use crate::sink::json::{self, Object, Plain, key};
use crate::sink::text;

/// `{"type":"explanation",...}`.
pub fn json(story: &Story, evidence: &Evidence, out: &mut Vec<u8>) {
    let flow = evidence.flow;
    let labels = evidence.labels;
    let class = evidence.policy.class_of(&flow.verdict, flow.naming.name.is_some());
    json::line(out, |it| {
        it.put(key!("type"), Plain("explanation"));
        it.put(key!("id"), flow.id);
        it.put(key!("start"), text::time(flow.start_ns, flow.nanoseconds));
        it.put(key!("end"), text::time(flow.end_ns, flow.nanoseconds));
        it.maybe(key!("file"), labels.file(flow.ordinal));
        it.maybe(key!("name"), flow.naming.name.as_ref());
        it.put(key!("class"), class);
        it.put(key!("verdict"), Plain(flow.verdict.standing.as_str()));
        it.objects(key!("steps"), &story.steps, |it, step| {
            it.put(key!("step"), Plain(step.key));
            it.put(key!("title"), step.heading);
            it.list(key!("says"), &step.says);
            it.objects(key!("frames"), &step.frames, |it, frame| place(it, *frame, evidence));
        });
        it.objects(key!("inputs"), &story.filters.files, |it, file| {
            it.put(key!("file"), &file.file);
            let capture = evidence.captures.get(file.ordinal as usize);
            it.maybe(key!("sha256"), capture.and_then(|capture| capture.sha256.as_deref()));
            it.maybe(key!("proof"), file.proof.as_deref());
            it.maybe(key!("flow"), file.flow.as_deref());
            it.maybe(key!("icmp"), file.errors.as_deref());
        });
    });
}

fn place(it: &mut Object<'_>, frame: Frame, evidence: &Evidence) {
    it.maybe(key!("file"), evidence.labels.file(frame.ordinal));
    it.put(key!("frame"), frame.number);
}
