//! What leaves at a mark, and in which order.
//!
//! Every shard lists what leaves it. At the mark the lists become one, in the order of (release time, first packet); it is
//! cut into slices, each of which becomes rows on as many threads as there are, shard by shard, and is then given out in
//! order before the next one is begun. So the rows that exist at a time are few, however much leaves at once.

/// Something that leaves its shard.
#[derive(Debug, Clone, Copy)]
pub struct Departure {
    pub turn: Turn,
    /// About how many bytes it holds.
    pub weight: u32,
    pub what: Leaving,
}

/// The place in the order of all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    release_ns: u64,
    /// The first packet; of two that share it, the name stands before the flow.
    packet: u64,
}

/// What it is, by its place in the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Among the lookups read since the last mark.
    Name(u32),
    /// A slot of the flow table.
    Flow(u32),
}

impl Departure {
    pub fn of_flow(release_ns: u64, seq: u64, weight: u64, slot: u32) -> Departure {
        Departure {
            turn: Turn {
                release_ns,
                packet: seq << 1 | 1,
            },
            weight: u32::try_from(weight).unwrap_or(u32::MAX),
            what: Leaving::Flow(slot),
        }
    }

    pub fn of_name(release_ns: u64, seq: u64, place: u32) -> Departure {
        Departure {
            turn: Turn {
                release_ns,
                packet: seq << 1,
            },
            weight: 0,
            what: Leaving::Name(place),
        }
    }
}

/// A slice has so many rows at most, and about so many bytes. Their text, a megabyte of JSON, is copied out while it is still in a
/// near cache.
const MOST_ROWS: usize = 2048;
const MOST_BYTES: u64 = 8 << 20;

/// The departures of all shards in their order.
#[derive(Debug, Default)]
pub struct Procession {
    /// Turn, weight, shard.
    all: Vec<(Turn, u32, u8)>,
    next: usize,
}

impl Procession {
    pub fn clear(&mut self) {
        self.all.clear();
        self.next = 0;
    }

    /// Adds what leaves one shard.
    pub fn add(&mut self, shard: u8, departures: &[Departure]) {
        self.all
            .extend(departures.iter().map(|leaving| (leaving.turn, leaving.weight, shard)));
    }

    /// All have been added.
    pub fn sort(&mut self) {
        // The shards' lists are sorted already, and a stable sort merges what it finds so.
        self.all.sort();
    }

    /// Goes on to the next slice: its last turn, and how many rows it has. None when all have left.
    pub fn slice(&self) -> Option<(Turn, usize)> {
        let rest = self.all.get(self.next..)?;
        let mut bytes = 0;
        let within = |(_, weight, _): &&(Turn, u32, u8)| {
            bytes += u64::from(*weight);
            bytes <= MOST_BYTES
        };
        // One at least, however much it holds.
        let rows = rest.iter().take(MOST_ROWS).take_while(within).count().max(1);
        let (last, ..) = rest.get(rows.min(rest.len()).checked_sub(1)?)?;
        Some((*last, rows))
    }

    /// The shards of the next `rows` in order; they have left then.
    pub fn pass(&mut self, rows: usize) -> impl Iterator<Item = usize> {
        let from = self.next;
        self.next += rows;
        self.all
            .iter()
            .skip(from)
            .take(rows)
            .map(|(.., shard)| usize::from(*shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_leave_by_time_then_by_packet_and_names_first() {
        let mut all = Procession::default();
        all.add(7, &[Departure::of_flow(5, 1, 0, 0), Departure::of_flow(4, 9, 0, 1)]);
        all.add(8, &[Departure::of_name(5, 1, 0), Departure::of_flow(4, 8, 0, 2)]);
        all.sort();
        let (last, rows) = all.slice().unwrap();
        assert_eq!((rows, last), (4, Departure::of_flow(5, 1, 0, 0).turn));
        assert_eq!(all.pass(rows).collect::<Vec<_>>(), [8, 7, 8, 7]);
        assert_eq!(all.slice(), None);
    }

    #[test]
    fn a_slice_is_bounded_by_rows_and_by_bytes() {
        let mut all = Procession::default();
        let light = (0..MOST_ROWS as u64 + 900).map(|seq| Departure::of_flow(1, seq, 100, 0));
        let heavy = (0..3).map(|seq| Departure::of_flow(2, seq, MOST_BYTES, 0));
        all.add(0, &light.chain(heavy).collect::<Vec<_>>());
        all.sort();
        let mut slices = Vec::new();
        while let Some((_, rows)) = all.slice() {
            slices.push(rows);
            assert_eq!(all.pass(rows).count(), rows);
        }
        assert_eq!(slices, [MOST_ROWS, 900, 1, 1, 1]);
    }
}
