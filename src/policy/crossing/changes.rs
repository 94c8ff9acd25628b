//! What a device changed of a flow that it let through.

use super::Sighting;
use crate::evidence::model::TlsVersion;
use crate::flow::attempt::TcpState;

/// One thing that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub what: Made,
    /// As it was inside, and outside; printable.
    pub inside: String,
    pub outside: String,
}

/// What kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Made {
    /// The client's address or port: translated.
    Client,
    Server,
    /// New sequence numbers: the connection outside is the device's own, or it disguises them.
    Sequence,
    /// More than a router's one hop: the packets outside are the device's own.
    Ttl,
    /// A reset that only one side saw: the device made it.
    Reset,
    Hello,
    TlsVersion,
    Certificate,
}

impl Made {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Made::Client => "client",
            Made::Server => "server",
            Made::Sequence => "sequence",
            Made::Ttl => "ttl",
            Made::Reset => "reset",
            Made::Hello => "hello",
            Made::TlsVersion => "tls-version",
            Made::Certificate => "certificate",
        }
    }
}

/// Everything that is not the same; what only one side saw is no change, but for resets.
pub fn between(inside: &Sighting, outside: &Sighting) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut note = |what: Made, inside: Option<String>, outside: Option<String>| {
        if let (Some(inside), Some(outside)) = (inside, outside)
            && inside != outside
        {
            changes.push(Change { what, inside, outside });
        }
    };
    let end = |end: crate::flow::key::Endpoint| match (end.port, end.ip.is_ipv6()) {
        (Some(port), true) => format!("[{}]:{port}", end.ip),
        (Some(port), false) => format!("{}:{port}", end.ip),
        (None, _) => end.ip.to_string(),
    };
    note(Made::Client, Some(end(inside.client)), Some(end(outside.client)));
    note(Made::Server, Some(end(inside.server)), Some(end(outside.server)));
    let sequence = |flow: &Sighting| flow.sequences[0].map(|number| number.to_string());
    note(Made::Sequence, sequence(inside), sequence(outside));
    if has_other_hops(inside, outside) {
        note(Made::Ttl, ttls(inside), ttls(outside));
    }
    note(Made::Reset, Some(reset(inside)), Some(reset(outside)));
    let (here, there) = (inside.tls, outside.tls);
    let hello = |tls: &crate::evidence::model::TlsFacts| tls.ja4.as_deref().map(str::to_owned);
    note(Made::Hello, here.and_then(hello), there.and_then(hello));
    let version = |tls: &crate::evidence::model::TlsFacts| tls.version.as_ref().map(TlsVersion::to_string);
    note(Made::TlsVersion, here.and_then(version), there.and_then(version));
    let certificate = |tls: &crate::evidence::model::TlsFacts| {
        let leaf = tls.certificate.as_ref()?;
        Some(format!("{} by {}", leaf.subject, leaf.issuer))
    };
    note(
        Made::Certificate,
        here.and_then(certificate),
        there.and_then(certificate),
    );
    changes
}

/// A device is one hop, or none where it bridges.
const HOPS: std::ops::RangeInclusive<i16> = 0..=1;

fn has_other_hops(inside: &Sighting, outside: &Sighting) -> bool {
    let hops = |from: Option<u8>, to: Option<u8>| Some(i16::from(from?) - i16::from(to?));
    let out = hops(inside.ttls[0], outside.ttls[0]);
    let back = hops(outside.ttls[1], inside.ttls[1]);
    [out, back].into_iter().flatten().any(|hops| !HOPS.contains(&hops))
}

fn ttls(flow: &Sighting) -> Option<String> {
    let text = |ttl: Option<u8>| ttl.map_or("-".to_owned(), |ttl| ttl.to_string());
    let [out, back] = flow.ttls;
    Some(format!("{} out, {} back", text(out), text(back)))
}

fn reset(flow: &Sighting) -> String {
    match flow.tcp {
        Some(TcpState::Reset | TcpState::Refused) => "reset".to_owned(),
        _ => "none".to_owned(),
    }
}
