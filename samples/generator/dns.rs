//! The verbs `dns` and `mdns`: a question and what comes back.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::bytes::Out;
use super::day::Day;
use super::script::{Statement, bytes_of_name};
use super::talk::{Oddities, Side, Talk};

mod kind {
    pub const A: u16 = 1;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const OPT: u16 = 41;
    pub const HTTPS: u16 = 65;
}

mod parameter {
    pub const ALPN: u16 = 1;
    pub const IPV4_HINT: u16 = 4;
    pub const ECH: u16 = 5;
    pub const IPV6_HINT: u16 = 6;
}

const PORT: u16 = 53;
const MDNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);
const INTERNET: u16 = 1;
/// Multicast DNS: the record replaces what was known (RFC 6762, 10.2).
const CACHE_FLUSH: u16 = 0x8000;

struct Lookup {
    query: String,
    kind: u16,
    chain: Vec<String>,
    addresses: Vec<IpAddr>,
    ttl: u32,
    rcode: u16,
    /// Hints and the ECH cover name of an HTTPS record.
    hints: Vec<IpAddr>,
    ech: Option<String>,
    edns: bool,
    tcp: bool,
    silent: bool,
    unasked: bool,
    resolver: Option<IpAddr>,
    odd: Oddities,
}

/// `dns NAME [-> NAME]... [-> ADDRESS,...] [type T] [ttl N] [rcode R] ...`; the README has them all.
pub fn play(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let lookup = parse(statement)?;
    let id = day.noise.next() as u16;
    let resolver = SocketAddr::new(lookup.resolver.unwrap_or(day.resolver), PORT);
    let (question, answer) = (lookup.question(id), lookup.answer(id));
    if lookup.tcp {
        let mut talk = Talk::new(day, resolver, lookup.odd.clone())?;
        talk.open(day);
        talk.say(day, Side::Client, &with_length(&question));
        if !lookup.silent {
            talk.say(day, Side::Server, &with_length(&answer));
        }
        talk.close(day);
        day.clock = talk.now;
        return Ok(());
    }
    let client = day.client_for(resolver, lookup.odd.port)?;
    if !lookup.unasked {
        day.datagram(client, resolver, &question, &lookup.odd);
    }
    day.clock += day.rtt / 2;
    if !lookup.silent {
        day.datagram(resolver, client, &answer, &lookup.odd);
    }
    day.clock += 150_000;
    Ok(())
}

/// `mdns NAME -> ADDRESS`: a host says its own name to everybody.
pub fn play_mdns(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let lookup = parse(statement)?;
    let mut writer = Writer::default();
    let authoritative_answer = 0x8400;
    writer.header(0, authoritative_answer, [0, lookup.addresses.len() as u16, 0, 0]);
    for address in &lookup.addresses {
        writer.address(&lookup.query, *address, lookup.ttl, INTERNET | CACHE_FLUSH);
    }
    let client = day.client_for(MDNS, Some(MDNS.port()))?;
    day.datagram(client, MDNS, &writer.out.0, &lookup.odd);
    Ok(())
}

fn parse(statement: &mut Statement) -> Result<Lookup, String> {
    let mut lookup = Lookup {
        query: statement.word("a name")?,
        kind: kind::A,
        chain: Vec::new(),
        addresses: Vec::new(),
        ttl: 60,
        rcode: 0,
        hints: Vec::new(),
        ech: None,
        edns: false,
        tcp: false,
        silent: false,
        unasked: false,
        resolver: None,
        odd: Oddities::default(),
    };
    while statement.take("->") {
        let target = statement.word("a name or addresses")?;
        let addresses: Result<Vec<IpAddr>, _> = target.split(',').map(str::parse).collect();
        match addresses {
            Ok(addresses) => lookup.addresses = addresses,
            Err(_) => lookup.chain.push(target),
        }
    }
    if lookup.addresses.iter().any(IpAddr::is_ipv6) {
        lookup.kind = kind::AAAA;
    }
    while let Some(word) = statement.next() {
        match word.as_str() {
            "type" => {
                lookup.kind = match statement.word("a type")?.as_str() {
                    "A" => kind::A,
                    "AAAA" => kind::AAAA,
                    "HTTPS" => kind::HTTPS,
                    "TXT" => kind::TXT,
                    other => return statement.unexpected(other),
                };
            }
            "ttl" => lookup.ttl = statement.value("a count of seconds")?,
            "rcode" => {
                lookup.rcode = match statement.word("a response code")?.as_str() {
                    "SERVFAIL" => 2,
                    "NXDOMAIN" => 3,
                    "REFUSED" => 5,
                    other => return statement.unexpected(other),
                };
            }
            "hints" => lookup.hints = statement.list("an address")?,
            "ech" => lookup.ech = Some(statement.word("a cover name")?),
            "edns" => lookup.edns = true,
            "tcp" => lookup.tcp = true,
            "silent" => lookup.silent = true,
            "unasked" => lookup.unasked = true,
            "from" => lookup.resolver = Some(statement.address()?),
            other if lookup.odd.take(other, statement)? => {}
            other => return statement.unexpected(other),
        }
    }
    Ok(lookup)
}

impl Lookup {
    fn question(&self, id: u16) -> Vec<u8> {
        let recursion_desired = 0x0100;
        let mut writer = Writer::default();
        writer.header(id, recursion_desired, [1, 0, 0, self.edns.into()]);
        writer.question(&self.query, self.kind);
        self.put_edns(&mut writer);
        writer.out.0
    }

