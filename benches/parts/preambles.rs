//! What is said to a proxy, or before STARTTLS, and the hello behind it: read by a stream's probe.

use std::hint::black_box;

use criterion::{Criterion, Throughput};

use super::conversation::{CONVERSATIONS, Conversation, many};

/// The same hello stands behind each of them, so that what the preamble adds is the distance to the first.
const HELLO: &str = "sni NAME version 1.3 alpn h2,http/1.1 bytes 100 100";

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("preambles");
    group.throughput(Throughput::Elements(CONVERSATIONS as u64));
    for (name, before) in [
        ("none", "tls 203.0.113.7:443"),
        ("HTTP CONNECT", "tls 203.0.113.7:3128 through connect NAME:443"),
        (
            "HTTP CONNECT with two refusals",
            "tls 203.0.113.7:3128 through connect NAME:443 answers 407,407,200",
        ),
        ("SOCKS4a", "tls 203.0.113.7:1080 through socks4a NAME:443"),
        ("SOCKS5", "tls 203.0.113.7:1080 through socks5 NAME:443"),
        (
            "SOCKS5 with a login",
            "tls 203.0.113.7:1080 through socks5-login NAME:443",
        ),
        (
            "PROXY protocol 1",
            "tls 203.0.113.7:443 behind proxy-v1 198.51.100.9:50001",
        ),
        (
            "PROXY protocol 2",
            "tls 203.0.113.7:443 behind proxy-v2 198.51.100.9:50001",
        ),
        ("STARTTLS, SMTP", "tls 203.0.113.7:25 after smtp"),
        ("STARTTLS, IMAP", "tls 203.0.113.7:143 after imap"),
        ("STARTTLS, XMPP", "tls 203.0.113.7:5222 after xmpp"),
        ("STARTTLS, LDAP", "tls 203.0.113.7:389 after ldap"),
        ("STARTTLS, PostgreSQL", "tls 203.0.113.7:5432 after postgres"),
        ("STARTTLS, MySQL", "tls 203.0.113.7:3306 after mysql"),
    ] {
        let conversations = many(&format!("{before} {HELLO}"));
        let found = conversations.iter().filter(|one| has_name(one)).count();
        assert_eq!(found, CONVERSATIONS, "{name}: not every hello is read");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for conversation in &conversations {
                    black_box(black_box(conversation).read_stream());
                }
            });
        });
    }
    group.finish();
}

fn has_name(conversation: &Conversation) -> bool {
    let found = conversation.read_stream();
    found.tls.is_some_and(|tls| tls.sni.is_some() && tls.version.is_some())
}
