//! The names of findings. They are stable: scripts lean on them.

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Worth knowing; nothing has to be done.
    Notice,
    /// The firewall opens more than is needed, or less, or not what was meant.
    Warning,
    /// What is written cannot be used.
    Error,
}

impl Weight {
    pub const ALL: [Weight; 3] = [Weight::Error, Weight::Warning, Weight::Notice];

    pub fn as_str(self) -> &'static str {
        match self {
            Weight::Notice => "notice",
            Weight::Warning => "warning",
            Weight::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($name:ident $word:literal $weight:ident,)*) => {
        /// What is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($name,)*
        }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $word,)*
                }
            }

            /// What a finding of this code weighs unless its case is a special one.
            pub fn weight(self) -> Weight {
                match self {
                    $(Code::$name => Weight::$weight,)*
                }
            }
        }
    };
}

codes! {
    Invalid "invalid" Error,
    EmptyRow "empty-row" Error,
    UnknownTag "unknown-tag" Error,
    Spelling "spelling" Warning,
    PublicSuffix "public-suffix" Error,
    BroadHost "broad-host" Warning,
    SharedHost "shared-host" Warning,
    BroadRange "broad-range" Warning,
    Overlap "overlap" Notice,
    Shadowed "shadowed" Warning,
    Covered "covered" Notice,
    Duplicate "duplicate" Warning,
    Retired "retired" Notice,
    RetiredHost "retired-host" Warning,
    RetiredRange "retired-range" Warning,
    NoSuccessor "no-successor" Warning,
    NotYet "not-yet" Notice,
    Stale "stale" Warning,
    Undated "undated" Notice,
    Apex "apex" Notice,
    WildcardMeaning "wildcard-meaning" Notice,
    Quic "quic" Notice,
    MediaPorts "media-ports" Warning,
    PortGap "port-gap" Warning,
    Revocation "revocation" Warning,
    AnyPort "any-port" Warning,
    WidePorts "wide-ports" Warning,
    OldTls "old-tls" Warning,
    AnyTls "any-tls" Notice,
    PlainAllowed "plain-allowed" Notice,
    NewTls "new-tls" Notice,
    Via "via" Warning,
    SharedTag "shared-tag" Notice,
    SpecialRange "special-range" Warning,
    NearDuplicate "near-duplicate" Warning,
    LookAlike "look-alike" Warning,
    Idn "idn" Notice,
    Companion "companion" Warning,
}
