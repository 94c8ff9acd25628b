//! HTTP/1 messages (RFC 9112), line by line: enough to know one, whom it is for, and where it ends.
//!
//! ```text
//! GET /path HTTP/1.1            a request's own line: method, target, version
//! CONNECT host:443 HTTP/1.1
//! HTTP/1.1 200 OK               a response's own line: version, status, reason
//! Name: value                   fields, until an empty line
//! ```
//!
//! Lines are given one at a time, so that a head that the capture cut, or that comes in pieces, still says what
//! its first lines say.

use super::Parse;

/// A line longer than this is not waited for.
pub const LINE_CAP: usize = 8 * 1024;

const METHODS: [&[u8]; 18] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"REPORT ",
    b"SEARCH ",
];
const CONNECT: &[u8] = b"CONNECT ";
const RESPONSE: &[u8] = b"HTTP/1.";
/// RFC 9113, section 3.4: what a client of HTTP/2 sends first; made so that an HTTP/1 server cannot take it for a request.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What the first bytes of a stream may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Request,
    /// A request that asks a proxy for a tunnel.
    ConnectRequest,
    Response,
    /// HTTP/2 without TLS.
    Preface,
    /// Not HTTP.
    Other,
    /// A prefix of something that would be.
    Undecided,
}

/// Looks at the first bytes of a stream.
pub fn start(bytes: &[u8]) -> Start {
    // Whatever it may be begins with a capital: most connections are none of it, and are told apart here.
    if bytes.first().is_some_and(|first| !first.is_ascii_uppercase()) {
        return Start::Other;
    }
    if bytes.starts_with(CONNECT) {
        return Start::ConnectRequest;
    }
    if bytes.starts_with(RESPONSE) {
        return Start::Response;
    }
    if METHODS.iter().any(|method| bytes.starts_with(method)) {
        return Start::Request;
    }
    if bytes.starts_with(PREFACE) {
        return Start::Preface;
    }
    let begins = |word: &&[u8]| word.starts_with(bytes);
    if METHODS.iter().chain(&[RESPONSE, PREFACE]).any(begins) {
        Start::Undecided
    } else {
        Start::Other
    }
}

/// One line, without its end and the blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    pub text: &'a [u8],
    /// Bytes of it with its end.
    pub length: usize,
}

/// A line that does not end where lines do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// The first line. RFC 9112, section 2.2: a lone LF may be taken for a line's end.
pub fn line(bytes: &[u8]) -> Parse<Line<'_>, TooLong> {
    let window = bytes.get(..LINE_CAP).unwrap_or(bytes);
    match window.iter().position(|&b| b == b'\n') {
        Some(end) => Parse::Complete(Line {
            text: window.get(..end).unwrap_or(window).trim_ascii_end(),
            length: end + 1,
        }),
        None if bytes.len() >= LINE_CAP => Parse::Malformed(TooLong),
        None => Parse::Need(bytes.len() + 1),
    }
}

/// A host and perhaps a port, as they stand in a target or a Host field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    pub host: &'a [u8],
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// RFC 3986, section 3.2: an IPv6 address stands in brackets, the port follows the last colon outside of them; and whoever
    /// is let in, before an `@`, is none of our business.
    pub fn parse(text: &'a [u8]) -> Authority<'a> {
        let text = text.rsplit(|&b| b == b'@').next().unwrap_or(text);
        let (host, behind) = match text.strip_prefix(b"[") {
            Some(inside) => split_once(inside, b']').unwrap_or((inside, &[])),
            None => {
                let end = text.iter().position(|&b| b == b':').unwrap_or(text.len());
                text.split_at_checked(end).unwrap_or((text, &[]))
            }
        };
        let port = behind.strip_prefix(b":").and_then(decimal);
        Authority {
            host,
            port: port.and_then(|number| u16::try_from(number).ok()),
        }
    }
}

/// What a request is for (RFC 9112, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// CONNECT's: a tunnel to there.
    Tunnel(Authority<'a>),
    /// Absolute-form, as proxies get it. Section 3.2.2: the Host field is to be ignored for it.
    Absolute(Authority<'a>),
    /// A path or `*`; the Host field says whose.
    Local,
}

/// The target of a request's own line. A request of HTTP/0.9 has no version, and only a local target.
pub fn target(line: &[u8]) -> Target<'_> {
    let mut words = line.split(|&b| b == b' ').filter(|word| !word.is_empty());
    let (method, target) = (words.next().unwrap_or(&[]), words.next().unwrap_or(&[]));
    if method == CONNECT.trim_ascii_end() {
        return Target::Tunnel(Authority::parse(target));
    }
    let Some((scheme, rest)) = split_once(target, b':') else {
        return Target::Local;
    };
    match rest.strip_prefix(b"//") {
        Some(rest) if !scheme.is_empty() && scheme.iter().all(u8::is_ascii_alphanumeric) => {
            let is_end = |b: &u8| matches!(b, b'/' | b'?' | b'#');
            let authority = rest.split(is_end).next().unwrap_or(rest);
            let mut whose = Authority::parse(authority);
            whose.port = whose.port.or_else(|| port_of(scheme));
            Target::Absolute(whose)
        }
        _ => Target::Local,
    }
}

