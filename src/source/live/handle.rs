//! One libpcap handle on one interface, and the group that several of them can join.
//!
//! A large ring, nanosecond stamps, and no immediate mode: immediate mode would trade the kernel's block-wise ring for one
//! wake-up a packet. Packets are taken in bursts, a call of libpcap each.
//!
//! libpcap never waits here, we do: where the ring's timeout is the kernel's, a libpcap that waits on a silent interface
//! hears neither a signal nor the clock.

use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use pcap::{Active, Capture, Error, Precision};

use super::complaint::{complaint, in_short};
use crate::source::filter;
use crate::source::meter::KernelCounts;
use crate::wire::link::LinkType;

/// How interfaces are opened.
#[derive(Debug, Clone)]
pub struct Setup {
    pub filter: Option<String>,
    /// Bytes of a packet that are kept.
    pub snaplen: u32,
    /// The ring's size in bytes.
    pub ring: u32,
}

/// How long the kernel may keep packets to itself before it hands over a block that is not full.
pub const BLOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// An open interface.
pub struct Handle {
    capture: Capture<Active>,
    interface: String,
    link: LinkType,
    received: Widened,
    dropped_by_kernel: Widened,
    dropped_by_interface: Widened,
    /// Packets stamped earlier are not taken.
    since_ns: u64,
}

/// A packet, borrowed from the ring.
pub struct Heard<'a> {
    pub ns: u64,
    /// Bytes on the wire.
    pub wire: u32,
    pub bytes: &'a [u8],
}

/// What the kernel counted since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: u64,
    pub dropped_by_kernel: u64,
    pub dropped_by_interface: u64,
}

impl Handle {
    /// Opens the interface; the error is one line that says what to do.
    pub fn open(interface: &str, setup: &Setup) -> Result<Handle, String> {
        let complain = |error: Error| complaint(interface, &error);
        let inactive = Capture::from_device(interface).map_err(complain)?;
        let configured = inactive
            .promisc(true)
            .snaplen(setup.snaplen as i32)
            .timeout(BLOCK_TIMEOUT.as_millis() as i32)
            .buffer_size(setup.ring as i32)
            .immediate_mode(false)
            .precision(Precision::Nano);
        let mut capture = configured.open().map_err(complain)?;
        if let Some(expression) = &setup.filter {
            capture
                .filter(expression, true)
                .map_err(|error| filter::complaint(expression, &error))?;
        }
        let capture = capture.setnonblock().map_err(complain)?;
        Ok(Handle {
            interface: interface.to_owned(),
            link: link_type(capture.get_datalink().0),
            capture,
            received: Widened::default(),
            dropped_by_kernel: Widened::default(),
            dropped_by_interface: Widened::default(),
            since_ns: 0,
        })
    }

    pub fn interface(&self) -> &str {
        &self.interface
    }

    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Shares the interface's packets with the handles of the same group, so that each packet goes to one of them and a
    /// flow's all to the same one; without a group a new one is made. The filter is in place by now: what is heard between
    /// opening and joining is what every handle hears, and is [forgotten](Handle::forget).
    pub fn join(&self, group: Option<Group>) -> Result<Group, String> {
        join(self.capture.as_raw_fd(), group).map_err(|error| {
            format!(
                "{}: several workers cannot share it ({error}): try --workers 1",
                self.interface
            )
        })
    }

    /// Begins to count here.
    pub fn begin_counts(&mut self) {
        let Ok(stat) = self.capture.stats() else { return };
        self.received.begin(stat.received);
        self.dropped_by_kernel.begin(stat.dropped);
        self.dropped_by_interface.begin(stat.if_dropped);
    }

    /// Forgets what came before `ns`: what is in the ring already, and what the kernel has not handed over yet.
    pub fn forget_before(&mut self, ns: u64) {
        self.since_ns = ns;
    }

    /// Takes at most `most` packets in; 0 when none is at hand.
    pub fn read(&mut self, most: usize, mut take: impl FnMut(Heard<'_>)) -> Result<usize, String> {
        let since_ns = self.since_ns;
        let read = self.capture.dispatch(Some(most), |packet| {
            let seconds = u64::try_from(packet.header.ts.tv_sec).unwrap_or_default();
            // With nanosecond precision libpcap puts nanoseconds into the field named for microseconds.
            let nanoseconds = u64::try_from(packet.header.ts.tv_usec).unwrap_or_default();
            let ns = seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
            if ns < since_ns {
                return;
            }
            take(Heard {
                ns,
                wire: packet.header.len.max(packet.header.caplen),
                bytes: packet.data,
            });
        });
        match read {
            Ok(read) => Ok(read),
            Err(Error::TimeoutExpired) => Ok(0),
            Err(error) => Err(format!("{}: listening ended: {}", self.interface, in_short(&error))),
        }
    }

    /// Waits until there is something to read, a signal comes, or `most` is over.
    pub fn wait(&self, most: Duration) {
        wait_readable(self.capture.as_raw_fd(), most);
    }

    /// What the kernel has counted. libpcap adds up what the kernel forgets with each question, in 32 bits; packets dropped
    /// for want of room are among the received ones.
    pub fn counts(&mut self) -> Option<Counts> {
        let stat = self.capture.stats().ok()?;
        Some(Counts {
            received: self.received.now(stat.received),
            dropped_by_kernel: self.dropped_by_kernel.now(stat.dropped),
            dropped_by_interface: self.dropped_by_interface.now(stat.if_dropped),
        })
    }
}

/// Whether an interface is up; one of which that cannot be known is.
pub fn is_up(interface: &str) -> bool {
    const IFF_UP: u64 = 1;
    let flags = std::fs::read_to_string(format!("/sys/class/net/{interface}/flags"));
    flags
        .ok()
        .and_then(|text| u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok())
        .is_none_or(|flags| flags & IFF_UP != 0)
}

impl Counts {
    /// Puts an interface's counts where others see them.
    pub fn show(self, line: &KernelCounts) {
        use std::sync::atomic::Ordering::Relaxed;
        line.received.store(self.received, Relaxed);
        line.dropped_by_kernel.store(self.dropped_by_kernel, Relaxed);
        line.dropped_by_interface.store(self.dropped_by_interface, Relaxed);
    }

