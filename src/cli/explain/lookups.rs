//! The second reading: what DNS had told about the flows before they began.

use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, FlowRow, NameRow, Row, Wanted};
use crate::names::domain::Domain;

/// Lookups of a flow that are kept: the newest before it, and the one that it rests on.
const KEPT: usize = 16;

/// The lookups that speak of one flow.
#[derive(Debug, Default)]
pub struct Lookups {
    /// In the order of the input.
    pub rows: Vec<NameRow>,
    /// Older ones that were not kept.
    pub more: u64,
}

/// Picks up what speaks of the flows.
pub struct Gatherer {
    targets: Vec<Target>,
    pub lookups: Vec<Lookups>,
    pub captures: Vec<CaptureRow>,
}

/// What of a flow decides whether a lookup speaks of it.
struct Target {
    client: IpAddr,
    server: IpAddr,
    names: Vec<Domain>,
    /// Input and frame of its first packet.
    begin: (u32, u64),
    /// Input and frame of the answer that it rests on.
    answer: Option<(u32, u64)>,
}

impl Gatherer {
    pub fn new(flows: &[FlowRow]) -> Gatherer {
        Gatherer {
            targets: flows.iter().map(Target::of).collect(),
            lookups: flows.iter().map(|_| Lookups::default()).collect(),
            captures: Vec::new(),
        }
    }
}

impl Target {
    fn of(flow: &FlowRow) -> Target {
        let naming = &flow.naming;
        let elsewhere = flow.frames.elsewhere.iter().find(|(word, _)| *word == "dns");
        let ordinal = elsewhere.map_or(flow.ordinal, |(_, ordinal)| *ordinal);
        Target {
            client: flow.client.ip,
            server: flow.server.ip,
            names: naming.name.iter().chain(&naming.candidates).cloned().collect(),
            begin: (flow.ordinal, flow.frames.first),
            answer: flow.frames.dns.map(|frame| (ordinal, frame)),
        }
    }

    fn is_answer(&self, row: &NameRow) -> bool {
        self.answer == Some(place(row))
    }

    fn is_spoken_of(&self, row: &NameRow) -> bool {
        if self.is_answer(row) {
            return true;
        }
        let names = || self.names.iter();
        place(row) < self.begin
            && row.client == Some(self.client)
            && (row.addresses.contains(&self.server)
                || names().any(|name| *name == row.query || row.chain.contains(name)))
    }
}

impl Lookups {
    /// Puts a lookup where it belongs; the oldest goes, unless the flow rests on it.
    fn take(&mut self, row: &NameRow, target: &Target) {
        let after = self.rows.partition_point(|kept| place(kept) <= place(row));
        self.rows.insert(after, row.clone());
        if self.rows.len() > KEPT {
            let oldest = usize::from(self.rows.first().is_some_and(|first| target.is_answer(first)));
            self.rows.remove(oldest);
            self.more += 1;
        }
    }
}

/// Input and frame: the order of the input.
fn place(row: &NameRow) -> (u32, u64) {
    (row.ordinal, row.frame)
}

impl Outlet for Gatherer {
    fn set(&self, row: &Row, _: &mut Vec<u8>) -> Wanted {
        match row {
            Row::Name(name) if self.targets.iter().any(|target| target.is_spoken_of(name)) => Wanted::Row,
            Row::Capture(_) => Wanted::Row,
            _ => Wanted::Text,
        }
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Name(name) => {
                for (target, lookups) in self.targets.iter().zip(&mut self.lookups) {
                    if target.is_spoken_of(name) {
                        lookups.take(name, target);
                    }
                }
            }
            Row::Capture(capture) => self.captures.push((**capture).clone()),
            Row::Flow(_) => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::fixtures;

    #[test]
    fn the_answer_stays_however_many_lookups_come() {
        let mut flow = fixtures::web_flow();
        flow.frames.first = 5000;
        flow.frames.dns = Some(3);
        let mut gatherer = Gatherer::new(&[flow]);
        let mut give = |frame: u64, client: &str, query: &[u8]| {
            let mut row = fixtures::name();
            row.frame = frame;
            row.client = Some(client.parse().unwrap());
            row.query = Domain::from_text(query);
            row.addresses.clear();
            row.chain.clear();
            let row = Row::Name(Box::new(row));
            let wanted = gatherer.set(&row, &mut Vec::new()) == Wanted::Row;
            if wanted {
                let _ = gatherer.row(&row);
            }
            wanted
        };
        assert!(
            give(3, "198.19.0.99", b"other.example"),
            "another client's, but the one it rests on"
        );
        assert!(!give(4, "198.19.0.99", b"app.salestim.io"));
        assert!(!give(4, "198.19.0.10", b"other.example"));
        assert!(!give(6000, "198.19.0.10", b"app.salestim.io"), "later than the flow");
        for frame in 10..50 {
            assert!(give(frame, "198.19.0.10", b"app.salestim.io"));
        }
        let lookups = &gatherer.lookups[0];
        assert_eq!((lookups.rows.len(), lookups.more), (KEPT, 41 - KEPT as u64));
        assert_eq!((lookups.rows[0].frame, lookups.rows[KEPT - 1].frame), (3, 49));
    }
}
