//! The plainer verbs: `http`, `tcp`, `udp`, `ntp`, `ssdp`, `ping` and `arp`.

use std::net::{IpAddr, SocketAddr};

use super::bytes::Out;
use super::day::Day;
use super::ip;
use super::link::{BROADCAST, Load, mac_of};
use super::script::Statement;
use super::talk::{Oddities, Side, Talk};

/// `http ADDRESS:PORT host NAME [path P] [absolute] [status N] [field "NAME: VALUE"]... [bytes N]`
pub fn play_http(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.socket()?;
    let (mut host, mut path) = (String::new(), "/".to_string());
    let (mut status, mut size) = ("200".to_string(), 300);
    let (mut absolute, mut fields) = (false, String::new());
    let mut odd = Oddities::default();
    while let Some(word) = statement.next() {
        match word.as_str() {
            "host" => host = statement.word("a name")?,
            "path" => path = statement.word("a path")?,
            "absolute" => absolute = true,
            "field" => fields += &format!("{}\r\n", statement.word("a field")?),
            "status" => status = statement.word("a status")?,
            "bytes" => size = statement.value("a count")?,
            other if odd.take(other, statement)? => {}
            other => return statement.unexpected(other),
        }
    }
    if absolute {
        path = format!("http://{host}{path}");
    }
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
    let mut response =
        format!("HTTP/1.1 {status} Status\r\nContent-Type: text/plain\r\n{fields}Content-Length: {size}\r\n\r\n");
    response.extend(std::iter::repeat_n('.', size));
    let mut talk = Talk::new(day, server, odd)?;
    talk.open(day);
    talk.say(day, Side::Client, request.as_bytes());
    talk.say(day, Side::Server, response.as_bytes());
    talk.close(day);
    day.clock = talk.now;
    Ok(())
}

/// `tcp ADDRESS:PORT FATE`, the fate being `open`, `closed` or `reset` (with `bytes OUT IN` of noise before),
/// `refused`, `unanswered [N]`, `prohibited [CODE]` or `unreachable [CODE]`.
pub fn play_tcp(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.socket()?;
    let fate = statement.word("a fate")?;
    let code = match statement.next() {
        None => None,
        Some(word) => match word.parse::<u8>() {
            Ok(number) => Some(number),
            Err(_) => {
                statement.put_back(word);
                None
            }
        },
    };
    let mut bytes = [0, 0];
    let mut odd = Oddities::default();
    while let Some(word) = statement.next() {
        match word.as_str() {
            "bytes" => bytes = [statement.value("a count")?, statement.value("a count")?],
            other if odd.take(other, statement)? => {}
            other => return statement.unexpected(other),
        }
    }
    let mut talk = Talk::new(day, server, odd.clone())?;
    match fate.as_str() {
        "refused" => {
            talk.syn(day);
            talk.reset(day, Side::Server);
        }
        "unanswered" => {
            talk.syn(day);
            for retry in 1..code.unwrap_or(3) {
                talk.syn_again(day, 1_000_000_000 << (retry - 1));
            }
        }
        "prohibited" | "unreachable" => {
            talk.syn(day);
            let quoted = talk.quoted_syn(day);
            let (error, usual) = match (fate.as_str(), server.is_ipv6()) {
                ("prohibited", false) => (3, 13),
                ("prohibited", true) => (1, 1),
                (_, false) => (3, 1),
                (_, true) => (1, 3),
            };
            day.clock = talk.now + day.rtt / 4;
            day.complain(server, error, code.unwrap_or(usual), &quoted, &odd)?;
        }
        "open" | "closed" | "reset" => {
            talk.open(day);
            for side in [Side::Client, Side::Server] {
                let data = opaque(day, bytes[side as usize]);
                talk.say(day, side, &data);
            }
            match fate.as_str() {
                "closed" => talk.close(day),
                "reset" => talk.reset(day, Side::Server),
                _ => {}
            }
        }
        other => return statement.unexpected(other),
    }
    day.clock = day.clock.max(talk.now);
    Ok(())
}

/// `udp ADDRESS:PORT [bytes OUT IN] [prohibited|closed]`: noise that is no protocol, and a router's or the host's own ICMP error
/// about it.
pub fn play_udp(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.socket()?;
    let mut bytes = [200, 200];
    let mut times = 1;
    let mut complaint = None;
    let mut odd = Oddities::default();
    while let Some(word) = statement.next() {
        match word.as_str() {
            "bytes" => bytes = [statement.value("a count")?, statement.value("a count")?],
            "times" => times = statement.value("a count")?,
            "prohibited" | "closed" => complaint = Some(word == "closed"),
            other if odd.take(other, statement)? => {}
            other => return statement.unexpected(other),
        }
    }
    for _ in 0..times {
        let [request, response] = bytes.map(|count| opaque(day, count));
        day.exchange(server, &request, &response, &odd)?;
        if let Some(by_host) = complaint {
            complain_of_datagram(day, server, &request, by_host, &odd)?;
        }
    }
    Ok(())
}

