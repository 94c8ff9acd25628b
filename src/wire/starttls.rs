//! Protocols that begin in the clear and change to TLS when the client asks for it: how to know them, and where each of
//! their messages ends, since that is where TLS may begin.
//!
//! | protocol | a message is | asked by | answered by |
//! | --- | --- | --- | --- |
//! | SMTP (RFC 3207), IMAP (RFC 3501), POP3 (RFC 2595), FTP (RFC 4217) | a line | `STARTTLS`, `STLS`, `AUTH TLS` | `220`, `OK`, `+OK`, `234` |
//! | XMPP (RFC 6120, section 5) | up to a `>` | `<starttls/>` | `<proceed/>` |
//! | LDAP (RFC 4511, section 4.14) | one BER element | ExtendedRequest 1.3.6.1.4.1.1466.20037 | ExtendedResponse |
//! | PostgreSQL ("Message Flow", SSL Session Encryption) | 8 bytes, or 1 | SSLRequest | `S` |
//! | MySQL ("Connection Phase") | length (3, little-endian), number, payload | SSLRequest, behind the server's greeting | nothing |

use super::Parse;
use super::cursor::Cursor;

/// What messages look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// SMTP, IMAP, POP3, FTP and their kin.
    Lines,
    /// XMPP.
    Markup,
    Ldap,
    Postgres,
    MySql,
}

/// The bytes are of none of these protocols, or will not change to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeverTls;

/// FTP, SMTP, POP3, NNTP, IMAP, submission, 2525 for those whose port 25 is closed, ManageSieve.
const TEXT_PORTS: [u16; 8] = [21, 25, 110, 119, 143, 587, 2525, 4190];
const MARKUP_PORTS: [u16; 2] = [5222, 5269];

/// How servers greet, and what clients say where the greeting was not seen.
const LINES: [&[u8]; 14] = [
    b"220 ",
    b"220-",
    b"+OK ",
    b"* OK ",
    b"* PREAUTH ",
    b"EHLO ",
    b"HELO ",
    b"LHLO ",
    b"STARTTLS\r\n",
    b"STLS\r\n",
    b"CAPA\r\n",
    b"AUTH TLS\r\n",
    b"AUTH SSL\r\n",
    b". STARTTLS\r\n",
];
const MARKUP: [&[u8]; 2] = [b"<?xml ", b"<stream:stream"];

const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// The same question for GSSAPI, which some clients ask first.
const GSS_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

const MYSQL_HEADER: usize = 4;
/// A greeting is its version's text and some eighty bytes.
const MYSQL_GREETING: std::ops::RangeInclusive<u32> = 40..=512;
const MYSQL_PROTOCOL: u8 = 10;
/// The capability by which a client's first packet announces TLS.
const MYSQL_CLIENT_SSL: u8 = 0x08;

/// Which of the protocols a side's first bytes are of.
pub fn recognise(bytes: &[u8], ports: [u16; 2]) -> Parse<Language, NeverTls> {
    let on = |known: &[u16]| ports.iter().any(|port| known.contains(port));
    if bytes.is_empty() {
        return Parse::Need(1);
    }
    let begins = |words: &[&[u8]]| words.iter().any(|word| bytes.starts_with(word));
    if begins(&LINES) || on(&TEXT_PORTS) && bytes.iter().take(4).all(|b| (b' '..=b'~').contains(b)) {
        return Parse::Complete(Language::Lines);
    }
    if begins(&MARKUP) || on(&MARKUP_PORTS) && bytes.starts_with(b"<") {
        return Parse::Complete(Language::Markup);
    }
    if bytes.starts_with(SSL_REQUEST) || bytes.starts_with(GSS_REQUEST) {
        return Parse::Complete(Language::Postgres);
    }
    let (ldap, mysql) = (is_ldap(bytes), is_mysql_greeting(bytes));
    if ldap == Some(true) {
        return Parse::Complete(Language::Ldap);
    }
    if mysql == Some(true) {
        return Parse::Complete(Language::MySql);
    }
    let mut words = LINES.iter().chain(&MARKUP).chain(&[SSL_REQUEST, GSS_REQUEST]);
    if ldap.is_none() || mysql.is_none() || words.any(|word| word.starts_with(bytes)) {
        Parse::Need(bytes.len() + 1)
    } else {
        Parse::Malformed(NeverTls)
    }
}

impl Language {
    /// How many bytes the next message takes, of which more may still have to come. None of them is TLS's.
    ///
    /// `Need`: so far it cannot be said. In text it is always said: what is there, up to the next place where TLS
    /// may begin.
    pub fn message(self, bytes: &[u8]) -> Parse<usize, NeverTls> {
        match self {
            Language::Lines => text(bytes, b'\n'),
            Language::Markup => text(bytes, b'>'),
            Language::Ldap => element(bytes),
            Language::Postgres => postgres(bytes),
            Language::MySql => mysql(bytes),
        }
    }

