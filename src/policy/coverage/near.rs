//! Near misses: an unlisted name that looks like a listed one, an address of a row that is no more.
//!
//! | near | because |
//! | --- | --- |
//! | `salestim.io`, `*.salestim.io` | the name itself is not below it |
//! | `api2.graph.example`, `api.graph.example` | one label is another, is missing or is more |
//! | `assets.nbold.io`, `*.nbold.co` | the same domain under another ending |
//! | `app.salestm.io`, `*.salestim.io` | one letter is another, is missing or is more |
//!
//! What names have in common by accident is not near: an ending alone, a domain that everybody's hosts are in, a short word.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crate::names::domain::Domain;
use crate::policy::compile::Policy;
use crate::policy::model::{HostPattern, Prefix, Row, Status};

/// What something unlisted is near to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Near {
    /// As the policy spells it.
    Host(String),
    /// Of a retired row.
    Range(Prefix, String),
}

/// Endings under which anybody may have a domain, besides those of one label.
const SECOND_LEVEL: [&str; 11] = ["ac", "co", "com", "edu", "gov", "gob", "ne", "net", "or", "org", "go"];
/// Domains in which hosts of strangers stand side by side.
const SHARED: [&str; 26] = [
    "amazonaws.com",
    "akadns.net",
    "akamaiedge.net",
    "akamaihd.net",
    "akamaized.net",
    "azure.com",
    "azure.net",
    "azureedge.net",
    "azurefd.net",
    "azurewebsites.net",
    "blogspot.com",
    "cloudapp.net",
    "cloudflare.net",
    "cloudfront.net",
    "edgekey.net",
    "edgesuite.net",
    "fastly.net",
    "github.io",
    "googleapis.com",
    "googleusercontent.com",
    "herokuapp.com",
    "msecnd.net",
    "netlify.app",
    "trafficmanager.net",
    "vercel.app",
    "windows.net",
];
/// A shorter word is the same under other endings by accident.
const LEAST_SAME: usize = 4;
/// A shorter word is one letter away from others by accident.
const LEAST_ALIKE: usize = 6;
/// Comparing letter by letter is for lists that people keep.
const MOST_COMPARED: usize = 20_000;

/// The policy's patterns by what names near them would share.
pub struct Neighbours<'p> {
    /// By domain: `salestim.io`.
    domains: HashMap<&'p str, Vec<&'p HostPattern>>,
    /// By the domain's own word: `salestim`.
    words: HashMap<&'p str, Vec<&'p HostPattern>>,
    /// By ending and the word's length: the word, and the first pattern.
    lengths: HashMap<(&'p str, usize), Vec<(&'p str, &'p HostPattern)>>,
}

impl<'p> Neighbours<'p> {
    pub fn of(policy: &'p Policy) -> Neighbours<'p> {
        let mut all = Neighbours {
            domains: HashMap::new(),
            words: HashMap::new(),
            lengths: HashMap::new(),
        };
        let mut compared = 0;
        // Broad forms are near to everything.
        for host in policy.rows().flat_map(|(_, row)| &row.hosts) {
            let Some(parts) = Parts::of(&host.name) else { continue };
            let known = all.domains.entry(parts.domain).or_default();
            if known.is_empty() && !parts.is_shared() {
                all.words.entry(parts.word).or_default().push(host);
                if compared < MOST_COMPARED {
                    compared += 1;
                    let alike = all.lengths.entry((parts.ending, parts.word.len())).or_default();
                    alike.push((parts.word, host));
                }
            }
            if !known.contains(&host) {
                known.push(host);
            }
        }
        all
    }

    /// The pattern that the name misses by little; the first of the policy where several are as near.
    pub fn near(&self, name: &Domain) -> Option<Near> {
        let name = name.as_str();
        let parts = Parts::of(name)?;
        let found = self
            .by_label(name, &parts)
            .or_else(|| self.by_ending(&parts))
            .or_else(|| self.by_letter(&parts))?;
        Some(Near::Host(found.to_string()))
    }

    /// In the same domain, all but one label the same.
    fn by_label(&self, name: &str, parts: &Parts) -> Option<&'p HostPattern> {
        let listed = self.domains.get(parts.domain)?;
        let shared = parts.is_shared();
        let near = |host: &&&HostPattern| match host.below {
            true => name == &*host.name,
            false => one_label_apart(name, &host.name, shared),
        };
        listed.iter().find(near).copied()
    }

