//! `apex`, `wildcard-meaning`: what `*.` means here, and what it means elsewhere.

use std::collections::HashSet;

use super::{Case, Code, Finding, Found, Standing, is_covered, some};
use crate::policy::model::{HostPattern, Line};

pub(super) fn check(case: &Case, found: &mut Found) {
    let mut wildcards = 0usize;
    let mut first = None;
    for standing in case.rows_in_force() {
        apex(case, &standing, found);
        for listed in standing.hosts().filter(|listed| listed.host.below) {
            let place = standing.place_of(&listed);
            if case.loaded.places.is_own(place) {
                wildcards += 1;
                first.get_or_insert((place, listed.host));
            }
        }
    }
    if let Some((place, host)) = first {
        found.add(meaning(host, wildcards).at(place));
    }
}

/// Wildcards whose own name is in no row: one finding a row.
fn apex(case: &Case, standing: &Standing, found: &mut Found) {
    // Nobody opens a firewall for what runs inside the platform.
    if standing.row.line == Line::Orange {
        return;
    }
    let mut seen = HashSet::new();
    let lacking: Vec<_> = standing
        .hosts()
        .filter(|listed| listed.host.below && !listed.broad && seen.insert(listed.host))
        .filter(|listed| {
            let apex = HostPattern {
                name: listed.host.name.clone(),
                below: false,
            };
            !is_covered(case.policy(), &apex, case.as_of)
        })
        .collect();
    let Some(place) = lacking.first().map(|listed| standing.place_of(listed)) else {
        return;
    };
    let names = some(lacking.iter().map(|listed| format!("`{}`", listed.host.name)));
    let hosts = some(lacking.iter().map(|listed| listed.host));
    let finding = standing.finding(Code::Apex, place, hosts);
    found.add(finding.says(
        format!("a wildcard does not cover the name behind it; in no row: {names}"),
        "list the name too if it is used; to Squid's `.x` and to some firewalls it is covered all the same",
    ));
}

fn meaning(host: &HostPattern, wildcards: usize) -> Finding {
    let name = &host.name;
    let how_many = match wildcards {
        1 => "the wildcard".to_owned(),
        n => format!("each of {n} wildcards"),
    };
    Finding::of_policy(Code::WildcardMeaning, Default::default(), host).says(
        format!(
            "{how_many} is read as Microsoft's lists and most firewalls read it: `{host}` is every name below `{name}` at any depth, \
             without `{name}`. In a certificate it is one label only; Squid's `.{name}` and dnsmasq's take `{name}` in; Envoy takes any \
             depth but only at the front; in Palo Alto's URL lists `*` is a label or more and wants a `/` behind the host",
        ),
        "write each product's own spelling, not this one's",
    )
}

impl Finding {
    fn at(self, place: crate::policy::load::Place) -> Finding {
        Finding { place, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, findings, hosts, of_row, only, row};
    use super::*;

    #[test]
    fn a_wildcard_without_its_apex_is_told_once_a_row() {
        let found = of_row("hosts = [\"*.intercom.io\", \"*.intercom.com\", \"intercom.com\", \"*.a.intercom.com\"]");
        let finding = only(&found, Code::Apex);
        assert_eq!(finding.subject, "*.intercom.io");
        assert!(finding.means.contains("`intercom.io`"), "{}", finding.means);
        assert!(
            !codes(&findings(
                &(hosts("a", "\"*.x.example\"") + &hosts("b", "\"x.example\""))
            ))
            .contains(&Code::Apex)
        );
        assert!(!codes(&of_row("line = \"orange\"\nhosts = [\"*.x.example\"]")).contains(&Code::Apex));
    }

    #[test]
    fn what_a_wildcard_means_is_said_once() {
        let found = findings(&(hosts("a", "\"x.example\", \"*.x.example\"") + &row("b", "hosts = [\"*.y.example\"]")));
        let finding = only(&found, Code::WildcardMeaning);
        assert!(finding.means.starts_with("each of 2 wildcards"), "{}", finding.means);
        assert_eq!((finding.place.line, finding.subject.as_str()), (4, "*.x.example"));
        assert!(!codes(&of_row("hosts = [\"x.example\"]")).contains(&Code::WildcardMeaning));
    }
}
