//! One flag at a time.

use std::sync::Arc;

use super::*;
use crate::policy::model::UDP;
use crate::policy::verdict::FlagKind;

#[track_caller]
fn why(flow: &Flow, kind: FlagKind) -> String {
    let verdict = flow.verdict();
    let flag = verdict.flags.into_iter().find(|flag| flag.kind == kind);
    said(&flag.unwrap_or_else(|| panic!("no {}", kind.as_str())))
}

#[test]
fn port_is_judged_by_the_row_or_by_what_is_expected_elsewhere() {
    let other_port = |flow: Flow, protocol, port| Flow {
        protocol,
        port: Some(port),
        ..flow
    };
    for (flow, told) in [
        (other_port(web_app(), TCP, 8443), "port:high = flagged web-app"),
        (other_port(to("example.com"), TCP, 8443), "port:notice = unlisted -"),
        (to("example.com"), "= unlisted -"),
        // Mail and web divide the ports of one host between two rows.
        (
            other_port(to("outlook.office365.com"), TCP, 993),
            "address:notice = ok m365-1",
        ),
        (
            other_port(to("outlook.office365.com"), TCP, 22),
            "port:high address:notice = flagged m365-1",
        ),
        (
            Flow {
                port: None,
                protocol: 47,
                app: App::Unknown,
                tls: None,
                ..to("example.com")
            },
            "= unlisted -",
        ),
        (
            Flow {
                app: App::Dns,
                tls: None,
                ..other_port(to("example.com"), UDP, 53)
            },
            "= unlisted -",
        ),
    ] {
        assert_eq!(flow.told(), told, "{:?} {:?}", flow.name, flow.port);
    }
    assert_eq!(
        why(&other_port(web_app(), UDP, 443), FlagKind::Port),
        "The flow uses udp/443, but the row web-app allows only tcp/443."
    );
}

#[test]
fn quic_to_a_row_without_it_is_a_port_and_a_newer_version() {
    let quic = |flow: Flow| Flow {
        protocol: UDP,
        app: App::Quic,
        kind: EvidenceKind::Quic,
        tls_in_quic: true,
        ..flow.tls(|tls| {
            tls.version = None;
            tls.certificate = None;
        })
    };
    assert_eq!(quic(web_app()).told(), "port:high tls-version:notice = flagged web-app");
    let teams = Flow {
        ip: "52.113.194.132".parse().unwrap(),
        ..quic(to("teams.microsoft.com"))
    };
    assert_eq!(teams.told(), "= ok teams");
    // Answered with a Version Negotiation or a Retry alone: nothing was negotiated, and nothing passes.
    let refused = |flow: Flow| Flow {
        tls_in_quic: false,
        ..flow
    };
    assert_eq!(refused(quic(web_app())).told(), "port:high = flagged web-app");
    assert_eq!(refused(teams).told(), "= inconclusive teams");
}

#[test]
fn an_older_version_is_bad_and_a_newer_one_is_news() {
    let draft = TlsVersion(0x7f12);
    let dtls12 = TlsVersion(0xfefd);
    for (version, row, elsewhere) in [
        (
            TlsVersion::SSL3,
            "tls-version:high = flagged web-app",
            "tls-version:medium = flagged -",
        ),
        (
            TlsVersion::TLS10,
            "tls-version:high = flagged web-app",
            "tls-version:medium = flagged -",
        ),
        (
            TlsVersion::TLS11,
            "tls-version:high = flagged web-app",
            "tls-version:medium = flagged -",
        ),
        (TlsVersion::TLS12, "= ok web-app", "= unlisted -"),
        (dtls12, "= ok web-app", "= unlisted -"),
        (
            TlsVersion::TLS13,
            "tls-version:notice = ok web-app",
            "tls-version:notice = unlisted -",
        ),
        (
            draft,
            "tls-version:notice = ok web-app",
            "tls-version:notice = unlisted -",
        ),
    ] {
        assert_eq!(web_app().version(version).told(), row, "{version}");
        assert_eq!(to("example.com").version(version).told(), elsewhere, "{version}");
    }
    let teams = Flow {
        ip: "52.113.194.132".parse().unwrap(),
        ..to("teams.microsoft.com")
    };
    assert_eq!(teams.clone().version(TlsVersion::TLS13).told(), "= ok teams");
    assert_eq!(
        teams.version(TlsVersion::TLS10).told(),
        "tls-version:high = flagged teams"
    );
    assert_eq!(
        why(&web_app().version(TlsVersion::TLS10), FlagKind::TlsVersion),
        "TLS 1.0 was negotiated, older than the 1.2 that the row web-app names."
    );
    assert_eq!(
        why(&web_app().version(TlsVersion::SSL3), FlagKind::TlsVersion),
        "SSL 3.0 was negotiated, older than the 1.2 that the row web-app names."
    );
}

