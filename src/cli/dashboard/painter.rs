//! The thread that holds the terminal: reads keys, draws, saves.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;

use super::screen::{self, Screen};
use super::{Shared, signals};
use crate::cli::exit::reason;
use crate::cli::plan::{Input, Plan};
use crate::cli::status::lag;
use crate::policy::compile::Policy;
use crate::sink::dashboard::draw::ink::Look;
use crate::sink::dashboard::draw::{self, Scene};
use crate::sink::dashboard::keys::{Key, Wish};
use crate::sink::dashboard::save;
use crate::sink::dashboard::snapshot::{Dropped, Gauges, Snapshot};
use crate::sink::dashboard::view::View;
use crate::sink::{Labels, text};
use crate::source::meter::Meter;

/// How long a key is waited for: so late, at most, a new snapshot is seen.
const WAIT: Duration = Duration::from_millis(100);
/// Numbers that need no snapshot are drawn at least so often.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// At the end, so long is waited for a terminal that hangs.
const PATIENCE: Duration = Duration::from_secs(2);
/// A line of the source's is shown for so long.
const SAID_FOR: Duration = Duration::from_secs(20);

/// The painter's thread.
pub struct Painter {
    /// Locked by nobody else: it makes the sink that holds it one that threads may look at.
    ended: Mutex<Receiver<()>>,
}

impl Painter {
    /// Takes the terminal and begins.
    pub fn start(shared: Arc<Shared>, mut picture: Picture) -> io::Result<Painter> {
        signals::heed(Arc::clone(&shared))?;
        let mut screen = screen::take()?;
        let (end, ended) = mpsc::channel();
        let begun = thread::Builder::new().name("painter".into()).spawn(move || {
            // A terminal that is gone needs no picture; the run goes on.
            let _ = picture.paint(&mut screen, &shared);
            let _ = end.send(());
        });
        if let Err(error) = begun {
            screen::give_back();
            return Err(error);
        }
        Ok(Painter {
            ended: Mutex::new(ended),
        })
    }

    /// Waits for its end, but not for ever, and gives the terminal back.
    pub fn stop(self) {
        let ended = self.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Then it can write on, and see that it is to stop.
            screen::throw_away_unread();
            let _ = ended.recv_timeout(PATIENCE / 4);
        }
        screen::give_back();
    }
}

/// What is drawn, and from what.
pub struct Picture {
    look: Look,
    labels: Labels,
    policy: Arc<Policy>,
    meter: Arc<Meter>,
    view: View,
    gauges: Gauges,
    begun: Instant,
    /// Lines that the source has said, and when the last one was.
    said: (usize, Option<Instant>),
    /// As it was drawn last.
    drawn: Option<Buffer>,
}

impl Picture {
    pub fn new(plan: &Plan, look: Look, policy: Arc<Policy>, labels: Labels, meter: Arc<Meter>) -> Picture {
        let source = match &plan.input {
            Input::Interfaces(live) => live.names.join(", "),
            Input::Followed { place, .. } => place.display().to_string(),
            Input::Files(_) => String::new(),
        };
        let gauges = Gauges {
            source: text::clean(&source).into_owned(),
            policy: text::clean(&labels.policy.name).into_owned(),
            ..Gauges::default()
        };
        Picture {
            look,
            labels,
            policy,
            meter,
            view: View::default(),
            gauges,
            begun: Instant::now(),
            said: (0, None),
            drawn: None,
        }
    }

    /// Until it is told to stop, or the terminal has gone.
    fn paint(&mut self, screen: &mut Screen, shared: &Shared) -> io::Result<()> {
        let mut shown = Arc::default();
        let mut last = None::<Instant>;
        let mut has_keys = true;
        while !shared.stop.load(Ordering::Relaxed) {
            let mut changed = false;
            let mut wait = WAIT;
            while has_keys && {
                // Without keys there is still something to see.
                let polled = event::poll(wait);
                has_keys = polled.is_ok();
                polled.unwrap_or(false)
            } {
                wait = Duration::ZERO;
                changed = true;
                self.heed(event::read()?, screen, shared)?;
            }
            if !has_keys {
                thread::sleep(WAIT);
            }
            if shared.suspend.swap(false, Ordering::Relaxed) {
                suspend(screen)?;
                changed = true;
            }
            let newest = shared.snapshot();
            let is_new = !Arc::ptr_eq(&newest, &shown) && self.view.paused.is_none();
            let is_due = last.is_none_or(|last| last.elapsed() >= DRAW_EVERY);
            if changed || is_new || is_due {
                self.read_gauges(shared);
                self.draw(screen, &newest)?;
                shown = newest;
                last = Some(Instant::now());
            }
        }
        Ok(())
    }

