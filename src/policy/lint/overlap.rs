//! `overlap`, `shadowed`, `covered`, `duplicate`: hosts and ranges that are listed more than once.
//!
//! Every host is looked up in one table of all hosts, every range in one of all ranges, so the work grows as the policy does, and
//! a host that ten thousand rows list makes ten thousand findings at most: each loser is told who wins.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::{Case, Code, Finding, Found, Listed, Standing, Weight, some};
use crate::policy::model::{Expectation, HostPattern, Prefix, Row};
use crate::policy::verdict::RowId;

pub(super) fn check(case: &Case, found: &mut Found) {
    let winners = Winners::of(case);
    for standing in case.rows() {
        let lost_hosts = hosts(case, &winners, &standing, found);
        let lost_ranges = ranges(case, &winners, &standing, found);
        within(&standing, found);
        if let Some(winner) = lost_hosts.and_then(|winner| lost_ranges.map(|other| winner.or(other)))
            && let Some(winner) = winner
        {
            found.add(shadowed(case, &standing, winner));
        }
    }
}

/// Who is primary for each host and each range that is listed: the least by listed before broad, line, number.
struct Winners<'a> {
    hosts: HashMap<&'a HostPattern, (Rank, RowId)>,
    ranges: HashMap<Prefix, (Rank, RowId)>,
}

type Rank = (bool, u8, RowId);

impl<'a> Winners<'a> {
    fn of(case: &Case<'a>) -> Winners<'a> {
        let mut winners = Winners {
            hosts: HashMap::new(),
            ranges: HashMap::new(),
        };
        for standing in case.rows() {
            let rank = |broad| (broad, standing.row.line.rank(), standing.id);
            for listed in standing.hosts() {
                let mine = (rank(listed.broad), standing.id);
                let best = winners.hosts.entry(listed.host).or_insert(mine);
                *best = mine.min(*best);
            }
            for range in &standing.row.addresses {
                let mine = (rank(false), standing.id);
                let best = winners.ranges.entry(*range).or_insert(mine);
                *best = mine.min(*best);
            }
        }
        winners
    }
}

/// Tells of the row's hosts that another row wins. Some(a winner) if it wins no host at all, Some(None) if it has none.
fn hosts(case: &Case, winners: &Winners, standing: &Standing, found: &mut Found) -> Option<Option<RowId>> {
    let mut lost = None;
    let mut wins = false;
    for listed in standing.hosts() {
        let Some(&(_, winner)) = winners.hosts.get(listed.host) else {
            continue;
        };
        if winner == standing.id {
            wins = true;
            continue;
        }
        lost = Some(winner);
        found.add(lost_host(case, standing, &listed, winner));
    }
    (!wins).then_some(lost)
}

fn lost_host(case: &Case, standing: &Standing, listed: &Listed, winner: RowId) -> Finding {
    let winner = case.policy().row(winner);
    let finding = standing.finding(Code::Overlap, standing.place_of(listed), listed.host);
    let why = reason(winner, standing.row, listed.broad);
    let means = format!("the row `{}` lists it too and wins ({why})", winner.id);
    match judges_alike(winner, standing.row) {
        true => finding.says(means, "keep it in one of the rows, unless both services need it"),
        false => finding
            .weighing(if listed.broad { Weight::Notice } else { Weight::Warning })
            .says(
                format!("{means}: flows are judged by that row's ports and TLS versions, never by this one's"),
                "keep it in one of the rows, or give both the same ports and versions",
            ),
    }
}

/// Why the first is ranked before the second.
fn reason(winner: &Row, loser: &Row, loser_is_broad: bool) -> &'static str {
    if loser_is_broad {
        "it is a broad host here"
    } else if winner.line.rank() < loser.line.rank() {
        "green goes before purple, and purple before the rest"
    } else {
        "it stands first in the file"
    }
}

fn judges_alike(a: &Row, b: &Row) -> bool {
    a.expect.tls == b.expect.tls && allows_all_of(&a.expect, &b.expect) && allows_all_of(&b.expect, &a.expect)
}

