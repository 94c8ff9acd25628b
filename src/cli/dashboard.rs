//! The dashboard of `live` on a terminal.
//!
//! ```text
//!   rows, flows under way ─▶ Dashboard (a sink): the board ─ once a second, never waiting ─▶ cell ─▶ painter (a thread) ─▶ terminal
//!                                                                       keys, meter ─────────────────┘
//! ```
//!
//! What delivers rows updates the board and, once a second, puts a snapshot where the painter looks; if the painter is just looking, the next one will do.
//! All writing to the terminal is the painter's: one that hangs stops the painter and nothing else, and at the end it is waited for only so long.

mod painter;
mod screen;
mod signals;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use self::painter::{Painter, Picture};
use super::check::lend;
use super::exit::{Failure, reason};
use super::output::Destination;
use super::plan::{Plan, Showing};
use crate::engine::rows::{Row, Running};
use crate::policy::compile::Policy;
use crate::sink::dashboard::board::{Board, Lend};
use crate::sink::dashboard::draw::ink::Look;
use crate::sink::dashboard::snapshot::Snapshot;
use crate::sink::summary::Summary;
use crate::sink::{Labels, Sink};
use crate::source::meter::Meter;

/// What the engine's side and the painter share.
pub struct Shared {
    cell: Mutex<Arc<Snapshot>>,
    /// The painter is to stop.
    stop: AtomicBool,
    /// The run has been told to end.
    ending: AtomicBool,
    /// The terminal wants its line back for a while.
    suspend: AtomicBool,
}

impl Shared {
    fn new() -> Shared {
        Shared {
            cell: Mutex::default(),
            stop: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            suspend: AtomicBool::new(false),
        }
    }

    /// The newest snapshot. The lock is held for no longer than it takes to count one reader more.
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.cell.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Never waits.
    fn publish(&self, snapshot: Snapshot) {
        if let Ok(mut cell) = self.cell.try_lock() {
            *cell = Arc::new(snapshot);
        }
    }
}

/// A sink that shows rows as they add up, and hands them on to a file if there is one.
pub struct Dashboard<'a> {
    plan: &'a Plan,
    board: Board,
    summary: Summary,
    shared: Arc<Shared>,
    painter: Option<Painter>,
    file: Option<Box<dyn Sink + Send + Sync + 'a>>,
}

/// The sink that the plan's showing asks for: `sink` as it is, or a dashboard, with `sink` beside it if that writes into a file.
pub fn over<'a>(
    plan: &'a Plan,
    policy: &Arc<Policy>,
    labels: &Labels,
    meter: Option<Arc<Meter>>,
    sink: Box<dyn Sink + Send + Sync + 'a>,
) -> Result<Box<dyn Sink + Send + Sync + 'a>, Failure> {
    let (Showing::Dashboard { colour, unicode }, Some(meter)) = (&plan.showing, meter) else {
        return Ok(sink);
    };
    let look = Look {
        colour: *colour,
        unicode: *unicode,
    };
    let file = match plan.output {
        Destination::File(_) | Destination::Folder(_) => Some(sink),
        Destination::Stdout => None,
    };
    let dashboard = Dashboard::start(plan, look, policy, labels.clone(), meter, file);
    match dashboard {
        Ok(dashboard) => Ok(Box::new(dashboard)),
        Err(error) => Err(Failure(format!(
            "the terminal cannot be taken for the dashboard ({}): try --format table",
            reason(&error)
        ))),
    }
}

impl<'a> Dashboard<'a> {
    /// Takes the terminal; `file` is where rows go beside it.
    fn start(
        plan: &'a Plan,
        look: Look,
        policy: &Arc<Policy>,
        labels: Labels,
        meter: Arc<Meter>,
        file: Option<Box<dyn Sink + Send + Sync + 'a>>,
    ) -> io::Result<Dashboard<'a>> {
        let shared = Arc::new(Shared::new());
        let picture = Picture::new(plan, look, Arc::clone(policy), labels.clone(), meter);
        let painter = Painter::start(Arc::clone(&shared), picture)?;
        let lend = Lend {
            attempt: lend::attempt,
            lookup: lend::lookup,
        };
        let shows_all = plan.select.is_everything();
        Ok(Dashboard {
            plan,
            summary: Summary::new(&labels.policy),
            board: Board::new(Arc::clone(policy), labels, lend, shows_all),
            shared,
            painter: Some(painter),
            file,
        })
    }
}

impl Sink for Dashboard<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        let mut to_file = true;
        match row {
            Row::Flow(flow) => {
                self.board.flow(flow);
                self.summary.flow(flow);
            }
            Row::Name(name) => {
                self.board.lookup(name);
                self.summary.name();
                // They are looked at for what they prove, asked for or not.
                to_file = self.plan.shows_names();
            }
            Row::Capture(capture) => self.summary.capture(capture),
        }
        match &mut self.file {
            Some(file) if to_file => file.row(row),
            _ => Ok(()),
        }
    }

    fn more_files(&mut self, names: &[String]) {
        self.board.more_files(names);
        if let Some(file) = &mut self.file {
            file.more_files(names);
        }
    }

    fn wants_running(&self) -> bool {
        true
    }

    fn running(&mut self, mut running: Running) {
        let select = &self.plan.select;
        let policy = &self.board.labels().policy;
        running.listed.retain(|row| select.shows_flow(row, policy));
        self.board.running(&running);
        self.shared.publish(self.board.snapshot());
    }

    fn undecoded(&mut self, packets: u64) {
        self.board.undecoded(packets);
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.flush(),
            None => Ok(()),
        }
    }

    fn leave_screen(&mut self) {
        if let Some(painter) = self.painter.take() {
            self.shared.stop.store(true, Ordering::Relaxed);
            painter.stop();
        }
    }

    /// What was seen, on the screen as it was before.
    fn finish(&mut self, hidden: u64) -> io::Result<()> {
        self.leave_screen();
        if let Some(file) = &mut self.file {
            file.finish(hidden)?;
        }
        let mut out = io::stdout();
        // A terminal that is gone has nobody before it.
        let _ = out.write_all(self.summary.render(&self.plan.style, hidden).as_bytes());
        let _ = out.flush();
        Ok(())
    }
}

impl Drop for Dashboard<'_> {
    fn drop(&mut self) {
        self.leave_screen();
    }
}
