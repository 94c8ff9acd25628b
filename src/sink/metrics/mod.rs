//! The numbers of a run that goes on, for monitoring: Prometheus' text format, version 0.0.4.
//!
//! [`Counters`] counts rows as they are made, from any thread and without a lock. [`text`] writes them down, with what the
//! source tells of itself ([`Gauges`]), whenever somebody asks.
//!
//! The number of series is bounded whatever passes by: labels are classes of the policy, flags, verdicts, versions and the interfaces
//! that were named. No name and no address from the wire is among them.

mod counters;
mod text;

pub use self::counters::Counters;
pub use self::text::{Build, Gauges, Interface, render};
