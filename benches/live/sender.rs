//! Sends frames at a rate: a batch a system call, past the queueing discipline.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fmt;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::traffic::copies::{Copies, Plan};
use crate::traffic::frame::{self, ACK, Segment};
use crate::traffic::{SECOND, script};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// 64 bytes (60 and the check sum of the wire), of 16,384 flows.
    Small,
    /// Offices: handshakes, lookups, downloads, as in a capture.
    Mixed,
}

/// What to send, where, how fast and for how long.
#[derive(Debug, Clone)]
pub struct Order {
    pub interface: String,
    pub mix: Mix,
    /// Packets a second.
    pub rate: u64,
    pub seconds: u64,
}

const COMMAND: &str = "send";
/// Frames a system call.
const BATCH: usize = 32;
const SMALL_FLOWS: u32 = 16_384;
/// Longer frames do not pass a cable of the usual size.
const LONGEST: usize = 1514;

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mix::Small => "64 bytes",
            Mix::Mixed => "mixed",
        })
    }
}

impl Mix {
    /// On the wire, without preamble and gap.
    pub fn bytes_a_frame(self) -> f64 {
        let frames = self.frames();
        let bytes: usize = frames.iter().map(|frame| frame.len() + 4).sum();
        bytes as f64 / frames.len() as f64
    }

    fn frames(self) -> Vec<Vec<u8>> {
        match self {
            Mix::Small => (0..SMALL_FLOWS).map(small).collect(),
            Mix::Mixed => offices(),
        }
    }
}

impl Order {
    pub fn words(&self) -> [String; 5] {
        [
            COMMAND.to_owned(),
            self.interface.clone(),
            self.mix.to_string(),
            self.rate.to_string(),
            self.seconds.to_string(),
        ]
    }

    pub fn of(words: &[String]) -> Option<Order> {
        let [command, interface, mix, rate, seconds] = words else {
            return None;
        };
        (command == COMMAND).then_some(Order {
            interface: interface.clone(),
            mix: if *mix == Mix::Small.to_string() {
                Mix::Small
            } else {
                Mix::Mixed
            },
            rate: rate.parse().ok()?,
            seconds: seconds.parse().ok()?,
        })
    }
}

/// An acknowledgment of one of many flows, padded as on the wire.
fn small(flow: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let client = SocketAddr::from((
        Ipv4Addr::from_bits(0xc613_0000 | flow & 0xff),
        10_000 + (flow >> 8) as u16,
    ));
    let server = SocketAddr::from((Ipv4Addr::new(198, 18, 1, 11), 443));
    let segment = Segment {
        flags: ACK,
        sequence: 1,
        acknowledgment: 1,
    };
    frame::tcp(&mut bytes, client, server, segment, &[]);
    bytes.resize(60, 0);
    bytes
}

fn offices() -> Vec<Vec<u8>> {
    let plan = Plan {
        copies: 300,
        haste: 60,
        spread: 60 * SECOND,
    };
    let mut copies = Copies::new(script::office().into(), plan);
    let mut frames = Vec::new();
    let mut bytes = Vec::new();
    while copies.next(&mut bytes).is_some() {
        if bytes.len() <= LONGEST {
            frames.push(bytes.clone());
        }
        bytes.clear();
    }
    frames
}

/// What was sent: packets, and packets a second.
pub struct Sent(u64, f64);

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.0}", self.0, self.1)
    }
}

pub fn send(order: &Order) -> Result<Sent, String> {
    let frames = order.mix.frames();
    let socket = open(&order.interface).map_err(|error| format!("{}: {error}", order.interface))?;
    let mut pieces: Vec<libc::iovec> = frames
        .iter()
        .map(|frame| libc::iovec {
            iov_base: frame.as_ptr().cast_mut().cast(),
            iov_len: frame.len(),
        })
        .collect();
    let mut messages: Vec<libc::mmsghdr> = pieces
        .iter_mut()
        .map(|piece| {
            // SAFETY: all zeroes is a message without anything.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_iov = piece;
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();

    let begun = Instant::now();
    let length = Duration::from_secs(order.seconds);
    let (mut sent, mut place) = (0u64, 0);
    loop {
        let elapsed = begun.elapsed();
        if elapsed >= length {
            return Ok(Sent(sent, sent as f64 / elapsed.as_secs_f64()));
        }
        let due = (elapsed.as_secs_f64() * order.rate as f64) as u64;
        if sent >= due {
            std::hint::spin_loop();
            continue;
        }
        let batch = &mut messages[place..(place + BATCH).min(frames.len())];
        // SAFETY: the messages point to pieces, and these to frames, that live through the call and are not written to.
        let done = unsafe { libc::sendmmsg(socket, batch.as_mut_ptr(), batch.len() as libc::c_uint, 0) };
        if done < 0 {
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::ENOBUFS | libc::EAGAIN | libc::EINTR) => continue,
                _ => return Err(format!("sending: {error}")),
            }
        }
        sent += done as u64;
        place = (place + done as usize) % frames.len();
    }
}

/// A packet socket on the interface that goes past the queue.
fn open(interface: &str) -> io::Result<libc::c_int> {
    const PACKET_QDISC_BYPASS: libc::c_int = 20;
    let name = CString::new(interface)?;
    // SAFETY: plain calls; what is pointed to lives through them, and lengths are those of what is pointed to.
    unsafe {
        let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut address: libc::sockaddr_ll = zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as libc::c_int;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        if libc::bind(socket, (&raw const address).cast(), length) != 0 {
            return Err(io::Error::last_os_error());
        }
        let on: libc::c_int = 1;
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        // Without it the sender is a little slower, and that is all.
        libc::setsockopt(
            socket,
            libc::SOL_PACKET,
            PACKET_QDISC_BYPASS,
            (&raw const on).cast(),
            length,
        );
        Ok(socket)
    }
}
