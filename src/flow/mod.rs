//! A flow's identity and life, without any clock: time is what the packets say.

pub mod attempt;
pub mod counters;
pub mod datagram;
pub mod expiry;
pub mod fetch;
pub mod fragment;
pub mod id;
pub mod key;
mod pieces;
pub mod repeat;
pub mod slab;
pub mod stamp;
pub mod table;
