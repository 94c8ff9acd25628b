//! When listening or following comes to its end.
//!
//! ```text
//!  Listening ── a signal, --duration ──▶ LastLook ── nothing more from before then ──▶ Over
//!      └──────────── --packets, nothing left to listen to ────────────────────────────▶
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What ends a run, whichever comes first.
#[derive(Debug, Clone, Default)]
pub struct Until {
    pub duration: Option<Duration>,
    pub packets: Option<u64>,
    /// Set by a signal.
    pub stop: Arc<AtomicBool>,
}

/// How near the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Listening,
    /// Told to stop: what came before `said_ns` still counts, if it is handed over by `until`.
    LastLook {
        said_ns: u64,
        until: Instant,
    },
    Over,
}

/// The way to the end.
#[derive(Debug)]
pub struct Ending {
    until: Until,
    ends: Option<Instant>,
    last_look: Duration,
    phase: Phase,
}

impl Ending {
    /// The clock begins now; the end waits `last_look` for what was under way.
    pub fn new(until: Until, last_look: Duration) -> Ending {
        Ending {
            ends: until.duration.and_then(|duration| Instant::now().checked_add(duration)),
            until,
            last_look,
            phase: Phase::Listening,
        }
    }

    /// What signals, the clock and the count of packets taken have to say.
    pub fn heed(&mut self, now: Instant, taken: u64) -> Phase {
        if self.packets_left(taken) == 0 {
            self.phase = Phase::Over;
        }
        match self.phase {
            Phase::Listening
                if self.until.stop.load(Ordering::Relaxed) || self.ends.is_some_and(|ends| now >= ends) =>
            {
                self.phase = Phase::LastLook {
                    said_ns: now_ns(),
                    until: now + self.last_look,
                };
            }
            _ => {}
        }
        self.phase
    }

    /// Nothing is at hand: once the last look has taken its time that is the end.
    pub fn nothing_at_hand(&mut self, now: Instant) {
        if matches!(self.phase, Phase::LastLook { until, .. } if now >= until) {
            self.phase = Phase::Over;
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// There is nothing left to wait for.
    pub fn over(&mut self) {
        self.phase = Phase::Over;
    }

    /// How many more packets are wanted.
    pub fn packets_left(&self, taken: u64) -> u64 {
        self.until.packets.map_or(u64::MAX, |most| most.saturating_sub(taken))
    }

    /// What came later does not count any more.
    pub fn latest_ns(&self) -> u64 {
        match self.phase {
            Phase::LastLook { said_ns, .. } => said_ns,
            _ => u64::MAX,
        }
    }

    /// When the clock has its next say.
    pub fn next(&self) -> Option<Instant> {
        match self.phase {
            Phase::LastLook { until, .. } => Some(until),
            _ => self.ends,
        }
    }
}

/// The clock, as packets are stamped by it.
pub fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_leaves_time_for_what_was_under_way_and_a_count_does_not() {
        let until = Until {
            packets: Some(3),
            ..Until::default()
        };
        let mut ending = Ending::new(until.clone(), Duration::from_secs(1));
        let now = Instant::now();
        assert_eq!(ending.heed(now, 2), Phase::Listening);
        assert_eq!((ending.packets_left(2), ending.latest_ns()), (1, u64::MAX));
        until.stop.store(true, Ordering::Relaxed);
        assert!(matches!(ending.heed(now, 2), Phase::LastLook { .. }));
        assert!(ending.latest_ns() < u64::MAX);
        let later = now + Duration::from_secs(2);
        assert!(
            matches!(ending.heed(later, 2), Phase::LastLook { .. }),
            "there may be a lot to look at"
        );
        ending.nothing_at_hand(later);
        assert_eq!(ending.heed(later, 2), Phase::Over);

        let mut ending = Ending::new(until, Duration::from_secs(1));
        assert_eq!(ending.heed(now, 3), Phase::Over);
    }
}
