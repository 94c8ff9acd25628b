//! The small languages inside a policy's strings: hosts, address ranges, ports, TLS versions.
//!
//! Each reader takes text and answers a value, perhaps with a note on how it was understood, or a mistake with a
//! suggestion. None knows of TOML.

use std::net::IpAddr;

use super::report::{Mistake, nearest, quoted};
use crate::evidence::model::TlsVersion;
use crate::policy::model::{HostPattern, PortRange, Prefix, SCTP, TCP, Transport, UDP};

/// A value, and how the text was understood where it was not written quite right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<T> {
    pub value: T,
    pub note: Option<String>,
}

const NAME_AT_MOST: usize = 253;
const LABEL_AT_MOST: usize = 63;

/// Reads `app.salestim.io` or `*.salestim.io`.
pub fn host(text: &str) -> Result<Reading<HostPattern>, Mistake> {
    let bare = bare_host(text);
    if bare.is_empty() {
        return Err(Mistake::new(format!("{} is not a host", quoted(text))));
    }
    if bare.parse::<IpAddr>().is_ok() {
        let what = format!("{} is an address, which belongs under `addresses`", quoted(text));
        return Err(Mistake::new(what));
    }
    if let Some((name, port)) = bare.rsplit_once(':') {
        let what = format!("the port of {} belongs under `ports`", quoted(text));
        let port_is_one = port.parse::<u16>().is_ok();
        return Err(match port_is_one && is_name(name.trim_start_matches("*.")) {
            true => Mistake::new(what).suggest(format!("`{name}` with `tcp/{port}`")),
            false => Mistake::new(format!("{} is not a host", quoted(text))),
        });
    }
    let (below, name) = match bare.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, bare.as_str()),
    };
    check_name(text, name)?;
    let value = HostPattern {
        name: name.into(),
        below,
    };
    let as_written = text.strip_suffix('.').unwrap_or(text);
    let note = (!as_written.eq_ignore_ascii_case(&value.to_string()))
        .then(|| format!("{} was understood as `{value}`", quoted(text)));
    Ok(Reading { value, note })
}

/// The same, with a note too on what changes nothing but how it looks: capitals, the final dot.
pub fn host_to_the_letter(text: &str) -> Result<Reading<HostPattern>, Mistake> {
    let reading = host(text)?;
    let written = reading.value.to_string();
    let note = reading
        .note
        .or_else(|| (text != written).then(|| format!("{} is written `{written}`", quoted(text))));
    Ok(Reading { note, ..reading })
}

/// The host alone, in lower case: without spaces around it, a scheme before it, a path behind it, doubled dots or the final one.
fn bare_host(text: &str) -> String {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or("");
    let mut bare = text.to_ascii_lowercase();
    while bare.contains("..") {
        bare = bare.replace("..", ".");
    }
    bare.strip_suffix('.').map(str::to_owned).unwrap_or(bare)
}

fn check_name(text: &str, name: &str) -> Result<(), Mistake> {
    let written = quoted(text);
    if let Some(rest) = name.strip_prefix('.') {
        let what = format!("{written} begins with a dot, which other products read in different ways");
        let wild = Mistake::new(what);
        return Err(match is_name(rest) {
            true => wild.suggest(format!("`*.{rest}` (without `{rest}` itself)")),
            false => wild,
        });
    }
    if name == "*" || name.is_empty() {
        return Err(Mistake::new(format!("{written} would cover every name")));
    }
    if !name.is_ascii() {
        return Err(Mistake::new(format!(
            "{written} is not ASCII: write its A-labels, the form that begins with xn--"
        )));
    }
    if let Some(behind) = name.rfind(['*', '<', '>', '{', '}']) {
        // What is left of the name behind the label with the wildcard in it is what a whole-label wildcard can cover.
        let rest = name.get(behind..).and_then(|tail| tail.split_once('.'));
        let what = format!("{written}: a wildcard stands for whole labels at the front, as in `*.example.com`");
        return Err(match rest {
            Some((_, rest)) if is_name(rest) => Mistake::new(what).suggest(format!("`*.{rest}`")),
            _ => Mistake::new(what),
        });
    }
    if let Some(odd) = name.chars().find(|&c| !is_host_character(c)) {
        let what = format!(
            "{written} is not a host: {} cannot stand in one",
            quoted(&odd.to_string())
        );
        return Err(Mistake::new(what));
    }
    if !is_name(name) {
        let what = format!("{written} is too long: a label has at most {LABEL_AT_MOST} letters, a name {NAME_AT_MOST}");
        return Err(Mistake::new(what));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let label_fits = |label: &str| (1..=LABEL_AT_MOST).contains(&label.len());
    name.len() <= NAME_AT_MOST && name.chars().all(is_host_character) && name.split('.').all(label_fits)
}

fn is_host_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Reads `52.112.0.0/14`; an address alone is the range of itself.
pub fn prefix(text: &str) -> Result<Reading<Prefix>, Mistake> {
    let wrong = || Mistake::new(format!("{} is not an address range", quoted(text)));
    let bare = text.trim();
    let (address, length) = match bare.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (bare, None),
    };
    let Ok(ip) = address.parse::<IpAddr>() else {
        return Err(
            match text.contains(|c: char| c.is_ascii_alphabetic()) && !text.contains(':') {
                true => Mistake::new(format!(
                    "{} is not an address range; a host belongs under `hosts`, a tag begins with `@`",
                    quoted(text)
                )),
                false => wrong().suggest("something like `192.0.2.0/24`"),
            },
        );
    };
    let widest = if ip.is_ipv6() { 128 } else { 32 };
    let length = match length {
        None => widest,
        Some(digits) => match digits.parse::<u8>() {
            Ok(length) if length <= widest => length,
            _ => {
                let what = format!("the length of {} is none from 0 to {widest}", quoted(text));
                return Err(Mistake::new(what).suggest(format!("`{ip}/{widest}`")));
            }
        },
    };
    let value = Prefix::new(ip, length).ok_or_else(wrong)?;
    let note = (value.address() != ip).then(|| {
        format!(
            "{} was understood as `{value}`: bits behind the length do not count",
            quoted(text)
        )
    });
    Ok(Reading { value, note })
}

