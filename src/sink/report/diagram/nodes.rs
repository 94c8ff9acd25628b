//! What stands in the drawing: boxes of clients, boxes of services in their groups, and the bands between.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::Context;
use super::super::few::grouped;
use super::super::services::{Crowd, Services, Spot, Tally, WIDE_V4, WIDE_V6, Who};
use crate::policy::coverage::Outcome;
use crate::policy::model::{Line, Prefix};
use crate::policy::verdict::RowId;
use crate::sink::address::address;

/// So many clients stand by themselves if there are no others.
const FEW_CLIENTS: usize = 10;
/// Of so many the first ones do, beside networks of the others; of more there are networks alone.
const SOME_CLIENTS: usize = 64;
const CLIENTS: usize = 5;
const NETWORKS: usize = 8;
/// Boxes of a line; rows beyond are one box.
const MOST_SERVICES: usize = 9;
/// Rows of one class and line that are told one by one.
const MOST_OF_A_CLASS: usize = 8;

#[derive(Debug, Default)]
pub struct Nodes {
    pub clients: Vec<Client>,
    pub groups: Vec<Group>,
    /// From a client's box to a service's, both by their place.
    pub links: BTreeMap<(usize, usize), Tally>,
}

#[derive(Debug, Default)]
pub struct Client {
    pub title: String,
    pub tally: Tally,
}

#[derive(Debug)]
pub struct Group {
    pub title: String,
    /// The class of its colour: `green`, `purple`, `orange`, `none`.
    pub line: &'static str,
    pub services: Vec<Service>,
    /// Rows that nobody tried, and that have no box.
    pub untried: u64,
}

#[derive(Debug, Default)]
pub struct Service {
    pub title: String,
    pub tally: Tally,
    pub clients: u64,
    /// And perhaps others: of a network it is not known which of its clients went there.
    pub more_clients: bool,
    /// Of the policy's rows.
    pub outcome: Option<Outcome>,
    /// What to look for in the table of flows.
    pub find: Option<String>,
}

/// A box before it is known whether there is room for it.
struct Candidate {
    title: String,
    spots: Vec<Spot>,
    outcome: Option<Outcome>,
    find: Option<String>,
}

impl Nodes {
    pub fn of(context: &Context<'_>) -> Nodes {
        let services = &context.gathered.services;
        let mut nodes = Nodes::default();
        let boxes = nodes.add_clients(services);
        let mut places: BTreeMap<Spot, usize> = BTreeMap::new();
        let mut next = 0;
        for (line, title) in [
            (Line::Green, "Green line: from the organisation to the platform"),
            (Line::Purple, "Purple line: regular Microsoft Teams and Microsoft 365"),
            (Line::Orange, "Orange line: inside the platform"),
            (Line::None, "On the list, on no line"),
        ] {
            let (candidates, untried) = of_line(context, line);
            if !candidates.is_empty() || untried > 0 {
                let title = title.to_owned();
                nodes.add_group(
                    context,
                    (title, line.as_str()),
                    candidates,
                    untried,
                    (&mut places, &mut next),
                );
            }
        }
        let beyond = beyond(context);
        if !beyond.is_empty() {
            let title = ("On no list".to_owned(), "beyond");
            nodes.add_group(context, title, beyond, 0, (&mut places, &mut next));
        }
        for ((client, spot), tally) in &services.links {
            if let (Some(from), Some(to)) = (boxes.get(client), places.get(spot)) {
                nodes.links.entry((*from, *to)).or_default().merge(tally);
            }
        }
        nodes
    }

    /// The boxes at the left; which of them is whose.
    fn add_clients(&mut self, services: &Services) -> BTreeMap<Who, usize> {
        let mut sums: BTreeMap<Who, Tally> = BTreeMap::new();
        for ((client, _), tally) in &services.links {
            sums.entry(*client).or_default().merge(tally);
        }
        let alone = match sums.len() {
            few if few <= FEW_CLIENTS => few,
            some if some <= SOME_CLIENTS => CLIENTS,
            _ => 0,
        };
        let mut ranked: Vec<(Who, Tally)> = sums.into_iter().collect();
        ranked.sort_by_key(|(who, tally)| (Reverse(tally.all_bytes()), *who));
        let rest = ranked.split_off(alone);
        let mut boxes = BTreeMap::new();
        for (who, tally) in ranked {
            let title = match who {
                Who::One(ip) => address(ip).as_str().to_owned(),
                Who::Network(_) | Who::Anybody => "further clients".to_owned(),
            };
            self.add_box(title, tally, vec![who], &mut boxes);
        }
        self.add_networks(services, rest, alone > 0, &mut boxes);
        boxes
    }

