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
                candidates: Vec::new(),
                age_ns: None,
                asked,
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
                age_ns: None,
                asked,
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
    let asked_itself = answer.is_some_and(|answer| answer.own && naming.name.as_ref() == Some(&answer.told.name));
    Named {
        naming,
        dns: answer.map(|answer| answer.answered),
        asked_itself,
    }
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
