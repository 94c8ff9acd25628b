//! When flows began, and when something was held against them.
//!
//! The capture's length is known at its end alone, so slots are of an absolute length and made twice as long whenever there would be
//! too many: which slot a flow is in does not depend on the order in which flows come.

use std::collections::BTreeMap;

use super::Context;
use super::fate::Fate;
use super::few::{counted, grouped};
use super::html::Html;
use crate::engine::rows::FlowRow;
use crate::policy::verdict::FlagKind;
use crate::sink::text;

const MOST_SLOTS: u64 = 400;
const FIRST_SLOT_NS: u64 = 1_000_000;
const KINDS: usize = FlagKind::ALL.len();

#[derive(Debug)]
pub struct Timeline {
    slot_ns: u64,
    slots: BTreeMap<u64, Slot>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// In the order of [`Fate::ALL`].
    flows: [u64; 5],
    /// Of medium and high severity, in the order of [`FlagKind::ALL`].
    flags: [u64; KINDS],
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline {
            slot_ns: FIRST_SLOT_NS,
            slots: BTreeMap::new(),
        }
    }
}

impl Timeline {
    pub fn flow(&mut self, flow: &FlowRow) {
        let slot = self.slots.entry(flow.start_ns / self.slot_ns).or_default();
        if let Some(count) = slot.flows.get_mut(Fate::of(&flow.verdict) as usize) {
            *count += 1;
        }
        for flag in &flow.verdict.flags {
            // In no row a notice is no news, on the list it may be.
            let counts = flag.severity > crate::policy::verdict::Severity::Notice;
            if let Some(count) = slot.flags.get_mut(flag.kind as usize).filter(|_| counts) {
                *count += 1;
            }
        }
        while self.span() > MOST_SLOTS {
            self.widen();
        }
    }

    /// Slots from the first to the last.
    fn span(&self) -> u64 {
        let ends = self.slots.keys().next().zip(self.slots.keys().next_back());
        ends.map_or(0, |(first, last)| last - first + 1)
    }

    fn widen(&mut self) {
        self.slot_ns = self.slot_ns.saturating_mul(2);
        for (place, slot) in std::mem::take(&mut self.slots) {
            let wide = self.slots.entry(place / 2).or_default();
            wide.flows
                .iter_mut()
                .zip(slot.flows)
                .for_each(|(sum, more)| *sum += more);
            wide.flags
                .iter_mut()
                .zip(slot.flags)
                .for_each(|(sum, more)| *sum += more);
        }
    }
}

const WIDTH: f64 = 1080.0;
const LEFT: f64 = 110.0;
const RIGHT: f64 = 1070.0;
const TOP: f64 = 14.0;
const TALL: f64 = 110.0;
const LANE: f64 = 20.0;
const TICKS: u64 = 5;

pub fn section(context: &Context<'_>, html: &mut Html) {
    let timeline = &context.gathered.timeline;
    html.element("section", &[("id", &"time"), ("aria-labelledby", &"time-h")], |html| {
        html.leaf("h2", &[("id", &"time-h")], "When");
        let Some((first, _)) = timeline.slots.iter().next() else {
            html.leaf("p", &[("class", &"none")], "No flow was seen.");
            return;
        };
        let slots = timeline.span();
        let length = text::span(timeline.slot_ns);
        let most = timeline.slots.values().map(|slot| slot.flows.iter().sum::<u64>()).max().unwrap_or(0);
        html.leaf(
            "p",
            &[("class", &"note")],
            format!(
                "Each bar is {length} and as tall as the flows that began in it, {} at most. Below, the flags of high and medium severity. Times are UTC.",
                grouped(most)
            ),
        );
        let lanes: Vec<usize> = (0..KINDS)
            .filter(|kind| timeline.slots.values().any(|slot| slot.flags.get(*kind).is_some_and(|count| *count > 0)))
            .collect();
        let height = TOP + TALL + 30.0 + LANE * lanes.len() as f64;
        let drawing = Drawing {
            timeline,
            first: *first,
            slots,
            most,
        };
        let label = format!(
            "{} over time; the table of flows has the same, flow by flow",
            counted(context.gathered.services.all().all_flows(), "flow")
        );
        html.element("div", &[("class", &"scroll"), ("tabindex", &0), ("role", &"group"), ("aria-label", &label)], |html| {
            html.element("svg", &[("viewBox", &format!("0 0 {WIDTH} {height}")), ("class", &"timeline"), ("role", &"img"), ("aria-label", &label)], |html| {
                drawing.axis(html, height);
                drawing.bars(html);
                for (place, kind) in lanes.iter().enumerate() {
                    drawing.lane(*kind, TOP + TALL + 30.0 + LANE * place as f64, html);
                }
            });
        });
    });
}

struct Drawing<'a> {
    timeline: &'a Timeline,
    first: u64,
    slots: u64,
    most: u64,
}

