//! The parts, one by one: `cargo bench --bench parts`, or `cargo bench --bench parts -- table` for one of them.
//!
//! Every part gets more input than the fast caches hold, in an order that the processor cannot guess: a part measured on
//! one packet, one name or one flow proves nothing. Each reports a rate of its own units: packets, look-ups, messages.

#[path = "../../tests/traffic/mod.rs"]
#[allow(dead_code)]
mod traffic;

#[path = "../page.rs"]
mod page;

mod certificate;
mod conversation;
mod decode;
mod dns;
mod engine;
mod fragments;
mod history;
mod json;
mod media;
mod policy;
mod preambles;
mod report;
mod table;
mod tls;
mod tunnels;

use std::time::{Duration, SystemTime};

use criterion::Criterion;

fn main() {
    let begin = SystemTime::now();
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    decode::benches(&mut criterion);
    tunnels::benches(&mut criterion);
    fragments::benches(&mut criterion);
    table::benches(&mut criterion);
    engine::benches(&mut criterion);
    tls::benches(&mut criterion);
    certificate::benches(&mut criterion);
    preambles::benches(&mut criterion);
    media::benches(&mut criterion);
    dns::benches(&mut criterion);
    policy::benches(&mut criterion);
    history::benches(&mut criterion);
    json::benches(&mut criterion);
    criterion.final_summary();
    report::print(begin);
}
