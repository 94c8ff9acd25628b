//! The server's own certificate, read from a Certificate message of TLS 1.2 or older.
//!
//! x509-parser takes the DER apart; here it is made into text that is safe to show and compare, and
//! bounded: nobody's certificate needs more than a thousand names.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use x509_parser::asn1_rs::{Any, BmpString, FromDer, Oid, Tag};
use x509_parser::certificate::X509CertificateParser;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::oid_registry::{
    OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME, OID_X509_EXT_SUBJECT_ALT_NAME, OID_X509_LOCALITY_NAME,
    OID_X509_ORGANIZATION_NAME, OID_X509_ORGANIZATIONAL_UNIT, OID_X509_STATE_OR_PROVINCE_NAME,
};
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

use crate::evidence::memo::Memo;
use crate::evidence::model::Certificate;
use crate::names::domain::{Domain, escape_text};
use crate::wire::cursor::Cursor;

const MAX_NAMES: usize = 1000;
/// A longer dNSName can be nobody's host name.
const MAX_NAME: usize = 255;
/// Attributes of a subject or issuer that are shown.
const MAX_ATTRIBUTES: usize = 32;
/// Bytes of one attribute's value that are shown. X.520 grants the longest of them 128 characters.
const MAX_VALUE: usize = 512;

/// The leaf of a Certificate message's body (RFC 5246, section 7.4.2: the sender's certificate comes first).
/// Certificates behind it may be missing.
pub fn leaf(body: &[u8]) -> Option<Arc<Certificate>> {
    let mut c = Cursor::new(body);
    c.u24()?;
    let length = c.u24()?;
    remembered(c.take(length as usize)?)
}

/// Bytes of a certificate that is remembered; few are longer.
const MAX_REMEMBERED: usize = 8 * 1024;

thread_local! {
    /// Servers show the same certificate in every connection, and the flows of one share what was read of it.
    static RECENT: RefCell<Memo<u8, Option<Arc<Certificate>>>> = const { RefCell::new(Memo::new(MAX_REMEMBERED)) };
}

/// [`parse`], or what it said of the same bytes before.
pub fn remembered(der: &[u8]) -> Option<Arc<Certificate>> {
    RECENT.with_borrow_mut(|recent| recent.answer(der, |der| parse(der).map(Arc::new)))
}

