//! The two hellos: what the client offered, in the clear, and what the server chose.

use super::ciphers;
use super::connection::is_midstream;
use super::phrases::list;
use super::{Evidence, Step};
use crate::evidence::model::{App, Quality, TlsFacts, TlsVersion};

/// See [`TlsVersion::rank`].
const RANK_OF_1_3: u8 = 5;

/// What the client said.
pub fn client(evidence: &Evidence) -> Step {
    let mut step = Step::new("hello", "What the client said");
    let flow = evidence.flow;
    if let Some(version) = flow.quic {
        step.say(format!(
            "The flow is QUIC ({version}). Its first packets are encrypted with keys that everybody can compute (RFC 9001, section 5.2), \
             so the hello can be read like one in the clear."
        ));
    }
    let Some(tls) = flow.tls.as_deref() else {
        no_tls(evidence, &mut step);
        return step;
    };
    if !tls.hello {
        step.say(format!("No ClientHello was read{}.", because(evidence)));
        return step;
    }
    step.rest_on_marks(evidence, &["hello"]);
    let place = match evidence.mark("hello") {
        Some(frame) => format!("In {} the client's hello (ClientHello) is whole", evidence.frame(frame)),
        None => "The client's hello (ClientHello) was read whole".to_owned(),
    };
    let format = if tls.sslv2_hello {
        ", in the old SSLv2 format"
    } else {
        ""
    };
    step.say(format!("{place}{format}. {}", server_name(tls)));
    if !tls.offered.is_empty() {
        step.say(format!(
            "It offered these versions, in this order: {}. That is what the client can do, not what was used.",
            list(tls.offered.iter())
        ));
    }
    if !tls.alpn.is_empty() {
        step.say(format!(
            "Application protocols offered (ALPN): {}.",
            list(tls.alpn.iter())
        ));
    }
    if let Some(ja4) = tls.ja4.as_deref() {
        step.say(format!(
            "Fingerprint of the hello (JA4): {ja4}. Programs that use the same TLS library in the same way share it; it names no program for certain."
        ));
    }
    step.say(ech(tls));
    step
}

fn no_tls(evidence: &Evidence, step: &mut Step) {
    let flow = evidence.flow;
    match flow.app {
        App::Http => step.say("The flow is HTTP in the clear: there was no TLS to hide or to prove anything."),
        App::Tls | App::Quic | App::Dtls => {
            step.say(format!(
                "It speaks {}, but no hello was read{}.",
                flow.app.as_str(),
                because(evidence)
            ));
        }
        App::Unknown => step.say("What was spoken is not known: no hello of TLS, QUIC or DTLS, and no HTTP, was seen."),
        app => step.say(format!("What was spoken: {}. It has no TLS hello here.", app.as_str())),
    }
}

/// `, since ...`, if the flow's marks tell.
fn because(evidence: &Evidence) -> &'static str {
    let quality = evidence.flow.quality;
    if is_midstream(evidence.flow) {
        ": the flow began before the capture"
    } else if quality.has(Quality::CUT) {
        ": packets are cut short in the capture"
    } else if quality.has(Quality::GAP) {
        ": bytes are missing"
    } else {
        ""
    }
}

fn server_name(tls: &TlsFacts) -> String {
    match &tls.sni {
        None => "It names no server (no SNI).".to_owned(),
        Some(sni) if sni.is_host_name() => format!("It asks for the server name (SNI) {sni}."),
        Some(sni) => format!("Its server name (SNI) is {sni}, which is no host name: it is shown, but names nothing."),
    }
}

fn ech(tls: &TlsFacts) -> String {
    let sni = tls.sni.as_ref().map_or("", |sni| sni.as_str());
    if !tls.ech {
        return "It has no Encrypted Client Hello: no other name is hidden in it.".to_owned();
    }
    if tls.cover {
        return format!(
            "It has an Encrypted Client Hello, and {sni} is known as a public cover name: the name really asked for is encrypted, and not known."
        );
    }
    let older = tls
        .version
        .and_then(TlsVersion::rank)
        .is_some_and(|rank| rank < RANK_OF_1_3);
    match older {
        true => "It has the extension Encrypted Client Hello, but the version negotiated is too old for anybody to have accepted it: \
                 the name in the clear is the one that counted."
            .to_owned(),
        false => "It has the extension Encrypted Client Hello. Most browsers send it as a dummy, and nothing seen here shows that the \
                  name in the clear is a cover; that it is one cannot be ruled out."
            .to_owned(),
    }
}

/// What the server chose.
pub fn server(evidence: &Evidence) -> Step {
    let mut step = Step::new("server", "What the server chose");
    let Some(tls) = evidence.flow.tls.as_deref() else {
        return step;
    };
    step.rest_on_marks(evidence, &["server_hello"]);
    match tls.version {
        Some(version) => {
            let place = match evidence.mark("server_hello") {
                Some(frame) => format!("In {} the server's hello (ServerHello) chooses", evidence.frame(frame)),
                None => "The server's hello chooses".to_owned(),
            };
            let family = if evidence.flow.app == App::Dtls { "DTLS" } else { "TLS" };
            let version = match version.rank() {
                Some(0 | 1) => version.to_string(),
                _ => format!("{family} {version}"),
            };
            let cipher = tls.cipher.map(|cipher| format!(", cipher {}", ciphers::name(cipher)));
            step.say(format!("{place} {version}{}.", cipher.unwrap_or_default()));
        }
        None => step.say(format!(
            "No ServerHello was read{}: no version is known to have been negotiated.",
            because(evidence)
        )),
    }
    if let Some((level, description)) = tls.server_alert {
        let word = ciphers::alert(description);
        let level = if level == 2 { "fatal" } else { "warning" };
        step.say(format!(
            "The server's side sent an alert in the clear: {word} ({level})."
        ));
    }
    step
}
