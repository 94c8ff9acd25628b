//! What an answer says: the chain of aliases from the question's name, and the addresses.
//!
//! ```text
//! question   app.salestim.io
//! records    app-fd.azurefd.net  A      198.18.1.11         in any order
//!            app.salestim.io     CNAME  app-tm.trafficmanager.net
//!            other.example       A      198.18.9.9
//!            app-tm.traffic...   CNAME  app-fd.azurefd.net
//! chain      app-tm.trafficmanager.net, app-fd.azurefd.net
//! addresses  198.18.1.11, 198.18.9.9      naming  198.18.1.11
//! ```

use std::net::IpAddr;

use super::Lookup;
use crate::names::domain::Domain;
use crate::wire::dns::{Data, DnsError, Message, Name, Record, class, ech_public_name};

/// Links of a chain that are followed. Resolvers stop at 8 to 17 themselves.
const MAX_CHAIN: usize = 16;
/// CNAME records of one answer that are looked at.
const MAX_ALIASES: usize = 32;
/// Addresses of one lookup that are kept.
const MAX_ADDRESSES: usize = 256;

/// Reads the answer section into `lookup`, whose usability is known. Returns the first fault found; what is sound is read all the same.
pub(super) fn read(message: &Message<'_>, question: Option<Name<'_>>, lookup: &mut Lookup) -> Result<(), DnsError> {
    let outline = message.outline();
    lookup.rcode = Some(outline.rcode);
    let may_name = lookup.usable && outline.rcode == 0 && lookup.query.is_host_name();
    let mut fault = Ok(());
    let mut links = Links::new(question);
    if outline.has_aliases {
        links.follow(message, lookup, &mut fault);
    }
    for record in message.answers().filter(|r| r.class == class::IN) {
        let data = match record.data() {
            Ok(data) => data,
            Err(error) => {
                fault = fault.and(Err(error));
                continue;
            }
        };
        let linked = links.has_owner(&record);
        match data {
            Data::A(a) => keep(lookup, a.into(), may_name && linked),
            Data::Aaaa(a) => keep(lookup, a.into(), may_name && linked),
            Data::Service(service) => {
                // RFC 8552: a name that begins with `_` is a place for records, not a host that anybody connects to by that name.
                let may_name = may_name && linked && !lookup.query.as_str().starts_with('_');
                let v4 = service.ipv4_hints().map(IpAddr::V4);
                for hint in v4.chain(service.ipv6_hints().map(IpAddr::V6)) {
                    keep(lookup, hint, may_name);
                }
                if let Some(list) = service.ech().filter(|_| linked) {
                    lookup.ech = true;
                    lookup.ech_cover = ech_public_name(list).map(Domain::from_text);
                }
            }
            Data::Cname(_) | Data::Other => continue,
        }
        if linked {
            used(lookup, &record);
        }
    }
    fault
}

fn keep(lookup: &mut Lookup, address: IpAddr, naming: bool) {
    if lookup.addresses.len() < MAX_ADDRESSES && !lookup.addresses.contains(&address) {
        lookup.addresses.push(address);
    }
    if naming && lookup.naming.len() < MAX_ADDRESSES && !lookup.naming.contains(&address) {
        lookup.naming.push(address);
    }
}

fn used(lookup: &mut Lookup, record: &Record<'_>) {
    lookup.ttl = Some(lookup.ttl.map_or(record.ttl(), |t| t.min(record.ttl())));
}

/// The names that stand for the question's: itself, then its aliases in order.
struct Links<'a> {
    question: Option<Name<'a>>,
    aliases: [Option<Name<'a>>; MAX_CHAIN],
}

