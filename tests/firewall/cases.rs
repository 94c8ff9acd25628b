//! Every endpoint of the lab: where its name leads, what the firewall does, how the client tries it, what must be said.

/// An endpoint and its fate.
pub struct Case {
    /// The row's id in [`POLICY`].
    pub id: &'static str,
    pub dns: &'static [Dns],
    pub wall: Wall,
    pub visit: Visit,
    pub outcome: &'static str,
    pub blockage: Option<&'static str>,
    /// Where its flows died, for who sees both sides of the router; None: there is no flow, or not one fate.
    pub died: Option<&'static str>,
}

/// What the resolver knows of a name.
pub enum Dns {
    /// The name's address.
    Address(&'static str, &'static str),
    /// Another name for it.
    Alias(&'static str, &'static str),
    Missing(&'static str),
    /// Asked of a resolver that fails.
    Failing(&'static str),
    /// Asked of a resolver that says nothing.
    Silent(&'static str),
    // A name that is in no case's list is refused: the resolver has nobody to ask.
}

/// What the router does with packets to an address.
#[derive(Clone, Copy)]
pub enum Wall {
    Open,
    Drop(&'static str),
    /// A reset in the server's name.
    Reset(&'static str),
    /// nftables' plain `reject`: port unreachable.
    Reject(&'static str),
    Prohibit(&'static str),
    /// The handshake of TCP passes, and no more.
    DropHello(&'static str),
    ResetHello(&'static str),
    /// Only datagrams are dropped.
    DropUdp(&'static str),
    /// All but tcp/443 is dropped.
    DropOtherPorts(&'static str),
}

/// What the client does.
#[derive(Clone, Copy)]
pub enum Visit {
    Nothing,
    /// A page, with curl; further words for it.
    Page(&'static str, &'static [&'static str]),
    /// Two pages at once.
    Pages(&'static str, &'static str),
    /// With a client that knows TLS 1.0 still.
    OldTls(&'static str),
    /// A name is asked for, and nothing else.
    Question(&'static str),
    /// STUN, three times; then a page.
    MediaThenPage(&'static str, &'static str),
}

/// A host that the client uses and the policy does not have.
pub struct Unlisted {
    pub host: &'static str,
    pub dns: Dns,
    pub near: &'static str,
    pub visit: Visit,
}

pub const UNLISTED: Unlisted = Unlisted {
    host: "assets.laboratory.example",
    dns: Dns::Address("assets.laboratory.example", "198.18.1.12"),
    near: "*.labratory.example",
    visit: Visit::Page("https://assets.laboratory.example/", &[]),
};

/// What the proxy refuses.
pub const REFUSED_BY_PROXY: &str = "denied.lab.test";

const BY_PROXY: &[&str] = &["--proxy", "http://198.18.0.3:3128"];
/// Until the second retransmission of the SYN, three seconds after the first one, and longer than that.
const UNTIL_GIVEN_UP: &[&str] = &["--connect-timeout", "5"];
/// Longer than a silence after the hello must last.
const AFTER_HELLO: &[&str] = &["--max-time", "12"];

const OPEN: Case = Case {
    id: "",
    dns: &[],
    wall: Wall::Open,
    visit: Visit::Nothing,
    outcome: "reached",
    blockage: None,
    died: Some("passed"),
};

pub const CASES: &[Case] = &[
    Case {
        id: "by-cname",
        dns: &[
            Dns::Alias("www.app.test", "app-tm.manager.test"),
            Dns::Alias("app-tm.manager.test", "lab.edge.test"),
            Dns::Address("lab.edge.test", "198.18.1.12"),
        ],
        visit: Visit::Page("https://www.app.test/", &["--tls-max", "1.2"]),
        ..OPEN
    },
    Case {
        id: "newer-tls",
        dns: &[Dns::Address("modern.test", "198.18.1.13")],
        visit: Visit::Page("https://modern.test/", &["--tlsv1.3"]),
        ..OPEN
    },
    Case {
        id: "older-tls",
        dns: &[Dns::Address("old.test", "198.18.1.14")],
        visit: Visit::OldTls("old.test"),
        ..OPEN
    },
    Case {
        id: "dropped",
        dns: &[Dns::Address("dropped.test", "198.18.2.1")],
        wall: Wall::Drop("198.18.2.1"),
        visit: Visit::Page("https://dropped.test/", UNTIL_GIVEN_UP),
        outcome: "blocked",
        blockage: Some("silent"),
        died: Some("at-device"),
    },
    Case {
        id: "given-up-at-once",
        dns: &[Dns::Address("hasty.test", "198.18.2.2")],
        wall: Wall::Drop("198.18.2.2"),
        visit: Visit::Page("https://hasty.test/", &["--connect-timeout", "0.5"]),
        outcome: "inconclusive",
        died: Some("at-device"),
        ..OPEN
    },
    Case {
        id: "reset",
        dns: &[Dns::Address("reset.test", "198.18.2.3")],
        wall: Wall::Reset("198.18.2.3"),
        visit: Visit::Page("https://reset.test/", &[]),
        outcome: "blocked",
        blockage: Some("reset"),
        died: Some("at-device"),
    },
    Case {
        id: "closed-port",
        dns: &[Dns::Address("closed.test", "198.18.1.15")],
        visit: Visit::Page("https://closed.test:9443/", &[]),
        outcome: "blocked",
        blockage: Some("reset"),
        died: Some("beyond"),
        ..OPEN
    },
    Case {
        id: "rejected",
        dns: &[Dns::Address("rejected.test", "198.18.2.4")],
        wall: Wall::Reject("198.18.2.4"),
        visit: Visit::Page("https://rejected.test/", &[]),
        outcome: "blocked",
        blockage: Some("icmp"),
        died: Some("at-device"),
    },
    Case {
        id: "prohibited",
        dns: &[Dns::Address("prohibited.test", "198.18.2.5")],
        wall: Wall::Prohibit("198.18.2.5"),
        visit: Visit::Page("https://prohibited.test/", &[]),
        outcome: "blocked",
        blockage: Some("icmp"),
        died: Some("at-device"),
    },
    Case {
        id: "hello-dropped",
        dns: &[Dns::Address("filtered.test", "198.18.1.16")],
        wall: Wall::DropHello("198.18.1.16"),
        visit: Visit::Page("https://filtered.test/", AFTER_HELLO),
        outcome: "blocked",
        blockage: Some("after-hello"),
        died: Some("at-device"),
    },
    Case {
        id: "hello-reset",
        dns: &[Dns::Address("cut.test", "198.18.1.17")],
        wall: Wall::ResetHello("198.18.1.17"),
        visit: Visit::Page("https://cut.test/", AFTER_HELLO),
        outcome: "blocked",
        blockage: Some("after-hello"),
        died: Some("at-device"),
    },
    Case {
        id: "alert",
        dns: &[Dns::Address("alert.test", "198.18.1.18")],
        visit: Visit::Page("https://alert.test/", &[]),
        outcome: "blocked",
        blockage: Some("tls-alert"),
        died: Some("beyond"),
        ..OPEN
    },
    Case {
        id: "no-such-name",
        dns: &[Dns::Missing("missing.test")],
        visit: Visit::Page("https://missing.test/", &[]),
        outcome: "blocked",
        blockage: Some("nxdomain"),
        died: None,
        ..OPEN
    },
    Case {
        id: "name-refused",
        visit: Visit::Page("https://unknown.test/", &[]),
        outcome: "blocked",
        blockage: Some("dns-refused"),
        died: None,
        ..OPEN
    },
    Case {
        id: "name-failed",
        dns: &[Dns::Failing("failing.test")],
        visit: Visit::Question("failing.test"),
        outcome: "blocked",
        blockage: Some("servfail"),
        died: None,
        ..OPEN
    },
    Case {
        id: "name-unanswered",
        dns: &[Dns::Silent("silent.test")],
        visit: Visit::Question("silent.test"),
        outcome: "blocked",
        blockage: Some("dns-silent"),
        died: None,
        ..OPEN
    },
    Case {
        id: "sinkhole",
        dns: &[Dns::Address("sunk.test", "0.0.0.0")],
        visit: Visit::Question("sunk.test"),
        outcome: "blocked",
        blockage: Some("sinkhole"),
        died: None,
        ..OPEN
    },
    Case {
        id: "other-issuer",
        dns: &[Dns::Address("intercepted.test", "198.18.1.19")],
        visit: Visit::Page("https://intercepted.test/", &["--tls-max", "1.2"]),
        outcome: "intercepted",
        ..OPEN
    },
    Case {
        id: "other-way",
        dns: &[
            Dns::Alias("rerouted.test", "rogue.test"),
            Dns::Address("rogue.test", "198.18.1.12"),
        ],
        visit: Visit::Page("https://rerouted.test/", &["--tls-max", "1.2"]),
        outcome: "rerouted",
        ..OPEN
    },
    Case {
        id: "other-address",
        dns: &[Dns::Address("moved.test", "198.18.1.12")],
        visit: Visit::Page("https://moved.test/", &["--tls-max", "1.2"]),
        outcome: "reached-unlisted",
        ..OPEN
    },
    Case {
        id: "proxied",
        dns: &[Dns::Address("allowed.lab.test", "198.18.1.12")],
        visit: Visit::Page("https://allowed.lab.test/", BY_PROXY),
        ..OPEN
    },
    Case {
        id: "proxy-refuses",
        dns: &[Dns::Address(REFUSED_BY_PROXY, "198.18.1.12")],
        visit: Visit::Page("https://denied.lab.test/", BY_PROXY),
        outcome: "blocked",
        blockage: Some("proxy"),
        died: Some("beyond"),
        ..OPEN
    },
    Case {
        id: "media",
        dns: &[Dns::Address("media.test", "198.18.3.7")],
        wall: Wall::DropUdp("198.18.3.7"),
        visit: Visit::MediaThenPage("198.18.3.7:3478", "https://media.test/"),
        outcome: "fallback",
        died: None,
        ..OPEN
    },
    // The row lists tcp/443 alone: that nothing else passes is as it should be.
    Case {
        id: "other-ports-closed",
        dns: &[Dns::Address("strict.test", "198.18.1.20")],
        wall: Wall::DropOtherPorts("198.18.1.20"),
        visit: Visit::Pages("http://strict.test/", "https://strict.test/"),
        died: None,
        ..OPEN
    },
    Case {
        id: "one-of-two",
        dns: &[
            Dns::Address("good.pair.test", "198.18.1.12"),
            Dns::Address("bad.pair.test", "198.18.2.6"),
        ],
        wall: Wall::Drop("198.18.2.6"),
        visit: Visit::Pages("https://good.pair.test/", "https://bad.pair.test/"),
        outcome: "blocked",
        blockage: Some("silent"),
        died: None,
    },
    Case {
        id: "never",
        outcome: "not-tried",
        died: None,
        ..OPEN
    },
];

/// The policy that is judged. One row a case, in the same order.
pub const POLICY: &str = r#"
[policy]
name = "lab"
title = "What the lab's firewall must let through"

[[endpoint]]
id = "by-cname"
class = "app"
hosts = ["*.app.test"]
ports = ["tcp/443"]
tls = ["1.2"]
via = ["*.edge.test"]

[[endpoint]]
id = "newer-tls"
class = "app"
hosts = ["modern.test"]
ports = ["tcp/443"]
tls = ["1.2"]

[[endpoint]]
id = "older-tls"
class = "app"
hosts = ["old.test"]
ports = ["tcp/443"]
tls = ["1.2"]

[[endpoint]]
id = "dropped"
class = "app"
hosts = ["dropped.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "given-up-at-once"
class = "app"
hosts = ["hasty.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "reset"
class = "app"
hosts = ["reset.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "closed-port"
class = "app"
hosts = ["closed.test"]
ports = ["tcp/9443"]

[[endpoint]]
id = "rejected"
class = "app"
hosts = ["rejected.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "prohibited"
class = "app"
hosts = ["prohibited.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "hello-dropped"
class = "app"
hosts = ["filtered.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "hello-reset"
class = "app"
hosts = ["cut.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "alert"
class = "app"
hosts = ["alert.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "no-such-name"
class = "app"
hosts = ["missing.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "name-refused"
class = "app"
hosts = ["unknown.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "name-failed"
class = "app"
hosts = ["failing.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "name-unanswered"
class = "app"
hosts = ["silent.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "sinkhole"
class = "app"
hosts = ["sunk.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "other-issuer"
class = "app"
hosts = ["intercepted.test"]
ports = ["tcp/443"]
issuers = ["Good Lab Authority"]

[[endpoint]]
id = "other-way"
class = "app"
hosts = ["rerouted.test"]
ports = ["tcp/443"]
via = ["*.edge.test"]

[[endpoint]]
id = "other-address"
class = "app"
hosts = ["moved.test"]
addresses = ["198.18.9.0/24"]
ports = ["tcp/443"]

[[endpoint]]
id = "proxied"
class = "app"
hosts = ["allowed.lab.test"]
ports = ["tcp/443"]
tls = ["1.2", "1.3"]

[[endpoint]]
id = "proxy-refuses"
class = "app"
hosts = ["denied.lab.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "media"
class = "media"
hosts = ["media.test"]
addresses = ["198.18.3.0/24"]
ports = ["tcp/443", "udp/3478-3481"]
tls = []

[[endpoint]]
id = "other-ports-closed"
class = "app"
hosts = ["strict.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "one-of-two"
class = "app"
hosts = ["*.pair.test"]
ports = ["tcp/443"]

[[endpoint]]
id = "never"
class = "app"
hosts = ["never.test", "*.labratory.example"]
ports = ["tcp/443"]
"#;
