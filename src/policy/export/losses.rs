//! What a format cannot say of a policy, or says wider than it is meant: gathered by kind, counted, told twice.

use crate::policy::phrases::few;
use crate::policy::spelling::comment;

const IN_A_FILE_AT_MOST: usize = 1000;
const IN_A_LINE_AT_MOST: usize = 5;

/// In the order in which they came up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    kinds: Vec<(&'static str, Vec<String>)>,
}

impl Losses {
    /// One thing lost: `kind` says how, in words that fit in front of a list.
    pub fn note(&mut self, kind: &'static str, thing: impl Into<String>) {
        let thing = thing.into();
        match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, things)) => things.push(thing),
            None => self.kinds.push((kind, vec![thing])),
        }
    }

    pub fn note_all(&mut self, kind: &'static str, things: impl IntoIterator<Item = String>) {
        things.into_iter().for_each(|thing| self.note(kind, thing));
    }

    /// One line a kind: its count and the first few.
    pub fn lines(&self) -> Vec<String> {
        let line = |(kind, things): &(&str, Vec<String>)| {
            let first = few(things.iter().map(|thing| comment(thing)), IN_A_LINE_AT_MOST);
            format!("{kind} ({}): {first}", things.len())
        };
        self.kinds.iter().map(line).collect()
    }

    /// All of them for the file itself, every line behind `lead`.
    pub fn comments(&self, lead: &str) -> String {
        let mut out = String::new();
        if !self.kinds.is_empty() {
            out.push_str(&format!("{}\n{lead}What this list cannot say:\n", lead.trim_end()));
        }
        for (kind, things) in &self.kinds {
            out.push_str(&format!("{lead}- {kind} ({}):\n", things.len()));
            for thing in things.iter().take(IN_A_FILE_AT_MOST) {
                out.push_str(&format!("{lead}    {}\n", comment(thing)));
            }
            if let Some(more) = things.len().checked_sub(IN_A_FILE_AT_MOST).filter(|more| *more > 0) {
                out.push_str(&format!("{lead}    and {more} more\n"));
            }
        }
        out
    }
}
