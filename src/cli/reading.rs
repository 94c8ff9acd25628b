//! What commands take that read captures and write something else than records of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args as Group;

use super::args::{Args, Colour, Command, Common, ReadArgs};
use super::connect::{self, Ended, Reader};
use super::exit::Failure;
use super::plan::{Plan, Surroundings};
use super::progress::Progress;
use super::{quantity, say};
use crate::engine::drive::Outlet;
use crate::engine::limits::DEFAULT_MEMORY;
use crate::engine::rows::CaptureRow;
use crate::policy::compile::Policy;
use crate::sink::Labels;

/// How the reading is done, and where its result goes.
#[derive(Debug, Group)]
pub struct Reading {
    /// Write here instead of to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// How many threads may work; the result does not depend on it [default: the processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// How much memory the flows and names may take: what is beyond it is written out early, and counted
    #[arg(long, value_name = "SIZE", default_value = "300MB", value_parser = quantity::size)]
    pub memory: u64,

    /// Neither progress nor warnings; errors stay
    #[arg(short, long)]
    pub quiet: bool,

    /// Whether to use colours; `auto` heeds NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", alias = "colour")]
    pub color: Colour,
}

impl Reading {
    /// As `read` would read these files under this policy, with their SHA-256.
    pub fn plan(self, files: Vec<PathBuf>, policy: String, around: &Surroundings) -> Result<Plan, Failure> {
        self.plan_filtered(files, policy, None, around)
    }

    /// The same of the packets that pass a filter alone.
    pub fn plan_filtered(
        self,
        files: Vec<PathBuf>,
        policy: String,
        filter: Option<String>,
        around: &Surroundings,
    ) -> Result<Plan, Failure> {
        debug_assert_eq!(quantity::size("300MB").ok(), Some(DEFAULT_MEMORY));
        let common = Common {
            policy,
            format: None,
            output: self.output,
            filter,
            classes: Vec::new(),
            flags: Vec::new(),
            fail_on: Vec::new(),
            names: true,
            threads: self.threads,
            memory: self.memory,
            quiet: self.quiet,
            color: self.color,
        };
        let read = ReadArgs {
            files,
            hash: true,
            follow: false,
            duration: None,
            stats: None,
            metrics: None,
            common,
        };
        let args = Args {
            command: Command::Read(read),
            config: None,
        };
        Plan::new(args, around)
    }
}

/// One pass over what the plan names. What is to be said of the inputs is left to [`tell`].
pub fn pass<O: Outlet>(plan: &Plan, outlet: impl FnOnce(Labels) -> O) -> Result<(O, Ended), Failure> {
    run(connect::open(plan)?, plan, outlet)
}

/// The same under another policy than the plan's, of which all has been said already.
pub fn pass_under<O: Outlet>(
    plan: &Plan,
    policy: &Arc<Policy>,
    outlet: impl FnOnce(Labels) -> O,
) -> Result<(O, Ended), Failure> {
    run(connect::open_under(plan, Arc::clone(policy))?, plan, outlet)
}

fn run<O: Outlet>(
    mut reader: Box<dyn Reader>,
    plan: &Plan,
    outlet: impl FnOnce(Labels) -> O,
) -> Result<(O, Ended), Failure> {
    plan.output.spare(reader.policy_files())?;
    let mut outlet = outlet(reader.labels());
    let mut progress = match reader.progress() {
        Some(reading) if plan.progress => Progress::start(reading),
        _ => Progress::default(),
    };
    let ended = reader.run(&mut outlet);
    progress.stop();
    Ok((outlet, ended))
}

/// Warnings, if they are wanted, and faults; whether there were faults.
pub fn tell(ended: &Ended, plan: &Plan) -> bool {
    let lines = ended.warnings.iter().filter(|_| plan.warnings).chain(&ended.faults);
    lines.for_each(|line| say(line));
    !ended.faults.is_empty()
}

/// What reads its files twice cannot read what can be read once: standard input, a pipe, a device. `command` is its name.
pub fn check_readable_twice(files: &[PathBuf], command: &str) -> Result<(), Failure> {
    let Some(file) = files.iter().find(|file| is_read_once(file)) else {
        return Ok(());
    };
    let name = match file.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    Err(Failure::new(format!(
        "{name}: {command} reads its files twice, and this can be read once: write it into a file first, and name that"
    )))
}

fn is_read_once(file: &Path) -> bool {
    file.as_os_str() == "-" || fs::metadata(file).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

/// What was found in one reading must not be told with what another reading of other bytes gave.
pub fn check_unchanged(first: &[CaptureRow], second: &[CaptureRow]) -> Result<(), Failure> {
    let same = |(a, b): &(&CaptureRow, &CaptureRow)| (a.sha256.as_ref(), &a.file) == (b.sha256.as_ref(), &b.file);
    let changed = first.iter().zip(second).find(|pair| !same(pair));
    match changed {
        None if first.len() == second.len() => Ok(()),
        Some((capture, _)) => Err(Failure::new(format!(
            "{}: it changed while it was read; copy it, and name the copy",
            capture.file
        ))),
        None => Err(Failure::new(
            "other files came or went while the folder was read; copy it, and name the copy",
        )),
    }
}