impl<'a> Links<'a> {
    fn new(question: Option<Name<'a>>) -> Links<'a> {
        Links {
            question,
            aliases: [None; MAX_CHAIN],
        }
    }

    fn follow(&mut self, message: &Message<'a>, lookup: &mut Lookup, fault: &mut Result<(), DnsError>) {
        let mut known = [None; MAX_ALIASES];
        note_aliases(message, &mut known, fault);
        let mut current = self.question;
        for slot in &mut self.aliases {
            let Some(alias) = current.and_then(|name| take_alias(&mut known, &name)) else {
                return;
            };
            used(lookup, &alias.record);
            lookup.chain.push(Domain::from_labels(alias.target.labels()));
            *slot = Some(alias.target);
            current = *slot;
        }
    }

    fn has_owner(&self, record: &Record<'_>) -> bool {
        let mut names = self
            .question
            .iter()
            .chain(self.aliases.iter().map_while(Option::as_ref));
        // Two bytes nearly always tell; only then is the owner read.
        names.clone().any(|name| record.points_at(name))
            || record.owner().is_ok_and(|owner| names.any(|name| name.same_as(&owner)))
    }
}

#[derive(Clone, Copy)]
struct Alias<'a> {
    owner: Name<'a>,
    target: Name<'a>,
    record: Record<'a>,
}

/// Fills in the CNAME records of an answer, as many as there is room for.
fn note_aliases<'a>(message: &Message<'a>, found: &mut [Option<Alias<'a>>], fault: &mut Result<(), DnsError>) {
    let mut slots = found.iter_mut();
    for record in message.answers().filter(|r| r.class == class::IN) {
        let Ok(Data::Cname(target)) = record.data() else {
            continue;
        };
        let owner = match record.owner() {
            Ok(owner) => owner,
            Err(error) => {
                *fault = fault.and(Err(error));
                continue;
            }
        };
        let Some(slot) = slots.next() else {
            break;
        };
        *slot = Some(Alias { owner, target, record });
    }
}

/// The alias of `name`, which leaves the list: each is followed once, so a circle of them ends.
fn take_alias<'a>(known: &mut [Option<Alias<'a>>], name: &Name<'_>) -> Option<Alias<'a>> {
    let is_it = |alias: &&mut Option<Alias<'_>>| alias.is_some_and(|a| a.owner.same_as(name));
    known.iter_mut().find(is_it)?.take()
}

#[cfg(test)]
mod tests {
    use super::super::DnsKind;
    use super::super::testing::{CLIENT, SERVER};
    use super::super::testing::{Rr, address, alias, asked, bytes, found, name, texts};
    use super::*;
    use crate::wire::dns::kind;

    #[test]
    fn a_chain_is_followed_in_any_order_and_without_case() {
        let (lookup, read) = asked(
            "app.SalesTim.io",
            kind::A,
            &[
                address("app-fd.azurefd.net", "198.18.1.11"),
                alias("APP.salestim.IO", "App-tm.trafficmanager.net"),
                address("other.example", "198.18.9.9"),
                alias("app-tm.trafficmanager.net", "app-fd.azurefd.net"),
                address("app-FD.azurefd.net", "198.18.1.11"),
            ],
        );
        assert_eq!(read, Ok(()));
        assert_eq!(lookup.query.as_str(), "app.salestim.io");
        assert_eq!(
            texts(&lookup.chain),
            ["app-tm.trafficmanager.net", "app-fd.azurefd.net"]
        );
        assert_eq!(texts(&lookup.addresses), ["198.18.1.11", "198.18.9.9"]);
        assert_eq!(texts(&lookup.naming), ["198.18.1.11"]);
        assert_eq!((lookup.ttl, lookup.usable), (Some(60), true));
    }

    #[test]
    fn a_circle_of_aliases_ends_and_a_long_chain_is_cut() {
        let circle = [alias("a.x", "b.x"), alias("b.x", "a.x")];
        let (lookup, _) = asked("a.x", kind::A, &circle);
        assert_eq!(texts(&lookup.chain), ["b.x", "a.x"]);
        let names: Vec<&'static str> = (0..40).map(|i| &*format!("n{i}.x").leak()).collect();
        let links: Vec<Rr> = names.windows(2).map(|w| alias(w[0], w[1])).collect();
        let (lookup, _) = asked("n0.x", kind::A, &links);
        assert_eq!(lookup.chain.len(), MAX_CHAIN);
        assert_eq!(lookup.chain.last().unwrap().as_str(), "n16.x");
    }

