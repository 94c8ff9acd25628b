//! Flows without a name: the addresses they went to, by transport and port.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::used::Used;
use super::{Seen, is_plain};
use crate::policy::model::{Prefix, SCTP, TCP, UDP};

/// Addresses kept; more are counted.
const ADDRESSES_AT_MOST: usize = 50_000;
/// So many addresses of one small network are taken for the whole of it.
const DENSE: usize = 4;

/// The rows that nameless flows make, before they are rows.
#[derive(Debug, Default)]
pub struct Nameless {
    pub groups: BTreeMap<Group, Used>,
    addresses: BTreeMap<(Group, IpAddr), u64>,
    pub left_out: u64,
}

/// What is one row: what was spoken at a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    pub protocol: u8,
    pub port: u16,
    pub plain: bool,
    /// What another policy says.
    pub class: Option<String>,
}

/// Whether a flow to nobody by name can stand in a list: to one host, on a port.
pub fn is_listable(seen: &Seen) -> bool {
    let is_one_host = match seen.server.ip {
        IpAddr::V4(ip) => !(ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified() || ip.is_loopback()),
        IpAddr::V6(ip) => !(ip.is_multicast() || ip.is_unspecified() || ip.is_loopback()),
    };
    is_one_host && seen.server.port.is_some_and(|port| port > 0) && matches!(seen.protocol, TCP | UDP | SCTP)
}

impl Nameless {
    pub fn take(&mut self, seen: &Seen) {
        let group = Group {
            protocol: seen.protocol,
            port: seen.server.port.unwrap_or(0),
            plain: is_plain(seen),
            class: seen.class.map(str::to_owned),
        };
        let key = (group.clone(), seen.server.ip);
        if self.addresses.len() >= ADDRESSES_AT_MOST && !self.addresses.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        *self.addresses.entry(key).or_default() += 1;
        self.groups.entry(group).or_default().take(seen);
    }

    /// The ranges of a group, each with its flows and how many addresses of it were seen.
    pub fn ranges(&self, group: &Group) -> Vec<(Prefix, u64, usize)> {
        const LOWEST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let of_group = self
            .addresses
            .range((group.clone(), LOWEST)..)
            .take_while(|((other, _), _)| other == group);
        // By the small network that each address is in.
        let mut networks: BTreeMap<(bool, u128), Vec<(IpAddr, u64)>> = BTreeMap::new();
        for ((_, ip), flows) in of_group {
            if let Some(network) = network(*ip) {
                networks
                    .entry((network.v6, network.first))
                    .or_default()
                    .push((*ip, *flows));
            }
        }
        let mut ranges = Vec::new();
        for addresses in networks.into_values() {
            let flows = addresses.iter().map(|(_, flows)| flows).sum();
            match addresses.first().and_then(|(ip, _)| network(*ip)) {
                Some(network) if addresses.len() >= DENSE => ranges.push((network, flows, addresses.len())),
                _ => {
                    ranges.extend(addresses.into_iter().filter_map(|(ip, flows)| {
                        Some((Prefix::new(ip, if ip.is_ipv6() { 128 } else { 32 })?, flows, 1))
                    }))
                }
            }
        }
        ranges
    }
}

/// The /24, or the /64, around an address.
fn network(ip: IpAddr) -> Option<Prefix> {
    Prefix::new(ip, if ip.is_ipv6() { 64 } else { 24 })
}
