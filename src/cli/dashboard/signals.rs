//! Signals while the terminal is ours: whatever ends or stops the program, the terminal is given back first.
//!
//! The first SIGINT or SIGTERM is a clean end (see [`listen`](crate::cli::listen)); here only a second one is heeded.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};

use super::{Shared, screen};

/// What a shell shows of a program that SIGINT has ended.
const ENDED_BY_SIGNAL: i32 = 130;

/// Heeds them from now on, in a thread of its own: the painter may hang.
pub fn heed(shared: Arc<Shared>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut asked = false;
        for signal in signals.forever() {
            match signal {
                SIGTSTP => shared.suspend.store(true, Ordering::Relaxed),
                SIGQUIT => {
                    screen::give_back();
                    let _ = emulate_default_handler(SIGQUIT);
                }
                // The terminal has gone: what goes into files is ended well all the same.
                SIGHUP if !asked => drop(raise(SIGTERM)),
                _ if asked => {
                    screen::give_back();
                    std::process::exit(ENDED_BY_SIGNAL);
                }
                _ => {
                    asked = true;
                    shared.ending.store(true, Ordering::Relaxed);
                }
            }
        }
    })?;
    Ok(())
}

/// As if the person had sent it.
pub fn end() {
    let _ = raise(SIGINT);
}

/// Stops the program as the terminal's own key would; returns when it goes on.
pub fn stop() {
    let _ = emulate_default_handler(SIGTSTP);
}
