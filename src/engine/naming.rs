//! Which name a finished flow gets, and why.
//!
//! What the flow itself says comes first (SNI, the host asked of a proxy, Host, a certificate of one name), then what its
//! client had been told of its server's address, then what others had been told. A name that hides another (ECH's cover)
//! is no name; nor is a proxy's own name that of the service behind it.

use super::rows::Naming;
use crate::evidence::model::{App, EvidenceKind, TlsFacts};
use crate::evidence::probe::Findings;
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::names::hidden::is_fresh;
use crate::names::history::Recalled;

/// The name, and where the DNS answer behind it is.
pub struct Named {
    pub naming: Naming,
    pub dns: Option<Stamp>,
    /// The client itself had asked for this very name.
    pub asked_itself: bool,
}

/// Chooses among the evidence. `told` is what was known of the server's address, the client's own answers first, newest first;
/// `hiding`: since when the client has been asking where nobody can see it.
pub fn choose(findings: &Findings, told: &[Recalled], hiding: Option<Stamp>, begin: Stamp) -> Named {
    let Some(since) = hiding else {
        return choose_among(findings, told, begin);
    };
    // An old answer that fits the name in the flow's own bytes is not stale: it shows the way there.
    let own = own_word(findings);
    let fits = |answer: &&Recalled| {
        own.as_ref()
            .is_some_and(|(name, _)| answer.own && explains(answer, name))
    };
    let fresh: Vec<Recalled> = told
        .iter()
        .filter(|answer| is_fresh(answer, since) || fits(answer))
        .cloned()
        .collect();
    choose_among(findings, &fresh, begin)
}

fn choose_among(findings: &Findings, told: &[Recalled], begin: Stamp) -> Named {
    let asked = told.first().map(|first| (first.told.name.clone(), first.own));
    if let Some((name, kind)) = own_word(findings) {
        let answer = told.iter().find(|answer| explains(answer, &name));
        let via = answer.map(|answer| chain_behind(answer, &name)).unwrap_or_default();
        return named(
            Naming {
                name: Some(name),
                kind,
                via,
                asked,
                ..Naming::default()
            },
            answer,
            begin,
        );
    }
    if findings.tls.as_ref().is_some_and(|tls| tls.cover) {
        // The client hid its name: what DNS says of a shared address would be a guess.
        return Named {
            naming: Naming {
                asked,
                ..Naming::default()
            },
            dns: None,
            asked_itself: false,
        };
    }
    let told = if findings.proxy_host.is_some() { &[] } else { told };
    let newest = told.first();
    let candidates = candidates(told);
    if let Some(tls) = &findings.tls
        && let Some(name) = only_name(tls)
        && newest.is_none_or(|newest| newest.told.name != name)
    {
        return named(
            Naming {
                name: Some(name),
                kind: EvidenceKind::Certificate,
                asked,
                ..Naming::default()
            },
            None,
            begin,
        );
    }
    match newest {
        Some(answer) => {
            let naming = Naming {
                name: Some(answer.told.name.clone()),
                kind: EvidenceKind::Dns,
                via: answer.told.chain.to_vec(),
                candidates,
                asked,
                ..Naming::default()
            };
            named(naming, Some(answer), begin)
        }
        None => Named {
            naming: Naming::default(),
            dns: None,
            asked_itself: false,
        },
    }
}

fn named(mut naming: Naming, answer: Option<&Recalled>, begin: Stamp) -> Named {
    naming.age_ns = answer.map(|answer| begin.ns.saturating_sub(answer.answered.ns));
    naming.same_host = answer.is_some_and(|answer| answer.own || is_its_other_address(answer, begin));
    let asked_itself = answer.is_some_and(|answer| answer.own && naming.name.as_ref() == Some(&answer.told.name));
    Named {
        naming,
        dns: answer.map(|answer| answer.answered),
        asked_itself,
    }
}

