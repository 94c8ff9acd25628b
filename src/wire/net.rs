//! The network layer: IPv4 and IPv6 with their extension headers.
//!
//! ```text
//! IPv4  0 version and header length (in 4 bytes)  2 total length  4 identification  6 flags and offset
//!       8 TTL  9 protocol  10 checksum  12 source  16 destination  20 options            (RFC 791 3.1)
//! IPv6  0 version, class, label  4 payload length  6 next header  7 hop limit  8 source  24 destination
//! ```
//!
//! The IPv6 headers are read with etherparse, one header at a time. Its whole-packet slicer is not
//! used: it turns an IPv4 header with cut options away, walks extension headers without a cap, and
//! also behind the fragment header of a later piece, where payload stands and no header. Its
//! iterator over extension headers trusts the last one: of a cut chain it reads beyond the end.

use etherparse::{IpAuthHeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::encap::Layer;
use super::packet::{Family, FragmentPlace, protocol};
use super::undecoded::Undecoded;

/// What an IP header and its extension headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    pub family: Family,
    pub source: u128,
    pub destination: u128,
    /// The protocol above the extension headers; an extension header's own number if that header was cut off, or was
    /// one too many.
    pub protocol: u8,
    /// Bytes of the IP layer, see [`PacketView::ip_length`](super::packet::PacketView::ip_length).
    pub length: u32,
    /// 0 in IPv6.
    pub identification: u16,
    /// Time to live, hop limit.
    pub hops: u8,
    pub fragment: Option<FragmentPlace>,
}

/// Extension headers followed in one packet.
pub const EXTENSIONS_MAX: usize = 8;

pub(super) const IPV4_LENGTH: usize = 20;
pub(super) const IPV6_LENGTH: usize = 40;
/// More pieces follow, and the offset: a datagram in one piece has none of these bits.
pub(super) const FRAGMENT_BITS: u16 = MORE | OFFSET;
const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// Takes the IP header and what extends it off the layer; what is left is the IP payload, without padding.
#[inline(always)]
pub fn peel(layer: &mut Layer<'_>) -> Result<Ip, Undecoded> {
    let wire = layer.wire();
    let version = layer.rest().first().ok_or(Undecoded::Short)? >> 4;
    let ip = match version {
        4 => ipv4(layer)?,
        6 => ipv6(layer)?,
        _ => return Err(Undecoded::IpVersion),
    };
    if ip.fragment.is_some() {
        // A later piece's offset counts on this one's claim, even if a tool shortened the frame and its wire length.
        layer.add_missing((ip.length as usize).saturating_sub(wire));
    }
    Ok(ip)
}

#[inline(always)]
fn ipv4(layer: &mut Layer<'_>) -> Result<Ip, Undecoded> {
    let wire = layer.wire();
    #[rustfmt::skip]
    let [
        version_length, _, l0, l1, i0, i1, f0, f1,
        hops, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3,
    ] = layer.array::<IPV4_LENGTH>()?;

    let header = usize::from(version_length & 0x0f) * 4;
    // A card that segments for the host (TSO) sees the packet before its length is known, and so does the capture.
    let length = match u16::from_be_bytes([l0, l1]) {
        0 => wire,
        total => usize::from(total),
    };
    if header < IPV4_LENGTH || length < header {
        return Err(Undecoded::IpHeader);
    }
    layer.limit(length - IPV4_LENGTH);
    layer.skip(header - IPV4_LENGTH);

    let place = u16::from_be_bytes([f0, f1]);
    let fragment = (place & FRAGMENT_BITS != 0).then(|| FragmentPlace {
        identification: u32::from(u16::from_be_bytes([i0, i1])),
        // RFC 791 3.1: the offset is counted in units of 8 bytes.
        offset: u32::from(place & OFFSET) * 8,
        more: place & MORE != 0,
    });
    let protocol = match fragment {
        Some(_) => protocol,
        None => extensions(Family::V4, protocol, layer).0,
    };
    Ok(Ip {
        family: Family::V4,
        source: u128::from(u32::from_be_bytes([s0, s1, s2, s3])),
        destination: u128::from(u32::from_be_bytes([d0, d1, d2, d3])),
        protocol,
        length: length as u32,
        identification: u16::from_be_bytes([i0, i1]),
        hops,
        fragment,
    })
}