#[test]
fn plain_is_flagged_where_tls_is_wanted() {
    let http = |flow: Flow, port| Flow {
        app: App::Http,
        tls: None,
        kind: EvidenceKind::Host,
        port: Some(port),
        ..flow
    };
    let unknown = |flow: Flow| Flow {
        app: App::Unknown,
        tls: None,
        kind: EvidenceKind::Dns,
        ..flow
    };
    for (flow, told) in [
        (http(web_app(), 443), "plaintext:high = flagged web-app"),
        (http(web_app(), 80), "port:high plaintext:high = flagged web-app"),
        (http(to("crl.microsoft.com"), 80), "= ok m365-84"),
        (http(to("crl.microsoft.com"), 443), "plaintext:high = flagged m365-84"),
        (http(to("example.com"), 80), "port:notice plaintext:notice = unlisted -"),
        (unknown(web_app()), "plaintext:high = flagged web-app"),
        (unknown(to("example.com")), "plaintext:notice = unlisted -"),
        (
            Flow {
                port: Some(22),
                ..unknown(to("example.com"))
            },
            "port:notice = unlisted -",
        ),
        (
            Flow {
                payload: false,
                ..unknown(web_app())
            },
            "= inconclusive web-app",
        ),
        (
            Flow {
                quality: Quality::MIDSTREAM,
                ..unknown(web_app())
            },
            "= inconclusive web-app",
        ),
        (
            Flow {
                app: App::Dns,
                ..unknown(web_app())
            },
            "= ok web-app",
        ),
    ] {
        assert_eq!(flow.told(), told, "{:?} {:?} {:?}", flow.name, flow.app, flow.port);
    }
}

#[test]
fn a_tunnel_is_plain_if_it_was_granted_and_seen_to_carry_no_tls() {
    let tunnel = |carried, status| {
        let mut flow = Flow {
            app: App::Connect,
            tls: None,
            kind: EvidenceKind::Connect,
            port: Some(3128),
            proxy_host: Some(domain("app.salestim.io")),
            proxy_port: Some(443),
            carried,
            ..web_app()
        };
        flow.course.proxy_status = Some(status);
        flow
    };
    for (carried, status, told) in [
        (Some(Carried::Http), 200, "plaintext:high = flagged web-app"),
        (Some(Carried::Other), 200, "plaintext:high = flagged web-app"),
        (None, 200, "= inconclusive web-app"),
        (Some(Carried::Http), 407, "= inconclusive web-app"),
    ] {
        assert_eq!(tunnel(carried, status).told(), told, "{carried:?} {status}");
    }
    let holed = Flow {
        quality: Quality::GAP,
        ..tunnel(Some(Carried::Other), 200)
    };
    assert_eq!(holed.told(), "= inconclusive web-app");
}

