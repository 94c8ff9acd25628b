//! What became of the attempt that a flow is: the one decision behind [`Reach`] and the flag `blocked`.
//!
//! ```text
//!   1  seen to fail     a refusal, a prohibition, an alert, a proxy's no, an end right behind the hello    Blocked
//!   2  seen in part     midstream, cut, holes, one direction                                               Unclear
//!   3  seen to work     the handshake, and data both ways behind it                                        Reached
//!   4  nobody answered  long enough, often enough, while others answered this client                       Blocked
//!   5  anything else                                                                                       Unclear
//! ```
//!
//! What was seen was seen: an RST to the SYN counts however little else there is. A silence is made of what was *not* seen, so
//! it counts only where nothing can have been missed.
//!
//! # What "application data both ways" can mean
//!
//! - Without TLS: data of both sides.
//! - With TLS 1.3 the client's Finished looks like its data. So the client must have gone on behind the server's hello, and then
//!   the server: what it sends then (tickets at least) it sends only to a client that has finished.
//! - With older TLS everything up to the server's ChangeCipherSpec can be read; what the server sends behind it counts. A client
//!   may have sent its first request before (False Start, RFC 7918), so that no order is asked for.
//! - With QUIC the server's hello, and more datagrams of both sides than the first: a Version Negotiation, a Retry or a lone Initial
//!   is no connection.
//!
//! A ServerHello alone may be a middlebox's.

use std::net::IpAddr;

use super::Case;
use super::facts::{Course, FlowFacts};
use crate::evidence::model::{App, Quality, TlsFacts, TlsVersion};
use crate::flow::attempt::{Ending, IcmpWord, TcpState};
use crate::policy::model::{TCP, UDP};
use crate::policy::verdict::{Block, Doubt, HelloEnd, Reach};

/// The decision, with its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Reached,
    Blocked(Block),
    Unclear(Doubt),
}

impl Outcome {
    pub(super) fn reach(self) -> Reach {
        match self {
            Outcome::Reached => Reach::Reached,
            Outcome::Blocked(_) => Reach::Blocked,
            Outcome::Unclear(doubt) => Reach::Unclear(doubt),
        }
    }
}

const SECOND: u64 = 1_000_000_000;
/// The capture must go on so long behind the last try, and behind a hello.
const PATIENCE: u64 = 3 * SECOND;
const PATIENCE_WITH_HELLO: u64 = 10 * SECOND;
/// One SYN may get lost.
const TRIES: u64 = 2;

/// What became of the flow.
pub(super) fn decide(case: &Case) -> Outcome {
    let facts = case.facts;
    if let Some(block) = refusal(facts) {
        return Outcome::Blocked(block);
    }
    if let Some(doubt) = partly_seen(facts) {
        return Outcome::Unclear(doubt);
    }
    if is_reached(facts) {
        return Outcome::Reached;
    }
    match facts.protocol {
        TCP => unanswered_tcp(facts),
        UDP => unanswered_udp(case),
        _ => Outcome::Unclear(Doubt::NoData),
    }
}

/// Somebody was seen to say no.
fn refusal(facts: &FlowFacts) -> Option<Block> {
    let course = &facts.course;
    match course.tcp {
        Some(TcpState::Refused) => return Some(Block::Reset),
        Some(TcpState::Prohibited) => return Some(Block::Icmp),
        _ => {}
    }
    let is_unanswered = match facts.protocol {
        UDP => course.received == 0,
        // A filter by name lets the handshake of TCP through, and may say no to the hello.
        _ => is_hello_unanswered(facts) && !lacks_bytes(facts),
    };
    if is_unanswered && course.icmp == Some(IcmpWord::Prohibited) {
        return Some(Block::Icmp);
    }
    proxy_refusal(facts)
        .or_else(|| alert(facts))
        .or_else(|| end_behind_hello(facts))
}

/// HTTP: 403 and 451 are a policy's word, 5xx says that there was no way on. 407 asks who the client is. SOCKS (RFC 1928, section 6): 1 a
/// failure, 2 the rules, 5 refused; 3, 4 and 6 are a router's word, 7 and 8 the client's own fault. Version 4: 91.
fn proxy_refusal(facts: &FlowFacts) -> Option<Block> {
    let status = facts.course.proxy_status?;
    match facts.app {
        App::Connect | App::Http => matches!(status, 403 | 451 | 500..=599).then_some(Block::Proxy { status }),
        App::Socks => matches!(status, 1 | 2 | 5 | 91).then_some(Block::Socks { code: status }),
        _ => None,
    }
}

