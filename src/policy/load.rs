//! Policy text to a [`Policy`]: TOML with places, other policies that it extends, and every mistake said in one line.
//!
//! Strict where a slip would change the meaning (unknown keys, bad hosts, ranges, ports, dates), lenient where it would
//! not (a doubled dot, a scheme before a host): then a [`Warning`] says what was understood. Nothing here reads files;
//! the caller hands in a resolver for the policies that this one names.
//!
//! A row may name address tags (`@Name`), from `[[tag]]` tables or built in. Their ranges are filled in at the very end, when
//! all files are read: so who extends a policy and a newer file of tags judges the policy's rows by the newer ranges.
//!
//! `extends` works as an include at the top: the rows of the policies named come first, in their order, and a row of the same id
//! takes its predecessor's place. What is left out of a row is not asked for: `ports`, `addresses`, `via`, `issuers` left out mean
//! any, `tls` left out means TLS of any version, `line` left out means `none`. Who lists a host needs it: `required` left out means true.

mod places;
mod report;
mod row;
pub(super) mod scalar;
mod tag;
mod value;

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};
use toml::de::DeTable;

pub use self::places::{Place, Places, RowPlaces};
pub(super) use self::report::Mistake;
pub use self::report::{PolicyError, Sort, Warning, nearest, position, quoted};
use self::tag::Tags;
use self::value::{Document, Value, in_file_order};
use super::builtin;
use super::compile::Policy;
use super::model::{Expectation, Header, Row};

/// A policy, and what its author should know about it.
#[derive(Debug)]
pub struct Loaded {
    pub policy: Policy,
    pub warnings: Vec<Warning>,
    /// Where its rows stand.
    pub places: Places,
    /// What [`examine`] read over; [`load`] leaves none.
    pub faults: Vec<PolicyError>,
}

/// A policy that another one extends.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The name or path as it is written there.
    pub name: &'a str,
    /// What the policy that names it is called: a path is relative to that one's folder.
    pub by: &'a str,
}

/// The text of such a policy.
#[derive(Debug, Clone)]
pub struct Found {
    /// What errors call it, and what it names others by.
    pub origin: String,
    /// The same for every way of writing its path, so that a circle is known for one.
    pub identity: String,
    pub text: String,
}

/// Gives the policy that another one extends, or says why it cannot.
pub type Resolve<'a> = dyn FnMut(&Wanted) -> Result<Found, String> + 'a;

const TEXT_AT_MOST: usize = 16 << 20;
/// Of a policy and all that it extends.
const TEXT_IN_ALL_AT_MOST: usize = 32 << 20;
/// A row's number has 16 bits.
const ROWS_AT_MOST: usize = u16::MAX as usize;
/// Ranges of all rows, tags spelt out.
const RANGES_AT_MOST: usize = 1 << 20;
const EXTENDS_DEPTH_AT_MOST: usize = 8;
const DOCUMENTS_AT_MOST: usize = 64;
const TOP_KEYS: [&str; 4] = ["policy", "unlisted", "tag", "endpoint"];
const DATE_KEYS: [&str; 3] = ["date", "since", "until"];

/// Reads a policy. `origin` is what errors call it: the path as the user wrote it. Built-in policies that it extends are
/// found by name; for others `resolve` is asked.
pub fn load(text: &str, origin: &str, resolve: &mut Resolve) -> Result<Loaded, PolicyError> {
    read(text, origin, resolve, None)
}

/// Reads a policy and goes on after mistakes, so that all of them can be told; what is wrong is left out. Errors that remain
/// are those that leave nothing to go on with: text that is no TOML, a policy to extend that cannot be read.
pub fn examine(text: &str, origin: &str, resolve: &mut Resolve) -> Result<Loaded, PolicyError> {
    read(text, origin, resolve, Some(Vec::new()))
}

fn read(
    text: &str,
    origin: &str,
    resolve: &mut Resolve,
    faults: Option<Vec<PolicyError>>,
) -> Result<Loaded, PolicyError> {
    let mut loader = Loader {
        resolve,
        open: vec![origin.to_owned()],
        documents: 0,
        origins: Vec::new(),
        bytes: 0,
        warnings: Vec::new(),
        faults,
        digest: Sha256::new(),
    };
    let mut draft = loader.read(text, origin)?;
    let ranges = draft.tags.fill_in(&mut draft.rows);
    if ranges > RANGES_AT_MOST {
        let what = "those of tags counted for every row that names them";
        return Err(PolicyError {
            origin: origin.to_owned(),
            line: 1,
            column: 1,
            what: format!("more than {RANGES_AT_MOST} address ranges, {what}"),
            suggestion: None,
            sort: Sort::Invalid,
        });
    }
    let expect = draft.unlisted.unwrap_or_else(Expectation::https);
    Ok(Loaded {
        policy: Policy::compile(draft.header, loader.digest.finalize().into(), expect, draft.rows),
        warnings: loader.warnings,
        places: Places {
            origins: loader.origins,
            rows: draft.places,
            header: draft.place,
        },
        faults: loader.faults.unwrap_or_default(),
    })
}

