//! Protocol numbers as words: a name where there is one, else the number with its family's prefix.

use std::fmt;

use super::json::{Plain, Value};
use super::text::Short;
use crate::wire::packet::protocol;

/// A number's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Known(&'static str),
    /// Prefix and number, written together.
    Numbered(&'static str, u16),
}

impl Word {
    pub fn short(self) -> Short {
        match self {
            // None is longer than a short text holds.
            Word::Known(name) => Short::from(name),
            Word::Numbered(..) => Short::of(format_args!("{self}")),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Known(name) => f.write_str(name),
            Word::Numbered(prefix, number) => write!(f, "{prefix}{number}"),
        }
    }
}

impl Value for Word {
    const IS_TEXT: bool = true;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Word::Known(name) => Plain(name).write(out),
            Word::Numbered(..) => Short::of(format_args!("{self}")).write(out),
        }
    }
}

/// The protocol above IP.
pub fn ip_protocol(number: u8) -> Word {
    Word::Known(match number {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::ICMP => "icmp",
        protocol::ICMPV6 => "icmpv6",
        protocol::SCTP => "sctp",
        _ => return Word::Numbered("ip-", number.into()),
    })
}

/// A DNS record type (IANA "Resource Record (RR) TYPEs"); the rest as RFC 3597, section 5, writes unknown types.
pub fn query_type(number: u16) -> Word {
    Word::Known(match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        44 => "SSHFP",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        256 => "URI",
        257 => "CAA",
        _ => return Word::Numbered("TYPE", number),
    })
}

/// A DNS response code (RFC 6895, section 2.3); `none` for a question that nobody answered.
pub fn response_code(number: Option<u16>) -> Word {
    let Some(number) = number else {
        return Word::Known("none");
    };
    Word::Known(match number {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11 => "DSOTYPENI",
        16 => "BADVERS",
        _ => return Word::Numbered("RCODE", number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_name_keeps_its_number() {
        assert_eq!(ip_protocol(6).to_string(), "tcp");
        assert_eq!(ip_protocol(47).to_string(), "ip-47");
        assert_eq!(query_type(65).to_string(), "HTTPS");
        assert_eq!(query_type(65_280).to_string(), "TYPE65280");
        assert_eq!(response_code(Some(3)).to_string(), "NXDOMAIN");
        assert_eq!(response_code(Some(23)).to_string(), "RCODE23");
        assert_eq!(response_code(None).to_string(), "none");
        let mut json = Vec::new();
        ip_protocol(255).write(&mut json);
        assert_eq!(json, b"ip-255");
    }
}
