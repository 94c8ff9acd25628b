//! `via`, `shared-tag`, `special-range`: the way to a service, and addresses that prove nothing or lead nowhere.

use super::known::{FRONT_DOOR_CHAINS, SPECIAL_RANGES};
use super::{Case, Code, Found, Standing, Weight};
use crate::names::domain::Domain;
use crate::policy::model::{HostPattern, Prefix};

const FRONT_DOOR: &str = "AzureFrontDoor.";

pub(super) fn check(case: &Case, found: &mut Found) {
    let chain: Vec<Domain> = FRONT_DOOR_CHAINS
        .iter()
        .map(|name| Domain::from_text(name.as_bytes()))
        .collect();
    let specials: Vec<Special> = SPECIAL_RANGES
        .iter()
        .filter_map(|(text, what, is_for_labs)| Some((Prefix::parse(text)?, *what, *is_for_labs)))
        .collect();
    for standing in case.rows_in_force() {
        via(&standing, &chain, found);
        tags(&standing, found);
        special(&standing, &specials, found);
    }
}

type Special = (Prefix, &'static str, bool);

fn via(standing: &Standing, chain: &[Domain], found: &mut Found) {
    let row = standing.row;
    let passes = |pattern: &HostPattern| chain.iter().any(|name| pattern.covers(name));
    let by_front_door = row.tags.iter().any(|tag| tag.starts_with(FRONT_DOOR));
    if by_front_door && !row.via.is_empty() && !row.via.iter().any(passes) {
        let finding = standing.finding(Code::Via, standing.places.key("via"), &row.id);
        found.add(finding.says(
            "the row's addresses are Front Door's, but no DNS chain to Front Door passes any of its `via`: every flow is flagged `rerouted`",
            "list \"*.azurefd.net\", \"*.trafficmanager.net\" and \"*.t-msedge.net\" among them",
        ));
    }
    for (index, pattern) in row.via.iter().enumerate() {
        let place = standing.places.item("via", index);
        // A chain goes through names below these, never through these.
        let is_apex = !pattern.below
            && FRONT_DOOR_CHAINS
                .iter()
                .any(|name| name.split_once('.').is_some_and(|(_, rest)| rest == &*pattern.name));
        if is_apex {
            found.add(standing.finding(Code::Via, place, pattern).says(
                format!("chains pass names below `{pattern}`, never that name itself, so that it never fits"),
                format!("write \"*.{pattern}\""),
            ));
        } else if row.hosts.contains(pattern) {
            found.add(standing.finding(Code::Via, place, pattern).says(
                "the row's own host is no link of the chain behind it, so that it never fits by itself",
                "list the names that its CNAME leads to",
            ));
        }
    }
}

fn tags(standing: &Standing, found: &mut Found) {
    let row = standing.row;
    for (index, tag) in row.tags.iter().enumerate().filter(|_| row.via.is_empty()) {
        let place = standing.places.item("tags", index);
        found.add(standing.finding(Code::SharedTag, place, format_args!("@{tag}")).says(
            "others' services are behind the same addresses: opened by address the firewall lets those through too, and an address inside \
             the tag proves nothing",
            "open it by name, and list under `via` the chain that leads there, so that a detour is seen",
        ));
    }
}

fn special(standing: &Standing, specials: &[Special], found: &mut Found) {
    for (index, range) in standing.row.addresses.iter().enumerate() {
        let Some((_, what, is_for_labs)) = specials.iter().find(|(special, ..)| special.holds(range)) else {
            continue;
        };
        let place = standing.places.item("addresses", index);
        let finding = standing.finding(Code::SpecialRange, place, range);
        found.add(match is_for_labs {
            true => finding
                .weighing(Weight::Notice)
                .says(format!("the range is {what}; nothing in the Internet has it"), "use it in labs only"),
            false => finding.says(
                format!("the range is {what}: a service in a cloud cannot be there, and a DNS answer that says so is a sinkhole's"),
                "remove it, unless the row is about the organisation's own network",
            ),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, of_row, only, subjects};
    use super::*;

    #[test]
    fn a_via_that_no_chain_passes_is_told() {
        let tag = "hosts = [\"*.a.example\"]\naddresses = [\"@AzureFrontDoor.Frontend\"]\n";
        let with = |via: &str| of_row(&format!("{tag}via = [{via}]"));
        let found = with("\"*.cloudfront.net\"");
        assert!(only(&found, Code::Via).means.contains("rerouted"));
        assert!(!codes(&with("\"*.cloudfront.net\", \"*.azurefd.net\"")).contains(&Code::Via));
        let apex = with("\"azurefd.net\", \"*.azurefd.net\"");
        assert_eq!(only(&apex, Code::Via).remedy, "write \"*.azurefd.net\"");
        assert_eq!(
            subjects(&with("\"*.azurefd.net\", \"*.a.example\""), Code::Via),
            ["*.a.example"]
        );
        // Elsewhere than behind Front Door any chain may be right.
        assert!(!codes(&of_row("hosts = [\"b.example\"]\nvia = [\"*.cloudfront.net\"]")).contains(&Code::Via));
        only(&of_row(tag), Code::SharedTag);
        assert!(!codes(&with("\"*.azurefd.net\"")).contains(&Code::SharedTag));
    }

    #[test]
    fn addresses_that_lead_nowhere_are_told() {
        let found =
            of_row("addresses = [\"10.1.0.0/16\", \"198.18.0.0/16\", \"fd00::/8\", \"52.112.0.0/14\", \"0.0.0.0/0\"]");
        let specials: Vec<_> = found.kept.iter().filter(|f| f.code == Code::SpecialRange).collect();
        let told: Vec<_> = specials.iter().map(|f| (f.subject.as_str(), f.weight)).collect();
        assert_eq!(
            told,
            [
                ("10.1.0.0/16", Weight::Warning),
                ("198.18.0.0/16", Weight::Notice),
                ("fd00::/8", Weight::Warning)
            ]
        );
    }
}
