//! The dashboard in a real terminal: tmux holds it, keys are sent, and what stands on the screen is read.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Lab, PATIENCE, inside, output};
use crate::{replay, sample, sendable, skipped};

/// A terminal of our own: a tmux server with one window, in which a shell runs.
struct Terminal {
    socket: String,
    folder: tempfile::TempDir,
}

/// What the shell says when it is ready for more.
const PROMPT: &str = "ready$";

impl Terminal {
    /// None, and a line, where there is no tmux.
    fn open(columns: u16, lines: u16, environment: &[&str]) -> Option<Terminal> {
        static OPENED: AtomicU32 = AtomicU32::new(0);
        if Command::new("tmux").arg("-V").output().is_err() {
            skipped("tmux");
            return None;
        }
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal {
            socket: format!("flowsift{}x{number}", std::process::id()),
            folder: tempfile::tempdir().unwrap(),
        };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let folder = terminal.folder.path().to_str().unwrap().to_owned();
        let mut words = vec![
            "-u",
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &lines,
            "-c",
            &folder,
        ];
        words.extend(["env", "-u", "LC_ALL", "-u", "NO_COLOR", "LANG=C.UTF-8", "HISTFILE="]);
        words.extend(environment);
        words.extend(["bash", "--norc", "--noprofile"]);
        terminal.tmux(&words);
        terminal.keys(&[&format!("PS1='{PROMPT} '"), "Enter", "clear", "Enter"]);
        terminal.wait_for(PROMPT);
        Some(terminal)
    }

