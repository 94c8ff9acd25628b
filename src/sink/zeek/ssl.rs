//! `ssl.log`: one line a flow in which a hello, a negotiated version or a certificate was read; QUIC's and DTLS's too.

use super::super::explain::ciphers;
use super::super::findings::flow_uid;
use super::super::text::Short;
use super::fields::log;
use crate::engine::rows::FlowRow;
use crate::evidence::model::{TlsFacts, TlsVersion};
use crate::names::domain::Domain;
use crate::policy::judge::alert_name;
use crate::policy::verdict::Reach;

/// Something of a handshake was read.
pub fn has_line(facts: &TlsFacts) -> bool {
    facts.hello || facts.version.is_some() || facts.certificate.is_some()
}

log! {
    |(row, facts): (&FlowRow, &TlsFacts), _labels| {
        let cert = facts.certificate.as_deref();
        let text = |text: &'static str| Short::from(text);
        let alert = facts.server_alert.map(|(_, number)| match alert_name(number) {
            Some(name) => text(name),
            None => Short::of(format_args!("unknown-{number}")),
        });
    }
    "ts" "time" seconds Some(row.start_ns);
    "uid" "string" short Some(flow_uid(row));
    "id.orig_h" "addr" addr Some(row.client.ip);
    "id.orig_p" "port" port row.client.port;
    "id.resp_h" "addr" addr Some(row.server.ip);
    "id.resp_p" "port" port row.server.port;
    "version" "string" short facts.version.map(version);
    "cipher" "string" short facts.cipher.map(cipher);
    "curve" "string" text None;
    "server_name" "string" text facts.sni.as_ref().map(Domain::as_str);
    "resumed" "bool" truth None;
    "last_alert" "string" short alert;
    "next_protocol" "string" text None;
    "established" "bool" truth established(row);
    "ssl_history" "string" text None;
    "cert_chain_fps" "vector[string]" list None::<[&str; 0]>;
    "client_cert_chain_fps" "vector[string]" list None::<[&str; 0]>;
    "sni_matches_cert" "bool" truth None;
    // As Zeek's `x509.log` calls them. What follows is ours.
    "certificate.subject" "string" text cert.map(|cert| cert.subject.as_str());
    "certificate.issuer" "string" text cert.map(|cert| cert.issuer.as_str());
    "certificate.not_valid_before" "time" date cert.map(|cert| cert.not_before);
    "certificate.not_valid_after" "time" date cert.map(|cert| cert.not_after);
    "san.dns" "vector[string]" list cert.map(|cert| &cert.names);
    "ja4" "string" text facts.ja4.as_deref();
    "client_alpn" "vector[string]" list facts.hello.then(|| facts.alpn.iter());
    "client_versions" "vector[string]" list facts.hello.then(|| facts.offered.iter().copied().map(version));
    "ech" "bool" truth facts.hello.then_some(facts.ech);
}

/// Application data went both ways, or the attempt failed; else it cannot be told.
fn established(row: &FlowRow) -> Option<bool> {
    match row.verdict.reach {
        Reach::Reached => Some(true),
        Reach::Blocked => Some(false),
        Reach::Unclear(_) => None,
    }
}

/// `TLSv12`, `DTLSv10`, `TLSv13-draft18`.
fn version(version: TlsVersion) -> Short {
    Short::from(match version.0 {
        0x0002 => "SSLv2",
        0x0300 => "SSLv3",
        0x0301 => "TLSv10",
        0x0302 => "TLSv11",
        0x0303 => "TLSv12",
        0x0304 => "TLSv13",
        0xfeff => "DTLSv10",
        0xfefd => "DTLSv12",
        0xfefc => "DTLSv13",
        number @ 0x7f00..=0x7fff => return Short::of(format_args!("TLSv13-draft{}", number & 0xff)),
        number => return Short::of(format_args!("unknown-{number}")),
    })
}

fn cipher(number: u16) -> Short {
    match ciphers::standard_name(number) {
        Some(name) => Short::from(name),
        None => Short::of(format_args!("unknown-{number}")),
    }
}
