//! Name lookups: which rows a question falls under, and whether its answer was a failure in disguise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::words::{is_private_link, list};
use crate::names::domain::Domain;
use crate::policy::compile::{Match, Matches, Policy};
use crate::policy::model::Row;
use crate::policy::verdict::{Blockage, Flag, FlagKind, Flags, RowIds, Severity};

/// Response codes (RFC 1035, section 4.1.1).
const NOERROR: u16 = 0;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const REFUSED: u16 = 5;

impl Policy {
    /// The rows that a question falls under, and a `blocked` flag if it failed. `rcode` None: nobody answered.
    pub fn judge_name(
        &self,
        query: &Domain,
        rcode: Option<u16>,
        addresses: &[IpAddr],
        chain: &[Domain],
    ) -> (RowIds, Flags) {
        let mut matches = Matches::new();
        self.matches(Some(query), None, &mut matches);
        let failure = match rcode {
            None => Some((Blockage::DnsSilent, format!("Nobody answered for {query}."))),
            Some(NXDOMAIN) => Some((Blockage::NxDomain, format!("DNS says that {query} does not exist."))),
            Some(REFUSED) => Some((Blockage::DnsRefused, format!("The resolver refused {query}."))),
            Some(SERVFAIL) => Some((Blockage::ServFail, format!("The resolver failed at {query}."))),
            Some(NOERROR) => self.sinkhole(query, matches.first(), addresses, chain).map(|ip| {
                (
                    Blockage::Sinkhole,
                    format!("DNS led {query} to {ip}, where nothing is."),
                )
            }),
            Some(_) => None,
        };
        let flags = failure.map(|(how, why)| Flag {
            kind: FlagKind::Blocked,
            severity: Severity::High,
            why: why.into(),
            how: Some(how),
        });
        let rows = matches.iter().map(|found| found.row).collect();
        (rows, flags.into_iter().collect())
    }

    /// The addresses of the answer that lead nowhere, if any.
    fn sinkhole(
        &self,
        query: &Domain,
        primary: Option<&Match>,
        addresses: &[IpAddr],
        chain: &[Domain],
    ) -> Option<String> {
        if query.as_str() == "localhost" || query.is_below("localhost") {
            return None;
        }
        // A private address is wrong only for a row that lists public ones, and right behind a private endpoint.
        let public = primary
            .filter(|found| found.bound)
            .is_some_and(|found| lists_public_ranges(self.row(found.row)));
        let public = public && !chain.iter().any(is_private_link);
        let wrong = |ip: &&IpAddr| leads_nowhere(**ip) || (public && is_private(**ip));
        let found: Vec<&IpAddr> = addresses.iter().filter(wrong).collect();
        (!found.is_empty()).then(|| list(found))
    }
}

/// "This network" and the loopback: 0.0.0.0/8, 127.0.0.0/8, `::`, `::1` (RFC 6890).
fn leads_nowhere(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => matches!(ip.octets(), [0 | 127, ..]),
        IpAddr::V6(ip) => ip == Ipv6Addr::UNSPECIFIED || ip == Ipv6Addr::LOCALHOST,
    }
}

/// RFC 1918 and unique local addresses (RFC 4193). Benchmark and documentation ranges are ordinary: labs use them.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => Ipv4Addr::is_private(&ip),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

fn lists_public_ranges(row: &Row) -> bool {
    row.ranges().any(|range| !is_private(range.address()))
}
