//! What holds for whatever bytes come in: nothing breaks, nothing is lost, nothing is made up.

use std::ops::ControlFlow;

use flowsift::engine::drive::{self, Outlet, Settings};
use flowsift::engine::epoch::{Epoch, Frame, InputFacts, Source};
use flowsift::engine::rows::Row;
use flowsift::flow::stamp::Stamp;
use flowsift::policy::compile::Policy;
use flowsift::policy::{builtin, load};
use flowsift::sink::jsonl::JsonLines;
use flowsift::sink::style::Style;
use flowsift::sink::table::Table;
use flowsift::sink::{Labels, PolicyNames, Sink};
use flowsift::source::{InputOptions, Inputs};
use flowsift::wire::decode::decode;
use flowsift::wire::link::LinkType;
use serde_json::Value;

use crate::mutate::Packet;
use crate::shape;

/// The policy to judge by, and its rows in words.
pub struct Judge {
    policy: Policy,
    labels: Labels,
}

impl Judge {
    pub fn new() -> Judge {
        let text = builtin::policy(builtin::DEFAULT).expect("a built-in policy");
        let mut nowhere = |_: &load::Wanted| Err("nothing to extend".to_owned());
        let policy = load::load(text, builtin::DEFAULT, &mut nowhere)
            .expect("a sound policy")
            .policy;
        let labels = Labels {
            policy: PolicyNames::of(&policy),
            files: Vec::new(),
        };
        Judge { policy, labels }
    }

    /// Reads a file's bytes and says which laws were broken; a file that is refused breaks none.
    pub fn file(&self, bytes: &[u8]) -> Vec<String> {
        let open = || {
            let from = Box::new(std::io::Cursor::new(bytes.to_vec()));
            Inputs::from_reader("mutant", from, InputOptions::default())
        };
        match (open(), open()) {
            (Ok(mut once), Ok(mut again)) => self.laws(&mut once, &mut again),
            (Err(lines), Err(_)) => {
                let fine = !lines.is_empty() && lines.iter().all(|line| is_one_clean_line(line));
                if fine {
                    vec![]
                } else {
                    vec![format!("refused with {lines:?}")]
                }
            }
            _ => vec!["opened once and refused once".to_owned()],
        }
    }

    /// The same for packets that are in no file.
    pub fn packets(&self, packets: &[Packet]) -> Vec<String> {
        self.laws(&mut Memory::new(packets), &mut Memory::new(packets))
    }

    fn laws(&self, source: &mut dyn Source, again: &mut dyn Source) -> Vec<String> {
        let first = self.run(source, 512 << 10);
        let second = self.run(again, 2000);
        let mut broken = first.broken();
        if first.json != second.json {
            broken.push(format!(
                "epochs of another size gave other records: {}",
                first_difference(&first.json, &second.json)
            ));
        }
        broken
    }

    fn run(&self, source: &mut dyn Source, epoch_bytes: usize) -> Ran {
        let (mut json, mut table) = (Vec::new(), Vec::new());
        let mut watched = Watched {
            source,
            packets: 0,
            bytes: 0,
            undecoded: 0,
            fragments: 0,
        };
        let style = Style {
            width: 100,
            colour: false,
        };
        let mut outlet = Both {
            json: JsonLines::new(&mut json, self.labels.clone()),
            table: Table::new(&mut table, self.labels.clone(), style),
        };
        let settings = Settings {
            memory: 16_000_000,
            epoch_bytes,
            threads: 1,
        };
        drive::run(&mut watched, &self.policy, settings, &mut outlet);
        let finished = outlet.json.finish(0).and(outlet.table.finish(0));
        drop(outlet);
        let Watched {
            packets,
            bytes,
            undecoded,
            fragments,
            source,
        } = watched;
        let said = source.inputs().iter().flat_map(|input| input.warnings.clone());
        Ran {
            failed: finished.is_err(),
            json: String::from_utf8(json).unwrap_or_else(|_| "not UTF-8\n".to_owned()),
            table: String::from_utf8(table).unwrap_or_else(|_| "\0".to_owned()),
            said: said.chain(source.faults().iter().cloned()).collect(),
            packets,
            bytes,
            undecoded,
            fragments,
        }
    }
}