    /// Clients by networks as narrow as leaves them few.
    fn add_networks(
        &mut self,
        services: &Services,
        clients: Vec<(Who, Tally)>,
        others: bool,
        boxes: &mut BTreeMap<Who, usize>,
    ) {
        let count = |width: &Width| {
            clients
                .iter()
                .map(|(who, _)| width.of(*who))
                .collect::<BTreeSet<_>>()
                .len()
        };
        let width = Width::ALL.into_iter().find(|width| count(width) <= NETWORKS);
        let width = width.unwrap_or(Width::WIDEST);
        let mut networks: BTreeMap<Option<(IpAddr, u8)>, Members> = BTreeMap::new();
        for (who, tally) in clients {
            let members = networks.entry(width.of(who)).or_default();
            members.add((who, services.crowd(who)), &tally);
        }
        let mut networks: Vec<(Option<(IpAddr, u8)>, Members)> = networks.into_iter().collect();
        networks.sort_by_key(|(network, members)| (network.is_none(), Reverse(members.tally.all_bytes()), *network));
        let mut beyond = Members::default();
        for (place, (network, members)) in networks.into_iter().enumerate() {
            match network.filter(|_| place < NETWORKS) {
                Some((ip, length)) => {
                    let more = if others { " more" } else { "" };
                    let title = members.title(&format!("{}/{length}", address(ip).as_str()), more);
                    self.add_box(title, members.tally, members.all, boxes);
                }
                None => {
                    beyond.tally.merge(&members.tally);
                    beyond.all.extend(members.all);
                    beyond.count += members.count;
                    beyond.more |= members.more;
                }
            }
        }
        if !beyond.all.is_empty() {
            let title = beyond.title("elsewhere", "");
            self.add_box(title, beyond.tally, beyond.all, boxes);
        }
    }

    fn add_box(&mut self, title: String, tally: Tally, members: Vec<Who>, boxes: &mut BTreeMap<Who, usize>) {
        let place = self.clients.len();
        boxes.extend(members.into_iter().map(|member| (member, place)));
        self.clients.push(Client { title, tally });
    }

