//! Which finished flows were questions that nobody could read: DNS over TLS, over QUIC, over HTTPS.

use std::net::IpAddr;

use super::release::client_side;
use crate::evidence::model::{App, TlsFacts};
use crate::evidence::probe::Findings;
use crate::flow::counters::FlowHot;
use crate::flow::key::Side;
use crate::names::resolvers::{is_resolver_address, is_resolver_name};
use crate::wire::packet::protocol;

/// DNS behind encryption, as the capture record counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptedDns {
    /// Over HTTPS: told from the web by the table of resolvers alone.
    Doh,
    /// On a port of its own: over TLS (RFC 7858), DTLS (RFC 8094) or QUIC (RFC 9250).
    Dot,
}

/// RFC 7858, RFC 8094 and RFC 9250 share it.
const DOT_PORT: u16 = 853;
const HTTPS_PORT: u16 = 443;

/// Whether a flow was one, and who asked. A resolver that could be connected to but did not answer has hidden nothing.
pub fn encrypted_dns(hot: &FlowHot, findings: &Findings) -> Option<(EncryptedDns, Side)> {
    let tls = findings.tls.as_deref()?;
    let client = client_side(hot, findings);
    let kind = kind(hot, findings, tls, client.other())?;
    was_answered(hot, client.other()).then_some((kind, client))
}

fn kind(hot: &FlowHot, findings: &Findings, tls: &TlsFacts, server: Side) -> Option<EncryptedDns> {
    let end = hot.key.end(server);
    let is_tls = matches!(findings.app, App::Tls | App::Quic | App::Dtls);
    // RFC 7858 names the protocol `dot`; drafts of DNS over QUIC added a number to `doq`.
    let says_so = |name: &String| name == "dot" || name == "doq" || name.starts_with("doq-");
    if is_tls && end.port == Some(DOT_PORT) || tls.alpn.iter().any(says_so) {
        return Some(EncryptedDns::Dot);
    }
    let by_name = tls.sni.as_ref().is_some_and(is_resolver_name);
    let by_address = is_tls && end.port == Some(HTTPS_PORT) && is_resolver_address(end.ip);
    // What a proxy was asked for may be an address too.
    let asked = findings
        .proxy_host
        .as_ref()
        .and_then(|host| host.as_str().parse::<IpAddr>().ok());
    let by_proxy = findings.proxy_port == Some(HTTPS_PORT) && asked.is_some_and(is_resolver_address);
    (by_name || by_address || by_proxy).then_some(EncryptedDns::Doh)
}

/// The server sent data, or nothing of what it sent was captured.
fn was_answered(hot: &FlowHot, server: Side) -> bool {
    match hot.key.protocol {
        protocol::TCP => hot.attempt.sent_data(server) || !hot.attempt.sent_anything(server),
        _ => hot.packets[server.index()] > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::key::FlowKey;
    use crate::flow::stamp::Stamp;
    use crate::names::domain::Domain;
    use crate::wire::packet::Family;

    /// A flow from port 50000 of 198.19.0.10, answered.
    fn flow(protocol: u8, server: [u8; 4], port: u16) -> FlowHot {
        let number = |ip: [u8; 4]| u128::from(u32::from_be_bytes(ip));
        let source = (number([198, 19, 0, 10]), 50_000);
        let (key, side) = FlowKey::of(Family::V4, protocol, 0, source, (number(server), port), true);
        let mut hot = FlowHot::new(key, side, Stamp::default());
        hot.packets = [3, 3];
        hot
    }

    fn findings(app: App, name: &str, alpn: &str) -> Findings {
        let tls = TlsFacts {
            hello: true,
            sni: (!name.is_empty()).then(|| Domain::from_text(name.as_bytes())),
            alpn: [alpn.to_owned()].into_iter().collect(),
            ..TlsFacts::default()
        };
        Findings {
            app,
            tls: Some(Box::new(tls)),
            ..Findings::default()
        }
    }

    fn told(hot: &FlowHot, findings: &Findings) -> Option<EncryptedDns> {
        encrypted_dns(hot, findings).map(|(kind, client)| {
            assert_eq!(hot.key.port(client), 50_000);
            kind
        })
    }

    #[test]
    fn by_port_by_protocol_by_name_and_by_address() {
        let (web, own) = ([203, 0, 113, 5], [8, 8, 4, 4]);
        let (tcp, udp) = (protocol::TCP, protocol::UDP);
        let (doh, dot) = (Some(EncryptedDns::Doh), Some(EncryptedDns::Dot));
        for (protocol, ip, port, app, name, alpn, kind) in [
            (tcp, web, 853, App::Tls, "", "", dot),
            (udp, web, 853, App::Quic, "dns.example", "doq", dot),
            (udp, web, 853, App::Dtls, "", "", dot),
            (udp, web, 8853, App::Quic, "dns.example", "doq-i03", dot),
            (tcp, web, 443, App::Tls, "mozilla.cloudflare-dns.com", "h2", doh),
            (udp, web, 443, App::Quic, "dns.google", "h3", doh),
            (tcp, web, 3128, App::Connect, "dns.google", "h2", doh),
            (tcp, own, 443, App::Tls, "", "h2", doh),
            (udp, own, 443, App::Quic, "8.8.4.4", "h3", doh),
            (tcp, own, 8443, App::Tls, "", "h2", None),
            (tcp, web, 443, App::Tls, "www.example.org", "h2", None),
            (tcp, web, 853, App::Unknown, "", "", None),
        ] {
            assert_eq!(
                told(&flow(protocol, ip, port), &findings(app, name, alpn)),
                kind,
                "{name} {port}"
            );
        }
        assert_eq!(told(&flow(tcp, own, 443), &Findings::default()), None);
    }

    #[test]
    fn a_resolvers_address_asked_of_a_proxy() {
        let through = |host: &str, port| Findings {
            proxy_host: Some(Domain::from_text(host.as_bytes())),
            proxy_port: Some(port),
            ..findings(App::Connect, "", "h2")
        };
        let proxy = flow(protocol::TCP, [203, 0, 113, 5], 3128);
        assert_eq!(told(&proxy, &through("9.9.9.9", 443)), Some(EncryptedDns::Doh));
        assert_eq!(told(&proxy, &through("9.9.9.9", 8443)), None);
        assert_eq!(told(&proxy, &through("203.0.113.9", 443)), None);
    }

    #[test]
    fn an_attempt_that_failed_hides_nothing() {
        use crate::wire::packet::TcpFlags;
        let told_with = |flags: &[u8]| {
            let mut hot = flow(protocol::TCP, [8, 8, 8, 8], 443);
            let server = hot.sender.other();
            hot.attempt.packet(hot.sender, TcpFlags(TcpFlags::SYN), false);
            for flags in flags {
                hot.attempt.packet(server, TcpFlags(*flags), *flags == TcpFlags::ACK);
            }
            told(&hot, &findings(App::Tls, "dns.google", "h2"))
        };
        let syn_ack = TcpFlags::SYN | TcpFlags::ACK;
        assert_eq!(told_with(&[syn_ack, TcpFlags::RST]), None);
        assert_eq!(told_with(&[syn_ack, TcpFlags::ACK]), Some(EncryptedDns::Doh));
        // Only the client's side was captured.
        assert_eq!(told_with(&[]), Some(EncryptedDns::Doh));
        let mut silent = flow(protocol::UDP, [8, 8, 8, 8], 443);
        silent.packets[silent.sender.other().index()] = 0;
        assert_eq!(told(&silent, &findings(App::Quic, "dns.google", "h3")), None);
    }
}
