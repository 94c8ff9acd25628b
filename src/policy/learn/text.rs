//! What was learned, as TOML: rows, and what a person should know about each as comments.
//!
//! Every host here is a host name and nothing else, so it needs no escapes; other foreign text loses its control characters.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::addresses::Group;
use super::used::{CLIENTS_AT_MOST, Used};
use super::wildcards::cover;
use super::{CLASS, HTTP, Host, Learner, NAMES_AT_MOST, parents};
use crate::names::domain::Domain;
use crate::policy::model::{Date, HostPattern, PortRange};
use crate::policy::phrases::count;

/// Lines of a comment's list.
const LINES_AT_MOST: usize = 200;
/// Rows; a policy may have no more than 65,535.
const ROWS_AT_MOST: usize = 40_000;
/// The file; the reader takes no more than 16 MiB.
const BYTES_AT_MOST: usize = 12 << 20;
/// A comment's few examples.
const EXAMPLES: usize = 5;
/// See [`TlsVersion::rank`](crate::evidence::model::TlsVersion::rank).
const RANK_OF_1_2: u8 = 4;
const SECOND: u64 = 1_000_000_000;
const DAY_SECONDS: u64 = 86_400;

/// What is said of the inputs at the top.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// A line or two each: name, window, SHA-256.
    pub inputs: Vec<String>,
    /// In one line.
    pub source: String,
    /// The last packet: as of when the list holds.
    pub last_ns: Option<u64>,
    /// The policy whose classes were taken.
    pub classes_of: Option<String>,
}

/// What of the names becomes one row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey<'a> {
    owner: &'a str,
    plain: bool,
    class: &'a str,
}

impl Learner {
    /// The policy. It can be loaded, whatever was seen.
    pub fn text(&self, about: &About) -> String {
        let names = self.names();
        let mut writer = Writer::default();
        writer.head(self, about, names.len() as u64);
        self.named_rows(&names, &mut writer);
        self.nameless_rows(&mut writer);
        self.aside(&mut writer);
        writer.text
    }

    /// Those used most, in their own order.
    fn names(&self) -> BTreeSet<&Domain> {
        let mut names: Vec<(&Domain, u64)> = self.sure.iter().map(|(name, host)| (name, host.flows())).collect();
        names.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        names.truncate(NAMES_AT_MOST);
        // As many as the file has room for; a line has a name, a pattern at most as long, and some words.
        let mut room = BYTES_AT_MOST;
        let fits = |(name, _): &(&Domain, u64)| {
            let cost = 2 * name.as_str().len() + 160;
            let fits = room >= cost;
            room = room.saturating_sub(cost);
            fits
        };
        let kept: BTreeSet<&Domain> = names.into_iter().take_while(fits).map(|(name, _)| name).collect();
        kept
    }

    fn named_rows(&self, names: &BTreeSet<&Domain>, writer: &mut Writer) {
        let mut rows: BTreeMap<RowKey, BTreeSet<&Domain>> = BTreeMap::new();
        let mut owned: BTreeMap<&str, BTreeSet<(&Domain, RowKey)>> = BTreeMap::new();
        for name in names {
            let Some(host) = self.sure.get(*name) else { continue };
            for (plain, used) in [(false, &host.tls), (true, &host.plain)] {
                if used.flows == 0 {
                    continue;
                }
                let owner = parents::registrable(name.as_str());
                let class = used.class().unwrap_or(CLASS);
                let key = RowKey { owner, plain, class };
                owned.entry(owner).or_default().insert((name, key.clone()));
                rows.entry(key).or_default().insert(name);
            }
        }
        let beyond = rows.len().saturating_sub(ROWS_AT_MOST);
        let mut rows: Vec<(&RowKey, &BTreeSet<&Domain>)> = rows.iter().collect();
        if beyond > 0 {
            let flows = |names: &BTreeSet<&Domain>| -> u64 {
                let hosts = names.iter().filter_map(|name| self.sure.get(*name));
                hosts.map(Host::flows).sum()
            };
            rows.sort_by_cached_key(|(key, names)| (Reverse(flows(names)), *key));
            rows.truncate(ROWS_AT_MOST);
            rows.sort_unstable_by_key(|(key, _)| *key);
        }
        for (key, names) in rows {
            let others = owned.get(key.owner).into_iter().flatten();
            let foreign = others
                .filter(|(_, other)| other != key)
                .map(|(name, _)| *name)
                .collect();
            self.named_row(key, names, &foreign, writer);
        }
        if beyond > 0 {
            writer.line(&format!("# And {beyond} more rows, which do not fit into a policy."));
        }
    }