fn allows_all_of(wide: &Expectation, narrow: &Expectation) -> bool {
    let holds = |range: &_| wide.ports.contains(range);
    wide.ports.is_empty() || !narrow.ports.is_empty() && narrow.ports.iter().all(holds)
}

/// The same of its own ranges, several of one winner in one finding. Only where an address can lead to both rows is there a winner.
fn ranges(case: &Case, winners: &Winners, standing: &Standing, found: &mut Found) -> Option<Option<RowId>> {
    let mut lost: BTreeMap<RowId, Vec<usize>> = BTreeMap::new();
    let mut wins = false;
    for (index, range) in standing.row.addresses.iter().enumerate() {
        match winners.ranges.get(range) {
            Some(&(_, winner)) if winner != standing.id => lost.entry(winner).or_default().push(index),
            _ => wins = true,
        }
    }
    let mut winner_of_all = None;
    for (winner, indices) in lost {
        let row = case.policy().row(winner);
        // Between rows that differ in their ports the port decides.
        match allows_all_of(&row.expect, &standing.row.expect) {
            true => winner_of_all = Some(winner),
            false => wins = true,
        }
        let first = indices.first().copied().unwrap_or(0);
        let texts: Vec<&Prefix> = indices
            .iter()
            .filter_map(|&at| standing.row.addresses.get(at))
            .collect();
        let place = standing.places.item("addresses", first);
        found.add(standing.finding(Code::Overlap, place, some(texts.iter())).says(
            format!(
                "the row `{}` lists the same {}: a flow without a name falls to the row that lists its port, else to that one ({})",
                row.id,
                if texts.len() == 1 { "range" } else { "ranges" },
                reason(row, standing.row, false),
            ),
            "nothing, if both services are there; a firewall opens the range for the ports of both",
        ));
    }
    (!wins).then_some(winner_of_all)
}

fn shadowed(case: &Case, standing: &Standing, winner: RowId) -> Finding {
    let winner = &case.policy().row(winner).id;
    standing
        .finding(Code::Shadowed, standing.places.at, &standing.row.id)
        .says(
            format!("no flow is ever judged by this row: all that it lists is won by others, `{winner}` among them"),
            "remove it, or give it hosts of its own",
        )
}

/// What one row lists twice, or below a wildcard of its own.
fn within(standing: &Standing, found: &mut Found) {
    let mut own: HashMap<&HostPattern, bool> = HashMap::new();
    for listed in standing.hosts() {
        if let Some(broad) = own.insert(listed.host, listed.broad) {
            let also = if broad != listed.broad {
                "as a host and as a broad one"
            } else {
                "twice"
            };
            let finding = standing.finding(Code::Duplicate, standing.place_of(&listed), listed.host);
            found.add(finding.says(format!("the row lists it {also}"), "remove one of them"));
        }
    }
    for listed in standing.hosts().filter(|listed| !listed.broad) {
        let around = |(dot, _): (usize, &str)| {
            let suffix = HostPattern {
                name: listed.host.name.get(dot + 1..)?.into(),
                below: true,
            };
            (own.get(&suffix) == Some(&false)).then_some(suffix)
        };
        if let Some(around) = listed.host.name.match_indices('.').find_map(around) {
            let finding = standing.finding(Code::Covered, standing.place_of(&listed), listed.host);
            found.add(finding.says(
                format!("the row's `{around}` covers it already"),
                "remove it, or the wildcard if it is more than the service needs",
            ));
        }
    }
    ranges_within(standing, found);
}

