//! SOCKS: how a client asks a proxy for a connection, in its versions 4, 4a and 5.
//!
//! ```text
//! version 4   request   0 version  1 command  2 port (2)  4 address (4)  8 user, NUL  [host, NUL]
//!             reply     0 zero     1 code     2 port (2)  4 address (4)
//!
//! version 5   greeting  0 version  1 count    2 methods            selection  0 version  1 method
//! (RFC 1928)  request   0 version  1 command  2 zero  3 type of address  4 address, port (2)
//!             reply     0 version  1 code     2 zero  3 type of address  4 address, port (2)
//!
//! login       0 one  1 length, user  length, password              answer     0 one      1 status
//! (RFC 1929)
//! ```
//!
//! 4a puts the address 0.0.0.x, which is nobody's, where the proxy is to look up the host that follows the user.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Parse;
use super::cursor::Cursor;

pub const VERSION_4: u8 = 4;
pub const VERSION_5: u8 = 5;
/// The version of the login inside version 5.
pub const LOGIN: u8 = 1;
/// Methods of version 5: anybody, by user and password; and that none of those offered will do.
pub const METHOD_NONE: u8 = 0;
pub const METHOD_LOGIN: u8 = 2;
pub const METHOD_REFUSED: u8 = 0xff;
/// Codes of a reply that grants the connection.
pub const GRANTED_4: u8 = 90;
pub const GRANTED_5: u8 = 0;

const REPLY_4: usize = 8;
const GREETING_SHORTEST: usize = 3;
/// User and host of version 4 have no stated bound; longer ones are not believed.
const MAX_TEXT: usize = 255;

/// Why bytes are no message of SOCKS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocksError {
    Version,
    /// A command or a reply code that does not exist.
    Code,
    /// No method, a user that is no text, port 0 where a port is needed.
    Field,
    AddressType,
}

/// What the client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Connect,
    Bind,
    UdpAssociate,
}

impl Command {
    fn of(number: u8, last: Command) -> Result<Command, SocksError> {
        match number {
            1 => Ok(Command::Connect),
            2 => Ok(Command::Bind),
            3 if last == Command::UdpAssociate => Ok(Command::UdpAssociate),
            _ => Err(SocksError::Code),
        }
    }
}

/// The other end that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    Ip(IpAddr),
    Name(&'a [u8]),
}

/// A request, and how many bytes it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub command: Command,
    pub address: Address<'a>,
    pub port: u16,
    pub length: usize,
}

/// A client's first bytes: whether they may be SOCKS. Bytes behind a greeting must go on as SOCKS does.
pub fn opening(bytes: &[u8]) -> Parse<(), SocksError> {
    match bytes.first() {
        Some(&VERSION_4) => match request_4(bytes) {
            Parse::Complete(_) => Parse::Complete(()),
            Parse::Need(n) => Parse::Need(n),
            Parse::Malformed(error) => Parse::Malformed(error),
        },
        Some(&VERSION_5) => match greeting(bytes) {
            Parse::Complete(methods) => match bytes.get(methods.len() + 2) {
                None | Some(&(LOGIN | VERSION_5)) => Parse::Complete(()),
                Some(_) => Parse::Malformed(SocksError::Version),
            },
            Parse::Need(n) => Parse::Need(n),
            Parse::Malformed(error) => Parse::Malformed(error),
        },
        _ => Parse::Malformed(SocksError::Version),
    }
}

/// The methods that a client of version 5 offers; the greeting is two bytes longer.
pub fn greeting(bytes: &[u8]) -> Parse<&[u8], SocksError> {
    let mut c = Cursor::new(bytes);
    if c.u8().is_some_and(|version| version != VERSION_5) {
        return Parse::Malformed(SocksError::Version);
    }
    let Some(count) = c.u8() else {
        return Parse::Need(GREETING_SHORTEST);
    };
    if count == 0 {
        return Parse::Malformed(SocksError::Field);
    }
    match c.take(usize::from(count)) {
        Some(methods) => Parse::Complete(methods),
        None => Parse::Need(2 + usize::from(count)),
    }
}

/// How long a login is.
pub fn login(bytes: &[u8]) -> Parse<usize, SocksError> {
    let mut c = Cursor::new(bytes);
    if c.u8().is_some_and(|version| version != LOGIN) {
        return Parse::Malformed(SocksError::Version);
    }
    match (c.vector8(), c.vector8()) {
        (Some(user), Some(password)) => Parse::Complete(3 + user.left() + password.left()),
        _ => Parse::Need(bytes.len() + 1),
    }
}