    /// Together with another handle on the same interface: the interface's own drops are told to both of them.
    pub fn beside(self, other: Counts) -> Counts {
        Counts {
            received: self.received + other.received,
            dropped_by_kernel: self.dropped_by_kernel + other.dropped_by_kernel,
            dropped_by_interface: self.dropped_by_interface.max(other.dropped_by_interface),
        }
    }
}

/// A counter of 32 bits that wraps, as one that does not.
#[derive(Debug, Clone, Copy, Default)]
struct Widened {
    last: u32,
    sum: u64,
}

impl Widened {
    fn begin(&mut self, count: u32) {
        *self = Widened { last: count, sum: 0 };
    }

    fn now(&mut self, count: u32) -> u64 {
        self.sum += u64::from(count.wrapping_sub(self.last));
        self.last = count;
        self.sum
    }
}

/// A fanout group of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(u16);

/// By the flow's hash, the same for both directions. What else there is (round robin, by processor, overflow to the next)
/// would tear flows apart. Without PACKET_FANOUT_FLAG_DEFRAG, which hands over what was put together in place of the pieces
/// that passed: packets would be counted, numbered and kept otherwise than in a capture. Pieces may go to another listener
/// than the rest of their flow; the merge brings them back into order.
const FANOUT_HASH: u32 = 0;
/// The kernel chooses a number that no other group has: two programs of one number would take each other's packets away.
const FANOUT_UNIQUE: u32 = 0x2000;

/// <linux/if_packet.h>: the number in the lower half, kind and flags in the upper.
#[allow(unsafe_code)]
fn join(descriptor: RawFd, group: Option<Group>) -> std::io::Result<Group> {
    const OPTION_BYTES: libc::socklen_t = size_of::<u32>() as libc::socklen_t;
    let asked: u32 = match group {
        Some(Group(number)) => u32::from(number) | FANOUT_HASH << 16,
        None => (FANOUT_HASH | FANOUT_UNIQUE) << 16,
    };
    // SAFETY: the option is an integer that lives through the call, and the length is its size.
    let set = unsafe {
        libc::setsockopt(
            descriptor,
            libc::SOL_PACKET,
            libc::PACKET_FANOUT,
            (&raw const asked).cast(),
            OPTION_BYTES,
        )
    };
    if set != 0 {
        return Err(std::io::Error::last_os_error());
    }
    let mut joined: u32 = 0;
    let mut length = OPTION_BYTES;
    // SAFETY: as above; the kernel writes at most `length` bytes.
    let told = unsafe {
        libc::getsockopt(
            descriptor,
            libc::SOL_PACKET,
            libc::PACKET_FANOUT,
            (&raw mut joined).cast(),
            &raw mut length,
        )
    };
    match told {
        0 => Ok(Group(joined as u16)),
        _ => Err(std::io::Error::last_os_error()),
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

/// libpcap's DLT_ numbers are the files' LINKTYPE_ numbers but for raw IP, whose DLT_ differs by system.
pub fn link_type(dlt: i32) -> LinkType {
    const DLT_RAW: i32 = 12;
    const LINKTYPE_RAW: u16 = 101;
    if dlt == DLT_RAW {
        LinkType(LINKTYPE_RAW)
    } else {
        LinkType(u16::try_from(dlt).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_has_one_number_in_files_and_another_here() {
        assert_eq!(link_type(12), LinkType(101));
        assert_eq!(link_type(1), LinkType(1));
        assert_eq!(link_type(-1), LinkType(u16::MAX));
    }

    #[test]
    fn a_count_goes_on_where_32_bits_end() {
        let mut count = Widened::default();
        count.begin(7);
        assert_eq!(count.now(u32::MAX), u64::from(u32::MAX) - 7);
        assert_eq!(count.now(9), u64::from(u32::MAX) + 3);
    }

    #[test]
    fn two_handles_on_one_interface_are_told_its_drops_twice() {
        let one = Counts {
            received: 5,
            dropped_by_kernel: 1,
            dropped_by_interface: 3,
        };
        let both = one.beside(one);
        assert_eq!(
            (both.received, both.dropped_by_kernel, both.dropped_by_interface),
            (10, 2, 3)
        );
    }
}
