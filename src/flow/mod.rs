//! A flow's identity and life, without any clock: time is what the packets say.

pub mod key;
pub mod stamp;
