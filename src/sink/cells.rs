//! A row as the cells of a table.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::IpAddr;

use super::address::address;
use super::style::{Align, Tone};
use super::{Labels, text, words};
use crate::engine::rows::{FlowRow, NameRow, OutIn};
use crate::evidence::model::App;
use crate::flow::key::Endpoint;
use crate::policy::verdict::{Flag, Standing};

/// What a table can show of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// To the second.
    Clock,
    /// To the millisecond.
    ClockMs,
    Client,
    ClientPort,
    Server,
    /// `-` where there is none: the server stands beside it.
    Name,
    /// The name, else the server's address; the port where it is not 443.
    Host,
    Class,
    App,
    Packets,
    Bytes,
    /// The verdict and the flags.
    Verdict,
}

impl Column {
    pub fn heading(self) -> &'static str {
        match self {
            Column::Clock | Column::ClockMs => "TIME UTC",
            Column::Client | Column::ClientPort => "CLIENT",
            Column::Server => "SERVER",
            Column::Name => "NAME",
            Column::Host => "SERVER",
            Column::Class => "CLASS",
            Column::App => "APP",
            Column::Packets => "PACKETS",
            Column::Bytes => "BYTES",
            Column::Verdict => "VERDICT",
        }
    }

    pub fn align(self) -> Align {
        match self {
            Column::Packets | Column::Bytes => Align::Right,
            _ => Align::Left,
        }
    }

    /// Narrower than this the column is not worth having (unless its cells are that short).
    pub fn least(self) -> usize {
        match self {
            Column::Clock => 8,
            Column::ClockMs => 12,
            Column::Client => 15,
            Column::ClientPort | Column::Server => 21,
            Column::Name | Column::Host => 21,
            Column::Class => 13,
            Column::App => 8,
            Column::Packets => 7,
            Column::Bytes => 5,
            Column::Verdict => 15,
        }
    }

    /// At most `width` characters of a cell: names and addresses say most at both ends, a time at its start.
    pub fn cut(self, content: &str, width: usize) -> Cow<'_, str> {
        match self {
            Column::Clock | Column::ClockMs => content.get(..width).unwrap_or(content).into(),
            Column::Class | Column::App => text::cut_end(content, width),
            _ => text::cut_middle(content, width),
        }
    }

    /// Wider than this it takes room from others.
    pub fn most(self) -> usize {
        match self {
            Column::Clock => 8,
            Column::ClockMs => 12,
            Column::Client => 39,
            Column::ClientPort | Column::Server => 47,
            Column::Name | Column::Host => 60,
            Column::Class => 20,
            Column::App => 15,
            Column::Packets => 7,
            Column::Bytes => 5,
            Column::Verdict => 60,
        }
    }
}

/// One row's cells, clean: every character is as wide as it looks.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    pub time_ns: u64,
    pub verdict: Vec<(String, Tone)>,
    clock: String,
    client: String,
    client_port: String,
    server: String,
    name: String,
    host: String,
    class: String,
    app: String,
    packets: String,
    bytes: String,
}

const NONE: &str = "-";

impl Cells {
    pub fn of_flow(row: &FlowRow, labels: &Labels) -> Cells {
        let name = row.naming.name.as_ref();
        Cells {
            time_ns: row.start_ns,
            verdict: verdict(row.verdict.standing, &row.verdict.flags),
            clock: text::clock(row.start_ns).as_str().to_owned(),
            client: address(row.client.ip).as_str().to_owned(),
            client_port: with_port(row.client),
            server: with_port(row.server),
            name: name.map_or(NONE, |name| name.as_str()).to_owned(),
            host: host(row),
            class: class(labels.policy.class(&row.verdict.matches, name.is_some())),
            app: app(row),
            packets: whole(row.packets).to_string(),
            bytes: text::short_bytes(whole(row.bytes)).as_str().to_owned(),
        }
    }

    pub fn of_name(row: &NameRow, labels: &Labels) -> Cells {
        let client = row.client.map_or(NONE.to_owned(), bare);
        Cells {
            time_ns: row.time_ns,
            verdict: answer(row),
            clock: text::clock(row.time_ns).as_str().to_owned(),
            client_port: client.clone(),
            client,
            server: bare(row.resolver),
            name: row.query.to_string(),
            host: row.query.to_string(),
            class: class(labels.policy.class(&row.matches, true)),
            app: format!("dns {}", words::query_type(row.qtype)),
            packets: NONE.into(),
            bytes: NONE.into(),
        }
    }

