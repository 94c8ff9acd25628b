//! How something was used: how often, by how many, when, on which ports, with which versions.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Seen, target};

/// Clients that are told apart; beyond them there are "more than".
pub const CLIENTS_AT_MOST: usize = 32;
/// Ports that are listed; with more of them any will do.
const PORTS_AT_MOST: usize = 16;

#[derive(Debug, Clone, Default)]
pub struct Used {
    pub flows: u64,
    pub failed: u64,
    pub bytes: u64,
    pub first_ns: u64,
    pub last_ns: u64,
    /// Sorted.
    pub clients: Vec<IpAddr>,
    pub more_clients: bool,
    /// By transport and port.
    pub ports: BTreeMap<(u8, u16), u64>,
    /// The port is not known, or there are too many.
    pub any_port: bool,
    /// By their rank among all versions.
    pub versions: BTreeMap<u8, u64>,
    /// By what another policy says.
    pub classes: BTreeMap<String, u64>,
}

impl Used {
    pub fn take(&mut self, seen: &Seen) {
        let (first_ns, last_ns) = (seen.start_ns, seen.end_ns);
        self.span(first_ns, last_ns);
        self.flows += 1;
        self.failed += u64::from(seen.failed);
        self.bytes = self.bytes.saturating_add(seen.bytes);
        self.client(seen.client.ip);
        match target(seen) {
            Some(port) => *self.ports.entry(port).or_default() += 1,
            None => self.any_port = true,
        }
        if self.ports.len() > PORTS_AT_MOST {
            self.ports.pop_last();
            self.any_port = true;
        }
        if let Some(rank) = seen.version.and_then(|version| version.rank()) {
            *self.versions.entry(rank).or_default() += 1;
        }
        if let Some(class) = seen.class {
            // Classes are the other policy's, and few.
            match self.classes.get_mut(class) {
                Some(count) => *count += 1,
                None => drop(self.classes.insert(class.to_owned(), 1)),
            }
        }
    }

    /// Both together.
    pub fn add(&mut self, other: &Used) {
        if other.flows == 0 {
            return;
        }
        self.span(other.first_ns, other.last_ns);
        self.flows += other.flows;
        self.failed += other.failed;
        self.bytes = self.bytes.saturating_add(other.bytes);
        other.clients.iter().for_each(|client| self.client(*client));
        self.more_clients |= other.more_clients;
        self.any_port |= other.any_port;
        for (port, count) in &other.ports {
            *self.ports.entry(*port).or_default() += count;
        }
        for (rank, count) in &other.versions {
            *self.versions.entry(*rank).or_default() += count;
        }
    }

    /// The class that most of its flows have; of equals the first by name.
    pub fn class(&self) -> Option<&str> {
        let most = self.classes.values().max()?;
        let mut classes = self.classes.iter();
        classes
            .find(|(_, count)| *count == most)
            .map(|(class, _)| class.as_str())
    }

    fn span(&mut self, first_ns: u64, last_ns: u64) {
        self.first_ns = match self.flows {
            0 => first_ns,
            _ => self.first_ns.min(first_ns),
        };
        self.last_ns = self.last_ns.max(last_ns);
    }

    fn client(&mut self, ip: IpAddr) {
        if let Err(place) = self.clients.binary_search(&ip) {
            match self.clients.len() < CLIENTS_AT_MOST {
                true => self.clients.insert(place, ip),
                false => self.more_clients = true,
            }
        }
    }
}
