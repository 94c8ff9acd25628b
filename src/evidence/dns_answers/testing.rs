//! Messages for the tests of this folder: real ones as hex, and built ones.

use std::net::IpAddr;

use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::wire::dns::{DnsError, class, kind};

use super::{DnsKind, DnsProbe, Lookup};

pub(super) const CLIENT: Side = Side::Lo;
pub(super) const SERVER: Side = Side::Hi;

const RESPONSE: u16 = 0x8180;

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Frame `frame`, in its second.
pub(super) fn at(frame: u64) -> Stamp {
    Stamp::new(0, frame, frame * 1_000_000_000)
}

pub(super) fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut out: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat())
        .collect();
    out.push(0);
    out
}

pub(super) struct Rr {
    pub owner: &'static str,
    pub kind: u16,
    pub class: u16,
    pub ttl: u32,
    pub data: Vec<u8>,
}

pub(super) fn address(owner: &'static str, ip: &str) -> Rr {
    let (kind, data) = match ip.parse().unwrap() {
        IpAddr::V4(a) => (kind::A, a.octets().to_vec()),
        IpAddr::V6(a) => (kind::AAAA, a.octets().to_vec()),
    };
    Rr {
        owner,
        kind,
        class: class::IN,
        ttl: 60,
        data,
    }
}

pub(super) fn alias(owner: &'static str, target: &str) -> Rr {
    Rr {
        owner,
        kind: kind::CNAME,
        class: class::IN,
        ttl: 300,
        data: name(target),
    }
}

pub(super) fn question(id: u16, query: &str, qtype: u16) -> Vec<u8> {
    message(id, 0x0100, Some((query, qtype)), &[])
}

pub(super) fn answer(id: u16, query: &str, qtype: u16, answers: &[Rr]) -> Vec<u8> {
    message(id, RESPONSE, Some((query, qtype)), answers)
}

pub(super) fn message(id: u16, flags: u16, asked: Option<(&str, u16)>, answers: &[Rr]) -> Vec<u8> {
    let counts = [u16::from(asked.is_some()), answers.len() as u16, 0, 0];
    let mut out: Vec<u8> = [id, flags]
        .into_iter()
        .chain(counts)
        .flat_map(u16::to_be_bytes)
        .collect();
    if let Some((query, qtype)) = asked {
        out.extend(name(query));
        out.extend(qtype.to_be_bytes());
        out.extend(class::IN.to_be_bytes());
    }
    for rr in answers {
        out.extend(name(rr.owner));
        out.extend(rr.kind.to_be_bytes());
        out.extend(rr.class.to_be_bytes());
        out.extend(rr.ttl.to_be_bytes());
        out.extend((rr.data.len() as u16).to_be_bytes());
        out.extend(&rr.data);
    }
    out
}

/// What a probe finds in these messages, one a frame, and in the end.
pub(super) fn found(kind: DnsKind, server: Option<Side>, messages: &[(Side, Vec<u8>)]) -> Vec<Lookup> {
    let mut probe = DnsProbe::new(kind, server);
    let mut found = Vec::new();
    for (frame, (side, bytes)) in (1..).zip(messages) {
        let _ = probe.message(*side, bytes, false, at(frame), &mut found);
    }
    probe.unanswered(&mut found);
    found
}

/// What one answer says that was asked for.
pub(super) fn asked(query: &str, qtype: u16, answers: &[Rr]) -> (Lookup, Result<(), DnsError>) {
    let mut probe = DnsProbe::new(DnsKind::Dns, Some(SERVER));
    let mut found = Vec::new();
    probe
        .message(CLIENT, &question(7, query, qtype), false, at(1), &mut found)
        .unwrap();
    let read = probe.message(SERVER, &answer(7, query, qtype, answers), false, at(2), &mut found);
    (found.pop().unwrap(), read)
}

pub(super) fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
