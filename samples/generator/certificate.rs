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
}

mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
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
}

impl Certificate {
    /// The leaf, then its issuer's own certificate.
    pub fn chain(&self, noise: &mut Noise) -> Vec<Vec<u8>> {
        let subject = self.names.first().map(|name| format!("CN={name}"));
        let leaf = write(
            &subject.unwrap_or_default(),
            &self.issuer,
            &self.valid,
            &self.names,
            noise,
        );
        let above = write(&self.issuer, "CN=Lab Root CA", &self.valid, &[], noise);
        vec![leaf, above]
    }
}

fn write(subject: &str, issuer: &str, valid: &[String; 2], names: &[String], noise: &mut Noise) -> Vec<u8> {
    let mut serial = noise.bytes(16);
    serial[0] = serial[0] & 0x3f | 0x40;
    let algorithm = sequence(&[der(tag::OBJECT, object::ECDSA_SHA256)]);
    let key = sequence(&[
        sequence(&[der(tag::OBJECT, object::EC_PUBLIC_KEY), der(tag::OBJECT, object::P256)]),
        bits(&[&[4][..], &noise.bytes(64)].concat()),
    ]);
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
    let to_be_signed = sequence(&[
        der(tag::VERSION, &der(tag::INTEGER, &[2])),
        der(tag::INTEGER, &serial),
        algorithm.clone(),
        name(issuer),
        sequence(&valid.each_ref().map(|day| time(day))),
        name(subject),
        key,
        der(tag::EXTENSIONS, &sequence(&extensions)),
    ]);
    let halves: [Vec<u8>; 2] = [(); 2].map(|()| {
        let mut half = noise.bytes(32);
        half[0] = half[0] & 0x3f | 0x40;
        der(tag::INTEGER, &half)
    });
    sequence(&[to_be_signed, algorithm, bits(&sequence(&halves))])
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
