//! SOCKS: whom the client asks its proxy for, and what the proxy says to it.
//!
//! ```text
//! client   FirstMessage ─┬─ version 4: request ───────────────────▶ tunnel
//!                        └─ version 5: greeting ─▶ Request (login) ─▶ tunnel
//!
//! server   FirstMessage ─┬─ version 4: reply ─────────────────────▶ tunnel
//!                        └─ version 5: selection ─▶ Reply (login) ──▶ tunnel
//! ```
//!
//! A few bytes are little to know a protocol by, so that nothing is said before a second message fits the first, or
//! a hello follows.

use std::net::IpAddr;

use super::model::App;
use super::preamble::Step;
use super::probe::Findings;
use crate::flow::key::Side;
use crate::names::domain::Domain;
use crate::wire::Parse;
use crate::wire::socks::{self, Address, Command, Reply, Request};

/// In `proxy_status`: the proxy did not accept the client's user and password.
pub const LOGIN_FAILED: u16 = 0x100;

/// Both directions, each by itself.
#[derive(Debug, Default)]
pub struct SocksTalk {
    sides: [Awaits; 2],
    client: Option<Side>,
    version: u8,
    /// One bit for each method that the client offers, of those with a number that fits.
    offered: u8,
    target: Option<(Domain, u16)>,
    is_sure: bool,
}

/// What a side's next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Awaits {
    #[default]
    FirstMessage,
    /// Of the client, in version 5: the request, or the login before it.
    Request,
    /// Of the server: the same.
    Reply,
    TunnelBytes,
    /// A protection that we cannot read, a connection from outside, datagrams.
    Nothing,
}

impl SocksTalk {
    pub fn step(&mut self, side: Side, bytes: &[u8], findings: &mut Findings) -> Step {
        let first = bytes.first().copied().unwrap_or_default();
        match (self.sides[side.index()], first) {
            (Awaits::FirstMessage, _) if self.client.is_none_or(|client| client == side) => {
                self.first_message(side, bytes, findings)
            }
            (Awaits::FirstMessage, _) if self.version == socks::VERSION_5 => self.selection(side, bytes, findings),
            (Awaits::FirstMessage, _) => {
                let reply = socks::reply_4(bytes);
                self.reply(side, reply, socks::GRANTED_4, findings)
            }
            (Awaits::Request, socks::LOGIN) => match socks::login(bytes) {
                Parse::Complete(length) => Step::Taken(length),
                Parse::Need(_) => Step::Need,
                Parse::Malformed(_) => Step::Over,
            },
            (Awaits::Request, _) => {
                let request = socks::request_5(bytes);
                self.is_sure |= matches!(request, Parse::Complete(_));
                self.request(side, request, findings)
            }
            (Awaits::Reply, socks::LOGIN) => match socks::short_answer(bytes, socks::LOGIN) {
                Parse::Complete(status) => {
                    if status != 0 {
                        findings.proxy_status = Some(LOGIN_FAILED);
                    }
                    Step::Taken(2)
                }
                Parse::Need(_) => Step::Need,
                Parse::Malformed(_) => Step::Over,
            },
            (Awaits::Reply, _) => {
                let reply = socks::reply_5(bytes);
                self.reply(side, reply, socks::GRANTED_5, findings)
            }
            (Awaits::TunnelBytes, _) => Step::Inside,
            (Awaits::Nothing, _) => Step::Over,
        }
    }

    fn first_message(&mut self, side: Side, bytes: &[u8], findings: &mut Findings) -> Step {
        self.client = Some(side);
        self.version = bytes.first().copied().unwrap_or_default();
        if self.version == socks::VERSION_4 {
            let request = socks::request_4(bytes);
            // A host where 4a has it, in the shape of one, is proof enough.
            if let Parse::Complete(Request {
                address: Address::Name(host),
                ..
            }) = request
            {
                self.is_sure |= Domain::from_text(host).is_host_name();
            }
            return self.request(side, request, findings);
        }
        match socks::greeting(bytes) {
            Parse::Complete(methods) => {
                self.sides[side.index()] = Awaits::Request;
                self.offered = methods.iter().fold(0, |bits, method| bits | bit(*method));
                Step::Taken(2 + methods.len())
            }
            Parse::Need(_) => Step::Need,
            Parse::Malformed(_) => Step::Over,
        }
    }

    /// The client's request, in either version.
    fn request(&mut self, side: Side, request: Parse<Request<'_>, socks::SocksError>, findings: &mut Findings) -> Step {
        let request = match request {
            Parse::Complete(request) => request,
            Parse::Need(_) => return Step::Need,
            Parse::Malformed(_) => return Step::Over,
        };
        self.sides[side.index()] = match request.command {
            Command::Connect => {
                self.target = Some((domain_of(request.address), request.port));
                Awaits::TunnelBytes
            }
            Command::Bind | Command::UdpAssociate => Awaits::Nothing,
        };
        if self.is_sure {
            self.settle(findings);
        }
        Step::Taken(request.length)
    }

    /// The server chooses a method.
    fn selection(&mut self, side: Side, bytes: &[u8], findings: &mut Findings) -> Step {
        let method = match socks::short_answer(bytes, socks::VERSION_5) {
            Parse::Complete(method) => method,
            Parse::Need(_) => return Step::Need,
            Parse::Malformed(_) => return Step::Over,
        };
        if method != socks::METHOD_REFUSED && self.offered & bit(method) == 0 {
            return Step::BothOver;
        }
        self.settle(findings);
        match method {
            socks::METHOD_NONE | socks::METHOD_LOGIN => {
                self.sides[side.index()] = Awaits::Reply;
                Step::Taken(2)
            }
            socks::METHOD_REFUSED => {
                findings.proxy_status = Some(u16::from(method));
                Step::BothOver
            }
            // RFC 1961: with GSSAPI the request itself may be encrypted.
            _ => Step::BothOver,
        }
    }

    /// The server's reply, in either version.
    fn reply(
        &mut self,
        side: Side,
        reply: Parse<Reply, socks::SocksError>,
        granted: u8,
        findings: &mut Findings,
    ) -> Step {
        let reply = match reply {
            Parse::Complete(reply) => reply,
            Parse::Need(_) => return Step::Need,
            Parse::Malformed(_) => return Step::Over,
        };
        self.settle(findings);
        findings.proxy_status = Some(u16::from(reply.code));
        self.sides[side.index()] = match reply.code == granted {
            true => Awaits::TunnelBytes,
            false => Awaits::Nothing,
        };
        Step::Taken(reply.length)
    }

    /// From here on it is known to be SOCKS.
    pub fn settle(&mut self, findings: &mut Findings) {
        self.is_sure = true;
        findings.app = App::Socks;
        findings.client = findings.client.or(self.client);
        if let Some((host, port)) = self.target.take() {
            findings.proxy_host = Some(host);
            findings.proxy_port = Some(port);
        }
    }
}

fn bit(method: u8) -> u8 {
    1_u8.checked_shl(u32::from(method)).unwrap_or(0)
}

/// An address is written as one: it is nobody's name.
fn domain_of(address: Address<'_>) -> Domain {
    match address {
        Address::Name(name) => Domain::from_text(name),
        Address::Ip(IpAddr::V4(ip)) => Domain::from_text(ip.to_string().as_bytes()),
        Address::Ip(IpAddr::V6(ip)) => Domain::from_text(ip.to_string().as_bytes()),
    }
}
