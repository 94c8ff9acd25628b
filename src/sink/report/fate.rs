//! What became of a flow, in the five ways that the page draws. Each has a word and a shape; colour never says it alone.

use crate::policy::coverage::Outcome;
use crate::policy::verdict::{FlagKind, Standing, Verdict};

/// From harmless to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Fine,
    Unlisted,
    Unclear,
    Flagged,
    Blocked,
}

impl Fate {
    pub const ALL: [Fate; 5] = [Fate::Fine, Fate::Unlisted, Fate::Unclear, Fate::Flagged, Fate::Blocked];

    pub fn of(verdict: &Verdict) -> Fate {
        match verdict.standing {
            Standing::Ok => Fate::Fine,
            Standing::Unlisted => Fate::Unlisted,
            Standing::Inconclusive => Fate::Unclear,
            Standing::Flagged if verdict.flags.iter().any(|flag| flag.kind == FlagKind::Blocked) => Fate::Blocked,
            Standing::Flagged => Fate::Flagged,
        }
    }

    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Fine => "on the list with nothing against them",
            Fate::Unlisted => "on no list",
            Fate::Unclear => "cannot be told",
            Fate::Flagged => "flagged",
            Fate::Blocked => "blocked",
        }
    }

    /// The class of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Fate::Fine => "fine",
            Fate::Unlisted => "unlisted",
            Fate::Unclear => "unclear",
            Fate::Flagged => "flagged",
            Fate::Blocked => "blocked",
        }
    }
}

/// An outcome of the judgement: the class of its colour, its shape, and its words.
pub fn outcome_look(outcome: Outcome) -> (&'static str, &'static str, &'static str) {
    match outcome {
        Outcome::Intercepted => ("blocked", "▲", "intercepted"),
        Outcome::Rerouted => ("blocked", "▲", "rerouted"),
        Outcome::Blocked => ("blocked", "✕", "blocked"),
        Outcome::ReachedUnlisted => ("flagged", "◆", "reached at an unlisted address"),
        Outcome::Fallback => ("flagged", "◆", "reached by a fallback"),
        Outcome::Reached => ("fine", "●", "reached"),
        Outcome::Inconclusive => ("unclear", "?", "cannot be told"),
        Outcome::NotTried => ("untried", "○", "not tried"),
    }
}
