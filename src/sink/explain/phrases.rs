//! The little phrases that sentences are made of.

use std::fmt::Display;

use super::super::address::address;
use super::super::text;
pub use super::super::text::count;
use crate::engine::rows::FlowRow;
use crate::flow::key::Endpoint;

const LISTED_AT_MOST: usize = 12;

/// Rather many, and how many more there are.
pub fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    text::list(items, LISTED_AT_MOST)
}

/// `198.18.1.11 port 443`.
pub fn end(end: Endpoint) -> String {
    let ip = address(end.ip);
    match end.port {
        Some(port) => format!("{} port {port}", ip.as_str()),
        None => ip.as_str().to_owned(),
    }
}

/// `2026-11-21T09:12:01.123456Z`.
pub fn time(ns: u64, flow: &FlowRow) -> String {
    text::time(ns, flow.nanoseconds).as_str().to_owned()
}

/// A short span, with the digits that matter: `150 µs`, `2.1 ms`, `45.0 s`, `28m 10s`.
pub fn span(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10),
        1_000_000_000..120_000_000_000 => format!("{}.{} s", ns / 1_000_000_000, ns / 100_000_000 % 10),
        _ => text::span(ns),
    }
}

/// A longer text from a certificate or a policy, shortened.
pub fn shortened(text: &str) -> String {
    const AT_MOST: usize = 300;
    text::cut_end(&text::clean(text), AT_MOST).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_read_as_people_write_them() {
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(list(0..14).split(' ').next_back(), Some("more"));
        assert_eq!(count(1, "packet") + &count(2, "byte"), "1 packet2 bytes");
        let spans = [0, 150_000, 2_100_000, 45_000_000_000, 1_690_000_000_000].map(span);
        assert_eq!(spans, ["0 ns", "150 µs", "2.1 ms", "45.0 s", "28m 10s"]);
    }
}