/// What a run has written, and what went into it, counted apart.
struct Ran {
    failed: bool,
    json: String,
    table: String,
    said: Vec<String>,
    packets: u64,
    bytes: u64,
    undecoded: u64,
    fragments: u64,
}

impl Ran {
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut law = |holds: bool, what: String| {
            if !holds {
                broken.push(what);
            }
        };
        law(!self.failed, "writing failed".to_owned());
        law(
            !self.table.chars().any(|c| c != '\n' && c.is_control()),
            "a control character in the table".to_owned(),
        );
        for line in &self.said {
            law(is_one_clean_line(line), format!("said {line:?}"));
        }
        let mut records = Vec::new();
        for line in self.json.lines() {
            match serde_json::from_str::<Value>(line) {
                Ok(record) => records.push(record),
                Err(error) => law(false, format!("no JSON ({error}): {line}")),
            }
        }
        let of_type = |word: &str| {
            records
                .iter()
                .filter(|record| record["type"] == word)
                .collect::<Vec<_>>()
        };
        let (flows, captures) = (of_type("flow"), of_type("capture"));
        let total = |key: &str| captures.iter().filter_map(|capture| capture[key].as_u64()).sum::<u64>();
        law(
            total("packets") == self.packets,
            format!("{} packets went in, {} are told", self.packets, total("packets")),
        );
        law(
            total("bytes") == self.bytes,
            format!("{} bytes went in, {} are told", self.bytes, total("bytes")),
        );
        let undecoded = captures
            .iter()
            .filter_map(|capture| capture["undecoded"].as_object())
            .flat_map(|reasons| reasons.values())
            .filter_map(Value::as_u64)
            .sum::<u64>();
        law(
            undecoded == self.undecoded,
            format!("{} could not be decoded, {undecoded} are told", self.undecoded),
        );
        let in_flows = flows
            .iter()
            .flat_map(|flow| [&flow["packets"]["out"], &flow["packets"]["in"]])
            .filter_map(Value::as_u64)
            .sum::<u64>();
        // Every decoded packet is in one flow, but for copies; fragments that say nothing new may be in none.
        let copies = total("duplicates");
        let most = (self.packets - self.undecoded).saturating_sub(copies);
        law(
            (most.saturating_sub(self.fragments)..=most).contains(&in_flows),
            format!(
                "{most} packets decoded ({} of them fragments), {in_flows} in flows",
                self.fragments
            ),
        );
        let pieces = captures
            .iter()
            .filter_map(|capture| capture["fragments"]["pieces"].as_u64())
            .sum::<u64>();
        // A datagram put together may hold a packet that is a piece again.
        law(
            pieces + copies >= self.fragments && pieces <= 2 * self.fragments,
            format!("{} packets were fragments, {pieces} are told", self.fragments),
        );
        for flow in &flows {
            if let Err(what) = flow_is_sane(flow, self.packets) {
                law(false, format!("{what}: {flow}"));
            }
        }
        broken.extend(shape::complaints(&self.json, &records));
        broken
    }
}

/// Times and frames of one flow are in order.
fn flow_is_sane(flow: &Value, packets: u64) -> Result<(), String> {
    if flow["start"].as_str() > flow["end"].as_str() {
        return Err("ends before it starts".to_owned());
    }
    let frames = &flow["frames"];
    let (first, last) = (frames["first"].as_u64(), frames["last"].as_u64());
    let (Some(first), Some(last)) = (first, last) else {
        return Err("no first or no last frame".to_owned());
    };
    if !(1 <= first && first <= last && last <= packets) {
        return Err("frames out of order".to_owned());
    }
    for mark in ["hello", "server_hello", "cert"] {
        if frames[mark].as_u64().is_some_and(|at| !(first..=last).contains(&at)) {
            return Err(format!("its {mark} is outside"));
        }
    }
    if frames["dns"].as_u64().is_some_and(|at| at == 0 || at >= last) {
        return Err("was named by what came later".to_owned());
    }
    Ok(())
}

