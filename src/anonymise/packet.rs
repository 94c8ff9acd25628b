//! One frame after the other: where its headers stand the decoder tells, what of its payload may stay is decided here.

use super::fronts::{Fronts, Segment};
use super::headers::{self, ICMP_HEADER, Ip, SCTP_HEADER, TCP_HEADER, UDP_HEADER};
use super::{Substitutes, dns, flight};
use crate::wire::decode::{Place, places};
use crate::wire::icmp;
use crate::wire::link::LinkType;
use crate::wire::packet::{Family, PacketView, TcpFlags, Transport, protocol};

const ETHERNET_HEADER: usize = 14;
/// Between two headers with addresses stand tags, labels and the headers of tunnels: more is something else.
const BETWEEN_AT_MOST: usize = 40;
/// Of what a quoted packet or a first piece carries: its ports.
const PORTS: usize = 8;
const DNS: u16 = 53;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;
/// Its headers have addresses in odd places.
const TEREDO: u16 = 3544;

/// A frame as it was captured.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    pub link: LinkType,
    pub bytes: &'a [u8],
    pub wire: u32,
    /// Its place in the input.
    pub at: u64,
}

/// Rewrites frames, in the order of their capture. Those to come are noted ahead, as far as there is room.
pub struct Rewriter<'s> {
    substitutes: &'s Substitutes,
    pub fronts: Fronts,
}

