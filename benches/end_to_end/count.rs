//! What more cores would do, by counting: `cargo bench --bench end_to_end -- count` (needs valgrind).
//!
//! callgrind counts every instruction of one thread's work on a small capture, and what a first-level cache of 48 kB and
//! a second level of 2 MB would have missed. The work is shared out among the stages of [`STAGES`]; the serial ones bound
//! what any number of cores can do.
//!
//! callgrind knows no SHA and AES instructions: what a processor does in hardware is counted in software there, which
//! makes certificates, JA4 and QUIC dearer than they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::capture::{self, Capture};
use super::rivals::FLOWSIFT;

/// The word with which this program counts.
pub const COMMAND: &str = "count";

/// A stage of the engine: functions whose work it is, calls included.
struct Stage {
    name: &'static str,
    /// Who may run it.
    on: Runs,
    /// How the functions' names end; of several with `|` between them the first that is seen. One that was inlined is not
    /// seen, and its work is its caller's.
    functions: &'static [&'static str],
    /// The stage that calls it, if one does: its work is not counted there.
    within: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// One thread, in order.
    Serial,
    /// Any number, each on shards of its own.
    Parallel,
    /// Once, however long the capture is.
    Once,
}

const ALL: &str = "all";
/// The division of the work as the engine's driver has it today. The names of functions are those of `works.rs`.
const STAGES: [Stage; 8] = [
    stage("start: policy and files", Runs::Once, &["policy_file::load"], None),
    stage(
        "read: where records are",
        Runs::Parallel,
        &["as flowsift::engine::epoch::Source>::fill"],
        Some("fill: read and decode"),
    ),
    stage("fill: read and decode", Runs::Parallel, &["Works::fill"], None),
    stage("drain the shards", Runs::Parallel, &["Works::drain"], None),
    stage("gather: what leaves, in order", Runs::Serial, &["Works::gather"], None),
    stage("press: names, verdicts, text", Runs::Parallel, &["Works::press"], None),
    stage("give: text out", Runs::Serial, &["Works::give"], None),
    stage("trim: the history's caps", Runs::Serial, &["Works::trim"], None),
];

const fn stage(
    name: &'static str,
    on: Runs,
    functions: &'static [&'static str],
    within: Option<&'static str>,
) -> Stage {
    Stage {
        name,
        on,
        functions,
        within,
    }
}

const LINE: f64 = 64.0;
const CACHES: [&str; 3] = ["--cache-sim=yes", "--D1=49152,12,64", "--LL=2097152,16,64"];
const CORES: [f64; 4] = [2.0, 4.0, 16.0, 64.0];

/// Instructions, and cache lines from beyond the second level.
#[derive(Clone, Copy, Default)]
struct Work {
    instructions: f64,
    lines: f64,
}

impl Work {
    fn less(self, other: Work) -> Work {
        Work {
            instructions: self.instructions - other.instructions,
            lines: self.lines - other.lines,
        }
    }

    fn and(self, other: Work) -> Work {
        Work {
            instructions: self.instructions + other.instructions,
            lines: self.lines + other.lines,
        }
    }
}

/// Counts, and says what follows.
pub fn measure(folder: &Path) -> Result<String, String> {
    let paths = capture::small(&folder.join("small"))?;
    let mut out = String::new();
    for path in paths {
        let capture = Capture::of(&path)?;
        let functions = counted(folder, &capture)?;
        let _ = writeln!(out, "### {}\n\n- Input: {}\n", capture.name, capture.describe());
        tell(&mut out, &capture, &functions);
    }
    Ok(out)
}

/// Every function with its work, calls included, as callgrind has them.
fn counted(folder: &Path, capture: &Capture) -> Result<Functions, String> {
    let profile = folder.join("callgrind.out");
    let mut profile_option = std::ffi::OsString::from("--callgrind-out-file=");
    profile_option.push(&profile);
    let ran = Command::new("valgrind")
        .arg("--tool=callgrind")
        .args(CACHES)
        .arg(profile_option)
        .arg(FLOWSIFT)
        .args(["read", "--format", "json", "--threads", "1"])
        .arg(&capture.path)
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !ran.is_ok_and(|status| status.success()) {
        return Err("valgrind --tool=callgrind could not run flowsift: is it installed?".to_owned());
    }
    let told = Command::new("callgrind_annotate")
        .args(["--inclusive=yes", "--threshold=100", "--auto=no", "--show=Ir,DLmr,DLmw"])
        .arg(&profile)
        .output()
        .map_err(|error| format!("callgrind_annotate: {error}"))?;
    let text = String::from_utf8_lossy(&told.stdout);
    let mut functions = Functions::new();
    for (name, work) in text.lines().filter_map(function) {
        // A function has a line for each file that parts of it were written in; one of them has all of it.
        let largest = functions.entry(name).or_default();
        if work.instructions > largest.instructions {
            *largest = work;
        }
    }
    Ok(functions)
}

