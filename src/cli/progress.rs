//! The bar on stderr while a long read goes on.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::source;

/// A read shorter than this needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(100);

/// A bar that draws itself until it is stopped or dropped.
#[derive(Default)]
pub struct Progress {
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Shows how far the reading is, after a while.
    pub fn start(reading: source::Progress) -> Progress {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("progress".into()).spawn(move || {
            let again = |wait| stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
            // Begun now, so that its rate is right when it is first seen.
            let bar = bar(reading.bytes_total());
            if !again(PATIENCE) {
                return;
            }
            bar.set_position(reading.bytes_read());
            bar.set_draw_target(ProgressDrawTarget::stderr());
            loop {
                bar.set_position(reading.bytes_read());
                if !again(REDRAW) {
                    break;
                }
            }
            bar.finish_and_clear();
        });
        Progress {
            // Without a thread there is no bar, and that is all.
            drawing: thread.ok().map(|thread| (stop, thread)),
        }
    }

    /// Takes the bar away; whoever writes to the same terminal next finds an empty line.
    pub fn stop(&mut self) {
        if let Some((stop, thread)) = self.drawing.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

const BAR: &str = "{bar:30} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";
/// Of a pipe nobody knows how long it is.
const SPINNER: &str = "{spinner} {decimal_bytes} read, {decimal_bytes_per_sec}";

/// A bar that is not drawn yet.
fn bar(size: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::hidden());
    let template = if size.is_some() { BAR } else { SPINNER };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn stopping_does_not_wait_for_the_bar() {
        let begun = Instant::now();
        let mut progress = Progress::start(source::Progress::default());
        progress.stop();
        progress.stop();
        assert!(begun.elapsed() < PATIENCE);
    }

    #[test]
    fn the_templates_are_understood() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
