//! Floods: noise, every flow of it from an address of its own, with real handshakes in between.
//!
//! ```text
//!   noise × 40   a frame of a handshake   noise × 40   its next frame   ...
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::frame::{self, Place, Segment};
use super::{MORNING, Seen, script};

/// What the noise is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noise {
    Syns,
    /// A datagram that is no protocol.
    Datagrams,
    /// A SYN and the first 100 bytes of a ClientHello.
    HalfHellos,
    /// A question and its answer: another name and another address each time.
    Answers,
    /// The same with 250 addresses each.
    FatAnswers,
    /// Pieces of datagrams that never become whole.
    Fragments,
}

impl Noise {
    pub fn frames_a_flow(self) -> u32 {
        match self {
            Noise::Syns | Noise::Datagrams | Noise::Fragments => 1,
            Noise::HalfHellos | Noise::Answers | Noise::FatAnswers => 2,
        }
    }
}

/// Where the floods go, and who sends them.
const TARGET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const FLOODERS: u32 = 0x0a00_0000;
/// Frames of noise between two frames of a real handshake.
const BETWEEN: u32 = 40;
const FAT: u32 = 250;
/// Who is real asks for this.
pub const REAL_NAME: &str = "app.salestim.io";

/// Frame after frame of a flood; a frame a microsecond.
pub struct Flood {
    noise: Noise,
    count: u32,
    number: u32,
    moment: u64,
    real_frames: u32,
    handshake: Vec<Seen>,
    /// Of a hello, or a question and its answer.
    messages: [Vec<u8>; 2],
}

impl Flood {
    /// A flood of so many flows.
    pub fn new(noise: Noise, flows: u32) -> Flood {
        Flood {
            noise,
            count: flows * noise.frames_a_flow(),
            number: 0,
            moment: 0,
            real_frames: 0,
            handshake: script::play(&format!(
                "tls 203.0.113.8:443 sni {REAL_NAME} version 1.2 cert *.salestim.io"
            )),
            messages: messages(noise),
        }
    }

    /// How many real handshakes were among it so far.
    pub fn real(&self) -> u64 {
        u64::from(self.real_frames) / self.handshake.len() as u64
    }

    /// Appends the next frame to `out` and answers its time.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        let is_real = self.moment % u64::from(BETWEEN + 1) == u64::from(BETWEEN);
        self.moment += 1;
        if self.number < self.count && !is_real {
            self.noise(out);
            self.number += 1;
        } else if self.number < self.count || !self.real_frames.is_multiple_of(self.handshake.len() as u32) {
            self.real_frame(out);
            self.real_frames += 1;
        } else {
            return None;
        }
        Some(MORNING + self.moment * 1000)
    }

    fn noise(&mut self, out: &mut Vec<u8>) {
        let flow = self.number / self.noise.frames_a_flow();
        let step = self.number % self.noise.frames_a_flow();
        let client = flooder(flow);
        match (self.noise, step) {
            (Noise::Syns, _) => frame::tcp(out, client, target(443), segment(frame::SYN, flow), &[]),
            (Noise::Datagrams, _) => frame::udp(out, client, target(9999), &flow.to_be_bytes()),
            (Noise::HalfHellos, 0) => frame::tcp(out, client, target(443), segment(frame::SYN, 1), &[]),
            (Noise::HalfHellos, _) => {
                let half = &self.messages[0][..100];
                frame::tcp(out, client, target(443), segment(frame::PSH | frame::ACK, 2), half);
            }
            (Noise::Answers | Noise::FatAnswers, step) => {
                let message = &mut self.messages[step as usize];
                message[14..21].copy_from_slice(format!("{flow:07}").as_bytes());
                if step == 0 {
                    return frame::udp(out, client, target(53), message);
                }
                renumber(message, self.noise, flow);
                frame::udp(out, target(53), client, message);
            }
            (Noise::Fragments, _) => {
                let place = Place {
                    identification: flow as u16,
                    offset: (flow % 8) as u16 * 1400,
                    more: true,
                };
                frame::fragment(out, Ipv4Addr::from_bits(FLOODERS | flow), TARGET, place, &[0x5a; 1400]);
            }
        }
    }

    /// Frame after frame of one handshake, then of the next, each from a client of its own.
    fn real_frame(&self, out: &mut Vec<u8>) {
        const CLIENT: [u8; 4] = [198, 19, 0, 10];
        let at = out.len();
        let frames = self.handshake.len() as u32;
        out.extend_from_slice(&self.handshake[(self.real_frames % frames) as usize].frame);
        let client = (self.real_frames / frames).to_be_bytes();
        for place in [26, 30] {
            let address = &mut out[at + place..at + place + 4];
            if *address == CLIENT {
                address[2..].copy_from_slice(&client[2..]);
            }
        }
    }
}

/// Which flow of the noise an address has sent.
pub fn flooder_number(ip: IpAddr) -> Option<usize> {
    match ip {
        IpAddr::V4(ip) if ip.octets()[0] == 10 => Some((ip.to_bits() & 0x00ff_ffff) as usize),
        _ => None,
    }
}

fn messages(noise: Noise) -> [Vec<u8>; 2] {
    let statement = match noise {
        Noise::HalfHellos => "tls 203.0.113.7:443 sni half.example.org version 1.2",
        Noise::Answers => "dns n0000000.example.org -> a.example.net -> 203.0.113.9",
        Noise::FatAnswers => "dns n0000000.example.org -> 203.0.113.9",
        Noise::Syns | Noise::Datagrams | Noise::Fragments => return Default::default(),
    };
    let mut messages: [Vec<u8>; 2] = Default::default();
    for (from_client, bytes) in script::flights(statement).into_iter().take(2) {
        messages[usize::from(!from_client)] = bytes;
    }
    if noise == Noise::FatAnswers {
        // One answer becomes 250: its count, and its record again and again.
        const COUNT: usize = 6;
        let answer = &mut messages[1];
        answer[COUNT..COUNT + 2].copy_from_slice(&(FAT as u16).to_be_bytes());
        let one = answer[answer.len() - RECORD..].to_vec();
        answer.extend(one.repeat(FAT as usize - 1));
    }
    messages
}

/// An address record behind a compressed name.
const RECORD: usize = 16;

/// Gives an answer addresses of its own.
fn renumber(message: &mut [u8], noise: Noise, flow: u32) {
    let addresses = if noise == Noise::FatAnswers { FAT } else { 1 };
    let records = message.rchunks_exact_mut(RECORD).take(addresses as usize);
    for (number, record) in records.enumerate() {
        let address = 0x1400_0000 + flow * addresses + number as u32;
        record[RECORD - 4..].copy_from_slice(&address.to_be_bytes());
    }
}

fn segment(flags: u8, sequence: u32) -> Segment {
    Segment {
        flags,
        sequence,
        acknowledgment: 0,
    }
}

fn flooder(flow: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from_bits(FLOODERS | flow), 40_000))
}

fn target(port: u16) -> SocketAddr {
    SocketAddr::from((TARGET, port))
}
