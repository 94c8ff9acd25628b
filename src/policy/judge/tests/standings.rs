//! The one word at the end, and flows known by their address alone.

use super::*;
use crate::policy::model::UDP;

#[test]
fn what_was_not_seen_never_passes() {
    let half_seen = |quality| Flow {
        quality,
        ..web_app().tls(|tls| {
            tls.version = None;
            tls.certificate = None;
        })
    };
    for quality in [
        Quality::MIDSTREAM,
        Quality::CUT,
        Quality::GAP,
        Quality::ONE_SIDED,
        Quality::default(),
    ] {
        assert_eq!(half_seen(quality).told(), "= inconclusive web-app", "{quality:?}");
    }
    let unanswered = Flow {
        established: false,
        payload: false,
        tls: None,
        app: App::Unknown,
        kind: EvidenceKind::Dns,
        ..web_app()
    };
    assert_eq!(unanswered.told(), "= inconclusive web-app");
}

#[test]
fn what_was_seen_counts_whatever_else_was_not() {
    let wrong_port = Flow {
        port: Some(8443),
        ..web_app().tls(|tls| {
            tls.version = None;
            tls.certificate = None;
        })
    };
    assert_eq!(wrong_port.told(), "port:high = flagged web-app");
    let midstream = Flow {
        quality: Quality::MIDSTREAM,
        ..web_app()
    };
    assert_eq!(midstream.told(), "= ok web-app", "the handshake was seen all the same");
}

#[test]
fn teams_media_is_known_by_address_and_port() {
    for app in [App::Unknown, App::Stun, App::Rtp] {
        let media = Flow {
            app,
            ..nameless("52.114.1.1", UDP, 3479)
        };
        assert_eq!(media.told(), "= ok teams-media", "{app:?}");
        let one_way = Flow {
            established: false,
            payload: false,
            ..media
        };
        assert_eq!(one_way.told(), "= inconclusive teams-media");
    }
    // A name of Teams on the media port belongs to the same class, whose media row lists the port.
    let named = Flow {
        name: Some(domain("worldaz.tr.teams.microsoft.com")),
        kind: EvidenceKind::Dns,
        ..nameless("52.114.1.1", UDP, 3478)
    };
    assert_eq!(named.told(), "= ok teams");
    assert_eq!(
        nameless("52.114.1.1", UDP, 50_000).told(),
        "port:high = inconclusive teams-media"
    );
}

#[test]
fn an_address_alone_is_weak() {
    let tls = Flow {
        app: App::Tls,
        tls: to("52.114.250.152").tls,
        ..nameless("52.114.250.152", TCP, 443)
    };
    assert_eq!(tls.told(), "= inconclusive teams");
    assert_eq!(nameless("203.0.113.1", TCP, 22).told(), "port:notice = unlisted -");
    // Inside of Front Door's tag, which is everybody's.
    let verdict = Flow {
        ip: FRONT_DOOR.parse().unwrap(),
        ..tls
    }
    .verdict();
    assert!(verdict.matches.is_empty());
}

#[test]
fn an_address_of_several_classes_is_ambiguous() {
    let policy = policy(
        "[[endpoint]]\nid = \"a\"\nclass = \"a\"\naddresses = [\"10.0.0.0/8\"]\nports = [\"udp/9\"]\n\
         [[endpoint]]\nid = \"b\"\nclass = \"b\"\naddresses = [\"10.1.0.0/16\"]\nports = [\"udp/9\"]\n\
         [[endpoint]]\nid = \"c\"\nclass = \"c\"\naddresses = [\"10.1.0.0/16\"]\nports = [\"udp/10\"]\n",
    );
    let told = |flow: Flow| tell(&policy, &flow.judged_by(&policy));
    assert_eq!(told(nameless("10.1.0.1", UDP, 9)), "ambiguous:medium = inconclusive b");
    assert_eq!(told(nameless("10.1.0.1", UDP, 10)), "= inconclusive c");
    assert_eq!(told(nameless("10.2.0.1", UDP, 9)), "= inconclusive a");
}

#[test]
fn an_unrelated_name_in_a_services_range_is_not_that_service() {
    let flow = Flow {
        ip: "52.113.194.132".parse().unwrap(),
        ..to("evil.example")
    };
    assert_eq!(flow.told(), "= unlisted -");
}
