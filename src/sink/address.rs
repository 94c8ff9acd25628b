//! Addresses in their shortest form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::text::Short;

/// As the standard library writes it, without the formatting machinery: an address stands twice in every record.
#[inline]
pub fn address(ip: IpAddr) -> Short {
    let mut text = Short::new();
    match ip {
        IpAddr::V4(ip) => push_v4(&mut text, ip),
        IpAddr::V6(ip) => push_v6(&mut text, ip),
    }
    text
}

/// An octet in four bytes, and how many of them are not used.
type Octet = ([u8; 4], u8);

/// Every octet with a dot behind it. Of random addresses a branch on the number of digits would be guessed wrong all the time.
const OCTETS: [Octet; 256] = {
    let mut octets = [([0; 4], 0); 256];
    let mut number = 0;
    while number < octets.len() {
        octets[number] = octet(number as u8);
        number += 1;
    }
    octets
};

const fn octet(number: u8) -> Octet {
    let [a, b, c] = [b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10];
    match number {
        0..10 => ([c, b'.', 0, 0], 2),
        10..100 => ([b, c, b'.', 0], 1),
        _ => ([a, b, c, b'.'], 0),
    }
}

#[inline]
fn push_v4(text: &mut Short, ip: Ipv4Addr) {
    for octet in ip.octets() {
        if let Some((digits, unused)) = OCTETS.get(usize::from(octet)) {
            text.push(*digits);
            text.drop_last(usize::from(*unused));
        }
    }
    text.drop_last(1);
}

/// RFC 5952, section 4: lower case, no leading zeros, the longest run of zero groups (the first of equals, never a single
/// group) as `::`; section 5: an IPv4-mapped address ends in dots.
fn push_v6(text: &mut Short, ip: Ipv6Addr) {
    if let Some(v4) = ip.to_ipv4_mapped() {
        text.push(*b"::ffff:");
        return push_v4(text, v4);
    }
    let groups = ip.segments();
    let zeros = longest_zeros(groups);
    for (place, group) in groups.into_iter().enumerate() {
        if zeros.contains(&place) {
            if place == zeros.start {
                text.push(*b"::");
            }
            continue;
        }
        if place > 0 && place != zeros.end {
            text.push(*b":");
        }
        push_group(text, group);
    }
}

/// The run of groups that `::` stands for; behind the last where there is none.
fn longest_zeros(groups: [u16; 8]) -> Range<usize> {
    const NONE: Range<usize> = 8..8;
    let (mut longest, mut run) = (NONE, 0..0);
    for (place, group) in groups.into_iter().enumerate() {
        if group != 0 {
            run = place + 1..place + 1;
            continue;
        }
        run.end = place + 1;
        if run.len() > longest.len() {
            longest = run.clone();
        }
    }
    if longest.len() < 2 { NONE } else { longest }
}

#[inline]
fn push_group(text: &mut Short, group: u16) {
    let digit = |shift: u16| {
        let value = (group >> shift & 0xf) as u8;
        value + if value < 10 { b'0' } else { b'a' - 10 }
    };
    let [a, b, c, d] = [digit(12), digit(8), digit(4), digit(0)];
    match group {
        0..0x10 => text.push([d]),
        0x10..0x100 => text.push([c, d]),
        0x100..0x1000 => text.push([b, c, d]),
        _ => text.push([a, b, c, d]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_as_short_as_the_standard_library_writes_them() {
        for ip in [
            "0.0.0.0",
            "198.19.0.10",
            "255.255.255.255",
            "::1",
            "2001:db8::1:0:0:1",
            "::ffff:192.0.2.255",
            "1111:2222:3333:4444:5555:6666:7777:8888",
            "::",
            "1::",
            "::1:0:0:0:1",
            "1:0:2:3:4:5:6:7",
            "1:0:0:2::3",
            "a0:b00:c000:d:e:f:1:0",
            "::192:2",
        ] {
            assert_eq!(address(ip.parse().unwrap()).as_str(), ip);
        }
        for octet in 0..=255 {
            let ip = Ipv4Addr::new(octet, 0, 255 - octet, octet);
            assert_eq!(address(ip.into()).as_str(), ip.to_string());
        }
    }

    proptest! {
        #[test]
        fn any_address_is_written_as_the_standard_library_does(groups in proptest::array::uniform8(0u16..4), bits in any::<u128>()) {
            for ip in [Ipv6Addr::from(sparse(groups)), Ipv6Addr::from_bits(bits)] {
                prop_assert_eq!(address(ip.into()).as_str().to_owned(), ip.to_string());
            }
            let ip = Ipv4Addr::from_bits(bits as u32);
            prop_assert_eq!(address(ip.into()).as_str().to_owned(), ip.to_string());
        }
    }

    /// Groups of every length, many of them 0.
    fn sparse(groups: [u16; 8]) -> [u16; 8] {
        groups.map(|group| [0, 0, 0xffff, 0xab][usize::from(group)] >> group)
    }
}
