//! The screen of a live run: what passes, what was found, and what of the policy was reached.
//!
//! ```text
//!   rows, flows under way ─▶ Board ─▶ Snapshot ─┐
//!                 keys ─▶ View ─────────────────┴─▶ draw ─▶ a buffer of cells
//! ```
//!
//! Pure: no terminal, no clock, no thread. [`Board`](board::Board) gathers on the thread that delivers rows: what it does for a row is little, and what
//! it keeps is bounded, whatever comes. A [`Snapshot`](snapshot::Snapshot) is a copy of that, never changed, which another thread may draw from
//! for as long as it likes. [`View`](view::View) is what the person at the keys has chosen, and [`draw`] makes a picture of both.
//!
//! Names arrive escaped; the policy's words and those of interfaces are cleaned when they come in.

pub mod board;
mod classes;
mod credits;
pub mod draw;
mod endpoints;
mod findings;
mod flows;
pub mod keys;
mod proofs;
mod rates;
pub mod save;
pub mod snapshot;
pub mod view;

#[cfg(test)]
mod tests;
