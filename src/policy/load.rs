//! Policy text to a [`Policy`]: TOML with places, other policies that it extends, and every mistake said in one line.
//!
//! Strict where a slip would change the meaning (unknown keys, bad hosts, ranges, ports, dates), lenient where it would
//! not (a doubled dot, a scheme before a host): then a [`Warning`] says what was understood. Nothing here reads files;
//! the caller hands in a resolver for the policies that this one names.
//!
//! `extends` works as an include at the top: the rows of the policies named come first, in their order, and a row of the same id
//! takes its predecessor's place. What is left out of a row is not asked for: `ports`, `addresses`, `via`, `issuers` left out mean
//! any, `tls` left out means TLS of any version, `line` left out means `none`.

mod report;
mod row;
mod scalar;
mod value;

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};
use toml::de::DeTable;

use self::report::{Mistake, quoted};
pub use self::report::{PolicyError, Warning, nearest};
use self::value::{Document, Value, in_file_order};
use super::builtin;
use super::compile::Policy;
use super::model::{Expectation, Header, Row};

/// A policy, and what its author should know about it.
#[derive(Debug)]
pub struct Loaded {
    pub policy: Policy,
    pub warnings: Vec<Warning>,
}

/// Gives the text of a policy that another one extends, by the name or path written there; or why it cannot.
pub type Resolve<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

const TEXT_AT_MOST: usize = 16 << 20;
/// A row's number has 16 bits.
const ROWS_AT_MOST: usize = u16::MAX as usize;
/// Ranges of all rows, tags spelt out.
const RANGES_AT_MOST: usize = 1 << 20;
const EXTENDS_DEPTH_AT_MOST: usize = 8;
const DOCUMENTS_AT_MOST: usize = 64;
const TOP_KEYS: [&str; 3] = ["policy", "unlisted", "endpoint"];
const DATE_KEYS: [&str; 3] = ["date", "since", "until"];

/// Reads a policy. `origin` is what errors call it: the path as the user wrote it. Built-in policies that it extends are
/// found by name; for others `resolve` is asked.
pub fn load(text: &str, origin: &str, resolve: &mut Resolve) -> Result<Loaded, PolicyError> {
    let mut loader = Loader {
        resolve,
        open: Vec::new(),
        documents: 0,
        warnings: Vec::new(),
        digest: Sha256::new(),
    };
    let mut draft = loader.read(text, origin)?;
    if draft.header.name.is_empty() {
        draft.header.name = origin.to_owned();
    }
    let Loader { warnings, digest, .. } = loader;
    let expect = draft.unlisted.unwrap_or_else(Expectation::https);
    let policy = Policy::compile(draft.header, digest.finalize().into(), expect, draft.rows);
    Ok(Loaded { policy, warnings })
}

/// What one file and all that it extends amount to.
#[derive(Debug, Default)]
struct Draft {
    header: Header,
    unlisted: Option<Expectation>,
    rows: Vec<Row>,
    /// Where each row stands in `rows`.
    by_id: HashMap<String, usize>,
}

impl Draft {
    fn put(&mut self, row: Row) {
        if let Some(old) = self.by_id.get(&row.id).and_then(|&at| self.rows.get_mut(at)) {
            *old = row;
            return;
        }
        self.by_id.insert(row.id.clone(), self.rows.len());
        self.rows.push(row);
    }

    /// Takes over what a policy named under `extends` says; its name and title stay its own.
    fn absorb(&mut self, base: Draft) {
        for row in base.rows {
            self.put(row);
        }
        self.unlisted = base.unlisted.or(self.unlisted.take());
        self.header.date = base.header.date.or(self.header.date);
        self.header.review_days = base.header.review_days.or(self.header.review_days);
    }
}

struct Loader<'r, 'f> {
    resolve: &'r mut Resolve<'f>,
    /// The policies being read, the outermost first: one that is named again extends itself.
    open: Vec<String>,
    documents: usize,
    warnings: Vec<Warning>,
    /// Over the text of every policy read, those extended before those extending them.
    digest: Sha256,
}

impl Loader<'_, '_> {
    fn read(&mut self, text: &str, origin: &str) -> Result<Draft, PolicyError> {
        // The reader borrows the warnings while `self` goes on to read other files, so it gets its own.
        let mut warnings = Vec::new();
        let mut document = Document {
            origin,
            text,
            warnings: &mut warnings,
        };
        if text.len() > TEXT_AT_MOST {
            let what = format!("the file has {} bytes; {TEXT_AT_MOST} is the most", text.len());
            return Err(document.error(0, Mistake::new(what)));
        }
        let root = DeTable::parse(text).map_err(|error| syntax_error(&document, &error))?;
        let tables = tables(&document, root.get_ref())?;

        let (header, extends) = match tables.policy {
            Some(value) => row::header(&mut document, value)?,
            None => Default::default(),
        };
        let mut draft = self.bases(&document, &extends)?;
        self.digest.update(text.as_bytes());
        draft.header = Header {
            date: header.date.or(draft.header.date),
            review_days: header.review_days.or(draft.header.review_days),
            ..header
        };
        if let Some(value) = tables.unlisted {
            let mut expect = draft.unlisted.take().unwrap_or_else(Expectation::https);
            row::unlisted(&mut document, value, &mut expect)?;
            draft.unlisted = Some(expect);
        }
        if let Some(value) = tables.endpoints {
            endpoints(&mut document, value, &mut draft)?;
        }
        if draft.rows.is_empty() {
            let what = "the policy has no [[endpoint]]: every flow is in no row";
            document.warn_at(&root, what.to_owned());
        }
        self.warnings.append(&mut warnings);
        Ok(draft)
    }

