//! The internet checksum (RFC 1071).

/// Adds up 16-bit words; an odd byte at the end counts as the upper half of one.
pub fn sum(mut total: u64, bytes: &[u8]) -> u64 {
    for pair in bytes.chunks(2) {
        let high = pair.first().copied().unwrap_or(0);
        let low = pair.get(1).copied().unwrap_or(0);
        total += u64::from(u16::from_be_bytes([high, low]));
    }
    total
}

/// The sum as it is written.
pub fn folded(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    !(total as u16)
}
