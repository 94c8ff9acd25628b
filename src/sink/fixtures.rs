//! Rows made by hand, for the tests of every sink.

use super::{Labels, PolicyNames, RowNames};
use crate::engine::rows::{
    Blind, CaptureRow, CommunityId, FlowRow, FragmentCounts, FrameMarks, NameRow, Naming, OutIn, Row, TcpState,
};
use crate::evidence::ja4::Ja4;
use crate::evidence::model::{App, Certificate, EvidenceKind, Quality, TlsFacts, TlsVersion};
use crate::flow::key::{Endpoint, FlowKey};
use crate::names::domain::Domain;
use crate::policy::verdict::{
    Blockage, Flag, FlagKind, Flags, Reach, Reason, RowId, RowIds, Severity, Standing, Verdict,
};
use crate::wire::packet::address_bits;

/// 2026-11-21T09:12:01Z.
pub const MORNING: u64 = 1_795_252_321_000_000_000;
const MICROSECOND: u64 = 1000;

pub fn labels() -> Labels {
    let row = |id: &str, class: &str, line: &str| RowNames {
        id: id.into(),
        class: class.into(),
        line: line.into(),
    };
    Labels {
        policy: PolicyNames {
            name: "lab".into(),
            sha256: "cd34".into(),
            rows: vec![
                row("web-app", "salestim", "green"),
                row("help", "salestim-help", "green"),
                row("teams", "teams", "purple"),
                row("exchange", "microsoft365", "purple"),
            ],
            ..PolicyNames::default()
        },
        files: Vec::new(),
    }
}

pub fn end(ip: &str, port: u16) -> Endpoint {
    Endpoint {
        ip: ip.parse().unwrap(),
        port: (port > 0).then_some(port),
    }
}

fn chain() -> Vec<Domain> {
    ["app-tm.trafficmanager.net", "app-fd.azurefd.net"]
        .map(|name| Domain::from_text(name.as_bytes()))
        .into()
}

/// Of `web_flow`: `1:ID`.
fn id() -> CommunityId {
    id_of(6, ("198.19.0.10", 50514), ("198.18.1.11", 443))
}

/// Of a flow with ports.
fn id_of(protocol: u8, client: (&str, u16), server: (&str, u16)) -> CommunityId {
    let bits = |ip: &str| address_bits(ip.parse().unwrap());
    let ((family, client_bits), (_, server_bits)) = (bits(client.0), bits(server.0));
    let (key, sender) = FlowKey::of(
        family,
        protocol,
        0,
        (client_bits, client.1),
        (server_bits, server.1),
        true,
    );
    CommunityId::of(&key, sender)
}