/// What one file and all that it extends amount to.
#[derive(Debug, Default)]
struct Draft {
    header: Header,
    unlisted: Option<Expectation>,
    rows: Vec<Row>,
    /// Where the rows stand in the files, each beside its row.
    places: Vec<RowPlaces>,
    /// Where each row stands in `rows`.
    by_id: HashMap<String, usize>,
    /// Where the header stands.
    place: Option<Place>,
    tags: Tags,
}

impl Draft {
    fn put(&mut self, row: Row, place: RowPlaces) {
        let known = self.by_id.get(&row.id).copied();
        if let Some((old, old_place)) = known.and_then(|at| Some((self.rows.get_mut(at)?, self.places.get_mut(at)?))) {
            *old = row;
            *old_place = RowPlaces {
                replaces: Some(old_place.at),
                ..place
            };
            return;
        }
        self.by_id.insert(row.id.clone(), self.rows.len());
        self.rows.push(row);
        self.places.push(place);
    }

    /// Takes over what a policy named under `extends` says; its name and title stay its own.
    fn absorb(&mut self, base: Draft) {
        for (row, place) in base.rows.into_iter().zip(base.places) {
            self.put(row, place);
        }
        self.tags.absorb(base.tags);
        self.header.extended.extend(base.header.own_review());
        self.header.extended.extend(base.header.extended);
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
    /// What every file read is called, the one asked for first.
    origins: Vec<String>,
    /// Of all their texts.
    bytes: usize,
    warnings: Vec<Warning>,
    /// Mistakes, where they are gathered.
    faults: Option<Vec<PolicyError>>,
    /// Over the text of every policy read, those extended before those extending them.
    digest: Sha256,
}

impl Loader<'_, '_> {
    fn read(&mut self, text: &str, origin: &str) -> Result<Draft, PolicyError> {
        // The reader borrows the warnings while `self` goes on to read other files, so it gets its own.
        let mut warnings = Vec::new();
        // At most as many files as may be extended, and the first.
        let number = self.origins.len() as u16;
        self.origins.push(origin.to_owned());
        let mut document = Document {
            origin,
            text,
            warnings: &mut warnings,
            faults: self.faults.as_ref().map(|_| Vec::new()),
            marks: Vec::new(),
            cursor: Default::default(),
        };
        if text.len() > TEXT_AT_MOST {
            let what = format!("the file has {} bytes; {TEXT_AT_MOST} is the most", text.len());
            return Err(document.error(0, Mistake::new(what)));
        }
        self.bytes += text.len();
        if self.bytes > TEXT_IN_ALL_AT_MOST {
            let what = format!("with the policies extended before it, more than {TEXT_IN_ALL_AT_MOST} bytes");
            return Err(document.error(0, Mistake::new(what)));
        }
        let root = DeTable::parse(text).map_err(|error| syntax_error(&document, &error))?;
        let tables = tables(&document, root.get_ref())?;

        let mut place = None;
        let (mut header, extends) = match tables.policy {
            Some(value) => {
                let (line, column) = document.place(value.span().start);
                place = Some(Place {
                    origin: number,
                    line,
                    column,
                });
                row::header(&mut document, value)?
            }
            None => Default::default(),
        };
        if header.name.is_empty() {
            header.name = origin.to_owned();
        }
        let mut draft = self.bases(&document, &extends)?;
        draft.place = place;
        self.digest.update(text.as_bytes());
        draft.header = Header {
            date: header.date.or(draft.header.date),
            review_days: header.review_days.or(draft.header.review_days),
            extended: draft.header.extended,
            ..header
        };
        if let Some(value) = tables.unlisted {
            let mut expect = draft.unlisted.take().unwrap_or_else(Expectation::https);
            row::unlisted(&mut document, value, &mut expect)?;
            draft.unlisted = Some(expect);
        }
        if let Some(value) = tables.tags {
            tag::tags(&mut document, value, &mut draft.tags)?;
        }
        if let Some(value) = tables.endpoints {
            endpoints(&mut document, value, &mut draft, number)?;
        }
        // A file of tags alone is there to be extended.
        let is_base = self.open.len() > 1;
        if draft.rows.is_empty() && !(is_base && tables.tags.is_some()) {
            let what = "the policy has no [[endpoint]]: every flow is in no row";
            document.warn_at(&root, what.to_owned());
        }
        if let (Some(all), Some(faults)) = (&mut self.faults, document.faults.take()) {
            all.extend(faults);
        }
        self.warnings.append(&mut warnings);
        Ok(draft)
    }

