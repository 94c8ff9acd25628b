//! What a running source tells of itself while it runs: numbers, and lines that cannot wait for its end.
//!
//! The source writes, whoever shows it reads, from another thread and as seldom as it likes: nothing here is ever waited for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The numbers and lines of one running source.
#[derive(Debug, Default)]
pub struct Meter {
    /// One an interface; none where files are followed.
    pub interfaces: Vec<KernelCounts>,
    /// Packets handed to the analysis.
    pub taken: AtomicU64,
    /// The newest of them, in nanoseconds since 1970.
    pub newest_ns: AtomicU64,
    /// Nothing more was at hand behind it.
    pub caught_up: AtomicBool,
    /// Packets are kept in files too.
    pub keeps: AtomicBool,
    /// Packets written to those files, and those that could not be.
    pub kept: AtomicU64,
    pub unkept: AtomicU64,
    /// Files begun, where files are followed.
    files: Mutex<Vec<String>>,
    /// What went wrong so far.
    said: Mutex<Vec<String>>,
}

/// What the kernel counts for one interface. Packets dropped by the kernel are among the received ones.
#[derive(Debug, Default)]
pub struct KernelCounts {
    pub received: AtomicU64,
    pub dropped_by_kernel: AtomicU64,
    pub dropped_by_interface: AtomicU64,
}

/// The numbers at one moment, over all interfaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    pub interfaces: usize,
    pub files: usize,
    pub received: u64,
    pub dropped_by_kernel: u64,
    pub dropped_by_interface: u64,
    pub taken: u64,
    pub newest_ns: u64,
    pub caught_up: bool,
    pub keeps: bool,
    pub kept: u64,
    pub unkept: u64,
}

impl Meter {
    /// For so many interfaces.
    pub fn new(interfaces: usize) -> Meter {
        Meter {
            interfaces: (0..interfaces).map(|_| KernelCounts::default()).collect(),
            ..Meter::default()
        }
    }

    pub fn numbers(&self) -> Numbers {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let sum = |number: fn(&KernelCounts) -> &AtomicU64| self.interfaces.iter().map(|line| of(number(line))).sum();
        Numbers {
            interfaces: self.interfaces.len(),
            files: lock(&self.files).len(),
            received: sum(|of| &of.received),
            dropped_by_kernel: sum(|of| &of.dropped_by_kernel),
            dropped_by_interface: sum(|of| &of.dropped_by_interface),
            taken: of(&self.taken),
            newest_ns: of(&self.newest_ns),
            caught_up: self.caught_up.load(Ordering::Relaxed),
            keeps: self.keeps.load(Ordering::Relaxed),
            kept: of(&self.kept),
            unkept: of(&self.unkept),
        }
    }

    /// Packets that the kernel and the interfaces have dropped.
    pub fn dropped(&self) -> u64 {
        let of = |line: &KernelCounts| {
            [&line.dropped_by_kernel, &line.dropped_by_interface].map(|n| n.load(Ordering::Relaxed))
        };
        self.interfaces.iter().flat_map(of).sum()
    }

    /// A line for people, at once. It is among the source's faults at the end too.
    pub fn say(&self, line: String) {
        lock(&self.said).push(line);
    }

    /// The lines behind the first `seen`.
    pub fn said_since(&self, seen: usize) -> Vec<String> {
        lock(&self.said).get(seen..).unwrap_or_default().to_vec()
    }

    /// A file was begun; its place in the list is its ordinal.
    pub fn begin_file(&self, name: String) {
        lock(&self.files).push(name);
    }

    /// The files behind the first `seen`.
    pub fn files_since(&self, seen: usize) -> Vec<String> {
        lock(&self.files).get(seen..).unwrap_or_default().to_vec()
    }
}

/// Lists are only ever added to: one that was left in the middle of that is as good as any.
fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_all_interfaces_and_lines_are_heard_once() {
        let meter = Meter::new(2);
        for (line, received) in meter.interfaces.iter().zip([5, 7]) {
            line.received.store(received, Ordering::Relaxed);
        }
        assert_eq!(meter.numbers().received, 12);
        meter.say("one".into());
        assert_eq!(meter.said_since(0), ["one"]);
        meter.say("two".into());
        assert_eq!(meter.said_since(1), ["two"]);
        assert!(meter.said_since(9).is_empty());
    }
}
