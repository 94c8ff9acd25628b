//! How many routers more the packets of a flow could pass, by a second look at some of its frames.
//!
//! No record needs it but those of a device between two captures, so that it is kept nowhere on the way.

use std::collections::HashMap;

use crate::cli::connect;
use crate::cli::plan::Plan;
use crate::engine::epoch::Epoch;
use crate::engine::limits::EPOCH_BYTES;
use crate::engine::rows::FlowRow;
use crate::policy::verdict::{Blockage, FlagKind};
use crate::wire::decode::decode;

/// A frame by its input and its number.
type Place = (u32, u64);

/// The hops of every flow's first packet from the client, and of one to it, as far as the files can be read again.
pub fn of_flows(plan: &Plan, flows: &[FlowRow]) -> Vec<[Option<u8>; 2]> {
    let mut seen: HashMap<Place, Option<u8>> = HashMap::new();
    for place in flows.iter().flat_map(|flow| frames(flow).into_iter().flatten()) {
        seen.insert(place, None);
    }
    if let Some(mut source) = connect::frames_again(plan) {
        let mut epoch = Epoch::default();
        while source.fill(&mut epoch, EPOCH_BYTES) {
            for frame in &epoch.frames {
                let place = (frame.stamp.ordinal(), frame.stamp.frame());
                if let Some(hops) = seen.get_mut(&place) {
                    let packet = decode(frame.link, epoch.frame_bytes(frame), frame.wire);
                    *hops = packet.ok().map(|packet| packet.hops);
                }
            }
        }
    }
    let hops = |place: Option<Place>| place.and_then(|place| seen.get(&place).copied().flatten());
    flows.iter().map(|flow| frames(flow).map(hops)).collect()
}

/// One frame from the client and one to it, where it is known which are.
fn frames(flow: &FlowRow) -> [Option<Place>; 2] {
    // What lies in another input has another ordinal, which is not looked up here.
    let here = |mark: &str| flow.frames.elsewhere.iter().all(|(name, _)| *name != mark);
    let at = |frame: u64| (flow.ordinal, frame);
    let asked = flow.sequences[0].map(|_| flow.frames.first);
    let cut_off = |how: Option<Blockage>| matches!(how, Some(Blockage::Reset | Blockage::AfterHello));
    let flags = flow.verdict.flags.iter();
    let was_cut_off = flags
        .clone()
        .any(|flag| flag.kind == FlagKind::Blocked && cut_off(flag.how));
    let answer = match flow.frames.server_hello.filter(|_| here("server_hello")) {
        None if was_cut_off => flow.frames.blocked,
        answer => answer,
    };
    [asked.map(at), answer.map(at)]
}
