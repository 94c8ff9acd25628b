//! A flow as it should be (`web_app`), and one thing changed at a time.

mod attempts;
mod flags;
mod lookups;
mod routes;
mod standings;

use std::net::IpAddr;
use std::sync::LazyLock;

use super::{Course, FlowFacts, Wording};
use crate::evidence::model::{App, Carried, Certificate, EvidenceKind, Quality, TlsFacts, TlsVersion};
use crate::flow::attempt::TcpState;
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;
use crate::policy::builtin;
use crate::policy::compile::Policy;
use crate::policy::load::load;
use crate::policy::model::TCP;
use crate::policy::verdict::{Blockage, Flag, Verdict};

static SALESTIM: LazyLock<Policy> = LazyLock::new(|| policy(builtin::policy("salestim").unwrap()));

fn policy(text: &str) -> Policy {
    load(text, "test", &mut |_| Err("no".into())).unwrap().policy
}

const FRONT_DOOR: &str = "13.107.246.10";
const ELSEWHERE: &str = "198.18.1.11";
/// 2026-11-21.
const NOW: u64 = 1_795_219_200_000_000_000;

/// A flow's facts, owned, so that a test can change one of them in one line.
#[derive(Debug, Clone)]
struct Flow {
    protocol: u8,
    ip: IpAddr,
    port: Option<u16>,
    app: App,
    tls: Option<TlsFacts>,
    name: Option<Domain>,
    kind: EvidenceKind,
    via: Vec<Domain>,
    asked_itself: bool,
    candidates: Vec<Domain>,
    asked: Option<Domain>,
    proxy_host: Option<Domain>,
    proxy_port: Option<u16>,
    carried: Option<Carried>,
    quality: Quality,
    payload: bool,
    established: bool,
    tls_in_quic: bool,
    start_ns: u64,
    course: Course,
}

fn domain(name: &str) -> Domain {
    Domain::from_text(name.as_bytes())
}

fn domains(names: &[&str]) -> Vec<Domain> {
    names.iter().map(|name| domain(name)).collect()
}

/// A TLS 1.2 flow to a name on tcp/443, whole, with a certificate of that name.
fn to(name: &str) -> Flow {
    Flow {
        protocol: TCP,
        ip: ELSEWHERE.parse().unwrap(),
        port: Some(443),
        app: App::Tls,
        tls: Some(TlsFacts {
            sni: Some(domain(name)),
            hello: true,
            version: Some(TlsVersion::TLS12),
            certificate: Some(
                Certificate {
                    issuer: "CN=DigiCert TLS RSA SHA256 2020 CA1,O=DigiCert Inc,C=US".to_owned(),
                    names: vec![name.to_owned()],
                    ..Certificate::default()
                }
                .into(),
            ),
            ..TlsFacts::default()
        }),
        name: Some(domain(name)),
        kind: EvidenceKind::Sni,
        via: Vec::new(),
        asked_itself: true,
        candidates: Vec::new(),
        asked: Some(domain(name)),
        proxy_host: None,
        proxy_port: None,
        carried: None,
        quality: Quality::default(),
        payload: true,
        established: true,
        tls_in_quic: false,
        start_ns: NOW,
        course: Course {
            tcp: Some(TcpState::Closed),
            sent: 12,
            received: 14,
            server_went_on: true,
            exchanged: true,
            ..Course::default()
        },
    }
}

/// A flow that the vendor's page describes.
fn web_app() -> Flow {
    Flow {
        ip: FRONT_DOOR.parse().unwrap(),
        via: domains(&["app-tm.trafficmanager.net", "app-fd.azurefd.net"]),
        ..to("app.salestim.io")
    }
}

/// A nameless flow of bytes nobody knows.
fn nameless(ip: &str, protocol: u8, port: u16) -> Flow {
    Flow {
        protocol,
        ip: ip.parse().unwrap(),
        port: Some(port),
        app: App::Unknown,
        tls: None,
        name: None,
        kind: EvidenceKind::Address,
        asked_itself: false,
        asked: None,
        ..to("unused.example")
    }
}

impl Flow {
    fn tls(mut self, change: impl FnOnce(&mut TlsFacts)) -> Flow {
        if let Some(tls) = &mut self.tls {
            change(tls);
        }
        self
    }

    fn version(self, version: TlsVersion) -> Flow {
        self.tls(|tls| {
            tls.version = Some(version);
            if version == TlsVersion::TLS13 {
                tls.certificate = None;
            }
        })
    }

    fn judged_by(&self, policy: &Policy) -> Verdict {
        policy.judge(&FlowFacts {
            protocol: self.protocol,
            client: Endpoint {
                ip: "198.19.0.10".parse().unwrap(),
                port: Some(50_514),
            },
            server: Endpoint {
                ip: self.ip,
                port: self.port,
            },
            app: self.app,
            tls: self.tls.as_ref(),
            name: self.name.as_ref(),
            kind: self.kind,
            via: &self.via,
            dns_seen: self.asked.is_some(),
            asked_itself: self.asked_itself,
            candidates: &self.candidates,
            asked: self.asked.as_ref(),
            proxy_host: self.proxy_host.as_ref(),
            proxy_port: self.proxy_port,
            carried: self.carried,
            quality: self.quality,
            server_payload: self.payload,
            client_payload: self.payload,
            established: self.established,
            tls_in_quic: self.tls_in_quic,
            start_ns: self.start_ns,
            course: self.course,
        })
    }

    fn verdict(&self) -> Verdict {
        self.judged_by(&SALESTIM)
    }

    /// `port:high tls-version:notice = flagged web-app`: flags, standing, rows.
    fn told(&self) -> String {
        tell(&SALESTIM, &self.verdict())
    }
}

fn tell(policy: &Policy, verdict: &Verdict) -> String {
    let mut words: Vec<String> = verdict
        .flags
        .iter()
        .map(|flag| format!("{}:{}", flag.kind.as_str(), flag.severity.as_str()))
        .collect();
    words.push(format!("= {}", verdict.standing.as_str()));
    let primary = verdict.matches.first();
    words.push(primary.map_or("-".to_owned(), |&id| policy.row(id).id.clone()));
    words.join(" ")
}

/// The flag's reason as a sentence.
fn said(flag: &Flag) -> String {
    let mut sentence = Vec::new();
    Wording::of(&SALESTIM).tell(&flag.why, &mut sentence);
    String::from_utf8(sentence).unwrap()
}

#[test]
fn the_flow_as_described_is_fine() {
    assert_eq!(web_app().told(), "= ok web-app");
    let verdict = web_app().verdict();
    assert_eq!(SALESTIM.class_of(&verdict, true), "salestim");
    let stranger = to("example.com").verdict();
    assert_eq!(SALESTIM.class_of(&stranger, true), "other");
    assert_eq!(SALESTIM.class_of(&stranger, false), "unknown");
}
