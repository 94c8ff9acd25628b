//! Opening what is encrypted for form's sake.
//!
//! QUIC's first packets are sealed with keys that stand in the packet itself, for everyone to derive
//! (RFC 9001, section 5.2): [`quic_initial`] does. Nothing here opens anything that is secret.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(test)]
pub mod quic_examples;
pub mod quic_initial;
