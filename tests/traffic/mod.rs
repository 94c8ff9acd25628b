//! Traffic for tests and benches, made in memory and the same every time.
//!
//! ```text
//!  script ── the sample generator ──▶ seen: frames with times ──▶ copies: many clients' days at once ─┐
//!  frame ─── single frames by hand ──────────────────────────────────────────────────────────────────┼─▶ tape, a Source
//!  floods ── noise, and real handshakes in between ──────────────────────────────────────────────────┘
//! ```

pub mod copies;
pub mod floods;
pub mod frame;
pub mod judged;
pub mod script;
pub mod tape;

#[path = "../../samples/generator/mod.rs"]
mod generator;

/// A frame and when it was seen, in nanoseconds since 1970.
#[derive(Clone)]
pub struct Seen {
    pub at: u64,
    pub frame: Vec<u8>,
}

/// The first moment of all made traffic: 2026-11-21T09:00:00Z.
pub const MORNING: u64 = 1_795_251_600_000_000_000;
pub const SECOND: u64 = 1_000_000_000;

/// Numbers that look random and are the same every time (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// One of the first `count` numbers.
    pub fn below(&mut self, count: u64) -> u64 {
        self.roll() % count
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
