//! Rows to JSON Lines: all the flows, lookups and captures of an office day, thousands of them.

use std::io;

use criterion::{Criterion, Throughput};
use flowsift::engine::drive::{self, Settings};
use flowsift::engine::limits::{DEFAULT_MEMORY, EPOCH_BYTES};
use flowsift::engine::rows::Row;
use flowsift::sink::Sink;
use flowsift::sink::jsonl::JsonLines;

use crate::traffic::copies::{Copies, Plan};
use crate::traffic::tape::{Rows, Tape};
use crate::traffic::{SECOND, judged, script};

pub fn benches(criterion: &mut Criterion) {
    let policy = judged::policy();
    let labels = judged::labels(&policy);
    let plan = Plan {
        copies: 50,
        haste: 20,
        spread: 60 * SECOND,
    };
    let mut copies = Copies::new(script::office().into(), plan);
    let mut rows: Vec<Row> = Vec::new();
    let settings = Settings {
        memory: DEFAULT_MEMORY,
        epoch_bytes: EPOCH_BYTES,
        threads: 1,
    };
    let mut outlet = Rows(|row: &Row| rows.push(row.clone()));
    drive::run(&mut Tape::new(|out| copies.next(out)), &policy, settings, &mut outlet);

    let mut group = criterion.benchmark_group("json");
    for (name, wanted) in [
        ("flow lines", flows as fn(&Row) -> bool),
        ("lines of flows without a name", nameless),
        ("flow and name lines", |_| true),
    ] {
        let rows: Vec<&Row> = rows.iter().filter(|row| wanted(row)).collect();
        group.throughput(Throughput::Elements(rows.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut sink = JsonLines::new(io::sink(), labels.clone());
                for row in &rows {
                    sink.row(row).expect("nothing is written");
                }
                sink.finish(0).expect("nothing is written");
            });
        });
    }
    group.finish();
}

fn flows(row: &Row) -> bool {
    matches!(row, Row::Flow(_))
}

fn nameless(row: &Row) -> bool {
    matches!(row, Row::Flow(flow) if flow.naming.name.is_none())
}
