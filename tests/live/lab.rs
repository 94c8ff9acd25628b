//! Two network namespaces with a cable between them, and what runs inside.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes longer, however busy the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A pair of namespaces; gone when dropped.
pub struct Lab {
    /// flowsift listens here, on an interface of the same name.
    pub near: String,
    /// Packets come from here, likewise.
    pub far: String,
}

impl Lab {
    /// Builds the pair, or says why that cannot be.
    pub fn new() -> Result<Lab, String> {
        static BUILT: AtomicU32 = AtomicU32::new(0);
        let number = BUILT.fetch_add(1, Ordering::Relaxed);
        // Names of interfaces have 15 characters at most.
        let stem = format!("fs{}x{number}", std::process::id() % 1_000_000);
        let lab = Lab {
            near: format!("{stem}n"),
            far: format!("{stem}f"),
        };
        let Lab { near, far } = &lab;
        for space in [near, far] {
            ip(&["netns", "add", space])?;
            // Nothing is to be heard but what a test sends.
            let quiet = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; \
                         echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6";
            let _ = inside(space, "sh").args(["-c", quiet]).output();
        }
        ip(&[
            "link", "add", near, "netns", near, "mtu", "9000", "type", "veth", "peer", "name", far, "netns", far,
            "mtu", "9000",
        ])?;
        for (space, address) in [(near, "198.18.77.1/24"), (far, "198.18.77.2/24")] {
            ip(&["-n", space, "addr", "add", address, "dev", space])?;
            ip(&["-n", space, "link", "set", space, "up"])?;
        }
        Ok(lab)
    }

    /// flowsift with these words after `live -i IFACE`, and its records as lines.
    pub fn listen(&self, words: &[&str]) -> Listener {
        let mut command = inside(&self.near, env!("CARGO_BIN_EXE_flowsift"));
        command.args(["live", "-i", &self.near, "--format", "json"]).args(words);
        Listener::start(command)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for space in [&self.near, &self.far] {
            let _ = Command::new("ip").args(["netns", "del", space]).output();
        }
    }
}

/// Runs `ip`; the error says what it said.
pub fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip")
        .args(words)
        .output()
        .map_err(|error| format!("`ip` cannot be run ({error})"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`ip {}` said: {}", words.join(" "), said.trim()))
}

/// A command inside a namespace. `ip netns exec` becomes the program, so a signal reaches it.
pub fn inside(space: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", space, program]);
    command
}

/// A flowsift that listens; killed when dropped.
pub struct Listener {
    child: Child,
    lines: Receiver<String>,
    stderr: Option<BufReader<ChildStderr>>,
    /// Lines of stderr read while it started.
    said: String,
}

/// How a listener ended.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub records: Vec<serde_json::Value>,
    pub stderr: String,
    pub took: Duration,
}

impl Listener {
    fn start(mut command: Command) -> Listener {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`ip` could be run before");
        let lines = lines_of(child.stdout.take().expect("a pipe"));
        let stderr = child.stderr.take().map(BufReader::new);
        let mut listener = Listener {
            child,
            lines,
            stderr,
            said: String::new(),
        };
        // It says when it listens; what is sent before is not heard.
        if let Some(stderr) = &mut listener.stderr {
            let _ = stderr.read_line(&mut listener.said);
        }
        listener
    }

    pub fn is_listening(&self) -> bool {
        self.said.contains("listening on ")
    }

    /// The next record, if one comes in time.
    pub fn record(&mut self, within: Duration) -> Option<serde_json::Value> {
        let line = self.lines.recv_timeout(within).ok()?;
        Some(serde_json::from_str(&line).expect("a line is a record"))
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.expect("`kill` can be run").success());
    }

    /// Waits for its own end; what it wrote until then, without what was taken before.
    pub fn end(mut self) -> Ended {
        let begun = Instant::now();
        while self.child.try_wait().expect("a child can be waited for").is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
        let took = begun.elapsed();
        let lines = self.lines.iter();
        let records = lines.map(|line| serde_json::from_str(&line).expect("a line is a record"));
        let records = records.collect();
        let mut stderr = std::mem::take(&mut self.said);
        if let Some(rest) = &mut self.stderr {
            let _ = rest.read_to_string(&mut stderr);
        }
        Ended {
            status: self.child.wait().expect("it has ended").code(),
            records,
            stderr,
            took,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (to, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { return };
            if to.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Runs a command to its end.
pub fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().expect("a command can be run")
}
