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
    /// For `blocked` only.
    pub how: Option<Blockage>,
}

/// How an attempt was blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blockage {
    Silent,
    Reset,
    AfterHello,
    Icmp,
    TlsAlert,
    Proxy,
    NxDomain,
    DnsRefused,
    ServFail,
    DnsSilent,
    Sinkhole,
}

impl Blockage {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Blockage::Silent => "silent",
            Blockage::Reset => "reset",
            Blockage::AfterHello => "after-hello",
            Blockage::Icmp => "icmp",
            Blockage::TlsAlert => "tls-alert",
            Blockage::Proxy => "proxy",
            Blockage::NxDomain => "nxdomain",
            Blockage::DnsRefused => "dns-refused",
            Blockage::ServFail => "servfail",
            Blockage::DnsSilent => "dns-silent",
            Blockage::Sinkhole => "sinkhole",
        }
    }
}

/// What was seen of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// So many SYNs, and never an answer.
    SilentSyn {
        tries: u32,
        over_ms: u32,
    },
    SilentDatagrams {
        sent: u32,
        over_ms: u32,
    },
    /// A reset answered the SYN.
    Reset,
    AfterHello(HelloEnd),
    Icmp,
    /// The server's side sent this alert.
    Alert {
        description: u8,
    },
    /// The status with which an HTTP proxy refused.
    Proxy {
        status: u16,
    },
    Socks {
        code: u16,
    },
}

/// What came in place of the server's hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloEnd {
    Reset,
    Finished,
    Silence { over_ms: u32 },
}

impl Block {
    pub fn how(self) -> Blockage {
        match self {
            Block::SilentSyn { .. } | Block::SilentDatagrams { .. } => Blockage::Silent,
            Block::Reset => Blockage::Reset,
            Block::AfterHello(_) => Blockage::AfterHello,
            Block::Icmp => Blockage::Icmp,
            Block::Alert { .. } => Blockage::TlsAlert,
            Block::Proxy { .. } | Block::Socks { .. } => Blockage::Proxy,
        }
    }

    /// There is a packet in which it is seen, and not only the lack of one.
    pub fn has_frame(self) -> bool {
        !matches!(
            self,
            Block::SilentSyn { .. } | Block::SilentDatagrams { .. } | Block::AfterHello(HelloEnd::Silence { .. })
        )
    }
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
    /// The attempt failed.
    Blocked(Block),
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

/// What became of a flow's attempt to reach its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The handshake was answered, and application data went both ways.
    Reached,
    /// It failed; the flag `blocked` says how.
    Blocked,
    /// It cannot be told.
    Unclear(Doubt),
}

/// Why it cannot be told whether a server was reached. Never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The flow began before the capture.
    Midstream,
    /// Packets are cut short, missing, or given up.
    Incomplete,
    /// Only one direction was captured.
    OneSided,
    /// Nobody answered, but nothing shows that this client was answered by anybody at that time.
    NobodyAnswered,
    /// Nobody answered, but the capture ends too soon after.
    EndsTooSoon,
    /// The kernel or the interface dropped packets: one of them may have been the answer.
    Drops,
    /// Asked only once: a single packet may get lost.
    AskedOnce,
    /// The same server answered another question of this client at that time.
    AnsweredElsewhere,
    /// A router knew no way there, or the host itself said that nothing listens.
    Unreachable,
    /// The handshake was answered, and no application data was seen both ways.
    NoData,
    /// A proxy asked for a password first.
    Authentication,
    /// The client's hello was answered, by something that is not TLS.
    NotTls,
}

impl Verdict {
    /// How the attempt was seen to fail.
    pub fn block(&self) -> Option<Block> {
        self.flags.iter().find_map(|flag| match flag.why {
            Reason::Blocked(block) => Some(block),
            _ => None,
        })
    }
}

/// What a policy says of one flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Every row the name or the address falls under, the primary first. Empty: class `other` or `unknown`.
    pub matches: RowIds,
    pub flags: Flags,
    pub standing: Standing,
    pub reach: Reach,
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
