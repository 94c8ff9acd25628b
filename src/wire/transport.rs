//! The transport header: ports, the TCP fields that a flow's state depends on, and where the payload starts.
//!
//! ```text
//! TCP   0 source  2 destination  4 sequence  8 acknowledgment  12 data offset (in 4 bytes)  13 flags   (RFC 9293 3.1)
//! UDP   0 source  2 destination  4 length (with this header)  6 checksum                            (RFC 768)
//! SCTP  0 source  2 destination  4 verification tag  8 checksum                               (RFC 9260 3.1)
//! ICMP  0 type    1 code         2 checksum  4 by type                                (RFC 792, RFC 4443 2.1)
//! ```
//!
//! The snaplen may cut a header. A flow's identity is in its first four bytes, so with those the
//! transport is given, with an empty payload. `cut` then counts the payload's bytes alone, so that
//! sequence numbers still add up; where the cut took TCP's fields as well they are all 0, and `cut`
//! counts from where the capture ends, so it is not 0. With fewer than four bytes there is no
//! transport.

use super::cursor::Cursor;
use super::packet::{TcpFields, TcpFlags, Transport, protocol};

pub(super) const TCP_LENGTH: usize = 20;
pub(super) const UDP_LENGTH: usize = 8;
const SCTP_LENGTH: usize = 12;
pub(super) const ICMP_LENGTH: usize = 8;

/// Parses the header of `protocol` at the front of an IP payload of which `cut` more bytes were on the wire. Gives the
/// transport, the captured bytes above it, and how many of those are missing.
pub fn parse(protocol: u8, payload: &[u8], cut: u32) -> (Transport, &[u8], u32) {
    let parsed = match protocol {
        protocol::TCP => tcp(payload, cut),
        protocol::UDP => udp(payload, cut),
        protocol::ICMP | protocol::ICMPV6 => icmp(payload, cut),
        protocol::SCTP => sctp(payload, cut),
        _ => None,
    };
    parsed.unwrap_or((Transport::None, payload, cut))
}

/// The ports at the front of a payload of `protocol`, if it has them.
pub fn ports(protocol: u8, payload: &[u8]) -> Option<(u16, u16)> {
    let mut header = Cursor::new(payload);
    match protocol {
        protocol::TCP | protocol::UDP | protocol::SCTP => Some((header.u16()?, header.u16()?)),
        _ => None,
    }
}

type Parsed<'a> = Option<(Transport, &'a [u8], u32)>;

fn tcp(payload: &[u8], cut: u32) -> Parsed<'_> {
    let (source, destination) = ports(protocol::TCP, payload)?;
    let (fields, above, cut) = match tcp_fields(payload) {
        None => (TcpFields::default(), &[][..], cut),
        // RFC 9293 3.1: the data offset is where the data begins; inside the header itself it is none.
        Some((fields, offset)) if offset < TCP_LENGTH => (fields, &[][..], 0),
        Some((fields, offset)) => {
            let (above, cut) = above(payload, cut, offset);
            (fields, above, cut)
        }
    };
    let transport = Transport::Tcp {
        source,
        destination,
        fields,
    };
    Some((transport, above, cut))
}

/// The fields, and the data offset in bytes.
fn tcp_fields(header: &[u8]) -> Option<(TcpFields, usize)> {
    let mut c = Cursor::new(header);
    c.u32()?;
    let sequence = c.u32()?;
    let acknowledgment = c.u32()?;
    let offset = usize::from(c.u8()? >> 4) * 4;
    let flags = TcpFlags(c.u8()?);
    Some((
        TcpFields {
            sequence,
            acknowledgment,
            flags,
        },
        offset,
    ))
}

fn udp(payload: &[u8], cut: u32) -> Parsed<'_> {
    let (source, destination) = ports(protocol::UDP, payload)?;
    let transport = Transport::Udp { source, destination };
    let (mut above, mut cut) = above(payload, cut, UDP_LENGTH);
    let mut header = Cursor::new(payload);
    header.u32()?;
    // RFC 2675 4: a length of 0 is a jumbogram's. Any other below 8 or beyond the IP payload is a lie, or TSO's.
    let length = usize::from(header.u16().unwrap_or(0));
    if let Some(data) = length.checked_sub(UDP_LENGTH)
        && data < above.len() + cut as usize
    {
        let captured = data.min(above.len());
        above = Cursor::new(above).take(captured).unwrap_or(above);
        cut = (data - captured) as u32;
    }
    Some((transport, above, cut))
}

fn sctp(payload: &[u8], cut: u32) -> Parsed<'_> {
    let (source, destination) = ports(protocol::SCTP, payload)?;
    let transport = Transport::Sctp { source, destination };
    let (above, cut) = above(payload, cut, SCTP_LENGTH);
    Some((transport, above, cut))
}