    /// The text of any column but the verdict, which is a list.
    pub fn text(&self, column: Column) -> &str {
        match column {
            Column::Clock | Column::ClockMs => &self.clock,
            Column::Client => &self.client,
            Column::ClientPort => &self.client_port,
            Column::Server => &self.server,
            Column::Name => &self.name,
            Column::Host => &self.host,
            Column::Class => &self.class,
            Column::App => &self.app,
            Column::Packets => &self.packets,
            Column::Bytes => &self.bytes,
            Column::Verdict => "",
        }
    }

    /// How wide a column would like to be for this row.
    pub fn width(&self, column: Column) -> usize {
        match column {
            Column::Verdict => {
                let words = self.verdict.iter().map(|(word, _)| word.chars().count() + 2);
                words.sum::<usize>().saturating_sub(2)
            }
            _ => self.text(column).chars().count(),
        }
    }
}

/// Both directions.
fn whole(pair: OutIn) -> u64 {
    pair.out.saturating_add(pair.r#in)
}

/// Not worth a mention behind a name.
const HTTPS: u16 = 443;

fn bare(ip: IpAddr) -> String {
    address(ip).as_str().to_owned()
}

/// `198.18.1.11:443`, `[2001:db8::11]:443`.
fn with_port(end: Endpoint) -> String {
    let ip = address(end.ip);
    match (end.ip, end.port) {
        (_, None) => ip.as_str().to_owned(),
        (IpAddr::V4(_), Some(port)) => format!("{}:{port}", ip.as_str()),
        (IpAddr::V6(_), Some(port)) => format!("[{}]:{port}", ip.as_str()),
    }
}

/// The name, else the server's address; the port where it is not 443.
pub fn host(row: &FlowRow) -> String {
    match (&row.naming.name, row.server.port) {
        (None, _) => with_port(row.server),
        (Some(name), None | Some(HTTPS)) => name.to_string(),
        (Some(name), Some(port)) => format!("{name}:{port}"),
    }
}

/// A policy's word: the only foreign text in a row.
fn class(name: &str) -> String {
    text::clean(name).into_owned()
}

/// The application and its version: `tls 1.2`; where nothing is known of it, the protocol below.
pub fn app(row: &FlowRow) -> String {
    let mut word = match row.app {
        App::Unknown => words::ip_protocol(row.protocol).to_string(),
        app => app.as_str().to_owned(),
    };
    if let Some(version) = row.tls.as_deref().and_then(|facts| facts.version) {
        // Writing into a `String` cannot fail.
        let _ = write!(word, " {version}");
    }
    word
}

/// `ok`, `unlisted`, `inconclusive`, each with its notices behind it; a flagged flow's flags say so themselves. The
/// gravest flag stands first, and gives the whole its colour.
pub fn verdict(standing: Standing, flags: &[Flag]) -> Vec<(String, Tone)> {
    let tone = match standing {
        Standing::Ok => Tone::Good,
        Standing::Flagged => Tone::High,
        Standing::Unlisted => Tone::Plain,
        Standing::Inconclusive => Tone::Quiet,
    };
    let mut words = flag_words(flags);
    if standing != Standing::Flagged || words.is_empty() {
        words.insert(0, (standing.as_str().to_owned(), tone));
    }
    words
}

fn flag_words(flags: &[Flag]) -> Vec<(String, Tone)> {
    let mut sorted: Vec<&Flag> = flags.iter().collect();
    sorted.sort_by_key(|flag| std::cmp::Reverse(flag.severity));
    sorted
        .into_iter()
        .map(|flag| (flag_word(flag), Tone::of(flag.severity)))
        .collect()
}

/// `tls-version`, `blocked silent`.
pub fn flag_word(flag: &Flag) -> String {
    match flag.how {
        Some(how) => format!("{} {}", flag.kind.as_str(), how.as_str()),
        None => flag.kind.as_str().to_owned(),
    }
}

/// What a question got: what is held against it, else the addresses, else the response code.
fn answer(row: &NameRow) -> Vec<(String, Tone)> {
    if !row.flags.is_empty() {
        return flag_words(&row.flags);
    }
    if !row.addresses.is_empty() {
        let addresses = row.addresses.iter();
        return addresses.map(|ip| (bare(*ip), Tone::Plain)).collect();
    }
    let word = match row.rcode {
        Some(0) => "no address".to_owned(),
        None => "no answer".to_owned(),
        code => words::response_code(code).to_string(),
    };
    vec![(word, Tone::Plain)]
}
