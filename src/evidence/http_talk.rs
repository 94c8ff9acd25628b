//! HTTP/1, as far as it names somebody: the host of a request, or the host that a proxy is asked for.
//!
//! ```text
//! client   StartLine ─┬─ GET /path ────────▶ HostField ─▶ done
//!                     ├─ GET http://host/ ─▶ done
//!              ▲      └─ CONNECT host:443 ─▶ HeadEnd ─▶ TunnelBytes ─▶ TLS or whatever
//!              └────────────────────────────────────────┘ another CONNECT
//!
//! server   StartLine ─▶ Fields ─┬─ 2xx ────────────────▶ TunnelBytes ─▶ TLS or whatever
//!              ▲                └─ else ─▶ Body, Chunk ─┐   │ another answer
//!              └────────────────────────────────────────┴───┘
//! ```
//!
//! A proxy that wants to know who asks answers 407, and the client asks again on the same connection; and behind one proxy
//! there may be another, which is asked through the first. In both cases what was asked for last counts, and the last answer.
//!
//! Of a request for no tunnel the answer's head is read as well, since it may be a proxy's or a filter's own. It is taken for one only
//! if it shows that no origin server made it: by a field of the proxy's (X-Squid-Error, Proxy-Status with an error), by status 511, which
//! only networks send (RFC 6585, section 6), by 451 with a link to who blocks; or if the request was in absolute form, which is how proxies
//! are asked, and the refusal lacks the Via that a proxy adds to what it passes on. A page that only looks like a block page proves nothing.

use super::model::{App, Carried, Quality};
use super::preamble::Step;
use super::probe::Findings;
use crate::flow::key::Side;
use crate::names::domain::Domain;
use crate::wire::Parse;
use crate::wire::http::{self, Field, Line, Start, Target};

/// Both directions, each by itself.
#[derive(Debug, Default)]
pub struct HttpTalk {
    sides: [Awaits; 2],
    /// Tunnels asked for, and answers to that.
    asked: u8,
    answered: u8,
    /// An answer that was captured before its question.
    early: Option<u16>,
    /// What is known of a request for no tunnel and its answer.
    plain: Option<Plain>,
}

/// A request to a server, or for a page to a proxy, and what its answer shows.
#[derive(Debug, Clone, Copy, Default)]
struct Plain {
    /// In absolute form: to a proxy.
    to_proxy: bool,
    passed_on: bool,
    proxys_own: bool,
    blocked_by: bool,
}

impl Plain {
    /// The answer is a proxy's or a filter's, and no yes.
    fn is_refusal(self, status: u16) -> bool {
        match status {
            511 => true,
            407 => self.to_proxy,
            451 if self.blocked_by => true,
            403 | 451 | 500..=599 => self.proxys_own || self.to_proxy && !self.passed_on,
            _ => false,
        }
    }
}

/// What a side's next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Awaits {
    #[default]
    StartLine,
    /// Fields of a request, up to the one that says whose it is.
    HostField,
    /// Fields of a CONNECT, which add nothing.
    HeadEnd,
    /// Fields of an answer.
    Fields {
        status: u16,
        body: Body,
    },
    /// So many bytes of a body or a chunk, and what comes behind.
    Bytes {
        left: u64,
        then: Next,
    },
    ChunkSize,
    /// The lines behind the last chunk.
    Trailers,
    /// Another message, or what the tunnel carries.
    TunnelBytes,
}

/// Answers before the answer (RFC 9110, section 15.2).
const INTERIM: std::ops::Range<u16> = 100..200;

/// How an answer's body ends (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// With the connection.
    AtClose,
    Length(u64),
    Chunked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    StartLine,
    ChunkSize,
}

