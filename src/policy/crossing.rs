//! One device between two captures: where an attempt died, and what the device changed.
//!
//! ```text
//!   client ──▶ [inside capture] ── device ── [outside capture] ──▶ server
//!
//!   inside      outside                          the attempt
//!   failed      not there                        died at the device
//!   failed      got further than inside          died at the device, on the way back
//!   failed      failed the same way              died beyond it
//!   reached     reached                          passed, perhaps changed
//!   reached     not there                        was answered by the device
//! ```
//!
//! Which flow is which is decided by [`join`]. That a flow is *not there* is said only where the outside capture ran at
//! that time, lost nothing, and shows other flows of the inside; else it cannot be told.

mod changes;
mod join;
#[cfg(test)]
mod tests;

pub use self::changes::{Change, Made};
pub use self::join::{Join, Likeness, join};
use super::verdict::{Blockage, Reach};
use crate::evidence::model::TlsFacts;
use crate::flow::attempt::TcpState;
use crate::flow::key::Endpoint;
use crate::names::domain::Domain;

/// A flow as one side saw it.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    pub protocol: u8,
    pub client: Endpoint,
    /// A proxy's where there is one.
    pub server: Endpoint,
    pub through_proxy: bool,
    pub start_ns: u64,
    pub end_ns: u64,
    /// The sequence numbers of the client's SYN and of its answer.
    pub sequences: [Option<u32>; 2],
    /// The time to live of the first packet from the client, and of the first one to it.
    pub ttls: [Option<u8>; 2],
    pub tcp: Option<TcpState>,
    pub name: Option<&'a Domain>,
    pub tls: Option<&'a TlsFacts>,
    pub reach: Reach,
    pub how: Option<Blockage>,
    /// The server's side sent anything at all.
    pub answered: bool,
    /// The server itself spoke: its hello, an alert, or more.
    pub served: bool,
}

/// What the outside capture can be held to.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// From its first to its last packet.
    pub from_ns: u64,
    pub to_ns: u64,
    /// Packets were dropped while it ran, or its flows are more than are kept.
    pub lossy: bool,
}

/// Where an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Died {
    /// It went through.
    Passed,
    AtDevice,
    /// The answer came to the device and not through it.
    OnTheWayBack,
    Beyond,
    /// Reached, and nothing of it is outside: the device itself answered.
    AnsweredByDevice,
    Unknown(Unknown),
}

/// Why it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// No flow of one side is on the other: another device, or another time?
    NothingInCommon,
    NotWatched,
    Lossy,
    /// The flow inside cannot be judged itself.
    Inside,
    /// Nor the one outside.
    Outside,
}

impl Died {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Died::Passed => "passed",
            Died::AtDevice => "at-device",
            Died::OnTheWayBack => "on-the-way-back",
            Died::Beyond => "beyond",
            Died::AnsweredByDevice => "answered-by-device",
            Died::Unknown(_) => "unknown",
        }
    }
}

/// An attempt seen inside, and what became of it at the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// Which of the flows outside, and how sure that is.
    pub outside: Option<(usize, Likeness)>,
    pub died: Died,
    pub changes: Vec<Change>,
}

/// What became of every flow of the inside, in their order.
pub fn cross(inside: &[Sighting], outside: &[Sighting], watch: Watch) -> Vec<Crossing> {
    let joined = join(inside, outside);
    let told = inside.iter().zip(&joined.partners).map(|(flow, partner)| {
        let there = partner.and_then(|(at, _)| outside.get(at));
        Crossing {
            outside: *partner,
            died: match there {
                Some(there) => died_between(flow, there),
                None => died_alone(flow, &joined, watch),
            },
            changes: there.map(|there| changes::between(flow, there)).unwrap_or_default(),
        }
    });
    told.collect()
}

/// Seen on both sides.
fn died_between(inside: &Sighting, outside: &Sighting) -> Died {
    match (inside.reach, outside.reach) {
        (Reach::Reached, Reach::Reached) => Died::Passed,
        // What reached the client was served by somebody: by whom, if the flow outside did not get so far?
        (Reach::Reached, _) if outside.served => Died::Passed,
        (Reach::Reached, Reach::Unclear(_)) => Died::Unknown(Unknown::Outside),
        (Reach::Reached, Reach::Blocked) => Died::AnsweredByDevice,
        (Reach::Unclear(_), _) if inside.answered => Died::Unknown(Unknown::Inside),
        (_, Reach::Reached) => Died::OnTheWayBack,
        _ => where_it_failed(inside, outside),
    }
}

/// The attempt failed inside, and did not get to its end outside either.
fn where_it_failed(inside: &Sighting, outside: &Sighting) -> Died {
    let hello = |flow: &Sighting| flow.tls.is_some_and(|tls| tls.hello);
    let alert = |flow: &Sighting| flow.tls.is_some_and(|tls| tls.server_alert.is_some());
    let same_word = inside.how == outside.how || alert(inside) && alert(outside);
    match inside.how {
        // The hello went in and did not come out.
        Some(Blockage::AfterHello | Blockage::TlsAlert) if hello(inside) && !hello(outside) => Died::AtDevice,
        _ if same_word => Died::Beyond,
        // Silence outside, and a word inside: the device said it.
        Some(Blockage::Reset | Blockage::Icmp | Blockage::TlsAlert | Blockage::Proxy) if !outside.answered => {
            Died::AtDevice
        }
        // The other way round: the word came to the device and not through it.
        Some(Blockage::Silent) | None if outside.answered || outside.how.is_some() => Died::OnTheWayBack,
        Some(Blockage::AfterHello) if outside.served || outside.how.is_some() => Died::OnTheWayBack,
        Some(_) => Died::Beyond,
        // Nobody answered on either side.
        None if !outside.answered => Died::Beyond,
        None => Died::Unknown(Unknown::Inside),
    }
}

/// A packet so near to the ends of the other capture may just have missed it.
const MARGIN_NS: u64 = 1_000_000;

/// Seen inside alone.
fn died_alone(inside: &Sighting, joined: &Join, watch: Watch) -> Died {
    let Some(offset) = joined.offset_ns else {
        return Died::Unknown(Unknown::NothingInCommon);
    };
    let [first, last] = [inside.start_ns, inside.end_ns].map(|ns| ns.saturating_add_signed(offset));
    if last < watch.from_ns.saturating_add(MARGIN_NS) || first.saturating_add(MARGIN_NS) > watch.to_ns {
        return Died::Unknown(Unknown::NotWatched);
    }
    if watch.lossy {
        return Died::Unknown(Unknown::Lossy);
    }
    match inside.reach {
        Reach::Reached => Died::AnsweredByDevice,
        Reach::Blocked => Died::AtDevice,
        // Not provable from one side, but here the other one was watched: nothing came out.
        Reach::Unclear(_) if !inside.answered => Died::AtDevice,
        Reach::Unclear(_) => Died::Unknown(Unknown::Inside),
    }
}
