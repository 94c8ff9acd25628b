//! The rows of a policy as its author wrote them, read and checked, not yet arranged for lookup.
//!
//! Every type here prints itself in the spelling of the policy file, so that reasons and listings quote the author.

mod date;
mod header;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use self::date::Date;
pub use self::header::{Header, Review};
use crate::evidence::model::TlsVersion;
use crate::names::domain::Domain;

/// The IP protocol numbers that a policy can name (IANA "Assigned Internet Protocol Numbers").
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const SCTP: u8 = 132;

/// Which line of the vendor's drawing a row stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Line {
    /// The organisation to the platform.
    Green,
    /// Regular Microsoft Teams.
    Purple,
    /// Inside the platform.
    Orange,
    #[default]
    None,
}

impl Line {
    pub const ALL: [Line; 4] = [Line::Green, Line::Purple, Line::Orange, Line::None];

    pub fn as_str(self) -> &'static str {
        match self {
            Line::Green => "green",
            Line::Purple => "purple",
            Line::Orange => "orange",
            Line::None => "none",
        }
    }

    /// Among equally specific rows: green before purple before the rest.
    pub fn rank(self) -> u8 {
        match self {
            Line::Green => 0,
            Line::Purple => 1,
            Line::Orange | Line::None => 2,
        }
    }
}

/// Where a row stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    #[default]
    Active,
    Retired,
    Optional,
}

impl Status {
    pub const ALL: [Status; 3] = [Status::Active, Status::Retired, Status::Optional];

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Retired => "retired",
            Status::Optional => "optional",
        }
    }
}

/// A host of a row: the name itself, or with `*.` every name below it at any depth, without itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    /// The name, in lower case; for a wildcard the part behind `*.`.
    pub name: Box<str>,
    pub below: bool,
}

impl HostPattern {
    /// Whether every name that `other` covers is covered.
    pub fn holds(&self, other: &HostPattern) -> bool {
        let tail = other.name.strip_suffix(&*self.name);
        let is_deeper = tail.is_some_and(|head| head.len() > 1 && head.ends_with('.'));
        match self.below {
            true => is_deeper || other.below && other.name == self.name,
            false => self == other,
        }
    }

    pub fn covers(&self, name: &Domain) -> bool {
        match self.below {
            true => name.is_below(&self.name),
            false => name.as_str() == &*self.name,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.below { "*." } else { "" };
        write!(f, "{star}{}", self.name)
    }
}

/// An address range in CIDR form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    pub v6: bool,
    /// The first address, IPv4 in the low 32 bits; bits behind the length are 0.
    pub first: u128,
    pub length: u8,
}

impl Prefix {
    /// The range of `length` bits around `ip`; None if the length is more than the address has.
    pub fn new(ip: IpAddr, length: u8) -> Option<Prefix> {
        let (v6, bits) = bits_of(ip);
        let host_bits = width(v6).checked_sub(u32::from(length))?;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Some(Prefix {
            v6,
            first: bits & mask,
            length,
        })
    }

    /// Reads `52.112.0.0/14`, or an address alone; None if it is neither.
    pub fn parse(text: &str) -> Option<Prefix> {
        let (address, length) = text.split_once('/').map_or((text, None), |(ip, n)| (ip, Some(n)));
        let ip: IpAddr = address.parse().ok()?;
        let whole = if ip.is_ipv6() { 128 } else { 32 };
        Prefix::new(ip, length.map_or(Some(whole), |digits| digits.parse().ok())?)
    }

    /// Whether `other` lies in it, or is the same.
    pub fn holds(&self, other: &Prefix) -> bool {
        self.v6 == other.v6 && self.length <= other.length && (self.first..=self.last()).contains(&other.first)
    }

    pub fn last(&self) -> u128 {
        let host_bits = width(self.v6).saturating_sub(u32::from(self.length));
        self.first | !u128::MAX.checked_shl(host_bits).unwrap_or(0)
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        let (v6, bits) = bits_of(ip);
        v6 == self.v6 && (self.first..=self.last()).contains(&bits)
    }