    /// `nbold.io` beside `nbold.co`.
    fn by_ending(&self, parts: &Parts) -> Option<&'p HostPattern> {
        if parts.word.len() < LEAST_SAME || parts.is_shared() {
            return None;
        }
        let elsewhere =
            |host: &&&HostPattern| Parts::of(&host.name).is_some_and(|listed| listed.ending != parts.ending);
        self.words.get(parts.word)?.iter().find(elsewhere).copied()
    }

    /// `salestm.io` beside `salestim.io`.
    fn by_letter(&self, parts: &Parts) -> Option<&'p HostPattern> {
        let length = parts.word.len();
        if length < LEAST_ALIKE {
            return None;
        }
        [length, length - 1, length + 1]
            .into_iter()
            .filter_map(|length| self.lengths.get(&(parts.ending, length)))
            .flatten()
            .find(|(word, _)| word.len() >= LEAST_ALIKE && one_letter_apart(word, parts.word))
            .map(|(_, host)| *host)
    }
}

/// The range of a retired row that one of the addresses is in.
pub fn in_ranges(retired: &[&Row], addresses: &BTreeSet<IpAddr>) -> Option<Near> {
    addresses.iter().find_map(|ip| {
        let holds = |row: &&&Row| row.ranges().any(|range| range.contains(*ip));
        let row = retired.iter().find(holds)?;
        let range = row.ranges().find(|range| range.contains(*ip))?;
        Some(Near::Range(*range, row.id.clone()))
    })
}

/// The row's life was over at that time.
pub fn is_over(row: &Row, at_ns: u64) -> bool {
    match row.until {
        Some(until) => at_ns >= until.start_ns(),
        None => row.status == Status::Retired,
    }
}

/// `a.b.salestim.io`: what anybody can register is `salestim.io`, of which `salestim` is the word and `io` the ending.
struct Parts<'n> {
    domain: &'n str,
    word: &'n str,
    ending: &'n str,
}

impl<'n> Parts<'n> {
    fn of(name: &'n str) -> Option<Parts<'n>> {
        let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
        let mut dot = dots.next()?;
        let last = name.get(dot + 1..)?;
        let mut before = dots.next();
        let second = name.get(before.map_or(0, |at| at + 1)..dot)?;
        // `example.co.uk`.
        if last.len() == 2 && SECOND_LEVEL.contains(&second) {
            dot = before?;
            before = dots.next();
        }
        let begin = before.map_or(0, |at| at + 1);
        Some(Parts {
            domain: name.get(begin..)?,
            word: name.get(begin..dot)?,
            ending: name.get(dot + 1..)?,
        })
    }

    fn is_shared(&self) -> bool {
        SHARED.contains(&self.domain)
    }
}

/// One label put in, taken out or changed; in a shared domain it must be nearly the same.
fn one_label_apart(a: &str, b: &str, shared: bool) -> bool {
    let labels = |name: &'_ str| name.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (labels(a), labels(b));
    let (short, long) = if a.len() < b.len() { (&a, &b) } else { (&b, &a) };
    let front = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let back = short
        .iter()
        .rev()
        .zip(long.iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    match long.len() - short.len() {
        0 => {
            let differs = short.get(front).zip(long.get(front));
            front + back + 1 == long.len()
                && differs.is_some_and(|(x, y)| !shared || (x.len() >= LEAST_SAME && one_letter_apart(x, y)))
        }
        1 => !shared && front + back >= short.len(),
        _ => false,
    }
}

/// One letter put in, taken out or changed.
fn one_letter_apart(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let same = |(x, y): &(u8, u8)| x == y;
    let front = short.bytes().zip(long.bytes()).take_while(same).count();
    let back = short.bytes().rev().zip(long.bytes().rev()).take_while(same).count();
    match long.len() - short.len() {
        0 => a != b && front + back + 1 >= long.len(),
        1 => front + back >= short.len(),
        _ => false,
    }
}
