//! The picture: a snapshot and a view become cells.
//!
//! ```text
//!   80 columns          110 columns and more
//!   header              header
//!   1 Classes           1 Classes  | 4 Endpoints
//!   2 Flows             2 Flows    |
//!   3 Findings                     | 3 Findings
//!   4 Endpoints         footer
//!   footer
//! ```
//!
//! The header stands above everything, whatever else is open: what was lost and how far behind the picture is must not be out of sight.
//! Everything goes through a [`Pen`], which knows the room that is left and cuts what is longer.

mod classes;
mod endpoints;
mod findings;
mod flows;
mod footer;
mod header;
pub mod ink;
mod over;
mod pen;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::ink::{Ink, Look};
pub use self::over::lines as over_lines;
use self::pen::Pen;
use super::snapshot::{Gauges, Snapshot};
use super::view::{Pane, View};
use crate::policy::compile::Policy;
use crate::sink::Labels;

/// Below this nothing can be read.
pub const LEAST_WIDTH: u16 = 60;
pub const LEAST_HEIGHT: u16 = 16;

/// From here on panes stand side by side.
const WIDE: u16 = 110;

/// On a lower screen all the room is for the pane in front.
const ROOMY: u16 = 30;

/// On the lowest ones every pane does with a line less.
const TIGHT: u16 = 15;

/// What a picture is made of.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub snapshot: &'a Snapshot,
    pub gauges: &'a Gauges,
    pub labels: &'a Labels,
    pub policy: &'a Policy,
    pub look: Look,
}

/// Draws it all.
pub fn draw(scene: &Scene<'_>, view: &mut View, area: Rect, buffer: &mut Buffer) {
    if area.width < LEAST_WIDTH || area.height < LEAST_HEIGHT {
        too_small(scene, area, buffer);
    } else {
        let (top, rest) = split_top(area, header::HEIGHT);
        let (body, bottom) = split_top(rest, rest.height - 1);
        header::draw(scene, view, top, buffer);
        match view.over.clone() {
            Some(over) => over::draw(&over, scene, view, body, buffer),
            None => panes(scene, view, body, buffer),
        }
        footer::draw(scene, view, bottom, buffer);
    }
    scene.look.spell(buffer);
}

/// The capture goes on, and the screen may grow again.
fn too_small(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let dropped = scene.gauges.dropped.unwrap_or_default().sum();
    let lines = [
        format!("{}x{} is too small;", area.width, area.height),
        format!("it takes {LEAST_WIDTH}x{LEAST_HEIGHT}."),
        "The capture goes on.".to_owned(),
        format!("{dropped} dropped. q ends."),
    ];
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        Pen::new(buffer, Rect { y, height: 1, ..area }, scene.look).write(line, Ink::Plain);
    }
}

fn panes(scene: &Scene<'_>, view: &mut View, area: Rect, buffer: &mut Buffer) {
    for (pane, area) in places(scene, view, area) {
        if area.height < 2 {
            continue;
        }
        match pane {
            Pane::Classes => classes::draw(scene, view, area, buffer),
            Pane::Flows => flows::draw(scene, view, area, buffer),
            Pane::Findings => findings::draw(scene, view, area, buffer),
            Pane::Endpoints => endpoints::draw(scene, view, area, buffer),
        }
    }
}

/// Where each pane is. The one in front has the most room.
fn places(scene: &Scene<'_>, view: &View, area: Rect) -> Vec<(Pane, Rect)> {
    if area.width < WIDE {
        return stack(scene, view, area, &Pane::ALL);
    }
    let left_width = area.width * 3 / 5;
    let left = Rect {
        width: left_width - 1,
        ..area
    };
    let right = Rect {
        x: area.x + left_width + 1,
        width: area.width - left_width - 1,
        ..area
    };
    let mut places = stack(scene, view, left, &[Pane::Classes, Pane::Flows]);
    places.extend(stack(scene, view, right, &[Pane::Findings, Pane::Endpoints]));
    places
}

/// Lines that a pane wants at least and at most, its title among them.
fn wants(scene: &Scene<'_>, view: &View, pane: Pane, area: Rect) -> (u16, u16) {
    let lines = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let most = match pane {
        Pane::Classes => lines(view.classes(scene.snapshot).len() + 4),
        Pane::Flows => u16::MAX,
        Pane::Findings => lines(findings::height(view.findings(scene.snapshot).len(), area)),
        Pane::Endpoints => lines(endpoints::height(scene.snapshot.endpoints.len(), area)),
    };
    let least = match pane {
        Pane::Classes => 5,
        Pane::Flows => 4,
        Pane::Findings | Pane::Endpoints => 3,
    };
    let least = if area.height < TIGHT { least - 1 } else { least };
    (least, most.max(least))
}

/// Panes over each other: each has its least, then the one in front what it wants, then the rest theirs.
fn stack(scene: &Scene<'_>, view: &View, area: Rect, panes: &[Pane]) -> Vec<(Pane, Rect)> {
    let wants: Vec<(u16, u16)> = panes.iter().map(|pane| wants(scene, view, *pane, area)).collect();
    let mut heights: Vec<u16> = wants.iter().map(|(least, _)| *least).collect();
    let mut rest = area.height.saturating_sub(heights.iter().sum());
    // Flows take what nobody else wants; a list in front may not starve the others of a decent size.
    let front = panes.iter().position(|pane| *pane == view.pane);
    let usual = if area.height < ROOMY { 0 } else { area.height / 4 };
    let rounds = [
        (None, usual),
        (front, u16::MAX),
        (panes.iter().position(|pane| *pane == Pane::Flows), u16::MAX),
        (None, u16::MAX),
    ];
    for (only, limit) in rounds {
        for (place, ((_, most), height)) in wants.iter().zip(&mut heights).enumerate() {
            if only.is_none_or(|only| only == place) && panes.get(place) != Some(&Pane::Flows) || only == Some(place) {
                let more = (*most).min(limit).saturating_sub(*height).min(rest);
                *height += more;
                rest -= more;
            }
        }
    }
    let mut places = Vec::new();
    let mut y = area.y;
    for (pane, height) in panes.iter().zip(heights) {
        let height = height.min(area.bottom().saturating_sub(y));
        places.push((*pane, Rect { y, height, ..area }));
        y += height;
    }
    // What is left over at the end is the last one's.
    if let Some((_, last)) = places.last_mut() {
        last.height = area.bottom().saturating_sub(last.y);
    }
    places
}

/// The first lines, and the rest.
fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let top = Rect { height, ..area };
    let rest = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (top, rest)
}

/// A pane's first line: its number and name, what is said of it, and a rule to the end. The rest is its own.
fn title(scene: &Scene<'_>, view: &View, pane: Pane, said: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let (line, rest) = split_top(area, 1);
    let in_front = view.pane == pane;
    let mut pen = Pen::new(buffer, line, scene.look);
    let (mark, ink) = match in_front {
        true => (ink::FRONT, Ink::Front),
        false => (ink::RULE, Ink::Head),
    };
    pen.write(mark, ink);
    pen.write(&format!(" {} {} ", pane as usize + 1, pane.title()), ink);
    if !said.is_empty() {
        pen.write(&format!(" {said} "), Ink::Quiet);
    }
    pen.fill(ink::RULE, Ink::Quiet);
    rest
}

/// One line of a list, and whether it is the chosen one.
fn line_at(area: Rect, number: usize) -> Rect {
    Rect {
        y: area.y + number as u16,
        height: 1,
        ..area
    }
}
