//! Which TLS versions were negotiated where, and who spoke: fingerprints of clients, issuers of certificates.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Context;
use super::few::{Few, grouped};
use super::html::Html;
use crate::engine::rows::FlowRow;
use crate::evidence::model::{App, TlsVersion};
use crate::sink::{PolicyNames, text};

/// Fingerprints, and issuers, that are told apart.
const MOST_KEPT: usize = 20_000;
const MOST_SHOWN: usize = 100;
const OPEN: usize = 12;

#[derive(Debug, Default)]
pub struct Tls {
    /// By version (None: not seen) and class.
    versions: BTreeMap<(Spoken, String), u64>,
    prints: BTreeMap<Box<str>, Speaker>,
    issuers: BTreeMap<Box<str>, Speaker>,
    /// Flows whose fingerprint or issuer had no room.
    beyond: u64,
}

/// A negotiated version, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Spoken {
    Version {
        rank: u8,
        datagrams: bool,
        version: u16,
    },
    Quic,
    /// A hello, and no answer that tells.
    Unanswered,
}

/// Flows that have a text in common.
#[derive(Debug, Default)]
struct Speaker {
    flows: u64,
    clients: Few<IpAddr, 100>,
    names: Few<String, 3>,
    /// The first flow: its input and the frame.
    first: Option<(u32, u64)>,
}

impl Tls {
    pub fn flow(&mut self, flow: &FlowRow, policy: &PolicyNames) {
        let tls = flow.tls.as_deref();
        if tls.is_none() && flow.app != App::Quic {
            return;
        }
        let class = policy.class(&flow.verdict.matches, flow.naming.name.is_some());
        *self.versions.entry((Spoken::of(flow), class.to_owned())).or_default() += 1;
        let Some(tls) = tls else { return };
        if let Some(ja4) = tls.ja4.as_deref() {
            self.beyond += u64::from(!speak(&mut self.prints, ja4, flow, flow.frames.hello));
        }
        if let Some(certificate) = &tls.certificate {
            self.beyond += u64::from(!speak(
                &mut self.issuers,
                &certificate.issuer,
                flow,
                flow.frames.certificate,
            ));
        }
    }
}

fn speak(speakers: &mut BTreeMap<Box<str>, Speaker>, text: &str, flow: &FlowRow, frame: Option<u64>) -> bool {
    if !speakers.contains_key(text) {
        if speakers.len() >= MOST_KEPT {
            return false;
        }
        speakers.insert(text.into(), Speaker::default());
    }
    if let Some(speaker) = speakers.get_mut(text) {
        speaker.flows += 1;
        speaker.clients.add(flow.client.ip);
        speaker.names.items.extend(
            flow.naming
                .name
                .as_ref()
                .filter(|_| speaker.names.items.len() < 3)
                .map(ToString::to_string),
        );
        let place = (flow.ordinal, frame.unwrap_or(flow.frames.first));
        speaker.first = Some(speaker.first.map_or(place, |first| first.min(place)));
    }
    true
}

impl Spoken {
    fn of(flow: &FlowRow) -> Spoken {
        let version = flow.tls.as_deref().and_then(|tls| tls.version);
        match version {
            Some(version) => Spoken::Version {
                rank: version.rank().unwrap_or(u8::MAX),
                datagrams: flow.app == App::Dtls,
                version: version.0,
            },
            None if flow.app == App::Quic && flow.packets.r#in > 0 => Spoken::Quic,
            None => Spoken::Unanswered,
        }
    }

    fn words(self) -> String {
        match self {
            Spoken::Version {
                datagrams: true,
                version,
                ..
            } => format!("DTLS {}", TlsVersion(version)),
            Spoken::Version {
                rank: 0 | 1, version, ..
            } => TlsVersion(version).to_string().replace("ssl", "SSL "),
            Spoken::Version { version, .. } => format!("TLS {}", TlsVersion(version)),
            Spoken::Quic => "QUIC, whose version of TLS was not seen (never older than 1.3)".to_owned(),
            Spoken::Unanswered => "not known: no server's hello was seen".to_owned(),
        }
    }
}

