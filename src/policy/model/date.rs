//! Days, without a time: what a policy's dates are.

use std::fmt;

/// A calendar day, as in TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

pub(super) const NANOSECONDS_A_DAY: u64 = 86_400 * 1_000_000_000;

impl Date {
    /// Reads `2026-01-31`; None if there is no such day.
    pub fn parse(text: &str) -> Option<Date> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next()?;
            let is_number = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| part.parse::<u16>().ok())?
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let date = Date {
            year,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
        };
        // What runs over a month's end is another day, which is written in another way.
        (parts.next().is_none() && Date::of_days(date.days()) == date).then_some(date)
    }

    /// The day so many days after 1970-01-01; None of them is before the year 0 or after 9999.
    pub fn of_days(days: i64) -> Date {
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Date {
            year: year.clamp(0, 9999) as u16,
            month: month as u8,
            day: day as u8,
        }
    }

    /// Days since 1970-01-01 (days from the civil calendar, the year beginning in March so that the leap day is its last).
    pub fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }

    /// The day's first nanosecond (UTC) since 1970; a day before 1970 gives 0.
    pub fn start_ns(self) -> u64 {
        u64::try_from(self.days())
            .unwrap_or(0)
            .saturating_mul(NANOSECONDS_A_DAY)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_days_since_1970() {
        let date = |year, month, day| Date { year, month, day };
        assert_eq!(date(1970, 1, 1).days(), 0);
        assert_eq!(date(2000, 2, 29).days(), 11_016);
        assert_eq!(date(2000, 3, 1).days(), 11_017);
        assert_eq!(date(2025, 1, 15).start_ns(), 1_736_899_200_000_000_000);
        assert_eq!(date(1960, 1, 1).start_ns(), 0);
        assert_eq!(date(9999, 12, 31).start_ns(), u64::MAX);
    }

    #[test]
    fn days_are_read_if_there_is_such_a_day() {
        for text in [
            "1970-01-01",
            "2000-02-29",
            "2024-12-31",
            "2026-03-01",
            "0001-01-01",
            "9999-12-31",
        ] {
            assert_eq!(Date::parse(text).map(|date| date.to_string()).as_deref(), Some(text));
        }
        for text in [
            "2026-02-29",
            "2026-02-30",
            "2026-04-31",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-1",
            "26-01-01",
            "2026-01-01-01",
            "2026-01-01T00:00:00Z",
            "+026-01-01",
            "",
            "-",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        for days in (-700_000..2_900_000).step_by(997) {
            let date = Date::of_days(days);
            assert_eq!(date.days(), days, "{date}");
        }
    }
}
