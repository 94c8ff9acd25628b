//! A question and its answer on their way to the name history, and to their row.
//!
//! A lookup that failed is held until what came after it is known: a resolver that is silent or refuses is no wall if another
//! one has answered the same question.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::times::Times;
use crate::evidence::dns_answers::{DnsKind, Lookup};
use crate::flow::counters::FlowHot;
use crate::flow::expiry::SECOND;
use crate::flow::key::FlowKey;
use crate::names::domain::Domain;
use crate::names::history::{Claim, History, Told};
use crate::policy::compile::Policy;
use crate::policy::verdict::Blockage;

/// A question or answer seen in a flow.
#[derive(Clone)]
pub struct SeenLookup {
    pub lookup: Lookup,
    pub key: FlowKey,
    pub release_ns: u64,
    /// Of the message that it was read from, or of the question never answered.
    pub seq: u64,
    /// It had to leave before it was known what came after it.
    pub hasty: bool,
}

/// How long before and after a failure an answer to the same question, from any resolver, makes up for it: stub resolvers ask
/// again after 1 to 5 s, two or three times, or ask several at once.
const REMEDY_BEFORE: u64 = 5 * SECOND;
const REMEDY_AFTER: u64 = 15 * SECOND;
/// The window of such an answer, and so the slot of [`Times`].
pub const REMEDY_SLOT: u64 = REMEDY_BEFORE + REMEDY_AFTER;
/// Answers to questions are remembered so long: a silence is known some time after the question.
pub const REPLIES_KEPT: u64 = 300 * SECOND;
/// What else shows that a client is answered at all lies within a minute.
pub const AROUND: u64 = 60 * SECOND;

/// Response codes (RFC 1035, section 4.1.1).
const NOERROR: u16 = 0;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const REFUSED: u16 = 5;

/// An answer, as the question's other resolvers must know of it.
#[derive(Debug, Clone)]
pub struct Reply {
    pub client: IpAddr,
    pub query: Domain,
    pub qtype: u16,
    pub good: bool,
    pub ns: u64,
    pub seq: u64,
}

impl Reply {
    pub fn add_to(&self, replies: &mut Times) {
        let key = replies.digest((self.client, &self.query, self.qtype, self.good));
        replies.add(key, self.ns, self.seq);
    }
}

/// Lookups that failed, by when what came after is known.
#[derive(Default)]
pub struct HeldLookups {
    waiting: BTreeMap<(u64, u64, u32), SeenLookup>,
    count: u32,
    bytes: u64,
}

impl HeldLookups {
    pub fn add(&mut self, mut seen: SeenLookup, until_ns: u64) {
        seen.release_ns = seen.release_ns.max(until_ns);
        self.bytes += seen.bytes();
        self.count = self.count.wrapping_add(1);
        self.waiting.insert((seen.release_ns, seen.seq, self.count), seen);
    }

    /// The next whose time has come by `now_ns`, or that must go since more than `most` bytes wait.
    pub fn next(&mut self, now_ns: u64, most: u64) -> Option<SeenLookup> {
        let first = self.waiting.first_entry()?;
        let hasty = first.key().0 >= now_ns;
        if hasty && self.bytes <= most {
            return None;
        }
        let seen = first.remove();
        self.bytes = self.bytes.saturating_sub(seen.bytes());
        Some(SeenLookup { hasty, ..seen })
    }

    /// At the end.
    pub fn take_all(&mut self) -> impl Iterator<Item = SeenLookup> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting).into_values()
    }
}

impl SeenLookup {
    /// Until when it has to be held before it can be judged.
    pub fn is_settled_at(&self) -> Option<u64> {
        let lookup = &self.lookup;
        if lookup.kind != DnsKind::Dns {
            return None;
        }
        match (lookup.rcode, lookup.asked_at, lookup.answered_at) {
            (None, Some(asked), _) => Some(asked.ns.saturating_add(AROUND)),
            (Some(SERVFAIL | NXDOMAIN | REFUSED), _, Some(answered)) => Some(answered.ns.saturating_add(REMEDY_AFTER)),
            _ => None,
        }
    }

