//! How a live run goes: statistics on stderr, and the lines that cannot wait for the end.
//!
//! A thread of its own writes them, so that a terminal that is stopped stops nothing else. On a terminal the statistics are
//! one line that is written over; elsewhere a line each time, and only if they were asked for. The last ones are shown in
//! either case.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::say;
use crate::engine::drive::SoFar;
use crate::source::meter::{Meter, Numbers};

/// What is shown of a live run's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statistics {
    #[default]
    None,
    AtTheEnd,
    /// A line each time.
    Lines(Duration),
    /// One line of this width that is written over.
    OneLine(Duration, usize),
}

/// How soon a line that cannot wait is seen.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The statistics of a run that goes on, until it is stopped or dropped. Without a run there is nothing to show.
#[derive(Default)]
pub struct Status {
    showing: Option<Showing>,
}

struct Showing {
    shared: Arc<Shared>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    meter: Arc<Meter>,
    statistics: Statistics,
    begun: Instant,
    undecoded: AtomicU64,
    flows: AtomicU64,
    /// Rows go to the same screen.
    same_screen: bool,
    /// The line that is written over stands there. Locked while anybody writes.
    line_stands: Mutex<bool>,
    /// Lines said so far.
    said: AtomicU64,
    over: AtomicBool,
}

impl Status {
    /// Shows nothing before the end: somebody else has the screen until then.
    pub fn at_the_end(meter: Arc<Meter>, statistics: Statistics) -> Status {
        Status {
            showing: Some(Showing {
                shared: Arc::new(Shared::new(meter, statistics, false)),
                stop: None,
                thread: None,
            }),
        }
    }

    pub fn start(meter: Arc<Meter>, statistics: Statistics, same_screen: bool) -> Status {
        let shared = Arc::new(Shared::new(meter, statistics, same_screen));
        let (stop, stopped) = mpsc::channel::<()>();
        let its = Arc::clone(&shared);
        let thread = thread::Builder::new().name("status".into()).spawn(move || {
            let mut last = Instant::now();
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                its.say_lines();
                let every = match its.statistics {
                    Statistics::Lines(every) | Statistics::OneLine(every, _) => every,
                    _ => continue,
                };
                if last.elapsed() + LOOK_EVERY / 2 >= every {
                    last = Instant::now();
                    its.show();
                }
            }
        });
        Status {
            showing: Some(Showing {
                shared,
                stop: Some(stop),
                // Without a thread there is nothing to see before the end, and that is all.
                thread: thread.ok(),
            }),
        }
    }

    /// What the engine has counted.
    pub fn so_far(&self, counts: SoFar) {
        if let Some(Showing { shared, .. }) = &self.showing {
            shared.undecoded.store(counts.undecoded, Ordering::Relaxed);
            shared.flows.store(counts.flows, Ordering::Relaxed);
        }
    }

    /// The screen is free for rows as long as this is held.
    pub fn clear(&self) -> Option<MutexGuard<'_, bool>> {
        let Showing { shared, .. } = self.showing.as_ref()?;
        shared.same_screen.then(|| shared.clear())
    }

    /// Stops, and shows the last statistics; the lines that were said so far.
    pub fn stop(&mut self, counts: SoFar) -> Vec<String> {
        self.so_far(counts);
        let Some(mut showing) = self.showing.take() else {
            return Vec::new();
        };
        showing.end();
        let shared = &showing.shared;
        shared.say_lines();
        if shared.statistics != Statistics::None {
            say(&shared.line());
        }
        shared.meter.said_since(0)
    }
}

impl Showing {
    fn end(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        drop(self.shared.clear());
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        if let Some(showing) = &mut self.showing {
            showing.end();
        }
    }
}

