//! One process from its start to its end: time, processor time and peak memory.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::machine;

#[derive(Clone, Copy)]
pub struct Run {
    pub wall: Duration,
    pub cpu: Duration,
    /// Never less than what this program had itself when it started the other: the kernel counts from the fork.
    pub peak_bytes: u64,
}

/// How a run went.
#[derive(Clone, Copy)]
pub enum Outcome {
    Done(Run),
    /// It was ended after this long.
    TooLong(Duration),
    Failed,
}

impl Outcome {
    pub fn done(self) -> Option<Run> {
        match self {
            Outcome::Done(run) => Some(run),
            _ => None,
        }
    }
}

/// Runs a command in `folder`, its output to /dev/null, for `limit` at most and in three quarters of the machine's memory.
pub fn whole(command: &[PathBuf], folder: &Path, limit: Duration) -> Outcome {
    let [program, arguments @ ..] = command else {
        return Outcome::Failed;
    };
    let begin = Instant::now();
    let started = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        return Outcome::Failed;
    };
    let process = child.id();
    bound_memory(process);
    let (over, is_over) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let too_long = is_over.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if too_long {
            // SAFETY: no memory is touched; the child is ours and has not been waited for.
            unsafe { libc::kill(process as libc::pid_t, libc::SIGKILL) };
        }
        too_long
    });
    let ended = wait(process);
    let wall = begin.elapsed();
    drop(over);
    if watch.join().unwrap_or(false) {
        return Outcome::TooLong(limit);
    }
    match ended {
        Some((cpu, peak_bytes)) => Outcome::Done(Run { wall, cpu, peak_bytes }),
        None => Outcome::Failed,
    }
}

/// A program that holds all of a flood must not take the machine with it.
fn bound_memory(process: u32) {
    let Some(memory) = machine::memory() else { return };
    let most = memory / 4 * 3;
    let bound = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    // SAFETY: the limit is read and nothing is written; the child is ours and has not been waited for.
    unsafe { libc::prlimit(process as libc::pid_t, libc::RLIMIT_AS, &bound, std::ptr::null_mut()) };
}

/// Waits for a child of ours: its processor time and the most memory it had; None if it failed.
pub fn wait(process: u32) -> Option<(Duration, u64)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places are ours and large enough; the child is ours, and nobody else waits for it.
    let waited = unsafe { libc::wait4(process as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
    // SAFETY: all zeroes is a valid value, so it is initialised whether or not the call has filled it.
    let usage = unsafe { usage.assume_init() };
    let duration = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    let is_done = waited > 0 && status == 0;
    is_done.then(|| {
        let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
        (cpu, usage.ru_maxrss as u64 * 1024)
    })
}
