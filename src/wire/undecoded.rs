//! Why a frame is no packet to us.
//!
//! Every reason is a counter: what is not decoded is counted under its word in the capture record's
//! `undecoded` map, so that nothing disappears silently.

/// Why a frame was not decoded down to two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Undecoded {
    /// Cut (by the snaplen or by the sender) before both addresses were whole.
    Short,
    /// A link type that we do not decode.
    LinkType,
    /// An EtherType that has no word of its own here.
    EtherType,
    /// Address resolution: it has no IP layer.
    Arp,
    Lldp,
    /// Spanning tree.
    Stp,
    /// An LLC frame that carries neither IP nor an EtherType.
    Llc,
    /// 802.1X.
    Eapol,
    /// MACsec: the rest is usually encrypted.
    Macsec,
    /// Labels around something that is neither IP nor an Ethernet frame.
    Mpls,
    /// PPPoE that sets a session up.
    Pppoe,
    /// PPP that sets a line up, or is compressed, encrypted or spread over several links.
    Ppp,
    /// A frame relay protocol that is neither IP nor Ethernet.
    FrameRelay,
    /// 802.11 management, control, and data frames without data.
    Wlan,
    /// Encrypted 802.11.
    WlanProtected,
    /// A piece of an 802.11 frame.
    WlanFragment,
    /// Several packets in one 802.11 frame.
    WlanAggregate,
    /// A header of the capturing machine whose own fields contradict each other.
    LinkHeader,
    /// More tunnels than [`Tunnels::MAX`](super::tunnel::Tunnels::MAX), without an IP packet around the last one.
    TunnelDepth,
    /// More VLAN tags than [`Vlans::MAX`](super::packet::Vlans::MAX).
    VlanDepth,
    /// A BSD loopback header of a family that is not IP.
    AddressFamily,
    /// Neither 4 nor 6 where an IP header should begin.
    IpVersion,
    /// An IPv4 header whose own lengths contradict each other.
    IpHeader,
}

impl Undecoded {
    /// Every reason, in the order of [`Undecoded::index`].
    pub const ALL: [Undecoded; 23] = [
        Undecoded::Short,
        Undecoded::LinkType,
        Undecoded::EtherType,
        Undecoded::Arp,
        Undecoded::Lldp,
        Undecoded::Stp,
        Undecoded::Llc,
        Undecoded::Eapol,
        Undecoded::Macsec,
        Undecoded::Mpls,
        Undecoded::Pppoe,
        Undecoded::Ppp,
        Undecoded::FrameRelay,
        Undecoded::Wlan,
        Undecoded::WlanProtected,
        Undecoded::WlanFragment,
        Undecoded::WlanAggregate,
        Undecoded::LinkHeader,
        Undecoded::TunnelDepth,
        Undecoded::VlanDepth,
        Undecoded::AddressFamily,
        Undecoded::IpVersion,
        Undecoded::IpHeader,
    ];

    /// How many reasons there are: the length of an array of counters.
    pub const COUNT: usize = Self::ALL.len();

    /// The place of this reason's counter, below [`Undecoded::COUNT`].
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The key in the capture record's `undecoded` map.
    pub fn as_str(self) -> &'static str {
        match self {
            Undecoded::Short => "short",
            Undecoded::LinkType => "link-type",
            Undecoded::EtherType => "ethertype",
            Undecoded::Arp => "arp",
            Undecoded::Lldp => "lldp",
            Undecoded::Stp => "stp",
            Undecoded::Llc => "llc",
            Undecoded::Eapol => "eapol",
            Undecoded::Macsec => "macsec",
            Undecoded::Mpls => "mpls",
            Undecoded::Pppoe => "pppoe",
            Undecoded::Ppp => "ppp",
            Undecoded::FrameRelay => "frame-relay",
            Undecoded::Wlan => "wlan",
            Undecoded::WlanProtected => "wlan-protected",
            Undecoded::WlanFragment => "wlan-fragment",
            Undecoded::WlanAggregate => "wlan-aggregate",
            Undecoded::LinkHeader => "link-header",
            Undecoded::TunnelDepth => "tunnel-depth",
            Undecoded::VlanDepth => "vlan-depth",
            Undecoded::AddressFamily => "address-family",
            Undecoded::IpVersion => "ip-version",
            Undecoded::IpHeader => "ip-header",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_its_own_place_and_its_own_word() {
        for (place, reason) in Undecoded::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), place);
        }
        let words: HashSet<_> = Undecoded::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(words.len(), Undecoded::COUNT);
    }
}
