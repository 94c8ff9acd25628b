//! Listeners in threads of their own, and what they have heard in one order.
//!
//! ```text
//!  handle ─ thread ─ batch ─┐
//!  handle ─ thread ─ batch ─┼─▶ bounded channel ─▶ merge by time ─▶ Epoch
//!  handle ─ thread ─ batch ─┘
//!                      ◀──────── the same memory, empty again
//! ```
//!
//! A thread fills a batch of its own and hands it over as a whole: one hand-over a batch, never one a packet. If nobody takes
//! batches any more it waits, and the kernel's ring fills, which the kernel counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::handle::{BLOCK_TIMEOUT, Counts, Handle};
use super::merge::{Batch, Merge};
use crate::engine::epoch::Epoch;
use crate::source::ending::now_ns;
use crate::source::meter::Meter;

/// Bytes of a batch that is full.
const BATCH_BYTES: usize = 256 << 10;
/// Packets taken between two looks at the clock.
const BURST: usize = 256;
/// Full batches that wait, and empty ones on their way back, for each listener.
const BATCHES_WAITING: usize = 8;
/// How long a silent listener waits before it looks around.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// How long a batch that is not full stays with its listener.
const LONGEST_HOLD: Duration = Duration::from_millis(100);
/// What a silent listener may still hand over later is not older than this: the kernel keeps a block for a while.
const SLACK_NS: u64 = BLOCK_TIMEOUT.as_nanos() as u64 + 200_000_000;
/// How long listeners are waited for in the end: one may be inside a system call.
const LONGEST_END: Duration = Duration::from_secs(1);
/// How often the kernel's counts are asked for.
const COUNT_EVERY: Duration = Duration::from_millis(500);

/// The listeners.
pub struct Workers {
    parcels: Receiver<Parcel>,
    backs: Vec<SyncSender<Batch>>,
    shared: Arc<Shared>,
    merge: Merge,
    faults: Vec<String>,
    /// By worker: its interface's ordinal, and its last counts.
    counts: Vec<(usize, Counts)>,
}

/// What a listener hands over.
struct Parcel {
    worker: usize,
    what: What,
}

enum What {
    Heard(Batch),
    Counted(Counts),
    /// With a line if it was not told to.
    Ended(Option<String>),
}

/// What all threads look at.
#[derive(Default)]
struct Shared {
    /// What is younger does not count any more, and once there is nothing older a listener ends.
    latest_ns: AtomicU64,
    abandon: AtomicBool,
    /// By worker: nothing more was at hand at that time.
    silent_ns: Vec<AtomicU64>,
}

impl Workers {
    /// Starts a thread for each handle; the number with it is its interface's ordinal.
    pub fn start(handles: Vec<(usize, Handle)>) -> Result<Workers, String> {
        let shared = Arc::new(Shared {
            latest_ns: AtomicU64::new(u64::MAX),
            abandon: AtomicBool::new(false),
            silent_ns: handles.iter().map(|_| AtomicU64::new(0)).collect(),
        });
        let (to, parcels) = mpsc::sync_channel(BATCHES_WAITING * handles.len());
        let mut workers = Workers {
            parcels,
            backs: Vec::new(),
            shared: Arc::clone(&shared),
            merge: Merge::default(),
            faults: Vec::new(),
            counts: Vec::new(),
        };
        for (number, (ordinal, handle)) in handles.into_iter().enumerate() {
            workers.merge.lane(ordinal as u32, handle.link());
            workers.counts.push((ordinal, Counts::default()));
            let (back, spent) = mpsc::sync_channel(BATCHES_WAITING);
            workers.backs.push(back);
            let listener = Listener {
                number,
                handle,
                batch: Batch::default(),
                begun: Instant::now(),
                to: to.clone(),
                spent,
                shared: Arc::clone(&shared),
            };
            let name = format!("listener {number}");
            // Nobody joins it: it ends when it is told to, or when nobody takes batches any more.
            let thread = thread::Builder::new().name(name).spawn(move || listener.run());
            thread.map_err(|error| format!("a thread for listening cannot be started: {error}"))?;
        }
        Ok(workers)
    }

    /// Takes what has been heard into the epoch, up to `target` bytes or `most` packets, and waits for at most `wait` if there
    /// is nothing. True if something was taken.
    pub fn take(&mut self, epoch: &mut Epoch, target: usize, most: u64, wait: Duration) -> bool {
        // First who is silent, then what is there: a listener hands over before it says so.
        for (lane, silent) in self.shared.silent_ns.iter().enumerate() {
            let ns = silent.load(Ordering::Acquire);
            self.merge.silent(lane, ns.saturating_sub(SLACK_NS));
        }
        while !self.merge.is_full() {
            let Ok(parcel) = self.parcels.try_recv() else { break };
            self.receive(parcel);
        }
        let backs = &self.backs;
        let taken = self.merge.give(epoch, target, most, |lane, mut batch| {
            batch.clear();
            if let Some(back) = backs.get(lane) {
                // If there are enough of them this one is given up.
                let _ = back.try_send(batch);
            }
        });
        if !taken && !self.merge.has_ended() {
            match self.parcels.recv_timeout(wait) {
                Ok(parcel) => self.receive(parcel),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(wait),
            }
        }
        taken
    }

