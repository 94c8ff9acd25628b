//! One table of a policy file: `[policy]`, `[unlisted]` or `[[endpoint]]`.

use std::collections::HashSet;

use super::report::{Mistake, PolicyError, Sort, quoted};
use super::scalar::{self, Reading};
use super::tag::Tags;
use super::value::{Document, Key, Value, in_file_order};
use crate::policy::model::{Expectation, Header, HostPattern, Line, PortRange, Row, Status, TlsRule};

const POLICY_KEYS: [&str; 6] = ["name", "title", "date", "review_days", "extends", "source"];
const UNLISTED_KEYS: [&str; 2] = ["ports", "tls"];
const ENDPOINT_KEYS: [&str; 21] = [
    "id",
    "class",
    "line",
    "title",
    "purpose",
    "area",
    "category",
    "notes",
    "hosts",
    "anywhere",
    "broad",
    "addresses",
    "ports",
    "tls",
    "via",
    "issuers",
    "status",
    "since",
    "until",
    "replaced_by",
    "required",
];
const REVIEW_DAYS_AT_MOST: u32 = 36_500;
/// Classes of flows in no row; no row may claim them.
const RESERVED_CLASSES: [&str; 2] = ["other", "unknown"];

/// `[policy]`: what the policy says of itself, and the policies it extends, each with the place where it is named.
pub fn header(document: &mut Document, value: &Value) -> Result<(Header, Vec<(String, usize)>), PolicyError> {
    let mut header = Header::default();
    let mut extends = Vec::new();
    for (key, value) in in_file_order(document.table(value, "a table [policy]")?) {
        if let Err(error) = header_field(document, &mut header, &mut extends, key, value) {
            document.forgive(error)?;
        }
    }
    Ok((header, extends))
}

/// One key of [policy].
fn header_field(
    document: &Document,
    header: &mut Header,
    extends: &mut Vec<(String, usize)>,
    key: &Key,
    value: &Value,
) -> Result<(), PolicyError> {
    match key.get_ref().as_ref() {
        "name" => header.name = document.string(value)?.trim().to_owned(),
        "title" => header.title = document.string(value)?.to_owned(),
        "source" => header.source = document.string(value)?.to_owned(),
        "date" => header.date = Some(document.date(value)?),
        "review_days" => header.review_days = Some(document.number(value, REVIEW_DAYS_AT_MOST)?),
        "extends" => {
            for item in document.list(value)? {
                let name = document.string(item)?.to_owned();
                extends.push((name, item.span().start));
            }
        }
        _ => return Err(document.unknown_key(key, "[policy]", &POLICY_KEYS)),
    }
    Ok(())
}

/// `[unlisted]`: only what is written replaces `expect`.
pub fn unlisted(document: &mut Document, value: &Value, expect: &mut Expectation) -> Result<(), PolicyError> {
    for (key, value) in in_file_order(document.table(value, "a table [unlisted]")?) {
        let read = match key.get_ref().as_ref() {
            "ports" => document.list_of("ports", value, port).map(|ports| expect.ports = ports),
            "tls" => tls(document, value).map(|tls| expect.tls = tls),
            _ => Err(document.unknown_key(key, "[unlisted]", &UNLISTED_KEYS)),
        };
        if let Err(error) = read {
            document.forgive(error)?;
        }
    }
    Ok(())
}

/// One `[[endpoint]]`. None: it has mistakes that were forgiven, and what is left of it is no row.
pub fn endpoint(document: &mut Document, value: &Value, tags: &Tags) -> Result<Option<Row>, PolicyError> {
    let mut row = Row {
        required: true,
        ..Row::default()
    };
    let faults = document.faults.as_ref().map_or(0, Vec::len);
    for (key, value) in in_file_order(document.table(value, "a table [[endpoint]]")?) {
        if let Err(error) = field(document, &mut row, key, value, tags) {
            document.forgive(error)?;
        }
    }
    match check_whole(&row) {
        Ok(()) => Ok(Some(row)),
        // The mistakes before this one are why.
        Err(_) if document.faults.as_ref().map_or(0, Vec::len) > faults => Ok(None),
        Err(mistake) => {
            let error = document.error_at(value, mistake);
            document.forgive(error).map(|()| None)
        }
    }
}

/// One key of an endpoint.
fn field(document: &mut Document, row: &mut Row, key: &Key, value: &Value, tags: &Tags) -> Result<(), PolicyError> {
    let typed = key.get_ref().as_ref();
    let Some(known) = ENDPOINT_KEYS.into_iter().find(|known| *known == typed) else {
        return Err(document.unknown_key(key, "[[endpoint]]", &ENDPOINT_KEYS));
    };
    document.mark(known, None, value.span().start);
    match known {
        "id" => row.id = word(document, value)?,
        "class" => row.class = class(document, value)?,
        "line" => row.line = document.one_of(value, &Line::ALL, Line::as_str)?,
        "title" => row.title = document.string(value)?.to_owned(),
        "purpose" => row.purpose = document.string(value)?.to_owned(),
        "area" => row.area = document.string(value)?.to_owned(),
        "category" => row.category = document.string(value)?.to_owned(),
        "notes" => row.notes = document.string(value)?.to_owned(),
        "hosts" => row.hosts = hosts(document, "hosts", value)?,
        "anywhere" => row.anywhere = hosts(document, "anywhere", value)?,
        "broad" => row.broad = hosts(document, "broad", value)?,
        "addresses" => addresses(document, value, tags, row)?,
        "ports" => row.expect.ports = document.list_of("ports", value, port)?,
        "tls" => row.expect.tls = tls(document, value)?,
        "via" => row.via = hosts(document, "via", value)?,
        "issuers" => row.issuers = document.list_of("issuers", value, issuer)?,
        "status" => row.status = document.one_of(value, &Status::ALL, Status::as_str)?,
        "since" => row.since = Some(document.date(value)?),
        "until" => row.until = Some(document.date(value)?),
        "replaced_by" => row.replaced_by = Some(document.string(value)?.to_owned()),
        _ => row.required = document.boolean(value)?,
    }
    Ok(())
}