/// Where a target names no port (RFC 9110, section 4.2; RFC 6455, section 3; RFC 1738, section 3.2).
fn port_of(scheme: &[u8]) -> Option<u16> {
    let is = |known: &&(&str, u16)| scheme.eq_ignore_ascii_case(known.0.as_bytes());
    let known = [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];
    known.iter().find(is).map(|(_, port)| *port)
}

/// The status in a response's own line: three digits behind the version.
pub fn status(line: &[u8]) -> Option<u16> {
    let digits = line.split(|&b| b == b' ').nth(1)?;
    let number = decimal(digits).filter(|number| (100..1000).contains(number))?;
    u16::try_from(number).ok()
}

/// A line behind a message's own line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// The empty line: the head is over.
    End,
    Host(Authority<'a>),
    ContentLength(u64),
    /// Transfer-Encoding, with the body in chunks.
    Chunked,
    /// The answer was passed on by a proxy (RFC 9110, section 7.6.3).
    Via,
    /// The answer was made by a proxy that failed or refused: Squid's own field, or Proxy-Status with an error (RFC 9209).
    ProxyError,
    /// Link, with the relation `blocked-by`: who demanded it (RFC 7725, section 4).
    BlockedBy,
    Other,
}

/// Reads a field. RFC 9110, section 5.1: names know no case.
pub fn field(line: &[u8]) -> Field<'_> {
    if line.is_empty() {
        return Field::End;
    }
    // RFC 9112, section 5.2: a line that begins with a blank goes on with the field before it.
    if line.first().is_some_and(u8::is_ascii_whitespace) {
        return Field::Other;
    }
    let Some((name, value)) = split_once(line, b':') else {
        return Field::Other;
    };
    let value = value.trim_ascii();
    if name.eq_ignore_ascii_case(b"host") {
        return Field::Host(Authority::parse(value));
    }
    if name.eq_ignore_ascii_case(b"content-length") {
        return decimal(value).map_or(Field::Other, Field::ContentLength);
    }
    // RFC 9112, section 6.1: where it is applied at all, chunked is the last coding.
    let last = value.len().checked_sub(CHUNKED.len()).and_then(|at| value.get(at..));
    if name.eq_ignore_ascii_case(b"transfer-encoding")
        && last.is_some_and(|coding| coding.eq_ignore_ascii_case(CHUNKED))
    {
        return Field::Chunked;
    }
    if name.eq_ignore_ascii_case(b"via") {
        return Field::Via;
    }
    let is_squids = name.eq_ignore_ascii_case(b"x-squid-error");
    if is_squids || name.eq_ignore_ascii_case(b"proxy-status") && contains(value, b"error=") {
        return Field::ProxyError;
    }
    if name.eq_ignore_ascii_case(b"link") && contains(value, b"blocked-by") {
        return Field::BlockedBy;
    }
    Field::Other
}

/// Whether `word`, in lower case, stands in the text in any case.
fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

const CHUNKED: &[u8] = b"chunked";