impl Drawing<'_> {
    fn wide(&self) -> f64 {
        (RIGHT - LEFT) / self.slots.max(1) as f64
    }

    fn x(&self, slot: u64) -> f64 {
        LEFT + (slot - self.first) as f64 * self.wide()
    }

    fn moment(&self, slot: u64) -> u64 {
        slot.saturating_mul(self.timeline.slot_ns)
    }

    fn axis(&self, html: &mut Html, height: f64) {
        let bottom = TOP + TALL;
        line(html, "axis", (LEFT, bottom), (RIGHT, bottom));
        words(html, "tick", "end", (LEFT - 8.0, TOP + 9.0), &grouped(self.most));
        words(html, "tick", "end", (LEFT - 8.0, bottom), "0 flows");
        let day = |slot| text::day(self.moment(slot));
        let many_days = day(self.first) != day(self.first + self.slots);
        if !many_days {
            // Beside the first clock there is no room for it.
            words(
                html,
                "tick",
                "end",
                (LEFT - 8.0, bottom + 16.0),
                text::date(self.moment(self.first)).as_str(),
            );
        }
        for tick in 0..=TICKS {
            let slot = self.first + self.slots * tick / TICKS;
            let x = self.x(slot);
            line(html, "grid", (x, TOP), (x, height - 4.0));
            let moment = self.moment(slot);
            let (date, clock) = (text::date(moment), text::clock(moment));
            let clock = match self.timeline.slot_ns.saturating_mul(self.slots) > 10_000_000_000 {
                true => clock.as_str().get(..8).unwrap_or(clock.as_str()).to_owned(),
                false => clock.as_str().to_owned(),
            };
            let shown = match many_days {
                true => format!("{} {clock}", date.as_str()),
                false => clock,
            };
            let anchor = match tick {
                0 => "start",
                TICKS => "end",
                _ => "middle",
            };
            words(html, "tick", anchor, (x, bottom + 16.0), &shown);
        }
    }

    fn bars(&self, html: &mut Html) {
        // Neighbours touch; a bar thinner than this could not be seen.
        let wide = self.wide().max(1.6);
        for (place, slot) in &self.timeline.slots {
            let all: u64 = slot.flows.iter().sum();
            if all == 0 {
                continue;
            }
            let fates: Vec<String> = Fate::ALL
                .into_iter()
                .zip(slot.flows)
                .filter(|(_, count)| *count > 0)
                .map(|(fate, count)| match fate {
                    Fate::Fine => format!("{} ok", grouped(count)),
                    fate => format!("{} {}", grouped(count), fate.as_str()),
                })
                .collect();
            let clock = text::clock(self.moment(*place));
            html.element("g", &[], |html| {
                html.leaf(
                    "title",
                    &[],
                    format!("{}: {} ({})", clock.as_str(), counted(all, "flow"), fates.join(", ")),
                );
                let mut y = TOP + TALL;
                for (fate, count) in Fate::ALL.into_iter().zip(slot.flows).filter(|(_, count)| *count > 0) {
                    let tall = (count as f64 / self.most.max(1) as f64 * TALL).max(1.5);
                    y -= tall;
                    html.empty(
                        "rect",
                        &[
                            ("x", &tenths(self.x(*place))),
                            ("y", &tenths(y.max(0.0))),
                            ("width", &tenths(wide)),
                            ("height", &tenths(tall)),
                            ("class", &format!("bar {}", fate.class())),
                        ],
                    );
                }
            });
        }
    }

    fn lane(&self, kind: usize, y: f64, html: &mut Html) {
        let name = FlagKind::ALL.get(kind).map_or("", |kind| kind.as_str());
        words(html, "lane", "end", (LEFT - 8.0, y + 4.0), name);
        line(html, "grid", (LEFT, y), (RIGHT, y));
        for (place, slot) in &self.timeline.slots {
            let count = slot.flags.get(kind).copied().unwrap_or(0);
            if count == 0 {
                continue;
            }
            let x = self.x(*place) + self.wide() / 2.0;
            let half = 3.0 + (count as f64).ln().min(3.5);
            let shape = format!(
                "M{} {}l{half:.1} {half:.1}l-{half:.1} {half:.1}l-{half:.1} -{half:.1}z",
                tenths(x),
                tenths(y - half)
            );
            let clock = text::clock(self.moment(*place));
            html.element("g", &[], |html| {
                html.leaf(
                    "title",
                    &[],
                    format!("{}: {} with {name}", clock.as_str(), counted(count, "flow")),
                );
                html.empty("path", &[("d", &shape), ("class", &"mark")]);
            });
        }
    }
}

fn line(html: &mut Html, class: &str, from: (f64, f64), to: (f64, f64)) {
    let path = format!(
        "M{} {}L{} {}",
        tenths(from.0),
        tenths(from.1),
        tenths(to.0),
        tenths(to.1)
    );
    html.empty("path", &[("d", &path), ("class", &class)]);
}

fn words(html: &mut Html, class: &str, anchor: &str, (x, y): (f64, f64), words: &str) {
    html.leaf(
        "text",
        &[
            ("x", &tenths(x)),
            ("y", &tenths(y)),
            ("class", &class),
            ("text-anchor", &anchor),
        ],
        words,
    );
}

fn tenths(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures;
    use super::*;

    #[test]
    fn slots_stay_few_and_do_not_depend_on_the_order() {
        let starts = [0, 5, 86_400_000_000_000, 7_000_000_000, u64::MAX, 3_600_000_000_000];
        let sums = |starts: &[u64]| {
            let mut timeline = Timeline::default();
            for start in starts {
                let mut flow = fixtures::web_flow();
                flow.start_ns = *start;
                timeline.flow(&flow);
            }
            assert!(timeline.span() <= MOST_SLOTS);
            let flows: Vec<(u64, u64)> = timeline
                .slots
                .iter()
                .map(|(place, slot)| (*place, slot.flows.iter().sum()))
                .collect();
            (timeline.slot_ns, flows)
        };
        let mut back = starts;
        back.reverse();
        assert_eq!(sums(&starts), sums(&back));
        assert_eq!(sums(&starts).1.iter().map(|(_, flows)| flows).sum::<u64>(), 6);
    }
}
