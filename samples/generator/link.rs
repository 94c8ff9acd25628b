//! Link headers: from a packet to the frame that a capture shows.

use std::net::IpAddr;

use super::bytes::Out;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    Raw,
    Null,
    Loop,
    Sll,
    Sll2,
    /// A link type (USER0) that means nothing to anyone else.
    User,
}

impl Link {
    pub fn of_word(word: &str) -> Option<Link> {
        Some(match word {
            "ethernet" => Link::Ethernet,
            "raw" => Link::Raw,
            "null" => Link::Null,
            "loop" => Link::Loop,
            "sll" => Link::Sll,
            "sll2" => Link::Sll2,
            "user0" => Link::User,
            _ => return None,
        })
    }

    /// The LINKTYPE_ number.
    pub fn number(self) -> u16 {
        match self {
            Link::Null => 0,
            Link::Ethernet => 1,
            Link::Raw => 101,
            Link::Loop => 108,
            Link::Sll => 113,
            Link::User => 147,
            Link::Sll2 => 276,
        }
    }
}

/// What goes on the link: an IP packet, or the body of another protocol.
#[derive(Clone)]
pub struct Load {
    pub ethertype: u16,
    pub source: Mac,
    pub destination: Mac,
    /// Sent by the host that captures.
    pub outgoing: bool,
    pub vlans: Vec<u16>,
    /// Frames shorter than Ethernet's 60 bytes are filled up, with bytes that are not 0.
    pub padded: bool,
    pub packet: Vec<u8>,
}

pub type Mac = [u8; 6];

pub const BROADCAST: Mac = [0xff; 6];
const IPV6: u16 = 0x86dd;
const VLAN_TAG: u16 = 0x8100;
const SERVICE_TAG: u16 = 0x88a8;

/// Hosts of the office have an address of their own; everybody else is behind the gateway.
pub fn mac_of(address: IpAddr) -> Mac {
    match address {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V4(v4) if v4.octets()[..2] == [198, 19] => {
            let [a, b, c, d] = v4.octets();
            [0x02, 0x00, a, b, c, d]
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            [0x33, 0x33, a, b, c, d]
        }
        IpAddr::V6(v6) if v6.segments()[..3] == [0x2001, 0xdb8, 0x19] => {
            let [.., a, b] = v6.octets();
            [0x02, 0x00, 198, 19, a, b]
        }
        _ => [0x02, 0x00, 0x00, 0x00, 0x00, 0x01],
    }
}

impl Load {
    /// The frame, as a file of the given byte order holds it (NULL writes its family as the capturing host would).
    pub fn frame(&self, link: Link, big_endian: bool) -> Vec<u8> {
        let mut out = Out::default();
        match link {
            Link::Ethernet => {
                out.bytes(&self.destination).bytes(&self.source);
                for (index, vlan) in self.vlans.iter().enumerate() {
                    let is_last = index + 1 == self.vlans.len();
                    out.u16(if is_last { VLAN_TAG } else { SERVICE_TAG }).u16(*vlan);
                }
                out.u16(self.ethertype);
            }
            Link::Raw => {}
            Link::Null | Link::Loop => {
                let family: u32 = if self.ethertype == IPV6 { 30 } else { 2 };
                match link == Link::Loop || big_endian {
                    true => out.u32(family),
                    false => out.bytes(&family.to_le_bytes()),
                };
            }
            Link::Sll => {
                out.u16(self.packet_type().into()).u16(1).u16(6);
                out.bytes(&self.source).u16(0).u16(self.ethertype);
            }
            Link::Sll2 => {
                out.u16(self.ethertype).u16(0).u32(2).u16(1);
                out.u8(self.packet_type()).u8(6).bytes(&self.source).u16(0);
            }
            Link::User => {
                out.bytes(b"not a packet: ");
            }
        }
        out.bytes(&self.packet);
        if link == Link::Ethernet && self.padded {
            while out.0.len() < 60 {
                out.bytes(b"\xee");
            }
        }
        out.0
    }

    /// SLL's own word for the direction: to us, or sent by us.
    fn packet_type(&self) -> u8 {
        if self.outgoing { 4 } else { 0 }
    }
}