    fn draw(&mut self, screen: &mut Screen, newest: &Arc<Snapshot>) -> io::Result<()> {
        let snapshot = self.view.paused.clone().unwrap_or_else(|| Arc::clone(newest));
        let mut picture = None;
        screen.draw(|frame| {
            let area = frame.area();
            let scene = Scene {
                snapshot: &snapshot,
                gauges: &self.gauges,
                labels: &self.labels,
                policy: &self.policy,
                look: self.look,
            };
            draw::draw(&scene, &mut self.view, area, frame.buffer_mut());
            picture = Some(frame.buffer_mut().clone());
        })?;
        self.drawn = picture;
        Ok(())
    }

    /// What the source tells of itself now.
    fn read_gauges(&mut self, shared: &Shared) {
        let numbers = self.meter.numbers();
        let files = self.meter.files_since(self.labels.files.len());
        self.labels.files.extend(files);
        let gauges = &mut self.gauges;
        gauges.elapsed_ns = self.begun.elapsed().as_nanos() as u64;
        gauges.ending = shared.ending.load(Ordering::Relaxed);
        gauges.files = numbers.files;
        gauges.kept = numbers.keeps.then_some((numbers.kept, numbers.unkept));
        match numbers.interfaces {
            0 => gauges.packets = numbers.taken,
            _ => {
                gauges.packets = numbers.received;
                gauges.lag_ns = lag(&numbers).as_nanos() as u64;
                gauges.dropped = Some(Dropped {
                    kernel: numbers.dropped_by_kernel,
                    interface: numbers.dropped_by_interface,
                });
            }
        }
        let (seen, at) = &mut self.said;
        let lines = self.meter.said_since(*seen);
        if let Some(line) = lines.last() {
            *seen += lines.len();
            *at = Some(Instant::now());
            gauges.said = Some(text::clean(line).into_owned());
        } else if at.is_some_and(|at| at.elapsed() > SAID_FOR) {
            gauges.said = None;
        }
    }

    fn heed(&mut self, event: Event, screen: &mut Screen, shared: &Shared) -> io::Result<()> {
        let Event::Key(key) = event else { return Ok(()) };
        if key.kind == KeyEventKind::Release {
            return Ok(());
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => signals::end(),
                KeyCode::Char('z') => suspend(screen)?,
                KeyCode::Char('l') => screen::forget(screen)?,
                _ => {}
            }
            return Ok(());
        }
        let Some(key) = of(key) else { return Ok(()) };
        match self.view.key(key, &shared.snapshot(), self.gauges.has_dropped()) {
            Wish::Nothing => {}
            Wish::End if shared.ending.load(Ordering::Relaxed) => {}
            Wish::End => signals::end(),
            Wish::Save => {
                let note = match self.save(shared) {
                    Ok(name) => format!("saved as {name}"),
                    Err(error) => format!("not saved: {}", reason(&error)),
                };
                self.view.note = Some(note);
            }
        }
        Ok(())
    }

    /// Writes what is shown into a file that is not there yet; its name.
    fn save(&mut self, shared: &Shared) -> io::Result<String> {
        const TRIES: u32 = 100;
        let now_ns = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos() as u64;
        let newest = shared.snapshot();
        let snapshot = self.view.paused.clone().unwrap_or(newest);
        let scene = Scene {
            snapshot: &snapshot,
            gauges: &self.gauges,
            labels: &self.labels,
            policy: &self.policy,
            look: self.look,
        };
        let picture = self.drawn.as_ref().map(picture_text).unwrap_or_default();
        let text = save::text(&picture, &scene, &self.view);
        for number in 0..TRIES {
            let name = save::name(now_ns, number);
            match OpenOptions::new().write(true).create_new(true).open(&name) {
                Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| name),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }
}

/// The line belongs to the shell until the program goes on.
fn suspend(screen: &mut Screen) -> io::Result<()> {
    screen::give_back();
    signals::stop();
    *screen = screen::take()?;
    Ok(())
}

/// The cells as lines.
fn picture_text(buffer: &Buffer) -> String {
    let Rect { width, .. } = buffer.area;
    let mut text = String::new();
    for line in buffer.content.chunks(usize::from(width).max(1)) {
        let mut written = String::new();
        let mut hidden = 0;
        for cell in line {
            // Behind a wide sign stands an empty cell.
            if hidden == 0 {
                written.push_str(cell.symbol());
                hidden = ratatui::text::Span::raw(cell.symbol()).width().max(1);
            }
            hidden -= 1;
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

fn of(key: KeyEvent) -> Option<Key> {
    Some(match key.code {
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}
