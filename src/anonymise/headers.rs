//! IP and transport headers in place: other addresses, no options that tell more, right checksums.

use super::Substitutes;
use super::checksum::{folded, sum};
use crate::wire::packet::protocol;

pub const UDP_HEADER: usize = 8;
pub const TCP_HEADER: usize = 20;
pub const ICMP_HEADER: usize = 8;
pub const SCTP_HEADER: usize = 12;
const EXTENSIONS_MAX: usize = 8;

/// An IP header that was rewritten.
#[derive(Debug, Clone, Copy)]
pub struct Ip {
    pub at: usize,
    pub is_v6: bool,
    /// Where its payload begins, and where it ends as the header has it.
    pub end: usize,
    pub claim: usize,
    pub protocol: u8,
    /// The first piece of a datagram, or another one.
    pub piece: Option<bool>,
}

/// Rewrites the IP header at `at`; none if it is not all there.
pub fn ip(bytes: &mut [u8], at: usize, substitutes: &Substitutes) -> Option<Ip> {
    match bytes.get(at)? >> 4 {
        4 => v4(bytes, at, substitutes),
        6 => v6(bytes, at, substitutes),
        _ => None,
    }
}

fn v4(bytes: &mut [u8], at: usize, substitutes: &Substitutes) -> Option<Ip> {
    const LENGTH: usize = 20;
    const NO_OPERATION: u8 = 1;
    let all = bytes.len();
    let fixed = *bytes.get(at..)?.first_chunk::<LENGTH>()?;
    let [version, _, l0, l1, _, _, f0, f1, _, protocol, ..] = fixed;
    let header = usize::from(version & 0x0f) * 4;
    // Routes and times that routers wrote have addresses in them.
    let bytes = bytes.get_mut(at..at + header)?;
    // A length that is wrong would show what stands behind the header as the next one.
    if header > LENGTH && folded(sum(0, bytes)) != 0 {
        return None;
    }
    bytes.get_mut(LENGTH..)?.fill(NO_OPERATION);
    for place in [12, 16] {
        let slots = bytes.get_mut(place..)?.first_chunk_mut::<4>()?;
        *slots = substitutes.addresses.v4(u32::from_be_bytes(*slots)).to_be_bytes();
    }
    *bytes.get_mut(10..)?.first_chunk_mut()? = [0, 0];
    let right = folded(sum(0, bytes));
    *bytes.get_mut(10..)?.first_chunk_mut()? = right.to_be_bytes();
    let place = u16::from_be_bytes([f0, f1]);
    let claim = match u16::from_be_bytes([l0, l1]) {
        0 => all,
        total => at + usize::from(total),
    };
    Some(Ip {
        at,
        is_v6: false,
        end: at + header,
        claim,
        protocol,
        piece: (place & 0x3fff != 0).then_some(place & 0x1fff == 0),
    })
}

fn v6(bytes: &mut [u8], at: usize, substitutes: &Substitutes) -> Option<Ip> {
    const LENGTH: usize = 40;
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const OPTIONS: u8 = 60;
    let all = bytes.len();
    let header = bytes.get_mut(at..at + LENGTH)?;
    for place in [8, 24] {
        let slots = header.get_mut(place..)?.first_chunk_mut::<16>()?;
        *slots = substitutes.addresses.v6(u128::from_be_bytes(*slots)).to_be_bytes();
    }
    let claim = match u16::from_be_bytes(*header.get(4..)?.first_chunk()?) {
        0 => all,
        payload => at + LENGTH + usize::from(payload),
    };
    let mut ip = Ip {
        at,
        is_v6: true,
        end: at + LENGTH,
        claim,
        protocol: *header.get(6)?,
        piece: None,
    };
    for _ in 0..EXTENSIONS_MAX {
        let here = ip.end;
        let units = |bytes: &[u8]| bytes.get(here + 1).map(|units| usize::from(*units));
        let length = match ip.protocol {
            HOP_BY_HOP | ROUTING | OPTIONS => 8 + 8 * units(bytes)?,
            AUTHENTICATION => 8 + 4 * units(bytes)?,
            FRAGMENT => 8,
            _ => break,
        };
        let header = bytes.get_mut(here..here + length)?;
        let (next, place) = (*header.first()?, u16::from_be_bytes([*header.get(2)?, *header.get(3)?]));
        match ip.protocol {
            FRAGMENT if place & 0xfff9 != 0 => ip.piece = Some(place & 0xfff8 == 0),
            FRAGMENT => {}
            // Segments to pass are addresses; the kind and how many are left stay.
            ROUTING => header.get_mut(4..)?.fill(0),
            AUTHENTICATION => header.get_mut(12..)?.fill(0),
            _ => {
                // RFC 8200 4.2, PadN: so many bytes of nothing, at most 255 an option.
                header.get_mut(2..)?.fill(0);
                if let (Some(slots), Ok(many)) = (header.get_mut(2..4), u8::try_from(length - 4)) {
                    slots.copy_from_slice(&[1, many]);
                }
            }
        }
        (ip.end, ip.protocol) = (here + length, next);
        if ip.piece.is_some() {
            break;
        }
    }
    Some(ip)
}

