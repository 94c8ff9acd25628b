//! Microsoft's web service of Microsoft 365 endpoints: a list of sets, each with its hosts, ranges, ports and category.
//!
//! | of a set | in the policy |
//! | --- | --- |
//! | `id` | `id = "m365-N"`, as in the built-in policy |
//! | `serviceArea`, `serviceAreaDisplayName` | `area`, `title` |
//! | `category`, `required`, `notes` | the same |
//! | `urls` | `hosts`; what stands for part of a name ([`Hosts`]) also `broad` |
//! | `ips`, `tcpPorts`, `udpPorts` | `addresses`, `ports` |
//!
//! Microsoft asks for TLS 1.2 or newer. Where a set lists other ports than 80 and 443, mail and media, plain bytes are fine.

use std::collections::{BTreeSet, HashSet};

use super::json::{Document, Node, Value, read};
use super::{Imported, checked, header};
use crate::evidence::model::TlsVersion;
use crate::policy::load::{Mistake, PolicyError, quoted, scalar};
use crate::policy::model::{Date, HostPattern, Line, PortRange, Row, TCP, TlsRule, UDP};
use crate::policy::phrases::few;
use crate::policy::spelling::endpoint;

const CLASS: &str = "microsoft365";
const SETS_AT_MOST: usize = 10_000;
/// A text in a policy has a bound too.
const NOTES_AT_MOST: usize = 1000;
/// The sets as a policy file. `date` is the day they were fetched.
pub fn import(text: &str, origin: &str, date: Option<Date>) -> Result<Imported, PolicyError> {
    let document = Document { origin };
    let root = read(text, origin)?;
    let Value::List(sets) = &root.value else {
        let what = "no list of Microsoft 365 endpoint sets; service tags are read by `policy import azure-tags`";
        return Err(document.error(&root, what));
    };
    if sets.len() > SETS_AT_MOST {
        return Err(document.error(&root, format!("more than {SETS_AT_MOST} sets")));
    }
    let source = format!("Microsoft 365 endpoints, {} sets", sets.len());
    let mut toml = header("m365", "What Microsoft says that Microsoft 365 needs", &source, date);
    let (mut notes, mut ids, mut unkept) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for node in sets {
        let mut set = Set::read(&document, node)?;
        if !ids.insert(set.row.id.clone()) {
            return Err(document.error(node, format!("a second set has the id {}", set.number)));
        }
        unkept.append(&mut set.unkept);
        notes.extend(set.remarks.iter().map(|remark| format!("set {}: {remark}", set.number)));
        toml.push('\n');
        toml.push_str(&set.toml());
    }
    if sets.is_empty() {
        notes.push("the list has no set, and so the policy has no row".to_owned());
    }
    if !unkept.is_empty() {
        let names = few(unkept.iter().map(|name| quoted(name)), 8);
        notes.push(format!("a policy has no place for {names}"));
    }
    checked(toml, notes)
}

/// One set on its way into a row.
#[derive(Debug, Default)]
struct Set {
    number: u32,
    row: Row,
    /// What could not be said as Microsoft says it.
    remarks: Vec<String>,
    unkept: BTreeSet<String>,
}

impl Set {
    fn read(document: &Document, node: &Node) -> Result<Set, PolicyError> {
        let number = document.number(document.field(node, "id")?)?;
        let mut set = Set {
            number,
            ..Set::default()
        };
        let (mut display, mut hosts) = (String::new(), Hosts::default());
        for (key, value) in document.object(node)? {
            match key.as_str() {
                "id" => {}
                "serviceArea" => set.row.area = document.text(value)?.to_owned(),
                "serviceAreaDisplayName" => display = document.text(value)?.to_owned(),
                "category" => set.row.category = document.text(value)?.to_owned(),
                "required" => set.row.required = document.truth(value)?,
                "notes" => set.row.notes = set.shortened(document.text(value)?),
                "urls" => {
                    for url in document.list(value)? {
                        hosts.add(document.text(url)?);
                    }
                }
                "ips" => set.addresses(document, value)?,
                "tcpPorts" => set.ports(document, value, TCP)?,
                "udpPorts" => set.ports(document, value, UDP)?,
                _ => {
                    set.unkept.insert(key.clone());
                }
            }
        }
        set.remarks.append(&mut hosts.remarks);
        let area = if display.is_empty() { &set.row.area } else { &display };
        let title = format!("{} (set {number})", short(area));
        set.row = Row {
            id: format!("m365-{number}"),
            class: CLASS.to_owned(),
            line: Line::Purple,
            title,
            area: short(&set.row.area),
            category: short(&set.row.category),
            hosts: hosts.hosts,
            broad: hosts.broad,
            ..set.row
        };
        if set.row.expect.ports.is_empty() {
            set.remarks.push("no port is listed, so any will do".to_owned());
        }
        set.row.expect.tls = tls(&set.row.expect.ports);
        Ok(set)
    }

