//! Names of link types for people and records.

use crate::wire::link::LinkType;

/// The name of a link type: tcpdump.org's LINKTYPE_ name in lower case, or `linktype-N`.
pub fn link_name(link: LinkType) -> String {
    let name = match link.0 {
        0 => "null",
        1 => "ethernet",
        3 => "ax25",
        6 => "ieee802-5",
        7 => "arcnet-bsd",
        8 => "slip",
        9 => "ppp",
        10 => "fddi",
        50 => "ppp-hdlc",
        51 => "ppp-ether",
        100 => "atm-rfc1483",
        // 12 and 14 are what BSDs wrote before the number was agreed on.
        12 | 14 | 101 => "raw",
        104 => "c-hdlc",
        105 => "ieee802-11",
        107 => "frelay",
        108 => "loop",
        113 => "linux-sll",
        117 => "pflog",
        119 => "ieee802-11-prism",
        123 => "sunatm",
        127 => "ieee802-11-radiotap",
        129 => "arcnet-linux",
        163 => "ieee802-11-avs",
        187 => "bluetooth-hci-h4",
        189 => "usb-linux",
        192 => "ppi",
        195 => "ieee802-15-4",
        201 => "bluetooth-hci-h4-with-phdr",
        220 => "usb-linux-mmapped",
        227 => "can-socketcan",
        228 => "ipv4",
        229 => "ipv6",
        239 => "nflog",
        249 => "usbpcap",
        253 => "netlink",
        276 => "linux-sll2",
        number => return format!("linktype-{number}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_type_without_a_name_shows_its_number() {
        assert_eq!(link_name(LinkType(1)), "ethernet");
        assert_eq!(link_name(LinkType(276)), "linux-sll2");
        assert_eq!(link_name(LinkType(4711)), "linktype-4711");
    }
}
