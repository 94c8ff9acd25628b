//! What the tests of all families need.

use super::{Code, Finding, Findings, lint};
use crate::policy::load::{Loaded, examine};
use crate::policy::model::Date;

pub const TODAY: Date = Date {
    year: 2026,
    month: 2,
    day: 1,
};

pub fn loaded(text: &str) -> Loaded {
    examine(text, "lab.toml", &mut |_| Err("there is none".to_owned())).unwrap()
}

pub fn findings(text: &str) -> Findings {
    lint(&loaded(text), TODAY)
}

/// Findings about one row with these lines, beside its `id` and `class`.
pub fn of_row(lines: &str) -> Findings {
    findings(&row("a", lines))
}

/// The text of a row.
pub fn row(id: &str, lines: &str) -> String {
    format!("[[endpoint]]\nid = \"{id}\"\nclass = \"c\"\n{lines}\n")
}

/// The text of a row with hosts, a port and versions that nobody minds.
pub fn hosts(id: &str, hosts: &str) -> String {
    row(
        id,
        &format!("hosts = [{hosts}]\nports = [\"tcp/443\", \"udp/443\"]\ntls = [\"1.2\", \"1.3\"]"),
    )
}

pub fn codes(found: &Findings) -> Vec<Code> {
    found
        .kept
        .iter()
        .filter(|f| f.code != Code::Undated)
        .map(|f| f.code)
        .collect()
}

/// The subjects of the findings of one code.
pub fn subjects(found: &Findings, code: Code) -> Vec<&str> {
    of(found, code).map(|finding| finding.subject.as_str()).collect()
}

pub fn of(found: &Findings, code: Code) -> impl Iterator<Item = &Finding> {
    found.kept.iter().filter(move |finding| finding.code == code)
}

/// The one finding of this code.
#[track_caller]
pub fn only(found: &Findings, code: Code) -> &Finding {
    let mut all = of(found, code);
    let one = all.next().unwrap_or_else(|| panic!("no {code:?} in {found:#?}"));
    assert!(all.next().is_none(), "several: {found:#?}");
    one
}
