//! What one attempt or one lookup proves about one row: a [`Kind`].

use super::{Attempt, Lookup, Outcome};
use crate::evidence::model::EvidenceKind;
use crate::policy::model::Expectation;
use crate::policy::verdict::{Blockage, Doubt, Flag, FlagKind, Reach, Reason, RowId};

/// What was seen, finer than an [`Outcome`]. The order is the outcomes'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Intercepted,
    Rerouted,
    Blocked(Blockage),
    /// Silence that counts as blocked only if the input lost no packets.
    Silence(Blockage, u32),
    ReachedUnlisted,
    Fallback,
    Reached,
    Unsure(Unsure),
}

/// Why nothing can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsure {
    /// The row does not list this port.
    OtherPort,
    /// A proxy was asked, and for which port could not be read.
    HiddenPort,
    /// DNS had given the address for several names.
    SeveralNames,
    /// Only another client had been told this name.
    OthersAnswer,
    /// The evidence points to rows of several classes.
    Ambiguous,
    /// The flow began before the capture.
    Midstream,
    Incomplete,
    OneSided,
    NobodyAnswered,
    EndsTooSoon,
    AskedOnce,
    AnsweredElsewhere,
    Drops,
    Unreachable,
    NoData,
    Authentication,
    NotTls,
    /// Too many attempts over UDP to look for what came after each.
    TooMany,
    /// DNS gave addresses, and nobody went there.
    NeverConnected,
    /// DNS answered, and gave no address.
    NoAddress,
    /// Asked, and no answer seen.
    NoAnswer,
}

impl Kind {
    pub fn outcome(self) -> Outcome {
        match self {
            Kind::Intercepted => Outcome::Intercepted,
            Kind::Rerouted => Outcome::Rerouted,
            Kind::Blocked(_) | Kind::Silence(..) => Outcome::Blocked,
            Kind::ReachedUnlisted => Outcome::ReachedUnlisted,
            Kind::Fallback => Outcome::Fallback,
            Kind::Reached => Outcome::Reached,
            Kind::Unsure(_) => Outcome::Inconclusive,
        }
    }

    pub fn how(self) -> Option<Blockage> {
        match self {
            Kind::Blocked(how) | Kind::Silence(how, _) => Some(how),
            _ => None,
        }
    }
}

/// Whether the flow is the row's for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    Yes,
    No(Unsure),
}

impl Sure {
    /// DNS alone is sure only if it told this client one name.
    pub fn of(attempt: &Attempt) -> Sure {
        match (attempt.kind, attempt.candidates) {
            (EvidenceKind::Dns, []) if attempt.own_answer => Sure::Yes,
            (EvidenceKind::Dns, []) => Sure::No(Unsure::OthersAnswer),
            (EvidenceKind::Dns, _) => Sure::No(Unsure::SeveralNames),
            _ if attempt.name.is_none() => Sure::No(Unsure::SeveralNames),
            _ => Sure::Yes,
        }
    }
}

/// What the attempt proves about a row that it falls under. What only its `primary` row can say counts for that one alone.
pub(super) fn of_attempt(attempt: &Attempt, row: RowId, expect: &Expectation, primary: bool, sure: Sure) -> Kind {
    match attempt.target {
        // A firewall that blocks what the row does not list does right, and one that lets it through proves nothing about the row.
        Some((protocol, port)) if !expect.allows_port(protocol, port) => return Kind::Unsure(Unsure::OtherPort),
        None if attempt.through_proxy => return Kind::Unsure(Unsure::HiddenPort),
        None if !expect.ports.is_empty() => return Kind::Unsure(Unsure::OtherPort),
        _ => {}
    }
    if let Sure::No(reason) = sure {
        return Kind::Unsure(reason);
    }
    let flags = &attempt.verdict.flags;
    let raised = |kind| primary && flags.iter().any(|flag: &Flag| flag.kind == kind);
    if raised(FlagKind::Ambiguous) {
        return Kind::Unsure(Unsure::Ambiguous);
    }
    if raised(FlagKind::Intercepted) {
        return Kind::Intercepted;
    }
    if raised(FlagKind::Rerouted) {
        return Kind::Rerouted;
    }
    let outside = |flag: &Flag| matches!(flag.why, Reason::Address { row: held, .. } if held == row);
    match attempt.verdict.reach {
        Reach::Reached if flags.iter().any(outside) => Kind::ReachedUnlisted,
        Reach::Reached => Kind::Reached,
        Reach::Blocked => match blockage(flags) {
            Some(how) => {
                let is_silence = attempt.verdict.block().is_some_and(|block| !block.has_frame());
                blocked(how, is_silence, attempt.place.ordinal)
            }
            None => Kind::Unsure(Unsure::NoData),
        },
        Reach::Unclear(doubt) => Kind::Unsure(unsure(doubt)),
    }
}

/// What a question proves about the rows that cover it.
pub(super) fn of_lookup(lookup: &Lookup) -> Kind {
    match blockage(lookup.flags) {
        Some(how) => blocked(how, true, lookup.place.ordinal),
        None if !lookup.answered => Kind::Unsure(Unsure::NoAnswer),
        None if lookup.addresses.is_empty() => Kind::Unsure(Unsure::NoAddress),
        None => Kind::Unsure(Unsure::NeverConnected),
    }
}

fn blockage(flags: &[Flag]) -> Option<Blockage> {
    flags
        .iter()
        .find(|flag| flag.kind == FlagKind::Blocked)
        .and_then(|flag| flag.how)
}

fn blocked(how: Blockage, is_silence: bool, ordinal: u32) -> Kind {
    match how {
        Blockage::Silent | Blockage::DnsSilent => Kind::Silence(how, ordinal),
        Blockage::AfterHello if is_silence => Kind::Silence(how, ordinal),
        _ => Kind::Blocked(how),
    }
}

fn unsure(doubt: Doubt) -> Unsure {
    match doubt {
        Doubt::Midstream => Unsure::Midstream,
        Doubt::Incomplete => Unsure::Incomplete,
        Doubt::OneSided => Unsure::OneSided,
        Doubt::NobodyAnswered => Unsure::NobodyAnswered,
        Doubt::EndsTooSoon => Unsure::EndsTooSoon,
        Doubt::AskedOnce => Unsure::AskedOnce,
        Doubt::AnsweredElsewhere => Unsure::AnsweredElsewhere,
        Doubt::Drops => Unsure::Drops,
        Doubt::Unreachable => Unsure::Unreachable,
        Doubt::NoData => Unsure::NoData,
        Doubt::Authentication => Unsure::Authentication,
        Doubt::NotTls => Unsure::NotTls,
    }
}
