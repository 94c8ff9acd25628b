//! mDNS announcements (RFC 6762): hosts that tell everybody on the link who they are. Nobody need have asked,
//! so there is one lookup for each name that is told about.

use super::{DnsKind, Lookup};
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::wire::dns::{Data, DnsError, Message, Name, Section, class};

/// Names of one announcement that are kept.
const MAX_OWNERS: usize = 64;
/// Addresses of one name that are kept.
const MAX_ADDRESSES: usize = 64;

/// Appends a lookup for each owner name. `sane`: it came from the port of mDNS.
pub(super) fn read(
    message: &Message<'_>,
    listener: Side,
    sane: bool,
    at: Stamp,
    found: &mut Vec<Lookup>,
) -> Result<(), DnsError> {
    let mut owners: [Option<Name<'_>>; MAX_OWNERS] = [None; MAX_OWNERS];
    let first = found.len();
    let mut fault = Ok(());
    for record in message.records() {
        let (owner, data) = match (record.owner(), record.data()) {
            (Ok(owner), Ok(data)) => (owner, data),
            (Err(error), _) | (_, Err(error)) => {
                fault = fault.and(Err(error));
                continue;
            }
        };
        let address = match data {
            Data::A(a) => Some(a.into()),
            Data::Aaaa(a) => Some(a.into()),
            _ => None,
        };
        // Additional records are told like answers; of them only addresses are of interest.
        let told = record.section == Section::Answer || record.section == Section::Additional && address.is_some();
        if !told || record.class & !class::MDNS_BIT != class::IN {
            continue;
        }
        let known = owners
            .iter_mut()
            .position(|slot| match slot {
                Some(name) => name.same_as(&owner),
                None => {
                    *slot = Some(owner);
                    true
                }
            })
            .map(|i| first + i);
        let Some(place) = known else {
            continue;
        };
        if place == found.len() {
            let query = Domain::from_labels(owner.labels());
            let mut lookup = Lookup::new(DnsKind::Mdns, listener, query, record.kind);
            lookup.answered_at = Some(at);
            lookup.rcode = Some(message.rcode());
            lookup.usable = sane;
            found.push(lookup);
        }
        let Some(lookup) = found.get_mut(place) else {
            continue;
        };
        lookup.ttl = Some(lookup.ttl.map_or(record.ttl(), |t| t.min(record.ttl())));
        if let Data::Cname(target) = data
            && lookup.chain.is_empty()
        {
            lookup.chain.push(Domain::from_labels(target.labels()));
        }
        let Some(address) = address else {
            continue;
        };
        if lookup.addresses.len() < MAX_ADDRESSES && !lookup.addresses.contains(&address) {
            lookup.addresses.push(address);
            // RFC 6762, 3 and 10.1: names below `local` alone are the link's own; a ttl of 0 says goodbye.
            if sane && record.ttl() > 0 && lookup.query.is_below("local") && lookup.query.is_host_name() {
                lookup.naming.push(address);
            }
        }
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CLIENT, SERVER, address, bytes, found, message, texts};
    use super::*;
    use crate::wire::dns::kind;

    /// A desktop saying goodbye with one address and announcing itself with two more; as captured.
    const DESKTOP: &str =
        "0000840000000006000000001c6a6f68616e6e612d51454d552d5669727475616c2d4d616368696e65056c6f63616c00
        001c8001000000000010fd52429ec03c8235883cd6fffee14dc401340163016401340131016501650166016601660136
        016401630133013801380135013301320138016301330130016301650139013201340132013501640166036970360461
        72706100000c8001000000000002c00cc00c001c8001000000000010fd52429ec03c823559685bc61563f82f01660132
        01380166013301360135013101360163016201350138013601390135c06a000c8001000000000002c00cc00c00018001
        0000000000040a00020701370132013002313007696e2d61646472c08e000c8001000000000002c00c";

    #[test]
    fn an_announcement_is_one_lookup_for_each_owner() {
        let all = found(DnsKind::Mdns, None, &[(CLIENT, bytes(DESKTOP))]);
        let owners: Vec<_> = all.iter().map(|l| (l.query.as_str(), l.qtype)).collect();
        assert_eq!(owners[0], ("johanna-qemu-virtual-machine.local", kind::AAAA));
        assert_eq!(owners.len(), 4);
        assert_eq!(owners[3], ("7.2.0.10.in-addr.arpa", 12));
        assert_eq!(
            texts(&all[0].addresses),
            [
                "fd52:429e:c03c:8235:883c:d6ff:fee1:4dc4",
                "fd52:429e:c03c:8235:5968:5bc6:1563:f82f",
                "10.0.2.7"
            ]
        );
        assert!(all[0].naming.is_empty(), "a ttl of 0 says goodbye");
        assert_eq!((all[0].asked_at, all[0].ttl, all[0].asker), (None, Some(0), SERVER));
    }

    #[test]
    fn only_local_names_from_the_right_port_may_name_flows() {
        let told = message(
            0,
            0x8400,
            None,
            &[
                address("Printer.local", "10.0.2.9"),
                address("www.bank.example", "10.0.2.9"),
            ],
        );
        let all = found(DnsKind::Mdns, Some(CLIENT), &[(CLIENT, told.clone())]);
        assert_eq!(texts(&all[0].naming), ["10.0.2.9"]);
        assert_eq!(texts(&all[1].addresses), ["10.0.2.9"]);
        assert!(all[1].naming.is_empty());
        let all = found(DnsKind::Mdns, Some(SERVER), &[(CLIENT, told)]);
        assert!(all[0].naming.is_empty() && !all[0].usable);
    }

    #[test]
    fn questions_are_everybodys_and_names_are_bounded() {
        let ask = message(0, 0, Some(("printer.local", kind::A)), &[]);
        assert!(found(DnsKind::Mdns, None, &[(CLIENT, ask)]).is_empty());
        let many: Vec<_> = (0..100)
            .map(|i| address(format!("h{i}.local").leak(), "10.0.2.9"))
            .collect();
        let told = message(0, 0x8400, None, &many);
        assert_eq!(found(DnsKind::Mdns, None, &[(CLIENT, told)]).len(), MAX_OWNERS);
    }
}