fn is_one_clean_line(line: &str) -> bool {
    !line.is_empty() && line.len() < 1000 && !line.chars().any(char::is_control)
}

fn first_difference(a: &str, b: &str) -> String {
    let mut pairs = a.lines().zip(b.lines());
    match pairs.find(|(a, b)| a != b) {
        Some((a, b)) => format!("\n{a}\n{b}"),
        None => format!("{} and {} lines", a.lines().count(), b.lines().count()),
    }
}

/// Writes rows in both forms.
struct Both<'a> {
    json: JsonLines<&'a mut Vec<u8>>,
    table: Table<&'a mut Vec<u8>>,
}

impl Outlet for Both<'_> {
    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match self.json.row(row).and(self.table.row(row)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn pause(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Counts what a source gives.
struct Watched<'a> {
    source: &'a mut dyn Source,
    packets: u64,
    bytes: u64,
    undecoded: u64,
    fragments: u64,
}

impl Source for Watched<'_> {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        let filled = self.source.fill(epoch, target);
        for frame in &epoch.frames {
            let bytes = epoch.frame_bytes(frame);
            assert_eq!(bytes.len(), frame.captured as usize, "{frame:?}");
            self.packets += 1;
            self.bytes += bytes.len() as u64;
            match decode(frame.link, bytes, frame.wire) {
                Ok(view) => self.fragments += u64::from(view.fragment.is_some()),
                Err(_) => self.undecoded += 1,
            }
        }
        filled
    }

    fn inputs(&self) -> &[InputFacts] {
        self.source.inputs()
    }

    fn faults(&self) -> &[String] {
        self.source.faults()
    }
}

/// Packets as a source.
struct Memory<'a> {
    packets: &'a [Packet],
    given: usize,
    inputs: Vec<InputFacts>,
}

impl Memory<'_> {
    fn new(packets: &[Packet]) -> Memory<'_> {
        let facts = InputFacts {
            name: "mutant".to_owned(),
            nanoseconds: true,
            ..InputFacts::default()
        };
        Memory {
            packets,
            given: 0,
            inputs: vec![facts],
        }
    }
}

impl Source for Memory<'_> {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        epoch.clear();
        while let Some(packet) = self.packets.get(self.given) {
            self.given += 1;
            epoch.frames.push(Frame {
                stamp: Stamp::new(0, self.given as u64, packet.ns),
                at: epoch.bytes.len() as u32,
                captured: packet.bytes.len() as u32,
                wire: packet.wire,
                link: LinkType(packet.link),
                interface: 0,
            });
            epoch.bytes.extend_from_slice(&packet.bytes);
            if epoch.bytes.len() >= target {
                break;
            }
        }
        !epoch.frames.is_empty()
    }

    fn inputs(&self) -> &[InputFacts] {
        &self.inputs
    }

    fn faults(&self) -> &[String] {
        &[]
    }
}

/// The packets of a file, or none if it cannot be read.
pub fn packets_of(bytes: &[u8]) -> Vec<Packet> {
    let from = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let Ok(mut inputs) = Inputs::from_reader("seed", from, InputOptions::default()) else {
        return Vec::new();
    };
    let (mut epoch, mut packets) = (Epoch::default(), Vec::new());
    while inputs.fill(&mut epoch, 1 << 20) {
        packets.extend(epoch.frames.iter().map(|frame| Packet {
            link: frame.link.0,
            ns: frame.stamp.ns,
            wire: frame.wire,
            bytes: epoch.frame_bytes(frame).to_vec(),
        }));
    }
    packets
}
