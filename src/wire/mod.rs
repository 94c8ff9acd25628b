//! Bytes to views: what a packet says, borrowed from the packet.
//!
//! Nothing here keeps state, allocates or knows what a flow is. Every parser is one file on one
//! skeleton: a field map, a checked constructor, accessors, the parsed value, tests from real
//! bytes. A length from the wire never indexes and never sizes an allocation; [`cursor`] is the
//! only place where bytes are cut.
//!
//! Parsing has three answers ([`Parse`]): it is whole, it needs more bytes, or the sender broke the
//! format. "Needs more" is not an error: it is what a segment boundary looks like from inside.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod capture_header;
pub mod cursor;
pub mod decode;
pub mod dns;
pub mod dtls;
pub mod encap;
pub mod fast;
pub mod gquic;
mod gre;
mod gtpu;
pub mod http;
pub mod icmp;
mod ip_tunnel;
mod l2tp;
pub mod link;
mod link_type;
mod mpls;
pub mod net;
pub mod packet;
mod ppp;
pub mod proxy_protocol;
pub mod quic;
pub mod quic_frame;
pub mod quic_version;
pub mod rtp;
#[cfg(test)]
mod samples;
pub mod socks;
pub mod starttls;
pub mod stun;
mod teredo;
pub mod tls;
pub mod tls_extension;
pub mod tls_hello;
pub mod transport;
pub mod tunnel;
pub mod undecoded;
mod vxlan;
mod wlan;

/// The three answers of a parser that may stand in the middle of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parse<T, E> {
    /// The value, whole.
    Complete(T),
    /// At least so many bytes in all (from the start of the slice given) are wanted.
    Need(usize),
    /// The sender broke the format; no further bytes can mend it.
    Malformed(E),
}