    /// The range's first address.
    pub fn address(&self) -> IpAddr {
        match self.v6 {
            true => IpAddr::V6(Ipv6Addr::from_bits(self.first)),
            false => IpAddr::V4(Ipv4Addr::from_bits(self.first as u32)),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.length)
    }
}

/// Whether an address is IPv6, and its bits (IPv4 in the low 32).
#[inline]
pub fn bits_of(ip: IpAddr) -> (bool, u128) {
    match ip {
        IpAddr::V4(a) => (false, u128::from(a.to_bits())),
        IpAddr::V6(a) => (true, a.to_bits()),
    }
}

fn width(v6: bool) -> u32 {
    if v6 { 128 } else { 32 }
}

/// `tcp/443`, `udp/3478-3481`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    pub protocol: u8,
    pub first: u16,
    pub last: u16,
}

impl PortRange {
    pub fn contains(&self, protocol: u8, port: u16) -> bool {
        protocol == self.protocol && (self.first..=self.last).contains(&port)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Transport(self.protocol), self.first)?;
        if self.last > self.first {
            write!(f, "-{}", self.last)?;
        }
        Ok(())
    }
}

/// A protocol number in the spelling of records and policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transport(pub u8);

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            TCP => f.write_str("tcp"),
            UDP => f.write_str("udp"),
            SCTP => f.write_str("sctp"),
            n => write!(f, "ip-{n}"),
        }
    }
}

/// What a row wants of TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TlsRule {
    /// `[]`: TLS, of whatever version.
    #[default]
    AnyVersion,
    /// `false`: bytes that are not TLS are fine too, and no version is judged.
    PlainAllowed,
    /// One of these, never empty.
    Versions(Vec<TlsVersion>),
}

/// What is expected of a flow: of a row's, or of one in no row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// Empty: any.
    pub ports: Vec<PortRange>,
    pub tls: TlsRule,
}

const HTTP_PORT: u16 = 80;

impl Expectation {
    /// What the vendor's page claims for everything, and so what a flow in no row is held to unless the policy says otherwise.
    pub fn https() -> Expectation {
        Expectation {
            ports: vec![PortRange {
                protocol: TCP,
                first: 443,
                last: 443,
            }],
            tls: TlsRule::Versions(vec![TlsVersion::TLS12]),
        }
    }

    pub fn allows_port(&self, protocol: u8, port: u16) -> bool {
        self.ports.is_empty() || self.lists_port(protocol, port)
    }

    pub fn lists_port(&self, protocol: u8, port: u16) -> bool {
        self.ports.iter().any(|range| range.contains(protocol, port))
    }

    /// Whether TLS is wanted on this port. Who lists `tcp/80` by itself lists plain HTTP.
    pub fn wants_tls(&self, protocol: u8, port: u16) -> bool {
        let plain_http = PortRange {
            protocol: TCP,
            first: HTTP_PORT,
            last: HTTP_PORT,
        };
        self.tls != TlsRule::PlainAllowed && !(plain_http.contains(protocol, port) && self.ports.contains(&plain_http))
    }
}

/// One `[[endpoint]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    pub id: String,
    pub class: String,
    pub line: Line,
    pub title: String,
    pub purpose: String,
    /// Which of the vendor's services it belongs to, in the vendor's word.
    pub area: String,
    /// How the vendor wants it treated on the way: of Microsoft's, `Optimize`, `Allow` or `Default`.
    pub category: String,
    /// What the vendor remarks.
    pub notes: String,
    pub hosts: Vec<HostPattern>,
    /// Hosts of `hosts` that the addresses do not bind.
    pub anywhere: Vec<HostPattern>,
    /// Hosts that count, with the flag `broad`.
    pub broad: Vec<HostPattern>,
    /// The row's own ranges.
    pub addresses: Vec<Prefix>,
    /// Tags whose ranges count too, without the `@`; other services share them.
    pub tags: Vec<String>,
    /// The ranges of all the tags.
    pub tagged: Vec<Prefix>,
    pub expect: Expectation,
    /// Of the DNS chain one name must be among these; empty: any.
    pub via: Vec<HostPattern>,
    /// The leaf certificate's issuer contains one of these; empty: any.
    pub issuers: Vec<String>,
    pub status: Status,
    pub since: Option<Date>,
    pub until: Option<Date>,
    pub replaced_by: Option<String>,
    /// The application does not work without it. Told, and said in exports; what must be reached is for the command line to say.
    pub required: bool,
}

