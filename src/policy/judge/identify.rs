//! Which rows a flow belongs to, and how sure that is.

use smallvec::SmallVec;

use super::FlowFacts;
use crate::evidence::model::EvidenceKind;
use crate::names::domain::Domain;
use crate::policy::compile::{Matches, Policy};
use crate::policy::verdict::RowId;

/// The rows of a flow, as [`Policy::identify`] found them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    pub(super) matches: Matches,
    pub(super) identity: Identity,
}

impl Identified {
    /// Every row that the flow falls under, the primary first.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = RowId> {
        self.matches.iter().map(|found| found.row)
    }

    /// The row that gives the flow its class.
    pub fn primary(&self) -> Option<RowId> {
        self.matches.first().map(|found| found.row)
    }
}

/// How sure it is that the flow belongs to the rows it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// One name, or several of one class; or an address and port by which alone the row is known.
    Sure,
    /// Only an address, or names of which some are in no row.
    Weak,
    /// The evidence points to rows of these classes.
    Torn(Vec<String>),
}

/// Classes as they come up, None for a name in no row; seldom more than one.
type Classes<'a> = SmallVec<[Option<&'a str>; 4]>;

impl Policy {
    /// Finds the rows of a flow. One name that falls under several rows is no doubt; several names, or an address alone, may be.
    pub fn identify(&self, facts: &FlowFacts) -> Identified {
        let mut matches = Matches::new();
        let rivals = match facts.kind {
            EvidenceKind::Dns => facts.candidates,
            _ => &[],
        };
        let identity = match (facts.name, facts.candidates) {
            (None, []) => by_address(self, facts, &mut matches),
            (None, candidates) => by_names(self, facts, candidates.iter(), &mut matches),
            (Some(name), candidates) => {
                let identity = match rivals {
                    [] => Identity::Sure,
                    _ => by_names(self, facts, std::iter::once(name).chain(candidates), &mut matches),
                };
                self.matches(Some(name), facts.at(), &mut matches);
                identity
            }
        };
        self.prefer_in_force(facts.start_ns, &mut matches);
        Identified { matches, identity }
    }
}

/// The rows of all the names together.
fn by_names<'a>(
    policy: &Policy,
    facts: &FlowFacts,
    names: impl Iterator<Item = &'a Domain>,
    matches: &mut Matches,
) -> Identity {
    let mut all = Matches::new();
    let mut classes = Classes::new();
    for name in names {
        policy.matches(Some(name), facts.at(), matches);
        let primary = matches.first().map(|found| policy.row(found.row));
        note(&mut classes, primary.map(|row| row.class.as_str()));
        all.append(matches);
    }
    policy.rank(&mut all);
    *matches = all;
    match (classes.iter().flatten().count(), classes.len()) {
        (0 | 1, 0 | 1) => Identity::Sure,
        (0 | 1, _) => Identity::Weak,
        _ => torn(classes),
    }
}

fn by_address(policy: &Policy, facts: &FlowFacts, matches: &mut Matches) -> Identity {
    policy.matches(None, facts.at(), matches);
    let Some(primary) = matches.first() else {
        return Identity::Sure;
    };
    // Rows that do not list the port are worth asking only if none does.
    let mut classes = Classes::new();
    for found in matches.iter().filter(|found| found.fits == primary.fits) {
        note(&mut classes, Some(&policy.row(found.row).class));
    }
    if classes.len() > 1 {
        return torn(classes);
    }
    match primary.fits && policy.row(primary.row).is_nameless() {
        true => Identity::Sure,
        false => Identity::Weak,
    }
}

fn note<'a>(classes: &mut Classes<'a>, class: Option<&'a str>) {
    if !classes.contains(&class) {
        classes.push(class);
    }
}

fn torn(mut classes: Classes<'_>) -> Identity {
    classes.sort_unstable();
    Identity::Torn(classes.into_iter().flatten().map(str::to_owned).collect())
}