    fn add_group(
        &mut self,
        context: &Context<'_>,
        (title, line): (String, &'static str),
        mut candidates: Vec<Candidate>,
        untried: u64,
        (places, next): (&mut BTreeMap<Spot, usize>, &mut usize),
    ) {
        let links = &context.gathered.services.links;
        let sum = |spots: &[Spot]| {
            let mut tally = Tally::default();
            let mut clients = BTreeSet::new();
            for ((client, spot), more) in links {
                if spots.contains(spot) {
                    tally.merge(more);
                    clients.insert(*client);
                }
            }
            let ones = clients.iter().filter(|who| matches!(who, Who::One(_))).count();
            (tally, ones as u64, ones < clients.len())
        };
        if candidates.len() > MOST_SERVICES {
            let mut ranked: Vec<(Reverse<u64>, usize)> = candidates
                .iter()
                .enumerate()
                .map(|(place, candidate)| (Reverse(sum(&candidate.spots).0.all_bytes()), place))
                .collect();
            ranked.sort();
            let kept: BTreeSet<usize> = ranked.iter().take(MOST_SERVICES - 1).map(|(_, place)| *place).collect();
            let mut rest = Candidate {
                title: String::new(),
                spots: Vec::new(),
                outcome: None,
                find: None,
            };
            let mut count = 0;
            let mut place = 0;
            candidates.retain_mut(|candidate| {
                place += 1;
                let keep = kept.contains(&(place - 1));
                if !keep {
                    count += 1;
                    rest.spots.append(&mut candidate.spots);
                    rest.outcome = worse(rest.outcome, candidate.outcome);
                }
                keep
            });
            rest.title = format!("and {} more", grouped(count));
            candidates.push(rest);
        }
        let mut services = Vec::new();
        for candidate in candidates {
            let (tally, clients, more_clients) = sum(&candidate.spots);
            places.extend(candidate.spots.into_iter().map(|spot| (spot, *next)));
            *next += 1;
            services.push(Service {
                title: candidate.title,
                tally,
                clients,
                more_clients,
                outcome: candidate.outcome,
                find: candidate.find,
            });
        }
        self.groups.push(Group {
            title,
            line,
            services,
            untried,
        });
    }
}

/// The rows of a line that have a box, and how many have none. The green line is the application's own: it is drawn whole.
fn of_line(context: &Context<'_>, line: Line) -> (Vec<Candidate>, u64) {
    let policy = context.judged.policy;
    let rows: Vec<(RowId, &crate::policy::model::Row)> = policy.rows().filter(|(_, row)| row.line == line).collect();
    let of_class = |class: &str| rows.iter().filter(|(_, row)| row.class == class).count();
    let seen: BTreeSet<Spot> = context.gathered.services.links.keys().map(|(_, spot)| *spot).collect();
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut untried = 0;
    for (id, row) in &rows {
        let outcome = outcome_of(context, *id);
        let is_seen = seen.contains(&Spot::Row(*id)) || outcome.is_some_and(|outcome| outcome != Outcome::NotTried);
        let is_whole = line == Line::Green && rows.len() <= MOST_SERVICES;
        if !is_seen && !is_whole {
            untried += 1;
            continue;
        }
        if of_class(&row.class) > MOST_OF_A_CLASS {
            let place = *classes.entry(&row.class).or_insert_with(|| {
                candidates.push(Candidate {
                    title: format!("{}, {} endpoints", row.class, of_class(&row.class)),
                    spots: Vec::new(),
                    outcome: None,
                    find: Some(format!("class:{}", row.class)),
                });
                candidates.len() - 1
            });
            if let Some(candidate) = candidates.get_mut(place) {
                candidate.spots.push(Spot::Row(*id));
                candidate.outcome = worse(candidate.outcome, outcome);
            }
            continue;
        }
        candidates.push(Candidate {
            title: if row.title.is_empty() {
                row.id.clone()
            } else {
                row.title.clone()
            },
            spots: vec![Spot::Row(*id)],
            outcome,
            find: Some(format!("endpoint:{}", row.id)),
        });
    }
    (candidates, untried)
}

/// What is in no row.
fn beyond(context: &Context<'_>) -> Vec<Candidate> {
    let seen = |spot: Spot| context.gathered.services.links.keys().any(|(_, at)| *at == spot);
    [
        (Spot::Other, "Other names", Some("class:other")),
        (Spot::Unknown, "No name known", Some("class:unknown")),
        (Spot::Plumbing, "DNS, DHCP, NTP and the like", None),
    ]
    .into_iter()
    .filter(|(spot, ..)| seen(*spot))
    .map(|(spot, title, find)| Candidate {
        title: title.to_owned(),
        spots: vec![spot],
        outcome: None,
        find: find.map(str::to_owned),
    })
    .collect()
}

/// The worst of a row's host patterns.
fn outcome_of(context: &Context<'_>, id: RowId) -> Option<Outcome> {
    let records = context.judged.report.records.iter();
    records
        .filter(|record| record.row == id)
        .map(|record| record.outcome)
        .min()
}

fn worse(a: Option<Outcome>, b: Option<Outcome>) -> Option<Outcome> {
    a.into_iter().chain(b).min()
}

/// How many bits of an address are a network's.
#[derive(Debug, Clone, Copy)]
struct Width {
    v4: u8,
    v6: u8,
}

impl Width {
    const WIDEST: Width = Width { v4: 8, v6: 32 };
    const ALL: [Width; 5] = [
        Width { v4: 24, v6: 64 },
        Width { v4: 20, v6: 56 },
        Width { v4: WIDE_V4, v6: 48 },
        Width { v4: 12, v6: WIDE_V6 },
        Width::WIDEST,
    ];

    /// None: it is not known in which.
    fn of(self, who: Who) -> Option<(IpAddr, u8)> {
        let (ip, known) = match who {
            Who::One(ip) => (ip, 128),
            Who::Network(ip) if ip.is_ipv4() => (ip, WIDE_V4),
            Who::Network(ip) => (ip, WIDE_V6),
            Who::Anybody => return None,
        };
        let length = if ip.is_ipv4() { self.v4 } else { self.v6 }.min(known);
        Some((Prefix::new(ip, length)?.address(), length))
    }
}

/// Clients of one network.
#[derive(Debug, Default)]
struct Members {
    tally: Tally,
    all: Vec<Who>,
    count: u64,
    /// And perhaps others.
    more: bool,
}

impl Members {
    fn add(&mut self, (who, crowd): (Who, Crowd), tally: &Tally) {
        self.tally.merge(tally);
        self.all.push(who);
        self.count += crowd.clients;
        self.more |= crowd.more;
    }

    /// `10.0.0.0/8: 24`, with a `+` if there may be others; where none could be counted no number.
    fn title(&self, network: &str, what: &str) -> String {
        let more = if self.more { "+" } else { "" };
        match self.count {
            0 => network.to_owned(),
            count => format!("{network}: {}{more}{what}", grouped(count)),
        }
    }
}
