//! What is drawn: a copy of the board at one moment, and numbers that need no copy.

use std::sync::Arc;

use super::classes::ClassSum;
use super::endpoints::Endpoint;
use super::findings::Found;
use super::flows::Seen;

/// The board at one moment. It never changes.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The time of the packet seen last.
    pub now_ns: u64,
    pub ended: u64,
    pub running: u64,
    /// How many of those under way were told of, now or before.
    pub told: u64,
    pub names: u64,
    pub undecoded: u64,
    /// Everything that was carried.
    pub total: ClassSum,
    /// Bytes of flows under way that no class has yet; None where not all flows are shown.
    pub unclassed: Option<u64>,
    pub classes: Vec<ClassSum>,
    pub flows: Vec<Arc<Seen>>,
    pub findings: Vec<Arc<Found>>,
    pub more_findings: u64,
    pub endpoints: Vec<Endpoint>,
}

/// Numbers as of now, however old the snapshot is.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// What is listened to, or followed. Clean.
    pub source: String,
    /// The policy's name. Clean.
    pub policy: String,
    pub elapsed_ns: u64,
    /// Handed out by the kernel, or read from files.
    pub packets: u64,
    /// None: files are followed, and nothing is dropped.
    pub dropped: Option<Dropped>,
    pub lag_ns: u64,
    pub files: usize,
    /// Packets written to files, and not, where that was asked for.
    pub kept: Option<(u64, u64)>,
    /// The run is coming to its end.
    pub ending: bool,
    /// What cannot wait for the end: the newest such line. Clean.
    pub said: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    pub kernel: u64,
    pub interface: u64,
}

impl Dropped {
    pub fn sum(self) -> u64 {
        self.kernel.saturating_add(self.interface)
    }
}

impl Gauges {
    pub fn has_dropped(&self) -> bool {
        self.dropped.is_some_and(|dropped| dropped.sum() > 0)
    }
}