/// Port unreachable, by the host itself or by a filter on the way. It quotes the datagram that was sent last.
fn complain_of_datagram(
    day: &mut Day,
    server: SocketAddr,
    request: &[u8],
    by_host: bool,
    odd: &Oddities,
) -> Result<(), String> {
    let client = day.client_sent_last(server)?;
    let message = ip::udp(client, server, request);
    let packet = day.packet(client.ip(), server.ip(), ip::UDP, message);
    let mut quoted = packet.write(ip::Spoil::default()).swap_remove(0);
    quoted.truncate(quoted.len() - request.len());
    let (kind, code) = if server.is_ipv4() { (3, 3) } else { (1, 4) };
    let sender = by_host.then_some(server.ip());
    day.complain_from(sender, server, (kind, code), &quoted, odd)
}

/// `ntp ADDRESS`
pub fn play_ntp(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = SocketAddr::new(statement.address()?, 123);
    let odd = oddities(statement)?;
    let message = |mode: u8| {
        let version_4 = 4 << 3;
        let mut out = Out::default();
        out.u8(version_4 | mode).u8(2).u8(6).u8(0xec).bytes(&[0; 44]);
        out.0
    };
    let (client_mode, server_mode) = (message(3), message(4));
    day.exchange(server, &client_mode, &server_mode, &odd)
}

/// `ssdp`: a host looks for devices around it.
pub fn play_ssdp(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let odd = oddities(statement)?;
    let everybody = SocketAddr::from(([239, 255, 255, 250], 1900));
    let client = day.client_for(everybody, odd.port)?;
    let search = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\
                  MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n";
    day.datagram(client, everybody, search.as_bytes(), &odd);
    Ok(())
}

/// `ping ADDRESS`
pub fn play_ping(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.address()?;
    let odd = oddities(statement)?;
    let client = day.client_for(SocketAddr::new(server, 0), None)?.ip();
    let (protocol, request, reply) = match server {
        IpAddr::V4(_) => (ip::ICMP, 8, 0),
        IpAddr::V6(_) => (ip::ICMPV6, 128, 129),
    };
    let identifier_and_sequence = 0x0007_0001;
    for (source, destination, kind) in [(client, server, request), (server, client, reply)] {
        let body = [0x2a; 32];
        let message = ip::icmp(source, destination, kind, 0, identifier_and_sequence, &body);
        let packet = day.packet(source, destination, protocol, message);
        day.emit(day.clock, &packet, ip::Spoil::default(), kind == request, &odd);
        day.clock += day.rtt;
    }
    Ok(())
}

/// `arp ADDRESS`: the host asks who has it; flowsift counts and leaves it.
pub fn play_arp(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let target = statement.address()?;
    let sender = day.client_for(SocketAddr::new(target, 0), None)?.ip();
    let (IpAddr::V4(sender_v4), IpAddr::V4(target_v4)) = (sender, target) else {
        return Err("ARP is for IPv4".into());
    };
    let (ethernet, ipv4, request) = (1, 0x0800, 1);
    let mut out = Out::default();
    out.u16(ethernet).u16(ipv4).u8(6).u8(4).u16(request);
    out.bytes(&mac_of(sender)).bytes(&sender_v4.octets());
    out.bytes(&[0; 6]).bytes(&target_v4.octets());
    let load = Load {
        ethertype: 0x0806,
        source: mac_of(sender),
        destination: BROADCAST,
        outgoing: true,
        vlans: Vec::new(),
        padded: false,
        packet: out.0,
    };
    let at = day.clock;
    day.add(at, load);
    Ok(())
}

fn oddities(statement: &mut Statement) -> Result<Oddities, String> {
    let mut odd = Oddities::default();
    while let Some(word) = statement.next() {
        if !odd.take(&word, statement)? {
            return statement.unexpected(&word);
        }
    }
    Ok(odd)
}

/// Noise that no protocol begins with: its first byte is 7.
fn opaque(day: &mut Day, count: usize) -> Vec<u8> {
    let mut bytes = day.noise.bytes(count);
    if let Some(first) = bytes.first_mut() {
        *first = 0x07;
    }
    bytes
}
