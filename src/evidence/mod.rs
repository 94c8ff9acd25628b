//! What a flow's own bytes say about it: protocol, names, versions, certificates.
//!
//! [`model`] is the vocabulary. Everything here works on the bytes of one flow, in capture order,
//! and knows nothing of other flows, of policies or of files.

pub mod model;
