//! Who was told which name for which address, when.
//!
//! A DNS answer is a claim: at this stamp, this client was told that this name is at this address. A
//! flow to the address takes the newest claim made before the flow's own first packet; what its own client was told
//! goes before what anybody else was.
//!
//! ```text
//!  198.18.1.11   │ 10:00 .10 app.salestim.io │ 10:02 .11 www.example │ 10:05 .10 app.salestim.io │
//!                                    flow of .10, begun 10:03 ▲   takes 10:00 (own), not 10:02 (newer, another's)
//!                                                                 and not 10:05 (later than the flow)
//! ```
//!
//! # Why the order of calls cannot matter
//!
//! [`History::add`] puts a claim into a set that is ordered by the claim alone, and drops nothing. So after any adds, in
//! any order, from any threads, the history is the set of the claims. [`History::recall`] reads only claims stamped
//! before the flow: claims that were added early because an epoch was large are not seen.
//!
//! Only [`History::trim`] takes away, and it is called at fixed marks of the input. What it takes is a function of the
//! claims stamped up to the mark and of the mark: later claims, which may or may not be there already, neither
//! count nor go. What it keeps in between (which addresses grew, the oldest time seen) tells it when a walk would find nothing,
//! never what to take. The caller's part: flows whose naming is due before a mark are named before the trim at that mark, the others after it.
//!
//! The map's own order is random and never leaves it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;

use super::domain::Domain;
use super::quick_hash::QuickHash;
use crate::flow::stamp::Stamp;

mod bounds;

use bounds::CLAIMS_KEPT;

/// Names listed when DNS alone leaves several.
const MAX_CANDIDATES: usize = 8;
/// Claims that are looked at for such names, newest first.
const CANDIDATE_SCAN: usize = 64;

const HOUR_NS: u64 = 3_600_000_000_000;
/// A claim older than this names nothing.
const LIFE_NS: u64 = 24 * HOUR_NS;
/// Memory of an address besides its claims: the map's slot and the list's head.
const ADDRESS_BYTES: usize = 96;

/// What an answer told, shared by all of its addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Told {
    pub name: Domain,
    /// CNAME targets from the name to the address, in order.
    pub chain: Box<[Domain]>,
}

/// One address of one answer. The fields' order is the order of claims: by stamp first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub answered: Stamp,
    /// Who was told.
    pub client: IpAddr,
    pub told: Arc<Told>,
    /// Seconds.
    pub ttl: u32,
}

impl Claim {
    /// Memory of this claim and of what it tells.
    pub fn bytes(&self) -> usize {
        let domain = |d: &Domain| d.as_str().len() + size_of::<Domain>();
        let chain: usize = self.told.chain.iter().map(domain).sum();
        size_of::<Claim>() + size_of::<Told>() + self.told.name.as_str().len() + chain
    }
}

/// One name that an address had been told to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    pub told: Arc<Told>,
    /// The flow's own client was told so; otherwise somebody else.
    pub own: bool,
    /// Who was told has an address of the other version of IP.
    pub across: bool,
    pub answered: Stamp,
}

/// All claims, by the address claimed.
#[derive(Debug)]
pub struct History {
    claims: DashMap<IpAddr, Vec<Claim>, QuickHash>,
    cap_addresses: usize,
    /// Addresses that may hold more than [`CLAIMS_KEPT`].
    grown: Mutex<Vec<IpAddr>>,
    /// No claim is older than this, in nanoseconds.
    oldest_ns: AtomicU64,
    bytes: AtomicUsize,
}