    /// Whether a message in text that was given in part ends with these bytes.
    pub fn is_end(self, bytes: &[u8]) -> bool {
        match self {
            Language::Lines => bytes.ends_with(b"\n"),
            Language::Markup => bytes.trim_ascii_end().ends_with(b">"),
            _ => true,
        }
    }
}

fn text(bytes: &[u8], last: u8) -> Parse<usize, NeverTls> {
    let end = bytes.iter().position(|&b| b == last).map(|at| at + 1);
    let message = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    if message.contains(&0) {
        return Parse::Malformed(NeverTls);
    }
    if last != b'>' || end.is_none() {
        return Parse::Complete(message.len());
    }
    // Between tags blanks may stand, and clients send some to keep the connection.
    let behind = bytes.get(message.len()..).unwrap_or(&[]);
    let blanks = behind.len() - behind.trim_ascii_start().len();
    Parse::Complete(message.len() + blanks)
}

/// RFC 4511, section 5.1: every LDAPMessage is a SEQUENCE of definite length.
fn element(bytes: &[u8]) -> Parse<usize, NeverTls> {
    const SEQUENCE: u8 = 0x30;
    let mut c = Cursor::new(bytes);
    match c.u8() {
        Some(SEQUENCE) => {}
        Some(_) => return Parse::Malformed(NeverTls),
        None => return Parse::Need(2),
    }
    match ber_length(&mut c) {
        Parse::Complete(length) => Parse::Complete(bytes.len() - c.left() + length),
        Parse::Need(_) => Parse::Need(bytes.len() + 1),
        Parse::Malformed(error) => Parse::Malformed(error),
    }
}

/// Short form, or the long form with at most three bytes.
fn ber_length(c: &mut Cursor<'_>) -> Parse<usize, NeverTls> {
    let length = match c.u8() {
        Some(short @ 0..=0x7f) => Some(u32::from(short)),
        Some(0x81) => c.u8().map(u32::from),
        Some(0x82) => c.u16().map(u32::from),
        Some(0x83) => c.u24(),
        Some(_) => return Parse::Malformed(NeverTls),
        None => None,
    };
    length.map_or(Parse::Need(0), |length| Parse::Complete(length as usize))
}

/// A SEQUENCE of a message's number and an operation. None: so far it may be.
fn is_ldap(bytes: &[u8]) -> Option<bool> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    /// Number of an operation's tag: BindRequest to IntermediateResponse; the constructed ones and the three that are not.
    const CONSTRUCTED: std::ops::RangeInclusive<u8> = 0x60..=0x79;
    const PRIMITIVE: [u8; 3] = [0x42, 0x4a, 0x50];
    let mut c = Cursor::new(bytes);
    if c.u8()? != SEQUENCE {
        return Some(false);
    }
    match ber_length(&mut c) {
        Parse::Complete(_) => {}
        Parse::Need(_) => return None,
        Parse::Malformed(_) => return Some(false),
    }
    if c.u8()? != INTEGER {
        return Some(false);
    }
    let digits = c.u8()?;
    if !(1..=4).contains(&digits) {
        return Some(false);
    }
    c.take(usize::from(digits))?;
    let operation = c.u8()?;
    Some(CONSTRUCTED.contains(&operation) || PRIMITIVE.contains(&operation))
}

fn postgres(bytes: &[u8]) -> Parse<usize, NeverTls> {
    match bytes {
        [] => Parse::Need(1),
        // Yes to TLS, yes to GSSAPI, no. After a no the client may ask for the other, or go on in the clear.
        [b'S' | b'G' | b'N', ..] => Parse::Complete(1),
        _ if bytes.starts_with(SSL_REQUEST) || bytes.starts_with(GSS_REQUEST) => Parse::Complete(SSL_REQUEST.len()),
        _ if SSL_REQUEST.starts_with(bytes) || GSS_REQUEST.starts_with(bytes) => Parse::Need(SSL_REQUEST.len()),
        _ => Parse::Malformed(NeverTls),
    }
}

fn mysql(bytes: &[u8]) -> Parse<usize, NeverTls> {
    const FROM_CLIENT: u8 = 1;
    let mut c = Cursor::new(bytes);
    let (Some(length), Some(number)) = (little_endian(&mut c), c.u8()) else {
        return Parse::Need(MYSQL_HEADER);
    };
    if number == FROM_CLIENT {
        // What a client sends second is its SSLRequest, or a login in the clear; the capabilities tell.
        let Some([_, second]) = c.array() else {
            return Parse::Need(MYSQL_HEADER + 2);
        };
        if second & MYSQL_CLIENT_SSL == 0 {
            return Parse::Malformed(NeverTls);
        }
    }
    Parse::Complete(MYSQL_HEADER + length as usize)
}

/// None: so far it may be one.
fn is_mysql_greeting(bytes: &[u8]) -> Option<bool> {
    let mut c = Cursor::new(bytes);
    if !MYSQL_GREETING.contains(&little_endian(&mut c)?) {
        return Some(false);
    }
    Some(c.u8()? == 0 && c.u8()? == MYSQL_PROTOCOL && c.u8()?.is_ascii_digit())
}