    fn addresses(&mut self, document: &Document, value: &Node) -> Result<(), PolicyError> {
        for item in document.list(value)? {
            let reading = scalar::prefix(document.text(item)?).map_err(|mistake| document.mistake(item, mistake))?;
            self.remarks.extend(reading.note);
            self.row.addresses.push(reading.value);
        }
        Ok(())
    }

    /// `443,80` or `3478-3481`; neighbours become a range.
    fn ports(&mut self, document: &Document, value: &Node, protocol: u8) -> Result<(), PolicyError> {
        for item in document.text(value)?.split(',') {
            let Some((first, last)) = scalar::read_ports(item).filter(|(first, last)| first <= last) else {
                let what = format!("{} is no port; they are written as in `443,80`", quoted(item));
                return Err(document.mistake(value, Mistake::new(what)));
            };
            let ports = &mut self.row.expect.ports;
            match ports.last_mut() {
                Some(before) if before.protocol == protocol && before.last.checked_add(1) == Some(first) => {
                    before.last = last;
                }
                _ => ports.push(PortRange { protocol, first, last }),
            }
        }
        Ok(())
    }

    fn shortened(&mut self, text: &str) -> String {
        let kept: String = text.chars().take(NOTES_AT_MOST).collect();
        if kept.len() < text.len() {
            self.remarks
                .push(format!("of its notes only the first {NOTES_AT_MOST} letters are kept"));
        }
        kept
    }

    fn toml(&mut self) -> String {
        if self.row.is_nameless() && self.row.addresses.is_empty() {
            let remarks = self.remarks.iter().map(|remark| format!("# {}\n", comment(remark)));
            return format!(
                "# m365-{} is left out: nothing of it is left\n{}",
                self.number,
                remarks.collect::<String>()
            );
        }
        endpoint(&self.row, &self.remarks)
    }
}