/// Functions by name, with their work.
type Functions = BTreeMap<String, Work>;

/// The work of a stage's functions; None if none of them is seen.
fn work_of(stage: &Stage, functions: &Functions) -> Option<Work> {
    let one = |name: &str| {
        let mut found = functions.iter().filter(|(function, _)| function.ends_with(name));
        let (_, first) = found.next()?;
        Some(found.fold(*first, |sum, (_, work)| sum.and(*work)))
    };
    let each = stage
        .functions
        .iter()
        .filter_map(|names| names.split('|').find_map(one));
    each.reduce(Work::and)
}

/// A line of callgrind_annotate: `1,234 (56.7%)  12 ( 3.4%)  .  FILE:FUNCTION [OBJECT]`.
fn function(line: &str) -> Option<(String, Work)> {
    let mut rest = line.trim_start();
    let mut counts = [0.0; 3];
    for count in &mut counts {
        let (number, after) = rest.split_once(' ')?;
        *count = match number {
            "." => 0.0,
            number => number.replace(',', "").parse().ok()?,
        };
        rest = after.trim_start();
        if rest.starts_with('(') {
            rest = rest.split_once(')')?.1.trim_start();
        }
    }
    let work = Work {
        instructions: counts[0],
        lines: counts[1] + counts[2],
    };
    if rest == "PROGRAM TOTALS" {
        return Some((ALL.to_owned(), work));
    }
    let (_, name) = rest.split_once(':')?;
    let name = name.split_once(" [").map_or(name, |(name, _)| name);
    Some((name.to_owned(), work))
}

fn tell(out: &mut String, capture: &Capture, functions: &Functions) {
    let all = functions.get(ALL).copied().unwrap_or_default();
    let mut rest = all;
    let (mut serial, mut parallel) = (Work::default(), Work::default());
    let packets = capture.packets as f64;
    let _ = writeln!(
        out,
        "| stage | on | instructions a packet | share | bytes a packet from beyond 2 MB |"
    );
    let _ = writeln!(out, "| --- | --- | ---: | ---: | ---: |");
    let mut row = |name: &str, on: Runs, work: Work| {
        let on = match on {
            Runs::Serial => "one thread",
            Runs::Parallel => "all",
            Runs::Once => "once",
        };
        let share = 100.0 * work.instructions / all.instructions;
        let _ = writeln!(
            out,
            "| {name} | {on} | {:.0} | {share:.1} % | {:.0} |",
            work.instructions / packets,
            work.lines * LINE / packets
        );
    };
    let mut unseen = Vec::new();
    for stage in &STAGES {
        let Some(whole) = work_of(stage, functions) else {
            unseen.push(stage.name);
            continue;
        };
        let called = STAGES.iter().filter(|other| other.within == Some(stage.name));
        let called = called.filter_map(|other| work_of(other, functions));
        let work = called.fold(whole, Work::less);
        rest = rest.less(work);
        match stage.on {
            Runs::Serial => serial = serial.and(work),
            Runs::Parallel => parallel = parallel.and(work),
            Runs::Once => {}
        }
        row(stage.name, stage.on, work);
    }
    row("the rest", Runs::Serial, rest);
    serial = serial.and(rest);
    if !unseen.is_empty() {
        let _ = writeln!(
            out,
            "\nNot seen (inlined or renamed, counted in the rest): {}",
            unseen.join(", ")
        );
    }
    let share = serial.instructions / (serial.instructions + parallel.instructions);
    let _ = writeln!(
        out,
        "\nSerial: {:.1} % of what grows with the capture.\n",
        share * 100.0
    );
    let _ = writeln!(
        out,
        "| cores | one after the other (Amdahl) | the serial part beside the others |"
    );
    let _ = writeln!(out, "| ---: | ---: | ---: |");
    for cores in CORES {
        let amdahl = 1.0 / (share + (1.0 - share) / cores);
        let beside = cores.min(1.0 / share);
        let _ = writeln!(out, "| {cores} | {amdahl:.2} | {beside:.2} |");
    }
    out.push('\n');
}
