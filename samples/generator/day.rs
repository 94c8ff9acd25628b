//! The interpreter: what a script has said so far, and one verb after the other.

use std::net::{IpAddr, SocketAddr};

use super::bytes::Noise;
use super::capture::{Block, Capture, Item};
use super::ip::{self, Packet, Spoil};
use super::link::{Load, mac_of};
use super::script::{self, Statement};
use super::talk::Oddities;
use super::wrap::Wrap;
use super::{Made, dns, media, services, tls_flow};

/// What holds until the script says otherwise.
pub struct Day {
    /// Nanoseconds since 1970: when the next verb begins.
    pub clock: u64,
    /// From a client's packet to its answer.
    pub rtt: u64,
    pub resolver: IpAddr,
    pub noise: Noise,
    /// The client that acts: its addresses, one of each family at most.
    host: Vec<IpAddr>,
    midnight: u64,
    next_port: u16,
    next_id: u16,
    capture: Option<Capture>,
    made: Vec<Made>,
}

const DAY_NS: u64 = 86_400 * 1_000_000_000;
const FIRST_PORT: u16 = 50_001;
const CLIENT_HOPS: u8 = 128;
const SERVER_HOPS: u8 = 57;

/// Every file that a script asks for, or `LINE: what is wrong`.
pub fn play(text: &str) -> Result<Vec<Made>, String> {
    let mut day = Day {
        clock: 0,
        rtt: 18_000_000,
        resolver: IpAddr::from([198, 18, 0, 2]),
        noise: Noise::of(""),
        host: Vec::new(),
        midnight: midnight_of("2026-11-21")?,
        next_port: FIRST_PORT,
        next_id: 1,
        capture: None,
        made: Vec::new(),
    };
    for mut statement in script::statements(text)? {
        let line = statement.line;
        day.act(&mut statement)
            .and_then(|()| statement.end())
            .map_err(|why| format!("{line}: {why}"))?;
    }
    day.finish_capture();
    Ok(day.made)
}

impl Day {
    fn act(&mut self, statement: &mut Statement) -> Result<(), String> {
        match statement.verb.as_str() {
            "capture" => self.begin_capture(statement)?,
            "literal" => self.literal(statement)?,
            "date" => self.midnight = midnight_of(&statement.word("a day")?)?,
            "at" => self.clock = self.midnight + time_of_day(&statement.word("a time")?)?,
            "wait" => self.clock += statement.duration()?,
            "rtt" => self.rtt = statement.duration()?,
            "resolver" => self.resolver = statement.address()?,
            "host" => {
                self.host.clear();
                while let Some(word) = statement.next() {
                    let address = word.parse().map_err(|_| format!("`{word}` is no address"))?;
                    self.host.push(address);
                }
            }
            "section" | "interface" | "on" | "block" | "statistics" | "custom-block" => {
                self.structure(statement)?;
            }
            "tls" => tls_flow::play(self, statement)?,
            "dns" => dns::play(self, statement)?,
            "mdns" => dns::play_mdns(self, statement)?,
            "http" => services::play_http(self, statement)?,
            "tcp" => services::play_tcp(self, statement)?,
            "udp" => services::play_udp(self, statement)?,
            "stun" => media::play_stun(self, statement)?,
            "call" => media::play_call(self, statement)?,
            "turn" => media::play_turn(self, statement)?,
            "ntp" => services::play_ntp(self, statement)?,
            "ssdp" => services::play_ssdp(self, statement)?,
            "ping" => services::play_ping(self, statement)?,
            "arp" => services::play_arp(self, statement)?,
            other => return Err(format!("no verb `{other}`")),
        }
        Ok(())
    }

    /// A capture starts from a clean desk: hosts, ports, noise and clock are its own.
    fn begin_capture(&mut self, statement: &mut Statement) -> Result<(), String> {
        self.finish_capture();
        let capture = Capture::of_statement(statement, self.midnight)?;
        self.noise = Noise::of(capture.path());
        self.next_port = FIRST_PORT;
        self.next_id = 1;
        self.host = vec![IpAddr::from([198, 19, 0, 10])];
        self.clock = self.midnight + time_of_day("09:00:00")?;
        self.capture = Some(capture);
        Ok(())
    }