    /// The policies that this one extends, one after the other.
    fn bases(&mut self, document: &Document, extends: &[(String, usize)]) -> Result<Draft, PolicyError> {
        let mut draft = Draft::default();
        for (name, offset) in extends {
            let wrong = |what: String| document.error(*offset, Mistake::new(what));
            self.documents += 1;
            if self.documents > DOCUMENTS_AT_MOST {
                return Err(wrong(format!("more than {DOCUMENTS_AT_MOST} policies are extended")));
            }
            let base = self.base(document, name, *offset)?;
            if self.open.contains(&base.identity) {
                return Err(wrong(format!("the policy {} extends itself", quoted(name))));
            }
            if self.open.len() > EXTENDS_DEPTH_AT_MOST {
                let what = format!("policies extend each other more than {EXTENDS_DEPTH_AT_MOST} deep");
                return Err(wrong(what));
            }
            self.open.push(base.identity);
            draft.absorb(self.read(&base.text, &base.origin)?);
            self.open.pop();
        }
        Ok(draft)
    }

    /// The text of one of them: a built-in policy, else whatever the caller finds.
    fn base(&mut self, document: &Document, name: &str, offset: usize) -> Result<Found, PolicyError> {
        if let Some(text) = builtin::policy(name) {
            return Ok(Found {
                origin: name.to_owned(),
                identity: name.to_owned(),
                text: text.to_owned(),
            });
        }
        let by = document.origin;
        (self.resolve)(&Wanted { name, by }).map_err(|why| {
            let mistake = Mistake::new(format!("the policy {} cannot be read: {why}", quoted(name)));
            let mistake = match nearest(name, [builtin::DEFAULT]) {
                Some(near) => mistake.suggest(format!("`{near}`")),
                None => mistake,
            };
            document.error(offset, mistake)
        })
    }
}

#[derive(Default)]
struct Tables<'v, 'i> {
    policy: Option<&'v Value<'i>>,
    unlisted: Option<&'v Value<'i>>,
    tags: Option<&'v Value<'i>>,
    endpoints: Option<&'v Value<'i>>,
}

fn tables<'v, 'i>(document: &Document, root: &'v DeTable<'i>) -> Result<Tables<'v, 'i>, PolicyError> {
    let mut tables = Tables::default();
    for (key, value) in in_file_order(root) {
        match key.get_ref().as_ref() {
            "policy" => tables.policy = Some(value),
            "unlisted" => tables.unlisted = Some(value),
            "tag" => tables.tags = Some(value),
            "endpoint" => tables.endpoints = Some(value),
            _ => return Err(document.unknown_key(key, "a policy", &TOP_KEYS)),
        }
    }
    Ok(tables)
}

/// All `[[endpoint]]` tables of one file, which is the one of that number.
fn endpoints(document: &mut Document, value: &Value, draft: &mut Draft, number: u16) -> Result<(), PolicyError> {
    let Some(list) = value.get_ref().as_array() else {
        let what = "every endpoint is a table of its own";
        return Err(document.error_at(value, Mistake::new(what).suggest("[[endpoint]]")));
    };
    let mut own = HashSet::new();
    let mut ranges: usize = draft.rows.iter().map(|row| row.addresses.len()).sum();
    for item in list {
        let (line, column) = document.place(item.span().start);
        document.marks.clear();
        let row = match row::endpoint(document, item, &draft.tags) {
            Ok(Some(row)) => row,
            Ok(None) => continue,
            Err(error) => {
                document.forgive(error)?;
                continue;
            }
        };
        if !own.insert(row.id.clone()) {
            let what = format!("a second endpoint has the id `{}`", row.id);
            let error = document.error_at(item, Mistake::new(what));
            document.forgive(error)?;
            continue;
        }
        ranges += row.addresses.len();
        let at = Place {
            origin: number,
            line,
            column,
        };
        draft.put(row, RowPlaces::new(at, document.marks.clone()));
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
