//! The sentences of a judgement: who, to what, what happened, in which frames, and what to do.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::address::address;
use super::super::text;
use super::{Judged, Sum, unlisted_name};
use crate::policy::coverage::{
    Bunch, Excuse, Kind, Near, Outcome, Place, Proof, Record, Unlisted, Unsure, What, Window,
};
use crate::policy::model::Transport;
use crate::policy::verdict::Blockage;

/// Why a record says what it says, as sentences in one line.
pub fn why(judged: &Judged<'_>, record: &Record) -> String {
    let told = match record.worst() {
        Some((kind, bunch)) => match bunch.proofs.first() {
            Some(proof) => Telling {
                judged,
                record,
                bunch,
                proof,
            }
            .of(*kind),
            None => String::new(),
        },
        None => not_tried(&judged.report.window, record.nameless),
    };
    let reached: u64 = record
        .counts
        .iter()
        .filter(|(of, _)| of.is_reached())
        .map(|(_, count)| count)
        .sum();
    let also = match record.outcome.is_failure() && reached > 0 {
        true => format!(" {} reached it all the same.", text::count(reached, "other attempt")),
        false => String::new(),
    };
    let excuse = record.excuse.map(|excuse| format!(" {}", excused(excuse)));
    told + &also + &excuse.unwrap_or_default()
}

/// Why a host is on the list of unlisted ones.
pub fn why_unlisted(judged: &Judged<'_>, entry: &Unlisted) -> String {
    let name = unlisted_name(&entry.what);
    let who = clients(&entry.clients, entry.more_clients);
    let frame = frames(judged, &entry.place);
    let mut text = match (&entry.what, &entry.behind) {
        (What::Link(_), Some((query, row))) => {
            let id = judged
                .labels
                .policy
                .row(*row)
                .map(|row| row.id.as_str())
                .unwrap_or_default();
            let times = text::count(entry.lookups, "answer");
            format!(
                "{query} leads {who} to {name} ({times}), which neither the row's `via` nor any row of the policy covers: a rule by name that follows the chain must know it, or the row {id} must say that it goes there ({frame})."
            )
        }
        _ => {
            let flows = text::count(entry.flows, "flow");
            let at = match entry.what {
                What::Host(_) if !entry.addresses.is_empty() => {
                    format!(" ({})", text::list(entry.addresses.iter().map(|ip| shown(*ip)), 3))
                }
                _ => String::new(),
            };
            let blocked = match entry.blocked {
                0 => String::new(),
                all if all == entry.flows => ", all blocked".to_owned(),
                some => format!(", {some} of them blocked"),
            };
            format!("{flows} from {who} to {name}{at}{blocked}; no row of the policy covers it (first in {frame}).")
        }
    };
    match &entry.near {
        Some(Near::Host(host)) => {
            text += &format!(" It is near to {host}: ask the vendor whether it belongs on the list.")
        }
        Some(Near::Range(range, row)) => {
            text += &format!(" It lies in {range}, which was a range of the retired row {row}.")
        }
        None => {}
    }
    text
}

/// The last line.
pub fn verdict(judged: &Judged<'_>) -> String {
    format!("{}. {}.", sum(judged), counts(judged))
}

/// What it comes to, without the numbers.
pub fn sum(judged: &Judged<'_>) -> &'static str {
    match judged.sum() {
        Sum::Works => "The list works",
        Sum::WorksInPart => "What was tried of the list works; what was not is not proved",
        Sum::NothingReached => "Nothing on the list was reached",
        Sum::Fails => "The list does not work as asked",
    }
}

/// `218 host patterns: 1 intercepted, 9 blocked, ...`
pub fn counts(judged: &Judged<'_>) -> String {
    let tally: Vec<String> = judged
        .tally()
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.as_str().replace('-', " ")))
        .collect();
    match tally.is_empty() {
        true => "no host pattern to judge".to_owned(),
        false => format!("{} host patterns: {}", judged.report.records.len(), tally.join(", ")),
    }
}

/// `2026-11-21 09:00:02 to 09:29:29 UTC`, and how many clients were seen.
pub fn window(window: &Window) -> String {
    let clients = match (window.clients, window.more) {
        (count, true) => format!("more than {count} clients"),
        (count, false) => text::count(count as u64, "client"),
    };
    match (window.from_ns, window.to_ns) {
        (Some(from), Some(to)) => format!("{} to {}, {clients} seen", moment(from), moment(to)),
        _ => "no packets".to_owned(),
    }
}

pub fn excuse_word(excuse: Excuse) -> &'static str {
    match excuse {
        Excuse::Retired(_) => "retired",
        Excuse::NotYet(_) => "not-yet",
        Excuse::Inside => "inside",
        Excuse::Optional => "optional",
    }
}

