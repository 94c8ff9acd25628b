//! `--metrics`: the numbers of a run that goes on, for whoever asks over HTTP.
//!
//! Nothing waits for the asker: rows are counted where they are made, and a page is written on the asker's own thread ([`serve`]).

pub mod serve;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use self::serve::Server;
use super::exit::Failure;
use super::plan::{Input, Plan};
use super::status;
use crate::engine::drive::SoFar;
use crate::engine::rows::Row;
use crate::sink::PolicyNames;
use crate::sink::metrics::{self, Build, Counters, Gauges, Interface};
use crate::source::meter::Meter;

/// A port alone is one of this host alone.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(local, port));
    }
    let named = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    named
        .map(|port| SocketAddr::new(local, port))
        .or_else(|| text.parse().ok())
        .ok_or_else(|| {
            "give a port (9290: reachable from this host alone), or an address and a port (0.0.0.0:9290, [::]:9290: from everywhere)"
                .to_owned()
        })
}

/// Counts, and tells, until it is dropped.
pub struct Metrics {
    board: Arc<Board>,
    server: Server,
}

/// What the pages are made of.
struct Board {
    counters: Counters,
    meter: Arc<Meter>,
    /// In the meter's order.
    interfaces: Vec<String>,
    undecoded: AtomicU64,
    open: AtomicU64,
    started_seconds: f64,
    build: Build,
}

impl Metrics {
    /// Begins to listen for askers. There is nothing to tell of files that are read once.
    pub fn start(plan: &Plan, policy: &PolicyNames, meter: Option<Arc<Meter>>) -> Result<Option<Metrics>, Failure> {
        let (Some(address), Some(meter)) = (plan.metrics, meter) else {
            return Ok(None);
        };
        let board = Arc::new(Board {
            counters: Counters::new(policy),
            meter,
            interfaces: match &plan.input {
                Input::Interfaces(listening) => listening.names.clone(),
                _ => Vec::new(),
            },
            undecoded: AtomicU64::new(0),
            open: AtomicU64::new(0),
            started_seconds: since_1970(),
            build: Build {
                version: env!("CARGO_PKG_VERSION"),
                policy: policy.name.clone(),
                policy_sha256: policy.sha256.clone(),
            },
        });
        let its = Arc::clone(&board);
        let server = Server::start(address, Arc::new(move || its.page())).map_err(|error| {
            let remedy = "give --metrics another port, or an address of this host";
            Failure::new(format!(
                "{}; {remedy}",
                Failure::io("serve metrics at", address, &error).0
            ))
        })?;
        Ok(Some(Metrics { board, server }))
    }

    /// Where they are served: the port was the system's choice if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// On any thread.
    pub fn count(&self, row: &Row) {
        self.board.counters.count(row);
    }

    pub fn so_far(&self, counts: SoFar) {
        let ended = self.board.counters.flows.load(Ordering::Relaxed);
        self.board
            .open
            .store(counts.flows.saturating_sub(ended), Ordering::Relaxed);
        self.board.undecoded.store(counts.undecoded, Ordering::Relaxed);
    }
}

impl Board {
    fn page(&self) -> String {
        let numbers = self.meter.numbers();
        let lines = self.interfaces.iter().zip(&self.meter.interfaces);
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let interfaces = lines.map(|(name, line)| Interface {
            name: name.clone(),
            received: of(&line.received),
            dropped_by_kernel: of(&line.dropped_by_kernel),
            dropped_by_interface: of(&line.dropped_by_interface),
        });
        let gauges = Gauges {
            interfaces: interfaces.collect(),
            files: self.interfaces.is_empty().then_some(numbers.files as u64),
            packets: numbers.taken,
            undecoded: of(&self.undecoded),
            kept: numbers.keeps.then_some((numbers.kept, numbers.unkept)),
            flows_open: of(&self.open),
            // The time in a file that is followed is the time of its making.
            lag_seconds: match self.interfaces.is_empty() {
                true => 0.0,
                false => status::lag(&numbers).as_secs_f64(),
            },
            memory_bytes: resident_bytes(),
            started_seconds: self.started_seconds,
            build: self.build.clone(),
        };
        metrics::render(&self.counters, &gauges)
    }
}

fn since_1970() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}

/// proc_pid_status(5): `VmRSS:     12345 kB`
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_for_this_host_alone() {
        let said = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(said("9290").as_deref(), Ok("127.0.0.1:9290"));
        assert_eq!(said("localhost:9290").as_deref(), Ok("127.0.0.1:9290"));
        assert_eq!(said("0.0.0.0:1").as_deref(), Ok("0.0.0.0:1"));
        assert_eq!(said("[::1]:9290").as_deref(), Ok("[::1]:9290"));
        for bad in ["", ":9290", "eth0", "99999", "127.0.0.1", "host.example:9290"] {
            assert!(said(bad).unwrap_err().contains("give a port"), "{bad}");
        }
    }
}
