//! Following a folder into which another program rotates captures (`tcpdump -G`, `-C`, `dumpcap -b`, suricata), or one file
//! that grows.
//!
//! Files are taken one after another; the last one is read as it grows, and the next begins when there is one with a packet
//! in it: by then whoever rotates has closed the one before. The piece of a record at the end is waited for.
//!
//! The time is that of the packets alone: a writer keeps packets in its buffer for as long as it likes, so the clock says
//! nothing of what is over. The records are those that reading the same files afterwards gives.

mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use watch::{Original, Refused, Watch};

use super::ending::{Ending, Phase, Until};
use super::input::Input;
use super::meter::Meter;
use super::{fault, named};
use crate::engine::epoch::{Epoch, InputFacts, Source};

/// How often a file is asked for more, and the folder for files.
const READ_EVERY: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Rows are not held back longer than this.
const LULL_EVERY: Duration = Duration::from_secs(1);
/// How long the end waits for what was being written, and goes on with what is there.
const LAST_LOOK: Duration = Duration::from_millis(700);
/// How long the rest of a record is waited for once the next file has begun.
const PATIENCE: Duration = Duration::from_secs(2);

/// Captures that appear and grow.
pub struct Follow {
    watch: Watch,
    current: Option<Current>,
    hash: bool,
    meter: Arc<Meter>,
    ending: Ending,
    next_look: Instant,
    next_lull: Instant,
    taken: u64,
    facts: Vec<InputFacts>,
    faults: Vec<String>,
}

/// The file that is being read.
struct Current {
    path: PathBuf,
    input: Input,
    original: Original,
    /// It will not grow any more.
    finished: Arc<AtomicBool>,
    /// Since when there has been nothing more, and another file.
    done_since: Option<Instant>,
}

/// What became of an attempt to read.
enum Read {
    Frames,
    /// The file has ended, or there is another one now: try again.
    Again,
    Nothing,
}

impl Follow {
    /// The error is one line that says what to do.
    pub fn open(place: &Path, hash: bool, until: Until) -> Result<Follow, String> {
        if let Err(error) = std::fs::metadata(place) {
            return Err(fault(place, &super::not_opened(&error)));
        }
        let mut watch = Watch::new(place.to_owned());
        watch.look(None);
        let now = Instant::now();
        Ok(Follow {
            watch,
            current: None,
            hash,
            meter: Arc::default(),
            ending: Ending::new(until, LAST_LOOK),
            next_look: now + LOOK_EVERY,
            next_lull: now + LULL_EVERY,
            taken: 0,
            facts: Vec::new(),
            faults: Vec::new(),
        })
    }

    /// Its numbers while it runs.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    fn read(&mut self, epoch: &mut Epoch, target: usize, now: Instant) -> Read {
        if self.current.is_none() {
            self.look(now);
            self.current = self.begin_next();
        }
        let Some(current) = &mut self.current else {
            return Read::Nothing;
        };
        // Whoever writes over it begins at its front.
        if current.done_since.is_some() && !current.original.is_there_still() {
            self.begin_anew();
            return Read::Again;
        }
        let ordinal = self.facts.len().saturating_sub(1);
        let mut scrap = InputFacts::default();
        let facts = self.facts.last_mut().unwrap_or(&mut scrap);
        epoch.ordinal = ordinal as u32;
        if current.input.fill(epoch, target, facts) {
            current.done_since = None;
            return Read::Frames;
        }
        if let Some(failure) = current.input.take_failure() {
            let line = fault(&current.path, &failure);
            self.fail(line);
            self.current = None;
            return Read::Again;
        }
        if current.input.has_ended() {
            self.current = None;
            return Read::Again;
        }
        let since = *current.done_since.get_or_insert(now);
        let waits_for_the_rest = current.input.is_inside_a_record() && now.duration_since(since) < PATIENCE;
        let finished = Arc::clone(&current.finished);
        self.look(now);
        if self.watch.has_next() && !waits_for_the_rest {
            // What was written before the next file began is there by now: one last time to the end.
            finished.store(true, Ordering::Relaxed);
            return Read::Again;
        }
        Read::Nothing
    }

    fn begin_next(&mut self) -> Option<Current> {
        loop {
            let path = self.watch.take_next()?;
            let mut facts = named(&path);
            let finished = Arc::new(AtomicBool::new(false));
            match watch::open(&path, Arc::clone(&finished), self.hash, &mut facts) {
                Ok((input, original)) => {
                    if input.is_compressed() {
                        finished.store(true, Ordering::Relaxed);
                    }
                    self.meter.begin_file(facts.name.clone());
                    self.facts.push(facts);
                    return Some(Current {
                        path,
                        input,
                        original,
                        finished,
                        done_since: None,
                    });
                }
                Err(Refused::Gone) => {}
                Err(Refused::Unusable { why, .. }) => self.fail(fault(&path, &why)),
            }
        }
    }

    /// The current file was written over.
    fn begin_anew(&mut self) {
        if let Some(current) = self.current.take() {
            self.watch.forget(&current.path);
            self.next_look = Instant::now();
        }
    }

    fn look(&mut self, now: Instant) {
        if now >= self.next_look {
            self.next_look = now + LOOK_EVERY;
            self.watch
                .look(self.current.as_ref().map(|current| current.path.as_path()));
        }
        for line in self.watch.take_faults() {
            self.fail(line);
        }
    }

    fn fail(&mut self, line: String) {
        self.meter.say(line.clone());
        self.faults.push(line);
    }

    /// What leaves for the engine is counted.
    fn hand_out(&mut self, epoch: &mut Epoch) {
        let left = usize::try_from(self.ending.packets_left(self.taken)).unwrap_or(usize::MAX);
        epoch.frames.truncate(left);
        self.taken += epoch.frames.len() as u64;
        self.meter.taken.store(self.taken, Ordering::Relaxed);
        if let Some(last) = epoch.frames.last() {
            self.meter.newest_ns.store(last.stamp.ns, Ordering::Relaxed);
        }
    }
}

impl Source for Follow {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        epoch.clear();
        loop {
            let now = Instant::now();
            let phase = self.ending.heed(now, self.taken);
            let is_over = match phase {
                Phase::LastLook { until, .. } => now >= until,
                Phase::Listening => false,
                Phase::Over => true,
            };
            if is_over {
                epoch.clear();
                return false;
            }
            let read = self.read(epoch, target, now);
            if matches!(read, Read::Again) {
                continue;
            }
            self.meter
                .caught_up
                .store(matches!(read, Read::Nothing), Ordering::Relaxed);
            let is_lull = now >= self.next_lull;
            if is_lull {
                self.next_lull = now + LULL_EVERY;
                // No time of ours: what has been read is shown, and nothing ends by it.
                epoch.lull = Some(0);
            }
            if matches!(read, Read::Frames) || is_lull {
                self.hand_out(epoch);
                return true;
            }
            thread::sleep(READ_EVERY.min(self.next_lull.saturating_duration_since(now)));
        }
    }

    fn inputs(&self) -> &[InputFacts] {
        &self.facts
    }

    fn faults(&self) -> &[String] {
        &self.faults
    }
}

#[cfg(test)]
mod tests;
