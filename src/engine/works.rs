//! Everything a run works on, and the steps of the work.
//!
//! ```text
//!   fill ─▶ drain 0 … 63 ─▶ gather ─▶ press 0 … 63 ─▶ give ─▶ ... ─▶ trim
//!           every batch     └──────── at a mark, slice by slice ────────┘
//! ```
//!
//! The numbered steps may be done by many threads at once, a number each; the others by one, between them. `fill` works on
//! the other batch than the rest, so it may be done meanwhile. Every part has a lock of its own, and no step waits for
//! a lock that another one holds for long: the locks prove that, they do not order the work. [`drive`](super::drive) does.
//! No step is inlined, so that a profile shows each.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::departure::{Procession, Turn};
use super::drive::Settings;
use super::epoch::Source;
use super::intake::{Batch, Ends, Intake};
use super::limits::{ANSWERS_KEPT, Limits, SHARDS};
use super::load::Load;
use super::lookup::{AROUND, REMEDY_SLOT, REPLIES_KEPT, Reply};
use super::press::{Desk, Outlet, Sheet, SoFar};
use super::rows::{Row, Running, Wanted};
use super::running::{Candidate, Candidates, Everything};
use super::shard::{Answer, Bytes, Mark, Shard};
use super::times::Times;
use crate::flow::stamp::Stamp;
use crate::names::covers::Covers;
use crate::names::domain::Domain;
use crate::names::hidden::HiddenClients;
use crate::names::history::History;
use crate::policy::compile::Policy;

/// The state of a run.
pub struct Works<'r> {
    policy: &'r Policy,
    /// Rows of names are wanted.
    name_rows: bool,
    outlet: RwLock<&'r mut dyn Outlet>,
    intake: Mutex<Intake<'r>>,
    load: RwLock<Option<Load>>,
    /// The input that could not be read by many, or no longer: its end, or all of it.
    refused: Mutex<Option<u32>>,
    epoch_bytes: usize,
    epochs_a_batch: usize,
    pieces_a_load: usize,
    batches: [RwLock<Batch>; 2],
    shards: Vec<Mutex<Shard>>,
    sheets: Vec<Mutex<Sheet>>,
    history: History,
    known: RwLock<Known>,
    leaving: Mutex<Procession>,
}

/// What shards read and only marks change.
struct Known {
    covers: Covers,
    hidden: HiddenClients,
    answers: Times,
    replies: Times,
    fine: Vec<bool>,
    now: Stamp,
    undecoded: u64,
    dropped_ns: u64,
    /// The last turn of the slice that is pressed.
    last: Option<Turn>,
}

/// Which of the two batches.
pub type Half = usize;

/// Epochs in a batch where several threads share it: about what lies between two marks. A single thread takes one at a
/// time, which its cache still holds when it is drained.
const EPOCHS_SHARED: usize = 8;

/// Smaller pieces of a load would be read again and again for the records that cross them.
const LEAST_PIECE: usize = 4 << 10;

/// Two for each thread, as far as a part of the memory goes.
fn pieces_a_load(settings: Settings) -> usize {
    const SHARE: u64 = 16;
    let room = settings.memory / SHARE / settings.epoch_bytes.max(LEAST_PIECE) as u64;
    usize::try_from(room).unwrap_or(usize::MAX).min(2 * settings.threads)
}

