//! A name as flowsift writes and compares it.
//!
//! Lower case, without the final dot; bytes outside printable ASCII, the backslash, and a dot *inside* a DNS label
//! are written `\DDD`. So every `.` in a [`Domain`] is a label's end, and comparing label by label
//! is comparing text.

use std::fmt;

/// A name, already escaped.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

impl Domain {
    /// A name that came as text (SNI, Host): dots are label ends.
    pub fn from_text(bytes: &[u8]) -> Domain {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        let mut text = String::with_capacity(bytes.len());
        for &b in bytes {
            push_escaped(&mut text, b);
        }
        Domain(text.into_boxed_str())
    }

    /// A name that came as DNS labels.
    pub fn from_labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Domain {
        // Longer names grow; most fit.
        let mut text = String::with_capacity(64);
        for label in labels {
            if !text.is_empty() {
                text.push('.');
            }
            for &b in label {
                if b == b'.' {
                    text.push_str("\\046")
                } else {
                    push_escaped(&mut text, b)
                }
            }
        }
        Domain(text.into_boxed_str())
    }

    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this can be the name of a host: letters, digits, `-` and `_`, labels of 1 to 63, 253 in all, and no IP address.
    pub fn is_host_name(&self) -> bool {
        let name = self.as_str();
        if name.is_empty() || name.len() > 253 || name.parse::<std::net::IpAddr>().is_ok() {
            return false;
        }
        name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
    }

    /// Whether this name is below `suffix` (not the suffix itself), label by label.
    pub fn is_below(&self, suffix: &str) -> bool {
        self.0
            .strip_suffix(suffix)
            .is_some_and(|head| head.len() > 1 && head.ends_with('.'))
    }
}

/// Any other text from the wire, for people to read: case and spaces kept, the rest escaped as in names.
pub fn escape_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &b in bytes {
        match b {
            b'\\' => push_code(&mut text, b),
            b' '..=b'~' => text.push(b as char),
            _ => push_code(&mut text, b),
        }
    }
    text
}

fn push_escaped(text: &mut String, byte: u8) {
    match byte {
        b'\\' => push_code(text, byte),
        0x21..=0x7e => text.push(byte.to_ascii_lowercase() as char),
        _ => push_code(text, byte),
    }
}

/// The byte as `\DDD`.
fn push_code(text: &mut String, byte: u8) {
    text.push('\\');
    for digit in [byte / 100, byte / 10 % 10, byte % 10] {
        text.push((b'0' + digit) as char);
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_escaped_and_without_the_final_dot() {
        assert_eq!(Domain::from_text(b"App.SalesTim.IO.").as_str(), "app.salestim.io");
        assert_eq!(Domain::from_text(b"a\x1b[31m\xff").as_str(), "a\\027[31m\\255");
        assert_eq!(
            Domain::from_labels([&b"evil.salestim"[..], b"io"].into_iter()).as_str(),
            "evil\\046salestim.io"
        );
    }

    #[test]
    fn text_keeps_its_case_and_spaces() {
        assert_eq!(escape_text(b"Ex\\ample Inc\n\xc3"), "Ex\\092ample Inc\\010\\195");
    }

    #[test]
    fn below_means_label_by_label_and_without_the_apex() {
        assert!(Domain::from_text(b"a.b.salestim.io").is_below("salestim.io"));
        assert!(!Domain::from_text(b"salestim.io").is_below("salestim.io"));
        assert!(!Domain::from_text(b"evilsalestim.io").is_below("salestim.io"));
    }

    #[test]
    fn an_address_or_an_escape_is_no_host_name() {
        assert!(!Domain::from_text(b"52.114.250.152").is_host_name());
        assert!(!Domain::from_text(b"a b").is_host_name());
        assert!(!Domain::from_text(b"a..b").is_host_name());
        assert!(Domain::from_text(b"_dns.resolver.arpa").is_host_name());
    }
}