    /// The policies that this one extends, one after the other.
    fn bases(&mut self, document: &Document, extends: &[(String, usize)]) -> Result<Draft, PolicyError> {
        let mut draft = Draft::default();
        self.open.push(document.origin.to_owned());
        for (name, offset) in extends {
            let wrong = |what: String| document.error(*offset, Mistake::new(what));
            if self.open.contains(name) {
                return Err(wrong(format!("the policy {} extends itself", quoted(name))));
            }
            if self.open.len() > EXTENDS_DEPTH_AT_MOST {
                let what = format!("policies extend each other more than {EXTENDS_DEPTH_AT_MOST} deep");
                return Err(wrong(what));
            }
            self.documents += 1;
            if self.documents > DOCUMENTS_AT_MOST {
                return Err(wrong(format!("more than {DOCUMENTS_AT_MOST} policies are extended")));
            }
            let base = match builtin::policy(name) {
                Some(text) => self.read(text, name)?,
                None => {
                    let text = (self.resolve)(name).map_err(|why| {
                        let mistake = Mistake::new(format!("the policy {} cannot be read: {why}", quoted(name)));
                        document.error(
                            *offset,
                            match nearest(name, [builtin::DEFAULT]) {
                                Some(near) => mistake.suggest(format!("`{near}`")),
                                None => mistake,
                            },
                        )
                    })?;
                    self.read(&text, name)?
                }
            };
            draft.absorb(base);
        }
        self.open.pop();
        Ok(draft)
    }
}

#[derive(Default)]
struct Tables<'v, 'i> {
    policy: Option<&'v Value<'i>>,
    unlisted: Option<&'v Value<'i>>,
    endpoints: Option<&'v Value<'i>>,
}

fn tables<'v, 'i>(document: &Document, root: &'v DeTable<'i>) -> Result<Tables<'v, 'i>, PolicyError> {
    let mut tables = Tables::default();
    for (key, value) in in_file_order(root) {
        match key.get_ref().as_ref() {
            "policy" => tables.policy = Some(value),
            "unlisted" => tables.unlisted = Some(value),
            "endpoint" => tables.endpoints = Some(value),
            _ => return Err(document.unknown_key(key, "a policy", &TOP_KEYS)),
        }
    }
    Ok(tables)
}

/// All `[[endpoint]]` tables of one file.
fn endpoints(document: &mut Document, value: &Value, draft: &mut Draft) -> Result<(), PolicyError> {
    let Some(list) = value.get_ref().as_array() else {
        let what = "every endpoint is a table of its own";
        return Err(document.error_at(value, Mistake::new(what).suggest("[[endpoint]]")));
    };
    let mut own = HashSet::new();
    let mut ranges: usize = draft.rows.iter().map(|row| row.ranges().count()).sum();
    for item in list {
        let row = row::endpoint(document, item)?;
        if !own.insert(row.id.clone()) {
            let what = format!("a second endpoint has the id `{}`", row.id);
            return Err(document.error_at(item, Mistake::new(what)));
        }
        ranges += row.ranges().count();
        draft.put(row);
        if draft.rows.len() > ROWS_AT_MOST {
            let what = format!("more than {ROWS_AT_MOST} endpoints");
            return Err(document.error_at(item, Mistake::new(what)));
        }
        if ranges > RANGES_AT_MOST {
            let what = format!("more than {RANGES_AT_MOST} address ranges");
            return Err(document.error_at(item, Mistake::new(what)));
        }
    }
    Ok(())
}

/// What the TOML reader says, at its place; it is also the one to see a date that is none.
fn syntax_error(document: &Document, error: &toml::de::Error) -> PolicyError {
    let offset = error.span().map_or(0, |span| span.start);
    let what = error.message().lines().collect::<Vec<_>>().join(", ");
    let mistake = Mistake::new(format!("not TOML: {what}"));
    let line = document
        .text
        .get(..offset)
        .and_then(|before| before.rsplit('\n').next())
        .unwrap_or("");
    let key = line.split('=').next().unwrap_or("").trim();
    document.error(
        offset,
        match DATE_KEYS.contains(&key) {
            true => mistake.suggest("a day such as 2026-01-31"),
            false => mistake,
        },
    )
}

#[cfg(test)]
mod tests;
