//! Which flows are asked for: several kinds of wishes must all hold, of one kind any.

use crate::cli::exit::Failure;
use crate::cli::explain::find::Wanted;
use crate::cli::plan::Select;
use crate::engine::rows::{FlowRow, NameRow, Row};
use crate::names::domain::Domain;
use crate::policy::model::Date;
use crate::policy::verdict::Standing;
use crate::sink::PolicyNames;

/// What was typed, understood.
#[derive(Debug, Default)]
pub struct Choice {
    pub ids: Vec<Wanted>,
    pub select: Select,
    pub names: Vec<NamePattern>,
    pub verdicts: Vec<Standing>,
    pub from: Option<Moment>,
    pub to: Option<Moment>,
    /// Everything, flows or not.
    pub all: bool,
}

impl Choice {
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
            && self.select == Select::default()
            && self.names.is_empty()
            && self.verdicts.is_empty()
            && self.from.is_none()
            && self.to.is_none()
    }

    pub fn check(&self, policy: &PolicyNames) -> Result<(), Failure> {
        self.select.check(policy)
    }

    pub fn takes(&self, row: &Row, policy: &PolicyNames) -> bool {
        self.select.shows(row, policy)
            && match row {
                Row::Flow(flow) => self.takes_flow(flow),
                Row::Name(lookup) => self.takes_lookup(lookup),
                Row::Capture(_) => false,
            }
    }

    fn takes_flow(&self, flow: &FlowRow) -> bool {
        let naming = &flow.naming;
        let known = || naming.name.iter().chain(&naming.candidates).chain(&naming.via);
        any(&self.ids, |wanted| wanted.is(flow))
            && any(&self.names, |pattern| known().any(|name| pattern.covers(name)))
            && any(&self.verdicts, |standing| *standing == flow.verdict.standing)
            && self.covers(flow.start_ns, flow.end_ns)
    }

    /// An attempt that ended at DNS has left no flow. Nothing else is taken for its own sake.
    fn takes_lookup(&self, lookup: &NameRow) -> bool {
        self.ids.is_empty()
            && (self.verdicts.is_empty() || self.verdicts.contains(&Standing::Flagged))
            && !lookup.flags.is_empty()
            && any(&self.names, |pattern| pattern.covers(&lookup.query))
            && self.covers(lookup.time_ns, lookup.time_ns)
    }

    fn covers(&self, start_ns: u64, end_ns: u64) -> bool {
        self.from.is_none_or(|from| end_ns >= from.0) && self.to.is_none_or(|to| start_ns <= to.0)
    }
}

fn any<T>(wishes: &[T], holds: impl Fn(&T) -> bool) -> bool {
    wishes.is_empty() || wishes.iter().any(holds)
}

/// A name; `*.` and a suffix, any depth below it, as in policies; `*` and a part and `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamePattern {
    Exact(Domain),
    Below(Domain),
    Containing(String),
}

impl NamePattern {
    pub fn parse(typed: &str) -> Result<NamePattern, String> {
        const RULE: &str = "write a whole name, `*.` and a suffix (any depth below it), or `*part*`";
        let typed = typed.trim().to_ascii_lowercase();
        let inner = typed.strip_prefix('*').and_then(|rest| rest.strip_suffix('*'));
        let pattern = match (typed.strip_prefix("*."), inner) {
            (_, Some(part)) if !part.is_empty() => NamePattern::Containing(part.to_owned()),
            (Some(suffix), None) if !suffix.is_empty() => NamePattern::Below(Domain::from_text(suffix.as_bytes())),
            (None, None) if !typed.is_empty() => NamePattern::Exact(Domain::from_text(typed.as_bytes())),
            _ => return Err(RULE.to_owned()),
        };
        let text = match &pattern {
            NamePattern::Exact(name) | NamePattern::Below(name) => name.as_str(),
            NamePattern::Containing(part) => part,
        };
        match text.contains('*') {
            true => Err(RULE.to_owned()),
            false => Ok(pattern),
        }
    }

