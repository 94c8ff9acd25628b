//! The proof of one flow, in plain words: what was seen, in which frame, what follows from it and what does not.
//!
//! ```text
//!   rows of one flow (FlowRow, its NameRows, the inputs' CaptureRows) --Story::of--> steps --> page | markdown | json
//! ```
//!
//! [`Evidence`] is all that a story is told from: rows, and the policy they were judged under. Each step is a file with one
//! function, which reads the rows and writes finished sentences; [`Story::of`] has their order. No step knows how it is
//! shown. What the rows do not tell is said to be unknown, and never more is said than was seen: a reader may have to swear to it.
//!
//! Names arrive escaped; every other foreign text (file names, the policy's words) goes through [`clean`] here.

mod capture;
mod certificate;
pub(super) mod ciphers;
mod connection;
mod filters;
mod flags;
mod hello;
mod json;
mod limits;
mod lookup;
mod markdown;
mod naming;
mod page;
mod phrases;
mod quality;
mod rows;
mod short;
mod verdict;

#[cfg(test)]
mod tests;

use super::Labels;
use super::text::clean;
use crate::engine::rows::{CaptureRow, FlowRow, NameRow};
use crate::policy::compile::Policy;

pub use filters::Filters;
pub use json::json;
pub use markdown::markdown;
pub use page::page;

/// What a story is told from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub flow: &'a FlowRow,
    /// What DNS had told about it, in the order of the input.
    pub lookups: &'a [NameRow],
    /// Lookups beyond those.
    pub more_lookups: u64,
    /// The inputs, by ordinal.
    pub captures: &'a [CaptureRow],
    pub labels: &'a Labels,
    pub policy: &'a Policy,
    /// Which of the flows with this id it is, from 1, and how many there are.
    pub place: (u64, u64),
}

/// One flow's proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    pub title: String,
    pub steps: Vec<Step>,
    pub filters: Filters,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The word for programs.
    pub key: &'static str,
    pub heading: &'static str,
    /// Finished sentences, safe to show.
    pub says: Vec<String>,
    /// The frames it rests on.
    pub frames: Vec<Frame>,
}

/// A frame of an input, by ordinal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frame {
    pub ordinal: u32,
    pub number: u64,
}

impl Story {
    pub fn of(evidence: &Evidence) -> Story {
        let flow = evidence.flow;
        let (which, several) = evidence.place;
        let title = match several {
            0 | 1 => format!("The proof of flow {}", flow.id),
            _ => format!("The proof of flow {}, {which} of {several} with this id", flow.id),
        };
        let steps = [
            short::step(evidence),
            capture::step(evidence),
            lookup::step(evidence),
            connection::step(evidence),
            hello::client(evidence),
            hello::server(evidence),
            certificate::step(evidence),
            naming::step(evidence),
            quality::step(evidence),
            rows::step(evidence),
            flags::step(evidence),
            verdict::step(evidence),
            limits::step(evidence),
        ];
        let steps: Vec<Step> = steps.into_iter().filter(|step| !step.says.is_empty()).collect();
        let filters = Filters::of(evidence, &steps);
        Story { title, steps, filters }
    }
}

impl Step {
    fn new(key: &'static str, heading: &'static str) -> Step {
        Step {
            key,
            heading,
            says: Vec::new(),
            frames: Vec::new(),
        }
    }

    fn say(&mut self, sentence: impl Into<String>) {
        self.says.push(sentence.into());
    }

    /// It rests on this frame too.
    fn rest_on(&mut self, frame: Frame) {
        if !self.frames.contains(&frame) {
            self.frames.push(frame);
        }
    }
}

impl Evidence<'_> {
    /// Where a mark of the flow is: `first`, `hello`, `server_hello`, `cert`, `dns`, `blocked` or `last`, as records call them.
    fn mark(&self, word: &str) -> Option<Frame> {
        let marks = &self.flow.frames;
        let number = match word {
            "first" => Some(marks.first),
            "hello" => marks.hello,
            "server_hello" => marks.server_hello,
            "cert" => marks.certificate,
            "dns" => marks.dns,
            "blocked" => marks.blocked,
            _ => Some(marks.last),
        }?;
        let elsewhere = marks.elsewhere.iter().find(|(name, _)| *name == word);
        let ordinal = elsewhere.map_or(self.flow.ordinal, |(_, ordinal)| *ordinal);
        Some(Frame { ordinal, number })
    }

    /// `frame 9`, with its file where there are several.
    fn frame(&self, frame: Frame) -> String {
        match self.labels.file(frame.ordinal) {
            None => format!("frame {}", frame.number),
            Some(file) => format!("frame {} of {}", frame.number, clean(file)),
        }
    }

    /// The input's name.
    fn file(&self, ordinal: u32) -> String {
        let capture = self.captures.get(ordinal as usize);
        capture.map_or("the input".to_owned(), |capture| clean(&capture.file).into_owned())
    }

    /// The answer that the flow's name, or its way, rests on.
    fn answer(&self) -> Option<&NameRow> {
        let at = self.mark("dns")?;
        let here = |row: &&NameRow| row.frame == at.number && row.ordinal == at.ordinal;
        let mut answers = self.lookups.iter().filter(here);
        let first = answers.clone().next();
        answers
            .find(|row| row.addresses.contains(&self.flow.server.ip))
            .or(first)
    }
}
