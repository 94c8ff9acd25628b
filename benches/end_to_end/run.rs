//! One process from its start to its end: time, processor time and peak memory.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub struct Run {
    pub wall: Duration,
    pub cpu: Duration,
    /// Never less than what this program had itself when it started the other: the kernel counts from the fork.
    pub peak_bytes: u64,
}

/// Runs a command, its output to /dev/null.
pub fn whole(command: &[PathBuf]) -> Result<Run, String> {
    let [program, arguments @ ..] = command else {
        return Err("an empty command".to_owned());
    };
    let begin = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places are ours and large enough; the child is ours, and nobody else waits for it.
    let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
    let wall = begin.elapsed();
    // SAFETY: all zeroes is a valid value, so it is initialised whether or not the call has filled it.
    let usage = unsafe { usage.assume_init() };
    if waited < 0 || status != 0 {
        return Err(format!("{} failed ({status:#x})", program.display()));
    }
    let duration = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok(Run {
        wall,
        cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        peak_bytes: usage.ru_maxrss as u64 * 1024,
    })
}