impl HttpTalk {
    pub fn step(&mut self, side: Side, bytes: &[u8], findings: &mut Findings) -> Step {
        let awaits = self.sides[side.index()];
        if let Awaits::Bytes { left, then } = awaits {
            return self.pass(side, left, then, bytes.len());
        }
        if let Awaits::StartLine | Awaits::TunnelBytes = awaits {
            match http::start(bytes) {
                Start::Undecided => return Step::Need,
                // What runs in the tunnel may be HTTP again, and of no proxy.
                Start::Request | Start::Preface if self.asked > 0 => {
                    findings.carried = Some(Carried::Http);
                    return Step::Over;
                }
                Start::Response if awaits == Awaits::TunnelBytes && self.answered >= self.asked => return Step::Over,
                Start::Request | Start::ConnectRequest | Start::Response => {}
                Start::Preface => return Step::Over,
                // RFC 9112, section 2.2: an empty line in front of a message is passed over.
                Start::Other if awaits == Awaits::StartLine && bytes.starts_with(b"\r\n") => return Step::Taken(2),
                Start::Other if awaits == Awaits::StartLine && bytes == b"\r" => return Step::Need,
                Start::Other => return Step::Inside,
            }
        }
        match http::line(bytes) {
            Parse::Complete(line) => self.line(side, awaits, line, findings),
            Parse::Need(_) => Step::Need,
            // Of an answer to a plain request nothing is needed.
            Parse::Malformed(http::TooLong) if self.plain.is_some() => Step::BothOver,
            Parse::Malformed(http::TooLong) => {
                findings.quality.add(Quality::BUDGET);
                Step::Over
            }
        }
    }

    fn line(&mut self, side: Side, awaits: Awaits, line: Line<'_>, findings: &mut Findings) -> Step {
        let next = match awaits {
            Awaits::StartLine | Awaits::TunnelBytes if http::start(line.text) == Start::Response => {
                let Some(status) = http::status(line.text) else {
                    return Step::Over;
                };
                let body = Body::AtClose;
                Awaits::Fields { status, body }
            }
            Awaits::StartLine | Awaits::TunnelBytes => match self.request(side, line.text, findings) {
                Some(next) => next,
                None => return self.wait_for_answer(true),
            },
            Awaits::HostField => match http::field(line.text) {
                Field::Host(host) => {
                    findings.host = Some(Domain::from_text(host.host));
                    return self.wait_for_answer(false);
                }
                Field::End => return Step::BothOver,
                _ => awaits,
            },
            Awaits::HeadEnd if line.text.is_empty() => Awaits::TunnelBytes,
            Awaits::Fields { status, body } => match http::field(line.text) {
                Field::Via => self.note(awaits, |plain| plain.passed_on = true),
                Field::ProxyError => self.note(awaits, |plain| plain.proxys_own = true),
                Field::BlockedBy => self.note(awaits, |plain| plain.blocked_by = true),
                Field::End if self.asked == 0 && self.plain.is_some() => {
                    match self.plainly_answered(status, body, findings) {
                        Some(next) => next,
                        None => return Step::BothOver,
                    }
                }
                Field::End => match self.answered(status, body, findings) {
                    Some(next) => next,
                    None => return Step::Over,
                },
                // Where both are there, the length is not to be believed.
                Field::ContentLength(length) if body == Body::AtClose => {
                    let body = Body::Length(length);
                    Awaits::Fields { status, body }
                }
                Field::Chunked => {
                    let body = Body::Chunked;
                    Awaits::Fields { status, body }
                }
                _ => awaits,
            },
            Awaits::ChunkSize => match http::chunk_size(line.text) {
                Some(0) => Awaits::Trailers,
                Some(size) => Awaits::Bytes {
                    // With the line's end behind it.
                    left: size.saturating_add(2),
                    then: Next::ChunkSize,
                },
                None => return Step::Over,
            },
            Awaits::Trailers if line.text.is_empty() => Awaits::StartLine,
            Awaits::HeadEnd | Awaits::Trailers | Awaits::Bytes { .. } => awaits,
        };
        self.sides[side.index()] = next;
        Step::Taken(line.length)
    }

