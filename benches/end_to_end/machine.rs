//! Which machine this is: a figure without it says nothing.

use std::fs;
use std::process::Command;
use std::thread;

pub fn name() -> String {
    let processor = value("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let memory = value("/proc/meminfo", "MemTotal").unwrap_or_else(|| "?".to_owned());
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "{processor}, {cores} cores, {memory} memory, {} {}, {}",
        std::env::consts::OS,
        system.trim(),
        compiler.unwrap_or_default()
    )
}

/// Bytes of memory.
pub fn memory() -> Option<u64> {
    let total = value("/proc/meminfo", "MemTotal")?;
    let kilobytes: u64 = total.split(' ').next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// How busy it was in the last minute.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

/// The first value of a key in one of the kernel's `key : value` files.
fn value(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
