//! Bytes by second, over the last two minutes.

/// Seconds that are remembered.
pub const SECONDS: usize = 120;
/// Rates are means of so many whole seconds, so that they can be read.
const MEAN_OF: usize = 3;

const SECOND: u64 = 1_000_000_000;

/// A ring of seconds; the newest is under way.
#[derive(Debug, Clone)]
pub struct Ring {
    bytes: [u64; SECONDS],
    /// The newest second, since 1970.
    newest: u64,
}

impl Default for Ring {
    fn default() -> Ring {
        Ring {
            bytes: [0; SECONDS],
            newest: 0,
        }
    }
}

impl Ring {
    /// The clock goes on; never back.
    pub fn advance(&mut self, now_ns: u64) {
        let now = now_ns / SECOND;
        let passed = now.saturating_sub(self.newest);
        for second in (now - passed.min(SECONDS as u64)..now).map(|second| second + 1) {
            self.bytes[place(second)] = 0;
        }
        self.newest = self.newest.max(now);
    }

    /// Adds bytes that were carried evenly between two moments; what lies further back than is remembered is left out.
    pub fn add(&mut self, from_ns: u64, to_ns: u64, bytes: u64) {
        let end = (self.newest + 1).saturating_mul(SECOND) - 1;
        let to_ns = to_ns.min(end);
        let from_ns = from_ns.min(to_ns);
        let oldest = (self.newest + 1).saturating_sub(SECONDS as u64);
        if to_ns / SECOND < oldest {
            return;
        }
        let (first, last) = ((from_ns / SECOND).max(oldest), to_ns / SECOND);
        let whole = u128::from(to_ns - from_ns).max(1);
        let mut rest = bytes;
        for second in first..last {
            let begin = from_ns.max(second * SECOND);
            let share = u128::from((second + 1) * SECOND - begin) * u128::from(bytes) / whole;
            let bytes = &mut self.bytes[place(second)];
            *bytes = bytes.saturating_add(share as u64);
            rest = rest.saturating_sub(share as u64);
        }
        // Of what began before all that is remembered, its part before that is gone.
        if from_ns / SECOND < oldest {
            rest = (u128::from(to_ns - last * SECOND) * u128::from(bytes) / whole) as u64;
        }
        let bytes = &mut self.bytes[place(last)];
        *bytes = bytes.saturating_add(rest);
    }

    /// Bits a second, just now.
    pub fn bits(&self) -> u64 {
        let seconds = self.recent().rev().take(MEAN_OF);
        let sum = seconds.fold(0u64, u64::saturating_add);
        sum.saturating_mul(8) / MEAN_OF as u64
    }

    /// The whole seconds, the oldest first.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        let oldest = (self.newest + 1).saturating_sub(SECONDS as u64);
        (oldest..self.newest).map(|second| self.bytes[place(second)])
    }
}

fn place(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> u64 {
        (1_000_000 + second) * SECOND
    }

    fn ring() -> Ring {
        let mut ring = Ring::default();
        ring.advance(at(0));
        ring
    }

    #[test]
    fn bytes_are_spread_over_the_seconds_that_carried_them() {
        let mut ring = ring();
        ring.advance(at(5));
        ring.add(at(1) + SECOND / 2, at(4), 250);
        let recent: Vec<u64> = ring.recent().skip(SECONDS - 6).collect();
        assert_eq!(recent, [0, 50, 100, 100, 0]);
        assert_eq!(ring.bits(), 200 * 8 / 3);
        // All in one moment.
        ring.add(at(3), at(3), 7);
        assert_eq!(ring.recent().nth(SECONDS - 3), Some(107));
    }

    #[test]
    fn what_is_too_old_or_not_yet_there_does_no_harm() {
        let mut ring = ring();
        ring.advance(at(600));
        ring.add(at(0), at(1), 1000);
        assert_eq!(ring.recent().sum::<u64>(), 0);
        // Half of it is remembered.
        ring.add(at(600 - 2 * SECONDS as u64), at(600), 2400);
        let sum: u64 = ring.recent().sum();
        assert!((1180..=1200).contains(&sum), "{sum}");
        ring.add(at(900), at(901), 5);
        ring.advance(at(599));
        ring.advance(at(601));
        assert_eq!(ring.recent().last(), Some(5));
        ring.advance(u64::MAX);
        assert_eq!(ring.recent().sum::<u64>(), 0);
    }
}
