//! The numbers, written down.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::counters::{Counters, STANDINGS, VERSIONS};
use crate::policy::verdict::FlagKind;
use crate::sink::text::clean;

/// What is known beside the rows, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// None where files are followed.
    pub interfaces: Vec<Interface>,
    /// Of a folder that is followed.
    pub files: Option<u64>,
    /// Packets handed to the analysis, and those of them that were not decoded.
    pub packets: u64,
    pub undecoded: u64,
    /// Where packets are kept too: written, and not.
    pub kept: Option<(u64, u64)>,
    pub flows_open: u64,
    pub lag_seconds: f64,
    pub memory_bytes: Option<u64>,
    pub started_seconds: f64,
    pub build: Build,
}

/// An interface and what the kernel has counted there.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    pub name: String,
    pub received: u64,
    pub dropped_by_kernel: u64,
    pub dropped_by_interface: u64,
}

/// Which program judges by what.
#[derive(Debug, Clone, Default)]
pub struct Build {
    pub version: &'static str,
    pub policy: String,
    pub policy_sha256: String,
}

/// All of it, a family behind the other.
pub fn render(counters: &Counters, gauges: &Gauges) -> String {
    let mut page = Page(String::with_capacity(16 << 10));
    let build = &gauges.build;
    page.family("flowsift_build_info", Kind::Gauge, "The version of flowsift.");
    page.value("flowsift_build_info", &[("version", build.version)], 1);
    page.family(
        "flowsift_policy_info",
        Kind::Gauge,
        "The policy that flows are judged by.",
    );
    let policy = [("policy", &*build.policy), ("sha256", &*build.policy_sha256)];
    page.value("flowsift_policy_info", &policy, 1);
    of_packets(&mut page, gauges);
    of_flows(&mut page, counters, gauges.flows_open);
    of_process(&mut page, gauges);
    page.0
}

fn of_packets(page: &mut Page, gauges: &Gauges) {
    if !gauges.interfaces.is_empty() {
        let name = "flowsift_received_packets_total";
        page.family(
            name,
            Kind::Counter,
            "Packets that the kernel received, dropped ones among them.",
        );
        for it in &gauges.interfaces {
            page.value(name, &[("interface", &it.name)], it.received);
        }
        let name = "flowsift_dropped_packets_total";
        page.family(
            name,
            Kind::Counter,
            "Packets lost before flowsift saw them, by the kernel for want of room or by the interface.",
        );
        for it in &gauges.interfaces {
            page.value(name, &[("interface", &it.name), ("by", "kernel")], it.dropped_by_kernel);
            page.value(
                name,
                &[("interface", &it.name), ("by", "interface")],
                it.dropped_by_interface,
            );
        }
    }
    if let Some(files) = gauges.files {
        page.single("flowsift_files_total", Kind::Counter, "Capture files begun.", files);
    }
    page.single(
        "flowsift_packets_total",
        Kind::Counter,
        "Packets analysed.",
        gauges.packets,
    );
    let help = "Packets analysed that could not be decoded.";
    page.single(
        "flowsift_undecoded_packets_total",
        Kind::Counter,
        help,
        gauges.undecoded,
    );
    if let Some((kept, unkept)) = gauges.kept {
        page.single(
            "flowsift_kept_packets_total",
            Kind::Counter,
            "Packets written to files.",
            kept,
        );
        let help = "Packets that should have been written to files and were not.";
        page.single("flowsift_unkept_packets_total", Kind::Counter, help, unkept);
    }
    let help = "How far the analysis is behind the clock.";
    page.single("flowsift_lag_seconds", Kind::Gauge, help, gauges.lag_seconds);
}

fn of_flows(page: &mut Page, counters: &Counters, open: u64) {
    page.single("flowsift_open_flows", Kind::Gauge, "Flows under way.", open);
    let name = "flowsift_flows_total";
    page.family(
        name,
        Kind::Counter,
        "Flows that have ended, by the policy's class and verdict.",
    );
    for class in &counters.classes {
        for (standing, count) in STANDINGS.iter().zip(&class.flows) {
            page.value(
                name,
                &[("class", &class.name), ("verdict", standing.as_str())],
                now(count),
            );
        }
    }
    let name = "flowsift_flags_total";
    page.family(
        name,
        Kind::Counter,
        "Flows that have ended with a flag raised, by class and flag.",
    );
    for class in &counters.classes {
        for (flag, count) in FlagKind::ALL.iter().zip(&class.flags) {
            page.value(name, &[("class", &class.name), ("flag", flag.as_str())], now(count));
        }
    }
    for (name, help, of) in [
        (
            "flowsift_flow_packets_total",
            "Packets of flows that have ended, out from the client and in to it.",
            0,
        ),
        (
            "flowsift_flow_bytes_total",
            "Bytes of the IP layer of flows that have ended, likewise.",
            1,
        ),
    ] {
        page.family(name, Kind::Counter, help);
        for class in &counters.classes {
            let both = if of == 0 { &class.packets } else { &class.bytes };
            for (direction, count) in ["out", "in"].iter().zip(both) {
                page.value(name, &[("class", &class.name), ("direction", direction)], now(count));
            }
        }
    }
    let name = "flowsift_tls_flows_total";
    page.family(
        name,
        Kind::Counter,
        "Flows with TLS, QUIC or DTLS that have ended, by the version of TLS negotiated (of DTLS its equal).",
    );
    for (version, count) in VERSIONS.iter().zip(&counters.tls) {
        page.value(name, &[("version", version)], now(count));
    }
    let name = "flowsift_lookups_total";
    page.family(name, Kind::Counter, "Names looked up, by class.");
    for class in &counters.classes {
        page.value(name, &[("class", &class.name)], now(&class.lookups));
    }
    let name = "flowsift_blocked_lookups_total";
    page.family(name, Kind::Counter, "Names looked up in vain, by class.");
    for class in &counters.classes {
        page.value(name, &[("class", &class.name)], now(&class.lookups_blocked));
    }
    let help = "Flows ended early for want of memory.";
    page.single(
        "flowsift_evicted_flows_total",
        Kind::Counter,
        help,
        now(&counters.evicted),
    );
    let help = "Flows that were cut, one-sided, begun before or with a gap.";
    let name = "flowsift_incomplete_flows_total";
    page.single(name, Kind::Counter, help, now(&counters.not_fully_seen));
}

