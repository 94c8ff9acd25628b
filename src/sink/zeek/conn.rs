//! `conn.log`: one line a flow.

use super::super::findings::flow_uid;
use super::fields::log;
use crate::engine::rows::{FlowRow, TcpState};
use crate::evidence::model::App;
use crate::names::domain::Domain;
use crate::wire::packet::protocol;

log! {
    |row: &FlowRow, labels| {
        let policy = &labels.policy;
        let class = policy.class(&row.verdict.matches, row.naming.name.is_some());
        let primary = row.verdict.matches.first().and_then(|id| policy.row(*id));
        let how = row.verdict.flags.iter().find_map(|flag| flag.how);
    }
    "ts" "time" seconds Some(row.start_ns);
    "uid" "string" short Some(flow_uid(row));
    "id.orig_h" "addr" addr Some(row.client.ip);
    "id.orig_p" "port" port row.client.port;
    "id.resp_h" "addr" addr Some(row.server.ip);
    "id.resp_p" "port" port row.server.port;
    "proto" "enum" text Some(transport(row.protocol));
    "service" "string" text service(row);
    "duration" "interval" seconds Some(row.end_ns.saturating_sub(row.start_ns)).filter(|ns| *ns > 0);
    "orig_bytes" "count" count None;
    "resp_bytes" "count" count None;
    "conn_state" "string" text state(row);
    "local_orig" "bool" truth None;
    "local_resp" "bool" truth None;
    "missed_bytes" "count" count None;
    "history" "string" text history(row);
    "orig_pkts" "count" count Some(row.packets.out);
    "orig_ip_bytes" "count" count Some(row.bytes.out);
    "resp_pkts" "count" count Some(row.packets.r#in);
    "resp_ip_bytes" "count" count Some(row.bytes.r#in);
    // The flows that a tunnel's packets make have no names here.
    "tunnel_parents" "set[string]" list None::<[&str; 0]>;
    "ip_proto" "count" count Some(row.protocol.into());
    // As Zeek's own script `community-id-logging` adds it. What follows is ours.
    "community_id" "string" text Some(row.id.as_str());
    "name" "string" text row.naming.name.as_ref().map(Domain::as_str);
    "evidence" "string" text Some(row.naming.kind.as_str());
    "class" "string" text Some(class);
    "endpoint" "string" text primary.map(|row| row.id.as_str());
    "verdict" "string" text Some(row.verdict.standing.as_str());
    "flags" "set[string]" list Some(row.verdict.flags.iter().map(|flag| flag.kind.as_str()));
    "blocked_how" "string" text how.map(|how| how.as_str());
    "quality" "set[string]" list Some(row.quality.words());
    "tunnel" "string" text row.tunnel.as_deref();
}

/// `transport_proto`.
fn transport(number: u8) -> &'static str {
    match number {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::ICMP | protocol::ICMPV6 => "icmp",
        _ => "unknown_transport",
    }
}

/// The analyzers that Zeek would name.
fn service(row: &FlowRow) -> Option<&'static str> {
    Some(match row.app {
        App::Tls => "ssl",
        App::Quic if row.tls.is_some() => "quic,ssl",
        App::Quic => "quic",
        App::Dtls => "dtls",
        App::Http => "http",
        App::Connect if row.tls.is_some() => "http,ssl",
        App::Connect => "http",
        App::Socks if row.tls.is_some() => "socks,ssl",
        App::Socks => "socks",
        App::Dns | App::Mdns | App::Llmnr | App::Nbns => "dns",
        App::Dhcp => "dhcp",
        App::Ntp => "ntp",
        App::Stun | App::Rtp | App::Ssdp | App::Icmp | App::Unknown => return None,
    })
}

/// Unset where the flow's record does not tell: a reset has two of Zeek's states, by who sent it.
fn state(row: &FlowRow) -> Option<&'static str> {
    match (row.tcp, row.protocol) {
        (Some(TcpState::Closed), _) => Some("SF"),
        (Some(TcpState::Open), _) => Some("S1"),
        (Some(TcpState::Refused), _) => Some("REJ"),
        (Some(TcpState::Unanswered | TcpState::Prohibited | TcpState::Unreachable), _) => Some("S0"),
        (Some(TcpState::Midstream), _) => Some("OTH"),
        (Some(TcpState::Reset), _) => None,
        (None, protocol::UDP) => Some(match (row.packets.out > 0, row.packets.r#in > 0) {
            (true, true) => "SF",
            (true, false) => "S0",
            (false, true) => "SHR",
            (false, false) => "OTH",
        }),
        (None, _) => Some("OTH"),
    }
}

/// Only where it is the whole of it.
fn history(row: &FlowRow) -> Option<&'static str> {
    match row.tcp? {
        TcpState::Unanswered if row.packets.r#in == 0 => Some("S"),
        TcpState::Refused => Some("Sr"),
        _ => None,
    }
}