    /// An answer that makes up for the failures of others.
    pub fn reply(&self) -> Option<Reply> {
        let lookup = &self.lookup;
        let answered = lookup.answered_at.filter(|_| lookup.kind == DnsKind::Dns)?;
        Some(Reply {
            client: self.key.end(lookup.asker).ip,
            query: lookup.query.clone(),
            qtype: lookup.qtype,
            good: lookup.rcode == Some(NOERROR),
            ns: answered.ns,
            seq: answered.seq,
        })
    }

    /// Nobody was seen to answer, but packets were dropped at this time, 0 for never.
    pub fn may_be_lost(&self, dropped_ns: u64) -> bool {
        let asked = self.lookup.asked_at.filter(|_| self.lookup.rcode.is_none());
        asked.is_some_and(|asked| dropped_ns >= asked.ns)
    }

    /// Whether a failure is to be held against anybody. `answers`: which clients were answered when; `replies`: which questions.
    pub fn is_failure(&self, now_ns: u64, answers: &Times, replies: &Times) -> bool {
        let lookup = &self.lookup;
        let client = self.key.end(lookup.asker).ip;
        let remedied = |at: u64, good: bool| {
            let (from, to) = (at.saturating_sub(REMEDY_BEFORE), at.saturating_add(REMEDY_AFTER));
            let key = replies.digest((client, &lookup.query, lookup.qtype, good));
            !replies.knows_since(from) || replies.any(key, from, to, None)
        };
        let with_suffix = |at: u64| {
            let (from, to) = (at.saturating_sub(REMEDY_BEFORE), at.saturating_add(REMEDY_AFTER));
            let answered = |name: Domain| {
                [true, false].into_iter().any(|good| {
                    let key = replies.digest((client, &name, lookup.qtype, good));
                    replies.any(key, from, to, None)
                })
            };
            before_a_suffix(&lookup.query).any(answered)
        };
        if let Some(at) = lookup.answered_at.or(lookup.asked_at)
            && lookup.kind == DnsKind::Dns
            && with_suffix(at.ns)
        {
            return false;
        }
        match (lookup.rcode, lookup.asked_at, lookup.answered_at) {
            (None, Some(asked), _) => {
                let (from, to) = (asked.ns.saturating_sub(AROUND), asked.ns.saturating_add(AROUND));
                // Multicast questions are often left without an answer, and nothing is wrong.
                lookup.kind == DnsKind::Dns
                    && !self.hasty
                    && now_ns.saturating_sub(asked.ns) >= FlowHot::SOON
                    && answers.any(answers.digest(client), from, to, None)
                    && !remedied(asked.ns, true)
                    && !remedied(asked.ns, false)
            }
            (Some(SERVFAIL | REFUSED), _, Some(answered)) if lookup.kind == DnsKind::Dns => {
                !self.hasty && !remedied(answered.ns, true)
            }
            (None, ..) => false,
            _ => true,
        }
    }

    fn bytes(&self) -> u64 {
        let text: usize = self
            .lookup
            .chain
            .iter()
            .map(|name| name.as_str().len() + size_of::<Domain>())
            .sum();
        let addresses = self.lookup.addresses.len() * size_of::<IpAddr>();
        (2 * size_of::<SeenLookup>() + text + addresses + self.lookup.query.as_str().len()) as u64
    }

    /// An answer to a question becomes a claim for each address that it may name.
    pub fn tell(self, history: &History, policy: &Policy) {
        let lookup = self.lookup;
        let Some(answered) = lookup.answered_at else { return };
        if !lookup.usable || lookup.naming.is_empty() || is_private_sinkhole(policy, &lookup) {
            return;
        }
        let client = self.key.end(lookup.asker).ip;
        let told = Arc::new(Told {
            name: lookup.query,
            chain: lookup.chain.into_boxed_slice(),
        });
        for address in lookup.naming {
            let claim = Claim {
                answered,
                client,
                told: told.clone(),
                ttl: lookup.ttl.unwrap_or_default(),
            };
            history.add(address, claim);
        }
    }
}