/// A flow that has every field.
pub fn web_flow() -> FlowRow {
    FlowRow {
        id: id(),
        start_ns: MORNING + 123_456 * MICROSECOND,
        end_ns: MORNING + 3_000_001 * MICROSECOND,
        nanoseconds: false,
        protocol: 6,
        client: end("198.19.0.10", 50514),
        server: end("198.18.1.11", 443),
        proxy_port: None,
        sequences: [None; 2],
        packets: OutIn { out: 12, r#in: 14 },
        bytes: OutIn { out: 1810, r#in: 9132 },
        tcp: Some(TcpState::Closed),
        vlans: vec![7, 42],
        tunnel: Some("vxlan:42".into()),
        app: App::Tls,
        tls: Some(Box::new(TlsFacts {
            sni: Some(Domain::from_text(b"app.salestim.io")),
            hello: true,
            offered: [TlsVersion::TLS13, TlsVersion::TLS12].into_iter().collect(),
            version: Some(TlsVersion::TLS12),
            alpn: ["h2", "http/1.1"].map(String::from).into_iter().collect(),
            ja4: Ja4::of_text("t13d1516h2_8daaf6152771_e5627efa2ab1"),
            cipher: Some(0xc02f),
            certificate: Some(
                Certificate {
                    subject: "CN=*.salestim.io".into(),
                    issuer: "CN=R3,O=Let's Encrypt".into(),
                    names: vec!["*.salestim.io".into()],
                    not_before: 1_790_985_600,
                    not_after: 1_798_761_600,
                }
                .into(),
            ),
            ..TlsFacts::default()
        })),
        quic: None,
        naming: Naming {
            name: Some(Domain::from_text(b"app.salestim.io")),
            kind: EvidenceKind::Sni,
            via: chain(),
            candidates: Vec::new(),
            age_ns: Some(1_250_000_000),
            asked: None,
            same_host: true,
        },
        frames: FrameMarks {
            first: 12,
            hello: Some(15),
            server_hello: Some(18),
            certificate: Some(19),
            dns: Some(7),
            blocked: None,
            last: 40,
            elsewhere: Vec::new(),
        },
        ordinal: 0,
        quality: Quality::default(),
        verdict: Verdict {
            matches: [RowId(0), RowId(2)].into_iter().collect(),
            flags: Flags::new(),
            standing: Standing::Ok,
            reach: Reach::Reached,
        },
    }
}

/// A flow that has next to nothing, in the second input.
pub fn bare_flow() -> FlowRow {
    let mut quality = Quality::FRAGMENT;
    quality.add(Quality::CUT);
    FlowRow {
        id: id(),
        start_ns: 1,
        end_ns: 2,
        nanoseconds: true,
        protocol: 47,
        client: end("2001:db8::1", 0),
        server: end("2001:db8::2", 0),
        proxy_port: None,
        sequences: [None; 2],
        packets: OutIn { out: 1, r#in: 0 },
        bytes: OutIn { out: 60, r#in: 0 },
        tcp: None,
        vlans: Vec::new(),
        tunnel: None,
        app: App::Unknown,
        tls: None,
        quic: None,
        naming: Naming::default(),
        frames: FrameMarks {
            first: 3,
            last: 3,
            ..FrameMarks::default()
        },
        ordinal: 1,
        quality,
        verdict: Verdict {
            matches: RowIds::new(),
            flags: vec![flag(FlagKind::Blocked, Severity::High, Some(Blockage::Silent))].into(),
            standing: Standing::Unlisted,
            reach: Reach::Blocked,
        },
    }
}

pub fn flag(kind: FlagKind, severity: Severity, how: Option<Blockage>) -> Flag {
    Flag {
        kind,
        severity,
        why: Reason::Told("It was \"never\" answered.".into()),
        how,
    }
}

pub fn name() -> NameRow {
    NameRow {
        time_ns: MORNING - 100_000 * MICROSECOND,
        nanoseconds: false,
        client: Some("198.19.0.10".parse().unwrap()),
        resolver: "198.18.0.2".parse().unwrap(),
        ports: Some((50_001, 53)),
        id: id_of(17, ("198.19.0.10", 50_001), ("198.18.0.2", 53)),
        transport: "udp",
        query: Domain::from_text(b"app.salestim.io"),
        qtype: 1,
        rcode: Some(0),
        chain: chain(),
        addresses: vec!["198.18.1.11".parse().unwrap(), "2001:db8::11".parse().unwrap()],
        ttl: Some(60),
        frame: 9,
        ordinal: 0,
        matches: [RowId(0)].into_iter().collect(),
        flags: Flags::new(),
    }
}

pub fn capture() -> CaptureRow {
    CaptureRow {
        file: "lab.pcap".into(),
        sha256: Some("ab12".into()),
        links: vec!["ethernet".into()],
        packets: 567,
        bytes: 101_234,
        nanoseconds: false,
        first_ns: Some(MORNING - 100_000 * MICROSECOND),
        last_ns: Some(MORNING + 1_689_900_000 * MICROSECOND),
        undecoded: vec![("arp".into(), 4)],
        dropped_by_kernel: Some(3),
        dropped_by_interface: None,
        duplicates: 0,
        fragments: FragmentCounts::default(),
        flows: 73,
        blind: Blind {
            midstream: 2,
            ech: 1,
            ..Blind::default()
        },
        hidden_clients: Vec::new(),
    }
}

/// A morning in an office: rows of every kind, some hostile.
pub fn morning() -> Vec<Row> {
    use {App::*, FlagKind as F, Severity::*, Standing::*};
    let mut rows = vec![Row::Name(Box::new(name()))];
    let mut failed = name();
    failed.query = Domain::from_text(b"widget.intercom.io");
    failed.rcode = Some(3);
    failed.addresses.clear();
    failed.flags = vec![flag(F::Blocked, High, Some(Blockage::NxDomain))].into();
    rows.push(Row::Name(Box::new(failed)));
    type Spec<'a> = (
        &'a str,
        &'a str,
        u16,
        &'a str,
        App,
        Option<TlsVersion>,
        &'a [u16],
        Standing,
        Vec<Flag>,
        u64,
    );
    let v12 = Some(TlsVersion::TLS12);
    let long = "a-very-long-name-of-some-tenant.with.many.labels.westeurope.cloudapp.azure.com";
    let specs: [Spec<'_>; 9] = [
        (
            "198.19.0.10",
            "198.18.1.11",
            443,
            "app.salestim.io",
            Tls,
            v12,
            &[0],
            Ok,
            vec![],
            10_942,
        ),
        (
            "198.19.0.11",
            "198.18.0.2",
            53,
            "",
            Dns,
            None,
            &[],
            Unlisted,
            vec![],
            312,
        ),
        (
            "198.19.0.10",
            "52.113.194.132",
            443,
            "teams.microsoft.com",
            Tls,
            Some(TlsVersion::TLS13),
            &[2],
            Ok,
            vec![flag(F::TlsVersion, Notice, None)],
            1_204_553,
        ),
        (
            "198.19.0.10",
            "198.18.1.12",
            443,
            "help.salestim.com",
            Tls,
            Some(TlsVersion::TLS10),
            &[1],
            Flagged,
            vec![flag(F::TlsVersion, High, None), flag(F::Address, Notice, None)],
            8_031,
        ),
        (
            "198.19.0.12",
            "198.18.1.13",
            80,
            "app.salestim.io",
            Http,
            None,
            &[0],
            Flagged,
            vec![
                flag(F::Broad, Notice, None),
                flag(F::Port, High, None),
                flag(F::Plaintext, High, None),
                flag(F::Rerouted, High, None),
            ],
            999,
        ),
        (
            "198.19.0.12",
            "198.18.9.9",
            443,
            "",
            Unknown,
            None,
            &[0],
            Flagged,
            vec![flag(F::Blocked, High, Some(Blockage::Silent))],
            180,
        ),
        (
            "2001:db8:1234:5678:9abc:def0:1234:5678",
            "2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa",
            50443,
            long,
            Quic,
            Some(TlsVersion::TLS13),
            &[],
            Unlisted,
            vec![flag(F::Port, Notice, None)],
            93_000_000_000,
        ),
        (
            "198.19.0.13",
            "198.18.7.7",
            443,
            "",
            Tls,
            v12,
            &[3],
            Inconclusive,
            vec![flag(F::HiddenName, Medium, None)],
            64_000,
        ),
        (
            "198.19.0.14",
            "198.18.7.8",
            443,
            "\x1b]0;owned\x07.example",
            Tls,
            v12,
            &[],
            Unlisted,
            vec![],
            5_000,
        ),
    ];
    for (i, (client, server, port, name, app, version, matches, standing, flags, bytes)) in
        specs.into_iter().enumerate()
    {
        let mut row = web_flow();
        row.start_ns += i as u64 * 7_013_000_000;
        row.client = end(client, 50_000 + i as u16);
        row.server = end(server, port);
        row.naming.name = (!name.is_empty()).then(|| Domain::from_text(name.as_bytes()));
        row.protocol = if matches!(app, Quic | Dns) { 17 } else { 6 };
        row.app = app;
        if let Some(tls) = &mut row.tls {
            tls.version = version;
        }
        row.bytes.out = 0;
        row.bytes.r#in = bytes;
        row.verdict = Verdict {
            matches: matches.iter().map(|id| RowId(*id)).collect(),
            flags: flags.into(),
            standing,
            reach: Reach::Reached,
        };
        rows.push(Row::Flow(Box::new(row)));
    }
    rows.push(Row::Capture(Box::new(capture())));
    rows
}