fn little_endian(c: &mut Cursor<'_>) -> Option<u32> {
    c.array::<3>().map(|[a, b, high]| u32::from_le_bytes([a, b, high, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELSEWHERE: [u16; 2] = [50_000, 9_999];
    /// StartTLS of an OpenLDAP client, and a server's yes.
    const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    const LDAP_RESPONSE: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
    /// The greeting of MySQL 8.0.28 and the SSLRequest of a client.
    const MYSQL_SERVER: &[u8] =
        b"\x4a\0\0\0\x0a8.0.28\0\x18\0\0\0\x36\x5a\x5c\x3d\x1c\x74\x51\x77\0\xff\xff\xff\x02\0\xff\xdf\
        \x15\0\0\0\0\0\0\0\0\0\0\x40\x60\x4d\x11\x42\x79\x35\x56\x28\x47\x15\x34\0mysql_native_password\0";
    const MYSQL_CLIENT: &[u8] =
        b"\x20\0\0\x01\x85\xae\xff\x20\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    #[test]
    fn each_protocol_is_known_by_its_first_bytes() {
        for (bytes, language) in [
            (&b"220 mx.google.com ESMTP"[..], Language::Lines),
            (b"220-Welcome", Language::Lines),
            (b"+OK POP3 ready", Language::Lines),
            (b"* OK [CAPABILITY IMAP4rev1]", Language::Lines),
            (b"EHLO client", Language::Lines),
            (b"<?xml version='1.0'?><stream:stream", Language::Markup),
            (SSL_REQUEST, Language::Postgres),
            (LDAP_REQUEST, Language::Ldap),
            (LDAP_RESPONSE, Language::Ldap),
            (MYSQL_SERVER, Language::MySql),
        ] {
            assert_eq!(recognise(bytes, ELSEWHERE), Parse::Complete(language));
        }
    }

    #[test]
    fn others_are_not() {
        // SSH; SNMP over TCP; a Kerberos request; Redis; something in a PostgreSQL client's place.
        for bytes in [
            &b"SSH-2.0-OpenSSH"[..],
            b"\x30\x26\x02\x01\x01\x04\x06public",
            b"\0\0\0\x90\x6a\x81\x8d\x30",
            b"+PONG\r\n",
            &[0, 0, 0, 8, 0, 3, 0, 0],
        ] {
            assert_eq!(recognise(bytes, ELSEWHERE), Parse::Malformed(NeverTls), "{bytes:?}");
        }
        assert_eq!(recognise(b"22", ELSEWHERE), Parse::Need(3));
        assert_eq!(recognise(&MYSQL_SERVER[..4], ELSEWHERE), Parse::Need(5));
        assert_eq!(recognise(&LDAP_REQUEST[..4], ELSEWHERE), Parse::Need(5));
        assert_eq!(recognise(b"554 no", ELSEWHERE), Parse::Malformed(NeverTls));
        assert_eq!(recognise(b"554 no", [50_000, 25]), Parse::Complete(Language::Lines));
    }

    #[test]
    fn messages_end_where_tls_may_begin() {
        let [lines, markup] = [Language::Lines, Language::Markup];
        assert_eq!(lines.message(b"220 ok\r\n\x16\x03\x01"), Parse::Complete(8));
        assert_eq!(lines.message(b"220 o"), Parse::Complete(5));
        assert_eq!(lines.message(b"a\0b\n"), Parse::Malformed(NeverTls));
        assert!(lines.is_end(b"220 ok\r\n") && !lines.is_end(b"220 o"));
        assert_eq!(markup.message(b"<proceed xmlns='x'/> \n\x16"), Parse::Complete(22));
        assert!(markup.is_end(b"<proceed/>\n") && !markup.is_end(b"<proceed/"));
        for message in [LDAP_REQUEST, LDAP_RESPONSE] {
            assert_eq!(Language::Ldap.message(message), Parse::Complete(message.len()));
        }
        assert_eq!(Language::Ldap.message(&[0x30, 0x82, 1]), Parse::Need(4));
        assert_eq!(Language::Postgres.message(SSL_REQUEST), Parse::Complete(8));
        assert_eq!(Language::Postgres.message(b"S"), Parse::Complete(1));
        assert_eq!(
            Language::Postgres.message(&[0, 0, 0, 9, 0, 3]),
            Parse::Malformed(NeverTls)
        );
        for message in [MYSQL_SERVER, MYSQL_CLIENT] {
            assert_eq!(Language::MySql.message(message), Parse::Complete(message.len()));
        }
        let mut in_the_clear = MYSQL_CLIENT.to_vec();
        in_the_clear[5] &= !MYSQL_CLIENT_SSL;
        assert_eq!(Language::MySql.message(&in_the_clear), Parse::Malformed(NeverTls));
    }
}
