//! Running interfaces, through libpcap.
//!
//! ```text
//!  one handle        handle ─────────────────────────────▶ Epoch ─▶ the engine
//!  several of them   handles ─▶ workers ─▶ merge by time ─▶ Epoch      └─▶ keep: a copy into files (-w)
//! ```
//!
//! A handle is a libpcap handle ([`handle`]); several on one interface share its packets flow by flow. With a single handle
//! there is no thread and no copy but the one into the epoch; several have a thread each ([`workers`]), and what they heard
//! is put in the order of time ([`merge`]), so that the records are those of a capture of all interfaces.
//!
//! About once a second an epoch carries the time ([`Epoch::lull`]), whether packets come or not: what is over leaves, and what
//! is written is seen.

pub mod complaint;
pub mod handle;
pub mod list;
pub mod merge;
pub mod workers;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use handle::{Handle, Setup};
use workers::Workers;

use super::ending::{Ending, Phase, Until, now_ns};
use super::keep::{Interface, Keep, KeepOptions};
use super::meter::Meter;
use crate::engine::epoch::{Epoch, Frame, InputFacts, Source};
use crate::flow::stamp::Stamp;

/// What to listen to, and when to stop.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    pub interfaces: Vec<String>,
    /// Handles an interface.
    pub workers: usize,
    pub filter: Option<String>,
    /// Bytes of a packet that are kept.
    pub snaplen: u32,
    /// Bytes of an interface's ring in the kernel, divided among its handles.
    pub ring: u32,
    pub until: Until,
    /// Packets go into files too.
    pub keep: Option<KeepOptions>,
}

/// Less is no ring of blocks.
const LEAST_RING: u32 = 1 << 20;
/// Packets taken between two looks at the clock.
const BURST: usize = 256;
/// How late a signal that came at the wrong moment is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// How long the end waits for packets that the kernel still keeps.
const LAST_LOOK: Duration = Duration::from_millis(300);
/// Rows are not held back longer than this.
const LULL_EVERY: Duration = Duration::from_secs(1);
/// How far packets may lag behind the clock: those of a block not yet handed over, of a busy processor.
const SLACK_NS: u64 = 1_000_000_000;

/// Open interfaces.
pub struct Live {
    ears: Ears,
    interfaces: Vec<String>,
    /// By interface: it was up when last looked at.
    up: Vec<bool>,
    keep: Option<Keep>,
    meter: Arc<Meter>,
    /// The newest packet that the engine was given.
    newest_ns: u64,
    ending: Ending,
    next_lull: Instant,
    inputs: Vec<InputFacts>,
    faults: Vec<String>,
}

enum Ears {
    /// With the number of packets taken.
    One(Box<Handle>, u64),
    Many(Workers),
}

impl Live {
    /// Opens the interfaces; the error is one line that says what to do.
    pub fn open(options: LiveOptions) -> Result<Live, String> {
        let handles = open_all(&options)?;
        let mut inputs = Vec::new();
        let mut kept = Vec::new();
        for (ordinal, name) in options.interfaces.iter().enumerate() {
            let Some((_, handle)) = handles.iter().find(|(of, _)| *of == ordinal) else {
                continue;
            };
            inputs.push(InputFacts {
                name: name.clone(),
                links: vec![handle.link().name().into_owned()],
                nanoseconds: true,
                ..InputFacts::default()
            });
            kept.push(Interface {
                name: name.clone(),
                link: handle.link(),
                snaplen: options.snaplen,
            });
        }
        let meter = Arc::new(Meter::new(options.interfaces.len()));
        let keep = match options.keep {
            Some(keep) => Some(Keep::begin(keep, kept, Arc::clone(&meter))?),
            None => None,
        };
        Ok(Live {
            up: vec![true; options.interfaces.len()],
            interfaces: options.interfaces,
            ears: ears(handles)?,
            keep,
            meter,
            newest_ns: 0,
            ending: Ending::new(options.until, LAST_LOOK),
            next_lull: Instant::now() + LULL_EVERY,
            inputs,
            faults: Vec::new(),
        })
    }

