//! `[[tag]]`: named address ranges that rows may point at, and those that flowsift brings along.

use std::collections::BTreeMap;

use super::report::{Mistake, PolicyError, Sort, nearest, quoted};
use super::row::word;
use super::scalar;
use super::value::{Document, Value, in_file_order};
use crate::policy::builtin;
use crate::policy::model::{Prefix, Row};
use crate::policy::phrases::few;

const TAG_KEYS: [&str; 7] = ["name", "change", "cloud", "region", "platform", "service", "addresses"];
const TAGS_AT_MOST: usize = 65_535;
/// Of all tags together.
const RANGES_AT_MOST: usize = 1 << 20;
const NAMED_AT_MOST: usize = 8;

/// The tags of a policy and of those it extends; a later one of the same name takes the place of an earlier.
#[derive(Debug, Default)]
pub struct Tags {
    by_name: BTreeMap<String, Vec<Prefix>>,
}

impl Tags {
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name) || builtin::tag(name).is_some()
    }

    pub fn absorb(&mut self, newer: Tags) {
        self.by_name.extend(newer.by_name);
    }

    /// What to say of a tag that nobody knows.
    pub fn unknown(&self, name: &str) -> Mistake {
        let built_in = builtin::TAGS.iter().map(|(name, _)| *name);
        let own = self.by_name.keys().map(String::as_str);
        let mut names: Vec<&str> = own.chain(built_in).collect();
        names.sort_unstable();
        names.dedup();
        let near = nearest(name, names.iter().copied()).map(|near| format!("`@{near}`"));
        let known = few(&names, NAMED_AT_MOST);
        let what = format!("no tag {} is known; known are {known}", quoted(name));
        let mistake = Mistake::new(what).of_sort(Sort::UnknownTag);
        match near {
            Some(near) => mistake.suggest(near),
            None => mistake,
        }
    }

    /// Gives every row the ranges of its tags, and answers how many ranges there are in all. Beyond the bound nothing is filled in.
    pub fn fill_in(&mut self, rows: &mut [Row]) -> usize {
        let mut ranges: usize = rows.iter().map(|row| row.addresses.len()).sum();
        for row in rows {
            row.tagged.clear();
            for name in &row.tags {
                let tagged = match self.by_name.get(name) {
                    Some(tagged) => tagged,
                    None => self.by_name.entry(name.clone()).or_insert_with(|| built_in(name)),
                };
                ranges += tagged.len();
                if ranges > super::RANGES_AT_MOST {
                    return ranges;
                }
                row.tagged.extend_from_slice(tagged);
            }
        }
        ranges
    }
}

/// The ranges of a tag that flowsift brings along.
fn built_in(name: &str) -> Vec<Prefix> {
    builtin::tag(name)
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| scalar::prefix(line).ok())
        .map(|reading| reading.value)
        .collect()
}

/// All `[[tag]]` tables of one file.
pub fn tags(document: &mut Document, value: &Value, known: &mut Tags) -> Result<(), PolicyError> {
    let Some(list) = value.get_ref().as_array() else {
        let what = "every tag is a table of its own";
        return Err(document.error_at(value, Mistake::new(what).suggest("[[tag]]")));
    };
    let mut own = Tags::default();
    let mut ranges = 0;
    for item in list {
        let (name, addresses) = match tag(document, item) {
            Ok(tag) => tag,
            Err(error) => {
                document.forgive(error)?;
                continue;
            }
        };
        ranges += addresses.len();
        if own.by_name.len() >= TAGS_AT_MOST || ranges > RANGES_AT_MOST {
            let what = format!("more than {TAGS_AT_MOST} tags, or {RANGES_AT_MOST} address ranges in them");
            return Err(document.error_at(item, Mistake::new(what)));
        }
        if own.by_name.contains_key(&name) {
            let error = document.error_at(item, Mistake::new(format!("a second tag has the name `{name}`")));
            document.forgive(error)?;
            continue;
        }
        own.by_name.insert(name, addresses);
    }
    known.absorb(own);
    Ok(())
}

/// One of them. What it tells of its origin is checked and left in the file: nothing is judged by it.
fn tag(document: &mut Document, value: &Value) -> Result<(String, Vec<Prefix>), PolicyError> {
    let mut name = String::new();
    let mut addresses = Vec::new();
    for (key, value) in in_file_order(document.table(value, "a table [[tag]]")?) {
        match key.get_ref().as_ref() {
            "name" => name = word(document, value)?,
            "change" => {
                document.number(value, u32::MAX)?;
            }
            "cloud" | "region" | "platform" | "service" => {
                document.string(value)?;
            }
            "addresses" => {
                for item in document.list(value)? {
                    addresses.push(document.item(item, scalar::prefix)?);
                }
            }
            _ => return Err(document.unknown_key(key, "[[tag]]", &TAG_KEYS)),
        }
    }
    match (name.is_empty(), addresses.is_empty()) {
        (true, _) => Err(document.error_at(value, Mistake::new("this tag has no `name`"))),
        (_, true) => Err(document.error_at(value, Mistake::new(format!("tag `{name}` has no `addresses`")))),
        _ => Ok((name, addresses)),
    }
}
