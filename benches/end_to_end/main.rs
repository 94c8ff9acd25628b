//! The whole program on one large capture, beside what the machine can do at best: `cargo bench --bench end_to_end`.
//!
//! ```text
//!   capture (made once, target/bench) ─▶ flowsift read --format json > /dev/null ┐
//!                                     ─▶ floor: a C program that walks the file  ├─ five rounds, each in turn ─▶ table
//!                                     ─▶ the same walk in Rust                   │
//!                                     ─▶ tcpdump, if it is there                 ┘
//! ```
//!
//! | variable | what it says | default |
//! | --- | --- | --- |
//! | `FLOWSIFT_BENCH_MB` | size of the capture | 300 |
//! | `FLOWSIFT_BENCH_ROUNDS` | rounds | 5 |
//! | `FLOWSIFT_BENCH_FILE` | a pcap file to read instead of the made one | none |
//! | `FLOWSIFT_FLOOR` | the floor's source | `../shared/tools/floor.c`, if it is there |
//!
//! Every row is a process of its own, whole: start, reading, end. The table is Markdown, for BENCHMARKS.md.

#[path = "../../tests/traffic/mod.rs"]
#[allow(dead_code)]
mod traffic;

mod capture;
mod machine;
mod rivals;
mod run;
mod walk;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use capture::Capture;
use rivals::Rival;
use run::Run;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if let [word, file] = arguments.as_slice()
        && word == walk::COMMAND
    {
        return done(walk::run(Path::new(file)).map(|told| println!("{told}")));
    }
    // Without the word it is a test run of all targets, and there is nothing to test here.
    if !arguments.iter().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    done(measure())
}

fn done(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("end_to_end: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), String> {
    let folder = folder()?;
    let capture = match env::var_os("FLOWSIFT_BENCH_FILE") {
        Some(file) => Capture::given(Path::new(&file))?,
        None => Capture::made(&folder, number("FLOWSIFT_BENCH_MB", 300)?)?,
    };
    let rivals = rivals::all(&folder, &capture.path);
    let answer = rivals::answer_of_flowsift(&capture)?;
    let rounds: u32 = number("FLOWSIFT_BENCH_ROUNDS", 5)?;
    let before = machine::load();
    let mut best: Vec<Option<Run>> = rivals.iter().map(|_| None).collect();
    for _ in 0..rounds.max(1) {
        for (rival, best) in rivals.iter().zip(&mut best) {
            let run = run::whole(&rival.command)?;
            if best.as_ref().is_none_or(|best| run.wall < best.wall) {
                *best = Some(run);
            }
        }
    }
    println!(
        "- Machine: {}; load {before} before and {} after",
        machine::name(),
        machine::load()
    );
    println!("- Input: {}", capture.describe());
    println!("- Answer: {answer}");
    println!("- Best of {rounds} rounds, every program once a round; one process each, output to /dev/null");
    for rival in &rivals {
        println!("- {}: `{}`", rival.name, rival.shown);
    }
    println!();
    print_table(&capture, &rivals, &best);
    Ok(())
}

fn print_table(capture: &Capture, rivals: &[Rival], best: &[Option<Run>]) {
    let floor = rivals.iter().zip(best).find(|(rival, _)| rival.is_floor);
    let floor = floor.and_then(|(_, run)| run.as_ref());
    let share = |floor: Duration, own: Duration| format!("{:.0} %", 100.0 * floor.as_secs_f64() / own.as_secs_f64());
    println!(
        "| program | ns a packet | million packets/s | GB/s | CPU s | peak MB | of the floor's speed | by CPU time |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (rival, run) in rivals.iter().zip(best) {
        let Some(run) = run else { continue };
        let seconds = run.wall.as_secs_f64();
        let packets = capture.packets as f64;
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {:.3} | {:.0} | {} | {} |",
            rival.name,
            seconds * 1e9 / packets,
            packets / seconds / 1e6,
            capture.bytes as f64 / seconds / 1e9,
            run.cpu.as_secs_f64(),
            run.peak_bytes as f64 / 1e6,
            floor.map_or("-".to_owned(), |floor| share(floor.wall, run.wall)),
            floor.map_or("-".to_owned(), |floor| share(floor.cpu, run.cpu)),
        );
    }
}

/// `target/bench`, wherever `target` is.
fn folder() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap_or(Path::new("target"));
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn number<N: FromStr>(variable: &str, usual: N) -> Result<N, String> {
    match env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable}={text} is no number")),
        Err(_) => Ok(usual),
    }
}