fn icmp(payload: &[u8], cut: u32) -> Parsed<'_> {
    let mut c = Cursor::new(payload);
    let transport = Transport::Icmp {
        kind: c.u8()?,
        code: c.u8()?,
    };
    let (above, cut) = above(payload, cut, ICMP_LENGTH);
    Some((transport, above, cut))
}

/// What lies above a header of `length` bytes. A header that goes beyond the captured bytes leaves nothing, and of the
/// missing bytes only those count that are not its own: none, where it goes beyond the packet itself.
fn above(payload: &[u8], cut: u32, length: usize) -> (&[u8], u32) {
    let mut c = Cursor::new(payload);
    match c.take(length) {
        Some(_) => (c.rest(), cut),
        None => {
            let header_missing = (length - payload.len()) as u32;
            (&[], cut.saturating_sub(header_missing))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN from curl on Linux: 40 bytes, all options, no data.
    const SYN: [u8; 40] = [
        0xc5, 0x52, 0x01, 0xbb, 0x2f, 0x8e, 0x10, 0x01, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4,
        4, 2, 8, 10, 0x91, 0x3a, 0xb1, 0x30, 0, 0, 0, 0, 1, 3, 3, 7,
    ];

    fn tcp_of(flags: u8) -> Transport {
        Transport::Tcp {
            source: 50514,
            destination: 443,
            fields: TcpFields {
                sequence: if flags == 0 { 0 } else { 0x2f8e_1001 },
                acknowledgment: 0,
                flags: TcpFlags(flags),
            },
        }
    }

    #[test]
    fn tcp_with_options() {
        let packet = [&SYN[..], b"data"].concat();
        assert_eq!(
            parse(protocol::TCP, &packet, 7),
            (tcp_of(TcpFlags::SYN), &b"data"[..], 7)
        );
    }

    #[test]
    fn a_cut_tcp_header_keeps_what_is_there() {
        // Ten bytes of data were on the wire behind the header.
        let cut_at = |n: usize| parse(protocol::TCP, &SYN[..n], (40 - n) as u32 + 10);
        assert_eq!(cut_at(39), (tcp_of(TcpFlags::SYN), &[][..], 10));
        assert_eq!(cut_at(14), (tcp_of(TcpFlags::SYN), &[][..], 10));
        assert_eq!(cut_at(13), (tcp_of(0), &[][..], 37));
        assert_eq!(cut_at(4), (tcp_of(0), &[][..], 46));
        assert_eq!(cut_at(3), (Transport::None, &SYN[..3], 47));
    }

    #[test]
    fn a_malformed_data_offset_leaves_no_payload() {
        let mut packet = [&SYN[..], b"data"].concat();
        for offset in [0x00, 0x40, 0xf0] {
            packet[12] = offset;
            assert_eq!(parse(protocol::TCP, &packet, 0), (tcp_of(TcpFlags::SYN), &[][..], 0));
        }
    }

    #[test]
    fn a_udp_length_limits_the_payload_only_if_it_is_sane() {
        let with_length = |length: u8, cut| {
            let packet = [0, 53, 0x30, 0x39, 0, length, 0, 0, 1, 2, 3, 4];
            let (transport, payload, cut) = parse(protocol::UDP, &packet, cut);
            assert_eq!(
                transport,
                Transport::Udp {
                    source: 53,
                    destination: 12345
                }
            );
            (payload.len(), cut)
        };
        assert_eq!(with_length(12, 0), (4, 0));
        assert_eq!(with_length(10, 0), (2, 0));
        assert_eq!(with_length(8, 0), (0, 0));
        assert_eq!(with_length(0, 0), (4, 0));
        assert_eq!(with_length(7, 0), (4, 0));
        assert_eq!(with_length(200, 0), (4, 0));
        assert_eq!(with_length(20, 90), (4, 8));
        assert_eq!(with_length(11, 90), (3, 0));
    }

    #[test]
    fn icmp_and_sctp() {
        let icmp = Transport::Icmp { kind: 3, code: 13 };
        assert_eq!(
            parse(protocol::ICMP, &[3, 13, 0, 0, 0, 0, 0, 0, 0x45], 0),
            (icmp, &[0x45][..], 0)
        );
        assert_eq!(parse(protocol::ICMPV6, &[3, 13], 0), (icmp, &[][..], 0));
        assert_eq!(parse(protocol::ICMP, &[3], 0), (Transport::None, &[3][..], 0));
        let sctp = Transport::Sctp {
            source: 5,
            destination: 6,
        };
        assert_eq!(
            parse(protocol::SCTP, &[0, 5, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 9], 0),
            (sctp, &[9][..], 0)
        );
    }

    #[test]
    fn other_protocols_have_no_transport() {
        assert_eq!(
            parse(47, &[1, 2, 3, 4, 5], 6),
            (Transport::None, &[1, 2, 3, 4, 5][..], 6)
        );
        assert_eq!(ports(47, &[1, 2, 3, 4]), None);
        assert_eq!(ports(protocol::TCP, &SYN), Some((50514, 443)));
    }
}
