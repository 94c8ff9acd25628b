//! One TCP conversation: sequence numbers, segments, who speaks when, and what goes wrong on the way.

use std::net::SocketAddr;

use super::day::Day;
use super::ip::{self, Segment, Spoil, flag};
use super::script::Statement;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client = 0,
    Server = 1,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// What every verb that makes a flow understands: see "Oddities" in the README.
#[derive(Clone, Default)]
pub struct Oddities {
    pub port: Option<u16>,
    pub vlans: Vec<u16>,
    pub padded: bool,
    /// The client's data leave as one large segment with an IP length of 0.
    pub tso: bool,
    pub bad_checksums: bool,
    pub fragment: Option<usize>,
    /// The last fragment of each datagram is missing.
    pub lose_fragment: bool,
    /// The fragments of each datagram as they are seen, from 1, as [`Cuts::order`].
    pub fragment_order: Vec<usize>,
    pub fragment_altered: bool,
    /// From one fragment to the next.
    pub fragment_apart: Option<u64>,
    pub fragment_overlap: usize,
    pub midstream: bool,
    pub only: Option<Side>,
    pub twice: bool,
    /// Pieces of the first flight of a side.
    pub cuts: [Cuts; 2],
}

/// How one flight is cut into segments, and what becomes of them.
#[derive(Clone, Default)]
pub struct Cuts {
    pub at: Vec<usize>,
    /// The segments as they are seen, from 1; empty: as sent. One that is not named is never seen, one named twice is
    /// seen twice.
    pub order: Vec<usize>,
    /// The second time with other bytes.
    pub altered: bool,
}

