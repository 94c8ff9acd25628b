//! A source in memory: whatever a closure makes, frame by frame.

use std::ops::ControlFlow;

use flowsift::engine::drive::Outlet;
use flowsift::engine::epoch::{Epoch, Frame, InputFacts, Source};
use flowsift::engine::rows::Row;
use flowsift::flow::stamp::Stamp;
use flowsift::wire::link::LinkType;

/// Asks `next` for one Ethernet frame after the other: it appends the bytes and answers their time, or None at the end.
pub struct Tape<F> {
    next: F,
    frames: u64,
    facts: Vec<InputFacts>,
}

impl<F: FnMut(&mut Vec<u8>) -> Option<u64>> Tape<F> {
    pub fn new(next: F) -> Tape<F> {
        let facts = InputFacts {
            name: "made".to_owned(),
            links: vec!["ethernet".to_owned()],
            ..InputFacts::default()
        };
        Tape {
            next,
            frames: 0,
            facts: vec![facts],
        }
    }

    /// How many frames were made so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }
}

impl<F: FnMut(&mut Vec<u8>) -> Option<u64> + Send> Source for Tape<F> {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        epoch.clear();
        while epoch.bytes.len() < target {
            let at = epoch.bytes.len();
            let Some(ns) = (self.next)(&mut epoch.bytes) else { break };
            self.frames += 1;
            let length = (epoch.bytes.len() - at) as u32;
            epoch.frames.push(Frame {
                stamp: Stamp::new(0, self.frames, ns),
                at: at as u32,
                captured: length,
                wire: length,
                link: LinkType::ETHERNET,
                interface: 0,
            });
        }
        !epoch.frames.is_empty()
    }

    fn inputs(&self) -> &[InputFacts] {
        &self.facts
    }

    fn faults(&self) -> &[String] {
        &[]
    }
}

/// An outlet that shows every row to a closure.
pub struct Rows<F>(pub F);

impl<F: FnMut(&Row) + Send + Sync> Outlet for Rows<F> {
    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        (self.0)(row);
        ControlFlow::Continue(())
    }

    fn pause(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
