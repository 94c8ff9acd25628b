//! Answers remembered by what they were made from.
//!
//! Servers show the same certificate in every connection, and clients say the same lists in every hello; to read or digest
//! them again costs a hundred times what it costs to see that they are the same.
//!
//! ```text
//! key ── length and end of it, mixed ──▶ set  | key, answer | key, answer |      the newest first
//! ```
//!
//! The mixed number only says where to look. What is found there counts if the whole key is the same, byte by byte: nobody can have
//! one thing shown as another by making two that mix alike. He can only push others out, and then they are read again.

/// Where to look; two places each, so that two keys of one set do not push each other out in turn.
const SETS: usize = 256;
/// How much of a key's end is mixed. A certificate ends in its signature, the lists of a hello are shorter.
const MIXED: usize = 32;

/// A bounded memory of answers of type `T` to keys of elements `E`.
pub struct Memo<E, T> {
    /// Longer keys are not remembered.
    longest: usize,
    sets: Vec<[Option<Known<E, T>>; 2]>,
}

struct Known<E, T> {
    key: Box<[E]>,
    answer: T,
}

impl<E: Copy + Eq + Into<u64>, T: Clone> Memo<E, T> {
    /// A memory for keys of `longest` elements at most.
    pub const fn new(longest: usize) -> Memo<E, T> {
        Memo {
            longest,
            sets: Vec::new(),
        }
    }

    /// What `make` says of `key`, or said when it was asked last.
    pub fn answer(&mut self, key: &[E], make: impl FnOnce(&[E]) -> T) -> T {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, || [None, None]);
        }
        let set = self.sets.get_mut(place_of(key));
        let Some([newest, older]) = set.filter(|_| key.len() <= self.longest) else {
            return make(key);
        };
        if let Some(known) = newest.as_ref().filter(|known| *known.key == *key) {
            return known.answer.clone();
        }
        std::mem::swap(newest, older);
        if let Some(known) = newest.as_ref().filter(|known| *known.key == *key) {
            return known.answer.clone();
        }
        let answer = make(key);
        *newest = Some(Known {
            key: key.into(),
            answer: answer.clone(),
        });
        answer
    }
}

fn place_of<E: Copy + Into<u64>>(key: &[E]) -> usize {
    let mix = |h: u64, element: &E| {
        (h ^ (*element).into())
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    };
    let (_, end) = key.split_at(key.len().saturating_sub(MIXED));
    end.iter().fold(key.len() as u64, mix) as usize % SETS
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn an_answer_is_made_once_and_never_given_to_another_key() {
        let mut memo = Memo::<u8, usize>::new(100);
        let made = Cell::new(0);
        let mut ask = |key: &[u8]| {
            memo.answer(key, |key| {
                made.set(made.get() + 1);
                key.iter().map(|b| usize::from(*b)).sum()
            })
        };
        assert_eq!((ask(&[1, 2]), ask(&[1, 2]), ask(&[])), (3, 3, 0));
        assert_eq!(made.get(), 2);
        // Keys that differ before the end that is mixed share a set, and are told apart all the same.
        let long = |first: u8| [&[first][..], &[0; MIXED]].concat();
        for _ in 0..2 {
            assert_eq!((ask(&long(5)), ask(&long(6))), (5, 6));
        }
        assert_eq!(made.get(), 4);
        assert_eq!((ask(&long(7)), ask(&long(5)), ask(&long(6))), (7, 5, 6));
    }

    #[test]
    fn it_is_bounded() {
        let mut memo = Memo::<u8, usize>::new(100);
        assert_eq!(memo.answer(&[7; 101], <[u8]>::len), 101);
        assert_eq!(memo.answer(&[7; 101], |_| 1), 1, "not remembered");
        for i in 0..10_000u16 {
            memo.answer(&i.to_be_bytes(), <[u8]>::len);
        }
        assert!(memo.sets.len() == SETS && memo.sets.iter().flatten().flatten().count() <= 2 * SETS);
    }
}
