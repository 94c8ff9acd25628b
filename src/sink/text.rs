//! How times, numbers and foreign text are spelled, for every sink alike. Addresses are in [`super::address`].

use std::borrow::Cow;
use std::fmt::{self, Write};

pub use crate::policy::phrases::{count, few, list};

/// A short ASCII text on the stack. What does not fit is dropped: every user's longest text fits.
#[derive(Debug, Clone, Copy)]
pub struct Short {
    bytes: [u8; Short::MAX],
    length: usize,
}

impl Short {
    /// The longest is an IPv6 address that ends in an IPv4 one, 45 bytes.
    const MAX: usize = 48;

    pub fn new() -> Short {
        Short {
            bytes: [0; Short::MAX],
            length: 0,
        }
    }

    /// What `format_args!` makes of its arguments.
    pub fn of(arguments: fmt::Arguments<'_>) -> Short {
        let mut text = Short::new();
        // Writing into `Short` cannot fail.
        let _ = text.write_fmt(arguments);
        text
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    /// Adds all of `bytes`, or nothing.
    #[inline]
    pub(super) fn push<const N: usize>(&mut self, bytes: [u8; N]) {
        let slots = self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut);
        if let Some(slots) = slots {
            *slots = bytes;
            self.length += N;
        }
    }

    /// Takes the last `count` bytes away.
    #[inline]
    pub(super) fn drop_last(&mut self, count: usize) {
        self.length = self.length.saturating_sub(count);
    }
}

impl AsRef<str> for Short {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Short {
    fn from(text: &str) -> Short {
        let mut short = Short::new();
        // Writing into `Short` cannot fail.
        let _ = short.write_str(text);
        short
    }
}

impl Default for Short {
    fn default() -> Short {
        Short::new()
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.length..).unwrap_or(&mut []);
        let taken = text.len().min(room.len());
        for (slot, byte) in room.iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
        self.length += taken;
        Ok(())
    }
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// A number below 100 in two digits.
#[inline]
fn two(number: u32) -> [u8; 2] {
    PAIRS.get(number as usize).copied().unwrap_or(*b"99")
}

/// A number below 1000 in three digits.
#[inline]
pub fn three(number: u32) -> [u8; 3] {
    let [tens, ones] = two(number % 100);
    [b'0' + (number / 100) as u8, tens, ones]
}

/// A number below 10000 in four digits.
#[inline]
fn four(number: u32) -> [u8; 4] {
    let ([a, b], [c, d]) = (two(number / 100), two(number % 100));
    [a, b, c, d]
}

/// Adds a number without leading zeros. Most that are written have one to five digits.
#[inline]
pub fn push_number(out: &mut Vec<u8>, number: u64) {
    let low = number as u32;
    match number {
        0..10 => out.push(b'0' + number as u8),
        10..100 => out.extend_from_slice(&two(low)),
        100..1000 => out.extend_from_slice(&three(low)),
        1000..10_000 => out.extend_from_slice(&four(low)),
        _ => push_long_number(out, number),
    }
}

fn push_long_number(out: &mut Vec<u8>, number: u64) {
    push_number(out, number / 10_000);
    out.extend_from_slice(&four((number % 10_000) as u32));
}

const SECOND: u64 = 1_000_000_000;
const DAY: i64 = 86_400;
const HOUR: u32 = 3600;
const MINUTE: u32 = 60;

/// RFC 3339 in UTC with 6 digits of a second, or 9.
#[inline]
pub fn time(ns: u64, nanoseconds: bool) -> Short {
    let (seconds, fraction) = (ns / SECOND, (ns % SECOND) as u32);
    let mut text = Short::new();
    push_seconds(&mut text, seconds as i64);
    text.push(*b".");
    text.push(three(fraction / 1_000_000));
    text.push(three(fraction / 1000 % 1000));
    if nanoseconds {
        text.push(three(fraction % 1000));
    }
    text.push(*b"Z");
    text
}

/// RFC 3339 in UTC, whole seconds. Beyond the years 0 to 9999, which RFC 3339 cannot write, the nearest end of them.
pub fn time_of_seconds(seconds: i64) -> Short {
    const FIRST: i64 = -62_167_219_200;
    const LAST: i64 = 253_402_300_799;
    let mut text = Short::new();
    push_seconds(&mut text, seconds.clamp(FIRST, LAST));
    text.push(*b"Z");
    text
}

/// `2026-11-21` of a time in UTC.
pub fn date(ns: u64) -> Short {
    let mut text = Short::new();
    push_date(&mut text, day(ns));
    text
}

/// `09:12:01.123` of a time in UTC.
pub fn clock(ns: u64) -> Short {
    let mut text = Short::new();
    push_clock(&mut text, (ns / SECOND % DAY as u64) as u32);
    text.push(*b".");
    text.push(three((ns % SECOND / 1_000_000) as u32));
    text
}

/// The day's number since 1970.
pub fn day(ns: u64) -> i64 {
    (ns / SECOND) as i64 / DAY
}

/// `2026-11-21T09:12:01`.
#[inline(always)]
fn push_seconds(text: &mut Short, seconds: i64) {
    push_date(text, seconds.div_euclid(DAY));
    text.push(*b"T");
    push_clock(text, seconds.rem_euclid(DAY) as u32);
}

#[inline(always)]
fn push_date(text: &mut Short, day: i64) {
    let (year, month, day) = civil(day);
    text.push(four(year as u32));
    text.push(*b"-");
    text.push(two(month));
    text.push(*b"-");
    text.push(two(day));
}

#[inline(always)]
fn push_clock(text: &mut Short, second_of_day: u32) {
    text.push(two(second_of_day / HOUR));
    text.push(*b":");
    text.push(two(second_of_day % HOUR / MINUTE));
    text.push(*b":");
    text.push(two(second_of_day % MINUTE));
}

/// Year, month and day of the Gregorian calendar for a day's number since 1970.
///
/// Years are counted from 1 March, so that a leap day is a year's last; 400 of them always have the same length. From a
/// day's number in such a cycle the leap days before it are taken away, which leaves years of 365 days each.
#[inline]
fn civil(day: i64) -> (i64, u32, u32) {
    const CYCLE: u32 = 400 * 365 + 97;
    const MARCH_OF_YEAR_0_TO_1970: i64 = 719_468;
    const FOUR_YEARS: u32 = 4 * 365 + 1;
    const CENTURY: u32 = 100 * 365 + 24;
    let shifted = day + MARCH_OF_YEAR_0_TO_1970;
    let cycle = shifted.div_euclid(CYCLE.into());
    let in_cycle = shifted.rem_euclid(CYCLE.into()) as u32;
    // The day before a leap day and the leap day itself belong to the same year: hence the `- 1` of each period.
    let leap_days = in_cycle / (FOUR_YEARS - 1) - in_cycle / CENTURY + in_cycle / (CYCLE - 1);
    let year = (in_cycle - leap_days) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    // From March on months have 31, 30, 31, 30, 31 days, twice and a bit: 153 days in five months.
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let (month, carried) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + i64::from(year + carried), month, day)
}