/// A request of version 4 or 4a.
pub fn request_4(bytes: &[u8]) -> Parse<Request<'_>, SocksError> {
    let mut c = Cursor::new(bytes);
    if c.u8().is_some_and(|version| version != VERSION_4) {
        return Parse::Malformed(SocksError::Version);
    }
    let command = match c.u8().map(|number| Command::of(number, Command::Bind)) {
        Some(Ok(command)) => command,
        Some(Err(error)) => return Parse::Malformed(error),
        None => return Parse::Need(REPLY_4 + 1),
    };
    let (Some(port), Some(address)) = (c.u16(), c.array::<4>()) else {
        return Parse::Need(REPLY_4 + 1);
    };
    if port == 0 {
        return Parse::Malformed(SocksError::Field);
    }
    if let Err(end) = text(&mut c) {
        return end.at(bytes);
    }
    let address = match address {
        [0, 0, 0, last] if last != 0 => match text(&mut c) {
            Ok(host) => Address::Name(host),
            Err(end) => return end.at(bytes),
        },
        _ => Address::Ip(IpAddr::V4(Ipv4Addr::from(address))),
    };
    Parse::Complete(Request {
        command,
        address,
        port,
        length: bytes.len() - c.left(),
    })
}

/// A request of version 5.
pub fn request_5(bytes: &[u8]) -> Parse<Request<'_>, SocksError> {
    let mut c = Cursor::new(bytes);
    if c.u8().is_some_and(|version| version != VERSION_5) {
        return Parse::Malformed(SocksError::Version);
    }
    let command = match c.u8().map(|number| Command::of(number, Command::UdpAssociate)) {
        Some(Ok(command)) => command,
        Some(Err(error)) => return Parse::Malformed(error),
        None => return Parse::Need(bytes.len() + 1),
    };
    match end_of(&mut c) {
        Ok(Some((address, port))) => Parse::Complete(Request {
            command,
            address,
            port,
            length: bytes.len() - c.left(),
        }),
        Ok(None) => Parse::Need(bytes.len() + 1),
        Err(error) => Parse::Malformed(error),
    }
}

/// The proxy's two-byte answers of version 5: the method of a selection, the status of a login.
pub fn short_answer(bytes: &[u8], version: u8) -> Parse<u8, SocksError> {
    let mut c = Cursor::new(bytes);
    match (c.u8(), c.u8()) {
        (Some(first), _) if first != version => Parse::Malformed(SocksError::Version),
        (Some(_), Some(code)) => Parse::Complete(code),
        _ => Parse::Need(2),
    }
}

/// The code of a reply, and how many bytes the reply takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub code: u8,
    pub length: usize,
}

/// A reply of version 4. Its version is 0; its codes are 90 to 93.
pub fn reply_4(bytes: &[u8]) -> Parse<Reply, SocksError> {
    const CODES: std::ops::RangeInclusive<u8> = 90..=93;
    let mut c = Cursor::new(bytes);
    match (c.u8(), c.u8()) {
        (Some(1..), _) => Parse::Malformed(SocksError::Version),
        (_, Some(code)) if !CODES.contains(&code) => Parse::Malformed(SocksError::Code),
        (_, Some(code)) if bytes.len() >= REPLY_4 => Parse::Complete(Reply { code, length: REPLY_4 }),
        _ => Parse::Need(REPLY_4),
    }
}

/// A reply of version 5.
pub fn reply_5(bytes: &[u8]) -> Parse<Reply, SocksError> {
    let mut c = Cursor::new(bytes);
    if c.u8().is_some_and(|version| version != VERSION_5) {
        return Parse::Malformed(SocksError::Version);
    }
    let Some(code) = c.u8() else {
        return Parse::Need(bytes.len() + 1);
    };
    match end_of(&mut c) {
        Ok(Some(_)) => Parse::Complete(Reply {
            code,
            length: bytes.len() - c.left(),
        }),
        Ok(None) => Parse::Need(bytes.len() + 1),
        Err(error) => Parse::Malformed(error),
    }
}

/// RFC 1928, section 5: the reserved byte, the type of the address, the address, the port. None: more bytes are wanted.
fn end_of<'a>(c: &mut Cursor<'a>) -> Result<Option<(Address<'a>, u16)>, SocksError> {
    const IPV4: u8 = 1;
    const NAME: u8 = 3;
    const IPV6: u8 = 4;
    if c.u8().is_some_and(|reserved| reserved != 0) {
        return Err(SocksError::Field);
    }
    let address = match c.u8() {
        None => None,
        Some(IPV4) => c.array::<4>().map(|a| Address::Ip(IpAddr::V4(Ipv4Addr::from(a)))),
        Some(IPV6) => c.array::<16>().map(|a| Address::Ip(IpAddr::V6(Ipv6Addr::from(a)))),
        Some(NAME) => c.vector8().map(|name| Address::Name(name.rest())),
        Some(_) => return Err(SocksError::AddressType),
    };
    Ok(address.zip(c.u16()))
}

/// Why a text of version 4 cannot be read.
enum TextEnd {
    Missing,
    NoText,
}

impl TextEnd {
    fn at<T>(self, bytes: &[u8]) -> Parse<T, SocksError> {
        match self {
            TextEnd::Missing => Parse::Need(bytes.len() + 1),
            TextEnd::NoText => Parse::Malformed(SocksError::Field),
        }
    }
}