#[test]
fn an_address_outside_the_ranges_is_a_notice() {
    let moved = |flow: Flow, ip: &str| Flow {
        ip: ip.parse().unwrap(),
        ..flow
    };
    for (flow, told) in [
        (moved(web_app(), ELSEWHERE), "address:notice = ok web-app"),
        (moved(web_app(), "2620:1ec:bdf::10"), "= ok web-app"),
        (moved(to("login.microsoftonline.com"), "20.190.159.2"), "= ok sign-in"),
        (
            moved(to("login.microsoftonline.com"), "1.2.3.4"),
            "address:notice = ok sign-in",
        ),
        // Set 59 has no ranges, set 56 has, and both are the row sign-in.
        (moved(to("aadcdn.msauth.net"), "1.2.3.4"), "= ok sign-in"),
        (moved(to("help.nbold.co"), "1.2.3.4"), "= ok help"),
    ] {
        assert_eq!(flow.told(), told, "{:?} {}", flow.name, flow.ip);
    }
    assert_eq!(
        why(&moved(web_app(), ELSEWHERE), FlagKind::Address),
        "198.18.1.11 is in none of the address ranges of the row web-app (AzureFrontDoor.Frontend)."
    );
}

#[test]
fn a_certificate_of_another_name_is_interception() {
    let held = |flow: Flow, names: &[&str]| {
        flow.tls(|tls| {
            if let Some(certificate) = tls.certificate.as_mut().map(Arc::make_mut) {
                certificate.names = names.iter().map(|&name| name.to_owned()).collect();
            }
        })
    };
    for (flow, told) in [
        (held(web_app(), &["*.salestim.io"]), "= ok web-app"),
        (
            held(web_app(), &["x.example", "*.io"]),
            "intercepted:high = flagged web-app",
        ),
        (held(web_app(), &[]), "intercepted:high = flagged web-app"),
        (held(to("example.com"), &["proxy.corp"]), "intercepted:high = flagged -"),
        (
            Flow {
                kind: EvidenceKind::Dns,
                ..held(web_app(), &["proxy.corp"])
            },
            "= ok web-app",
        ),
    ] {
        assert_eq!(flow.told(), told);
    }
    assert_eq!(
        why(&held(web_app(), &["proxy.corp"]), FlagKind::Intercepted),
        "The certificate covers proxy.corp, but not app.salestim.io."
    );
}

#[test]
fn an_issuer_that_the_row_does_not_name_is_interception() {
    let policy = policy(
        "[[endpoint]]\nid = \"a\"\nclass = \"b\"\nhosts = [\"*.salestim.io\"]\nissuers = [\"digicert\", \"Microsoft\"]\n",
    );
    assert_eq!(tell(&policy, &web_app().judged_by(&policy)), "= ok a");
    let zscaler = web_app().tls(|tls| {
        if let Some(certificate) = tls.certificate.as_mut().map(Arc::make_mut) {
            certificate.issuer = "CN=Zscaler Intermediate Root CA (zscloud.net)".to_owned();
        }
    });
    let verdict = zscaler.judged_by(&policy);
    assert_eq!(tell(&policy, &verdict), "intercepted:high = flagged a");
    assert_eq!(
        said(&verdict.flags[0]),
        "The certificate was issued by CN=Zscaler Intermediate Root CA (zscloud.net), but the row a expects digicert and Microsoft."
    );
}

#[test]
fn a_row_has_its_place_and_its_life() {
    assert_eq!(to("x.vault.azure.net").told(), "internal:notice = ok key-vault");
    assert_eq!(to("store.blob.core.windows.net").told(), "broad:notice = ok storage");
    assert_eq!(to("my.visualstudio.com").told(), "broad:notice = ok app-insights");
    // Microsoft's own row of the same breadth is listed, not broad.
    assert_eq!(to("foo.microsoft.com").told(), "= ok m365-50");
    let retired = to("az416426.vo.msecnd.net");
    assert_eq!(retired.told(), "retired:medium = flagged app-insights-script");
    assert_eq!(
        why(&retired, FlagKind::Retired),
        "The row app-insights-script is retired since 2025-01-15; js.monitor.azure.com takes its place."
    );
    let last_day = Flow {
        start_ns: THE_DAY - 1,
        ..retired
    };
    assert_eq!(last_day.told(), "= ok app-insights-script");
}

/// 2025-01-15, midnight.
const THE_DAY: u64 = 1_736_899_200_000_000_000;