impl Oddities {
    /// Takes `word` and its values if it is an oddity.
    pub fn take(&mut self, word: &str, statement: &mut Statement) -> Result<bool, String> {
        let number = "a number";
        let [client, server] = &mut self.cuts;
        match word {
            "port" => self.port = Some(statement.value("a port")?),
            "vlan" => self.vlans = statement.list("a VLAN id")?,
            "padding" => self.padded = true,
            "tso" => self.tso = true,
            "bad-checksums" => self.bad_checksums = true,
            "fragments" => self.fragment = Some(statement.value(number)?),
            "lose-fragment" => self.lose_fragment = true,
            "fragment-order" => self.fragment_order = statement.list(number)?,
            "fragment-altered" => self.fragment_altered = true,
            "fragment-apart" => self.fragment_apart = Some(statement.duration()?),
            "fragment-overlap" => self.fragment_overlap = statement.value(number)?,
            "midstream" => self.midstream = true,
            "twice" => self.twice = true,
            "only" => {
                self.only = Some(match statement.word("a side")?.as_str() {
                    "client" => Side::Client,
                    "server" => Side::Server,
                    other => return statement.unexpected(other),
                });
            }
            "split" => client.at = statement.list(number)?,
            "order" => client.order = statement.list(number)?,
            "altered" => client.altered = true,
            "server-split" => server.at = statement.list(number)?,
            "server-order" => server.order = statement.list(number)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

const SEGMENT_SIZE: usize = 1460;
/// What a network card cuts by itself.
const OFFLOADED_SIZE: usize = 16_000;
const BETWEEN_SEGMENTS: u64 = 12_000;
const THINKING: u64 = 700_000;

pub struct Talk {
    ends: [SocketAddr; 2],
    next: [u32; 2],
    /// When the next packet is seen.
    pub now: u64,
    speaker: Side,
    has_spoken: [bool; 2],
    odd: Oddities,
}

impl Talk {
    /// A conversation that has not begun.
    pub fn new(day: &mut Day, server: SocketAddr, odd: Oddities) -> Result<Talk, String> {
        let client = day.client_for(server, odd.port)?;
        let next = [day.noise.next() as u32, day.noise.next() as u32];
        Ok(Talk {
            ends: [client, server],
            next,
            now: day.clock,
            speaker: Side::Client,
            has_spoken: [false; 2],
            odd,
        })
    }

    /// SYN, SYN and ACK, ACK; nothing is seen of them in a conversation caught midstream.
    pub fn open(&mut self, day: &mut Day) {
        self.syn(day);
        self.turn(Side::Server, day);
        self.send(day, Side::Server, flag::SYN | flag::ACK, &[]);
        self.turn(Side::Client, day);
        self.send(day, Side::Client, flag::ACK, &[]);
    }

    pub fn syn(&mut self, day: &mut Day) {
        self.send(day, Side::Client, flag::SYN, &[]);
    }

    /// The SYN once more, with the same sequence number.
    pub fn syn_again(&mut self, day: &mut Day, after: u64) {
        self.now += after;
        self.next[Side::Client as usize] = self.next[Side::Client as usize].wrapping_sub(1);
        self.syn(day);
    }

    /// The SYN as it left, for an ICMP error to quote.
    pub fn quoted_syn(&self, day: &mut Day) -> Vec<u8> {
        let [client, server] = self.ends;
        let segment = Segment {
            source: client,
            destination: server,
            sequence: self.next[0].wrapping_sub(1),
            acknowledgment: 0,
            flags: flag::SYN,
            payload: &[],
            wrong_checksum: false,
        };
        let packet = day.packet(client.ip(), server.ip(), ip::TCP, segment.write());
        let mut bytes = packet.write(Spoil::default()).swap_remove(0);
        bytes.truncate(bytes.len() - 32 + 8);
        bytes
    }

    /// A flight of bytes in segments.
    pub fn say(&mut self, day: &mut Day, side: Side, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.turn(side, day);
        let is_first = !std::mem::replace(&mut self.has_spoken[side as usize], true);
        let cuts = match is_first {
            true => self.odd.cuts[side as usize].clone(),
            false => Cuts::default(),
        };
        let start = self.next[side as usize];
        let segments = self.segments(side, bytes, &cuts.at);
        let count = segments.len();
        let order: Vec<usize> = match cuts.order.is_empty() {
            true => (1..=count).collect(),
            false => cuts.order,
        };
        for (seen, number) in order.iter().enumerate() {
            let Some((offset, piece)) = number.checked_sub(1).and_then(|i| segments.get(i)) else {
                continue;
            };
            let mut piece = piece.to_vec();
            if cuts.altered && order[..seen].contains(number) {
                piece.iter_mut().for_each(|byte| *byte ^= 0x20);
            }
            self.next[side as usize] = start.wrapping_add(*offset as u32);
            self.send(day, side, flag::PSH | flag::ACK, &piece);
        }
        self.next[side as usize] = start.wrapping_add(bytes.len() as u32);
        if count > 1 {
            self.turn(side.other(), day);
            self.send(day, side.other(), flag::ACK, &[]);
        }
    }

    /// The client ends it, and the server does.
    pub fn close(&mut self, day: &mut Day) {
        self.finish(day, Side::Client);
        self.finish(day, Side::Server);
        self.turn(Side::Client, day);
        self.send(day, Side::Client, flag::ACK, &[]);
    }

    pub fn finish(&mut self, day: &mut Day, side: Side) {
        self.turn(side, day);
        self.send(day, side, flag::FIN | flag::ACK, &[]);
    }

    pub fn reset(&mut self, day: &mut Day, side: Side) {
        self.turn(side, day);
        self.send(day, side, flag::RST | flag::ACK, &[]);
    }

    /// Where each segment begins in the flight, and its bytes.
    fn segments<'a>(&self, side: Side, bytes: &'a [u8], at: &[usize]) -> Vec<(usize, &'a [u8])> {
        let offloaded = self.odd.tso && side == Side::Client;
        let size = if offloaded { OFFLOADED_SIZE } else { SEGMENT_SIZE };
        let mut segments = Vec::new();
        let mut from = 0;
        for to in at.iter().copied().chain([bytes.len()]) {
            let to = to.min(bytes.len());
            while from < to {
                let end = to.min(from + size);
                segments.push((from, &bytes[from..end]));
                from = end;
            }
        }
        segments
    }

    /// Lets time pass until `side` can speak: the capture is taken beside the client.
    fn turn(&mut self, side: Side, day: &Day) {
        if self.speaker != side {
            self.speaker = side;
            self.now += match side {
                Side::Client => THINKING,
                Side::Server => day.rtt,
            };
        }
    }

    fn send(&mut self, day: &mut Day, side: Side, flags: u8, payload: &[u8]) {
        let source = self.ends[side as usize];
        let destination = self.ends[side.other() as usize];
        let sequence = self.next[side as usize];
        // A RST that answers a SYN acknowledges it (RFC 9293, 3.10.7.1), as everything after it does.
        let has_ack = flags & flag::ACK != 0;
        let acknowledgment = if has_ack { self.next[side.other() as usize] } else { 0 };
        let is_counted = u32::from(flags & (flag::SYN | flag::FIN) != 0);
        self.next[side as usize] = sequence.wrapping_add(payload.len() as u32 + is_counted);
        let is_hidden =
            self.odd.only.is_some_and(|only| only != side) || self.odd.midstream && !self.has_spoken.contains(&true);
        if is_hidden {
            return;
        }
        let own = side == Side::Client;
        let segment = Segment {
            source,
            destination,
            sequence,
            acknowledgment,
            flags,
            payload,
            wrong_checksum: own && self.odd.bad_checksums,
        };
        let packet = day.packet(source.ip(), destination.ip(), ip::TCP, segment.write());
        let spoil = Spoil {
            zero_length: own && self.odd.tso && !payload.is_empty(),
            no_checksum: own && self.odd.bad_checksums,
            fragment: self.odd.fragment,
            overlap: self.odd.fragment_overlap,
        };
        day.emit(self.now, &packet, spoil, own, &self.odd);
        self.now += BETWEEN_SEGMENTS;
    }
}