    fn covers(&self, name: &Domain) -> bool {
        match self {
            NamePattern::Exact(exact) => exact == name,
            NamePattern::Below(suffix) => name.is_below(suffix.as_str()),
            NamePattern::Containing(part) => name.as_str().contains(part.as_str()),
        }
    }
}

/// Nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// RFC 3339: `2026-11-21T09:12:01.5Z`, with any zone; what is left out at the end is zero, a zone left out is UTC.
    pub fn parse(typed: &str) -> Result<Moment, String> {
        moment(typed.trim()).map(Moment).ok_or_else(|| {
            "write a time as 2026-11-21T09:12:01Z (seconds may have a fraction, a zone be +02:00)".to_owned()
        })
    }
}

fn moment(typed: &str) -> Option<u64> {
    const MINUTE: i64 = 60;
    let date = Date::parse(typed.get(..10)?)?;
    let rest = typed.get(10..)?;
    let (clock, zone_minutes) = match rest.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => match rest.rfind(['+', '-']) {
            Some(at) => (rest.get(..at)?, zone(rest.get(at..)?)?),
            None => (rest, 0),
        },
    };
    let (seconds, ns) = match clock.strip_prefix(['T', 't', ' ']) {
        Some(clock) => time_of_day(clock)?,
        None if clock.is_empty() => (0, 0),
        None => return None,
    };
    let seconds = date.days() * 86_400 + seconds - zone_minutes * MINUTE;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(ns)
}

/// `+02:00`, in minutes.
fn zone(text: &str) -> Option<i64> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let minutes = two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?;
    Some(if sign == "-" { -minutes } else { minutes })
}

/// `09:12`, `09:12:01`, `09:12:01.5`: seconds, and nanoseconds beyond them.
fn time_of_day(text: &str) -> Option<(i64, u64)> {
    let mut parts = text.splitn(3, ':');
    let hours = two_digits(parts.next()?, 23)?;
    let minutes = two_digits(parts.next()?, 59)?;
    let (seconds, fraction) = match parts.next() {
        None => ("00", ""),
        Some(last) => last.split_once('.').unwrap_or((last, "")),
    };
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // RFC 3339, 5.7: a leap second is :60.
    let seconds = hours * 3600 + minutes * 60 + two_digits(seconds, 60)?;
    Some((seconds, format!("{fraction:0<9}").parse().ok()?))
}

fn two_digits(text: &str, most: i64) -> Option<i64> {
    let is_number = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok())??;
    (number <= most).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written_in_records() {
        let base = 1_795_252_321_000_000_000;
        for (typed, ns) in [
            ("2026-11-21T09:12:01Z", base),
            ("2026-11-21T09:12:01", base),
            ("2026-11-21 09:12:01.5z", base + 500_000_000),
            ("2026-11-21T11:12:01+02:00", base),
            ("2026-11-21T09:12", base - 1_000_000_000),
            ("2026-11-21", base - 33_121_000_000_000),
        ] {
            assert_eq!(Moment::parse(typed), Ok(Moment(ns)), "{typed}");
        }
        for typed in [
            "",
            "09:12",
            "2026-13-01",
            "2026-11-21T9:12",
            "2026-11-21T09:12:01.1234567890",
            "2026-11-21é",
        ] {
            assert!(Moment::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_name_a_suffix_and_a_part() {
        let covers = |pattern: &str, name: &str| {
            NamePattern::parse(pattern)
                .unwrap()
                .covers(&Domain::from_text(name.as_bytes()))
        };
        assert!(covers("App.salestim.io.", "app.salestim.io"));
        assert!(covers("*.salestim.io", "a.b.salestim.io") && !covers("*.salestim.io", "salestim.io"));
        assert!(!covers("*.salestim.io", "evilsalestim.io"));
        assert!(covers("*sales*", "app.salestim.io") && !covers("*sales*", "app.example"));
        for typed in ["", "*", "**", "a.*.b", "*.", "*a"] {
            assert!(NamePattern::parse(typed).is_err(), "{typed}");
        }
    }
}