    #[test]
    fn other_classes_and_failures_name_nothing() {
        let mut chaos = address("a.x", "198.18.1.1");
        chaos.class = class::CHAOS;
        let (lookup, _) = asked("a.x", kind::A, &[chaos]);
        assert!(lookup.addresses.is_empty());
        let (lookup, _) = asked("*.a.x", kind::A, &[address("*.a.x", "198.18.1.1")]);
        assert_eq!((lookup.addresses.len(), lookup.naming.len()), (1, 0));
    }

    #[test]
    fn a_broken_record_costs_only_itself() {
        let mut broken = alias("a.x", "b.x");
        broken.data = vec![0xc0, 0xff];
        let mut short = address("a.x", "198.18.1.1");
        short.data.pop();
        let (lookup, read) = asked("a.x", kind::A, &[broken, short, address("a.x", "198.18.1.2")]);
        assert_eq!(read, Err(DnsError::PointerForward));
        assert_eq!(texts(&lookup.naming), ["198.18.1.2"]);
    }

    #[test]
    fn addresses_are_bounded() {
        let many: Vec<Rr> = (0..400u16)
            .map(|i| address("a.x", &format!("10.0.{}.{}", i >> 8, i & 255)))
            .collect();
        let (lookup, _) = asked("a.x", kind::A, &many);
        assert_eq!(lookup.addresses.len(), MAX_ADDRESSES);
        assert_eq!(lookup.naming.len(), MAX_ADDRESSES);
    }

    #[test]
    fn hints_of_an_https_record_name_flows() {
        let question = bytes("d75c01000001000000000000 0a636c6f7564666c61726503636f6d00 0041 0001");
        let answer = bytes(
            "d75c81a000010001000000000a636c6f7564666c61726503636f6d0000410001
            c00c0041000100000117003d000100000100060268330268320004000868
            1084e5681085e5000600202606470000000000000000006810 84e526064700000000000000000068 1085e5",
        );
        let all = found(DnsKind::Dns, Some(SERVER), &[(CLIENT, question), (SERVER, answer)]);
        let [lookup] = &all[..] else { panic!("{all:?}") };
        let want = [
            "104.16.132.229",
            "104.16.133.229",
            "2606:4700::6810:84e5",
            "2606:4700::6810:85e5",
        ];
        assert_eq!(texts(&lookup.addresses), want);
        assert_eq!(texts(&lookup.naming), want);
        assert_eq!((lookup.qtype, lookup.ttl, lookup.ech), (kind::HTTPS, Some(279), false));
    }

    #[test]
    fn keys_that_hide_names_are_seen_with_their_cover() {
        let config = [
            &[
                0, 33, 0xfe, 0x0d, 0, 29, 7, 0, 0x20, 0, 4, 1, 2, 3, 4, 0, 4, 0, 1, 0, 1, 0, 10,
            ][..],
            b"cover.test",
            &[0, 0],
        ]
        .concat();
        let data = [
            &[0, 1, 0, 0, 5, 0, config.len() as u8][..],
            &config,
            &[0, 4, 0, 4, 1, 2, 3, 4],
        ]
        .concat();
        let record = |owner| Rr {
            owner,
            kind: kind::HTTPS,
            class: class::IN,
            ttl: 60,
            data: data.clone(),
        };
        let (lookup, _) = asked("a.x", kind::HTTPS, &[record("a.x")]);
        assert!(lookup.ech);
        assert_eq!(lookup.ech_cover, Some(Domain::from_text(b"cover.test")));
        let (lookup, _) = asked("a.x", kind::HTTPS, &[record("b.x")]);
        assert_eq!((lookup.ech, lookup.ech_cover), (false, None));
        // RFC 9462: a resolver tells of itself under a name that nobody connects to.
        let (lookup, _) = asked("_dns.resolver.arpa", kind::SVCB, &[record("_dns.resolver.arpa")]);
        assert_eq!((lookup.addresses.len(), lookup.naming.len()), (1, 0));
        assert_eq!(name("a.x"), b"\x01a\x01x\x00");
    }
}
