//! Times, protocols, versions and states in Suricata's words.

use std::net::IpAddr;

use super::super::text::{self, Short};
use crate::engine::rows::QuicVersion;
use crate::engine::rows::{FlowRow, TcpState};
use crate::evidence::model::{App, Quality, TlsVersion};

/// `2026-11-21T09:00:04.336634+0000`: always six digits.
pub fn time(ns: u64) -> Short {
    let mut time = text::time(ns, false);
    time.drop_last(1);
    time.push(*b"+0000");
    time
}

/// A certificate's: `2026-01-01T00:00:00`. Suricata's schema knows years from 1000 to 2999.
pub fn date(seconds: i64) -> Short {
    const YEAR_1000: i64 = -30_610_224_000;
    const YEAR_2999_END: i64 = 32_503_679_999;
    let mut time = text::time_of_seconds(seconds.clamp(YEAR_1000, YEAR_2999_END));
    time.drop_last(1);
    time
}

/// IPv6 in all its digits, as Suricata has it: `2001:0db8:0000:0000:0000:0000:0000:0010`.
pub fn address(ip: IpAddr) -> Short {
    let IpAddr::V6(ip) = ip else {
        return super::super::address::address(ip);
    };
    let [a, b, c, d, e, f, g, h] = ip.segments();
    Short::of(format_args!(
        "{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{f:04x}:{g:04x}:{h:04x}"
    ))
}

/// IANA's protocol names, in the letters that Suricata gives them.
pub fn protocol(number: u8) -> Short {
    Short::from(match number {
        0 => "HOPOPT",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IP-in-IP",
        6 => "TCP",
        8 => "EGP",
        17 => "UDP",
        41 => "IPv6",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "IPv6-ICMP",
        88 => "EIGRP",
        89 => "OSPFIGP",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        number => return Short::of(format_args!("{number:03}")),
    })
}

/// Suricata's name of the application layer, where it has one.
pub fn app(app: App) -> Option<&'static str> {
    Some(match app {
        App::Tls => "tls",
        App::Quic => "quic",
        App::Http | App::Connect => "http",
        App::Dns => "dns",
        App::Mdns => "mdns",
        App::Dhcp => "dhcp",
        App::Ntp => "ntp",
        App::Dtls
        | App::Socks
        | App::Llmnr
        | App::Stun
        | App::Rtp
        | App::Ssdp
        | App::Nbns
        | App::Icmp
        | App::Unknown => return None,
    })
}

/// `TLS 1.2`; of the oldest `TLSv1`.
pub fn tls_version(version: TlsVersion) -> Short {
    Short::from(match version.0 {
        0x0002 => "SSLv2",
        0x0300 => "SSLv3",
        0x0301 => "TLSv1",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        number @ 0x7f00..=0x7fff => return Short::of(format_args!("TLS 1.3 draft-{}", number & 0xff)),
        number => return Short::of(format_args!("0x{number:04x}")),
    })
}

/// `1`, `v2`, `Q046`, `ff00001d`.
pub fn quic_version(version: QuicVersion) -> Short {
    match (version, version.google()) {
        (QuicVersion::V2, _) => Short::from("v2"),
        (_, Some(number)) => Short::of(format_args!("Q{number:03}")),
        (QuicVersion(number), _) => Short::of(format_args!("{number:x}")),
    }
}

/// Suricata's three states of a flow.
pub fn flow_state(row: &FlowRow) -> &'static str {
    match row.tcp {
        Some(TcpState::Closed | TcpState::Reset | TcpState::Refused) => "closed",
        Some(TcpState::Open | TcpState::Midstream) => "established",
        Some(TcpState::Unanswered | TcpState::Prohibited | TcpState::Unreachable) => "new",
        None if row.packets.out > 0 && row.packets.r#in > 0 => "established",
        None => "new",
    }
}

/// Its state of a TCP session.
pub fn tcp_state(state: TcpState) -> Option<&'static str> {
    match state {
        TcpState::Closed | TcpState::Reset | TcpState::Refused => Some("closed"),
        TcpState::Open => Some("established"),
        TcpState::Unanswered | TcpState::Prohibited | TcpState::Unreachable => Some("syn_sent"),
        TcpState::Midstream => None,
    }
}

/// Why the flow left. A row tells no more than that there was no room.
pub fn flow_reason(row: &FlowRow) -> &'static str {
    match row.quality.has(Quality::EVICTED) {
        true => "forced",
        false => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_suricatas() {
        assert_eq!(
            time(1_795_252_321_000_001_234).as_str(),
            "2026-11-21T09:12:01.000001+0000"
        );
        assert_eq!(date(1_798_761_600).as_str(), "2027-01-01T00:00:00");
        assert_eq!(date(i64::MIN).as_str(), "1000-01-01T00:00:00");
        assert_eq!(date(i64::MAX).as_str(), "2999-12-31T23:59:59");
        assert_eq!(
            address("2001:db8::10".parse().unwrap()).as_str(),
            "2001:0db8:0000:0000:0000:0000:0000:0010"
        );
        assert_eq!(address("192.0.2.1".parse().unwrap()).as_str(), "192.0.2.1");
        assert_eq!(protocol(58).as_str(), "IPv6-ICMP");
        assert_eq!(protocol(99).as_str(), "099");
        assert_eq!(tls_version(TlsVersion(0x7f1c)).as_str(), "TLS 1.3 draft-28");
        assert_eq!(quic_version(QuicVersion::V1).as_str(), "1");
        assert_eq!(quic_version(QuicVersion(0xff00_001d)).as_str(), "ff00001d");
        assert_eq!(quic_version(QuicVersion(0x5130_3436)).as_str(), "Q046");
    }
}