const WORD_AT_MOST: usize = 64;

/// Whether records and command lines can carry it: 1 to 64 letters, digits, `-`, `_`, `.`.
pub fn is_word(text: &str) -> bool {
    (1..=WORD_AT_MOST).contains(&text.len()) && text.chars().all(fits_a_word)
}

pub fn fits_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The word that was probably meant.
pub fn as_word(text: &str) -> Option<String> {
    let letters = text.trim().chars().map(|c| c.to_ascii_lowercase());
    let word: String = letters
        .map(|c| if fits_a_word(c) { c } else { '-' })
        .take(WORD_AT_MOST)
        .collect();
    word.chars().any(|c| c.is_ascii_alphanumeric()).then_some(word)
}

/// Reads `tcp/443`, `udp/3478-3481`.
pub fn port_range(text: &str) -> Result<PortRange, Mistake> {
    let written = quoted(text);
    let wrong = |what: &str| Mistake::new(format!("{written} is not a port: {what}"));
    let lower = text.trim().to_ascii_lowercase();
    let Some((transport, ports)) = lower.split_once('/') else {
        let plain = wrong("the transport is missing");
        return Err(match read_ports(&lower) {
            Some(_) => plain.suggest(format!("`tcp/{lower}`")),
            None => plain.suggest("something like `tcp/443`"),
        });
    };
    let protocol = match transport {
        "tcp" => TCP,
        "udp" => UDP,
        "sctp" => SCTP,
        _ if matches!(ports, "tcp" | "udp" | "sctp") => {
            return Err(wrong("the transport comes first").suggest(format!("`{ports}/{transport}`")));
        }
        _ => {
            let near = nearest(transport, ["tcp", "udp", "sctp"]).unwrap_or("tcp");
            let known = wrong("the transport is one of tcp, udp, sctp");
            return Err(known.suggest(format!("`{near}/{}`", short(ports))));
        }
    };
    let Some((first, last)) = read_ports(ports) else {
        return Err(wrong("a number from 1 to 65535, or two with `-` between, is wanted"));
    };
    if first > last {
        let swapped = format!("`{}/{last}-{first}`", Transport(protocol));
        return Err(wrong("the range runs backwards").suggest(swapped));
    }
    Ok(PortRange { protocol, first, last })
}

