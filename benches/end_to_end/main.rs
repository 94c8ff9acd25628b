//! The whole program on large captures, beside what the machine can do at best and beside what others do:
//! `cargo bench --bench end_to_end`.
//!
//! ```text
//!   captures ─▶ flowsift with 1 thread, 2, all cores ┐
//!            ─▶ floor: a C program that walks the file ├─ five rounds, each in turn ─▶ a table for each capture
//!            ─▶ the same walk in Rust                ┤
//!            ─▶ tcpdump, nDPI, tshark, ... if there  ┘
//! ```
//!
//! | variable | what it says | default |
//! | --- | --- | --- |
//! | `FLOWSIFT_BENCH_CAPTURES` | pcap files to read, with `:` between them; `made`: our own, whatever is at hand | those of `make_bench.sh` if it is at hand, else our own (see [`made`]) |
//! | `FLOWSIFT_BENCH_PERCENT` | size of our own | 100 |
//! | `FLOWSIFT_BENCH_ROUNDS` | rounds | 5 |
//! | `FLOWSIFT_BENCH_LIMIT` | seconds after which a program is ended | 120 |
//! | `FLOWSIFT_BENCH_TOOLS` | the folder of `floor.c` and `make_bench.sh`, if they are at hand | beside the crate's (`TOOLS`) |
//! | `FLOWSIFT_BENCH_PAGE` | the page whose figures are rewritten | none |
//!
//! Every row is a process of its own, whole: start, reading, end. With the word `floods` behind `--` it is floods that are
//! measured (see [`floods`]), with `count` what more cores would do (see [`count`]). Tables are Markdown, for BENCHMARKS.md.

#[path = "../../tests/traffic/mod.rs"]
#[allow(dead_code)]
mod traffic;

#[path = "../page.rs"]
mod page;

mod capture;
mod count;
mod day;
mod floods;
mod machine;
mod made;
mod quic;
mod rivals;
mod run;
mod table;
mod walk;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use capture::Capture;
use rivals::{Rival, Role};
use run::Outcome;
use table::Runs;

/// Where tools may be that make captures and measure the machine, seen from the crate.
const TOOLS: &str = "../shared/tools";
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// Another's program whose first round took longer is not called again.
const SLOW: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        [walk::COMMAND, file] => walk::run(Path::new(file)).map(|told| println!("{told}")),
        [made::COMMAND, folder, percent] => match percent.parse() {
            Ok(percent) => made::make(Path::new(folder), percent),
            Err(_) => Err(format!("{percent} is no number")),
        },
        // Without the option it is a test run of all targets, and there is nothing to test here.
        words if !words.contains(&"--bench") => Ok(()),
        words if words.contains(&count::COMMAND) => folder().and_then(|folder| {
            let told = count::measure(&folder)?;
            page::show("count", &told);
            Ok(())
        }),
        words if words.contains(&floods::COMMAND) => floods::measure().map(|told| page::show("floods", &told)),
        _ => measure(),
    };
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
    let rounds: u32 = number("FLOWSIFT_BENCH_ROUNDS", 5)?.max(1);
    let limit = Duration::from_secs(number("FLOWSIFT_BENCH_LIMIT", 120)?);
    let (paths, origin) = capture::chosen(&folder)?;
    let before = machine::load();
    let mut tables = String::new();
    let mut commands: Vec<(String, String)> = Vec::new();
    for path in paths {
        let path = fs::canonicalize(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let capture = Capture::of(&path)?;
        let answer = rivals::answer_of_flowsift(&capture)?;
        let rivals = rivals::all(&folder, &capture);
        eprintln!("{}: {} programs", capture.name, rivals.len());
        let runs = take_turns(&folder, &rivals, rounds, limit)?;
        let _ = writeln!(tables, "\n### {}\n\n- Input: {}", capture.name, capture.describe());
        let _ = writeln!(tables, "- Answer: {answer}\n\n{}", table::of(&capture, &rivals, &runs));
        for rival in rivals {
            let told = (rival.name, rival.shown);
            if !commands.contains(&told) {
                commands.push(told);
            }
        }
    }
    let mut out = format!("- Machine: {}\n", machine::name());
    let _ = writeln!(out, "- Load: {before} before and {} after", machine::load());
    let _ = writeln!(out, "- Captures: {origin}, in the page cache");
    let _ = writeln!(
        out,
        "- Best of {rounds} rounds, every program once a round; whole processes, output to /dev/null. Of the others \
         one that took more than {} s was run once; whatever took more than {} s was ended.",
        SLOW.as_secs(),
        limit.as_secs()
    );
    for (name, shown) in commands {
        let _ = writeln!(out, "- {name}: `{shown}`");
    }
    page::show("whole program", &format!("{out}{tables}"));
    Ok(())
}

/// Every program once, then every program once more, and so on.
fn take_turns(folder: &Path, rivals: &[Rival], rounds: u32, limit: Duration) -> Result<Vec<Runs>, String> {
    let mut runs: Vec<Runs> = rivals.iter().map(|_| Runs::new()).collect();
    for _ in 0..rounds {
        for (rival, runs) in rivals.iter().zip(&mut runs) {
            let is_slow = |outcome: &Outcome| outcome.done().is_none_or(|run| run.wall > SLOW);
            if rival.role == Role::Other && runs.first().is_some_and(is_slow) {
                continue;
            }
            let desk = desk(folder)?;
            let outcome = run::whole(&rival.command, &desk, limit);
            if matches!((rival.role, outcome), (Role::Own { .. }, Outcome::Failed)) {
                return Err(format!("`{}` failed", rival.shown));
            }
            runs.push(outcome);
        }
    }
    Ok(runs)
}

/// An empty folder for programs that write files where they are.
fn desk(folder: &Path) -> Result<PathBuf, String> {
    let desk = folder.join("desk");
    let _ = fs::remove_dir_all(&desk);
    fs::create_dir_all(&desk).map_err(|error| format!("{}: {error}", desk.display()))?;
    Ok(desk)
}

/// `target/bench`, wherever `target` is.
fn folder() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap_or(Path::new("target"));
    let folder = target.join("bench");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// A tool that is at hand, or where it would be.
fn tool(name: &str) -> PathBuf {
    let folder = env::var_os("FLOWSIFT_BENCH_TOOLS").map(PathBuf::from);
    folder
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(TOOLS))
        .join(name)
}

fn number<N: FromStr>(variable: &str, usual: N) -> Result<N, String> {
    match env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable}={text} is no number")),
        Err(_) => Ok(usual),
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
