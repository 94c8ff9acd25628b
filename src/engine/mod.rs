//! The engine: epochs in, rows out. No files, no sockets, no clock.

pub mod epoch;
pub mod rows;
