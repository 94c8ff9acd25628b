//! What a policy says of one flow.

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

/// One flag raised, with its reason in one plain sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub kind: FlagKind,
    pub severity: Severity,
    pub why: String,
    /// For `blocked` only: `nxdomain`, `sinkhole`, ...
    pub how: Option<&'static str>,
}

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
    pub matches: Vec<RowId>,
    pub flags: Vec<Flag>,
    pub standing: Standing,
}
