//! What is said of inputs and policies once all is read: that a result may be less than it seems, and what to do about it.

use crate::engine::rows::CaptureRow;
use crate::sink::{PolicyNames, text};
use crate::wire::undecoded::Undecoded;

/// A list is as of a day; captures from long after it deserve a newer one.
pub fn warn_of_age(policy: &PolicyNames, last_ns: Option<u64>) -> Option<String> {
    let (due, last) = (policy.review_due_ns?, last_ns?);
    (last > due).then(|| {
        let (name, due, last) = (&policy.review_of, text::date(due), text::date(last));
        format!(
            "policy {name}: its review was due on {}, and the capture goes on to {}: look for a newer list where it comes from",
            due.as_str(),
            last.as_str()
        )
    })
}

/// Inputs are read one behind the other. Where two cover the same time, an answer in the later one names no flow of the earlier.
pub fn warn_of_overlap(overlapping: u64) -> Option<String> {
    let begin = if overlapping == 1 {
        "1 input begins"
    } else {
        &format!("{overlapping} inputs begin")
    };
    (overlapping > 0).then(|| {
        format!("{begin} before the one in front ends: if names shall cross, merge them first (mergecap -w OUT FILES)")
    })
}

/// A link type that is not decoded is no error, but it must not look like an empty capture.
pub fn warn_of_links(capture: &CaptureRow) -> Option<String> {
    let (_, count) = capture
        .undecoded
        .iter()
        .find(|(reason, _)| reason == Undecoded::LinkType.as_str())?;
    let links = capture.links.join(", ");
    Some(format!(
        "{}: {count} of {} packets have a link type that is not decoded ({links}): record where they are Ethernet, Wi-Fi or IP",
        capture.file, capture.packets
    ))
}

/// Packets that were lost while we listened: what was in them is not in the records.
pub fn warn_of_drops(capture: &CaptureRow, has_filter: bool) -> Option<String> {
    let by_kernel = capture.dropped_by_kernel.filter(|count| *count > 0);
    let by_interface = capture.dropped_by_interface.filter(|count| *count > 0);
    let filter = if has_filter {
        ""
    } else {
        ", or a --filter for what matters"
    };
    let name = &capture.file;
    match (by_kernel, by_interface) {
        (Some(count), _) => Some(format!(
            "{name}: the kernel dropped {count} packets for want of room: give a larger --buffer, more --workers{filter}"
        )),
        (None, Some(count)) => Some(format!(
            "{name}: the interface dropped {count} packets before the kernel saw them: its own ring may be larger (ethtool -g {name})"
        )),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_packets_are_told_with_what_to_do() {
        let lost = |kernel, interface| CaptureRow {
            file: "eth0".into(),
            dropped_by_kernel: Some(kernel),
            dropped_by_interface: Some(interface),
            ..CaptureRow::default()
        };
        assert_eq!(warn_of_drops(&lost(0, 0), false), None);
        let said = warn_of_drops(&lost(7, 2), false).unwrap();
        assert!(
            said.starts_with("eth0: the kernel dropped 7 packets") && said.contains("--filter"),
            "{said}"
        );
        assert!(warn_of_drops(&lost(0, 2), true).unwrap().contains("ethtool -g eth0"));
    }
}
