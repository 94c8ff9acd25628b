//! Calls: the verbs `stun`, `call` and `turn`.

use std::net::SocketAddr;

use super::bytes::{Noise, Out};
use super::certificate::{Build, Certificate};
use super::day::Day;
use super::dtls::{self, Handshake, Role};
use super::script::Statement;
use super::talk::{Oddities, Side, Talk};

const MAGIC_COOKIE: u32 = 0x2112_a442;
const BINDING: u16 = 0x0001;
const ALLOCATE: u16 = 0x0003;
const SUCCESS: u16 = 0x0100;

/// What happens on one pair of ports, in this order.
struct Call {
    stun: usize,
    /// STUN of before it had a cookie.
    classic: bool,
    dtls: Option<Handshake>,
    rtp: usize,
    /// Packets that begin as RTP does and are none.
    noise: usize,
    server_first: bool,
    odd: Oddities,
}

/// `stun ADDRESS:PORT`: a Binding request and its answer (RFC 8489), as media sessions begin.
pub fn play_stun(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.socket()?;
    let mut odd = Oddities::default();
    while let Some(word) = statement.next() {
        if !odd.take(&word, statement)? {
            return statement.unexpected(&word);
        }
    }
    let [request, response] = stun_messages(&mut day.noise, BINDING, false);
    day.exchange(server, &request, &response, &odd)
}

/// `call ADDRESS:PORT [stun N] [classic] [dtls V [sni NAME] [cert NAME,...] [cookie] [pieces N]] [rtp N] [noise N] [server-first]`
pub fn play_call(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.socket()?;
    let call = parse(statement)?;
    let client = day.client_for(server, call.odd.port)?;
    let ends = match call.server_first {
        false => [client, server],
        true => [server, client],
    };
    for _ in 0..call.stun {
        let [request, response] = stun_messages(&mut day.noise, BINDING, call.classic);
        send(day, ends, &request, &call.odd);
        send(day, [ends[1], ends[0]], &response, &call.odd);
    }
    if let Some(handshake) = &call.dtls {
        // Whoever speaks first is the client of the DTLS inside, whoever serves the media.
        for (role, datagram) in handshake.datagrams(&mut day.noise) {
            let ends = if role == Role::Client { ends } else { [ends[1], ends[0]] };
            send(day, ends, &datagram, &call.odd);
        }
    }
    let sources = [day.noise.next() as u32, day.noise.next() as u32];
    for n in 0..call.rtp {
        let [from, to] = if n % 2 == 0 { ends } else { [ends[1], ends[0]] };
        let packet = rtp(&mut day.noise, sources[n % 2], (n / 2) as u16);
        send(day, [from, to], &packet, &call.odd);
    }
    for n in 0..call.noise {
        let (source, sequence) = (day.noise.next() as u32, 700 * n as u16);
        let packet = rtp(&mut day.noise, source, sequence);
        send(day, ends, &packet, &call.odd);
    }
    Ok(())
}

fn parse(statement: &mut Statement) -> Result<Call, String> {
    let mut call = Call {
        stun: 0,
        classic: false,
        dtls: None,
        rtp: 0,
        noise: 0,
        server_first: false,
        odd: Oddities::default(),
    };
    while let Some(word) = statement.next() {
        match (word.as_str(), &mut call.dtls) {
            ("stun", _) => call.stun = statement.value("a count")?,
            ("classic", _) => call.classic = true,
            ("rtp", _) => call.rtp = statement.value("a count")?,
            ("noise", _) => call.noise = statement.value("a count")?,
            ("server-first", _) => call.server_first = true,
            ("dtls", _) => {
                let version = statement.word("a version")?;
                call.dtls = Some(Handshake {
                    version: dtls::version_of_word(&version).ok_or(format!("`{version}` is not a version"))?,
                    sni: None,
                    cookie: false,
                    piece: 16_384,
                    certificate: Certificate {
                        names: vec!["WebRTC".into()],
                        issuer: "CN=WebRTC".into(),
                        valid: ["2026-11-20".into(), "2026-12-21".into()],
                        build: Build::Elliptic,
                    },
                });
            }
            ("sni", Some(dtls)) => dtls.sni = Some(statement.word("a name")?),
            ("cert", Some(dtls)) => dtls.certificate.names = statement.list("a name")?,
            ("cookie", Some(dtls)) => dtls.cookie = true,
            ("pieces", Some(dtls)) => dtls.piece = statement.value("a count of bytes")?,
            (other, _) if call.odd.take(other, statement)? => {}
            (other, _) => return statement.unexpected(other),
        }
    }
    Ok(call)
}

