//! What is wrong with a policy, or will be, as a firewall would have to live with it.
//!
//! A family of findings is a file. Each looks at a [`Case`] (a policy that was read to its end, mistakes and all, and a day) and adds
//! to [`Found`]. Nothing here knows the clock or a file; whatever the policy says, no family takes more than a few times its
//! size in time, since a policy may be a stranger's.
//!
//! To add a finding: a [`Code`], and the place that adds it. What is known of the world (suffixes that anybody can have a name
//! under, ranges that have moved) stands in [`known`].

mod breadth;
mod code;
pub mod known;
mod life;
mod likeness;
mod overlap;
mod ports;
mod punycode;
mod routes;
mod tls;
mod wildcards;
mod written;

#[cfg(test)]
mod testing;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

pub use self::code::{Code, Weight};
pub(in crate::policy) use self::likeness::is_a_slip;
use super::compile::Policy;
use super::load::{Loaded, Place, Places, RowPlaces};
use super::model::{Date, HostPattern, Row};
use super::phrases;
use super::verdict::RowId;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    pub weight: Weight,
    pub place: Place,
    /// The row's id; None: it is about the policy.
    pub endpoint: Option<String>,
    /// What it is about: a host, a range, a port.
    pub subject: String,
    /// What it means, a sentence without its full stop.
    pub means: String,
    /// What to do, the same.
    pub remedy: String,
}

/// All that was found, in the files' order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub kept: Vec<Finding>,
    /// Beyond [`KEPT_OF_A_CODE`]: how many more of that code.
    pub more: BTreeMap<Code, usize>,
    /// How many of each weight there are, kept or not.
    pub counts: BTreeMap<Weight, usize>,
    /// Those about rows of policies that this one extends; they are told to who asks about those.
    pub elsewhere: usize,
}

/// Of one code no more are kept.
pub const KEPT_OF_A_CODE: usize = 1000;

impl Findings {
    /// Whether anything is worse than a notice.
    pub fn weigh(&self) -> bool {
        self.counts.keys().any(|weight| *weight > Weight::Notice)
    }
}

/// Looks for everything, as of a day.
pub fn lint(loaded: &Loaded, as_of: Date) -> Findings {
    let case = Case::new(loaded, as_of);
    let mut found = Found {
        places: &loaded.places,
        findings: Findings::default(),
        of_a_code: HashMap::new(),
    };
    written::check(&case, &mut found);
    breadth::check(&case, &mut found);
    overlap::check(&case, &mut found);
    life::check(&case, &mut found);
    wildcards::check(&case, &mut found);
    ports::check(&case, &mut found);
    tls::check(&case, &mut found);
    routes::check(&case, &mut found);
    likeness::check(&case, &mut found);
    let mut findings = found.findings;
    let order = |finding: &Finding| (finding.place, finding.code);
    findings
        .kept
        .sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.subject.cmp(&b.subject)));
    findings
}

/// What is looked at.
struct Case<'a> {
    loaded: &'a Loaded,
    as_of: Date,
}

impl<'a> Case<'a> {
    fn new(loaded: &'a Loaded, as_of: Date) -> Case<'a> {
        Case { loaded, as_of }
    }

    fn policy(&self) -> &'a Policy {
        &self.loaded.policy
    }

    fn rows(&self) -> impl Iterator<Item = Standing<'a>> {
        let loaded = self.loaded;
        loaded.policy.rows().filter_map(|(id, row)| {
            let places = loaded.places.row(usize::from(id.0))?;
            Some(Standing { id, row, places })
        })
    }

    /// The rows that a firewall would still be opened for.
    fn rows_in_force(&self) -> impl Iterator<Item = Standing<'a>> {
        self.rows().filter(|standing| !standing.row.is_over(self.as_of))
    }
}

/// A row and where it stands.
#[derive(Clone, Copy)]
struct Standing<'a> {
    id: RowId,
    row: &'a Row,
    places: &'a RowPlaces,
}

/// A host of a row and where it stands.
#[derive(Clone, Copy)]
struct Listed<'a> {
    host: &'a HostPattern,
    broad: bool,
    index: usize,
}

