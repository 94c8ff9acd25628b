//! Rows as tables: the columns, with their types, of what is written as CSV and as Parquet.
//!
//! A table is one list: name, type, where the value comes from. [`columns!`] makes two things of it: the columns themselves,
//! for a header or a schema, and a function that hands a row's values to a writer, one call a column, in their order. To add
//! a column, add its line. Names are those of the JSON records, flat: `client_ip` for `client.ip`.

use super::text::Short;
use super::{Labels, words};
use crate::engine::rows::{CaptureRow, FlowRow, NameRow};
use crate::evidence::model::{Certificate, TlsFacts, TlsVersion};
use crate::names::domain::Domain;
use crate::policy::verdict::Flag;

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

/// What a column holds. Every value may be missing, but for lists, which may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Truth,
    /// Of a packet.
    Time,
    /// Of a certificate: whole seconds, perhaps before 1970.
    Date,
    /// Seconds, in thousandths.
    Seconds,
    List,
}

/// Takes a row's values, one call a column.
pub trait Cells {
    fn text(&mut self, value: Option<&str>);
    fn number(&mut self, value: Option<u64>);
    fn truth(&mut self, value: Option<bool>);
    fn time(&mut self, value: Option<Time>);
    fn date(&mut self, seconds: Option<i64>);
    fn seconds(&mut self, thousandths: Option<u64>);
    fn list(&mut self, items: impl IntoIterator<Item = impl AsRef<str>>);
}

/// A packet's time, and whether its capture is finer than microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub ns: u64,
    pub nanoseconds: bool,
}

macro_rules! columns {
    ($list:ident, $give:ident, |$row:ident: &$Row:ty, $labels:ident| { $($setup:tt)* } $($name:literal $kind:ident $value:expr;)*) => {
        pub const $list: &[Column] = &[$(Column { name: $name, kind: columns!(@ $kind) }),*];

        pub fn $give($row: &$Row, $labels: &Labels, cells: &mut impl Cells) {
            $($setup)*
            $(cells.$kind($value);)*
        }
    };
    (@ text) => { Kind::Text };
    (@ number) => { Kind::Number };
    (@ truth) => { Kind::Truth };
    (@ time) => { Kind::Time };
    (@ date) => { Kind::Date };
    (@ seconds) => { Kind::Seconds };
    (@ list) => { Kind::List };
}

