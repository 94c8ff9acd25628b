//! Runs the engine: epochs in, rows out. The only file of the engine that starts threads.
//!
//! ```text
//!   one thread    fill 0 │ drain 0 │ fill 1 │ drain 1, press, give │ fill 0 │ ...
//!
//!   two threads   fill 0 │ drain 0 ········ │ drain 1, press, give ···· │ ...
//!                        │ fill 1 │ drain 0 │ fill 0 ········ │ press   │ ...
//!
//!   many threads  read ·· │ stitch │ scan ·· │ drain 0 ·· │ press ·· │ give │ drain 1 ·· │ ... the load is used up: read ·· │ ...
//!                 read ·· │        │ scan ·· │ drain 0 ·· │ press ·· │      │ drain 1 ·· │ ...
//! ```
//!
//! One thread that fills keeps one or two busy that drain. Beyond that, where the input is a file that can be cut, all
//! threads read pieces of it at once (see [`load`](super::load)).
//!
//! Marks are counted in packets of the input (see [`limits`](super::limits)), so what a mark does falls at the same packet
//! however the input was cut into epochs and whoever ran the shards. Threads only decide who does which numbered step of
//! [`Works`]; the conductor, which is the thread that called, does all that is between them.

use std::ops::ControlFlow;
use std::thread;

use super::board::Board;
use super::epoch::Source;
use super::intake::Ends;
use super::limits::SHARDS;
pub use super::press::{Outlet, SoFar};
use super::works::{Half, Works};
use crate::policy::compile::Policy;

/// What a run may be told.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub memory: u64,
    /// About how many bytes of input are taken at a time; no record depends on it.
    pub epoch_bytes: usize,
    /// How many threads may work; no record depends on it.
    pub threads: usize,
}

/// Reads all of `source`, or until the outlet has had enough.
pub fn run(source: &mut dyn Source, policy: &Policy, settings: Settings, outlet: &mut dyn Outlet) {
    let works = Works::new(source, policy, settings, outlet);
    // A shard is worked on by one thread at a time: more of them would stand idle.
    let helpers = settings.threads.clamp(1, SHARDS + 1) - 1;
    let _ = match helpers {
        0 => conduct(&works, &Alone(&works), false),
        _ => with_helpers(&works, helpers),
    };
}

/// With so many threads and more the reading is cut.
const THREADS_THAT_CUT: usize = 3;

fn with_helpers(works: &Works<'_>, helpers: usize) -> ControlFlow<()> {
    let board = Board::new(works);
    thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|| board.help());
        }
        // However the conducting ends, the helpers must not wait for more.
        let _closing = board.closing();
        conduct(works, &board, helpers + 1 >= THREADS_THAT_CUT)
    })
}

/// Who does the work of a step.
pub trait Hands {
    /// A half is to be filled; it may be begun at once.
    fn ask_to_fill(&self, half: Half);
    /// Returns when the half that was asked for is full.
    fn filled(&self, half: Half);
    /// Does a numbered step for all numbers.
    fn each(&self, step: Step);
}

/// The numbered steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Of a load.
    Read,
    Scan,
    Drain(Half),
    Press,
}

impl Step {
    pub fn run(self, works: &Works<'_>, number: usize) {
        match self {
            Step::Read => works.read_piece(number),
            Step::Scan => works.scan_piece(number),
            Step::Drain(half) => works.drain(half, number),
            Step::Press => works.press(number),
        }
    }
}

/// One thread for everything.
struct Alone<'w, 'r>(&'w Works<'r>);

impl Hands for Alone<'_, '_> {
    fn ask_to_fill(&self, _: Half) {}

    fn filled(&self, half: Half) {
        self.0.fill(half);
    }

    fn each(&self, step: Step) {
        (0..SHARDS).for_each(|number| step.run(self.0, number));
    }
}

/// The order of the steps.
fn conduct(works: &Works<'_>, hands: &dyn Hands, cuts: bool) -> ControlFlow<()> {
    let mut half: Half = 0;
    // Whether the batch to come was asked for, and is being filled.
    let mut asked = false;
    loop {
        if !asked {
            if cuts && works.begin_load() {
                load(works, hands);
            }
            hands.ask_to_fill(half);
        }
        hands.filled(half);
        let ends = works.ends(half);
        // What was loaded fills the next batch in no time; what was not is read while this batch is worked on.
        asked = ends != Ends::Input && !(cuts && works.may_load());
        if asked {
            hands.ask_to_fill(1 - half);
        }
        hands.each(Step::Drain(half));
        if ends != Ends::Between {
            mark(works, hands, half)?;
        }
        match ends {
            Ends::Lull => works.pause()?,
            Ends::Input => return works.captures(),
            Ends::Between | Ends::Mark => {}
        }
        half = 1 - half;
    }
}

/// Reads what lies ahead, all threads at once.
fn load(works: &Works<'_>, hands: &dyn Hands) {
    hands.each(Step::Read);
    works.stitch();
    hands.each(Step::Scan);
    works.take_load_in();
}

/// Everything that crosses shards: names become known, flows ask for theirs, what is over leaves.
fn mark(works: &Works<'_>, hands: &dyn Hands, half: Half) -> ControlFlow<()> {
    works.gather(half);
    works.slice();
    loop {
        hands.each(Step::Press);
        works.give()?;
        if !works.slice() {
            break;
        }
    }
    works.trim();
    ControlFlow::Continue(())
}