#[test]
fn where_one_row_follows_another_a_flow_is_held_to_the_one_of_its_own_day() {
    let policy = policy(
        r#"
        [[endpoint]]
        id = "old"
        class = "app"
        hosts = ["app.example"]
        ports = ["tcp/80"]
        tls = false
        status = "retired"
        until = 2025-01-15
        [[endpoint]]
        id = "new"
        class = "app"
        hosts = ["app.example"]
        ports = ["tcp/443"]
        since = 2025-01-15
        "#,
    );
    let judged = |start_ns, port| {
        let flow = Flow {
            start_ns,
            port: Some(port),
            ..to("app.example")
        };
        let verdict = flow.judged_by(&policy);
        let flags: Vec<_> = verdict.flags.iter().map(|flag| flag.kind).collect();
        (policy.row(verdict.matches[0]).id.clone(), flags)
    };
    assert_eq!(judged(THE_DAY - 1, 80), ("old".to_owned(), vec![]));
    assert_eq!(judged(THE_DAY - 1, 443), ("old".to_owned(), vec![FlagKind::Port]));
    assert_eq!(judged(THE_DAY, 443), ("new".to_owned(), vec![]));
    assert_eq!(judged(THE_DAY, 80), ("new".to_owned(), vec![FlagKind::Port]));
}

#[test]
fn a_cover_name_is_no_name() {
    let hidden = Flow {
        name: None,
        kind: EvidenceKind::None,
        ..to("cloudflare-ech.com").tls(|tls| {
            tls.ech = true;
            tls.cover = true;
            tls.version = Some(TlsVersion::TLS13);
            tls.certificate = None;
        })
    };
    assert_eq!(hidden.told(), "tls-version:notice hidden-name:medium = flagged -");
    assert_eq!(
        why(&hidden, FlagKind::HiddenName),
        "The client encrypted its hello; cloudflare-ech.com is only the cover name."
    );
}

#[test]
fn several_rows_of_one_name_are_not_ambiguous_but_several_names_are() {
    let graph = to("graph.microsoft.com").verdict();
    assert_eq!(tell(&SALESTIM, &graph), "= ok graph");
    assert_eq!(graph.matches.len(), 3);
    let torn = Flow {
        kind: EvidenceKind::Dns,
        candidates: domains(&["widget.intercom.io"]),
        ..web_app()
    };
    assert_eq!(torn.told(), "ambiguous:medium = inconclusive web-app");
    assert_eq!(
        why(&torn, FlagKind::Ambiguous),
        "The name could be app.salestim.io and widget.intercom.io, which points to rows of the classes intercom and salestim."
    );
    let same = Flow {
        candidates: domains(&["api.salestim.io"]),
        ..torn.clone()
    };
    assert_eq!(same.told(), "= ok web-app");
    let half = Flow {
        candidates: domains(&["example.com"]),
        ..torn.clone()
    };
    assert_eq!(half.told(), "= inconclusive web-app");
    let unnamed = Flow {
        name: None,
        candidates: domains(&["app.salestim.io", "widget.intercom.io"]),
        ..torn.clone()
    };
    assert_eq!(unnamed.told(), "ambiguous:medium = inconclusive web-app");
    let sni = Flow {
        kind: EvidenceKind::Sni,
        ..torn
    };
    assert_eq!(sni.told(), "= ok web-app");
}

#[test]
fn flags_stand_in_their_order_and_say_one_sentence() {
    let everything = Flow {
        via: domains(&["evil.example"]),
        ip: ELSEWHERE.parse().unwrap(),
        port: Some(8443),
        ..web_app().version(TlsVersion::TLS10).tls(|tls| {
            if let Some(certificate) = tls.certificate.as_mut().map(Arc::make_mut) {
                certificate.names = vec!["evil.example".to_owned()];
            }
        })
    };
    let flags = everything.verdict().flags;
    let kinds: Vec<FlagKind> = flags.iter().map(|flag| flag.kind).collect();
    assert_eq!(
        kinds,
        [
            FlagKind::Port,
            FlagKind::TlsVersion,
            FlagKind::Rerouted,
            FlagKind::Address,
            FlagKind::Intercepted
        ]
    );
    for flag in flags {
        let why = said(&flag);
        assert!(why.ends_with('.') && !why.contains('\n'), "{why}");
        assert!(
            why.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()),
            "{why}"
        );
    }
}
