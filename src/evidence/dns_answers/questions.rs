//! Questions that wait for their answers.
//!
//! Nearly every flow asks once, or twice at a time: the first question stands in the probe itself, and only more of them need room
//! elsewhere.

use super::{DnsKind, Lookup};
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::names::domain::Domain;
use crate::wire::dns::Question;

/// The questions of one flow, oldest first.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// None: there is none at all.
    oldest: Option<Waiting>,
    later: Vec<Waiting>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub id: u16,
    pub qtype: u16,
    pub class: u16,
    pub asker: Side,
    pub asked_at: Stamp,
    pub query: Domain,
}

impl Waiting {
    pub fn given_up(self, kind: DnsKind) -> Lookup {
        Lookup {
            asked_at: Some(self.asked_at),
            ..Lookup::new(kind, self.asker, self.query, self.qtype)
        }
    }
}

impl Questions {
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    pub fn push(&mut self, question: Waiting) {
        match &self.oldest {
            None => self.oldest = Some(question),
            Some(_) => self.later.push(question),
        }
    }

    /// Where a question stands that is the same in everything that an answer repeats.
    pub fn place_of(&self, id: u16, asker: Side, question: &Question<'_>) -> Option<usize> {
        self.iter().position(|w| {
            (w.id, w.asker) == (id, asker)
                && (w.qtype, w.class) == (question.kind, question.class)
                && w.query.is_of_labels(question.name.labels())
        })
    }

    /// Where the oldest question of this id stands.
    pub fn place_of_id(&self, id: u16, asker: Side) -> Option<usize> {
        self.iter().position(|w| (w.id, w.asker) == (id, asker))
    }

    /// Takes the question at `place` out; those behind it move up.
    pub fn take(&mut self, place: usize) -> Option<Waiting> {
        match place.checked_sub(1) {
            None => {
                let next = (!self.later.is_empty()).then(|| self.later.remove(0));
                std::mem::replace(&mut self.oldest, next)
            }
            Some(later) => (later < self.later.len()).then(|| self.later.remove(later)),
        }
    }

    /// Takes the oldest question out that was asked before `ns`; stamps need not follow the order of asking.
    pub fn take_asked_before(&mut self, ns: u64) -> Option<Waiting> {
        let place = self.iter().position(|w| w.asked_at.ns < ns)?;
        self.take(place)
    }

    pub fn all(self) -> impl Iterator<Item = Waiting> {
        self.oldest.into_iter().chain(self.later)
    }

    /// Bytes held beyond the list itself.
    pub fn bytes(&self) -> usize {
        let names: usize = self.iter().map(|w| w.query.as_str().len()).sum();
        names + self.later.capacity() * size_of::<Waiting>()
    }

    fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.oldest.iter().chain(&self.later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_behind_move_up_in_their_order() {
        let ids = |questions: &Questions| questions.iter().map(|w| w.id).collect::<Vec<_>>();
        let mut questions = Questions::default();
        assert!(questions.take(0).is_none() && questions.len() == 0);
        for id in 0..5 {
            questions.push(Waiting {
                id,
                qtype: 1,
                class: 1,
                asker: Side::Lo,
                asked_at: Stamp::new(0, 1, u64::from(id % 2)),
                query: Domain::from_text(b"a.x"),
            });
        }
        assert_eq!(questions.place_of_id(3, Side::Lo), Some(3));
        assert_eq!(questions.place_of_id(3, Side::Hi), None);
        let mut take = |place| (questions.take(place).map(|w| w.id), ids(&questions));
        assert_eq!(take(3), (Some(3), vec![0, 1, 2, 4]));
        assert_eq!(take(0), (Some(0), vec![1, 2, 4]));
        assert_eq!(take(3), (None, vec![1, 2, 4]));
        let late: Vec<u16> = std::iter::from_fn(|| questions.take_asked_before(1))
            .map(|w| w.id)
            .collect();
        assert_eq!((late, ids(&questions)), (vec![2, 4], vec![1]));
        assert_eq!(questions.bytes(), 3 + questions.later.capacity() * size_of::<Waiting>());
    }
}
