//! Who talked to what: flows and bytes of every client at every row of the policy, and at what is in no row.
//!
//! Bounds: [`MOST_CLIENTS`] clients are told apart, others by their wide networks, and beyond [`MOST_NETWORKS`] of these not at all.
//! Of the others [`MOST_COUNTED`] are still counted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::fate::Fate;
use crate::engine::rows::FlowRow;
use crate::policy::model::Prefix;
use crate::policy::verdict::RowId;

const MOST_CLIENTS: usize = 4096;
const MOST_NETWORKS: usize = 4096;
const MOST_COUNTED: usize = 100_000;
/// Bits of a wide network.
pub const WIDE_V4: u8 = 16;
pub const WIDE_V6: u8 = 32;

/// Where a flow went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    Row(RowId),
    /// Named, in no row.
    Other,
    /// Nameless, in no row.
    Unknown,
    /// What every network needs to work at all, in no row: DNS, DHCP, NTP and the like.
    Plumbing,
}

impl Spot {
    pub fn of(flow: &FlowRow) -> Spot {
        match flow.verdict.matches.first() {
            Some(row) => Spot::Row(*row),
            None if flow.app.is_infrastructure() => Spot::Plumbing,
            None if flow.naming.name.is_some() => Spot::Other,
            None => Spot::Unknown,
        }
    }
}

/// Flows and bytes, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// In the order of [`Fate::ALL`].
    pub flows: [u64; 5],
    pub bytes: [u64; 5],
}

impl Tally {
    pub fn all_flows(&self) -> u64 {
        self.flows.iter().sum()
    }

    pub fn all_bytes(&self) -> u64 {
        self.bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    #[cfg(test)]
    pub fn of(&self, fate: Fate) -> u64 {
        self.flows.get(fate as usize).copied().unwrap_or(0)
    }

    pub fn merge(&mut self, other: &Tally) {
        let bytes = self.bytes.iter_mut().zip(other.bytes);
        bytes.for_each(|(sum, more)| *sum = sum.saturating_add(more));
        let flows = self.flows.iter_mut().zip(other.flows);
        flows.for_each(|(sum, more)| *sum += more);
    }

    fn add(&mut self, fate: Fate, bytes: u64) {
        if let Some(count) = self.flows.get_mut(fate as usize) {
            *count += 1;
        }
        if let Some(sum) = self.bytes.get_mut(fate as usize) {
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Each fate that there was: flows and bytes.
    pub fn fates(&self) -> impl Iterator<Item = (Fate, u64, u64)> {
        let numbers = self.flows.into_iter().zip(self.bytes);
        let all = Fate::ALL.into_iter().zip(numbers);
        all.map(|(fate, (flows, bytes))| (fate, flows, bytes))
            .filter(|(_, flows, _)| *flows > 0)
    }
}

/// Sums by client and place.
#[derive(Debug, Default)]
pub struct Services {
    pub links: BTreeMap<(Who, Spot), Tally>,
    clients: BTreeSet<IpAddr>,
    networks: BTreeSet<IpAddr>,
    /// Clients that are not told apart, each once.
    counted: BTreeSet<IpAddr>,
    /// So many of them are behind each network.
    crowds: BTreeMap<Who, Crowd>,
}

/// Clients of a network that are not told apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct Crowd {
    pub clients: u64,
    /// And perhaps others than these.
    pub more: bool,
}

/// Whose flow it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    One(IpAddr),
    /// One of a wide network, of which more is not told.
    Network(IpAddr),
    Anybody,
}

impl Services {
    pub fn flow(&mut self, flow: &FlowRow) {
        let bytes = flow.bytes.out.saturating_add(flow.bytes.r#in);
        let who = self.who(flow.client.ip);
        let link = self.links.entry((who, Spot::of(flow)));
        link.or_default().add(Fate::of(&flow.verdict), bytes);
    }

    fn who(&mut self, client: IpAddr) -> Who {
        if noted(&mut self.clients, client, MOST_CLIENTS) {
            return Who::One(client);
        }
        let who = self.wide(client);
        let crowd = self.crowds.entry(who).or_default();
        if !self.counted.contains(&client) {
            match self.counted.len() < MOST_COUNTED {
                true => crowd.clients += u64::from(self.counted.insert(client)),
                false => crowd.more = true,
            }
        }
        who
    }

    /// Clients behind this one: of a single client itself.
    pub fn crowd(&self, who: Who) -> Crowd {
        match who {
            Who::One(_) => Crowd {
                clients: 1,
                more: false,
            },
            _ => self.crowds.get(&who).copied().unwrap_or_default(),
        }
    }

    fn wide(&mut self, client: IpAddr) -> Who {
        let wide = if client.is_ipv4() { WIDE_V4 } else { WIDE_V6 };
        match Prefix::new(client, wide).map(|network| network.address()) {
            Some(network) if noted(&mut self.networks, network, MOST_NETWORKS) => Who::Network(network),
            _ => Who::Anybody,
        }
    }

    #[cfg(test)]
    /// All that went there, and how many clients it came from.
    pub fn at(&self, spot: Spot) -> (Tally, usize) {
        let mut sum = Tally::default();
        let mut clients = 0;
        for ((_, at), tally) in &self.links {
            if *at == spot {
                sum.merge(tally);
                clients += 1;
            }
        }
        (sum, clients)
    }

    pub fn all(&self) -> Tally {
        let mut sum = Tally::default();
        self.links.values().for_each(|tally| sum.merge(tally));
        sum
    }
}

/// It is in the set, or there was room for it.
fn noted(set: &mut BTreeSet<IpAddr>, ip: IpAddr, most: usize) -> bool {
    set.contains(&ip) || set.len() < most && set.insert(ip)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures;
    use super::*;

    #[test]
    fn flows_are_summed_where_they_went() {
        let mut services = Services::default();
        services.flow(&fixtures::web_flow());
        services.flow(&fixtures::web_flow());
        services.flow(&fixtures::bare_flow());
        let (sum, clients) = services.at(Spot::Row(RowId(0)));
        assert_eq!((sum.all_flows(), sum.all_bytes(), clients), (2, 2 * 10_942, 1));
        assert_eq!(services.at(Spot::Unknown).0.of(Fate::Unlisted), 1);
        assert_eq!(services.all().all_flows(), 3);
    }

    #[test]
    fn clients_beyond_the_bound_are_told_by_their_networks() {
        let mut services = Services::default();
        for number in 0..5000u32 {
            let mut flow = fixtures::web_flow();
            flow.client.ip = IpAddr::V4((0x0a00_0000 + number).into());
            services.flow(&flow);
        }
        assert_eq!(services.clients.len(), MOST_CLIENTS);
        let network = Who::Network("10.0.0.0".parse().unwrap());
        assert_eq!(
            services.links[&(network, Spot::Row(RowId(0)))].all_flows(),
            5000 - MOST_CLIENTS as u64
        );
        assert_eq!(services.at(Spot::Row(RowId(0))).0.all_flows(), 5000);
        let crowd = services.crowd(network);
        assert_eq!((crowd.clients, crowd.more), (5000 - MOST_CLIENTS as u64, false));
    }
}
