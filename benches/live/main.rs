//! The highest rate at which nothing is dropped, beside tcpdump: `cargo bench --bench live`, as root.
//!
//! ```text
//!   namespace "far"                      namespace "near"
//!   sender: sendmmsg, at a rate ── veth ─▶ tcpdump -Z root -w /dev/null      one after the other,
//!                                          flowsift live, 1, 2, 3 workers    at rising rates
//! ```
//!
//! | variable | what it says | default |
//! | --- | --- | --- |
//! | `FLOWSIFT_LIVE_SECONDS` | how long each rate is sent | 3 |
//! | `FLOWSIFT_LIVE_ROUNDS` | how often a rate that drops something is tried again | 2 |
//! | `FLOWSIFT_LIVE_RATES` | the rates, in thousands of packets a second | 50,100,150,200,300,400,500,600,800,1000,1500,3000 |
//!
//! A rate counts as free of drops if one of its rounds was: others may be at work on the machine, and what they take away
//! is not the listener's fault. What the sender really reached is shown, for beyond some rate it is the sender that is slow.
//! The table is Markdown, for BENCHMARKS.md.

#[path = "../end_to_end/machine.rs"]
#[allow(dead_code)]
mod machine;
mod sender;
#[path = "../../tests/traffic/mod.rs"]
#[allow(dead_code)]
mod traffic;

mod cable;

use std::env;
use std::process::{Child, Command, ExitCode, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use cable::Cable;
use sender::{Mix, Order};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if let Some(order) = Order::of(&words) {
        return done(sender::send(&order).map(|sent| println!("{sent}")));
    }
    // Without the word it is a test run of all targets, and there is nothing to test here.
    if !words.iter().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    done(measure())
}

fn done(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("live: {why}");
            ExitCode::FAILURE
        }
    }
}

/// A program that listens, and what its last words mean.
struct Listener {
    name: &'static str,
    words: &'static [&'static str],
}

const LISTENERS: [Listener; 5] = [
    Listener {
        name: "tcpdump",
        words: &["tcpdump", "-Z", "root", "-w", "/dev/null", "-i"],
    },
    Listener {
        name: "tcpdump, buffer of 64 MiB",
        words: &["tcpdump", "-B", "65536", "-Z", "root", "-w", "/dev/null", "-i"],
    },
    Listener {
        name: "flowsift live",
        words: &[FLOWSIFT, "live", "--format", "json", "-o", "/dev/null", "-i"],
    },
    Listener {
        name: "flowsift live, 2 workers",
        words: &[
            FLOWSIFT,
            "live",
            "--format",
            "json",
            "-o",
            "/dev/null",
            "--workers",
            "2",
            "-i",
        ],
    },
    Listener {
        name: "flowsift live, 3 workers",
        words: &[
            FLOWSIFT,
            "live",
            "--format",
            "json",
            "-o",
            "/dev/null",
            "--workers",
            "3",
            "-i",
        ],
    },
];
const FLOWSIFT: &str = env!("CARGO_BIN_EXE_flowsift");

/// One listener at one rate.
struct Outcome {
    /// Packets a second that the sender reached.
    reached: f64,
    sent: u64,
    received: u64,
    dropped: u64,
    /// Of the listener, in seconds, over the time that was sent.
    processor: f64,
}

impl Outcome {
    fn is_clean(&self) -> bool {
        self.dropped == 0 && self.received >= self.sent
    }
}