columns! { FLOWS, flow, |row: &FlowRow, labels| {
        let policy = &labels.policy;
        let verdict = &row.verdict;
        let named = row.naming.name.is_some();
        let rows = || verdict.matches.iter().filter_map(|id| policy.row(*id));
        let tls = row.tls.as_deref();
        let cert = tls.and_then(|tls| tls.certificate.as_deref());
        let time = |ns| Some(Time { ns, nanoseconds: row.nanoseconds });
        let proto = words::ip_protocol(row.protocol).short();
        let quic = row.quic.map(|version| Short::of(format_args!("{version}")));
        let version = tls.and_then(|tls| tls.version).map(version);
        let cipher = tls.and_then(|tls| tls.cipher).map(|suite| Short::of(format_args!("0x{suite:04x}")));
        let (client, server) = (super::address::address(row.client.ip), super::address::address(row.server.ip));
    }
    "id" text Some(row.id.as_str());
    "start" time time(row.start_ns);
    "end" time time(row.end_ns);
    "proto" text Some(proto.as_str());
    "client_ip" text Some(client.as_str());
    "client_port" number row.client.port.map(u64::from);
    "server_ip" text Some(server.as_str());
    "server_port" number row.server.port.map(u64::from);
    "name" text row.naming.name.as_ref().map(Domain::as_str);
    "class" text Some(policy.class(&verdict.matches, named));
    "endpoint" text rows().next().map(|row| row.id.as_str());
    "line" text rows().next().map(|row| row.line.as_str());
    "verdict" text Some(verdict.standing.as_str());
    "flags" list verdict.flags.iter().map(|flag| flag.kind.as_str());
    "severity" text gravest(&verdict.flags);
    "blocked_how" text how(&verdict.flags);
    "why" list sentences(&verdict.flags, labels);
    "app" text Some(row.app.as_str());
    "packets_out" number Some(row.packets.out);
    "packets_in" number Some(row.packets.r#in);
    "bytes_out" number Some(row.bytes.out);
    "bytes_in" number Some(row.bytes.r#in);
    "tcp" text row.tcp.map(|state| state.as_str());
    "sni" text tls.and_then(|tls| tls.sni.as_ref()).map(Domain::as_str);
    "tls_version" text version.as_ref().map(Short::as_str);
    "tls_offered" list tls.into_iter().flat_map(offered);
    "alpn" list tls.into_iter().flat_map(|tls| tls.alpn.iter());
    "ja4" text tls.and_then(|tls| tls.ja4.as_deref());
    "cipher" text cipher.as_ref().map(Short::as_str);
    "ech" truth tls.filter(|tls| tls.hello).map(|tls| tls.ech);
    "cover" truth tls.filter(|tls| tls.hello).map(|tls| tls.cover);
    "quic_version" text quic.as_ref().map(Short::as_str);
    "cert_subject" text cert.map(|cert| cert.subject.as_str()).filter(|text| !text.is_empty());
    "cert_issuer" text cert.map(|cert| cert.issuer.as_str()).filter(|text| !text.is_empty());
    "cert_names" list cert.into_iter().flat_map(|cert: &Certificate| cert.names.iter());
    "cert_not_before" date cert.map(|cert| cert.not_before);
    "cert_not_after" date cert.map(|cert| cert.not_after);
    "evidence" text Some(row.naming.kind.as_str());
    "via" list row.naming.via.iter().map(Domain::as_str);
    "candidates" list row.naming.candidates.iter().map(Domain::as_str);
    "age_s" seconds row.naming.age_ns.map(|ns| ns / 1_000_000);
    "quality" list row.quality.words();
    "matches" list rows().map(|row| row.id.as_str());
    "vlan" list row.vlans.iter().map(|id| Short::of(format_args!("{id}")));
    "tunnel" text row.tunnel.as_deref();
    "file" text labels.file(row.ordinal);
    "frame_first" number Some(row.frames.first);
    "frame_hello" number row.frames.hello;
    "frame_server_hello" number row.frames.server_hello;
    "frame_cert" number row.frames.certificate;
    "frame_dns" number row.frames.dns;
    "frame_blocked" number row.frames.blocked;
    "frame_last" number Some(row.frames.last);
}

columns! { NAMES, name, |row: &NameRow, labels| {
        let resolver = super::address::address(row.resolver);
        let client = row.client.map(super::address::address);
        let qtype = words::query_type(row.qtype).short();
        let rcode = words::response_code(row.rcode).short();
    }
    "time" time Some(Time { ns: row.time_ns, nanoseconds: row.nanoseconds });
    "id" text Some(row.id.as_str());
    "client" text client.as_ref().map(Short::as_str);
    "client_port" number row.ports.map(|(asker, _)| asker.into());
    "resolver" text Some(resolver.as_str());
    "resolver_port" number row.ports.map(|(_, resolver)| resolver.into());
    "proto" text Some(row.transport);
    "query" text Some(row.query.as_str());
    "qtype" text Some(qtype.as_str());
    "rcode" text Some(rcode.as_str());
    "chain" list row.chain.iter().map(Domain::as_str);
    "addresses" list row.addresses.iter().map(|ip| super::address::address(*ip));
    "ttl" number row.ttl.map(u64::from);
    "class" text Some(labels.policy.class(&row.matches, true));
    "flags" list row.flags.iter().map(|flag| flag.kind.as_str());
    "blocked_how" text how(&row.flags);
    "why" list sentences(&row.flags, labels);
    "file" text labels.file(row.ordinal);
    "frame" number Some(row.frame);
}

columns! { CAPTURES, capture, |row: &CaptureRow, labels| {
        let time = |ns: Option<u64>| ns.map(|ns| Time { ns, nanoseconds: row.nanoseconds });
        let sha256 = Some(labels.policy.sha256.as_str()).filter(|text| !text.is_empty());
    }
    "file" text Some(&row.file);
    "sha256" text row.sha256.as_deref();
    "link" list &row.links;
    "packets" number Some(row.packets);
    "bytes" number Some(row.bytes);
    "first" time time(row.first_ns);
    "last" time time(row.last_ns);
    "flows" number Some(row.flows);
    "undecoded" number Some(row.undecoded.iter().map(|(_, count)| count).sum());
    "undecoded_reasons" list row.undecoded.iter().map(|(reason, count)| format!("{reason} {count}"));
    "dropped_kernel" number Some(row.dropped_by_kernel.unwrap_or(0));
    "dropped_interface" number Some(row.dropped_by_interface.unwrap_or(0));
    "duplicates" number Some(row.duplicates);
    "fragments_pieces" number Some(row.fragments.pieces);
    "fragments_joined" number Some(row.fragments.joined);
    "fragments_overlap" number Some(row.fragments.overlap);
    "fragments_invalid" number Some(row.fragments.invalid);
    "fragments_incomplete" number Some(row.fragments.incomplete);
    "fragments_evicted" number Some(row.fragments.evicted);
    "blind_cut" number Some(row.blind.cut);
    "blind_gap" number Some(row.blind.gap);
    "blind_midstream" number Some(row.blind.midstream);
    "blind_one_sided" number Some(row.blind.one_sided);
    "blind_ech" number Some(row.blind.ech);
    "blind_doh" number Some(row.blind.doh);
    "blind_dot" number Some(row.blind.dot);
    "blind_evicted" number Some(row.blind.evicted);
    "hidden_clients" list row.hidden_clients.iter().map(|ip| super::address::address(*ip));
    "policy" text Some(&labels.policy.name);
    "policy_sha256" text sha256;
    "flowsift" text Some(env!("CARGO_PKG_VERSION"));
}

fn version(version: TlsVersion) -> Short {
    Short::of(format_args!("{version}"))
}

fn offered(tls: &TlsFacts) -> impl Iterator<Item = Short> {
    tls.offered.iter().copied().map(version)
}

fn gravest(flags: &[Flag]) -> Option<&'static str> {
    flags
        .iter()
        .map(|flag| flag.severity)
        .max()
        .map(|severity| severity.as_str())
}

fn how(flags: &[Flag]) -> Option<&'static str> {
    flags.iter().find_map(|flag| flag.how).map(|how| how.as_str())
}

