//! How text is written into a language so that it stays text there: TOML, JSON and JavaScript, CSV, comments.
//!
//! What stands in a policy or in a vendor's list was written by others. Nothing of it may end a quoted string, a comment or a
//! line, drive a terminal, or become a formula in a spreadsheet.

use std::fmt::Write;

use super::model::{Row, TlsRule};
use crate::names::domain::escape_text;

const COMMENT_AT_MOST: usize = 200;
const LINE_AT_MOST: usize = 110;

/// A basic string of TOML, its quotes around it.
pub fn toml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // All of them are among the first 65,536.
            _ if is_treacherous(c) => push_code(&mut out, "\\u", 4, u32::from(c)),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What a terminal or an editor would obey rather than show: control characters and those that turn the direction of text.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn push_code(out: &mut String, lead: &str, digits: usize, code: u32) {
    // Writing into a String cannot fail.
    let _ = write!(out, "{lead}{code:0digits$x}");
}

/// A string of JSON, its quotes around it, in ASCII alone. It is a string of JavaScript too, and ends no `<script>` around it.
pub fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' if !matches!(c, '<' | '>' | '&' | '\'') => out.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    push_code(&mut out, "\\u", 4, u32::from(*unit));
                }
            }
        }
    }
    out.push('"');
    out
}

/// A cell of CSV (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe in front.
pub fn csv(text: &str) -> String {
    quoted_csv(&unquoted_csv(text))
}

/// A cell's text without anything that is obeyed instead of shown.
pub fn unquoted_csv(text: &str) -> String {
    let mut safe: String = text.chars().map(|c| if is_treacherous(c) { ' ' } else { c }).collect();
    if safe.trim_start().starts_with(['=', '+', '-', '@']) {
        safe.insert(0, '\'');
    }
    safe
}

/// A cell's text, in quotes if it needs them.
pub fn quoted_csv(safe: &str) -> String {
    match safe.contains(['"', ',', ';', '\'']) || safe.trim() != safe {
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe.to_owned(),
    }
}

/// For a comment that ends with its line: printable ASCII on one line, the rest as `\DDD`, not too long.
pub fn comment(text: &str) -> String {
    let mut safe = escape_text(text.as_bytes());
    if safe.len() > COMMENT_AT_MOST {
        safe.truncate(COMMENT_AT_MOST);
        safe.push_str("...");
    }
    // No language here ends such a comment early; two that are not used here would, and a reader may paste.
    safe.replace("*/", "* /").replace("?>", "? >")
}

/// A list as TOML, on one line or on several short ones.
pub fn toml_list(key: &str, items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| toml(&item)).collect();
    let whole = format!("{key} = [{}]\n", items.join(", "));
    if whole.len() <= LINE_AT_MOST + 1 {
        return whole;
    }
    let mut out = format!("{key} = [\n");
    let mut line = String::new();
    for item in items {
        if !line.is_empty() && line.len() + item.len() + 6 > LINE_AT_MOST {
            let _ = writeln!(out, "    {}", line.trim_end());
            line.clear();
        }
        line.push_str(&item);
        line.push_str(", ");
    }
    let _ = writeln!(out, "    {}\n]", line.trim_end());
    out
}

/// A row as its `[[endpoint]]`, with remarks above its keys. What is as it is without being written is left out.
pub fn endpoint(row: &Row, remarks: &[String]) -> String {
    let mut out = String::from("[[endpoint]]\n");
    for remark in remarks {
        let _ = writeln!(out, "# {}", comment(remark));
    }
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{key} = {}", toml(value));
        }
    };
    text("id", &row.id);
    text("class", &row.class);
    text("line", row.line.as_str());
    text("title", &row.title);
    text("purpose", &row.purpose);
    text("area", &row.area);
    text("category", &row.category);
    text("notes", &row.notes);
    let strings = |list: &[super::model::HostPattern]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let tags = row.tags.iter().map(|tag| format!("@{tag}"));
    let addresses = row.addresses.iter().map(ToString::to_string).chain(tags).collect();
    let ports = row.expect.ports.iter().map(ToString::to_string).collect();
    for (key, list) in [
        ("hosts", strings(&row.hosts)),
        ("anywhere", strings(&row.anywhere)),
        ("broad", strings(&row.broad)),
        ("addresses", addresses),
        ("ports", ports),
    ] {
        if !list.is_empty() {
            out.push_str(&toml_list(key, list));
        }
    }
    match &row.expect.tls {
        TlsRule::AnyVersion => {}
        TlsRule::PlainAllowed => out.push_str("tls = false\n"),
        TlsRule::Versions(versions) => out.push_str(&toml_list("tls", versions.iter().map(ToString::to_string))),
    }
    for (key, list) in [("via", strings(&row.via)), ("issuers", row.issuers.clone())] {
        if !list.is_empty() {
            out.push_str(&toml_list(key, list));
        }
    }
    if row.status != Default::default() {
        let _ = writeln!(out, "status = {}", toml(row.status.as_str()));
    }
    for (key, day) in [("since", row.since), ("until", row.until)] {
        if let Some(day) = day {
            let _ = writeln!(out, "{key} = {day}");
        }
    }
    if let Some(successor) = &row.replaced_by {
        let _ = writeln!(out, "replaced_by = {}", toml(successor));
    }
    let _ = writeln!(out, "required = {}", row.required);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::builtin;
    use crate::policy::load::load;
    use proptest::prelude::*;

    #[test]
    fn a_policy_written_out_is_read_as_the_same_rows() {
        let text = builtin::policy(builtin::DEFAULT).unwrap();
        let read = |text: &str| load(text, "t", &mut |_| Err("no".into())).unwrap();
        let policy = read(text).policy;
        let written: String = policy.rows().map(|(_, row)| endpoint(row, &[]) + "\n").collect();
        let again = read(&written);
        assert_eq!(again.warnings, []);
        assert!(policy.rows().eq(again.policy.rows()));
    }

    #[test]
    fn a_spreadsheet_gets_no_formula() {
        assert_eq!(csv("=1+1"), "\"'=1+1\"");
        assert_eq!(csv(" @x"), "\"' @x\"");
        assert_eq!(csv("a \"b\", c\nd"), "\"a \"\"b\"\", c d\"");
        assert_eq!(csv("*.salestim.io"), "*.salestim.io");
    }

    #[test]
    fn a_comment_stays_one() {
        assert_eq!(comment("a\n*/ b\\\r\u{2028}"), "a\\010* / b\\092\\013\\226\\128\\168");
        assert!(comment(&"x".repeat(5000)).len() < 300);
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_toml_and_json(text in any::<String>()) {
            let read: toml::Table = format!("a = {}\n", toml(&text)).parse().unwrap();
            prop_assert_eq!(read["a"].as_str(), Some(text.as_str()));
            let read: String = serde_json::from_str(&json(&text)).unwrap();
            prop_assert_eq!(&read, &text);
            prop_assert!(json(&text).is_ascii());
            prop_assert!(!csv(&text).contains(['\n', '\r']));
            prop_assert!(comment(&text).bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}
