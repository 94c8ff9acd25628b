//! Questions and answers of one DNS flow, matched into [`Lookup`]s.
//!
//! ```text
//!  question 0x1a2b  app.salestim.io A   ── waits ──┐
//!  answer   0x1a2b  app.salestim.io A   ───────────┴─▶ Lookup { asked, answered, chain, addresses }
//!  answer   0x9999  ...                 nobody asked ─▶ Lookup { usable: false }
//!  question 0x3c4d  ...                 never answered ─▶ Lookup { rcode: None }
//! ```
//!
//! An answer may name flows only if it was asked for: same id, name, type and class, from the other side than
//! the question, and from the server's port where that is known. Everything else is recorded and
//! names nothing. mDNS is the exception by design: there, hosts announce themselves unasked, so an
//! announcement counts for names below `local` and for nothing else.

use std::net::IpAddr;

use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::wire::dns::{DnsError, Message, OPCODE_QUERY};

mod announce;
mod answer;
mod questions;
mod stream;

use questions::{Questions, Waiting};

/// Questions of one flow that wait for an answer; with more, the oldest is given up.
const MAX_WAITING: usize = 64;
/// How long a question waits. Stub resolvers give up after 5 to 30 s; a later message with the same id is another question.
const PATIENCE_NS: u64 = 30_000_000_000;

/// How the names of a flow are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsKind {
    Dns,
    Mdns,
    Llmnr,
}

/// One question and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    pub kind: DnsKind,
    /// The client's side; for an mDNS announcement the side that it was sent to.
    pub asker: Side,
    /// None: nobody asked, as far as the capture shows.
    pub asked_at: Option<Stamp>,
    /// None: never answered.
    pub answered_at: Option<Stamp>,
    /// The name in the question, which is the name that counts; for an announcement, the record's owner.
    pub query: Domain,
    pub qtype: u16,
    /// With the upper bits of EDNS. None: never answered.
    pub rcode: Option<u16>,
    /// CNAME targets as they follow from the query, whatever their order in the packet.
    pub chain: Vec<Domain>,
    /// Addresses in the answer section: A, AAAA, hints of HTTPS and SVCB; each once, in the packet's order.
    pub addresses: Vec<IpAddr>,
    /// Those of them that may name flows: told to somebody who asked, for the query or a name of its chain.
    pub naming: Vec<IpAddr>,
    /// The smallest of the records on the way from the query to an address.
    pub ttl: Option<u32>,
    /// An HTTPS record offered keys to hide the name with.
    pub ech: bool,
    /// The public name in those keys: what the client will show instead of the query.
    pub ech_cover: Option<Domain>,
    /// Asked, and answered by the side that was asked (mDNS: announced from the right port).
    pub usable: bool,
}

impl Lookup {
    fn new(kind: DnsKind, asker: Side, query: Domain, qtype: u16) -> Lookup {
        Lookup {
            kind,
            asker,
            asked_at: None,
            answered_at: None,
            query,
            qtype,
            rcode: None,
            chain: Vec::new(),
            addresses: Vec::new(),
            naming: Vec::new(),
            ttl: None,
            ech: false,
            ech_cover: None,
            usable: false,
        }
    }
}

/// The questions of one flow, waiting for their answers.
#[derive(Debug)]
pub struct DnsProbe {
    kind: DnsKind,
    server: Option<Side>,
    waiting: Questions,
    /// What is left to throw away of a TCP message longer than [`DnsProbe::STREAM_WINDOW`]: from the lower side, from the higher.
    skip: [u16; 2],
}

impl DnsProbe {
    /// `server` is the side on the service's port (53, 5353, 5355), where exactly one side is.
    pub fn new(kind: DnsKind, server: Option<Side>) -> DnsProbe {
        DnsProbe {
            kind,
            server,
            waiting: Questions::default(),
            skip: [0; 2],
        }
    }

    /// One whole message, or, with `cut`, its first bytes. What is finished goes to `found`: also when the message is
    /// malformed, as far as it could be read.
    pub fn message(
        &mut self,
        side: Side,
        bytes: &[u8],
        cut: bool,
        at: Stamp,
        found: &mut Vec<Lookup>,
    ) -> Result<(), DnsError> {
        let message = match Message::parse(bytes) {
            Err(DnsError::HeaderCut) if cut => return Ok(()),
            message => message?,
        };
        if message.opcode() != OPCODE_QUERY {
            return Ok(());
        }
        match (self.kind, message.is_response()) {
            (DnsKind::Mdns, false) => Ok(()),
            (DnsKind::Mdns, true) => announce::read(&message, side.other(), self.may_answer(side), at, found),
            (_, false) => self.asked(&message, side, at, found),
            (_, true) => self.answered(&message, side, at, found),
        }
    }

