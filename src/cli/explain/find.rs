//! The first reading: the flow, or the flows, that are meant.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::cli::exit::Failure;
use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, CommunityId, FlowRow, Row, Wanted as Want};
use crate::sink::{Labels, text};

/// `1:` and 28 characters.
const ID_LENGTH: usize = 30;
const VERSION: &str = "1:";
/// Flows of one id that are told; more are counted.
const FLOWS_AT_MOST: usize = 50;
/// Ids, or times, that are named in an error.
const NAMED_AT_MOST: usize = 5;

/// What was typed: an id, or its beginning, and perhaps a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    id: String,
    /// Without the final `Z`.
    start: Option<String>,
}

impl Wanted {
    /// Reads `ID` or `ID@START`.
    pub fn parse(typed: &str) -> Result<Wanted, String> {
        let (id, start) = match typed.split_once('@') {
            Some((id, start)) => (id, Some(start)),
            None => (typed, None),
        };
        let id = match id.strip_prefix(VERSION) {
            Some(_) => id.to_owned(),
            None => format!("{VERSION}{id}"),
        };
        let digest = id.get(VERSION.len()..).unwrap_or("");
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        if digest.is_empty() || id.len() > ID_LENGTH || !digest.chars().all(is_base64) {
            return Err("no flow's id is written so: it is `1:` and 28 letters, as `id` in the records".to_owned());
        }
        let start = start.map(|start| {
            let upper = start.trim().to_ascii_uppercase().replace(' ', "T");
            upper.strip_suffix('Z').unwrap_or(&upper).to_owned()
        });
        if start.as_deref().is_some_and(|start| !is_beginning_of_a_time(start)) {
            return Err(
                "write the start behind @ as records do: 2026-11-21T09:12:01.123456Z, or its beginning".to_owned(),
            );
        }
        Ok(Wanted { id, start })
    }

    /// Whether it is this flow that is meant.
    pub fn is(&self, flow: &FlowRow) -> bool {
        self.has_id(&flow.id) && self.has_start(flow)
    }

    fn has_id(&self, id: &CommunityId) -> bool {
        id.as_str().starts_with(&self.id)
    }

    /// Any number of digits, of which a record has 6 or 9.
    fn has_start(&self, flow: &FlowRow) -> bool {
        let Some(start) = &self.start else { return true };
        let finest = text::time(flow.start_ns, true);
        // Digits beyond those that there are must be zeros.
        let (known, beyond) = start.split_at(start.len().min("2026-11-21T09:12:01.123456789".len()));
        finest.as_str().starts_with(known) && beyond.bytes().all(|b| b == b'0')
    }
}

/// Digits and signs where a time has them.
fn is_beginning_of_a_time(start: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.";
    let fits = |(place, b): (usize, u8)| match SHAPE.get(place) {
        Some(b'0') | None => b.is_ascii_digit(),
        Some(sign) => b == *sign,
    };
    start.len() >= 4 && start.bytes().enumerate().all(fits)
}

/// What was found.
pub struct Found {
    /// In the order of their first packets; at least one, all of one id.
    pub flows: Vec<FlowRow>,
    /// Of the same id and start, beyond those.
    pub more: u64,
    pub captures: Vec<CaptureRow>,
    pub labels: Labels,
}

/// Looks for the flows that are meant.
pub struct Finder {
    wanted: Wanted,
    labels: Labels,
    flows: Vec<FlowRow>,
    more: u64,
    /// Other ids with this beginning.
    rivals: BTreeSet<String>,
    /// Flows of this id that began at another time than was asked for.
    starts: BTreeSet<String>,
    captures: Vec<CaptureRow>,
    seen: AtomicU64,
    near: Mutex<BTreeSet<(Reverse<usize>, String)>>,
}

impl Finder {
    pub fn new(wanted: Wanted, labels: Labels) -> Finder {
        Finder {
            wanted,
            labels,
            flows: Vec::new(),
            more: 0,
            rivals: BTreeSet::new(),
            starts: BTreeSet::new(),
            captures: Vec::new(),
            seen: AtomicU64::new(0),
            near: Mutex::default(),
        }
    }

    /// The flows, or why there are none to tell.
    pub fn finish(mut self, files: &[PathBuf]) -> Result<Found, Failure> {
        let id = &self.wanted.id;
        if let Some(first) = self.flows.first()
            && !self.rivals.is_empty()
        {
            let ids = [first.id.to_string()];
            let ids = listed(ids.iter().chain(&self.rivals));
            return Err(Failure::new(format!(
                "several ids begin with {id}: {ids}; write more of it"
            )));
        }
        if self.flows.is_empty() {
            return Err(Failure::new(match self.starts.is_empty() {
                false => format!(
                    "flow {id} is there, but does not start at {}: it starts at {}",
                    self.wanted.start.as_deref().unwrap_or_default(),
                    listed(&self.starts)
                ),
                true => self.nowhere(files),
            }));
        }
        self.flows.sort_by_key(|flow| (flow.ordinal, flow.frames.first));
        Ok(Found {
            flows: self.flows,
            more: self.more,
            captures: self.captures,
            labels: self.labels,
        })
    }

    fn nowhere(&self, files: &[PathBuf]) -> String {
        let id = &self.wanted.id;
        let place = match files {
            [file] => file.display().to_string(),
            several => format!("these {} inputs", several.len()),
        };
        let near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        let hint = match near.first() {
            Some((_, near)) => format!("did you mean {near}?"),
            None => "`flowsift read FILE --format json` prints every flow's id".to_owned(),
        };
        let seen = self.seen.load(Ordering::Relaxed);
        format!("none of the {seen} flows in {place} has an id that begins with {id}; {hint}")
    }