fn measure() -> Result<(), String> {
    let cable = Cable::lay()?;
    let rates = setting(
        "FLOWSIFT_LIVE_RATES",
        "50,100,150,200,300,400,500,600,800,1000,1500,3000".to_owned(),
    );
    let rates: Vec<u64> = rates.split(',').filter_map(|rate| rate.trim().parse().ok()).collect();
    let seconds = setting("FLOWSIFT_LIVE_SECONDS", 3);
    let rounds: u32 = setting("FLOWSIFT_LIVE_ROUNDS", 2);
    println!("- Machine: {}; load {}", machine::name(), machine::load());
    println!("- Each rate for {seconds} s, tried {rounds} times until nothing was dropped\n");
    println!(
        "| frames | listener | free of drops up to, packets/s | Gbit/s | its processor time | the next rate: dropped |"
    );
    println!("| --- | --- | ---: | ---: | ---: | --- |");
    for mix in [Mix::Small, Mix::Mixed] {
        for listener in &LISTENERS {
            let mut best: Option<Outcome> = None;
            let mut failed = None;
            for rate in &rates {
                let order = Order {
                    interface: cable.far.clone(),
                    mix,
                    rate: rate * 1000,
                    seconds,
                };
                let mut is_clean = false;
                for _ in 0..rounds {
                    let outcome = listen(listener, &cable, &order)?;
                    if outcome.is_clean() {
                        is_clean = true;
                        if best.as_ref().is_none_or(|best| outcome.reached > best.reached) {
                            best = Some(outcome);
                        }
                        break;
                    }
                    failed = Some(outcome);
                }
                if !is_clean {
                    break;
                }
                failed = None;
            }
            show(mix, listener, best.as_ref(), failed.as_ref());
        }
    }
    Ok(())
}

fn show(mix: Mix, listener: &Listener, best: Option<&Outcome>, failed: Option<&Outcome>) {
    let reached = best.map_or(0.0, |best| best.reached);
    let bits = reached * mix.bytes_a_frame() * 8.0 / 1e9;
    let processor = best.map_or(0.0, |best| best.processor * 100.0);
    let beyond = match failed {
        None => "the sender's limit".to_owned(),
        Some(failed) => format!(
            "{} of {} at {:.0}/s{}",
            failed.dropped,
            failed.sent,
            failed.reached,
            match failed.sent.saturating_sub(failed.received) {
                0 => String::new(),
                lost => format!(", {lost} lost before the listener"),
            }
        ),
    };
    println!(
        "| {mix} | {} | {reached:.0} | {bits:.2} | {processor:.0} % | {beyond} |",
        listener.name
    );
}

/// Starts the listener, sends, and reads what it counted.
fn listen(listener: &Listener, cable: &Cable, order: &Order) -> Result<Outcome, String> {
    let mut command = cable.near(listener.words[0]);
    command.args(&listener.words[1..]).arg(&cable.near);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", listener.name))?;
    thread::sleep(Duration::from_millis(700));
    let sent = cable.send(order);
    // What the kernel keeps back for a while belongs to it.
    thread::sleep(Duration::from_millis(500));
    let processor = processor_seconds(child.id()).unwrap_or_default() / order.seconds as f64;
    let said = stop(child)?;
    let (sent, reached) = sent?;
    let (received, dropped) = counts(&said).ok_or_else(|| format!("{} does not count: {said}", listener.name))?;
    Ok(Outcome {
        reached,
        sent,
        received,
        dropped,
        processor,
    })
}

fn stop(child: Child) -> Result<String, String> {
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Packets received, those dropped by the kernel among them, and these alone.
fn counts(said: &str) -> Option<(u64, u64)> {
    let number_before = |text: &str| {
        let words = said.split(text).next()?.split_whitespace();
        words.last()?.parse().ok()
    };
    if said.contains(" packets received by filter") {
        let received = number_before(" packets received by filter")?;
        return Some((received, number_before(" packets dropped by kernel")?));
    }
    let line = said.lines().rev().find(|line| line.contains(": received "))?;
    let after = |text: &str| {
        let rest = line.split(text).nth(1)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some((after("received ")?, after("dropped ")?))
}

/// Processor time of a process so far: the 14th and 15th field of its stat file, in hundredths.
fn processor_seconds(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = fields
        .get(11..13)?
        .iter()
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Some(ticks / 100.0)
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