    fn named_row(&self, key: &RowKey, names: &BTreeSet<&Domain>, foreign: &BTreeSet<&Domain>, writer: &mut Writer) {
        let of = |name: &Domain| {
            self.sure
                .get(name)
                .map(|host| if key.plain { &host.plain } else { &host.tls })
        };
        let mut all = Used::default();
        names.iter().filter_map(|name| of(name)).for_each(|used| all.add(used));
        let plain = if key.plain { "-plain" } else { "" };
        let class = if key.class == CLASS {
            String::new()
        } else {
            format!("-{}", key.class)
        };
        writer.row(&format!("{}{class}{plain}", key.owner), key.class, &all);
        writer.line("hosts = [");
        for (pattern, covered) in cover(names, foreign) {
            let mut used = Used::default();
            covered.iter().filter_map(|name| of(name)).for_each(|one| used.add(one));
            writer.line(&format!(
                "    \"{pattern}\",  # {}{}",
                summary(&used),
                examples(&pattern, &covered)
            ));
        }
        writer.line("]");
        writer.expectation(&all, key.plain);
    }

    fn nameless_rows(&self, writer: &mut Writer) {
        const GROUPS_AT_MOST: usize = 1000;
        let mut groups: Vec<(&Group, &Used)> = self.nameless.groups.iter().collect();
        groups.sort_unstable_by(|(a, x), (b, y)| y.flows.cmp(&x.flows).then_with(|| a.cmp(b)));
        let rest: u64 = groups.iter().skip(GROUPS_AT_MOST).map(|(_, used)| used.flows).sum();
        groups.truncate(GROUPS_AT_MOST);
        groups.sort_unstable_by_key(|(group, _)| *group);
        if !groups.is_empty() {
            writer
                .line("\n# Flows without a name: addresses are all there is to list them by. Addresses change hands.");
        }
        for (group, used) in groups {
            let port = PortRange {
                protocol: group.protocol,
                first: group.port,
                last: group.port,
            };
            let plain = if group.plain { "-plain" } else { "" };
            let class = group.class.as_deref().unwrap_or(CLASS);
            let of_class = group
                .class
                .as_ref()
                .map(|class| format!("-{class}"))
                .unwrap_or_default();
            let id = format!("addresses-{}{of_class}{plain}", port.to_string().replace('/', "-"));
            writer.row(&id, class, used);
            writer.line("addresses = [");
            for (range, flows, seen) in self.nameless.ranges(group) {
                let dense = match seen {
                    1 => String::new(),
                    n => format!(", to {n} addresses of it"),
                };
                writer.line(&format!("    \"{range}\",  # {}{dense}", count(flows, "flow")));
            }
            writer.line("]");
            writer.expectation(used, group.plain);
        }
        let left_out = rest + self.nameless.left_out;
        if left_out > 0 {
            writer.line(&format!(
                "# And {} more without a name, to other addresses or ports.",
                count(left_out, "flow")
            ));
        }
    }

