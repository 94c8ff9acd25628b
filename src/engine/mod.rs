//! The engine: epochs in, rows out. No files, no sockets, no clock.
//!
//! [`drive`] runs it, [`scan`] makes packet references of frames, the 64 [`shard`]s keep the flows, and at every
//! mark of the input names are shared, flows are named and judged ([`release`]), and rows leave in order.
//! [`limits`] holds every bound.

mod board;
pub mod cold;
mod course;
mod departure;
pub mod drive;
pub mod epoch;
pub mod hidden;
mod intake;
pub mod limits;
mod load;
mod lookup;
mod naming;
mod press;
mod release;
pub mod rows;
mod running;
pub mod scan;
pub mod shard;
pub mod tally;
mod times;
mod works;