pub fn section(context: &Context<'_>, html: &mut Html) {
    let tls = &context.gathered.tls;
    html.element("section", &[("id", &"tls"), ("aria-labelledby", &"tls-h")], |html| {
        html.leaf("h2", &[("id", &"tls-h")], "TLS versions and fingerprints");
        if tls.versions.is_empty() {
            html.leaf("p", &[("class", &"none")], "No TLS was seen.");
            return;
        }
        html.leaf("p", &[("class", &"note")], "The version is the negotiated one, from the server's hello; what a client merely offers is no version.");
        versions(tls, html);
        speakers(
            "Client programs by fingerprint (JA4)",
            "The same program says its hello in the same way, whoever it talks to; another program may say the same.",
            &["Fingerprint", "Flows", "Clients", "Names, for example", "First hello in frame"],
            (context, &tls.prints),
            html,
        );
        speakers(
            "Issuers of the certificates seen",
            "In the clear up to TLS 1.2 only. An issuer that is a firewall's own, at many names, is a device that inspects TLS.",
            &["Issuer", "Flows", "Clients", "Names, for example", "First in frame"],
            (context, &tls.issuers),
            html,
        );
        if tls.beyond > 0 {
            html.leaf("p", &[("class", &"note")], format!("{} flows had others, which are not told apart here.", grouped(tls.beyond)));
        }
    });
}

fn versions(tls: &Tls, html: &mut Html) {
    /// Flows in all, and by class.
    type Sum<'a> = (u64, Vec<(u64, &'a str)>);
    let mut rows: BTreeMap<Spoken, Sum<'_>> = BTreeMap::new();
    for ((spoken, class), flows) in &tls.versions {
        let (sum, classes) = rows.entry(*spoken).or_default();
        *sum += flows;
        classes.push((*flows, class));
    }
    let most = rows.values().map(|(sum, _)| *sum).max().unwrap_or(1).max(1);
    html.element("table", &[("class", &"bars")], |html| {
        super::headings(html, &["Negotiated", "Flows", "", "By class"]);
        html.element("tbody", &[], |html| {
            for (spoken, (sum, classes)) in &mut rows {
                classes.sort_by_key(|(flows, class)| (Reverse(*flows), *class));
                let by_class = classes
                    .iter()
                    .map(|(flows, class)| format!("{class} {}", grouped(*flows)));
                let wide = (*sum as f64 / most as f64 * 160.0).max(1.5);
                html.element("tr", &[], |html| {
                    html.leaf("th", &[("scope", &"row")], spoken.words());
                    html.leaf("td", &[("class", &"number")], grouped(*sum));
                    html.element("td", &[], |html| {
                        html.element(
                            "svg",
                            &[
                                ("viewBox", &"0 0 160 10"),
                                ("width", &160),
                                ("height", &10),
                                ("aria-hidden", &"true"),
                            ],
                            |html| {
                                html.empty(
                                    "rect",
                                    &[
                                        ("width", &format!("{wide:.1}")),
                                        ("height", &10),
                                        ("class", &"bar plain"),
                                    ],
                                );
                            },
                        );
                    });
                    html.leaf("td", &[], text::few(by_class, 8));
                });
            }
        });
    });
}

fn speakers(
    title: &'static str,
    note: &'static str,
    headings: &[&'static str],
    (context, speakers): (&Context<'_>, &BTreeMap<Box<str>, Speaker>),
    html: &mut Html,
) {
    if speakers.is_empty() {
        return;
    }
    let mut ranked: Vec<(&str, &Speaker)> = speakers.iter().map(|(text, speaker)| (&**text, speaker)).collect();
    ranked.sort_by_key(|(text, speaker)| (Reverse(speaker.flows), *text));
    html.leaf("h3", &[], title);
    html.leaf("p", &[("class", &"note")], note);
    let (open, folded) = ranked.split_at(ranked.len().min(OPEN));
    let table = |rows: &[(&str, &Speaker)], html: &mut Html| {
        html.element(
            "div",
            &[
                ("class", &"scroll"),
                ("tabindex", &0),
                ("role", &"region"),
                ("aria-label", &title),
            ],
            |html| {
                html.element("table", &[], |html| {
                    super::headings(html, headings);
                    html.element("tbody", &[], |html| {
                        for (text, speaker) in rows {
                            html.element("tr", &[], |html| {
                                html.leaf("td", &[("class", &"mono")], text);
                                html.leaf("td", &[("class", &"number")], grouped(speaker.flows));
                                html.leaf("td", &[("class", &"number")], speaker.clients.count());
                                html.leaf("td", &[("class", &"host")], text::few(&speaker.names.items, 3));
                                let (ordinal, frame) = speaker.first.unwrap_or_default();
                                html.leaf("td", &[("class", &"mono")], context.frame(ordinal, frame));
                            });
                        }
                    });
                });
            },
        );
    };
    table(open, html);
    if !folded.is_empty() {
        let shown = folded.get(..MOST_SHOWN).unwrap_or(folded);
        html.element("details", &[], |html| {
            html.leaf("summary", &[], format!("{} more", grouped(folded.len() as u64)));
            table(shown, html);
            super::and_more(folded.len() - shown.len(), "", html);
        });
    }
}