    /// What is no row, for a person to decide about.
    fn aside(&self, writer: &mut Writer) {
        let mut unsure: Vec<(&Domain, &Used)> = self.unsure.iter().collect();
        unsure.sort_unstable_by(|(a, x), (b, y)| y.flows.cmp(&x.flows).then_with(|| a.cmp(b)));
        writer.list(
            "Names that only DNS (or a certificate) tells: likely, not sure. Add those you trust to a row.",
            unsure
                .iter()
                .map(|(name, used)| format!("{name}: {}, {}", summary(used), ports(used).join(" "))),
            self.unsure_left_out,
        );
        writer.list(
            "Attempts without a sure name that failed: refused, or not answered. Needed, if somebody misses something.",
            self.failed
                .iter()
                .map(|(what, count)| format!("{what}: {}", self::count(*count, "attempt"))),
            self.failed_left_out,
        );
        let mut rest: Vec<String> = self
            .infrastructure
            .iter()
            .map(|(app, flows)| format!("{}: infrastructure, not listed", count(*flows, &format!("{app} flow"))))
            .collect();
        if self.hidden > 0 {
            rest.push(format!(
                "{} hid the name (Encrypted Client Hello): their addresses serve anybody",
                count(self.hidden, "flow")
            ));
        }
        if self.others > 0 {
            rest.push(format!(
                "{} to many at once, to the machine itself, or by protocols without ports",
                count(self.others, "flow")
            ));
        }
        writer.list("What is in no row:", rest.into_iter(), 0);
    }
}

/// The file under way.
#[derive(Debug, Default)]
struct Writer {
    text: String,
    ids: BTreeSet<String>,
}

impl Writer {
    fn head(&mut self, learner: &Learner, about: &About, names: u64) {
        self.comment(
            "A policy learned from captures: what was used, which is neither all that is needed nor all that is right.",
        );
        self.comment(
            "Read it before you use it. A name or a port that somebody used by mistake, or by malice, is in it too.",
        );
        self.comment("");
        about
            .inputs
            .iter()
            .take(LINES_AT_MOST)
            .for_each(|line| self.comment(line));
        if about.inputs.len() > LINES_AT_MOST {
            self.comment(&format!(
                "And {} more lines of inputs.",
                about.inputs.len() - LINES_AT_MOST
            ));
        }
        self.comment("");
        self.comment(&format!(
            "{} in all; {} that clients said themselves (in a TLS or QUIC hello, to a proxy, in an HTTP request).",
            count(learner.flows, "flow"),
            count(names, "name")
        ));
        let left_out = learner.left_out + (learner.sure.len() as u64).saturating_sub(names);
        if left_out > 0 {
            self.comment(&format!("And {left_out} more names, used less, which are not here."));
        }
        if let Some(policy) = &about.classes_of {
            self.comment(&format!(
                "Classes are those of the policy {policy}; what it does not list is `{CLASS}`."
            ));
        }
        self.line("[policy]\nname = \"learned\"");
        self.line(&format!(
            "title = {}",
            quoted(&format!("Learned from {}", about.source))
        ));
        if let Some(ns) = about.last_ns {
            let days = i64::try_from(ns / SECOND / DAY_SECONDS).unwrap_or(0);
            self.line(&format!("date = {}", Date::of_days(days)));
        }
        self.line(&format!("source = {}", quoted(&about.source)));
    }

    /// The head of a row.
    fn row(&mut self, wanted: &str, class: &str, used: &Used) {
        let id = self.id(wanted);
        self.line(&format!("\n# {}.", summary(used)));
        self.line("[[endpoint]]");
        self.line(&format!("id = \"{id}\""));
        self.line(&format!("class = \"{class}\""));
    }

    /// A word of its own: shortened, and numbered where it is taken.
    fn id(&mut self, wanted: &str) -> String {
        const WORD: usize = 64;
        const STEM: usize = 54;
        let wanted: String = wanted.chars().filter(char::is_ascii).collect();
        let stem = wanted.get(..STEM).unwrap_or(&wanted);
        let mut id = if wanted.len() <= WORD {
            wanted.clone()
        } else {
            stem.to_owned()
        };
        let mut number = 1;
        while self.ids.contains(&id) {
            number += 1;
            id = format!("{stem}-{number}");
        }
        self.ids.insert(id.clone());
        id
    }

