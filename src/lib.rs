//! flowsift tells which service every flow of a capture talks to, and shows why.

pub mod anonymise;
pub mod cli;
pub mod crypto;
pub mod engine;
pub mod evidence;
pub mod flow;
pub mod names;
pub mod policy;
pub mod sink;
pub mod source;
pub mod wire;
