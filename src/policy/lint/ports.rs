//! `quic`, `media-ports`, `port-gap`, `revocation`, `any-port`, `wide-ports`: ports too few, and ports too many.

use std::collections::HashMap;

use super::known::MEDIA_RANGES;
use super::{Case, Code, Found, Standing, some};
use crate::policy::builtin;
use crate::policy::compile::Policy;
use crate::policy::load::load;
use crate::policy::model::{HostPattern, Line, PortRange, Prefix, Row, TCP, TlsRule, UDP};

/// Ports of Teams' media relays, one each for STUN, audio, video and sharing.
const MEDIA: (u16, u16) = (3478, 3481);
/// More than this in one range is no service's.
const WIDE: u16 = 1000;

pub(super) fn check(case: &Case, found: &mut Found) {
    let known = load(
        builtin::policy(builtin::DEFAULT).unwrap_or(""),
        builtin::DEFAULT,
        &mut |_| Err(String::new()),
    );
    let known = known
        .ok()
        .filter(|known| known.policy.sha256() != case.policy().sha256());
    let known = known.as_ref().map(|known| by_host(&known.policy)).unwrap_or_default();
    // Where no row at all lists the media ports, those who list media's addresses have forgotten them.
    let forgotten = !case
        .rows_in_force()
        .any(|standing| standing.row.expect.allows_port(UDP, MEDIA.0));
    let media_ranges: Vec<Prefix> = MEDIA_RANGES
        .iter()
        .filter(|_| forgotten)
        .filter_map(|text| Prefix::parse(text))
        .collect();
    for standing in case.rows_in_force() {
        if standing.row.line == Line::Orange {
            continue;
        }
        too_many(&standing, found);
        if standing.row.expect.ports.is_empty() {
            continue;
        }
        quic(&standing, found);
        media(&standing, found);
        no_media(&standing, &media_ranges, found);
        revocation(&standing, found);
        gap(&standing, &known, found);
    }
}

fn too_many(standing: &Standing, found: &mut Found) {
    let place = standing.places.key("ports");
    let ports = &standing.row.expect.ports;
    if ports.is_empty() {
        found.add(standing.finding(Code::AnyPort, place, "ports").says(
            "no port is listed, which means every port of every protocol",
            "list the ports, such as \"tcp/443\"",
        ));
    }
    for (index, range) in ports
        .iter()
        .enumerate()
        .filter(|(_, range)| range.last - range.first >= WIDE)
    {
        let place = standing.places.item("ports", index);
        found.add(standing.finding(Code::WidePorts, place, range).says(
            format!(
                "{} ports are open where a service needs a few",
                u32::from(range.last - range.first) + 1
            ),
            "list those that the service uses",
        ));
    }
}

fn quic(standing: &Standing, found: &mut Found) {
    let expect = &standing.row.expect;
    if expect.lists_port(TCP, 443) && !expect.lists_port(UDP, 443) {
        found.add(standing.finding(Code::Quic, standing.places.key("ports"), "udp/443").says(
            "tcp/443 without udp/443: a client that tries QUIC first is kept waiting, then comes by TCP, and each try is flagged `port`",
            "list \"udp/443\" too where the service offers HTTP/3; else refuse it in the firewall, with an answer, not silently",
        ));
    }
}

/// Some of the media ports, but not all.
fn media(standing: &Standing, found: &mut Found) {
    let expect = &standing.row.expect;
    let lacking: Vec<PortRange> = (MEDIA.0..=MEDIA.1)
        .filter(|&port| !expect.lists_port(UDP, port))
        .map(|port| PortRange {
            protocol: UDP,
            first: port,
            last: port,
        })
        .collect();
    if lacking.is_empty() || lacking.len() > usize::from(MEDIA.1 - MEDIA.0) {
        return;
    }
    let place = standing.places.key("ports");
    found.add(standing.finding(Code::MediaPorts, place, some(lacking.iter())).says(
        "Teams' media take udp/3478 to 3481, a port each for STUN, sound, pictures and sharing; what is not open falls back to TCP, degraded",
        "list \"udp/3478-3481\"",
    ));
}

/// Media's addresses without media's ports.
fn no_media(standing: &Standing, media: &[Prefix], found: &mut Found) {
    let is_media = |(_, range): &(usize, &Prefix)| media.iter().any(|known| known.holds(range));
    let Some((index, range)) = standing.row.addresses.iter().enumerate().find(is_media) else {
        return;
    };
    let place = standing.places.item("addresses", index);
    found.add(standing.finding(Code::MediaPorts, place, range).says(
        "Teams' media go there by UDP, and no row lists udp/3478 to 3481: calls fall back to TCP, degraded",
        "add a row for these ranges with \"udp/3478-3481\", or list the ports here",
    ));
}

/// Certificates are revoked over plain HTTP.
fn revocation(standing: &Standing, found: &mut Found) {
    if standing.row.expect.lists_port(TCP, 80) {
        return;
    }
    let listed = standing.hosts().find(|listed| is_about_revocation(listed.host));
    if let Some(listed) = listed {
        found.add(standing.finding(Code::Revocation, standing.place_of(&listed), listed.host).says(
            "lists of revoked certificates and OCSP are fetched over plain HTTP; without tcp/80 clients wait for them, or go on unchecked",
            "list \"tcp/80\", in a row of its own where the others want none",
        ));
    }
}

