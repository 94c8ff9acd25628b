//! Suricata's EVE: events of the types `flow`, `tls`, `quic`, `dns`, `alert` and `stats`, one JSON object a line.
//!
//! Fields, their names and their spelling are Suricata 8's; its published schema allows no others, and the tests hold every
//! key against that list. What is ours stands where Suricata's rules keep values of their own: in `metadata.flowvars`, one
//! object, and in an alert's `metadata`.
//!
//! A flow becomes its alerts (one a flag), a `tls` or `quic` event where a hello was read, and its `flow` event; a lookup its
//! alerts and a `dns` event of version 3; an input a `stats` event. A flow's events share `flow_id`.
//! Times: `tls`, `quic` and `alert` carry the flow's first packet's, `flow` its last one's. IPv6 addresses have all their
//! digits, as Suricata's have. Bytes are of the IP layer, as in our own records; Suricata counts the link's too.

mod events;
mod spelling;

use super::Labels;
use super::jsonl::Dialect;
use crate::engine::rows::Row;

/// Tells rows as Suricata's events.
#[derive(Debug, Clone, Default)]
pub struct Eve {
    /// Rows come from interfaces, not from files.
    pub live: bool,
    /// What the input is called where there is only one.
    pub input: Option<String>,
}

impl Eve {
    /// The input of a row.
    fn input<'n>(&'n self, ordinal: u32, labels: &'n Labels) -> Option<&'n str> {
        labels.file(ordinal).or(self.input.as_deref())
    }
}

impl Dialect for Eve {
    fn lines(&self, row: &Row, labels: &Labels, out: &mut Vec<u8>) {
        match row {
            Row::Flow(row) => {
                let of_flow = events::OfFlow { row, labels, eve: self };
                of_flow.alerts(out);
                of_flow.tls(out);
                of_flow.quic(out);
                of_flow.flow(out);
            }
            Row::Name(row) => {
                let of_lookup = events::OfLookup { row, labels, eve: self };
                of_lookup.alerts(out);
                of_lookup.dns(out);
            }
            Row::Capture(row) => events::stats(row, self, out),
        }
    }
}

#[cfg(test)]
mod tests;
