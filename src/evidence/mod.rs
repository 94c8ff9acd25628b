//! What a flow's own bytes say about it: protocol, names, versions, certificates.
//!
//! [`model`] is the vocabulary. Everything here works on the bytes of one flow, in capture order,
//! and knows nothing of other flows, of policies or of files.

pub mod assembly;
pub mod certificate;
pub mod consumed;
pub mod dns_answers;
pub mod dtls_handshake;
pub mod dtls_message;
pub mod http_talk;
pub mod identify;
pub mod ja4;
pub mod media;
pub mod memo;
pub mod model;
pub mod offers;
pub mod preamble;
pub mod probe;
pub mod quic_crypto;
pub mod quic_direction;
pub mod quic_handshake;
pub mod socks_talk;
pub mod starttls_talk;
pub mod tcp_probe;
pub mod tls_handshake;
pub mod tls_hello;
pub mod tls_records;

#[cfg(test)]
mod assembly_tests;
#[cfg(test)]
mod dtls_samples;
#[cfg(test)]
mod dtls_tests;
#[cfg(test)]
mod media_tests;
#[cfg(test)]
mod preamble_samples;
#[cfg(test)]
mod preamble_tests;
#[cfg(test)]
mod quic_samples;
#[cfg(test)]
mod quic_tests;
#[cfg(test)]
mod tls_samples;
#[cfg(test)]
mod tls_tests;
