//! Two policies side by side: which rows differ, and what that means for a firewall.
//!
//! Rows are matched by their ids, then by their content (a row that was only renamed). What it means is computed from what is
//! *covered* ([`access`]), not from what is written: a host that leaves one row and stands below another's wildcard is
//! still let through, and ranges that are merged or split are equal. Nothing here knows the clock or a file.

mod access;
pub mod effects;
mod port_set;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use self::access::{Access, Gate, Place};
pub use self::port_set::PortSet;
use super::compile::Policy;
use super::model::{Date, Row, TlsRule};

/// What is different between two policies.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The rows that differ, in the order of their ids.
    pub rows: Vec<RowChange>,
    /// What `[policy]` and `[unlisted]` say.
    pub head: Vec<FieldChange>,
    /// What is let through that was not, and the other way.
    pub access: Vec<Access>,
}

/// A row that is not what it was.
#[derive(Debug, PartialEq, Eq)]
pub struct RowChange {
    /// In the old policy; None: it is new.
    pub old: Option<String>,
    /// In the new policy; None: it is gone.
    pub new: Option<String>,
    /// Of a row that is in both.
    pub fields: Vec<FieldChange>,
}

/// A key whose value is not what it was: for a list what came and went, for anything else the two values.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldChange {
    pub key: &'static str,
    pub removed: Vec<String>,
    pub added: Vec<String>,
}

impl Comparison {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.head.is_empty() && self.access.is_empty()
    }
}

/// Compares them as of a day: rows that are over by then let nothing through.
pub fn compare(old: &Policy, new: &Policy, as_of: Date) -> Comparison {
    Comparison {
        rows: rows(old, new),
        head: differing(&head(old), &head(new)),
        access: access::changes(old, new, as_of),
    }
}

type Fields = BTreeMap<&'static str, BTreeSet<String>>;

fn rows(old: &Policy, new: &Policy) -> Vec<RowChange> {
    let by_id = |policy: &Policy| -> BTreeMap<String, Fields> {
        policy.rows().map(|(_, row)| (row.id.clone(), fields(row))).collect()
    };
    let (mut old, mut new) = (by_id(old), by_id(new));
    let mut changes = Vec::new();
    for id in old
        .keys()
        .filter(|id| new.contains_key(*id))
        .cloned()
        .collect::<Vec<_>>()
    {
        let (Some(before), Some(after)) = (old.remove(&id), new.remove(&id)) else {
            continue;
        };
        let fields = differing(&before, &after);
        if !fields.is_empty() {
            changes.push(RowChange {
                old: Some(id.clone()),
                new: Some(id),
                fields,
            });
        }
    }
    // What is left has another id, or is in one of them only.
    let mut by_content: HashMap<&Fields, Vec<&String>> = HashMap::new();
    for (id, content) in new.iter().rev() {
        by_content.entry(content).or_default().push(id);
    }
    let mut renamed = BTreeSet::new();
    for (id, content) in &old {
        let twin = by_content.get_mut(content).and_then(Vec::pop);
        renamed.extend(twin);
        changes.push(RowChange {
            old: Some(id.clone()),
            new: twin.cloned(),
            fields: Vec::new(),
        });
    }
    for id in new.keys().filter(|id| !renamed.contains(id)) {
        changes.push(RowChange {
            old: None,
            new: Some(id.clone()),
            fields: Vec::new(),
        });
    }
    let name = |change: &RowChange| change.new.clone().or_else(|| change.old.clone());
    changes.sort_by_key(|change| (name(change), change.old.clone()));
    changes
}

/// Everything a row says but its id, each list without its order, which means nothing.
fn fields(row: &Row) -> Fields {
    let mut fields = Fields::new();
    let mut put = |key, values: BTreeSet<String>| {
        fields.insert(key, values);
    };
    fn all<T: ToString>(items: &[T]) -> BTreeSet<String> {
        items.iter().map(T::to_string).collect()
    }
    put("class", one(&row.class));
    put("line", one(row.line.as_str()));
    put("title", one(&row.title));
    put("purpose", one(&row.purpose));
    put("area", one(&row.area));
    put("category", one(&row.category));
    put("notes", one(&row.notes));
    put("hosts", all(&row.hosts));
    put("anywhere", all(&row.anywhere));
    put("broad", all(&row.broad));
    let tags = row.tags.iter().map(|tag| format!("@{tag}"));
    put(
        "addresses",
        row.addresses.iter().map(ToString::to_string).chain(tags).collect(),
    );
    put("ranges of its tags", all(&row.tagged));
    put("ports", all(&row.expect.ports));
    put("tls", tls(&row.expect.tls));
    put("via", all(&row.via));
    put("issuers", all(&row.issuers));
    put("status", one(row.status.as_str()));
    put("since", row.since.iter().map(ToString::to_string).collect());
    put("until", row.until.iter().map(ToString::to_string).collect());
    put("replaced_by", row.replaced_by.iter().cloned().collect());
    put("required", one(if row.required { "true" } else { "false" }));
    fields
}

/// None if it is empty.
fn one(text: &str) -> BTreeSet<String> {
    let text = Some(text.to_owned());
    text.into_iter().filter(|text| !text.is_empty()).collect()
}

fn head(policy: &Policy) -> Fields {
    let header = policy.header();
    let unlisted = policy.unlisted();
    Fields::from([
        ("name", one(&header.name)),
        ("title", one(&header.title)),
        ("source", one(&header.source)),
        ("date", header.date.iter().map(ToString::to_string).collect()),
        (
            "review_days",
            header.review_days.iter().map(ToString::to_string).collect(),
        ),
        (
            "unlisted ports",
            unlisted.ports.iter().map(ToString::to_string).collect(),
        ),
        ("unlisted tls", tls(&unlisted.tls)),
    ])
}

fn tls(rule: &TlsRule) -> BTreeSet<String> {
    match rule {
        TlsRule::AnyVersion => BTreeSet::from(["any".to_owned()]),
        TlsRule::PlainAllowed => BTreeSet::from(["plain".to_owned()]),
        TlsRule::Versions(versions) => versions.iter().map(ToString::to_string).collect(),
    }
}

fn differing(old: &Fields, new: &Fields) -> Vec<FieldChange> {
    let none = BTreeSet::new();
    old.iter()
        .map(|(key, before)| {
            let after = new.get(key).unwrap_or(&none);
            FieldChange {
                key,
                removed: before.difference(after).cloned().collect(),
                added: after.difference(before).cloned().collect(),
            }
        })
        .filter(|change| !change.removed.is_empty() || !change.added.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