    fn tmux(&self, words: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.socket]).args(words);
        output(command)
    }

    fn keys(&self, keys: &[&str]) {
        for key in keys {
            self.tmux(&["send-keys", key]);
            // What follows an Escape at once would be of the same key.
            thread::sleep(Duration::from_millis(if *key == "Escape" { 150 } else { 20 }));
        }
    }

    /// Types a command for flowsift in the near namespace.
    fn live(&self, lab: &Lab, words: &str) {
        let program = env!("CARGO_BIN_EXE_flowsift");
        let line = format!("ip netns exec {0} {program} live -i {0} {words}", lab.near);
        self.tmux(&["send-keys", "-l", &line]);
        self.keys(&["Enter"]);
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    fn wait_for(&self, words: &str) -> String {
        self.wait_until(words, |screen| screen.contains(words))
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}:\n{screen}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The shell has its terminal back: it answers, what is typed is echoed, and the dashboard is gone.
    fn assert_restored(&self) -> String {
        let screen = self.wait_for(PROMPT);
        assert!(!screen.contains("2 Flows"), "{screen}");
        self.keys(&[
            "stty -a | tr ';' '\\n' | grep -wo -- '-\\?\\(echo\\|icanon\\|isig\\|opost\\)' | xargs",
            "Enter",
        ]);
        self.wait_until("sane terminal", |screen| {
            let words = screen
                .lines()
                // What is typed before the prompt is there is echoed twice, and may be broken.
                .find(|line| line.contains("icanon") && !line.contains("stty") && !line.contains("grep"));
            words.is_some_and(|line| {
                ["isig", "icanon", "echo", "opost"]
                    .iter()
                    .all(|word| line.contains(word))
                    && !line.contains('-')
            })
        });
        let cursor = self.tmux(&["display-message", "-p", "#{cursor_flag} #{alternate_on}"]);
        assert_eq!(String::from_utf8_lossy(&cursor.stdout).trim(), "1 0");
        screen
    }

    /// The process that listens there.
    fn signal(&self, lab: &Lab, name: &str) {
        let mut pids = Command::new("ip");
        pids.args(["netns", "pids", &lab.near]);
        let pids = String::from_utf8(output(pids).stdout).unwrap();
        for pid in pids.split_whitespace() {
            let _ = Command::new("kill").args([&format!("-{name}"), pid]).status();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

macro_rules! terminal {
    ($columns:expr, $lines:expr) => {
        terminal!($columns, $lines, &[])
    };
    ($columns:expr, $lines:expr, $environment:expr) => {
        match Terminal::open($columns, $lines, $environment) {
            Some(terminal) => terminal,
            None => return,
        }
    };
}

#[test]
fn what_passes_is_seen_and_keys_are_heeded() {
    let lab = lab!();
    let terminal = terminal!(80, 24);
    terminal.live(&lab, "");
    let screen = terminal.wait_for("Nothing has passed yet");
    assert!(screen.contains("✓ 0 dropped") && screen.contains("LIVE"), "{screen}");
    replay(&lab, &sample("office.pcapng"));
    // Flows that have not ended yet are seen too, with their names.
    terminal.wait_for("app.salestim.io");
    terminal.keys(&["1"]);
    let screen = terminal.wait_until("classes", |screen| {
        ["salestim-help", "graph", "intercom"]
            .iter()
            .all(|class| screen.contains(class))
    });
    assert!(screen.contains("▶ 1 Classes"), "{screen}");
    terminal.keys(&["4"]);
    terminal.wait_until("endpoints", |screen| {
        screen.contains("reached") && screen.contains("± web-app")
    });
    terminal.keys(&["2", "/", "graph", "Enter"]);
    let screen = terminal.wait_for("filter graph: ");
    assert!(
        screen.contains("graph.microsoft.com") && !screen.contains("app.salestim.io "),
        "{screen}"
    );
    terminal.keys(&["Down", "Enter"]);
    terminal.wait_for("In short");
    terminal.keys(&["Escape", "Escape", "?"]);
    terminal.wait_for("this help");
    terminal.keys(&["Escape", "p"]);
    terminal.wait_for("PAUSED: the capture goes on");
    replay(&lab, &sample("classes/salestim.pcap"));
    let sent = sendable(&sample("office.pcapng")) + sendable(&sample("classes/salestim.pcap"));
    terminal.wait_until("count", |screen| {
        screen.contains(&format!("{sent} packets")) || screen.contains("1.0k packets")
    });
    terminal.keys(&["p", "w"]);
    terminal.wait_for("saved as flowsift-");
    let saved: Vec<_> = std::fs::read_dir(terminal.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [saved] = saved.as_slice() else { panic!("{saved:?}") };
    let text = std::fs::read_to_string(saved).unwrap();
    assert!(
        text.contains("2 Flows") && text.contains("graph.microsoft.com"),
        "{text}"
    );

    terminal.tmux(&["resize-window", "-x", "140", "-y", "40"]);
    terminal.wait_until("two columns", |screen| {
        screen
            .lines()
            .any(|line| line.contains("1 Classes") && line.contains("3 Findings"))
    });
    terminal.tmux(&["resize-window", "-x", "40", "-y", "10"]);
    terminal.wait_for("40x10 is too small");
    terminal.tmux(&["resize-window", "-x", "100", "-y", "40"]);
    terminal.wait_for("4 Endpoints");

    terminal.keys(&["q"]);
    let screen = terminal.assert_restored();
    assert!(
        screen.contains(&format!("received {sent}, dropped 0 by kernel")),
        "{screen}"
    );
    assert!(
        screen.contains("total ") && screen.contains(&format!("in {sent} packets")),
        "{screen}"
    );
}

#[test]
fn however_it_ends_the_terminal_is_as_it_was() {
    let lab = lab!();
    let terminal = terminal!(80, 24);
    for end in ["TERM", "INT", "HUP", "key C-c", "twice", "panic of nobody"] {
        terminal.keys(&["clear", "Enter"]);
        terminal.live(&lab, "--duration 40s; echo status $?");
        terminal.wait_for("LIVE");
        let status = match end {
            "key C-c" => {
                terminal.keys(&["C-c"]);
                "status 0"
            }
            "twice" => {
                terminal.keys(&["C-c", "C-c"]);
                "status "
            }
            "panic of nobody" => {
                terminal.keys(&["q"]);
                "status 0"
            }
            signal => {
                terminal.signal(&lab, signal);
                "status 0"
            }
        };
        let screen = terminal.wait_for(status);
        assert!(!screen.contains("LIVE"), "{end}: {screen}");
        terminal.assert_restored();
    }
}

#[test]
fn it_can_be_stopped_and_goes_on() {
    let lab = lab!();
    let terminal = terminal!(80, 24);
    terminal.live(&lab, "");
    terminal.wait_for("LIVE");
    terminal.keys(&["C-z"]);
    terminal.wait_for("Stopped");
    terminal.assert_restored();
    terminal.keys(&["fg", "Enter"]);
    terminal.wait_for("LIVE");
    terminal.keys(&["q"]);
    terminal.assert_restored();
}

#[test]
fn a_terminal_that_cannot_show_it_gets_a_table() {
    let lab = lab!();
    for (size, environment, words, says) in [
        ((40, 10), &[][..], "", "is too small for"),
        ((80, 24), &["TERM=dumb"][..], "", "cannot show"),
        ((80, 24), &[][..], "--format table", "listening on"),
    ] {
        let terminal = terminal!(size.0, size.1, environment);
        terminal.live(&lab, &format!("--duration 1s {words}"));
        terminal.wait_until(says, |screen| {
            screen.contains(says) && screen.contains("0 flows in 0 packets")
        });
    }
}

#[test]
fn without_utf_8_and_without_colour() {
    let lab = lab!();
    let terminal = terminal!(80, 24, &["LANG=C", "NO_COLOR=1"]);
    terminal.live(&lab, "");
    terminal.wait_for("+ 0 dropped");
    replay(&lab, &sample("classes/salestim.pcap"));
    terminal.wait_for("app.salestim.io");
    let coloured = terminal.tmux(&["capture-pane", "-e", "-p"]).stdout;
    let text = String::from_utf8_lossy(&coloured);
    assert!(text.is_ascii(), "{text}");
    // Neither a colour of the text nor of its ground: only what takes one back.
    assert!(!text.contains("38;5") && !text.contains("48;5"), "{text:?}");
    let dyed = (0..8).any(|colour| text.contains(&format!("[3{colour}m")) || text.contains(&format!(";3{colour}m")));
    assert!(!dyed, "{text:?}");
    terminal.keys(&["q"]);
    terminal.assert_restored();
}

#[test]
fn rows_go_into_a_file_beside_it() {
    let lab = lab!();
    let terminal = terminal!(80, 24);
    terminal.live(&lab, "-o rows.jsonl");
    terminal.wait_for("Nothing has passed yet");
    replay(&lab, &sample("classes/salestim.pcap"));
    terminal.wait_for("app.salestim.io");
    terminal.keys(&["q"]);
    terminal.assert_restored();
    let text = std::fs::read_to_string(terminal.folder.path().join("rows.jsonl")).unwrap();
    let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        records.iter().all(|record| record["type"] != "name"),
        "nobody asked for names"
    );
    let last = records.last().unwrap();
    assert_eq!(
        (&last["type"], &last["packets"]),
        (&"capture".into(), &sendable(&sample("classes/salestim.pcap")).into())
    );
}

/// A terminal whose other end nobody reads: 64 KiB and a bit fit between, and then whoever writes hangs.
#[test]
fn a_terminal_that_hangs_slows_nothing() {
    let lab = lab!();
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.jsonl");
    let (mut ours, theirs) = pseudo_terminal(200, 60);
    let mut command = inside(&lab.near, env!("CARGO_BIN_EXE_flowsift"));
    command.args(["live", "-i", &lab.near, "-o", rows.to_str().unwrap()]);
    command.env("TERM", "xterm").env("LANG", "C.UTF-8");
    let end = || Stdio::from(theirs.try_clone().unwrap());
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    let mut byte = [0; 64];
    assert!(ours.read(&mut byte).unwrap() > 0, "it begins to draw");
    // Nobody reads from now on. What is drawn anew each half second fills the line: the window changes its size all the time.
    let office = sample("office.pcapng");
    replay(&lab, &office);
    let begun = Instant::now();
    let mut narrow = false;
    while begun.elapsed() < Duration::from_secs(10) {
        narrow = !narrow;
        resize(&ours, if narrow { 150 } else { 200 }, 60);
        let _ = Command::new("kill").args(["-WINCH", &child.id().to_string()]).status();
        thread::sleep(Duration::from_millis(100));
    }
    replay(&lab, &office);
    let sent = 2 * sendable(&office);
    // Rows are delivered all the while.
    let written = std::fs::metadata(&rows).unwrap().len();
    assert!(written > 10_000, "{written} bytes of rows");
    let told = Instant::now();
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(told.elapsed() < Duration::from_secs(20), "it does not end");
        thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(0));
    let text = std::fs::read_to_string(&rows).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["packets"], sent, "{last}");
    assert_eq!(last["dropped"]["kernel"], 0, "{last}");
    drop(theirs);
}

/// Both ends of a new terminal.
#[allow(unsafe_code)]
fn pseudo_terminal(columns: u16, lines: u16) -> (File, OwnedFd) {
    let (mut ours, mut theirs) = (0, 0);
    let size = libc::winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the pointers are to values that live, the descriptors are new and nobody else's.
    unsafe {
        let made = libc::openpty(&mut ours, &mut theirs, std::ptr::null_mut(), std::ptr::null(), &size);
        assert_eq!(made, 0, "a terminal can be made");
        (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    }
}

#[allow(unsafe_code)]
fn resize(terminal: &File, columns: u16, lines: u16) {
    let size = libc::winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the descriptor is open, and the pointer to a value that lives.
    unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &size) };
}
