//! What somebody types to ask about: `app.salestim.io`, `https://app.salestim.io/x`, `host:443`, `[2001:db8::1]:443`, `host:udp/443`.

use std::net::{IpAddr, Ipv6Addr};

use crate::names::domain::Domain;
use crate::policy::load::quoted;
use crate::policy::model::{SCTP, TCP, Transport, UDP};

/// A name or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Name(Domain),
    Address(IpAddr),
}

/// `tcp/443`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    pub protocol: u8,
    pub number: u16,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Transport(self.protocol), self.number)
    }
}

const HTTPS: u16 = 443;
const HTTP: u16 = 80;

/// Reads `udp/443`; None if it is nothing of the sort.
pub fn port(text: &str) -> Option<Port> {
    let (protocol, number) = text.split_once('/')?;
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => TCP,
        "udp" => UDP,
        "sctp" => SCTP,
        _ => return None,
    };
    let number = number.parse().ok().filter(|&number| number > 0)?;
    Some(Port { protocol, number })
}

impl Asked {
    /// What is asked about, and the port where one is; bare numbers are ports of `protocol`.
    pub fn parse(text: &str, protocol: u8) -> Result<(Asked, Option<Port>), String> {
        let wrong = |what: &str| format!("{} is neither a name nor an address: {what}", quoted(text));
        let (rest, usual) = match text.trim().split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                let usual = match scheme.as_str() {
                    "http" | "ws" => Some(HTTP),
                    "https" | "wss" => Some(HTTPS),
                    _ => None,
                };
                let rest = rest.split(['/', '?', '#']).next().unwrap_or("");
                (rest.rsplit('@').next().unwrap_or(rest), usual)
            }
            None => (text.trim(), None),
        };
        let usual = usual.map(|number| Port { protocol, number });
        let (host, port) =
            split(rest, protocol).ok_or_else(|| wrong("the port is a number from 1 to 65535, or such as udp/443"))?;
        let port = port.or(usual);
        let bare = host
            .strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok((Asked::Address(ip), port));
        }
        let host = host.split('/').next().unwrap_or("");
        if host.is_empty() {
            return Err(wrong("nothing is left of it"));
        }
        if host.contains('*') {
            return Err(wrong("a wildcard is many names; ask about one below it"));
        }
        if !host.is_ascii() {
            return Err(wrong("write its A-labels, the form that begins with xn--"));
        }
        let name = Domain::from_text(host.as_bytes());
        match name.is_host_name() {
            true => Ok((Asked::Name(name), port)),
            false => Err(wrong(
                "letters, digits, - and _ with dots between, 63 to a label, 253 in all",
            )),
        }
    }
}

/// Host and port: `host:443`, `host:udp/443`, `host/udp/443`, `[::1]:443`. None: the port is none.
fn split(text: &str, protocol: u8) -> Option<(&str, Option<Port>)> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, None));
    }
    if let Some((host, tail)) = text.split_once('/')
        && !host.contains(':')
        && let Some(port) = port(tail)
    {
        return Some((host, Some(port)));
    }
    // Behind the bracket of an IPv6 address, else behind the only colon.
    let at = match text.rfind(']') {
        Some(end) => text.get(end..)?.find(':').map(|colon| end + colon),
        None => text.find(':'),
    };
    let Some(colon) = at else {
        return Some((text, None));
    };
    let (host, digits) = (text.get(..colon)?, text.get(colon + 1..)?);
    let number = digits.split(['/', '?', '#']).next().unwrap_or("").parse().ok();
    let number = number
        .filter(|&number| number > 0)
        .map(|number| Port { protocol, number });
    Some((host, Some(port(digits).or(number)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        for (text, meant) in [
            ("app.salestim.io", "app.salestim.io -"),
            ("App.SalesTim.IO.", "app.salestim.io -"),
            ("https://app.salestim.io/path?x=1#y", "app.salestim.io tcp/443"),
            ("http://user@app.salestim.io:8080/", "app.salestim.io tcp/8080"),
            ("app.salestim.io/path", "app.salestim.io -"),
            ("app.salestim.io:8443", "app.salestim.io tcp/8443"),
            ("app.salestim.io:udp/443", "app.salestim.io udp/443"),
            ("app.salestim.io/udp/443", "app.salestim.io udp/443"),
            ("52.112.0.1", "52.112.0.1 -"),
            ("52.112.0.1:3478", "52.112.0.1 tcp/3478"),
            ("2603:1063::1", "2603:1063::1 -"),
            ("[2603:1063::1]", "2603:1063::1 -"),
            ("[2603:1063::1]:443", "2603:1063::1 tcp/443"),
            ("https://[2603:1063::1]/", "2603:1063::1 tcp/443"),
        ] {
            let (asked, port) = Asked::parse(text, TCP).unwrap();
            let asked = match asked {
                Asked::Name(name) => name.to_string(),
                Asked::Address(ip) => ip.to_string(),
            };
            let port = port.map_or("-".to_owned(), |port| port.to_string());
            assert_eq!(format!("{asked} {port}"), meant, "{text}");
        }
        let (_, port) = Asked::parse("a.example:443", UDP).unwrap();
        assert_eq!(port.unwrap().to_string(), "udp/443");
    }

    #[test]
    fn what_is_neither_is_refused_in_one_clean_line() {
        let long = "a.".repeat(1_000_000);
        for text in [
            "",
            " ",
            "https://",
            "*.salestim.io",
            "münchen.example",
            "a b.example",
            "a\u{1b}[31m.example",
            "a\n.example",
            "a..b",
            "a.example:0",
            "a.example:65536",
            "a.example:x",
            "a:b:c",
            "[::1",
            "[::1]:",
            "a.example:",
            &long,
            "\0",
        ] {
            let line = Asked::parse(text, TCP).unwrap_err();
            assert!(
                line.len() < 400 && !line.chars().any(char::is_control),
                "{text:?}: {line}"
            );
        }
    }
}
