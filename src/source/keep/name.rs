//! What the files of a rotation are called: `lab.pcapng` becomes `lab_00001_20261121T090102Z.pcapng`.
//!
//! A number, so that names sort as the files follow each other, and the UTC time at which the file begins.

use std::path::{Path, PathBuf};

const SECONDS_A_DAY: u64 = 86_400;

/// The name of the file with this number that begins at this time.
pub fn numbered(path: &Path, number: u64, ns: u64) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}_{number:05}_{}.{ending}", time(ns)))
}

/// `20261121T090102Z`
fn time(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (year, month, day) = date(seconds / SECONDS_A_DAY);
    let of_day = seconds % SECONDS_A_DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month and day of a day counted from 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    for (month, length) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
        if days < length {
            return (year, month, days + 1);
        }
        days -= length;
    }
    (year, 12, 31)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_time_stand_before_the_ending() {
        let at = 1_795_251_662_000_000_000;
        assert_eq!(
            numbered(Path::new("kept/lab.b.pcapng"), 7, at),
            Path::new("kept/lab.b_00007_20261121T090102Z.pcapng")
        );
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        for (seconds, name) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(time(seconds * 1_000_000_000), name);
        }
    }
}
