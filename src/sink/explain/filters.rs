//! Wireshark display filters: exactly the frames cited, and the whole flow.

use std::net::IpAddr;

use super::{Evidence, Frame, Step, clean};
use crate::engine::rows::{FlowRow, TcpState};
use crate::sink::address::address;
use crate::wire::packet::protocol;

/// The filters, a set for each input that holds something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    pub files: Vec<FileFilters>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFilters {
    pub file: String,
    pub ordinal: u32,
    /// The frames cited; None: none is in this input.
    pub proof: Option<String>,
    /// The flow's packets; None: none is in this input.
    pub flow: Option<String>,
    /// ICMP errors that quote the flow, where they decided its end.
    pub errors: Option<String>,
}

/// Inputs that a flow goes through, and that filters are given for.
const FILES_AT_MOST: usize = 100;

impl Filters {
    pub fn of(evidence: &Evidence, steps: &[Step]) -> Filters {
        let mut frames: Vec<Frame> = steps.iter().flat_map(|step| step.frames.iter().copied()).collect();
        frames.sort_unstable();
        frames.dedup();
        let home = evidence.flow.ordinal;
        let last = evidence.mark("last").map_or(home, |frame| frame.ordinal);
        let mut ordinals: Vec<u32> = frames.iter().map(|frame| frame.ordinal).collect();
        // A flow may go on through very many inputs: then the first ones.
        ordinals.extend((home..=last).take(FILES_AT_MOST));
        ordinals.push(last);
        ordinals.sort_unstable();
        ordinals.dedup();
        let of_file = |ordinal: u32| FileFilters {
            file: evidence.file(ordinal),
            ordinal,
            proof: proof(frames.iter().filter(|frame| frame.ordinal == ordinal)),
            flow: (home..=last)
                .contains(&ordinal)
                .then(|| whole(evidence.flow, ordinal, last)),
            errors: (home..=last)
                .contains(&ordinal)
                .then(|| errors(evidence.flow))
                .flatten(),
        };
        Filters {
            files: ordinals.into_iter().map(of_file).collect(),
        }
    }
}

impl FileFilters {
    /// Each filter with what it shows.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("the frames cited", &self.proof),
            ("the whole flow", &self.flow),
            ("ICMP errors about it", &self.errors),
        ];
        all.into_iter()
            .filter_map(|(what, filter)| Some((what, filter.as_deref()?)))
    }

    pub fn shown_file(&self) -> String {
        clean(&self.file).into_owned()
    }
}

/// `==` and `||` are understood by every version; the spelling of sets has changed between them.
fn proof<'a>(frames: impl Iterator<Item = &'a Frame>) -> Option<String> {
    let terms: Vec<String> = frames
        .map(|frame| format!("frame.number == {}", frame.number))
        .collect();
    (!terms.is_empty()).then(|| terms.join(" || "))
}

fn whole(flow: &FlowRow, ordinal: u32, last: u32) -> String {
    let mut terms = vec![ends(flow)];
    terms.push(match flow.protocol {
        protocol::TCP | protocol::UDP | protocol::SCTP => ports(flow),
        protocol::ICMP => "icmp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        other if flow.client.ip.is_ipv4() => format!("ip.proto == {other}"),
        other => format!("ipv6.nxt == {other}"),
    });
    if !matches!(flow.protocol, protocol::ICMP | protocol::ICMPV6) {
        terms.push("!icmp && !icmpv6".to_owned());
    }
    // Ports are used again, and so is the filter's rest.
    if ordinal == flow.ordinal {
        terms.push(format!("frame.number >= {}", flow.frames.first));
    }
    if ordinal == last {
        terms.push(format!("frame.number <= {}", flow.frames.last));
    }
    terms.join(" && ")
}

/// Wireshark shows the packet quoted in an ICMP error as if it were there.
fn errors(flow: &FlowRow) -> Option<String> {
    let refused = matches!(flow.tcp, Some(TcpState::Prohibited | TcpState::Unreachable));
    let icmp = if flow.client.ip.is_ipv4() { "icmp" } else { "icmpv6" };
    refused.then(|| format!("{icmp} && {} && {}", ends(flow), ports(flow)))
}

fn ends(flow: &FlowRow) -> String {
    let (client, server) = (address(flow.client.ip), address(flow.server.ip));
    let (client, server) = (client.as_str(), server.as_str());
    let ip = match flow.client.ip {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ipv6",
    };
    match client == server {
        true => format!("{ip}.src == {client} && {ip}.dst == {client}"),
        false => format!("{ip}.addr == {client} && {ip}.addr == {server}"),
    }
}

fn ports(flow: &FlowRow) -> String {
    let transport = match flow.protocol {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        _ => "sctp",
    };
    match (flow.client.port, flow.server.port) {
        (Some(client), Some(server)) if client == server => {
            format!("{transport}.srcport == {client} && {transport}.dstport == {client}")
        }
        (Some(client), Some(server)) => format!("{transport}.port == {client} && {transport}.port == {server}"),
        // Fragments that were never put together.
        _ if flow.client.ip.is_ipv4() => "(ip.flags.mf == 1 || ip.frag_offset > 0)".to_owned(),
        _ => "ipv6.fraghdr.nxt".to_owned(),
    }
}