impl History {
    /// At most `cap_addresses` addresses are kept over a mark.
    pub fn new(cap_addresses: usize) -> History {
        History {
            claims: DashMap::default(),
            cap_addresses,
            grown: Mutex::new(Vec::new()),
            oldest_ns: AtomicU64::new(u64::MAX),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Adds a claim; a sinkhole's address is nobody's, and a claim already there is the same claim.
    pub fn add(&self, address: IpAddr, claim: Claim) {
        if is_sinkhole(address) {
            return;
        }
        let mut entry = self.claims.entry(address).or_default();
        // Nearly always the newest: the search is for claims that another thread overtook.
        let place = match entry.last() {
            Some(last) if *last < claim => entry.len(),
            None => 0,
            Some(_) => match entry.binary_search(&claim) {
                Ok(_) => return,
                Err(place) => place,
            },
        };
        let bytes = claim.bytes();
        let ns = claim.answered.ns;
        entry.insert(place, claim);
        let count = entry.len();
        drop(entry);
        self.oldest_ns.fetch_min(ns, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if count == CLAIMS_KEPT + 1 {
            self.grown().push(address);
        }
    }

    /// All that `client` had been told `address` is before `before`, newest first, each name once; where it had been told nothing, what anybody
    /// else had been.
    pub fn recall(&self, client: IpAddr, address: IpAddr, before: Stamp) -> Option<Box<[Recalled]>> {
        // In a flood nobody was told anything.
        if self.bytes.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let claims = self.claims.get(&address)?;
        let earlier = claims.partition_point(|c| c.answered.seq < before.seq);
        let fresh = |c: &&Claim| before.ns.saturating_sub(c.answered.ns) <= LIFE_NS;
        let own = claims.iter().take(earlier).filter(fresh).any(|c| c.client == client);
        // Nearly always one.
        let mut recalled: Vec<Recalled> = Vec::with_capacity(1);
        let wanted = claims
            .iter()
            .take(earlier)
            .rev()
            .filter(fresh)
            .filter(|c| !own || c.client == client);
        for claim in wanted.take(CANDIDATE_SCAN) {
            if recalled.len() < MAX_CANDIDATES && !recalled.iter().any(|r| r.told.name == claim.told.name) {
                recalled.push(Recalled {
                    told: claim.told.clone(),
                    own,
                    across: claim.client.is_ipv4() != client.is_ipv4(),
                    answered: claim.answered,
                });
            }
        }
        (!recalled.is_empty()).then(|| recalled.into_boxed_slice())
    }

    /// About how much memory is held. What an answer's addresses share is counted for each: this is no less than the truth.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed) + self.claims.len() * ADDRESS_BYTES
    }

    fn grown(&self) -> std::sync::MutexGuard<'_, Vec<IpAddr>> {
        self.grown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Addresses that an answer gives to keep a name from being reached: "this network" and the host itself.
pub fn is_sinkhole(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(a) => matches!(a.octets(), [0 | 127, ..]),
        IpAddr::V6(a) => a.is_unspecified() || a.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// What is recalled, in one value.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Answer {
        name: Domain,
        via: Vec<Domain>,
        own: bool,
        age_ns: u64,
        answered: Stamp,
        candidates: Vec<Domain>,
    }

    fn lookup(history: &History, client: IpAddr, address: IpAddr, before: Stamp) -> Option<Answer> {
        let recalled = history.recall(client, address, before)?;
        let newest = recalled.first()?;
        let several = recalled.len() > 1;
        Some(Answer {
            name: newest.told.name.clone(),
            via: newest.told.chain.to_vec(),
            own: newest.own,
            age_ns: before.ns.saturating_sub(newest.answered.ns),
            answered: newest.answered,
            candidates: recalled
                .iter()
                .filter(|_| several)
                .map(|r| r.told.name.clone())
                .collect(),
        })
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([198, 18, 1, last])
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([198, 19, 0, last])
    }

    /// Frame `frame`, at `frame` seconds of the third day.
    fn at(frame: u64) -> Stamp {
        Stamp::new(0, frame, (frame + 2 * 86_400) * SECOND)
    }

    fn claim(who: u8, name: &str, answered: Stamp) -> Claim {
        Claim {
            answered,
            client: client(who),
            told: Arc::new(Told {
                name: Domain::from_text(name.as_bytes()),
                chain: [Domain::from_text(b"edge.example")].into(),
            }),
            ttl: 60,
        }
    }

    fn history(claims: &[Claim]) -> History {
        let history = History::new(1000);
        for claim in claims {
            history.add(ip(1), claim.clone());
        }
        history
    }

    #[test]
    fn the_newest_own_claim_before_the_flow_names_it() {
        let h = history(&[
            claim(10, "a.example", at(1)),
            claim(11, "b.example", at(3)),
            claim(10, "c.example", at(9)),
        ]);
        let own = lookup(&h, client(10), ip(1), at(5)).unwrap();
        assert_eq!((own.name.as_str(), own.own), ("a.example", true));
        assert_eq!(own.via, [Domain::from_text(b"edge.example")]);
        assert_eq!((own.age_ns, own.answered), (4 * SECOND, at(1)));
        assert!(own.candidates.is_empty());
        let foreign = lookup(&h, client(12), ip(1), at(5)).unwrap();
        assert_eq!((foreign.name.as_str(), foreign.own), ("b.example", false));
        let names: Vec<_> = foreign.candidates.iter().map(Domain::as_str).collect();
        assert_eq!(names, ["b.example", "a.example"]);
        assert_eq!(lookup(&h, client(10), ip(1), at(1)), None);
        assert_eq!(lookup(&h, client(10), ip(2), at(5)), None);
    }

    #[test]
    fn several_own_names_are_listed_newest_first_and_once() {
        let h = history(&[
            claim(10, "a.example", at(1)),
            claim(10, "b.example", at(2)),
            claim(11, "x.example", at(3)),
            claim(10, "a.example", at(4)),
        ]);
        let names = |who, before| lookup(&h, client(who), ip(1), at(before)).unwrap().candidates;
        let shown: Vec<_> = names(10, 9).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a.example", "b.example"]);
        assert!(names(10, 2).is_empty());
        assert!(names(11, 9).is_empty());
    }

    #[test]
    fn old_claims_name_nothing_and_a_clock_may_run_backwards() {
        let day = 86_400;
        let h = history(&[claim(10, "a.example", at(1))]);
        let asked = |ns| lookup(&h, client(10), ip(1), Stamp::new(0, 7, ns));
        let exactly = at(1).ns + day * SECOND;
        assert!(asked(exactly).is_some());
        assert!(asked(exactly + 1).is_none());
        assert_eq!(asked(0).unwrap().age_ns, 0);
    }

    #[test]
    fn sinkholes_are_nobodys_address() {
        let h = History::new(10);
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "::",
            "::1",
            "::ffff:127.0.0.1",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(is_sinkhole(address), "{text}");
            h.add(address, claim(10, "a.example", at(1)));
            assert_eq!(lookup(&h, client(10), address, at(5)), None);
        }
        assert!(!is_sinkhole(ip(1)) && !is_sinkhole("::2".parse().unwrap()));
        assert_eq!(h.bytes(), 0);
    }

    #[test]
    fn eight_claims_stay_and_repetitions_go_first() {
        // The only claim of client 9 is the oldest; client 10 asks again and again.
        let mut claims = vec![claim(9, "old.example", at(1))];
        claims.extend((2..20).map(|i| claim(10, "a.example", at(i))));
        let h = history(&claims);
        let full = h.bytes();
        assert_eq!(h.trim(at(30)), 11);
        assert!(h.bytes() < full);
        assert!(lookup(&h, client(9), ip(1), at(40)).unwrap().own);
        assert_eq!(lookup(&h, client(10), ip(1), at(40)).unwrap().answered, at(19));
        // Nine different ones: the oldest goes.
        let h = history(&(1..=9).map(|i| claim(i, "a.example", at(i.into()))).collect::<Vec<_>>());
        assert_eq!(h.trim(at(30)), 1);
        assert!(!lookup(&h, client(1), ip(1), at(40)).unwrap().own);
        assert!(lookup(&h, client(2), ip(1), at(40)).unwrap().own);
        assert_eq!(h.trim(at(31)), 0);
    }

    #[test]
    fn the_addresses_heard_of_longest_ago_leave() {
        let h = History::new(8);
        for i in 0..9 {
            h.add(ip(i), claim(10, "a.example", at(100 - u64::from(i))));
        }
        assert_eq!(h.trim(at(50)), 0, "all of it is later than the mark");
        // One over the cap and an eighth of the cap: the two oldest, which are the last two.
        assert_eq!(h.trim(at(200)), 2);
        let left: Vec<u8> = (0..9)
            .filter(|i| lookup(&h, client(10), ip(*i), at(300)).is_some())
            .collect();
        assert_eq!(left, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_day_later_the_memory_is_free_again() {
        let h = history(&[claim(10, "a.example", at(1)), claim(11, "b.example", at(7))]);
        assert_eq!(h.trim(at(86_400 + 7_200)), 0);
        assert_eq!(h.bytes(), 0);
    }

    #[test]
    fn what_comes_after_a_mark_is_left_alone_however_old_its_clock() {
        let stamp = Stamp::new(0, 9, SECOND);
        let h = history(&[claim(10, "a.example", stamp)]);
        assert_eq!(h.trim(Stamp::new(0, 8, 100 * HOUR_NS)), 0);
        assert!(lookup(&h, client(10), ip(1), Stamp::new(0, 10, SECOND)).is_some());
        assert_eq!(h.trim(Stamp::new(0, 9, 100 * HOUR_NS)), 0);
        assert!(lookup(&h, client(10), ip(1), Stamp::new(0, 10, SECOND)).is_none());
    }

    prop_compose! {
        fn any_claim()(address in 0u8..12, who in 0u8..4, name in 0u8..4, frame in 1u64..60, hours in 0u64..40)
            -> (IpAddr, Claim) {
            let stamp = Stamp::new(0, frame, hours * HOUR_NS + frame);
            (ip(address), claim(who, &format!("{name}.example"), stamp))
        }
    }

    fn everything(h: &History) -> Vec<Option<Answer>> {
        let mut answers = Vec::new();
        for address in 0..12 {
            for who in 0..5 {
                for frame in [20, 40, 61] {
                    let before = Stamp::new(0, frame, 30 * HOUR_NS);
                    answers.push(lookup(h, client(who), ip(address), before));
                }
            }
        }
        answers
    }

    proptest! {
        /// Epochs of any size: claims arrive in any order, those behind a mark before or after the trim at it.
        #[test]
        fn the_order_of_adds_and_the_size_of_epochs_do_not_matter(
            claims in proptest::collection::vec(any_claim(), 0..120),
            shuffled in any::<u64>(),
        ) {
            let marks = [20, 40].map(|frame| Stamp::new(0, frame, frame * HOUR_NS));
            let step_by_step = History::new(8);
            let mut evicted = 0;
            let mut from = 0;
            for mark in marks {
                for (address, claim) in claims.iter().filter(|(_, c)| (from..=mark.seq).contains(&c.answered.seq)) {
                    step_by_step.add(*address, claim.clone());
                }
                from = mark.seq + 1;
                evicted += step_by_step.trim(mark);
                prop_assert!(step_by_step.claims.len() <= 8);
            }
            for (address, claim) in claims.iter().filter(|(_, c)| c.answered.seq >= from) {
                step_by_step.add(*address, claim.clone());
            }
            let at_once = History::new(8);
            let mut order: Vec<_> = claims.iter().collect();
            order.sort_by_key(|(a, c)| (c.answered.seq.wrapping_mul(shuffled | 1), *a));
            for (address, claim) in order {
                at_once.add(*address, claim.clone());
                at_once.add(*address, claim.clone());
            }
            let evicted_at_once: u64 = marks.iter().map(|mark| at_once.trim(*mark)).sum();
            prop_assert_eq!(everything(&step_by_step), everything(&at_once));
            prop_assert_eq!(evicted, evicted_at_once);
            prop_assert_eq!(step_by_step.bytes(), at_once.bytes());
        }
    }
}
