//! The policy: which names, addresses, ports and TLS versions belong to which service, and what a flow's
//! evidence means under it.
//!
//! ```text
//! TOML text --load--> model (rows as written) --compile--> Policy --matches--> rows of a name or an address
//!   builtin/            one file an idea of a row             |
//!                                       facts of a flow --judge--> Verdict (rows, flags, one word)
//! ```
//!
//! [`import`] makes policies of the vendors' own lists, [`export`] makes lists for firewalls and proxies of a policy, and
//! [`spelling`] knows how text is written into either without becoming more than text.
//!
//! A policy is read once and then only looked at: no clock, no files, no state between flows. What a rule
//! looks at is one flow and what was known when it began.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod builtin;
pub mod compare;
pub mod compile;
pub mod coverage;
pub mod crossing;
pub mod export;
pub mod import;
pub mod judge;
pub mod learn;
pub mod lint;
pub mod load;
pub mod model;
pub mod phrases;
pub mod spelling;
pub mod trial;
pub mod verdict;