/// Reads one certificate in DER.
pub fn parse(der: &[u8]) -> Option<Certificate> {
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let (_, certificate) = parser.parse(der).ok()?;
    let alternative = certificate
        .extensions()
        .iter()
        .find(|e| e.oid == OID_X509_EXT_SUBJECT_ALT_NAME)
        .and_then(|e| SubjectAlternativeName::from_der(e.value).ok());
    let mut names: Vec<String> = alternative
        .iter()
        .flat_map(|(_, names)| &names.general_names)
        .filter_map(host_of)
        .take(MAX_NAMES)
        .collect();
    if names.is_empty() {
        names.extend(common_name(certificate.subject()));
    }
    Some(Certificate {
        subject: distinguished_name(certificate.subject()),
        issuer: distinguished_name(certificate.issuer()),
        names,
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

fn host_of(name: &GeneralName<'_>) -> Option<String> {
    let bytes = match name {
        GeneralName::DNSName(text) => text.as_bytes(),
        _ => return None,
    };
    let fits = (1..=MAX_NAME).contains(&bytes.len());
    fits.then(|| Domain::from_text(bytes).to_string())
}

/// RFC 6125, section 6.4.4: the common name counts only where no dNSName stands, and only if it looks like one.
fn common_name(subject: &X509Name<'_>) -> Option<String> {
    let attribute = subject.iter_common_name().last()?;
    let name = Domain::from_text(&value(attribute));
    let host = name.as_str().strip_prefix("*.").unwrap_or(name.as_str());
    Domain::from_text(host.as_bytes())
        .is_host_name()
        .then(|| name.to_string())
}

/// RFC 4514, section 2.1: the last component, the most specific, comes first. Some issuers write their names the other
/// way round; the common name leads all the same.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let is_common = |rdn: &RelativeDistinguishedName<'_>| rdn.iter().any(|a| *a.attr_type() == OID_X509_COMMON_NAME);
    let mut components: Vec<_> = name.iter_rdn().take(MAX_ATTRIBUTES).collect();
    components.reverse();
    components.sort_by_key(|rdn| !is_common(rdn));
    let mut text = String::new();
    for component in components {
        let mut separator = if text.is_empty() { "" } else { ", " };
        for attribute in component.iter().take(MAX_ATTRIBUTES) {
            text.push_str(separator);
            text.push_str(&type_name(attribute));
            text.push('=');
            push_value(&mut text, &value(attribute));
            separator = "+";
        }
    }
    text
}

/// `CN`, `O` and the like, or the dotted number.
fn type_name(attribute: &AttributeTypeAndValue<'_>) -> Cow<'static, str> {
    let kind = attribute.attr_type();
    // Nearly every name is made of these; the registry is a map of all there are.
    const USUAL: [(Oid<'static>, &str); 6] = [
        (OID_X509_COMMON_NAME, "CN"),
        (OID_X509_COUNTRY_NAME, "C"),
        (OID_X509_ORGANIZATION_NAME, "O"),
        (OID_X509_ORGANIZATIONAL_UNIT, "OU"),
        (OID_X509_LOCALITY_NAME, "L"),
        (OID_X509_STATE_OR_PROVINCE_NAME, "ST"),
    ];
    match USUAL.iter().find(|(usual, _)| usual == kind) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned)),
    }
}

/// RFC 4514, section 2.4: characters that end or join values have a backslash in front.
fn push_value(text: &mut String, value: &[u8]) {
    for c in escape_text(value).chars() {
        if matches!(c, ',' | '+' | '"' | ';' | '<' | '>') {
            text.push('\\');
        }
        text.push(c);
    }
}

/// The value's text, 16-bit characters made UTF-8, other types as they are.
fn value(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    let any: &Any<'_> = attribute.attr_value();
    let mut bytes = match BmpString::try_from(any) {
        Ok(text) if any.tag() == Tag::BmpString => text.string().into_bytes(),
        _ => any.data.to_vec(),
    };
    bytes.truncate(MAX_VALUE);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::tls_samples::{TLS12_SERVER, bytes};

    /// The body of the recorded Certificate message: behind the ServerHello's record, the record's and the message's headers.
    fn body() -> Vec<u8> {
        bytes(TLS12_SERVER)[79 + 5 + 4..][..523].to_vec()
    }

    #[test]
    fn a_leaf_is_shown_as_text_that_is_safe() {
        let leaf = leaf(&body()).unwrap();
        assert_eq!(leaf.subject, r"CN=example.test, O=Ex\195\169mple\, Inc., C=FR");
        assert_eq!(leaf.issuer, leaf.subject);
        assert_eq!(leaf.names, ["*.example.test", "example.test"]);
        assert_eq!(leaf.not_before, 1_795_230_465);
        assert_eq!(leaf.not_after - leaf.not_before, 3650 * 86_400);
    }

    #[test]
    fn the_issuers_behind_the_leaf_may_be_missing_but_not_the_leaf() {
        let mut body = body();
        body[2] = 0xff;
        assert!(leaf(&body).is_some());
        body.pop();
        assert!(leaf(&body).is_none());
    }

    #[test]
    fn without_alternative_names_the_common_name_counts() {
        let mut body = body();
        let oid = [0x06, 0x03, 0x55, 0x1d, 0x11];
        let at = body.windows(5).position(|w| w == oid).unwrap();
        body[at + 4] = 0x7f;
        assert_eq!(leaf(&body).unwrap().names, ["example.test"]);
        let name = b"example.test";
        for (at, _) in body.clone().windows(12).enumerate().filter(|(_, w)| w == name) {
            body[at] = b' ';
        }
        assert!(leaf(&body).unwrap().names.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(
            flips in prop::collection::vec((0usize..523, any::<u8>()), 1..20),
            junk in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut body = body();
            for (at, value) in flips {
                body[at] = value;
            }
            for text in leaf(&body).iter().flat_map(|c| [&c.subject, &c.issuer].into_iter().chain(&c.names)) {
                prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
            }
            leaf(&junk);
            parse(&junk);
        }
    }
}