/// RFC 9112, section 7.1: a chunk's size in hexadecimal, perhaps with extensions behind a semicolon.
pub fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&b| b == b';').next()?.trim_ascii();
    let text = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(text, 16).ok()
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| all_digits)?;
    text.parse().ok()
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&b| b == at)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(host: &'static str, port: impl Into<Option<u16>>) -> Authority<'static> {
        Authority {
            host: host.as_bytes(),
            port: port.into(),
        }
    }

    #[test]
    fn a_prefix_is_undecided_and_a_stranger_is_other() {
        assert_eq!(start(b"PO"), Start::Undecided);
        assert_eq!(start(b"POST /"), Start::Request);
        assert_eq!(start(b"CONNECT a:443"), Start::ConnectRequest);
        assert_eq!(start(b"HTTP/1.1 200"), Start::Response);
        assert_eq!(start(b"PRI * HTTP/2"), Start::Undecided);
        assert_eq!(start(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Start::Preface);
        assert_eq!(start(b"SSH-2.0"), Start::Other);
        assert_eq!(start(b"GETTING"), Start::Other);
    }

    #[test]
    fn lines_end_at_either_line_end() {
        assert_eq!(
            line(b"a: b\r\nc"),
            Parse::Complete(Line {
                text: b"a: b",
                length: 6
            })
        );
        assert_eq!(line(b"\nc"), Parse::Complete(Line { text: b"", length: 1 }));
        assert_eq!(line(b"a: b\r"), Parse::Need(6));
        assert_eq!(line(&[b'a'; LINE_CAP]), Parse::Malformed(TooLong));
    }

    #[test]
    fn a_target_names_its_host_in_two_forms() {
        let tunnel = |line: &'static str| target(line.as_bytes());
        assert_eq!(
            tunnel("CONNECT App.SalesTim.io:443 HTTP/1.1"),
            Target::Tunnel(authority("App.SalesTim.io", 443))
        );
        assert_eq!(
            tunnel("CONNECT [2001:db8::1]:8443 HTTP/1.0"),
            Target::Tunnel(authority("2001:db8::1", 8443))
        );
        assert_eq!(tunnel("CONNECT a"), Target::Tunnel(authority("a", None)));
        assert_eq!(
            tunnel("GET http://user:secret@a.example:8080/b?c=http://d HTTP/1.1"),
            Target::Absolute(authority("a.example", 8080))
        );
        assert_eq!(
            tunnel("GET https://a.example HTTP/1.1"),
            Target::Absolute(authority("a.example", 443))
        );
        assert_eq!(tunnel("GET HTTP://a/ HTTP/1.1"), Target::Absolute(authority("a", 80)));
        assert_eq!(tunnel("GET odd://a/ HTTP/1.1"), Target::Absolute(authority("a", None)));
        assert_eq!(tunnel("GET /a?b=http://c.example/ HTTP/1.1"), Target::Local);
        assert_eq!(tunnel("OPTIONS * HTTP/1.1"), Target::Local);
        assert_eq!(tunnel("GET"), Target::Local);
    }

    #[test]
    fn ports_out_of_range_are_none() {
        assert_eq!(Authority::parse(b"a:70000"), authority("a", None));
        assert_eq!(Authority::parse(b"a:"), authority("a", None));
        assert_eq!(Authority::parse(b"a:+80"), authority("a", None));
        assert_eq!(Authority::parse(b"[::1"), authority("::1", None));
    }

    #[test]
    fn a_line_that_begins_with_a_blank_goes_on_with_the_one_before() {
        for folded in [&b"\tHost: graph.microsoft.com\r\n"[..], b" Host: graph.microsoft.com\n"] {
            let Parse::Complete(line) = line(folded) else {
                panic!("no line")
            };
            assert_eq!(field(line.text), Field::Other);
        }
        let Parse::Complete(blank) = line(b"  \r\n") else {
            panic!("no line")
        };
        assert_eq!(field(blank.text), Field::End);
    }

    #[test]
    fn fields_and_statuses_are_read_in_any_case() {
        assert_eq!(
            field(b"hOsT:  App.SalesTim.io:8080"),
            Field::Host(authority("App.SalesTim.io", 8080))
        );
        assert_eq!(field(b"content-LENGTH: 17"), Field::ContentLength(17));
        assert_eq!(field(b"Content-Length: -1"), Field::Other);
        assert_eq!(field(b"Transfer-Encoding: gzip, Chunked"), Field::Chunked);
        assert_eq!(field(b""), Field::End);
        assert_eq!(field(b"VIA: 1.1 cache.example"), Field::Via);
        assert_eq!(field(b"X-Squid-Error: ERR_ACCESS_DENIED 0"), Field::ProxyError);
        assert_eq!(field(b"Proxy-Status: gw; Error=http_request_denied"), Field::ProxyError);
        assert_eq!(field(b"Proxy-Status: gw; received-status=403"), Field::Other);
        assert_eq!(
            field(b"Link: <https://x.example>; rel=\"blocked-by\""),
            Field::BlockedBy
        );
        assert_eq!(field(b"Link: </a.css>; rel=preload"), Field::Other);
        assert_eq!(status(b"HTTP/1.1 407 Proxy Authentication Required"), Some(407));
        assert_eq!(status(b"HTTP/1.0 200"), Some(200));
        assert_eq!(status(b"HTTP/1.1 OK"), None);
        assert_eq!(chunk_size(b"1a;name=value"), Some(26));
        assert_eq!(chunk_size(b"xyz"), None);
    }
}
