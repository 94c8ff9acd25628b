//! What a policy says of itself: as of when it holds, and when it is to be reviewed.

use super::date::{Date, NANOSECONDS_A_DAY};

/// What a policy says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    pub name: String,
    pub title: String,
    pub source: String,
    /// As of when it holds.
    pub date: Option<Date>,
    pub review_days: Option<u32>,
    /// When the policies that it extends, and those that they extend, are due: rows age with the policy they come from.
    pub extended: Vec<Review>,
}

/// When a policy is due for a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub policy: String,
    /// Nanoseconds since 1970.
    pub due_ns: u64,
}

impl Header {
    /// From when on this policy or one that it extends is due for a review, whichever is first.
    pub fn review(&self) -> Option<Review> {
        let extended = self.extended.iter().cloned();
        extended.chain(self.own_review()).min_by_key(|review| review.due_ns)
    }

    /// By the policy's own date alone.
    pub fn own_review(&self) -> Option<Review> {
        let days = u64::from(self.review_days?) + 1;
        let start_ns = self.date?.start_ns();
        Some(Review {
            policy: self.name.clone(),
            due_ns: start_ns.saturating_add(days.saturating_mul(NANOSECONDS_A_DAY)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_due_when_the_last_day_is_over() {
        let header = Header {
            date: Some(Date {
                year: 1970,
                month: 1,
                day: 1,
            }),
            review_days: Some(90),
            ..Header::default()
        };
        assert_eq!(header.review().unwrap().due_ns, 91 * NANOSECONDS_A_DAY);
    }
}
