//! What became of every attempt at the device between two captures: records for programs, sentences for people.

use super::super::json::{self, Plain, key};
use super::super::{Labels, address::address, text};
use crate::engine::rows::{CaptureRow, FlowRow};
use crate::policy::crossing::{Crossing, Died, Likeness, Unknown};
use crate::policy::model::Transport;

/// Both sides, and what lies between.
#[derive(Debug, Clone, Copy)]
pub struct Crossings<'a> {
    /// A flow of the inside and what became of it each, in the order of the rows.
    pub inside: &'a [FlowRow],
    pub crossings: &'a [Crossing],
    /// Flows of the inside that were not compared.
    pub more: u64,
    pub outside: &'a [FlowRow],
    pub inside_labels: &'a Labels,
    pub outside_labels: &'a Labels,
    pub outside_captures: &'a [CaptureRow],
}

/// One attempt.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    all: &'a Crossings<'a>,
    pub inside: &'a FlowRow,
    pub outside: Option<(&'a FlowRow, Likeness)>,
    pub crossing: &'a Crossing,
}

impl<'a> Crossings<'a> {
    /// Attempts that somebody wants to hear of: at what the policy lists, and whatever else did not simply pass.
    pub fn attempts(&'a self) -> impl Iterator<Item = Attempt<'a>> {
        let all = self
            .inside
            .iter()
            .zip(self.crossings)
            .map(|(inside, crossing)| Attempt {
                all: self,
                inside,
                outside: crossing.outside.and_then(|(at, by)| Some((self.outside.get(at)?, by))),
                crossing,
            });
        all.filter(|attempt| {
            let flow = attempt.inside;
            let listed = !flow.verdict.matches.is_empty();
            let told = !matches!(attempt.crossing.died, Died::Passed | Died::Unknown(_));
            listed || told && !flow.app.is_infrastructure() && flow.server.port.is_some()
        })
    }

    /// Those that did not get through, for people.
    pub fn findings(&'a self) -> impl Iterator<Item = Attempt<'a>> {
        let is_plain = |attempt: &Attempt| attempt.crossing.died == Died::Passed && attempt.changes().is_empty();
        self.attempts().filter(move |attempt| !is_plain(attempt))
    }
}

impl Attempt<'_> {
    /// `app.salestim.io` or `198.18.1.11:443`.
    pub fn target(&self) -> String {
        match &self.inside.naming.name {
            Some(name) => name.to_string(),
            None => at(self.inside),
        }
    }

    /// What it all comes to, in a few words.
    pub fn head(&self) -> &'static str {
        match self.crossing.died {
            Died::Passed => "passed, changed",
            Died::AtDevice => "died at the device",
            Died::OnTheWayBack => "died on the way back",
            Died::Beyond => "died beyond the device",
            Died::AnsweredByDevice => "answered by the device itself",
            Died::Unknown(_) => "cannot be told",
        }
    }

    /// A translated address is what most devices are there for, and no news.
    fn changes(&self) -> Vec<String> {
        use crate::policy::crossing::Made;
        let news = self
            .crossing
            .changes
            .iter()
            .filter(|change| change.what != Made::Client);
        news.map(|change| {
            format!(
                "{} ({} inside, {} outside)",
                change.what.as_str(),
                change.inside,
                change.outside
            )
        })
        .collect()
    }

    /// Who, to what, what happened on each side, and what to do.
    pub fn why(&self) -> String {
        let flow = self.inside;
        let place = match &flow.naming.name {
            Some(name) => format!("{name} ({})", at(flow)),
            None => at(flow),
        };
        let who = format!("{} to {place}", address(flow.client.ip).as_str());
        let here = frames(flow, self.all.inside_labels);
        let there = match &self.outside {
            Some((flow, by)) => {
                let likely = if by.is_likely_only() { "most likely " } else { "" };
                format!("{likely}{} outside", frames(flow, self.all.outside_labels))
            }
            None => "nowhere outside".to_owned(),
        };
        let told = match self.crossing.died {
            Died::Passed => "it went through.".to_owned(),
            Died::AtDevice => match self.outside {
                None => "the device let nothing of it out. Look for the rule that stops it.".to_owned(),
                Some(_) => "what made it fail inside did not come from outside: the device made it. Look for the rule that does.".to_owned(),
            },
            Died::OnTheWayBack => "the answer came to the device and not through it. Look at its rules for the way back.".to_owned(),
            Died::Beyond => "the device let it through; what fails lies behind it.".to_owned(),
            Died::AnsweredByDevice => {
                "the device answered in the server's place: a proxy, a cache or an inspection.".to_owned()
            }
            Died::Unknown(why) => unknown(why).to_owned(),
        };
        let changes = self.changes();
        let changed = match changes.is_empty() {
            true => String::new(),
            false => format!(" On the way it was changed: {}.", changes.join("; ")),
        };
        format!("{who}, {here} inside and {there}: {told}{changed}")
    }
}

