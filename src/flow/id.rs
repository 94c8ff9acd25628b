//! Community ID v1 (seed 0): the name under which Zeek, Suricata and Arkime know the same flow.
//!
//! The digest runs over seed, lower end's address, higher end's address, protocol, a zero byte and, for
//! protocols with ports, both ports: a [`FlowKey`] is already in that order. ICMP messages stand in for ports with
//! their type and its counterpart (see [`icmp_ends`]).

use base64::Engine as _;
use sha1::{Digest, Sha1};

use super::key::{FlowKey, Side};
use crate::wire::packet::{Family, protocol};

const SEED: u16 = 0;

/// The id as records show it, `1:` and 28 characters.
///
/// `sender` is who sent the first packet: a one-way ICMP message is digested from its sender on, all else from the lower end on.
pub fn community_id(key: &FlowKey, sender: Side) -> String {
    let first = if is_one_way(key, sender) { sender } else { Side::Lo };
    let (addresses, ports) = match first {
        Side::Lo => ([key.lo, key.hi], [key.lo_port, key.hi_port]),
        Side::Hi => ([key.hi, key.lo], [key.hi_port, key.lo_port]),
    };
    let mut digest = Sha1::new();
    digest.update(SEED.to_be_bytes());
    for address in addresses {
        match key.family {
            Family::V4 => digest.update((address as u32).to_be_bytes()),
            Family::V6 => digest.update(address.to_be_bytes()),
        }
    }
    digest.update([key.protocol, 0]);
    if key.ported || is_icmp(key) {
        for port in ports {
            digest.update(port.to_be_bytes());
        }
    }
    let mut id = String::with_capacity(30);
    id.push_str("1:");
    base64::engine::general_purpose::STANDARD.encode_string(digest.finalize(), &mut id);
    id
}

fn is_icmp(key: &FlowKey) -> bool {
    matches!(key.protocol, protocol::ICMP | protocol::ICMPV6)
}

fn is_one_way(key: &FlowKey, sender: Side) -> bool {
    let (kind, code) = (key.port(sender), key.port(sender.other()));
    is_icmp(key) && !icmp_ends(key.family, kind as u8, code as u8).2
}

/// What stands in for an ICMP message's ports: (of its sender, of its receiver, whether the two directions are one flow).
///
/// A request has its answer's type as counterpart; any other message has its code, and goes one way.
pub fn icmp_ends(family: Family, kind: u8, code: u8) -> (u16, u16, bool) {
    const PAIRS_V4: [(u8, u8); 5] = [(8, 0), (13, 14), (15, 16), (17, 18), (10, 9)];
    const PAIRS_V6: [(u8, u8); 5] = [(128, 129), (133, 134), (135, 136), (130, 131), (144, 145)];
    let pairs = match family {
        Family::V4 => &PAIRS_V4,
        Family::V6 => &PAIRS_V6,
    };
    for &(request, answer) in pairs {
        if kind == request {
            return (u16::from(request), u16::from(answer), true);
        }
        if kind == answer {
            return (u16::from(answer), u16::from(request), true);
        }
    }
    (u16::from(kind), u16::from(code), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::address_bits;

    fn id(source: &str, destination: &str, protocol: u8, ports: Option<(u16, u16)>) -> String {
        let (family, from) = address_bits(source.parse().unwrap());
        let (_, to) = address_bits(destination.parse().unwrap());
        let (a, b) = ports.unwrap_or_default();
        let (key, sender) = FlowKey::of(family, protocol, 0, (from, a), (to, b), ports.is_some());
        community_id(&key, sender)
    }

    /// Values published with the Community ID specification.
    #[test]
    fn the_published_values_come_out() {
        assert_eq!(
            id("128.232.110.120", "66.35.250.204", 6, Some((34855, 80))),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id("66.35.250.204", "128.232.110.120", 6, Some((80, 34855))),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id("192.168.1.52", "8.8.8.8", 17, Some((54585, 53))),
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
        );
    }

    #[test]
    fn an_echo_and_its_answer_are_one_flow() {
        assert_eq!(icmp_ends(Family::V4, 8, 0), (8, 0, true));
        assert_eq!(icmp_ends(Family::V4, 0, 0), (0, 8, true));
        assert_eq!(icmp_ends(Family::V4, 3, 13), (3, 13, false));
    }
}