fn is_about_revocation(host: &HostPattern) -> bool {
    let word = |label: &str| {
        let letters = label.trim_end_matches(|c: char| c.is_ascii_digit());
        matches!(letters, "crl" | "mscrl" | "ocsp" | "oneocsp")
            || letters.starts_with("ocsp-")
            || letters.starts_with("crl-")
    };
    host.name.split('.').any(word)
}

/// The rows that list a host.
type ByHost<'a> = HashMap<&'a HostPattern, Vec<&'a Row>>;

fn by_host(policy: &Policy) -> ByHost<'_> {
    let mut all = ByHost::new();
    for (_, row) in policy.rows() {
        for host in &row.hosts {
            all.entry(host).or_default().push(row);
        }
    }
    all
}

/// Hosts of Microsoft's own lists whose ports are not all here.
fn gap(standing: &Standing, known: &ByHost, found: &mut Found) {
    let expect = &standing.row.expect;
    for listed in standing.hosts().filter(|listed| !listed.broad) {
        let mut lacking: Vec<PortRange> = Vec::new();
        let mut tls13 = false;
        let mut is_green = false;
        for row in known.get(listed.host).into_iter().flatten() {
            is_green |= row.line == Line::Green;
            if row.line != Line::Purple {
                continue;
            }
            let missing = |range: &&PortRange| {
                !expect.lists_port(range.protocol, range.first) || !expect.lists_port(range.protocol, range.last)
            };
            lacking.extend(row.expect.ports.iter().filter(missing));
            tls13 |= matches!(&row.expect.tls, TlsRule::Versions(versions) if versions.len() > 1);
        }
        // The app's own rows say what the app needs.
        if lacking.is_empty() || is_green {
            continue;
        }
        lacking.sort_by_key(|range| (range.protocol, range.first));
        lacking.dedup();
        let versions = match tls13 && !standing.allows_newest() {
            true => ", and TLS 1.3",
            false => "",
        };
        found.add(
            standing
                .finding(Code::PortGap, standing.place_of(&listed), listed.host)
                .says(
                    format!(
                        "Microsoft's own list asks for {} here too{versions}",
                        some(lacking.iter())
                    ),
                    "add the ports to this row, or say that the host is judged by this row alone",
                ),
        );
    }
}

impl Standing<'_> {
    fn allows_newest(&self) -> bool {
        match &self.row.expect.tls {
            TlsRule::Versions(versions) => versions.contains(&crate::evidence::model::TlsVersion::TLS13),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, findings, of_row, only, row};
    use super::*;

    fn with(hosts: &str, ports: &str) -> super::super::Findings {
        of_row(&format!("hosts = [{hosts}]\nports = [{ports}]\ntls = [\"1.2\"]"))
    }

    #[test]
    fn quic_is_missed_beside_tcp() {
        only(&with("\"a.example\"", "\"tcp/443\""), Code::Quic);
        assert!(!codes(&with("\"a.example\"", "\"tcp/443\", \"udp/443\"")).contains(&Code::Quic));
        assert!(!codes(&with("\"a.example\"", "\"tcp/25\"")).contains(&Code::Quic));
    }

    #[test]
    fn media_ports_come_together() {
        let finding = with("\"a.example\"", "\"udp/3478-3479\"");
        assert_eq!(only(&finding, Code::MediaPorts).subject, "udp/3480, udp/3481");
        assert!(!codes(&with("\"a.example\"", "\"udp/3478-3481\"")).contains(&Code::MediaPorts));
        assert!(!codes(&with("\"a.example\"", "\"udp/443\"")).contains(&Code::MediaPorts));
        let web = row("a", "addresses = [\"52.112.0.0/14\"]\nports = [\"tcp/443\"]");
        assert_eq!(only(&findings(&web), Code::MediaPorts).subject, "52.112.0.0/14");
        let media = row("b", "addresses = [\"52.112.0.0/14\"]\nports = [\"udp/3478-3481\"]");
        assert!(!codes(&findings(&(web + &media))).contains(&Code::MediaPorts));
    }

    #[test]
    fn too_many_ports_are_told() {
        only(&of_row("hosts = [\"a.example\"]"), Code::AnyPort);
        only(&with("\"a.example\"", "\"tcp/1024-65535\""), Code::WidePorts);
        let fine = codes(&with("\"a.example\"", "\"tcp/443\""));
        assert!(!fine.contains(&Code::AnyPort) && !fine.contains(&Code::WidePorts));
    }

    #[test]
    fn revocation_needs_plain_http() {
        only(&with("\"ocsp.digicert.com\"", "\"tcp/443\""), Code::Revocation);
        only(&with("\"crl3.digicert.com\"", "\"tcp/443\""), Code::Revocation);
        for (hosts, ports) in [
            ("\"ocsp.digicert.com\"", "\"tcp/443\", \"tcp/80\""),
            ("\"crlfashion.example\"", "\"tcp/443\""),
        ] {
            assert!(!codes(&with(hosts, ports)).contains(&Code::Revocation));
        }
    }

    #[test]
    fn a_page_that_says_443_for_all_of_teams_is_contradicted() {
        let found = with("\"*.teams.microsoft.com\"", "\"tcp/443\"");
        let finding = only(&found, Code::PortGap);
        assert!(
            finding.means.contains("udp/443") && finding.means.contains("TLS 1.3"),
            "{}",
            finding.means
        );
        assert!(!codes(&with("\"graph.microsoft.com\"", "\"tcp/443\"")).contains(&Code::PortGap));
    }
}