fn excused(excuse: Excuse) -> String {
    match excuse {
        Excuse::Retired(None) => "The row is retired and need not work.".to_owned(),
        Excuse::Retired(Some(until)) => format!("The row is retired since {until} and need not work."),
        Excuse::NotYet(since) => format!("The row holds only from {since} on."),
        Excuse::Inside => "The row runs inside the platform and need not work from here.".to_owned(),
        Excuse::Optional => "The row is optional.".to_owned(),
    }
}

fn not_tried(window: &Window, nameless: u64) -> String {
    match window.clients {
        _ if nameless > 0 => {
            let are = if nameless == 1 { "has" } else { "have" };
            format!(
                "Not tried, as far as can be told: no question for it and no flow known to go to it in the capture ({}); but {} to its ports {are} no name. Capture from before the application starts, DNS too.",
                self::window(window),
                text::count(nameless, "flow"),
            )
        }
        0 => format!("Not tried: no client was seen at all ({}).", self::window(window)),
        _ => format!(
            "Not tried: no flow to it and no question for it in the capture ({}). Use it while capturing to know.",
            self::window(window)
        ),
    }
}

/// One kind of evidence, told by its first proof.
struct Telling<'a> {
    judged: &'a Judged<'a>,
    record: &'a Record,
    bunch: &'a Bunch,
    proof: &'a Proof,
}

impl Telling<'_> {
    fn of(&self, kind: Kind) -> String {
        let (who, port, frames) = (self.who(), self.port(), self.frames());
        let to = self.to();
        match kind {
            Kind::Blocked(how) | Kind::Silence(how, _) => self.blocked(how),
            Kind::Intercepted => format!(
                "{} Exempt {} from TLS inspection for {who}: {frames}.",
                self.told("Something between answers in the service's place."),
                self.name()
            ),
            Kind::Rerouted => format!(
                "{} Find out who sends {who} elsewhere, a resolver, a hosts file or a proxy: {frames}.",
                self.told("The name leads another way than the list says.")
            ),
            Kind::ReachedUnlisted => format!(
                "{who} reached {to} on {port}, at an address that the row does not list: a rule by address would not let it through, so renew the list or go by name: {frames}."
            ),
            Kind::Fallback => {
                let instead = "TCP 443 worked instead within a minute";
                format!(
                    "{port} from {who} to {to} was not answered, and {instead}: it works, degraded; open {port} to mend it: {frames}."
                )
            }
            Kind::Reached => format!("{who} reached {to} on {port}: {frames}."),
            Kind::Unsure(reason) => self.unsure(reason),
        }
    }

    fn blocked(&self, how: Blockage) -> String {
        let (who, to, port, frames) = (self.who(), self.to(), self.port(), self.frames());
        let (name, server) = (self.name(), shown(self.proof.server));
        let open = format!("Open {port} from {who} to {to}");
        let sent = match self.proof.target {
            Some((6, _)) => format!("the SYN was sent {}", times(self.proof.packets)),
            _ => format!("{} sent", were(self.proof.packets, "packet")),
        };
        match how {
            Blockage::Silent => format!("{open}; {sent} and never answered: {frames}."),
            Blockage::Reset => format!(
                "{open}; the attempt was answered by a reset, from a firewall that rejects or from a closed port: {frames}."
            ),
            Blockage::Icmp => format!("{open}; a firewall on the way answered that it is not allowed: {frames}."),
            Blockage::AfterHello => format!(
                "Let {name} through the filter by name for {who}; the connection to {to} on {port} was made, and after the hello with the name it was cut or fell silent: {frames}."
            ),
            Blockage::TlsAlert => format!(
                "See who ended the handshake of {who} with {to} on {port}, by {}: if it is a device that inspects TLS, exempt {name}; else client and server do not agree: {frames}.",
                self.told("an alert")
            ),
            Blockage::Proxy => format!("Allow {name} at the proxy for {who}; {server} refused to connect: {frames}."),
            Blockage::NxDomain => format!(
                "Let the resolver {server} resolve {name} for {who}; it says that the name does not exist: {frames}."
            ),
            Blockage::DnsRefused => {
                format!("Let the resolver {server} resolve {name} for {who}; it refused to: {frames}.")
            }
            Blockage::ServFail => format!(
                "Look why the resolver {server} fails at {name} for {who} (its forwarder, or DNSSEC): {frames}."
            ),
            Blockage::DnsSilent => {
                format!("Let {who} ask the resolver {server}; for {name} nobody answered: {frames}.")
            }
            Blockage::Sinkhole => {
                format!("Take {name} off the block list of the resolver {server}, which leads {who} nowhere: {frames}.")
            }
        }
    }

    fn unsure(&self, reason: Unsure) -> String {
        let (who, to, port, frames) = (self.who(), self.to(), self.port(), self.frames());
        let because = match reason {
            Unsure::OtherPort => {
                let listed: Vec<String> = self
                    .judged
                    .policy
                    .row(self.record.row)
                    .expect
                    .ports
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                return format!(
                    "{who} went to {to} on {port}, which the row does not list (it lists {}): that proves nothing about the rule, neither way: {frames}.",
                    listed.join(", ")
                );
            }
            Unsure::NeverConnected => {
                return format!(
                    "{who} looked up {}, and never connected: what the firewall would do is not known: {frames}.",
                    self.name()
                );
            }
            Unsure::NoAddress => {
                return format!(
                    "{who} looked up {}, and DNS has no address for it: {frames}.",
                    self.name()
                );
            }
            Unsure::NoAnswer => {
                return format!(
                    "{who} looked up {}; no answer is in the capture, and that may be the capture's fault: {frames}.",
                    self.name()
                );
            }
            Unsure::HiddenPort => "it went through a proxy, and for which port cannot be read",
            Unsure::SeveralNames => "DNS had given that address for several names, and the flow itself says none",
            Unsure::OthersAnswer => "the name is known only from what another client was told",
            Unsure::Ambiguous => "the evidence points to rows of several classes",
            Unsure::Midstream => "it began before the capture: begin capturing before the application starts",
            Unsure::Incomplete => "packets of it are cut short or missing: capture whole packets",
            Unsure::OneSided => "only one direction of it was captured: capture where both pass",
            Unsure::NobodyAnswered => {
                "it was not answered, but nothing shows that this client was answered by anybody at that time"
            }
            Unsure::EndsTooSoon => "it was not answered, but the capture ends too soon after",
            Unsure::AskedOnce => "it was asked only once, and a single packet may get lost",
            Unsure::AnsweredElsewhere => {
                "it was not answered, but the same server answered another question of this client"
            }
            Unsure::Drops => {
                "it was not answered, but packets were lost while capturing, and the answer may be among them"
            }
            Unsure::Unreachable => {
                "an ICMP error came back: a router knows no way there, or the server has nothing on that port"
            }
            Unsure::NoData => "no application data was seen to go both ways",
            Unsure::Authentication => "a proxy asked for a password first",
            Unsure::NotTls => {
                "the hello was answered by something that is not TLS: a server that does not speak it, or a filter's page"
            }
            Unsure::TooMany => "there were too many such attempts to look for what came after each",
        };
        format!("Whether {who} can reach {to} on {port} cannot be told: {because}: {frames}.")
    }

    fn told(&self, otherwise: &str) -> String {
        self.proof.told.as_deref().unwrap_or(otherwise).to_owned()
    }

    fn who(&self) -> String {
        clients(&self.bunch.clients.items, self.bunch.clients.more)
    }

    fn name(&self) -> String {
        match &self.proof.name {
            Some(name) => name.to_string(),
            None => self.judged.target(self.record),
        }
    }

    /// `app.salestim.io (198.18.1.11)`.
    fn to(&self) -> String {
        let server = shown(self.proof.server);
        match &self.proof.name {
            Some(name) if self.proof.through_proxy => format!("{name} (through the proxy {server})"),
            Some(name) => format!("{name} ({server})"),
            None => server,
        }
    }

    fn port(&self) -> String {
        match self.proof.target {
            Some((protocol, port)) => format!("{}/{port}", Transport(protocol)),
            None => "an unknown port".to_owned(),
        }
    }

    fn frames(&self) -> String {
        let first = frames(self.judged, &self.proof.place);
        match (self.bunch.count, self.proof.is_lookup) {
            (1, _) => first,
            (count, false) => format!("{first}, the first of {count} attempts"),
            (count, true) => format!("{first}, the first of {count} questions"),
        }
    }
}

