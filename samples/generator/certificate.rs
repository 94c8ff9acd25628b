//! Certificates: a DER writer of thirty lines and a minimal X.509 leaf with its issuer above it (RFC 5280).
//!
//! Keys and signatures are noise: nobody who only listens can check them.

use super::bytes::{Noise, Out};

/// What a certificate says.
#[derive(Clone)]
pub struct Certificate {
    /// DNS names; the first is the subject's CN too.
    pub names: Vec<String>,
    /// `CN=..., O=...` in the order of the certificate.
    pub issuer: String,
    /// `YYYY-MM-DD`
    pub valid: [String; 2],
    pub build: Build,
}

/// What a certificate is made of, which decides how long it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// Short keys and nothing that is not needed.
    Elliptic,
    /// RSA keys and signatures, and as many bytes of extensions as public authorities add.
    Rsa,
}

const RSA_BYTES: usize = 256;
/// Certificate transparency, policies, where to ask about revocation.
const PUBLIC_EXTENSIONS: usize = 800;

mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OBJECT: u8 = 0x06;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const UTC_TIME: u8 = 0x17;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    /// Context tags of a TBSCertificate: version and extensions.
    pub const VERSION: u8 = 0xa0;
    pub const EXTENSIONS: u8 = 0xa3;
    /// GeneralName: dNSName.
    pub const DNS_NAME: u8 = 0x82;
}

mod object {
    pub const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    pub const COUNTRY: &[u8] = &[0x55, 4, 6];
    pub const ORGANISATION: &[u8] = &[0x55, 4, 10];
    pub const ORGANISATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
    pub const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
    pub const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    pub const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    pub const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    pub const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    pub const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    /// A private extension that nobody reads (1.3.6.1.4.1.311.21.7).
    pub const PRIVATE: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 21, 7];
}

impl Certificate {
    /// The leaf, then its issuer's own certificate.
    pub fn chain(&self, noise: &mut Noise) -> Vec<Vec<u8>> {
        let subject = self.names.first().map(|name| format!("CN={name}"));
        let leaf = self.write(&subject.unwrap_or_default(), &self.issuer, &self.names, noise);
        let above = self.write(&self.issuer, "CN=Lab Root CA", &[], noise);
        vec![leaf, above]
    }

    fn write(&self, subject: &str, issuer: &str, names: &[String], noise: &mut Noise) -> Vec<u8> {
        let serial = number(16, noise);
        let algorithm = self.build.algorithm();
        let key = self.build.key(noise);
        let mut extensions = vec![extension(
            object::BASIC_CONSTRAINTS,
            &sequence(&match names.is_empty() {
                true => vec![der(tag::BOOLEAN, &[0xff])],
                false => vec![],
            }),
        )];
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| der(tag::DNS_NAME, name.as_bytes())).collect();
            extensions.push(extension(object::ALTERNATIVE_NAME, &sequence(&names)));
        }
        if self.build == Build::Rsa {
            let text = der(tag::OCTET_STRING, &noise.bytes(PUBLIC_EXTENSIONS));
            extensions.push(extension(object::PRIVATE, &text));
        }
        let to_be_signed = sequence(&[
            der(tag::VERSION, &der(tag::INTEGER, &[2])),
            serial,
            algorithm.clone(),
            name(issuer),
            sequence(&self.valid.each_ref().map(|day| time(day))),
            name(subject),
            key,
            der(tag::EXTENSIONS, &sequence(&extensions)),
        ]);
        let signature = self.build.signature(noise);
        sequence(&[to_be_signed, algorithm, bits(&signature)])
    }
}

impl Build {
    fn algorithm(self) -> Vec<u8> {
        match self {
            Build::Elliptic => sequence(&[der(tag::OBJECT, object::ECDSA_SHA256)]),
            Build::Rsa => sequence(&[der(tag::OBJECT, object::RSA_SHA256), der(tag::NULL, &[])]),
        }
    }

    fn key(self, noise: &mut Noise) -> Vec<u8> {
        match self {
            Build::Elliptic => sequence(&[
                sequence(&[der(tag::OBJECT, object::EC_PUBLIC_KEY), der(tag::OBJECT, object::P256)]),
                bits(&[&[4][..], &noise.bytes(64)].concat()),
            ]),
            Build::Rsa => {
                let exponent = der(tag::INTEGER, &[1, 0, 1]);
                sequence(&[
                    sequence(&[der(tag::OBJECT, object::RSA), der(tag::NULL, &[])]),
                    bits(&sequence(&[number(RSA_BYTES, noise), exponent])),
                ])
            }
        }
    }

    fn signature(self, noise: &mut Noise) -> Vec<u8> {
        match self {
            Build::Elliptic => sequence(&[number(32, noise), number(32, noise)]),
            Build::Rsa => noise.bytes(RSA_BYTES),
        }
    }
}

/// A positive number of so many bytes.
fn number(count: usize, noise: &mut Noise) -> Vec<u8> {
    let mut bytes = noise.bytes(count);
    bytes[0] = bytes[0] & 0x3f | 0x40;
    der(tag::INTEGER, &bytes)
}

/// `CN=a, O=b` as a Name.
fn name(text: &str) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = text
        .split(", ")
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| {
            let (kind, string) = match key {
                "O" => (object::ORGANISATION, tag::UTF8_STRING),
                "OU" => (object::ORGANISATIONAL_UNIT, tag::UTF8_STRING),
                "C" => (object::COUNTRY, tag::PRINTABLE_STRING),
                _ => (object::COMMON_NAME, tag::UTF8_STRING),
            };
            let pair = sequence(&[der(tag::OBJECT, kind), der(string, value.as_bytes())]);
            der(tag::SET, &pair)
        })
        .collect();
    sequence(&parts)
}

/// Midnight of `YYYY-MM-DD` as a UTCTime, which has two digits of the year.
fn time(day: &str) -> Vec<u8> {
    let digits: String = day.chars().filter(char::is_ascii_digit).skip(2).collect();
    der(tag::UTC_TIME, format!("{digits}000000Z").as_bytes())
}

fn extension(kind: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[der(tag::OBJECT, kind), der(tag::OCTET_STRING, value)])
}

fn bits(value: &[u8]) -> Vec<u8> {
    let unused_bits = 0;
    der(tag::BIT_STRING, &[&[unused_bits], value].concat())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(tag::SEQUENCE, &parts.concat())
}

/// Tag, length in its shortest form, value.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = Out::default();
    out.u8(tag);
    match value.len() {
        short @ 0..=0x7f => out.u8(short as u8),
        middle @ 0x80..=0xff => out.u8(0x81).u8(middle as u8),
        long => out.u8(0x82).u16(long as u16),
    };
    out.bytes(value);
    out.0
}
