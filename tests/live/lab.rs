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
        let stem = format!("fs{}x{number}", std::process::id() % 100_000);
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
        lay(near, near, far, far, "198.18.77")?;
        Ok(lab)
    }

    /// A second cable: its two ends, named alike on both sides but for the last letter.
    pub fn second_cable(&self) -> (String, String) {
        let (near, far) = (format!("{}2", self.near), format!("{}2", self.far));
        lay(&self.near, &near, &self.far, &far, "198.18.78").expect("a second cable as well as a first one");
        (near, far)
    }

    /// flowsift with these words after `live -i IFACE`, and its records as lines.
    pub fn listen(&self, words: &[&str]) -> Listener {
        self.listen_on(&self.near, words)
    }

    /// The same on other interfaces.
    pub fn listen_on(&self, interfaces: &str, words: &[&str]) -> Listener {
        let mut command = inside(&self.near, env!("CARGO_BIN_EXE_flowsift"));
        command.args(["live", "-i", interfaces, "--format", "json"]).args(words);
        Listener::start(command)
    }
}

impl Lab {
    /// A short run that says nothing.
    pub fn listen_quietly(&self) -> Ended {
        let words = [
            "live",
            "-i",
            &self.near,
            "--format",
            "json",
            "--quiet",
            "--duration",
            "300ms",
        ];
        let mut command = inside(&self.near, env!("CARGO_BIN_EXE_flowsift"));
        let output = output_of(command.args(words));
        Ended {
            status: output.status.code(),
            records: Vec::new(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: Duration::ZERO,
        }
    }
}

/// A cable between two namespaces, its ends up, with addresses of this network.
fn lay(near_space: &str, near: &str, far_space: &str, far: &str, network: &str) -> Result<(), String> {
    ip(&[
        "link", "add", near, "netns", near_space, "mtu", "9000", "type", "veth", "peer", "name", far, "netns",
        far_space, "mtu", "9000",
    ])?;
    for (space, end, host) in [(near_space, near, 1), (far_space, far, 2)] {
        ip(&["-n", space, "addr", "add", &format!("{network}.{host}/24"), "dev", end])?;
        ip(&["-n", space, "link", "set", end, "up"])?;
    }
    Ok(())
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
    pub fn start(mut command: Command) -> Listener {
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
        self.said.contains("listening on ") || self.said.contains("following ")
    }

    /// The next line that it says on stderr.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        if let Some(stderr) = &mut self.stderr {
            let _ = stderr.read_line(&mut line);
        }
        self.said += &line;
        line
    }

    /// Waits for a record that is as it should be; those before it are thrown away.
    pub fn wait_for(&mut self, is_it: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            let record = self.record(PATIENCE).expect("another record while it runs");
            if is_it(&record) {
                return record;
            }
        }
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

impl Ended {
    /// What it said after its first line.
    pub fn said(&self) -> Vec<&str> {
        self.stderr.lines().skip(1).collect()
    }

    pub fn of_type(&self, what: &str) -> Vec<&serde_json::Value> {
        self.records.iter().filter(|record| record["type"] == what).collect()
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
    output_of(&mut command)
}

fn output_of(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("a command can be run")
}