impl<'a> Standing<'a> {
    /// Its hosts, then its broad ones.
    fn hosts(&self) -> impl Iterator<Item = Listed<'a>> {
        let listed = |broad| move |(index, host)| Listed { host, broad, index };
        let broad = self.row.broad.iter().enumerate().map(listed(true));
        self.row.hosts.iter().enumerate().map(listed(false)).chain(broad)
    }

    fn place_of(&self, listed: &Listed) -> Place {
        self.places
            .item(if listed.broad { "broad" } else { "hosts" }, listed.index)
    }

    /// A finding about this row.
    fn finding(&self, code: Code, place: Place, subject: impl ToString) -> Finding {
        Finding {
            code,
            weight: code.weight(),
            place,
            endpoint: Some(self.row.id.clone()),
            subject: subject.to_string(),
            means: String::new(),
            remedy: String::new(),
        }
    }
}

impl Finding {
    /// One about the policy as a whole.
    fn of_policy(code: Code, place: Place, subject: impl ToString) -> Finding {
        Finding {
            code,
            weight: code.weight(),
            place,
            endpoint: None,
            subject: subject.to_string(),
            means: String::new(),
            remedy: String::new(),
        }
    }

    fn says(self, means: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            means: means.into(),
            remedy: remedy.into(),
            ..self
        }
    }

    fn weighing(self, weight: Weight) -> Finding {
        Finding { weight, ..self }
    }
}

/// What was found so far.
struct Found<'a> {
    places: &'a Places,
    findings: Findings,
    of_a_code: HashMap<Code, usize>,
}

impl Found<'_> {
    fn add(&mut self, finding: Finding) {
        if !self.places.is_own(finding.place) {
            self.findings.elsewhere += 1;
            return;
        }
        *self.findings.counts.entry(finding.weight).or_default() += 1;
        let kept = self.of_a_code.entry(finding.code).or_default();
        *kept += 1;
        match *kept > KEPT_OF_A_CODE {
            true => *self.findings.more.entry(finding.code).or_default() += 1,
            false => self.findings.kept.push(finding),
        }
    }
}

/// The first few of many, and how many more there are.
fn some(items: impl IntoIterator<Item = impl Display>) -> String {
    const FEW: usize = 3;
    phrases::few(items, FEW)
}

/// Whether any row in force lists this host, or what is below it, other than as a broad form.
fn is_covered(policy: &Policy, host: &HostPattern, as_of: Date) -> bool {
    policy.listing(host, |row, broad| !broad && !policy.row(row).is_over(as_of))
}

#[cfg(test)]
mod tests {
    use super::testing::{codes, findings};
    use super::*;
    use crate::policy::model::Status;

    #[test]
    fn a_careful_policy_has_notices_at_most() {
        let found = findings(
            r#"
            [policy]
            date = 2026-01-01
            review_days = 90
            [[endpoint]]
            id = "web"
            class = "web"
            hosts = ["*.web.example", "web.example"]
            ports = ["tcp/443", "udp/443"]
            tls = ["1.2", "1.3"]
            "#,
        );
        assert!(!found.weigh(), "{found:?}");
        assert_eq!(codes(&found), [Code::WildcardMeaning]);
    }

    #[test]
    fn findings_stand_in_the_files_order_and_are_bounded() {
        let hosts: Vec<String> = (0..3000).map(|n| format!("\"Host{n}x.example\"")).collect();
        let text = format!(
            "[[endpoint]]\nid = \"a\"\nclass = \"c\"\nhosts = [{}]\n",
            hosts.join(",\n")
        );
        let found = findings(&text);
        let kept = found.kept.iter().filter(|f| f.code == Code::Spelling).count();
        assert_eq!(kept, KEPT_OF_A_CODE);
        assert!(found.kept.is_sorted_by_key(|finding| finding.place));
    }

    #[test]
    fn what_stands_in_another_file_is_told_to_who_asks_about_that() {
        let found = findings("[policy]\nextends = [\"salestim\"]\n");
        assert!(found.elsewhere > 50);
        assert!(found.kept.iter().all(|finding| finding.endpoint.is_none()), "{found:?}");
    }

    #[test]
    fn a_row_that_is_over_is_in_force_no_more() {
        let row = Row {
            status: Status::Retired,
            ..Row::default()
        };
        assert!(row.is_over(testing::TODAY));
    }
}