    /// The flow has ended: what still waits was never answered.
    pub fn unanswered(self, found: &mut Vec<Lookup>) {
        let kind = self.kind;
        found.extend(self.waiting.all().map(|w| w.given_up(kind)));
    }

    /// Bytes held beyond the probe itself, for the caller's budget.
    pub fn bytes(&self) -> usize {
        self.waiting.bytes()
    }

    fn may_answer(&self, side: Side) -> bool {
        self.server.is_none_or(|server| server == side)
    }

    fn asked(
        &mut self,
        message: &Message<'_>,
        asker: Side,
        at: Stamp,
        found: &mut Vec<Lookup>,
    ) -> Result<(), DnsError> {
        self.give_up_before(at, found);
        let Some(question) = message.question()? else {
            return Ok(());
        };
        // The same question again is a retransmission: it has been waiting since the first time.
        if self.waiting.place_of(message.id, asker, &question).is_some() {
            return Ok(());
        }
        if self.waiting.len() >= MAX_WAITING
            && let Some(oldest) = self.waiting.take(0)
        {
            found.push(oldest.given_up(self.kind));
        }
        self.waiting.push(Waiting {
            id: message.id,
            qtype: question.kind,
            class: question.class,
            asker,
            asked_at: at,
            query: Domain::from_labels(question.name.labels()),
        });
        Ok(())
    }

    fn answered(
        &mut self,
        message: &Message<'_>,
        side: Side,
        at: Stamp,
        found: &mut Vec<Lookup>,
    ) -> Result<(), DnsError> {
        self.give_up_before(at, found);
        let asker = side.other();
        let question = message.question()?;
        let place = match &question {
            Some(question) => self.waiting.place_of(message.id, asker, question),
            // Some servers refuse without repeating the question: the id alone tells which it was.
            None => self.waiting.place_of_id(message.id, asker),
        };
        let waited = place.and_then(|place| self.waiting.take(place));
        let mut lookup = match (waited, &question) {
            // What was asked is what the answer repeats, so the name is taken from the question that waited.
            (Some(waited), _) => waited.given_up(self.kind),
            (None, Some(question)) => {
                let query = Domain::from_labels(question.name.labels());
                Lookup::new(self.kind, asker, query, question.kind)
            }
            (None, None) => return Ok(()),
        };
        lookup.answered_at = Some(at);
        lookup.usable = lookup.asked_at.is_some() && self.may_answer(side);
        let read = answer::read(message, question.map(|q| q.name), &mut lookup);
        found.push(lookup);
        read
    }

    /// Gives up the questions that have waited too long at `now`.
    fn give_up_before(&mut self, now: Stamp, found: &mut Vec<Lookup>) {
        while let Some(late) = self.waiting.take_asked_before(now.ns.saturating_sub(PATIENCE_NS)) {
            found.push(late.given_up(self.kind));
        }
    }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::*;
    use super::*;
    use crate::wire::dns::kind;

    fn dns(messages: &[(Side, Vec<u8>)]) -> Vec<Lookup> {
        found(DnsKind::Dns, Some(SERVER), messages)
    }

    fn told(id: u16, query: &str) -> Vec<u8> {
        answer(id, query, kind::A, &[address("a.x", "198.18.1.1")])
    }

    #[test]
    fn a_question_and_its_answer_are_one_lookup() {
        let all = dns(&[(CLIENT, question(7, "A.x", kind::A)), (SERVER, told(7, "a.X"))]);
        let [lookup] = &all[..] else { panic!("{all:?}") };
        assert_eq!((lookup.asked_at, lookup.answered_at), (Some(at(1)), Some(at(2))));
        assert_eq!((lookup.asker, lookup.rcode, lookup.usable), (CLIENT, Some(0), true));
        assert_eq!(texts(&lookup.naming), ["198.18.1.1"]);
    }

    #[test]
    fn what_nobody_asked_for_is_recorded_and_names_nothing() {
        for messages in [
            vec![(SERVER, told(7, "a.x"))],
            vec![(CLIENT, question(8, "a.x", kind::A)), (SERVER, told(7, "a.x"))],
            vec![(CLIENT, question(7, "b.x", kind::A)), (SERVER, told(7, "a.x"))],
            vec![(CLIENT, question(7, "a.x", kind::AAAA)), (SERVER, told(7, "a.x"))],
            // From the side that asked; and from the side that is not on the service's port.
            vec![(SERVER, question(7, "a.x", kind::A)), (SERVER, told(7, "a.x"))],
            vec![(SERVER, question(7, "a.x", kind::A)), (CLIENT, told(7, "a.x"))],
        ] {
            let all = dns(&messages);
            let lookup = all.iter().find(|l| l.answered_at.is_some()).unwrap();
            assert!(!lookup.usable && lookup.naming.is_empty(), "{messages:?}");
            assert_eq!(texts(&lookup.addresses), ["198.18.1.1"]);
        }
    }

