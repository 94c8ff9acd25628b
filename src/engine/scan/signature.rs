//! By what a second capture of the same packet is known.

use crate::flow::key::Side;
use crate::flow::repeat::{Signature, SignatureKind, mix};
use crate::wire::packet::{PacketView, TcpFields, protocol};

/// What makes a packet itself, but for what a router or a switch may change on the way.
///
/// A TCP segment with an identification is known by its place in the stream, without a look at its payload. All else is known by both
/// ends of its payload too: many datagrams of one connection begin alike (QUIC's connection id), but end in a tag of their own.
#[inline]
pub fn of_packet(view: &PacketView<'_>, flow_hash: u64, side: Side, fields: &TcpFields) -> Signature {
    let identified = view.identification != 0;
    let stream = u64::from(fields.sequence) << 32 | u64::from(fields.acknowledgment);
    let shape = u64::from(view.identification) << 48
        | u64::from(fields.flags.0) << 40
        | u64::from(view.ip_length) << 1
        | side as u64;
    let place = mix(flow_hash, [stream, shape]);
    Signature {
        hash: match identified && view.protocol == protocol::TCP {
            true => place,
            false => mix(place, ends_of(view.payload)),
        },
        kind: match (identified, view.payload.is_empty()) {
            (true, _) => SignatureKind::Identified,
            (false, false) => SignatureKind::ByContent,
            // Acknowledgments that repeat each other are how TCP reports a loss: nothing tells them from copies.
            (false, true) => SignatureKind::None,
        },
    }
}

/// What makes a piece of a datagram itself. All its bytes count: the same place with other bytes is no copy but an overlap.
pub fn of_piece(view: &PacketView<'_>) -> Signature {
    let place = view.fragment.map_or((0, 0), |place| {
        let offset = u64::from(place.offset) << 1 | u64::from(place.more);
        (u64::from(place.identification), offset)
    });
    let ends = (view.source as u64).rotate_left(32) ^ view.destination as u64 ^ (view.source >> 64) as u64;
    let shape = u64::from(view.ip_length) << 8 | u64::from(view.protocol);
    Signature {
        hash: mix(
            mix(view.tunnel, [ends, place.0 << 32 | place.1]),
            [shape, digest(view.payload)],
        ),
        kind: SignatureKind::Identified,
    }
}

/// Both ends of a payload, in two numbers.
#[inline]
fn ends_of(payload: &[u8]) -> [u64; 2] {
    match (payload.first_chunk::<16>(), payload.last_chunk::<16>()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u128::from_le_bytes(*first), u128::from_le_bytes(*last));
            [
                first as u64 ^ (last as u64).rotate_left(17),
                (first >> 64) as u64 ^ ((last >> 64) as u64).rotate_left(29),
            ]
        }
        _ => words_of(payload),
    }
}

/// Up to sixteen bytes in two numbers.
fn words_of(bytes: &[u8]) -> [u64; 2] {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    let (head, behind) = bytes.split_at(bytes.len().min(8));
    [number(head), number(behind)]
}

/// All bytes, and how many, in one number.
fn digest(bytes: &[u8]) -> u64 {
    let all = bytes.chunks(16).map(words_of);
    all.fold(bytes.len() as u64, mix)
}