fn comment(text: &str) -> String {
    crate::policy::spelling::comment(text)
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// STARTTLS begins in the clear, and media is not TLS at all.
fn tls(ports: &[PortRange]) -> TlsRule {
    let is_web = |range: &PortRange| range.first == range.last && matches!(range.first, 80 | 443);
    match ports.iter().all(is_web) {
        true => TlsRule::Versions(vec![TlsVersion::TLS12, TlsVersion::TLS13]),
        false => TlsRule::PlainAllowed,
    }
}

/// Hosts as a policy can say them. A wildcard there stands for whole labels in front, so of what Microsoft writes
/// - `<tenant>.yammer.com`, any label, is `*.yammer.com`;
/// - `*cdn.onenote.net`, any ending of a label, is `cdn.onenote.net` and what is below it, and with the flag `broad` `*.onenote.net`;
/// - `autodiscover.*.onmicrosoft.com`, any label in the middle, is with the flag `broad` `*.onmicrosoft.com`.
#[derive(Debug, Default)]
struct Hosts {
    hosts: Vec<HostPattern>,
    broad: Vec<HostPattern>,
    /// All of both.
    known: HashSet<(HostPattern, bool)>,
    remarks: Vec<String>,
}

impl Hosts {
    fn add(&mut self, url: &str) {
        let mistake = match scalar::host(url) {
            Ok(reading) => {
                self.remarks.extend(reading.note);
                return self.push(reading.value, false);
            }
            Err(mistake) => mistake,
        };
        let written = quoted(url);
        let (first, behind) = url.split_once('.').unwrap_or((url, ""));
        if is_placeholder(first)
            && let Some(host) = pattern(&format!("*.{behind}"))
        {
            self.remarks.push(format!(
                "{written} stands for any name in front, here at any depth: {host}"
            ));
            return self.push(host, false);
        }
        let Some(wide) = wider(url) else {
            self.remarks.push(format!("{written} is left out: {}", mistake.what));
            return;
        };
        let ending = first
            .strip_prefix('*')
            .filter(|ending| ending.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let exact = ending.and_then(|ending| pattern(&format!("{ending}.{behind}")));
        let below = ending.and_then(|ending| pattern(&format!("*.{ending}.{behind}")));
        self.remarks.push(match (&exact, &below) {
            (Some(exact), Some(below)) => {
                format!("{written} ends a label in any way: {exact} and {below} are hosts, the rest is broad, {wide}")
            }
            _ => format!("{written} has a wildcard that a policy cannot say: only the wider {wide}, which is broad"),
        });
        for host in [exact, below].into_iter().flatten() {
            self.push(host, false);
        }
        self.push(wide, true);
    }

    fn push(&mut self, host: HostPattern, is_broad: bool) {
        if self.known.insert((host.clone(), is_broad)) {
            let list = if is_broad { &mut self.broad } else { &mut self.hosts };
            list.push(host);
        }
    }
}

fn pattern(text: &str) -> Option<HostPattern> {
    scalar::host(text)
        .ok()
        .filter(|reading| reading.note.is_none())
        .map(|reading| reading.value)
}

/// `*`, or a word in angle brackets.
fn is_placeholder(label: &str) -> bool {
    let named = label.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    label == "*" || named.is_some_and(|name| !name.contains(['<', '>']))
}

/// What is behind the last label with a wildcard in it, if that is a domain of somebody's and not a whole suffix such as `com`.
fn wider(url: &str) -> Option<HostPattern> {
    let last = url.rfind(['*', '<', '>'])?;
    let (_, behind) = url.get(last..)?.split_once('.')?;
    behind.contains('.').then(|| pattern(&format!("*.{behind}")))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::load::load;

    const SETS: &str = r#"[
        {"id": 7, "serviceArea": "Exchange", "serviceAreaDisplayName": "Exchange Online", "category": "Optimize",
         "required": true, "expressRoute": true, "urls": ["outlook.example", "*.outlook.example"],
         "ips": ["198.18.0.0/24", "2001:db8::/32"], "tcpPorts": "80,443", "udpPorts": "443"},
        {"id": 8, "serviceArea": "Skype", "category": "Allow", "required": false, "notes": "Media \"relays\"\nand\tmore",
         "ips": ["198.18.1.0/24"], "udpPorts": "3478,3479,3480,3481"},
        {"id": 9, "serviceArea": "Common", "category": "Default", "required": true,
         "urls": ["autodiscover.*.tenant.example", "<tenant>.yam.example", "*cdn.note.example", "*-admin.point.example", "*.*", "a b"],
         "tcpPorts": "443"},
        {"id": 10, "serviceArea": "Common", "category": "Default", "required": true, "urls": ["a.*.com"], "tcpPorts": "443"},
        {"id": 11, "serviceArea": "Exchange", "category": "Allow", "required": true, "urls": ["smtp.example"], "tcpPorts": "587,25"}
    ]"#;

    #[test]
    fn sets_become_rows() {
        let date = Date::parse("2026-08-14");
        let imported = import(SETS, "sets.json", date).unwrap();
        assert_eq!(imported.toml, include_str!("m365_expected.toml"));
        assert_eq!(imported, import(SETS, "other.json", date).unwrap());
        let notes = imported.notes.join("\n");
        for told in [
            "set 9: `autodiscover.*.tenant.example` has a wildcard",
            "set 9: `*-admin.point.example` has a wildcard",
            "set 9: `a b` is left out",
            "set 10: `a.*.com` is left out",
            "a policy has no place for `expressRoute`",
        ] {
            assert!(notes.contains(told), "{told} is not in\n{notes}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, told) in [
            (
                "{\"values\": []}",
                "f:1:1: no list of Microsoft 365 endpoint sets; service tags are read by `policy import azure-tags`",
            ),
            (
                "[{\"ID\": 1}]",
                "f:1:2: this object has no `id`; did you mean `id` for `ID`?",
            ),
            (
                "[{\"id\": -1}]",
                "f:1:9: a whole number from 0 to 4294967295 is wanted here",
            ),
            ("[{\"id\": 1}, {\"id\": 1}]", "f:1:13: a second set has the id 1"),
            (
                "[{\"id\": 1, \"ips\": [\"10.0.0.0/40\"]}]",
                "f:1:20: the length of `10.0.0.0/40` is none from 0 to 32; did you mean `10.0.0.0/32`?",
            ),
            (
                "[{\"id\": 1, \"tcpPorts\": \"https\"}]",
                "f:1:24: `https` is no port; they are written as in `443,80`",
            ),
            (
                "[{\"id\": 1, \"urls\": \"a.example\"}]",
                "f:1:20: a list is wanted here, not a text",
            ),
        ] {
            assert_eq!(import(text, "f", None).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn hostile_words_stay_words() {
        let text = r#"[{"id": 1, "serviceArea": "\"\n[[endpoint]]\u001b[31m", "category": "\\", "notes": "\u202e", "required": true,
            "urls": ["a.example", "x\"]\nid = \"y", "*\n.b.example"], "tcpPorts": "443"}]"#;
        let imported = import(text, "f", None).unwrap();
        assert!(!imported.toml.contains(['\u{1b}', '\u{202e}']));
        let policy = load(&imported.toml, "t", &mut |_| Err("no".into())).unwrap().policy;
        let rows: Vec<_> = policy.rows().map(|(_, row)| row).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].area.as_str(), rows[0].notes.as_str()),
            ("\"\n[[endpoint]]\u{1b}[31m", "\u{202e}")
        );
        assert_eq!(rows[0].hosts.len(), 1);
        assert!(
            imported.notes.iter().all(|note| !note.contains(char::is_control)),
            "{:?}",
            imported.notes
        );
    }

    #[test]
    fn what_is_not_listed_is_told() {
        let empty = import("[]", "f.json", None).unwrap();
        assert_eq!(empty.notes, ["the list has no set, and so the policy has no row"]);
        let portless = import(r#"[{"id": 7, "urls": ["a.example"]}]"#, "f.json", None).unwrap();
        assert_eq!(portless.notes, ["set 7: no port is listed, so any will do"]);
        assert!(portless.toml.contains("# no port is listed"), "{}", portless.toml);
    }
}
