//! `stale`, `undated`, `retired`, `retired-host`, `retired-range`, `no-successor`, `not-yet`: what time has done to a policy.

use super::known::{GONE_HOSTS, GONE_RANGES, MEDIA_RANGES};
use super::{Case, Code, Finding, Found, Standing, Weight, is_covered};
use crate::policy::model::{HostPattern, PortRange, Prefix, Status, UDP};

pub(super) fn check(case: &Case, found: &mut Found) {
    age(case, found);
    for standing in case.rows() {
        row(case, &standing, found);
        hosts(case, &standing, found);
        ranges(case, &standing, found);
    }
}

fn age(case: &Case, found: &mut Found) {
    let header = case.policy().header();
    let place = case.loaded.places.header();
    let (Some(date), Some(days)) = (header.date, header.review_days) else {
        let missing = match header.date {
            None => "date",
            Some(_) => "review_days",
        };
        found.add(Finding::of_policy(Code::Undated, place, missing).says(
            "nothing tells when the policy is too old to be believed",
            "write `date`, as of when it holds, and `review_days`, after how many days to look again (90 is a quarter)",
        ));
        return;
    };
    let age = case.as_of.days() - date.days();
    if age > i64::from(days) {
        found.add(Finding::of_policy(Code::Stale, place, date).says(
            format!(
                "the policy holds as of {date} and was to be reviewed after {days} days; that was {} days ago",
                age - i64::from(days)
            ),
            "compare it with what its sources say today, then set `date`",
        ));
    }
    if age < 0 {
        found.add(Finding::of_policy(Code::NotYet, place, date).says(
            format!("the policy holds as of {date}, which is yet to come"),
            "correct the date, or wait",
        ));
    }
}

fn row(case: &Case, standing: &Standing, found: &mut Found) {
    let row = standing.row;
    if let Some(since) = row.since.filter(|since| *since > case.as_of) {
        let finding = standing.finding(Code::NotYet, standing.places.key("since"), since);
        found.add(finding.says(
            format!("the row holds from {since} on, which is yet to come"),
            "correct the date, or open the firewall then",
        ));
    }
    if !row.is_over(case.as_of) {
        return;
    }
    let finding = |code| standing.finding(code, standing.places.key("status"), &row.id);
    let when = row.until.map(|until| format!(" since {until}")).unwrap_or_default();
    let retired = finding(Code::Retired).says(
        format!("the row is over{when}: a firewall need not let it through, and flows to it are flagged"),
        "close it in the firewall, and remove the row when no flow of it is seen any more",
    );
    found.add(match row.status {
        Status::Retired => retired,
        status => Finding {
            means: format!("{}, though its status is {}", retired.means, status.as_str()),
            ..retired.weighing(Weight::Warning)
        },
    });
    let Some(successor) = &row.replaced_by else {
        return;
    };
    if let Some(host) = as_host(successor)
        && !is_covered(case.policy(), &host, case.as_of)
    {
        found.add(
            standing
                .finding(Code::NoSuccessor, standing.places.key("replaced_by"), &host)
                .says(
                    format!(
                        "`{host}` takes the row's place and is in no row: a firewall made of this policy blocks it"
                    ),
                    format!("add `{host}` to a row"),
                ),
        );
    }
}

/// Hosts that are gone, in a row that does not know it.
fn hosts(case: &Case, standing: &Standing, found: &mut Found) {
    if standing.row.is_over(case.as_of) {
        return;
    }
    for listed in standing.hosts().filter(|listed| !listed.host.below) {
        let Some(gone) = GONE_HOSTS.iter().find(|gone| *gone.host == *listed.host.name) else {
            continue;
        };
        if gone.since > case.as_of {
            continue;
        }
        let successor = gone.successor;
        let lacking = match as_host(successor).is_some_and(|host| is_covered(case.policy(), &host, case.as_of)) {
            true => "which is listed",
            false => "which is in no row",
        };
        found.add(standing.finding(Code::RetiredHost, standing.place_of(&listed), listed.host).says(
            format!("{}: it is gone since {}, and `{successor}` takes its place, {lacking}", gone.why, gone.since),
            format!("give the row status = \"retired\", until = {}, replaced_by = \"{successor}\", and list `{successor}`", gone.since),
        ));
    }
}

/// Ranges that have another owner by now, or none.
fn ranges(case: &Case, standing: &Standing, found: &mut Found) {
    const MEDIA: u16 = 3478;
    if standing.row.is_over(case.as_of) || standing.row.addresses.is_empty() {
        return;
    }
    let media = |ports: &PortRange| ports.contains(UDP, MEDIA);
    let is_media = standing.row.expect.ports.iter().any(media);
    let is_current = |range: &Prefix| {
        MEDIA_RANGES
            .iter()
            .filter_map(|text| Prefix::parse(text))
            .any(|known| known.holds(range))
    };
    for (text, why) in GONE_RANGES {
        let Some(gone) = Prefix::parse(text) else { continue };
        let is_meant = |range: &Prefix| *range == gone || is_media && gone.holds(range) && !is_current(range);
        for (index, range) in standing
            .row
            .addresses
            .iter()
            .enumerate()
            .filter(|(_, range)| is_meant(range))
        {
            let place = standing.places.item("addresses", index);
            found.add(standing.finding(Code::RetiredRange, place, range).says(
                format!("{why}: a firewall opens it for others"),
                "remove it, and take the ranges that the vendor publishes today",
            ));
        }
    }
}