fn send(day: &mut Day, [from, to]: [SocketAddr; 2], payload: &[u8], odd: &Oddities) {
    day.datagram(from, to, payload, odd);
    day.clock += 9_000_000;
}

/// A request and its answer, which tells the address that it came from.
fn stun_messages(noise: &mut Noise, method: u16, classic: bool) -> [Vec<u8>; 2] {
    let transaction = noise.bytes(12);
    let cookie = if classic { noise.next() as u32 } else { MAGIC_COOKIE };
    let mut request = Out::default();
    request.u16(method).u16(0).u32(cookie).bytes(&transaction);
    let mut response = Out::default();
    let (mapped_address, v4) = (if classic { 0x0001 } else { 0x0020 }, 1);
    response.u16(method | SUCCESS).u16(12).u32(cookie).bytes(&transaction);
    response.u16(mapped_address).u16(8).u16(v4).u16(0x1234).u32(0x5678_9abc);
    [request.0, response.0]
}

/// 20 ms of sealed speech.
fn rtp(noise: &mut Noise, source: u32, number: u16) -> Vec<u8> {
    let (version_2, opus) = (0x80, 111);
    let mut out = Out::default();
    out.u8(version_2).u8(opus).u16(0xfff0_u16.wrapping_add(number));
    out.u32(960 * u32::from(number)).u32(source);
    out.bytes(&noise.bytes(70));
    out.0
}

/// `turn ADDRESS:PORT [framed] [pseudo-tls]`: a relay is asked for over TCP; each message with its length in front (RFC 4571),
/// or behind hellos that only look like TLS (MS-TURN).
pub fn play_turn(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.socket()?;
    let (mut framed, mut pseudo_tls) = (false, false);
    let mut odd = Oddities::default();
    while let Some(word) = statement.next() {
        match word.as_str() {
            "framed" => framed = true,
            "pseudo-tls" => pseudo_tls = true,
            other if odd.take(other, statement)? => {}
            other => return statement.unexpected(other),
        }
    }
    let mut talk = Talk::new(day, server, odd)?;
    talk.open(day);
    if pseudo_tls {
        let (client, server) = pseudo_hellos(&mut day.noise);
        talk.say(day, Side::Client, &client);
        talk.say(day, Side::Server, &server);
    }
    let messages = stun_messages(&mut day.noise, ALLOCATE, false);
    for (side, message) in [Side::Client, Side::Server].into_iter().zip(messages) {
        let mut out = Out::default();
        match framed {
            true => out.vector16(|out| {
                out.bytes(&message);
            }),
            false => out.bytes(&message),
        };
        talk.say(day, side, &out.0);
    }
    talk.close(day);
    day.clock = talk.now;
    Ok(())
}

/// Hellos of TLS 1.0 in form: anonymous Diffie-Hellman with RC4 is all that is offered, and it is taken.
fn pseudo_hellos(noise: &mut Noise) -> (Vec<u8>, Vec<u8>) {
    let (handshake, tls10, anonymous) = (22, 0x0301, 0x0018);
    let (client_hello, server_hello, server_hello_done) = (1, 2, 14);
    let mut client = Out::default();
    client.u8(handshake).u16(tls10).vector16(|out| {
        out.u8(client_hello).vector24(|out| {
            out.u16(tls10).bytes(&noise.bytes(32)).u8(0);
            out.u16(2).u16(anonymous).u8(1).u8(0);
        });
    });
    let mut server = Out::default();
    server.u8(handshake).u16(tls10).vector16(|out| {
        out.u8(server_hello).vector24(|out| {
            out.u16(tls10).bytes(&[0; 32]).vector8(|out| {
                out.bytes(&[0; 32]);
            });
            out.u16(anonymous).u8(0);
        });
        out.u8(server_hello_done).vector24(|_| {});
    });
    (client.0, server.0)
}
