//! What could not be seen, and what follows from that for everything else on the page.

use super::Context;
use super::few::{counted, grouped};
use super::html::Html;
use crate::engine::rows::{Blind, CaptureRow};
use crate::policy::coverage::Outcome;
use crate::sink::{address::address, text};

/// Clients that are named.
const MOST_CLIENTS: usize = 20;

/// Sums over the inputs.
#[derive(Debug, Default)]
pub struct Unseen {
    flows: Blind,
    undecoded: std::collections::BTreeMap<String, u64>,
    kernel: u64,
    interface: u64,
    /// Inputs that do not tell how many packets they lost.
    untold: u64,
    unjoined: u64,
    duplicates: u64,
    hidden: std::collections::BTreeSet<std::net::IpAddr>,
}

impl Unseen {
    pub fn capture(&mut self, row: &CaptureRow) {
        self.flows.add(row.blind);
        for (reason, count) in &row.undecoded {
            *self.undecoded.entry(reason.clone()).or_default() += count;
        }
        self.kernel += row.dropped_by_kernel.unwrap_or(0);
        self.interface += row.dropped_by_interface.unwrap_or(0);
        self.untold += u64::from(row.dropped_by_kernel.is_none() && row.dropped_by_interface.is_none());
        let fragments = &row.fragments;
        self.unjoined += fragments.overlap + fragments.invalid + fragments.incomplete + fragments.evicted;
        self.duplicates += row.duplicates;
        self.hidden.extend(row.hidden_clients.iter().take(1000));
    }

    fn dropped(&self) -> u64 {
        self.kernel + self.interface
    }

    /// For the first screen; None: nothing is known to be missing.
    pub fn in_short(&self, context: &Context<'_>) -> Option<String> {
        let records = &context.judged.report.records;
        let unclear = records
            .iter()
            .filter(|record| record.outcome == Outcome::Inconclusive)
            .count();
        let Blind {
            cut,
            gap,
            midstream,
            one_sided,
            evicted,
            ..
        } = self.flows;
        let in_part = midstream + one_sided + cut + gap + evicted;
        let parts: Vec<String> = [
            (unclear as u64, "host pattern", ""),
            (in_part, "flow", " seen in part"),
            (self.dropped(), "packet", " lost while capturing"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, what, how)| format!("{}{how}", counted(count, what)))
        .collect();
        (!parts.is_empty()).then(|| format!("Cannot be told: {}.", parts.join(", ")))
    }

    /// What is missing, and what follows.
    fn sentences(&self) -> Vec<(String, String)> {
        let flows = &self.flows;
        let mut all: Vec<(u64, &str, &str)> = vec![
            (
                flows.midstream,
                "began before the capture",
                "What was said before (name, version, certificate) is not known. Begin capturing before the application starts.",
            ),
            (
                flows.one_sided,
                "were captured in one direction only",
                "The other side's silence proves nothing. Capture where both directions pass.",
            ),
            (
                flows.cut,
                "have packets cut short (snap length)",
                "What stood behind the cut is not known. Capture whole packets.",
            ),
            (flows.gap, "have packets missing", "What stood in them is not known."),
            (
                flows.ech,
                "carry the extension Encrypted Client Hello",
                "Most browsers send it as a dummy, so the name in the clear is believed; where it is known to be a cover, the flow is flagged hidden-name.",
            ),
            (
                flows.doh,
                "are DNS over HTTPS",
                "What these clients asked there is not known; their later flows are named from their own hellos, or not at all.",
            ),
            (
                flows.dot,
                "are DNS over TLS, DTLS or QUIC",
                "What these clients asked there is not known.",
            ),
            (
                flows.evicted,
                "were written out early for want of memory",
                "What came later stands in another row of the same id. Reading again with more --memory mends it.",
            ),
        ];
        all.retain(|(count, ..)| *count > 0);
        let mut all: Vec<(String, String)> = all
            .into_iter()
            .map(|(count, what, so)| (format!("{} {what}.", counted(count, "flow")), so.to_owned()))
            .collect();
        if self.dropped() > 0 {
            all.push((
                format!(
                    "{} by the kernel and {} by the interface were lost while capturing.",
                    counted(self.kernel, "packet"),
                    grouped(self.interface)
                ),
                "Silence proves nothing in that input: the answer may be among them.".to_owned(),
            ));
        } else if self.untold > 0 {
            all.push((
                format!(
                    "{} not tell how many packets were lost while capturing.",
                    match self.untold {
                        1 => "1 input does".to_owned(),
                        n => format!("{} inputs do", grouped(n)),
                    }
                ),
                "A plain pcap never does. That none were lost is not proved.".to_owned(),
            ));
        }
        let undecoded: u64 = self.undecoded.values().sum();
        if undecoded > 0 {
            let reasons = self
                .undecoded
                .iter()
                .map(|(reason, count)| format!("{reason} {}", grouped(*count)));
            all.push((
                format!(
                    "{} not decoded: {}.",
                    match undecoded {
                        1 => "1 packet was".to_owned(),
                        n => format!("{} packets were", grouped(n)),
                    },
                    text::few(reasons, 20)
                ),
                "They belong to no flow here.".to_owned(),
            ));
        }
        if self.unjoined > 0 {
            all.push((
                format!(
                    "{} never put together.",
                    match self.unjoined {
                        1 => "1 datagram in fragments was".to_owned(),
                        n => format!("{} datagrams in fragments were", grouped(n)),
                    }
                ),
                "Ports and contents of theirs are not known.".to_owned(),
            ));
        }
        if self.duplicates > 0 {
            all.push((
                format!(
                    "{} seen twice.",
                    match self.duplicates {
                        1 => "1 packet was".to_owned(),
                        n => format!("{} packets were", grouped(n)),
                    }
                ),
                "A mirror port makes copies; they count once.".to_owned(),
            ));
        }
        if !self.hidden.is_empty() {
            let clients = self.hidden.iter().map(|ip| address(*ip).as_str().to_owned());
            all.push((
                format!(
                    "{} at an encrypted resolver: {}.",
                    match self.hidden.len() {
                        1 => "1 client was seen".to_owned(),
                        n => format!("{n} clients were seen"),
                    },
                    text::few(clients, MOST_CLIENTS)
                ),
                "They may have asked there for names that nobody can read.".to_owned(),
            ));
        }
        all
    }
}

pub fn section(context: &Context<'_>, html: &mut Html) {
    let sentences = context.gathered.blind.sentences();
    html.element("section", &[("id", &"blind"), ("aria-labelledby", &"blind-h")], |html| {
        html.leaf("h2", &[("id", &"blind-h")], "Blind spots");
        if sentences.is_empty() {
            html.leaf("p", &[("class", &"none")], "None are known: every packet was decoded, and no flow was seen in part.");
        }
        html.element("ul", &[("class", &"blind")], |html| {
            for (what, so) in &sentences {
                html.element("li", &[], |html| {
                    html.leaf("strong", &[], what);
                    html.text(" ");
                    html.text(so);
                });
            }
        });
        html.leaf(
            "p",
            &[("class", &"note")],
            "Nothing here tells what was said inside the encryption, who sat at a client (an address is neither a person nor a machine), or what passed where the capture was not made. \
             Times are those of the capturing machine's clock.",
        );
    });
}