/// Reads `443` or `3478-3481`, which may run backwards.
pub fn read_ports(text: &str) -> Option<(u16, u16)> {
    let port = |digits: &str| digits.trim().parse::<u16>().ok().filter(|&port| port > 0);
    match text.split_once('-') {
        Some((first, last)) => Some((port(first)?, port(last)?)),
        None => port(text).map(|only| (only, only)),
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(11).collect()
}

const TLS_VERSIONS: [(&str, TlsVersion); 6] = [
    ("ssl2", TlsVersion::SSL2),
    ("ssl3", TlsVersion::SSL3),
    ("1.0", TlsVersion::TLS10),
    ("1.1", TlsVersion::TLS11),
    ("1.2", TlsVersion::TLS12),
    ("1.3", TlsVersion::TLS13),
];

/// Reads a TLS version in the spelling of records: `1.2`.
pub fn tls_version(text: &str) -> Result<TlsVersion, Mistake> {
    let known = |spelling: &str| TLS_VERSIONS.iter().find(|(word, _)| *word == spelling);
    if let Some((_, version)) = known(text) {
        return Ok(*version);
    }
    let what = format!(
        "{} is no TLS version; known are ssl2, ssl3, 1.0, 1.1, 1.2, 1.3",
        quoted(text)
    );
    let digits = text.to_ascii_lowercase();
    let digits = digits.trim_start_matches(['t', 'l', 's', 'v', ' ', '_', '-']);
    let meant = known(digits)
        .map(|(word, _)| *word)
        .or_else(|| nearest(text, TLS_VERSIONS.iter().map(|(word, _)| *word)));
    Err(match meant {
        Some(word) => Mistake::new(what).suggest(format!("`{word}`")),
        None => Mistake::new(what),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn understood(text: &str) -> (String, bool) {
        let reading = host(text).unwrap();
        (reading.value.to_string(), reading.note.is_some())
    }

    #[test]
    fn hosts_are_names_or_whole_label_wildcards() {
        assert_eq!(understood("*.SalesTim.io."), ("*.salestim.io".into(), false));
        assert_eq!(understood("graph.microsoft.com"), ("graph.microsoft.com".into(), false));
    }

    #[test]
    fn lenient_reading_says_what_was_understood() {
        for (text, meant) in [
            ("*..visualstudio.com", "*.visualstudio.com"),
            ("https://app.salestim.io/", "app.salestim.io"),
            ("http://*.nbold.co/help?x=1", "*.nbold.co"),
            (" a.example ", "a.example"),
        ] {
            assert_eq!(understood(text), (meant.into(), true), "{text}");
        }
    }

    #[test]
    fn bad_hosts_get_a_suggestion_where_there_is_one() {
        for (text, suggestion) in [
            ("a.*.example.com", Some("`*.example.com`")),
            ("*cdn.onenote.net", Some("`*.onenote.net`")),
            ("<tenant>.yammer.com", Some("`*.yammer.com`")),
            (".example.com", Some("`*.example.com` (without `example.com` itself)")),
            ("example.com:8443", Some("`example.com` with `tcp/8443`")),
            ("*", None),
            ("*.", None),
            ("", None),
            ("https://", None),
            ("münchen.example", None),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
            ("a b.example", None),
            ("user@example.com", None),
        ] {
            let mistake = host(text).unwrap_err();
            assert_eq!(mistake.suggestion.as_deref(), suggestion, "{text}: {}", mistake.what);
        }
        assert!(host(&format!("{}.example", "a".repeat(64))).is_err());
        assert!(host(&"a.".repeat(200)).is_err());
        assert!(host("münchen.example").unwrap_err().what.contains("A-label"));
    }

    #[test]
    fn ranges_lose_the_bits_behind_their_length_and_say_so() {
        let reading = prefix("52.115.0.1/14").unwrap();
        assert_eq!(reading.value.to_string(), "52.112.0.0/14");
        assert!(reading.note.is_some());
        assert_eq!(prefix("192.0.2.7").unwrap().value.to_string(), "192.0.2.7/32");
        assert_eq!(prefix("2603:1063::/38").unwrap().note, None);
        for text in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "host.example",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "",
        ] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_name_their_transport() {
        assert_eq!(port_range("udp/3478-3481").unwrap().to_string(), "udp/3478-3481");
        assert_eq!(port_range("TCP/443").unwrap().to_string(), "tcp/443");
        for (text, suggestion) in [
            ("443", Some("`tcp/443`")),
            ("443/tcp", Some("`tcp/443`")),
            ("tpc/443", Some("`tcp/443`")),
            ("udp/3481-3478", Some("`udp/3478-3481`")),
            ("tcp/0", None),
            ("tcp/65536", None),
            ("tcp/", None),
            ("https", Some("something like `tcp/443`")),
        ] {
            assert_eq!(
                port_range(text).unwrap_err().suggestion.as_deref(),
                suggestion,
                "{text}"
            );
        }
    }

    #[test]
    fn tls_versions_are_spelt_as_in_records() {
        assert_eq!(tls_version("1.2"), Ok(TlsVersion::TLS12));
        for text in ["TLS1.2", "TLSv1.2", "tls 1.2"] {
            assert_eq!(
                tls_version(text).unwrap_err().suggestion.as_deref(),
                Some("`1.2`"),
                "{text}"
            );
        }
    }
}
