//! Every bound of the engine, and what happens when it is met.
//!
//! One budget, `--memory`, is divided here among what can grow with hostile input. A bound never refuses the
//! new: the oldest leaves, with a record, and is counted.

use super::times::TIME_BYTES;
use crate::flow::expiry::SECOND;

/// Shards are part of the meaning (each has its own table and its share of every cap); threads are not.
pub const SHARDS: usize = 64;

/// Marks of the input, in packets: names are bound, time's sweep runs, caps of shared state are applied and records
/// leave at these, and only at these, so that no epoch or thread can change a record.
pub const PACKETS_A_MARK: u64 = 8_192;

/// `--memory` where nothing is said.
pub const DEFAULT_MEMORY: u64 = 300_000_000;
/// Less is not accepted: the fixed parts would not fit.
pub const LEAST_MEMORY: u64 = 16_000_000;

/// The size of an epoch, in bytes of input: what fits the processor's second-level cache, with room for
/// the packets' references.
pub const EPOCH_BYTES: usize = 512 << 10;

/// What one flow costs: the record, its index entry at the fullest, its entry in the calendar.
pub const FLOW_BYTES: u64 = 160 + 16 + 16;
/// What one flow may cost while undecided: two directions of kept bytes and the probe.
const OPEN_FLOW_BYTES: u64 = 2 * 16 * 1024;
/// What one address in the name history costs with its claims, as measured on real answers.
const NAMED_ADDRESS_BYTES: u64 = 512;
/// For so long behind a packet it is remembered who was answered: what an open flow may still ask for, since no window
/// reaches further back than [`WINDOW_AT_MOST`] from the flow's last packet, and none lingers longer than 15 minutes.
pub const ANSWERS_KEPT: u64 = 40 * 60 * SECOND;
/// How far before its last packet it is looked for answers that a silent flow's client got.
pub const WINDOW_AT_MOST: u64 = 20 * 60 * SECOND;

/// The caps that follow from a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the flows of a shard and of what is known of them; met: the flow whose time is over soonest leaves, quality `evicted`.
    pub flow_bytes_a_shard: u64,
    /// Bytes that the probes of a shard may hold; met: the probe that began first is closed and its flow decided as it stands, quality `budget`.
    pub probe_bytes_a_shard: u64,
    /// Addresses in the name history; met: those named longest ago leave.
    pub named_addresses: usize,
    /// Bytes of a shard's answers that wait for the mark, with the claims that will come of them; met: an answer keeps its record and names nothing.
    pub answer_bytes_a_shard: u64,
    /// Bytes of a shard's failed lookups that wait for what comes after; met: the one that is due first leaves, and cannot be told to be blocked.
    pub held_bytes_a_shard: u64,
    /// Clients and minutes of which it is known that they were answered; met: the oldest minutes are forgotten, and a silence of that time cannot be told.
    pub answers: usize,
    /// The same of questions, where names are asked for.
    pub replies: usize,
    /// Bytes of IP fragments waiting; met: the oldest datagram leaves, quality `fragment`.
    pub fragment_bytes: usize,
}

impl Limits {
    /// Divides `memory` bytes. What is left over is for what surrounds them: the allocator's own room, epochs under way, rows.
    pub fn of(memory: u64) -> Limits {
        let share = |percent: u64| memory.max(LEAST_MEMORY) / 100 * percent;
        Limits {
            flow_bytes_a_shard: share(36) / SHARDS as u64,
            probe_bytes_a_shard: (share(15) / SHARDS as u64).max(OPEN_FLOW_BYTES),
            answer_bytes_a_shard: share(6) / SHARDS as u64,
            named_addresses: (share(9) / NAMED_ADDRESS_BYTES) as usize,
            held_bytes_a_shard: share(2) / SHARDS as u64,
            answers: (share(3) / TIME_BYTES) as usize,
            replies: (share(2) / TIME_BYTES) as usize,
            fragment_bytes: share(4) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_stay_within_the_budget() {
        for memory in [LEAST_MEMORY, DEFAULT_MEMORY, 4 << 30] {
            let limits = Limits::of(memory);
            let flows = limits.flow_bytes_a_shard * SHARDS as u64;
            let probes = limits.probe_bytes_a_shard * SHARDS as u64;
            let names = limits.named_addresses as u64 * NAMED_ADDRESS_BYTES;
            let times = (limits.answers + limits.replies) as u64 * TIME_BYTES;
            let held = limits.held_bytes_a_shard * SHARDS as u64;
            assert!(
                times + held + flows + probes + names + limits.fragment_bytes as u64 <= memory,
                "{memory}: {limits:?}"
            );
        }
    }
}