/// What `replaced_by` says, where it is a host.
fn as_host(text: &str) -> Option<HostPattern> {
    let name = text.trim().to_ascii_lowercase();
    let (below, name) = match name.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, name.as_str()),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_host = name.contains('.') && name.chars().all(fits);
    is_host.then(|| HostPattern {
        name: name.into(),
        below,
    })
}

#[cfg(test)]
mod tests {
    use super::super::lint;
    use super::super::testing::{TODAY, codes, findings, hosts, loaded, of_row, only, row};
    use super::*;
    use crate::policy::model::Date;

    #[test]
    fn a_policy_is_stale_when_its_review_is_overdue() {
        let text = "[policy]\ndate = 2025-11-03\nreview_days = 90\n";
        assert!(!codes(&findings(text)).contains(&Code::Stale), "the last day");
        let tomorrow = Date::of_days(TODAY.days() + 1);
        let found = lint(&loaded(text), tomorrow);
        let stale = only(&found, Code::Stale);
        assert!(stale.means.contains("that was 1 days ago"), "{}", stale.means);
        assert_eq!(stale.place.line, 1);
        only(&findings("[policy]\ndate = 2025-11-03\n"), Code::Undated);
        only(
            &findings("[policy]\ndate = 2027-01-01\nreview_days = 1\n"),
            Code::NotYet,
        );
    }

    #[test]
    fn a_retired_row_is_told_and_its_successor_looked_for() {
        let retired =
            "hosts = [\"old.example\"]\nstatus = \"retired\"\nuntil = 2025-01-15\nreplaced_by = \"new.example\"";
        let alone = of_row(retired);
        assert_eq!(only(&alone, Code::Retired).weight, Weight::Notice);
        assert_eq!(only(&alone, Code::NoSuccessor).subject, "new.example");
        let with = findings(&(row("a", retired) + &hosts("b", "\"new.example\"")));
        assert!(!codes(&with).contains(&Code::NoSuccessor));
        // A row that is over is no home for a successor.
        let over = findings(&(row("a", retired) + &row("b", "hosts = [\"new.example\"]\nstatus = \"retired\"")));
        assert!(codes(&over).contains(&Code::NoSuccessor));
        // Its last day has passed, but nobody said so.
        let forgotten = of_row("hosts = [\"old.example\"]\nuntil = 2026-01-31");
        assert_eq!(only(&forgotten, Code::Retired).weight, Weight::Warning);
        let later = of_row("hosts = [\"old.example\"]\nuntil = 2026-02-02");
        assert!(!codes(&later).contains(&Code::Retired));
        only(&of_row("hosts = [\"old.example\"]\nsince = 2026-02-02"), Code::NotYet);
    }

    #[test]
    fn hosts_known_to_be_gone_are_told_with_their_successor() {
        let found = of_row("hosts = [\"az416426.vo.msecnd.net\"]");
        let finding = only(&found, Code::RetiredHost);
        assert!(finding.means.contains("js.monitor.azure.com"), "{}", finding.means);
        assert!(finding.means.contains("in no row"));
        let found = of_row("hosts = [\"az416426.vo.msecnd.net\", \"js.monitor.azure.com\"]");
        assert!(only(&found, Code::RetiredHost).means.contains("which is listed"));
        let knows = of_row("hosts = [\"az416426.vo.msecnd.net\"]\nstatus = \"retired\"");
        assert!(!codes(&knows).contains(&Code::RetiredHost));
        let before = lint(
            &loaded(&hosts("a", "\"az416426.vo.msecnd.net\"")),
            Date::parse("2025-01-14").unwrap(),
        );
        assert!(!codes(&before).contains(&Code::RetiredHost));
    }

    #[test]
    fn ranges_known_to_have_moved_are_told() {
        let found = of_row("addresses = [\"13.107.64.0/18\", \"52.112.0.0/14\", \"52.120.0.0/14\"]");
        let moved: Vec<_> = found.kept.iter().filter(|f| f.code == Code::RetiredRange).collect();
        assert_eq!(moved.len(), 2);
        assert_eq!(moved[0].subject, "13.107.64.0/18");
        let inside = of_row("addresses = [\"52.121.0.0/16\"]\nports = [\"udp/3478-3481\"]");
        only(&inside, Code::RetiredRange);
        let current = of_row("addresses = [\"52.122.0.0/15\"]\nports = [\"udp/3478-3481\"]");
        assert!(!codes(&current).contains(&Code::RetiredRange));
    }
}
