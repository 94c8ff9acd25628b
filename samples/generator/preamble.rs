//! What is said in the clear before a hello: to a proxy, by a load balancer, or in a protocol that changes to TLS.

use std::net::{IpAddr, SocketAddr};

use super::bytes::Out;
use super::day::Day;
use super::script::Statement;
use super::talk::{Side, Talk};

/// Who stands before the hello, and what is said.
#[derive(Clone)]
pub enum Preamble {
    /// `through connect HOST:PORT`, with a proxy's answers one after the other.
    Connect { target: String, answers: Vec<u16> },
    /// `through socks4|socks4a|socks5|socks5-login HOST:PORT`, with the code of the reply.
    Socks { kind: Socks, target: String, code: u8 },
    /// `after PROTOCOL`
    StartTls(&'static [(Side, &'static [u8])]),
    /// `behind proxy-v1|proxy-v2 ADDRESS:PORT`
    Header { binary: bool, client: SocketAddr },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Socks {
    V4,
    V4a,
    V5,
    V5Login,
}

use Side::{Client, Server};

const SMTP: &[(Side, &[u8])] = &[
    (Server, b"220 mail.example.org ESMTP ready\r\n"),
    (Client, b"EHLO client.example.org\r\n"),
    (Server, b"250-mail.example.org\r\n250-SIZE 35882577\r\n250 STARTTLS\r\n"),
    (Client, b"STARTTLS\r\n"),
    (Server, b"220 2.0.0 Ready to start TLS\r\n"),
];
const IMAP: &[(Side, &[u8])] = &[
    (Server, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
    (Client, b"a1 STARTTLS\r\n"),
    (Server, b"a1 OK Begin TLS negotiation now\r\n"),
];
const POP3: &[(Side, &[u8])] = &[
    (Server, b"+OK POP3 ready\r\n"),
    (Client, b"STLS\r\n"),
    (Server, b"+OK Begin TLS\r\n"),
];
const FTP: &[(Side, &[u8])] = &[
    (Server, b"220-Welcome\r\n220 ready\r\n"),
    (Client, b"AUTH TLS\r\n"),
    (Server, b"234 Proceed with negotiation.\r\n"),
];
const XMPP: &[(Side, &[u8])] = &[
    (
        Client,
        b"<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    ),
    (
        Server,
        b"<?xml version='1.0'?><stream:stream from='example.org' id='1' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
    ),
    (Client, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    (Server, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
];
const LDAP: &[(Side, &[u8])] = &[
    (Client, b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"),
    (Server, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
];
const POSTGRES: &[(Side, &[u8])] = &[(Client, &[0, 0, 0, 8, 4, 210, 22, 47]), (Server, b"S")];
const MYSQL: &[(Side, &[u8])] = &[
    (
        Server,
        b"\x4a\0\0\0\x0a8.0.36\0\x18\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0",
    ),
    (
        Client,
        b"\x20\0\0\x01\x85\xae\xff\x20\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ),
];

impl Preamble {
    /// What stands behind `through`, `after` or `behind`.
    pub fn of_statement(word: &str, statement: &mut Statement) -> Result<Preamble, String> {
        let kind = statement.word("a protocol")?;
        let preamble = match (word, kind.as_str()) {
            ("through", "connect") => Preamble::Connect {
                target: statement.word("a HOST:PORT")?,
                answers: match statement.take("answers") {
                    true => statement.list("a status")?,
                    false => vec![200],
                },
            },
            ("through", "socks4" | "socks4a" | "socks5" | "socks5-login") => {
                let (kind, granted) = match kind.as_str() {
                    "socks4" => (Socks::V4, 90),
                    "socks4a" => (Socks::V4a, 90),
                    "socks5" => (Socks::V5, 0),
                    _ => (Socks::V5Login, 0),
                };
                Preamble::Socks {
                    kind,
                    target: statement.word("a HOST:PORT")?,
                    code: match statement.take("answers") {
                        true => statement.value("a code")?,
                        false => granted,
                    },
                }
            }
            ("after", "smtp") => Preamble::StartTls(SMTP),
            ("after", "imap") => Preamble::StartTls(IMAP),
            ("after", "pop3") => Preamble::StartTls(POP3),
            ("after", "ftp") => Preamble::StartTls(FTP),
            ("after", "xmpp") => Preamble::StartTls(XMPP),
            ("after", "ldap") => Preamble::StartTls(LDAP),
            ("after", "postgres") => Preamble::StartTls(POSTGRES),
            ("after", "mysql") => Preamble::StartTls(MYSQL),
            ("behind", "proxy-v1" | "proxy-v2") => Preamble::Header {
                binary: kind == "proxy-v2",
                client: statement.socket()?,
            },
            (_, other) => return statement.unexpected(other),
        };
        Ok(preamble)
    }

    /// Plays what is said. What is to be sent in front of the hello and together with it, or None if there is to be no hello.
    pub fn play(&self, day: &mut Day, talk: &mut Talk, server: SocketAddr) -> Result<Option<Vec<u8>>, String> {
        match self {
            Preamble::Connect { target, answers } => {
                for answer in answers {
                    connect(day, talk, target, *answer);
                }
                let granted = answers.last().is_none_or(|answer| *answer < 300);
                Ok(granted.then(Vec::new))
            }
            Preamble::Socks { kind, target, code } => {
                socks(day, talk, *kind, target, *code)?;
                Ok(matches!(code, 0 | 90).then(Vec::new))
            }
            Preamble::StartTls(lines) => {
                for (side, bytes) in *lines {
                    talk.say(day, *side, bytes);
                }
                Ok(Some(Vec::new()))
            }
            Preamble::Header { binary, client } => header(*binary, *client, server).map(Some),
        }
    }
}

fn connect(day: &mut Day, talk: &mut Talk, target: &str, answer: u16) {
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: keep-alive\r\n\r\n");
    talk.say(day, Client, request.as_bytes());
    let response = match answer {
        200..=299 => format!("HTTP/1.1 {answer} Connection established\r\n\r\n"),
        407 => {
            let page = "<html>Who are you?</html>\n";
            format!(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            )
        }
        _ => format!(
            "HTTP/1.1 {answer} No\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            "12\r\n<html>No.</html>\r\n\r\n"
        ),
    };
    talk.say(day, Server, response.as_bytes());
}

fn socks(day: &mut Day, talk: &mut Talk, kind: Socks, target: &str, code: u8) -> Result<(), String> {
    let (host, port) = target.rsplit_once(':').ok_or("a target is HOST:PORT")?;
    let port: u16 = port.parse().map_err(|_| "a target is HOST:PORT")?;
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let (connect, nobody) = (1, [0, 0, 0, 0]);
    let mut request = Out::default();
    let mut reply = Out::default();
    match kind {
        Socks::V4 | Socks::V4a => {
            request.u8(4).u8(connect).u16(port);
            match address {
                Some(IpAddr::V4(ip)) => request.bytes(&ip.octets()).bytes(b"me\0"),
                _ => request.bytes(&[0, 0, 0, 1]).bytes(b"me\0").bytes(host.as_bytes()).u8(0),
            };
            reply.u8(0).u8(code).u16(port).bytes(&nobody);
        }
        Socks::V5 | Socks::V5Login => {
            let login = 2;
            let method = if kind == Socks::V5Login { login } else { 0 };
            talk.say(day, Client, &[5, 2, 0, login]);
            talk.say(day, Server, &[5, method]);
            if method == login {
                talk.say(day, Client, b"\x01\x02me\x06secret");
                talk.say(day, Server, &[1, 0]);
            }
            request.u8(5).u8(connect).u8(0);
            match address {
                Some(IpAddr::V4(ip)) => request.u8(1).bytes(&ip.octets()),
                Some(IpAddr::V6(ip)) => request.u8(4).bytes(&ip.octets()),
                None => request.u8(3).u8(host.len() as u8).bytes(host.as_bytes()),
            };
            request.u16(port);
            reply.u8(5).u8(code).u8(0).u8(1).bytes(&nobody).u16(0);
        }
    }
    talk.say(day, Client, &request.0);
    talk.say(day, Server, &reply.0);
    Ok(())
}

fn header(binary: bool, client: SocketAddr, server: SocketAddr) -> Result<Vec<u8>, String> {
    let (IpAddr::V4(from), IpAddr::V4(to)) = (client.ip(), server.ip()) else {
        return Err("the PROXY header is written for IPv4 here".into());
    };
    if !binary {
        let line = format!("PROXY TCP4 {from} {to} {} {}\r\n", client.port(), server.port());
        return Ok(line.into_bytes());
    }
    let (version_2_proxy, tcp_over_ipv4, addresses) = (0x21, 0x11, 12);
    let mut out = Out::default();
    out.bytes(b"\r\n\r\n\0\r\nQUIT\n")
        .u8(version_2_proxy)
        .u8(tcp_over_ipv4)
        .u16(addresses);
    out.bytes(&from.octets()).bytes(&to.octets());
    out.u16(client.port()).u16(server.port());
    Ok(out.0)
}
