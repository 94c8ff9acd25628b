//! `public-suffix`, `broad-host`, `shared-host`, `broad-range`: what lets far more through than the service.

use super::known::{SECOND_LEVEL, SHARED, VENDORS};
use super::{Case, Code, Finding, Found, Listed, Standing, Weight};
use crate::policy::model::{Line, Prefix};

/// Ranges as long as this or shorter hold a good part of the Internet.
const BROAD_V4: u8 = 8;
const BROAD_V6: u8 = 19;

pub(super) fn check(case: &Case, found: &mut Found) {
    for standing in case.rows_in_force() {
        for listed in standing.hosts().filter(|listed| listed.host.below) {
            if let Some(finding) = of_host(&standing, &listed) {
                found.add(finding);
            }
        }
        for (index, range) in standing.row.addresses.iter().enumerate() {
            if range.length <= if range.v6 { BROAD_V6 } else { BROAD_V4 } {
                found.add(of_range(&standing, index, range));
            }
        }
    }
}

/// A row inside the platform opens no firewall, and who calls a host broad knows it.
fn is_known_to_be(standing: &Standing, listed: &Listed) -> bool {
    listed.broad || standing.row.line == Line::Orange
}

fn of_host(standing: &Standing, listed: &Listed) -> Option<Finding> {
    let host = listed.host;
    let name = &*host.name;
    let (code, means, remedy) = if !name.contains('.') || SECOND_LEVEL.contains(&name) {
        let means = format!("every name that anybody registers under `{name}` is let through");
        (Code::PublicSuffix, means, "list the names that the service uses")
    } else if VENDORS.contains(&name) {
        let means = format!("all that `{name}` runs is let through, of which the service is a small part");
        (
            Code::BroadHost,
            means,
            "list the detailed hosts, and this one at most under `broad`",
        )
    } else if SHARED.contains(&name) {
        let means = format!("anybody can have a name below `{name}`, so that data can be sent to anyone there");
        (Code::SharedHost, means, "list the service's own names below it")
    } else {
        return None;
    };
    let finding = standing.finding(code, standing.place_of(listed), host);
    let finding = match is_known_to_be(standing, listed) {
        true => finding.weighing(Weight::Notice),
        false => finding,
    };
    let remedy = match listed.broad {
        true => "keep it out of the firewall's list: it is here to name flows, each with the flag `broad`",
        false => remedy,
    };
    Some(finding.says(means, remedy))
}

fn of_range(standing: &Standing, index: usize, range: &Prefix) -> Finding {
    let place = standing.places.item("addresses", index);
    let finding = standing.finding(Code::BroadRange, place, range);
    match range.length {
        0 => finding.weighing(Weight::Error).says(
            "every address there is lies in it, so that the row lets everything through",
            "leave `addresses` out if any address will do, or list the service's ranges",
        ),
        _ => finding.says(
            "it holds a good part of the Internet, most of it not the service's",
            "list the ranges that the service publishes",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, of_row, only};
    use super::*;

    #[test]
    fn hosts_far_wider_than_a_service_are_told_by_what_they_are() {
        for (host, code) in [
            ("*.windows.net", Code::BroadHost),
            ("*.microsoft.com", Code::BroadHost),
            ("*.visualstudio.com", Code::BroadHost),
            ("*.msecnd.net", Code::SharedHost),
            ("*.blob.core.windows.net", Code::SharedHost),
            ("*.com", Code::PublicSuffix),
            ("*.co.uk", Code::PublicSuffix),
        ] {
            let found = of_row(&format!("hosts = [\"{host}\"]"));
            let finding = only(&found, code);
            assert_eq!(finding.subject, host);
            assert!(finding.weight > Weight::Notice);
            assert!(found.weigh());
        }
        let fine =
            of_row("hosts = [\"*.salestim.io\", \"graph.microsoft.com\", \"*.x.blob.core.windows.net\", \"com\"]");
        for code in [Code::BroadHost, Code::SharedHost, Code::PublicSuffix] {
            assert!(!codes(&fine).contains(&code), "{fine:?}");
        }
    }

    #[test]
    fn who_calls_a_host_broad_knows_it() {
        let found = of_row("hosts = [\"a.windows.net\"]\nbroad = [\"*.windows.net\"]");
        assert_eq!(only(&found, Code::BroadHost).weight, Weight::Notice);
        let found = of_row("line = \"orange\"\nhosts = [\"*.vault.azure.net\"]");
        assert_eq!(only(&found, Code::SharedHost).weight, Weight::Notice);
    }

    #[test]
    fn ranges_as_wide_as_the_internet_are_told() {
        let found = of_row("addresses = [\"0.0.0.0/0\"]");
        assert_eq!(only(&found, Code::BroadRange).weight, Weight::Error);
        assert_eq!(
            only(&of_row("addresses = [\"52.0.0.0/8\"]"), Code::BroadRange).weight,
            Weight::Warning
        );
        only(&of_row("addresses = [\"2600::/12\"]"), Code::BroadRange);
        assert!(!codes(&of_row("addresses = [\"52.112.0.0/14\", \"2603:1063::/38\"]")).contains(&Code::BroadRange));
    }
}