#[inline(always)]
fn ipv6(layer: &mut Layer<'_>) -> Result<Ip, Undecoded> {
    let header = Ipv6HeaderSlice::from_slice(layer.rest()).map_err(|_| Undecoded::Short)?;
    let next = header.next_header().0;
    let length = match header.payload_length() {
        // RFC 2675 3: a jumbogram's length is 0; so is that of a packet that the card will segment. Without a next
        // header it means what it says.
        0 if next != protocol::NO_NEXT_HEADER => layer.wire(),
        payload => IPV6_LENGTH + usize::from(payload),
    };
    layer.skip(IPV6_LENGTH);
    layer.limit(length - IPV6_LENGTH);
    let (protocol, fragment) = extensions(Family::V6, next, layer);
    Ok(Ip {
        family: Family::V6,
        source: u128::from_be_bytes(header.source()),
        destination: u128::from_be_bytes(header.destination()),
        protocol,
        length: length as u32,
        identification: 0,
        hops: header.hop_limit(),
        fragment,
    })
}

/// Takes extension headers off, and says which protocol stands behind them. Stops at a fragment header that means it:
/// behind it is a piece of what only the whole datagram can tell.
pub fn extensions(family: Family, mut protocol: u8, layer: &mut Layer<'_>) -> (u8, Option<FragmentPlace>) {
    for _ in 0..EXTENSIONS_MAX {
        let rest = layer.rest();
        // RFC 8200 4.1: a receiver must attempt to process extension headers in any order.
        let header = match (family, protocol) {
            (Family::V6, HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS) => Ipv6RawExtHeaderSlice::from_slice(rest)
                .ok()
                .map(|h| (h.next_header().0, h.slice().len())),
            (Family::V6, FRAGMENT) => match Ipv6FragmentHeaderSlice::from_slice(rest) {
                Ok(h) if h.is_fragmenting_payload() => {
                    layer.skip(h.slice().len());
                    let place = FragmentPlace {
                        identification: h.identification(),
                        offset: u32::from(h.fragment_offset().value()) * 8,
                        more: h.more_fragments(),
                    };
                    return (h.next_header().0, Some(place));
                }
                // RFC 6946 4: an atomic fragment is a whole datagram, whatever else carries its identification.
                Ok(h) => Some((h.next_header().0, h.slice().len())),
                Err(_) => None,
            },
            (_, AUTHENTICATION) => IpAuthHeaderSlice::from_slice(rest)
                .ok()
                .map(|h| (h.next_header().0, h.slice().len())),
            _ => return (protocol, None),
        };
        let Some((next, length)) = header else {
            return (protocol, None);
        };
        layer.skip(length);
        protocol = next;
    }
    (protocol, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv6 header from 2001:db8::1 to 2001:db8::2 in front of `payload`.
    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, payload.len() as u8, next, 64];
        for last in [1, 2] {
            packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        packet.extend(payload);
        packet
    }

    fn peeled(bytes: &[u8], wire: u32) -> (Result<Ip, Undecoded>, Layer<'_>) {
        let mut layer = Layer::new(bytes, wire);
        (peel(&mut layer), layer)
    }

    const V4: [u8; 20] = [
        0x45, 0, 0, 24, 0xbe, 0xef, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7,
    ];

    fn v4(change: impl Fn(&mut [u8; 20]), behind: &[u8]) -> Vec<u8> {
        let mut header = V4;
        change(&mut header);
        [&header, behind].concat()
    }

    #[test]
    fn padding_is_left_behind() {
        let bytes = v4(|_| (), &[1, 2, 3, 4, 0, 0, 0, 0]);
        let (ip, layer) = peeled(&bytes, 32);
        let ip = ip.unwrap();
        assert_eq!((ip.length, ip.protocol, ip.fragment), (24, 17, None));
        assert_eq!((ip.source, ip.destination), (0xc000_0201, u128::from(0xc633_6407u32)));
        assert_eq!((layer.rest(), layer.cut()), (&[1, 2, 3, 4][..], 0));
    }

    #[test]
    fn a_length_of_zero_means_the_wire_length() {
        let bytes = v4(|h| h[3] = 0, &[1, 2, 3]);
        let (ip, layer) = peeled(&bytes, 90);
        assert_eq!(ip.unwrap().length, 90);
        assert_eq!((layer.rest().len(), layer.cut()), (3, 67));
    }

    #[test]
    fn options_are_stepped_over_even_when_they_are_cut() {
        let options = |h: &mut [u8; 20]| (h[0], h[3]) = (0x47, 30);
        let bytes = v4(options, &[1, 1, 1, 1, 1, 1, 1, 0, 9, 9]);
        assert_eq!(peeled(&bytes, 30).1.rest(), [9, 9]);
        let (ip, layer) = peeled(&bytes[..24], 30);
        assert_eq!(ip.unwrap().protocol, 17);
        assert_eq!((layer.rest().len(), layer.cut()), (0, 2));
    }

    #[test]
    fn lengths_that_contradict_each_other_are_refused() {
        for change in [
            |h: &mut [u8; 20]| h[0] = 0x44,
            |h: &mut [u8; 20]| h[3] = 19,
            |h: &mut [u8; 20]| (h[0], h[3]) = (0x46, 22),
        ] {
            assert_eq!(peeled(&v4(change, &[0; 9]), 40).0, Err(Undecoded::IpHeader));
        }
        assert_eq!(peeled(&V4[..19], 40).0, Err(Undecoded::Short));
        assert_eq!(peeled(&[], 40).0, Err(Undecoded::Short));
        assert_eq!(peeled(&[0x50; 40], 40).0, Err(Undecoded::IpVersion));
        assert_eq!(peeled(&v6(17, &[])[..39], 40).0, Err(Undecoded::Short));
    }

    #[test]
    fn a_claim_beyond_the_wire_is_kept_as_the_claim() {
        let bytes = v4(|h| h[2] = 1, &[1, 2]);
        let (ip, layer) = peeled(&bytes, 22);
        assert_eq!((ip.unwrap().length, layer.cut()), (256 + 24, 0));
    }

    #[test]
    fn fragments_of_both_families_have_a_place() {
        let bytes = v4(|h| (h[6], h[7]) = (0x20, 0x03), &[1, 2, 3, 4]);
        let place = FragmentPlace {
            identification: 0xbeef,
            offset: 24,
            more: true,
        };
        assert_eq!(peeled(&bytes, 24).0.unwrap().fragment, Some(place));

        // The frame was shortened to two bytes of payload, and its wire length with it.
        let (ip, layer) = peeled(&bytes[..22], 22);
        assert_eq!((ip.unwrap().fragment, layer.cut()), (Some(place), 2));

        // Behind a later piece's fragment header stands payload: what looks like options is none.
        let bytes = v6(44, &[60, 0, 0, 0x18, 0, 1, 0xe2, 0x40, 17, 0, 1, 2]);
        let (ip, layer) = peeled(&bytes, 52);
        let place = FragmentPlace {
            identification: 123_456,
            offset: 24,
            more: false,
        };
        assert_eq!(ip.unwrap().fragment, Some(place));
        assert_eq!((ip.unwrap().protocol, layer.rest()), (60, &[17, 0, 1, 2][..]));
    }

    #[test]
    fn extension_headers_in_any_order_and_an_atomic_fragment() {
        let payload = [
            [60, 0, 1, 4, 0, 0, 0, 0], // hop-by-hop
            [44, 0, 1, 4, 0, 0, 0, 0], // destination options
            [0, 0, 0, 0, 0, 0, 0, 7],  // atomic fragment
            [51, 0, 1, 4, 0, 0, 0, 0], // hop-by-hop where it should not be
            [43, 1, 0, 0, 0, 0, 0, 1], // authentication, 12 bytes
            [0, 0, 0, 5, 17, 0, 0, 0], // ... then routing
            [0, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd],
        ]
        .concat();
        let bytes = v6(0, &payload);
        let (ip, layer) = peeled(&bytes, bytes.len() as u32);
        let ip = ip.unwrap();
        assert_eq!((ip.protocol, ip.fragment, ip.length), (17, None, 96));
        assert_eq!(layer.rest(), [0xaa, 0xbb, 0xcc, 0xdd]);
    }

    #[test]
    fn a_ninth_extension_header_is_not_followed() {
        for (headers, protocol) in [(8, 17), (9, DESTINATION_OPTIONS)] {
            let mut payload = [DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0].repeat(headers);
            payload[(headers - 1) * 8] = 17;
            let bytes = v6(DESTINATION_OPTIONS, &payload);
            assert_eq!(peeled(&bytes, bytes.len() as u32).0.unwrap().protocol, protocol);
        }
    }

    #[test]
    fn a_cut_extension_header_leaves_its_own_number() {
        let bytes = v6(0, &[17, 1, 1, 4, 0, 0, 0, 0]);
        let (ip, layer) = peeled(&bytes, 100);
        assert_eq!(ip.unwrap().protocol, HOP_BY_HOP);
        assert_eq!(layer.rest().len(), 8);
    }

    #[test]
    fn authentication_is_stepped_over_in_ipv4_but_other_numbers_are_protocols() {
        let ah = [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0xaa, 0xbb];
        let bytes = v4(|h| (h[9], h[3]) = (51, 34), &ah);
        let (ip, layer) = peeled(&bytes, 34);
        assert_eq!((ip.unwrap().protocol, layer.rest()), (17, &[0xaa, 0xbb][..]));
        let bytes = v4(|h| (h[9], h[3]) = (60, 34), &ah);
        assert_eq!(peeled(&bytes, 34).0.unwrap().protocol, 60);
    }
}
