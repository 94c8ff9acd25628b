//! The two sides of one device: the outside is read first and kept, then the inside is judged, flow by flow, beside it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::hops;
use crate::cli::exit::Failure;
use crate::cli::plan::{Input, Plan};
use crate::cli::reading;
use crate::engine::drive::Outlet;
use crate::engine::rows::{CaptureRow, FlowRow, Row, Wanted};
use crate::policy::crossing::{Crossing, Died, Sighting, Watch, cross};
use crate::policy::verdict::{Blockage, Flag, FlagKind, Reach, Severity};
use crate::sink::Labels;

/// Flows of a side that are kept. What is beyond them is judged as if there were one side alone.
const MOST_FLOWS: usize = 200_000;

/// What one side saw.
pub struct Side {
    /// By flow: hops of a packet from the client and of one to it.
    hops: Vec<[Option<u8>; 2]>,
    pub flows: Vec<FlowRow>,
    /// Beyond those that are kept.
    pub more: u64,
    pub captures: Vec<CaptureRow>,
    pub labels: Labels,
}

impl Side {
    pub fn new(labels: Labels) -> Side {
        Side {
            hops: Vec::new(),
            flows: Vec::new(),
            more: 0,
            captures: Vec::new(),
            labels,
        }
    }

    /// Keeps a flow; gives it back where there is no more room.
    pub fn keep(&mut self, flow: &FlowRow) -> bool {
        let has_room = self.flows.len() < MOST_FLOWS;
        match has_room {
            true => self.flows.push(flow.clone()),
            false => self.more += 1,
        }
        has_room
    }

    /// Reads the other side's files as the plan reads its own.
    pub fn read(plan: &Plan, files: &[PathBuf]) -> Result<Side, Failure> {
        let plan = Plan {
            input: Input::Files(files.to_vec()),
            judgement: None,
            ..plan.clone()
        };
        let (mut side, ended) = reading::pass(&plan, Side::new)?;
        if let Some(fault) = ended.faults.first() {
            return Err(Failure::new(format!("--outside: {fault}")));
        }
        reading::tell(&ended, &plan);
        side.look_again(&plan);
        Ok(side)
    }

    /// In the order in which they began.
    pub fn sort(&mut self) {
        self.flows.sort_by_key(|flow| (flow.ordinal, flow.frames.first));
    }

    /// Reads the files once more for what no record tells.
    pub fn look_again(&mut self, plan: &Plan) {
        self.hops = hops::of_flows(plan, &self.flows);
    }

    fn sightings(&self) -> Vec<Sighting<'_>> {
        let hops = self.hops.iter().copied().chain(std::iter::repeat([None; 2]));
        self.flows
            .iter()
            .zip(hops)
            .map(|(flow, ttls)| sighting(flow, ttls))
            .collect()
    }

    fn watch(&self) -> Watch {
        let captures = self.captures.iter();
        let lost =
            |capture: &CaptureRow| capture.dropped_by_kernel.unwrap_or(0) + capture.dropped_by_interface.unwrap_or(0);
        Watch {
            from_ns: captures
                .clone()
                .filter_map(|capture| capture.first_ns)
                .min()
                .unwrap_or(u64::MAX),
            to_ns: captures
                .clone()
                .filter_map(|capture| capture.last_ns)
                .max()
                .unwrap_or(0),
            lossy: self.more > 0 || captures.clone().any(|capture| lost(capture) > 0),
        }
    }
}

impl Outlet for Side {
    fn set(&self, _: &Row, _: &mut Vec<u8>) -> Wanted {
        Wanted::Row
    }

    fn row(&mut self, row: &Row) -> ControlFlow<()> {
        match row {
            Row::Flow(flow) => {
                self.keep(flow);
            }
            Row::Capture(capture) => self.captures.push((**capture).clone()),
            Row::Name(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn wants_names(&self) -> bool {
        false
    }
}

/// What became of every flow of the inside. Where the outside proves a silence that one side alone cannot, the flow's verdict
/// says so from then on.
pub fn compare(inside: &mut Side, outside: &Side) -> Vec<Crossing> {
    let crossings = cross(&inside.sightings(), &outside.sightings(), outside.watch());
    for (flow, crossing) in inside.flows.iter_mut().zip(&crossings) {
        let was_silent = matches!(flow.verdict.reach, Reach::Unclear(_)) && flow.packets.r#in == 0;
        if crossing.died == Died::AtDevice && was_silent {
            flow.verdict.reach = Reach::Blocked;
            flow.verdict.flags.push(Flag {
                kind: FlagKind::Blocked,
                severity: Severity::High,
                why: "It came to the device and did not leave it on the other side."
                    .to_owned()
                    .into(),
                how: Some(Blockage::Silent),
            });
        }
    }
    crossings
}

fn sighting(flow: &FlowRow, ttls: [Option<u8>; 2]) -> Sighting<'_> {
    let tls = flow.tls.as_deref();
    let reach = flow.verdict.reach;
    let blocked = flow.verdict.flags.iter().find(|flag| flag.kind == FlagKind::Blocked);
    let spoke = tls.is_some_and(|tls| tls.version.is_some() || tls.server_alert.is_some());
    Sighting {
        protocol: flow.protocol,
        client: flow.client,
        server: flow.server,
        through_proxy: flow.is_proxied(),
        start_ns: flow.start_ns,
        end_ns: flow.end_ns,
        sequences: flow.sequences,
        ttls,
        tcp: flow.tcp,
        name: flow.naming.name.as_ref(),
        tls,
        reach,
        how: blocked.and_then(|flag| flag.how),
        answered: flow.packets.r#in > 0,
        served: spoke || reach == Reach::Reached,
    }
}
