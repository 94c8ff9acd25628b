//! What is lived in the made captures: a minute of forty clients, which [`copies`](super::traffic::copies) multiplies.
//!
//! ```text
//!   visits ─▶ script ─▶ frames ─┐
//!   QUIC visits ────────────────┴─▶ paced: long transfers acknowledged and spread over time ─▶ in the order of time
//! ```
//!
//! A visit is one or two lookups and what follows them: a browser's TLS 1.3 with a hello of 1.7 kB in two segments, TLS 1.2
//! with certificates of 3 kB, QUIC, plain HTTP, a call, or nothing. Sizes are as uneven as they are: most answers are a few
//! kilobytes, a few are hundreds.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use flowsift::wire::decode::decode;
use flowsift::wire::link::LinkType;
use flowsift::wire::packet::Transport;

use super::quic::Connection;
use super::traffic::frame::{self, Segment};
use super::traffic::{Dice, MORNING, SECOND, Seen, script};

const VISITS: u64 = 240;
const LASTS: u64 = 40 * SECOND;
const CLIENTS: u64 = 40;
/// Every visit has so many ports for itself.
const PORTS: u64 = 4;
/// The least port that the copies move.
const FIRST_PORT: u64 = 50_000;

/// Where they go, one a line: name | aliases | address | what the certificate covers.
const SITES: &str = include_str!("sites.txt");
const ISSUER: &str = "\"CN=Microsoft Azure RSA TLS Issuing CA 07, O=Microsoft Corporation, C=US\"";

/// How much is transferred.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Appetite {
    /// As much as people do.
    Usual,
    /// Handshakes, and lookups twice as often as visits.
    Handshakes,
}

/// The minute, in order.
pub fn frames(appetite: Appetite) -> Vec<Seen> {
    let mut dice = Dice(7);
    let mut statements = String::new();
    let mut quic = Vec::new();
    for number in 0..VISITS {
        let visit = Visit::new(number, appetite, &mut dice);
        visit.look_up(&mut statements, &mut dice);
        visit.follow(&mut statements, &mut quic, &mut dice);
    }
    let mut frames = paced(script::play(&statements), &mut dice);
    frames.append(&mut quic);
    frames.sort_by_key(|seen| seen.at);
    frames
}

struct Visit {
    number: u64,
    appetite: Appetite,
    at: u64,
    rtt: u64,
    site: Site,
}

#[derive(Clone, Copy)]
struct Site {
    name: &'static str,
    aliases: &'static str,
    address: &'static str,
    certificate: &'static str,
}

impl Site {
    fn any(dice: &mut Dice) -> Site {
        let place = dice.below(SITES.lines().count() as u64) as usize;
        let line = SITES.lines().nth(place).expect("there are so many");
        let [name, aliases, address, certificate] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("`{line}` is no site")
        };
        Site {
            name,
            aliases,
            address,
            certificate,
        }
    }
}

impl Visit {
    fn new(number: u64, appetite: Appetite, dice: &mut Dice) -> Visit {
        Visit {
            number,
            appetite,
            at: LASTS / VISITS * number,
            rtt: 6_000_000 + dice.below(50_000_000),
            site: Site::any(dice),
        }
    }

    fn client(&self) -> u64 {
        10 + self.number * 7 % CLIENTS
    }

    fn port(&self, which: u64) -> u64 {
        FIRST_PORT + self.number * PORTS + which
    }

    fn look_up(&self, out: &mut String, dice: &mut Dice) {
        let Site {
            name, aliases, address, ..
        } = self.site;
        let (seconds, nanoseconds) = (self.at / SECOND, self.at % SECOND);
        let _ = writeln!(out, "at 09:00:{seconds:02}.{nanoseconds:09}");
        let _ = writeln!(out, "host 198.19.0.{0} 2001:db8:19::{0}", self.client());
        let _ = writeln!(out, "rtt {}ns", self.rtt);
        let chain = match aliases {
            "" => String::new(),
            aliases => format!("-> {aliases} "),
        };
        let [first, second] = [0, 1].map(|which| self.port(which));
        let _ = writeln!(out, "dns {name} {chain}-> {address} ttl 60 port {first}");
        let _ = match dice.below(4) {
            0 => writeln!(out, "dns {name} {chain}type HTTPS port {second}"),
            1 => writeln!(
                out,
                "dns {name} {chain}-> {} type AAAA ttl 60 port {second}",
                self.address_v6()
            ),
            _ => Ok(()),
        };
    }

    fn address_v6(&self) -> String {
        format!("2001:db8:a::{:x}", self.number % 16)
    }

