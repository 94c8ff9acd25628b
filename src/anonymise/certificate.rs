//! X.509 certificates in place: names and addresses replaced, every other text, number and key overwritten.
//!
//! A certificate is a tree of values, each with a tag and a length in front. Those stay; of a value's bytes stays what
//! is listed here: validity, country, the flags of well-known extensions, well-known object identifiers. Everything else is
//! overwritten, by bytes that depend on the key and on what stood there, so that an issuer's name is still its certificate's
//! subject. What is no such tree is blanked.

use super::Substitutes;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const UTF8: u8 = 0x0c;
const NUMERIC: u8 = 0x12;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;
const DEPTH_AT_MOST: usize = 16;

/// Object identifiers that everybody uses, by their beginnings; a private one names its owner.
const COMMON: [&[u8]; 11] = [
    &[0x55, 0x04],
    &[0x55, 0x1d],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d],
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07],
    &[0x2b, 0x81, 0x04, 0x00],
    &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04],
    &[0x2b, 0x65],
    &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01],
    &[0x67, 0x81, 0x0c, 0x01],
    TIMESTAMPS,
];
/// Behind such a beginning stand no more bytes than these.
const BEHIND_AT_MOST: usize = 3;
const TIMESTAMPS: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// What a value is, by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Unknown,
    List,
    Certificate,
    Signed,
    Version,
    Validity,
    /// A distinguished name, and what it is made of.
    Name,
    Relative,
    Attribute,
    Country,
    CommonName,
    Extensions,
    ExtensionList,
    Extension,
    /// What an extension has in its octets.
    Alternatives,
    AlternativeNames,
    Directory,
    Flags,
    Timestamps,
    TimestampList,
    Host,
    Address,
}

/// Rewrites the body of a Certificate message (RFC 5246, 7.4.2) of whose end `missing` bytes are not there.
pub fn message(body: &mut [u8], missing: usize, substitutes: &Substitutes) {
    const LENGTH: usize = 3;
    let mut at = LENGTH.min(body.len());
    while let Some([a, b, c]) = body.get(at..).and_then(<[u8]>::first_chunk).copied() {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let (from, end) = (at + LENGTH, at + LENGTH + length);
        let to = end.min(body.len());
        if end > body.len() + missing {
            break;
        }
        if let Some(certificate) = body.get_mut(from..to) {
            Walk(substitutes).values(Part::List, certificate, end - to, 0);
        }
        at = to;
    }
    if let Some(rest) = body.get_mut(at..) {
        rest.fill(0);
    }
}

struct Value {
    tag: u8,
    from: usize,
    to: usize,
    /// Bytes of it that are not there.
    missing: usize,
}

struct Walk<'a>(&'a Substitutes);

impl Walk<'_> {
    /// The values that stand one behind the other in `bytes`, which are of `part`.
    fn values(&self, part: Part, bytes: &mut [u8], missing: usize, depth: usize) {
        let (mut at, mut place) = (0, 0);
        let mut identifier: Vec<u8> = Vec::new();
        while at < bytes.len() {
            let value = value(bytes, at, missing).filter(|_| depth < DEPTH_AT_MOST);
            let Some(value) = value else { break };
            let Some(content) = bytes.get_mut(value.from..value.to) else {
                break;
            };
            let inner = part.of(place, value.tag, &identifier);
            if value.tag & CONSTRUCTED != 0 {
                self.values(inner, content, value.missing, depth + 1);
            } else if value.missing > 0 {
                content.fill(0);
            } else {
                if value.tag == IDENTIFIER && place == 0 {
                    identifier = content.to_vec();
                }
                self.content(inner, value.tag, content, depth);
            }
            // The version may be left out.
            place += usize::from(inner != Part::Version);
            at = value.to;
        }
        if let Some(rest) = bytes.get_mut(at..) {
            rest.fill(0);
        }
    }

    fn content(&self, part: Part, tag: u8, content: &mut [u8], depth: usize) {
        let is_number = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
        match part {
            Part::Host => self.0.names.text(content),
            Part::Address => self.address(content),
            Part::Country if content.len() == 2 && content.iter().all(u8::is_ascii_uppercase) => {}
            Part::CommonName if is_host(content) => self.host(content),
            Part::Version if matches!(content, [0..=2]) => {}
            Part::Validity if is_number(content.strip_suffix(b"Z").unwrap_or(b"-")) => {}
            Part::Flags if tag != OCTET_STRING && content.len() <= 2 => {}
            Part::TimestampList => timestamps(content),
            Part::Flags | Part::Alternatives | Part::Timestamps if tag == OCTET_STRING => {
                self.values(part, content, 0, depth + 1)
            }
            _ => self.unknown(tag, content, depth),
        }
    }

    fn host(&self, content: &mut [u8]) {
        // A word alone is no name under a country.
        match content.contains(&b'.') {
            true => self.0.names.text(content),
            false => self.0.names.label(content, false),
        }
    }

    fn address(&self, content: &mut [u8]) {
        let addresses = &self.0.addresses;
        if let Ok(v4) = <&mut [u8; 4]>::try_from(&mut *content) {
            *v4 = addresses.v4(u32::from_be_bytes(*v4)).to_be_bytes();
        } else if let Ok(v6) = <&mut [u8; 16]>::try_from(&mut *content) {
            *v6 = addresses.v6(u128::from_be_bytes(*v6)).to_be_bytes();
        } else {
            content.fill(0);
        }
    }

    fn unknown(&self, tag: u8, content: &mut [u8], depth: usize) {
        match tag {
            BOOLEAN if matches!(content, [0 | 0xff]) => {}
            IDENTIFIER if is_common(content) => {}
            // 0.1.1.1 and so on.
            IDENTIFIER => content.fill(1),
            INTEGER | ENUMERATED => {
                self.0.names.bytes(content);
                // Above nought, and as long as it is.
                if let Some(first) = content.first_mut() {
                    *first = *first & 0x3f | 0x40;
                }
            }
            BIT_STRING => {
                if let Some((unused, bits)) = content.split_first_mut() {
                    *unused &= 7;
                    self.nested(bits, depth);
                }
            }
            OCTET_STRING => self.nested(content, depth),
            UTC_TIME | GENERALIZED_TIME | NUMERIC => content.fill(b'0'),
            BMP => self.wide(content, 2),
            UNIVERSAL => self.wide(content, 4),
            UTF8..=BMP => self.0.names.words(content),
            BOOLEAN | NULL => content.fill(0),
            _ if content.iter().all(|byte| matches!(byte, b' '..=b'~')) => self.0.names.words(content),
            _ => self.0.names.bytes(content),
        }
    }

    /// Octets may have values in them.
    fn nested(&self, content: &mut [u8], depth: usize) {
        match value(content, 0, 0) {
            Some(only) if only.to == content.len() => self.values(Part::Unknown, content, 0, depth + 1),
            _ => self.0.names.bytes(content),
        }
    }

    /// Characters of several bytes.
    fn wide(&self, content: &mut [u8], width: usize) {
        self.0.names.words(content);
        for (place, byte) in content.iter_mut().enumerate() {
            if place % width + 1 != width {
                *byte = 0;
            }
        }
    }
}