/// `frames 12-40`, with the file where there are several.
pub fn frames(judged: &Judged<'_>, place: &Place) -> String {
    let numbers = match place.last > place.first {
        true => format!("frames {}-{}", place.first, place.last),
        false => format!("frame {}", place.first),
    };
    match judged.labels.file(place.ordinal) {
        Some(file) => format!("{numbers} of {file}"),
        None => numbers,
    }
}

pub fn clients(all: &BTreeSet<IpAddr>, more: bool) -> String {
    let (listed, hidden) = (all.len(), if more { "+" } else { "" });
    match (all.first(), listed) {
        (None, _) => "a client".to_owned(),
        (Some(one), 1) if !more => shown(*one),
        (Some(_), 2 | 3) if !more => text::list(all.iter().map(|ip| shown(*ip)), 3),
        (Some(first), _) => format!("{} and {}{hidden} other clients", shown(*first), listed - 1),
    }
}

fn were(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what} was"),
        _ => format!("{count} {what}s were"),
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

fn shown(ip: IpAddr) -> String {
    address(ip).as_str().to_owned()
}

fn moment(ns: u64) -> String {
    text::time_of_seconds((ns / 1_000_000_000) as i64).as_str().to_owned()
}

/// The word of an outcome, and of how.
pub fn outcome(record: &Record) -> String {
    match (record.outcome, record.how) {
        (Outcome::Blocked, Some(how)) => format!("blocked {}", how.as_str()),
        (outcome, _) => outcome.as_str().to_owned(),
    }
}