/// Where TCP's payload begins; its options that tell more than how it speaks become nothing. None if it is cut.
pub fn tcp(bytes: &mut [u8], at: usize) -> Option<usize> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    /// Segment size, scale, selective acknowledgments, timestamps, and how long they are.
    const KEPT: [(u8, usize); 8] = [(2, 4), (3, 3), (4, 2), (5, 10), (5, 18), (5, 26), (5, 34), (8, 10)];
    let length = usize::from(bytes.get(at + 12)? >> 4) * 4;
    let options = bytes.get_mut(at + TCP_HEADER..at + length)?;
    let mut here = 0;
    while let Some(kind) = options.get(here).copied() {
        let long = match (kind, options.get(here + 1)) {
            (NO_OPERATION, _) => 1,
            (END, _) => options.len() - here,
            (_, Some(long)) if *long >= 2 && here + usize::from(*long) <= options.len() => usize::from(*long),
            _ => options.len() - here,
        };
        let option = options.get_mut(here..here + long)?;
        match kind {
            END => option.fill(END),
            _ if option.get(1) == Some(&(long as u8)) && KEPT.contains(&(kind, long)) => {}
            _ => option.fill(NO_OPERATION),
        }
        here += long;
    }
    Some(at + length)
}

/// Writes the checksum of what `ip` carries, if all of it is there, up to `kept`; else none.
pub fn transport_checksum(bytes: &mut [u8], ip: &Ip, kept: usize) -> Option<()> {
    if ip.piece.is_some() {
        return None;
    }
    let field = ip.end
        + match ip.protocol {
            protocol::TCP => 16,
            protocol::UDP => 6,
            protocol::ICMP | protocol::ICMPV6 => 2,
            // Its checksum is of another kind.
            protocol::SCTP => {
                bytes.get_mut(ip.end + 8..ip.end + 12)?.fill(0);
                return None;
            }
            _ => return None,
        };
    let was = std::mem::take(bytes.get_mut(field..)?.first_chunk_mut::<2>()?);
    let mut to = ip.claim;
    if ip.protocol == protocol::UDP {
        if was == [0, 0] {
            // None was sent.
            return None;
        }
        let length = usize::from(u16::from_be_bytes(*bytes.get(ip.end + 4..)?.first_chunk()?));
        if length >= UDP_HEADER {
            to = to.min(ip.end + length);
        }
    }
    if kept < to {
        return None;
    }
    let carried = bytes.get(ip.end..to)?;
    let mut total = match (ip.protocol, ip.is_v6) {
        (protocol::ICMP, false) => 0,
        (_, false) => sum(0, bytes.get(ip.at + 12..ip.at + 20)?),
        (_, true) => sum(0, bytes.get(ip.at + 8..ip.at + 40)?),
    };
    if ip.protocol != protocol::ICMP {
        total += carried.len() as u64 + u64::from(ip.protocol);
    }
    let right = match folded(sum(total, carried)) {
        // RFC 768: nought means none.
        0 if ip.protocol == protocol::UDP => 0xffff,
        right => right,
    };
    *bytes.get_mut(field..)?.first_chunk_mut()? = right.to_be_bytes();
    Some(())
}
