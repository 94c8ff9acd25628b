//! The events, field by field in Suricata's order.

use super::super::findings::{self, rule};
use super::super::json::{self, Made, Object, Plain, key};
use super::super::text::Short;
use super::super::{Labels, words};
use super::{Eve, spelling};
use crate::engine::rows::{CaptureRow, FlowRow, NameRow, TcpState};
use crate::evidence::model::{App, TlsFacts};
use crate::names::domain::Domain;
use crate::policy::verdict::Flag;

/// A flow's events.
pub struct OfFlow<'r> {
    pub row: &'r FlowRow,
    pub labels: &'r Labels,
    pub eve: &'r Eve,
}

impl OfFlow<'_> {
    /// One a flag.
    pub fn alerts(&self, out: &mut Vec<u8>) {
        let row = self.row;
        for flag in &row.verdict.flags {
            let frame = row
                .frames
                .blocked
                .filter(|_| flag.how.is_some())
                .unwrap_or(row.frames.first);
            self.event("alert", (row.start_ns, Some(frame)), out, |event| {
                event.object(key!("alert"), |it| alert(it, flag, self.labels));
                if let Some(facts) = row.tls.as_deref().filter(|_| row.app == App::Tls) {
                    event.object(key!("tls"), |it| tls(it, facts));
                }
                event.object(key!("flow"), |flow| {
                    self.counts(flow);
                    flow.put(key!("start"), spelling::time(row.start_ns));
                });
            });
        }
    }

    /// What was read of a handshake over TCP: through a proxy and after STARTTLS too.
    pub fn tls(&self, out: &mut Vec<u8>) {
        let over_tcp = !matches!(self.row.app, App::Quic | App::Dtls);
        let facts = self.row.tls.as_deref().filter(|_| over_tcp);
        if let Some(facts) = facts.filter(|facts| facts.hello || facts.version.is_some()) {
            let frame = self.row.frames.hello.unwrap_or(self.row.frames.first);
            self.event("tls", (self.row.start_ns, Some(frame)), out, |event| {
                event.object(key!("tls"), |it| tls(it, facts));
            });
        }
    }

    pub fn quic(&self, out: &mut Vec<u8>) {
        if self.row.app != App::Quic {
            return;
        }
        let facts = self.row.tls.as_deref();
        let frame = self.row.frames.hello.unwrap_or(self.row.frames.first);
        self.event("quic", (self.row.start_ns, Some(frame)), out, |event| {
            event.object(key!("quic"), |quic| {
                quic.maybe(key!("version"), self.row.quic.map(spelling::quic_version));
                quic.maybe(key!("sni"), facts.and_then(|facts| facts.sni.as_ref()));
                quic.maybe(key!("ja4"), facts.and_then(|facts| facts.ja4.as_deref()));
            });
        });
    }

    pub fn flow(&self, out: &mut Vec<u8>) {
        let row = self.row;
        self.event("flow", (row.end_ns, None), out, |event| {
            event.object(key!("flow"), |flow| {
                self.counts(flow);
                flow.put(key!("start"), spelling::time(row.start_ns));
                flow.put(key!("end"), spelling::time(row.end_ns));
                flow.put(key!("age"), row.end_ns.saturating_sub(row.start_ns) / 1_000_000_000);
                flow.put(key!("state"), Plain(spelling::flow_state(row)));
                flow.put(key!("reason"), Plain(spelling::flow_reason(row)));
                flow.put(key!("alerted"), !row.verdict.flags.is_empty());
            });
            if let Some(state) = row.tcp {
                event.object(key!("tcp"), |tcp| tcp_session(tcp, state));
            }
        });
    }

    /// An event of this flow; `at` is its time and its frame.
    fn event(
        &self,
        kind: &str,
        (time, frame): (u64, Option<u64>),
        out: &mut Vec<u8>,
        content: impl FnOnce(&mut Object<'_>),
    ) {
        let row = self.row;
        json::line(out, |event| {
            event.put(key!("timestamp"), spelling::time(time));
            event.put(key!("flow_id"), findings::flow_number(row));
            let input = self.eve.input(row.ordinal, self.labels);
            event.maybe(key!("in_iface"), input.filter(|_| self.eve.live));
            event.maybe(key!("pcap_cnt"), frame);
            event.put(key!("event_type"), Plain(kind));
            event.list_if_any(key!("vlan"), &row.vlans);
            event.put(key!("src_ip"), spelling::address(row.client.ip));
            event.maybe(key!("src_port"), row.client.port);
            event.put(key!("dest_ip"), spelling::address(row.server.ip));
            event.maybe(key!("dest_port"), row.server.port);
            event.put(key!("proto"), spelling::protocol(row.protocol));
            // Suricata says it where the type of the event does not.
            let app = spelling::app(row.app).filter(|_| matches!(kind, "flow" | "alert"));
            event.maybe(key!("app_proto"), app.map(Plain));
            event.put(key!("community_id"), row.id);
            content(event);
            event.object(key!("metadata"), |metadata| {
                metadata.objects(key!("flowvars"), [()], |vars, ()| self.ours(vars));
            });
            event.maybe(key!("pcap_filename"), input.filter(|_| !self.eve.live));
        });
    }

    /// What Suricata has no fields for.
    fn ours(&self, vars: &mut Object<'_>) {
        let (row, policy) = (self.row, &self.labels.policy);
        let primary = row.verdict.matches.first().and_then(|id| policy.row(*id));
        vars.maybe(key!("name"), row.naming.name.as_ref());
        vars.put(key!("evidence"), Plain(row.naming.kind.as_str()));
        vars.list_if_any(key!("via"), &row.naming.via);
        vars.put(
            key!("class"),
            policy.class(&row.verdict.matches, row.naming.name.is_some()),
        );
        vars.maybe(key!("endpoint"), primary.map(|row| &row.id));
        vars.maybe(key!("line"), primary.map(|row| &row.line));
        vars.put(key!("verdict"), Plain(row.verdict.standing.as_str()));
        vars.list(
            key!("flags"),
            row.verdict.flags.iter().map(|flag| Plain(flag.kind.as_str())),
        );
        vars.put(key!("app"), Plain(row.app.as_str()));
        vars.maybe(key!("tcp"), row.tcp.map(|state| Plain(state.as_str())));
        vars.list(key!("quality"), row.quality.words().map(Plain));
        vars.maybe(key!("tunnel"), row.tunnel.as_deref());
        vars.put(key!("frame_first"), row.frames.first);
        vars.put(key!("frame_last"), row.frames.last);
    }

    fn counts(&self, flow: &mut Object<'_>) {
        flow.put(key!("pkts_toserver"), self.row.packets.out);
        flow.put(key!("pkts_toclient"), self.row.packets.r#in);
        flow.put(key!("bytes_toserver"), self.row.bytes.out);
        flow.put(key!("bytes_toclient"), self.row.bytes.r#in);
    }
}

/// A lookup's events. They share `community_id` with the flow that it was asked in; when that began its record does not know.
pub struct OfLookup<'r> {
    pub row: &'r NameRow,
    pub labels: &'r Labels,
    pub eve: &'r Eve,
}

impl OfLookup<'_> {
    pub fn alerts(&self, out: &mut Vec<u8>) {
        for flag in &self.row.flags {
            self.event("alert", out, |event| {
                event.object(key!("alert"), |it| alert(it, flag, self.labels));
                event.object(key!("dns"), |it| dns(it, self.row));
            });
        }
    }

    pub fn dns(&self, out: &mut Vec<u8>) {
        self.event("dns", out, |event| event.object(key!("dns"), |it| dns(it, self.row)));
    }

    fn event(&self, kind: &str, out: &mut Vec<u8>, content: impl FnOnce(&mut Object<'_>)) {
        let row = self.row;
        json::line(out, |event| {
            event.put(key!("timestamp"), spelling::time(row.time_ns));
            let input = self.eve.input(row.ordinal, self.labels);
            event.maybe(key!("in_iface"), input.filter(|_| self.eve.live));
            event.put(key!("pcap_cnt"), row.frame);
            event.put(key!("event_type"), Plain(kind));
            event.maybe(key!("src_ip"), row.client.map(spelling::address));
            event.maybe(key!("src_port"), row.ports.map(|(asker, _)| asker));
            event.put(key!("dest_ip"), spelling::address(row.resolver));
            event.maybe(key!("dest_port"), row.ports.map(|(_, resolver)| resolver));
            event.put(key!("proto"), Plain(if row.transport == "tcp" { "TCP" } else { "UDP" }));
            let app = if row.transport == "mdns" { "mdns" } else { "dns" };
            event.maybe(key!("app_proto"), (kind == "alert").then_some(Plain(app)));
            event.put(key!("community_id"), row.id);
            content(event);
            event.object(key!("metadata"), |metadata| {
                metadata.objects(key!("flowvars"), [()], |vars, ()| {
                    vars.put(key!("class"), self.labels.policy.class(&row.matches, true));
                    vars.list(key!("flags"), row.flags.iter().map(|flag| Plain(flag.kind.as_str())));
                    vars.put(key!("transport"), Plain(row.transport));
                    vars.maybe(key!("ttl_min"), row.ttl);
                    if is_of_service(row.qtype) {
                        vars.list_if_any(key!("hints"), row.addresses.iter().map(|ip| spelling::address(*ip)));
                    }
                });
            });
            event.maybe(key!("pcap_filename"), input.filter(|_| !self.eve.live));
        });
    }
}

/// An input's counts, as far as Suricata has counters of the same meaning.
pub fn stats(row: &CaptureRow, eve: &Eve, out: &mut Vec<u8>) {
    let (first, last) = (row.first_ns.unwrap_or(0), row.last_ns.unwrap_or(0));
    json::line(out, |event| {
        event.put(key!("timestamp"), spelling::time(last));
        event.maybe(key!("in_iface"), eve.live.then_some(&row.file));
        event.put(key!("event_type"), Plain("stats"));
        event.object(key!("stats"), |stats| {
            stats.put(key!("uptime"), last.saturating_sub(first) / 1_000_000_000);
            if let Some(dropped) = row.dropped_by_kernel {
                stats.object(key!("capture"), |capture| {
                    capture.put(key!("kernel_packets"), row.packets + dropped);
                    capture.put(key!("kernel_drops"), dropped);
                    capture.maybe(key!("kernel_ifdrops"), row.dropped_by_interface);
                });
            }
            stats.object(key!("decoder"), |decoder| {
                decoder.put(key!("pkts"), row.packets);
                decoder.put(key!("bytes"), row.bytes);
            });
            stats.object(key!("flow"), |flow| flow.put(key!("total"), row.flows));
        });
        event.maybe(key!("pcap_filename"), (!eve.live).then_some(&row.file));
    });
}

fn alert(alert: &mut Object<'_>, flag: &Flag, labels: &Labels) {
    let rule = rule(flag.kind);
    // Only looked at: nothing was held up.
    alert.put(key!("action"), Plain("allowed"));
    alert.put(key!("gid"), 1u64);
    alert.put(key!("signature_id"), rule.id);
    alert.put(key!("rev"), 1u64);
    alert.put(key!("signature"), Plain(rule.title));
    alert.put(key!("category"), Plain("Network policy"));
    alert.put(key!("severity"), findings::priority(flag.severity));
    // Suricata's rules keep lists of texts here.
    alert.object(key!("metadata"), |metadata| {
        metadata.list(key!("flag"), [Plain(flag.kind.as_str())]);
        metadata.list(key!("flag_severity"), [Plain(flag.severity.as_str())]);
        metadata.list_if_any(key!("how"), flag.how.map(|how| Plain(how.as_str())).as_slice());
        let why = Made(|out: &mut Vec<u8>| labels.policy.wording.tell(&flag.why, out));
        metadata.list(key!("why"), [why]);
        metadata.list(key!("policy"), [&labels.policy.name]);
    });
}

fn tls(tls: &mut Object<'_>, facts: &TlsFacts) {
    let cert = facts.certificate.as_deref();
    tls.text_if_any(key!("subject"), cert.map_or("", |cert| &cert.subject));
    tls.text_if_any(key!("issuerdn"), cert.map_or("", |cert| &cert.issuer));
    tls.maybe(key!("sni"), facts.sni.as_ref());
    tls.maybe(key!("version"), facts.version.map(spelling::tls_version));
    tls.maybe(key!("notbefore"), cert.map(|cert| spelling::date(cert.not_before)));
    tls.maybe(key!("notafter"), cert.map(|cert| spelling::date(cert.not_after)));
    if let Some(cert) = cert {
        tls.list_if_any(key!("subjectaltname"), &cert.names);
    }
    tls.maybe(key!("ja4"), facts.ja4.as_deref());
    tls.list_if_any(key!("client_alpns"), facts.alpn.iter());
    if let Some(cipher) = facts.cipher {
        tls.object(key!("server_handshake"), |server| server.put(key!("cipher"), cipher));
    }
}

fn tcp_session(tcp: &mut Object<'_>, state: TcpState) {
    // What is written was seen; what is not may have been.
    tcp.maybe(key!("syn"), (state != TcpState::Midstream).then_some(true));
    tcp.maybe(
        key!("rst"),
        matches!(state, TcpState::Reset | TcpState::Refused).then_some(true),
    );
    tcp.maybe(key!("state"), spelling::tcp_state(state).map(Plain));
}

/// Version 3, as Suricata 8 writes it.
fn dns(dns: &mut Object<'_>, row: &NameRow) {
    let rrtype = || words::query_type(row.qtype);
    dns.put(key!("version"), 3u64);
    dns.put(
        key!("type"),
        Plain(if row.rcode.is_some() { "response" } else { "request" }),
    );
    dns.maybe(key!("rcode"), row.rcode.map(|code| words::response_code(Some(code))));
    dns.objects(key!("queries"), [()], |query, ()| {
        query.put(key!("rrname"), &row.query);
        query.put(key!("rrtype"), rrtype());
    });
    // A hint of a service record is no answer of its own.
    let addresses: &[_] = if is_of_service(row.qtype) { &[] } else { &row.addresses };
    if row.chain.is_empty() && addresses.is_empty() {
        return;
    }
    // The smallest is known: of a single record it is the record's.
    let ttl = row.ttl.filter(|_| row.chain.len() + addresses.len() == 1);
    let owners = std::iter::once(&row.query).chain(&row.chain);
    let links = owners.clone().zip(&row.chain);
    let holder = owners.last().unwrap_or(&row.query);
    dns.object(key!("grouped"), |grouped| {
        grouped.list_if_any(key!("CNAME"), &row.chain);
        let of_family = |v4: bool| {
            let family = addresses.iter().filter(move |ip| ip.is_ipv4() == v4);
            family.map(|ip| spelling::address(*ip))
        };
        if of_family(true).next().is_some() {
            grouped.list(key!("A"), of_family(true));
        }
        if of_family(false).next().is_some() {
            grouped.list(key!("AAAA"), of_family(false));
        }
    });
    let answers = links
        .map(|(owner, target)| (owner, "CNAME", Answer::Name(target)))
        .chain(addresses.iter().map(|ip| {
            let rrtype = if ip.is_ipv4() { "A" } else { "AAAA" };
            (holder, rrtype, Answer::Address(spelling::address(*ip)))
        }));
    dns.objects(key!("answers"), answers, |answer, (owner, rrtype, rdata)| {
        answer.put(key!("rrname"), owner);
        answer.put(key!("rrtype"), Plain(rrtype));
        answer.maybe(key!("ttl"), ttl);
        match rdata {
            Answer::Name(name) => answer.put(key!("rdata"), name),
            Answer::Address(ip) => answer.put(key!("rdata"), ip),
        }
    });
}

/// What an answer holds.
enum Answer<'r> {
    Name(&'r Domain),
    Address(Short),
}

/// SVCB and HTTPS: their addresses are hints.
fn is_of_service(qtype: u16) -> bool {
    matches!(qtype, 64 | 65)
}
