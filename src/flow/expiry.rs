//! When a flow's time is over, in packet time.
//!
//! A flow ends at `last + linger(state)`; a later packet begins a new flow whether or not a sweep ran in between,
//! so a sweep only decides when memory is given back, never what a flow is.
//!
//! The calendar is lazy: a flow stands in it once, under the second in which its time would be over as
//! things stood when it was entered. A packet does not move it; the sweep finds it, sees that it has lived
//! on, and enters it anew.

use std::collections::{BTreeMap, VecDeque};

use super::table::Handle;

pub const SECOND: u64 = 1_000_000_000;

/// What a flow waits for, which decides how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// The answer to a SYN, or to a question.
    Answer,
    /// More of an open connection.
    More,
    /// Only stragglers of a finished one.
    Stragglers,
    Datagram,
    QuicDatagram,
    DnsAnswer,
}

impl Awaits {
    /// How long after its last packet the flow is kept.
    #[inline]
    pub fn linger(self) -> u64 {
        match self {
            // Long enough for the repeats of common systems (Linux: 31 s and 63 s after the first SYN) to be of one flow, and
            // for it to be known whether the client was answered by others up to a minute after.
            Awaits::Answer => 65 * SECOND,
            Awaits::More => 15 * 60 * SECOND,
            Awaits::Stragglers => 5 * SECOND,
            Awaits::Datagram => 60 * SECOND,
            Awaits::QuicDatagram => 5 * 60 * SECOND,
            Awaits::DnsAnswer => 10 * SECOND,
        }
    }

    /// The least of all lingers: a gap below it ends no flow, whatever it waits for.
    pub const SHORTEST: u64 = 5 * SECOND;
}

/// A flow is looked at again at least so often, so that a place in the calendar does not outlive its flow by much.
const CHECK_EVERY: u64 = 30 * SECOND;

/// Flows by the second in which their time may be over.
#[derive(Default)]
pub struct Calendar {
    seconds: BTreeMap<u64, VecDeque<Handle>>,
    /// The second entered last: new flows of one moment mostly share it.
    recent: Option<(u64, VecDeque<Handle>)>,
}

impl Calendar {
    /// Notes that the flow's time may be over at `deadline_ns`, and is to be looked at by then.
    #[inline]
    pub fn enter(&mut self, deadline_ns: u64, now_ns: u64, handle: Handle) {
        self.enter_exactly(deadline_ns.min(now_ns.saturating_add(CHECK_EVERY)), handle);
    }

    /// Notes it at its own second, however late.
    #[inline]
    pub fn enter_exactly(&mut self, deadline_ns: u64, handle: Handle) {
        let second = deadline_ns / SECOND;
        match &mut self.recent {
            Some((at, handles)) if *at == second => handles.push_back(handle),
            _ => {
                self.put_back_recent();
                let mut handles = self.seconds.remove(&second).unwrap_or_default();
                handles.push_back(handle);
                self.recent = Some((second, handles));
            }
        }
    }

    /// Takes the earliest second that is wholly before `now_ns`, with its flows in the order they were entered.
    pub fn take_before(&mut self, now_ns: u64) -> Option<VecDeque<Handle>> {
        self.put_back_recent();
        let entry = self.seconds.first_entry()?;
        (*entry.key() < now_ns / SECOND).then(|| entry.remove())
    }

    /// Takes the flow that was entered first for the earliest second there is, and says which second: to make room.
    pub fn take_earliest(&mut self) -> Option<(u64, Handle)> {
        let first = self.seconds.first_key_value().map(|(second, _)| *second);
        // What was entered last is nearly always later than all else, and stays where it can be added to.
        if let Some((second, handles)) = &mut self.recent
            && first.is_none_or(|first| *second < first)
        {
            let (second, handle) = (*second, handles.pop_front());
            if handles.is_empty() {
                self.recent = None;
            }
            return handle.map(|handle| (second, handle));
        }
        let mut entry = self.seconds.first_entry()?;
        let second = *entry.key();
        let handle = entry.get_mut().pop_front();
        if entry.get().is_empty() {
            entry.remove();
        }
        handle.map(|handle| (second, handle))
    }

    fn put_back_recent(&mut self) {
        if let Some((second, mut handles)) = self.recent.take() {
            self.seconds
                .entry(second)
                .and_modify(|there| there.append(&mut handles))
                .or_insert(handles);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(slot: u32) -> Handle {
        Handle { slot, generation: 0 }
    }

    #[test]
    fn seconds_leave_in_order_and_only_when_wholly_past() {
        let mut calendar = Calendar::default();
        calendar.enter_exactly(7 * SECOND + 1, handle(1));
        calendar.enter_exactly(3 * SECOND, handle(2));
        calendar.enter_exactly(7 * SECOND + 9, handle(3));
        assert_eq!(calendar.take_before(3 * SECOND + 5), None);
        assert_eq!(calendar.take_before(4 * SECOND), Some([handle(2)].into()));
        assert_eq!(calendar.take_before(7 * SECOND + 500), None);
        assert_eq!(calendar.take_before(8 * SECOND), Some([handle(1), handle(3)].into()));
        assert_eq!(calendar.take_earliest(), None);
    }

    #[test]
    fn a_late_deadline_is_looked_at_before_its_time() {
        let mut calendar = Calendar::default();
        calendar.enter(900 * SECOND, SECOND, handle(1));
        calendar.enter_exactly(900 * SECOND, handle(2));
        assert_eq!(calendar.take_earliest(), Some((31, handle(1))));
        assert_eq!(calendar.take_earliest(), Some((900, handle(2))));
    }

    #[test]
    fn the_shortest_linger_is_the_shortest() {
        let all = [
            Awaits::Answer,
            Awaits::More,
            Awaits::Stragglers,
            Awaits::Datagram,
            Awaits::QuicDatagram,
            Awaits::DnsAnswer,
        ];
        assert_eq!(all.into_iter().map(Awaits::linger).min(), Some(Awaits::SHORTEST));
    }
}
