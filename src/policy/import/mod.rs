//! The vendors' own lists, as a policy file: text in, text out.
//!
//! ```text
//! a vendor's JSON --json--> nodes with their places --m365, service_tags--> rows or tags --spelling--> TOML
//! ```
//!
//! The file is untrusted: its depth, its size and the number of its values are bounded, whatever it says is written as quoted
//! text, and what is written is read again before it is called a policy ([`checked`]). What the policy file cannot express is
//! never dropped in silence: it stands in a comment where it would have stood, and in [`Imported::notes`].

mod json;
pub mod m365;
pub mod service_tags;

pub use self::json::TEXT_AT_MOST;
use super::load::{PolicyError, load};
use super::model::Date;
use super::spelling::toml;

/// A policy file, and what who imported it should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub toml: String,
    pub notes: Vec<String>,
}

/// Microsoft's and Azure's lists change about once a month; the built-in policy asks for a review as often.
const REVIEW_DAYS: u32 = 90;

/// `[policy]` of an imported list. Without the day it was fetched there is no day to review it.
fn header(name: &str, title: &str, source: &str, date: Option<Date>) -> String {
    let mut out = format!("[policy]\nname = {}\ntitle = {}\n", toml(name), toml(title));
    if let Some(date) = date {
        out.push_str(&format!("date = {date}\nreview_days = {REVIEW_DAYS}\n"));
    }
    out.push_str(&format!("source = {}\n", toml(source)));
    out
}

/// What is written must be readable as a policy; its warnings, such as for bits behind a range's length, become notes.
fn checked(toml: String, mut notes: Vec<String>) -> Result<Imported, PolicyError> {
    let loaded = load(&toml, "the imported policy", &mut |_| {
        Err("it extends nothing".to_owned())
    })?;
    let is_of_tags = |what: &str| what.starts_with("the policy has no [[endpoint]]");
    let warnings = loaded.warnings.iter().filter(|warning| !is_of_tags(&warning.what));
    notes.extend(warnings.map(|warning| warning.what.clone()));
    Ok(Imported { toml, notes })
}