/// RFC 8446, section 6.1: close_notify and user_canceled are no failures.
const CLOSE_NOTIFY: u8 = 0;
const USER_CANCELED: u8 = 90;
const FATAL: u8 = 2;

/// The server's side ended the handshake with an alert. Only what is in the clear is ever read: before the server's ChangeCipherSpec,
/// with TLS 1.3 before its hello. A warning that the server itself passed over (unrecognized_name, RFC 6066, section 3) is none.
fn alert(facts: &FlowFacts) -> Option<Block> {
    let tls = facts.tls?;
    let (level, description) = tls.server_alert?;
    let counts = level == FATAL || tls.version.is_none();
    let is_failure = !matches!(description, CLOSE_NOTIFY | USER_CANCELED);
    (counts && is_failure).then_some(Block::Alert { description })
}

/// The hello went out whole, and the server's side ended it without a word.
fn end_behind_hello(facts: &FlowFacts) -> Option<Block> {
    let (by_server, ending) = facts.course.ended_first?;
    (by_server && is_hello_unanswered(facts) && !lacks_bytes(facts)).then_some(Block::AfterHello(match ending {
        Ending::Reset => HelloEnd::Reset,
        Ending::Finished => HelloEnd::Finished,
    }))
}

fn is_hello_unanswered(facts: &FlowFacts) -> bool {
    let is_unanswered = |tls: &TlsFacts| tls.hello && tls.version.is_none();
    // In a tunnel the proxy has spoken before; else not a byte may have come.
    facts.protocol == TCP && facts.tls.is_some_and(is_unanswered) && (facts.is_proxied() || !facts.server_payload)
}

/// Bytes came in place of the server's hello, such as a page: of a server that speaks no TLS, or of a filter.
fn is_hello_misunderstood(facts: &FlowFacts) -> bool {
    let misunderstood = |tls: &TlsFacts| tls.hello && tls.version.is_none() && tls.server_alert.is_none();
    !facts.is_proxied() && facts.server_payload && facts.tls.is_some_and(misunderstood)
}

/// An answer may be among what was not captured. What left early was still seen until then.
fn lacks_bytes(facts: &FlowFacts) -> bool {
    let marks = [
        Quality::MIDSTREAM,
        Quality::CUT,
        Quality::GAP,
        Quality::BUDGET,
        Quality::ONE_SIDED,
    ];
    marks.into_iter().any(|mark| facts.quality.has(mark))
}

fn partly_seen(facts: &FlowFacts) -> Option<Doubt> {
    if facts.quality.has(Quality::MIDSTREAM) {
        Some(Doubt::Midstream)
    } else if facts.quality.has(Quality::ONE_SIDED) {
        Some(Doubt::OneSided)
    } else if facts.has_holes() {
        Some(Doubt::Incomplete)
    } else {
        None
    }
}

fn is_reached(facts: &FlowFacts) -> bool {
    let course = &facts.course;
    let both_ways = facts.client_payload && facts.server_payload;
    if facts.app == App::Quic {
        let knows = facts.tls.is_some_and(|tls| tls.version.is_some());
        // Google's own versions have a handshake that is not TLS.
        let shook_hands = if facts.tls_in_quic { knows } else { course.quic_went_on };
        return shook_hands && course.sent >= TRIES && course.received >= TRIES;
    }
    if facts.protocol != TCP {
        return both_ways && (facts.app != App::Dtls || facts.negotiated().is_some());
    }
    let is_refused = course.proxy_status.is_some() && !is_granted(facts);
    if !facts.established || !both_ways || is_refused {
        return false;
    }
    if !facts.speaks_tls() {
        return true;
    }
    match facts.tls.and_then(|tls| tls.version) {
        None => false,
        Some(version) if version.rank() < TlsVersion::TLS13.rank() => course.server_went_on,
        Some(_) => course.exchanged,
    }
}

/// The proxy said yes.
pub(super) fn is_granted(facts: &FlowFacts) -> bool {
    facts.course.proxy_status.is_some_and(|status| match facts.app {
        App::Socks => matches!(status, 0 | 90),
        _ => (200..300).contains(&status),
    })
}

