//! What two ends say to each other, for a probe to read: the script's words, many times with other names.

use flowsift::evidence::probe::{Bench, Findings, Piece, Probe};
use flowsift::flow::key::Side;
use flowsift::flow::stamp::Stamp;

use crate::traffic::script;

pub const CLIENT: Side = Side::Hi;
pub const SERVER: Side = Side::Lo;
/// Conversations in turn, each with names, keys and numbers of its own.
pub const CONVERSATIONS: usize = 400;

/// One flow's payloads in order, and the server's port.
pub struct Conversation {
    pub payloads: Vec<(Side, Vec<u8>)>,
    pub port: u16,
}

/// Plays `statement` many times: `NAME` in it is another host each time. It begins with a verb and `ADDRESS:PORT`.
pub fn many(statement: &str) -> Vec<Conversation> {
    let address = statement.split_whitespace().nth(1).unwrap_or_default();
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
    let port = port.expect("a statement has an address with a port");
    let one = |number: usize| {
        let host = format!("host-{number}.region-{}.service.example.com", number % 7);
        let sided = |(from_client, bytes)| (if from_client { CLIENT } else { SERVER }, bytes);
        let payloads = script::payloads(&statement.replace("NAME", &host));
        Conversation {
            payloads: payloads.into_iter().map(sided).collect(),
            port,
        }
    };
    (0..CONVERSATIONS).map(one).collect()
}

impl Conversation {
    /// Only what is said until the other side answers for the first time.
    pub fn first_flight(mut self) -> Conversation {
        let speaker = self.payloads.first().map(|(side, _)| *side);
        let end = self.payloads.iter().position(|(side, _)| Some(*side) != speaker);
        self.payloads.truncate(end.unwrap_or(self.payloads.len()));
        self
    }

    /// Reads it as a TCP stream whose beginning was seen.
    pub fn read_stream(&self) -> Findings {
        self.read(Probe::tcp([Some(0), Some(0)]))
    }

    pub fn read_datagrams(&self) -> Findings {
        self.read(Probe::datagrams())
    }

    fn read(&self, mut probe: Probe) -> Findings {
        let mut findings = Findings::default();
        let mut bench = Bench::default();
        let mut next = [0, 0];
        for (number, (side, payload)) in self.payloads.iter().enumerate() {
            let piece = Piece {
                side: *side,
                payload,
                cut: 0,
                sequence: next[side.index()],
                at: Stamp::new(0, number as u64 + 1, 0),
            };
            next[side.index()] += payload.len() as u32;
            probe.piece(piece, [self.port, 50_000], &mut findings, &mut bench);
        }
        findings
    }
}