fn ranges_within(standing: &Standing, found: &mut Found) {
    let mut order: Vec<(usize, &Prefix)> = standing.row.addresses.iter().enumerate().collect();
    order.sort_by_key(|(index, range)| (range.v6, range.first, Reverse(range.last()), *index));
    // Ranges that end before the next begins hold nothing more; of those that go on, the last begun is enough.
    let mut around: Option<&Prefix> = None;
    for (index, range) in order {
        match around.filter(|wide| wide.holds(range)) {
            Some(wide) => {
                let place = standing.places.item("addresses", index);
                let (code, means) = match wide == range {
                    true => (Code::Duplicate, "the row lists it twice".to_owned()),
                    false => (Code::Covered, format!("the row's {wide} holds it already")),
                };
                let finding = standing.finding(code, place, range);
                found.add(finding.says(
                    means,
                    "remove it, or the wider one if that is more than the service needs",
                ));
            }
            None => around = Some(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, findings, hosts, of_row, only, row, subjects};
    use super::*;

    #[test]
    fn a_host_of_two_rows_is_told_with_the_one_that_wins() {
        let found =
            findings(&(hosts("a", "\"graph.microsoft.com\"") + &hosts("b", "\"graph.microsoft.com\", \"b.example\"")));
        let finding = only(&found, Code::Overlap);
        assert_eq!(
            (finding.endpoint.as_deref(), finding.weight),
            (Some("b"), Weight::Notice)
        );
        assert!(
            finding.means.contains("`a` lists it too and wins (it stands first"),
            "{}",
            finding.means
        );
        assert!(!codes(&found).contains(&Code::Shadowed), "b.example is its own");

        let purple = row("a", "line = \"purple\"\nhosts = [\"x.example\"]\nports = [\"tcp/443\"]");
        let green = row(
            "b",
            "line = \"green\"\nhosts = [\"x.example\"]\nports = [\"tcp/443\", \"udp/443\"]",
        );
        let found = findings(&(purple + &green));
        let finding = only(&found, Code::Overlap);
        assert_eq!(
            (finding.endpoint.as_deref(), finding.weight),
            (Some("a"), Weight::Warning)
        );
        assert!(finding.means.contains("green goes before purple"));
        assert_eq!(only(&found, Code::Shadowed).endpoint.as_deref(), Some("a"));
        assert!(
            !codes(&findings(
                &(hosts("a", "\"*.a.example\"") + &hosts("b", "\"b.a.example\""))
            ))
            .contains(&Code::Overlap)
        );
    }

    #[test]
    fn ranges_are_won_by_port_first() {
        let web = row(
            "a",
            "addresses = [\"52.112.0.0/14\", \"52.122.0.0/15\"]\nports = [\"tcp/443\"]",
        );
        let media = row(
            "b",
            "addresses = [\"52.112.0.0/14\", \"52.122.0.0/15\"]\nports = [\"udp/3478-3481\"]",
        );
        let found = findings(&(web.clone() + &media));
        assert_eq!(only(&found, Code::Overlap).subject, "52.112.0.0/14, 52.122.0.0/15");
        assert!(!codes(&found).contains(&Code::Shadowed));
        let same = findings(&(web.clone() + &web.replace("id = \"a\"", "id = \"b\"")));
        assert_eq!(only(&same, Code::Shadowed).endpoint.as_deref(), Some("b"));
    }

    #[test]
    fn what_a_row_says_twice_is_told() {
        let found = of_row(
            "hosts = [\"*.x.example\", \"a.x.example\", \"*.b.x.example\", \"x.example\", \"x.example\"]\nbroad = [\"x.example\"]",
        );
        assert_eq!(subjects(&found, Code::Covered), ["a.x.example", "*.b.x.example"]);
        assert_eq!(subjects(&found, Code::Duplicate), ["x.example", "x.example"]);
        let found = of_row(
            "addresses = [\"52.113.0.0/16\", \"52.112.0.0/14\", \"52.112.0.0/14\", \"52.116.0.0/16\", \"2603:1063::/38\"]",
        );
        assert_eq!(subjects(&found, Code::Covered), ["52.113.0.0/16"]);
        assert_eq!(subjects(&found, Code::Duplicate), ["52.112.0.0/14"]);
    }

    #[test]
    fn a_host_that_thousands_of_rows_list_costs_no_square() {
        let text: String = (0..20_000)
            .map(|n| row(&format!("r{n}"), "hosts = [\"same.example\"]"))
            .collect();
        let found = findings(&text);
        assert_eq!(
            found.more.get(&Code::Shadowed),
            Some(&(19_999 - super::super::KEPT_OF_A_CODE))
        );
    }
}