    fn answer(&self, id: u16) -> Vec<u8> {
        let recursive_response = 0x8180;
        let has_service = self.kind == kind::HTTPS && !(self.hints.is_empty() && self.ech.is_none());
        let answers = self.chain.len() + self.addresses.len() + usize::from(has_service);
        let has_authority = answers == 0 && self.rcode != 5;
        let mut writer = Writer::default();
        writer.header(
            id,
            recursive_response | self.rcode,
            [1, answers as u16, has_authority.into(), self.edns.into()],
        );
        writer.question(&self.query, self.kind);
        let mut owner = &self.query;
        for target in &self.chain {
            writer.alias(owner, target, self.ttl);
            owner = target;
        }
        for address in &self.addresses {
            writer.address(owner, *address, self.ttl, INTERNET);
        }
        if has_service {
            self.put_service(&mut writer, owner);
        }
        if has_authority {
            writer.authority(owner);
        }
        self.put_edns(&mut writer);
        writer.out.0
    }

    /// An HTTPS record in service mode (RFC 9460).
    fn put_service(&self, writer: &mut Writer, owner: &str) {
        let mut body = Out::default();
        let (priority, same_name) = (1, 0);
        body.u16(priority).u8(same_name);
        body.u16(parameter::ALPN).vector16(|out| {
            out.vector8(|out| {
                out.bytes(b"h2");
            });
        });
        let octets = |v6: bool| -> Vec<u8> {
            self.hints
                .iter()
                .filter(|hint| hint.is_ipv6() == v6)
                .flat_map(octets_of)
                .collect()
        };
        let (v4, v6) = (octets(false), octets(true));
        if !v4.is_empty() {
            body.u16(parameter::IPV4_HINT).vector16(|out| {
                out.bytes(&v4);
            });
        }
        if let Some(cover) = &self.ech {
            body.u16(parameter::ECH)
                .vector16(|out| put_ech_configuration(out, cover));
        }
        if !v6.is_empty() {
            body.u16(parameter::IPV6_HINT).vector16(|out| {
                out.bytes(&v6);
            });
        }
        writer.record(owner, kind::HTTPS, INTERNET, self.ttl);
        writer.out.vector16(|out| {
            out.bytes(&body.0);
        });
    }

    fn put_edns(&self, writer: &mut Writer) {
        if self.edns {
            let (root, payload_size) = (0, 1232);
            writer.out.u8(root).u16(kind::OPT).u16(payload_size).u32(0).u16(0);
        }
    }
}

/// An ECHConfigList with one configuration: what matters here is its public name.
fn put_ech_configuration(out: &mut Out, cover: &str) {
    out.vector16(|out| {
        out.u16(0xfe0d).vector16(|out| {
            let (configuration, x25519) = (7, 0x0020);
            out.u8(configuration).u16(x25519);
            out.vector16(|out| {
                out.bytes(&[0x42; 32]);
            });
            out.vector16(|out| {
                out.u16(1).u16(1);
            });
            let longest_name = 0;
            out.u8(longest_name).vector8(|out| {
                out.bytes(cover.as_bytes());
            });
            out.vector16(|_| {});
        });
    });
}

fn octets_of(address: &IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Over TCP each message has its length in front (RFC 1035, 4.2.2).
fn with_length(message: &[u8]) -> Vec<u8> {
    let mut out = Out::default();
    out.vector16(|out| {
        out.bytes(message);
    });
    out.0
}

/// A message being written, with the names that can be pointed at.
#[derive(Default)]
struct Writer {
    out: Out,
    seen: HashMap<String, u16>,
}

impl Writer {
    fn header(&mut self, id: u16, flags: u16, counts: [u16; 4]) {
        self.out.u16(id).u16(flags);
        counts.iter().for_each(|count| {
            self.out.u16(*count);
        });
    }

    fn question(&mut self, name: &str, kind: u16) {
        self.name(name);
        self.out.u16(kind).u16(INTERNET);
    }

    /// A record up to its data's length.
    fn record(&mut self, owner: &str, kind: u16, class: u16, ttl: u32) {
        self.name(owner);
        self.out.u16(kind).u16(class).u32(ttl);
    }

    fn address(&mut self, owner: &str, address: IpAddr, ttl: u32, class: u16) {
        let kind = if address.is_ipv4() { kind::A } else { kind::AAAA };
        self.record(owner, kind, class, ttl);
        self.out.vector16(|out| {
            out.bytes(&octets_of(&address));
        });
    }

    fn alias(&mut self, owner: &str, target: &str, ttl: u32) {
        self.record(owner, kind::CNAME, INTERNET, ttl);
        self.measured(|writer| writer.name(target));
    }

    /// The SOA that comes with "no": of the name's parent.
    fn authority(&mut self, owner: &str) {
        let zone = owner.split_once('.').map_or(owner, |(_, zone)| zone).to_string();
        self.record(&zone, kind::SOA, INTERNET, 300);
        self.measured(|writer| {
            writer.name(&format!("ns1.{zone}"));
            writer.name(&format!("hostmaster.{zone}"));
            for number in [2026, 3600, 600, 86400, 300] {
                writer.out.u32(number);
            }
        });
    }

    /// Data that contain names: the length is known once they are written.
    fn measured(&mut self, body: impl FnOnce(&mut Writer)) {
        let at = self.out.0.len();
        self.out.u16(0);
        body(self);
        let length = (self.out.0.len() - at - 2) as u16;
        self.out.0[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }

    /// A name; the longest end of it that was written before becomes a pointer.
    fn name(&mut self, name: &str) {
        let mut rest = name;
        while !rest.is_empty() {
            if let Some(at) = self.seen.get(rest) {
                self.out.u16(0xc000 | at);
                return;
            }
            self.seen.insert(rest.to_string(), self.out.0.len() as u16);
            let (label, after) = rest.split_once('.').unwrap_or((rest, ""));
            self.out.vector8(|out| {
                out.bytes(&bytes_of_name(label));
            });
            rest = after;
        }
        self.out.u8(0);
    }
}
