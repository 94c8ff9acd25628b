//! Flags as other tools' worlds know findings: a number, a title, a weight that counts; and numbers for flows.
//!
//! The numbers stay: rules, dashboards and suppressions of other people hold on to them. A new flag gets the next one.

use super::text::Short;
use crate::engine::rows::FlowRow;
use crate::policy::verdict::{FlagKind, Severity};

/// A flag as a rule: `id` is of the range that Snort's and Suricata's users keep for their own rules, 1,000,000 to 1,999,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub id: u32,
    pub title: &'static str,
}

/// The rule that a flag is.
pub fn rule(kind: FlagKind) -> Rule {
    let (id, title) = match kind {
        FlagKind::Port => (1_000_001, "FLOWSIFT port or transport other than listed"),
        FlagKind::TlsVersion => (1_000_002, "FLOWSIFT TLS version other than listed"),
        FlagKind::Plaintext => (1_000_003, "FLOWSIFT not encrypted where TLS is expected"),
        FlagKind::Rerouted => (1_000_004, "FLOWSIFT led elsewhere than the name says"),
        FlagKind::Address => (1_000_005, "FLOWSIFT address outside the listed ranges"),
        FlagKind::Intercepted => (1_000_006, "FLOWSIFT TLS interception suspected"),
        FlagKind::Blocked => (1_000_007, "FLOWSIFT attempt blocked"),
        FlagKind::Internal => (1_000_008, "FLOWSIFT internal endpoint of the platform in use"),
        FlagKind::HiddenName => (1_000_009, "FLOWSIFT name hidden by the client"),
        FlagKind::Retired => (1_000_010, "FLOWSIFT retired endpoint in use"),
        FlagKind::Ambiguous => (1_000_011, "FLOWSIFT evidence for several classes"),
        FlagKind::Broad => (1_000_012, "FLOWSIFT only a broad form of a row covers the name"),
    };
    Rule { id, title }
}

/// Suricata's priorities: 1 is the gravest.
pub fn priority(severity: Severity) -> u64 {
    match severity {
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Notice => 3,
    }
}

/// A flow's own number: the same for the same id and start, whatever else is read. 51 bits, as Suricata's have, so that
/// programs that keep numbers as floating point keep it whole.
pub fn flow_number(row: &FlowRow) -> u64 {
    digest(row, FIRST) & ((1 << 51) - 1)
}

/// A flow's own id as Zeek writes one: `C` and 17 letters and digits, 96 bits.
pub fn flow_uid(row: &FlowRow) -> Short {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = u128::from(digest(row, FIRST)) << 32 | u128::from(digest(row, SECOND) >> 32);
    let mut text = Short::new();
    text.push(*b"C");
    for _ in 0..17 {
        let digit = DIGITS.get((number % 62) as usize).copied().unwrap_or(b'0');
        text.push([digit]);
        number /= 62;
    }
    text
}

/// FNV-1a's offset basis, and another.
const FIRST: u64 = 0xcbf2_9ce4_8422_2325;
const SECOND: u64 = 0x9e37_79b9_7f4a_7c15;

/// FNV-1a over the id (SHA-1, spelt out) and the start, its bits then mixed (the end of SplitMix64).
fn digest(row: &FlowRow, basis: u64) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = row.id.as_bytes().iter().copied().chain(row.start_ns.to_be_bytes());
    let mut hash = bytes.fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::fixtures;
    use super::*;

    #[test]
    fn every_flag_has_a_number_and_a_title_of_its_own() {
        let rules = FlagKind::ALL.map(rule);
        assert_eq!(
            rules.iter().map(|rule| rule.id).collect::<HashSet<_>>().len(),
            rules.len()
        );
        assert_eq!(
            rules.iter().map(|rule| rule.title).collect::<HashSet<_>>().len(),
            rules.len()
        );
        assert!(rules.iter().all(|rule| (1_000_000..2_000_000).contains(&rule.id)));
    }

    #[test]
    fn a_flow_keeps_its_numbers_and_another_has_others() {
        let row = fixtures::web_flow();
        let mut later = row.clone();
        later.start_ns += 1;
        assert_eq!(flow_number(&row), flow_number(&row.clone()));
        assert_ne!(flow_number(&row), flow_number(&later));
        assert_ne!(flow_uid(&row).as_str(), flow_uid(&later).as_str());
        assert!(flow_number(&row) < 1 << 51);
        // Stays, or what others have stored no longer joins.
        assert_eq!(flow_uid(&row).as_str().len(), 18);
        assert!(flow_uid(&row).as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
