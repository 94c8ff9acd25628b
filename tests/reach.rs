//! What became of the attempts in the samples: reached, blocked, or why it cannot be told.
//!
//! Records show only what was blocked; the rest is for whoever judges a whole list.

#[allow(dead_code)]
mod traffic;

use std::path::Path;

use flowsift::engine::drive::{self, Settings};
use flowsift::engine::epoch::{Epoch, InputFacts, Source};
use flowsift::engine::limits::{DEFAULT_MEMORY, EPOCH_BYTES};
use flowsift::engine::rows::{FlowRow, Row};
use flowsift::evidence::model::App;
use flowsift::policy::verdict::{Doubt, Reach};
use flowsift::source::{InputOptions, Inputs};

use traffic::judged;
use traffic::tape::Rows;

fn opened(sample: &str) -> Inputs {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(sample);
    Inputs::open(&[path], InputOptions { hash: false }).expect("a sample")
}

/// The flows of a sample, in the order of the output.
fn flows(sample: &str) -> Vec<FlowRow> {
    flows_of(&mut opened(sample))
}

fn flows_of(source: &mut dyn Source) -> Vec<FlowRow> {
    let mut found = Vec::new();
    let mut rows = Rows(|row: &Row| {
        if let Row::Flow(row) = row {
            found.push((**row).clone());
        }
    });
    let settings = Settings {
        memory: DEFAULT_MEMORY,
        epoch_bytes: EPOCH_BYTES,
        threads: 1,
    };
    drive::run(source, &judged::policy(), settings, &mut rows);
    found
}

/// Of the flow with this name, or to this address.
fn reach(sample: &str, to: &str) -> Reach {
    flow_to(&flows(sample), to).verdict.reach
}

fn flow_to<'r>(rows: &'r [FlowRow], to: &str) -> &'r FlowRow {
    let is_meant = |row: &&FlowRow| {
        row.naming.name.as_ref().is_some_and(|name| name.as_str() == to) || row.server.ip.to_string() == to
    };
    rows.iter().find(is_meant).expect("the flow")
}

#[test]
fn connections_that_work_are_reached() {
    for sample in [
        "classes/salestim.pcap",
        "classes/graph.pcap",
        "classes/intercom.pcap",
        "classes/storage.pcap",
        "classes/telemetry.pcap",
        "lab/chromium-quic.pcapng",
    ] {
        let rows = flows(sample);
        let spoken: Vec<&FlowRow> = rows
            .iter()
            .filter(|row| matches!(row.app, App::Tls | App::Quic))
            // In the browser's capture one was not answered, and one by a Version Negotiation alone.
            .filter(|row| row.tls.as_ref().is_some_and(|tls| tls.version.is_some()))
            .collect();
        assert!(!spoken.is_empty(), "{sample}");
        for row in spoken {
            assert_eq!(row.verdict.reach, Reach::Reached, "{sample}: {row:?}");
        }
    }
}

#[test]
fn what_cannot_be_told_says_why() {
    for (sample, to, doubt) in [
        ("blocked/silent-at-the-end.pcap", "203.0.113.60", Doubt::EndsTooSoon),
        ("blocked/silent-alone.pcap", "203.0.113.60", Doubt::NobodyAnswered),
        ("blocked/silent-long-ago.pcap", "203.0.113.60", Doubt::NobodyAnswered),
        ("blocked/once.pcap", "203.0.113.60", Doubt::AskedOnce),
        ("blocked/icmp.pcap", "203.0.113.62", Doubt::Unreachable),
        ("blocked/icmp.pcap", "52.113.194.10", Doubt::Unreachable),
        ("blocked/after-hello-unclear.pcap", "203.0.113.60", Doubt::Incomplete),
        (
            "blocked/after-hello-unclear.pcap",
            "outbound.example.org",
            Doubt::OneSided,
        ),
        (
            "blocked/after-hello-unclear.pcap",
            "silent.example.org",
            Doubt::EndsTooSoon,
        ),
        ("blocked/proxy.pcap", "f.example.org", Doubt::Authentication),
        ("blocked/proxy.pcap", "h.example.org", Doubt::Authentication),
        ("lab/chromium-quic.pcapng", "v2.example.org", Doubt::NoData),
    ] {
        assert_eq!(reach(sample, to), Reach::Unclear(doubt), "{sample} {to}");
    }
    assert_eq!(reach("blocked/proxy.pcap", "i.example.org"), Reach::Reached);
    assert_eq!(reach("blocked/proxy.pcap", "g.example.org"), Reach::Reached);
    assert_eq!(
        reach("blocked/block-page.pcap", "forbidden.example.org"),
        Reach::Reached
    );
    assert_eq!(reach("blocked/proxy.pcap", "a.example.org"), Reach::Blocked);
}

/// A sample as if heard on an interface that had dropped packets by this time.
struct Dropping(Inputs, u64);

impl Source for Dropping {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        let more = self.0.fill(epoch, target);
        epoch.dropped_ns = more.then_some(self.1);
        more
    }

    fn inputs(&self) -> &[InputFacts] {
        self.0.inputs()
    }

    fn faults(&self) -> &[String] {
        self.0.faults()
    }
}

#[test]
fn a_silence_proves_nothing_where_packets_were_dropped_since() {
    let (sample, to) = ("blocked/silent.pcap", "app.salestim.io");
    let heard = flows(sample);
    let meant = flow_to(&heard, to);
    assert_eq!(meant.verdict.reach, Reach::Blocked);
    for (dropped_ns, reach) in [
        (meant.start_ns - 1, Reach::Blocked),
        (meant.start_ns, Reach::Unclear(Doubt::Drops)),
        (meant.end_ns + 1, Reach::Unclear(Doubt::Drops)),
    ] {
        let rows = flows_of(&mut Dropping(opened(sample), dropped_ns));
        assert_eq!(flow_to(&rows, to).verdict.reach, reach);
    }
}
