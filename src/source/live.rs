//! A running interface, through libpcap.
//!
//! One handle, a large ring, nanosecond stamps, and no immediate mode: immediate mode would trade the kernel's
//! block-wise ring for one wake-up a packet.
//!
//! ```text
//!  Listening ── a signal, --duration ──▶ LastLook ── nothing more from before then ──▶ Over
//!      └──────────── --packets, the interface fails ──────────────────────────────────▶
//! ```
//!
//! libpcap never waits here, we do: where the ring's timeout is the kernel's, a libpcap that waits on a silent interface
//! hears neither a signal nor the clock. About once a second an epoch carries the time ([`Epoch::lull`]), so that what
//! is over leaves without waiting for more traffic.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Device, Error, Precision};

use crate::engine::epoch::{Epoch, Frame, InputFacts, Source};
use crate::flow::stamp::Stamp;
use crate::wire::link::LinkType;

/// What to listen to, and when to stop.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    pub interface: String,
    pub filter: Option<String>,
    pub duration: Option<Duration>,
    pub packets: Option<u64>,
    pub stop: Arc<AtomicBool>,
}

/// Room for bursts between two reads.
const RING_BYTES: i32 = 64 << 20;
/// No packet is cut below this; the largest that the kernel hands over (offloaded segments) fit.
const SNAPLEN: i32 = 262_144;
/// How long the kernel may keep packets to itself before it hands over a block that is not full.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// How late a signal that came at the wrong moment is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// How long the end waits for packets that the kernel still keeps.
const LAST_LOOK: Duration = Duration::from_millis(300);
/// Rows are not held back longer than this.
const LULL_EVERY: Duration = Duration::from_secs(1);
/// How far packets may lag behind the clock: those of a block not yet handed over, of a busy processor.
const SLACK_NS: u64 = 1_000_000_000;

/// An open interface.
pub struct Live {
    capture: Capture<Active>,
    link: LinkType,
    options: LiveOptions,
    phase: Phase,
    ends: Option<Instant>,
    next_lull: Instant,
    frames: u64,
    inputs: Vec<InputFacts>,
    faults: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Listening,
    /// Told to stop: what came before `said_ns` still counts, if it is handed over by `until`.
    LastLook {
        said_ns: u64,
        until: Instant,
    },
    Over,
}

impl Live {
    /// Opens the interface; the error is one line that says what to do.
    pub fn open(options: LiveOptions) -> Result<Live, String> {
        let complain = |error: Error| complaint(&options.interface, &error);
        let inactive = Capture::from_device(options.interface.as_str()).map_err(complain)?;
        let configured = inactive
            .promisc(true)
            .snaplen(SNAPLEN)
            .timeout(BLOCK_TIMEOUT.as_millis() as i32)
            .buffer_size(RING_BYTES)
            .immediate_mode(false)
            .precision(Precision::Nano);
        let mut capture = configured.open().map_err(complain)?;
        if let Some(filter) = &options.filter {
            capture
                .filter(filter, true)
                .map_err(|error| super::filter::complaint(filter, &error))?;
        }
        let capture = capture.setnonblock().map_err(complain)?;
        let link = link_type(capture.get_datalink().0);
        let facts = InputFacts {
            name: options.interface.clone(),
            links: vec![link.name().into_owned()],
            nanoseconds: true,
            ..InputFacts::default()
        };
        let now = Instant::now();
        Ok(Live {
            capture,
            link,
            phase: Phase::Listening,
            ends: options.duration.map(|duration| now + duration),
            next_lull: now + LULL_EVERY,
            options,
            frames: 0,
            inputs: vec![facts],
            faults: Vec::new(),
        })
    }

    /// What signals, the clock and the count have to say.
    fn heed(&mut self, now: Instant) {
        if self.options.packets.is_some_and(|most| self.frames >= most) {
            self.phase = Phase::Over;
        }
        match self.phase {
            Phase::Listening
                if self.options.stop.load(Ordering::Relaxed) || self.ends.is_some_and(|ends| now >= ends) =>
            {
                self.phase = Phase::LastLook {
                    said_ns: now_ns(),
                    until: now + LAST_LOOK,
                };
            }
            Phase::LastLook { until, .. } if now >= until => self.phase = Phase::Over,
            _ => {}
        }
    }

    /// Takes one packet in; false when none is at hand.
    fn take(&mut self, epoch: &mut Epoch) -> Result<bool, Error> {
        let packet = match self.capture.next_packet() {
            Ok(packet) => packet,
            Err(Error::TimeoutExpired) => return Ok(false),
            Err(error) => return Err(error),
        };
        let seconds = u64::try_from(packet.header.ts.tv_sec).unwrap_or_default();
        // With nanosecond precision libpcap puts nanoseconds into the field named for microseconds.
        let nanoseconds = u64::try_from(packet.header.ts.tv_usec).unwrap_or_default();
        let ns = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
        if let Phase::LastLook { said_ns, .. } = self.phase
            && ns > said_ns
        {
            self.phase = Phase::Over;
            return Ok(true);
        }
        self.frames += 1;
        epoch.frames.push(Frame {
            stamp: Stamp::new(0, self.frames, ns),
            at: epoch.bytes.len() as u32,
            captured: packet.data.len() as u32,
            wire: packet.header.len.max(packet.header.caplen),
            link: self.link,
            interface: 0,
        });
        epoch.bytes.extend_from_slice(packet.data);
        Ok(true)
    }

