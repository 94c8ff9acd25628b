//! A question and its answer on their way to the name history.

use std::net::IpAddr;
use std::sync::Arc;

use crate::evidence::dns_answers::Lookup;
use crate::flow::key::FlowKey;
use crate::names::history::{Claim, History, Told};
use crate::policy::compile::Policy;

/// A question or answer seen in a flow.
#[derive(Clone)]
pub struct SeenLookup {
    pub lookup: Lookup,
    pub key: FlowKey,
    pub release_ns: u64,
    /// Of the message that it was read from, or of the question never answered.
    pub seq: u64,
}

impl SeenLookup {
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

/// A private address where the name's row lists public ones is a sinkhole too; only the policy knows.
fn is_private_sinkhole(policy: &Policy, lookup: &Lookup) -> bool {
    let private = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    lookup.naming.iter().any(private) && {
        let (_, flags) = policy.judge_name(&lookup.query, lookup.rcode, &lookup.addresses, &lookup.chain);
        flags.iter().any(|flag| flag.how == Some("sinkhole"))
    }
}
