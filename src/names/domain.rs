//! A name as flowsift writes and compares it.
//!
//! Lower case, without the final dot; bytes outside printable ASCII, the backslash, and a dot *inside* a DNS label
//! are written `\DDD`. So every `.` in a [`Domain`] is a label's end, and comparing label by label
//! is comparing text.

use std::fmt;
use std::net::Ipv4Addr;

/// A name, already escaped.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

impl Domain {
    /// A name that came as text (SNI, Host): dots are label ends.
    pub fn from_text(bytes: &[u8]) -> Domain {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if let Some(plain) = Plain::of_text(bytes) {
            return plain.domain();
        }
        let mut text = String::with_capacity(bytes.len());
        for &b in bytes {
            push_escaped(&mut text, b);
        }
        Domain(text.into_boxed_str())
    }

    /// A name that came as DNS labels.
    pub fn from_labels<'a>(labels: impl Iterator<Item = &'a [u8]> + Clone) -> Domain {
        if let Some(plain) = Plain::of_labels(labels.clone()) {
            return plain.domain();
        }
        let mut text = String::new();
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

    /// Whether this is [`Domain::from_labels`] of these labels; nothing is allocated but for odd names.
    pub fn is_of_labels<'a>(&self, labels: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
        match Plain::of_labels(labels.clone()) {
            Some(plain) => plain.bytes() == self.0.as_bytes(),
            None => Domain::from_labels(labels) == *self,
        }
    }

    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this can be the name of a host: letters, digits, `-` and `_`, labels of 1 to 63, 253 in all, and no IP address.
    pub fn is_host_name(&self) -> bool {
        let name = self.as_str();
        let mut label = 0;
        let is_made_of_labels = name.bytes().all(|b| match PART[usize::from(b)] {
            Part::Label => {
                label += 1;
                label <= 63
            }
            Part::Dot => std::mem::take(&mut label) > 0,
            Part::Other => false,
        });
        // An IPv6 address is not made of labels; an IPv4 address ends in a digit, which hardly any name does.
        is_made_of_labels
            && label > 0
            && name.len() <= 253
            && !(name.ends_with(|last: char| last.is_ascii_digit()) && name.parse::<Ipv4Addr>().is_ok())
    }

    /// Whether this name is below `suffix` (not the suffix itself), label by label.
    pub fn is_below(&self, suffix: &str) -> bool {
        self.0
            .strip_suffix(suffix)
            .is_some_and(|head| head.len() > 1 && head.ends_with('.'))
    }
}

/// What a byte is in the name of a host.
#[derive(Clone, Copy)]
enum Part {
    Label,
    Dot,
    Other,
}

static PART: [Part; 256] = {
    let mut all = [Part::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'-' || byte as u8 == b'_' {
            all[byte] = Part::Label;
        }
        byte += 1;
    }
    all[b'.' as usize] = Part::Dot;
    all
};

/// A name without odd bytes, which nearly all are, while it is written: on the stack, so that what is allocated in the end has
/// the name's own size.
struct Plain {
    text: [u8; Plain::LONGEST],
    length: usize,
}

/// What a byte is written as; 0: not as one byte.
type Spelling = [u8; 256];
static IN_TEXT: Spelling = spelling(false);
static IN_LABEL: Spelling = spelling(true);

const fn spelling(in_label: bool) -> Spelling {
    let mut all = [0; 256];
    let mut byte = 0x21;
    while byte <= 0x7e {
        if byte != b'\\' && !(in_label && byte == b'.') {
            all[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    all
}

impl Plain {
    /// Of a name on the wire (RFC 1035, 2.3.4). What is longer, or odd, is written the slow way.
    const LONGEST: usize = 255;

    /// Dots all over: labels are written between them.
    fn new() -> Plain {
        Plain {
            text: [b'.'; Plain::LONGEST],
            length: 0,
        }
    }

    /// None: they do not fit, or some byte is odd.
    fn of_labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Plain> {
        let mut plain = Plain::new();
        for label in labels {
            let at = plain.length + usize::from(plain.length > 0);
            plain.write(at, label, &IN_LABEL)?;
        }
        Some(plain)
    }

    /// None: it does not fit, or some byte is odd.
    fn of_text(bytes: &[u8]) -> Option<Plain> {
        let mut plain = Plain::new();
        plain.write(0, bytes, &IN_TEXT)?;
        Some(plain)
    }

    fn write(&mut self, at: usize, bytes: &[u8], spelling: &Spelling) -> Option<()> {
        let end = at + bytes.len();
        let mut is_plain = true;
        for (to, from) in self.text.get_mut(at..end)?.iter_mut().zip(bytes) {
            *to = spelling[usize::from(*from)];
            is_plain &= *to != 0;
        }
        self.length = end;
        is_plain.then_some(())
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn domain(&self) -> Domain {
        Domain(str::from_utf8(self.bytes()).unwrap_or_default().into())
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
    fn labels_are_compared_as_they_would_be_written() {
        let long: Vec<&[u8]> = vec![&[b'x'; 63]; 5];
        let names: [&[&[u8]]; 6] = [&[b"App", b"io"], &[b"app.io"], &[b"a\\b"], &[b"a b", b"c"], &[], &long];
        for (i, labels) in names.iter().enumerate() {
            let name = Domain::from_labels(labels.iter().copied());
            for (j, other) in names.iter().enumerate() {
                assert_eq!(name.is_of_labels(other.iter().copied()), i == j, "{name} {other:?}");
            }
        }
        assert_eq!(Domain::from_labels(long.into_iter()).as_str().len(), 5 * 64 - 1);
        assert_eq!(Domain::from_text(&[b'X'; 300]).as_str(), "x".repeat(300));
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
        for (name, is_host) in [
            ("a..b", false),
            ("", false),
            (".a", false),
            ("::1", false),
            ("1.2.3.4", false),
            ("1.2.3", true),
        ] {
            assert_eq!(Domain::from_text(name.as_bytes()).is_host_name(), is_host, "{name}");
        }
        let long = [&*"x".repeat(63); 4].join(".");
        assert!(Domain::from_text(&long.as_bytes()[2..]).is_host_name());
        assert!(!Domain::from_text(&long.as_bytes()[1..]).is_host_name());
        assert!(!Domain::from_text("x".repeat(64).as_bytes()).is_host_name());
        assert!(Domain::from_text(b"_dns.resolver.arpa").is_host_name());
    }
}
