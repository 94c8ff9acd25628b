//! What kind of frames an interface gives, as the file says.

use std::borrow::Cow;

/// A link type's LINKTYPE_ number (tcpdump.org "Link-layer header types").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LinkType(pub u16);

impl LinkType {
    pub const NULL: LinkType = LinkType(0);
    pub const ETHERNET: LinkType = LinkType(1);
    /// DLT_RAW of most systems, found in files whose writer did not map it to 101.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// DLT_RAW of OpenBSD, likewise.
    pub const RAW_OPENBSD: LinkType = LinkType(14);
    pub const RAW: LinkType = LinkType(101);
    pub const SLIP: LinkType = LinkType(8);
    pub const PPP: LinkType = LinkType(9);
    pub const PPP_HDLC: LinkType = LinkType(50);
    pub const PPP_ETHER: LinkType = LinkType(51);
    pub const CISCO_HDLC: LinkType = LinkType(104);
    pub const WLAN: LinkType = LinkType(105);
    pub const FRAME_RELAY: LinkType = LinkType(107);
    pub const LOOP: LinkType = LinkType(108);
    pub const LINUX_SLL: LinkType = LinkType(113);
    pub const WLAN_PRISM: LinkType = LinkType(119);
    pub const WLAN_RADIOTAP: LinkType = LinkType(127);
    pub const WLAN_AVS: LinkType = LinkType(163);
    pub const PPI: LinkType = LinkType(192);
    pub const PPP_WITH_DIRECTION: LinkType = LinkType(204);
    pub const IPV4: LinkType = LinkType(228);
    pub const IPV6: LinkType = LinkType(229);
    pub const NFLOG: LinkType = LinkType(239);
    pub const PKTAP: LinkType = LinkType(258);
    pub const LINUX_SLL2: LinkType = LinkType(276);

    /// Whether [`peel`](super::link::peel) knows this link type; frames of others are counted as `link-type`.
    pub fn is_decoded(self) -> bool {
        matches!(
            self,
            LinkType::NULL
                | LinkType::ETHERNET
                | LinkType::RAW_BSD
                | LinkType::RAW_OPENBSD
                | LinkType::RAW
                | LinkType::LOOP
                | LinkType::LINUX_SLL
                | LinkType::IPV4
                | LinkType::IPV6
                | LinkType::LINUX_SLL2
                | LinkType::SLIP
                | LinkType::PPP
                | LinkType::PPP_HDLC
                | LinkType::PPP_ETHER
                | LinkType::PPP_WITH_DIRECTION
                | LinkType::CISCO_HDLC
                | LinkType::FRAME_RELAY
                | LinkType::WLAN
                | LinkType::WLAN_PRISM
                | LinkType::WLAN_RADIOTAP
                | LinkType::WLAN_AVS
                | LinkType::PPI
                | LinkType::NFLOG
                | LinkType::PKTAP
        )
    }

    /// The name in records and warnings: tcpdump.org's LINKTYPE_ name in lower case, or `linktype-N`.
    pub fn name(self) -> Cow<'static, str> {
        let name = match self.0 {
            0 => "null",
            1 => "ethernet",
            3 => "ax25",
            6 => "ieee802-5",
            8 => "slip",
            9 => "ppp",
            10 => "fddi",
            12 | 14 | 101 => "raw",
            50 => "ppp-hdlc",
            51 => "ppp-ether",
            100 => "atm-rfc1483",
            104 => "c-hdlc",
            105 => "ieee802-11",
            107 => "frelay",
            108 => "loop",
            113 => "linux-sll",
            114 => "ltalk",
            117 => "pflog",
            119 => "ieee802-11-prism",
            122 => "ip-over-fc",
            123 => "sunatm",
            127 => "ieee802-11-radiotap",
            129 => "arcnet-linux",
            163 => "ieee802-11-avs",
            187 => "bluetooth-hci-h4",
            189 => "usb-linux",
            192 => "ppi",
            195 => "ieee802-15-4",
            197 => "erf",
            201 => "bluetooth-hci-h4-with-phdr",
            204 => "ppp-with-dir",
            220 => "usb-linux-mmapped",
            227 => "can-socketcan",
            228 => "ipv4",
            229 => "ipv6",
            239 => "nflog",
            249 => "usbpcap",
            253 => "netlink",
            258 => "pktap",
            276 => "linux-sll2",
            number => return Cow::Owned(format!("linktype-{number}")),
        };
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_type_without_a_name_shows_its_number() {
        assert_eq!(LinkType(1).name(), "ethernet");
        assert_eq!(LinkType(276).name(), "linux-sll2");
        assert_eq!(LinkType(4711).name(), "linktype-4711");
    }
}