    fn take(&mut self, flow: &FlowRow) {
        if self.flows.first().is_some_and(|first| first.id != flow.id) {
            keep(&mut self.rivals, flow.id.to_string());
        } else if !self.wanted.has_start(flow) {
            keep(
                &mut self.starts,
                text::time(flow.start_ns, flow.nanoseconds).as_str().to_owned(),
            );
        } else if self.flows.len() < FLOWS_AT_MOST {
            self.flows.push(flow.clone());
        } else {
            self.more += 1;
        }
    }

    /// One that was mistyped: a letter or two, or its case.
    fn note_if_near(&self, id: &CommunityId) {
        const MOST_WRONG: usize = 3;
        const LEAST_RIGHT: usize = 6;
        let pairs = || id.as_str().bytes().zip(self.wanted.id.bytes()).skip(VERSION.len());
        let typed = pairs().count();
        let right = pairs().filter(|(a, b)| a == b).count();
        let is_case = pairs().all(|(a, b)| a.eq_ignore_ascii_case(&b));
        if typed >= LEAST_RIGHT && (is_case || right + MOST_WRONG >= typed && right >= LEAST_RIGHT) {
            let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
            near.insert((Reverse(right), id.to_string()));
            if near.len() > NAMED_AT_MOST {
                near.pop_last();
            }
        }
    }
}

/// The first of many by their order, so that what is named depends on nothing else.
fn keep(set: &mut BTreeSet<String>, word: String) {
    set.insert(word);
    if set.len() > NAMED_AT_MOST + 1 {
        set.pop_last();
    }
}

fn listed<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let mut words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    let beyond = words.len() > NAMED_AT_MOST;
    words.truncate(NAMED_AT_MOST);
    match beyond {
        true => format!("{} and more", words.join(", ")),
        false => words.join(", "),
    }
}

impl Outlet for Finder {
    fn set(&self, row: &Row, _: &mut Vec<u8>) -> Want {
        match row {
            Row::Flow(flow) => {
                self.seen.fetch_add(1, Ordering::Relaxed);
                if self.wanted.has_id(&flow.id) {
                    return Want::Row;
                }
                self.note_if_near(&flow.id);
                Want::Text
            }
            Row::Name(_) => Want::Text,
            Row::Capture(_) => Want::Row,
        }
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Flow(flow) => self.take(flow),
            Row::Capture(capture) => self.captures.push((**capture).clone()),
            Row::Name(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn wants_names(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::fixtures;

    #[test]
    fn an_id_a_part_of_one_and_a_start_are_understood() {
        let flow = fixtures::web_flow();
        let id = flow.id.to_string();
        for (typed, fits) in [
            (id.clone(), true),
            (id[2..].to_owned(), true),
            (id[..8].to_owned(), true),
            (format!("{id}@2026-11-21T09:12:01.123456Z"), true),
            (format!("{id}@2026-11-21T09:12:01.123456"), true),
            (format!("{id}@2026-11-21T09:12:01.123456000000Z"), true),
            (format!("{id}@2026-11-21T09:12"), true),
            (format!("{id}@2026-11-21 09:12:01z"), true),
            (format!("{id}@2026-11-21T09:12:02Z"), false),
            (format!("{id}@2026-11-21T09:12:01.1234560001Z"), false),
        ] {
            let wanted = Wanted::parse(&typed).unwrap();
            assert!(wanted.has_id(&flow.id));
            assert_eq!(wanted.has_start(&flow), fits, "{typed}");
        }
        for typed in [
            "",
            "1:",
            "1:%",
            "1:abc@",
            "1:abc@now",
            "1:abc@09:12",
            "x".repeat(40).as_str(),
        ] {
            assert!(Wanted::parse(typed).is_err(), "{typed}");
        }
    }

    fn finder(typed: &str) -> Finder {
        Finder::new(Wanted::parse(typed).unwrap(), fixtures::labels())
    }

    fn refusal(finder: Finder) -> String {
        finder.finish(&["a.pcap".into()]).err().unwrap().0
    }

    #[test]
    fn what_is_not_there_is_one_line_with_a_way_on() {
        let flow = fixtures::web_flow();
        let row = Row::Flow(Box::new(flow.clone()));
        let id = flow.id.to_string();
        let mut mistyped = id.clone().into_bytes();
        mistyped[5] = if mistyped[5] == b'x' { b'y' } else { b'x' };
        let near = finder(&String::from_utf8(mistyped).unwrap());
        assert_eq!(near.set(&row, &mut Vec::new()), Want::Text);
        assert!(refusal(near).ends_with(&format!("did you mean {id}?")));
        assert!(refusal(finder("1:AAAA")).contains("none of the 0 flows in a.pcap"));

        let mut late = finder(&format!("{id}@2030"));
        assert_eq!(late.set(&row, &mut Vec::new()), Want::Row);
        let _ = late.row(&row);
        assert!(refusal(late).ends_with("it starts at 2026-11-21T09:12:01.123456Z"));
    }

    #[test]
    fn of_very_many_flows_of_one_id_some_are_told_and_all_counted() {
        let flow = fixtures::web_flow();
        let mut finder = finder(flow.id.as_str());
        for frame in 0..200 {
            let mut row = flow.clone();
            row.frames.first = 1000 - frame;
            let _ = finder.row(&Row::Flow(Box::new(row)));
        }
        let found = finder.finish(&[]).ok().unwrap();
        assert_eq!(
            (found.flows.len(), found.more),
            (FLOWS_AT_MOST, 200 - FLOWS_AT_MOST as u64)
        );
        assert!(found.flows.is_sorted_by_key(|flow| flow.frames.first));
    }
}
