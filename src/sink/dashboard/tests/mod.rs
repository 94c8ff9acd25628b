//! What is gathered, what keys do, and pictures of it all.

mod board;
mod keys;
mod pictures;

use std::sync::Arc;

use super::board::{Board, Lend};
use super::draw::ink::Look;
use super::draw::{self, Scene};
use super::snapshot::{Dropped, Gauges, Snapshot};
use super::view::View;
use crate::engine::rows::{FlowRow, NameRow, Row, Running};
use crate::names::domain::Domain;
use crate::policy::compile::Policy;
use crate::policy::coverage::{Attempt, Lookup, Place};
use crate::policy::model::TCP;
use crate::sink::fixtures::{self, MORNING, end};
use crate::sink::{Labels, PolicyNames};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SECOND: u64 = 1_000_000_000;

/// As the command line lends rows to the policy, as far as these tests go.
fn attempt(row: &FlowRow) -> Attempt<'_> {
    Attempt {
        client: row.client.ip,
        server: row.server.ip,
        protocol: row.protocol,
        target: row
            .server
            .port
            .map(|port| (if row.protocol == 6 { TCP } else { row.protocol }, port)),
        through_proxy: false,
        app: row.app,
        name: row.naming.name.as_ref(),
        kind: row.naming.kind,
        own_answer: true,
        candidates: &[],
        packets_out: row.packets.out,
        packets_in: row.packets.r#in,
        start_ns: row.start_ns,
        end_ns: row.end_ns,
        place: Place::default(),
        verdict: &row.verdict,
    }
}

fn lookup(row: &NameRow) -> Lookup<'_> {
    Lookup {
        client: row.client,
        resolver: row.resolver,
        query: &row.query,
        answered: row.rcode.is_some(),
        chain: &row.chain,
        addresses: &row.addresses,
        place: Place::default(),
        matches: &row.matches,
        flags: &row.flags,
    }
}

/// The rows that the fixtures' verdicts speak of.
fn policy() -> Arc<Policy> {
    let row = |id: &str, class: &str, line: &str, host: &str| {
        format!(
            "[[endpoint]]\nid = \"{id}\"\nclass = \"{class}\"\nline = \"{line}\"\ntitle = \"The {id} of it\"\nhosts = [\"{host}\"]\n"
        )
    };
    let text = [
        "[policy]\nname = \"lab\"\n".to_owned(),
        row("web-app", "salestim", "green", "*.salestim.io"),
        row("help", "salestim-help", "green", "*.salestim.com"),
        row("teams", "teams", "purple", "teams.microsoft.com"),
        row("exchange", "microsoft365", "purple", "outlook.office.com"),
    ];
    Arc::new(load(&text.concat()))
}

fn load(text: &str) -> Policy {
    crate::policy::load::load(text, "test", &mut |_| Err("no".into()))
        .expect("a policy")
        .policy
}

fn labels(policy: &Policy) -> Labels {
    Labels {
        policy: PolicyNames::of(policy),
        files: Vec::new(),
    }
}

fn board(policy: &Arc<Policy>) -> Board {
    Board::new(Arc::clone(policy), labels(policy), Lend { attempt, lookup }, true)
}

/// A flow under way since some seconds before `now`, and what it has carried.
fn under_way(name: &str, port: u16, since: u64, bytes: u64) -> FlowRow {
    let mut row = fixtures::web_flow();
    row.frames.first = 1000 + u64::from(port);
    row.client = end("198.19.0.10", port);
    row.naming.name = Some(Domain::from_text(name.as_bytes()));
    row.start_ns = NOON - since * SECOND;
    row.end_ns = NOON - SECOND;
    row.bytes.out = bytes / 10;
    row.bytes.r#in = bytes - bytes / 10;
    row
}

/// Shortly behind the fixtures' morning.
const NOON: u64 = MORNING + 90 * SECOND;

/// A board that a morning has gone by.
fn morning(policy: &Arc<Policy>) -> Board {
    let mut board = board(policy);
    board.running(&Running {
        now_ns: MORNING,
        ..Running::default()
    });
    for (number, row) in fixtures::morning().into_iter().enumerate() {
        match row {
            Row::Flow(mut row) => {
                row.frames.first = number as u64;
                row.bytes.r#in = row.bytes.r#in.min(5_000_000);
                board.flow(&row);
            }
            Row::Name(row) => board.lookup(&row),
            Row::Capture(_) => {}
        }
    }
    let mut call = under_way("teams.microsoft.com", 50_100, 80, 31_000_000);
    call.verdict.matches = [crate::policy::verdict::RowId(2)].into_iter().collect();
    let listed = vec![call, under_way("app.salestim.io", 50_101, 3, 90_000)];
    board.running(&Running {
        now_ns: NOON,
        flows: 40,
        bytes: 32_000_000,
        listed,
    });
    board.undecoded(4);
    board
}

fn gauges() -> Gauges {
    Gauges {
        source: "eth0".into(),
        policy: "lab".into(),
        elapsed_ns: 95 * SECOND,
        packets: 41_234,
        dropped: Some(Dropped::default()),
        ..Gauges::default()
    }
}

const LOOK: Look = Look {
    colour: true,
    unicode: true,
};

/// The picture as lines, without the blanks at their ends.
fn picture(snapshot: &Snapshot, gauges: &Gauges, view: &mut View, look: Look, size: (u16, u16)) -> String {
    let buffer = cells(snapshot, gauges, view, look, size);
    let lines = buffer.content.chunks(usize::from(size.0));
    let line = |cells: &[ratatui::buffer::Cell]| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned() + "\n"
    };
    lines.map(line).collect()
}

fn cells(snapshot: &Snapshot, gauges: &Gauges, view: &mut View, look: Look, size: (u16, u16)) -> Buffer {
    let policy = policy();
    let labels = labels(&policy);
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    let scene = Scene {
        snapshot,
        gauges,
        labels: &labels,
        policy: &policy,
        look,
    };
    draw::draw(&scene, view, area, &mut buffer);
    buffer
}