    /// What the lookup was for.
    fn follow(&self, out: &mut String, quic: &mut Vec<Seen>, dice: &mut Dice) {
        let Site {
            name,
            address,
            certificate,
            ..
        } = self.site;
        let (number, port) = (self.number, self.port(2));
        let (sent, received) = self.sizes(dice);
        let rest = format!("sni {name} bytes {sent} {received} port {port}");
        let chain = format!("rsa cert {certificate} issuer {ISSUER}");
        let lot = match self.appetite {
            Appetite::Usual => dice.below(100),
            Appetite::Handshakes => dice.below(68),
        };
        let _ = match lot {
            0..8 => writeln!(out, "tls {address}:443 version 1.3 alpn h2,http/1.1 pq {rest}"),
            8..40 => writeln!(out, "tls {address}:443 version 1.3 alpn h2,http/1.1 pq ech {rest}"),
            40..60 => writeln!(
                out,
                "tls {address}:443 version 1.2 alpn h2,http/1.1 pq ech {chain} {rest}"
            ),
            60..66 => writeln!(out, "tls {address}:443 version 1.2 offers 1.2 {chain} {rest}"),
            66..68 => writeln!(out, "tls [{}]:443 version 1.3 alpn h2 pq {rest}", self.address_v6()),
            68..82 => {
                quic.extend(self.quic(received).frames(dice));
                Ok(())
            }
            82..88 => writeln!(
                out,
                "http {address}:80 host {name} path /{number} bytes {received} port {port}"
            ),
            88..91 => {
                let (relay, packets) = (1 + number % 200, 60 + dice.below(300));
                writeln!(out, "call 52.114.250.{relay}:3478 stun 2 rtp {packets} port {port}")
            }
            91 => {
                let packets = 40 + dice.below(200);
                writeln!(
                    out,
                    "call 203.0.113.81:19305 stun 2 dtls 1.2 cookie rtp {packets} port {port}"
                )
            }
            92..94 => writeln!(out, "tcp {address}:443 unanswered 2 port {port}"),
            94 => writeln!(out, "tcp {address}:8443 refused port {port}"),
            95..97 => writeln!(out, "udp 203.0.113.90:40{number:03} bytes 300 700 port {port}"),
            // The name was enough.
            _ => Ok(()),
        };
    }

    fn quic(&self, received: u64) -> Connection<'static> {
        let Site { name, address, .. } = self.site;
        Connection {
            client: SocketAddr::from(([198, 19, 0, self.client() as u8], self.port(2) as u16)),
            server: format!("{address}:443").parse().expect("sites have addresses"),
            name,
            at: MORNING + self.at + 2 * self.rtt,
            rtt: self.rtt,
            data: received / 1200,
        }
    }

    /// Bytes to the server, and from it.
    fn sizes(&self, dice: &mut Dice) -> (u64, u64) {
        if self.appetite == Appetite::Handshakes {
            return (200 + dice.below(400), 200 + dice.below(1200));
        }
        let received = match dice.below(100) {
            0..70 => 500 + dice.below(6_500),
            70..94 => 8_000 + dice.below(32_000),
            94..99 => 40_000 + dice.below(160_000),
            _ => 300_000 + dice.below(400_000),
        };
        match dice.below(10) {
            0 => (received, 800),
            _ => (300 + dice.below(1_500), received),
        }
    }
}

/// How a flow is slowed down.
struct Pace {
    seen: u64,
    gap: u64,
}

/// A flow's frames before it is slowed down: its handshake keeps its own pace.
const BRISK: u64 = 12;

/// Plays every longer flow at a pace of its own, so that many are under way at once, and lets every second large segment be
/// acknowledged.
fn paced(frames: Vec<Seen>, dice: &mut Dice) -> Vec<Seen> {
    let mut paces: HashMap<u16, Pace> = HashMap::new();
    let mut out = Vec::with_capacity(frames.len() * 3 / 2);
    for mut seen in frames {
        let Some(port) = client_port(&seen.frame) else {
            out.push(seen);
            continue;
        };
        let pace = paces.entry(port).or_insert_with(|| Pace {
            seen: 0,
            gap: 500_000 + dice.below(20_000_000),
        });
        pace.seen += 1;
        seen.at += pace.seen.saturating_sub(BRISK) * pace.gap;
        let acknowledgment = (pace.seen > BRISK && pace.seen.is_multiple_of(2)).then(|| acknowledgment_of(&seen));
        out.push(seen);
        out.extend(acknowledgment.flatten());
    }
    out
}

fn client_port(bytes: &[u8]) -> Option<u16> {
    let view = decode(LinkType::ETHERNET, bytes, bytes.len() as u32).ok()?;
    let (Transport::Tcp {
        source, destination, ..
    }
    | Transport::Udp {
        source, destination, ..
    }) = view.transport
    else {
        return None;
    };
    let is_own = |port: &u16| u64::from(*port) >= FIRST_PORT;
    [source, destination].into_iter().find(is_own)
}

/// The other side's bare acknowledgment of a large segment, soon after it.
fn acknowledgment_of(seen: &Seen) -> Option<Seen> {
    const LARGE: usize = 1000;
    let view = decode(LinkType::ETHERNET, &seen.frame, seen.frame.len() as u32).ok()?;
    let Transport::Tcp {
        source,
        destination,
        fields,
    } = view.transport
    else {
        return None;
    };
    if view.payload.len() < LARGE {
        return None;
    }
    let end = |bits, port| SocketAddr::new(view.family.address(bits), port);
    let (sender, receiver) = (end(view.source, source), end(view.destination, destination));
    let segment = Segment {
        flags: frame::ACK,
        sequence: fields.acknowledgment,
        acknowledgment: fields.sequence.wrapping_add(view.payload.len() as u32),
    };
    let mut bytes = Vec::new();
    frame::tcp(&mut bytes, receiver, sender, segment, &[]);
    Some(Seen {
        at: seen.at + 60_000,
        frame: bytes,
    })
}
