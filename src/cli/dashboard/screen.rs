//! The terminal: taken as a whole, and given back as it was, whatever ends the program.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::queue;
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;

/// A terminal of our own: not through standard output's lock, which a write that hangs would hold for ever.
pub type Screen = Terminal<CrosstermBackend<File>>;

/// It is ours now, and must be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the terminal.
pub fn take() -> io::Result<Screen> {
    give_back_on_panic();
    let out = own_stdout()?;
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let screen = enter(out);
    if screen.is_err() {
        give_back();
    }
    screen
}

fn enter(mut out: File) -> io::Result<Screen> {
    queue!(out, EnterAlternateScreen, Clear(ClearType::All))?;
    out.flush()?;
    Terminal::new(CrosstermBackend::new(out))
}

/// Forgets what is on the screen: all of it is drawn anew. Not by [`Terminal::clear`], which asks the terminal where its cursor is, and not
/// every terminal answers, or soon.
pub fn forget(screen: &mut Screen) -> io::Result<()> {
    let size = screen.size()?;
    screen.resize(Rect::new(0, 0, size.width, size.height))
}

/// Gives it back, if that has not been done yet: first how keys are read, which never hangs, then what it shows, which is
/// not waited for if it does.
pub fn give_back() {
    const PATIENCE: Duration = Duration::from_secs(1);
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = disable_raw_mode();
    let (done, is_done) = mpsc::channel();
    let shown = thread::Builder::new().spawn(move || {
        if let Ok(mut out) = own_stdout() {
            // Cleared first: a terminal whose size has changed meanwhile may show some of it again.
            let _ = queue!(out, ResetColor, Clear(ClearType::All), LeaveAlternateScreen, Show);
            let _ = out.flush();
        }
        let _ = done.send(());
    });
    if shown.is_ok() {
        let _ = is_done.recv_timeout(PATIENCE);
    }
}

/// What was written and nobody has read is thrown away, so that a few lines more can be written without waiting for anybody.
#[allow(unsafe_code)]
pub fn throw_away_unread() {
    let out = io::stdout();
    // SAFETY: a plain call with a descriptor that stays open, and no memory.
    unsafe {
        libc::tcflow(out.as_raw_fd(), libc::TCOON);
        libc::tcflush(out.as_raw_fd(), libc::TCOFLUSH);
    }
}

/// A panic is told on a terminal that can show it.
fn give_back_on_panic() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

fn own_stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}
