//! The flows that the table shows: kept small, and bounded. Where there is no room for all, those stay against which something is
//! held, those on the list first; then the heaviest.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use super::fate::Fate;
use crate::engine::rows::{CommunityId, FlowRow, OutIn, TcpState};
use crate::evidence::model::{App, EvidenceKind, Quality, TlsVersion};
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;
use crate::policy::verdict::{Blockage, FlagKind, RowId, Severity, Standing};
use crate::sink::Labels;
use crate::sink::text::clean;

/// Bytes of sentences, chains and fingerprints that are kept once for all flows; beyond them a flow does without.
const MOST_TEXT: usize = 32 << 20;
/// Bytes of the flows' own names.
const MOST_NAMES: usize = 96 << 20;

/// One flow, as much of it as the table and its details show.
#[derive(Debug)]
pub struct Line {
    pub id: CommunityId,
    pub start_ns: u64,
    pub end_ns: u64,
    pub protocol: u8,
    pub client: Endpoint,
    pub server: Endpoint,
    pub packets: OutIn,
    pub bytes: OutIn,
    pub tcp: Option<TcpState>,
    pub app: App,
    pub version: Option<TlsVersion>,
    pub ja4: Option<u32>,
    pub name: Option<Domain>,
    pub evidence: EvidenceKind,
    pub via: Option<u32>,
    /// `first`, `hello`, `server_hello`, `cert`, `dns`, `blocked`, `last`; 0: none.
    pub frames: [u64; 7],
    /// Where some of them are in another input: which, in words.
    pub elsewhere: Option<u32>,
    /// The name in the hello, where it is not the flow's name.
    pub sni: Option<u32>,
    pub ordinal: u32,
    pub quality: Quality,
    pub row: Option<RowId>,
    pub standing: Standing,
    pub fate: Fate,
    pub held: Box<[Held]>,
    rank: Rank,
}

/// A flag.
#[derive(Debug)]
pub struct Held {
    pub kind: FlagKind,
    pub severity: Severity,
    pub how: Option<Blockage>,
    /// Its sentence.
    pub why: Option<u32>,
}

/// The greater is kept. No two flows begin in the same frame of the same input with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    grade: u8,
    bytes: u64,
    place: Reverse<(u32, u64)>,
    start: Reverse<u64>,
}

/// In a heap the least stands first.
#[derive(Debug)]
struct Least(Line);

impl Ord for Least {
    fn cmp(&self, other: &Least) -> Ordering {
        other.0.rank.cmp(&self.0.rank)
    }
}

impl PartialOrd for Least {
    fn partial_cmp(&self, other: &Least) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Least {
    fn eq(&self, other: &Least) -> bool {
        self.0.rank == other.0.rank
    }
}

impl Eq for Least {}

#[derive(Debug)]
pub struct Lines {
    most: usize,
    kept: BinaryHeap<Least>,
    /// Flows in all.
    pub seen: u64,
    /// Bytes of the names of those kept.
    names: usize,
    pub texts: Texts,
}

/// Texts that flows share, each once.
#[derive(Debug, Default)]
pub struct Texts {
    places: HashMap<Box<str>, u32>,
    bytes: usize,
    /// Some had no room.
    pub full: bool,
}

impl Texts {
    fn place(&mut self, text: &str) -> Option<u32> {
        // The script shows it as it stands.
        let text = &*clean(text);
        if let Some(place) = self.places.get(text) {
            return Some(*place);
        }
        if self.bytes + text.len() > MOST_TEXT {
            self.full = true;
            return None;
        }
        self.bytes += text.len() + size_of::<(Box<str>, u32)>();
        let place = self.places.len() as u32;
        self.places.insert(text.into(), place);
        Some(place)
    }

    /// By their places.
    pub fn list(&self) -> Vec<&str> {
        let mut list = vec![""; self.places.len()];
        for (text, place) in &self.places {
            if let Some(slot) = list.get_mut(*place as usize) {
                *slot = text;
            }
        }
        list
    }
}

impl Lines {
    pub fn new(most: usize) -> Lines {
        Lines {
            most,
            kept: BinaryHeap::new(),
            seen: 0,
            names: 0,
            texts: Texts::default(),
        }
    }

    pub fn flow(&mut self, flow: &FlowRow, labels: &Labels) {
        self.seen += 1;
        let rank = Rank::of(flow);
        let is_full = self.kept.len() >= self.most;
        if is_full && self.kept.peek().is_none_or(|least| rank < least.0.rank) {
            return;
        }
        let line = self.line(flow, labels, rank);
        self.names += line.name_bytes();
        self.kept.push(Least(line));
        while self.kept.len() > self.most || self.names > MOST_NAMES {
            let Some(Least(least)) = self.kept.pop() else { break };
            self.names -= least.name_bytes();
        }
    }

