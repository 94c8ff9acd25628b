//! The policy: which names, addresses, ports and TLS versions belong to which service, and what a flow's
//! evidence means under it.

pub mod verdict;