/// The flags' reasons, in the flags' order.
fn sentences<'f>(flags: &'f [Flag], labels: &'f Labels) -> impl Iterator<Item = String> + 'f {
    flags.iter().map(|flag| {
        let mut sentence = Vec::new();
        labels.policy.wording.tell(&flag.why, &mut sentence);
        String::from_utf8(sentence).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::fixtures;
    use super::*;

    /// Notes the kinds of the calls.
    #[derive(Default)]
    struct Kinds(Vec<Kind>);

    impl Cells for Kinds {
        fn text(&mut self, _: Option<&str>) {
            self.0.push(Kind::Text);
        }
        fn number(&mut self, _: Option<u64>) {
            self.0.push(Kind::Number);
        }
        fn truth(&mut self, _: Option<bool>) {
            self.0.push(Kind::Truth);
        }
        fn time(&mut self, _: Option<Time>) {
            self.0.push(Kind::Time);
        }
        fn date(&mut self, _: Option<i64>) {
            self.0.push(Kind::Date);
        }
        fn seconds(&mut self, _: Option<u64>) {
            self.0.push(Kind::Seconds);
        }
        fn list(&mut self, items: impl IntoIterator<Item = impl AsRef<str>>) {
            items.into_iter().for_each(drop);
            self.0.push(Kind::List);
        }
    }

    #[test]
    fn every_row_gives_every_column_in_order() {
        let labels = fixtures::labels();
        let kinds = |columns: &[Column]| columns.iter().map(|column| column.kind).collect::<Vec<_>>();
        for row in [fixtures::web_flow(), fixtures::bare_flow()] {
            let mut given = Kinds::default();
            flow(&row, &labels, &mut given);
            assert_eq!(given.0, kinds(FLOWS));
        }
        let mut given = Kinds::default();
        name(&fixtures::name(), &labels, &mut given);
        assert_eq!(given.0, kinds(NAMES));
        let mut given = Kinds::default();
        capture(&fixtures::capture(), &labels, &mut given);
        assert_eq!(given.0, kinds(CAPTURES));
        for table in [FLOWS, NAMES, CAPTURES] {
            let names: HashSet<&str> = table.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), table.len());
        }
    }
}