impl<'s> Rewriter<'s> {
    pub fn new(substitutes: &'s Substitutes) -> Rewriter<'s> {
        Rewriter {
            substitutes,
            fronts: Fronts::default(),
        }
    }

    /// Notes a frame that is to be rewritten later.
    pub fn note(&mut self, frame: Captured<'_>) {
        if let Ok((view, _)) = places(frame.link, frame.bytes, frame.wire)
            && let Some(segment) = segment(&view, frame.at)
            && (segment.opens || !segment.payload.is_empty())
        {
            self.fronts.note(&segment);
        }
    }

    /// Puts into `out` what may be shown of a frame; false if nothing may.
    pub fn frame(&mut self, frame: Captured<'_>, out: &mut Vec<u8>) -> bool {
        out.clear();
        out.extend_from_slice(frame.bytes);
        match self.rewrite(frame, out) {
            Some(kept) => {
                out.truncate(kept);
                true
            }
            None => {
                out.clear();
                false
            }
        }
    }

    fn rewrite(&mut self, frame: Captured<'_>, out: &mut [u8]) -> Option<usize> {
        let link = frame.link;
        let (view, places) = places(link, frame.bytes, frame.wire).ok()?;
        self.link_header(link, out)?;
        let mut ips: Vec<Ip> = Vec::new();
        let mut end = 0;
        for place in places.as_slice() {
            let at = match *place {
                Place::Ethernet(at) | Place::Ip(at) => at,
            };
            if at.checked_sub(end)? > BETWEEN_AT_MOST {
                return None;
            }
            match *place {
                Place::Ethernet(at) => {
                    self.ethernet(out, at)?;
                    end = at + ETHERNET_HEADER;
                }
                Place::Ip(at) => {
                    let ip = headers::ip(out, at, self.substitutes)?;
                    end = ip.end;
                    ips.push(ip);
                }
            }
        }
        let (inner, around) = ips.split_last()?;
        if around.iter().any(|ip| is_teredo(out, ip)) {
            return None;
        }
        let kept = self.payload(out, inner, &view, frame.at)?.min(out.len());
        let out = out.get_mut(..kept)?;
        for ip in ips.iter().rev() {
            let _ = headers::transport_checksum(out, ip, kept);
        }
        Some(kept)
    }

    /// Of link headers those that are known to have nothing else in them.
    fn link_header(&self, link: LinkType, out: &mut [u8]) -> Option<()> {
        match link {
            LinkType::ETHERNET
            | LinkType::NULL
            | LinkType::LOOP
            | LinkType::RAW
            | LinkType::RAW_BSD
            | LinkType::RAW_OPENBSD
            | LinkType::IPV4
            | LinkType::IPV6 => Some(()),
            // The sender's address, in a field of eight bytes.
            LinkType::LINUX_SLL => self.cooked(out, 6),
            LinkType::LINUX_SLL2 => self.cooked(out, 12),
            _ => None,
        }
    }

    fn cooked(&self, out: &mut [u8], at: usize) -> Option<()> {
        let address = out.get_mut(at..at + 8)?;
        let (address, rest) = address.split_first_chunk_mut::<6>()?;
        *address = self.substitutes.addresses.hardware(*address);
        rest.fill(0);
        Some(())
    }

    fn ethernet(&self, out: &mut [u8], at: usize) -> Option<()> {
        for at in [at, at + 6] {
            let address = out.get_mut(at..)?.first_chunk_mut::<6>()?;
            *address = self.substitutes.addresses.hardware(*address);
        }
        Some(())
    }

    /// Rewrites what stands behind the innermost IP header; says up to where it may stay.
    fn payload(&mut self, out: &mut [u8], ip: &Ip, view: &PacketView<'_>, place: u64) -> Option<usize> {
        let claim = ip.claim.min(out.len());
        match ip.piece {
            Some(true) => return Some(claim.min(ip.end + PORTS)),
            Some(false) => return Some(claim.min(ip.end)),
            None => {}
        }
        if ip.protocol != view.protocol {
            return Some(ip.end);
        }
        let end = match view.transport {
            Transport::Tcp { .. } => return Some(self.tcp(out, ip, view, place)?.min(claim)),
            Transport::Udp { source, destination } => {
                let at = ip.end + UDP_HEADER;
                let is_dns = [DNS, MDNS, LLMNR]
                    .iter()
                    .any(|port| [source, destination].contains(port));
                match out.get_mut(at..at + view.payload.len()) {
                    Some(message) if is_dns => {
                        dns::rewrite(message, self.substitutes);
                        at + message.len()
                    }
                    _ => at,
                }
            }
            Transport::Icmp { kind, code } => self.icmp(out, ip, view.family, (kind, code)),
            Transport::Sctp { .. } => ip.end + SCTP_HEADER,
            Transport::None => ip.end,
        };
        Some(end.min(claim))
    }

    /// A quoted packet is a packet: its headers stay, as far as its ports.
    fn icmp(&self, out: &mut [u8], ip: &Ip, family: Family, (kind, _): (u8, u8)) -> usize {
        const REDIRECT: u8 = 5;
        let behind = ip.end + ICMP_HEADER;
        if family == Family::V4
            && kind == REDIRECT
            && let Some(gateway) = out.get_mut(ip.end + 4..).and_then(<[u8]>::first_chunk_mut::<4>)
        {
            *gateway = self
                .substitutes
                .addresses
                .v4(u32::from_be_bytes(*gateway))
                .to_be_bytes();
        }
        if !icmp::is_error(family, kind) {
            return behind;
        }
        match headers::ip(out, behind, self.substitutes) {
            None => behind,
            Some(quoted) => match quoted.protocol {
                protocol::TCP | protocol::UDP | protocol::SCTP if quoted.piece != Some(false) => quoted.end + PORTS,
                _ => quoted.end,
            },
        }
    }

    /// The header, and of the payload what TLS says in the clear of how it speaks.
    fn tcp(&mut self, out: &mut [u8], ip: &Ip, view: &PacketView<'_>, place: u64) -> Option<usize> {
        let segment = segment(view, place)?;
        let Some(at) = headers::tcp(out, ip.end) else {
            return Some(ip.end + TCP_HEADER.min(PORTS));
        };
        let payload = segment.payload;
        if payload.is_empty() {
            return Some(at);
        }
        let room = out.get_mut(at..at + payload.len())?;
        let kept = self.fronts.apply(&segment, room, self.substitutes);
        Some(at + kept.unwrap_or_else(|| flight::harmless(payload)))
    }
}

/// What of a packet is TCP's.
fn segment<'a>(view: &PacketView<'a>, at: u64) -> Option<Segment<'a>> {
    let Transport::Tcp {
        source,
        destination,
        fields,
    } = view.transport
    else {
        return None;
    };
    let opens = fields.flags.has(TcpFlags::SYN);
    Some(Segment {
        direction: (view.source, view.destination, source, destination, view.tunnel),
        sequence: fields.sequence.wrapping_add(u32::from(opens)),
        opens,
        payload: view.payload,
        at,
    })
}

fn is_teredo(out: &[u8], ip: &Ip) -> bool {
    let port = |at: usize| {
        out.get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .map(u16::from_be_bytes)
    };
    ip.protocol == protocol::UDP && [port(ip.end), port(ip.end + 2)].contains(&Some(TEREDO))
}
