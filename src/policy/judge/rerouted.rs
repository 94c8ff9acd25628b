//! `rerouted`: the flow went where neither the row nor DNS would have led it.
//!
//! Four signs, the plainest first. Much that looks like rerouting is none: a stub resolver that asks for the CNAME itself, addresses
//! shared by half the world, Private Link, a cover name of ECH. Each of these is an early exit with its name on it.

use super::words::{any_covers, is_private_link, list, the_row};
use super::{Case, flag};
use crate::evidence::model::EvidenceKind;
use crate::names::domain::Domain;
use crate::policy::compile::{Match, Matches, Policy};
use crate::policy::model::Line;
use crate::policy::verdict::{Flag, FlagKind, Severity};

/// Reverse proxies of Defender for Cloud Apps, which rewrites `app.example` to `app.example.mcas.ms`.
const REVERSE_PROXIES: [&str; 3] = ["mcas.ms", "mcas-gov.us", "mcas-gov.ms"];

/// Where CNAME chains end. A stub resolver asks for these itself, so that the capture never shows the name before them; alone they
/// prove nothing.
const CHAIN_ENDS: [&str; 19] = [
    "trafficmanager.net",
    "azurefd.net",
    "tm-azurefd.net",
    "azureedge.net",
    "cloudapp.net",
    "cloudapp.azure.com",
    "msidentity.com",
    "store.core.windows.net",
    "akadns.net",
    "akamai.net",
    "akamaiedge.net",
    "akamaized.net",
    "edgekey.net",
    "edgesuite.net",
    "cloudfront.net",
    "amazonaws.com",
    "cloudflare.net",
    "fastly.net",
    "fastlylb.net",
];
/// `t-msedge.net`, `dual-s-msedge.net` and their like.
const EDGE_SUFFIX: &str = "-msedge.net";

pub(super) fn check(case: &Case) -> Option<Flag> {
    let why = through_a_reverse_proxy(case)
        .or_else(|| past_the_way_in(case))
        .or_else(|| tunnel_for_another(case))
        .or_else(|| answer_for_another(case))?;
    flag(FlagKind::Rerouted, Severity::High, why)
}

fn through_a_reverse_proxy(case: &Case) -> Option<String> {
    let facts = case.facts;
    let rewritten = |name: &&Domain| REVERSE_PROXIES.iter().any(|suffix| name.is_below(suffix));
    let name = facts.name.into_iter().chain(facts.via).find(rewritten)?;
    Some(format!(
        "{name} is a reverse proxy's rewriting of another name (Defender for Cloud Apps)."
    ))
}

/// DNS was seen, and its chain misses the row's `via`.
fn past_the_way_in(case: &Case) -> Option<String> {
    let facts = case.facts;
    let row = case.named_row()?.row;
    let name = facts.name?;
    if row.via.is_empty() || facts.is_proxied() || !chain_is_known(case, name) {
        return None;
    }
    let passes = |hop: &Domain| any_covers(&row.via, hop) || is_private_link(hop);
    if facts.via.iter().any(passes) {
        return None;
    }
    let expected = list(&row.via);
    let ip = facts.server.ip;
    let row = the_row(row);
    Some(match facts.via {
        [] => format!("DNS led from {name} straight to {ip}, but {row} goes by way of {expected}."),
        chain => format!(
            "DNS led from {name} by way of {} to {ip}, but {row} goes by way of {expected}.",
            list(chain)
        ),
    })
}

/// Whether `via` is what DNS said, and not only what happened to be unseen.
fn chain_is_known(case: &Case, name: &Domain) -> bool {
    let facts = case.facts;
    !facts.via.is_empty() || facts.asked_itself || facts.asked == Some(name) || facts.kind == EvidenceKind::Dns
}

/// The CONNECT host and the SNI disagree.
fn tunnel_for_another(case: &Case) -> Option<String> {
    let facts = case.facts;
    let tls = facts.tls?;
    let wanted = facts.proxy_host.filter(|host| host.is_host_name())?;
    let named = tls.sni.as_ref().filter(|sni| sni.is_host_name())?;
    // With ECH the clear name may be a cover.
    if named == wanted || tls.ech || tls.cover || facts.via.contains(wanted) {
        return None;
    }
    let (wanted_rows, named_rows) = (rows_of(case.policy, wanted), rows_of(case.policy, named));
    let shared = |found: &Match| !found.broad && named_rows.iter().any(|m| m.row == found.row);
    if wanted_rows.iter().any(shared) {
        return None;
    }
    Some(format!(
        "The proxy was asked for {wanted}, but the hello inside the tunnel names {named}."
    ))
}

/// The client asked DNS for another name, was given this address, and its hello names a third party.
///
/// Addresses are shared, so this counts only where a row of the app itself is involved, the client was never told
/// this address for the name it uses, and nothing joins the two names.
fn answer_for_another(case: &Case) -> Option<String> {
    let facts = case.facts;
    let (name, asked) = (facts.name?, facts.asked?);
    let from_hello = matches!(facts.kind, EvidenceKind::Sni | EvidenceKind::Quic);
    if !from_hello || facts.is_proxied() || name == asked || facts.asked_itself {
        return None;
    }
    if facts.via.contains(asked) || is_private_link(asked) || is_chain_end(asked) {
        return None;
    }
    if name.is_below(asked.as_str()) || asked.is_below(name.as_str()) {
        return None;
    }
    let (by_name, by_asked) = (rows_of(case.policy, name), rows_of(case.policy, asked));
    let class = |found: &Match| &case.policy.row(found.row).class;
    if by_name
        .iter()
        .any(|found| by_asked.iter().any(|other| class(other) == class(found)))
    {
        return None;
    }
    let line = |found: &&Match| case.policy.row(found.row).line;
    let listed = |rows: &'_ [Match]| rows.first().copied().filter(|found| !found.broad);
    // Microsoft's own services stand for each other all the time, and suppliers share their addresses with many.
    let own = listed(&by_name)
        .filter(|found| line(&found) != Line::Purple)
        .or_else(|| listed(&by_asked).filter(|found| line(&found) == Line::Green))?;
    if case.policy.in_shared_ranges(own.row, facts.server.ip) {
        return None;
    }
    if any_covers(&case.policy.row(own.row).via, asked) {
        return None;
    }
    Some(format!(
        "DNS gave {} for {asked}, but the hello sent there names {name}.",
        facts.server.ip
    ))
}

fn is_chain_end(name: &Domain) -> bool {
    name.as_str().ends_with(EDGE_SUFFIX) || CHAIN_ENDS.iter().any(|suffix| name.is_below(suffix))
}

fn rows_of(policy: &Policy, name: &Domain) -> Matches {
    let mut rows = Matches::new();
    policy.matches(Some(name), None, &mut rows);
    rows
}