impl Part {
    /// What the value of this tag is that stands at `place` of a part, behind `identifier`.
    fn of(self, place: usize, tag: u8, identifier: &[u8]) -> Part {
        match (self, tag, place) {
            (Part::List, SEQUENCE, 0) => Part::Certificate,
            (Part::Certificate, SEQUENCE, 0) => Part::Signed,
            (Part::Signed, 0xa0, 0) => Part::Version,
            (Part::Signed, SEQUENCE, 2 | 4) => Part::Name,
            (Part::Signed, SEQUENCE, 3) => Part::Validity,
            (Part::Signed, 0xa3, _) => Part::Extensions,
            (Part::Version, INTEGER, 0) => Part::Version,
            (Part::Validity, UTC_TIME | GENERALIZED_TIME, 0 | 1) => Part::Validity,
            (Part::Name, SET, _) => Part::Relative,
            (Part::Relative, SEQUENCE, _) => Part::Attribute,
            (Part::Attribute, UTF8..=GENERALIZED_TIME, 1) if identifier == COMMON_NAME => Part::CommonName,
            (Part::Attribute, UTF8..=GENERALIZED_TIME, 1) if identifier == COUNTRY => Part::Country,
            (Part::Extensions, SEQUENCE, 0) => Part::ExtensionList,
            (Part::ExtensionList, SEQUENCE, _) => Part::Extension,
            (Part::Extension, OCTET_STRING, 1 | 2) => match identifier {
                ALTERNATIVE_NAMES => Part::Alternatives,
                KEY_USAGE | BASIC_CONSTRAINTS => Part::Flags,
                _ if identifier.starts_with(TIMESTAMPS) => Part::Timestamps,
                _ => Part::Unknown,
            },
            (Part::Timestamps, OCTET_STRING, 0) => Part::TimestampList,
            (Part::Flags, SEQUENCE | BOOLEAN | INTEGER | BIT_STRING, _) => Part::Flags,
            (Part::Alternatives, SEQUENCE, 0) => Part::AlternativeNames,
            (Part::AlternativeNames, 0x82, _) => Part::Host,
            (Part::AlternativeNames, 0x87, _) => Part::Address,
            (Part::AlternativeNames, 0xa4, _) => Part::Directory,
            (Part::Directory, SEQUENCE, 0) => Part::Name,
            _ => Part::Unknown,
        }
    }
}

/// RFC 6962, 3.2 and 3.3: a list of signed timestamps becomes one of nothing, as long as all of them were.
fn timestamps(list: &mut [u8]) {
    /// Of the list and of its only member; then the log, the time, the extensions' length, the algorithms.
    const LENGTHS: usize = 2 + 2;
    const FIXED: usize = 1 + 32 + 8 + 2 + 2;
    list.fill(0);
    let all = list.len();
    for behind in [2, LENGTHS, LENGTHS + FIXED + 2] {
        if let (Some(slots), Some(left)) = (list.get_mut(behind - 2..behind), all.checked_sub(behind)) {
            slots.copy_from_slice(&(left as u16).to_be_bytes());
        }
    }
}

/// The value at `at`, if it is of a kind that certificates have and fits.
fn value(bytes: &[u8], at: usize, missing: usize) -> Option<Value> {
    let [tag, first] = *bytes.get(at..)?.first_chunk::<2>()?;
    let is_known = matches!(
        tag,
        BOOLEAN..=IDENTIFIER | ENUMERATED | UTF8 | NUMERIC..=BMP | SEQUENCE | SET | 0x80..=0x88 | 0xa0..=0xa8
    );
    let (header, length) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x81..=0x83 => {
            let many = usize::from(first & 0x7f);
            let length = bytes.get(at + 2..at + 2 + many)?;
            (
                2 + many,
                length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
            )
        }
        _ => return None,
    };
    let (from, end) = (at + header, at + header + length);
    let to = end.min(bytes.len());
    (is_known && end <= bytes.len() + missing).then_some(Value {
        tag,
        from,
        to,
        missing: end - to,
    })
}

fn is_common(identifier: &[u8]) -> bool {
    COMMON
        .into_iter()
        .filter_map(|front| identifier.strip_prefix(front))
        .any(|behind| behind.len() <= BEHIND_AT_MOST)
}

fn is_host(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*');
    !text.is_empty() && text.iter().all(is_part)
}
