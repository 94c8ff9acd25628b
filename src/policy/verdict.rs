//! What a policy says of one flow.
//!
//! A verdict is made for every flow of a capture, and most are never read: it holds no text and, as a rule, nothing on the heap.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::evidence::model::TlsVersion;

/// What can be held against a flow, in the order in which records list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagKind {
    Port,
    TlsVersion,
    Plaintext,
    Rerouted,
    Address,
    Intercepted,
    Blocked,
    Internal,
    HiddenName,
    Retired,
    Ambiguous,
    Broad,
}

impl FlagKind {
    pub const ALL: [FlagKind; 12] = [
        FlagKind::Port,
        FlagKind::TlsVersion,
        FlagKind::Plaintext,
        FlagKind::Rerouted,
        FlagKind::Address,
        FlagKind::Intercepted,
        FlagKind::Blocked,
        FlagKind::Internal,
        FlagKind::HiddenName,
        FlagKind::Retired,
        FlagKind::Ambiguous,
        FlagKind::Broad,
    ];

    /// The word used in records and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            FlagKind::Port => "port",
            FlagKind::TlsVersion => "tls-version",
            FlagKind::Plaintext => "plaintext",
            FlagKind::Rerouted => "rerouted",
            FlagKind::Address => "address",
            FlagKind::Intercepted => "intercepted",
            FlagKind::Blocked => "blocked",
            FlagKind::Internal => "internal",
            FlagKind::HiddenName => "hidden-name",
            FlagKind::Retired => "retired",
            FlagKind::Ambiguous => "ambiguous",
            FlagKind::Broad => "broad",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Notice,
    Medium,
    High,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Notice => "notice",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}

/// One flag raised, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub kind: FlagKind,
    pub severity: Severity,
    pub why: Reason,
    /// For `blocked` only: `nxdomain`, `sinkhole`, ...
    pub how: Option<&'static str>,
}

/// Why a flag was raised. [`Wording`](super::judge::Wording) makes one plain sentence of it.
///
/// What most flows of a capture are told is kept as what the flow did and which row (None: `[unlisted]`) has something against
/// it; the row's half of the sentence is the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Port {
        protocol: u8,
        port: u16,
        row: Option<RowId>,
    },
    TlsVersion {
        version: TlsVersion,
        in_quic: bool,
        older: bool,
        row: Option<RowId>,
    },
    Plaintext {
        http: bool,
        port: u16,
        row: Option<RowId>,
    },
    Address {
        ip: IpAddr,
        row: RowId,
    },
    /// Rarer reasons: the whole sentence.
    Told(Box<str>),
}

impl From<String> for Reason {
    fn from(sentence: String) -> Reason {
        Reason::Told(sentence.into())
    }
}

/// Most flows have at most so many; more are on the heap.
pub type Flags = SmallVec<[Flag; 2]>;

/// The rows of a flow. As many as take no more room than a pointer and a length would.
pub type RowIds = SmallVec<[RowId; 8]>;

/// A row of the compiled policy, by its place in the policy's own order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u16);

/// The word at the end, the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    Inconclusive,
    Flagged,
    Unlisted,
    Ok,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Inconclusive => "inconclusive",
            Standing::Flagged => "flagged",
            Standing::Unlisted => "unlisted",
            Standing::Ok => "ok",
        }
    }
}

/// What a policy says of one flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Every row the name or the address falls under, the primary first. Empty: class `other` or `unknown`.
    pub matches: RowIds,
    pub flags: Flags,
    pub standing: Standing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_stays_small() {
        assert_eq!(size_of::<RowIds>(), size_of::<Vec<RowId>>());
        assert!(size_of::<Flag>() <= 48 && size_of::<Verdict>() <= 144);
    }
}
