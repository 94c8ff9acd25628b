//! A floor of our own: the least that a reader of flows must do, without any care.
//!
//! Pieces of 1 MiB, records of a little-endian pcap, Ethernet, IP addresses, ports, and a table that counts packets and
//! bytes of every five-tuple. It knows no fragments, tunnels, timeouts or names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The word with which this program becomes the walk.
pub const COMMAND: &str = "walk";

const PIECE: usize = 1 << 20;
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Walks `path` and tells what was there.
pub fn run(path: &Path) -> Result<String, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = vec![0; PIECE];
    let mut held = 0;
    let mut begun = false;
    let mut flows = Flows::new();
    loop {
        if held == bytes.len() {
            bytes.resize(held * 2, 0);
        }
        let n = file.read(&mut bytes[held..]).map_err(|error| error.to_string())?;
        if n == 0 {
            break;
        }
        held += n;
        let mut at = 0;
        if !begun && held >= FILE_HEADER {
            (begun, at) = (true, FILE_HEADER);
        }
        at += flows.records(&bytes[at..held]);
        bytes.copy_within(at..held, 0);
        held -= at;
    }
    let Flows { count, packets, .. } = flows;
    Ok(format!("{packets} packets, {count} flows"))
}

/// Addresses in a fixed order, ports, protocol and IP version.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Key {
    ends: [u128; 2],
    ports: u32,
    kind: u32,
}

#[derive(Clone, Copy, Default)]
struct Flow {
    key: Key,
    packets: u64,
    bytes: u64,
}

struct Flows {
    table: Vec<Flow>,
    count: usize,
    packets: u64,
}

impl Flows {
    fn new() -> Flows {
        Flows {
            table: vec![Flow::default(); 1 << 16],
            count: 0,
            packets: 0,
        }
    }

    /// Takes every whole record, and says where the first that is not begins.
    fn records(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(header) = bytes.get(at..at + RECORD_HEADER) {
            let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
            let begin = at + RECORD_HEADER;
            let Some(frame) = bytes.get(begin..begin + length) else {
                break;
            };
            self.packets += 1;
            if let Some(key) = key_of(frame) {
                self.count(key, length as u64);
            }
            at = begin + length;
        }
        at
    }

    fn count(&mut self, key: Key, bytes: u64) {
        if (self.count + 1) * 4 > self.table.len() * 3 {
            self.grow();
        }
        let place = self.place(&key);
        let flow = &mut self.table[place];
        if flow.packets == 0 {
            flow.key = key;
            self.count += 1;
        }
        flow.packets += 1;
        flow.bytes += bytes;
    }

    fn place(&self, key: &Key) -> usize {
        let mask = self.table.len() - 1;
        let mut place = key.hash() as usize & mask;
        while self.table[place].packets != 0 && self.table[place].key != *key {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let larger = vec![Flow::default(); self.table.len() * 2];
        for flow in std::mem::replace(&mut self.table, larger) {
            if flow.packets != 0 {
                let place = self.place(&flow.key);
                self.table[place] = flow;
            }
        }
    }
}

impl Key {
    fn hash(&self) -> u64 {
        let ends = self.ends.map(|end| end as u64 ^ (end >> 64) as u64);
        let ports = u64::from(self.ports) << 32 | u64::from(self.kind);
        [ends[0], ends[1], ports]
            .into_iter()
            .fold(0x243f_6a88_85a3_08d3, |hash, value| {
                let wide = u128::from(hash ^ value) * 0x9e37_79b9_7f4a_7c15;
                wide as u64 ^ (wide >> 64) as u64
            })
    }
}

fn key_of(frame: &[u8]) -> Option<Key> {
    const VLAN: u16 = 0x8100;
    const IPV4: u16 = 0x0800;
    const IPV6: u16 = 0x86dd;
    let mut at = 14;
    let mut kind = u16_at(frame, 12)?;
    while kind == VLAN {
        kind = u16_at(frame, at + 2)?;
        at += 4;
    }
    let (source, destination, protocol, ports_at) = match kind {
        IPV4 => {
            let header = frame.get(at..at + 20)?;
            let address = |at: usize| {
                u128::from(u32::from_be_bytes([
                    header[at],
                    header[at + 1],
                    header[at + 2],
                    header[at + 3],
                ]))
            };
            (
                address(12),
                address(16),
                header[9],
                at + usize::from(header[0] & 15) * 4,
            )
        }
        IPV6 => {
            let header = frame.get(at..at + 40)?;
            let address = |at: usize| {
                header[at..at + 16]
                    .iter()
                    .fold(0, |bits, byte| bits << 8 | u128::from(*byte))
            };
            (address(8), address(24), header[6], at + 40)
        }
        _ => return None,
    };
    let ports = match protocol {
        6 | 17 => [u16_at(frame, ports_at)?, u16_at(frame, ports_at + 2)?],
        _ => [0, 0],
    };
    let ends = [(source, ports[0]), (destination, ports[1])];
    let [low, high] = if ends[0] <= ends[1] { ends } else { [ends[1], ends[0]] };
    Some(Key {
        ends: [low.0, high.0],
        ports: u32::from(low.1) << 16 | u32::from(high.1),
        kind: u32::from(kind) << 8 | u32::from(protocol),
    })
}

fn u16_at(frame: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]))
}
