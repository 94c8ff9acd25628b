//! Flows under way are told of without changing a byte of any row, and what is told of them is true.

#[allow(dead_code)]
mod traffic;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flowsift::engine::drive::{self, Outlet, Settings, SoFar};
use flowsift::engine::epoch::{Epoch, InputFacts, Source};
use flowsift::engine::limits::{DEFAULT_MEMORY, EPOCH_BYTES};
use flowsift::engine::rows::{FlowRow, Row, Running};
use flowsift::policy::compile::Policy;
use flowsift::sink::jsonl::JsonLines;
use flowsift::sink::{Labels, PolicyNames, Sink};
use flowsift::source::{InputOptions, Inputs};

use traffic::judged;

/// A file read as if it were heard: a lull after every epoch.
struct Heard(Inputs);

impl Source for Heard {
    fn fill(&mut self, epoch: &mut Epoch, _: usize) -> bool {
        const SOME: usize = 4 << 10;
        let more = self.0.fill(epoch, SOME);
        epoch.lull = more.then_some(0);
        more
    }

    fn inputs(&self) -> &[InputFacts] {
        self.0.inputs()
    }

    fn faults(&self) -> &[String] {
        self.0.faults()
    }
}

/// Rows as JSON Lines, and what was told of flows under way.
struct Watching<'a> {
    asks: bool,
    lines: JsonLines<&'a mut Vec<u8>>,
    told: Vec<Running>,
    ended: Vec<FlowRow>,
    pauses: usize,
}

impl Outlet for Watching<'_> {
    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        if let Row::Flow(row) = row {
            self.ended.push(FlowRow::clone(row));
        }
        self.lines.row(row).expect("a vector takes everything");
        ControlFlow::Continue(())
    }

    fn wants_running(&self) -> bool {
        self.asks
    }

    fn running(&mut self, running: Running) {
        assert!(self.asks);
        self.told.push(running);
    }

    fn so_far(&mut self, _: SoFar) {
        self.pauses += 1;
    }
}

struct Watched {
    json: Vec<u8>,
    told: Vec<Running>,
    ended: Vec<FlowRow>,
    pauses: usize,
}

fn watch(path: &Path, policy: &Policy, threads: usize, asks: bool) -> Watched {
    let inputs = Inputs::open(&[path.to_owned()], InputOptions { hash: false }).expect("a sample");
    let mut json = Vec::new();
    let labels = Labels {
        policy: PolicyNames::of(policy),
        files: Vec::new(),
    };
    let mut outlet = Watching {
        asks,
        lines: JsonLines::new(&mut json, labels),
        told: Vec::new(),
        ended: Vec::new(),
        pauses: 0,
    };
    let settings = Settings {
        memory: DEFAULT_MEMORY,
        epoch_bytes: EPOCH_BYTES,
        threads,
    };
    drive::run(&mut Heard(inputs), policy, settings, &mut outlet);
    outlet.lines.flush().expect("a vector takes everything");
    let Watching {
        told, ended, pauses, ..
    } = outlet;
    Watched {
        json,
        told,
        ended,
        pauses,
    }
}

fn samples() -> [PathBuf; 4] {
    [
        "office.pcapng",
        "classes/teams.pcap",
        "blocked/silent.pcap",
        "tls/names.pcap",
    ]
    .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name))
}

#[test]
fn asking_for_flows_under_way_changes_no_row() {
    let policy = judged::policy();
    let mut told = 0;
    for path in &samples() {
        for threads in [1, 3] {
            let alone = watch(path, &policy, threads, false);
            let asked = watch(path, &policy, threads, true);
            assert!(alone.told.is_empty());
            assert_eq!(asked.told.len(), asked.pauses);
            let same = alone.json == asked.json;
            assert!(same, "{} by {threads}", path.display());
            told += asked.told.iter().map(|running| running.listed.len()).sum::<usize>();
        }
    }
    assert!(told > 100, "{told} flows told of");
}

#[test]
fn what_is_told_is_what_their_rows_say_in_the_end() {
    let policy = judged::policy();
    let office = &samples()[0];
    let watched = watch(office, &policy, 1, true);
    let key = |row: &FlowRow| (row.frames.first, row.id);
    let ended: HashMap<_, &FlowRow> = watched.ended.iter().map(|row| (key(row), row)).collect();
    let bytes = |row: &FlowRow| row.bytes.out + row.bytes.r#in;
    let (mut named, mut as_in_the_end) = (0, 0);
    let mut before: HashMap<_, u64> = HashMap::new();
    for running in &watched.told {
        let sum: u64 = running.listed.iter().map(bytes).sum();
        let all = running.flows == running.listed.len() as u64;
        assert!(running.flows >= running.listed.len() as u64 && running.bytes >= sum);
        assert!(running.flows > 100 || all, "so few are all told of");
        assert!(!all || running.bytes == sum);
        for row in &running.listed {
            let end = ended[&key(row)];
            assert!(bytes(row) <= bytes(end) && row.start_ns == end.start_ns && row.end_ns <= end.end_ns);
            let grown = before
                .insert(key(row), bytes(row))
                .is_none_or(|before| before <= bytes(row));
            assert!(grown, "it has shrunk");
            named += usize::from(row.naming.name.is_some());
            as_in_the_end += usize::from(row.naming == end.naming && row.verdict == end.verdict);
        }
    }
    assert!(
        named > 20 && as_in_the_end > 20,
        "{named} named, {as_in_the_end} judged as in the end"
    );
}