/// A host with addresses of both versions of IP asks over one of them and then connects over the other, at once (RFC 8305, section 5).
const AT_ONCE_NS: u64 = 10_000_000_000;

/// Nobody at the flow's own address had ever been told about the server, but somebody at one of the other version just has been.
fn is_its_other_address(answer: &Recalled, begin: Stamp) -> bool {
    answer.across && begin.ns.saturating_sub(answer.answered.ns) <= AT_ONCE_NS
}

/// The name in the flow's own bytes.
fn own_word(findings: &Findings) -> Option<(Domain, EvidenceKind)> {
    if let Some(tls) = &findings.tls
        && let Some(sni) = &tls.sni
        && !tls.cover
        && sni.is_host_name()
    {
        let kind = if findings.app == App::Quic {
            EvidenceKind::Quic
        } else {
            EvidenceKind::Sni
        };
        return Some((sni.clone(), kind));
    }
    let spoken = [
        (&findings.proxy_host, EvidenceKind::Connect),
        (&findings.host, EvidenceKind::Host),
    ];
    spoken.into_iter().find_map(|(name, kind)| {
        let name = name.as_ref().filter(|name| name.is_host_name())?;
        Some((name.clone(), kind))
    })
}

/// A certificate names a flow only if it is for one host alone: most list many, and some of them strangers.
fn only_name(tls: &TlsFacts) -> Option<Domain> {
    let [name] = tls.certificate.as_ref()?.names.as_slice() else {
        return None;
    };
    let name = Domain::from_text(name.as_bytes());
    (name.is_host_name() && name.as_str().contains('.')).then_some(name)
}

/// The answer is for this name, or passed through it: a stub resolver may follow the chain itself and ask for its links.
fn explains(answer: &Recalled, name: &Domain) -> bool {
    answer.told.name == *name || answer.told.chain.contains(name)
}

fn chain_behind(answer: &Recalled, name: &Domain) -> Vec<Domain> {
    let behind = answer
        .told
        .chain
        .iter()
        .position(|link| link == name)
        .map_or(0, |at| at + 1);
    answer.told.chain.get(behind..).unwrap_or_default().to_vec()
}

/// The distinct names, newest first, where there are several; the client's own answers leave others' out.
fn candidates(told: &[Recalled]) -> Vec<Domain> {
    let own = told.first().is_some_and(|first| first.own);
    let mut names: Vec<Domain> = Vec::new();
    for answer in told.iter().filter(|answer| answer.own == own) {
        if !names.contains(&answer.told.name) {
            names.push(answer.told.name.clone());
        }
    }
    if names.len() > 1 { names } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::names::history::Told;

    const SECOND: u64 = 1_000_000_000;

    fn told(own: bool, across: bool) -> Recalled {
        Recalled {
            told: Arc::new(Told {
                name: Domain::from_text(b"app.example"),
                chain: Box::default(),
            }),
            own,
            across,
            answered: Stamp::new(0, 1, 100 * SECOND),
        }
    }

    /// Of a connection of which nobody knows more than DNS does, so many seconds behind the answer.
    fn is_same_host(told: Recalled, seconds: u64) -> bool {
        let begin = Stamp::new(0, 2, (100 + seconds) * SECOND);
        let named = choose(&Findings::default(), &[told], None, begin);
        assert_eq!(named.naming.kind, EvidenceKind::Dns);
        assert!(named.naming.asked.is_some_and(|(_, own)| own == named.asked_itself));
        named.naming.same_host
    }

    #[test]
    fn a_host_asks_over_one_version_of_ip_and_connects_over_the_other() {
        assert!(is_same_host(told(true, false), 3_000));
        assert!(is_same_host(told(false, true), 0) && is_same_host(told(false, true), 10));
        assert!(
            !is_same_host(told(false, true), 11),
            "long behind the answer it may be anybody"
        );
        assert!(
            !is_same_host(told(false, false), 0),
            "another client of the same version"
        );
    }
}
