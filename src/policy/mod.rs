//! The policy: which names, addresses, ports and TLS versions belong to which service, and what a flow's
//! evidence means under it.
//!
//! ```text
//! TOML text --load--> model (rows as written) --compile--> Policy --matches--> rows of a name or an address
//!   builtin/            one file an idea of a row             |
//!                                       facts of a flow --judge--> Verdict (rows, flags, one word)
//! ```
//!
//! A policy is read once and then only looked at: no clock, no files, no state between flows. What a rule
//! looks at is one flow and what was known when it began.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod builtin;
pub mod compile;
pub mod judge;
pub mod load;
pub mod model;
pub mod verdict;