impl Row {
    /// Own and tagged ranges together; empty: any address will do.
    pub fn ranges(&self) -> impl Iterator<Item = &Prefix> {
        self.addresses.iter().chain(&self.tagged)
    }

    /// Whether the row says anything about addresses.
    pub fn has_ranges(&self) -> bool {
        self.ranges().next().is_some()
    }

    /// Whether its life is over on that day. The day it ends on is the first without it.
    pub fn is_over(&self, on: Date) -> bool {
        match self.until {
            Some(until) => on >= until,
            None => self.status == Status::Retired,
        }
    }

    /// Whether it was over by then, in nanoseconds since 1970.
    pub fn is_over_at(&self, at_ns: u64) -> bool {
        match self.until {
            Some(until) => at_ns >= until.start_ns(),
            None => self.status == Status::Retired,
        }
    }

    /// Whether its life had begun by then and was not over yet.
    pub fn is_in_force_at(&self, at_ns: u64) -> bool {
        self.since.is_none_or(|since| since.start_ns() <= at_ns) && !self.is_over_at(at_ns)
    }

    /// Whether no name can lead to this row, so that its address and port are all it is known by.
    pub fn is_nameless(&self) -> bool {
        self.hosts.is_empty() && self.broad.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_first_and_last_address() {
        let range = Prefix::new("52.115.1.2".parse().unwrap(), 14).unwrap();
        assert_eq!(range.to_string(), "52.112.0.0/14");
        assert!(range.contains("52.112.0.0".parse().unwrap()));
        assert!(range.contains("52.115.255.255".parse().unwrap()));
        assert!(!range.contains("52.116.0.0".parse().unwrap()));
        assert!(!range.contains("::3470:0".parse().unwrap()));
        assert!(Prefix::new("10.0.0.0".parse().unwrap(), 33).is_none());
        let all = Prefix::new("2001:db8::".parse().unwrap(), 0).unwrap();
        assert!(all.contains("ff02::1".parse().unwrap()));
        let four = Prefix::new("1.2.3.4".parse().unwrap(), 0).unwrap();
        assert!(four.contains("255.255.255.255".parse().unwrap()));
    }

    #[test]
    fn patterns_and_ranges_hold_those_within_them() {
        let host = |text: &str| HostPattern {
            below: text.starts_with("*."),
            name: text.trim_start_matches("*.").into(),
        };
        for (wide, narrow) in [
            ("*.a.example", "*.a.example"),
            ("*.a.example", "*.b.a.example"),
            ("*.a.example", "b.a.example"),
            ("a.example", "a.example"),
        ] {
            assert!(host(wide).holds(&host(narrow)), "{wide} {narrow}");
        }
        for (wide, other) in [
            ("*.a.example", "a.example"),
            ("*.a.example", "ba.example"),
            ("*.a.example", "*.ba.example"),
            ("a.example", "*.a.example"),
            ("*.b.a.example", "*.a.example"),
        ] {
            assert!(!host(wide).holds(&host(other)), "{wide} {other}");
        }
        let range = |text| Prefix::parse(text).unwrap();
        assert!(range("52.112.0.0/14").holds(&range("52.113.0.0/16")));
        assert!(range("52.112.0.0/14").holds(&range("52.112.0.0/14")));
        assert!(!range("52.113.0.0/16").holds(&range("52.112.0.0/14")));
        assert!(!range("0.0.0.0/0").holds(&range("::/96")));
        assert_eq!(range("192.0.2.7").length, 32);
        assert_eq!(Prefix::parse("192.0.2.7/33"), None);
    }

    #[test]
    fn who_lists_port_80_by_itself_lists_plain_http() {
        let mut expect = Expectation::https();
        assert!(expect.wants_tls(TCP, 80));
        expect.ports.push(PortRange {
            protocol: TCP,
            first: 80,
            last: 80,
        });
        assert!(!expect.wants_tls(TCP, 80));
        assert!(expect.wants_tls(TCP, 443));
    }
}
