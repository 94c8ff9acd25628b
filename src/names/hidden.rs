//! Clients whose questions cannot be seen, since they ask a resolver over an encrypted connection.
//!
//! What such a client was told before may no longer be what it goes by: it may have asked again, for another name of the
//! same address, and nobody could read it. So from its first encrypted connection to a resolver on, its flows are
//! named only by what it has itself been told in the clear *since*:
//!
//! ```text
//!    told in the clear     first encrypted     told in the clear      a flow
//! ----------- A -------------------|-------------------- B ---------------|------▶
//!           stale                                       counts
//! ```
//!
//! Others' answers, which name a flow where its own client was never told anything, do not name those of a client that hides:
//! it was told something, only not before our eyes. Stamps alone decide, so the answer is the same however the input was cut;
//! what is not known yet when a flow's row is made does not count.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::history::Recalled;
use crate::flow::stamp::Stamp;

/// Clients that are remembered; more are somebody's game, and the first ones stay.
const MOST: usize = 16_384;

/// Since when each client has been asking where nobody can see it.
#[derive(Debug, Default)]
pub struct HiddenClients {
    since: BTreeMap<IpAddr, Stamp>,
}

impl HiddenClients {
    /// A connection of `client` to an encrypted resolver began at `begin`.
    pub fn add(&mut self, client: IpAddr, begin: Stamp) {
        if let Some(since) = self.since.get_mut(&client) {
            *since = begin.min(*since);
        } else if self.since.len() < MOST {
            self.since.insert(client, begin);
        }
    }

    /// Since when `client` has been hiding its questions, if that was before `begin`.
    pub fn since(&self, client: IpAddr, begin: Stamp) -> Option<Stamp> {
        self.since.get(&client).copied().filter(|since| *since < begin)
    }
}

/// Whether an answer still counts for a flow of a client that has been hiding since then.
pub fn is_fresh(answer: &Recalled, since: Stamp) -> bool {
    answer.own && answer.answered > since
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::names::domain::Domain;
    use crate::names::history::Told;

    fn at(frame: u64) -> Stamp {
        Stamp::new(0, frame, frame)
    }

    #[test]
    fn a_client_hides_from_its_first_encrypted_connection_on() {
        let mut hidden = HiddenClients::default();
        let client: IpAddr = "198.19.0.10".parse().unwrap();
        hidden.add(client, at(7));
        hidden.add(client, at(5));
        hidden.add(client, at(9));
        assert_eq!(hidden.since(client, at(6)), Some(at(5)));
        assert_eq!(hidden.since(client, at(5)), None, "the connection itself");
        assert_eq!(hidden.since("198.19.0.11".parse().unwrap(), at(9)), None);
    }

    #[test]
    fn only_its_own_later_answers_count() {
        let answer = |own, frame| Recalled {
            across: false,
            told: Arc::new(Told {
                name: Domain::from_text(b"a.example"),
                chain: Box::default(),
            }),
            own,
            answered: at(frame),
        };
        assert!(is_fresh(&answer(true, 6), at(5)));
        assert!(!is_fresh(&answer(true, 4), at(5)));
        assert!(!is_fresh(&answer(false, 6), at(5)));
    }

    #[test]
    fn the_number_of_clients_is_bounded() {
        let mut hidden = HiddenClients::default();
        for n in 0..MOST as u32 + 5 {
            hidden.add(IpAddr::from(n.to_be_bytes()), at(1));
        }
        assert_eq!(hidden.since.len(), MOST);
        assert!(hidden.since(IpAddr::from([0, 0, 0, 0]), at(2)).is_some());
    }
}