    /// Its numbers while it runs.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    fn taken(&self) -> u64 {
        match &self.ears {
            Ears::One(_, taken) => *taken,
            Ears::Many(workers) => workers.taken(),
        }
    }

    /// Takes what is at hand, up to `target` bytes; false when nothing is.
    fn take(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        let most = self.ending.packets_left(self.taken());
        match &mut self.ears {
            Ears::One(handle, taken) => {
                let latest_ns = self.ending.latest_ns();
                match take_burst(handle, epoch, most, latest_ns, taken) {
                    Ok(Burst::Nothing) => false,
                    Ok(Burst::Some) => true,
                    Ok(Burst::Late) => {
                        self.ending.over();
                        true
                    }
                    Err(fault) => {
                        // The interface has gone: what was heard until then still counts.
                        self.fail(fault);
                        self.ending.over();
                        true
                    }
                }
            }
            Ears::Many(workers) => {
                let wait = LONGEST_WAIT.min(self.next_lull.saturating_duration_since(Instant::now()));
                let taken = workers.take(epoch, target, most, wait / 4);
                let ended = workers.have_ended();
                for fault in workers.take_faults() {
                    self.fail(fault);
                }
                if ended {
                    self.ending.over();
                }
                taken
            }
        }
    }

    fn fail(&mut self, fault: String) {
        // The other listeners of an interface say the same.
        if self.faults.last() == Some(&fault) {
            return;
        }
        self.meter.say(fault.clone());
        self.faults.push(fault);
    }

    /// Waits for packets, or for the next thing that the clock has to say; a signal ends it early.
    fn wait(&self, now: Instant) {
        let Ears::One(handle, _) = &self.ears else { return };
        let moments = [Some(now + LONGEST_WAIT), Some(self.next_lull), self.ending.next()];
        let first = moments.into_iter().flatten().min().unwrap_or(now);
        handle.wait(first.saturating_duration_since(now));
    }

    /// What the kernel has counted becomes known.
    fn note_counts(&mut self, epoch: &mut Epoch) {
        let before = self.meter.dropped();
        match &mut self.ears {
            Ears::One(handle, _) => {
                if let (Some(counts), Some(line)) = (handle.counts(), self.meter.interfaces.first()) {
                    counts.show(line);
                }
            }
            Ears::Many(workers) => workers.show_counts(&self.meter),
        }
        for (facts, line) in self.inputs.iter_mut().zip(&self.meter.interfaces) {
            facts.dropped_by_kernel = Some(line.dropped_by_kernel.load(Ordering::Relaxed));
            facts.dropped_by_interface = Some(line.dropped_by_interface.load(Ordering::Relaxed));
        }
        if self.meter.dropped() > before {
            epoch.dropped_ns = Some(now_ns());
        }
    }

    /// An interface that is taken down is silent and no error, so it is said; when it is up again it is heard again.
    fn look_at_interfaces(&mut self) {
        let states = self.interfaces.iter().zip(&mut self.up).zip(&mut self.inputs);
        for ((name, was_up), facts) in states {
            let is_up = handle::is_up(name);
            if is_up != *was_up {
                *was_up = is_up;
                let what = if is_up {
                    "is up again"
                } else {
                    "went down: nothing is heard until it is up again"
                };
                self.meter.say(format!("{name}: {what}"));
                if !is_up {
                    facts.warnings.push(what.to_owned());
                }
            }
        }
    }

    /// Once a second.
    fn lull(&mut self, epoch: &mut Epoch, now: Instant, nothing_at_hand: bool) {
        self.next_lull = now + LULL_EVERY;
        // With packets at hand only they know how far the time has come.
        let ours = nothing_at_hand.then(|| now_ns().saturating_sub(SLACK_NS));
        epoch.lull = Some(ours.unwrap_or_default());
        self.note_counts(epoch);
        self.look_at_interfaces();
    }

    fn finish(&mut self, epoch: &mut Epoch) {
        if let Ears::Many(workers) = &mut self.ears {
            workers.stop();
        }
        self.note_counts(epoch);
        if let Some(mut keep) = self.keep.take() {
            self.faults.extend(keep.finish());
        }
    }

    /// What leaves for the engine is kept and counted.
    fn hand_out(&mut self, epoch: &Epoch, nothing_at_hand: bool) {
        if let Some(keep) = &mut self.keep {
            keep.take(epoch);
            if epoch.lull.is_some() {
                keep.hand_over();
            }
        }
        let meter = &self.meter;
        meter.taken.store(self.taken(), Ordering::Relaxed);
        if let Some(last) = epoch.frames.last() {
            self.newest_ns = last.stamp.ns;
        }
        meter.caught_up.store(nothing_at_hand, Ordering::Relaxed);
    }
}

