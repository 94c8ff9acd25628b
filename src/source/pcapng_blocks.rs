//! Writing pcapng (draft-ietf-opsawg-pcapng): blocks and their options, little-endian.
//!
//! ```text
//!  block    0 type | 4 total length | 8 body, padded to 32 bits ... | total length again
//!  option   0 code | 2 length | 4 value, padded to 32 bits
//! ```

pub const SECTION: u32 = 0x0a0d_0d0a;
pub const INTERFACE: u32 = 1;
pub const STATISTICS: u32 = 5;
pub const ENHANCED_PACKET: u32 = 6;

pub const OPTION_END: u16 = 0;
/// In every block (section 3.5).
pub const COMMENT: u16 = 1;
pub const SHB_USERAPPL: u16 = 4;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const UNKNOWN_LENGTH: u64 = u64::MAX;
/// Type and length in front, length behind.
pub const BLOCK_FRAME: usize = 12;
/// Interface, time in two halves, two lengths.
pub const PACKET_FIELDS: usize = 20;

/// Codes and values, in the order of the file.
pub type Options = Vec<(u16, Vec<u8>)>;

/// What begins a file, with the name of this program and a comment.
pub fn section(bytes: &mut Vec<u8>, comment: &str) {
    block(bytes, SECTION, |body| {
        body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend(1u16.to_le_bytes());
        body.extend(0u16.to_le_bytes());
        body.extend(UNKNOWN_LENGTH.to_le_bytes());
        if !comment.is_empty() {
            option(body, COMMENT, comment.as_bytes());
        }
        let program = concat!("flowsift ", env!("CARGO_PKG_VERSION"));
        option(body, SHB_USERAPPL, program.as_bytes());
        option(body, OPTION_END, &[]);
    });
}

pub fn interface(bytes: &mut Vec<u8>, link: u16, snaplen: u32, list: &Options) {
    block(bytes, INTERFACE, |body| {
        body.extend(link.to_le_bytes());
        body.extend([0, 0]);
        body.extend(snaplen.to_le_bytes());
        options(body, list);
    });
}

/// What an interface had counted when its capture ended. `time` is as the file had it: the upper half, and the lower.
pub fn statistics(bytes: &mut Vec<u8>, interface: u32, time: [u32; 2], list: &Options) {
    block(bytes, STATISTICS, |body| {
        for field in [interface, time[0], time[1]] {
            body.extend(field.to_le_bytes());
        }
        options(body, list);
    });
}

/// One packet to be written.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    pub interface: u32,
    /// In the interface's own unit.
    pub ticks: u64,
    /// Bytes on the wire.
    pub wire: u32,
    pub data: &'a [u8],
    pub options: &'a Options,
}

pub fn packet(bytes: &mut Vec<u8>, packet: &Packet<'_>) {
    block(bytes, ENHANCED_PACKET, |body| {
        let (high, low) = ((packet.ticks >> 32) as u32, packet.ticks as u32);
        let captured = packet.data.len() as u32;
        for field in [packet.interface, high, low, captured, packet.wire] {
            body.extend(field.to_le_bytes());
        }
        body.extend_from_slice(packet.data);
        pad(body, packet.data.len());
        options(body, packet.options);
    });
}

/// A block around what `fill` puts in; that is padded already.
pub fn block(bytes: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let begin = bytes.len();
    bytes.extend(kind.to_le_bytes());
    bytes.extend([0; 4]);
    fill(bytes);
    let total = ((bytes.len() - begin + size_of::<u32>()) as u32).to_le_bytes();
    if let Some(place) = bytes.get_mut(begin + 4..begin + 8) {
        place.copy_from_slice(&total);
    }
    bytes.extend(total);
}

/// Nothing, or the options and their end.
fn options(body: &mut Vec<u8>, list: &Options) {
    for (code, value) in list {
        option(body, *code, value);
    }
    if !list.is_empty() {
        option(body, OPTION_END, &[]);
    }
}

/// A value longer than an option can be is cut, a comment not inside of a character.
pub fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let most = usize::from(u16::MAX);
    let mut kept = value.len().min(most);
    let is_inside = |at: usize| value.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    while value.len() > most && code == COMMENT && kept > 0 && is_inside(kept) {
        kept -= 1;
    }
    let value = value.get(..kept).unwrap_or(value);
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    pad(body, value.len());
}

/// Fills up to 32 bits what has `length` bytes.
pub fn pad(bytes: &mut Vec<u8>, length: usize) {
    bytes.resize(bytes.len() + length.next_multiple_of(4) - length, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_length_twice_and_a_long_comment_is_cut_at_a_character() {
        let mut bytes = Vec::new();
        section(&mut bytes, &"ä".repeat(40_000));
        let total = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
        assert_eq!(total as usize, bytes.len());
        assert_eq!(bytes[bytes.len() - 4..], bytes[4..8]);
        assert_eq!(u16::from_le_bytes(bytes[26..28].try_into().unwrap()), 65_534);
    }
}