    /// What is younger is not wanted; listeners end when they have found all that is older.
    pub fn finish_by(&self, latest_ns: u64) {
        self.shared.latest_ns.store(latest_ns, Ordering::Relaxed);
    }

    /// Everything was handed over.
    pub fn have_ended(&self) -> bool {
        self.merge.has_ended() && self.merge.is_empty()
    }

    /// Packets taken so far.
    pub fn taken(&self) -> u64 {
        self.merge.numbered()
    }

    pub fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    /// Ends the threads, whatever they still have, and takes their last counts.
    pub fn stop(&mut self) {
        self.shared.abandon.store(true, Ordering::Relaxed);
        // They hang up when they have ended.
        while let Ok(parcel) = self.parcels.recv_timeout(LONGEST_END) {
            match parcel.what {
                What::Heard(_) => {}
                _ => self.receive(parcel),
            }
        }
    }

    /// Puts the kernel's counts where others see them.
    pub fn show_counts(&self, meter: &Meter) {
        for (ordinal, line) in meter.interfaces.iter().enumerate() {
            let of_interface = self.counts.iter().filter(|(of, _)| *of == ordinal);
            of_interface
                .fold(Counts::default(), |sum, (_, counts)| sum.beside(*counts))
                .show(line);
        }
    }

    fn receive(&mut self, Parcel { worker, what }: Parcel) {
        match what {
            What::Heard(batch) => self.merge.add(worker, batch),
            What::Counted(counts) => {
                if let Some((_, last)) = self.counts.get_mut(worker) {
                    *last = counts;
                }
            }
            What::Ended(fault) => {
                self.merge.end(worker);
                // Its neighbours on the same interface say the same.
                self.faults.extend(fault);
                self.faults.dedup();
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.abandon.store(true, Ordering::Relaxed);
    }
}

/// One thread's own.
struct Listener {
    number: usize,
    handle: Handle,
    batch: Batch,
    /// When the batch was begun.
    begun: Instant,
    to: SyncSender<Parcel>,
    /// Batches that come back empty.
    spent: Receiver<Batch>,
    shared: Arc<Shared>,
}

impl Listener {
    fn run(mut self) {
        let mut count_at = Instant::now() + COUNT_EVERY;
        let fault = loop {
            if self.shared.abandon.load(Ordering::Relaxed) {
                self.batch.clear();
                break None;
            }
            let now = now_ns();
            let latest_ns = self.shared.latest_ns.load(Ordering::Relaxed);
            let Listener { handle, batch, .. } = &mut self;
            let mut late = false;
            let read = handle.read(BURST, |heard| match heard.ns > latest_ns {
                true => late = true,
                false => batch.push(heard.ns, heard.wire, heard.bytes),
            });
            let nothing_at_hand = match read {
                Ok(read) => read == 0,
                Err(fault) => break Some(fault),
            };
            let held_long = !self.batch.is_empty() && self.begun.elapsed() >= LONGEST_HOLD;
            if self.batch.bytes.len() >= BATCH_BYTES || held_long || nothing_at_hand {
                self.hand_over();
            }
            if late || nothing_at_hand && now > latest_ns.saturating_add(SLACK_NS) {
                break None;
            }
            if Instant::now() >= count_at {
                count_at = Instant::now() + COUNT_EVERY;
                self.count();
            }
            if nothing_at_hand {
                self.say_silent(now);
                self.handle.wait(LONGEST_WAIT);
            }
        };
        self.hand_over();
        self.count();
        self.send(What::Ended(fault));
    }

    fn hand_over(&mut self) {
        if !self.batch.is_empty() {
            let empty = self.spent.try_recv().unwrap_or_default();
            let full = std::mem::replace(&mut self.batch, empty);
            self.send(What::Heard(full));
        }
        self.begun = Instant::now();
    }

    fn count(&mut self) {
        if let Some(counts) = self.handle.counts() {
            self.send(What::Counted(counts));
        }
    }

    /// Everything heard until then has been handed over.
    fn say_silent(&self, ns: u64) {
        if let Some(silent) = self.shared.silent_ns.get(self.number) {
            silent.store(ns, Ordering::Release);
        }
    }

    /// Waits for room. If there is nobody any more to hand over to, there is nothing more to do.
    fn send(&self, what: What) {
        let worker = self.number;
        if self.to.send(Parcel { worker, what }).is_err() {
            self.shared.abandon.store(true, Ordering::Relaxed);
        }
    }
}
