//! flowsift tells which service every flow of a capture talks to, and shows why.

pub mod engine;
pub mod evidence;
pub mod flow;
pub mod names;
pub mod policy;
pub mod wire;