    /// Ports and versions, as they were seen.
    fn expectation(&mut self, used: &Used, plain: bool) {
        match used.any_port {
            true => self.line("# ports: left open, since not all of them are known, or there are too many"),
            false => {
                let ports: Vec<String> = ports(used).iter().map(|port| format!("\"{port}\"")).collect();
                self.line(&format!("ports = [{}]", ports.join(", ")));
            }
        }
        if plain {
            self.line("tls = false  # something else than TLS was spoken");
            return;
        }
        let versions = || used.versions.keys().filter_map(|rank| version(*rank));
        if versions().next().is_some() {
            let words: Vec<String> = versions().map(|word| format!("\"{word}\"")).collect();
            let counts: Vec<String> = used
                .versions
                .iter()
                .filter_map(|(rank, flows)| Some(format!("{} {flows}", version(*rank)?)))
                .collect();
            self.line(&format!(
                "tls = [{}]  # negotiated: {}",
                words.join(", "),
                counts.join(", ")
            ));
        }
        if used.versions.keys().any(|rank| *rank < RANK_OF_1_2) {
            self.line("# a version older than TLS 1.2 is among them: is that wanted?");
        }
        if used.ports.contains_key(&HTTP) {
            self.line("# tcp/80 among the ports: plain HTTP is taken for right there");
        }
    }

    /// A list as a comment; nothing if it is empty.
    fn list(&mut self, heading: &str, lines: impl ExactSizeIterator<Item = String>, left_out: u64) {
        let beyond = lines.len().saturating_sub(LINES_AT_MOST) as u64 + left_out;
        if lines.len() == 0 {
            return;
        }
        self.text.push('\n');
        self.comment(heading);
        for line in lines.take(LINES_AT_MOST) {
            self.comment(&format!("  {line}"));
        }
        if beyond > 0 {
            self.comment(&format!("  and {beyond} more"));
        }
    }

    /// Foreign words may be in it: nothing ends the comment, or moves the cursor.
    fn comment(&mut self, words: &str) {
        let line: String = words.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.line(format!("# {line}").trim_end());
    }

    fn line(&mut self, words: &str) {
        self.text.push_str(words);
        self.text.push('\n');
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push('?'),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `9 flows, 5 clients, 51 kB, 2026-11-21T09:01:01Z to 2026-11-21T09:29:30Z`.
fn summary(used: &Used) -> String {
    let clients = match used.more_clients {
        true => format!("more than {CLIENTS_AT_MOST} clients"),
        false => count(used.clients.len() as u64, "client"),
    };
    let failed = match used.failed {
        0 => String::new(),
        failed if failed == used.flows => ", NONE of them answered".to_owned(),
        failed => format!(" ({failed} failed)"),
    };
    format!(
        "{}{failed}, {clients}, {}, {} to {}",
        count(used.flows, "flow"),
        bytes(used.bytes),
        time(used.first_ns),
        time(used.last_ns)
    )
}

/// What a wildcard covers.
fn examples(pattern: &HostPattern, covered: &[&Domain]) -> String {
    if !pattern.below {
        return String::new();
    }
    let names: Vec<&str> = covered.iter().take(EXAMPLES).map(|name| name.as_str()).collect();
    let more = match covered.len().saturating_sub(EXAMPLES) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("; {}{more}", names.join(" "))
}

/// `tcp/443`, `udp/443`.
fn ports(used: &Used) -> Vec<String> {
    let range = |(protocol, port): &(u8, u16)| PortRange {
        protocol: *protocol,
        first: *port,
        last: *port,
    };
    used.ports.keys().map(|key| range(key).to_string()).collect()
}

/// The version that a policy means by a rank: DTLS and drafts are judged as what they stand for.
fn version(rank: u8) -> Option<&'static str> {
    ["ssl2", "ssl3", "1.0", "1.1", "1.2", "1.3"]
        .get(usize::from(rank))
        .copied()
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

/// `2026-11-21T09:12:01Z`.
fn time(ns: u64) -> String {
    let (day, second) = (ns / SECOND / DAY_SECONDS, ns / SECOND % DAY_SECONDS);
    let date = Date::of_days(i64::try_from(day).unwrap_or(0));
    format!(
        "{date}T{:02}:{:02}:{:02}Z",
        second / 3600,
        second % 3600 / 60,
        second % 60
    )
}
