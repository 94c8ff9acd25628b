//! The figures of one capture as a table.
//!
//! A row's best run counts. Ratios are of best runs; the median beside the first is over the rounds, each with the two
//! programs' runs of that round, so that a noisy minute falls on both; processor time hardly knows of noise at all.

use std::fmt::Write as _;
use std::time::Duration;

use super::capture::Capture;
use super::rivals::{Rival, Role};
use super::run::{Outcome, Run};

/// What every round said of one program; a slow one is left out of later rounds.
pub type Runs = Vec<Outcome>;

const HEAD: &str = "\
| program | million packets/s | GB/s | wall s | CPU s | peak MB | of the floor's speed | median of pairs | by CPU time | × tcpdump | × one thread | runs |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

pub fn of(capture: &Capture, rivals: &[Rival], runs: &[Runs]) -> String {
    let rows: Vec<_> = rivals.iter().zip(runs).collect();
    let runs_of =
        |wanted: &dyn Fn(Role) -> bool| rows.iter().find(|(rival, _)| wanted(rival.role)).map(|(_, runs)| *runs);
    let floor = runs_of(&|role| role == Role::Floor);
    let tcpdump = runs_of(&|role| role == Role::Tcpdump);
    let mut out = HEAD.to_owned();
    for (rival, runs) in &rows {
        let Some(own) = best(runs) else {
            let _ = writeln!(out, "{}", row_of_failure(rival, runs));
            continue;
        };
        let single = match rival.role {
            Role::Own { threads, work } if threads > 1 => runs_of(&|role| role == Role::Own { threads: 1, work }),
            _ => None,
        };
        let seconds = own.wall.as_secs_f64();
        let times =
            |other: Option<&Runs>| text(other.and_then(|other| speed(own, best(other)?)), |n| format!("{n:.2}"));
        let percent = |share| text(share, |share| format!("{:.0} %", share * 100.0));
        let _ = writeln!(
            out,
            "| {} | {:.2} | {:.2} | {:.3} | {:.3} | {:.0} | {} | {} | {} | {} | {} | {} |",
            rival.name,
            capture.packets as f64 / seconds / 1e6,
            capture.bytes as f64 / seconds / 1e9,
            seconds,
            own.cpu.as_secs_f64(),
            own.peak_bytes as f64 / 1e6,
            percent(floor.and_then(|floor| speed(own, best(floor)?))),
            percent(floor.and_then(|floor| median_speed(runs, floor))),
            percent(floor.and_then(|floor| share(least_cpu(floor)?, least_cpu(runs)?))),
            times(tcpdump),
            times(single),
            runs.len(),
        );
    }
    out
}

fn row_of_failure(rival: &Rival, runs: &Runs) -> String {
    let why = match runs.first() {
        Some(Outcome::TooLong(limit)) => format!("> {}", limit.as_secs()),
        _ => "failed".to_owned(),
    };
    format!(
        "| {} | - | - | {why} | - | - | - | - | - | - | - | {} |",
        rival.name,
        runs.len()
    )
}

fn best(runs: &Runs) -> Option<Run> {
    runs.iter().filter_map(|run| run.done()).min_by_key(|run| run.wall)
}

fn least_cpu(runs: &Runs) -> Option<Duration> {
    runs.iter().filter_map(|run| run.done()).map(|run| run.cpu).min()
}

fn speed(own: Run, other: Run) -> Option<f64> {
    share(other.wall, own.wall)
}

fn share(part: Duration, whole: Duration) -> Option<f64> {
    let whole = whole.as_secs_f64();
    (whole > 0.0).then(|| part.as_secs_f64() / whole)
}

fn median_speed(own: &Runs, other: &Runs) -> Option<f64> {
    let pairs = own.iter().zip(other);
    let mut speeds: Vec<f64> = pairs
        .filter_map(|(own, other)| speed(own.done()?, other.done()?))
        .collect();
    speeds.sort_by(f64::total_cmp);
    let middle = speeds.len() / 2;
    match speeds.len() % 2 {
        1 => speeds.get(middle).copied(),
        _ => Some((speeds.get(middle.checked_sub(1)?)? + speeds.get(middle)?) / 2.0),
    }
}

fn text(value: Option<f64>, write: impl Fn(f64) -> String) -> String {
    value.map_or("-".to_owned(), write)
}