    #[test]
    fn a_second_answer_names_nothing_and_a_repeated_question_keeps_its_time() {
        let all = dns(&[
            (CLIENT, question(7, "a.x", kind::A)),
            (CLIENT, question(7, "a.x", kind::A)),
            (SERVER, told(7, "a.x")),
            (SERVER, told(7, "a.x")),
        ]);
        let shown: Vec<_> = all.iter().map(|l| (l.asked_at, l.usable)).collect();
        assert_eq!(shown, [(Some(at(1)), true), (None, false)]);
    }

    #[test]
    fn silence_is_recorded() {
        let mut messages = vec![(CLIENT, question(7, "a.x", kind::A))];
        let silent = dns(&messages);
        assert_eq!((silent[0].rcode, silent[0].answered_at), (None, None));
        assert_eq!(silent[0].asked_at, Some(at(1)));
        // An answer half a minute later answers nobody.
        let mut probe = DnsProbe::new(DnsKind::Dns, None);
        let mut found = Vec::new();
        probe.message(CLIENT, &messages[0].1, false, at(1), &mut found).unwrap();
        probe
            .message(SERVER, &told(7, "a.x"), false, at(32), &mut found)
            .unwrap();
        assert_eq!((found.len(), found[0].rcode, found[1].usable), (2, None, false));
        // With too many waiting, the oldest is given up.
        messages.extend((0..MAX_WAITING as u16).map(|i| (CLIENT, question(100 + i, "b.x", kind::A))));
        let mut probe = DnsProbe::new(DnsKind::Dns, None);
        found.clear();
        for (side, bytes) in &messages {
            probe.message(*side, bytes, false, at(1), &mut found).unwrap();
        }
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].query.as_str(), "a.x");
        assert!(probe.bytes() >= MAX_WAITING * size_of::<Waiting>());
    }

    #[test]
    fn a_refusal_without_the_question_is_told_by_its_id() {
        let refused = message(7, 0x8185, None, &[]);
        let all = dns(&[(CLIENT, question(7, "a.x", kind::A)), (SERVER, refused.clone())]);
        assert_eq!((all.len(), all[0].rcode), (1, Some(5)));
        assert_eq!(all[0].query.as_str(), "a.x");
        assert!(dns(&[(SERVER, refused)]).is_empty());
    }

    #[test]
    fn other_opcodes_and_broken_headers_are_left_alone() {
        let mut update = question(7, "a.x", 6);
        update[2] |= 5 << 3;
        assert!(dns(&[(CLIENT, update)]).is_empty());
        let mut probe = DnsProbe::new(DnsKind::Dns, None);
        let mut read = |bytes: &[u8], cut| probe.message(CLIENT, bytes, cut, at(1), &mut Vec::new());
        assert_eq!(read(&[0; 5], false), Err(DnsError::HeaderCut));
        assert_eq!(read(&[0; 5], true), Ok(()));
        let looped = bytes("0007 0100 0001 0000 0000 0000 c00c 0001 0001");
        assert_eq!(read(&looped, false), Err(DnsError::PointerForward));
    }

    proptest! {
        /// Any bytes, and any change to a real message: no panic, and everything stays bounded.
        #[test]
        fn hostile_bytes_are_survived(
            noise in proptest::collection::vec(any::<u8>(), 0..600),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            kind in prop_oneof![Just(DnsKind::Dns), Just(DnsKind::Mdns), Just(DnsKind::Llmnr)],
        ) {
            let mut real = answer(7, "a.x", kind::A, &[alias("a.x", "b.x"), address("b.x", "198.18.1.1")]);
            for (place, value) in changes {
                let place = place.index(real.len());
                real[place] = value;
            }
            let mut probe = DnsProbe::new(kind, None);
            let mut found = Vec::new();
            for bytes in [&noise, &real] {
                for side in [CLIENT, SERVER] {
                    let _ = probe.message(side, bytes, false, at(1), &mut found);
                    let used = probe.stream(side, bytes, at(1), &mut found);
                    prop_assert!(used <= bytes.len());
                }
                let _ = crate::wire::dns::looks_like_dns(bytes);
            }
            for lookup in &found {
                prop_assert!(lookup.naming.iter().all(|a| lookup.addresses.contains(a)));
            }
        }
    }
}