impl<'r> Works<'r> {
    pub fn new(
        source: &'r mut dyn Source,
        policy: &'r Policy,
        settings: Settings,
        outlet: &'r mut dyn Outlet,
    ) -> Works<'r> {
        let limits = Limits::of(settings.memory);
        Works {
            policy,
            name_rows: outlet.wants_names(),
            outlet: RwLock::new(outlet),
            intake: Mutex::new(Intake::new(source, &limits, settings.epoch_bytes)),
            load: RwLock::default(),
            refused: Mutex::default(),
            epoch_bytes: settings.epoch_bytes.max(LEAST_PIECE),
            epochs_a_batch: if settings.threads > 1 { EPOCHS_SHARED } else { 1 },
            pieces_a_load: pieces_a_load(settings),
            batches: Default::default(),
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(limits))).collect(),
            sheets: (0..SHARDS).map(|_| Mutex::default()).collect(),
            history: History::new(limits.named_addresses),
            known: RwLock::new(Known::new(&limits)),
            leaving: Mutex::default(),
        }
    }

    /// Reads and scans the next packets into a half.
    #[inline(never)]
    pub fn fill(&self, half: Half) {
        lock(&self.intake).fill(&mut write(&self.batches[half]), self.epochs_a_batch);
    }

    /// Whether a load may be the next thing: nothing that was read is left, and the input at hand has not refused.
    pub fn may_load(&self) -> bool {
        let intake = lock(&self.intake);
        intake.is_empty() && *lock(&self.refused) != Some(intake.ordinal())
    }

    /// Begins a load, if the source can be read by many at once. The load's steps are next.
    pub fn begin_load(&self) -> bool {
        let mut intake = lock(&self.intake);
        if !intake.is_empty() {
            return false;
        }
        let load = Load::begin(&mut intake, self.epoch_bytes, self.pieces_a_load);
        let begun = load.is_some();
        *lock(&self.refused) = (!begun).then(|| intake.ordinal());
        *write(&self.load) = load;
        begun
    }

    /// Reads a piece of the load.
    pub fn read_piece(&self, number: usize) {
        if let Some(load) = &*read(&self.load) {
            load.read(number);
        }
    }

    /// Puts the pieces together.
    pub fn stitch(&self) {
        if let Some(load) = &mut *write(&self.load) {
            load.stitch();
        }
    }

    /// Decodes a piece of the load.
    pub fn scan_piece(&self, number: usize) {
        if let Some(load) = &*read(&self.load) {
            load.scan(number);
        }
    }

    /// The load is ready to be drained.
    pub fn take_load_in(&self) {
        if let Some(load) = write(&self.load).take() {
            load.take_in(&mut lock(&self.intake));
        }
    }

    pub fn ends(&self, half: Half) -> Ends {
        read(&self.batches[half]).ends
    }

    /// A shard takes its packets in. Where a mark stands behind them, it lets go of what is over and tells what it was told.
    #[inline(never)]
    pub fn drain(&self, half: Half, number: usize) {
        let batch = read(&self.batches[half]);
        let mut shard = lock(&self.shards[number]);
        for piece in &batch.pieces {
            let bytes = Bytes {
                epoch: &piece.scanned.epoch,
                buckets: &piece.scanned.buckets,
            };
            shard.drain(piece.bucket(number), &bytes);
        }
        if batch.ends == Ends::Between {
            return;
        }
        shard.sweep(batch.now.ns);
        if batch.ends == Ends::Input {
            shard.close();
        }
        let mark = Mark {
            now_ns: batch.now.ns,
            is_end: batch.ends == Ends::Input,
        };
        shard.tell(self.name_rows, &mark, &self.history, self.policy);
    }

    /// All shards are drained: what they learnt becomes known, what leaves them is put in order.
    #[inline(never)]
    pub fn gather(&self, half: Half) {
        let mut known = write(&self.known);
        let mut leaving = lock(&self.leaving);
        leaving.clear();
        for (number, shard) in self.shards.iter().enumerate() {
            let mut shard = lock(shard);
            known.learn(shard.take_covers(), shard.take_hidden());
            known.learn_answers(&shard.take_answers(), &shard.take_replies());
            leaving.add(number as u8, shard.departures());
        }
        leaving.sort();
        let batch = read(&self.batches[half]);
        known.now = batch.now;
        known.undecoded = batch.undecoded;
        known.dropped_ns = batch.dropped_ns;
        known.fine.clone_from(&batch.fine);
        write(&self.outlet).prepare();
    }

    /// Goes on to the next slice of what leaves; false when there is none. A mark is pressed once even if nothing leaves, for
    /// that is when flows ask for their names.
    pub fn slice(&self) -> bool {
        let last = lock(&self.leaving).slice().map(|(last, _)| last);
        write(&self.known).last = last;
        last.is_some()
    }

    /// A shard's new flows ask what had been told, and what leaves it in this slice becomes rows.
    #[inline(never)]
    pub fn press(&self, number: usize) {
        let known = read(&self.known);
        let outlet = read(&self.outlet);
        let mut shard = lock(&self.shards[number]);
        shard.bind(&self.history);
        let Some(last) = known.last else {
            shard.clear_departed();
            return;
        };
        let desk = self.desk(&known, &**outlet);
        shard.press(last, &desk, &mut lock(&self.sheets[number]));
    }

    /// Gives the rows of a slice out.
    #[inline(never)]
    pub fn give(&self) -> ControlFlow<()> {
        let mut outlet = write(&self.outlet);
        let mut leaving = lock(&self.leaving);
        let mut sheets: Vec<MutexGuard<'_, Sheet>> = self.sheets.iter().map(lock).collect();
        let Some((_, rows)) = leaving.slice() else {
            return ControlFlow::Continue(());
        };
        for shard in leaving.pass(rows) {
            sheets[shard].give(&mut **outlet)?;
        }
        ControlFlow::Continue(())
    }

    /// At a mark, last: the caps of what all shards know.
    #[inline(never)]
    pub fn trim(&self) {
        let mut known = write(&self.known);
        let now = known.now;
        known.answers.trim(now.ns.saturating_sub(ANSWERS_KEPT));
        known.replies.trim(now.ns.saturating_sub(REPLIES_KEPT));
        self.history.trim(now);
    }

    pub fn pause(&self) -> ControlFlow<()> {
        self.tell_of_running();
        let counts = SoFar {
            undecoded: read(&self.known).undecoded,
            flows: self.shards.iter().map(|shard| lock(shard).flows_so_far()).sum(),
        };
        let mut outlet = write(&self.outlet);
        outlet.so_far(counts);
        outlet.pause()
    }

    /// Flows under way, if anybody wants to know.
    fn tell_of_running(&self) {
        if !read(&self.outlet).wants_running() {
            return;
        }
        let known = read(&self.known);
        let mut candidates = Candidates::default();
        for (number, shard) in self.shards.iter().enumerate() {
            lock(shard).propose(number as u8, known.now.ns, &mut candidates);
        }
        let (flows, bytes) = (candidates.flows, candidates.bytes);
        let desk = self.desk(&known, &Everything);
        let row = |chosen: Candidate| lock(self.shards.get(usize::from(chosen.shard))?).row_so_far(chosen.slot, &desk);
        let running = Running {
            now_ns: known.now.ns,
            flows,
            bytes,
            listed: candidates.chosen().into_iter().filter_map(row).collect(),
        };
        write(&self.outlet).running(running);
    }

    fn desk<'k>(&'k self, known: &'k Known, outlet: &'k dyn Outlet) -> Desk<'k> {
        Desk {
            policy: self.policy,
            covers: &known.covers,
            hidden: &known.hidden,
            answers: &known.answers,
            replies: &known.replies,
            fine: &known.fine,
            now_ns: known.now.ns,
            dropped_ns: known.dropped_ns,
            outlet,
        }
    }

    /// At the very end: a row an input.
    pub fn captures(&self) -> ControlFlow<()> {
        let mut intake = lock(&self.intake);
        let mut tallies = intake.tallies();
        for shard in &self.shards {
            tallies.add(lock(shard).take_tallies());
        }
        let mut outlet = write(&self.outlet);
        let mut text = Vec::new();
        for row in tallies.into_rows(intake.source().inputs()) {
            let row = Row::Capture(Box::new(row));
            let wanted = outlet.set(&row, &mut text);
            if !text.is_empty() {
                outlet.text(&text)?;
                text.clear();
            }
            if wanted == Wanted::Row {
                outlet.row(&row)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// A window of what is asked of the answers is a minute at least.
const ANSWERS_SLOT: u64 = AROUND;

impl Known {
    fn new(limits: &Limits) -> Known {
        Known {
            covers: Covers::default(),
            hidden: HiddenClients::default(),
            answers: Times::new(ANSWERS_SLOT, limits.answers),
            replies: Times::new(REMEDY_SLOT, limits.replies),
            fine: Vec::new(),
            now: Stamp::default(),
            undecoded: 0,
            dropped_ns: 0,
            last: None,
        }
    }

    fn learn_answers(&mut self, answers: &[Answer], replies: &[Reply]) {
        for answer in answers {
            let key = self.answers.digest(answer.client);
            self.answers.add(key, answer.ns, answer.flow);
            if let Some(server) = answer.server {
                let key = self.answers.digest((answer.client, server));
                self.answers.add(key, answer.ns, answer.flow);
            }
        }
        for reply in replies {
            reply.add_to(&mut self.replies);
        }
    }

    fn learn(&mut self, covers: Vec<(Domain, Stamp)>, hidden: Vec<(IpAddr, Stamp)>) {
        for (name, at) in &covers {
            self.covers.add(name, *at);
        }
        for (client, begin) in hidden {
            self.hidden.add(client, begin);
        }
    }
}

// A lock is poisoned only if a thread has panicked, and then the run is over.

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