/// What a stub resolver was asked for, if it is what has put this name's end behind it: `app.example` of `app.example.corp.example`.
/// It tries the suffixes of its search list before or after the name itself, and that there is no such name is as it should be. A
/// first label alone may well be a host of the suffix.
fn before_a_suffix(name: &Domain) -> impl Iterator<Item = Domain> {
    let text = name.as_str();
    let dots = text.match_indices('.').map(|(at, _)| at).skip(1);
    dots.map(|at| Domain::from_text(text.get(..at).unwrap_or_default().as_bytes()))
}

/// A private address where the name's row lists public ones is a sinkhole too; only the policy knows.
fn is_private_sinkhole(policy: &Policy, lookup: &Lookup) -> bool {
    let private = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    lookup.naming.iter().any(private) && {
        let (_, flags) = policy.judge_name(&lookup.query, lookup.rcode, &lookup.addresses, &lookup.chain);
        flags.iter().any(|flag| flag.how == Some(Blockage::Sinkhole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::key::Side;
    use crate::flow::stamp::Stamp;
    use crate::wire::packet::{Family, protocol};

    const A: u16 = 1;

    /// A lookup of 198.19.0.10 at a second, and what was answered.
    fn seen(query: &str, rcode: u16, second: u64) -> SeenLookup {
        let number = |ip: [u8; 4]| u128::from(u32::from_be_bytes(ip));
        let ends = [(number([198, 19, 0, 10]), 50_000), (number([198, 18, 0, 2]), 53)];
        let (key, asker) = FlowKey::of(Family::V4, protocol::UDP, 0, ends[0], ends[1], true);
        let at = Stamp::new(0, second, second * SECOND);
        SeenLookup {
            lookup: lookup(query, rcode, asker, at),
            key,
            release_ns: at.ns,
            seq: second,
            hasty: false,
        }
    }

    fn lookup(query: &str, rcode: u16, asker: Side, at: Stamp) -> Lookup {
        Lookup {
            kind: DnsKind::Dns,
            asker,
            query: Domain::from_text(query.as_bytes()),
            qtype: A,
            rcode: Some(rcode),
            asked_at: Some(at),
            answered_at: Some(at),
            chain: Vec::new(),
            addresses: Vec::new(),
            naming: Vec::new(),
            ttl: None,
            ech: false,
            ech_cover: None,
            usable: true,
        }
    }

    /// Whether the first is a failure, with the others around it.
    fn fails(first: SeenLookup, others: &[SeenLookup]) -> bool {
        let (answers, mut replies) = (Times::new(AROUND, 99), Times::new(REMEDY_SLOT, 99));
        for other in others.iter().chain([&first]) {
            other.reply().expect("an answer").add_to(&mut replies);
        }
        first.is_failure(400 * SECOND, &answers, &replies)
    }

    #[test]
    fn a_suffix_of_the_search_list_is_no_failure() {
        let tried = || seen("app.other.example.corp.example", NXDOMAIN, 100);
        assert!(fails(tried(), &[]));
        for (rcode, second) in [(NOERROR, 112), (NXDOMAIN, 99)] {
            assert!(!fails(tried(), &[seen("app.other.example", rcode, second)]));
        }
        assert!(
            fails(tried(), &[seen("app.other.example", NOERROR, 130)]),
            "not of one question"
        );
        assert!(
            fails(tried(), &[seen("app", NXDOMAIN, 100)]),
            "`app` alone may be a host of the suffix"
        );
        assert!(
            fails(seen("app.other.example", NXDOMAIN, 100), &[tried()]),
            "the name itself"
        );
        assert_eq!(tried().is_settled_at(), Some(115 * SECOND));
    }

    #[test]
    fn an_answer_makes_up_for_a_refusal_even_if_its_question_was_not_captured() {
        let refused = || seen("app.example", REFUSED, 100);
        let mut answer = seen("app.example", NOERROR, 103);
        answer.lookup.asked_at = None;
        answer.lookup.usable = false;
        assert!(fails(refused(), &[]) && !fails(refused(), &[answer]));
    }
}