impl Shared {
    fn new(meter: Arc<Meter>, statistics: Statistics, same_screen: bool) -> Shared {
        Shared {
            meter,
            statistics,
            begun: Instant::now(),
            undecoded: AtomicU64::new(0),
            flows: AtomicU64::new(0),
            same_screen,
            line_stands: Mutex::new(false),
            said: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// What went wrong since the last look.
    fn say_lines(&self) {
        let seen = self.said.load(Ordering::Relaxed);
        let lines = self.meter.said_since(seen as usize);
        if lines.is_empty() {
            return;
        }
        self.said.store(seen + lines.len() as u64, Ordering::Relaxed);
        let _screen = self.clear();
        lines.iter().for_each(|line| say(line));
    }

    fn show(&self) {
        match self.statistics {
            Statistics::Lines(_) => say(&self.line()),
            Statistics::OneLine(_, width) => {
                let mut stands = self.line_stands.lock().unwrap_or_else(PoisonError::into_inner);
                let line: String = self.line().chars().take(width.saturating_sub(1)).collect();
                let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
                *stands = true;
            }
            _ => {}
        }
    }

    fn clear(&self) -> MutexGuard<'_, bool> {
        let mut stands = self.line_stands.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *stands) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        stands
    }

    fn line(&self) -> String {
        let counts = SoFar {
            undecoded: self.undecoded.load(Ordering::Relaxed),
            flows: self.flows.load(Ordering::Relaxed),
        };
        let over = self.over.load(Ordering::Relaxed);
        let numbers = self.meter.numbers();
        let lag = if over { Duration::ZERO } else { lag(&numbers) };
        line(&numbers, counts, self.begun.elapsed(), lag)
    }
}

/// How far the analysis is behind the clock; all that is at hand may have been looked at.
pub fn lag(numbers: &Numbers) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if numbers.caught_up || numbers.newest_ns == 0 {
        return Duration::ZERO;
    }
    now.saturating_sub(Duration::from_nanos(numbers.newest_ns))
}

fn line(numbers: &Numbers, counts: SoFar, since: Duration, lag: Duration) -> String {
    let seconds = since.as_secs_f64();
    let SoFar { undecoded, flows } = counts;
    if numbers.interfaces == 0 {
        let (taken, files) = (numbers.taken, numbers.files);
        return format!("{seconds:.1}s: packets {taken}, files {files}, undecoded {undecoded}, flows {flows}");
    }
    let mut line = format!(
        "{seconds:.1}s: received {}, dropped {} by kernel, {} by interface, undecoded {undecoded}, lag {:.1}s, flows {flows}",
        numbers.received,
        numbers.dropped_by_kernel,
        numbers.dropped_by_interface,
        lag.as_secs_f64(),
    );
    if numbers.keeps {
        line += &format!(", kept {}, not kept {}", numbers.kept, numbers.unkept);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_was_heard_lost_and_found() {
        let numbers = Numbers {
            interfaces: 1,
            received: 120,
            dropped_by_kernel: 3,
            dropped_by_interface: 1,
            ..Numbers::default()
        };
        let counts = SoFar { undecoded: 2, flows: 7 };
        let said = |numbers: &Numbers| line(numbers, counts, Duration::from_millis(1500), Duration::from_millis(240));
        let heard = "1.5s: received 120, dropped 3 by kernel, 1 by interface, undecoded 2, lag 0.2s, flows 7";
        assert_eq!(said(&numbers), heard);
        let keeping = Numbers {
            keeps: true,
            kept: 110,
            unkept: 10,
            ..numbers
        };
        assert_eq!(said(&keeping), format!("{heard}, kept 110, not kept 10"));
        let followed = Numbers {
            taken: 9,
            files: 2,
            ..Numbers::default()
        };
        assert_eq!(said(&followed), "1.5s: packets 9, files 2, undecoded 2, flows 7");
    }

    #[test]
    fn nothing_lags_where_nothing_is_left() {
        let mut numbers = Numbers {
            newest_ns: 1,
            ..Numbers::default()
        };
        assert!(lag(&numbers) > Duration::from_secs(1));
        numbers.caught_up = true;
        assert_eq!(lag(&numbers), Duration::ZERO);
    }

    #[test]
    fn lines_that_were_said_are_told_at_the_end() {
        let meter = Arc::new(Meter::new(1));
        let mut status = Status::start(Arc::clone(&meter), Statistics::None, true);
        meter.say("eth0: gone".into());
        drop(status.clear());
        assert_eq!(status.stop(SoFar::default()), ["eth0: gone"]);
        assert!(status.stop(SoFar::default()).is_empty());
    }
}
