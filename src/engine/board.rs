//! Where helping threads find what there is to do.
//!
//! A step is 64 numbers; whoever is free takes the next one. There are no queues: a thread that finds nothing looks again for
//! a moment, then sleeps until it is called.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::drive::{Hands, Step};
use super::limits::SHARDS;
use super::works::{Half, Works};

/// The work at hand.
pub struct Board<'w, 'r> {
    works: &'w Works<'r>,
    /// The step that is being done, see [`Posted`].
    posted: AtomicU64,
    /// How many of its numbers are done.
    done: AtomicUsize,
    /// What is to become of a half, see [`Fill`].
    fill: AtomicUsize,
    over: AtomicBool,
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    call: Condvar,
}

/// What [`Board::posted`] holds: the step, how many steps there were before, and how many numbers were taken from either end. All in
/// one, so that a thread that comes late cannot take a number of one step for another's.
#[derive(Clone, Copy)]
struct Posted(u64);

/// From which end of the numbers a thread takes: so each works mostly on the shards that its cache still holds from the step before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taking {
    Upwards,
    Downwards,
}

impl Taking {
    /// What one number more counts.
    fn one(self) -> u64 {
        match self {
            Taking::Upwards => 1,
            Taking::Downwards => 1 << Posted::END_BITS,
        }
    }
}

impl Posted {
    const END_BITS: u32 = 8;
    const NUMBER_BITS: u32 = 2 * Posted::END_BITS;
    const STEP_BITS: u32 = 3;
    const NONE: Posted = Posted(SHARDS as u64);

    fn after(self, step: Step) -> Posted {
        let code = match step {
            Step::Drain(half) => half as u64,
            Step::Press => 2,
            Step::Read => 3,
            Step::Scan => 4,
        };
        let count = (self.0 >> (Posted::NUMBER_BITS + Posted::STEP_BITS)) + 1;
        Posted((count << Posted::STEP_BITS | code) << Posted::NUMBER_BITS)
    }

    /// The next number of the step from that end, if any is left.
    fn number(self, taking: Taking) -> Option<usize> {
        let end = (1 << Posted::END_BITS) - 1;
        let (low, high) = ((self.0 & end) as usize, (self.0 >> Posted::END_BITS & end) as usize);
        (low + high < SHARDS).then(|| match taking {
            Taking::Upwards => low,
            Taking::Downwards => SHARDS - 1 - high,
        })
    }

    fn step(self) -> Step {
        match self.0 >> Posted::NUMBER_BITS & ((1 << Posted::STEP_BITS) - 1) {
            2 => Step::Press,
            3 => Step::Read,
            4 => Step::Scan,
            half => Step::Drain(half as Half),
        }
    }
}

/// What [`Board::fill`] holds.
struct Fill;

impl Fill {
    const NOTHING: usize = 0;
    const RUNNING: usize = 1;
    const READY: usize = 2;
    /// Asked for: this and the half.
    const ASKED: usize = 3;
}

/// A thread looks so often for work before it sleeps: some microseconds.
const LOOKS: u32 = 400;

impl<'w, 'r> Board<'w, 'r> {
    pub fn new(works: &'w Works<'r>) -> Board<'w, 'r> {
        Board {
            works,
            posted: AtomicU64::new(Posted::NONE.0),
            done: AtomicUsize::new(0),
            fill: AtomicUsize::new(Fill::NOTHING),
            over: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            bed: Mutex::new(()),
            call: Condvar::new(),
        }
    }

    /// A helping thread: works until the run is over. Filling comes first, since it takes longest.
    pub fn help(&self) {
        let _closing = self.closing();
        while !self.over.load(Ordering::SeqCst) {
            if !self.fill_if_asked() && !self.take_number(Taking::Downwards) {
                self.wait_until(|| {
                    self.over.load(Ordering::SeqCst)
                        || self.fill.load(Ordering::SeqCst) >= Fill::ASKED
                        || Posted(self.posted.load(Ordering::SeqCst))
                            .number(Taking::Upwards)
                            .is_some()
                });
            }
        }
    }

    /// Ends the run when it is dropped: also where a thread panics, so that none waits for it for ever.
    pub fn closing(&self) -> Closing<'_, 'w, 'r> {
        Closing(self)
    }

    fn fill_if_asked(&self) -> bool {
        let asked = self.fill.load(Ordering::SeqCst);
        let Some(half) = asked.checked_sub(Fill::ASKED) else {
            return false;
        };
        let taken = self
            .fill
            .compare_exchange(asked, Fill::RUNNING, Ordering::SeqCst, Ordering::SeqCst);
        if taken.is_ok() {
            self.works.fill(half);
            self.fill.store(Fill::READY, Ordering::SeqCst);
            self.wake();
        }
        taken.is_ok()
    }

    fn take_number(&self, taking: Taking) -> bool {
        let posted = Posted(self.posted.load(Ordering::SeqCst));
        let Some(number) = posted.number(taking) else {
            return false;
        };
        let taken = self
            .posted
            .compare_exchange(posted.0, posted.0 + taking.one(), Ordering::SeqCst, Ordering::SeqCst);
        if taken.is_ok() {
            posted.step().run(self.works, number);
            if self.done.fetch_add(1, Ordering::SeqCst) + 1 == SHARDS {
                self.wake();
            }
        }
        true
    }

    fn wait_until(&self, ready: impl Fn() -> bool) {
        for _ in 0..LOOKS {
            if ready() {
                return;
            }
            hint::spin_loop();
        }
        let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        // Who wakes us changes what is looked at first and counts the sleepers then: one of the two sees the other.
        while !ready() {
            bed = self.call.wait(bed).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }

    fn wake(&self) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            let _bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
            self.call.notify_all();
        }
    }

    /// Waits for others, who may have panicked.
    fn wait_for(&self, ready: impl Fn() -> bool) {
        self.wait_until(|| ready() || self.over.load(Ordering::SeqCst));
        assert!(ready(), "a thread of the engine has panicked");
    }
}

impl Hands for Board<'_, '_> {
    fn ask_to_fill(&self, half: Half) {
        self.fill.store(Fill::ASKED + half, Ordering::SeqCst);
        self.wake();
    }

    fn filled(&self, _: Half) {
        // Nobody was free for it until now.
        self.fill_if_asked();
        self.wait_for(|| self.fill.load(Ordering::SeqCst) == Fill::READY);
        self.fill.store(Fill::NOTHING, Ordering::SeqCst);
    }

    fn each(&self, step: Step) {
        self.done.store(0, Ordering::SeqCst);
        let before = Posted(self.posted.load(Ordering::SeqCst));
        self.posted.store(before.after(step).0, Ordering::SeqCst);
        self.wake();
        while self.take_number(Taking::Upwards) {}
        self.wait_for(|| self.done.load(Ordering::SeqCst) == SHARDS);
    }
}

/// See [`Board::closing`].
pub struct Closing<'b, 'w, 'r>(&'b Board<'w, 'r>);

impl Drop for Closing<'_, '_, '_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
        self.0.wake();
    }
}