    fn finish_capture(&mut self) {
        if let Some(capture) = self.capture.take() {
            self.made.extend(capture.finish());
        }
    }

    /// `literal PATH [HEX]`: a file that is no capture.
    fn literal(&mut self, statement: &mut Statement) -> Result<(), String> {
        self.finish_capture();
        let path = statement.word("a path")?;
        let hex = statement.next().unwrap_or_default();
        let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
        let content = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16))
            .collect::<Result<_, _>>()
            .map_err(|_| format!("`{hex}` is not hexadecimal"))?;
        self.made.push(Made {
            path: path.into(),
            content,
            wrap: Wrap::None,
        });
        Ok(())
    }

    /// What a pcapng file is made of, apart from packets.
    fn structure(&mut self, statement: &mut Statement) -> Result<(), String> {
        let capture = self.capture.as_mut().ok_or("no capture has begun")?;
        match statement.verb.as_str() {
            "section" => {
                let big_endian = statement.take("big");
                capture.current_interface = 0;
                capture.items.push(Item::Section { big_endian });
            }
            "interface" => {
                let mut interface = capture.interface;
                while let Some(word) = statement.next() {
                    interface.describe(&word, statement)?;
                }
                capture.items.push(Item::Interface(interface));
            }
            "on" => capture.current_interface = statement.value("an interface's number")?,
            "block" => {
                capture.current_block = match statement.word("a kind of block")?.as_str() {
                    "enhanced" => Block::Enhanced,
                    "simple" => Block::Simple,
                    "obsolete" => Block::Obsolete,
                    other => return statement.unexpected(other),
                };
            }
            "statistics" => {
                let received = statement.value("a count")?;
                let dropped = statement.value("a count")?;
                capture.items.push(Item::Statistics { received, dropped });
            }
            _ => capture.items.push(Item::Custom),
        }
        Ok(())
    }

    /// The acting host's address of the server's family, with the port given or the next free one.
    pub fn client_for(&mut self, server: SocketAddr, port: Option<u16>) -> Result<SocketAddr, String> {
        let address = self
            .host
            .iter()
            .find(|address| address.is_ipv4() == server.is_ipv4())
            .ok_or_else(|| format!("the host has no address to reach {server} from"))?;
        let port = port.unwrap_or_else(|| {
            self.next_port += 1;
            self.next_port - 1
        });
        Ok(SocketAddr::new(*address, port))
    }

    pub fn packet(&mut self, source: IpAddr, destination: IpAddr, protocol: u8, payload: Vec<u8>) -> Packet {
        let is_own = self.host.contains(&source);
        self.next_id = self.next_id.wrapping_add(1);
        Packet {
            source,
            destination,
            protocol,
            hops: if is_own { CLIENT_HOPS } else { SERVER_HOPS },
            id: self.next_id,
            payload,
        }
    }

    /// Puts a packet, or its fragments, into the capture.
    pub fn emit(&mut self, at: u64, packet: &Packet, spoil: Spoil, outgoing: bool, odd: &Oddities) {
        let mut pieces = packet.write(spoil);
        if pieces.len() > 1 {
            pieces = as_seen(pieces, odd);
        }
        let apart = odd.fragment_apart.unwrap_or(2_000);
        let copies = if odd.twice { 2 } else { 1 };
        for (index, piece) in pieces.into_iter().enumerate() {
            for copy in 0..copies {
                let load = Load {
                    ethertype: if packet.source.is_ipv4() { 0x0800 } else { 0x86dd },
                    source: mac_of(packet.source),
                    destination: mac_of(packet.destination),
                    outgoing,
                    vlans: odd.vlans.clone(),
                    padded: odd.padded,
                    packet: piece.clone(),
                };
                self.add(at + index as u64 * apart + copy * 1_000, load);
            }
        }
    }

    pub fn add(&mut self, at: u64, load: Load) {
        if let Some(capture) = &mut self.capture {
            capture.add(at, load);
        }
    }

    /// One UDP datagram, now.
    pub fn datagram(&mut self, source: SocketAddr, destination: SocketAddr, payload: &[u8], odd: &Oddities) {
        let message = ip::udp(source, destination, payload);
        let packet = self.packet(source.ip(), destination.ip(), ip::UDP, message);
        let spoil = Spoil {
            fragment: odd.fragment,
            overlap: odd.fragment_overlap,
            ..Spoil::default()
        };
        let outgoing = self.host.contains(&source.ip());
        self.emit(self.clock, &packet, spoil, outgoing, odd);
    }

    /// A UDP request and its reply; an empty one is not sent.
    pub fn exchange(&mut self, server: SocketAddr, request: &[u8], reply: &[u8], odd: &Oddities) -> Result<(), String> {
        let client = self.client_for(server, odd.port)?;
        if !request.is_empty() {
            self.datagram(client, server, request, odd);
        }
        self.clock += self.rtt;
        if !reply.is_empty() {
            self.datagram(server, client, reply, odd);
        }
        Ok(())
    }

    /// The end that the datagram sent last came from.
    pub fn client_sent_last(&mut self, server: SocketAddr) -> Result<SocketAddr, String> {
        self.client_for(server, Some(self.next_port - 1))
    }

    /// A router's ICMP error to the acting host about a packet that it sent to `server`.
    pub fn complain(
        &mut self,
        server: SocketAddr,
        kind: u8,
        code: u8,
        quoted: &[u8],
        odd: &Oddities,
    ) -> Result<(), String> {
        self.complain_from(None, server, (kind, code), quoted, odd)
    }

    /// The same by somebody else.
    pub fn complain_from(
        &mut self,
        sender: Option<IpAddr>,
        server: SocketAddr,
        (kind, code): (u8, u8),
        quoted: &[u8],
        odd: &Oddities,
    ) -> Result<(), String> {
        let (router, protocol): (IpAddr, u8) = match server {
            SocketAddr::V4(_) => (IpAddr::from([198, 19, 255, 1]), ip::ICMP),
            SocketAddr::V6(_) => ("2001:db8:19::1".parse().map_err(|_| "")?, ip::ICMPV6),
        };
        let sender = sender.unwrap_or(router);
        let client = self.client_for(server, Some(0))?.ip();
        let message = ip::icmp(sender, client, kind, code, 0, quoted);
        let packet = self.packet(sender, client, protocol, message);
        self.emit(self.clock, &packet, Spoil::default(), false, odd);
        Ok(())
    }
}