/// A count of bytes in at most five characters: `812`, `9.1k`, `101k`, `1.2M`.
pub fn short_bytes(bytes: u64) -> Short {
    let mut unit = 1000u64;
    let mut letters = "kMGTPE".chars();
    if bytes < unit {
        return Short::of(format_args!("{bytes}"));
    }
    let mut letter = letters.next().unwrap_or('k');
    while bytes / unit >= 1000 {
        let Some(next) = letters.next() else { break };
        letter = next;
        unit = unit.saturating_mul(1000);
    }
    let (whole, tenths) = (bytes / unit, bytes % unit / (unit / 10));
    if whole < 10 {
        Short::of(format_args!("{whole}.{tenths}{letter}"))
    } else {
        Short::of(format_args!("{whole}{letter}"))
    }
}

/// A count of bytes with its unit: `812 B`, `9.1 kB`.
pub fn long_bytes(bytes: u64) -> String {
    let short = short_bytes(bytes);
    let text = short.as_str();
    match text.char_indices().last() {
        Some((at, letter)) if letter.is_ascii_alphabetic() => {
            format!("{} {letter}B", text.get(..at).unwrap_or(""))
        }
        _ => format!("{text} B"),
    }
}

/// A span of time as people say it: `28m 10s`, `1d 2h`, `1.5s`, `92 ms`.
pub fn span(ns: u64) -> String {
    const MILLISECOND: u64 = SECOND / 1000;
    let seconds = ns / SECOND;
    match seconds {
        // Less than a millisecond is nothing, in the unit of what stands beside it.
        0 if ns >= MILLISECOND => format!("{} ms", ns / MILLISECOND),
        0..=9 => format!("{}.{}s", seconds, ns % SECOND / 100_000_000),
        10..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Text that is safe to show on a terminal: control characters, and those that turn or hide other text, as `\u{..}`.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unshowable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unshowable(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

const ELLIPSIS: char = '…';

/// At most `width` characters: what is too long loses its end.
pub fn cut_end(text: &str, width: usize) -> Cow<'_, str> {
    if text.chars().count() <= width {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().take(width.saturating_sub(1));
    Cow::Owned(kept.chain([ELLIPSIS]).take(width).collect())
}

/// At most `width` characters: what is too long loses its middle. Of a name the end says most, of an address both.
pub fn cut_middle(text: &str, width: usize) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= width {
        return Cow::Borrowed(text);
    }
    let kept = width.saturating_sub(1);
    let head = kept * 2 / 5;
    let tail = text.chars().skip(length - (kept - head));
    let head = text.chars().take(head);
    Cow::Owned(head.chain([ELLIPSIS]).chain(tail).take(width).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_against_known_values() {
        let seconds = |s| time_of_seconds(s).as_str().to_owned();
        // Each from `date -u -d @N`.
        assert_eq!(seconds(0), "1970-01-01T00:00:00Z");
        assert_eq!(seconds(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(seconds(951_868_799), "2000-02-29T23:59:59Z");
        assert_eq!(seconds(951_868_800), "2000-03-01T00:00:00Z");
        assert_eq!(seconds(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(seconds(1_735_603_200), "2024-12-31T00:00:00Z");
        assert_eq!(seconds(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(seconds(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(seconds(4_294_967_296), "2106-02-07T06:28:16Z");
        assert_eq!(seconds(-1), "1969-12-31T23:59:59Z");
        assert_eq!(seconds(-2_208_988_800), "1900-01-01T00:00:00Z");
        assert_eq!(seconds(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(seconds(i64::MIN), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn every_day_of_eight_centuries_follows_its_calendar() {
        // Counted up by the calendar's own rules, from 1600-01-01.
        let (mut year, mut month, mut dom) = (1600i64, 1u32, 1u32);
        for number in -135_140..157_000 {
            assert_eq!(civil(number), (year, month, dom), "day {number}");
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            dom += 1;
            if dom > length {
                (month, dom) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn fractions_have_six_or_nine_digits() {
        let ns = 1_795_252_321_000_001_234;
        assert_eq!(time(ns, false).as_str(), "2026-11-21T09:12:01.000001Z");
        assert_eq!(time(ns, true).as_str(), "2026-11-21T09:12:01.000001234Z");
        assert_eq!(time(u64::MAX, true).as_str(), "2554-07-21T23:34:33.709551615Z");
        assert_eq!(clock(ns + 45_999_000).as_str(), "09:12:01.046");
    }

    proptest! {
        #[test]
        fn any_number_is_written_as_the_standard_library_does(number in any::<u64>(), shift in 0u32..64) {
            let mut out = Vec::new();
            push_number(&mut out, number >> shift);
            prop_assert_eq!(String::from_utf8(out).unwrap(), (number >> shift).to_string());
        }
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, short, long) in [
            (0, "0", "0 B"),
            (999, "999", "999 B"),
            (1000, "1.0k", "1.0 kB"),
            (10_942, "10k", "10 kB"),
            (999_999, "999k", "999 kB"),
            (1_250_000, "1.2M", "1.2 MB"),
            (u64::MAX, "18E", "18 EB"),
        ] {
            assert_eq!(short_bytes(bytes).as_str(), short);
            assert_eq!(long_bytes(bytes), long);
        }
        assert_eq!(span(999_999), "0.0s");
        assert_eq!(span(92_400_000), "92 ms");
        assert_eq!(span(SECOND - 1), "999 ms");
        assert_eq!(span(SECOND), "1.0s");
        assert_eq!(span(1_500_000_000), "1.5s");
        assert_eq!(span(1_690 * SECOND), "28m 10s");
    }

    #[test]
    fn text_is_cut_to_the_width_and_cleaned() {
        assert_eq!(cut_end("blocked, port", 8), "blocked…");
        assert_eq!(
            cut_middle("stappsaprd.blob.core.windows.net", 20),
            "stappsa….windows.net"
        );
        assert_eq!(cut_middle("abcdef", 1), "…");
        assert_eq!(cut_middle("abcdef", 0), "");
        assert_eq!(clean("a\x1b[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert!(matches!(clean("übung.pcap"), Cow::Borrowed(_)));
    }
}
