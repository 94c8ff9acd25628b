//! Sizes and spans of time as people type them.

use std::time::Duration;

const SIZES: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
];

const SPANS: [(&str, u64); 6] = [
    ("", 1000),
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// `300MB`, `1GiB`, `500000`.
pub fn size(text: &str) -> Result<u64, String> {
    quantity(text, &SIZES).ok_or_else(|| "write a size as 300MB or 1GiB".to_owned())
}

/// The size of a ring in the kernel.
pub fn ring(text: &str) -> Result<u32, String> {
    const LEAST: u64 = 1 << 20;
    // libpcap takes an int.
    const MOST: u64 = i32::MAX as u64;
    match size(text)? {
        bytes @ LEAST..=MOST => Ok(bytes as u32),
        _ => Err("give it from 1MiB to 2GB".to_owned()),
    }
}

/// `90`, `90s`, `15m`, `8h`.
pub fn span(text: &str) -> Result<Duration, String> {
    match quantity(text, &SPANS) {
        Some(0) => Err("nothing can be seen in no time at all".to_owned()),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => Err("write a span of time as 90s, 15m or 8h".to_owned()),
    }
}

/// A whole number and a unit, which may stand apart.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_unless_they_say_binary() {
        assert_eq!(size("300MB"), Ok(300_000_000));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size(" 64 mib "), Ok(64 << 20));
        assert_eq!(size("500000"), Ok(500_000));
        for bad in ["", "MB", "-1", "1.5G", "1TB", "99999999999999GB", "3 0"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ring_has_a_sensible_size() {
        assert_eq!(ring("64MiB"), Ok(64 << 20));
        assert_eq!(ring("2GB"), Ok(2_000_000_000));
        for bad in ["1MB", "2GiB", "0", "ring"] {
            assert!(ring(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_are_seconds_unless_they_say_otherwise() {
        assert_eq!(span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(span("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(span("250ms"), Ok(Duration::from_millis(250)));
        assert!(span("0").is_err());
        assert!(span("1y").is_err());
    }
}
