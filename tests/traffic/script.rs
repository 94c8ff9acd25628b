//! Frames and messages from the sample generator's scripts: real enough for any parser, and read as a story.

use flowsift::wire::decode::decode;
use flowsift::wire::link::LinkType;
use flowsift::wire::packet::Transport;

use super::Seen;
use super::generator;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Plays the statements of one Ethernet capture (without the `capture` line).
pub fn play(statements: &str) -> Vec<Seen> {
    let script = format!("capture made.pcap ethernet ns\n{statements}");
    let made = generator::play(&script).unwrap_or_else(|why| panic!("the script cannot be played: {why}"));
    let [capture] = made.as_slice() else {
        panic!("the script makes {} files", made.len())
    };
    records(&capture.content)
}

/// The day of `samples/scripts/office.day`.
pub fn office() -> Vec<Seen> {
    play(office_statements())
}

/// What that script says, for [`play`].
pub fn office_statements() -> &'static str {
    let script = include_str!("../../samples/scripts/office.day");
    let capture = script.find("capture office.pcapng");
    let rest = &script[capture.expect("the office day is one capture")..];
    rest.split_once('\n').map_or("", |(_, statements)| statements)
}

/// The records of a little-endian pcap file of nanoseconds.
fn records(file: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut rest = &file[FILE_HEADER..];
    while rest.len() >= RECORD_HEADER {
        let field = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        let (seconds, nanoseconds, captured) = (field(0), field(4), field(8) as usize);
        let end = RECORD_HEADER + captured;
        seen.push(Seen {
            at: u64::from(seconds) * 1_000_000_000 + u64::from(nanoseconds),
            frame: rest[RECORD_HEADER..end].to_vec(),
        });
        rest = &rest[end..];
    }
    seen
}

/// What both sides of one flow say, flight by flight: who speaks (the client: `true`), and the bytes.
pub fn flights(statement: &str) -> Vec<(bool, Vec<u8>)> {
    let mut flights: Vec<(bool, Vec<u8>)> = Vec::new();
    for (from_client, payload) in payloads(statement) {
        match flights.last_mut() {
            Some((speaker, bytes)) if *speaker == from_client => bytes.extend_from_slice(&payload),
            _ => flights.push((from_client, payload)),
        }
    }
    flights
}

/// The same packet by packet: whoever is seen first is the client.
pub fn payloads(statement: &str) -> Vec<(bool, Vec<u8>)> {
    let frames = play(statement);
    let mut payloads: Vec<(bool, Vec<u8>)> = Vec::new();
    let mut client = None;
    for seen in &frames {
        let view = decode(LinkType::ETHERNET, &seen.frame, seen.frame.len() as u32).expect("made frames are decoded");
        let source = match view.transport {
            Transport::Tcp { source, .. } | Transport::Udp { source, .. } => (view.source, source),
            _ => continue,
        };
        let from_client = *client.get_or_insert(source) == source;
        if !view.payload.is_empty() {
            payloads.push((from_client, view.payload.to_vec()));
        }
    }
    payloads
}