    /// In the order of time.
    pub fn sorted(&mut self) -> Vec<Line> {
        let mut lines: Vec<Line> = std::mem::take(&mut self.kept)
            .into_iter()
            .map(|least| least.0)
            .collect();
        lines.sort_by_key(|line| (line.start_ns, line.ordinal, line.frames, *line.id.as_bytes()));
        lines
    }

    fn line(&mut self, flow: &FlowRow, labels: &Labels, rank: Rank) -> Line {
        let tls = flow.tls.as_deref();
        let marks = &flow.frames;
        let texts = &mut self.texts;
        let via = match flow.naming.via.is_empty() {
            true => None,
            false => texts.place(&joined(&flow.naming.via)),
        };
        let held = flow.verdict.flags.iter().map(|flag| {
            let mut why = Vec::new();
            labels.policy.wording.tell(&flag.why, &mut why);
            Held {
                kind: flag.kind,
                severity: flag.severity,
                how: flag.how,
                why: texts.place(&String::from_utf8_lossy(&why)),
            }
        });
        let held = held.collect();
        let elsewhere = marks.elsewhere.iter().filter_map(|(word, ordinal)| {
            let file = labels.file(*ordinal)?;
            Some(format!("{} in {file}", word.replace('_', " ")))
        });
        let elsewhere = elsewhere.collect::<Vec<_>>().join(", ");
        let sni = tls
            .and_then(|tls| tls.sni.as_ref())
            .filter(|sni| flow.naming.name.as_ref() != Some(sni));
        let sni = sni.and_then(|sni| texts.place(sni.as_str()));
        Line {
            id: flow.id,
            start_ns: flow.start_ns,
            end_ns: flow.end_ns,
            protocol: flow.protocol,
            client: flow.client,
            server: flow.server,
            packets: flow.packets,
            bytes: flow.bytes,
            tcp: flow.tcp,
            app: flow.app,
            version: tls.and_then(|tls| tls.version),
            ja4: tls.and_then(|tls| tls.ja4.as_deref()).and_then(|ja4| texts.place(ja4)),
            name: flow.naming.name.clone(),
            evidence: flow.naming.kind,
            via,
            frames: [
                marks.first,
                marks.hello.unwrap_or(0),
                marks.server_hello.unwrap_or(0),
                marks.certificate.unwrap_or(0),
                marks.dns.unwrap_or(0),
                marks.blocked.unwrap_or(0),
                marks.last,
            ],
            elsewhere: (!elsewhere.is_empty()).then(|| texts.place(&elsewhere)).flatten(),
            sni,
            ordinal: flow.ordinal,
            quality: flow.quality,
            row: flow.verdict.matches.first().copied(),
            standing: flow.verdict.standing,
            fate: Fate::of(&flow.verdict),
            held,
            rank,
        }
    }
}

impl Line {
    fn name_bytes(&self) -> usize {
        self.name.as_ref().map_or(0, |name| name.as_str().len())
    }

    pub fn all_bytes(&self) -> u64 {
        self.bytes.out.saturating_add(self.bytes.r#in)
    }
}

impl Rank {
    fn of(flow: &FlowRow) -> Rank {
        let is_listed = !flow.verdict.matches.is_empty();
        Rank {
            grade: match (Fate::of(&flow.verdict), is_listed) {
                (Fate::Flagged | Fate::Blocked, true) => 3,
                (Fate::Flagged | Fate::Blocked, false) => 2,
                (Fate::Unclear, _) => 1,
                _ => 0,
            },
            bytes: flow.bytes.out.saturating_add(flow.bytes.r#in),
            place: Reverse((flow.ordinal, flow.frames.first)),
            start: Reverse(flow.start_ns),
        }
    }
}

fn joined(names: &[Domain]) -> String {
    let names: Vec<&str> = names.iter().map(Domain::as_str).collect();
    names.join(" > ")
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures;
    use super::*;

    #[test]
    fn what_is_flagged_stays_then_the_heaviest() {
        let labels = fixtures::labels();
        let flows: Vec<FlowRow> = (0..20u64)
            .map(|number| {
                let mut flow = fixtures::web_flow();
                flow.frames.first = 100 + number;
                flow.bytes.out = number;
                flow.bytes.r#in = 0;
                if number % 5 == 0 {
                    flow.verdict.standing = Standing::Flagged;
                }
                flow
            })
            .collect();
        let kept = |flows: &mut dyn Iterator<Item = &FlowRow>| {
            let mut lines = Lines::new(6);
            flows.for_each(|flow| lines.flow(flow, &labels));
            let mut kept: Vec<u64> = lines.sorted().iter().map(|line| line.frames[0] - 100).collect();
            kept.sort();
            (kept, lines.seen)
        };
        assert_eq!(kept(&mut flows.iter()), (vec![0, 5, 10, 15, 18, 19], 20));
        assert_eq!(kept(&mut flows.iter()), kept(&mut flows.iter().rev()));
        assert_eq!(Lines::new(0).sorted().len(), 0);
    }
}
