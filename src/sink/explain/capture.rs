//! Which file the flow is in, and what is known of the file.

use super::phrases::count;
use super::{Evidence, Step, clean};
use crate::engine::rows::CaptureRow;
use crate::sink::text;

pub fn step(evidence: &Evidence) -> Step {
    let mut step = Step::new("capture", "The capture");
    for ordinal in ordinals(evidence) {
        if let Some(capture) = evidence.captures.get(ordinal as usize) {
            describe(capture, &mut step);
        }
    }
    let inputs = evidence.captures.len();
    if inputs > 1 {
        step.say(format!(
            "{inputs} inputs were read as one stream, in the order of their first packet's time; frame numbers count in each by itself."
        ));
    }
    step.say(
        "All times are those that the capturing machine wrote, in UTC; nothing in the file tells whether its clock was right.",
    );
    step
}

/// The inputs that hold something of the proof.
fn ordinals(evidence: &Evidence) -> Vec<u32> {
    let marks = ["first", "hello", "server_hello", "cert", "dns", "last"];
    let mut ordinals: Vec<u32> = marks
        .iter()
        .filter_map(|word| evidence.mark(word))
        .map(|frame| frame.ordinal)
        .collect();
    ordinals.sort_unstable();
    ordinals.dedup();
    ordinals
}

fn describe(capture: &CaptureRow, step: &mut Step) {
    let time = |ns| text::time(ns, capture.nanoseconds);
    let window = match (capture.first_ns, capture.last_ns) {
        (Some(first), Some(last)) => format!(", from {} to {}", time(first).as_str(), time(last).as_str()),
        _ => String::new(),
    };
    let links: Vec<_> = capture.links.iter().map(|link| clean(link)).collect();
    step.say(format!(
        "{}: {} ({}){window}.",
        clean(&capture.file),
        count(capture.packets, "packet"),
        links.join(", ")
    ));
    if let Some(sha256) = &capture.sha256 {
        step.say(format!(
            "SHA-256 of the file as it is stored: {sha256} (the same both times that it was read for this page)."
        ));
    }
    let dropped = capture.dropped_by_kernel.unwrap_or(0) + capture.dropped_by_interface.unwrap_or(0);
    step.say(match (capture.dropped_by_kernel, capture.dropped_by_interface) {
        (None, None) => "The file does not tell whether packets were lost while it was made.".to_owned(),
        _ if dropped == 0 => "By the file's own count no packet was dropped while it was made.".to_owned(),
        _ => format!(
            "By the file's own count {} dropped while it was made: what is missing below may have been among them.",
            match dropped {
                1 => "1 packet was".to_owned(),
                n => format!("{n} packets were"),
            }
        ),
    });
}