fn unknown(why: Unknown) -> &'static str {
    match why {
        Unknown::NothingInCommon => {
            "no flow is in both captures, so that they are perhaps not of one device and one time."
        }
        Unknown::NotWatched => "the capture outside does not cover its time.",
        Unknown::Lossy => "the capture outside is not whole, so that it may be missing there by chance.",
        Unknown::Inside => "what became of it inside cannot be told.",
        Unknown::Outside => "what became of it outside cannot be told.",
    }
}

/// `tcp/443 at 198.18.1.11`.
fn at(flow: &FlowRow) -> String {
    let ip = address(flow.server.ip);
    match flow.server.port {
        Some(port) => format!("{}/{port} at {}", Transport(flow.protocol), ip.as_str()),
        None => ip.as_str().to_owned(),
    }
}

fn frames(flow: &FlowRow, labels: &Labels) -> String {
    let file = labels
        .file(flow.ordinal)
        .map(|file| format!(" of {}", text::clean(file)))
        .unwrap_or_default();
    match flow.frames.first == flow.frames.last {
        true => format!("frame {}{file}", flow.frames.first),
        false => format!("frames {}-{}{file}", flow.frames.first, flow.frames.last),
    }
}

/// A `crossing` record an attempt.
pub fn json(all: &Crossings<'_>, out: &mut Vec<u8>) {
    for attempt in all.attempts() {
        record(&attempt, out);
    }
}

fn record(attempt: &Attempt<'_>, out: &mut Vec<u8>) {
    let flow = attempt.inside;
    let policy = &attempt.all.inside_labels.policy;
    let row = flow.verdict.matches.first().and_then(|row| policy.row(*row));
    json::line(out, |it| {
        it.put(key!("type"), Plain("crossing"));
        it.put(key!("id"), Plain(flow.id.as_str()));
        it.put(key!("start"), text::time(flow.start_ns, flow.nanoseconds));
        it.maybe(key!("name"), flow.naming.name.as_ref());
        it.object(key!("client"), |it| super::super::record::peer(it, flow.client));
        it.object(key!("server"), |it| super::super::record::peer(it, flow.server));
        it.maybe(key!("endpoint"), row.map(|row| row.id.as_str()));
        it.maybe(key!("class"), row.map(|row| row.class.as_str()));
        it.put(key!("died"), Plain(attempt.crossing.died.as_str()));
        it.maybe(key!("file"), attempt.all.inside_labels.file(flow.ordinal));
        it.list(key!("frames"), [flow.frames.first, flow.frames.last]);
        if let Some((other, by)) = attempt.outside {
            it.object(key!("outside"), |it| {
                it.put(key!("id"), Plain(other.id.as_str()));
                it.object(key!("client"), |it| super::super::record::peer(it, other.client));
                it.object(key!("server"), |it| super::super::record::peer(it, other.server));
                it.put(key!("by"), Plain(by.as_str()));
                it.maybe(key!("file"), attempt.all.outside_labels.file(other.ordinal));
                it.list(key!("frames"), [other.frames.first, other.frames.last]);
            });
        }
        let changes = &attempt.crossing.changes;
        if !changes.is_empty() {
            it.objects(key!("changes"), changes, |it, change| {
                it.put(key!("what"), Plain(change.what.as_str()));
                it.put(key!("inside"), &change.inside);
                it.put(key!("outside"), &change.outside);
            });
        }
        it.put(key!("why"), attempt.why());
    });
}