    /// A request's own line. None: it names its host, and nothing more is to be learnt.
    fn request(&mut self, side: Side, line: &[u8], findings: &mut Findings) -> Option<Awaits> {
        findings.client.get_or_insert(side);
        match http::target(line) {
            Target::Tunnel(to) => {
                self.asked = self.asked.saturating_add(1);
                findings.app = App::Connect;
                findings.proxy_host = Some(Domain::from_text(to.host)).filter(|host| !host.as_str().is_empty());
                findings.proxy_port = to.port;
                findings.proxy_status = findings.proxy_status.or(self.early.take());
                Some(Awaits::HeadEnd)
            }
            // RFC 9112, section 3.2.2: the target's host replaces the Host field's.
            Target::Absolute(whose) => {
                findings.host = Some(Domain::from_text(whose.host));
                findings.proxy_port = whose.port;
                None
            }
            Target::Local => Some(Awaits::HostField),
        }
    }

    /// A request for no tunnel has named its host; only the answer's head may tell more.
    fn wait_for_answer(&mut self, to_proxy: bool) -> Step {
        if self.asked > 0 || self.early.is_some() {
            return Step::BothOver;
        }
        let plain = self.plain.get_or_insert_default();
        plain.to_proxy = to_proxy;
        Step::Over
    }

    fn note(&mut self, awaits: Awaits, change: impl FnOnce(&mut Plain)) -> Awaits {
        // Of a tunnel's answer, or one captured before its question, nothing of it counts.
        if let Some(plain) = &mut self.plain {
            change(plain);
        }
        awaits
    }

    /// The head of an answer to a request for no tunnel is over. None: nothing more is to be learnt.
    fn plainly_answered(&mut self, status: u16, body: Body, findings: &mut Findings) -> Option<Awaits> {
        if INTERIM.contains(&status) {
            return Some(Awaits::StartLine);
        }
        let plain = self.plain.take()?;
        findings.proxy_status = plain.is_refusal(status).then_some(status);
        // Who was asked who he is asks again.
        if status != 407 || !plain.to_proxy {
            return None;
        }
        self.plain = Some(Plain {
            to_proxy: true,
            ..Plain::default()
        });
        behind_head(body)
    }

    /// An answer's head is over. None: its body ends only with the connection.
    fn answered(&mut self, status: u16, body: Body, findings: &mut Findings) -> Option<Awaits> {
        const GRANTED: std::ops::Range<u16> = 200..300;
        if INTERIM.contains(&status) {
            return Some(Awaits::StartLine);
        }
        self.answered = self.answered.saturating_add(1);
        match self.asked {
            0 => self.early = Some(status),
            _ => findings.proxy_status = Some(status),
        }
        // RFC 9110, section 9.3.6: a 2xx answer to CONNECT has no body, whatever its fields say.
        if GRANTED.contains(&status) {
            return Some(Awaits::TunnelBytes);
        }
        behind_head(body)
    }

    /// Bytes that tell nothing.
    fn pass(&mut self, side: Side, left: u64, then: Next, here: usize) -> Step {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(here);
        let left = left - taken as u64;
        self.sides[side.index()] = match (left, then) {
            (0, Next::StartLine) => Awaits::StartLine,
            (0, Next::ChunkSize) => Awaits::ChunkSize,
            _ => Awaits::Bytes { left, then },
        };
        Step::Taken(taken)
    }
}

/// What stands behind a head with such a body; None if it goes on to the connection's end.
fn behind_head(body: Body) -> Option<Awaits> {
    match body {
        Body::Length(0) => Some(Awaits::StartLine),
        Body::Length(left) => Some(Awaits::Bytes {
            left,
            then: Next::StartLine,
        }),
        Body::Chunked => Some(Awaits::ChunkSize),
        Body::AtClose => None,
    }
}