    /// Waits for packets, or for the next thing that the clock has to say; a signal ends it early.
    fn wait(&self, now: Instant) {
        let moments = [
            Some(now + LONGEST_WAIT),
            Some(self.next_lull),
            match self.phase {
                Phase::LastLook { until, .. } => Some(until),
                _ => self.ends,
            },
        ];
        let first = moments.into_iter().flatten().min().unwrap_or(now);
        wait_readable(self.capture.as_raw_fd(), first.saturating_duration_since(now));
    }

    fn note_drops(&mut self) {
        if let (Ok(stat), Some(facts)) = (self.capture.stats(), self.inputs.first_mut()) {
            facts.dropped_by_kernel = Some(u64::from(stat.dropped));
            facts.dropped_by_interface = Some(u64::from(stat.if_dropped));
        }
    }
}

impl Source for Live {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        epoch.clear();
        epoch.ordinal = 0;
        loop {
            let now = Instant::now();
            self.heed(now);
            if self.phase == Phase::Over {
                self.note_drops();
                return !epoch.frames.is_empty();
            }
            let nothing_at_hand = match self.take(epoch) {
                Ok(taken) => !taken,
                Err(error) => {
                    // The interface has gone, or was taken down: what was heard until then still counts.
                    self.faults.push(format!(
                        "{}: listening ended: {}",
                        self.options.interface,
                        in_short(&error)
                    ));
                    self.phase = Phase::Over;
                    continue;
                }
            };
            if now >= self.next_lull {
                self.next_lull = now + LULL_EVERY;
                // With packets at hand only they know how far the time has come.
                let ours = nothing_at_hand.then(|| now_ns().saturating_sub(SLACK_NS));
                epoch.lull = Some(ours.unwrap_or_default());
                self.note_drops();
                return true;
            }
            if epoch.bytes.len() >= target {
                return true;
            }
            if nothing_at_hand {
                self.wait(now);
            }
        }
    }

    fn inputs(&self) -> &[InputFacts] {
        &self.inputs
    }

    fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// Returns when there is something to read, when a signal came, or after `most`.
#[allow(unsafe_code)]
fn wait_readable(descriptor: RawFd, most: Duration) {
    let mut asked = libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN,
        revents: 0,
    };
    // Rounded up: a wait of no time at all would be a busy one.
    let milliseconds = most.as_millis().min(1000) as libc::c_int + 1;
    // SAFETY: the one structure that is pointed to lives through the call, and the count says one. What became of it does
    // not matter: libpcap is asked next in any case.
    unsafe { libc::poll(&raw mut asked, 1, milliseconds) };
}

fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

/// libpcap's DLT_ numbers are the files' LINKTYPE_ numbers but for raw IP, whose DLT_ differs by system.
pub(super) fn link_type(dlt: i32) -> LinkType {
    const DLT_RAW: i32 = 12;
    const LINKTYPE_RAW: u16 = 101;
    if dlt == DLT_RAW {
        LinkType(LINKTYPE_RAW)
    } else {
        LinkType(u16::try_from(dlt).unwrap_or(u16::MAX))
    }
}

/// One line: what is wrong with the interface, and what to do.
fn complaint(interface: &str, error: &Error) -> String {
    let text = in_short(error);
    let lower = text.to_lowercase();
    if lower.contains("permi") || lower.contains("cap_net") {
        let program = std::env::current_exe().map_or("flowsift".to_owned(), |path| path.display().to_string());
        return format!(
            "{interface}: listening needs the capability CAP_NET_RAW: run as root, or grant it once with: \
             sudo setcap cap_net_raw,cap_net_admin=eip {program}"
        );
    }
    if lower.contains("no such device") || lower.contains("doesn't exist") {
        return format!(
            "{interface}: there is no such interface; there are: {}",
            interfaces().join(", ")
        );
    }
    if lower.contains("not up") {
        return format!("{interface}: the interface is down: bring it up with: ip link set {interface} up");
    }
    format!("{interface}: {text}")
}

/// What can be listened to for network traffic; libpcap lists buses and logs too.
fn interfaces() -> Vec<String> {
    const OTHERS: [&str; 5] = ["bluetooth", "dbus-", "nflog", "nfqueue", "usbmon"];
    let devices = Device::list().unwrap_or_default().into_iter();
    let names = devices.map(|device| device.name);
    names
        .filter(|name| !OTHERS.iter().any(|other| name.starts_with(other)))
        .collect()
}

/// What libpcap says, without saying that it is libpcap.
pub(super) fn in_short(error: &Error) -> String {
    match error {
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_say_what_to_do() {
        let said = |text: &str| complaint("eth9", &Error::PcapError(text.to_owned()));
        for (text, says) in [
            (
                "You don't have permission to perform this capture on that device",
                "sudo setcap cap_net_raw,",
            ),
            (
                "Attempt to create packet socket failed - CAP_NET_RAW may be required",
                "sudo setcap cap_net_raw,",
            ),
            ("eth9: No such device exists", "there is no such interface; there are: "),
            ("That device is not up", "ip link set eth9 up"),
            ("something new", "eth9: something new"),
        ] {
            assert!(said(text).contains(says), "{}", said(text));
        }
    }

    #[test]
    fn raw_ip_has_one_number_in_files_and_another_here() {
        assert_eq!(link_type(12), LinkType(101));
        assert_eq!(link_type(1), LinkType(1));
        assert_eq!(link_type(-1), LinkType(u16::MAX));
    }
}
