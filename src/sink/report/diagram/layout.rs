//! Where everything stands, in the drawing's own units (its width is [`WIDTH`]).

use super::nodes::Nodes;
use crate::sink::report::fate::Fate;

pub const WIDTH: f64 = 1080.0;
/// The boxes at the left end here, those at the right begin there.
pub const LEFT_END: f64 = 250.0;
pub const RIGHT_BEGIN: f64 = 588.0;
/// What is blocked ends here.
pub const WALL: f64 = 512.0;
const TOP: f64 = 8.0;
const HEADING: f64 = 30.0;
const BOX: f64 = 30.0;
/// Where nothing flowed.
const IDLE_BOX: f64 = 24.0;
const GAP: f64 = 6.0;
const GROUP_GAP: f64 = 10.0;
/// The bands of one box are no wider together, and none is wider than this by itself.
const MOST_TOGETHER: f64 = 84.0;
const MOST_ALONE: f64 = 22.0;
const LEAST: f64 = 1.5;

#[derive(Debug, Default)]
pub struct Layout {
    pub height: f64,
    /// From top to bottom.
    pub clients: Vec<Span>,
    pub groups: Vec<GroupPlace>,
    pub bands: Vec<Band>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Span {
    pub top: f64,
    pub height: f64,
}

#[derive(Debug)]
pub struct GroupPlace {
    pub heading: f64,
    pub services: Vec<Span>,
    /// Where the remark about rows without a box stands.
    pub remark: Option<f64>,
}

/// What flowed between two boxes with one fate.
#[derive(Debug)]
pub struct Band {
    pub client: usize,
    /// By its place among all services.
    pub service: usize,
    pub fate: Fate,
    pub flows: u64,
    pub bytes: u64,
    pub width: f64,
    /// The middle of the band at its two ends.
    pub from: f64,
    pub to: f64,
}

impl Layout {
    pub fn of(nodes: &Nodes) -> Layout {
        let mut bands = bands(nodes);
        let services: usize = nodes.groups.iter().map(|group| group.services.len()).sum();
        scale(&mut bands, nodes.clients.len(), services);
        let mut layout = Layout::default();
        let together = |is_mine: &dyn Fn(&Band) -> bool| {
            bands
                .iter()
                .filter(|band| is_mine(band))
                .map(|band| band.width)
                .sum::<f64>()
        };
        let mut right = Vec::new();
        let mut y = TOP;
        for group in &nodes.groups {
            let heading = y;
            y += HEADING;
            let mut spans = Vec::new();
            for service in &group.services {
                let place = right.len();
                let least = if service.tally.all_flows() > 0 { BOX } else { IDLE_BOX };
                let height = (together(&|band| band.service == place) + 8.0).max(least);
                spans.push(Span { top: y, height });
                right.push(Span { top: y, height });
                y += height + GAP;
            }
            let remark = super::rest(group).map(|_| {
                y += 16.0;
                y - 6.0
            });
            layout.groups.push(GroupPlace {
                heading,
                services: spans,
                remark,
            });
            y += GROUP_GAP;
        }
        let right_height = y;
        let heights: Vec<f64> = (0..nodes.clients.len())
            .map(|place| (together(&|band| band.client == place) + 8.0).max(BOX))
            .collect();
        let left: f64 = heights.iter().sum::<f64>() + HEADING;
        let room = (right_height - TOP - left).max(GAP * heights.len() as f64);
        // Spread over the height, but not so far that they seem to have nothing to do with each other.
        let gap = (room / (heights.len() + 1) as f64).min(34.0);
        let mut y = TOP + HEADING;
        for height in heights {
            layout.clients.push(Span { top: y, height });
            y += height + gap;
        }
        layout.height = right_height.max(y) + TOP;
        attach(&mut bands, &layout.clients, &right);
        layout.bands = bands;
        layout
    }
}

fn bands(nodes: &Nodes) -> Vec<Band> {
    let of_link = |(&(client, service), tally): (&(usize, usize), &super::Tally)| {
        tally
            .fates()
            .map(|(fate, flows, bytes)| Band {
                client,
                service,
                fate,
                flows,
                bytes,
                width: 0.0,
                from: 0.0,
                to: 0.0,
            })
            .collect::<Vec<_>>()
    };
    nodes.links.iter().flat_map(of_link).collect()
}

/// The widest that leaves every box its room.
fn scale(bands: &mut [Band], clients: usize, services: usize) {
    let largest = bands.iter().map(|band| band.bytes).max().unwrap_or(0).max(1) as f64;
    let share = |band: &Band| (band.bytes as f64 / largest).sqrt();
    let mut sums = vec![(0.0, 0.0); clients + services];
    for band in bands.iter() {
        for place in [band.client, clients + band.service] {
            if let Some((count, sum)) = sums.get_mut(place) {
                *count += 1.0;
                *sum += share(band);
            }
        }
    }
    let fits = |(count, sum): &(f64, f64)| match *sum > 0.0 {
        true => ((MOST_TOGETHER - LEAST * count) / sum).max(1.0),
        false => MOST_ALONE,
    };
    let unit = sums.iter().map(fits).fold(MOST_ALONE, f64::min);
    for band in bands {
        band.width = LEAST + unit * share(band);
    }
}

/// Bands leave a box in the order of where they go.
fn attach(bands: &mut [Band], clients: &[Span], services: &[Span]) {
    let start = |span: &Span, together: f64| span.top + (span.height - together) / 2.0;
    let mut cursors: Vec<f64> = Vec::new();
    for (place, span) in clients.iter().enumerate() {
        let mine = bands.iter().filter(|band| band.client == place);
        cursors.push(start(span, mine.map(|band| band.width).sum()));
    }
    for band in bands.iter_mut() {
        if let Some(cursor) = cursors.get_mut(band.client) {
            band.from = *cursor + band.width / 2.0;
            *cursor += band.width;
        }
    }
    let mut cursors: Vec<f64> = Vec::new();
    for (place, span) in services.iter().enumerate() {
        let mine = bands.iter().filter(|band| band.service == place);
        cursors.push(start(span, mine.map(|band| band.width).sum()));
    }
    for band in bands.iter_mut() {
        if let Some(cursor) = cursors.get_mut(band.service) {
            band.to = *cursor + band.width / 2.0;
            *cursor += band.width;
        }
    }
}