fn of_process(page: &mut Page, gauges: &Gauges) {
    if let Some(bytes) = gauges.memory_bytes {
        let name = "process_resident_memory_bytes";
        page.single(name, Kind::Gauge, "Resident memory size in bytes.", bytes);
    }
    let name = "process_start_time_seconds";
    let help = "Start time of the process since unix epoch in seconds.";
    page.single(name, Kind::Gauge, help, gauges.started_seconds);
}

fn now(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Writing into a `String` cannot fail.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for ((label, text), comma) in labels.iter().zip(["{"].into_iter().chain(std::iter::repeat(","))) {
            let _ = write!(self.0, "{comma}{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// A family of one value.
    fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.value(name, &[], value);
    }
}

/// "label_value can be any sequence of UTF-8 characters, but the backslash, double-quote, and line feed characters have to be
/// escaped" (exposition formats, text format details). What a terminal would obey is made harmless too.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in clean(text).chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rows::Row;
    use crate::sink::{PolicyNames, fixtures};

    fn page_of(policy: &PolicyNames, rows: &[Row]) -> String {
        let counters = Counters::new(policy);
        rows.iter().for_each(|row| counters.count(row));
        let gauges = Gauges {
            interfaces: vec![Interface {
                name: "eth\"0\\".into(),
                received: 7,
                ..Interface::default()
            }],
            ..Gauges::default()
        };
        render(&counters, &gauges)
    }

    #[test]
    fn rows_are_counted_by_class() {
        let rows = [
            Row::Flow(Box::new(fixtures::web_flow())),
            Row::Flow(Box::new(fixtures::web_flow())),
            Row::Flow(Box::new(fixtures::bare_flow())),
            Row::Name(Box::new(fixtures::name())),
            Row::Capture(Box::new(fixtures::capture())),
        ];
        let page = page_of(&fixtures::labels().policy, &rows);
        let value = |start: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(start));
            line.unwrap_or_else(|| panic!("no {start} in {page}")).trim().to_owned()
        };
        let web = fixtures::web_flow();
        let verdict = web.verdict.standing.as_str();
        let labels = format!("flowsift_flows_total{{class=\"salestim\",verdict=\"{verdict}\"}}");
        assert_eq!(value(&labels), "2");
        let out = "flowsift_flow_bytes_total{class=\"salestim\",direction=\"out\"}";
        assert_eq!(value(out), (2 * web.bytes.out).to_string());
        assert_eq!(value("flowsift_lookups_total{class=\"salestim\"}"), "1");
        let quoted = r#"flowsift_received_packets_total{interface="eth\"0\\"}"#;
        assert_eq!(value(quoted), "7");
    }

    /// The grammar, as far as it is used here.
    #[test]
    fn every_family_is_announced_once_and_every_value_belongs_to_one() {
        let page = page_of(&fixtures::labels().policy, &[]);
        let mut families: Vec<&str> = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!families.contains(&name) && help.ends_with('.'), "{line}");
                families.push(name);
                let kind = lines.next().unwrap();
                assert_eq!(kind.ends_with(" counter"), name.ends_with("_total"), "{kind}");
                continue;
            }
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(Some(&name), families.last(), "{line}");
            assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
        }
        assert!(page.ends_with('\n'));
    }

    #[test]
    fn a_policy_of_many_classes_makes_no_more_series() {
        let mut policy = PolicyNames::default();
        for number in 0..5000 {
            let row = crate::sink::RowNames {
                class: format!("class-{number}"),
                ..Default::default()
            };
            policy.rows.push(row);
        }
        let lines = page_of(&policy, &[]).lines().count();
        assert!(lines < 6000, "{lines}");
    }
}
