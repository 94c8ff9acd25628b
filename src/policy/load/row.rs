//! One table of a policy file: `[policy]`, `[unlisted]` or `[[endpoint]]`.

use super::report::{Mistake, PolicyError, nearest, quoted};
use super::scalar::{self, Reading};
use super::value::{Document, Value, in_file_order};
use crate::policy::builtin;
use crate::policy::model::{Expectation, Header, Line, PortRange, Prefix, Row, Status, TlsRule};

const POLICY_KEYS: [&str; 6] = ["name", "title", "date", "review_days", "extends", "source"];
const UNLISTED_KEYS: [&str; 2] = ["ports", "tls"];
const ENDPOINT_KEYS: [&str; 18] = [
    "id",
    "class",
    "line",
    "title",
    "purpose",
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
const WORD_AT_MOST: usize = 64;
/// Classes of flows in no row; no row may claim them.
const RESERVED_CLASSES: [&str; 2] = ["other", "unknown"];

/// `[policy]`: what the policy says of itself, and the policies it extends, each with the place where it is named.
pub fn header(document: &mut Document, value: &Value) -> Result<(Header, Vec<(String, usize)>), PolicyError> {
    let mut header = Header::default();
    let mut extends = Vec::new();
    for (key, value) in in_file_order(document.table(value, "a table [policy]")?) {
        match key.get_ref().as_ref() {
            "name" => header.name = document.string(value)?.trim().to_owned(),
            "title" => header.title = document.string(value)?.to_owned(),
            "source" => header.source = document.string(value)?.to_owned(),
            "date" => header.date = Some(document.date(value)?),
            "review_days" => {
                header.review_days = Some(document.number(value, REVIEW_DAYS_AT_MOST)?);
            }
            "extends" => {
                for item in document.list(value)? {
                    let name = document.string(item)?.to_owned();
                    extends.push((name, item.span().start));
                }
            }
            _ => return Err(document.unknown_key(key, "[policy]", &POLICY_KEYS)),
        }
    }
    Ok((header, extends))
}

/// `[unlisted]`: only what is written replaces `expect`.
pub fn unlisted(document: &mut Document, value: &Value, expect: &mut Expectation) -> Result<(), PolicyError> {
    for (key, value) in in_file_order(document.table(value, "a table [unlisted]")?) {
        match key.get_ref().as_ref() {
            "ports" => expect.ports = document.list_of(value, port)?,
            "tls" => expect.tls = tls(document, value)?,
            _ => return Err(document.unknown_key(key, "[unlisted]", &UNLISTED_KEYS)),
        }
    }
    Ok(())
}

/// One `[[endpoint]]`.
pub fn endpoint(document: &mut Document, value: &Value) -> Result<Row, PolicyError> {
    let mut row = Row::default();
    for (key, value) in in_file_order(document.table(value, "a table [[endpoint]]")?) {
        match key.get_ref().as_ref() {
            "id" => row.id = word(document, value)?,
            "class" => row.class = class(document, value)?,
            "line" => row.line = document.one_of(value, &Line::ALL, Line::as_str)?,
            "title" => row.title = document.string(value)?.to_owned(),
            "purpose" => row.purpose = document.string(value)?.to_owned(),
            "hosts" => row.hosts = document.list_of(value, scalar::host)?,
            "anywhere" => row.anywhere = document.list_of(value, scalar::host)?,
            "broad" => row.broad = document.list_of(value, scalar::host)?,
            "addresses" => addresses(document, value, &mut row)?,
            "ports" => row.expect.ports = document.list_of(value, port)?,
            "tls" => row.expect.tls = tls(document, value)?,
            "via" => row.via = document.list_of(value, scalar::host)?,
            "issuers" => row.issuers = document.list_of(value, issuer)?,
            "status" => row.status = document.one_of(value, &Status::ALL, Status::as_str)?,
            "since" => row.since = Some(document.date(value)?),
            "until" => row.until = Some(document.date(value)?),
            "replaced_by" => row.replaced_by = Some(document.string(value)?.to_owned()),
            "required" => row.required = document.boolean(value)?,
            _ => return Err(document.unknown_key(key, "[[endpoint]]", &ENDPOINT_KEYS)),
        }
    }
    check_whole(&row).map_err(|mistake| document.error_at(value, mistake))?;
    Ok(row)
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
    if row.is_nameless() && !row.has_ranges() {
        let what = format!("endpoint `{id}` has neither hosts nor addresses, so that nothing can match it");
        return Err(Mistake::new(what));
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
fn word(document: &Document, value: &Value) -> Result<String, PolicyError> {
    let text = document.string(value)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=WORD_AT_MOST).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    let meant: String = text
        .trim()
        .to_ascii_lowercase()
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .take(WORD_AT_MOST)
        .collect();
    let what = format!(
        "{} is not a word of 1 to {WORD_AT_MOST} letters, digits, `-`, `_`, `.`",
        quoted(text)
    );
    let mistake = match meant.chars().any(|c| c.is_ascii_alphanumeric()) {
        true => Mistake::new(what).suggest(format!("`{meant}`")),
        false => Mistake::new(what),
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

/// Ranges, and tags with their ranges.
fn addresses(document: &mut Document, value: &Value, row: &mut Row) -> Result<(), PolicyError> {
    for item in document.list(value)? {
        let text = document.string(item)?;
        let Some(tag) = text.strip_prefix('@') else {
            let reading = scalar::prefix(text).map_err(|mistake| document.error_at(item, mistake))?;
            if let Some(note) = reading.note {
                document.warn_at(item, note);
            }
            row.addresses.push(reading.value);
            continue;
        };
        let ranges = tagged(tag).map_err(|mistake| document.error_at(item, mistake))?;
        row.tagged.extend(ranges);
        row.tags.push(tag.to_owned());
    }
    Ok(())
}

/// The ranges of a tag that flowsift brings along.
fn tagged(tag: &str) -> Result<Vec<Prefix>, Mistake> {
    let Some(text) = builtin::tag(tag) else {
        let names: Vec<&str> = builtin::TAGS.iter().map(|(name, _)| *name).collect();
        let what = format!("no tag {} is known; known are {}", quoted(tag), names.join(", "));
        return Err(match nearest(tag, names) {
            Some(near) => Mistake::new(what).suggest(format!("`@{near}`")),
            None => Mistake::new(what),
        });
    };
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| scalar::prefix(line).map(|reading| reading.value))
        .collect()
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
    let versions = document.list_of(value, read)?;
    Ok(match versions.is_empty() {
        true => TlsRule::AnyVersion,
        false => TlsRule::Versions(versions),
    })
}