/// Which fragments of a datagram are seen, and how often.
fn as_seen(mut pieces: Vec<Vec<u8>>, odd: &Oddities) -> Vec<Vec<u8>> {
    if odd.lose_fragment {
        pieces.pop();
    }
    let order = &odd.fragment_order;
    if order.is_empty() {
        return pieces;
    }
    let mut seen = Vec::new();
    for (place, number) in order.iter().enumerate() {
        let Some(piece) = number.checked_sub(1).and_then(|index| pieces.get(index)) else {
            continue;
        };
        let mut piece = piece.clone();
        if odd.fragment_altered && order[..place].contains(number) {
            // The payload's end: what stands before it is headers.
            piece.iter_mut().rev().take(8).for_each(|byte| *byte ^= 0x20);
        }
        seen.push(piece);
    }
    seen
}

/// Nanoseconds since 1970 at the beginning of `YYYY-MM-DD` (UTC).
fn midnight_of(day: &str) -> Result<u64, String> {
    let complaint = || format!("`{day}` is not a day (2026-11-21)");
    let parts: Vec<u64> = day.split('-').filter_map(|part| part.parse().ok()).collect();
    let &[year @ 1970..=2200, month @ 1..=12, date @ 1..=31] = parts.as_slice() else {
        return Err(complaint());
    };
    // Years begin in March here, so that the leap day is a year's last.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + date - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    Ok((days - 719_468) * DAY_NS)
}

/// Nanoseconds since midnight at `HH:MM:SS[.FRACTION]`.
pub fn time_of_day(time: &str) -> Result<u64, String> {
    let complaint = || format!("`{time}` is not a time (09:12:01.100)");
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let parts: Vec<u64> = clock.split(':').filter_map(|part| part.parse().ok()).collect();
    let &[hours @ 0..=23, minutes @ 0..=59, seconds @ 0..=59] = parts.as_slice() else {
        return Err(complaint());
    };
    let nanoseconds = format!("{fraction:0<9}").parse::<u64>().map_err(|_| complaint())?;
    Ok((hours * 3600 + minutes * 60 + seconds) * 1_000_000_000 + nanoseconds)
}
