//! `rerouted`, and all that looks like it.

use super::*;
use crate::policy::verdict::FlagKind;

fn rerouted(flow: &Flow) -> Option<String> {
    let flags = flow.verdict().flags;
    let found = flags.into_iter().find(|flag| flag.kind == FlagKind::Rerouted);
    found.map(|flag| said(&flag))
}

#[test]
fn a_chain_that_misses_the_way_in_is_rerouted() {
    let astray = |via: &[&str]| Flow {
        via: domains(via),
        ..web_app()
    };
    assert_eq!(
        rerouted(&astray(&["cdn.evil.example"])).as_deref(),
        Some(
            "DNS led from app.salestim.io by way of cdn.evil.example to 13.107.246.10, but the row web-app goes by way of \
             *.azurefd.net, *.trafficmanager.net, *.afd.azureedge.net, *.tm-azurefd.net and 4 more."
        )
    );
    assert!(rerouted(&astray(&[])).is_some_and(|why| why.contains("straight to 13.107.246.10")));
    assert!(rerouted(&astray(&["evilazurefd.net"])).is_some());
    for chain in [
        &["app-tm.trafficmanager.net"][..],
        &["x.azurefd.net", "t-0001.t-msedge.net"],
        &["x.z02.azurefd.net", "mr-z02.tm-azurefd.net"],
        &["star.privatelink.example"],
    ] {
        assert_eq!(rerouted(&astray(chain)), None, "{chain:?}");
    }
}

#[test]
fn a_chain_nobody_saw_is_none() {
    let cached = Flow {
        via: Vec::new(),
        asked_itself: false,
        asked: None,
        ..web_app()
    };
    assert_eq!(rerouted(&cached), None);
    // A stub resolver follows the chain itself and asks for its end.
    let stub = Flow {
        asked: Some(domain("app-tm.trafficmanager.net")),
        ..cached.clone()
    };
    assert_eq!(rerouted(&stub), None);
    let edge = Flow {
        asked: Some(domain("s-0005.dual-s-msedge.net")),
        ..cached.clone()
    };
    assert_eq!(rerouted(&edge), None);
    // With DNS as the only evidence the chain is known.
    let by_dns = Flow {
        kind: EvidenceKind::Dns,
        tls: None,
        ..cached
    };
    assert!(rerouted(&by_dns).is_some());
}

#[test]
fn an_answer_for_another_name_is_rerouted_if_nothing_joins_the_two() {
    let asked = |sni: &str, question: &str| Flow {
        asked_itself: false,
        asked: Some(domain(question)),
        ..to(sni)
    };
    assert_eq!(
        rerouted(&asked("app.salestim.io", "evil.example")).as_deref(),
        Some("DNS gave 198.18.1.11 for evil.example, but the hello sent there names app.salestim.io.")
    );
    assert!(rerouted(&asked("evil.example", "app.salestim.io")).is_some());
    for (sni, question) in [
        ("app.salestim.io", "api.salestim.io"),
        ("config.teams.microsoft.com", "teams.microsoft.com"),
        ("gate.hockeyapp.net", "dc.applicationinsights.microsoft.com"),
        ("a.example", "b.example"),
        ("custom.example", "pages.github.io"),
        ("app.salestim.io", "salestim.io"),
        ("teams.microsoft.com", "other.example"),
    ] {
        assert_eq!(rerouted(&asked(sni, question)), None, "{sni} {question}");
    }
    // The client was told this address for the name as well, only earlier.
    let both = Flow {
        asked_itself: true,
        via: domains(&["x.azurefd.net"]),
        ..asked("app.salestim.io", "evil.example")
    };
    assert_eq!(rerouted(&both), None);
    // Front Door's addresses are everybody's.
    let shared = Flow {
        ip: FRONT_DOOR.parse().unwrap(),
        ..asked("app.salestim.io", "evil.example")
    };
    assert_eq!(rerouted(&shared), None);
}

#[test]
fn a_tunnel_for_another_name_is_rerouted() {
    let tunnel = |host: &str, sni: &str| Flow {
        app: App::Connect,
        ip: "10.0.0.8".parse().unwrap(),
        port: Some(3128),
        proxy_host: Some(domain(host)),
        proxy_port: Some(443),
        asked: Some(domain("proxy.corp")),
        asked_itself: false,
        ..to(sni)
    };
    assert_eq!(tunnel("app.salestim.io", "app.salestim.io").told(), "= ok web-app");
    assert_eq!(
        rerouted(&tunnel("example.com", "app.salestim.io")).as_deref(),
        Some("The proxy was asked for example.com, but the hello inside the tunnel names app.salestim.io.")
    );
    assert_eq!(rerouted(&tunnel("api.salestim.io", "app.salestim.io")), None);
    assert_eq!(rerouted(&tunnel("192.0.2.1", "app.salestim.io")), None);
    let ech = tunnel("hidden.example", "cover.example").tls(|tls| tls.ech = true);
    assert_eq!(rerouted(&ech), None);
    let other_port = Flow {
        proxy_port: Some(8443),
        ..tunnel("app.salestim.io", "app.salestim.io")
    };
    assert_eq!(other_port.told(), "port:high = flagged web-app");
    let unread_port = Flow {
        proxy_port: None,
        ..other_port
    };
    assert_eq!(unread_port.told(), "= ok web-app");
}

#[test]
fn a_reverse_proxys_names_are_rerouted() {
    let flow = to("app.salestim.io.mcas.ms");
    assert_eq!(flow.told(), "rerouted:high = flagged -");
    assert_eq!(
        rerouted(&flow).as_deref(),
        Some("app.salestim.io.mcas.ms is a reverse proxy's rewriting of another name (Defender for Cloud Apps).")
    );
    assert_eq!(rerouted(&to("evilmcas.ms")), None);
}