fn unanswered_tcp(facts: &FlowFacts) -> Outcome {
    let course = &facts.course;
    let unclear = Outcome::Unclear;
    match course.tcp {
        Some(TcpState::Unreachable) => unclear(Doubt::Unreachable),
        Some(TcpState::Unanswered) if course.sent < TRIES => unclear(Doubt::AskedOnce),
        Some(TcpState::Unanswered) => silence(
            course,
            course.watched_ns >= PATIENCE,
            Block::SilentSyn {
                tries: clamp(course.sent),
                over_ms: milliseconds(course.lasted_ns),
            },
        ),
        Some(_)
            if is_hello_unanswered(facts)
                && !course.left_early
                && course.ended_first.is_none_or(|(by_server, _)| !by_server) =>
        {
            silence(
                course,
                course.waited_ns.is_some_and(|waited| waited >= PATIENCE_WITH_HELLO),
                Block::AfterHello(HelloEnd::Silence {
                    over_ms: milliseconds(course.waited_ns.unwrap_or_default()),
                }),
            )
        }
        _ if is_login_wanted(facts) => unclear(Doubt::Authentication),
        _ if is_hello_misunderstood(facts) => unclear(Doubt::NotTls),
        _ => unclear(Doubt::NoData),
    }
}

/// HTTP 407; SOCKS: no method that both know, a login that failed, version 4's identd.
fn is_login_wanted(facts: &FlowFacts) -> bool {
    facts.course.proxy_status.is_some_and(|status| match facts.app {
        App::Socks => matches!(status, 92 | 93 | 255 | 256),
        App::Connect | App::Http => status == 407,
        _ => false,
    })
}

fn unanswered_udp(case: &Case) -> Outcome {
    let (facts, course) = (case.facts, &case.facts.course);
    let doubt = match course.icmp {
        _ if course.sent == 0 || course.received > 0 => Doubt::NoData,
        Some(_) => Doubt::Unreachable,
        None if !is_request(case) => Doubt::NoData,
        None if course.same_server_answered => Doubt::AnsweredElsewhere,
        None => {
            let block = Block::SilentDatagrams {
                sent: clamp(course.sent),
                over_ms: milliseconds(course.lasted_ns),
            };
            return silence(&facts.course, course.watched_ns >= PATIENCE, block);
        }
    };
    Outcome::Unclear(doubt)
}

/// Whether a datagram wants an answer from this one server: by its protocol, or since the policy lists the server.
fn is_request(case: &Case) -> bool {
    let facts = case.facts;
    if facts.server.ip.is_multicast() || may_be_broadcast(facts.server.ip) {
        return false;
    }
    match facts.app {
        App::Mdns | App::Llmnr | App::Ssdp | App::Dhcp => false,
        App::Quic | App::Dtls | App::Dns | App::Ntp => true,
        // Port 138 carries notices.
        App::Nbns => facts.server.port == Some(137),
        // Two ends of a call try many ways to each other, and most of them lead nowhere (RFC 8445): only servers count.
        App::Stun => facts.server.port.is_some_and(is_stun_service) || case.primary.is_some(),
        _ => case.primary.is_some(),
    }
}

/// RFC 8489, section 18.6, Microsoft's 3479 to 3481, and Google's.
fn is_stun_service(port: u16) -> bool {
    matches!(port, 3478..=3481 | 5349 | 19302..=19309)
}

/// Of a network whose size is not known: where it ends in 255 it may be everybody's.
fn may_be_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.octets()[3] == 255)
}

/// Nobody answered: that is a block only if it was waited for, and if answers to this client are to be seen at all.
fn silence(course: &Course, was_waited_for: bool, block: Block) -> Outcome {
    if !was_waited_for {
        Outcome::Unclear(Doubt::EndsTooSoon)
    } else if course.answer_may_be_lost {
        Outcome::Unclear(Doubt::Drops)
    } else if !course.others_answered {
        Outcome::Unclear(Doubt::NobodyAnswered)
    } else {
        Outcome::Blocked(block)
    }
}

fn clamp(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn milliseconds(ns: u64) -> u32 {
    clamp(ns / 1_000_000)
}