/// A text up to its NUL.
fn text<'a>(c: &mut Cursor<'a>) -> Result<&'a [u8], TextEnd> {
    let rest = c.rest();
    let window = rest.get(..=MAX_TEXT).unwrap_or(rest);
    let end = window.iter().position(|&b| b == 0);
    let seen = window.get(..end.unwrap_or(window.len())).unwrap_or(window);
    if !seen.iter().all(|b| (b' '..=b'~').contains(b)) || seen.len() > MAX_TEXT {
        return Err(TextEnd::NoText);
    }
    c.take(end.ok_or(TextEnd::Missing)? + 1);
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client of 4a asks for login.live.com:443.
    const REQUEST_4A: &[u8] = b"\x04\x01\x01\xbb\x00\x00\x00\x01fd7bcf7b5c9e1d\x00login.live.com\x00";
    /// A client of version 5 offers two methods, then asks for an IPv6 address.
    const GREETING: &[u8] = &[5, 2, 0, 1];
    const REQUEST_5: &[u8] = b"\x05\x01\x00\x04\x2a\x00\x14\x50\x40\x02\x04\x16\0\0\0\0\0\0\x20\x0e\x01\xbb";

    #[test]
    fn version_4a_asks_by_name() {
        let Parse::Complete(request) = request_4(REQUEST_4A) else {
            panic!("a whole request");
        };
        assert_eq!(request.address, Address::Name(b"login.live.com"));
        assert_eq!((request.port, request.length), (443, REQUEST_4A.len()));
        for end in 0..REQUEST_4A.len() {
            assert!(matches!(request_4(&REQUEST_4A[..end]), Parse::Need(_)), "{end}");
        }
    }

    #[test]
    fn version_4_asks_by_address() {
        let request = request_4(b"\x04\x01\x00\x50\xc6\x12\x01\x0bme\x00GET");
        let Parse::Complete(request) = request else {
            panic!("a whole request");
        };
        assert_eq!(request.address, Address::Ip("198.18.1.11".parse().unwrap()));
        assert_eq!((request.port, request.length), (80, 11));
        assert_eq!(
            request_4(b"\x04\x01\x00\x50\xc6\x12\x01\x0b\x07\x00"),
            Parse::Malformed(SocksError::Field)
        );
        assert_eq!(request_4(&[4, 9, 0]), Parse::Malformed(SocksError::Code));
        assert_eq!(
            request_4(&[4, 1, 0, 0, 1, 2, 3, 4, 0]),
            Parse::Malformed(SocksError::Field)
        );
    }

    #[test]
    fn version_5_in_its_steps() {
        assert_eq!(greeting(GREETING), Parse::Complete(&[0, 1][..]));
        assert_eq!(greeting(&[5, 2, 0]), Parse::Need(4));
        let Parse::Complete(request) = request_5(REQUEST_5) else {
            panic!("a whole request");
        };
        assert_eq!(
            request.address,
            Address::Ip("2a00:1450:4002:416::200e".parse().unwrap())
        );
        assert_eq!((request.port, request.length), (443, REQUEST_5.len()));
        let named = b"\x05\x01\x00\x03\x0ewww.google.com\x00\x50GET";
        let Parse::Complete(request) = request_5(named) else {
            panic!("a whole request");
        };
        assert_eq!(request.address, Address::Name(b"www.google.com"));
        assert_eq!((request.port, request.length), (80, 21));
        assert_eq!(login(b"\x01\x02me\x03pwd\x05"), Parse::Complete(8));
        assert_eq!(login(b"\x01\x02me\x03pw"), Parse::Need(8));
        assert_eq!(
            reply_5(&[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]),
            Parse::Complete(Reply { code: 2, length: 10 })
        );
        assert_eq!(request_5(&[5, 1, 0, 9, 1]), Parse::Malformed(SocksError::AddressType));
        assert_eq!(short_answer(&[5], VERSION_5), Parse::Need(2));
        assert_eq!(short_answer(&[5, 0xff], VERSION_5), Parse::Complete(METHOD_REFUSED));
    }

    #[test]
    fn a_greeting_goes_on_as_socks_does() {
        assert_eq!(opening(GREETING), Parse::Complete(()));
        assert_eq!(opening(b"\x05\x01\x00\x05\x01\x00"), Parse::Complete(()));
        // DCE/RPC, version 5.1: a bind.
        assert_eq!(opening(&[5, 1, 0x0b, 3, 0x10]), Parse::Malformed(SocksError::Version));
        assert_eq!(opening(&[5, 0, 0x0b]), Parse::Malformed(SocksError::Field));
        assert_eq!(opening(&[5]), Parse::Need(3));
    }

    #[test]
    fn a_reply_of_version_4_is_told_by_its_code() {
        let reply = [0, 0x5a, 1, 0xbb, 0x83, 0xfd, 0x3d, 0x50];
        assert_eq!(
            reply_4(&reply),
            Parse::Complete(Reply {
                code: GRANTED_4,
                length: 8
            })
        );
        assert_eq!(reply_4(&reply[..7]), Parse::Need(8));
        assert_eq!(reply_4(&[0, 1]), Parse::Malformed(SocksError::Code));
    }
}