/// What only shows once the whole row has been read.
fn check_whole(row: &Row) -> Result<(), Mistake> {
    if row.id.is_empty() {
        return Err(Mistake::new("this endpoint has no `id`"));
    }
    let id = &row.id;
    if row.class.is_empty() {
        return Err(Mistake::new(format!("endpoint `{id}` has no `class`")));
    }
    if row.is_nameless() && row.addresses.is_empty() && row.tags.is_empty() {
        let what = format!("endpoint `{id}` has neither hosts nor addresses, so that nothing can match it");
        return Err(Mistake::new(what).of_sort(Sort::EmptyRow));
    }
    if let Some(stray) = row.anywhere.iter().find(|host| !row.hosts.contains(host)) {
        let what = format!("endpoint `{id}`: `anywhere` names `{stray}`, which is not among its `hosts`");
        return Err(Mistake::new(what));
    }
    if let (Some(since), Some(until)) = (row.since, row.until)
        && until < since
    {
        let what = format!("endpoint `{id}` ends ({until}) before it begins ({since})");
        return Err(Mistake::new(what));
    }
    Ok(())
}

/// A word that records and command lines carry: letters, digits, `-`, `_`, `.`.
pub fn word(document: &Document, value: &Value) -> Result<String, PolicyError> {
    let text = document.string(value)?;
    if scalar::is_word(text) {
        return Ok(text.to_owned());
    }
    let what = format!(
        "{} is not a word of 1 to 64 letters, digits, `-`, `_`, `.`",
        quoted(text)
    );
    let mistake = match scalar::as_word(text) {
        Some(meant) => Mistake::new(what).suggest(format!("`{meant}`")),
        None => Mistake::new(what),
    };
    Err(document.error_at(value, mistake))
}

fn class(document: &Document, value: &Value) -> Result<String, PolicyError> {
    let class = word(document, value)?;
    if RESERVED_CLASSES.contains(&class.as_str()) {
        let what = format!("the class `{class}` is that of flows in no row");
        return Err(document.error_at(value, Mistake::new(what)));
    }
    Ok(class)
}

/// Hosts. Where mistakes are gathered, so is what is merely not written as it is read.
fn hosts(document: &mut Document, key: &'static str, value: &Value) -> Result<Vec<HostPattern>, PolicyError> {
    match document.faults {
        None => document.list_of(key, value, scalar::host),
        Some(_) => document.list_of(key, value, scalar::host_to_the_letter),
    }
}

/// Ranges, and tags by their names.
fn addresses(document: &mut Document, value: &Value, tags: &Tags, row: &mut Row) -> Result<(), PolicyError> {
    let mut known = HashSet::new();
    for item in document.list(value)? {
        match address(document, item, tags, row) {
            Ok(None) => {}
            Ok(Some(tag)) if !known.insert(tag.to_owned()) => {}
            Ok(Some(tag)) => {
                document.mark("tags", Some(row.tags.len()), item.span().start);
                row.tags.push(tag.to_owned());
            }
            Err(error) => document.forgive(error)?,
        }
    }
    Ok(())
}

/// One of them; a tag is left to the caller.
fn address<'v>(
    document: &mut Document,
    item: &'v Value,
    tags: &Tags,
    row: &mut Row,
) -> Result<Option<&'v str>, PolicyError> {
    let text = document.string(item)?;
    match text.strip_prefix('@') {
        None => {
            let range = document.item(item, scalar::prefix)?;
            document.mark("addresses", Some(row.addresses.len()), item.span().start);
            row.addresses.push(range);
            Ok(None)
        }
        Some(tag) if tags.knows(tag) => Ok(Some(tag)),
        Some(tag) => Err(document.error_at(item, tags.unknown(tag))),
    }
}

fn port(text: &str) -> Result<Reading<PortRange>, Mistake> {
    scalar::port_range(text).map(|value| Reading { value, note: None })
}

fn issuer(text: &str) -> Result<Reading<String>, Mistake> {
    let value = text.trim().to_owned();
    match value.is_empty() {
        true => Err(Mistake::new("an empty text is contained in every issuer")),
        false => Ok(Reading { value, note: None }),
    }
}

/// `["1.2", "1.3"]`, `[]` or `false`.
fn tls(document: &mut Document, value: &Value) -> Result<TlsRule, PolicyError> {
    match value.get_ref().as_bool() {
        Some(false) => return Ok(TlsRule::PlainAllowed),
        Some(true) => {
            let what = "`tls` is a list of allowed versions, or false where plain is allowed";
            return Err(document.error_at(value, Mistake::new(what).suggest("[\"1.2\"]")));
        }
        None => {}
    }
    let read = |text: &str| scalar::tls_version(text).map(|value| Reading { value, note: None });
    let versions = document.list_of("tls", value, read)?;
    Ok(match versions.is_empty() {
        true => TlsRule::AnyVersion,
        false => TlsRule::Versions(versions),
    })
}