impl Source for Live {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        epoch.clear();
        epoch.ordinal = 0;
        // Asked for more, so what was given last has been looked at.
        self.meter.newest_ns.store(self.newest_ns, Ordering::Relaxed);
        loop {
            let now = Instant::now();
            let phase = self.ending.heed(now, self.taken());
            if phase == Phase::Over {
                self.hand_out(epoch, true);
                self.finish(epoch);
                return !epoch.frames.is_empty();
            }
            if let (Phase::LastLook { said_ns, .. }, Ears::Many(workers)) = (phase, &self.ears) {
                workers.finish_by(said_ns);
            }
            let nothing_at_hand = !self.take(epoch, target);
            let is_lull = now >= self.next_lull;
            if is_lull {
                self.lull(epoch, now, nothing_at_hand);
            }
            if is_lull || epoch.bytes.len() >= target {
                self.hand_out(epoch, nothing_at_hand);
                return true;
            }
            if nothing_at_hand {
                if matches!(self.ears, Ears::One(..)) {
                    self.ending.nothing_at_hand(now);
                }
                self.wait(now);
            }
        }
    }

    fn inputs(&self) -> &[InputFacts] {
        &self.inputs
    }

    fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// All handles, with their interfaces' ordinals. Those of one interface share its packets from the same moment on.
fn open_all(options: &LiveOptions) -> Result<Vec<(usize, Handle)>, String> {
    let workers = options.workers.max(1);
    let setup = Setup {
        filter: options.filter.clone(),
        snaplen: options.snaplen,
        ring: (options.ring / workers as u32).max(LEAST_RING),
    };
    let mut handles = Vec::new();
    for (ordinal, interface) in options.interfaces.iter().enumerate() {
        let mut group = None;
        for _ in 0..workers {
            let handle = Handle::open(interface, &setup)?;
            if workers > 1 {
                group = Some(handle.join(group)?);
            }
            handles.push((ordinal, handle));
        }
    }
    if handles.len() > 1 {
        // Before all of them had joined, packets went to more than one, or to the wrong one. Counted from before that moment,
        // so that no packet is taken that was not counted.
        handles.iter_mut().for_each(|(_, handle)| handle.begin_counts());
        let joined_ns = now_ns();
        handles
            .iter_mut()
            .for_each(|(_, handle)| handle.forget_before(joined_ns));
    }
    Ok(handles)
}

fn ears(mut handles: Vec<(usize, Handle)>) -> Result<Ears, String> {
    match (handles.len(), handles.pop()) {
        (1, Some((_, handle))) => Ok(Ears::One(Box::new(handle), 0)),
        (_, last) => {
            handles.extend(last);
            Ok(Ears::Many(Workers::start(handles)?))
        }
    }
}

/// What became of an attempt to take packets.
enum Burst {
    Nothing,
    Some,
    /// Among them one that came after the end.
    Late,
}

fn take_burst(
    handle: &mut Handle,
    epoch: &mut Epoch,
    most: u64,
    latest_ns: u64,
    taken: &mut u64,
) -> Result<Burst, String> {
    let link = handle.link();
    let mut late = false;
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(BURST);
    let read = handle.read(most, |heard| {
        if heard.ns > latest_ns {
            late = true;
            return;
        }
        *taken += 1;
        epoch.frames.push(Frame {
            stamp: Stamp::new(0, *taken, heard.ns),
            at: epoch.bytes.len() as u32,
            captured: heard.bytes.len() as u32,
            wire: heard.wire,
            link,
            interface: 0,
        });
        epoch.bytes.extend_from_slice(heard.bytes);
    })?;
    Ok(match (read, late) {
        (0, _) => Burst::Nothing,
        (_, false) => Burst::Some,
        (_, true) => Burst::Late,
    })
}
