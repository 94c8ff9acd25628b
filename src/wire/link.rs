//! Link types, by the number a capture file gives them (tcpdump.org "Link-layer header types").

/// A link type's LINKTYPE_ number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LinkType(pub u16);
